"""Section 4 without approximation: the best policy under a penalty or a bound on the KL, on a finite MDP.

Shapes: S states, A actions; policies pi (S, A), pi_old above zero everywhere; A_pi (S, A) is `advantage(mdp, pi_old)`,
rho (S,) `visitation(mdp, pi_old)`. Maximising L of Eq. (3) is maximising sum_s rho(s) sum_a pi(a|s) A_pi(s, a).

In one state let q be pi_old(.|s), p pi(.|s), A A_pi(s, .). Where p'A - lambda KL(q || p) is largest over p,
A_a + lambda q_a / p_a is the same for all a, so that p_a = q_a / (1 - x_a) / Z with x = u (A - q'A). The number u tells
how far p leans from q towards the best action: as it grows, KL grows from 0 without bound, and lambda falls. So each
problem below is a search in one dimension in each state (`lean_to`), and one for all of them. By duality no policy
beats the one that is returned by more than its gap. A bound is met as nearly as float64 can tell policies apart.
"""
from functools import partial

import numpy as np
from scipy.optimize import brentq
from scipy.optimize.elementwise import find_root
from scipy.special import expit, rel_entr

LEAST_KL, MOST_KL = 1e-15, 300.0  # nats; less is lost in the rounding of the KL, and more leaves no other action


def kl_by_state(pi_old, pi):
    """KL(pi_old(.|s) || pi(.|s)), (S,), in nats; infinite where pi excludes what pi_old does."""
    return rel_entr(pi_old, pi).sum(axis=1)


def max_kl(pi_old, pi):
    """D_KL^max of Section 3, the constraint of Eq. (11)."""
    return kl_by_state(pi_old, pi).max()


def visited_mean_kl(rho, pi_old, pi):
    """The mean KL under the visitation rho (S,), the constraint of Eq. (12)."""
    return rho @ kl_by_state(pi_old, pi) / rho.sum()


def lean(q, A, y):
    """p (n, A), log KL(q || p) (n,) and log lambda (n,) in n states; y (n,) from -inf (p = q) to inf (best action).

    u = expit(y) / max(A - q'A): at its largest, y = inf, the best action's 1 - x is zero.
    """
    A = A - (q * A).sum(axis=1, keepdims=True)
    best = A.max(axis=1, keepdims=True)
    c, t = A / best, expit(y)[:, None]
    x, one_less_x = t * c, expit(-y)[:, None] + t * (1 - c)  # 1 - x written so that it keeps its digits as t nears 1
    Z_less_1 = (q * x * x / one_less_x).sum(axis=1)  # the first-order term is zero, for q'x = 0
    series = -x * x * (1 / 2 + x * (1 / 3 + x * (1 / 4 + x * (1 / 5 + x / 6))))
    kl = (q * np.where(abs(x) < 1e-3, series, np.log(one_less_x) + x)).sum(axis=1) + np.log1p(Z_less_1)
    return q / one_less_x / (1 + Z_less_1[:, None]), np.log(kl), np.log(best / t)[:, 0] - np.log1p(Z_less_1)


def lean_minus(y, n, q, A, which, target):
    """In the states n, entry `which` of `lean` minus its target: the root is sought."""
    return lean(q[n], A[n], y)[which] - target


def lean_to(q, A, which, target):
    """`lean` until log KL (which = 1) or log lambda (which = 2) is the target, or as near as can be, in each state."""
    minus, n, ends = partial(lean_minus, q=q, A=A, which=which, target=target), np.arange(len(A)), (-60.0, 600.0)
    root = find_root(minus, ends, args=(n,), tolerances={"xatol": 1e-13, "xrtol": 1e-13})
    at_ends = [abs(minus(np.full(len(A), end), n)) for end in ends]
    return lean(q, A, np.where(root.success, root.x, np.where(at_ends[0] < at_ends[1], *ends)))


def where_it_matters(pi_old, A, rho, limit):
    """(S,), whether a state is visited and some action in it is better. Checks pi_old, and limit, a delta or C."""
    if not 0 < limit < np.inf:
        raise ValueError(f"delta or C: got {limit}, wanted a finite number above 0")
    if not (pi_old > 0).all():
        s, a = np.argwhere(~(pi_old > 0))[0]
        raise ValueError(f"pi_old: got {pi_old[s, a]} in state {s}, action {a}, wanted a number above 0")
    return ((A - (pi_old * A).sum(axis=1, keepdims=True)).max(axis=1) > 1e-12 * abs(A).max()) & (rho > 0)


def bound_max_kl(pi_old, A, rho, delta):
    """Eq. (11): the maximiser of L subject to D_KL^max <= delta, and its gap. Each state leans until KL = delta."""
    states = where_it_matters(pi_old, A, rho, delta)
    if not states.any():
        return pi_old, 0.0
    pi = pi_old.copy()
    pi[states], log_kl, log_lambda = lean_to(pi_old[states], A[states], 1, np.log(delta))
    return pi, abs(rho[states] @ (np.exp(log_lambda) * (delta - np.exp(log_kl))))


def mean_kl_minus(log_lambda, q, A, w, delta):
    """log of the mean KL, with weights w, when all states lean with one multiplier, minus log delta."""
    return np.log(w @ np.exp(lean_to(q, A, 2, log_lambda)[1])) - np.log(delta)


def bound_mean_kl(pi_old, A, rho, delta):
    """Eq. (12): the maximiser of L subject to mean KL <= delta, and its gap. All states share one multiplier lambda."""
    states = where_it_matters(pi_old, A, rho, delta)
    if not states.any():
        return pi_old, 0.0
    q, A, w = pi_old[states], A[states], rho[states] / rho.sum()
    minus, size = partial(mean_kl_minus, q=q, A=A, w=w, delta=delta), np.log(abs(A).max())
    low, high = size - 500, size + 50  # the less lambda, the more KL
    at_low, at_high = minus(low), minus(high)
    log_lambda = low if at_low < 0 else high
    if at_high < 0 < at_low:
        log_lambda = brentq(minus, low, high, xtol=1e-13)
    pi = pi_old.copy()
    pi[states], log_kl, _ = lean_to(q, A, 2, log_lambda)
    return pi, np.exp(log_lambda) * rho.sum() * abs(delta - w @ np.exp(log_kl))


def price_minus(log_kl, q, A, rho, C):
    """log of what one more nat of D_KL^max would add to L, when each state's KL is exp(log_kl), minus log C."""
    return np.log(max(rho @ np.exp(lean_to(q, A, 1, log_kl)[2]), 1e-300)) - np.log(C)


def penalize_max_kl(pi_old, A, rho, C):
    """The maximiser of L - C D_KL^max, the inner problem of Algorithm 1, and its gap.

    Every state may lean as far as the one that leans most; how far is where one more nat of KL is worth C. A step of
    less KL than LEAST_KL, which float64 hardly resolves, is not taken: the gap is then the L that it would have won.
    Where MOST_KL cuts the step short the gap is a first-order estimate, no bound.
    """
    states = where_it_matters(pi_old, A, rho, C)
    if not states.any():
        return pi_old, 0.0
    q, A, rho, least, log_kl = pi_old[states], A[states], rho[states], np.log(LEAST_KL), np.log(MOST_KL)
    if price_minus(least, q, A, rho, C) <= 0:
        return pi_old, rho @ ((lean_to(q, A, 1, least)[0] - q) * A).sum(axis=1)
    if price_minus(log_kl, q, A, rho, C) < 0:
        log_kl = brentq(price_minus, least, log_kl, args=(q, A, rho, C), xtol=1e-13)
    pi = pi_old.copy()
    pi[states], _, log_lambda = lean_to(q, A, 1, log_kl)
    return pi, abs(C - rho @ np.exp(log_lambda)) * np.exp(log_kl)
