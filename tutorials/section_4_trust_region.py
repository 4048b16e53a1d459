"""Section 4: the step that each problem takes, for a policy with two parameters, one per state.

Look for: contours of eta (left) and of L (right), which agree near theta_old. The max-KL region, Eq. (11), is a box:
each state has its own bound. The mean-KL region, Eq. (12), is nearly an ellipse, longer where states are visited less.
The penalty's step is a fifth of the others. A policy gradient step as long as the natural gradient's points elsewhere:
it is steepest in theta, not in the policies' own metric. The natural gradient's step, which believes in the quadratic
model of the KL and is as long as that allows (prior_work.py has the other kind, a fixed step), ends just outside the
region; TRPO's line search brings it back. The gains that are printed go with KLs that differ: policy gradient's is the
largest, and paid for with the most KL.
Then change: delta in compute to 0.5. The mean-KL region is no ellipse any more; eta and L differ within it; and the
natural gradient's step ends inside it, so that there is nothing to bring back.
"""
from common import new_figure, save_figure, tutorial_parser

import numpy as np
from scipy.special import expit, logit

from trpo_numpy.exact_surrogate import exact_surrogate
from trpo_numpy.expected_return import advantage, expected_return, visitation
from trpo_numpy.finite_mdp import FiniteMDP
from trpo_numpy.kl_bound import max_kl, penalty_coefficient
from trpo_numpy.trust_region import bound_max_kl, bound_mean_kl, penalize_max_kl, visited_mean_kl


def two_state_mdp():
    """State 0 is visited more; in each, action 1 earns more now, and in state 1 it also leads back to state 0."""
    P = np.array([[[0.9, 0.1], [0.6, 0.4]], [[0.1, 0.9], [0.7, 0.3]]])
    return FiniteMDP(P, np.array([[0.0, 1.0], [0.0, 0.4]]), np.array([0.9, 0.1]), 0.8)


def table(theta):
    """pi (2, 2): in state s, action 1 has probability expit(theta_s)."""
    p = expit(theta)
    return np.stack([1 - p, p], axis=1)


def compute(delta=0.03):
    """theta_old, delta, and theta after the step of each method."""
    mdp, theta_old = two_state_mdp(), np.array([-0.5, 1.0])
    pi_old = table(theta_old)
    A, rho = advantage(mdp, pi_old), visitation(mdp, pi_old)
    spread = pi_old[:, 0] * pi_old[:, 1]                        # d expit(theta_s) / d theta_s
    g = rho * spread * (A[:, 1] - A[:, 0])                      # gradient of L, which is that of eta
    fisher = rho / rho.sum() * spread                           # the diagonal of A, the metric of the mean KL
    natural = g / fisher * np.sqrt(2 * delta / (g / fisher @ g))  # beta s of Appendix C: s = A^-1 g
    trpo = natural  # the line search of Appendix C, with a factor of 0.9; L improves at each candidate here
    while visited_mean_kl(rho, pi_old, table(theta_old + trpo)) > delta:
        trpo = 0.9 * trpo
    steps = {"policy gradient (18)": g / np.linalg.norm(g) * np.linalg.norm(natural),
             "natural gradient (17)": natural, "TRPO: with line search": trpo}
    exact = {"max KL (11)": bound_max_kl(pi_old, A, rho, delta)[0],
             "mean KL (12)": bound_mean_kl(pi_old, A, rho, delta)[0],
             "penalty C of (9)": penalize_max_kl(pi_old, A, rho, penalty_coefficient(mdp, pi_old))[0]}
    thetas = {**{name: theta_old + step for name, step in steps.items()},
              **{name: logit(pi[:, 1]) for name, pi in exact.items()}}
    return {"mdp": mdp, "theta_old": theta_old, "pi_old": pi_old, "rho": rho, "delta": delta, "thetas": thetas}


def main():
    args = tutorial_parser(__doc__).parse_args()
    numbers = compute()
    mdp, theta_old, pi_old, delta = (numbers[key] for key in ("mdp", "theta_old", "pi_old", "delta"))
    n = 25 if args.quick else 101
    span = 1.3 * np.sqrt(delta / 0.03)
    x, y = (np.linspace(theta - span, theta + span, n) for theta in theta_old)
    tables = [[table(np.array([x_i, y_j])) for x_i in x] for y_j in y]
    eta = np.array([[expected_return(mdp, pi) for pi in row] for row in tables])
    L = np.array([[exact_surrogate(mdp, pi_old, pi) for pi in row] for row in tables])
    max_region = np.array([[max_kl(pi_old, pi) for pi in row] for row in tables])
    mean_region = np.array([[visited_mean_kl(numbers["rho"], pi_old, pi) for pi in row] for row in tables])

    figure = new_figure(args.show, figsize=(12, 5.8))
    for axes, z, name in zip(figure.subplots(1, 2), (eta, L), (r"$\eta$", r"$L_{\theta_{old}}$")):
        lines = axes.contour(x, y, z, levels=np.linspace(eta.min(), eta.max(), 16), cmap="cividis", linewidths=1)
        axes.clabel(lines, fontsize=7)
        axes.contour(x, y, max_region, levels=[delta], colors="C1", linestyles="--")
        axes.contour(x, y, mean_region, levels=[delta], colors="C0")
        axes.plot([], [], "--", color="C1", label=rf"max KL = $\delta$ = {delta}")
        axes.plot([], [], "-", color="C0", label=r"mean KL = $\delta$")
        for (method, theta), marker in zip(numbers["thetas"].items(), "vs^DPX"):
            axes.plot(*theta, marker, markersize=8, linestyle="", label=method, markeredgecolor="black")
        axes.plot(*theta_old, "ko", markersize=5, label=r"$\theta_{old}$")
        axes.set(xlabel=r"$\theta_0$, logit of action 1 in state 0", ylabel=r"$\theta_1$, logit of action 1 in state 1",
                 title=f"contours of {name} (discounted return)", aspect="equal")
    figure.axes[0].legend(fontsize=8, loc="lower left")
    figure.tight_layout()
    save_figure(figure, args.out, "section_4_trust_region", args.show)
    for method, theta in numbers["thetas"].items():
        pi = table(theta)
        promised, kept = (f(mdp, *policies) - expected_return(mdp, pi_old)
                          for f, policies in [(exact_surrogate, (pi_old, pi)), (expected_return, (pi,))])
        print(f"{method:>23}: gain in L {promised:.4f}, in eta {kept:.4f}, mean KL "
              f"{visited_mean_kl(numbers['rho'], pi_old, pi):.4f}, max KL {max_kl(pi_old, pi):.4f}")


if __name__ == "__main__":
    main()
