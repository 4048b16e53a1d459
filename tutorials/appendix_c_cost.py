"""Appendix C.1: what an update costs, as the batch, the policy and the number of conjugate gradient iterations grow.

Look for: nearly straight lines, of slope one or less. The Fisher matrix has P x P entries, but y -> J'MJy never forms
it: a product costs a few passes through the network, whatever P is. The dashed lines have 10% of the states in A,
as in the paper. Ten products then cost as much as one, and the rest of the cost is the gradient and the line search.
Then change: --largest, a million samples and a hundred thousand parameters (2 GiB of memory, some seven minutes).

    python tutorials/appendix_c_cost.py
"""
import time

from common import new_figure, save_figure, tutorial_parser

import numpy as np

from trpo_numpy.gaussian import Gaussian
from trpo_numpy.policy import Policy
from trpo_numpy.practice.blocks import BlockedMLP
from trpo_numpy.surrogate import Batch
from trpo_numpy.trpo import UpdateOptions, trpo_update

FRACTIONS = (1.0, 0.1)


def seconds_of_update(N, hidden, cg_iterations, fraction, repeats):
    """Seconds (the least of `repeats`) of one trpo_update on N random samples, and the number of parameters."""
    rng = np.random.default_rng(0)
    policy = Policy(BlockedMLP((17, *hidden, 6)), Gaussian(6))
    theta = policy.initial(rng, 0.0)
    batch = Batch(rng.standard_normal((N, 17)), rng.standard_normal((N, 6)), rng.standard_normal(N))
    options, times = UpdateOptions(cg_iterations=cg_iterations, fisher_fraction=fraction, damping=0.3), []
    for _ in range(repeats):
        start = time.perf_counter()
        trpo_update(policy, theta, batch, options, rng)
        times.append(time.perf_counter() - start)
    print(f"N = {N}, hidden layers {hidden}, P = {policy.n_parameters}, k = {cg_iterations}, {fraction:.0%} of the "
          f"states in A: {min(times):.3g} s", flush=True)
    return min(times), policy.n_parameters


def compute(Ns, hiddens, ks, repeats):
    """Three sweeps {name: (what is varied (n,), {fraction: seconds (n,)})}."""
    sweeps = {}
    for name, varies, cases in [
            ("samples $N$\n($P$ = 5,708, $k$ = 10)", 0, [(N, (64, 64), 10) for N in Ns]),
            ("parameters $P$\n($N$ = 10,000, $k$ = 10)", 1, [(10_000, hidden, 10) for hidden in hiddens]),
            ("CG iterations $k$\n($N$ = 10,000, $P$ = 5,708)", 2, [(10_000, (64, 64), k) for k in ks])]:
        results = [[seconds_of_update(*case, fraction, repeats) for case in cases] for fraction in FRACTIONS]
        N_P_k = [(N, P, k) for (N, _, k), (_, P) in zip(cases, results[0])]
        seconds = {fraction: np.array(rows)[:, 0] for fraction, rows in zip(FRACTIONS, results)}
        sweeps[name] = np.array(N_P_k)[:, varies], seconds
    return sweeps


def draw(figure, sweeps):
    """A panel per sweep, logarithmic, with a line of slope one."""
    figure.suptitle("An update costs about in proportion to $N$, and less than that to $P$ and $k$", ha="left", x=0.01)
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (name, (varied, times)) in zip(panels, sweeps.items()):
        for (fraction, seconds), style, color in zip(times.items(), ("o-", "s--"), ("0.35", "black")):
            axes.loglog(varied, seconds, style, color=color, linewidth=2.5,
                        label=f"{fraction:.0%} of the states in $A$")
        axes.loglog(varied, times[1.0][-1] * varied / varied[-1], ":", color="gray")
        slope = np.log(times[1.0][-1] / times[1.0][-2]) / np.log(varied[-1] / varied[-2])
        axes.annotate(f"slope {slope:.2f}", (varied[-2:].prod() ** 0.5, times[1.0][-2:].prod() ** 0.5), (-6, 4),
                      textcoords="offset points", ha="right", va="bottom", color="0.35", fontweight="bold")
        if axes is panels[-1]:
            axes.annotate("slope 1", (varied[0], times[1.0][-1] * varied[0] / varied[-1]), (12, -2), color="gray",
                          textcoords="offset points", va="center")
        axes.set(xlabel=name)
    axes.set_xticks(varied, [f"{k:g}" for k in varied])     # 1, 3, 10, 30
    axes.set_xticks([], minor=True)
    panels[0].set(ylabel="seconds per update, one thread")
    figure.align_xlabels(panels)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)


def main():
    parser = tutorial_parser(__doc__)
    parser.add_argument("--largest", action="store_true", help="one update of 1,000,000 samples, 100,000 parameters")
    args = parser.parse_args()
    if args.largest and not args.quick:
        for fraction in reversed(FRACTIONS):
            seconds_of_update(1_000_000, (300, 300), 10, fraction, repeats=1)
        import resource  # not on Windows; on Linux it counts in KiB
        print(f"most memory used: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** 20:.2f} GiB")
        return
    Ns, hiddens, ks = (1000, 10_000, 100_000), ((16, 16), (32, 32), (64, 64), (128, 128), (300, 300)), (1, 3, 10, 30)
    if args.quick:
        Ns, hiddens, ks = (500, 1000), ((8, 8), (16, 16)), (1, 3)
    sweeps = compute(Ns, hiddens, ks, 1 if args.quick else 3)
    figure = new_figure(args.show, figsize=(8.5, 4.7))
    draw(figure, sweeps)
    save_figure(figure, args.out, "appendix_c_cost", args.show)
    for name, (varied, times) in sweeps.items():
        slope = np.log(times[1.0][-1] / times[1.0][-2]) / np.log(varied[-1] / varied[-2])
        name = name.replace("\n", " ").replace("$", "")
        print(f"{name}: slope at the end {slope:.2f}; all of the states cost "
              f"{times[1.0][-1] / times[0.1][-1]:.1f} times as much as 10% of them")
    print("Look for: ten times the samples cost up to about ten times as much. With 10% of the states in A, an update "
          "costs a third to a fifth.")


if __name__ == "__main__":
    main()
