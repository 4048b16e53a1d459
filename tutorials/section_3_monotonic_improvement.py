"""Section 3: under Algorithm 1 eta never falls, but the steps are so small that Section 4 replaces Algorithm 1.

Look for: above, the minorize-maximize picture. M_i touches eta at pi_i and lies below eta everywhere, and pi_{i+1} is
where M_i is highest, so eta cannot fall. (L and eta can hardly be told apart here: the bound is far too careful.) Below
left, eta by iteration: Algorithm 1 needs many iterations for what an update bounded by mean KL <= 0.01, Eq. (12),
reaches in a few. (A delta of 0.0001 needs more than Algorithm 1: delta is a choice, C is not.) Below right, the
reason: the KL of the steps of the two methods.
Then change: --gamma 0.5. C, which has the factor 1 / (1 - gamma)^2, falls from 138 to 13, and Algorithm 1 is half-way
after 9 iterations.
"""
from itertools import islice

from common import METHODS, ink, new_figure, save_figure, tutorial_parser
from mdps import random_mdp, random_policy

import numpy as np

from trpo_numpy.algorithm_1 import algorithm_1, policy_iteration
from trpo_numpy.expected_return import advantage, exact_surrogate, expected_return, visitation
from trpo_numpy.kl_bound import max_kl, minorizer, mixture, penalty_coefficient
from trpo_numpy.trust_region import bound_mean_kl


def bounded_updates(mdp, pi, delta, optimum):
    """[(eta, KL of the step)] of updates that maximize L under mean KL <= delta, until eta is nearly the optimum."""
    bounded = []
    while len(bounded) < 200 and (not bounded or bounded[-1][0] < optimum - 1e-3 * abs(optimum)):
        pi_new, _ = bound_mean_kl(pi, advantage(mdp, pi), visitation(mdp, pi), delta)
        bounded.append((expected_return(mdp, pi_new), max_kl(pi, pi_new)))
        pi = pi_new
    return np.array(bounded)


def compute(seed, n_iterations, gamma=0.8):
    """Algorithm 1 and the bounded update from one policy; eta, L and M_0 along Algorithm 1's first step."""
    rng = np.random.default_rng(seed)
    mdp, pi_0 = random_mdp(rng, 5, 3, gamma), random_policy(rng, 5, 3, 3.0)
    *_, (_, optimum) = policy_iteration(mdp, pi_0)
    policies, etas = zip(*islice(algorithm_1(mdp, pi_0), n_iterations + 1))
    steps = list(zip(policies, policies[1:]))
    bounded = {delta: bounded_updates(mdp, pi_0, delta, optimum) for delta in (0.01, 0.001, 0.0001)}
    ratio = (policies[1] - pi_0) / pi_0
    t = np.linspace(max(-1, -0.99 / ratio.max()), min(3, -0.99 / ratio.min()), 81)  # probabilities stay positive
    line = [mixture(pi_0, policies[1], t_i) for t_i in t]
    return {"optimum": optimum, "eta_0": etas[0], "t": t, "eta": np.array(etas[1:]),
            "kl": np.array([max_kl(pi, pi_new) for pi, pi_new in steps]), "C": penalty_coefficient(mdp, pi_0),
            "M": np.array([minorizer(mdp, pi, pi_new) for pi, pi_new in steps]),
            "bounded_eta": bounded[0.01][:, 0], "bounded_kl": bounded[0.01][:, 1],
            "half_way": {delta: iterations_to(rows[:, 0], etas[0], optimum) for delta, rows in bounded.items()},
            "eta_line": np.array([expected_return(mdp, pi) for pi in line]),
            "L_line": np.array([exact_surrogate(mdp, pi_0, pi) for pi in line]),
            "M_line": np.array([minorizer(mdp, pi_0, pi) for pi in line])}


def iterations_to(eta, eta_0, optimum, part=0.5):
    """The first iteration after which eta is that part of the way from eta_0 to the optimum; None if none is."""
    reached = np.flatnonzero(eta >= eta_0 + part * (optimum - eta_0))
    return int(reached[0]) + 1 if len(reached) else None


def draw_minorizer(axes, numbers):
    """eta, L and M_0 along the first step of Algorithm 1."""
    t, (start, end) = numbers["t"], (numbers["eta_0"], numbers["M"][0])
    M_is = rf"$M_0 = L - C\,D_{{KL}}^{{max}}$ with $C$ = {numbers['C']:.0f}"
    for key, method, text, offset in [("eta_line", "eta", r"$\eta$, with $L_{\pi_0}$ (dashed) on it", (0, -5)),
                                      ("M_line", "M", M_is, (-6, 0.4))]:
        axes.plot(t, numbers[key], linewidth=2.5, **METHODS[method])
        axes.annotate(text, (t[-1], numbers[key][-1]), offset, textcoords="offset fontsize", ha="right",
                      color=ink(method), fontweight="bold")
    axes.plot(t, numbers["L_line"], linewidth=2.5, **METHODS["L"])
    axes.plot([0, 1], [start, end], "ko")
    axes.annotate(r"$\pi_0$", (0, start), (0, 8), textcoords="offset points", ha="right")
    axes.annotate(r"$\pi_1$, where $M_0$ is highest", (1, end), (0, -2.2), textcoords="offset fontsize", ha="center")
    axes.set(xlabel=r"$t$, with $\pi = (1 - t)\,\pi_0 + t\,\pi_1$; above 1: further than $\pi_1$",
             ylabel="discounted return",
             title=r"Algorithm 1 climbs $M_0$, which lies below $\eta$ and touches it at $\pi_0$")


def draw_returns(axes, numbers):
    """eta by iteration, of Algorithm 1 and of the bounded update."""
    for method, key in [("Algorithm 1", "eta"), ("mean KL", "bounded_eta")]:
        eta = [numbers["eta_0"], *numbers[key]]
        axes.plot(eta, linewidth=2.5, **METHODS[method])
        if n := iterations_to(numbers[key], numbers["eta_0"], numbers["optimum"]):
            axes.plot(n, eta[n], "o", color=METHODS[method]["color"], markersize=8)
            axes.annotate(f"half-way: {n}", (n, eta[n]), (0.7, -1.4 if key == "eta" else 0.3),
                          textcoords="offset fontsize", color=ink(method))
    for method, *place, text in [("mean KL", 0.15, 0.76, r"mean KL $\leq$ 0.01"),
                                 ("Algorithm 1", 0.58, 0.52, "Algorithm 1")]:
        axes.text(*place, text, transform=axes.transAxes, color=ink(method), fontweight="bold")
    axes.axhline(numbers["optimum"], color="gray", linestyle=":")
    axes.axhline((numbers["eta_0"] + numbers["optimum"]) / 2, color="gray", linestyle=":")
    axes.annotate("optimum", (60, numbers["optimum"]), (0, -5), textcoords="offset points", color="gray", va="top")
    axes.set(xlabel="iteration", ylabel=r"return $\eta$", xlim=(0, 120),
             title=r"So $\eta$ never falls, but rises slowly")


def draw(figure, numbers):
    """M_0 along the first step of Algorithm 1; then eta and the KL of each step, by iteration."""
    line, below = figure.subfigures(2, 1, height_ratios=[1.1, 1])
    etas, kls = below.subplots(1, 2)
    draw_minorizer(line.subplots(), numbers)
    draw_returns(etas, numbers)
    for method, label, key in [("Algorithm 1", "Algorithm 1", "kl"),
                               ("mean KL", r"mean KL $\leq$ 0.01", "bounded_kl")]:
        kl = numbers[key]
        kls.loglog(np.arange(len(kl)) + 1, np.maximum(kl, 1e-14), linewidth=2.5, **METHODS[method])
        kls.annotate(label, (1, kl[0]), (4, -16), textcoords="offset points", color=ink(method),
                     fontweight="bold")
    kls.set(xlabel="iteration", ylabel="max KL of the step (nats)", title="Algorithm 1's steps are tiny",
            ylim=(None, 1))


def main():
    parser = tutorial_parser(__doc__)
    parser.add_argument("--gamma", type=float, default=0.8, help="discount (default: 0.8)")
    args = parser.parse_args()
    numbers = compute(args.seed, 20 if args.quick else 300, args.gamma)
    figure = new_figure(args.show, figsize=(8.5, 6.6))
    draw(figure, numbers)
    save_figure(figure, args.out, "section_3_monotonic_improvement", args.show)
    half_way = iterations_to(numbers["eta"], numbers["eta_0"], numbers["optimum"])
    print(f"eta: start {numbers['eta_0']:.4f}, optimum {numbers['optimum']:.4f}; Algorithm 1 after "
          f"{len(numbers['eta'])} iterations {numbers['eta'][-1]:.4f}, its first step's KL {numbers['kl'][0]:.1e}")
    print(f"iterations to half-way: Algorithm 1 {half_way}, "
          + ", ".join(f"mean KL <= {delta:g} {n}" for delta, n in numbers["half_way"].items()))
    print("Look for: eta never falls under Algorithm 1, but its small steps need several times as many iterations as a "
          "bound of 0.01.")


if __name__ == "__main__":
    main()
