"""Single path: whole paths of a policy (Section 5.1; Q along them: training.py).

Shapes: T steps of one path; d_s, d_a dimensions of state and action.
"""
import math
import traceback
from dataclasses import dataclass

import numpy as np

from trpo_numpy.environment import check_step
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


def line_of(error):
    """An error and the line that raised it, in a few words."""
    file, line, *_ = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({file}, line {line})"


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
            suspect = np.shape(observation) != shape or not math.isfinite(reward + s.dot(s))  # a square may overflow
        except Exception as error:
            check_step(reward, observation, shape, f"step {len(rewards)} of {where}")
            raise RuntimeError(f"environment: step {len(rewards)} of {where} failed with the policy's action {a}: "
                               f"{line_of(error)}") from error
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
        raise RuntimeError(f"environment: the reset of episode {episode} failed: {line_of(error)}") from error
    check_step(0.0, observation, scaling.mean.shape, f"the reset of episode {episode}")
    return follow(env, act, weights, scaling, observation, rng, math.inf, f"episode {episode}")


def greedy_returns(env, policy, theta, scaling, seed, n_episodes):
    """Evaluation: yields the raw return of each of n_episodes of most probable actions, none of them training's."""
    seeds, weights = np.random.SeedSequence(seed, spawn_key=(2,)), policy.unpack(theta)
    for episode in range(n_episodes):
        yield sample_path(env, policy.act_greedily, weights, scaling, seeds, episode).rewards.sum()


def single_path(episodes, n_steps):
    """Whole paths from the iterator `episodes` until they have n_steps steps together (Section 5.1): a list of Path."""
    paths, steps = [], 0
    while steps < n_steps:
        paths.append(next(episodes))
        steps += len(paths[-1].rewards)
    return paths
