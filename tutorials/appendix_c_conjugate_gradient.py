"""Appendix C: what do ten iterations of conjugate gradient achieve, and what does damping change?

The data are one early batch of Pendulum-v1, with 200 of its 2,000 states in A. Each update starts from this batch and
takes k iterations, k = 1, 2, ..., with one of three dampings. The policy has 4,482 parameters and A has the rank 201,
so A is singular, and a small part of g lies outside the range of A.

Look for: at the left, the KL over all states of the step that ends where the parabola, the quadratic model of the KL,
is delta. Where A is small, the solution of A s = g is long, and over such a long step the quadratic model is wrong:
without damping the KL is far above delta from k = 8 on. Upper right, the residual of (A + damping I) s = g, drawn to
a millionth. Without damping it jumps; with damping 0.3 it is a millionth after ten iterations. But the solution is
another one: the residual of A s = g itself, which is printed too, stays large. Lower right, the gain in L after the
line search: without damping the gain is largest at 8 iterations, half of that at 16, and a sixth at 20. Damping
0.01 gains most from nine iterations on. Damping 0.3 gains half of that, and in this batch keeps the KL near delta.
Then change: --fisher-fraction 1, all states in A. The KL of the undamped step at k = 10 is then 0.17, not 0.19: the
cause is the length of the step, more than the small number of states.
Or --training, 50 iterations instead of one batch: with damping 0.3 the KL of the first candidate is a little above
delta in most of them. With s'As from the same tenth of the states as s, which is then too small, it is more so.

    python tutorials/appendix_c_conjugate_gradient.py --training    # prints numbers alone, in half a minute
"""
from functools import partial
from itertools import islice

from common import new_figure, save_figure, tutorial_parser

import numpy as np

from trpo_numpy.conjugate_gradient import conjugate_gradient
from trpo_numpy.fisher import fisher_vector_product
from trpo_numpy.line_search import line_search, step_length
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.training import train
from trpo_numpy.surrogate import surrogate_and_gradient
from trpo_numpy.trpo import surrogate_and_kl, trpo_update

LINES = {0.0: {"color": "#9ECAE1", "linestyle": "--", "marker": "o"},       # by the damping, the default's darkest
         0.01: {"color": "#4292C6", "linestyle": "-.", "marker": "s"},
         0.3: {"color": "#08306B", "linestyle": "-", "marker": "^"}}
NAMES = {0.0: ("damping 0", "#3F7CAC"), 0.01: ("0.01", "#2171B5"), 0.3: ("0.3, as in training", "#08306B")}


def a_batch(config, number):
    """The Policy, theta_old and the Batch of the iteration with this number, counted from 1."""
    seen = []

    def update(policy, theta_old, batch, options, rng):
        seen.append((policy, theta_old, batch))
        return trpo_update(policy, theta_old, batch, options, rng)

    list(islice(train(config, update=update), number))
    return seen[-1]


def spectrum(policy, theta_old, cache, mu_old):
    """The eigenvalues of A that are not 0, largest first, and their eigenvectors (rank, P)."""
    N, d_mu = mu_old.shape
    units = np.eye(N * d_mu).reshape(-1, N, d_mu)
    rows = np.array([policy.vjp(theta_old, cache, u * np.sqrt(policy.family.M_product(mu_old, u) / N)) for u in units])
    _, roots, span = np.linalg.svd(rows, full_matrices=False)           # rows: M^(1/2) J / sqrt(N), for a diagonal M
    span = span[roots > 1e-10 * roots[0]]
    return roots[:len(span)] ** 2, span


def compute(seed=0, number=5, fraction=0.1, most=20, batch_size=2000):
    """delta, {damping: rows (relative residual, length and KL of the first candidate, gain in L of the taken, ...)}.

    The last row is the residual of A s = g, without damping.
    """
    config = Config(seed=seed, batch_size=batch_size, timesteps=number * batch_size)
    policy, theta_old, batch = a_batch(config, number)
    mu_old, _, log_q, L_old, g = surrogate_and_gradient(policy, batch, theta_old)
    n_rows = max(1, round(fraction * len(batch.states)))
    rows = np.random.default_rng(seed).choice(len(batch.states), n_rows, replace=False)
    mu_A, cache_A = policy.forward(theta_old, batch.states[rows])
    A = partial(fisher_vector_product, policy, theta_old, cache_A, mu_A)
    L_and_kl = partial(surrogate_and_kl, policy, batch, mu_old, log_q)
    curves = {}
    for damping in LINES:
        for k in range(1, most + 1):
            s, residuals = conjugate_gradient(A, g, k, damping)
            beta = step_length(s @ A(s), config.delta)
            taken, (first, *_) = line_search(L_and_kl, theta_old, s, beta, L_old, config.delta, config.shrink,
                                             config.max_backtracks)
            curves.setdefault(damping, []).append((residuals[-1] / residuals[0], beta * np.linalg.norm(s), first.kl,
                                                   taken.L - L_old, np.linalg.norm(g - A(s)) / np.linalg.norm(g)))
    values, span = spectrum(policy, theta_old, cache_A, mu_A)
    s = conjugate_gradient(A, g, 10)[0]                                     # undamped: its residual, and its step
    left, taken = span @ (g - A(s)), step_length(s @ A(s), config.delta) * span @ s
    middle, small = (values < 0.1 * values[0]) & (values > 1e-3 * values[0]), values < 1e-6 * values[0]
    parts = [np.linalg.norm(v) / np.linalg.norm(g) for v in (g - (span @ g) @ span, left[middle], left[small])]
    weak = (values < 1e-3 * values[0]) & (values > 1e-4 * values[0])
    parts += [np.linalg.norm(taken[weak]), weak.sum(), np.linalg.norm(taken[small])]
    return {"delta": config.delta, "curves": {damping: np.array(rows).T for damping, rows in curves.items()},
            "n_parameters": len(g), "eigenvalues": values, "parts": parts}


def first_candidates(config):
    """{(states of s, states of s'As): the first candidate's KL / delta in each iteration (n,)}, of one run."""
    kls = {}

    def update(policy, theta_old, batch, options, rng):
        result = trpo_update(policy, theta_old, batch, options, rng)
        mu_old, cache, log_q, _, g = surrogate_and_gradient(policy, batch, theta_old)
        all_A = partial(fisher_vector_product, policy, theta_old, cache, mu_old)
        all_s, _ = conjugate_gradient(all_A, g, options.cg_iterations, options.damping)
        for key, s, sAs in [("a tenth, a tenth", result.s, result.sAs), ("a tenth, all", result.s,
                            result.s @ all_A(result.s)), ("all, all", all_s, all_s @ all_A(all_s))]:
            theta = theta_old + step_length(sAs, options.delta) * s
            kls.setdefault(key, []).append(surrogate_and_kl(policy, batch, mu_old, log_q, theta)[1] / options.delta)
        return result

    list(train(config, update=update))
    return {key: np.array(ratios) for key, ratios in kls.items()}


def draw(figure, numbers):
    """By k: at the left the KL of the first candidate; at the right the residual, and the gain in L that is taken."""
    figure.suptitle("Undamped steps get too long; with damping 0.3 $L$ gains half as much as with 0.01", ha="left",
                    x=0.01)
    grid = figure.add_gridspec(2, 2)
    kl, residual, gain = (figure.add_subplot(grid[place]) for place in [(slice(None), 0), (0, 1), (1, 1)])
    for damping, rows in numbers["curves"].items():
        k, (name, color) = np.arange(1, rows.shape[1] + 1), NAMES[damping]
        for axes, row in [(residual, np.where(rows[0] > 1e-6, rows[0], np.nan)), (kl, rows[2]), (gain, rows[3])]:
            axes.plot(k, row, markersize=4, linewidth=2, **LINES[damping])
        where = {0.0: (-1, -1, -3), 0.01: (13 * len(k) // 20, -1, -16), 0.3: (7, 14 * len(k) // 20, -16)}[damping]
        for axes, row, at, offset in [(residual, rows[0], where[0], (-10, 6 if damping == 0 else -10)),
                                      (gain, rows[3], where[1], (-8, where[2]))]:
            axes.annotate(f"{damping:g}", (k[at], row[at]), offset, textcoords="offset points", color=color,
                          fontweight="bold", ha="right")
        kl.annotate(name, (k[-1], rows[2, -1]), (0, 8) if damping else (-8, -4), textcoords="offset points", ha="right",
                    color=color, fontweight="bold")
    rank = len(numbers["eigenvalues"])
    residual.set(yscale="log", ylabel="damped residual / its first value",
                 title="the damped system is solved sooner")
    residual.text(0.99, 0.06, "then below a millionth", transform=residual.transAxes, ha="right")
    kl.axhline(numbers["delta"], color="black", linewidth=1, linestyle=":")
    kl.annotate(rf"$\delta$ = {numbers['delta']:g}", (len(k), numbers["delta"]), (0, -18), textcoords="offset points",
                ha="right")
    kl.set(yscale="log", title=r"one early batch: with 0.3 the KL is near $\delta$",
           ylabel="mean KL of the first candidate (nats)", xlabel="$k$, iterations of conjugate gradient")
    kl.text(0.02, 0.985, f"{numbers['n_parameters']:,} parameters,\nrank of $A$ {rank}", va="top",
            transform=kl.transAxes)
    gain.set(title="gain in $L$ after the line search", ylabel="$L - L_{old}$ after line search",
             ylim=(0, None), xlabel="$k$")
    for axes in (residual, kl, gain):
        axes.axvline(10, color="black", linewidth=1, linestyle=":")
        axes.set(xticks=[1, *range(5, len(k) + 1, 5)])
    kl.annotate("the paper's $k$", (10, 0.75), (-4, 0), xycoords=kl.get_xaxis_transform(), textcoords="offset points",
                ha="right")


def main():
    parser = tutorial_parser(__doc__)
    parser.add_argument("--fisher-fraction", type=float, default=0.1, help="part of the states in A (default: 0.1)")
    parser.add_argument("--training", action="store_true", help="measure the first candidates of a whole run instead")
    args = parser.parse_args()
    if args.training:
        timesteps = {"timesteps": 2000, "batch_size": 500} if args.quick else {}
        for key, ratios in first_candidates(Config(seed=args.seed, **timesteps)).items():
            print(f"states of s and of s'As: {key:16}  KL of the first candidate / delta: median "
                  f"{np.median(ratios):.2f}, above 1 in {np.sum(ratios > 1)} of {len(ratios)}")
        return
    small = {"number": 1, "most": 10, "batch_size": 400} if args.quick else {}
    numbers = compute(args.seed, fraction=args.fisher_fraction, **small)
    figure = new_figure(args.show, figsize=(8.5, 6.2))
    draw(figure, numbers)
    save_figure(figure, args.out, "appendix_c_conjugate_gradient", args.show)
    eigenvalues, (outside, middle, small, long, n_long, short) = numbers["eigenvalues"], numbers["parts"]
    large = np.sum(eigenvalues > 1e-6 * eigenvalues[0])
    print(f"A: rank {len(eigenvalues)}, {large} eigenvalues above a millionth of the largest; {100 * outside:.2f}% of "
          "g's length is outside its range")
    print(f"damping 0, k 10: of the residual, {middle:.3f} belongs to eigenvalues from a thousandth to a tenth of the "
          f"largest, {small:.3f} to those below a millionth")
    print(f"its first candidate: length {long:.2f} along the {n_long} eigenvectors from a ten-thousandth to a "
          f"thousandth, {short:.2f} along those below a millionth")
    for damping, rows in numbers["curves"].items():
        for k in (5, 10, rows.shape[1]):
            residual, length, kl, gain, undamped = rows[:, k - 1]
            print(f"damping {damping:<4g} k {k:2}: residual {residual:.1e}, of A s = g {undamped:.2f}; first "
                  f"candidate: length {length:.2f}, KL {kl:.4f}; after the line search L gains {gain:.4f}")
    print("Look for: without damping, the KL is far above delta, and twenty iterations gain little. Damping 0.3 keeps "
          "the KL of this batch near delta, and gains half of the best gain.")


if __name__ == "__main__":
    main()
