"""Section 6 with nothing that practice adds: the returns of --paper for several batch sizes.

Look for: on CartPole-v1 all batch sizes come near 500, and most fall back; Pendulum-v1 is learned by one run of six.
The sampled Q is a sum of hundreds of rewards. Without a baseline, all of its variance enters g. A batch ten times as
large divides the variance of g by ten, but with the same number of steps there are only a tenth of the iterations.
Then change: --batch-sizes 5000 20000, with another --out.

    python tutorials/section_6_paper_alone.py       # about an hour on two cores; resumes where it was stopped
    python tutorials/section_6_paper_alone.py --plot-only --out tutorials/results
"""
import csv
from functools import partial

from common import SEED, new_figure, save_figure, whole_number
from experiment import all_runs, complete_runs, experiment_parser, read_runs, seed_of

import numpy as np

from trpo_numpy.practice.config import PAPER, Config
from trpo_numpy.practice.training import train
from trpo_numpy.record import InputError

TASKS, ITERATIONS, STEPS = ["CartPole-v1", "Pendulum-v1", "Swimmer-v5"], 50, 500_000
COLORS = "#56B4E9", "#0072B2", "black"


def config_of(env_id, batch_size, iterations, steps):
    """The paper alone, for so many iterations or steps, whichever takes longer. The swimmer has gamma 0.9999."""
    gamma = 0.9999 if env_id.startswith("Swimmer") else Config.gamma
    return Config(**PAPER, env_id=env_id, batch_size=batch_size, gamma=gamma,
                  timesteps=max(steps, iterations * batch_size))


def around(columns, name, end):
    """The mean return of the last fifth before columns[name] is `end`."""
    late = (columns[name] > 0.8 * end) & (columns[name] <= max(end, columns[name][0]))
    return columns["mean_return"][late].mean() if late.any() else columns["mean_return"][0]


def draw(figure, table, iterations, steps):
    """table {task: {batch size: [columns of a seed]}}: a row per task, against steps and against iterations."""
    figure.set_size_inches(8.5, 2.1 * len(table) + 0.6)
    from matplotlib.ticker import EngFormatter
    n_seeds = max(len(runs) for by_size in table.values() for runs in by_size.values())
    seeds = "one seed" if n_seeds == 1 else f"mean of {n_seeds} seeds"
    figure.suptitle(f"The paper alone: runs differ as much as batch sizes do ({seeds})", ha="left", x=0.01)
    panels = figure.subplots(len(table), 2, squeeze=False, sharey="row")
    for row, (task, by_size) in zip(panels, table.items()):
        for axes, x, end in zip(row, ("timesteps", "iteration"), (steps, iterations)):
            for color, (size, runs) in zip(COLORS, by_size.items()):
                n = min(len(columns) for columns in runs)
                for columns in runs if len(runs) > 1 else []:
                    axes.plot(columns[x], columns["mean_return"], "-", color=color, **SEED)
                mean = [np.mean([columns[name][:n] for columns in runs], axis=0) for name in (x, "mean_return")]
                axes.plot(*mean, "-", color=color, label=f"{size:,} steps per batch", linewidth=1.8)
            axes.set(xlim=(0, end), title=task if x == "timesteps" else "")
            axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        row[0].set_ylabel("mean return (raw)")
    panels[-1][0].set_xlabel("environment steps")
    panels[-1][1].set_xlabel("iterations")
    panels[0][1].legend()


def main():
    parser = experiment_parser(__doc__, STEPS)
    parser.set_defaults(seeds=3)
    parser.add_argument("--env-ids", nargs="+", default=TASKS, metavar="ENV_ID")
    parser.add_argument("--batch-sizes", nargs="+", type=partial(whole_number, 2), default=[2_000, 10_000, 50_000])
    parser.add_argument("--iterations", type=partial(whole_number, 1), default=ITERATIONS)
    args = parser.parse_args()
    env_ids, sizes, iterations, steps = args.env_ids, args.batch_sizes, args.iterations, args.timesteps
    if args.quick:
        env_ids, sizes, iterations, steps, args.seeds = ["Pendulum-v1"], [400, 1000], 2, 2000, 1
    name = "section_6_paper_alone" + "_quick" * args.quick
    methods = {f"{env_id} batch {size}": (train, config_of(env_id, size, iterations, steps))
               for env_id in env_ids for size in sizes}
    runs = sorted(all_runs(methods, range(args.seed, args.seed + args.seeds)), key=seed_of)
    if not args.plot_only:
        complete_runs(runs, args.out / name, args.workers)
    progress, table = read_runs(runs, args.out / name), {}
    if not progress:
        raise InputError(f"out: {args.out / name} holds no runs to draw, wanted those that come without --plot-only")
    for run, columns in progress.items():
        table.setdefault(run.config.env_id, {}).setdefault(run.config.batch_size, []).append(columns)
    with open(args.out / f"{name}.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["task", "batch_size", "seeds", f"at_{steps}_steps", f"at_{iterations}_iterations"])
        for task, by_size in table.items():
            for size, columns in by_size.items():
                row = [np.mean([around(c, x, end) for c in columns])
                       for x, end in (("timesteps", steps), ("iteration", iterations))]
                writer.writerow([task, size, len(columns), *np.round(row, 1)])
                print(f"{task:>15} batch {size:>6}: {row[0]:8.1f} at {steps} steps, {row[1]:8.1f} at {iterations} "
                      "iterations")
    figure = new_figure(args.show)
    draw(figure, table, iterations, steps)
    save_figure(figure, args.out, name, args.show)
    print("Look for: on CartPole-v1 all batch sizes come near 500, and most fall back; Pendulum-v1 is learned by one "
          "run of six.")


if __name__ == "__main__":
    main()
