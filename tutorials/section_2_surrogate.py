"""Section 2, Eqs. (3) and (4): L touches eta at theta_old, with the same slope, and then they part.

Look for: along a line through theta_old, eta and L have one value and one tangent at t = 0. Away from it they part,
for L still counts visits as the old policy made them: to the left it even promises a negative return, which FrozenLake
cannot give. How far can L be trusted? That is Section 3.
Then change: --seed. Another theta_old; the touching stays, the parting differs.
"""
from common import METHODS, central_difference, new_figure, save_figure, tutorial_parser
from mdps import gymnasium_mdp

import numpy as np

from trpo_numpy.categorical import Categorical
from trpo_numpy.expected_return import exact_surrogate, expected_return, grad_exact_surrogate
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy

STATES = np.eye(16)  # the 16 states of FrozenLake as one-hot vectors


def table(policy, theta):
    """pi_theta as a table (16, 4): a softmax in each state."""
    return np.exp(policy.family.log_p(policy.mu(theta, STATES)))


def compute(seed, n_points=81):
    """eta and L at theta_old + t v, v the normalised policy gradient, and their slopes at t = 0."""
    mdp = gymnasium_mdp("FrozenLake-v1", 0.95)
    policy = Policy(MLP((16, 4)), Categorical((4,)))  # no hidden layer, one-hot states: a tabular softmax
    theta_old = 0.5 * np.random.default_rng(seed).standard_normal(policy.n_parameters)
    pi_old = table(policy, theta_old)
    mu, cache = policy.forward(theta_old, STATES)
    dL_dmu = policy.family.M_product(mu, grad_exact_surrogate(mdp, pi_old))     # M is the derivative of the softmax
    g = policy.vjp(theta_old, cache, dL_dmu)
    v = g / np.linalg.norm(g)
    t = np.linspace(-6, 8, n_points)
    tables = [table(policy, theta_old + t_i * v) for t_i in t]
    slope_of_eta = central_difference(lambda theta: expected_return(mdp, table(policy, theta)), theta_old, v, 1e-4)
    return {"t": t, "eta": np.array([expected_return(mdp, pi) for pi in tables]),
            "L": np.array([exact_surrogate(mdp, pi_old, pi) for pi in tables]),
            "eta_old": expected_return(mdp, pi_old), "slope_of_L": g @ v, "slope_of_eta": slope_of_eta}


def main():
    args = tutorial_parser(__doc__).parse_args()
    numbers = compute(args.seed, 21 if args.quick else 81)
    t, eta_old, slope = numbers["t"], numbers["eta_old"], numbers["slope_of_L"]
    figure = new_figure(args.show, figsize=(7.5, 4.6))
    axes = figure.subplots()
    axes.plot(t, numbers["L"], linewidth=2.5, **METHODS["L"])
    axes.plot(t, numbers["eta"], linewidth=2.5, **METHODS["eta"])
    near = abs(t) < 2.5
    axes.plot(t[near], eta_old + slope * t[near], ":", color="gray")
    axes.plot(0, eta_old, "ko")
    for name, text, up in [("eta", r"$\eta$: the expected return itself", 1),
                           ("L", r"$L$: with the old policy's visits", -1)]:
        axes.annotate(text, (t[-1], numbers[name][-1]), (0, 12 * up), textcoords="offset points", ha="right",
                      va="bottom" if up > 0 else "top", color=METHODS[name]["color"], fontweight="bold")
    axes.annotate(rf"$\theta_{{old}}$: one value, one tangent (slope {slope:.5f})", (0, eta_old), (12, -24),
                  textcoords="offset points", va="top")
    axes.set(xlabel=r"$t$, with $\theta = \theta_{old} + t\,v$ and $v$ along the policy gradient, $|v| = 1$",
             ylabel="discounted return", title=r"$L$ touches $\eta$ at $\theta_{old}$, then parts from it (FrozenLake)")
    save_figure(figure, args.out, "section_2_surrogate", args.show)
    print(f"slope at theta_old: of L {slope:.10f}, of eta {numbers['slope_of_eta']:.10f}")
    print(f"at t = {t[-1]:.0f}: L promises {numbers['L'][-1]:.4f}, eta is {numbers['eta'][-1]:.4f}")
    print("Look for: at t = 0 both curves have one value and one tangent; L leaves eta; it need not stay below.")


if __name__ == "__main__":
    main()
