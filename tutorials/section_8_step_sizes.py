"""Section 8.1: is a bound on the KL more robust than a fixed penalty? Five deltas of single path, five steps 1/lambda.

Look for: over the range of lengths the bound loses the larger part of its best return on the walker, and the fixed step
on the hopper. On the swimmer five runs of each length cannot tell.
A step with the bound delta is as long as the root of delta, so ten times delta is set beside three times 1/lambda.
Advantages are not standardized, as in section_8_locomotion, whose runs of natural gradient and of delta 0.01 it shares.
Then change: --env-ids Hopper-v5 --seeds 2; or DELTAS, to values of your own.

    python tutorials/section_8_step_sizes.py --out tutorials/results    # 60 runs, an hour on two cores; resumes
    python tutorials/section_8_step_sizes.py --plot-only --out tutorials/results
"""
from dataclasses import replace

from common import METHODS, SUMMARY, new_figure, save_figure
from experiment import LEVEL, STANDING, all_runs, complete_runs, experiment_parser, final_return, read_runs
from section_8_locomotion import methods

import numpy as np
from scipy.stats import mannwhitneyu

from trpo_numpy.practice.training import train

DELTAS = 0.001, 0.003, 0.01, 0.03, 0.1      # per dimension of the action; 0.01 is the default
PAIRS = (0.32, 0.3), (3.16, 3)              # steps of single path and of natural gradient with nearly the same length
CLAIM = ("The bound and the fixed step lose much at the ends of the range;\n"
         "which of them loses more depends on the task")
LABELS = {"single path": r"single path, $\delta$ = 0.001 to 0.1",
          "natural gradient": r"natural gradient, $1/\lambda$ = 0.01 to 1"}


def factor_of(run):
    """The length of its steps, in units of those with delta = 0.01, or with the fixed step 0.1."""
    return round(run.step / 0.1 if run.step else np.sqrt(run.config.delta / 0.01), 2)


def final_returns(env_id, timesteps, seeds, args):
    """{method: {factor: final returns (seeds,)}}, after the runs that are missing."""
    curves = methods(env_id, timesteps)
    _, single = curves["single path"]
    swept = {method: curves[method] for method in LABELS} | {
        f"single path, delta {delta:g}": (train, replace(single, delta=delta))
        for delta in DELTAS if delta != single.delta}
    runs = [run for seed in seeds for run in all_runs(swept, [seed])]       # the first seed of all comes first
    parent = args.out / f"section_8_locomotion_{env_id}"
    if not args.plot_only:
        complete_runs(runs, parent, args.workers)
    finals = {method: {} for method in LABELS}
    for run, columns in read_runs(sorted(runs, key=factor_of), parent).items():
        by_factor = finals["natural gradient" if run.step else "single path"]
        by_factor.setdefault(factor_of(run), []).append(final_return(columns, timesteps))
    return finals


def kept(by_factor):
    """The worst mean return over a tenfold range of lengths as a part of the best of all, for the kindest range."""
    means = {factor: np.mean(returns) for factor, returns in by_factor.items()}
    ranges = [[means[factor] for factor in means if low <= factor < 11 * low] for low in means if 9 * low < max(means)]
    return max(map(min, ranges)) / max(means.values())


def interval_of_difference(by_method, n=10_000):
    """The 95% percentile interval of what the bound keeps minus what the fixed step keeps, runs resampled n times."""
    rng, differences = np.random.default_rng(0), []
    for _ in range(n):
        bound, fixed = (kept({factor: rng.choice(returns, len(returns)) for factor, returns in by_method[name].items()})
                        for name in ("single path", "natural gradient"))
        differences.append(bound - fixed)
    return np.quantile(differences, [0.025, 0.975])


def same_range(by_method):
    """by_method without the fixed steps whose lengths lie outside of those of the bound: 1/lambda from 0.03 to 0.3."""
    return {method: {factor: by_factor[factor] for factor in by_factor if 0.29 < factor < 3.2}
            for method, by_factor in by_method.items()}


def compare(finals):
    """Prints what each method has `kept` on each task; then the returns at each of PAIRS, with a p before and after.

    What the fixed step keeps is printed for its kindest range, and for the range of the bound's lengths. Holm's
    correction (1979) multiplies the least of n p by n, the next by n - 1, and so on.
    """
    for env_id, by_method in finals.items():
        for name, lengths in [("a tenfold range", by_method), ("the same range", same_range(by_method))]:
            print(f"{env_id:>12}, kept over {name}: "
                  + ", ".join(f"{method} {kept(by_factor):.0%}" for method, by_factor in lengths.items())
                  + "; difference [{:.2f}, {:.2f}]".format(*interval_of_difference(lengths)))
    pairs = [(env_id, factor, by_method["single path"][mine], by_method["natural gradient"][factor])
             for env_id, by_method in finals.items() for mine, factor in PAIRS]
    p = np.array([mannwhitneyu(x, y).pvalue for *_, x, y in pairs])
    order = np.argsort(p)
    holm = np.empty(len(p))
    holm[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    for (env_id, factor, x, y), *ps in zip(pairs, p, holm):
        print("{:>12}, length {:<3g} bound {:6.4g}, fixed step {:6.4g}, p {:.3f}, after the correction {:.3f}".format(
            env_id, factor, np.mean(x), np.mean(y), *ps))


def draw(figure, finals):
    """A panel per task of finals {task: {method: {factor: final returns}}}: each run, and their means."""
    figure.set_size_inches(8.5, 4)
    figure.suptitle(CLAIM if len(finals) == 3 else "Final returns by the length of the step", ha="left", x=0.01)
    for axes, (env_id, by_method) in zip(figure.subplots(1, len(finals), squeeze=False)[0], finals.items()):
        for method, by_factor in by_method.items():
            for factor, returns in by_factor.items():
                axes.plot([factor] * len(returns), returns, ".", color=METHODS[method]["color"], alpha=0.6)
            means = [np.mean(returns) for returns in by_factor.values()]
            axes.plot(list(by_factor), means, **METHODS[method], **SUMMARY, label=LABELS[method])
        if env_id in ("Hopper-v5", "Walker2d-v5"):
            axes.axhline(STANDING[0], **LEVEL, label=f"{STANDING[0]}: {STANDING[1]}")
        axes.set(title=env_id, xscale="log", ylim=(0, None))
        axes.set_xticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
        axes.minorticks_off()
    figure.axes[0].set_ylabel("final return")
    figure.axes[len(finals) // 2].set_xlabel(
        r"length of the step; 1: $\delta$ = 0.01 for each joint, $1/\lambda$ = 0.1")
    figure.legend(*figure.axes[-1].get_legend_handles_labels(), loc="outside lower center", ncols=3)


def main():
    parser = experiment_parser(__doc__, 300_000)
    parser.add_argument("--env-ids", nargs="+", default=["Swimmer-v5", "Hopper-v5", "Walker2d-v5"])
    args = parser.parse_args()
    if args.quick:
        args.env_ids, args.timesteps, args.seeds = ["Pendulum-v1"], 2_000, 1
    seeds, finals = range(args.seed, args.seed + args.seeds), {}
    for env_id in args.env_ids:
        finals[env_id] = final_returns(env_id, args.timesteps, seeds, args)
        for method, by_factor in finals[env_id].items():
            for factor, returns in by_factor.items():
                print(f"{env_id:>12} {method:>16}, factor {factor:<4g} {np.mean(returns):8.4g}   seeds "
                      + " ".join(f"{R:.4g}" for R in returns))
    if not args.quick:
        compare(finals)
    figure = new_figure(args.show)
    draw(figure, finals)
    save_figure(figure, args.out, "section_8_step_sizes", args.show)
    print("Look for: over the range of lengths the bound loses the larger part of its best return on the walker, and "
          "the fixed step on the hopper. On the walker the fixed step has less to lose.")


if __name__ == "__main__":
    main()
