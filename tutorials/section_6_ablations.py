"""Section 6, one choice at a time: what each option of the default configuration is worth, on five tasks.

Look for: which choices matter on every task, and which are lost in the spread of the seeds. Table and picture have
the raw return of 20 episodes without noise, of each seed, and the median.
Then change: VARIANTS, to an option of your own; or --seed 20, for five seeds that nobody has looked at. The order of
most options changes with them: that is what the spread of the seeds means.

    python tutorials/section_6_ablations.py             # hours on two cores; goes on where it was stopped
    python tutorials/section_6_ablations.py --env-ids Pendulum-v1 --variants default "lambda 0.97"
    python tutorials/section_6_ablations.py --plot-only --out tutorials/results     # from the table there
    python tutorials/section_6_ablations.py --env-ids Reacher-v5 Acrobot-v1 --variants default "log-std -0.5"

The table of some rows or tasks has a name of its own, .._part or .._other_tasks; the next such table takes its place.
"""
import csv
from dataclasses import replace
from functools import partial
from pathlib import Path

from common import new_figure, save_figure
from experiment import all_runs, complete_runs, experiment_parser, is_done, seed_of

import numpy as np
import scipy.linalg

from trpo_numpy.practice.config import Config
from trpo_numpy.practice.environment import make_env, policy_for
from trpo_numpy.practice.evaluation import greedy_returns
from trpo_numpy.practice.run_folder import load_policy
from trpo_numpy.practice.training import initial_state, policy_and_baseline, train
from trpo_numpy.record import InputError

TASKS = {"Pendulum-v1": 100_000, "Hopper-v5": 300_000, "HalfCheetah-v5": 300_000, "Walker2d-v5": 300_000,
         "Swimmer-v5": 200_000}  # and 200,000 for any other
VARIANTS = {
    "default": {}, "lambda 0.9": {"gae_lambda": 0.9}, "lambda 0.97": {"gae_lambda": 0.97},
    "damping 0.1": {"damping": 0.1}, "damping 0.2": {"damping": 0.2}, "damping 0.5": {"damping": 0.5},
    "k 5": {"cg_iterations": 5}, "k 20": {"cg_iterations": 20}, "all states in A": {"fisher_fraction": 1.0},
    "delta 0.02": {"delta": 0.02}, "delta 0.01 for all": {"delta_per_dimension": False}, "shrink 0.9": {"shrink": 0.9},
    "batch 1000": {"batch_size": 1000}, "batch 4000": {"batch_size": 4000},
    "baseline lambda 0.95": {"baseline_lambda": 0.95}, "baseline lambda 0.99": {"baseline_lambda": 0.99},
    "baseline 5 steps": {"baseline_steps": 5}, "baseline 20 steps": {"baseline_steps": 20},
    "baseline k 10": {"baseline_cg_iterations": 10}, "observations as they are": {"scale_observations": False},
    "advantages as they are": {"standardize_advantages": False}, "log-std -0.5": {"initial_log_std": -0.5},
    "hidden 32 32": {"hidden_sizes": (32, 32)}, "orthogonal start": {}, "last layer not small": {}}  # these two: LOOPS


def train_from(theta_of, config, state=None):
    """`train` from another start: the first theta of a new run goes through theta_of(policy, theta)."""
    policy, baseline = policy_and_baseline(make_env(config), config)
    if state is None:
        state = initial_state(policy, baseline, config)
        state = replace(state, theta=theta_of(policy, state.theta))
    return train(config, state=state)


def orthogonal(policy, theta):
    """Each hidden W of theta replaced by the nearest one with orthonormal rows or columns (its polar factor)."""
    theta = theta.copy()
    layers, _ = policy.unpack(theta)
    for W, _ in layers[:-1]:
        W[:] = scipy.linalg.polar(W)[0]
    return theta


def not_small(policy, theta):
    """The last W of theta as large as the hidden ones."""
    theta = theta.copy()
    layers, _ = policy.unpack(theta)
    layers[-1][0][:] *= 100
    return theta


LOOPS = {"orthogonal start": partial(train_from, orthogonal), "last layer not small": partial(train_from, not_small)}


def config_of(env_id, variant, timesteps):
    """The default Config with one option changed; Swimmer, whose strokes are long, has a discount of its own."""
    gamma = 0.9999 if env_id.startswith("Swimmer") else Config.gamma
    return Config(**{"env_id": env_id, "timesteps": timesteps, "gamma": gamma, **VARIANTS[variant]})


def evaluate(run, parent, n_episodes=20):
    """The mean raw return of n_episodes without noise, of the policy in the run's folder; kept there beside it.

    NaN for a run that is not done, or that its numbers stopped.
    """
    folder = Path(parent, run.folder)
    path = folder / f"evaluation-{run.config.timesteps}.csv"
    if not is_done(run, parent) or (folder / "stopped.txt").exists():
        return np.nan
    if not path.exists():
        env = make_env(run.config)
        policy = policy_for(env, run.config.hidden_sizes)
        theta, scaling = load_policy(folder, policy.n_parameters, policy.network.sizes[0])
        np.savetxt(path, list(greedy_returns(env, policy, theta, scaling, run.config.seed, n_episodes)))
    return np.loadtxt(path).mean()


def draw(figure, table):
    """table {task: {variant: returns (n,)}}: a panel per task, a row per variant, with each seed and the median.

    The grey band is the range of the default's seeds. The median is an orange square if none of the seeds is in it.
    """
    variants = list(next(iter(table.values())))
    figure.set_size_inches(8.5, 0.28 * len(variants) + 1.8)
    figure.suptitle("Few options part from the default: of most, some seeds lie among the default's", ha="left", x=0.01)
    for i, (axes, (task, rows)) in enumerate(zip(figure.subplots(1, len(table), squeeze=False)[0], table.items())):
        low, high = np.nanmin(rows[variants[0]]), np.nanmax(rows[variants[0]])
        axes.axvspan(low, high, color="0.9")
        axes.axvline(np.nanmedian(rows[variants[0]]), color="gray", linestyle=":")
        for y, variant in enumerate(variants):
            axes.plot(rows[variant], [y] * len(rows[variant]), ".", color="#0072B2", alpha=0.35, markersize=5)
            median = np.nanmedian(rows[variant])
            apart = np.nanmax(rows[variant]) < low or np.nanmin(rows[variant]) > high
            axes.plot(median, y, "s" if apart else "o", color="#D55E00" if apart else "#0072B2", markersize=7)
        axes.set_yticks(range(len(variants)), variants if i == 0 else [""] * len(variants))
        axes.invert_yaxis()
        axes.set_title(task, fontsize=10, loc="center")
        ticks = [x for x in axes.get_xticks() if axes.get_xlim()[0] <= x <= axes.get_xlim()[1]]
        axes.set_xticks(ticks[::max(1, len(ticks) - 1)])    # the first and the last, for want of room
    figure.supxlabel("return without noise: each seed (small), median (large), range of the default's seeds (grey);\n"
                     "orange squares: no seed is in that range",
                     fontsize=10)


def read_table(path):
    """The table {task: {variant: returns (n,)}} that `main` has written."""
    table = {}
    with open(path, newline="") as file:
        for task, variant, _, *returns in list(csv.reader(file))[1:]:
            table.setdefault(task, {})[variant] = np.array(returns, dtype=float)
    return table


def main():
    parser = experiment_parser(__doc__, None)
    parser.add_argument("--env-ids", nargs="+", default=list(TASKS), metavar="ENV_ID")
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    args = parser.parse_args()
    env_ids, variants, seeds = args.env_ids, args.variants, range(args.seed, args.seed + args.seeds)
    if args.quick:
        env_ids, variants, seeds = ["Pendulum-v1"], ["default", "batch 1000", *LOOPS], range(1)
    parent, runs = args.out / ("section_6_ablations" + "_quick" * args.quick), {}
    name = parent.name
    if not args.quick and (set(env_ids), set(variants)) != (set(TASKS), set(VARIANTS)):  # the whole table stays
        name += "_part" if set(env_ids) <= set(TASKS) else "_other_tasks"
    name += f"_from_seed_{args.seed}" if args.seed else ""
    for env_id in env_ids:
        timesteps = 2000 if args.quick else args.timesteps or TASKS.get(env_id, 200_000)
        methods = {f"{env_id} {v}": (LOOPS.get(v, train), config_of(env_id, v, timesteps)) for v in variants}
        runs |= {(env_id, run.method[len(env_id) + 1:], run.config.seed): run for run in all_runs(methods, seeds)}
    if not args.plot_only:
        by_seed = sorted(runs.values(), key=seed_of)  # so that the table of the first seed is whole first
        complete_runs(by_seed, parent, args.workers)
    table = {}
    for (env_id, variant, seed), run in runs.items():
        table.setdefault(env_id, {}).setdefault(variant, []).append(evaluate(run, parent))
    if args.plot_only and not parent.exists() and (args.out / f"{name}.csv").exists():   # the runs are not kept
        table = read_table(args.out / f"{name}.csv")
    if np.isnan([returns for rows in table.values() for returns in rows.values()]).all():
        raise InputError(f"out: {parent} holds no runs that are done, wanted those that come without --plot-only")
    n_seeds = len(next(iter(next(iter(table.values())).values())))
    with open(args.out / f"{name}.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["task", "variant", "median", *[f"seed {args.seed + i}" for i in range(n_seeds)]])
        for env_id, rows in table.items():
            for variant, returns in rows.items():
                writer.writerow([env_id, variant, *np.round([np.nanmedian(returns), *returns], 1)])
                print(f"{env_id:>15} {variant:>22}: median {np.nanmedian(returns):8.1f}   "
                      + " ".join(f"{R:.1f}" for R in returns))
    figure = new_figure(args.show)
    draw(figure, table)
    save_figure(figure, args.out, name, args.show)
    print("Look for: the few orange squares; of all other options some seeds lie among those of the default.")


if __name__ == "__main__":
    main()
