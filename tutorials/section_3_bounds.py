"""Section 3: how loose the bounds are. Thousands of policy pairs, near and far, on random MDPs.

Look for: every slack is above zero, so every bound holds. All slacks fall about as alpha^2; the slack of (44) falls
more slowly once alpha is above 1 - gamma. For each pair the order is the same: Eq. (44) is tighter than Theorem 1 (8),
and Theorem 1 is tighter than the KL form (9). Near alpha = 0, (44) and (8) are equal, and (8) hides (44) in the
picture. (6), which holds for mixtures only, is mostly even tighter while alpha is small. But all bounds promise far too
little: the true error of L is a small part of the penalty, so Section 4 replaces the penalty by a constraint.
Then change: --gamma 0.1. The true error is now up to a fifth of the penalty. For an example found by a search (in
tests/test_kl_bound.py) the true error is four fifths, and at gamma 0.05 nine tenths. At gamma 0.99 it is less than a
hundredth.
"""
from common import METHODS, ink, new_figure, save_figure, spread, tutorial_parser
from mdps import random_mdp, random_policy

import numpy as np

from trpo_numpy.expected_return import exact_surrogate, expected_return
from trpo_numpy.kl_bound import (
    coupling_bound,
    max_total_variation,
    minorizer,
    mixture,
    mixture_bound,
    total_variation_bound,
)

L = r"$L$ itself"
# name: line, and the colour of the name; bound (9) is M
LINES = {"(6), mixtures": ({"color": "0.55", "linestyle": ":"}, "0.4"),
         "(44), before simplifying": ({"color": "0.35", "linestyle": (0, (5, 2))}, "0.35"),
         "(8), Theorem 1": ({"color": "black", "linestyle": "-"}, "black"), "(9), KL": (METHODS["M"], ink("M")),
         L: (METHODS["L"], ink("L"))}


def compute(seed, n_pairs, gamma=0.9):
    """alpha (n,), and for each bound its slack eta - bound (n,); and L - eta (n,)."""
    rng, rows = np.random.default_rng(seed), []
    for _ in range(n_pairs):
        mdp, pi, other = random_mdp(rng, 4, 3, gamma), random_policy(rng, 4, 3), random_policy(rng, 4, 3)
        weight = 10 ** rng.uniform(-3, 0)
        pi_new = mixture(pi, other, weight)
        eta = expected_return(mdp, pi_new)
        bounds = [mixture_bound(mdp, pi, other, weight), coupling_bound(mdp, pi, pi_new),
                  total_variation_bound(mdp, pi, pi_new), minorizer(mdp, pi, pi_new)]
        rows.append([max_total_variation(pi, pi_new), exact_surrogate(mdp, pi, pi_new) - eta,
                     *(eta - bound for bound in bounds)])
    alpha, loss, *slacks = np.array(rows).T
    return {"alpha": alpha, "loss": loss, "slacks": dict(zip(LINES, slacks))}


def main():
    parser = tutorial_parser(__doc__)
    parser.add_argument("--gamma", type=float, default=0.9, help="discount (default: 0.9)")
    args = parser.parse_args()
    numbers = compute(args.seed, 100 if args.quick else 3000, args.gamma)
    alpha = numbers["alpha"]
    figure = new_figure(args.show, figsize=(8.5, 5.2))
    axes, medians = figure.subplots(), {}
    bins = np.array_split(np.argsort(alpha), 12)        # of equally many pairs each, from near to far
    middle = [np.median(alpha[some]) for some in bins]
    for name, gap in [*numbers["slacks"].items(), (L, abs(numbers["loss"]))]:
        low, medians[name], high = np.transpose([np.percentile(gap[some], (5, 50, 95)) for some in bins])
        style, _ = LINES[name]
        axes.loglog(middle, medians[name], linewidth=2.5, **style)
        if name in ("(9), KL", L):
            axes.fill_between(middle, low, high, color=style["color"], alpha=0.15, linewidth=0)
    order = sorted(medians, key=lambda name: medians[name][-1])
    for name, height in zip(order, spread([np.log10(medians[name][-1]) for name in order], 0.65)):
        style, color = LINES[name]
        axes.annotate(name, (middle[-1], medians[name][-1]), (1.45 * middle[-1], 10 ** height), va="center",
                      color=color, fontweight="bold",
                      arrowprops={"arrowstyle": "-", "color": style["color"], "linewidth": 0.8, "relpos": (0, 0.5)})
    x, low, high = middle[5], medians[L][5], medians["(8), Theorem 1"][5]
    axes.annotate("", (x, low), (x, high), arrowprops={"arrowstyle": "<->", "shrinkA": 0, "shrinkB": 0})
    axes.text(1.1 * x, (low * high) ** 0.5, f"{high / low:.0f} times", va="center", fontweight="bold")
    axes.text(0.02, 0.97, f"lines: medians of {len(alpha):,} mixtures;\nbands, of (9) and $L$: 90% of them",
              transform=axes.transAxes, va="top")
    axes.set(xlabel=r"$\alpha = D_{TV}^{max}$ between the two policies",
             ylabel=r"median distance from $\eta$(new)",
             title=rf"Theorem 1 is hundreds of times as far from $\eta$ as $L$ is ($\gamma$ = {args.gamma:g})")
    save_figure(figure, args.out, "section_3_bounds", args.show)
    for name, slack in numbers["slacks"].items():
        print(f"{name:>25}: smallest slack {slack.min():.2e}, median {np.median(slack):.2e}")
    penalty = numbers["slacks"]["(8), Theorem 1"] + numbers["loss"]
    print(f"the true error is at most {100 * np.max(numbers['loss'] / penalty):.2f}% of Theorem 1's penalty")
    print("Look for: how far each bound is from eta. Theorem 1's line is hundreds of times as far from it as that of "
          "L.")


if __name__ == "__main__":
    main()
