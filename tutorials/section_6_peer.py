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
from section_6_ablations import COLORS, config_of

import numpy as np

from trpo_numpy.record import InputError

TASKS = {"Pendulum-v1": 100_000, "CartPole-v1": 100_000, "InvertedPendulum-v5": 50_000, "Swimmer-v5": 200_000,
         "Hopper-v5": 300_000, "Reacher-v5": 200_000, "LunarLander-v3": 300_000, "HalfCheetah-v5": 300_000,
         "Walker2d-v5": 300_000, "Pusher-v5": 200_000, "BipedalWalker-v3": 300_000}
MANY_JOINTS = "HalfCheetah-v5", "Walker2d-v5", "Pusher-v5", "BipedalWalker-v3"  # more than three: less first noise


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


def draw_probabilities(figure, ours, theirs):
    """A row per task, and two of several together: P, that our run ends above one of theirs, with its interval."""
    figure.set_size_inches(8.5, 5)
    axes = figure.subplots()
    pairs = {task: (ours[task], theirs[task]) for task in ours if task in theirs}
    rows = sorted(pairs, key=lambda task: probability_of_improvement(*pairs[task]))
    together = pooled(ours, theirs)
    samples = {**together, **{task: pairs[task] for task in rows}}
    judged = {task: judge(*pairs[task]) for task in pairs}
    for y, (name, runs) in enumerate(samples.items()):
        P, (low, high) = probability_of_improvement(*runs), interval(probability_of_improvement, *runs)
        color = "black" if name in together else COLORS.get(judged[name], COLORS["cannot tell"])
        axes.plot([low, high], [y, y], "-", color=color, linewidth=3, solid_capstyle="butt")
        axes.plot(P, y, "D" if name in together else "o", color=color, markersize=9)
        if name in pairs:
            for x, mean in zip((1.11, 1.21), map(interquartile_mean, runs)):
                axes.text(x, y, f"{mean:.{0 if abs(mean) > 99 else 1}f}", va="center", ha="right")
    for x, code in [(1.11, "ours"), (1.21, "SB3")]:
        axes.text(x, len(samples) - 0.4, code, fontweight="bold", ha="right")
    axes.axvline(0.5, color="black", linewidth=1, linestyle=":")
    axes.axhline(len(together) - 0.5, color="0.8", linewidth=1)
    axes.set_yticks(range(len(samples)), [name + (f" (p = {p_value(*runs):.2f})" if name in together else "")
                                          for name, runs in samples.items()])
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.6, len(samples)),
             xlabel="$P$: the share of pairs in which our run ends above SB3-contrib's (ties: half; 95% interval)")
    figure.suptitle(claim(together), ha="left", x=0.01)
    axes.set_title("orange: worse by interval and rank test; diamonds: groups of tasks",
                   fontsize=10.5, fontweight="normal")
    for x, side, words in [(0.49, "right", "SB3-contrib higher"), (0.51, "left", "ours higher")]:
        axes.text(x, len(samples) - 0.4, words, ha=side, color="0.35")
    axes.text(1.21, len(samples) + 0.3, "return", ha="right")
    axes.grid(axis="y", alpha=0)
    figure.get_layout_engine().set(rect=(0, 0, 0.98, 1))        # a margin right of the numbers


def claim(together):
    """The title: which code is ahead by `judge`, on the samples of `pooled`."""
    who = {"better": "ours is ahead", "worse": "SB3-contrib is ahead",
           "cannot tell": "no significant difference from SB3-contrib"}
    said = [judge(*samples) for samples in together.values()]
    first = f"Over {len(together['all tasks']) // 2} tasks {who[said[-1]]}"
    seems = who[said[0]].replace("is", "seems")
    return first if len(said) < 2 or said[0] in (said[1], "cannot tell") else f"{first}; with many joints {seems}"


def draw(figure, ours, theirs):
    """A panel per task: each seed, and the interquartile mean with its interval, of both codes."""
    n_columns = min(4, len(ours))
    n_rows = -(-len(ours) // n_columns)
    figure.set_size_inches(8.5, 1.9 * n_rows + 0.6)
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for panel in panels[len(ours):]:
        panel.remove()
    for panel, task in zip(panels, ours):
        for x, (runs, color) in enumerate([(ours[task], "#0072B2"), (theirs.get(task, []), "0.35")]):
            panel.plot(x + np.linspace(-0.25, 0.25, len(runs)), np.sort(runs), ".", color=color, alpha=0.6)
            if len(runs) >= 5:
                mean, (low, high) = interquartile_mean(runs), interval(interquartile_mean, runs)
                panel.errorbar(x, mean, [[mean - low], [high - mean]], fmt="_", color="black", markersize=18, capsize=4)
        panel.set_title(task, fontsize=10)
        panel.set_xticks([0, 1], ["ours", "SB3"], fontsize=10)
        panel.set_xlim(-0.6, 1.6)
        panel.tick_params(axis="y", labelsize=10)
        panel.grid(alpha=0.3, axis="y")
    figure.suptitle("Ten runs of each code, task by task", ha="left", x=0.01)
    figure.supylabel("return: runs in order, interquartile mean, 95% interval", fontsize=10.5)


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
