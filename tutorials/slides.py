"""The slides of lecture.md, as PDF: for each row of its table the question, the equations and a picture.

Look for: the questions are those of lecture.md, whose text says what to ask and which answers to expect.
Then change: SLIDES, for other equations or pictures in the same order.

    python tutorials/slides.py          # two minutes. lecture_pauses.pdf and lecture_hour_pauses.pdf have each slide
                                        # twice, first its question alone, with its picture unless that answers it. A
                                        # PNG has the slides of a row, for lecture.md
"""
import re
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path

import diagrams
import section_2_surrogate
import section_3_monotonic_improvement
import section_7_prior_work
import step_through
import uphill
from aggregate import interval, probability_of_improvement, read_returns
from common import METHODS, STYLE, ink, tutorial_parser
from mdps import HALVES, rooms
from section_4_trust_region import exact_problem
from section_6_ablations import TASKS as ABLATED
from section_6_trpo import median_curve, thinned

import numpy as np
from scipy.special import expit, logit

from trpo_numpy.conjugate_gradient import conjugate_gradient
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.line_search import step_length
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.practice.baseline import standardize
from trpo_numpy.practice.run_folder import read_progress
from trpo_numpy.surrogate import Batch
from trpo_numpy.trpo import UpdateOptions, surrogate_and_kl, trpo_update
from trpo_numpy.trust_region import best_at_multiplier, in_each_state

HERE = Path(__file__).parent
OLD, KL = r"_{\theta_\mathrm{old}}", r"\overline{D}_\mathrm{KL}(\theta_\mathrm{old}, \theta)"
MAX_KL = r"D_\mathrm{KL}^{\max}(\theta_\mathrm{old}, \theta)"
GREEN = METHODS["KL"]["color"]


def learning_curves(figure, _):
    """The training returns of five runs on Pendulum-v1, and their median."""
    axes, color = figure.add_axes((0.6, 0.17, 0.36, 0.47)), METHODS["TRPO"]["color"]
    curves = [thinned(read_progress(HERE / "results" / f"Pendulum-v1-seed{seed}-1")) for seed in range(5)]
    for curve, style in [*((curve, {"linewidth": 1, "alpha": 0.45}) for curve in curves),
                         (median_curve(curves), {"linewidth": 4})]:
        axes.plot(curve[0] / 1000, curve[1], color=color, linestyle="-", **style)
    axes.text(0.98, 0.08, "thick: the median\nof five runs", transform=axes.transAxes, color=color, ha="right")
    axes.set(xlabel="thousand steps", ylabel="mean return", title="TRPO swings a pendulum up")


@cache
def run_of_two_slides(step=1.0):
    """The KLs of a TRPO run's steps, and of steps of other methods in its iterations; their factor is `step`."""
    return section_7_prior_work.compute(step=step)["kls"]


def fixed_steps(figure, place):
    """The KLs of policy gradient's step along a run, for two fixed factors."""
    axes = figure.add_axes(place)
    color = METHODS["policy gradient"]["color"]
    for c, style in [(1.0, "o-"), (0.1, "s--")]:
        kl = run_of_two_slides(c)["policy gradient"]
        axes.semilogy(1 + np.arange(len(kl)), kl, style, color=color, linewidth=3, markersize=8)
        axes.text(len(kl) + 1, kl[-1], f"$c$ = {c:g}", color=ink("policy gradient"), va="center", fontsize=22)
    axes.set(xlabel="iteration of a TRPO run", ylabel="mean KL (nats)", title="the KL of the step $c\\,g$",
             xlim=(0, 32), xticks=range(0, 26, 5))


def all_steps(figure, _):
    """The KLs of a fixed factor and of a fixed length along g and along s, and of TRPO's steps, in the same run."""
    axes, kls = figure.add_axes((0.09, 0.17, 0.66, 0.48)), run_of_two_slides()
    names = {"policy gradient": r"$1 \cdot g$", "fixed length along g": r"$0.1\ g\, /\, |g|$",
             "natural gradient": r"$1 \cdot s$", "fixed length along s": r"$0.1\ s\, /\, |s|$", "TRPO": "TRPO"}
    section_7_prior_work.draw_steps(axes, {"kls": {name: kls[name] for name in names}, "delta": 0.01}, apart=0.72)
    for line, label in zip(axes.lines, axes.texts[:len(names)]):
        line.set(linewidth=3, markersize=12)
        name = label.get_text().replace("\n", " ")
        label.set_text(f"{names[name]}\n{kls[name].min():.4f} to {kls[name].max():.2g}")
    axes.set(title="", ylabel="mean KL (nats)")


def surrogate(figure, place):
    """L and eta, which part, and the rooms above them."""
    left, bottom, width, height = place
    section_2_surrogate.draw_rooms(figure.add_axes((left, bottom + 0.81 * height, width, 0.3 * height)))
    axes = figure.add_axes((left, bottom, width, 0.74 * height))
    section_2_surrogate.draw(axes, section_2_surrogate.compute())
    axes.set(xlim=(-1, 4), title="")
    axes.texts[-1].set(position=(-130, 50), ha="left")                       # it would leave the axes


def coupling(figure, _):
    """Two policies as bars, and the paths of their coupling."""
    grid = figure.add_gridspec(1, 3, width_ratios=[1, 1, 2.6], left=0.06, right=0.99, bottom=0.14, top=0.52, wspace=0.3)
    diagrams.draw_shares(figure, grid, size=18)
    diagrams.draw_fork(figure.add_subplot(grid[2]), size=18)


def fork(figure, _):
    """The paths of the coupling alone, at the lower right."""
    diagrams.draw_fork(figure.add_axes((0.48, 0.09, 0.5, 0.33)), size=18)


def minorizer(figure, place):
    """M_0 and eta along the first step of Algorithm 1."""
    section_3_monotonic_improvement.draw_minorizer(figure.add_axes(place),
                                                   section_3_monotonic_improvement.compute(0, 300))


def returns(figure, place):
    """eta by iteration, of Algorithm 1 and of a bound on the mean KL."""
    axes = figure.add_axes(place)
    section_3_monotonic_improvement.draw_returns(axes, section_3_monotonic_improvement.compute(0, 300))
    axes.set(title="", xscale="linear", xlim=(0, 120))
    *_, six, bounded, _, optimum = axes.texts
    six.set(position=(0.5, 0.7))                                            # the half-way line would go through it
    bounded.set_position((0.17, 0.7))
    optimum.xy = 60, optimum.xy[1]


def two_units(figure, _):
    """TRPO and a penalty of 1 times the mean KL climb eta, 20 steps each; then the reward counts double."""
    for left, unit in [(0.04, 1.0), (0.35, 2.0)]:
        numbers, axes = uphill.compute(unit=unit), figure.add_axes((left, 0.09, 0.29, 0.44))
        uphill.draw_hill(axes, numbers)
        axes.set(xlabel="", ylabel="", xlim=(-2.4, 1.2), ylim=(-1.9, 1.7))
        trpo, penalty = numbers["thetas"]["TRPO"], [numbers["thetas"]["TRPO"][0]]
        while len(penalty) < len(trpo):
            at = exact_problem(numbers["mdp"], penalty[-1], HALVES)
            pi, *_ = in_each_state(best_at_multiplier, at.pi_old, at.A_pi, at.rho, 1 / at.rho.sum())
            penalty.append(logit(pi[:, 1]))
        axes.fill(*np.transpose(uphill.region(numbers, trpo[-2])), color=METHODS["TRPO"]["color"], alpha=0.3)
        for path, name, marker in [(trpo, "TRPO", "o-"), (penalty, "penalty", "D--")]:
            axes.plot(*np.transpose(path), marker, color=METHODS[name]["color"], linewidth=2, markersize=6)
    for height, text, name in [
            (0.44, "TRPO: the same\nsteps on both, but\nit does not settle", "TRPO"),
            (0.22, "$L - C$ mean KL, $C = 1$:\novershoots when the\nreward doubles ($C = 2$\nclimbs both)", "penalty")]:
        figure.text(0.68, height, text, color=ink(name), fontsize=20, fontweight="bold", va="center")


def two_actions(figure, place):
    """L by the logit of the second action, for two samples, and its line at theta_old."""
    axes, theta = figure.add_axes(place), np.linspace(-3, 3, 61)
    p = expit(theta)
    L = 0.5 * ((1 - p) / 0.5 * 1 + p / 0.5 * 3)
    axes.plot(theta, L, linewidth=4, **METHODS["L"])
    axes.plot(theta, 2 + 0.5 * theta, "k:", linewidth=3)
    for x, y, text in [(0, 2, r"$\theta_\mathrm{old}$: 0.5 and 0.5, $L = 2$"),
                       (logit(0.2), 1.4, r"0.8 and 0.2: $L = \frac{1}{2}(1.6 \cdot 1 + 0.4 \cdot 3) = 1.4$")]:
        axes.plot(x, y, "ko", markersize=12)
        axes.annotate(text, (x, y), (16, -16), textcoords="offset points", va="center")
    axes.text(1.5, 3.3, r"slope $g = \frac{1}{2}$")
    axes.set(xlabel=r"$\theta$: the logit of the action with $Q = 3$; the other has $Q = 1$", ylabel="$L$",
             xlim=(-3, 3))


def step(figure, _):
    """g, s and the region of Eq. (17) at the start of the climb of uphill.py, in the six rooms."""
    at = exact_problem(rooms(), uphill.START, HALVES)
    s, _ = conjugate_gradient(at.A, at.g, iterations=2)
    axes, x, y = figure.add_axes((0.47, 0.17, 0.5, 0.62)), np.linspace(-0.7, 2.9, 121), np.linspace(-0.2, 2.4, 121)
    kl = [[0.5 * d @ at.A(d) for d in np.stack([x, np.full(121, y_i)], axis=1)] for y_i in y]
    axes.contourf(x, y, kl, levels=[0, 0.01], colors=METHODS["TRPO"]["color"], alpha=0.25)
    best = step_length(s @ at.A(s), delta=0.01) * s
    to_edge = step_length(at.g @ at.A(at.g), delta=0.01) * at.g                 # along g, as far as the models allow
    axes.axline(best, best + np.array([-at.g[1], at.g[0]]), color="gray", linestyle=":", linewidth=3)
    axes.text(1.3, 1.05, "$g^T d$ is equal\non this line", color="gray")
    for name, v, method in [("along $g$", to_edge, "policy gradient"), (r"$\beta s$", best, "TRPO")]:
        axes.annotate("", v, (0, 0), arrowprops={"color": METHODS[method]["color"], "width": 5})
        axes.text(v[0] + 0.12, v[1] + (0.1 if v is best else -0.12), f"{name}:\n$g^T d$ = {at.g @ v:.4f}",
                  color=ink(method), va="center")
    axes.set(xlabel="$d_0$: the first three rooms", ylabel="$d_1$: the last three", aspect="equal",
             xlim=x[[0, -1]], ylim=y[[0, -1]], title=r"shaded: $\frac{1}{2} d^T A d \leq \delta$ = 0.01")


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
    for text, at in [("$p = g$", (0.6, -0.3)), (r"$p^T A\, p_\mathrm{new} = 0$", (1.95, -0.5))]:
        axes.text(*at, text, color=METHODS["TRPO"]["color"])
    axes.set(aspect="equal", xlabel="$x_1$", ylabel="$x_2$", title=r"contours of $\frac{1}{2}x^TAx - g^Tx$")


def kl_and_parabola(figure, place):
    """The KL of two Gaussians as mean and log-std move along a line: value 0, slope 0, and its parabola."""
    t, family = np.linspace(-1, 1, 61), Gaussian(1)
    old, new = np.zeros((61, 2)), np.stack([0.8 * t, -0.3 * t], axis=1)
    axes = figure.add_axes(place)
    axes.plot(t, family.kl(old, new), color=GREEN, linewidth=4, label="KL")
    axes.plot(t, 0.5 * (new * family.M_product(old, new)).sum(axis=1), "k:", linewidth=4, label="its parabola")
    axes.set(xlabel=r"$t$: mean $0.8t$, $\log\sigma = -0.3t$", ylabel="KL (nats)",
             title="at 0: value 0, slope 0")
    axes.legend()


def three_products(figure, _):
    """y -> J'(M(Jy)) as three boxes, with the sizes of a batch of Pendulum-v1."""
    axes, color = figure.add_axes((0, 0, 1, 1)), METHODS["TRPO"]["color"]
    axes.axis("off")
    for x, operator, how in [(0.26, "$J$", "forward\n(jvp)"), (0.5, "$M$", "a formula\n(slide 12)"),
                             (0.74, "$J^T$", "backpropagation\n(vjp)")]:
        axes.text(x, 0.36, operator, fontsize=34, ha="center", va="center", color=color,
                  bbox={"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": color, "linewidth": 3})
        axes.text(x, 0.2, how, fontsize=22, ha="center", va="center")
    for x, vector, size in [(0.14, "$y$", "4,482"), (0.38, "$J y$", r"$N \times 2$"), (0.62, "$MJ y$", r"$N \times 2$"),
                            (0.87, "$A y$", "4,482")]:
        axes.annotate("", (x + 0.05, 0.36), (x - 0.05, 0.36), arrowprops={"color": "0.4", "width": 4})
        axes.text(x, 0.45, vector, fontsize=26, ha="center", va="center")
        axes.text(x, 0.28, size, fontsize=18, ha="center", va="center", color="0.35")


def line_search(figure, _):
    """L and the mean KL along s, their models and the candidates, for the three parameters of step_through.py."""
    rng, policy, theta_old = np.random.default_rng(0), Policy(MLP((1, 1)), Gaussian(1)), np.array([0.5, 0.2, -0.5])
    states = rng.standard_normal((12, 1))
    mu_old = policy.mu(theta_old, states)
    actions = policy.family.sample(mu_old[:, :1], mu_old[:, 1:], rng)
    batch = Batch(states, actions, standardize(-(actions - states)[:, 0] ** 2))
    options = UpdateOptions(delta=0.1, damping=0.01, fisher_fraction=1.0)
    update = trpo_update(policy, theta_old, batch, options, rng)
    log_q = policy.family.log_prob(mu_old, actions)
    below = figure.add_subfigure(figure.add_gridspec(3, 1, height_ratios=[0.33, 0.58, 0.09])[1])
    step_through.draw(below, partial(surrogate_and_kl, policy, batch, mu_old, log_q), update.L_old, update.g,
                      update.sAs, update.candidates, theta_old, update.s, options.delta,
                      longest=1.55 * update.candidates[0].beta)
    below.subplots_adjust(left=0.09, right=0.97, wspace=0.25, top=0.9, bottom=0.17)
    for axes, title in zip(below.axes, ["$L$ and its linear model", "the KL and its quadratic model"]):
        axes.set_title(title)
        for line in axes.lines:
            line.set(linewidth=4, markersize=14)
    for artist in (below.axes[1].lines[0], below.axes[1].texts[1]):         # the KL and its name
        artist.set_color(GREEN)
    below.axes[1].legend(loc="center left", frameon=False, handletextpad=0.2, bbox_to_anchor=(0, 0.52))
    for axes, label, offset in [(0, 2, (12, -16)), (0, 3, (10, -38)), (1, 3, (8, -36))]:
        below.axes[axes].texts[label].set(position=offset, ha="left")       # "refused" and "accepted"


def numbered_code(figure, _):
    """The update on one slide of lecture.md; bold the lines with a number of the slide before, and the test of 6."""
    numbers = {"g =": "2.", "def A": "3.", "s, _ =": "4.", "beta =": "5.", "for _": "6.", "if L >": "",
               "return theta": "7."}
    for i, line in enumerate(code().splitlines()):
        number = None if line.endswith("return theta_old") else next(
            (number for start, number in numbers.items() if line.strip().startswith(start)), None)
        style = {"color": "0.25"} if number is None else {"color": "black", "fontweight": "bold"}
        for x, text in [(0.04, number or ""), (0.08, line)]:
            figure.text(x, 0.83 - 0.0385 * i, text, fontsize=18, family="monospace", va="center", **style)


def clipped(figure, place):
    """PPO's objective for one sample by its ratio, for an advantage of 1 and of -1; and the homework."""
    left, _, width, _ = place
    w = np.linspace(0.5, 1.5, 101)
    for x, A in [(left, 1), (left + 0.5 * width, -1)]:
        axes = figure.add_axes((x, 0.3, 0.4 * width, 0.28))
        ppo = np.minimum(w * A, np.clip(w, 0.8, 1.2) * A)
        axes.plot(w, ppo, "k-", linewidth=4)
        axes.plot(w, w * A, color=METHODS["TRPO"]["color"], linestyle=":", linewidth=4)
        end, side = (-1, "right") if A > 0 else (0, "left")                     # where the two are apart
        for y, name, color, (right, up) in [(w * A, "TRPO", METHODS["TRPO"]["color"], (-18, 0)),
                                            (ppo, "PPO", "black", (-4, -16))]:
            axes.annotate(name, (w[end], y[end]), (A * right, up), color=color, textcoords="offset points",
                          va="center", ha=side, fontweight="bold")
        axes.set(xlabel="ratio $w$", ylabel="objective", xticks=[0.5, 0.8, 1, 1.2, 1.5],
                 title=rf"$\hat{{A}} = {A}$: flat " + ("above 1.2", "below 0.8")[A < 0])


def control(figure, _):
    """The probability that TRPO ends higher: on the left than along g, on the right than with the fixed step 1."""
    locomotion = dict.fromkeys(["Walker2d-v5", "Hopper-v5", "Swimmer-v5"], 300_000)
    for place, title, csv, tasks, ours, other in [
            (0.05, "TRPO beside TRPO along $g$", "section_6_runs.csv", ABLATED, "default", "one CG iteration"),
            (0.54, "TRPO beside one fixed step", "section_8_standardized.csv", locomotion, "TRPO", "step 1")]:
        axes = figure.add_axes((place, 0.17, 0.42, 0.41))
        by_variant = [read_returns(HERE / "results" / csv, tasks, variant) for variant in (ours, other)]
        rows = {task: [by_task[task] for by_task in by_variant] for task in tasks}
        for y, (task, samples) in enumerate((rows | {"together": sum(rows.values(), [])}).items()):
            P, (low, high) = probability_of_improvement(*samples), interval(probability_of_improvement, *samples)
            axes.plot([low, high], [y, y], "-", color=METHODS["TRPO"]["color"], linewidth=5)
            axes.plot(P, y, "o", color=METHODS["TRPO"]["color"], markersize=14, clip_on=False)
            axes.text(0.02, y - 0.16, f"{task}: {P:.2f} [{low:.2f}, {high:.2f}]", va="bottom", fontsize=18,
                      fontweight="bold" if task == "together" else None,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
        axes.axvline(0.5, color="gray", linestyle=":", linewidth=3)
        axes.set(xlabel="P(TRPO ends higher)", xlim=(0, 1), ylim=(len(tasks) + 0.4, -0.7), yticks=[], title=title)


# The row of the table; the lines on the wall, with a note after "::"; the function that draws a picture below or beside
# them; and what the letters mean
SLIDES = [
    (0, ["Schulman, Levine, Moritz, Jordan, Abbeel, ICML 2015", "", "1.  What do old data say",
         "     about a new policy?", "2.  How far can they be trusted?", "3.  How far may one step go?",
         "4.  One update: which direction,", "     how long, and is it safe?"], learning_curves,
     "(3): an equation of arXiv 1502.05477;  upper right: the companion;  curves: with a baseline"),
    (0, [r"$\theta \leftarrow \theta + c\, g$",
         r"KL: $\mathrm{E}_{\pi_\mathrm{old}} \log(\pi_\mathrm{old} / \pi_\theta)$", "0.01: a coin from 0.5 to 0.57",
         "", "$c = 1$: KL from 0.0079 to 2.3", "$c = 0.1$: more than half", "of the KLs below 0.001",
         "Which $c$?"],
     fixed_steps,
     "Pendulum-v1;  $g$: the policy gradient, with standardized advantages;  KL: mean over the states"),
    (1, [r"$\eta(\tilde\pi) = \eta(\pi) + \Sigma_s\, \rho_{\tilde\pi}(s)\, \Sigma_a \tilde\pi(a|s)\, A_\pi(s, a)$"
         "   (2)   the new policy's visits",
         r"$L_\pi(\tilde\pi) = \eta(\pi) + \Sigma_s\, \rho_{\pi}(s)\, \Sigma_a \tilde\pi(a|s)\, A_\pi(s, a)$"
         "   (3)   the old policy's visits"],
     surrogate, r"arrows: where actions 0 and 1 lead;  $\eta$: return, $\rho$: discounted visits, "
     r"$A_\pi$: advantage, $\tilde\pi$: new"),
    (2, [r"$\eta(\tilde\pi) \geq L_\pi(\tilde\pi) - 4\epsilon\gamma\alpha^2/(1-\gamma)^2$   (8), Theorem 1",
         r"$\alpha$: largest total variation $D_\mathrm{TV}$ over the states;  $\epsilon$: largest $|A_\pi|$",
         "coupled by one draw, the two actions differ only in the dark part"], coupling,
     r"$D_\mathrm{TV} = \frac{1}{2}\,\Sigma_a |\pi(a|s) - \tilde\pi(a|s)|$;  here 0.2, the height of the dark part"),
    (2, [r"$\bar{A}(s) = \mathrm{E}[A_\pi(s, \tilde a) - A_\pi(s, a)]$ ::mean of $A_\pi$ under $\pi$ is 0",
         r"$|\bar{A}(s)| \leq \alpha \cdot 2\epsilon$ ::0 unless the actions differ",
         r"$P(\mathrm{differed\ before}\ t) \leq t\,\alpha$ ::union bound over $t$ steps",
         r"$|\mathrm{E}_{\tilde\pi}\bar{A}(s_t) - \mathrm{E}_\pi\bar{A}(s_t)| \leq "
         r"t\alpha \cdot 2 \cdot 2\alpha\epsilon$ ::0 if they never differed",
         r"$|\eta - L| \leq \Sigma_t\, \gamma^t\, 4\alpha^2\epsilon\, t = "
         r"4\epsilon\gamma\alpha^2/(1-\gamma)^2$ ::(2) minus (3), by time",
         "", r"one $\alpha$: another action", r"one $\alpha$: another state"],
     fork, r"$\bar{A}(s) = \Sigma_a \tilde\pi(a|s) A_\pi(s, a)$;   "
     r"$\Sigma_t\, t\gamma^t = \gamma/(1-\gamma)^2$"),
    (2, [r"$\eta \geq M_0 = L - C\, D_\mathrm{KL}^{\max}$   (9), as $\alpha^2 \leq D_\mathrm{KL}^{\max}$;   "
         r"$\pi_1$ maximizes $M_0$",
         r"$\eta(\pi_1) \geq M_0(\pi_1) \geq M_0(\pi_0) = \eta(\pi_0)$   (10)"], minorizer,
     r"$C = 4\epsilon\gamma/(1-\gamma)^2$;  a random MDP with five states and three actions, $\gamma = 0.8$"),
    (2, ["Half-way to the optimum:", "Algorithm 1: 40 iterations", r"mean KL $\leq$ 0.01: 6",
         r"mean KL $\leq$ 0.001: 17", r"mean KL $\leq$ 0.0001: 53", "",
         r"$C = 138$ at $\gamma = 0.8$", r"39,600 at 0.99 with $\epsilon = 1$"], returns,
     "the same MDP;  mean KL: averaged over the old policy's visits, see the next slide"),
    (3, [rf"maximize $L - C\, {MAX_KL}$   from (9) ::the theory's $C$: safe, slow",
         rf"maximize $L$ subject to ${MAX_KL} \leq \delta$   (11) ::$\delta$ in nats; $\eta$ may fall",
         rf"maximize $L$ subject to ${KL} \leq \delta$   (12) ::no bound in each state"],
     two_units, r"the six rooms of slide 3;  axes: $\theta_0$, $\theta_1$;  lighter: higher $\eta$, +: maximum;  "
     r"blue: mean KL $\leq$ 0.01"),
    (4, [r"$w_n = \pi_\theta(a_n|s_n)\, /\, q(a_n|s_n), \qquad L(\theta) \approx "
         r"\frac{1}{N}\,\Sigma_n\, w_n Q_n$   (14)",
         r"$\Sigma_a \pi_\theta A_\pi = \Sigma_a \pi_\theta Q - V(s)$,  and $V$ has no $\theta$ "
         r"::so $Q$ may replace $A_\pi$",
         r"$g = \frac{1}{N}\,\Sigma_n\, Q_n\, \nabla\log\pi_\theta(a_n|s_n)\ \ \mathrm{at}\ \theta_\mathrm{old}$, "
         r"if $q = \pi_\mathrm{old}$"],
     two_actions, r"$q$: drew the actions, 0.5 each;  $Q_n$: return from step $n$ on;  mean KL: "
     r"$\frac{1}{N}\,\Sigma_n\, \mathrm{KL}(\pi_\mathrm{old}, \pi_\theta)$ in $s_n$"),
    (5, [r"$\mathrm{KL} \approx \frac{1}{2} d^T A d$ (value, slope: 0)", r"$\mathrm{maximize}\ \ g^T d$",
         r"subject to $\frac{1}{2} d^T A d \leq \delta$   (17)",
         "", r"$d = \beta s, \quad A s = g$", "", r"$\beta = \sqrt{2\delta / s^T A s}$"], step,
     r"$A$: Fisher matrix;  $d = \theta - \theta_\mathrm{old}$;  picture: the six rooms of slide 3, "
     "where slide 8 starts"),
    (6, [r"$x = 0, \quad r = p = g$", r"up to 10 times, while $r \neq 0$:", r"   $\alpha = r^T r / p^T A p$",
         r"   $x \leftarrow x + \alpha\, p$",
         r"   $r_\mathrm{new} = r - \alpha\, A p$", r"   $\kappa = r_\mathrm{new}^T r_\mathrm{new} / r^T r$",
         r"   $p_\mathrm{new} = r_\mathrm{new} + \kappa\, p$",
         r"   $r, p \leftarrow r_\mathrm{new}, p_\mathrm{new}$", r"here $A$: $(2, 1)$, $(1, 2)$;  $g = (3, 0)$"],
     conjugate_directions, r"$x$: the solution so far, $r = g - Ax$, $p$: direction, $\alpha$: here a length"),
    (7, [r"$\mu = [\mathrm{mean}, \log\sigma], \quad J = \partial\mu/\partial\theta$",
         r"$\frac{\partial^2 \mathrm{kl}}{\partial\theta^2} = J^T M J + \mathrm{kl}'_a "
         r"\frac{\partial^2 \mu_a}{\partial\theta^2}$   (57)",
         r"$\mathrm{kl}'_a = 0\ \ \mathrm{at}\ \theta_\mathrm{old}$", "",
         r"$A = \dfrac{1}{N}\,\Sigma_n J_n^T M_n J_n$", "", r"$M = \mathrm{kl}'' = \mathrm{diag}(1/\sigma^2,\ 2)$",
         "for a Gaussian action"],
     kl_and_parabola,
     r"the paper has $\sigma$ for $\log\sigma$;  $a$: an entry of $\mu$, summed over;  "
     r"$\mathrm{kl}'$, $M$: derivatives in $\mu$"),
    (7, ["4,482 parameters: $A$ has 20 million entries", "to solve $A s = g$ we need only products $A y$",
         r"$A y = \frac{1}{N}\,\Sigma_n\, J_n^T\, (M_n\, (J_n\, y))$"], three_products,
     r"the default policy for Pendulum-v1;  $N$ states, in each $\mu$ has 2 numbers, $M$ is $2 \times 2$"),
    (8, [rf"shrink $\beta$ until  $L(\theta) > L_\mathrm{{old}}$  and  ${KL} \leq \delta$",
         r"try $\beta,\ 0.8\,\beta,\ 0.64\,\beta, \ldots$: the first that passes is taken"], line_search,
     r"$\overline{D}_\mathrm{KL}$: $\frac{1}{N}\,\Sigma_n$ KL in $s_n$, by its formula;  picture: three parameters, "
     r"$\delta$ = 0.1, so that the curves part"),
    (9, [r"1.  run $\pi_{\theta_\mathrm{old}}$:  states $s_n$, actions $a_n$, returns $Q_n$ (in practice advantages)",
         r"2.  $g = \nabla L(\theta_\mathrm{old})$ ::backpropagation",
         r"3.  $A y = \frac{1}{N}\,\Sigma_n J_n^T M_n J_n\, y$ ::jvp, $M$, vjp",
         r"4.  $(A + \zeta I)\, s \approx g$,  by 10 products $A y$ ::conjugate gradient",
         r"5.  $\beta = \sqrt{2\delta / s^T A s}$ ::the parabola reaches $\delta$",
         r"6.  shrink $\beta$ until  $L > L_\mathrm{old}$  and  $\overline{D}_\mathrm{KL} \leq \delta$ ::line search",
         r"7.  $\theta_\mathrm{new} = \theta_\mathrm{old} + \beta s$, or $\theta_\mathrm{old}$ if none passes "
         "::again from 1",
         "", r"safe for the KL on the batch, not for $\eta$"], None,
     r"$\zeta$ = 0.01: damping, not in the paper;  $\delta$ = 0.01;  $\theta$, $g$, $s$, $y$: 152 numbers in the one "
     "page"),
    (10, [], numbered_code, ""),
    (11, [r"For the KL, yes: $\beta$ is computed anew in each iteration.",
          "For the returns: next slide."],
     all_steps, r"the run of slide 2;  $s = (A + 0.3\, I)^{-1} g$: damped natural gradient;  dashed: fixed length"),
    (11, ["Under the bound, $(A + 0.3 I)^{-1} g$ beats $g$ on three of four tasks",
          "The bound, beside one step $1 \\cdot (A + 0.1 I)^{-1} g$, not tuned: undecided"], control,
     r"ten runs;  bar: 95%;  left: the defaults;  right: standardized advantages;  $\delta$ = 0.01 a joint"),
    (12, [r"PPO:  maximize  $\frac{1}{N}\,\Sigma_n\, \min(w_n \hat{A}_n,\ "
          r"\mathrm{clip}(w_n,\, 1-\epsilon,\, 1+\epsilon)\, \hat{A}_n)$",
          "no Fisher matrix, no line search; and the KL has no bound"], clipped,
     r"$w_n$: ratio (14);  $\hat{A}_n$: estimated advantage;  $\epsilon = 0.2$;  "
     r"TRPO: $w \hat{A}$, subject to mean KL $\leq \delta$"),
    (12, [r"1.  Old data: at the old policy $L$ has the value and the slope of $\eta$   (4)",
          r"2.  Trust: $\eta \geq L - C\, D_\mathrm{KL}^{\max}$, but then the steps are tiny   (9)",
          r"3.  One step: mean KL $\leq \delta$, in nats, whatever the rewards are   (12)",
          r"4.  One update: $s$ from $A s = g$,  $\beta$ from $\delta$,  then a line search", "",
          "Under the bound $A^{-1}g$ ends higher than $g$ on three of four tasks.",
          "Bound or fixed step: not decided.", "",
          "Homework, in tutorials/exercises: surrogate, fisher, beta, line_search"], None, "")]
LEFT_OUT = 5, 7, 11, 16     # of lecture_hour.pdf
WITHOUT_PAUSE = 1, 4, 15, 16, 20    # which ask nothing
PICTURE_ANSWERS = 3, 6, 7, 8, 9, 10, 11, 13, 14, 17, 18, 19    # with pauses the question comes first, without it
OWN_QUESTIONS = {1: "Trust Region Policy Optimization", 2: "Why is the step length hard to choose?",   # by slide
                 5: r"Where do the two factors $\alpha$ come from?", 6: "Which method never lowers the return?",
                 7: "What does this guarantee cost?",
                 12: r"Why is $A = J^T M J$?", 15: "All of it, in seven lines", 16: "All of it, in twenty lines",
                 17: "Is the step length easy now?", 18: "What do direction and bound do for the returns?",
                 20: "What have we learned?"}
PAUSE_QUESTIONS = {2: "Which $c$ would you choose?", 3: "How can we compute a new policy's return?",
                   6: "Which new policy would you take?",
                   7: "The return never falls. What can be wrong?",
                   8: "Why not choose a smaller $C$ by hand?",
                   9: "Can old actions estimate the new mean of $Q$?",
                   10: r"What are the KL and its gradient at $\theta_\mathrm{old}$?",
                   12: "What is $A$ in terms of the network?", 13: "Do we need the 20 million entries of $A$?",
                   14: r"What can be wrong with $\beta$?", 17: "What is the right factor of $g$?",
                   19: "What would you simplify in TRPO?"}
WHERE = ["step 21", "steps 2 to 4, exercise 3", "steps 6 to 9 and 22", "steps 10 and 11",    # in the companion, by row
         "steps 12 and 13, exercise 6", "steps 20, 21 and 25, exercise 9", "step 24, exercise 8",
         "steps 27, 28 and 31, exercise 7", "step 26, exercise 10", *2 * ["steps 18 and 23, exercise 11"], "step 20",
         ""]
OWN_WHERE = {1: "", 12: "steps 27 and 28, exercises 4 and 7", 13: "steps 27 and 31, exercises 5 and 7",
             18: "section_8.md"}               # by slide; else the row's


def rows():
    """The questions of the table of lecture.md."""
    table = (HERE / "lecture.md").read_text()
    return re.findall(r"^\| (?:\d+ to|\+) \d+ \| \[[\d, ]+\]\(.*?\) \| (.*?) \|", table, re.M)


def code():
    """The update on one slide, of lecture.md."""
    return re.search(r"^```python\n(def update.*?)```", (HERE / "lecture.md").read_text(), re.M | re.S)[1]


def draw(figure, number, where, question, lines, picture, letters):
    """One slide: the question above, the lines under it, and the picture below them, or beside more than three."""
    from matplotlib.text import Text
    figure.text(0.04, 0.95, question, fontsize=30, fontweight="bold", va="top")
    figure.text(0.98, 0.87, where, fontsize=18, ha="right", va="center", color="0.4")
    figure.text(0.98, 0.025, f"{number}", fontsize=18, ha="right", color="0.4")
    figure.text(0.04, 0.025, letters, fontsize=18, color="0.3")
    for i, line in enumerate(lines):
        line, _, note = line.partition("::")
        figure.text(0.04, 0.79 - 0.085 * i, line, fontsize=25, va="center")
        figure.text(0.66, 0.79 - 0.085 * i, note, fontsize=22, va="center", color="0.35")
    if picture:
        top = 0.77 - 0.085 * len(lines)
        picture(figure, (0.54, 0.17, 0.42, 0.62) if len(lines) > 3 else (0.09, 0.17, 0.86, top - 0.17))
    for text in figure.findobj(Text):                                       # as in the lines, not italic
        text.set_text(re.sub(r"\{(old|KL|TV|max)\}", r"{\\mathrm{\1}}", text.get_text()))


def save_sheet(pictures, path):
    """Writes slides small, in rows of two, as one PNG of 256 colours."""
    from PIL import Image
    height, width, _ = pictures[0].shape
    sheet = np.full((-(-len(pictures) // 2) * (height + 6), min(len(pictures), 2) * (width + 6), 3), 160, np.uint8)
    for i, picture in enumerate(pictures):
        y, x = i // 2 * (height + 6) + 3, i % 2 * (width + 6) + 3
        sheet[y:y + height, x:x + width] = picture
    Image.fromarray(sheet).quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def main():
    args = tutorial_parser(__doc__).parse_args()
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.backends.backend_pdf import PdfPages
    sizes = {name: 18 for name in STYLE if name.endswith(("size", "labelsize")) and name != "figure.figsize"}
    matplotlib.rcParams.update({**STYLE, **sizes, "figure.constrained_layout.use": False, "savefig.dpi": 120})
    table = rows()
    small = {}
    with ExitStack() as stack:
        files = {name: stack.enter_context(PdfPages(args.out / f"{name}.pdf"))
                 for name in ("lecture", "lecture_hour", "lecture_pauses", "lecture_hour_pauses")}
        for number, (row, *slide) in list(enumerate(SLIDES, 1))[2:4] if args.quick else enumerate(SLIDES, 1):
            lines, picture, letters = slide
            for shown in [lines] if number in WITHOUT_PAUSE else [[""] * len(lines), lines]:
                figure = plt.figure(figsize=(13.33, 7.5))
                question = OWN_QUESTIONS.get(number, table[row])
                question = question if shown is lines else PAUSE_QUESTIONS.get(number, question)
                draw(figure, number, OWN_WHERE.get(number, WHERE[row]), question, shown,
                     None if shown is not lines and number in PICTURE_ANSWERS else picture,
                     letters if shown is lines else "")
                for name, file in files.items():
                    if (shown is lines or "pauses" in name) and ("hour" not in name or number not in LEFT_OUT):
                        file.savefig(figure)
                if shown is not lines:
                    plt.close(figure)
            figure.set_dpi(48)      # 640 pixels wide
            figure.canvas.draw()
            small.setdefault(row, {})[number] = np.asarray(figure.canvas.buffer_rgba())[:, :, :3]
            plt.close(figure)
    for pictures in small.values():
        save_sheet(list(pictures.values()), args.out / f"slides_{min(pictures)}.png")
    print(f"slides: {args.out / 'lecture.pdf'}")
    print("Look for: the questions are those of lecture.md, whose text says what to ask, and what to expect.")


if __name__ == "__main__":
    main()
