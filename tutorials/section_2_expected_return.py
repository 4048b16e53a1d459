"""Section 2: where a policy goes (rho), what that is worth (V), and what each action would add (A), on FrozenLake.

Look for: above, a policy that walks at random; below, one that takes the action with the highest advantage
of the first, but for a tenth of random steps. Its visitation rho moves towards the goal (G) and away from the holes
(H), and V rises in every state but those that end an episode. Arrows are the actions with a positive advantage: 31
above, 12 below.
Printed: both sides of Eq. (2), eta(new) = eta(old) + sum_s rho_new(s) sum_a new(a|s) A_old(s, a), which agree to
rounding.
Then change: --not-slippery. Transitions become certain: the second policy's eta rises to 0.677, for only its own random
steps lead it astray.
"""
from common import new_figure, save_figure, tutorial_parser
from mdps import gymnasium_mdp

import numpy as np

from trpo_numpy.expected_return import advantage, expected_return, expected_return_from, state_value, visitation

MAP = "SFFF" "FHFH" "FFFH" "HFFG"
ARROWS = [(-1, 0), (0, 1), (1, 0), (0, -1)]  # left, down, right, up, as Gymnasium numbers them


def compute(slippery=True):
    """The MDP, the two policies, and the two sides of Eq. (2)."""
    mdp = gymnasium_mdp("FrozenLake-v1", 0.95, is_slippery=slippery)
    random_walk = np.full((16, 4), 0.25)
    preferred = 0.1 * random_walk + 0.9 * np.eye(4)[advantage(mdp, random_walk).argmax(axis=1)]
    return {"mdp": mdp, "policies": {"random walk": random_walk, "90% its best action": preferred},
            "eta_old": expected_return(mdp, random_walk), "eta_new": expected_return(mdp, preferred),
            "right_side": expected_return_from(mdp, random_walk, preferred)}


def draw_map(figure, axes, x, title, log=False):
    """x (16,) as colours on the map, the letters of its squares above them."""
    from matplotlib.colors import LogNorm
    image = axes.imshow(x.reshape(4, 4), cmap="cividis", norm=LogNorm(vmin=0.05, vmax=10) if log else None)
    figure.colorbar(image, ax=axes, shrink=0.8)
    for s, letter in enumerate(MAP):
        axes.text(s % 4, s // 4, letter, ha="center", va="center", fontweight="bold",
                  color="black" if image.norm(x[s]) > 0.6 else "white")
    axes.set_title(title, fontsize=10.5, loc="center")
    axes.set(xticks=[], yticks=[])
    axes.grid(False)


def main():
    parser = tutorial_parser(__doc__)
    parser.add_argument("--not-slippery", action="store_true", help="moves go where they are meant to")
    args = parser.parse_args()
    numbers = compute(not args.not_slippery)
    mdp = numbers["mdp"]
    figure = new_figure(args.show, figsize=(8.5, 6))
    figure.suptitle("A policy that prefers the best action: $V$ rises, and fewer actions have $A > 0$")
    for row, (name, pi) in zip(figure.subplots(2, 3), numbers["policies"].items()):
        A = advantage(mdp, pi)
        draw_map(figure, row[0], visitation(mdp, pi), rf"{name}: $\rho$", log=True)
        draw_map(figure, row[1], state_value(mdp, pi), rf"$V$, with $\eta$ = {expected_return(mdp, pi):.4f}")
        draw_map(figure, row[2], A.max(axis=1), r"$\max_a A$; arrows: $A > 0$")
        for s, a in np.argwhere(A > 1e-9):
            dx, dy = ARROWS[a]
            row[2].arrow(s % 4 + 0.15 * dx, s // 4 + 0.15 * dy, 0.2 * dx, 0.2 * dy, width=0.03, color="#D55E00")
    save_figure(figure, args.out, "section_2_expected_return", args.show)
    print(f"eta of the random walk: {numbers['eta_old']:.6f}")
    print(f"Eq. (2): eta of the other, left side {numbers['eta_new']:.12f}, right side {numbers['right_side']:.12f}")
    print("Look for: below, visits gather at the goal G, V is higher, and fewer actions have an advantage above 0.")


if __name__ == "__main__":
    main()
