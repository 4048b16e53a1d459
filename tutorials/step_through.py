"""Appendix C, a line at a time: one update of a policy with three parameters, from twelve samples.

Look for: the linear model of L (a straight line) and the quadratic model of the KL (a parabola) along the search
direction. Both models are exact only at theta_old. The first candidate is where the parabola reaches delta. It is
refused because the KL itself is above delta.
Then change: --delta 1e-4. The models now nearly hold: the first candidate's KL is 1% above
delta instead of 36%. The first candidate is still refused, because no KL above delta is accepted. (In the runs of
results/ the first candidate is refused in 9 of 10 updates on Pendulum-v1, and in 99 of 100 on Hopper-v5.)

    python tutorials/step_through.py --show     # a window with sliders for delta and beta; --gif: a moving picture
    python -m pdb tutorials/step_through.py     # step_through.md, beside this file, says where to stop, and what for
"""
from functools import partial

from common import METHODS, ink, new_figure, save_figure, tutorial_parser, with_sliders

import numpy as np

from trpo_numpy.conjugate_gradient import conjugate_gradient
from trpo_numpy.fisher import fisher_vector_product, mean_kl
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.line_search import line_search, step_length
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.practice.baseline import standardize
from trpo_numpy.surrogate import Batch, grad_surrogate, surrogate
from trpo_numpy.trpo import surrogate_and_kl

MODEL = "black"     # the colour of the two models
WHITE = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}      # behind a word on a line
TITLE = "Here both models are too optimistic, so the line search tests the step itself"


def draw(figure, L_and_kl, L_old, g, sAs, candidates, theta_old, s, delta, longest):
    """L and the mean KL along theta_old + beta s up to the longest beta, their models, and the candidates."""
    betas, reach = np.linspace(0, longest, 100), step_length(sAs, delta)
    L, kl = np.transpose([L_and_kl(theta_old + beta * s) for beta in betas])
    panels = [("L", "L", L, L_old + betas * (g @ s), "the straight line\npromises more"),
              ("kl", "KL", kl, betas ** 2 * sAs / 2, "the parabola\npromises less")]
    for axes, (name, line, exact, model, says), curve in zip(figure.subplots(1, 2), panels, ("$\\mathbf{L}$", "KL")):
        axes.plot(betas, exact, linewidth=2.5, **METHODS[line])
        axes.plot(betas, model, color=MODEL, linestyle=":", linewidth=2.5)
        axes.text(0.5, 0.78 if name == "L" else 0.66, says, transform=axes.transAxes, ha="right", color=MODEL,
                  fontweight="bold")
        axes.annotate(curve, (betas[-1], exact[-1]), (4, 0), va="center", color=ink(line), textcoords="offset points",
                      fontweight="bold")
        for candidate in candidates:
            height, refused = getattr(candidate, name), not (candidate.improves and candidate.within)
            axes.plot(candidate.beta, height, "kX" if refused else "ko", markersize=9)
            offset = (7, -14) if name == "L" else (-8, 6) if refused else (-10, -3)
            axes.annotate("refused" if refused else "accepted", (candidate.beta, height), offset,
                          ha="left" if offset[0] > 0 else "right", textcoords="offset points", fontweight="bold",
                          bbox=WHITE if name == "kl" and not refused else None)
        axes.set(xlabel=r"$\beta$: the step is $\beta s$", xlim=(0, 1.1 * betas[-1]), ylim=(0, None))
    figure.axes[0].set(ylabel="$L$, which is 0 at $\\theta_{old}$" if abs(L_old) < 1e-9 else "$L$")
    figure.axes[0].set_title("$L$ lies below its linear model")
    axes.set(ylabel="mean KL (nats)")
    axes.set_title("the KL lies above its parabola")
    axes.axhspan(delta, axes.get_ylim()[1], color="0.9")
    axes.axhline(delta, color="gray", linestyle=":")
    axes.text(0.03, 0.97, r"KL above $\delta$: refused", transform=axes.transAxes, va="top", color="0.35")
    axes.text(0.98, delta, rf"$\delta$ = {delta:.2g}", transform=axes.get_yaxis_transform(), ha="right", va="bottom")
    axes.plot([reach, reach], [delta, L_and_kl(theta_old + reach * s)[1]], color="black", linestyle="-", linewidth=1)
    axes.plot(reach, delta, "o", markersize=9, markerfacecolor="white", markeredgecolor=MODEL, markeredgewidth=2,
              label=r"the parabola is $\delta$")
    axes.legend(loc="lower right", frameon=False, handletextpad=0.2)


def draw_for(L_and_kl, L_old, g, sAs, theta_old, s, figure, log_delta, beta):
    """The picture for the sliders: the line search for this delta, or if beta is above 0 that one candidate."""
    delta = 10 ** log_delta
    start, backtracks = (beta, 0) if beta else (step_length(sAs, delta), 15)
    _, candidates = line_search(L_and_kl, theta_old, s, start, L_old, delta, shrink=0.8, max_backtracks=backtracks)
    draw(figure, L_and_kl, L_old, g, sAs, candidates, theta_old, s, delta, longest=0.7)
    figure.suptitle(TITLE, ha="left", x=0.01)


def main():
    parser = tutorial_parser(__doc__)
    parser.add_argument("--delta", type=float, default=0.1, help="bound on the mean KL, nats (default: 0.1)")
    parser.add_argument("--gif", action="store_true", help="write a moving picture of the sliders too")
    args = parser.parse_args()
    delta, damping = args.delta, 0.01
    rng = np.random.default_rng(args.seed)

    policy = Policy(MLP((1, 1)), Gaussian(1))                   # pi_theta(a|s) = N(w s + b, exp(r)^2), Appendix D
    theta_old = np.array([0.5, 0.2, -0.5])                      # [w, b, r]
    states = rng.standard_normal((12, 1))                       # (N, d_s)
    mu_old, cache = policy.forward(theta_old, states)           # (N, 2): mean and r, in each state
    actions = policy.family.sample(mu_old[:, :1], mu_old[:, 1:], rng)           # a ~ pi_theta_old
    Q = -(actions - states)[:, 0] ** 2                          # their return: the best action is a = s
    advantages = standardize(Q)

    log_q = policy.family.log_prob(mu_old, actions)             # q = pi_theta_old, Section 5.1
    L_old = surrogate(policy.family, mu_old, actions, advantages, log_q)        # Eq. (14)
    kl_old = mean_kl(policy.family, mu_old, mu_old)
    dL_dmu = grad_surrogate(policy.family, mu_old, actions, advantages, log_q)  # (N, 2)
    g = policy.vjp(theta_old, cache, dL_dmu)                    # J'u, (P,)

    def A(y):
        return fisher_vector_product(policy, theta_old, cache, mu_old, y)       # y -> Ay

    A_matrix = np.array([A(e) for e in np.eye(3)])              # to be looked at: the algorithm never forms it
    s, residuals = conjugate_gradient(A, g, iterations=10, damping=damping)     # (A + damping I) s = g
    s_exact = np.linalg.solve(A_matrix + damping * np.eye(3), g)
    sAs = s @ A(s)
    beta = step_length(sAs, delta)                              # sqrt(2 delta / s'As)

    batch = Batch(states, actions, advantages)

    def L_and_kl(theta):
        return surrogate_and_kl(policy, batch, mu_old, log_q, theta)            # (L, mean KL)

    taken, candidates = line_search(L_and_kl, theta_old, s, beta, L_old, delta,
                                    shrink=0.8, max_backtracks=15)
    theta_new, L_new, kl_new = theta_old + taken.beta * s, taken.L, taken.kl

    figure = new_figure(args.show, figsize=(8.5, 4.5))
    draw(figure, L_and_kl, L_old, g, sAs, candidates, theta_old, s, delta, longest=1.45 * candidates[0].beta)
    figure.suptitle(TITLE, ha="left", x=0.01)
    save_figure(figure, args.out, "step_through", show=False)
    print(f"CG is within {abs(s - s_exact).max():.0e} of the dense solve; theta {theta_old} -> {theta_new.round(3)}; "
          f"L {L_old:.3f} -> {L_new:.3f}, KL {kl_old:.0f} -> {kl_new:.4f}, the bound is {delta}")
    print("Look for: the two models are exact only at theta_old. Where the parabola reaches delta, the KL is "
          "above delta.")
    if args.show or args.gif:
        moves = [*((0, x) for x in np.linspace(-1.2, -0.7, 12)), (0, -1.0), *((1, x) for x in np.linspace(0.6, 0.3, 9))]
        ranges = {r"$\log_{10}\delta$": (-3, -0.7, np.log10(delta)), r"$\beta$ (0: search)": (0, 0.6, 0)}
        with_sliders(args, "step_through", ranges, partial(draw_for, L_and_kl, L_old, g, sAs, theta_old, s), moves,
                     height=5.2)


if __name__ == "__main__":
    main()
