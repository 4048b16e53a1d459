"""Algorithm 1 on a finite MDP, and policy iteration, which is the same without a penalty (Sections 2, 3 and 7).

Shapes: S states, A actions; policies are tables pi (S, A).
"""
from dataclasses import dataclass

import numpy as np

from trpo_numpy.expected_return import advantage, expected_return, state_value, visitation
from trpo_numpy.finite_mdp import FiniteMDP
from trpo_numpy.kl_bound import max_kl, minorizer, penalty_coefficient
from trpo_numpy.record import short_repr
from trpo_numpy.trust_region import penalize_max_kl


@dataclass(frozen=True)
class Improvement:
    """One iteration of Algorithm 1."""
    pi: np.ndarray      # (S, A), pi_{i+1}
    eta: float          # eta(pi_{i+1})
    M: float            # M_i(pi_{i+1})
    kl: float           # D_KL^max(pi_i, pi_{i+1}), nats
    C: float            # the penalty coefficient of pi_i
    gap: float          # no policy's M_i exceeds M by more than this
    __repr__ = short_repr


def algorithm_1(mdp: FiniteMDP, pi, tolerance=1e-12):
    """Algorithm 1: yields pi_{i+1}, the maximiser of M_i = L_{pi_i} - C D_KL^max(pi_i, .), for i = 0, 1, ...

    pi_0 = pi (S, A) must be above 0 everywhere. eta never falls. C is large, so there are many small steps. They end
    when M_i exceeds eta by at most tolerance * max |A|.
    """
    eta = expected_return(mdp, pi)
    while True:
        A_pi, C = advantage(mdp, pi), penalty_coefficient(mdp, pi)
        if not A_pi.any():
            return
        pi_new, gap = penalize_max_kl(pi, A_pi, visitation(mdp, pi), C)
        M, eta_new = minorizer(mdp, pi, pi_new), expected_return(mdp, pi_new)
        yield Improvement(pi_new, eta_new, M, max_kl(pi, pi_new), C, gap)
        if M - eta <= tolerance * abs(A_pi).max():
            return
        pi, eta = pi_new, eta_new


def policy_iteration(mdp: FiniteMDP, pi):
    """Policy iteration: each new policy maximises L without a penalty, by the best action in each state (Section 7).

    Yields (pi, eta), beginning with the given policy. It ends when V no longer rises in any state.
    """
    V, before = state_value(mdp, pi), -np.inf
    while V.sum() > before:
        yield pi, mdp.rho_0 @ V
        before, pi = V.sum(), np.eye(pi.shape[1])[advantage(mdp, pi).argmax(axis=1)]
        V = state_value(mdp, pi)
