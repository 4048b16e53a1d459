"""The step length beta and the line search (Appendix C, the text after Eq. (55))."""
from dataclasses import dataclass

import numpy as np

from trpo_numpy.conjugate_gradient import CurvatureError
from trpo_numpy.record import brief_repr


@dataclass(frozen=True)
class Candidate:
    """theta_old + beta s as the line search saw it; refused: which test failed, empty if it was accepted."""
    beta: float
    L: float
    kl: float
    refused: str
    __repr__ = brief_repr


def step_length(sAs, delta):
    """beta = sqrt(2 delta / s'As): where 1/2 (beta s)'A(beta s), the quadratic model of the KL, is delta (Appendix C).

    Raises FloatingPointError if s'As is not finite, CurvatureError if it is not above zero.
    """
    if not np.isfinite(sAs):
        raise FloatingPointError(f"step length: s'As is {sAs}, wanted a finite number")
    if sAs <= 0:
        raise CurvatureError(f"step length: s'As is {sAs}, wanted a number above 0")
    return np.sqrt(2 * delta / sAs)


def line_search(L_and_kl, theta_old, s, beta, L_old, delta, shrink, max_backtracks):
    """Shrinks beta exponentially until L improves and the mean KL is at most delta (Appendix C).

    L_and_kl(theta) gives (L, mean KL). Returns theta_new (P,) and all candidates, the accepted one last; if none
    was accepted, theta_old itself.
    """
    candidates = []
    for j in range(max_backtracks + 1):
        beta_j = beta * shrink ** j
        theta_new = theta_old + beta_j * s
        L_new, kl_new = L_and_kl(theta_new)
        reasons = []
        if not L_old < L_new < np.inf:  # a NaN passes neither test
            reasons.append(f"L did not improve: {L_new:.6g} <= {L_old:.6g}" if np.isfinite(L_new) else f"L is {L_new}")
        if not kl_new <= delta:
            reasons.append(f"KL {kl_new:.6g} > delta {delta:.6g}")
        candidates.append(Candidate(beta_j, L_new, kl_new, refused="; ".join(reasons)))
        if not reasons:
            return theta_new, candidates
    return theta_old, candidates
