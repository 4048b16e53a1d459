"""Section 3: Algorithm 1 climbs without ever falling, in steps so small that Section 4 gives them up.

Look for: left, the minorize-maximize picture. M_i touches eta at pi_i, lies below it everywhere, and pi_{i+1} is where
M_i is highest: eta cannot fall. (L and eta can hardly be told apart here: the bound is far too careful.) Right above,
eta by iteration: Algorithm 1 needs many iterations for what an update bounded by mean KL <= 0.01, Eq. (12), reaches in
a few. Right below, why: the KL of their steps.
Then change: gamma in compute to 0.5. C, which has 1 / (1 - gamma)^2, falls from 138 to 13, and Algorithm 1 is half-way
after 9 iterations.
"""
from itertools import islice

from common import new_figure, save_figure, tutorial_parser

import numpy as np

from trpo_numpy.algorithm_1 import algorithm_1, policy_iteration
from trpo_numpy.exact_surrogate import exact_surrogate
from trpo_numpy.expected_return import advantage, expected_return, visitation
from trpo_numpy.finite_mdp import random_mdp, random_policy
from trpo_numpy.kl_bound import max_kl, minorizer, mixture
from trpo_numpy.trust_region import bound_mean_kl


def compute(seed, n_iterations, gamma=0.8):
    """Algorithm 1 and the bounded update from one policy; eta, L and M_0 along Algorithm 1's first step."""
    rng = np.random.default_rng(seed)
    mdp, pi_0 = random_mdp(rng, 5, 3, gamma), random_policy(rng, 5, 3, 3.0)
    *_, (_, optimum) = policy_iteration(mdp, pi_0)
    steps = list(islice(algorithm_1(mdp, pi_0), n_iterations))
    bounded, pi = [], pi_0
    while len(bounded) < 200 and (not bounded or bounded[-1][0] < optimum - 1e-3 * abs(optimum)):
        pi_new, _ = bound_mean_kl(pi, advantage(mdp, pi), visitation(mdp, pi), 0.01)
        bounded.append((expected_return(mdp, pi_new), max_kl(pi, pi_new)))
        pi = pi_new
    ratio = (steps[0].pi - pi_0) / pi_0
    t = np.linspace(max(-1, -0.99 / ratio.max()), min(3, -0.99 / ratio.min()), 81)  # probabilities stay positive
    line = [mixture(pi_0, steps[0].pi, t_i) for t_i in t]
    return {"optimum": optimum, "eta_0": expected_return(mdp, pi_0), "t": t,
            "eta": np.array([step.eta for step in steps]), "kl": np.array([step.kl for step in steps]),
            "M": np.array([step.M for step in steps]), "C": steps[0].C,
            "bounded_eta": np.array([eta for eta, _ in bounded]), "bounded_kl": np.array([kl for _, kl in bounded]),
            "eta_line": np.array([expected_return(mdp, pi) for pi in line]),
            "L_line": np.array([exact_surrogate(mdp, pi_0, pi) for pi in line]),
            "M_line": np.array([minorizer(mdp, pi_0, pi) for pi in line])}


def iterations_to(eta, eta_0, optimum, part=0.5):
    """The first iteration after which eta is that part of the way from eta_0 to the optimum; None if none is."""
    reached = np.flatnonzero(eta >= eta_0 + part * (optimum - eta_0))
    return int(reached[0]) + 1 if len(reached) else None


def main():
    args = tutorial_parser(__doc__).parse_args()
    numbers = compute(args.seed, 20 if args.quick else 300)
    figure = new_figure(args.show, figsize=(12, 5))
    grid = figure.add_gridspec(2, 2)
    line, etas = figure.add_subplot(grid[:, 0]), figure.add_subplot(grid[0, 1])
    kls = figure.add_subplot(grid[1, 1], sharex=etas)

    line.plot(numbers["t"], numbers["L_line"], "--", label=r"$L_{\pi_0}$")
    line.plot(numbers["t"], numbers["eta_line"], "-", label=r"$\eta$")
    line.plot(numbers["t"], numbers["M_line"], "-.", label=r"$M_0 = L - C\,D_{KL}^{max}$")
    line.plot([0, 1], [numbers["eta_0"], numbers["M"][0]], "ko", label=r"$\pi_0$, and $\pi_1$ where $M_0$ is highest")
    line.set(xlabel=r"$t$, with $\pi = (1 - t)\,\pi_0 + t\,\pi_1$", ylabel="discounted return",
             title=rf"$M_0$ minorises $\eta$ (C = {numbers['C']:.0f})")
    for eta, kl, label in [(numbers["eta"], numbers["kl"], "Algorithm 1"),
                           (numbers["bounded_eta"], numbers["bounded_kl"], "mean KL <= 0.01, Eq. (12)")]:
        etas.semilogx(np.arange(len(eta) + 1) + 1, [numbers["eta_0"], *eta], label=label)
        kls.loglog(np.arange(len(kl)) + 2, np.maximum(kl, 1e-14), label=label)
    etas.axhline(numbers["optimum"], color="gray", linestyle=":", label="optimum")
    etas.set(ylabel=r"$\eta(\pi_i)$", title="many small steps, or a few larger ones")
    kls.set(xlabel="number of the policy, the first being 1", ylabel=r"max KL of step i (nats)")
    for axes in (line, etas, kls):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.tight_layout()
    save_figure(figure, args.out, "section_3_monotonic_improvement", args.show)
    half_way = [iterations_to(numbers[key], numbers["eta_0"], numbers["optimum"]) for key in ("eta", "bounded_eta")]
    print(f"eta: start {numbers['eta_0']:.4f}, optimum {numbers['optimum']:.4f}; Algorithm 1 after "
          f"{len(numbers['eta'])} iterations {numbers['eta'][-1]:.4f}, its first step's KL {numbers['kl'][0]:.1e}")
    print(f"iterations to half-way: Algorithm 1 {half_way[0]}, mean KL <= 0.01 {half_way[1]}")


if __name__ == "__main__":
    main()
