"""The conjugate gradient algorithm, which needs A only as a function y -> Ay (Appendix C)."""
from collections.abc import Callable

import numpy as np


class CurvatureError(ArithmeticError):
    """y'Ay is not above 0 for some y: A is no Fisher matrix, or is singular and needs damping."""


def check_curvature(name, yAy):
    """Raises CurvatureError unless yAy is above 0 and finite."""
    if not 0 < yAy < np.inf:
        wanted = "wanted a finite number above 0: try more damping or smaller rewards"
        raise CurvatureError(f"{name}: got {yAy}, {wanted}")


def conjugate_gradient(A: Callable, b: np.ndarray, iterations: int, damping: float = 0.0,
                       tolerance: float = 1e-10) -> tuple[np.ndarray, np.ndarray]:
    """x (P,) with (A + damping I) x = b, A symmetric, positive definite; and the residuals' norms.

    The norms: one before each iteration, one after the last. It stops below tolerance * ||b||.
    Not in the paper: damping (Martens, 2010). It shortens x in directions that hardly change mu.
    """
    x = np.zeros(len(b))
    r = b.astype(float)             # the residual b - (A + damping I) x, as x is 0
    p = r.copy()                    # the direction of the next step, conjugate to all before it
    rr = r @ r
    residuals = [np.sqrt(rr)]
    for _ in range(iterations):
        if rr == 0 or residuals[-1] < tolerance * residuals[0]:     # rr is 0 if b is
            break
        Ap = A(p) + damping * p
        pAp = p @ Ap
        check_curvature("p'Ap of conjugate gradient", pAp)
        alpha = rr / pAp            # the length of the step; not the alpha of Theorem 1
        x += alpha * p
        r -= alpha * Ap
        rr_new = r @ r
        kappa = rr_new / rr         # makes p'Ap_old = 0
        p = r + kappa * p
        rr = rr_new
        residuals.append(np.sqrt(rr))
    return x, np.array(residuals)
