"""Siblings of trpo_update: prior methods (Section 7, Eqs. (17), (18)) and the ablations of Section 8.1.

Each is called as trpo_update is, and returns the same record: `train(config, update=empirical_fim_update)`. Those with
a step of their own get it bound: `train(config, update=partial(natural_gradient_update, step=0.1))`. A has all states
of the batch here: config.fisher_fraction is for TRPO only.
Shapes: N states, K actions in each (single path: 1), d_mu distribution parameters, P parameters.
"""
from functools import partial

import numpy as np

from trpo_numpy.conjugate_gradient import conjugate_gradient
from trpo_numpy.fisher import fisher_vector_product
from trpo_numpy.line_search import Candidate
from trpo_numpy.surrogate import for_each_action, surrogate_and_gradient, surrogate_and_kl
from trpo_numpy.trpo import Update, trust_region_step
from trpo_numpy.vine import all_actions_surrogate


def natural_gradient_update(policy, theta_old, batch, config, rng, step):
    """Natural gradient: theta_old + step A^-1 g, the maximiser of Eq. (17) with a penalty; step is 1/lambda.

    TRPO's direction, if A has the same states; but the step is the same in each iteration, and nothing checks what it
    does: FloatingPointError only where theta is no longer finite, or L or KL no number.
    """
    return fixed_step(policy, theta_old, batch, step, config.damping, config.cg_iterations)


def policy_gradient_update(policy, theta_old, batch, config, rng, step):
    """Policy gradient: theta_old + step g, the maximiser of Eq. (18) with a penalty on the l2 norm instead."""
    return fixed_step(policy, theta_old, batch, step, damping=0.0, cg_iterations=0)


def fixed_step(policy, theta_old, batch, step, damping, cg_iterations):
    """theta_old + step s, whatever comes of it: there is one candidate, it is accepted, and no delta bounds its KL."""
    mu_old, cache, log_q, L_old, g = surrogate_and_gradient(policy, batch, theta_old)
    A = partial(fisher_vector_product, policy, theta_old, cache, mu_old)
    s, residuals = g, np.zeros(1)  # g is not the solution of anything
    if cg_iterations:
        s, residuals = conjugate_gradient(A, g, cg_iterations, damping)
    theta_new = theta_old + step * s
    if not np.isfinite(theta_new).all():
        raise FloatingPointError(f"step: got {step}, after which theta is not finite, wanted a smaller one")
    sAs = s @ A(s)
    L_new, kl_new = surrogate_and_kl(policy, batch, mu_old, log_q, theta_new)
    if np.isnan(L_new) or np.isnan(kl_new):
        raise FloatingPointError(f"step: got {step}, after which L is {L_new} and KL {kl_new}, wanted a smaller one")
    return Update(theta_new, "accepted", g, s, sAs, residuals, candidates=[Candidate(step, L_new, kl_new, "")],
                  L_old=L_old, L_new=L_new, L_predicted=L_old + step * (g @ s), delta=np.inf, kl_new=kl_new,
                  kl_predicted=step * step * sAs / 2, entropy=policy.family.entropy(mu_old).mean())


def empirical_fisher_product(policy, theta_old, cache, scores, weights, y):
    """Ay (P,), with A the empirical FIM of Section 6: the covariance of the gradients of log pi(a_n|s_n).

    That is J'MJ again, with sum_k w_nk scores_nk scores_nk' for M_n: scores (N, K, d_mu) are the gradients with respect
    to mu, weights w (N, K) add up to one in each state. Neither A nor the gradients with respect to theta are stored.
    """
    Jy = policy.forward_mode(theta_old, cache, y)                                       # (N, d_mu)
    along = np.einsum("nkm,nm->nk", scores, Jy)                                         # gradient of log pi, times y
    MJy = np.einsum("nk,nkm->nm", weights * along, scores) / len(scores)                # (N, d_mu)
    return policy.backprop(theta_old, cache, MJy)


def empirical_fim_update(policy, theta_old, batch, config, rng):
    """Empirical FIM (Section 8.1): trpo_update with the covariance of the gradients for the Hessian of the KL."""
    family = policy.family
    mu_old, cache, log_q, L_old, g = surrogate_and_gradient(policy, batch, theta_old)
    scores = family.grad_log_prob(for_each_action(mu_old, batch.actions), batch.actions)
    scores = scores.reshape(len(mu_old), -1, mu_old.shape[1])                            # (N, K, d_mu)
    weights = np.full(scores.shape[:2], 1 / scores.shape[1])
    if batch.L is all_actions_surrogate:  # the actions were not drawn from pi: each counts with its probability
        weights = np.exp(log_q).reshape(weights.shape)
    A = partial(empirical_fisher_product, policy, theta_old, cache, scores, weights)
    L_and_kl = partial(surrogate_and_kl, policy, batch, mu_old, log_q)
    return trust_region_step(theta_old, L_old, g, A, L_and_kl, family.entropy(mu_old).mean(), config)


def weighted_fisher_product(policy, theta_old, cache, mu_old, weights, y):
    """sum_n w_n J_n'M_nJ_n y (P,), for weights w (N,): `fisher_vector_product` has 1/N for each."""
    MJy = policy.family.M_product(mu_old, policy.forward_mode(theta_old, cache, y))
    return policy.backprop(theta_old, cache, weights[:, None] * MJy)


def max_kl_update(policy, theta_old, batch, config, rng, n_rounds=30):
    """Max KL: Eq. (11), every state of the batch a constraint. Tractable for small problems only (Section 8.1).

    To second order each state n has a constraint, s'A_ns <= 2 delta. At the best s, g = sum_n w_n A_ns with weights
    w_n >= 0, which are above 0 only for states at the bound: Eq. (12)'s system, with weights. Each round multiplies w_n
    by the root of s'A_ns (the multiplicative algorithm of optimal design; the root makes each round an improvement;
    after 30 it was within 1% or so of the best in the tests). What is left the line search sees to: its KLs, and
    kl_new, are maxima over the batch's states.
    """
    family = policy.family
    mu_old, cache, log_q, L_old, g = surrogate_and_gradient(policy, batch, theta_old)
    weights = np.full(len(mu_old), 1 / len(mu_old))
    for _ in range(n_rounds if g.any() else 0):
        A = partial(weighted_fisher_product, policy, theta_old, cache, mu_old, weights)
        s, _ = conjugate_gradient(A, g, config.cg_iterations, config.damping)
        Js = policy.forward_mode(theta_old, cache, s)
        sAs = (Js * family.M_product(mu_old, Js)).sum(axis=1)                      # (N,) s'A_ns
        weights = weights * np.sqrt(np.maximum(sAs, 0))  # rounding may go below 0
        weights /= weights.sum()
    A = partial(weighted_fisher_product, policy, theta_old, cache, mu_old, weights)
    L_and_kl = partial(surrogate_and_kl, policy, batch, mu_old, log_q, over_states=np.max)
    return trust_region_step(theta_old, L_old, g, A, L_and_kl, family.entropy(mu_old).mean(), config)
