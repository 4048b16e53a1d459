"""Appendix D, checked: each gradient against central differences, the error against the step size h.

Look for: a V for each gradient. On the right arm of the V the error comes from the differences, and is of order h^2. On
the left arm it comes from rounding, and is of order 1e-16 / h. A right gradient goes down to 1e-9 or lower in between.
A wrong gradient (here: the surrogate's, with the sign of one sample reversed) does not, at any h: it stays at the size
of its error. (The entropy is linear in r, so it has no right arm.)
Then change: --float32, which rounds each value of f to single precision. The lowest errors rise to between 1e-7 and
1e-5. This is why the package computes in float64.
"""
from functools import partial

from common import METHODS, central_difference, new_figure, save_figure, spread, tutorial_parser

import numpy as np

from trpo_numpy.fisher import grad_mean_kl, mean_kl
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.practice.baseline import grad_value_loss, values
from trpo_numpy.surrogate import grad_surrogate, surrogate

STYLES = {"surrogate L": ("-", METHODS["L"]["color"]), "mean KL": ("-", METHODS["KL"]["color"]),
          "value loss": ("-.", "0.6"), "log pi": ("--", "0.35"), "entropy": ("-", "0.35"),
          "surrogate L, one sign wrong": ("--", "black")}


def of_theta(policy, states, f, theta):
    """f(mu(theta))."""
    return f(policy.mu(theta, states))


def sum_log_prob(family, a, mu):
    return family.log_prob(mu, a).sum()


def sum_entropy(family, mu):
    return family.entropy(mu).sum()


def make_checks(rng, N):
    """{name: (f, its gradient (P,), at which theta (P,))} on N states; the last one has a sign wrong."""
    family = Gaussian(2)
    policy = Policy(MLP((3, 16, 16, 2)), family)
    theta_old = policy.initial(rng, 0.0) + 0.3 * rng.standard_normal(policy.n_parameters)
    theta = theta_old + 0.1 * rng.standard_normal(policy.n_parameters)
    states, advantages = rng.standard_normal((N, 3)), rng.standard_normal(N)
    mu_old = policy.mu(theta_old, states)
    mean_old, r_old = family.split(mu_old)
    a = family.sample(mean_old, r_old, rng)
    log_q = family.log_prob(mu_old, a)
    mu, cache = policy.forward(theta, states)

    dentropy_dmu = np.hstack([np.zeros((N, 2)), np.ones((N, 2))])   # the entropy is a constant + sum(r)
    dL_dmu = grad_surrogate(family, mu, a, advantages, log_q)
    one_wrong = dL_dmu.copy()
    one_wrong[0] *= -1
    L = partial(of_theta, policy, states, partial(surrogate, family, actions=a, Q=advantages, log_q=log_q))
    value_network = MLP((3, 16, 16, 1))
    phi = value_network.initial(rng, 1.0)
    V, value_cache = value_network.forward(phi, states)

    return {
        "log pi": (partial(of_theta, policy, states, partial(sum_log_prob, family, a)),
                   policy.vjp(theta, cache, family.grad_log_prob(mu, a)), theta),
        "entropy": (partial(of_theta, policy, states, partial(sum_entropy, family)),
                    policy.vjp(theta, cache, dentropy_dmu), theta),
        "mean KL": (partial(of_theta, policy, states, partial(mean_kl, family, mu_old)),
                    policy.vjp(theta, cache, grad_mean_kl(family, mu_old, mu)), theta),
        "surrogate L": (L, policy.vjp(theta, cache, dL_dmu), theta),
        "value loss": (lambda phi: 0.5 * np.mean((values(value_network, phi, states) - advantages) ** 2),
                       value_network.vjp(phi, value_cache, grad_value_loss(V[:, 0], advantages)[:, None]), phi),
        "surrogate L, one sign wrong": (L, policy.vjp(theta, cache, one_wrong), theta),
    }


def main():
    parser = tutorial_parser(__doc__)
    parser.add_argument("--float32", action="store_true", help="round the values of f to single precision")
    args = parser.parse_args()
    precision = np.float32 if args.float32 else np.float64
    rng = np.random.default_rng(args.seed)
    checks = make_checks(rng, 10 if args.quick else 100)
    h = np.logspace(-1, -11, 11 if args.quick else 41)
    figure = new_figure(args.show, figsize=(8.5, 5.5))
    axes = figure.subplots()
    best, ends = {}, {}
    for name, (f, gradient, x) in checks.items():
        direction = rng.standard_normal(len(x))
        direction /= np.linalg.norm(direction)
        analytic = gradient @ direction
        numeric = np.array([central_difference(lambda y: precision(f(y)), x, direction, h_i) for h_i in h])
        error = np.maximum(abs(numeric - analytic) / abs(analytic), 1e-16)
        best[name] = error.min()
        wrong = "wrong" in name
        style, color = STYLES[name]
        axes.loglog(h, error, style, linewidth=3 if wrong else 1.8, color=color)
        ends[name] = error[0]
        print(f"{name:>28}: gradient'd {analytic:+.10f}, least relative error {best[name]:.0e}")
    axes.loglog(h[h > 1e-4], 0.1 * h[h > 1e-4] ** 2, "k:", linewidth=2)
    axes.loglog(h[h < 1e-7], 1e-16 / h[h < 1e-7], "k:", linewidth=2)
    for x, y, text, color in [(1e-6, 0.06, "surrogate $L$, one sign wrong", "black"),
                              (1.5e-4, 1e-13, "entropy", "0.35"),
                              (1e-11, 1e-8, "rounding:\norder $10^{-16}/h$", "black"),
                              (2e-3, 1e-9, "difference:\norder $h^2$", "black")]:
        axes.text(x, y, text, color=color, fontweight="bold")
    named = sorted([name for name in ends if "wrong" not in name and name != "entropy"], key=ends.get)
    for name, height in zip(named, spread([np.log10(ends[name]) for name in named], 0.62)):    # at the largest h
        text, color = name.replace("log pi", r"$\log\pi$").replace(" L", " $L$"), STYLES[name][1]
        axes.annotate(text, (h[0], ends[name]), (1.6 * h[0], 10 ** height), va="center", fontweight="bold",
                      color="0.45" if color == "0.6" else color,
                      arrowprops={"arrowstyle": "-", "color": color, "linewidth": 0.8, "relpos": (0, 0.5)})
    axes.set(xlabel="step size $h$ of the central difference", ylabel="relative error", ylim=(1e-14, 1),
             title="Each gradient agrees with differences to $\\mathbf{10^{-9}}$;\nwith one sign wrong it never does")
    save_figure(figure, args.out, "appendix_d_gradients", args.show)
    wrong = best.pop("surrogate L, one sign wrong")
    print(f"relative error at the tips: {max(best.values()):.0e} at most; of the wrong gradient {wrong:.3f}")
    print("Look for: each error falls to 1e-9 or lower, except the error of the gradient with one wrong sign.")


if __name__ == "__main__":
    main()
