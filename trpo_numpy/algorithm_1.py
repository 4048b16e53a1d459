"""Algorithm 1 on a finite MDP; policy iteration, the same without a penalty (Sections 2, 3 and 7).

Shapes: S states, A actions; policies are tables pi (S, A). Both yield (pi_i, eta(pi_i)) from i = 0.
"""
import numpy as np

from trpo_numpy.expected_return import advantage, expected_return, state_value, visitation
from trpo_numpy.finite_mdp import FiniteMDP
from trpo_numpy.kl_bound import minorizer, penalty_coefficient
from trpo_numpy.trust_region import penalize_max_kl


def algorithm_1(mdp: FiniteMDP, pi, tolerance=1e-12):
    """Algorithm 1: pi_{i+1} maximizes M_i = L_{pi_i} - C D_KL^max(pi_i, .), from pi_0 = pi (S, A).

    pi_0 must be above 0 everywhere. eta never falls. C is large, so the steps are small and many.
    The iteration ends when M_i exceeds eta by at most tolerance * max |A|.
    """
    while True:
        eta, A_pi, C = expected_return(mdp, pi), advantage(mdp, pi), penalty_coefficient(mdp, pi)
        yield pi, eta
        if not A_pi.any():
            return
        pi_new, _ = penalize_max_kl(pi, A_pi, visitation(mdp, pi), C)
        if minorizer(mdp, pi, pi_new) - eta <= tolerance * abs(A_pi).max():
            return
        pi = pi_new


def policy_iteration(mdp: FiniteMDP, pi):
    """Policy iteration: the best action in each state, by which L is largest (Section 7).

    It ends when the sum of V no longer rises.
    """
    V, before = state_value(mdp, pi), -np.inf
    while V.sum() > before:
        yield pi, mdp.rho_0 @ V
        before, pi = V.sum(), np.eye(pi.shape[1])[advantage(mdp, pi).argmax(axis=1)]
        V = state_value(mdp, pi)
