"""The improvement that a small change of policy guarantees, on a finite MDP (Sections 2, 3; Eqs. (5) to (10), (44)).

Policies are tables (S, A); the old one is pi, the new one pi_new. Each bound is a lower bound on eta(pi_new): L of
Eq. (3) less a penalty on the distance between the two.
"""
from dataclasses import dataclass

import numpy as np

from trpo_numpy.expected_return import advantage, expected_return, state_value, visitation
from trpo_numpy.record import brief_repr
from trpo_numpy.surrogate import exact_surrogate
from trpo_numpy.trust_region import max_kl, penalize_max_kl


def total_variation(pi, pi_new):
    """D_TV(pi(.|s), pi_new(.|s)) = 1/2 sum_a |pi - pi_new|, (S,) (Section 3)."""
    return 0.5 * abs(pi - pi_new).sum(axis=1)


def max_total_variation(pi, pi_new):
    """alpha = D_TV^max, Eq. (7)."""
    return total_variation(pi, pi_new).max()


def mixture(pi, pi_prime, alpha):
    """pi_new of conservative policy iteration, Eq. (5): pi_prime, there the maximiser of L, with probability alpha."""
    return (1 - alpha) * pi + alpha * pi_prime


def mixture_bound(mdp, pi, pi_prime, alpha):
    """Eq. (6), for the mixture of Eq. (5) with any pi_prime: L - 2 epsilon gamma / (1 - gamma)^2 alpha^2."""
    epsilon = abs((pi_prime * advantage(mdp, pi)).sum(axis=1)).max()  # max_s |E_{a~pi'} A_pi(s, a)|
    L = exact_surrogate(mdp, pi, mixture(pi, pi_prime, alpha))
    return L - 2 * epsilon * mdp.gamma / (1 - mdp.gamma) ** 2 * alpha ** 2


def penalty_coefficient(mdp, pi):
    """C = 4 epsilon gamma / (1 - gamma)^2 with epsilon = max_{s,a} |A_pi(s, a)|, Eqs. (8) and (9)."""
    return 4 * abs(advantage(mdp, pi)).max() * mdp.gamma / (1 - mdp.gamma) ** 2


def total_variation_bound(mdp, pi, pi_new):
    """Theorem 1, Eq. (8): L - C alpha^2, alpha = D_TV^max."""
    return exact_surrogate(mdp, pi, pi_new) - penalty_coefficient(mdp, pi) * max_total_variation(pi, pi_new) ** 2


def coupling_bound(mdp, pi, pi_new):
    """Eq. (44), Appendix A, tighter than (8): L - 4 alpha^2 gamma epsilon / ((1 - gamma)(1 - gamma (1 - alpha)))."""
    alpha = max_total_variation(pi, pi_new)
    factor = (1 - mdp.gamma) / (1 - mdp.gamma * (1 - alpha))
    return exact_surrogate(mdp, pi, pi_new) - factor * penalty_coefficient(mdp, pi) * alpha ** 2


def minorizer(mdp, pi, pi_new):
    """M_i(pi_new) of Eq. (10), the right-hand side of Eq. (9): L - C D_KL^max(pi, pi_new). At pi_new = pi it is eta."""
    return exact_surrogate(mdp, pi, pi_new) - penalty_coefficient(mdp, pi) * max_kl(pi, pi_new)


@dataclass(frozen=True)
class Improvement:
    """One iteration of Algorithm 1."""
    pi: np.ndarray      # (S, A), pi_{i+1}
    eta: float          # eta(pi_{i+1})
    M: float            # M_i(pi_{i+1})
    kl: float           # D_KL^max(pi_i, pi_{i+1}), nats
    C: float            # of pi_i
    gap: float          # no policy has an M_i higher than M by more than this
    __repr__ = brief_repr


def algorithm_1(mdp, pi, tolerance=1e-12):
    """Algorithm 1 from pi (S, A), above zero everywhere: yields an Improvement for each iteration.

    Ends when M_i promises no more than tolerance times epsilon = max |A|, or when its best step is too short for
    float64 (`penalize_max_kl`; the last gap tells). C is large, so steps are small and many.
    """
    eta = expected_return(mdp, pi)
    while True:
        C, A = penalty_coefficient(mdp, pi), advantage(mdp, pi)
        if not A.any():
            return
        pi_new, gap = penalize_max_kl(pi, A, visitation(mdp, pi), C)
        M, eta_new = minorizer(mdp, pi, pi_new), expected_return(mdp, pi_new)
        yield Improvement(pi_new, eta_new, M, max_kl(pi, pi_new), C, gap)
        if M - eta <= tolerance * abs(A).max():
            return
        pi, eta = pi_new, eta_new


def policy_iteration(mdp, pi):
    """L maximised without a constraint, again and again: each state its best action (Sections 2 and 7).

    Yields (pi, eta), the given policy first, until V rises in no state: eta may stand still while others still rise.
    """
    V, V_before = state_value(mdp, pi), -np.inf
    while V.sum() > np.sum(V_before):
        yield pi, mdp.rho_0 @ V
        pi = np.eye(pi.shape[1])[advantage(mdp, pi).argmax(axis=1)]
        V, V_before = state_value(mdp, pi), V
