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
    axes.imshow(x.reshape(4, 4), cmap="viridis", norm=norm)
    for s, letter in enumerate(MAP):
        corner = 0.27 if letter == "S" else 0       # out of the way of its arrows
        axes.text(s % 4 - corner, s // 4 - corner, letter.replace("F", ""), ha="center", va="center", fontsize=13,
                  fontweight="bold", color="black" if norm(x[s]) > 0.6 else "white")
    axes.set(xticks=[], yticks=[])
    axes.grid(False)


def draw(figure, numbers):
    """Visits, and value with the actions of positive advantage: of the old policy above, of the new one below."""
    from matplotlib.colors import LogNorm
    mdp, policies = numbers["mdp"], numbers["policies"]
    norms = [LogNorm(0.05, 10, clip=True), LogNorm(0.001, 1, clip=True)]
    visits = [visitation(mdp, pi) for pi in policies.values()]
    arrows = [np.argwhere(advantage(mdp, pi) > 1e-9) for pi in policies.values()]
    times = f"{visits[1][15] / visits[0][15]:.0f} times"
    figure.suptitle(f"The new policy visits the goal {times} as often", ha="left", x=0.01)
    body = figure.subfigures()
    body.suptitle("Eq. (2) multiplies the framed visits by the old policy's advantages (arrows: $A > 0$; colours: $V$)",
                  ha="left", x=0.01, fontsize=11, fontweight="normal")
    parts = body.subfigures(2, 1, height_ratios=[1, 1.25])
    panels = np.array([part.subplots(1, 2) for part in parts])
    for part, row, rho, some, (name, pi), which in zip(parts, panels, visits, arrows, policies.items(), ("old", "new")):
        for axes, x, norm in zip(row, [rho, state_value(mdp, pi)], norms):
            draw_map(axes, x, norm)
        part.suptitle(f"{which}: {name}, $\\eta$ = {expected_return(mdp, pi):.4f}", ha="left", x=0.01, fontsize=11)
        for s, a in some:
            dx, dy = ARROWS[a]
            row[1].arrow(s % 4 + 0.12 * dx, s // 4 + 0.12 * dy, 0.08 * dx, 0.08 * dy, width=0.05,
                         facecolor="white", edgecolor="black")
    titles = [r"visits $\rho$", rf"value $V$; {len(arrows[0])} arrows: $A > 0$",
              f"{times} as many visits of G", rf"higher $V$; {len(arrows[1])} arrows"]
    for axes, title in zip(panels.flat, titles):
        axes.set_title(title)
    for axes in (panels[0, 1], panels[1, 0]):
        axes.spines[:].set(visible=True, linewidth=5)
    for axes, label in zip(panels[1], [r"discounted visits $\rho$", "discounted value $V$; in H and G it is 0"]):
        figure.colorbar(axes.images[0], cax=axes.inset_axes((0, -0.12, 1, 0.05)), orientation="horizontal", label=label)


def main():
    parser = tutorial_parser(__doc__)
    parser.add_argument("--not-slippery", action="store_true", help="moves go where they are meant to")
    args = parser.parse_args()
    numbers = compute(not args.not_slippery)
    figure = new_figure(args.show, figsize=(8.5, 8.4))
    draw(figure, numbers)
    ice = "no ice" if args.not_slippery else "slippery ice: two of three moves go to the right or left of the action"
    figure.supxlabel(f"S start, G goal, with reward 1, H hole; {ice}", fontsize=10.5)
    save_figure(figure, args.out, "section_2_expected_return", args.show)
    print(f"eta of the random walk: {numbers['eta_old']:.6f}")
    print(f"Eq. (2): eta of the other, left side {numbers['eta_new']:.12f}, right side {numbers['right_side']:.12f}")
    print("Look for: in the lower maps the goal G has 16 times as many visits, V is higher, and fewer "
          "actions have A above 0.")


if __name__ == "__main__":
    main()
