"""Alternatives to trpo_update: the prior methods of Section 7, Eqs. (17), (18), and the empirical FIM of Section 8.1.

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
    """Natural gradient: theta_old + step (A + damping I)^-1 g, Eq. (17) with a penalty; step is 1/lambda.

    The direction is TRPO's if fisher_fraction is 1. Nothing bounds the KL, or asks that L improve. Raises
    FloatingPointError if theta_new is not finite, or if L or the KL is then not a number.
    """
    solve = partial(conjugate_gradient, iterations=options.cg_iterations, damping=options.damping)
    return fixed_step(policy, theta_old, batch, step, solve)


def policy_gradient_update(policy: Policy, theta_old: np.ndarray, batch: Batch, options: UpdateOptions,
                           rng: np.random.Generator, step: float) -> Update:
    """Policy gradient: theta_old + step g, Eq. (18) with a penalty. Otherwise as natural gradient."""
    return fixed_step(policy, theta_old, batch, step, gradient_itself)


def gradient_itself(A, g):
    """The direction g of Eq. (18), which solves no equation, and a residual of 0 in its place."""
    return g, np.zeros(1)


def fixed_step(policy, theta_old, batch, step, solve):
    """theta_old + step s, where solve(A, g) gives the direction s and the residuals of its solution."""
    policy.check(theta_old, batch.states, batch.actions)
    mu_old, cache, log_q, L_old, g = surrogate_and_gradient(policy, batch, theta_old)
    A = partial(fisher_vector_product, policy, theta_old, cache, mu_old)
    s, residuals = solve(A, g)
    theta_new = theta_old + step * s
    sAs = s @ A(s)
    L_new, kl_new = surrogate_and_kl(policy, batch, mu_old, log_q, theta_new)
    if not np.isfinite(theta_new).all() or np.isnan([L_new, kl_new]).any():
        raise FloatingPointError(f"step: got {step}, after which L is {L_new} and KL {kl_new}, wanted a smaller one")
    taken = Candidate(step, L_new, kl_new, improves=L_new > L_old, within=True)
    return Update(theta_new, "accepted", g, s, sAs, residuals, [taken], delta=np.inf,
                  L_old=L_old, L_new=L_new, L_predicted=L_old + step * (g @ s),
                  kl_new=kl_new, kl_predicted=step * step * sAs / 2)


def empirical_fisher_product(policy, theta_old, cache, scores, weights, y):
    """Ay (P,), where A is the empirical FIM of Section 6: the mean product of the gradients of log pi(a_n|s_n).

    It is J'MJ with w_n scores_n scores_n' for M_n. scores (N, d_mu) are the gradients with respect to mu; the weights
    w (N,) are the ratios pi_old / q, which are 1 if q = pi_old.
    """
    Jy = policy.jvp(theta_old, cache, y)                                    # (N, d_mu)
    along = weights * (scores * Jy).sum(axis=1)                             # (N,) w_n d log pi along y
    return policy.vjp(theta_old, cache, along[:, None] * scores / len(scores))


def empirical_fim_update(policy: Policy, theta_old: np.ndarray, batch: Batch, options: UpdateOptions,
                         rng: np.random.Generator) -> Update:
    """Empirical FIM (Section 8.1): trpo_update with the products of the gradients for the Hessian of the KL."""
    policy.check(theta_old, batch.states, batch.actions)
    mu_old, cache, log_q, L_old, g = surrogate_and_gradient(policy, batch, theta_old)
    scores = policy.family.grad_log_prob(mu_old, batch.actions)                         # (N, d_mu)
    weights = importance_ratio(policy.family, mu_old, batch.actions, log_q)             # (N,)
    A = partial(empirical_fisher_product, policy, theta_old, cache, scores, weights)
    L_and_kl = partial(surrogate_and_kl, policy, batch, mu_old, log_q)
    return trust_region_step(theta_old, L_old, g, A, L_and_kl, options)
