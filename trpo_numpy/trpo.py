"""One update (Section 6), of P parameters: its second half is a transcript of Appendix C."""
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from trpo_numpy.conjugate_gradient import conjugate_gradient
from trpo_numpy.fisher import fisher_vector_product
from trpo_numpy.line_search import line_search, step_length
from trpo_numpy.record import brief_repr
from trpo_numpy.surrogate import surrogate_and_gradient, surrogate_and_kl


@dataclass(frozen=True)
class Update:
    """What one update saw and did, in the letters of Appendix C."""
    theta_new: np.ndarray   # (P,) theta_old itself if the line search accepted none, or L or the KL is flat
    status: str             # "accepted", "no candidate accepted", "zero gradient" or "zero curvature"
    g: np.ndarray           # (P,) gradient of L at theta_old
    s: np.ndarray           # (P,) search direction, (A + damping) s = g up to CG's last residual
    sAs: float              # s'As, A undamped
    residuals: np.ndarray   # ||g - A s|| before each CG iteration and after the last, A damped
    candidates: list        # of line_search.Candidate: beta, L, KL, and why it was refused
    L_old: float            # L at theta_old
    L_new: float            # L at theta_new
    L_predicted: float      # L_old + g'(theta_new - theta_old)
    delta: float            # the bound on kl_new, nats; inf: none
    kl_new: float           # mean KL(theta_old || theta_new), nats
    kl_predicted: float     # 1/2 (theta_new - theta_old)'A(theta_new - theta_old)
    entropy: float          # mean entropy of pi_theta_old, nats
    __repr__ = brief_repr


def trpo_update(policy, theta_old, batch, config, rng):
    """Steps 2 and 3 of the practical algorithm: Eq. (14) estimated on the batch, and solved. Returns an Update.

    config.delta is taken as it is: `train` multiplies it by d_a first. rng (numpy.random.Generator) draws the states of
    A if config.fisher_fraction < 1. Raises FloatingPointError or CurvatureError where numbers cannot be trusted.
    """
    mu_old, cache, log_q, L_old, g = surrogate_and_gradient(policy, batch, theta_old)
    entropy = policy.family.entropy(mu_old).mean()

    mu_A, cache_A = mu_old, cache
    if config.fisher_fraction < 1:  # Appendix C.1: A is only a metric, some of the states will do
        n_rows = max(1, round(config.fisher_fraction * len(batch.states)))
        rows = rng.choice(len(batch.states), n_rows, replace=False)
        mu_A, cache_A = policy.forward(theta_old, batch.states[rows])
    A = partial(fisher_vector_product, policy, theta_old, cache_A, mu_A)            # y -> Ay
    L_and_kl = partial(surrogate_and_kl, policy, batch, mu_old, log_q)              # theta -> (L, mean KL)
    return trust_region_step(theta_old, L_old, g, A, L_and_kl, entropy, config)


def trust_region_step(theta_old, L_old, g, A, L_and_kl, entropy, config):
    """Eq. (55), approximately: L maximised subject to KL <= delta. A s = g by CG, then a line search (Appendix C)."""
    flat = Update(theta_old, "zero gradient", g, s=0 * g, sAs=0.0, residuals=np.zeros(1), candidates=[], L_old=L_old,
                  L_new=L_old, L_predicted=L_old, delta=config.delta, kl_new=0.0, kl_predicted=0.0, entropy=entropy)
    if not g.any():
        return flat

    s, residuals = conjugate_gradient(A, g, config.cg_iterations, config.damping)   # A s = g, but for the damping
    sAs = s @ A(s)
    if sAs == 0:  # in A's states the policy is certain: they cannot measure the step
        return replace(flat, status="zero curvature", s=s, residuals=residuals)
    beta = step_length(sAs, config.delta)                                           # sqrt(2 delta / s'As)

    theta_new, candidates = line_search(L_and_kl, theta_old, s, beta, L_old, config.delta,
                                        config.shrink, config.max_backtracks)
    last = candidates[-1]
    status, accepted_beta, L_new, kl_new = "accepted", last.beta, last.L, last.kl
    if last.refused:
        status, accepted_beta, L_new, kl_new = "no candidate accepted", 0.0, L_old, 0.0
    update = Update(theta_new, status, g, s, sAs, residuals, candidates, L_old, L_new,
                    L_predicted=L_old + accepted_beta * (g @ s), delta=config.delta, kl_new=kl_new,
                    kl_predicted=accepted_beta ** 2 * sAs / 2, entropy=entropy)
    return update  # a line of its own, for a breakpoint
