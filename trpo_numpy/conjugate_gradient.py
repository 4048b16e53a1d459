"""The conjugate gradient algorithm on a matrix-vector product (Appendix C)."""
import numpy as np


class CurvatureError(ArithmeticError):
    """p'Ap or s'As is not above zero, as a Fisher matrix of full rank makes it: too few states, or a wrong product."""


def conjugate_gradient(A, b, iterations, damping=0.0, tolerance=1e-10):
    """Solves (A + damping) x = b for a symmetric positive definite A, given as a function y -> Ay (Appendix C).

    Starts at x = 0, so `iterations` (the paper: 10) products are the whole cost; ends early when the residual has
    shrunk to `tolerance` times ||b||. Not in the paper: damping (Martens, 2010), as a Fisher matrix is nearly singular
    where the batch hardly moves mu. Returns x (P,) and the norms of the residual, b - (A + damping) x, before each step
    and after the last. Raises CurvatureError if p'Ap <= 0, FloatingPointError if a number is not finite.
    """
    x = np.zeros(len(b))
    r = b.copy()  # residual b - A x, as x is 0
    p = r.copy()  # direction, conjugate to all before it
    rr = r @ r
    residuals = [np.sqrt(rr)]
    if not np.isfinite(rr):
        raise FloatingPointError(f"conjugate gradient: b has squared norm {rr}, wanted a finite number")
    for _ in range(iterations):
        if residuals[-1] <= tolerance * residuals[0]:
            break
        Ap = A(p) + damping * p
        pAp = p @ Ap
        if not np.isfinite(pAp):
            raise FloatingPointError(f"conjugate gradient: p'Ap is {pAp}, wanted a finite number")
        if pAp <= 0:
            raise CurvatureError(f"conjugate gradient: p'Ap is {pAp}, wanted a number above 0: A may be singular, for "
                                 "want of damping or of states")
        alpha = rr / pAp  # a CG step; not the alpha of Theorem 1
        x += alpha * p
        r -= alpha * Ap
        rr_new = r @ r
        p = r + (rr_new / rr) * p
        rr = rr_new
        residuals.append(np.sqrt(rr))
    return x, np.array(residuals)
