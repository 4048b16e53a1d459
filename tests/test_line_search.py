"""beta and its shrinking."""
import numpy as np
import pytest

from trpo_numpy.conjugate_gradient import CurvatureError
from trpo_numpy.line_search import Candidate, line_search, step_length

theta_old, s = np.array([1.0, 2.0]), np.array([1.0, 0.0])


def search(L_and_kl, max_backtracks=10, L_old=0.0):
    return line_search(L_and_kl, theta_old, s, 1.0, L_old, 0.01, 0.5, max_backtracks)


def test_step_length_makes_the_model_of_the_kl_delta():
    A = np.diag([4.0, 9.0])
    sAs = np.array([1.0, 2.0]) @ A @ [1.0, 2.0]
    beta = step_length(sAs, 0.01)
    assert 0.5 * beta ** 2 * sAs == pytest.approx(0.01)


@pytest.mark.parametrize("sAs", [0.0, -1e-9, np.nan, np.inf])
def test_step_length_refuses(sAs):
    with pytest.raises(CurvatureError, match=f"s'As of the search direction: got {sAs}, wanted a finite"):
        step_length(sAs, 0.01)


def test_shrinks_until_the_kl_is_within_delta():
    taken, candidates = search(lambda t: (1.0, 0.035 * (t[0] - 1)))
    assert [c.beta for c in candidates] == [1.0, 0.5, 0.25]
    assert [(c.improves, c.within) for c in candidates] == [(True, False), (True, False), (True, True)]
    assert taken is candidates[-1] and taken == Candidate(0.25, 1.0, 0.035 / 4, improves=True, within=True)


def test_a_kl_of_exactly_delta_is_accepted():
    taken, _ = search(lambda t: (1.0, 0.01))
    assert taken.beta == 1.0 and taken.improves and taken.within
    taken, _ = search(lambda t: (1.0, np.nextafter(0.01, 1)))
    assert taken.beta == 0.0


def test_shrinks_until_L_improves():
    taken, candidates = search(lambda t: (0.8 - (t[0] - 1), 0.0), L_old=0.5)
    assert [c.improves for c in candidates] == [False, False, True] and taken.L == pytest.approx(0.55)
    assert all(c.within for c in candidates) and candidates[0].L == pytest.approx(-0.2)


def test_says_that_both_tests_failed():
    taken, candidates = search(lambda t: (-1.0, 1.0))
    assert not any(c.improves or c.within for c in candidates) and not taken.improves


def test_the_candidates_are_theta_old_plus_beta_s():
    seen, before = [], theta_old.tobytes()
    search(lambda t: (seen.append(t), (0.0, 0.0))[1], max_backtracks=2)
    assert np.array_equal(seen, [theta_old + beta * s for beta in (1.0, 0.5, 0.25)]) and theta_old.tobytes() == before


def test_if_no_candidate_passes_the_step_has_length_zero():
    for L in (0.2, 0.3):  # as good is not better
        taken, candidates = search(lambda t: (L, 0.004), max_backtracks=4, L_old=0.3)
        assert taken == Candidate(0.0, 0.3, 0.0, improves=False, within=True)
        assert len(candidates) == 5 and not any(c.improves for c in candidates)


@pytest.mark.parametrize("L, kl", [(np.nan, 0.0), (1.0, np.nan), (1.0, np.inf), (-np.inf, 0.0), (np.inf, 0.0)])
def test_a_number_that_is_not_finite_passes_no_test(L, kl):
    taken, candidates = search(lambda t: (L, kl), max_backtracks=0)
    assert not (candidates[0].improves and candidates[0].within) and taken.beta == 0.0
