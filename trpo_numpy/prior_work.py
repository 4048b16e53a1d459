"""Alternatives to trpo_update: the prior methods of Section 7, Eqs. (17) and (18), and the ablations of Section 8.1.

Each is an UpdateRule, as trpo_update is: `train(config, update=empirical_fim_update)`. Those with a fixed step get it
bound: `train(config, update=partial(natural_gradient_update, step=0.1))`. A is computed from all states of the batch.
Shapes: N samples, d_mu distribution parameters, P parameters.
"""
from functools import partial
from typing import Protocol

import numpy as np

from trpo_numpy.conjugate_gradient import conjugate_gradient
from trpo_numpy.fisher import fisher_vector_product
from trpo_numpy.line_search import Candidate
from trpo_numpy.policy import Policy
from trpo_numpy.surrogate import Batch, importance_ratio, surrogate_and_gradient
from trpo_numpy.trpo import Update, UpdateOptions, surrogate_and_kl, trust_region_step


class UpdateRule(Protocol):
    """An update that `train` can use: `trpo_update`, those of prior_work.py, or your own."""
    def __call__(self, policy: Policy, theta_old: np.ndarray, batch: Batch, options: UpdateOptions,
                 rng: np.random.Generator) -> Update: ...


def natural_gradient_update(policy: Policy, theta_old: np.ndarray, batch: Batch, options: UpdateOptions,
                            rng: np.random.Generator, step: float) -> Update:
    """Natural gradient: theta_old + step (A + damping)^-1 g, Eq. (17) with a penalty; step is 1/lambda.

    The direction is TRPO's if fisher_fraction is 1. Nothing bounds the KL, or asks that L improve. Raises
    FloatingPointError if theta_new is not finite, or if L or the KL is then not a number.
    """
    return fixed_step(policy, theta_old, batch, step, options.damping, options.cg_iterations)


def policy_gradient_update(policy: Policy, theta_old: np.ndarray, batch: Batch, options: UpdateOptions,
                           rng: np.random.Generator, step: float) -> Update:
    """Policy gradient: theta_old + step g, Eq. (18) with a penalty. Otherwise as natural gradient."""
    return fixed_step(policy, theta_old, batch, step, damping=0.0, cg_iterations=0)


def fixed_step(policy, theta_old, batch, step, damping, cg_iterations):
    """theta_old + step s, where s solves A s = g, or is g itself if cg_iterations is 0."""
    policy.check(theta_old, batch.states, batch.actions)
    mu_old, cache, log_q, L_old, g = surrogate_and_gradient(policy, batch, theta_old)
    A = partial(fisher_vector_product, policy, theta_old, cache, mu_old)
    s, residuals = conjugate_gradient(A, g, cg_iterations, damping) if cg_iterations else (g, np.zeros(1))
    theta_new = theta_old + step * s
    sAs = s @ A(s)
    L_new, kl_new = surrogate_and_kl(policy, batch, mu_old, log_q, theta_new)
    if not np.isfinite(theta_new).all() or np.isnan([L_new, kl_new]).any():
        raise FloatingPointError(f"step: got {step}, after which L is {L_new} and KL {kl_new}, wanted a smaller one")
    return Update(theta_new, "accepted", g, s, sAs, residuals, [Candidate(step, L_new, kl_new, refused="")], L_old,
                  L_new, L_predicted=L_old + step * (g @ s), delta=np.inf, kl_new=kl_new,
                  kl_predicted=step * step * sAs / 2)


def empirical_fisher_product(policy, theta_old, cache, scores, weights, y):
    """Ay (P,), where A is the empirical FIM of Section 6: the covariance of the gradients of log pi(a_n|s_n).

    It is J'MJ with w_n scores_n scores_n' for M_n. scores (N, d_mu) are the gradients with respect to mu; the weights
    w (N,) are the ratios pi_old / q, which are 1 if q = pi_old.
    """
    Jy = policy.jvp(theta_old, cache, y)                                                # (N, d_mu)
    along = weights * (scores * Jy).sum(axis=1)                                         # (N,) w_n d log pi along y
    return policy.vjp(theta_old, cache, along[:, None] * scores / len(scores))


def empirical_fim_update(policy: Policy, theta_old: np.ndarray, batch: Batch, options: UpdateOptions,
                         rng: np.random.Generator) -> Update:
    """Empirical FIM (Section 8.1): trpo_update with the covariance of the gradients for the Hessian of the KL."""
    policy.check(theta_old, batch.states, batch.actions)
    mu_old, cache, log_q, L_old, g = surrogate_and_gradient(policy, batch, theta_old)
    scores = policy.family.grad_log_prob(mu_old, batch.actions)                         # (N, d_mu)
    weights = importance_ratio(policy.family, mu_old, batch.actions, log_q)             # (N,)
    A = partial(empirical_fisher_product, policy, theta_old, cache, scores, weights)
    L_and_kl = partial(surrogate_and_kl, policy, batch, mu_old, log_q)
    return trust_region_step(theta_old, L_old, g, A, L_and_kl, options)


def weighted_fisher_product(policy, theta_old, cache, mu_old, weights, y):
    """sum_n w_n J_n' M_n J_n y (P,) for weights w (N,). `fisher_vector_product` has w_n = 1/N."""
    MJy = policy.family.M_product(mu_old, policy.jvp(theta_old, cache, y))
    return policy.vjp(theta_old, cache, weights[:, None] * MJy)


def max_kl_update(policy: Policy, theta_old: np.ndarray, batch: Batch, options: UpdateOptions,
                  rng: np.random.Generator, n_rounds: int = 30) -> Update:
    """Max KL: Eq. (11), where every state of the batch is a constraint (Section 8.1). Slow: for small problems only.

    To second order the constraint of state n is s'A_n s <= 2 delta. At the best s, g = sum_n w_n A_n s with weights
    w_n >= 0, which are above 0 only where s'A_n s = 2 delta. Each round solves this system for s, then multiplies w_n
    by the square root of s'A_n s (the multiplicative algorithm of optimal design; in the tests 30 rounds come within
    2% of the best). The KLs of the line search, and kl_new, are maxima over the states.
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
    L_and_kl = partial(surrogate_and_kl, policy, batch, mu_old, log_q, over_states=np.max)
    return trust_region_step(theta_old, L_old, g, A, L_and_kl, options)
