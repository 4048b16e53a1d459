"""The slides of lecture.md, as lecture.pdf: for each row of its table the question, the equations and a picture.

Look for: the questions are those of lecture.md, whose text says what to ask and which answers to expect.
Then change: SLIDES, for other equations or pictures in the same order.

    python tutorials/slides.py          # writes runs/lecture.pdf, in half a minute
"""
import re
from pathlib import Path

import diagrams
import section_2_surrogate
import section_3_monotonic_improvement
import section_4_trust_region
import section_7_prior_work
import uphill
from aggregate import read_returns
from common import METHODS, STYLE, ink, tutorial_parser
from experiment import all_runs, draw_sweep, final_return, keep_best_steps, read_runs
from section_8_locomotion import methods

import numpy as np
from scipy.special import expit, logit

from trpo_numpy.conjugate_gradient import conjugate_gradient
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.line_search import step_length
from trpo_numpy.practice.learning_curve import read_progress

HERE = Path(__file__).parent
OLD, KL = r"_{\theta_\mathrm{old}}", r"\overline{D}_\mathrm{KL}(\theta_\mathrm{old}, \theta)"


def fixed_steps(figure, place):
    """The KLs of policy gradient's fixed step along a run."""
    axes, numbers = figure.add_axes(place), section_7_prior_work.compute()
    numbers["kls"] = {"policy gradient": numbers["kls"]["policy gradient"]}
    section_7_prior_work.draw_steps(axes, numbers)
    axes.set_title("the KL of a step $g$, in each iteration")


def surrogate(figure, place):
    """L and eta, which part, and the rooms above them."""
    left, bottom, width, height = place
    section_2_surrogate.draw_rooms(figure.add_axes((left, bottom + 0.72 * height, width, 0.36 * height)))
    section_2_surrogate.draw(figure.add_axes((left, bottom, width, 0.58 * height)), section_2_surrogate.compute())


def coupling(figure, place):
    """Two policies drawn together, in the lower part of the slide."""
    bottom, height = 0.15, 0.33
    rows = figure.add_gridspec(3, 1, height_ratios=[1 - bottom - height, height + 0.08, bottom - 0.08])
    below = figure.add_subfigure(rows[1])
    diagrams.draw_coupling(below, size=16)
    below.suptitle("")
    below.texts[0].set(x=0.04, y=0.92)


def minorizer(figure, place):
    """M_0 and eta along the first step of Algorithm 1."""
    section_3_monotonic_improvement.draw_minorizer(figure.add_axes(place),
                                                   section_3_monotonic_improvement.compute(0, 300))


def returns(figure, place):
    """eta by iteration, of Algorithm 1 and of a bound on the mean KL."""
    numbers = section_3_monotonic_improvement.compute(0, 300)
    axes = figure.add_axes(place)
    section_3_monotonic_improvement.draw_returns(axes, numbers)
    axes.set_title(r"$\eta$ never falls, but rises slowly")


def last_of_uphill(figure, place):
    """The last moment of uphill.gif, without natural gradient."""
    numbers = uphill.compute()
    del numbers["thetas"]["natural gradient"]                               # it comes later
    left, bottom, width, height = place
    axes = (figure.add_axes((left, bottom, 0.45 * width, height)),
            figure.add_axes((left + 0.55 * width, bottom, 0.3 * width, height)))
    uphill.draw_hill(axes, numbers)
    axes[0].set_title("")
    for method, height in [("TRPO", 0.16), ("Algorithm 1", 0.02)]:
        axes[1].text(20.5, height - 0.01, method, color=ink(method), fontweight="bold", va="center")
    edges = [np.array(uphill.region(numbers, theta)) for theta in numbers["thetas"]["TRPO"]]
    for i in range(len(edges)):
        uphill.draw_moment(axes, numbers, edges, i, 0 if i < 9 else 1e-9)   # at the top regions would hide each other
    axes[0].annotate("Algorithm 1", numbers["thetas"]["Algorithm 1"][0], (14, -6), textcoords="offset points",
                     fontweight="bold", color=ink("Algorithm 1"))


def two_actions(figure, place):
    """L by the logit of the first action, for the two samples of the slide, and its line at theta_old."""
    axes, theta = figure.add_axes(place), np.linspace(-3, 3, 61)
    p = expit(theta)
    L = 0.5 * (p / 0.5 * 1 + (1 - p) / 0.5 * 3)
    axes.plot(theta, L, color=METHODS["TRPO"]["color"], linewidth=4)
    axes.plot(theta, 2 - 0.5 * theta, "k:", linewidth=3)
    for x, y, text in [(0, 2, r"$\theta_\mathrm{old}$: 0.5 and 0.5, $L = 2$"),
                       (logit(0.8), 1.4, "0.8 and 0.2, $L = 1.4$")]:
        axes.plot(x, y, "ko", markersize=12)
        axes.annotate(text, (x, y), (12, 8), textcoords="offset points")
    axes.text(-2.3, 3.2, r"slope $g = -\frac{1}{2}$")
    axes.set(xlabel=r"$\theta$: the logit of the action with $Q = 1$", ylabel="$L$", xlim=(-3, 3))


def learning_curves(figure, place):
    """The training returns of five runs on Pendulum-v1."""
    axes = figure.add_axes((0.7, 0.36, 0.27, 0.44))
    for seed in range(5):
        columns = read_progress(HERE / "results" / f"Pendulum-v1-seed{seed}-1")
        axes.plot(columns["timesteps"] / 1000, columns["mean_return"], color=METHODS["TRPO"]["color"], linestyle="-",
                  linewidth=2)
    axes.set(xlabel="thousand steps", ylabel="mean return", title="Pendulum-v1, five seeds")


def clipped(figure, place):
    """What PPO maximizes, of one sample, by its ratio: for an advantage of 1 and of -1."""
    left, bottom, width, height = place
    w = np.linspace(0.5, 1.5, 101)
    for x, A in [(left, 1), (left + 0.5 * width, -1)]:
        axes = figure.add_axes((x, bottom, 0.4 * width, height))
        axes.plot(w, w * A, "k:", linewidth=3)
        axes.plot(w, np.minimum(w * A, np.clip(w, 0.8, 1.2) * A), color=METHODS["TRPO"]["color"], linewidth=4)
        axes.set(xlabel="ratio $w$", ylabel="maximized", title=f"$A$ = {A}: flat " + ("above 1.2", "below 0.8")[A < 0],
                 xticks=[0.5, 0.8, 1, 1.2, 1.5])


def step(figure, place):
    """g, s and the region of Eq. (12) for the two states of section_4_trust_region and a uniform policy."""
    at = section_4_trust_region.exact_problem(section_4_trust_region.two_state_mdp(), np.zeros(2))
    s, _ = conjugate_gradient(at.A, at.g, iterations=2)
    axes, x = figure.add_axes(place), np.linspace(-1.35, 1.35, 81)
    kl = [[at.L_and_kl(np.array([x_i, y_i]))[1] for x_i in x] for y_i in x]
    axes.contourf(x, x, kl, levels=[0, 0.05], colors=METHODS["TRPO"]["color"], alpha=0.25)
    beta = step_length(s @ at.A(s), delta=0.05)
    to_edge = step_length(at.g @ at.A(at.g), delta=0.05) * at.g                 # along g, as far as the models allow
    axes.axline(beta * s, beta * s + np.array([-at.g[1], at.g[0]]), color="gray", linestyle=":", linewidth=3)
    axes.text(1.08, -0.6, "$g^T d$ is equal\non this line", color="gray", ha="left")
    for name, v, method in [("along $g$", to_edge, "policy gradient"), (r"$\beta s$", beta * s, "TRPO")]:
        axes.annotate("", v, (0, 0), arrowprops={"color": METHODS[method]["color"], "width": 5})
        axes.text(*(1.05 * v), name, color=METHODS[method]["color"], fontsize=26, va="center")
    axes.set(xlabel="$d_0$: the state that is visited more", ylabel="$d_1$: the other", aspect="equal",
             xlim=(-1.35, 1.9),
             title=r"region: mean KL $\leq \delta$; $g^T d$ is largest at $\beta s$")


def conjugate_directions(figure, place):
    """Two steps of conjugate gradient on the matrix of the board."""
    A, g = np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([3.0, 0.0])
    path = np.array([conjugate_gradient(lambda y: A @ y, g, k)[0] for k in (0, 1, 2)])
    axes, x, y = figure.add_axes(place), np.linspace(-0.5, 3.5, 81), np.linspace(-2.2, 0.8, 81)
    phi = [[0.5 * z @ A @ z - g @ z for z in np.stack([x, np.full(81, y_i)], axis=1)] for y_i in y]
    axes.contour(x, y, phi, levels=np.arange(-3, 4, 0.5) + 0.01, colors="0.7", linewidths=1.5,
                 linestyles="solid")
    axes.plot(*path.T, "o-", color=METHODS["TRPO"]["color"], linewidth=4, markersize=12)
    for point in path:
        axes.annotate("({:g}, {:g})".format(*point), point, (10, 8), textcoords="offset points")
    for text, at in [("$p = g$", (0.6, -0.3)), ("conjugate to it", (1.95, -0.35))]:
        axes.text(*at, text, color=METHODS["TRPO"]["color"], fontweight="bold")
    axes.set(aspect="equal", xlabel="$x_1$", ylabel="$x_2$", title=r"contours of $\frac{1}{2}x^TAx - g^Tx$")


def kl_and_parabola(figure, place):
    """The KL of two Gaussians as mean and log-std move along a line: value 0, slope 0, and its parabola."""
    d, family = np.linspace(-1.5, 1.5, 61), Gaussian(1)
    old, new = np.zeros((61, 2)), np.stack([0.8 * d, -0.3 * d], axis=1)
    axes = figure.add_axes(place)
    axes.plot(d, family.kl(old, new), color=METHODS["TRPO"]["color"], linewidth=4, label="KL")
    axes.plot(d, 0.5 * (new * family.M_product(old, new)).sum(axis=1), "k:", linewidth=4, label="its parabola")
    axes.set(xlabel=r"$t$: the mean moves by $0.8t$, $\log\sigma$ by $-0.3t$", ylabel="KL (nats)",
             title="at 0: value 0, slope 0, curvature not 0")
    axes.legend()


def walker(figure, place):
    """The walker: fixed steps and TRPO on raw advantages; TRPO and the fixed step 1 on standardized ones."""
    task, timesteps = "Walker2d-v5", 300_000
    runs = all_runs(methods(task, timesteps), range(5))
    curves, sweeps = keep_best_steps(read_runs(runs, HERE / "results" / f"section_8_locomotion_{task}"), timesteps)
    raw, standardized = figure.add_axes((0.47, 0.2, 0.25, 0.5)), figure.add_axes((0.78, 0.2, 0.19, 0.5))
    draw_sweep(raw, {"natural gradient": sweeps["natural gradient"]})
    table = HERE / "results" / "section_8_standardized.csv"
    final = [final_return(columns, timesteps) for columns in curves["single path"].values()]
    for axes, x, text, returns, method in [
            (raw, 8, "TRPO", final, "single path"),
            (standardized, 0, "TRPO", read_returns(table, {task: timesteps}, "TRPO")[task], "single path"),
            (standardized, 1, "step 1", read_returns(table, {task: timesteps}, "step 1")[task], "natural gradient")]:
        color = METHODS[method]["color"]
        axes.plot([x] * len(returns), returns, ".", color=color, markersize=14, alpha=0.6)
        axes.text(x, 4750, text, ha="center", color=color, fontweight="bold")
    for axes, title in [(raw, "raw advantages, five seeds:\ntraining returns"),
                        (standardized, "standardized, ten\nseeds: without noise")]:
        axes.axhline(1000, color="gray", linestyle=":", linewidth=3)
        axes.set(ylim=(0, 5200), title=title)
    raw.set(ylabel="final return", xlim=(0.007, 20), xticks=[0.01, 0.1, 1, 8],
            xticklabels=["0.01", "0.1", "1", r"by $\delta$"])
    raw.text(0.008, 1080, "standing still", color="gray")
    standardized.set(xticks=[], xlim=(-0.6, 1.6))


# The row of the table, the lines on the wall, what is under them or beside them, and what the letters mean. It is a
# picture of results/, or a function that draws one at a place of the figure; "code" is the update on one slide
SLIDES = [
    (0, ["Schulman, Levine, Moritz, Jordan, Abbeel, ICML 2015", "",
         r"1.  What do the old policy's data say of a new one?   $L$, (3)",
         r"2.  How far can this be trusted?   Theorem 1, (8)",
         r"3.  How far to go?   $\overline{D}_\mathrm{KL} \leq \delta$, (12)", "",
         r"4.  One update:   $A s = g, \quad \beta = \sqrt{2\delta / s^T A s}, \quad$ a line search"], None,
     "(3): an equation of the paper, arXiv 1502.05477;  at the lower right: steps of tutorials/companion.md"),
    (0, [r"$\theta \leftarrow \theta + c\, g$", "", "The same factor, $c = 1$,",
         "in each iteration:", "its KL is from 0.008", "to 2.3 nats"], fixed_steps,
     r"the direction of (18), a fixed step; $g$: gradient of $L$, with standardized advantages"),
    (1, [r"$\eta(\tilde\pi) = \eta(\pi) + \Sigma_s \rho_{\tilde\pi}(s) \Sigma_a \tilde\pi(a|s)\, A_\pi(s, a)$   (2)",
         r"$L_\pi(\tilde\pi) = \eta(\pi) + \Sigma_s \rho_{\pi}(s) \Sigma_a \tilde\pi(a|s)\, A_\pi(s, a)$   (3)"],
     surrogate, r"$\eta$: expected return, $\rho$: discounted visits, $A_\pi$: advantage, $\tilde\pi$: the new policy"),
    (2, [r"$\eta(\tilde\pi) \geq L_\pi(\tilde\pi) - \frac{4\epsilon\gamma}{(1-\gamma)^2}\, \alpha^2$   (8)",
         r"$|\bar{A}(s)| = |\mathrm{E}[A_\pi(s, \tilde a) - A_\pi(s, a)]| \leq \alpha \cdot 2\epsilon$      "
         r"as $\mathrm{E}[A_\pi(s, a)] = 0$",
         r"$|\mathrm{E}_{\tilde\pi}\bar{A}(s_t) - \mathrm{E}_\pi\bar{A}(s_t)| \leq "
         r"t\alpha \cdot 2 \cdot 2\alpha\epsilon$      as $P(\mathrm{differed\ before}\ t) \leq t\alpha$",
         r"$|\eta - L| \leq \Sigma_t \gamma^t\, 4\alpha^2\epsilon\, t = "
         r"\frac{4\alpha^2\gamma\epsilon}{(1-\gamma)^2}$      "
         r"(2) minus (3); $\Sigma_t\, t\gamma^t = \gamma/(1-\gamma)^2$"],
     coupling, r"$\bar{A}(s) = \Sigma_a \tilde\pi(a|s) A_\pi(s, a)$;  $\epsilon = \max|A_\pi|$;  "
     r"$\alpha$: largest total variation"),
    (2, [r"$\eta \geq M_0 = L - C\, D_\mathrm{KL}^{\max}$   (9), as $\alpha^2 \leq D_\mathrm{KL}^{\max}$;   "
         r"$\pi_1$ maximizes $M_0$",
         r"$\eta(\pi_1) \geq M_0(\pi_1) \geq M_0(\pi_0) = \eta(\pi_0)$   (10)"], minorizer,
     r"$C = 4\epsilon\gamma/(1-\gamma)^2$; a random MDP with five states and three actions"),
    (2, ["The same MDP.", "", "Half-way to the", "optimum after 40", "iterations; with a bound",
         "on the mean KL after 6"], returns, ""),
    (3, [r"$\mathrm{maximize}\ \ L" + OLD + rf"(\theta) \ \ \mathrm{{subject\ to}}\ \ {KL} \leq \delta$   (12)"],
     last_of_uphill, r"two logits; contours of $\eta$; regions: mean KL $\leq \delta = 0.01$; "
     "+ and dotted line: the optimum"),
    (4, [r"$L(\theta) = \frac{1}{N}\,\Sigma_n\, \frac{\pi_\theta(a_n|s_n)}{q(a_n|s_n)}\, Q_n$   (14)",
         r"two actions, Q 1 and 3:   $\frac{1}{2}\left(\frac{0.8}{0.5}\cdot1 + \frac{0.2}{0.5}\cdot3\right) = 1.4$",
         r"$g = \frac{1}{N}\,\Sigma_n\, Q_n\, \nabla\log\pi_\theta(a_n|s_n)\ \ \mathrm{at}\ \theta_\mathrm{old}$, "
         r"if $q = \pi_\mathrm{old}$"],
     two_actions, r"$q$: the policy that drew the actions, here 0.5 for each; $Q_n$: return after action $n$"),
    (5, [r"$L \approx L_\mathrm{old} + g^T d$", r"$\overline{D}_\mathrm{KL} \approx \frac{1}{2} d^T A d$",
         r"stationary: $g - \lambda A d = 0$", r"$d = \beta s,\quad A s = g$",
         r"$\delta = \frac{1}{2} \beta^2\, s^T A s$", r"$\beta = \sqrt{2\delta / s^T A s}$", "",
         r"$g \parallel (0.96, 0.28)$",
         r"$s \parallel (0.83, 0.55)$"], step,
     r"from here $A$ is the Fisher matrix;  $d = \theta - \theta_\mathrm{old}$;  $1/\lambda = \beta$;  "
     r"$\delta = 0.05$"),
    (6, [r"$x = 0, \quad r = p = g$", r"$\alpha = r^T r / p^T A p$", r"$x \leftarrow x + \alpha\, p$",
         r"$r_\mathrm{new} = r - \alpha\, A p$", r"$\kappa = r_\mathrm{new}^T r_\mathrm{new} / r^T r$",
         r"$p \leftarrow r_\mathrm{new} + \kappa\, p$", "",
         r"$A$: rows $(2, 1)$, $(1, 2)$", r"$g = (3, 0)$"], conjugate_directions,
     r"$x$: the solution so far, $r = g - Ax$, $p$: direction, $\alpha$: here a length"),
    (7, [r"$\frac{\partial^2 \mathrm{kl}}{\partial\theta^2} = J^T M J + \mathrm{kl}'_a "
         r"\frac{\partial^2 \mu_a}{\partial\theta^2}$   (57)", "",
         r"$\mathrm{kl}'_a = 0\ \ \mathrm{at}\ \theta_\mathrm{old}$", "",
         r"$A y = \frac{1}{N}\,\Sigma_n J_n^T M_n J_n\, y$", "", r"$M = \mathrm{diag}(1/\sigma^2,\ 2)$"],
     kl_and_parabola,
     r"$\mu = [\mathrm{mean}, \log\sigma]$; $J = \partial\mu/\partial\theta$; $\mathrm{kl}'$, $M$: first and second "
     r"derivative w.r.t. $\mu$"),
    (8, [rf"shrink $\beta$ until  $L(\theta) > L_\mathrm{{old}}$  and  ${KL} \leq \delta$"], "step_through.png",
     r"$\delta = 0.1$, larger than on the other slides, to show where the models are wrong"),
    (9, [r"run $\pi_{\theta_\mathrm{old}}$:  states $s_n$, actions $a_n$, returns $Q_n$",
         r"$g = \nabla L(\theta_\mathrm{old})$",
         r"$A y = \frac{1}{N}\,\Sigma_n J_n^T M_n J_n\, y$", r"$A s = g$,  by 10 products $A y$",
         r"$\beta = \sqrt{2\delta / s^T A s}$",
         rf"shrink $\beta$ until  $L > L_\mathrm{{old}}$  and  ${KL} \leq \delta$",
         r"$\theta_\mathrm{new} = \theta_\mathrm{old} + \beta s$"], learning_curves,
     r"$n$: of $N$ samples;  $\theta$, $g$, $s$, $y$: $P$ numbers;  the runs: with a value baseline"),
    (9, [], "code", ""),
    (10, ["No run with a fixed", "step ends above 1000;", "three of TRPO's five do.", "",
          "Both standardized: TRPO", "above in 57% of the pairs,", "29 to 82%: cannot tell",
          "(nor on two other tasks)"], walker,
     "dots: seeds;  orange: natural gradient, fixed steps;  Walker2d-v5, 300,000 steps"),
    (10, [r"PPO:  maximize  $\frac{1}{N}\,\Sigma_n\, \min(w_n A_n,\ "
          r"\mathrm{clip}(w_n,\, 1-\epsilon,\, 1+\epsilon)\, A_n)$",
          "no Fisher matrix, no line search; and the KL has no bound",
          "Homework:  exercises 4 and 5, hunt 3;  tutorials/companion.md"], clipped,
     r"$w_n$: the ratio of (14);  $A_n$: estimated advantage;  $\epsilon$: 0.2;  dotted: $w A$, as in TRPO")]
OWN_QUESTIONS = {1: "Trust Region Policy Optimization", 16: "What came after? What is left to do?",  # by slide
                 5: "Which method never lowers the return?", 6: "What does this guarantee cost?",
                 13: "All of it, in seven lines", 14: "All of it, in twenty lines", 15: "Does it pay?"}
WHERE = ["step 21", "steps 2 to 4, exercise 3", "steps 6 to 9 and 22", "steps 10 and 11",    # in the companion, by row
         "steps 12 and 13, exercise 6", "steps 20 and 25, exercise 9", "step 24, exercise 8",
         "steps 27 and 28, exercise 7", "step 26, exercise 10", "steps 18 and 23, exercise 11", "section_8.md"]
OWN_WHERE = {1: "", 16: "lecture.md"}                                                       # by slide; else the row's


def rows():
    """The questions of the table of lecture.md."""
    return re.findall(r"^\| (?:\d+ to|\+) \d+ \| [\d, ]+ \| (.*?) \|", (HERE / "lecture.md").read_text(), re.M)


def code():
    """The update on one slide, of lecture.md."""
    return re.search(r"^```python\n(def update.*?)```", (HERE / "lecture.md").read_text(), re.M | re.S)[1]


def show_image(name, figure, place):
    """A picture of results/."""
    from PIL import Image
    axes = figure.add_axes(place)
    with Image.open(HERE / "results" / name) as image:
        axes.imshow(image.convert("RGB"), interpolation="antialiased")
    axes.axis("off")


def draw(figure, number, where, question, lines, picture, letters):
    """One slide: the question above, the lines under it, and the picture below them, or beside more than three."""
    figure.text(0.04, 0.95, question, fontsize=30 if len(question) < 50 else 23, fontweight="bold", va="top")
    figure.text(0.98, 0.065, f"{number}", fontsize=17, ha="right", color="0.4")
    figure.text(0.98, 0.025, where, fontsize=13, ha="right", color="0.4")
    figure.text(0.04, 0.02, letters, fontsize=17, color="0.3")
    for i, line in enumerate(lines):
        figure.text(0.04, 0.79 - 0.085 * i, line, fontsize=25, va="center")
    below = 0.76 - 0.085 * len(lines)
    if picture == "code":
        figure.text(0.04, 0.84, code(), fontsize=16, family="monospace", va="top", linespacing=1.25)
    elif isinstance(picture, str):
        show_image(picture, figure, (0.03, 0.07, 0.94, below - 0.04))
    elif picture:
        picture(figure, (0.46, 0.17, 0.42, 0.64) if len(lines) > 3 else (0.09, 0.17, 0.86, below - 0.16))


def main():
    args = tutorial_parser(__doc__).parse_args()
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.backends.backend_pdf import PdfPages
    sizes = {name: 17 for name in STYLE if name.endswith(("size", "labelsize")) and name != "figure.figsize"}
    matplotlib.rcParams.update({**STYLE, **sizes, "figure.constrained_layout.use": False, "savefig.dpi": 120})
    table = rows()
    with PdfPages(args.out / "lecture.pdf") as pdf:
        for number, (row, *slide) in list(enumerate(SLIDES, 1))[2:4] if args.quick else enumerate(SLIDES, 1):
            figure = plt.figure(figsize=(13.33, 7.5))
            draw(figure, number, OWN_WHERE.get(number, WHERE[row]), OWN_QUESTIONS.get(number, table[row]), *slide)
            pdf.savefig(figure)
            plt.close(figure)
    print(f"slides: {args.out / 'lecture.pdf'}")
    print("Look for: the questions are those of lecture.md, whose text says what to ask, and what to expect.")


if __name__ == "__main__":
    main()
