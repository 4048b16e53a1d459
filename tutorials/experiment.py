"""What the experiments of Section 8.1 share: many runs side by side, each taken up where it stopped; their picture."""
import csv
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, fields, replace
from functools import partial
from os import cpu_count
from pathlib import Path
from time import perf_counter

from common import METHODS, SEED, SUMMARY, ink, new_figure, save_figure, tutorial_parser, whole_number
from derivative_free import import_cma

import gymnasium as gym
import numpy as np
from gymnasium.envs.classic_control import CartPoleEnv

from trpo_numpy.checks import InputError
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.executor import start_worker, stop_workers
from trpo_numpy.practice.run_folder import (
    create_run_folder,
    read_config,
    read_progress,
    record_iteration,
    resume,
    write_config,
)
from trpo_numpy.practice.training import train
from trpo_numpy.prior_work import natural_gradient_update, policy_gradient_update

STEPS = (0.01, 0.03, 0.1, 0.3, 1.0)  # of a method that fixes its own: in factors of three, as in Section 8.1
X_LABELS = {"timesteps": "environment steps", "iteration": "policy iterations"}
STANDING = 1000, "standing still"       # the return of a hopper or walker that neither moves nor falls
LEVEL = {"color": "0.4", "linewidth": 1, "linestyle": (0, (6, 3))}      # the look of such a return
SWEPT = {"natural gradient": natural_gradient_update, "policy gradient": policy_gradient_update}


@dataclass(frozen=True)
class Run:
    """One curve of one seed. loop(config, checkpoint=...) yields what `train` does; only a swept method has a step."""
    method: str
    step: float | None
    loop: object
    config: Config

    @property
    def name(self):
        """The method, with its step if that is swept."""
        return self.method + (f"-{self.step:g}" if self.step else "")

    @property
    def folder(self):
        """Its place inside the experiment's folder."""
        return f"{self.name.replace(' ', '_')}-seed{self.config.seed}"


class ContinuousCartPole(gym.ActionWrapper, gym.utils.RecordConstructorArgs):
    """Gymnasium's CartPole-v1, its dynamics and its reward of 1 per step, with any force from -10 to 10 N."""
    metadata = CartPoleEnv.metadata

    def __init__(self, render_mode=None):
        gym.utils.RecordConstructorArgs.__init__(self)  # so that gym.make can make it again from its spec
        gym.ActionWrapper.__init__(self, CartPoleEnv(render_mode=render_mode))
        self.action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def action(self, force):
        """CartPole's action 1 is a push to the right with force_mag newtons: here force (1,) times 10 N."""
        self.unwrapped.force_mag = 10.0 * float(force[0])
        return 1


gym.register("ContinuousCartPole-v0", entry_point=ContinuousCartPole, max_episode_steps=500)
for name in ("Swimmer", "Hopper", "Walker2d"):  # Section 8.1: states of 10, 12 and 18 numbers, its cost of control
    gym.register(f"Paper{name}-v0", entry_point=gym.spec(f"{name}-v5").entry_point, max_episode_steps=1000,
                 kwargs={"exclude_current_positions_from_observation": False, "ctrl_cost_weight": 1e-5})


def full_id(env_id):
    """The env_id of a task, with the module that registers it if that is this one: `evaluate` too needs to know."""
    return f"experiment:{env_id}" if env_id.startswith("Paper") else env_id


def experiment_parser(description, timesteps):
    """A parser with the options of every experiment."""
    parser = tutorial_parser(description)
    parser.add_argument("--timesteps", type=partial(whole_number, 1), default=timesteps,
                        help=f"of each run (default: {timesteps or 'those of its task'})")
    parser.add_argument("--seeds", type=partial(whole_number, 1), default=5,
                        help="how many, from --seed on (default: 5)")
    parser.add_argument("--workers", type=partial(whole_number, 1),
                        help="runs side by side (default: one per processor)")
    parser.add_argument("--plot-only", action="store_true", help="draw what there is, train nothing")
    return parser


def seed_of(run):
    """Its seed."""
    return run.config.seed


def all_runs(methods, seeds):
    """The Runs of methods {name: (loop, Config)}, one per seed. A method in SWEPT has steps in place of the loop.

    It has one Run per step and seed.
    """
    runs = []
    for name, (loop, config) in methods.items():
        loops = {None: loop}
        if name in SWEPT:
            loops = {step: partial(train, update=partial(SWEPT[name], step=step)) for step in loop}
        runs += [Run(name, step, loop, replace(config, seed=seed)) for step, loop in loops.items() for seed in seeds]
    return runs


def is_done(run, parent):
    """Whether the run has come to its end, or has been stopped by its numbers.

    Raises InputError if its folder holds a run with other options, or a longer one.
    """
    folder = Path(parent, run.folder)
    if not (folder / "config.json").exists():
        return False
    held = read_config(folder, run.name)
    if replace(held, timesteps=run.config.timesteps) != run.config or held.timesteps > run.config.timesteps:
        options = [f.name for f in fields(Config) if getattr(held, f.name) != getattr(run.config, f.name)]
        raise InputError(f"out: {folder} holds a run with other options ({', '.join(options)}), wanted another --out")
    return (folder / "stopped.txt").exists() or read_progress(folder)["timesteps"][-1:].sum() >= run.config.timesteps


def complete_run(run, parent):
    """Trains into the run's folder from where it stands; done already, it does nothing. Returns the run's name.

    An ArithmeticError ends the run: progress.csv keeps the iterations before it, stopped.txt says why.
    """
    folder = Path(parent, run.folder)
    if is_done(run, parent):
        return run.folder
    make_env(run.config)  # or no folder is made
    if not (folder / "config.json").exists():
        create_run_folder(folder, run.config, method=run.name)
    write_config(folder, run.config, run.name)
    checkpoint = resume(folder)
    try:
        for iteration in run.loop(run.config, checkpoint=checkpoint):
            record_iteration(folder, iteration)
    except ArithmeticError as error:
        (folder / "stopped.txt").write_text(f"{error}\n")
    return run.folder


def complete_runs(runs, parent, workers):
    """Completes all runs, `workers` at a time (None: one per processor). Prints a line and the time left per run."""
    n_runs, start = len(runs), perf_counter()
    runs = [run for run in runs if not is_done(run, parent)]
    if any(run.method == "CMA" for run in runs):
        import_cma()  # called for its error, before hours are spent on other runs
    print(f"{n_runs - len(runs)} of {n_runs} runs are there")
    executor = ProcessPoolExecutor(workers or cpu_count(), initializer=start_worker)
    futures = [executor.submit(complete_run, run, parent) for run in runs]
    try:
        for n, future in enumerate(as_completed(futures), 1):
            left = int((perf_counter() - start) * (len(runs) / n - 1))
            print(f"{n:>4} of {len(runs)} others, {left // 60}:{left % 60:02d} left: {future.result()}", flush=True)
    except BaseException:
        print("stopped; the same command goes on from here")
        raise
    finally:
        stop_workers(executor)


def final_return(progress, end, x="timesteps"):
    """The mean training return over the last tenth of x, up to end; of a run that ended early, its last one."""
    late = progress[x] > 0.9 * end
    return progress["mean_return"][late].mean() if late.any() else progress["mean_return"][-1]


def read_runs(runs, parent):
    """progress.csv of each Run with rows, done or not: {Run: columns}. InputError as `is_done`, or for no rows."""
    for run in runs:
        is_done(run, parent)  # called for its error: a folder may hold a run with other options
    progress = {run: read_progress(path) for run in runs if (path := Path(parent, run.folder)).exists()}
    begun = {run: columns for run, columns in progress.items() if len(columns["timesteps"])}
    if not begun:
        raise InputError(f"out: {parent} has none of the runs, wanted them there (those of the project are in "
                         "tutorials/results), or the command without --plot-only")
    return begun


def keep_best_steps(progress, timesteps):
    """Of each swept method the runs with the step whose final returns have the highest mean.

    Returns {method: {Run: columns}} and {swept method: {step: final returns}}.
    """
    sweeps, curves = {}, {}
    for run, columns in progress.items():
        if run.step:
            sweeps.setdefault(run.method, {}).setdefault(run.step, []).append(final_return(columns, timesteps))
    best = {method: max(by_step, key=lambda step: np.mean(by_step[step])) for method, by_step in sweeps.items()}
    for run, columns in progress.items():
        if run.step == best.get(run.method):
            curves.setdefault(run.method, {})[run] = columns
    return curves, sweeps


def mean_curve(columns, grid, x="timesteps"):
    """The mean over runs of their returns, linearly between their iterations; a run that ended keeps its last."""
    return np.mean([np.interp(grid, c[x], c["mean_return"]) for c in columns], axis=0)


def name_with_step(method, runs):
    """The method, with the step of its runs if that is swept."""
    step = next(iter(runs)).step
    return method + (f", step {step:g}" if step else "")


def draw_sweep(axes, sweeps, level=None):
    """The final return of each seed against the step, and the mean, whose highest is ringed. For level see `draw`."""
    steps = sorted(set().union(*sweeps.values()))
    for i, (method, by_step) in enumerate(sweeps.items()):
        means = {step: np.mean(by_step[step]) for step in sorted(by_step)}
        best, color, aside = max(means, key=means.get), METHODS[method]["color"], 1.07 ** i
        for step in means:
            axes.plot([step * aside] * len(by_step[step]), by_step[step], ".", color=color, alpha=0.6)
        axes.plot(aside * np.array(list(means)), means.values(), **METHODS[method], **SUMMARY, label=method)
        axes.plot(best * aside, means[best], "o", color=color, markersize=14, markeredgewidth=2, fillstyle="none")
    axes.set(xscale="log", xlim=(steps[0] / 1.4, steps[-1] * 1.6), xlabel=r"step $1/\lambda$", ylabel="final return",
             title="By step; ring: the best")
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")
    axes.spines["left"].set_visible(False)
    axes.spines["right"].set_visible(True)
    axes.set_xticks(steps, [f"{step:g}" for step in steps])
    axes.axhline(0, color="none")       # in sight, so that the differences have a measure
    axes.margins(y=0.2)
    if level:
        axes.axhline(level[0], **LEVEL)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False)    # beside the title
    axes.minorticks_off()


def draw(figure, curves, sweeps, end, title, x="timesteps", level=None):
    """A panel per method: its runs (thin), their mean (thick), single path's (dotted); then sweeps of 3 steps or more.

    x, from 0 to end, is a column of progress.csv: a key of X_LABELS. level is a return to compare with, and its name.
    """
    from matplotlib.lines import Line2D
    from matplotlib.ticker import EngFormatter, MaxNLocator
    so_far = max(columns[x][-1] for runs in curves.values() for columns in runs.values())
    if so_far < 0.99 * end:
        title, end = f"{title}: so far {so_far / end:.0%}", so_far
    sweeps = {method: by_step for method, by_step in sweeps.items() if len(by_step) > 2}
    n_panels = len(curves) + 2 * bool(sweeps)       # a sweep is as wide as two panels
    across = 4 if n_panels > 9 else min(3, n_panels)
    n_rows = -(-n_panels // across)
    figure.set_size_inches(8.5, 1 + 2.2 * n_rows)
    figure.get_layout_engine().set(rect=(0, 0, 0.95, 1))        # room for the numbers at the right
    figure.suptitle(title, ha="left", x=0.01)
    grid, spec, panel = np.linspace(0, end, 200)[1:], figure.add_gridspec(n_rows, across), None
    first, *_ = curves
    longest, few = 0, max(map(len, curves.values())) < 3     # of few runs each has its number, of more their mean
    fewest, *_, most = sorted(len(runs) for runs in [*curves.values(), curves[first]])
    for i, (method, runs) in enumerate(curves.items()):
        panel, color = figure.add_subplot(spec[i // across, i % across], sharey=panel), METHODS[method]["color"]
        for columns in runs.values() if len(runs) > 1 else []:
            panel.plot(columns[x], columns["mean_return"], "-", color=color, **SEED)
        panel.plot(grid, mean_curve(runs.values(), grid, x), "-", color=color, **SUMMARY)
        if method != first:
            panel.plot(grid, mean_curve(curves[first].values(), grid, x), ":", color=METHODS[first]["color"],
                       linewidth=1.5)
        if level:
            panel.axhline(level[0], **LEVEL)
        finals = [final_return(columns, end, x) for columns in runs.values()]
        of_each = finals if few else [np.mean(finals)]
        said = [f"{final:.{0 if abs(final) > 10 else 2}f}" for final in sorted(of_each, reverse=True)]
        number = panel.text(1.02, np.mean(finals), "\n".join(said), color=ink(method), va="center",
                            transform=panel.get_yaxis_transform(), fontweight="bold")
        longest = max(longest, *map(len, said))
        number.set_in_layout(False)
        name = ("single path, " if method.startswith("gamma") else "") + name_with_step(method, runs)
        number_of_runs = f" ({len(runs)} run{'s' * (len(runs) > 1)})" * (fewest < most)
        panel.set_title(name.replace(", ", "\n") + number_of_runs, color=ink(method))
        panel.set(xlim=(0, end), ylabel="mean return" if i % across == 0 else "")
        panel.tick_params(labelleft=i % across == 0)
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.xaxis.set_major_locator(MaxNLocator(2))
        if i // across == (len(curves) - 1) // across:
            panel.set_xlabel(X_LABELS[x])
    if sweeps:
        free = len(curves) % across
        draw_sweep(figure.add_subplot(spec[n_rows - 1, free if across - free > 1 else 0:]), sweeps, level)
    figure.get_layout_engine().set(wspace=0.2 if longest > 4 else 0.13)
    handles = [Line2D([], [], color="0.35", label="a run", **SEED)] * (most > 1) + [
        Line2D([], [], color="0.35", **SUMMARY,
               label=("their mean" if most > 1 else "the run")
               + ("; as numbers each run's last tenth" if few and most > 1 else ", with its last tenth as a number"))]
    if len(curves) > 1:
        handles.append(Line2D([], [], color=METHODS[first]["color"], linestyle=":", label=first))
    if level:
        handles.append(Line2D([], [], **LEVEL, label=f"{level[0]}: {level[1]}"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)


def report(curves, timesteps, top, path):
    """Prints a line per method, and writes a row per run as CSV: the final return, and the first iteration with top.

    top is a return. Where there is none, or it was not reached, the iteration is left empty.
    """
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["method", "step", "seed", "final_return", "first_iteration_with_highest_return"])
        for method, runs in curves.items():
            finals = [final_return(columns, timesteps) for columns in runs.values()]
            firsts = [next((int(i) for i, R in zip(c["iteration"], c["mean_return"]) if R >= top), "")
                      for c in runs.values()]
            writer.writerows((method, run.step or "", run.config.seed, round(float(R), 3), first)
                             for run, R, first in zip(runs, finals, firsts))
            print(f"{method:>30}: final {np.mean(finals):8.4g}   seeds " + " ".join(f"{R:.4g}" for R in finals)
                  + f"   first {top:g}: {' '.join(str(first) or '-' for first in firsts)}" * (top < np.inf))


def experiment(name, methods, title, args, top=np.inf, iterations=None, level=None):
    """Completes all runs of methods, or what is left to do of them; then draws them, and prints a table.

    With a number of iterations it draws against these. The first seed of all methods comes first. For level see `draw`.
    """
    timesteps, name = next(iter(methods.values()))[1].timesteps, name + "_quick" * args.quick
    seeds = range(args.seed, args.seed + (1 if args.quick else args.seeds))
    if args.quick:
        methods = {method: ((0.1,) if method in SWEPT else loop, config) for method, (loop, config) in methods.items()}
    runs, parent = sorted(all_runs(methods, seeds), key=seed_of), args.out / name
    if not args.plot_only:
        complete_runs(runs, parent, args.workers)
    progress = read_runs(runs, parent)
    if not progress:
        raise InputError(f"out: {parent} holds no runs to draw, wanted those that come without --plot-only")
    curves, sweeps = keep_best_steps(progress, timesteps)
    figure = new_figure(args.show)
    draw(figure, curves, sweeps, iterations or timesteps, title, "iteration" if iterations else "timesteps", level)
    report(curves, timesteps, top, args.out / f"{name}.csv")
    save_figure(figure, args.out, name + "_by_iteration" * bool(iterations), args.show)
