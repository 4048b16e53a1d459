"""The command line: python -m trpo_numpy [train ENV_ID | evaluate DIR]. Alone, it is `train Pendulum-v1`."""
import argparse
import ast
import shlex
import sys
import time
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from trpo_numpy.checks import InputError
from trpo_numpy.practice import run_folder
from trpo_numpy.practice.config import PAPER, Config
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.evaluation import greedy_returns
from trpo_numpy.practice.executor import start_worker, stop_workers
from trpo_numpy.practice.training import policy_and_baseline, train

LINE = ("{iteration:>4} {timesteps:>7} {episodes:>8} {mean_return:>8.5g} {L_improvement:>6.4f} {kl:>7.5f} "
        "{backtracks:>10} {entropy:>7.3f} {explained_variance:>8.3f} {left:>5}{note}")
HEADER = "iter   steps episodes   return L_gain      kl backtracks entropy expl_var  left"


def key_and_value(text):
    """"key:value" as a pair, the value a Python literal, or text if it is none."""
    key, colon, value = text.partition(":")
    if not (key.isidentifier() and colon):
        raise argparse.ArgumentTypeError(f"got {text!r}, wanted key:value")
    try:
        return key, ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return key, value


def print_row(row, timesteps, done, start):
    """Prints a row of progress.csv; timesteps is the run's end, `done` the steps that were done before `start`."""
    left = int(max(0, timesteps - row["timesteps"]) * (time.perf_counter() - start) / (row["timesteps"] - done))
    note, begin, end = "" if row["status"] == "accepted" else "  " + row["status"], "", "\n"
    if sys.stdout.isatty():  # about 50 rows stay; each other one is cut at the edge, and overwritten by the next
        every = 1 + int(timesteps * row["iteration"] / row["timesteps"] / 50)
        stays = row["iteration"] % every == 0 or row["timesteps"] >= timesteps
        begin, end = ("\x1b[K", "\n") if stays else ("\x1b[K\x1b[?7l", "\x1b[?7h\r")
    print(begin + LINE.format(**row, left=f"{left // 60}:{left % 60:02d}", note=note), end=end, flush=True)


def build_parser():
    """The command line's parser: each field of Config is an option of train."""
    parser = argparse.ArgumentParser("python -m trpo_numpy", "%(prog)s [train ENV_ID | evaluate DIR] (help: train -h)")
    commands = parser.add_subparsers(dest="command", required=True, prog=parser.prog)
    training = commands.add_parser("train", help="train a policy into a run folder", argument_default=argparse.SUPPRESS,
                                   allow_abbrev=False, usage="%(prog)s [ENV_ID] [options] (list: -h)")
    env_id, *others = fields(Config)
    training.add_argument("env_id", nargs="?", help=f"{env_id.metadata['help']} (default: {env_id.default})")
    training.add_argument("--out", metavar="DIR", help="the run's folder (default: a new one under runs/)")
    training.add_argument("--resume", metavar="DIR", type=Path, help="continue a run; --timesteps may be raised")
    training.add_argument("--workers", type=int, metavar="N", help="processes that sample; same bytes (default: 1)")
    training.add_argument("--quiet", action="store_true", help="print no line per iteration; progress.csv has them all")
    training.add_argument("--paper", action="store_true", help=f"the paper alone, {PAPER}; typed options change it")
    how = {bool: {"action": argparse.BooleanOptionalAction}, tuple: {"nargs": "*", "type": int, "metavar": "N"},
           dict: {"nargs": "+", "type": key_and_value, "metavar": "KEY:VALUE"}}
    for f in others:
        typed = how.get(f.type, {"type": f.type, "metavar": f.type.__name__.upper()})
        training.add_argument("--" + f.name.replace("_", "-"), **typed,
                              help=f"{f.metadata['help']} (default: {'none' if f.default == () else f.default})")
    evaluating = commands.add_parser("evaluate", help="run a trained policy without noise, and print its raw returns")
    evaluating.add_argument("folder", metavar="DIR", help="a run's folder")
    evaluating.add_argument("--episodes", type=int, default=20)
    evaluating.add_argument("--seed", type=int, default=argparse.SUPPRESS, help="default: that of the run")
    seen = evaluating.add_mutually_exclusive_group()
    seen.add_argument("--render", action="store_true", help="show the episodes in a window (extra render)")
    seen.add_argument("--gif", metavar="FILE", help="write the first of them as a moving picture (extra render)")
    return parser


def run_training(workers=1, quiet=False, resume=None, **options):
    """train: one line per iteration; the run can be resumed after each. Returns the exit code."""
    if resume:
        if others := set(options) - {"timesteps"}:
            raise InputError(f"resume: got {', '.join(sorted(others))}, wanted timesteps, workers or quiet only")
        config, last = replace(run_folder.read_config(resume), **options), run_folder.resume(resume)
        if last and options and config.timesteps < last.timesteps:
            raise InputError(f"timesteps: got {config.timesteps}, wanted at least the {last.timesteps} that are done")
    else:
        out, paper = options.pop("out", None), PAPER if options.pop("paper", False) else {}
        config, last = Config(**{**paper, **options}), None  # an option that is typed overrides --paper
    executor = ProcessPoolExecutor(workers, initializer=start_worker) if workers > 1 else None
    iterations = train(config, checkpoint=last, executor=executor)  # a wrong env_id is refused before a folder is made
    folder = run_folder.write_config(resume, config) if resume else run_folder.create_run_folder(out, config)
    print(f"training on {config.env_id}, seed {config.seed}, into {folder}" + ("" if quiet else "\n" + HEADER))
    start, done, code = time.perf_counter(), last.timesteps if last else 0, 0
    try:
        for iteration in iterations:
            row, last = run_folder.record_iteration(folder, iteration), iteration.checkpoint
            if not quiet:
                print_row(row, config.timesteps, done, start)
    except (KeyboardInterrupt, InputError, ArithmeticError, BrokenExecutor, OSError) as error:
        code = 130 if isinstance(error, KeyboardInterrupt) else 1
        print("\ninterrupted" if code == 130 else f"error: {error}", file=sys.stderr)
    finally:
        if executor:
            stop_workers(executor)
    typed, whole = shlex.quote(str(folder)), last.iteration if last else 0
    if code:
        print(f"stopped after {whole} complete iterations; to continue: --resume {typed}", file=sys.stderr)
    if whole and code != 1:
        run_folder.save_learning_curve(run_folder.read_progress(folder), config, folder / "learning_curve.png")
        print(f"learning curve: {folder / 'learning_curve.png'}\nevaluate with: python -m trpo_numpy evaluate {typed}")
    return code


def run_evaluation(folder, episodes, render, gif, seed=None):
    """evaluate: the most probable actions, raw returns. Prints one line per episode, and one for all."""
    if gif is not None and not (gif.lower().endswith(".gif") and Path(gif).parent.is_dir()):
        raise InputError(f"gif: got {gif!r}, wanted a file that ends in .gif, in a folder that is there")
    config = run_folder.read_config(folder, method=None)
    env = make_env(config, render_mode="rgb_array" if gif else "human" if render else None)
    policy, _ = policy_and_baseline(env, config)
    theta, scaling = run_folder.load_policy(folder, policy)
    returns, seed = [], config.seed if seed is None else seed
    for R in greedy_returns(env, policy, theta, scaling, seed, episodes, gif):
        returns.append(R)
        print(f"episode {len(returns):>4} of {episodes}: return {R:.2f}", flush=True)
    env.close()
    if gif:
        print(f"moving picture: {gif}")
    print(f"mean_return={np.mean(returns):.2f} std={np.std(returns):.2f} episodes={episodes}")
    return 0


def main(argv):
    """Runs a command, train if none is named. Returns 0; 1 if a run stopped early; 2 for bad input; 130 for Ctrl-C."""
    if not argv or argv[0] not in ("train", "evaluate", "-h", "--help"):
        argv = ["train", *argv]
    options = vars(build_parser().parse_args(argv))
    try:
        for name, least in [("workers", 1), ("episodes", 1), ("seed", 0)]:
            if options.get(name, least) < least:
                raise InputError(f"{name}: got {options[name]}, wanted a whole number of at least {least}")
        return (run_training if options.pop("command") == "train" else run_evaluation)(**options)
    except (InputError, OSError, MemoryError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
