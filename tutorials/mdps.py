"""Finite MDPs to try things on: six rooms, random ones, and those of Gymnasium."""
import common  # noqa: F401  imports trpo_numpy, which sets the number of threads, before NumPy

import gymnasium as gym
import numpy as np

from trpo_numpy.checks import InputError
from trpo_numpy.finite_mdp import FiniteMDP

HALVES = np.repeat(np.eye(2), 3, axis=0)    # (6, 2): rooms 0 to 2 have the logit theta_0, rooms 3 to 5 theta_1


def rooms(gamma=0.9):
    """Six rooms in a row as a FiniteMDP; the way on from the last leads back to the first, with a reward of 1.

    Action 1 leads on and action 0 leads back, but in rooms 1 and 4 they are swapped.
    """
    P, r = np.zeros((6, 2, 6)), np.zeros((6, 2))
    for room, action in np.ndindex(6, 2):
        leads_on = action != (room in (1, 4))
        P[room, action, (room + 1) % 6 if leads_on else max(room - 1, 0)] = 1
        r[room, action] = leads_on and room == 5
    return FiniteMDP(P, r, np.eye(6)[0], gamma)


def random_mdp(rng, S, A, gamma):
    """A FiniteMDP with random transitions, some much likelier than others, and standard normal rewards."""
    P = rng.dirichlet(np.full(S, 0.3), size=(S, A))
    return FiniteMDP(P, rng.standard_normal((S, A)), rng.dirichlet(np.ones(S)), gamma)


def random_policy(rng, S, A, concentration=1.0):
    """A policy (S, A), a Dirichlet distribution per state: nearly deterministic below 1, nearly uniform far above."""
    pi = rng.dirichlet(np.full(A, concentration), size=S) + 1e-12
    return pi / pi.sum(axis=1, keepdims=True)


def gymnasium_mdp(env_id, gamma, **kwargs):
    """gymnasium.make(env_id, **kwargs) as a FiniteMDP, such as FrozenLake-v1. InputError if it has no table P.

    A state in which episodes end becomes absorbing, with reward 0. Options that change `step` but not P (Taxi's
    fickle_passenger) have no effect.
    """
    env = gym.make(env_id, **kwargs).unwrapped
    if not (hasattr(env, "P") and hasattr(env, "initial_state_distrib")):
        raise InputError(f"env_id: got {env_id!r}, wanted an environment with P and initial_state_distrib")
    S, A = int(env.observation_space.n), int(env.action_space.n)
    P, r, ends = np.zeros((S, A, S)), np.zeros((S, A)), set()
    for s, a in np.ndindex(S, A):
        for probability, s_next, reward, terminated in env.P[s][a]:
            P[s, a, s_next] += probability
            r[s, a] += probability * reward
            ends |= {s_next} if terminated else set()
    for s in ends:
        P[s], r[s] = np.eye(S)[s], 0.0
    return FiniteMDP(P, r, np.array(env.initial_state_distrib, dtype=float), gamma)
