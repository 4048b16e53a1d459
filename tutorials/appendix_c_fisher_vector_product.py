"""Appendix C.1: J'MJv is the Hessian of the KL at theta_old, times v, and in general not elsewhere.

Look for: left, the mean KL along a line through theta_old. At theta_old the value and the slope of the KL are 0 ("the
KL is always zero: is it a bug?"), but its curvature is v'Av. The printout compares J'MJv at theta_old with the Hessian
of the KL times v, computed by differences of the KL's gradient. Right: the difference of the two products away from
theta_old. There the second term of Eq. (57), kl' times the second derivative of mu, is not 0, and grows with the
distance.
Then change: --hidden, with no number after it. Without a hidden layer mu is linear in theta, the second term is zero
everywhere, and the curves on the right fall to rounding error.
"""
from functools import partial

from common import central_difference, new_figure, save_figure, tutorial_parser

import numpy as np

from trpo_numpy.categorical import Categorical
from trpo_numpy.fisher import fisher_vector_product, grad_mean_kl, mean_kl
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy


def gradient_of_mean_kl(policy, states, mu_old, theta):
    """The gradient (P,) of the mean KL(old || theta) with respect to theta."""
    mu, cache = policy.forward(theta, states)
    return policy.vjp(theta, cache, grad_mean_kl(policy.family, mu_old, mu))


def first_term(policy, states, mu_old, theta, v):
    """J' kl'' J v at any theta, the first term of Eq. (57); kl'' J v is the change of kl' as mu moves along Jv."""
    mu, cache = policy.forward(theta, states)
    kl_prime = partial(grad_mean_kl, policy.family, mu_old)
    return policy.vjp(theta, cache, central_difference(kl_prime, mu, policy.jvp(theta, cache, v), 1e-5))


def name_axes(along, second):
    """What the two panels show."""
    along.plot([], [], "k:", linewidth=2, label=r"model $\frac{1}{2}t^2 v^T\!Av$")
    along.set(xlabel=r"$t$, with $\theta = \theta_{old} + t\,v$, $|v| = 1$", title="value 0, slope 0, curvature not 0",
              ylabel=r"mean KL$(\theta_{old}\,\|\,\theta)$ (nats)")
    along.legend(loc="upper center")
    second.set(xlabel=r"distance $|\theta - \theta_{old}|$", ylabel="second term of Eq. (57) / whole",
               title=r"the second term vanishes only at $\theta_{old}$")
    second.legend(loc="upper left")


def main():
    parser = tutorial_parser(__doc__)
    parser.add_argument("--hidden", type=int, nargs="*", default=[16, 16], help="hidden layers (default: 16 16)")
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    hidden, N = args.hidden, 20 if args.quick else 500
    states = rng.standard_normal((N, 3))
    distances = np.logspace(-6, 0, 13)
    figure = new_figure(args.show, figsize=(8.5, 4.5))
    figure.suptitle(r"$J^T\!MJ$ is the Hessian of the KL at $\theta_{old}$, and not elsewhere", ha="left", x=0.01)
    along, second = figure.subplots(1, 2)

    for family, color, line, look in [     # the squares alone, so that the dotted model is seen between them
            (Gaussian(2), "0.35", "o-", {"linestyle": "-", "linewidth": 3}),
            (Categorical((4,)), "black", "s--", {"linestyle": "none", "marker": "s", "markersize": 5, "markevery": 4})]:
        name = type(family).__name__
        policy = Policy(MLP((3, *hidden, family.d_output)), family)
        theta_old = policy.initial(rng, 0.0) + 0.5 * rng.standard_normal(policy.n_parameters)
        v = rng.standard_normal(policy.n_parameters)
        v /= np.linalg.norm(v)
        mu_old, cache = policy.forward(theta_old, states)
        gradient = partial(gradient_of_mean_kl, policy, states, mu_old)

        Av = fisher_vector_product(policy, theta_old, cache, mu_old, v)
        Hv = central_difference(gradient, theta_old, v, 1e-5)
        agreement = np.linalg.norm(Av - Hv) / np.linalg.norm(Hv)
        print(f"{name:>11} at theta_old: KL {mean_kl(family, mu_old, mu_old):.1e}, norm of its gradient "
              f"{np.linalg.norm(gradient(theta_old)):.1e}, v'Av {v @ Av:.4f}; J'MJv and Hv differ by {agreement:.1e}")

        t = np.linspace(-0.5, 0.5, 41)
        along.plot(t, [mean_kl(family, mu_old, policy.mu(theta_old + t_i * v, states)) for t_i in t], color=color,
                   label=name, **look)
        along.plot(t, 0.5 * t ** 2 * (v @ Av), "k:", linewidth=2)

        apart = []
        for distance in distances:
            theta = theta_old + distance * v
            Hv = central_difference(gradient, theta, v, 1e-5)
            apart.append(np.linalg.norm(first_term(policy, states, mu_old, theta, v) - Hv) / np.linalg.norm(Hv))
        second.loglog(distances, apart, line, linewidth=2, color=color, label=name)

    name_axes(along, second)
    save_figure(figure, args.out, "appendix_c_fisher_vector_product", args.show)
    print(f"relative size of the second term at distance 1, categorical: {apart[-1]:.3f}")
    print("Look for: at theta_old the KL and its gradient are 0, but its Hessian is not 0. J'MJ is this Hessian.")


if __name__ == "__main__":
    main()
