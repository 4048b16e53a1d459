"""One update (Section 6); `trust_region_step` follows Appendix C line by line. P parameters."""
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trpo_numpy.conjugate_gradient import conjugate_gradient
from trpo_numpy.fisher import fisher_vector_product, mean_kl
from trpo_numpy.line_search import Candidate, line_search, step_length
from trpo_numpy.policy import Policy
from trpo_numpy.surrogate import Batch, surrogate_and_gradient


@dataclass(frozen=True)
class UpdateOptions:
    """Defaults for large batches, as the paper's. Small ones need damping, or fisher_fraction 1."""
    delta: float = 0.01             # bound on the mean KL, nats (Eq. (12), Table 2)
    cg_iterations: int = 10         # k (Appendix C.1)
    fisher_fraction: float = 0.1    # the part of the batch that A is computed from (Appendix C.1)
    shrink: float = 0.8             # beta's factor between two candidates; the paper gives none
    max_backtracks: int = 15        # candidates after the first; the paper gives no number
    damping: float = 0.0            # not in the paper: added to A in CG, not in s'As; training: 0.3


@dataclass(frozen=True)
class Update:
    """What one update computed, in the notation of Appendix C."""
    theta_new: np.ndarray           # (P,)
    status: str                     # "accepted", or why theta_new is theta_old
    g: np.ndarray                   # (P,) the gradient of L at theta_old
    s: np.ndarray                   # (P,) the direction: (A + damping I) s = g, approximately
    sAs: float                      # s'As, without damping
    residuals: np.ndarray           # ||g - (A + damping I) s|| before each iteration, after last
    candidates: list[Candidate]     # of the line search
    L_old: float                    # L at theta_old
    L_new: float                    # L at theta_new
    L_predicted: float              # L_old + g'(theta_new - theta_old)
    delta: float                    # the bound on kl_new, nats; inf if there is none
    kl_new: float                   # mean KL(theta_old || theta_new), nats
    kl_predicted: float             # 1/2 (theta_new - theta_old)'A(theta_new - theta_old)


def surrogate_and_kl(policy, batch, mu_old, log_q, theta):
    """(L, mean KL) at theta, from one pass through the network."""
    mu = policy.mu(theta, batch.states)                                     # (N, d_mu)
    L = batch.L(policy.family, mu, batch.actions, batch.Q, log_q)
    return L, mean_kl(policy.family, mu_old, mu)


def trpo_update(policy: Policy, theta_old: np.ndarray, batch: Batch, options: UpdateOptions,
                rng: np.random.Generator) -> Update:
    """Eq. (14), estimated on the batch, and its approximate solution: steps 2 and 3 of Section 6.

    rng draws the states of A. Raises InputError if theta_old or the batch does not fit the policy,
    CurvatureError for a y'(A + damping I)y <= 0 or s'As < 0. If s'As is 0, theta stays.
    """
    policy.check(theta_old, batch.states, batch.actions)
    mu_old, cache, log_q, L_old, g = surrogate_and_gradient(policy, batch, theta_old)

    mu_A, cache_A = mu_old, cache
    if options.fisher_fraction < 1:     # a tenth of the states: A costs a tenth (Appendix C.1)
        n_rows = max(1, round(options.fisher_fraction * len(batch.states)))
        rows = rng.choice(len(batch.states), n_rows, replace=False)
        mu_A, cache_A = policy.forward(theta_old, batch.states[rows])

    def A(y):
        """Ay (P,) for y (P,)."""
        return fisher_vector_product(policy, theta_old, cache_A, mu_A, y)

    def L_and_kl(theta):
        """(L, mean KL) at theta (P,)."""
        return surrogate_and_kl(policy, batch, mu_old, log_q, theta)

    return trust_region_step(theta_old, L_old, g, A, L_and_kl, options)


def trust_region_step(theta_old: np.ndarray, L_old: float, g: np.ndarray, A: Callable,
                      L_and_kl: Callable, options: UpdateOptions) -> Update:
    """Eq. (55) approximately: L maximized, KL <= delta, by conjugate gradient and a line search."""
    s, residuals = conjugate_gradient(A, g, options.cg_iterations, options.damping)  # damped As = g
    sAs = s @ A(s)
    if sAs != 0:
        beta = step_length(sAs, options.delta)                          # sqrt(2 delta / s'As)
        taken, candidates = line_search(L_and_kl, theta_old, s, beta, L_old, options.delta,
                                        options.shrink, options.max_backtracks)
        status = "accepted" if taken.improves else "no candidate accepted"
    else:                                                               # no beta: theta stays
        taken, candidates = Candidate(0.0, L_old, 0.0, improves=False, within=True), []
        status = "zero curvature" if g.any() else "zero gradient"
    theta_new, L_new, kl_new = theta_old + taken.beta * s, taken.L, taken.kl
    return Update(theta_new, status, g, s, sAs, residuals, candidates, delta=options.delta,
                  L_old=L_old, L_new=L_new, L_predicted=L_old + taken.beta * (g @ s),
                  kl_new=kl_new, kl_predicted=taken.beta ** 2 * sAs / 2)
