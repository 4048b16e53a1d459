"""What training costs beside the environment alone: ratios of times taken by turns in this run, on one thread.

    python tests/benchmark_training.py [ENV_ID ...] [--out DIR]      # with --out, a picture too
"""
import argparse
import os
import time
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
from concurrent.futures import ProcessPoolExecutor  # noqa: E402
from functools import partial  # noqa: E402

import gymnasium as gym  # noqa: E402
import numpy as np  # noqa: E402

from trpo_numpy.trpo import trpo_update  # noqa: E402

try:
    from trpo_numpy.practice.config import Config
    from trpo_numpy.practice.training import train
except ImportError:  # up to commit ff4c9cb, to compare with
    from trpo_numpy.config import Config
    from trpo_numpy.training import train

PARTS = "sampling", "policy update", "baseline"


def timed_update(seconds, policy, theta_old, batch, options, rng):
    """trpo_update; notes its seconds and its actions."""
    start = time.perf_counter()
    update = trpo_update(policy, theta_old, batch, options, rng)
    seconds.append(time.perf_counter() - start)
    seconds.actions = batch.actions
    return update


class Seconds(list):
    """Seconds of each update, and the actions of the last."""


def in_space(space, actions):
    """The policy's actions (N, d_a) as an environment with a Box or a Discrete space takes them."""
    if isinstance(space, gym.spaces.Discrete):
        return [space.start + a for a in actions[:, 0]]
    return list(np.clip(actions, space.low, space.high).astype(space.dtype))


def step_through(env, actions):
    """Seconds of bare environment stepping: stored actions, already in the environment's type."""
    start = time.perf_counter()
    env.reset(seed=0)
    for a in actions:
        _, _, terminated, truncated, _ = env.step(a)
        if terminated or truncated:
            env.reset()
    return time.perf_counter() - start


def benchmark_training(env_id, timesteps=30_000):
    """Wall time of sampling, policy update and baseline over that of bare stepping, which follows each iteration.

    The median over iterations.
    """
    env = gym.make(env_id)
    seconds, rows, space = Seconds(), [], env.action_space
    for iteration in train(Config(env_id=env_id, timesteps=timesteps), partial(timed_update, seconds)):
        actions = in_space(space, seconds.actions)
        policy = seconds[-1]
        bare = step_through(env, actions)
        parts = np.array([iteration.seconds_sampling, policy, iteration.seconds_updating - policy])
        rows.append([*parts / bare, parts.sum() / bare, 1e6 * bare / len(actions)])
    *ratios, total, bare = np.median(rows[1:], axis=0)  # the first iteration imports
    print(f"{env_id:>12}: training {total:.2f} times bare stepping: sampling {ratios[0]:.2f}, policy update "
          f"{ratios[1]:.2f}, baseline {ratios[2]:.2f}; {bare:.1f} us per bare step", flush=True)
    return ratios


def next_seconds(run):
    """Seconds of sampling in the run's next iteration, begun when the pools have ended what nobody waits for."""
    time.sleep(0.1)
    return next(run).seconds_sampling


def benchmark_workers(env_id, batch_size=10_000, n_iterations=9):
    """How many times faster process pools sample than this process alone, {n_workers: ratio}, by turns."""
    config = Config(env_id=env_id, batch_size=batch_size, timesteps=n_iterations * batch_size)
    n_workers = [n for n in (1, 2, 4, 8) if n <= (os.cpu_count() or 1)]
    executors = [None, *map(ProcessPoolExecutor, n_workers)]
    runs = [train(config, executor=executor) for executor in executors]
    seconds = np.array([[next_seconds(run) for run in runs] for _ in range(n_iterations - 1)])
    alone, *pools = np.median(seconds[1:], axis=0)  # the first iteration starts the processes
    for executor in executors[1:]:
        executor.shutdown()
    speeds = {n: alone / pool for n, pool in zip(n_workers, pools)}
    print(f"{env_id:>12}: sampling {batch_size} steps in this process {alone:.2f} s; "
          + ", ".join(f"{n} workers {speed:.2f} times faster" for n, speed in speeds.items()), flush=True)
    return speeds


def draw(path, ratios, speeds):
    """ratios {env_id: by part (3,)} and speeds {env_id: {n_workers: ratio}} side by side."""
    from matplotlib.figure import Figure
    figure = Figure((7.5, 3.8), layout="constrained")
    costs, pools = figure.subplots(1, 2, width_ratios=[1.2, 1])
    base = np.zeros(len(ratios))
    for part, name, color in zip(np.transpose(list(ratios.values())), PARTS, ("0.75", "#D55E00", "#0072B2")):
        costs.barh(list(ratios), part, height=0.5, left=base, label=name, color=color)
        base = base + part
    costs.axvline(1, color="black", linestyle=":", label="the environment alone")
    costs.set(xlabel="time, in units of bare stepping",
              title=f"One thread: {base.min():.1f} to {base.max():.1f} times\nthe environment alone")
    figure.legend(*costs.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    for (env_id, speed), style in zip(speeds.items(), ("o-", "s--", "D-.", "v:")):
        pools.plot(list(speed), list(speed.values()), style, color="black", linewidth=2, label=env_id)
    n_most = max(max(speed) for speed in speeds.values())
    pools.plot([1, n_most], [1, n_most], color="gray", linestyle=":")
    pools.legend(loc="lower right")
    pools.set(xlabel="processes", ylabel="times faster than without",
              title="More processes sample\nfaster (dotted: ideal)", xticks=range(1, n_most + 1),
              ylim=(0, n_most + 0.1))
    figure.savefig(path, dpi=200)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("env_ids", nargs="*", default=["Pendulum-v1", "Hopper-v5"])
    parser.add_argument("--out", type=Path, help="folder for the picture")
    args = parser.parse_args()
    ratios, speeds = {}, {}
    for env_id in args.env_ids:
        try:
            gym.make(env_id)
        except gym.error.DependencyNotInstalled:
            print(f"{env_id}: skipped, the extra mujoco is not installed")
            continue
        ratios[env_id], speeds[env_id] = benchmark_training(env_id), benchmark_workers(env_id)
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        draw(args.out / "benchmark_training.png", ratios, speeds)


if __name__ == "__main__":
    main()
