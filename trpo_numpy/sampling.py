"""Single path: whole paths of a policy (Section 5.1; Q along them: training.py). Here, or by an executor's workers.

Shapes: T steps of one path; d_s, d_a dimensions of state and action.
"""
import math
import multiprocessing
import os
import signal
import threading
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count

import numpy as np

from trpo_numpy.environment import check_step, make_env
from trpo_numpy.record import brief_repr


@dataclass(frozen=True)
class Path:
    """s_0, a_0, r_0, ..., s_{T-1}, a_{T-1}, r_{T-1}, s_T.

    terminated: the MDP ended in s_T, nothing can follow. Otherwise the path was truncated by a time limit: more
    reward would have followed, and V(s_T) is the baseline's estimate of it.
    """
    states: np.ndarray      # (T + 1, d_s), as the policy saw them (scaled)
    actions: np.ndarray     # (T, d_a), as the policy chose them (not clipped)
    rewards: np.ndarray     # (T,), raw
    terminated: bool
    __repr__ = brief_repr


def follow(env, act, weights, scaling, observation, rng, max_steps, where):
    """The Path from an observation on, until the episode ends or max_steps are done. act(weights, s, rng) -> a.

    Raises what `check_step` does, and RuntimeError for an error of the environment's own, saying where.
    """
    s, shape = (observation - scaling.mean) / scaling.std, scaling.mean.shape
    states, actions, rewards, reward = [s], [], [], 0.0
    terminated = truncated = False
    while not (terminated or truncated) and len(rewards) < max_steps:
        a = act(weights, s, rng)
        try:
            observation, reward, terminated, truncated, _ = env.step(a)
            s = (observation - scaling.mean) / scaling.std
            suspect = observation.shape != shape or not math.isfinite(reward + s.dot(s))  # a square may overflow
        except Exception as error:
            check_step(reward, observation, shape, f"step {len(rewards)} of {where}")
            raise RuntimeError(f"environment: step {len(rewards)} of {where} failed with action {a}: "
                               f"{type(error).__name__}: {error}") from error
        if suspect:
            check_step(reward, observation, shape, f"step {len(rewards)} of {where}")
        states.append(s)
        actions.append(a)
        rewards.append(reward)
    return Path(np.array(states), np.array(actions), np.array(rewards, dtype=float), terminated)


def sample_path(env, act, weights, scaling, seeds, episode):
    """One path from rho_0 to its end or its time limit (Section 5.1).

    act(weights, s, rng) is `policy.act` or `policy.act_greedily`. All its randomness, the environment's included,
    comes from a child of its own of the SeedSequence seeds, so that a path depends on no other path. Raises as
    `follow` does.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seeds.entropy, spawn_key=(*seeds.spawn_key, episode)))
    try:
        observation, _ = env.reset(seed=int(rng.integers(2 ** 31)))
    except Exception as error:
        raise RuntimeError(f"environment: the reset of episode {episode} failed: "
                           f"{type(error).__name__}: {error}") from error
    check_step(0.0, observation, scaling.mean.shape, f"the reset of episode {episode}")
    return follow(env, act, weights, scaling, observation, rng, math.inf, f"episode {episode}")


def greedy_returns(env, policy, theta, scaling, seed, n_episodes):
    """Evaluation: yields the raw return of each of n_episodes of most probable actions, none of them training's."""
    seeds, weights = np.random.SeedSequence(seed, spawn_key=(2,)), policy.unpack(theta)
    for episode in range(n_episodes):
        yield sample_path(env, policy.act_greedily, weights, scaling, seeds, episode).rewards.sum()


WORKER = threading.local()  # a worker is a thread, or a process with one: each keeps an environment of its own


def start_worker():
    """For a process pool's `initializer`: Ctrl-C is for the process that asked, and when that dies so does this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=die_with_parent, daemon=True).start()


def stop_workers(executor):
    """Ends a process pool at once, whatever its workers (this process's children) are doing."""
    executor.shutdown(wait=False, cancel_futures=True)
    for process in multiprocessing.active_children():
        process.terminate()


def die_with_parent():
    """Ends this process as soon as the one that started it has ended, however it did."""
    multiprocessing.parent_process().join()
    os._exit(1)


def sample_in_worker(sample, env_id, arguments, episode):
    """sample(env, *arguments, episode), by a worker of an executor."""
    if getattr(WORKER, "env_id", None) != env_id:
        WORKER.env, WORKER.env_id = make_env(env_id), env_id
    return sample(WORKER.env, *arguments, episode)


def in_order(sample, env, env_id, arguments, first_episode, executor=None, n_ahead=16):
    """Yields sample(env, *arguments, episode) for one episode after the other, without end.

    With an executor (of concurrent.futures' kind) its workers do so: n_ahead episodes first, in at most 64 tasks of a
    process pool, then two tasks more whenever all are used up. Whoever samples an episode, it depends on nothing but
    its number and the arguments, if the environment's reset forgets all that was before. Raises RuntimeError if a
    worker of a process pool has died (Dask starts another; if these die too, its KilledWorker).
    """
    if executor is None:
        for episode in count(first_episode):
            yield sample(env, *arguments, episode)
    one, length, end = partial(sample_in_worker, sample, env_id, arguments), math.ceil(n_ahead / 64), first_episode
    try:
        while True:
            start, end = end, end + n_ahead
            yield from executor.map(one, range(start, end), chunksize=length)
            n_ahead = 2 * length
    except BrokenExecutor as error:
        raise RuntimeError(f"executor: a worker died, and what it was sampling is lost ({error}); what was written "
                           "before is whole, and a run can be resumed from there") from error


def single_path(episodes, n_steps):
    """Whole paths from the iterator `episodes` until they have n_steps steps together (Section 5.1): a list of Path."""
    paths, steps = [], 0
    while steps < n_steps:
        paths.append(next(episodes))
        steps += len(paths[-1].rewards)
    return paths
