"""Single path: whole paths of the policy, and Q along them (Section 5.1). All states have the same weight, no gamma^t.

Shapes: T steps of one path; d_s, d_a dimensions of state and action. `act(s, rng)` draws a ~ pi_old(.|s). An
environment has Gymnasium's `reset` and `step`.
"""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Path:
    """s_0, a_0, r_0, ..., s_{T-1}, a_{T-1}, r_{T-1}, s_T."""
    states: np.ndarray      # (T + 1, d_s)
    actions: np.ndarray     # (T, d_a), as the policy chose them: before the environment clips them
    rewards: np.ndarray     # (T,)
    terminated: bool        # True: the MDP ended in s_T. False: a limit on the time ended the path, more would follow


def rollout(env, act, s, rng, max_steps=np.inf):
    """The Path from the state s, in which env is, until the episode ends or max_steps are done."""
    states, actions, rewards = [s], [], []
    terminated = truncated = False
    while not (terminated or truncated) and len(rewards) < max_steps:
        a = act(s, rng)
        s, reward, terminated, truncated, _ = env.step(a)
        states.append(s)
        actions.append(a)
        rewards.append(reward)
    return Path(np.array(states), np.array(actions), np.array(rewards, dtype=float), terminated)


def first_state(env, seeds, episode):
    """s_0 ~ rho_0, and the random numbers of an episode, which depend on seeds and its number only."""
    rng = np.random.default_rng(np.random.SeedSequence(seeds.entropy, spawn_key=(*seeds.spawn_key, episode)))
    s, _ = env.reset(seed=int(rng.integers(2 ** 31)))
    return s, rng


def sample_path(env, act, seeds, episode):
    """One path, from rho_0 to the end of the episode or its limit on the time."""
    s, rng = first_state(env, seeds, episode)
    return rollout(env, act, s, rng)


def single_path(episodes, n_steps):
    """Whole paths from the iterator `episodes`, until they have at least n_steps steps together."""
    paths, steps = [], 0
    while steps < n_steps:
        paths.append(next(episodes))
        steps += len(paths[-1].rewards)
    return paths


def discounted_sums(x, discount):
    """y_t = sum_l discount^l x_{t+l}, (T,), for x (T,): the sampled Q if x are the rewards of a path."""
    y, y_next = [], 0.0
    for x_t in np.flip(x).tolist():
        y_next = x_t + discount * y_next
        y.append(y_next)
    return np.array(y[::-1])
