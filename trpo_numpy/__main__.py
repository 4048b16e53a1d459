"""The command line: python -m trpo_numpy [train ENV_ID | evaluate DIR]. Alone, it is `train Pendulum-v1`."""
import argparse
import shlex
import sys
import time
import warnings
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from trpo_numpy.practice import run_folder
from trpo_numpy.practice.config import PAPER, Config, add_options
from trpo_numpy.practice.environment import make_env, policy_for
from trpo_numpy.practice.evaluation import greedy_returns, save_gif
from trpo_numpy.practice.executor import start_worker, stop_workers
from trpo_numpy.practice.learning_curve import HEADER, print_note, print_row, read_progress, save_learning_curve
from trpo_numpy.practice.training import policy_and_baseline, train
from trpo_numpy.record import InputError


def build_parser():
    """The command line's parser: each field of Config is an option of train."""
    parser = argparse.ArgumentParser(prog="python -m trpo_numpy", description="TRPO. Without a command: train.")
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train a policy into a run folder", argument_default=argparse.SUPPRESS)
    training.add_argument("env_id", nargs="?", help="a Gymnasium environment, or module:Name-v0 of the module that "
                          "registers it (default: Pendulum-v1)")
    training.add_argument("--out", metavar="DIR", help="the run's folder (default: a new one under runs/)")
    training.add_argument("--resume", metavar="DIR", help="continue this run, to the same bytes as without a stop; "
                          "only --timesteps and --workers may be added")
    training.add_argument("--workers", type=int, metavar="N", help="processes that sample; same bytes (default: 1)")
    training.add_argument("--quiet", action="store_true", help="print no line per iteration; progress.csv has them all")
    add_options(training)
    evaluating = commands.add_parser("evaluate", help="run a trained policy without noise, and print its raw returns")
    evaluating.add_argument("folder", metavar="DIR", help="a run's folder")
    evaluating.add_argument("--episodes", type=int, default=20)
    evaluating.add_argument("--seed", type=int, help="of the episodes (default: that of the run)")
    seen = evaluating.add_mutually_exclusive_group()
    seen.add_argument("--render", action="store_true", help="show the episodes in a window (extra render)")
    seen.add_argument("--gif", metavar="FILE", help="write the first of them as a moving picture (extra render)")
    return parser


def start_run(options, executor):
    """The folder, Config, State (None) and Iterations of a new run."""
    out, paper = options.pop("out", None), options.pop("paper", False)
    config = Config(**{**(PAPER if paper else {}), **options})  # an option that is typed overrides --paper
    iterations = train(config, executor=executor)  # a wrong environment is refused before a folder is made
    return run_folder.create_run_folder(out, config), config, None, iterations


def resume_run(options, executor):
    """The folder, Config, State and Iterations of a run to be resumed; options may raise its timesteps."""
    folder = Path(options.pop("resume"))
    others = sorted(set(options) - {"timesteps"})
    if others:
        raise InputError(f"resume: got {', '.join(others)} too, wanted timesteps or workers only: the run has the rest")
    config = replace(run_folder.read_config(folder), **options)
    state = run_folder.resume(folder, *policy_and_baseline(make_env(config), config))
    if state and options and config.timesteps < state.timesteps:
        raise InputError(f"timesteps: got {config.timesteps}, wanted at least the {state.timesteps} that are done")
    iterations = train(config, state=state, executor=executor)
    run_folder.write_config(folder, config)
    return folder, config, state, iterations


def run_training(options):
    """train: one line per iteration; the run can be resumed after each. Returns the exit code."""
    n_workers, quiet = options.pop("workers", 1), options.pop("quiet", False)
    if n_workers < 1:
        raise InputError(f"workers: got {n_workers}, wanted a whole number of at least 1")
    executor = ProcessPoolExecutor(n_workers, initializer=start_worker) if n_workers > 1 else None
    folder, config, state, iterations = (resume_run if "resume" in options else start_run)(options, executor)
    print(f"training on {config.env_id}, seed {config.seed}, into {folder}")
    if not quiet:
        print(HEADER)
    start, code = time.perf_counter(), 0
    whole, done = (state.iteration, state.timesteps) if state else (0, 0)
    try:
        for iteration in iterations:
            row, whole = run_folder.record_iteration(folder, iteration), iteration.iteration
            if not quiet:
                print_row(row, config.timesteps, done, start)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        code = 130
    except (InputError, ArithmeticError, BrokenExecutor, OSError) as error:
        where = f"out: cannot write to {folder} or to standard output: " if isinstance(error, OSError) else ""
        print(f"error: {where}{error}", file=sys.stderr)
        code = 1
    finally:
        if executor:
            stop_workers(executor)
    typed = shlex.quote(str(folder))
    if code:
        print(f"stopped after {whole} complete iterations; to continue: --resume {typed}", file=sys.stderr)
    if whole and code != 1:
        save_learning_curve(read_progress(folder), config, folder / "learning_curve.png")
        print(f"learning curve: {folder / 'learning_curve.png'}\nevaluate with: python -m trpo_numpy evaluate {typed}")
    return code


def run_evaluation(folder, episodes, seed, render, gif):
    """evaluate: the most probable actions, raw returns. Prints one line per episode, and one for all."""
    for name, value, least in [("episodes", episodes, 1), ("seed", seed or 0, 0)]:
        if value < least:
            raise InputError(f"{name}: got {value}, wanted a whole number of at least {least}")
    if gif is not None and not (gif.lower().endswith(".gif") and Path(gif).parent.is_dir()):
        raise InputError(f"gif: got {gif!r}, wanted a file that ends in .gif, in a folder that is there")
    config = run_folder.read_config(folder, method=None)
    env = make_env(config, render_mode="rgb_array" if gif else "human" if render else None)
    policy = policy_for(env, config.hidden_sizes)
    theta, scaling = run_folder.load_policy(folder, policy.n_parameters, policy.network.sizes[0])
    seed, returns, frames = config.seed if seed is None else seed, [], [] if gif else None
    for R in greedy_returns(env, policy, theta, scaling, seed, episodes, frames):
        returns.append(R)
        print(f"episode {len(returns):>4} of {episodes}: return {R:.2f}", flush=True)
        if gif and len(returns) == 1:
            save_gif(frames, gif, env.metadata.get("render_fps"))
            print(f"moving picture: {gif}", flush=True)
    env.close()
    print(f"mean_return={np.mean(returns):.2f} std={np.std(returns):.2f} episodes={episodes}")
    return 0


def main(argv):
    """Runs a command, train if none is named. Returns 0; 1 if a run stopped early; 2 for bad input; 130 for Ctrl-C."""
    if not argv or argv[0] not in ("train", "evaluate", "-h", "--help"):
        argv = ["train", *argv]
    options = vars(build_parser().parse_args(argv))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # those of libraries
            warnings.showwarning = print_note
            return run_training(options) if options.pop("command") == "train" else run_evaluation(**options)
    except (InputError, OSError, MemoryError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
