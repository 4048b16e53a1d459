"""Sampling whole paths from a Gymnasium environment (Section 5).

Shapes: T steps of one path, N of a batch; d_s, d_a dimensions of state and action.
"""
import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from trpo_numpy.categorical import Categorical
from trpo_numpy.gaussian import Gaussian


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


@dataclass(frozen=True)
class Batch:
    """N state-action pairs and what Eq. (14) weights them with."""
    states: np.ndarray      # (N, d_s)
    actions: np.ndarray     # (N, d_a)
    advantages: np.ndarray  # (N,), Q of Eq. (14), or, not in the paper, an advantage estimate (baseline.py)


def make_env(env_id, render_mode=None):
    """The Gymnasium environment env_id, its states flat vectors and its actions those of our families.

    Observations: Box, or Discrete as one-hot vectors. Actions: Box (clipped to it here, at the environment's door:
    the log-probability is of the unclipped action), Discrete or MultiDiscrete. Raises ValueError otherwise, or if
    there is no such environment; ImportError if a package that it needs is not installed.
    """
    import gymnasium as gym
    from gymnasium.wrappers import FlattenObservation, TransformAction

    try:
        env = gym.make(env_id, render_mode=render_mode)
    except gym.error.DependencyNotInstalled as error:
        raise ImportError(f"env_id: {env_id} needs a package that is not installed: {error}") from error
    except (gym.error.Error, ImportError) as error:
        raise ValueError(f"env_id: got {env_id!r}, wanted an environment that Gymnasium knows: {error}") from error
    seen, done = env.observation_space, env.action_space
    if not isinstance(seen, (gym.spaces.Box, gym.spaces.Discrete)):
        raise ValueError(f"env_id: {env_id} has observation space {seen}, wanted Box or Discrete")
    if seen.shape == () or len(seen.shape) > 1:
        env = FlattenObservation(env)
    if isinstance(done, gym.spaces.Box) and np.issubdtype(done.dtype, np.floating):
        return TransformAction(env, partial(clip_to_box, done), done)
    if isinstance(done, gym.spaces.Discrete):
        return TransformAction(env, partial(to_discrete, done), done)
    if isinstance(done, gym.spaces.MultiDiscrete) and done.nvec.ndim == 1:
        return TransformAction(env, partial(np.add, done.start), done)
    raise ValueError(f"env_id: {env_id} has action space {done}, wanted Box of floats, Discrete or MultiDiscrete")


def clip_to_box(space, a):
    """The action a (d_a,) as the environment wants it: inside its Box, of its shape and type."""
    return np.minimum(np.maximum(a.reshape(space.shape), space.low), space.high).astype(space.dtype)


def to_discrete(space, a):
    """The action a (1,), counted from 0, as the environment wants it: an integer, counted from space.start."""
    return int(a[0] + space.start)


def family_for(action_space):
    """The family of pi(.|s) for an action space that make_env accepts."""
    if hasattr(action_space, "nvec"):
        return Categorical(tuple(int(n) for n in action_space.nvec))
    if hasattr(action_space, "n"):
        return Categorical((int(action_space.n),))
    return Gaussian(math.prod(action_space.shape))


def sample_path(env, act, weights, scaling, seed, episode):
    """One path from rho_0 to its end or its time limit (Section 5.1).

    act(weights, s, rng) is `policy.act` or `policy.act_greedily`. All its randomness, the environment's included,
    is a function of (seed, episode). Raises FloatingPointError for a reward or state that is not finite.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0, episode)))
    observation, _ = env.reset(seed=int(rng.integers(2 ** 31)))
    s, reward = (observation - scaling.mean) / scaling.std, 0.0
    states, actions, rewards = [s], [], []
    terminated = truncated = False
    while not (terminated or truncated):
        a = act(weights, s, rng)
        observation, reward, terminated, truncated, _ = env.step(a)
        s = (observation - scaling.mean) / scaling.std
        if not math.isfinite(reward + s.dot(s)):
            raise FloatingPointError(f"environment: step {len(rewards)} of episode {episode} gave reward {reward} and "
                                     f"observation {observation}, wanted finite numbers")
        states.append(s)
        actions.append(a)
        rewards.append(reward)
    return Path(np.array(states), np.array(actions), np.array(rewards, dtype=float), terminated)


def single_path(env, policy, theta, scaling, n_steps, seed, first_episode):
    """Whole paths under pi_theta until they have n_steps steps together (Section 5.1): a list of Path."""
    weights = policy.unpack(theta)
    paths, steps = [], 0
    while steps < n_steps:
        paths.append(sample_path(env, policy.act, weights, scaling, seed, first_episode + len(paths)))
        steps += len(paths[-1].rewards)
    return paths
