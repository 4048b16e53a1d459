"""The slides of lecture.md, as lecture.pdf: for each row of its table the question, the equations and the picture.

Look for: the questions are those of lecture.md, whose text says what to ask and which answers to expect.
Then change: SLIDES, for other equations or pictures in the same order.

    python tutorials/slides.py          # writes runs/lecture.pdf, from the pictures in results/
"""
import re
from pathlib import Path

from common import STYLE, tutorial_parser

HERE = Path(__file__).parent
OLD, KL = r"_{\theta_\mathrm{old}}", r"\overline{D}_\mathrm{KL}(\theta_\mathrm{old}, \theta)"
# The row of the table, the lines on the wall, and the picture, if there is one, or a part of it: its left, top, right
# and lower edge, from 0 to 1. code is the update on one slide
SLIDES = [
    (0, [r"$\mathrm{maximize}\ \ g^T(\theta - \theta_\mathrm{old})$",
         r"$\mathrm{subject\ to}\ \ \frac{1}{2}\|\theta - \theta_\mathrm{old}\|^2 \leq \delta$   (18)", "",
         "green: policy gradient", "orange: natural gradient", "blue: TRPO"],
     "section_7_prior_work.png", (0.5, 0, 1, 1)),
    (1, [r"$\eta(\tilde\pi) = \eta(\pi) + \sum_s \rho_{\tilde\pi}(s) \sum_a \tilde\pi(a|s)\, A_\pi(s, a)$   (2)",
         "", r"$L_\pi(\tilde\pi) = \eta(\pi) + \sum_s \rho_{\pi}(s) \sum_a \tilde\pi(a|s)\, A_\pi(s, a)$   (3)"],
     "section_2_surrogate.png"),
    (2, [r"$|\bar{A}(s)| \leq 2\alpha\epsilon, \quad P(\mathrm{differed\ before}\ t) \leq t\alpha$",
         r"$|\mathrm{E}_{\tilde\pi}\bar{A}(s_t) - \mathrm{E}_\pi\bar{A}(s_t)| \leq "
         r"t\alpha \cdot 2 \cdot 2\alpha\epsilon$",
         r"$|\eta - L| \leq \sum_t \gamma^t\, 4\alpha^2\epsilon\, t = "
         r"\frac{4\alpha^2\gamma\epsilon}{(1-\gamma)^2}$   (8)"],
     "coupling.png"),
    (2, [r"$\eta \geq L - C\, D_\mathrm{KL}^{\max}$   (9): maximize the right side"],
     "section_3_monotonic_improvement.png", (0, 0.53, 1, 1)),
    (3, [r"$\mathrm{maximize}\ \ L" + OLD + r"(\theta)$", rf"$\mathrm{{subject\ to}}\ \ {KL} \leq \delta$   (12)"],
     "uphill.gif"),
    (4, [r"$L(\theta) = \frac{1}{N}\sum_n \frac{\pi_\theta(a_n|s_n)}{q(a_n|s_n)}\, Q_n$   (14)", "",
         r"two actions, Q 1 and 3:   $\frac{1}{2}\left(\frac{0.8}{0.5}\cdot1 + \frac{0.2}{0.5}\cdot3\right) = 1.4$", "",
         r"$g = \frac{1}{N}\sum_n Q_n\, \nabla\log\pi_\theta(a_n|s_n)\ \ \mathrm{at}\ \theta_\mathrm{old}$"],
     None),
    (5, [r"$L \approx L_\mathrm{old} + g^T d, \quad \overline{D}_\mathrm{KL} \approx \frac{1}{2} d^T A d$", "",
         r"$g - \lambda A d = 0 \quad\Rightarrow\quad d = \beta s,\quad A s = g$", "",
         r"$\frac{1}{2}\beta^2 s^T A s = \delta \quad\Rightarrow\quad \beta = \sqrt{2\delta / s^T A s}$", "",
         "two states, the second visited less:", r"$g \parallel (0.96, 0.28), \quad s \parallel (0.83, 0.55)$"],
     "section_4_trust_region.png", (0, 0.06, 0.455, 1)),
    (6, [r"$\alpha = r^T r / p^T A p$", r"$x \leftarrow x + \alpha p, \quad r \leftarrow r - \alpha A p$",
         r"$p \leftarrow r + (r^T r\ \mathrm{new/old})\, p$", "",
         "A: rows (2, 1) and (1, 2)", r"$g = (3, 0)$", r"$x = (1.5, 0)$, then $(2, -1)$"],
     "appendix_c_conjugate_gradient.png"),
    (7, [r"$\mathrm{kl}'' = \mu'^{\,T} M \mu' + \mathrm{kl}'_a\, \mu''_a$   (57)",
         r"$\mathrm{kl}'_a = 0\ \ \mathrm{at}\ \theta_\mathrm{old}: \quad A y = J^T M J y, \quad"
         r"M = \mathrm{diag}(1/\sigma^2,\ 2)$"], "appendix_c_fisher_vector_product.png"),
    (8, [rf"shrink $\beta$ until  $L(\theta) > L_\mathrm{{old}}$  and  ${KL} \leq \delta$"], "step_through.png"),
    (9, [], "one_update.png"),
    (9, [], "code"),
    (10, ["Walker: no fixed step walks,", "unless advantages are", "standardized. Then the", "step 1 does as well.", "",
          "PPO: clip the ratio.", "Homework: 6, 7, 8, 10."], "section_8_locomotion_Walker2d-v5.png", (0, 0.03, 1, 0.6))]


def rows():
    """[(minutes, question), ...] of the table of lecture.md."""
    return re.findall(r"^\| (\d+ to \d+) \| (.*?) \|", (HERE / "lecture.md").read_text(), re.M)


def code():
    """The update on one slide, of lecture.md."""
    return re.search(r"^```python\n(def update.*?)```", (HERE / "lecture.md").read_text(), re.M | re.S)[1]


def draw(figure, minutes, question, lines, picture, part=(0, 0, 1, 1)):
    """One slide: the question above, the lines under it, and the picture below them, or beside them if it is tall."""
    from PIL import Image
    figure.text(0.04, 0.94, question, fontsize=27 if len(question) < 55 else 22, fontweight="bold", va="top")
    figure.text(0.96, 0.94, minutes, fontsize=13, ha="right", va="top", color="0.5")
    for i, line in enumerate(lines):
        figure.text(0.04, 0.80 - 0.09 * i, line, fontsize=24, va="center")
    if picture == "code":
        figure.text(0.04, 0.83, code(), fontsize=15.5, family="monospace", va="top", linespacing=1.25)
    elif picture:
        with Image.open(HERE / "results" / picture) as image:
            image.seek(getattr(image, "n_frames", 1) - 1)                   # of a moving picture the last
            image = image.convert("RGB").crop([int(edge * size) for edge, size in zip(part, image.size * 2)])
            beside = len(lines) > 3 or lines and image.width < 1.4 * image.height
            axes = figure.add_axes((0.4, 0.05, 0.58, 0.8) if beside else (0.03, 0.04, 0.94, 0.82 - 0.09 * len(lines)))
            axes.imshow(image, interpolation="antialiased")
        axes.axis("off")


def main():
    args = tutorial_parser(__doc__).parse_args()
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.backends.backend_pdf import PdfPages
    matplotlib.rcParams.update({**STYLE, "figure.constrained_layout.use": False, "savefig.dpi": 120})
    table = rows()
    with PdfPages(args.out / "lecture.pdf") as pdf:
        for row, *slide in SLIDES[:2] if args.quick else SLIDES:
            figure = plt.figure(figsize=(13.33, 7.5))
            draw(figure, *table[row], *slide)
            pdf.savefig(figure)
            plt.close(figure)
    print(f"slides: {args.out / 'lecture.pdf'}")
    print("Look for: the questions are those of lecture.md, whose text says what to ask, and what to expect.")


if __name__ == "__main__":
    main()
