"""Derivatives against central finite differences. test_gradient_check.py finds every derivative of the package."""
import numpy as np


def central_difference(f, x, direction, h):
    """(f(x + h d) - f(x - h d)) / 2h for x, d (P,): the derivative of f along d, error h^2 + 1e-16 / h."""
    return (f(x + h * direction) - f(x - h * direction)) / (2 * h)


def extrapolated_difference(f, x, direction, h=1e-3):
    """Central differences of steps h and h/2, combined so that their errors of order h^2 cancel (Richardson, 1911)."""
    return (4 * central_difference(f, x, direction, h / 2) - central_difference(f, x, direction, h)) / 3


def random_directions(rng, n, P):
    """n random unit vectors, (n, P). The identity matrix instead checks coordinate by coordinate."""
    directions = rng.standard_normal((n, P))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def check_gradient(f, gradient, x, directions, tolerance=1e-7):
    """The largest relative error of gradient (P,) against differences of the scalar f at x, along directions (n, P).

    Relative to the larger of the two numbers, or to 0.001 where both are smaller. Raises AssertionError with a
    table, analytic beside numeric, if it is above tolerance.
    """
    return check_product(f, gradient.__matmul__, x, directions, tolerance)


def check_product(f, product, x, directions, tolerance=1e-7):
    """As check_gradient, for v -> J v with the Jacobian J of the array-valued f at x (a Hessian if f is a gradient)."""
    analytic = np.array([product(d) for d in directions]).ravel()
    numeric = np.array([extrapolated_difference(f, x, d) for d in directions]).ravel()
    error = abs(analytic - numeric) / np.maximum(np.maximum(abs(analytic), abs(numeric)), 1e-3)
    if not error.max() <= tolerance:
        rows = [f"{a:+.12e}  {n:+.12e}  {e:.1e}" for a, n, e in zip(analytic, numeric, error) if not e <= tolerance]
        raise AssertionError(f"{len(rows)} of {len(error)} above {tolerance}: analytic, numeric, relative error\n"
                             + "\n".join(rows[:20]))
    return error.max()
