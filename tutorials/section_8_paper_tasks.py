"""Section 8.1, Figure 4 at Table 2's size: swimmer, hopper and walker with the paper's states, and the paper alone.

Look for: whether single path and vine learn a gait; how well natural gradient learns with each of three steps;
whether CEM and CMA, with so few parameters, learn as well; on the swimmer, what gamma changes.
The swimmer has Table 2's full size: batches of 50,000 steps, 200 iterations, one hidden layer of 30 units. The hopper
and the walker have Table 2's 200 iterations, a fortieth of its batches (25,000 steps in place of 1,000,000), and two
hidden layers of 50. Each method spends the steps of single path. An iteration of vine takes fewer steps, so vine has
more iterations.

The tasks have the paper's states (10, 12, 18 numbers) and its cost of control, 1e-5 times the squares of the actions.
Some things still differ from the paper. The walker has no penalty for impacts. Gymnasium sets the bodies, the time
steps (0.04 s, and 0.008 s for hopper and walker), the end of an episode, and the range [-1, 1] of the actions. The
paper's controls are torques, so its cost may be larger. Hidden units are tanh and have biases (394 parameters; the
paper has 364).
Then change: --discounts, after the runs. It prints the value of three methods' swimmers under single path's objective,
and whether single path, started from CMA's policy, keeps CMA's gait. Or --positions: which swimmers find this gait,
with the position in the state, as in the paper, or without, as in Gymnasium's Swimmer-v5, and with two gammas.

    python tutorials/section_8_paper_tasks.py --env-ids PaperSwimmer-v0 --seeds 3   # hours; resumes where it stopped
    python tutorials/section_8_paper_tasks.py --seeds 2                             # the hopper and the walker too
    python tutorials/section_8_paper_tasks.py --env-ids PaperSwimmer-v0 --discounts --seeds 3
    python tutorials/section_8_paper_tasks.py --positions --seeds 5                 # ten minutes on two cores
    python tutorials/section_8_paper_tasks.py --plot-only --out tutorials/results
"""
import csv
from dataclasses import replace
from functools import partial

from common import METHODS, SEED, SUMMARY, new_figure, save_figure
from derivative_free import covariance_matrix_adaptation, cross_entropy_method
from experiment import (
    STANDING,
    all_runs,
    complete_runs,
    experiment,
    experiment_parser,
    final_return,
    full_id,
    mean_curve,
    read_runs,
    seed_of,
)

import numpy as np

from trpo_numpy.checks import InputError
from trpo_numpy.practice.config import PAPER, Config
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.run_folder import load_policy
from trpo_numpy.practice.training import initial_checkpoint, policy_and_baseline, train
from trpo_numpy.sampling import discounted_sums, sample_path

NEAR, FAR = "single path", "gamma 0.9999"   # the curves that differ in gamma alone
BLIND = FAR + ", no position"               # and the one whose states also leave out the position
HIDDEN = {"exclude_current_positions_from_observation": True}
CLAIMS = {  # the titles, without a verdict until all runs are there
    "PaperSwimmer-v0": "The paper's swimmer: all runs of CEM and CMA end far above all of single path",
    "PaperHopper-v0": "The paper's hopper, 5 million steps: no method ends above the return\n"
                       "of standing still",
    "PaperWalker2d-v0": "The paper's walker, 5 million steps: CMA comes to the return of standing still,\n"
                        "single path to a third of it"}

# Table 2: hidden layers and steps per iteration; vine's trunk, states (a quarter of its Q-values), length of rollouts.
# Then natural gradient's steps. The middle one is, of those of all experiments, nearest to the step that single path
# itself took in a trial: 0.44 in the swimmer's sixth iteration, 0.02 in the hopper's, 0.05 in the walker's fourth.
SWIMMER = ({"hidden_sizes": (30,), "batch_size": 50_000}, {"batch_size": 16_000, "vine_states": 125, "vine_length": 50},
           (0.1, 0.3, 1.0))
LEGS = ({"hidden_sizes": (50, 50), "batch_size": 25_000},  # of 1,000,000; and of vine's 16,000 and 625 a tenth
        {"batch_size": 1_600, "vine_states": 62, "vine_length": 100}, (0.01, 0.03, 0.1))
SMOKE = ({"hidden_sizes": (30,), "batch_size": 1000}, {"batch_size": 400, "vine_states": 3, "vine_length": 50}, (0.1,))
TABLE_2 = {"PaperSwimmer-v0": SWIMMER, "PaperHopper-v0": LEGS, "PaperWalker2d-v0": LEGS, "Pendulum-v1": SMOKE}


def methods(env_id, timesteps=None):
    """The curves: {name: (loop, or steps if swept, Config)}. Without timesteps, 200 iterations of single path."""
    size, vine_size, steps = TABLE_2[env_id]
    single = Config(**PAPER, **size, env_id=full_id(env_id), timesteps=timesteps or 200 * size["batch_size"])
    curves = {NEAR: (train, single), "vine": (train, replace(single, **vine_size, vine_actions=4)),
              "natural gradient": (steps, single),
              "CEM": (partial(cross_entropy_method, initial_std=0.1), single),
              "CMA": (partial(covariance_matrix_adaptation, initial_std=0.1), single)}
    if size is not LEGS[0]:
        curves[FAR] = train, replace(single, gamma=0.9999)
    if size is SWIMMER[0]:
        curves[BLIND] = train, replace(single, gamma=0.9999, env_kwargs=HIDDEN)
    return curves


def worth(run, parent, gamma=0.99, n_paths=10):
    """What the run's policy, with its noise, reaches on new paths, (3, n_paths).

    The three rows are the return, the discounted return eta (Section 2), and the mean Q over the first half of a path.
    This Q is a discounted return from the middle of the motion; the second half of the path gives the later rewards.
    """
    env = make_env(run.config)
    policy, _ = policy_and_baseline(env, run.config)
    theta, _ = load_policy(parent / run.folder, policy)
    seeds = np.random.SeedSequence(run.config.seed, spawn_key=(2,))
    paths = [sample_path(env, partial(policy.act, policy.unpack(theta)), seeds, i) for i in range(n_paths)]
    Qs = [discounted_sums(path.rewards, gamma) for path in paths]
    return np.array([[path.rewards.sum() for path in paths], [Q[0] for Q in Qs],
                     [Q[:(len(Q) + 1) // 2].mean() for Q in Qs]])


def compare_discounts(curves, seeds, parent, path):
    """Prints the `worth` of each method's policy, and writes it as CSV, a row per run.

    If a better swimmer also has the larger value at gamma 0.99, the objective is no reason against the better gait:
    then the search, by samples, does not find this gait.
    """
    runs = [run for run in all_runs({name: curves[name] for name in (NEAR, FAR, "CMA")}, seeds)
            if (parent / run.folder / "policy.npz").exists()]
    rows = []
    for run in runs:
        values = worth(run, parent)
        errors = values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
        rows.append([run.method, run.config.seed, *np.round([*values.mean(axis=1), *errors], 3).tolist()])
        print("{:>12}, seed {}: return {:8.2f}; at gamma 0.99 eta is {:7.3f}, Q on the way {:7.3f}; standard errors "
              "{:.2f}, {:.3f}, {:.3f}".format(*rows[-1]))
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["method", "seed", "return", "eta_at_0.99", "Q_at_0.99",
                         "return_error", "eta_error", "Q_error"])
        writer.writerows(rows)


def go_on_from_cma(curves, seed, parent, n_iterations=10):
    """Yields the Iterations of single path that starts with CMA's policy, and prints them: is the gait kept?"""
    (run,), config = all_runs({"CMA": curves["CMA"]}, [seed]), replace(curves[NEAR][1], seed=seed)
    config = replace(config, timesteps=n_iterations * config.batch_size)
    policy, baseline = policy_and_baseline(make_env(config), config)
    theta, _ = load_policy(parent / run.folder, policy)
    checkpoint = replace(initial_checkpoint(policy, baseline, config), theta=theta)
    for iteration in train(config, checkpoint=checkpoint):
        print(f"single path from CMA's, iteration {iteration.iteration}: {iteration.mean_return:.1f}", flush=True)
        yield iteration


def position_methods(timesteps):
    """{(whether the position is in the state, gamma): (loop, Config)} of the swimmer, with what practice adds."""
    return {(shown, gamma): (train, Config(
        env_id=full_id("PaperSwimmer-v0"), env_kwargs={key: not shown for key in HIDDEN}, gamma=gamma,
        timesteps=timesteps)) for shown in (True, False) for gamma in (0.99, 0.9999)}


def compare_positions(args):
    """Completes the runs of `position_methods`; draws them, and writes their final returns as CSV."""
    from matplotlib.ticker import EngFormatter
    name, timesteps = "section_8_paper_tasks_positions" + "_quick" * args.quick, 2000 if args.quick else 200_000
    seeds = range(args.seed, args.seed + (1 if args.quick else args.seeds))
    curves = {f"{'with' if shown else 'without'} position, gamma {gamma:g}": method
              for (shown, gamma), method in position_methods(timesteps).items()}
    runs = sorted(all_runs(curves, seeds), key=seed_of)
    if not args.plot_only:
        complete_runs(runs, args.out / name, args.workers)
    progress, rows, figure = read_runs(runs, args.out / name), [], new_figure(args.show, figsize=(8.5, 5.4))
    if not progress:
        raise InputError(f"out: {args.out / name} holds no runs to draw, wanted those that come without --plot-only")
    panels, grid = figure.subplots(2, 2, sharex=True, sharey=True), np.linspace(0, timesteps, 200)[1:]
    for axes, method in zip(panels.ravel(), curves):
        its_runs, color = {run: c for run, c in progress.items() if run.method == method}, METHODS["TRPO"]["color"]
        rows += [[method, run.config.seed, round(final_return(c, timesteps), 2)] for run, c in its_runs.items()]
        for c in its_runs.values():
            axes.plot(c["timesteps"], c["mean_return"], "-", color=color, **SEED)
        axes.plot(grid, mean_curve(its_runs.values(), grid), "-", color=color, **SUMMARY)
        axes.axhline(200, color="0.4", linewidth=1, linestyle=(0, (6, 3)))
        axes.set(title=method, xlim=(0, timesteps))
        print(f"{method:>30}: final " + " ".join(f"{R:.4g}" for name, _, R in rows if name == method))
    with open(args.out / f"{name}.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["method", "seed", "final_return"], *rows])
    found = [method for method, _, R in rows if R > 200]
    best = max(found, key=found.count, default="")
    figure.suptitle("With the additions of practice, these runs end above 200:\n"
                    f"{found.count(best)} of {len(seeds)} {best}; {len(found) - found.count(best)} of the "
                    f"{len(rows) - len(seeds)} others", ha="left", x=0.01)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    figure.supxlabel("environment steps", fontsize=10.5)
    figure.supylabel(f"mean return: {len(seeds)} runs (thin) and their mean", fontsize=10.5)
    save_figure(figure, args.out, name, args.show)
    print("Look for: with the position or with gamma 0.99 hardly a run finds the gait; without both most do.")


def main():
    parser = experiment_parser(__doc__, None)
    parser.add_argument("--env-ids", nargs="+", choices=list(TABLE_2), default=list(TABLE_2)[:3])
    parser.add_argument("--by-iteration", action="store_true", help="draw against policy iterations, as in Figure 4")
    parser.add_argument("--discounts", action="store_true",
                        help="what three methods' swimmers are worth at gamma 0.99; then single path from CMA's")
    parser.add_argument("--positions", action="store_true",
                        help="the swimmer with and without its position in the state, at two gammas, nothing else")
    parser.set_defaults(seeds=2)
    args = parser.parse_args()
    if args.positions:
        compare_positions(args)
        return
    for env_id in ["Pendulum-v1"] if args.quick else args.env_ids:
        print(env_id)
        name = f"section_8_paper_tasks_{env_id}"
        curves = methods(env_id, 2000 if args.quick else args.timesteps)
        if args.discounts and FAR in curves:
            name, n_seeds = name + "_quick" * args.quick, 1 if args.quick else args.seeds
            compare_discounts(curves, range(args.seed, args.seed + n_seeds), args.out / name,
                              args.out / f"{name}_discounts.csv")
            later = go_on_from_cma(curves, args.seed, args.out / name, 1 if args.quick else 10)
            returns = [[iteration.iteration, round(iteration.mean_return, 2)] for iteration in later]
            np.savetxt(args.out / f"{name}_from_CMA.csv", returns, "%g", ",", comments="",
                       header="iteration,mean_return")
        elif not args.discounts:
            _, single = curves[NEAR]
            experiment(name, curves, CLAIMS.get(env_id, env_id), args,
                       iterations=single.timesteps // single.batch_size if args.by_iteration else None,
                       level=STANDING if single.hidden_sizes == LEGS[0]["hidden_sizes"] else None)
    print("Look for: which methods learn a gait in 200 iterations, and what a larger gamma changes on the swimmer.")


if __name__ == "__main__":
    main()
