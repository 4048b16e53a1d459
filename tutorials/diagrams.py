"""Sketches of the companion page: one update (Section 6, Appendix C), a vine (Section 5.2), a coupling (Section 3).

Look for: in the first sketch, where each number comes from. mu is computed from the batch and theta_old. From mu there
are two ways, one to L and its gradient g, the other to the KL and its Fisher matrix A. The two ways meet in A s = g.
Only the line search uses L and the KL themselves. In the second sketch, what the rollouts of one state share: the state
and the random numbers. Only their first action differs. In the third sketch, the common part of two policies: as long
as the draws fall in this part, the two policies take the same action and are in the same state.
Then change: the boxes' texts in UPDATE, when you add something to the update.
"""
from common import METHODS, ink, new_figure, save_figure, tutorial_parser

import numpy as np

ROWS = "$(N{,})$", "$(P{,})$"
GREY, L_BLUE, KL_GREEN = "0.4", METHODS["L"]["color"], METHODS["KL"]["color"]
# name: (x, y, width, colour, what is computed, its shapes or its rule, its module and steps of the companion)
UPDATE = {
    "batch": (1.56, 8.5, 2.92, GREY, "batch", r"states $s_n$ $(N, d_s)$" "\n" r"actions $a_n$ $(N, d_a)$" "\n"
              rf"estimates $Q_n$ {ROWS[0]}", "sampling: step 14"),
    "theta": (1.56, 4.5, 2.8, GREY, r"$\theta_{old}$", f"parameters {ROWS[1]}", "policy: step 33"),
    "mu": (4.4, 6.5, 2.5, GREY, r"$\mu_\theta(s_n)$", r"$(N, d_\mu)$", "mlp: steps 31, 33"),
    "pi": (7.42, 6.5, 2.6, GREY, r"$\pi$: score at $a_n$, $M$", r"$(N, d_\mu)$; $N$ matrices",
           "gaussian: step 28"),
    "g": (7.42, 8.5, 3.0, L_BLUE, r"$L$ and $g = J^T\,\partial L/\partial\mu$", f"a number; {ROWS[1]}",
          "surrogate: steps 12, 13"),
    "A": (7.42, 4.5, 3.15, KL_GREEN, r"$Ay$ = mean of $J^T\!M J y$", rf"$y$ {ROWS[1]} $\to$ $Ay$ {ROWS[1]}",
          "fisher: steps 27 to 32"),
    "s": (10.79, 6.5, 3.62, "black", r"direction $s$: $As = g$", ROWS[1], "conjugate_gradient: step 24"),
    "beta": (10.79, 3.4, 2.8, "black", r"$\beta = (2\delta\,/\,s^T A s)^{1/2}$", "a number", "line_search: step 25"),
    "search": (6.4, 1.33, 4.6, "black", r"shrink $\beta$ until",
               r"$L > L_{old}$ and mean KL $\leq \delta$, both" "\n" r"computed anew, on the same batch",
               "line_search: step 26"),
    "new": (1.56, 1.33, 2.8, GREY, r"$\theta_{new} = \theta_{old} + \beta s$", ROWS[1], "trpo: step 23"),
}
ARROWS = [("theta", "batch"), ("batch", "mu"), ("theta", "mu"), ("batch", "g"), ("mu", "pi"), ("mu", "g"), ("mu", "A"),
          ("pi", "g"), ("pi", "A"), ("g", "s"), ("A", "s"),
          ("s", "beta"), ("A", "beta"), ("beta", "search"), ("search", "new"), ("new", "theta")]
ORDER = {"batch": (1, -1), "g": (2, -1), "A": (3, -1), "s": (4, 1), "beta": (5, 1),     # the numbers of the front
         "search": (6, -1), "new": (7, -1)}                                             # page, on a box's left or right


def height(text):
    """The height of a box with this text in the middle."""
    return 1.36 + 0.46 * text.count("\n")


def edge(box, towards):
    """Where the line from the middle of a box to the middle of another leaves the box."""
    x, y, width, *_, text, _ = box
    way = np.array(towards[:2]) - (x, y)
    return (x, y) + way * min(np.array([width, height(text)]) / 2 / np.maximum(abs(way), 1e-9))


def draw_update(axes):
    """The boxes of one update, and what flows between them."""
    from matplotlib.patches import FancyBboxPatch
    for name, (x, y, width, color, title, text, module) in UPDATE.items():
        top = y + height(text) / 2
        axes.add_patch(FancyBboxPatch((x - width / 2, top - height(text)), width, height(text), edgecolor=color,
                                      boxstyle="round,pad=0,rounding_size=0.15", facecolor="white", linewidth=1.8))
        axes.text(x, top - 0.33, title, ha="center", va="center", fontsize=13)
        axes.text(x, y - 0.04, text, ha="center", va="center", fontsize=11, linespacing=1.3)
        axes.text(x, top - height(text) + 0.26, module, ha="center", va="center", color=GREY,
                  fontsize=11.5)
        if name in ORDER:
            number, side = ORDER[name]
            axes.text(x + side * (width / 2 - 0.1), top - 0.08, f"{number}", ha="center", va="center", color="white",
                      fontsize=13, fontweight="bold", bbox={"boxstyle": "circle,pad=0.2", "color": color})
    for start, end in ARROWS:
        axes.annotate("", edge(UPDATE[end], UPDATE[start]), edge(UPDATE[start], UPDATE[end]),
                      arrowprops={"arrowstyle": "-|>", "color": "0.25", "linewidth": 1.6})
    axes.text(4.4, 8.65, "$a_n$ and $Q_n$", ha="center", fontsize=11)
    axes.text(3.25, 7.65, "$s_n$", ha="center", fontsize=11)
    for y in (7.55, 5.45):
        axes.text(5.35, y, "$J$", ha="center", va="center", fontsize=11)
    axes.text(9.75, 7.55, "$g$", va="center", fontsize=11)
    axes.text(9.7, 5.5, "$Ay$", va="center", fontsize=11)
    axes.text(8.95, 3.6, "$Ay$", va="center", fontsize=11)
    axes.text(10.96, 5.0, "$s$", va="center", fontsize=11)
    axes.text(7.57, 7.5, "score", va="center", fontsize=11)
    axes.text(7.57, 5.5, "$M$", va="center", fontsize=11)
    axes.text(9.45, 2.35, r"$s$, $\beta$", va="center", fontsize=11)
    axes.text(3.1, 5.3, r"$\theta_{old}$", va="center", fontsize=11)
    axes.text(5.88, 6.72, r"$\mu_n$", ha="center", va="center", fontsize=11)
    axes.text(3.55, 1.55, r"$\beta s$", ha="center", va="center", fontsize=11)
    axes.text(1.71, 6.3, "run it", va="center", fontsize=11)
    axes.text(1.71, 2.95, "next\niteration", va="center", fontsize=11, linespacing=1.1)
    for y, words in [(3.55, "$N$ states, $P$ parameters"),
                     (3.17, r"$d_s$, $d_a$, $d_\mu$: numbers in a state, an action, $\mu$"),
                     (2.79, "grey words: the module, and its steps in the companion"),
                     (2.41, "blue: $L$; green: the KL; black: the step")]:
        axes.text(3.1, y, words, fontsize=10.5, color="0.25")
    axes.set_title("One update: two derivatives at the old policy, one solve, one search", fontsize=14)
    axes.set(xlim=(0, 12.65), ylim=(0.3, 9.85))
    axes.axis("off")


def draw_vine(axes, rng):
    """A trunk, three states of it in the rollout set, and two rollouts from each, with the same noise."""
    t = np.arange(25)
    trunk = np.column_stack([0.5 * t, 0.4 * np.sin(0.35 * t) + np.cumsum(0.09 * rng.standard_normal(25))])
    axes.plot(*trunk.T, "o-", color=GREY, linewidth=3, markersize=5)
    axes.text(*trunk[0] + (-0.1, 0.3), "start", fontsize=11.5)
    steps = np.arange(10)
    for n, (i, dice) in enumerate([(4, "\u2681\u2684\u2680\u2683"), (11, "\u2685\u2680\u2682\u2682"),
                                   (18, "\u2683\u2681\u2684\u2685")], start=1):
        noise = np.array([0, *(0.25 * rng.standard_normal(9))])
        for k, (slope, style) in enumerate([(0.23, "-"), (-0.23, "--")], start=1):
            rollout = trunk[i] + np.column_stack([0.32 * steps, slope * (steps + 2 * (steps > 0)) + noise])
            axes.plot(*rollout.T, color=ink("vine"), linestyle=style, linewidth=2)
            axes.plot(*rollout[1:].T, "o", color=ink("vine"), markersize=3.5)
            axes.text(*rollout[-1] + (0.12, 0), rf"$\hat{{Q}}(s_{n}, a_{{{n},{k}}})$", va="center", fontsize=13)
            axes.text(*rollout[-1] + (0.12, -0.55), dice, va="center", fontsize=20)
        axes.plot(*trunk[i], "o", color="black", markersize=13, fillstyle="none", markeredgewidth=2)
        axes.text(*trunk[i] + (-0.1, 0.42), f"$s_{n}$", ha="right", va="center", fontsize=13)
    for x, y, words in [(-0.5, -1.0, "trunk: a path of\nthe old policy"),
                        (-0.5, 1.6, "ringed: the states\nof the rollout set"),
                        (-0.5, 3.2, "rollout: one action,\nthen the old policy"),
                        (1.2, -3.4, "dice: the random numbers of a rollout, the same for both actions")]:
        axes.text(x, y, words, fontsize=11.5, va="center")
    axes.plot([2.5, 4.0], [3.1, 2.7], color="black", linestyle="-", linewidth=0.8)
    axes.set(xlim=(-0.6, 14.2), ylim=(-4.1, 3.7))
    axes.axis("off")
    axes.set_title("Vine: the rollouts of one state share their random numbers", fontsize=14)


def draw_shares(figure, grid, p=(0.5, 0.5), q=(0.3, 0.7), size=12):
    """Two policies as bars at two places of the grid, their common part grey; returns their total variation."""
    common, D = np.minimum(p, q), 0.5 * abs(np.subtract(p, q)).sum()
    for i, (probabilities, name) in enumerate([(p, r"$\pi$"), (q, r"$\tilde{\pi}$")]):
        axes = figure.add_subplot(grid[i])
        axes.bar([0, 1], common, 0.75, color="0.8")
        axes.bar([0, 1], np.subtract(probabilities, common), 0.75, bottom=common, color="0.25")
        for action, (shared, whole) in enumerate(zip(common, probabilities)):
            axes.text(action, shared / 2, f"{shared:g}", ha="center", va="center", fontsize=size)
            if whole > shared:
                axes.text(action, (shared + whole) / 2, f"{whole - shared:.1g}", ha="center", va="center",
                          fontsize=size, color="white", fontweight="bold")
        axes.set(xticks=[0, 1], xticklabels=["action 0", "action 1"], ylim=(0, 0.75), yticks=[])
        axes.spines["left"].set_visible(False)
        axes.set_title(f"{name}: probabilities", fontsize=size)
        axes.grid(False)
    return D


def draw_fork(axes, size=12):
    """Two paths that part where the policies first differ."""
    t = np.arange(9)
    together = 0.25 * np.sin(0.9 * t[:5])
    for sign, style, name in [(1, "-", r"$\pi$"), (-1, "--", r"$\tilde{\pi}$")]:
        apart = together[-1] + sign * 0.33 * np.arange(1, 5) + 0.1 * np.sin(2.0 * t[5:])
        axes.plot(t[4:], [together[-1], *apart], color="0.25", linestyle=style, marker="o", linewidth=2.5)
        axes.text(8.15, apart[-1], name, fontsize=1.25 * size, color="0.25", va="center")
    axes.plot(t[:5], together, color="0.65", linestyle="-", marker="o", linewidth=4)
    axes.plot(t[4], together[-1], "o", color="black", markersize=14, fillstyle="none", markeredgewidth=2)
    axes.text(0, 0.62, "the same draw:\none path for both", fontsize=size, color="0.35", va="center")
    axes.text(-0.2, -1.1, "the first action\nthat differs:\nprobability at most\n" r"$\alpha = \max_s D_{TV}$ per step",
              fontsize=size, va="center")
    axes.annotate("", (3.85, together[-1] - 0.14), (3.3, -0.7), arrowprops={"arrowstyle": "-", "color": "black"})
    axes.set(xlim=(-0.3, 8.7), ylim=(-1.65, 1.65))
    axes.axis("off")


def draw_coupling(figure):
    """The bars of two policies, and the two paths of their coupling."""
    grid = figure.add_gridspec(1, 3, width_ratios=[1, 1, 2.2], left=0.065, right=0.995, bottom=0.09, top=0.77,
                               wspace=0.3)
    D = draw_shares(figure, grid)
    figure.text(0.02, 0.86, f"light grey, in both: $1 - D_{{TV}}$ = {1 - D:g}; dark: $D_{{TV}}$ = {D:.1g} in each",
                fontsize=12)
    draw_fork(figure.add_subplot(grid[2]))
    figure.suptitle("Coupled, two policies are in the same state until they first differ", x=0.02, ha="left")


def main():
    args = tutorial_parser(__doc__).parse_args()
    figure = new_figure(args.show, figsize=(8.5, 6.2), layout="none")
    draw_update(figure.add_axes((0.005, 0.005, 0.99, 0.93)))
    save_figure(figure, args.out, "one_update", args.show)
    figure = new_figure(args.show, figsize=(8.5, 4.4), layout="none")
    draw_vine(figure.add_axes((0.005, 0.005, 0.99, 0.92)), np.random.default_rng(args.seed))
    save_figure(figure, args.out, "vine", args.show)
    figure = new_figure(args.show, figsize=(8.5, 3.8), layout="none")
    draw_coupling(figure)
    save_figure(figure, args.out, "coupling", args.show)
    print("Look for: g and A are computed from mu, and meet in A s = g. The circled numbers are the "
          "steps of one iteration, those in grey the companion's.")


if __name__ == "__main__":
    main()
