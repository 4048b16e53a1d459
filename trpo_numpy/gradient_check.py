"""Not in the paper: each derivative of this package against central finite differences.

Which functions are derivatives is told by their names: `grad_...`, `..._product`, `forward_mode` and `backprop`.
"""
import numpy as np


def central_difference(f, x, direction, h=1e-5):
    """(f(x + h d) - f(x - h d)) / 2h for x, d (P,): the derivative of f along d but for order h^2 + 1e-16 / h."""
    return (f(x + h * direction) - f(x - h * direction)) / (2 * h)


def random_directions(rng, n, P):
    """n random unit vectors, (n, P). The identity matrix instead checks coordinate by coordinate."""
    directions = rng.standard_normal((n, P))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def check_gradient(f, gradient, x, directions, tolerance=1e-7, h=1e-5):
    """The largest relative error of gradient (P,) against central differences of the scalar f at x.

    Looks along directions (n, P). Relative to the larger of the two numbers, or to ||gradient|| / sqrt(P), the usual size of gradient'd, where both
    happen to be small. Raises AssertionError with a table, analytic beside numeric, if it is above tolerance.
    """
    analytic = directions @ gradient
    numeric = np.array([central_difference(f, x, d, h) for d in directions])
    usual = np.linalg.norm(gradient) / np.sqrt(len(gradient))
    return compare(analytic, numeric, usual, tolerance)


def check_product(f, product, x, directions, tolerance=1e-7, h=1e-5):
    """As check_gradient, for v -> J v with the Jacobian J of the array-valued f at x (a Hessian if f is a gradient)."""
    analytic = np.array([product(d) for d in directions]).ravel()
    numeric = np.array([central_difference(f, x, d, h) for d in directions]).ravel()
    return compare(analytic, numeric, np.sqrt(np.mean(analytic ** 2)), tolerance)


def compare(analytic, numeric, usual, tolerance):
    """The largest relative error between analytic (n,) and numeric (n,); AssertionError with both above tolerance."""
    size = np.maximum(np.maximum(abs(analytic), abs(numeric)), usual)
    error = abs(analytic - numeric) / np.where(size > 0, size, 1.0)
    if not error.max() <= tolerance:
        rows = [f"{a:+.12e}  {n:+.12e}  {e:.1e}" for a, n, e in zip(analytic, numeric, error) if not e <= tolerance]
        raise AssertionError(f"{len(rows)} of {len(error)} above {tolerance}: analytic, numeric, relative error\n"
                             + "\n".join(rows[:20]))
    return error.max()
