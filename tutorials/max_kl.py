"""Section 8.1's max KL: Eq. (11), where every state of the batch is a constraint. Slow: for small problems only.

`train(config, update=max_kl_update)` trains with it. Shapes: N samples, d_mu distribution parameters, P parameters.
"""
from functools import partial

import common  # noqa: F401  imports trpo_numpy, which sets the number of threads, before NumPy

import numpy as np

from trpo_numpy.conjugate_gradient import conjugate_gradient
from trpo_numpy.policy import Policy
from trpo_numpy.surrogate import Batch, surrogate_and_gradient
from trpo_numpy.trpo import Update, UpdateOptions, trust_region_step


def weighted_fisher_product(policy, theta_old, cache, mu_old, weights, y):
    """sum_n w_n J_n' M_n J_n y (P,) for weights w (N,). `fisher_vector_product` has w_n = 1/N."""
    MJy = policy.family.M_product(mu_old, policy.jvp(theta_old, cache, y))
    return policy.vjp(theta_old, cache, weights[:, None] * MJy)


def surrogate_and_max_kl(policy, batch, mu_old, log_q, theta):
    """(L, largest KL of all states) at theta."""
    mu = policy.mu(theta, batch.states)                                                 # (N, d_mu)
    L = batch.L(policy.family, mu, batch.actions, batch.Q, log_q)
    return L, np.max(policy.family.kl(mu_old, mu))


def max_kl_update(policy: Policy, theta_old: np.ndarray, batch: Batch, options: UpdateOptions,
                  rng: np.random.Generator, n_rounds: int = 30) -> Update:
    """Eq. (11), approximately. The KLs of the line search, and kl_new, are maxima over the states.

    To second order the constraint of state n is s'A_n s <= 2 delta. At the best s, g = sum_n w_n A_n s with weights
    w_n >= 0, which are above 0 only where s'A_n s = 2 delta. Each round solves this system for s, then multiplies w_n
    by the square root of s'A_n s (the multiplicative algorithm of optimal design; in the tests 30 rounds come within
    2% of the best).
    """
    policy.check(theta_old, batch.states, batch.actions)
    mu_old, cache, log_q, L_old, g = surrogate_and_gradient(policy, batch, theta_old)
    weights = np.full(len(mu_old), 1 / len(mu_old))
    for _ in range(n_rounds if g.any() else 0):
        A = partial(weighted_fisher_product, policy, theta_old, cache, mu_old, weights)
        s, _ = conjugate_gradient(A, g, options.cg_iterations, options.damping)
        Js = policy.jvp(theta_old, cache, s)
        sAs = (Js * policy.family.M_product(mu_old, Js)).sum(axis=1)                    # (N,) s'A_n s
        weights = weights * np.sqrt(np.maximum(sAs, 0))                                 # rounding may go below 0
        weights /= weights.sum()
    A = partial(weighted_fisher_product, policy, theta_old, cache, mu_old, weights)
    L_and_kl = partial(surrogate_and_max_kl, policy, batch, mu_old, log_q)
    return trust_region_step(theta_old, L_old, g, A, L_and_kl, options)
