"""The step length beta and the line search (Appendix C, the text after Eq. (55))."""
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trpo_numpy.conjugate_gradient import check_curvature


@dataclass(frozen=True)
class Candidate:
    """theta_old + beta s, its L, its mean KL in nats, and the two tests that it must pass."""
    beta: float
    L: float
    kl: float
    improves: bool      # L > L_old
    within: bool        # KL <= delta


def step_length(sAs: float, delta: float) -> float:
    """beta: 1/2 (beta s)'A(beta s) = delta. CurvatureError unless s'As is above 0 and finite."""
    check_curvature("s'As of the search direction", sAs)
    return np.sqrt(2 * delta / sAs)


def line_search(L_and_kl: Callable, theta_old: np.ndarray, s: np.ndarray, beta: float, L_old: float,
                delta: float, shrink: float, max_backtracks: int) -> tuple[Candidate, list]:
    """Shrinks beta exponentially until L improves and the mean KL is at most delta.

    L_and_kl(theta) is (L, mean KL). Returns the candidate to take, and all that were tried. If none
    is accepted, the one to take has beta = 0.
    """
    candidates = []
    for j in range(max_backtracks + 1):
        beta_j = beta * shrink ** j
        L_new, kl_new = L_and_kl(theta_old + beta_j * s)
        improves = L_old < L_new < np.inf           # False for a NaN
        within = kl_new <= delta
        candidates.append(Candidate(beta_j, L_new, kl_new, improves, within))
        if improves and within:
            return candidates[-1], candidates
    return Candidate(0.0, L_old, 0.0, improves=False, within=True), candidates  # theta_old itself
