"""Section 2: where a policy goes (rho), what that is worth (V), and which actions would add to it (A), on FrozenLake.

Look for: the upper maps show a policy that walks at random. The lower maps show a second policy: it takes the action
with the highest advantage of the first policy, except for a tenth of random steps. The visitation rho of the second
policy moves towards the goal (G) and away from the holes (H), and V rises in every state except those that end an
episode. Arrows are the actions with a positive advantage: 31 above, 12 below.
Printed: the two sides of Eq. (2), eta(new) = eta(old) + sum_s rho_new(s) sum_a new(a|s) A_old(s, a), which are equal
up to rounding.
Then change: --not-slippery. Transitions become certain: the second policy's eta rises to 0.677, because only its own
random steps lead it astray.
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
    return {"mdp": mdp, "policies": {"random walk": random_walk, "90% the walk's best action": preferred},
            "eta_old": expected_return(mdp, random_walk), "eta_new": expected_return(mdp, preferred),
            "right_side": expected_return_from(mdp, random_walk, preferred)}


def draw_map(axes, x, norm):
    """x (16,) as colours on the map, the letters of its squares above them."""
    axes.imshow(x.reshape(4, 4), cmap="cividis", norm=norm)
    for s, letter in enumerate(MAP):
        corner = 0.32 if letter == "S" else 0       # out of the way of its arrows
        axes.text(s % 4 - corner, s // 4 - corner, letter.replace("F", ""), ha="center", va="center", fontsize=13,
                  fontweight="bold", color="black" if norm(x[s]) > 0.6 else "white")
    axes.set(xticks=[], yticks=[])
    axes.grid(False)


def main():
    parser = tutorial_parser(__doc__)
    parser.add_argument("--not-slippery", action="store_true", help="moves go where they are meant to")
    args = parser.parse_args()
    from matplotlib.colors import LogNorm
    numbers = compute(not args.not_slippery)
    mdp = numbers["mdp"]
    figure = new_figure(args.show, figsize=(7.5, 7.2))
    figure.suptitle("A policy that prefers the best action: $V$ rises, fewer $A$ are above 0",
                    ha="left", x=0.01)
    panels = figure.subplots(2, 2)
    norms = [LogNorm(0.05, 10, clip=True), LogNorm(0.001, 1, clip=True)]
    for row, (name, pi) in zip(panels, numbers["policies"].items()):
        A = advantage(mdp, pi)
        for axes, x, norm in zip(row, [visitation(mdp, pi), state_value(mdp, pi)], norms):
            draw_map(axes, x, norm)
        row[0].set_ylabel(f"{name}\n$\\eta$ = {expected_return(mdp, pi):.4f}", fontweight="bold")
        for s, a in np.argwhere(A > 1e-9):
            dx, dy = ARROWS[a]
            row[1].arrow(s % 4 + 0.12 * dx, s // 4 + 0.12 * dy, 0.08 * dx, 0.08 * dy, width=0.05,
                         facecolor="white", edgecolor="black")
    for axes, title in zip(panels[0], [r"visits $\rho$", "value $V$; arrows: $A > 0$"]):
        axes.set_title(title)
    for column in panels.T:
        figure.colorbar(column[0].images[0], ax=column, location="bottom", shrink=0.9, aspect=15, pad=0.03)
    save_figure(figure, args.out, "section_2_expected_return", args.show)
    print(f"eta of the random walk: {numbers['eta_old']:.6f}")
    print(f"Eq. (2): eta of the other, left side {numbers['eta_new']:.12f}, right side {numbers['right_side']:.12f}")
    print("Look for: in the lower maps the goal G has 16 times as many visits, V is higher, and fewer "
          "actions have A above 0.")


if __name__ == "__main__":
    main()
