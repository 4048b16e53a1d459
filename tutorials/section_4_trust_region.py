"""Section 4: the step that each problem takes, for a policy with two parameters, one per state.

Look for: contours of L (grey). The max-KL region, Eq. (11), is a box, because each state has its own bound. The mean-KL
region, Eq. (12), is nearly an ellipse, longer where states are visited less. The penalty's step is a fifth of the other
steps. Policy gradient and the first candidate are as long as the quadratic model of the KL allows (prior_work.py also
has both with a fixed step). Policy gradient has a different direction: steepest ascent when distance is measured in
theta, not by the KL. For the same KL it gains less. The first candidate ends just outside the region, and TRPO's line
search shortens it. Compare the printed gains with their KLs.
Then change: --delta 0.5. The mean-KL region is no longer an ellipse. The natural gradient step ends inside the region,
so the line search has nothing to shorten. Or use --show, and move delta, the policy and the damping.

    python tutorials/section_4_trust_region.py --show       # a window with three sliders
    python tutorials/section_4_trust_region.py --gif        # the sliders, moved, as a moving picture too
"""
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from common import METHODS, ink, new_figure, save_figure, tutorial_parser, with_sliders

import numpy as np
from scipy.special import expit, logit

from trpo_numpy.checks import InputError
from trpo_numpy.expected_return import advantage, exact_surrogate, expected_return, visitation
from trpo_numpy.finite_mdp import FiniteMDP
from trpo_numpy.kl_bound import max_kl, penalty_coefficient
from trpo_numpy.line_search import step_length
from trpo_numpy.trpo import UpdateOptions, trust_region_step
from trpo_numpy.trust_region import bound_max_kl, bound_mean_kl, penalize_max_kl, visited_mean_kl

BOTH = np.eye(2)    # of two states, each has a logit of its own
LABELS = {"policy gradient": "policy gradient (18)", "natural gradient": r"first candidate, $\beta s$ (17)",
          "TRPO": "TRPO: line search (55)", "max KL": "bound on max KL (11)", "mean KL": "bound on mean KL (12)",
          "penalty": "penalty C of (9)"}


def two_state_mdp():
    """State 0 is visited more; in each, action 1 earns more now, and in state 1 it also leads back to state 0."""
    P = np.array([[[0.9, 0.1], [0.6, 0.4]], [[0.1, 0.9], [0.7, 0.3]]])
    return FiniteMDP(P, np.array([[0.0, 1.0], [0.0, 0.4]]), np.array([0.9, 0.1]), 0.8)


def table(theta, groups=BOTH):
    """pi (S, 2): in state s, action 1 has probability expit(theta_i), for s in group i: groups[s, i] = 1."""
    p = expit(groups @ theta)
    return np.stack([1 - p, p], axis=1)


@dataclass(frozen=True)
class Problem:
    """Eq. (12) at theta_old, exactly: what `trust_region_step` takes, and what the solutions of trust_region take."""
    L_old: float                # L at theta_old, which is eta
    g: np.ndarray               # (2,) the gradient of L, which is that of eta
    A: Callable                 # y -> Ay, the Hessian of the mean KL
    L_and_kl: Callable          # theta -> (L, mean KL)
    pi_old: np.ndarray          # (2, 2), of each group
    A_pi: np.ndarray            # (2, 2), the advantage in each group, averaged over its visits
    rho: np.ndarray             # (2,), the visits of each group
    C: float                    # the penalty coefficient of Eq. (9)


def exact_problem(mdp, theta_old, groups=BOTH):
    """The Problem of the policy theta_old on the MDP."""
    pi_old = table(theta_old, groups)
    rho_s = visitation(mdp, pi_old)                                 # (S,)
    rho = groups.T @ rho_s
    A_pi = groups.T @ (rho_s[:, None] * advantage(mdp, pi_old)) / rho[:, None]
    p = expit(theta_old)
    slope = p * (1 - p)                                             # d expit(theta_i) / d theta_i
    fisher = rho / rho.sum() * slope                                # A is diagonal

    def L_and_kl(theta):
        pi = table(theta, groups)
        return exact_surrogate(mdp, pi_old, pi), visited_mean_kl(rho_s, pi_old, pi)

    return Problem(expected_return(mdp, pi_old), rho * slope * (A_pi[:, 1] - A_pi[:, 0]), partial(np.multiply, fisher),
                   L_and_kl, table(theta_old), A_pi, rho, penalty_coefficient(mdp, pi_old))


def penalty_theta(problem):
    """theta after the step of Algorithm 1: the maximizer of L - C D_KL^max over the policies of the groups."""
    return logit(penalize_max_kl(problem.pi_old, problem.A_pi, problem.rho, problem.C)[0][:, 1])


def compute(delta=0.03, theta_old=(-0.5, 1.0), damping=0.0):
    """theta_old, delta, and theta after the step of each method."""
    mdp, theta_old = two_state_mdp(), np.array(theta_old)
    problem = exact_problem(mdp, theta_old)
    update = trust_region_step(theta_old, problem.L_old, problem.g, problem.A, problem.L_and_kl,
                               UpdateOptions(delta=delta, damping=damping, shrink=0.9))
    natural = update.candidates[0].beta * update.s                  # beta s of Appendix C: s = A^-1 g
    gradient = step_length(problem.g @ problem.A(problem.g), delta) * problem.g     # with the same quadratic KL
    exact = {name: logit(solve(problem.pi_old, problem.A_pi, problem.rho, delta)[0][:, 1])
             for name, solve in [("max KL", bound_max_kl), ("mean KL", bound_mean_kl)]}
    thetas = {"policy gradient": theta_old + gradient, "natural gradient": theta_old + natural,
              "TRPO": update.theta_new, **exact, "penalty": penalty_theta(problem)}
    return {"mdp": mdp, "theta_old": theta_old, "problem": problem, "delta": delta, "thetas": thetas}


EXACT = "mean KL", "max KL", "penalty"
WHITE = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}  # behind words, over the contours


def draw_steps(axes, numbers, x, y, methods):
    """The steps of the methods, contours of L, and the edges of the two regions on the grid of x and y."""
    problem, tables = numbers["problem"], [[table(np.array([x_i, y_j])) for x_i in x] for y_j in y]
    L = [[problem.L_and_kl(np.array([x_i, y_j]))[0] for x_i in x] for y_j in y]
    best, _ = problem.L_and_kl(numbers["thetas"]["mean KL"])          # at Eq. (12)'s solution, where L touches the edge
    axes.contour(x, y, L, levels=best + 0.2 * np.ptp(L) * np.arange(-5, 6), colors="0.8", linewidths=1, zorder=0)
    axes.contour(x, y, L, levels=[best], colors="black", linewidths=1)
    for name, kl in [("mean KL", partial(visited_mean_kl, problem.rho)), ("max KL", max_kl)]:
        axes.contour(x, y, [[kl(problem.pi_old, pi) for pi in row] for row in tables], levels=[numbers["delta"]],
                     linewidths=2.5, colors=METHODS[name]["color"], linestyles=[METHODS[name]["linestyle"]])
    for method in methods:
        theta = numbers["thetas"][method]
        axes.plot(*np.transpose([numbers["theta_old"], theta]), "-", color=METHODS[method]["color"], linewidth=2)
        color = METHODS[method]["color"]
        if method == "TRPO":                                            # its colour is that of the mean KL: hollow
            axes.plot(*theta, "o", markersize=8, markerfacecolor="white", markeredgecolor=color, markeredgewidth=2.5)
        else:
            axes.plot(*theta, "s" if method in EXACT else "o", color=color, markersize=8, markeredgecolor="black")
    axes.grid(False)
    axes.set(xlim=x[[0, -1]], ylim=y[[0, -1]])


def is_refused(thetas):
    """Whether the line search refuses the first candidate."""
    return not np.array_equal(thetas["TRPO"], thetas["natural gradient"])


def draw_regions(whole, numbers, span, width):
    """The regions around theta_old and the exact solutions; width is the panel's, in heights of it."""
    thetas, theta_old = numbers["thetas"], numbers["theta_old"]
    x, y = np.linspace((-0.5 - width * span, 1 - span), (-0.5 + width * span, 1 + span), 121).T
    draw_steps(whole, numbers, x, y, EXACT)
    whole.plot(*theta_old, "ko", markersize=8)
    whole.set(xlabel=r"$\theta_0$: logit of action 1 in state 0", ylabel=r"$\theta_1$: logit of action 1 in state 1",
              aspect="equal")
    for end, text, color, offset, side in [
            (theta_old, r"$\theta_{old}$", "black", (-6, -6), "right"),
            (thetas["penalty"], "penalty\n(9)", ink("penalty"), (-16, 14), "center"),
            (thetas["max KL"], "max KL\n(11)", ink("max KL"), (14, 12), "left"),
            (thetas["mean KL"], "mean KL\n(12)", ink("mean KL"), (14, -14), "left")]:
        name = whole.annotate(text, end, offset, textcoords="offset points", ha=side,
                              va="top" if offset[1] < 0 else "bottom", color=color, fontweight="bold", bbox=WHITE,
                              zorder=6, arrowprops=None if end is theta_old else {
                                  "arrowstyle": "-", "linewidth": 0.8, "shrinkB": 4})
        name.set_in_layout(False)           # or the panels of the moving picture would move with it
    for method, text, height in [("mean KL", r"mean KL $\leq\,\delta$", 0.96),
                                 ("max KL", r"max KL $\leq\,\delta$", 0.91)]:
        whole.text(0.03, height, text, transform=whole.transAxes, color=ink(method), fontweight="bold", bbox=WHITE)
    whole.text(0.03, 0.03, "thin lines: $L$ rises $\\rightarrow$\nblack: as high as at (12)",
               transform=whole.transAxes, bbox=WHITE)


def draw(figure, numbers, span):
    """The regions and the exact solutions; beside them the ends of all steps, enlarged."""
    whole, enlarged = figure.subplots(1, 2)
    thetas = numbers["thetas"]
    draw_regions(whole, numbers, span, width=0.7)
    whole.set_title("three exact solutions\n(dotted box: at the right)", fontsize=10.5)
    near = sorted([method for method in thetas if method != "penalty"], key=lambda method: thetas[method][1])
    ends = np.array([thetas[method] for method in near])
    low, size = ends.min(axis=0), np.ptp(ends, axis=0)
    draw_steps(enlarged, numbers, *np.linspace(low - 0.25 * size, low + (3, 1.25) * size, 61).T, thetas)
    for method, end, height in zip(near, ends, low[1] + np.linspace(-0.1, 1, len(near)) * size[1]):
        L, kl = numbers["problem"].L_and_kl(end)
        text = f"{LABELS[method]}\ngains {L - numbers['problem'].L_old:.3f}, KL {kl:.4f}"
        enlarged.annotate(text, end, (low[0] + 1.25 * size[0], height), color=ink(method),
                          va="center", fontweight="bold", bbox=WHITE,
                          arrowprops={"arrowstyle": "-", "linewidth": 0.8, "relpos": (0, 0.5)})
    enlarged.set_title("ends of five steps, axes stretched\n(line search: factor 0.9)", fontsize=10.5)
    enlarged.set(xlabel=r"$\theta_0$", ylabel=r"$\theta_1$")
    (left, right), (bottom, top) = enlarged.get_xlim(), enlarged.get_ylim()
    whole.indicate_inset((left, bottom, right - left, top - bottom), edgecolor="black", linestyle=":", alpha=1)


def draw_at(figure, log_delta, theta_0, damping):
    """The picture for the values of the sliders."""
    numbers = compute(10 ** log_delta, (theta_0, 1.0), damping)
    draw(figure, numbers, span=3.4)
    does = "refuses" if is_refused(numbers["thetas"]) else "takes"
    figure.suptitle(rf"$\delta$ = {10 ** log_delta:.3g}, damping {damping:.2g}: the line search {does} the first "
                    "candidate", ha="left", x=0.01)


def main():
    parser = tutorial_parser(__doc__)
    parser.add_argument("--delta", type=float, default=0.03, help="bound on the KL, nats (default: 0.03)")
    parser.add_argument("--damping", type=float, default=0.0, help="added to A in CG (default: 0)")
    parser.add_argument("--gif", action="store_true", help="write a moving picture of the sliders too")
    args = parser.parse_args()
    if not 0 < args.delta < np.inf:
        raise InputError(f"delta: got {args.delta}, wanted a finite number above 0")
    numbers = compute(args.delta, damping=args.damping)
    span = 1.7 * max(1, np.sqrt(args.delta / 0.03))
    regions, steps = new_figure(args.show, figsize=(8.5, 5.6)), new_figure(args.show, figsize=(8.5, 5.6))
    draw_regions(regions.subplots(), numbers, 0.83 * span, width=1.5)
    regions.suptitle("Eq. (11) allows a box, Eq. (12) a region that is longer\n"
                     rf"where states are visited less ($\delta$ = {args.delta:g})", ha="left", x=0.01)
    save_figure(regions, args.out, "section_4_trust_region", show=False)
    draw(steps, numbers, span)
    steps.suptitle("The first candidate leaves the region of Eq. (12), and the line search\n"
                   rf"brings it back ($\delta$ = {args.delta:g})"
                   if is_refused(numbers["thetas"]) else "The first candidate lies inside the region", ha="left",
                   x=0.01)
    save_figure(steps, args.out, "section_4_trust_region_steps", show=False)
    mdp, problem = numbers["mdp"], numbers["problem"]
    for method, theta in numbers["thetas"].items():
        L, kl = problem.L_and_kl(theta)
        gain = expected_return(mdp, table(theta)) - problem.L_old
        print(f"{LABELS[method]:>29}: gain in L {L - problem.L_old:.4f}, in eta {gain:.4f}, mean KL {kl:.4f}, "
              f"max KL {max_kl(problem.pi_old, table(theta)):.4f}")
    print("Look for: the first candidate is outside the mean-KL region. TRPO's line search brings it back inside. "
          "Policy gradient's end gains more than TRPO's, but its KL is above delta.")
    if args.show or args.gif:
        ranges = {r"$\log_{10}\delta$": (-4, -1, np.log10(args.delta)), r"$\theta_0$": (-1.5, 0.5, -0.5),
                  "damping": (0, 1, args.damping)}
        moves = [(i, float(value)) for i, low, high, back in [(0, -2, -1, -1.5), (1, -1.5, 0, -0.5), (2, 0, 0.5, 0)]
                 for value in np.concatenate([np.linspace(low, high, 7), np.linspace(high, back, 4)[1:]])]
        with_sliders(args, "section_4_trust_region", ranges, draw_at, moves, height=6.4)


if __name__ == "__main__":
    main()
