"""Section 4: the trust region climbs eta. The same task in two units of reward: TRPO, natural gradient, Algorithm 1.

Someone walks along six rooms; the way on from the last leads back to the first, with a reward of 1. Action 1 leads on
and action 0 leads back, but in two rooms the two actions are swapped. The policy cannot tell the rooms of one half from
each other: theta has one logit for each half. So the best policy is a random one, and eta is a hill whose maximum lies
inside the picture. Everything is exact: eta, L, the KL, g and A.

Look for: the filled blue region is where the mean KL from TRPO's present policy is at most delta; the outlines are
those of the steps before. Each of TRPO's steps ends inside this region, and eta reaches the maximum in ten steps. On
the right the reward counts double: TRPO takes the same steps, because the KL does not depend on the rewards. Natural
gradient has a fixed 1/lambda. It climbs well on the left. On the right g is twice as long, and so are its steps: it
overshoots each time and never reaches the maximum.
Under Algorithm 1 eta cannot fall, and it too takes the same steps on both hills, as its penalty coefficient doubles
with the reward (212, 424). But its steps are tiny: in twenty iterations theta moves by 0.02.
At the maximum TRPO moves back and forth: each step has a KL between 0.64 delta and delta, while natural gradient's
steps get shorter as g does. In this task L is linear in the probability of each half, so it rises along the whole step,
and the line search's test of L refuses nothing. Where L has a maximum along the step, this test makes it shorter.
Then change: --step 0.5, and natural gradient climbs both hills; --step 2, and it climbs neither. Or --delta 0.05:
TRPO's regions are so wide that TRPO overshoots too, because L counts visits as the old policy made them. A bound in
nats is no guarantee, but nats are a unit of the policy, whatever the rewards are.

    python tutorials/uphill.py          # writes uphill.gif, in half a minute
"""
from dataclasses import replace
from functools import partial

from common import METHODS, ink, new_figure, save_gif, show_windows, tutorial_parser
from mdps import HALVES, rooms
from section_4_trust_region import WHITE, exact_problem, penalty_theta, table

import numpy as np
from scipy.optimize import brentq

from trpo_numpy.conjugate_gradient import conjugate_gradient
from trpo_numpy.expected_return import expected_return
from trpo_numpy.trpo import UpdateOptions, trust_region_step

LABELS = {"TRPO": ("TRPO", "o", 8), "natural gradient": ("natural gradient, fixed factor", "s", 10.5),
          "Algorithm 1": ("Algorithm 1", "D", 12)}     # name, marker, and its size, so that none hides another


START = np.array([-2.0, -1.5])


def compute(n_iterations=20, delta=0.01, step=0.9, unit=1.0):
    """The MDP, its rewards times unit; {method: thetas (n_iterations + 1, 2)}; their etas; the mean KLs of TRPO."""
    mdp, kls = rooms(), []
    mdp = replace(mdp, r=unit * mdp.r)
    thetas = {method: [START] for method in LABELS}
    for _ in range(n_iterations):
        theta = thetas["TRPO"][-1]
        at = exact_problem(mdp, theta, HALVES)
        update = trust_region_step(theta, at.L_old, at.g, at.A, at.L_and_kl, UpdateOptions(delta=delta))
        thetas["TRPO"].append(update.theta_new)
        kls.append(update.kl_new)
        theta = thetas["natural gradient"][-1]
        at = exact_problem(mdp, theta, HALVES)
        s, _ = conjugate_gradient(at.A, at.g, iterations=2, damping=0.0)
        thetas["natural gradient"].append(theta + step * s)                     # Eq. (17): step is 1/lambda
        at = exact_problem(mdp, thetas["Algorithm 1"][-1], HALVES)
        thetas["Algorithm 1"].append(penalty_theta(at))
    etas = {name: [expected_return(mdp, table(theta, HALVES)) for theta in path] for name, path in thetas.items()}
    return {"mdp": mdp, "thetas": {name: np.array(path) for name, path in thetas.items()}, "etas": etas, "kls": kls,
            "delta": delta, "unit": unit}


def draw_hill(hill, numbers):
    """The contours of eta on axes, with a cross at the maximum, which is returned."""
    x = np.linspace(-3, 3, 61)
    eta = np.array([[expected_return(numbers["mdp"], table(np.array([x_i, y_i]), HALVES)) for x_i in x] for y_i in x])
    hill.contourf(x, x, eta, levels=10, cmap="Greys_r", alpha=0.35)
    hill.contour(x, x, eta, levels=10, colors="white", linewidths=1)
    hill.plot(x[eta.max(axis=0).argmax()], x[eta.max(axis=1).argmax()], "k+", markersize=12, zorder=9)
    hill.grid(False)
    hill.set(xlabel=r"$\theta_0$", ylabel=r"$\theta_1$", aspect="equal", xlim=(-3, 3), ylim=(-3, 3), xticks=[],
             yticks=[], title=f"the reward is {numbers['unit']:g}")
    return eta.max()


def draw_still(axes, numbers):
    """What does not move: the hill, and the axes of eta by iteration."""
    hill, curves = axes
    highest = draw_hill(hill, numbers)
    curves.axhline(highest, color="black", linestyle=":", linewidth=1)
    curves.text(0.2, 1.04 * highest, "maximum", va="bottom")
    curves.set(xlabel="iteration", ylabel=r"return $\eta$", xlim=(-0.5, len(numbers["kls"]) + 0.5),
               ylim=(0, 1.35 * highest), xticks=range(0, len(numbers["kls"]) + 1, 5))


def name_methods(axes):
    """The names of the methods in one row, each in its colour and after its marker."""
    for x, (method, (label, marker, size)) in zip((0.015, 0.235, 0.79), LABELS.items()):
        axes.plot(x, 0, marker, color=METHODS[method]["color"], markersize=size, markeredgecolor="black",
                  clip_on=False)
        axes.text(x + 0.027, 0, label, color=ink(method), fontweight="bold", va="center")
    axes.set(xlim=(0, 1), ylim=(-1, 1))
    axes.axis("off")


def region(numbers, theta, n_rays=60):
    """Points (n_rays, 2) on the edge of {mean KL <= delta} around theta; along a ray the KL only rises."""
    L_and_kl = exact_problem(numbers["mdp"], theta, HALVES).L_and_kl
    rays = [np.array([np.cos(angle), np.sin(angle)]) for angle in np.linspace(0, 2 * np.pi, n_rays)]

    def excess(r, ray):
        return min(L_and_kl(theta + r * ray)[1] - numbers["delta"], 1.0)    # far away the KL is infinite

    return [theta + brentq(excess, 0, 1e4, args=(ray,)) * ray for ray in rays]


def draw_moment(axes, numbers, edges, i, part):
    """The part of iteration i + 1 that is done, from 0 to 1: the paths so far, and TRPO's region at iteration i."""
    hill, curves = axes
    for artist in [a for panel in axes for a in panel.get_children() if a.get_gid() == "moves"]:
        artist.remove()
    hill.fill(*edges[i].T, color=METHODS["TRPO"]["color"], alpha=0.3, gid="moves")
    for method, path in reversed(numbers["thetas"].items()):        # TRPO last, on top of the others
        here = path[i] + part * (path[min(i + 1, len(path) - 1)] - path[i])
        etas, (_, marker, size) = numbers["etas"][method][:i + 1], LABELS[method]
        style = {**METHODS[method], "gid": "moves", "marker": marker, "markersize": 4,
                 "linewidth": 2 if method == "TRPO" else 1.3}
        hill.plot(*np.vstack([path[:i + 1], here]).T, **style)
        hill.plot(*here, **{**style, "markersize": size, "markeredgecolor": "black"})
        curves.plot(etas, **style)
    if part == 0:
        hill.plot(*edges[i].T, color=METHODS["TRPO"]["color"], linestyle="-", linewidth=0.7, alpha=0.6, gid="edge")


def draw_moments(panels, tasks, edges, i, part):
    """`draw_moment` for each of the tasks, in its panels; of TRPO's regions the last three are kept."""
    for axes, numbers in zip(panels, tasks):
        draw_moment(axes, numbers, edges, i, part)
        for edge in [line for line in axes[0].lines if line.get_gid() == "edge"][:-3]:
            edge.remove()


def main():
    parser = tutorial_parser(__doc__)
    parser.add_argument("--delta", type=float, default=0.01, help="bound on the mean KL, nats (default: 0.01)")
    parser.add_argument("--step", type=float, default=0.9, help="natural gradient's 1/lambda (default: 0.9)")
    args = parser.parse_args()
    n = 2 if args.quick else 20
    tasks = [compute(n, args.delta, args.step, unit) for unit in (1.0, 2.0)]
    figure = new_figure(args.show, figsize=(6.3, 5.3))      # not 8.5 inches: so its text is larger on the front page
    figure.suptitle("Double the rewards: TRPO's steps stay the same,\na fixed factor chosen on the left overshoots",
                    ha="left", x=0.01)
    places = figure.subplot_mosaic([["names", "names"], ["hill 1", "hill 2"], ["eta 1", "eta 2"]],
                                   height_ratios=[0.2, 2.9, 1])
    name_methods(places["names"])
    panels = [(places[f"hill {i}"], places[f"eta {i}"]) for i in (1, 2)]
    for axes, numbers in zip(panels, tasks):
        draw_still(axes, numbers)
        axes[0].text(-1.65, -1.8, "start", va="center")
    panels[0][0].text(2.9, -2.75, rf"region: mean KL $\leq\,\delta$ = {args.delta:g}", ha="right", fontweight="bold",
                      color=METHODS["TRPO"]["color"], bbox=WHITE)
    panels[1][0].text(-2.9, -2.75, "lighter: higher $\\eta$; +: maximum", bbox=WHITE)
    edges = [np.array(region(tasks[0], theta)) for theta in tasks[0]["thetas"]["TRPO"]]
    moments = [partial(draw_moments, panels, tasks, edges, i, part) for i in range(n) for part in (0, 0.5)]
    moments.append(partial(draw_moments, panels, tasks, edges, n, 0))
    save_gif(figure, args.out / "uphill.gif", moments, milliseconds=200, width=1050, stay=4000)
    for numbers in tasks:
        for method, path in numbers["thetas"].items():
            moved = np.linalg.norm(path[-1] - path[0])
            print(f"the reward is {numbers['unit']:g}, {method:>16}: moved by {moved:.3f}; eta "
                  + " ".join(f"{eta:.3f}" for eta in numbers["etas"][method]))
    print("Look for: TRPO takes the same steps for both rewards; a fixed factor does not. Algorithm 1 hardly moves.")
    show_windows(args.show)


if __name__ == "__main__":
    main()
