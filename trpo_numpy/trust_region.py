"""The constrained problems of Section 4, Eqs. (11) and (12), and the step of Algorithm 1, solved exactly.

Shapes: S states, A actions; policies are tables pi (S, A), pi_old above 0 everywhere; A_pi (S, A) is its advantage and
rho (S,) its visitation. L of Eq. (3) is a constant plus sum_s rho(s) sum_a pi(a|s) A_pi(s, a). KLs are in nats.

In one state let q be pi_old(.|s), p be pi(.|s) and A be A_pi(s, .). With the Lagrange multipliers lambda for the KL
and nu for sum_a p_a = 1, the best p has A_a + lambda q_a / p_a = nu for each a, that is, p_a = lambda q_a / (nu - A_a).
As lambda falls from infinity to 0, p goes from q to the best action, and the KL rises from 0 without bound.

Each function returns the best policy and a gap: no allowed policy's objective is higher by more than the gap.
"""
import numpy as np
from scipy.optimize import brentq

from trpo_numpy.kl_bound import kl_by_state
from trpo_numpy.record import InputError

LEAST_KL, MOST_KL = 1e-15, 300.0  # the range of KLs that is searched for a step of Algorithm 1


def visited_mean_kl(rho, pi_old, pi):
    """The mean KL with the states weighted by the visitation rho (S,): the constraint of Eq. (12)."""
    return rho @ kl_by_state(pi_old, pi) / rho.sum()


def penalized_policy(q, A, multiplier):
    """p (A,), the maximiser of p'A - lambda KL(q || p) in one state; multiplier is lambda."""
    below = A.max() - A                                                 # (A,) how far each action is below the best
    nu = max((multiplier * q - below).max(), multiplier - q @ below)    # nu - max A, small enough that sum_a p_a >= 1
    for _ in range(100):
        p = multiplier * q / (nu + below)
        newton_step = (p.sum() - 1) / (p / (nu + below)).sum()          # the sum is convex in nu, so it stays >= 1
        if newton_step <= 1e-15 * nu:
            break
        nu += newton_step
    return p / p.sum()


def precise_kl(q, p):
    """KL(q || p) in one state, precise also for p near q: sum_a q_a (log(1 + w_a) - w_a / (1 + w_a)), w = q / p - 1.

    The second term is q_a - p_a. Its sum is zero, and without it the first terms would nearly cancel.
    """
    w = (q - p) / p
    return (q * (np.log1p(w) - w / (1 + w))).sum()


def root(falling, low, high):
    """Where a falling function is zero between low and high, or the end that is nearer to it."""
    if falling(low) <= 0:
        return low
    return high if falling(high) >= 0 else brentq(falling, low, high, xtol=1e-13)


def multiplier_at_kl(pi_old, A_pi, weights, kl):
    """The lambda at which the KL, averaged over n states (n, A), is kl, or the nearest that float64 can resolve."""
    def log_excess(log_multiplier):
        kls = [precise_kl(q, penalized_policy(q, A, np.exp(log_multiplier))) for q, A in zip(pi_old, A_pi)]
        return np.log(max(weights @ kls, 1e-300) / kl)

    log_range = np.log(np.ptp(A_pi))    # at lambda = e^18 times the range the KL is about 1e-17
    return np.exp(root(log_excess, max(log_range - 600, -700), log_range + 18))


def with_multipliers(pi_old, A_pi, states, multipliers):
    """pi (S, A): in each of `states` the policy that its multiplier gives, elsewhere pi_old."""
    pi = pi_old.copy()
    for s, multiplier in zip(states, multipliers):
        pi[s] = penalized_policy(pi_old[s], A_pi[s], multiplier)
    return pi


def states_to_change(pi_old, A_pi, rho, limit):
    """The indices of the visited states in which an action is better than pi_old. limit is delta or C."""
    if not 0 < limit < np.inf:
        raise InputError(f"delta or C: got {limit}, wanted a finite number above 0")
    if not (pi_old > 0).all():
        s, a = np.argwhere(~(pi_old > 0))[0]
        raise InputError(f"pi_old: got {pi_old[s, a]} in state {s}, action {a}, wanted a number above 0")
    gains = (A_pi - (pi_old * A_pi).sum(axis=1, keepdims=True)).max(axis=1)
    return np.flatnonzero((gains > 1e-12 * abs(A_pi).max()) & (rho > 0))


def bound_max_kl(pi_old, A_pi, rho, delta):
    """Eq. (11): L maximised subject to D_KL^max <= delta. Each changed state has KL delta and its own multiplier."""
    states = states_to_change(pi_old, A_pi, rho, delta)
    multipliers = np.array([multiplier_at_kl(pi_old[[s]], A_pi[[s]], np.ones(1), delta) for s in states])
    pi = with_multipliers(pi_old, A_pi, states, multipliers)
    return pi, abs((rho[states] * multipliers) @ (delta - kl_by_state(pi_old, pi)[states]))


def bound_mean_kl(pi_old, A_pi, rho, delta):
    """Eq. (12): L maximised subject to mean KL <= delta. All changed states have the same multiplier."""
    states = states_to_change(pi_old, A_pi, rho, delta)
    if not len(states):
        return pi_old, 0.0
    multiplier = multiplier_at_kl(pi_old[states], A_pi[states], rho[states] / rho.sum(), delta)
    pi = with_multipliers(pi_old, A_pi, states, np.full(len(states), multiplier))
    return pi, multiplier * rho.sum() * abs(delta - visited_mean_kl(rho, pi_old, pi))


def penalize_max_kl(pi_old, A_pi, rho, C):
    """The step of Algorithm 1: L - C D_KL^max maximised. Every changed state has the same KL: only the largest costs.

    Then dL/dKL = sum_s rho(s) lambda(s), which is C at the solution. If its KL is below LEAST_KL, pi_old is returned,
    and as gap L's gain at LEAST_KL. If it is above MOST_KL, it is MOST_KL, and the gap holds to first order only.
    """
    states = states_to_change(pi_old, A_pi, rho, C)

    def multipliers(log_kl):
        return np.array([multiplier_at_kl(pi_old[[s]], A_pi[[s]], np.ones(1), np.exp(log_kl)) for s in states])

    def log_excess(log_kl):
        return np.log(max(rho[states] @ multipliers(log_kl), 1e-300) / C)

    log_kl = root(log_excess, np.log(LEAST_KL), np.log(MOST_KL))
    pi = with_multipliers(pi_old, A_pi, states, multipliers(log_kl))
    if log_kl == np.log(LEAST_KL):
        return pi_old, rho @ ((pi - pi_old) * A_pi).sum(axis=1)
    return pi, abs(C - rho[states] @ multipliers(log_kl)) * np.exp(log_kl)
