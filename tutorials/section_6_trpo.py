"""Section 6: the practical algorithm learns to swing up a pendulum, from three random initializations.

Look for: returns that rise with setbacks (the paper's words are "monotonic improvement, with little tuning"). In the
panel below, the KL of each update stays below delta, for every policy: each update stays in its trust region.
Then change: --delta 0.1. Steps are longer, progress is faster at first, and setbacks are larger.

    python tutorials/section_6_trpo.py                                        # 3 seeds on Pendulum-v1
    python tutorials/section_6_trpo.py --env-id CartPole-v1 --seeds 5         # another task
    python tutorials/section_6_trpo.py --plot-only --out tutorials/results    # draws all seeds that are there
"""
import csv
import re
from functools import partial

from common import SEED, SUMMARY, new_figure, save_figure, tutorial_parser, whole_number

import numpy as np

from trpo_numpy.checks import InputError
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.evaluation import greedy_returns
from trpo_numpy.practice.run_folder import create_run_folder, read_progress, record_iteration
from trpo_numpy.practice.training import train


def run(config, out):
    """Trains one policy into a folder of its own. Returns it, and 20 raw returns of the policy without noise."""
    env = make_env(config)
    folder = create_run_folder(None, config, out)
    for iteration in train(config):
        row = record_iteration(folder, iteration)
        print(f"\rseed {config.seed}: {row['timesteps']:>7} of {config.timesteps} steps, training return "
              f"{row['mean_return']:9.1f}, KL {row['kl']:.4f}", end="", flush=True)
    theta, scaling = iteration.update.theta_new, iteration.scaling
    returns = list(greedy_returns(env, iteration.policy, theta, scaling, config.seed, 20))
    print(f"; then without noise, 20 episodes: {np.mean(returns):.1f}")
    return folder, returns


def thinned(progress, n_points=100):
    """(timesteps, mean return) of a run, where each point is the mean of a few iterations if there are many."""
    starts = np.arange(0, len(progress["timesteps"]), -(-len(progress["timesteps"]) // n_points))
    ends = np.append(starts[1:], len(progress["timesteps"]))
    return progress["timesteps"][ends - 1], np.add.reduceat(progress["mean_return"], starts) / (ends - starts)


def median_curve(curves):
    """The median of curves [(x, y)] at each x, from the first that all have; between its points a curve is linear."""
    grid = np.unique(np.concatenate([x for x, _ in curves]))
    grid = grid[grid >= max(x[0] for x, _ in curves)]
    return grid, np.median([np.interp(grid, x, y) for x, y in curves], axis=0)


def draw_learning_curve(figure, runs, title):
    """Draws runs, {label: columns of progress.csv}, into a matplotlib Figure: a line per run, and their median."""
    from matplotlib.ticker import EngFormatter

    deltas = [delta for progress in runs.values() for delta in progress["delta"][:1] if delta < np.inf]  # inf: none
    several, curves = len(runs) > 1, [thinned(progress) for progress in runs.values()]
    returns, kls = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    for curve, progress in zip(curves, runs.values()):
        smoothed = len(curve[0]) < len(progress["kl"])
        returns.plot(*curve, "-", color="#0072B2", **(SEED if several else SUMMARY))
        many = len(progress["kl"]) > 100
        kls.plot(progress["timesteps"], progress["kl"], ".", color="#0072B2", markersize=2 if many else 3,
                 alpha=0.15 if many else 0.45)
    if several:
        grid, median = median_curve(curves)
        returns.plot(grid, median, "-", color="#0072B2", **SUMMARY)
        words = f"thick: median of {len(runs)} seeds\nthin: each" + ", smoothed" * smoothed
        returns.text(0.86, 0.16, words, ha="right", va="center", transform=returns.transAxes, color="#0072B2",
                     fontweight="bold")
    end = max(progress["timesteps"][-1] for progress in runs.values())
    returns.axvspan(0.9 * end, end, color="0.93", zorder=0)
    returns.text(0.95 * end, 0.03, "last tenth", transform=returns.get_xaxis_transform(), ha="center", color="0.35")
    if deltas:
        delta = max(deltas)
        kls.axhline(delta, color="black", linestyle="--", linewidth=1.5)
        kls.text(0.995, 1.03 * delta, rf"$\delta$ = {delta:g}", transform=kls.get_yaxis_transform(), ha="right",
                 va="bottom")
        kls.set_ylim(0, 1.35 * delta)
    returns.set(title=title, ylabel="mean return of a batch")
    kls.set(xlabel="environment steps", ylabel="mean KL (nats)")
    kls.xaxis.set_major_formatter(EngFormatter(sep=""))
    figure.align_ylabels()


def main():
    parser = tutorial_parser(__doc__)
    parser.add_argument("--env-id", default="Pendulum-v1")
    parser.add_argument("--timesteps", type=int, default=100_000)
    parser.add_argument("--seeds", type=partial(whole_number, 1), default=3,
                        help="how many, from --seed on (default: 3)")
    parser.add_argument("--gamma", type=float, default=Config.gamma, help=f"discount (default: {Config.gamma})")
    parser.add_argument("--delta", type=float, default=Config.delta, help=f"bound on the KL, for each of the action's "
                        f"dimensions (default: {Config.delta})")
    parser.add_argument("--plot-only", action="store_true", help="draw the runs that are there, train nothing")
    args = parser.parse_args()
    timesteps, name = 4000 if args.quick else args.timesteps, re.sub("[/:]", "-", args.env_id)
    name += f"_from_seed_{args.seed}" if args.seed else ""
    configs = [Config(env_id=args.env_id, timesteps=timesteps, seed=seed, gamma=args.gamma, delta=args.delta)
               for seed in range(args.seed, args.seed + (1 if args.quick else args.seeds))]

    evaluation = args.out / f"{name}-evaluation.csv"
    if args.plot_only:
        folders = sorted(args.out.glob(f"{name}-seed*-1"))
        if not folders:
            raise InputError(f"out: {args.out} holds no runs on {args.env_id}, wanted those without --plot-only")
        returns = np.atleast_1d(np.genfromtxt(evaluation, delimiter=",", names=True))["mean_return"]
    else:
        folders, all_returns = zip(*[run(config, args.out) for config in configs])
        returns = [np.mean(of_one) for of_one in all_returns]
        with open(evaluation, "w", newline="") as file:
            rows = [(config.seed, timesteps, R, np.std(of_one)) for config, R, of_one in
                    zip(configs, returns, all_returns)]
            csv.writer(file, lineterminator="\n").writerows([("seed", "timesteps", "mean_return", "std"), *rows])

    figure = new_figure(args.show, figsize=(8.5, 5.2))
    runs = {folder.name: read_progress(folder) for folder in folders}
    ends = [progress["mean_return"][-max(1, len(progress) // 10):].mean() for progress in runs.values()]
    low, high = f"{min(ends):.0f}", f"{max(ends):.0f}"
    reached = f"means of {low} to {high}" if low != high else f"a mean of {low}"
    draw_learning_curve(figure, runs, f"{args.env_id}, training returns: {reached} over the last tenth;\n"
                        "every KL stays under the bound")
    save_figure(figure, args.out, f"section_6_trpo_{name}", args.show)
    print(f"median of {len(returns)} seeds, 20 episodes each without noise: {np.median(returns):.1f}")
    print("Look for: returns that rise, though two batches in five return less than the batch before; a KL that is "
          "never above the bound.")


if __name__ == "__main__":
    main()
