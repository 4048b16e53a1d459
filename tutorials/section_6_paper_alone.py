"""Section 6 with nothing that practice adds: the returns of --paper for several batch sizes.

Look for: by iterations larger batches rise sooner, by steps no size is best on all tasks; Pendulum-v1 is learned by one
run of nine.
The sampled Q is a sum of hundreds of rewards. Without a baseline, all of its variance enters g. A batch ten times as
large divides the variance of g by ten, but with the same number of steps there are only a tenth of the iterations.
Then change: --batch-sizes 5000 20000, with another --out.

    python tutorials/section_6_paper_alone.py       # about an hour on two cores; resumes where it was stopped
    python tutorials/section_6_paper_alone.py --plot-only --out tutorials/results
"""
import csv
from functools import partial

from common import SEED, SUMMARY, new_figure, save_figure, whole_number
from experiment import all_runs, complete_runs, experiment_parser, read_runs, seed_of

import numpy as np

from trpo_numpy.checks import InputError
from trpo_numpy.practice.config import PAPER, Config
from trpo_numpy.practice.training import train

TASKS, ITERATIONS, STEPS = ["CartPole-v1", "Pendulum-v1", "Swimmer-v5"], 50, 500_000
LOOKS = ("#9ECAE1", "-"), ("#4292C6", "--"), ("#08306B", "-.")     # small batches to large ones
INKS = "#3F7CAC", "#2171B5", "#08306B"                              # of words in these colours


def config_of(env_id, batch_size, iterations, steps):
    """The paper alone, for so many iterations or steps, whichever takes longer. The swimmer has gamma 0.9999."""
    gamma = 0.9999 if env_id.startswith("Swimmer") else Config.gamma
    return Config(**PAPER, env_id=env_id, batch_size=batch_size, gamma=gamma,
                  timesteps=max(steps, iterations * batch_size))


def around(columns, name, end):
    """The mean return of the last fifth before columns[name] is `end`."""
    late = (columns[name] > 0.8 * end) & (columns[name] <= max(end, columns[name][0]))
    return columns["mean_return"][late].mean() if late.any() else columns["mean_return"][0]


def smooth(columns, x, end, n_points=50):
    """columns[x] up to end, or one more, and the returns: means of neighbours, if there are more than n_points."""
    n = min(np.searchsorted(columns[x], end) + 1, len(columns[x]))
    n_each = -(-n // n_points)
    rows = slice(0, n // n_each * n_each)
    return [columns[name][rows].reshape(-1, n_each).mean(axis=1) for name in (x, "mean_return")]


def draw(figure, table, iterations, steps):
    """table {task: {batch size: [columns of a seed]}}: a row per task, against steps and against iterations."""
    figure.set_size_inches(8.5, 2.1 * len(table) + 0.6)
    from matplotlib.ticker import EngFormatter, MaxNLocator
    n_seeds = max(len(runs) for by_size in table.values() for runs in by_size.values())
    seeds = "one seed" if n_seeds == 1 else f"mean of {n_seeds} seeds"
    figure.suptitle("The paper alone: counted in iterations, larger batches rise sooner;\n"
                    f"counted in steps, no batch size is best on all tasks ({seeds})", ha="left", x=0.01)
    panels = figure.subplots(len(table), 2, squeeze=False, sharey="row")
    for row, (task, by_size) in zip(panels, table.items()):
        for axes, x, end in zip(row, ("timesteps", "iteration"), (steps, iterations)):
            for (color, line), (size, runs) in zip(LOOKS, by_size.items()):
                curves = [smooth(columns, x, end) for columns in runs]
                for curve in curves if len(runs) > 1 else []:
                    axes.plot(*curve, "-", color=color, **SEED)
                n = min(len(steps) for steps, _ in curves)
                mean = np.mean([[steps[:n], returns[:n]] for steps, returns in curves], axis=0)
                axes.plot(*mean, line, color=color, **SUMMARY)
                if axes is panels[0, 0]:
                    n_named = len(axes.texts)
                    i = int((0.14, 0.25, 0.5)[n_named] * n)
                    axes.annotate(f"{size:,}" + " steps per batch" * (n_named == len(by_size) - 1),
                                  (mean[0, i], mean[1, i]), ((0.15, 0.9), (0.35, 0.9), (0.75, 0.12))[n_named],
                                  textcoords="axes fraction", va="center", ha="center", color=INKS[n_named],
                                  fontweight="bold",
                                  arrowprops={"arrowstyle": "-", "color": INKS[n_named], "linewidth": 0.8})
            axes.set(xlim=(0, end), title=task if x == "timesteps" else "")
            axes.xaxis.set_major_formatter(EngFormatter(sep=""))
            axes.xaxis.set_major_locator(MaxNLocator(2 if x == "timesteps" else 5))
        row[0].set_ylabel("mean return")
        if task == "Pendulum-v1" and n_seeds > 1:
            axes.text(0.62, 0.86, f"one of {n_seeds} runs\ncarries this mean", transform=axes.transAxes, ha="right",
                      va="center", color=INKS[-1])
    panels[-1][0].set_xlabel("environment steps")
    panels[-1][1].set_xlabel("iterations")
    panels[0][0].set_ylim(top=panels[0][0].get_ylim()[0] + 1.25 * np.ptp(panels[0][0].get_ylim()))    # for the names


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
    print("Look for: by iterations larger batches rise sooner, by steps no size is best on all tasks; Pendulum-v1 is "
          "learned by one run, with batches of 50,000, and only after 500,000 steps.")


if __name__ == "__main__":
    main()
