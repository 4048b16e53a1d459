"""A finite MDP says what is wrong with it, and so does a policy."""
from dataclasses import replace

from mdps import random_mdp, random_policy

import numpy as np
import pytest

from trpo_numpy.checks import InputError
from trpo_numpy.expected_return import expected_return
from trpo_numpy.finite_mdp import FiniteMDP, check_distributions, transition_matrix


def test_the_transition_matrix_is_the_mean_over_the_actions():
    mdp, pi = random_mdp(np.random.default_rng(0), 4, 3, 0.9), random_policy(np.random.default_rng(1), 4, 3)
    by_hand = [[sum(pi[s, a] * mdp.P[s, a, s_next] for a in range(3)) for s_next in range(4)] for s in range(4)]
    assert np.allclose(transition_matrix(mdp, pi), by_hand, rtol=1e-14)


def broken(**changes):
    mdp = random_mdp(np.random.default_rng(0), 3, 2, 0.9)
    return {"P": mdp.P.copy(), "r": mdp.r.copy(), "rho_0": mdp.rho_0.copy(), "gamma": 0.9, **changes}


@pytest.mark.parametrize("name, where, number, message", [
    ("P", (2, 1, 0), 1.5, "P, state 2, action 1: got .* with sum .*, wanted probabilities that sum to 1"),
    ("P", (1, 1, 1), np.nan, r"P: got nan at \(1, 1, 1\), wanted finite numbers"),
    ("r", (0, 1), np.inf, r"r: got inf at \(0, 1\), wanted finite numbers"),
    ("rho_0", (2,), 2.0, "rho_0: got .* with sum .*, wanted probabilities that sum to 1"),
])
def test_a_wrong_number_of_an_mdp_is_refused_with_its_place(name, where, number, message):
    wrong = broken()
    wrong[name][where] = number
    with pytest.raises(InputError, match=f"^{message}"):
        FiniteMDP(**wrong)


def test_negative_probabilities_are_refused_though_they_sum_to_1():
    wrong = broken()
    wrong["P"][1, 0] = [1.5, -0.5, 0]
    with pytest.raises(InputError, match="^P, state 1, action 0: got"):
        FiniteMDP(**wrong)


@pytest.mark.parametrize("changes, message", [
    ({"gamma": 1.0}, "gamma: got 1.0, wanted a number above 0 and below 1"), ({"gamma": 0.0}, "gamma: got 0.0"),
    ({"gamma": 2}, "gamma: got 2"), ({"gamma": "0.9"}, "gamma: got '0.9'"),
    ({"r": np.zeros(3)}, r"r: got shape \(3,\), wanted \(S, A\)"),
    ({"r": np.zeros((3, 3))}, r"P: got shape \(3, 2, 3\), wanted \(3, 3, 3\)"),
    ({"P": np.zeros((3, 2))}, r"P: got shape \(3, 2\), wanted \(3, 2, 3\)"),
    ({"rho_0": np.ones(4) / 4}, r"rho_0: got shape \(4,\), wanted \(3,\)"),
])
def test_wrong_shapes_and_discounts_are_refused(changes, message):
    with pytest.raises(InputError, match=f"^{message}"):
        FiniteMDP(**broken(**changes))


def test_probabilities_may_miss_1_by_rounding_only():
    check_distributions("pi", np.array([[0.5, 0.5 + 1e-10], [0.5, 0.5 - 1e-10]]))
    for error in (1e-8, -1e-8):
        with pytest.raises(InputError, match="^pi, state 1: got .*, wanted probabilities that sum to 1"):
            check_distributions("pi", np.array([[0.5, 0.5], [0.5, 0.5 + error]]))


def test_a_wrong_policy_is_refused_with_its_state():
    mdp = random_mdp(np.random.default_rng(0), 3, 2, 0.9)
    with pytest.raises(InputError, match="^pi, state 2: got .* with sum 1.4"):
        expected_return(mdp, np.array([[0.5, 0.5], [1.0, 0.0], [0.7, 0.7]]))
    with pytest.raises(InputError, match=r"^pi: got shape \(2, 3\), wanted \(3, 2\)"):
        transition_matrix(mdp, np.ones((2, 3)) / 3)


def test_gamma_may_be_of_any_real_type():
    mdp = random_mdp(np.random.default_rng(0), 3, 2, 0.5)
    assert replace(mdp, gamma=np.float32(0.5)).gamma == 0.5
