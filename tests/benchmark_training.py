"""What training costs beside the environment alone: ratios of times taken by turns in this run, on one thread.

    python tests/benchmark_training.py [ENV_ID ...]
"""
import os
import sys
import time

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
from concurrent.futures import ProcessPoolExecutor  # noqa: E402
from functools import partial  # noqa: E402

import gymnasium as gym  # noqa: E402
import numpy as np  # noqa: E402

from trpo_numpy.config import Config  # noqa: E402
from trpo_numpy.training import train  # noqa: E402
from trpo_numpy.trpo import trpo_update  # noqa: E402


def timed_update(seconds, policy, theta_old, batch, config, rng):
    """trpo_update, its seconds and its actions noted."""
    start = time.perf_counter()
    update = trpo_update(policy, theta_old, batch, config, rng)
    seconds.append(time.perf_counter() - start)
    seconds.actions = batch.actions
    return update


class Seconds(list):
    """Seconds of each update, and the actions of the last."""


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
    """Wall time of training over that of bare stepping, by part; each iteration is followed by its bare stepping."""
    try:
        env = gym.make(env_id)
    except gym.error.DependencyNotInstalled:
        return print(f"{env_id}: skipped, the extra mujoco is not installed")
    seconds, rows, space = Seconds(), [], env.action_space
    iterations = train(Config(env_id=env_id, timesteps=timesteps), partial(timed_update, seconds))
    start = time.perf_counter()
    for iteration in iterations:
        whole = time.perf_counter() - start
        actions = list(np.clip(seconds.actions, space.low, space.high).astype(space.dtype))
        policy = seconds[-1]
        rows.append((whole, iteration.seconds_sampling, policy, iteration.seconds_updating - policy,
                     step_through(env, actions)))
        start = time.perf_counter()
    whole, sampling, policy, baseline, bare = np.sum(rows[1:], axis=0)  # the first iteration imports
    print(f"{env_id:>12}: training {whole / bare:.2f} times bare stepping: sampling {sampling / bare:.2f}, policy "
          f"update {policy / bare:.2f}, baseline {baseline / bare:.2f}; {1e6 * bare / timesteps:.1f} us a bare step")


def benchmark_workers(env_id, batch_size=10_000, n_iterations=4):
    """Seconds of sampling with process pools over those with one process, by turns."""
    config = Config(env_id=env_id, batch_size=batch_size, timesteps=n_iterations * batch_size)
    n_workers = [n for n in (1, 2, 4, 8) if n <= (os.cpu_count() or 1)]
    executors = [None, *map(ProcessPoolExecutor, n_workers)]
    runs = [train(config, executor=executor) for executor in executors]
    seconds = np.array([[next(run).seconds_sampling for run in runs] for _ in range(n_iterations - 1)])
    alone, *pools = np.median(seconds[1:], axis=0)  # the first iteration starts the processes
    print(f"{env_id:>12}: sampling {batch_size} steps in this process {alone:.2f} s; "
          + ", ".join(f"{n} workers {alone / pool:.2f} times faster" for n, pool in zip(n_workers, pools)))
    for executor in executors[1:]:
        executor.shutdown()


if __name__ == "__main__":
    for env_id in sys.argv[1:] or ["Pendulum-v1", "Hopper-v5"]:
        benchmark_training(env_id)
        benchmark_workers(env_id)
