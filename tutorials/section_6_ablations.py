"""Section 6, one choice at a time: what ten changes of the default configuration are worth, ten seeds of each.

One of them is the direction: after one iteration of conjugate gradient s is parallel to g, so the run is TRPO's in all
but the direction. ALONG_G has the same with a third and three times the delta; these runs are not in the picture.
Look for: the rows that are coloured, better or worse than the default, and how many are not. They are if the 95%
interval of the probability that a run beats one of the default leaves out one half, and a rank test has p < 0.05.
Then change: --variants default "log-std -0.5" --env-ids Ant-v5 --timesteps 1000000; or VARIANTS, to your own option.

    python tutorials/section_6_ablations.py             # hours on two cores; goes on where it was stopped
    python tutorials/section_6_ablations.py --env-ids Pendulum-v1 --variants default "damping 0.1"
    python tutorials/section_6_ablations.py --plot-only --out tutorials/results     # from the runs there
"""
from aggregate import complete_rows, interquartile_mean, interval, judge, probability_of_improvement, read_returns
from common import new_figure, save_figure
from experiment import experiment_parser

from trpo_numpy.checks import InputError
from trpo_numpy.practice.config import Config

TASKS = {"Pendulum-v1": 100_000, "Swimmer-v5": 200_000, "HalfCheetah-v5": 300_000, "Hopper-v5": 300_000}
VARIANTS = {
    "default": {}, "delta 0.02": {"delta": 0.02}, "batch 4000": {"batch_size": 4000},
    "lambda 0.97": {"gae_lambda": 0.97}, "damping 0.1": {"damping": 0.1},
    "all states in A": {"fisher_fraction": 1.0}, "log-std -0.5": {"initial_log_std": -0.5},
    "raw observations": {"scale_observations": False}, "raw advantages": {"standardize_advantages": False},
    "one delta for all joints": {"delta_per_dimension": False}, "one CG iteration": {"cg_iterations": 1}}
ALONG_G = {f"one CG iteration, delta {delta}": {"cg_iterations": 1, "delta": delta} for delta in (0.003, 0.03)}
CHANGED = VARIANTS | ALONG_G
SHOWN = {"one CG iteration": "along g, not s: k = 1", "all states in A": "all states in A (default: 10%)",
         "log-std -0.5": "first log-std lower by 0.5"}      # the option is added to the rule's log-std
DECIDED = "better", "worse"
COLORS = {"better": "#009E73", "worse": "#D55E00", "cannot tell": "#777777"}


def config_of(env_id, variant, timesteps):
    """The default Config with one option changed; Swimmer, whose strokes are long, has a discount of its own."""
    gamma = 0.9999 if env_id.startswith("Swimmer") else Config.gamma
    return Config(**{"env_id": env_id, "timesteps": timesteps, "gamma": gamma, **CHANGED[variant]})


def with_default(variant):
    """The name of a variant, with the default of its option if that is a number."""
    numbers = [getattr(Config, name) for name in CHANGED[variant] if not isinstance(getattr(Config, name), bool)]
    return SHOWN.get(variant) or variant + "".join(f" (default {number:g})" for number in numbers)


def compare(table):
    """{variant: {task: verdict}} of table {variant: {task: returns}}; prints a row for each."""
    verdicts = {}
    for variant, returns in table.items():
        for task, runs in returns.items():
            samples = runs, table["default"][task]
            low, high = interval(probability_of_improvement, *samples)
            verdicts.setdefault(variant, {})[task] = judge(*samples)
            print(f"{variant:>18} {task:>16} {interquartile_mean(runs):8.1f}  P(better than default) "
                  f"{probability_of_improvement(*samples):.2f} [{low:.2f}, {high:.2f}] {verdicts[variant][task]}")
    return verdicts


def draw(figure, table, verdicts):
    """A panel per task, a row per variant: each run, the interquartile mean and its interval; the default's in grey."""
    tasks = table["default"]
    figure.set_size_inches(8.5, 0.42 * len(table) + 1.6)
    for i, (axes, task) in enumerate(zip(figure.subplots(1, len(tasks), squeeze=False)[0], tasks)):
        axes.axvspan(*interval(interquartile_mean, tasks[task]), color="0.9")
        for y, (variant, returns) in enumerate(table.items()):
            if task in returns:
                mean, color = interquartile_mean(returns[task]), COLORS.get(verdicts[variant][task], "#777777")
                low, high = interval(interquartile_mean, returns[task])
                axes.plot(returns[task], [y + 0.22] * len(returns[task]), ".", color=color, alpha=0.45, markersize=5)
                said = verdicts[variant][task] if verdicts[variant][task] in DECIDED else ""
                axes.errorbar(mean, y - 0.1, xerr=[[mean - low], [high - mean]], fmt="s" if said else "o", color=color,
                              linewidth=2.5, markerfacecolor=color if said or variant == "default" else "white")
                axes.annotate(said, (high if said == "worse" else low, y - 0.1), (5 if said == "worse" else -5, 0),
                              textcoords="offset points", ha="left" if said == "worse" else "right", va="center",
                              color=color, fontweight="bold")
            else:
                axes.text(0.5, y, "one joint:\nthe same" if task == "Pendulum-v1" else "not run", color="0.45",
                          ha="center", va="center", transform=axes.get_yaxis_transform())
        axes.set_yticks(range(len(table)), map(with_default, table) if i == 0 else [""] * len(table))
        axes.set_ylim(len(table) - 0.5, -0.5)
        axes.set_title(task, fontsize=10, loc="center")
        axes.locator_params(axis="x", nbins=3)
    figure.supxlabel("return without noise: each run (small), interquartile mean and its 95% interval (large),\n"
                     "that of the default (grey band); square: better or worse than it, open circle: cannot tell",
                     fontsize=10)


def main():
    parser = experiment_parser(__doc__, None)
    parser.set_defaults(seeds=10)
    parser.add_argument("--env-ids", nargs="+", default=list(TASKS), metavar="ENV_ID")
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=CHANGED)
    args = parser.parse_args()
    tasks = {env_id: args.timesteps or TASKS.get(env_id, 200_000) for env_id in args.env_ids}
    variants, seeds, name = args.variants, range(args.seed, args.seed + args.seeds), "section_6_ablations"
    if args.quick:
        tasks, variants, seeds, name = {"Pendulum-v1": 2000}, ["default", "delta 0.02"], range(2), name + "_quick"
    path = args.out / ("section_6_runs" + "_quick" * args.quick + ".csv")
    if not args.plot_only:
        configs = {(env_id, v): config_of(env_id, v, steps) for v in variants for env_id, steps in tasks.items()}
        complete_rows(configs, seeds, args.out / name, path, args.workers)
    table = {variant: read_returns(path, tasks, variant) for variant in variants}
    table = {variant: returns for variant, returns in table.items() if returns}
    if "default" not in table:
        raise InputError(f"out: {path} has no runs of the default, wanted those that come without --plot-only")
    compared = {task for variant, returns in table.items() if variant != "default" for task in returns}
    table["default"] = {task: returns for task, returns in table["default"].items() if task in compared}
    figure = new_figure(args.show)
    verdicts = compare(table)
    draw(figure, table, verdicts)
    said = [verdict for variant, by_task in verdicts.items() if variant != "default" for verdict in by_task.values()]
    alike, n_runs = sum(verdict not in DECIDED for verdict in said), max(map(len, table["default"].values()))
    title = f"{alike} of {len(said)} changes of one option cannot be told from the default ({n_runs} runs of each)"
    if along_g := list(verdicts.get("one CG iteration", {}).values()):
        title = f"Steps along g end lower on {along_g.count('worse')} of {len(along_g)} tasks;\n" + title
    figure.suptitle(title, ha="left", x=0.01)
    save_figure(figure, args.out, name, args.show)
    print("Look for: the rows that are coloured, better or worse than the default, and how many are grey.")


if __name__ == "__main__":
    main()
