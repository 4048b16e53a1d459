"""The constrained problems of Section 4, Eqs. (11) and (12), and the step of Algorithm 1, solved exactly.

Shapes: S states, A actions; policies are tables pi (S, A), pi_old above 0 everywhere; A_pi (S, A) is its advantage and
rho (S,) its visitation. L of Eq. (3) is a constant plus sum_s rho(s) sum_a pi(a|s) A_pi(s, a). KLs are in nats.

In one state let q be pi_old(.|s), p be pi(.|s) and A be A_pi(s, .). With the Lagrange multipliers lambda for the KL
and nu for sum_a p_a = 1, the best p has A_a + lambda q_a / p_a = nu for each a, that is, p_a = lambda q_a / (nu - A_a).
As nu falls from infinity to max A, p goes from q to the best action, lambda falls to 0, and the KL rises from 0.

The last three functions return a policy and a gap: no allowed policy's objective is higher by more than the gap.
"""
import numpy as np
from scipy.optimize import brentq

from trpo_numpy.checks import InputError
from trpo_numpy.kl_bound import kl_by_state


def visited_mean_kl(rho, pi_old, pi):
    """The mean KL with the states weighted by the visitation rho (S,): the constraint of Eq. (12)."""
    return rho @ kl_by_state(pi_old, pi) / rho.sum()


def solve(falling, limit, low, high):
    """The x between low and high at which a falling function has the value limit, or the end that is nearer to it."""
    if not 0 < limit < np.inf:
        raise InputError(f"delta or C: got {limit}, wanted a finite number above 0")

    def log_excess(log_x):
        """log(falling(x) / limit), which is 0 at the solution."""
        return np.log(max(falling(np.exp(log_x)), 1e-300) / limit)

    if log_excess(np.log(low)) <= 0:
        return low
    if log_excess(np.log(high)) >= 0:
        return high
    return np.exp(brentq(log_excess, np.log(low), np.log(high), xtol=1e-13))


def best_policy(q, A, height):
    """In one state, for nu = max A + height: p (A,), its multiplier lambda, and KL(q || p)."""
    weights = q / (height + (A.max() - A))                  # (A,) p / lambda
    p = weights / weights.sum()
    kl = (q * np.log1p((q - p) / p) - (q - p)).sum()        # sum_a q_a - p_a is 0; with it the sum is precise near q
    return p, 1 / weights.sum(), kl


def best_at_kl(q, A, kl):
    """`best_policy` with this KL, or with the nearest that float64 can resolve."""
    def kl_at(height):
        """The KL of the best policy, which falls as the height rises."""
        return best_policy(q, A, height)[2]

    size = np.ptp(A)        # at a height of 1e8 times this the KL is below 1e-16
    height = solve(kl_at, kl, 1e-200 * size, 1e8 * size)
    return best_policy(q, A, height)


def best_at_multiplier(q, A, multiplier):
    """`best_policy` with this lambda; its height lies between multiplier * q of the best action and multiplier."""
    def one_over_lambda(height):
        """1 / lambda of the best policy, which falls as the height rises."""
        return 1 / best_policy(q, A, height)[1]

    low, high = 0.9 * multiplier * q[A.argmax()], 1.1 * multiplier
    height = solve(one_over_lambda, 1 / multiplier, low, high)
    return best_policy(q, A, height)


def in_each_state(best_at, pi_old, A_pi, rho, limit):
    """pi (S, A), lambdas (S,) and KLs (S,): best_at(q, A, limit) in each state to change, pi_old and 0 in the others.

    The states to change are the visited ones in which an action is better than pi_old.
    """
    if not (pi_old > 0).all():
        s, a = np.argwhere(~(pi_old > 0))[0]
        raise InputError(f"pi_old: got {pi_old[s, a]} in state {s}, action {a}, wanted a number above 0")
    pi, multipliers, kls = pi_old.copy(), np.zeros(len(rho)), np.zeros(len(rho))
    gains = A_pi.max(axis=1) - (pi_old * A_pi).sum(axis=1)
    for s in np.flatnonzero((gains > 1e-12 * abs(A_pi).max()) & (rho > 0)):
        pi[s], multipliers[s], kls[s] = best_at(pi_old[s], A_pi[s], limit)
    return pi, multipliers, kls


def bound_max_kl(pi_old, A_pi, rho, delta):
    """Eq. (11): L maximized, D_KL^max <= delta. Each changed state has KL delta, and its own multiplier."""
    pi, multipliers, kls = in_each_state(best_at_kl, pi_old, A_pi, rho, delta)
    return pi, rho @ (multipliers * abs(delta - kls))


def bound_mean_kl(pi_old, A_pi, rho, delta):
    """Eq. (12): L maximized subject to mean KL <= delta. All changed states have the same multiplier."""
    def mean_kl(multiplier):
        """The mean KL of the best policies, which falls as their multiplier rises."""
        return rho @ in_each_state(best_at_multiplier, pi_old, A_pi, rho, multiplier)[2] / rho.sum()

    size = np.ptp(A_pi) or 1.0
    multiplier = solve(mean_kl, delta, 1e-200 * size, 1e8 * size)
    pi, _, _ = in_each_state(best_at_multiplier, pi_old, A_pi, rho, multiplier)
    return pi, multiplier * rho.sum() * abs(delta - mean_kl(multiplier))


def penalize_max_kl(pi_old, A_pi, rho, C):
    """The step of Algorithm 1: L - C D_KL^max maximized. Every changed state has the same KL: only the largest costs.

    At the solution dL/dKL = sum_s rho(s) lambda(s) is C. The KL that they have in common is searched from 1e-15 to 300.
    """
    def slope(kl):
        """dL/dKL, which falls as the KL of the changed states rises."""
        return rho @ in_each_state(best_at_kl, pi_old, A_pi, rho, kl)[1]

    kl = solve(slope, C, 1e-15, 300.0)
    pi, _, _ = in_each_state(best_at_kl, pi_old, A_pi, rho, kl)
    return pi, kl * abs(C - slope(kl))
