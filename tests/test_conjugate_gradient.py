"""Conjugate gradient against SciPy."""
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse.linalg

from trpo_numpy.conjugate_gradient import CurvatureError, conjugate_gradient


def matrix(eigenvalues, seed=0):
    Q, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(eigenvalues), len(eigenvalues))))
    return Q @ np.diag(eigenvalues) @ Q.T


A = matrix(np.linspace(0.5, 20, 30))
b = np.random.default_rng(1).standard_normal(30)


def test_solution_is_scipys():
    x, _ = conjugate_gradient(A.__matmul__, b, 60)
    assert np.allclose(x, scipy.linalg.solve(A, b, assume_a="pos"), rtol=1e-8)


@pytest.mark.parametrize("iterations", [1, 2, 5, 10])
def test_iterates_are_scipys(iterations):
    x, _ = conjugate_gradient(A.__matmul__, b, iterations)
    expected, _ = scipy.sparse.linalg.cg(A, b, maxiter=iterations, rtol=0, atol=0)
    assert np.allclose(x, expected, rtol=1e-10)


def test_residuals_are_those_of_the_iterates():
    _, residuals = conjugate_gradient(A.__matmul__, b, 8)
    expected = [np.linalg.norm(b - A @ conjugate_gradient(A.__matmul__, b, k)[0]) for k in range(9)]
    assert np.allclose(residuals, expected, rtol=1e-10)


@pytest.mark.parametrize("distinct", [1, 2, 3, 5])
def test_exact_in_as_many_steps_as_distinct_eigenvalues(distinct):
    A = matrix(np.resize(np.arange(1.0, distinct + 1), 30))
    x, residuals = conjugate_gradient(A.__matmul__, b, 100)
    assert np.allclose(A @ x, b, rtol=1e-9, atol=1e-9)
    assert len(residuals) == distinct + 1 and residuals[-2] > 1e-3


def test_damping_is_added_to_the_diagonal():
    x, _ = conjugate_gradient(A.__matmul__, b, 60, damping=0.7)
    assert np.allclose(x, scipy.linalg.solve(A + 0.7 * np.eye(30), b, assume_a="pos"), rtol=1e-8)


def test_zero_right_hand_side_needs_no_product():
    x, residuals = conjugate_gradient(None, np.zeros(3), 10)
    assert not x.any() and residuals.tolist() == [0.0]


def test_curvature_that_is_not_positive_is_an_error():
    with pytest.raises(CurvatureError, match="p'Ap is -"):
        conjugate_gradient((-A).__matmul__, b, 10)
    with pytest.raises(CurvatureError, match="p'Ap is 0"):
        conjugate_gradient(np.zeros((30, 30)).__matmul__, b, 10)


def test_numbers_that_are_not_finite_are_an_error():
    with pytest.raises(FloatingPointError, match="p'Ap is nan"):
        conjugate_gradient(np.full((30, 30), np.nan).__matmul__, b, 10)
    with pytest.raises(FloatingPointError, match="b has"):
        conjugate_gradient(A.__matmul__, np.full(30, np.inf), 10)
