"""Sampling whole paths from a Gymnasium environment (Section 5).

Shapes: T steps of one path, N of a batch; d_s, d_a dimensions of state and action.
"""
import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from trpo_numpy.categorical import Categorical
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy


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


def make_env(env_id, render_mode=None):
    """The Gymnasium environment env_id, its states flat vectors and its actions those of our families.

    Observations: Box, or Discrete as one-hot vectors. Actions: Box (clipped to it here, at the environment's door:
    the log-probability is of the unclipped action), Discrete or MultiDiscrete. An environment that has no time limit
    of its own gets that of Table 2, 1000 steps. Raises ValueError for another space, or if there is no such
    environment; ImportError if a package that it needs is not installed.
    """
    import gymnasium as gym
    from gymnasium.wrappers import FlattenObservation, TimeLimit, TransformAction

    try:
        env = gym.make(env_id, **({"render_mode": render_mode} if render_mode else {}))
        if render_mode:
            env.reset()  # opens the window, or finds that it cannot
    except gym.error.DependencyNotInstalled as error:
        raise ImportError(f"env_id: {env_id} needs a package that is not installed: {error}") from error
    except (gym.error.Error, ImportError) as error:
        raise ValueError(f"env_id: got {env_id!r}, wanted an environment that Gymnasium knows: {error}") from error
    if env.spec.max_episode_steps is None:
        env = TimeLimit(env, max_episode_steps=1000)
    seen, done = env.observation_space, env.action_space
    if not isinstance(seen, (gym.spaces.Box, gym.spaces.Discrete)):
        raise ValueError(f"env_id: {env_id} has observation space {seen}, wanted Box or Discrete")
    if seen.shape == () or len(seen.shape) > 1:
        env = FlattenObservation(env)
    if isinstance(done, gym.spaces.Box) and np.issubdtype(done.dtype, np.floating):
        low, high = done.low.astype(float), done.high.astype(float)
        return TransformAction(env, partial(clip_to_box, low, high, done.dtype), done)
    if isinstance(done, gym.spaces.Discrete):
        return TransformAction(env, partial(to_discrete, done), done)
    if isinstance(done, gym.spaces.MultiDiscrete) and done.nvec.ndim == 1:
        return TransformAction(env, partial(np.add, done.start), done)
    raise ValueError(f"env_id: {env_id} has action space {done}, wanted Box of floats, Discrete or MultiDiscrete")


def clip_to_box(low, high, dtype, a):
    """The action a (d_a,) as the environment wants it: inside its Box, of its shape and type."""
    return np.minimum(np.maximum(a.reshape(low.shape), low), high).astype(dtype)


def to_discrete(space, a):
    """The action a (1,), counted from 0, as the environment wants it: an integer, counted from space.start."""
    return int(a[0] + space.start)


def policy_for(env, hidden_sizes):
    """The Policy for the spaces of an environment that make_env made."""
    space = env.action_space
    if hasattr(space, "nvec"):
        family = Categorical(tuple(int(n) for n in space.nvec))
    elif hasattr(space, "n"):
        family = Categorical((int(space.n),))
    else:
        family = Gaussian(math.prod(space.shape))
    return Policy(MLP((*env.observation_space.shape, *hidden_sizes, family.d_output)), family)


def check_finite(reward, observation, where):
    """Raises FloatingPointError unless the environment gave finite numbers."""
    if not (math.isfinite(reward) and np.isfinite(observation).all()):
        raise FloatingPointError(f"environment: {where} gave reward {reward} and observation {observation}, "
                                 "wanted finite numbers")


def follow(env, act, weights, scaling, observation, rng, max_steps, where):
    """The Path from an observation on, until the episode ends or max_steps are done. act(weights, s, rng) -> a.

    Raises FloatingPointError for a reward or state that is not finite, saying where.
    """
    s = (observation - scaling.mean) / scaling.std
    states, actions, rewards = [s], [], []
    terminated = truncated = False
    while not (terminated or truncated) and len(rewards) < max_steps:
        a = act(weights, s, rng)
        observation, reward, terminated, truncated, _ = env.step(a)
        s = (observation - scaling.mean) / scaling.std
        if not math.isfinite(reward + s.dot(s)):  # quick, and a first suspicion only: a square may overflow
            check_finite(reward, observation, f"step {len(rewards)} of {where}")
        states.append(s)
        actions.append(a)
        rewards.append(reward)
    return Path(np.array(states), np.array(actions), np.array(rewards, dtype=float), terminated)


def sample_path(env, act, weights, scaling, seeds, episode):
    """One path from rho_0 to its end or its time limit (Section 5.1).

    act(weights, s, rng) is `policy.act` or `policy.act_greedily`. All its randomness, the environment's included,
    comes from a child of its own of the SeedSequence seeds, so that a path depends on no other path. Raises
    FloatingPointError for a reward or state that is not finite.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seeds.entropy, spawn_key=(*seeds.spawn_key, episode)))
    observation, _ = env.reset(seed=int(rng.integers(2 ** 31)))
    check_finite(0.0, observation, f"the reset of episode {episode}")
    return follow(env, act, weights, scaling, observation, rng, math.inf, f"episode {episode}")


def greedy_returns(env, policy, theta, scaling, seed, n_episodes):
    """Evaluation: yields the raw return of each of n_episodes of most probable actions, none of them training's."""
    seeds, weights = np.random.SeedSequence(seed, spawn_key=(2,)), policy.unpack(theta)
    for episode in range(n_episodes):
        yield sample_path(env, policy.act_greedily, weights, scaling, seeds, episode).rewards.sum()


def single_path(env, policy, theta, scaling, n_steps, seeds, first_episode):
    """Whole paths under pi_theta until they have n_steps steps together (Section 5.1): a list of Path."""
    weights = policy.unpack(theta)
    paths, steps = [], 0
    while steps < n_steps:
        paths.append(sample_path(env, policy.act, weights, scaling, seeds, first_episode + len(paths)))
        steps += len(paths[-1].rewards)
    return paths
