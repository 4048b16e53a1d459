"""beta and its shrinking."""
import numpy as np
import pytest

from trpo_numpy.conjugate_gradient import CurvatureError
from trpo_numpy.line_search import line_search, step_length

theta_old, s = np.array([1.0, 2.0]), np.array([1.0, 0.0])


def search(L_and_kl, max_backtracks=10):
    return line_search(L_and_kl, theta_old, s, 1.0, 0.0, 0.01, 0.5, max_backtracks)


def test_step_length_makes_the_model_of_the_kl_delta():
    A = np.diag([4.0, 9.0])
    sAs = np.array([1.0, 2.0]) @ A @ [1.0, 2.0]
    beta = step_length(sAs, 0.01)
    assert 0.5 * beta ** 2 * sAs == pytest.approx(0.01)


@pytest.mark.parametrize("sAs, error", [(0.0, CurvatureError), (-1e-9, CurvatureError), (np.nan, FloatingPointError),
                                        (np.inf, FloatingPointError)])
def test_step_length_refuses(sAs, error):
    with pytest.raises(error, match=f"s'As is {sAs}"):
        step_length(sAs, 0.01)


def test_shrinks_until_the_kl_is_within_delta():
    theta, candidates = search(lambda t: (1.0, 0.035 * (t[0] - 1)))
    assert [c.beta for c in candidates] == [1.0, 0.5, 0.25]
    assert [c.refused for c in candidates] == ["KL 0.035 > delta 0.01", "KL 0.0175 > delta 0.01", ""]
    assert (theta == theta_old + 0.25 * s).all()


def test_shrinks_until_L_improves():
    theta, candidates = search(lambda t: (0.3 - (t[0] - 1), 0.0))
    assert candidates[0].refused == "L did not improve: -0.7 <= 0"
    assert [bool(c.refused) for c in candidates] == [True, True, False]


def test_says_both_reasons():
    _, candidates = search(lambda t: (-1.0, 1.0))
    assert candidates[0].refused == "L did not improve: -1 <= 0; KL 1 > delta 0.01"


def test_no_candidate_passes_theta_old_is_returned():
    before = theta_old.tobytes()
    theta, candidates = search(lambda t: (0.0, 0.0), max_backtracks=4)  # as good is not better
    assert theta is theta_old and theta.tobytes() == before
    assert len(candidates) == 5 and all(c.refused for c in candidates)


def test_a_number_that_is_not_finite_passes_no_test():
    for L, kl in [(np.nan, 0.0), (1.0, np.nan), (1.0, np.inf), (-np.inf, 0.0), (np.inf, 0.0)]:
        _, candidates = search(lambda t: (L, kl), max_backtracks=0)
        assert candidates[0].refused
