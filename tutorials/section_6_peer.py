"""Section 6's algorithm, ten seeds of each task, beside SB3-contrib's TRPO.

Look for: a row is grey unless interval and rank test both call the codes different. With ten runs of each code nearly
all rows are grey: if P is 0.3, so few runs show the difference in three cases of ten. The black rows are several tasks
together, and say more.
Then change: --seed 30, for ten other seeds of ours. The order of some tasks changes with them.

    python tutorials/section_6_peer.py                  # hours on two cores; goes on where it was stopped
    python tutorials/section_6_peer.py --env-ids Pendulum-v1 CartPole-v1
    python tutorials/section_6_peer.py --plot-only      # from the committed results
    python tutorials/section_6_peer.py --timesteps 1000000 --seeds 5 --env-ids Hopper-v5 Walker2d-v5    # hours

One configuration, the default, for all tasks, but for gamma 0.9999 on Swimmer-v5. The peer's runs are in
results/peer.csv; tests/benchmark_peer.py makes them, with the settings of its authors' benchmark.
"""
from aggregate import (
    RESULTS,
    complete_rows,
    interquartile_mean,
    interval,
    judge,
    p_value,
    probability_of_improvement,
    read_returns,
)
from common import new_figure, save_figure
from experiment import experiment_parser
from section_6_ablations import COLORS, DECIDED, config_of

import numpy as np
from scipy.stats import combine_pvalues

from trpo_numpy.checks import InputError

TASKS = {"Pendulum-v1": 100_000, "CartPole-v1": 100_000, "InvertedPendulum-v5": 50_000, "Swimmer-v5": 200_000,
         "Hopper-v5": 300_000, "Reacher-v5": 200_000, "LunarLander-v3": 300_000, "HalfCheetah-v5": 300_000,
         "Walker2d-v5": 300_000, "Pusher-v5": 200_000, "BipedalWalker-v3": 300_000}
MANY_JOINTS = "HalfCheetah-v5", "Walker2d-v5", "Pusher-v5", "BipedalWalker-v3"  # more than three: less first noise
COLUMNS = 1.12, 1.23, 1.34              # where the picture's columns of numbers end


def pooled(ours, theirs):
    """{name: [runs of ours, runs of theirs, of each task]} for all tasks that both have, and those of many joints."""
    both = [task for task in ours if task in theirs]
    groups = {"more than 3 joints": [task for task in both if task in MANY_JOINTS], "all tasks": both}
    return {name: [runs[task] for task in tasks for runs in (ours, theirs)] for name, tasks in groups.items() if tasks}


def compare(ours, theirs):
    """Prints a row per task that both have, and one for several of them together."""
    both = [task for task in ours if task in theirs]
    print(f"{'task':<20} {'ours':>7} {'interval':>18} {'peer':>7} {'interval':>18} P(ours > peer)     interval")
    for task in both:
        x, y = ours[task], theirs[task]
        cells = [f"{interquartile_mean(runs):7.1f} [{low:7.1f}, {high:7.1f}]"
                 for runs in (x, y) for low, high in [interval(interquartile_mean, runs)]]
        low, high = interval(probability_of_improvement, x, y)
        print(f"{task:<20} {cells[0]} {cells[1]} {probability_of_improvement(x, y):14.2f} [{low:.2f}, {high:.2f}] "
              f"{judge(x, y)} ({len(x)} and {len(y)} runs)")
    for name, samples in pooled(ours, theirs).items():
        low, high = interval(probability_of_improvement, *samples)
        print(f"a run of ours ends above one of theirs with probability {probability_of_improvement(*samples):.2f} "
              f"[{low:.2f}, {high:.2f}], p {p_value(*samples):.2f}, the mean of {len(samples) // 2} tasks ({name})")
    ps = [p_value(ours[task], theirs[task]) for task in both]
    if ps:
        print(f"the p of the single tasks, combined by Fisher's method: {combine_pvalues(ps).pvalue:.2f}")


def draw_probabilities(figure, ours, theirs):
    """A row per task, and two of several together: P, that our run ends above one of theirs, with its interval."""
    figure.set_size_inches(8.5, 5.4)
    axes = figure.subplots()
    pairs = {task: (ours[task], theirs[task]) for task in ours if task in theirs}
    rows = sorted(pairs, key=lambda task: probability_of_improvement(*pairs[task]))
    together = pooled(ours, theirs)
    samples = {**together, **{task: pairs[task] for task in rows}}
    judged = {name: judge(*runs) for name, runs in samples.items()}
    for y, (name, runs) in enumerate(samples.items()):
        P, (low, high) = probability_of_improvement(*runs), interval(probability_of_improvement, *runs)
        decided, group = judged[name] in DECIDED, name in together
        color = COLORS[judged[name]] if decided else "black" if group else COLORS["cannot tell"]
        axes.plot([low, high], [y, y], "-", color=color, linewidth=3, solid_capstyle="butt")
        axes.plot(P, y, "D" if group else "s" if decided else "o", color=color, markersize=9, markeredgewidth=2,
                  markerfacecolor=color if decided else "white")
        if decided:
            axes.text(high + 0.02, y, judged[name], color=color, fontweight="bold", va="center")
        cells = [f"{mean:.{0 if abs(mean) > 99 else 1}f}" for mean in map(interquartile_mean, runs) if not group]
        for x, cell in zip(COLUMNS, [*(cells or ["", ""]), f"{p_value(*runs):.{2 if group else 3}f}"]):
            axes.text(x, y, cell, va="center", ha="right")
    for x, head in zip(COLUMNS, ["ours", "SB3", "p"]):
        axes.text(x, len(samples) - 0.1, head, fontweight="bold", ha="right", va="center")
    axes.text(COLUMNS[1], len(samples) + 0.6, "interquartile mean", ha="right", va="center")
    for x, side, words in [(0.49, "right", "\u2190 SB3-contrib higher"), (0.51, "left", "ours higher \u2192")]:
        axes.text(x, len(samples) - 0.1, words, ha=side, va="center", color="0.35")
    axes.axvline(0.5, color="black", linewidth=1, linestyle=":")
    axes.axhline(len(together) - 0.5, color="0.8", linewidth=1)
    axes.set_yticks(range(len(samples)), list(samples))
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.6, len(samples) + 0.5),
             xlabel="$P$: the share of pairs in which our run ends above SB3-contrib's (ties: half; 95% interval)")
    figure.suptitle(claim(together, {task: judged[task] for task in pairs}), ha="left", x=0.01)
    n_runs = {len(runs) for pair in pairs.values() for runs in pair}
    axes.set_title("; ".join([f"{n} runs of each code" for n in n_runs if len(n_runs) == 1]
                             + ["orange: interval without 0.5, and p < 0.05"]), fontsize=10.5, fontweight="normal")
    axes.grid(axis="y", alpha=0)
    figure.get_layout_engine().set(rect=(0, 0, 0.975, 1))       # a margin right of the numbers


def claim(together, judged):
    """The title: which code is ahead by `judge`, on the samples of `pooled`; and on which single tasks."""
    who = {"better": "ours is ahead", "worse": "SB3-contrib is ahead"}
    nobody = "no difference from SB3-contrib can be shown"
    said = [who.get(judge(*samples), nobody) for samples in together.values()]
    first = f"In the mean over {len(together['all tasks']) // 2} tasks {said[-1]}"
    if said[0] not in (said[-1], nobody):
        first += f"; with many joints {said[0].replace('is', 'seems')}"
    singles = [f"{' and '.join(tasks)} {'is' if len(tasks) == 1 else 'are'} {word}" for word in DECIDED
               if (tasks := [task for task, verdict in judged.items() if verdict == word])]
    return f"{first};\nof single tasks " + (f"only {', and '.join(singles)}, and not after a correction" if singles
                                            else "none differs")


def quartile_range(runs):
    """How far apart the middle half of the runs lies."""
    return np.subtract(*np.percentile(runs, [75, 25]))


def draw_key(panel, compared):
    """What the marks in the other panels are, and what the title compares."""
    panel.plot(0, 0.95, ".", color="0.35", alpha=0.6)
    panel.plot(0, 0.8, "_", color="black", markersize=14)
    panel.errorbar(0, 0.65, 0.055, fmt="none", ecolor="black", capsize=4)
    for y, words in [(0.95, "a run"), (0.8, "interquartile mean"), (0.65, "its 95% interval")]:
        panel.text(0.17, y, words, va="center", fontsize=10)
    panel.text(-0.1, 0.5, compared, va="top", fontsize=10)
    panel.set(xlim=(-0.15, 1.15), ylim=(0, 1))
    panel.axis("off")


def draw(figure, ours, theirs):
    """A panel per task: each seed, and the interquartile mean with its interval, of both codes."""
    n_columns = min(4, len(ours))
    n_rows = -(-len(ours) // n_columns)
    figure.set_size_inches(8.5, 1.9 * n_rows + 0.6)
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for panel in panels[len(ours) + 1:]:
        panel.remove()
    for panel, task in zip(panels, ours):
        for x, (runs, color) in enumerate([(ours[task], "#0072B2"), (theirs.get(task, []), "0.35")]):
            panel.plot(x + np.linspace(-0.3, 0.15, len(runs)), np.sort(runs), ".", color=color, alpha=0.6)
            if len(runs) >= 5:
                mean, (low, high) = interquartile_mean(runs), interval(interquartile_mean, runs)
                panel.errorbar(x + 0.35, mean, [[mean - low], [high - mean]], fmt="_", color="black", markersize=14,
                               capsize=4)
        panel.set_title(task, fontsize=10)
        panel.set_xticks([0, 1], ["ours", "SB3"], fontsize=10)
        panel.set_xlim(-0.5, 1.6)
        panel.tick_params(axis="y", labelsize=10)
        panel.grid(alpha=0.3, axis="y")
    pairs = [(ours[task], theirs[task]) for task in ours if task in theirs]
    wide = sum(np.mean([quartile_range(x), quartile_range(y)]) > abs(interquartile_mean(x) - interquartile_mean(y))
               for x, y in pairs)
    figure.suptitle("On most tasks the runs of one code differ more than the codes do" if wide > len(pairs) / 2
                    else "Each run's return, task by task", ha="left", x=0.01)
    if len(panels) > len(ours):
        draw_key(panels[len(ours)], f"On {wide} of {len(pairs)} tasks the inter-\nquartile range of runs,\nmean of "
                 "both codes, is\nabove the difference\nof interquartile means." if pairs else "")
    figure.supylabel("return" if len(panels) > len(ours) else "return: runs in order, interquartile mean, 95% interval",
                     fontsize=10.5)


def main():
    parser = experiment_parser(__doc__, None)
    parser.set_defaults(seeds=10)
    parser.add_argument("--env-ids", nargs="+", default=list(TASKS), metavar="ENV_ID")
    args = parser.parse_args()
    tasks = {env_id: args.timesteps or TASKS.get(env_id, 1_000_000) for env_id in args.env_ids}
    seeds, name = range(args.seed, args.seed + args.seeds), "section_6_peer"
    if args.quick:
        tasks, seeds, name = {"Pendulum-v1": 2000}, range(2), name + "_quick"
    elif args.timesteps:
        name += f"_{args.timesteps}"
    path = args.out / ("section_6_runs" + "_quick" * args.quick + ".csv")
    if not args.plot_only:
        configs = {(env_id, "default"): config_of(env_id, "default", steps) for env_id, steps in tasks.items()}
        complete_rows(configs, seeds, args.out / name, path, args.workers)
    elif not path.exists():
        path = RESULTS / path.name
    ours, theirs = read_returns(path, tasks), read_returns(RESULTS / "peer.csv", tasks)
    if not ours:
        raise InputError(f"out: {path} has no runs of these tasks, wanted those that come without --plot-only")
    compare(ours, theirs)
    both = {task for task in ours if task in theirs}
    for picture, drawn in [(name + "_runs", draw), *([(name, draw_probabilities)] if both else [])]:
        figure = new_figure(args.show)
        drawn(figure, ours, theirs)
        save_figure(figure, args.out, picture, args.show)
    print("Look for: a task is grey unless interval and rank test both call the codes different; diamonds are groups "
          "of tasks.")


if __name__ == "__main__":
    main()
