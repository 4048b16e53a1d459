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
    x, residuals = conjugate_gradient(A.__matmul__, b, iterations)
    expected, _ = scipy.sparse.linalg.cg(A, b, maxiter=iterations, rtol=0, atol=0)
    assert np.allclose(x, expected, rtol=1e-10) and len(residuals) == iterations + 1


@pytest.mark.parametrize("damping", [0.0, 0.7])
def test_residuals_are_those_of_the_iterates(damping):
    _, residuals = conjugate_gradient(A.__matmul__, b, 8, damping)
    iterates = [conjugate_gradient(A.__matmul__, b, k, damping)[0] for k in range(9)]
    assert np.allclose(residuals, [np.linalg.norm(b - A @ x - damping * x) for x in iterates], rtol=1e-10)


@pytest.mark.parametrize("distinct", [1, 2, 3, 5])
def test_exact_in_as_many_steps_as_distinct_eigenvalues(distinct):
    A = matrix(np.resize(np.arange(1.0, distinct + 1), 30))
    x, residuals = conjugate_gradient(A.__matmul__, b, 100)
    assert np.allclose(A @ x, b, rtol=1e-9, atol=1e-9)
    assert len(residuals) == distinct + 1 and residuals[-2] > 1e-3


def test_ends_at_the_first_residual_within_the_tolerance():
    _, residuals = conjugate_gradient(A.__matmul__, b, 100, tolerance=1e-3)
    assert residuals[-1] <= 1e-3 * np.linalg.norm(b) < residuals[-2] and 5 < len(residuals) < 60


def test_damping_is_added_to_the_diagonal():
    x, _ = conjugate_gradient(A.__matmul__, b, 60, damping=0.7)
    assert np.allclose(x, scipy.linalg.solve(A + 0.7 * np.eye(30), b, assume_a="pos"), rtol=1e-8)


def test_zero_right_hand_side_needs_no_product():
    x, residuals = conjugate_gradient(None, np.zeros(3), 10)
    assert not x.any() and residuals.tolist() == [0.0]


def test_b_is_left_as_it_was():
    before = b.tobytes()
    conjugate_gradient(A.__matmul__, b, 10)
    assert b.tobytes() == before


@pytest.mark.parametrize("product, b, got", [
    ((-A).__matmul__, b, "-"), (np.zeros_like, b, "0.0"), (lambda y: np.full(30, np.nan), b, "nan"),
    (lambda y: 1e300 * y, 1e10 * b, "inf"), (A.__matmul__, 1e200 * b, "")],
    ids=["negative", "zero", "NaN", "infinite", "b too large"])
def test_curvature_that_is_not_a_positive_number_is_an_error(product, b, got):
    with pytest.raises(CurvatureError, match=f"p'Ap of conjugate gradient: got {got}"), np.errstate(all="ignore"):
        conjugate_gradient(product, b, 10)


def test_whole_numbers_are_taken():
    x, _ = conjugate_gradient(lambda y: np.array([[2, 1], [1, 2]]) @ y, np.array([3, 0]), 2)
    assert np.allclose(x, [2, -1])
