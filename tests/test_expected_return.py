"""Section 2 exactly: the identities on random MDPs and on Gymnasium's own, and by sampled paths."""
from mdps import gymnasium_mdp, random_mdp, random_policy
from problems import GYMNASIUM, sample_states_and_actions

import numpy as np
import pytest

from trpo_numpy.expected_return import (
    action_value,
    advantage,
    expected_return,
    expected_return_from,
    state_value,
    visitation,
)
from trpo_numpy.finite_mdp import FiniteMDP, transition_matrix


def random_problems(n):
    for seed in range(n):
        rng = np.random.default_rng(seed)
        S, A = rng.integers(1, 12), rng.integers(1, 6)
        mdp = random_mdp(rng, S, A, rng.uniform(0.1, 0.99))
        yield mdp, random_policy(rng, S, A), random_policy(rng, S, A, 0.3)


def gymnasium_problems():
    for env_id, kwargs in GYMNASIUM:
        mdp, rng = gymnasium_mdp(env_id, 0.95, **kwargs), np.random.default_rng(0)
        yield mdp, random_policy(rng, *mdp.r.shape), random_policy(rng, *mdp.r.shape)


def check_identities(mdp, pi, pi_new):
    size = max(1.0, abs(mdp.r).max() / (1 - mdp.gamma))
    rho, V, Q = visitation(mdp, pi), state_value(mdp, pi), action_value(mdp, pi)
    assert rho.sum() == pytest.approx(1 / (1 - mdp.gamma), rel=1e-10) and (rho > -1e-12).all()
    assert np.allclose(V, (pi * Q).sum(axis=1), rtol=1e-10, atol=1e-10 * size)
    assert expected_return(mdp, pi) == pytest.approx(rho @ (pi * mdp.r).sum(axis=1), rel=1e-10, abs=1e-10 * size)
    assert np.allclose(advantage(mdp, pi), Q - V[:, None], rtol=1e-10, atol=1e-10 * size)
    assert np.allclose((pi * advantage(mdp, pi)).sum(axis=1), 0, atol=1e-10 * size)
    assert expected_return_from(mdp, pi, pi_new) == pytest.approx(expected_return(mdp, pi_new), rel=1e-10,
                                                                  abs=1e-10 * size)  # Eq. (2)


def test_identities_on_random_mdps():
    for problem in random_problems(200):
        check_identities(*problem)


def test_identities_on_gymnasiums_own():
    for problem in gymnasium_problems():
        check_identities(*problem)


def test_values_and_visitation_by_iterating_their_definitions():
    mdp, pi, _ = next(random_problems(1))
    V, rho, P_t = np.zeros(len(mdp.rho_0)), np.zeros(len(mdp.rho_0)), mdp.rho_0
    for t in range(3000):
        V = (pi * (mdp.r + mdp.gamma * mdp.P @ V)).sum(axis=1)
        rho, P_t = rho + mdp.gamma ** t * P_t, P_t @ transition_matrix(mdp, pi)
    assert np.allclose(V, state_value(mdp, pi), atol=1e-10)
    assert np.allclose(rho, visitation(mdp, pi), atol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_eq_1_by_sampled_paths(seed):
    """eta(pi_new) = eta(pi) + E[sum_t gamma^t A_pi(s_t, a_t)] over paths of pi_new, within three standard errors."""
    rng = np.random.default_rng(seed)
    mdp, pi, pi_new = random_mdp(rng, 5, 3, 0.8), random_policy(rng, 5, 3), random_policy(rng, 5, 3)
    states, actions = sample_states_and_actions(mdp, pi_new, rng, 20_000, 100)
    discounts = mdp.gamma ** np.arange(100)
    for terms, offset in [(advantage(mdp, pi), expected_return(mdp, pi)), (mdp.r, 0.0)]:
        sums = (discounts * terms[states[:, :-1], actions]).sum(axis=1)
        error = sums.std() / np.sqrt(len(sums))
        assert abs(offset + sums.mean() - expected_return(mdp, pi_new)) < 3 * error


def test_sampled_paths_have_the_mdps_frequencies():
    rng = np.random.default_rng(0)
    mdp, pi = random_mdp(rng, 4, 2, 0.9), random_policy(rng, 4, 2)
    states, actions = sample_states_and_actions(mdp, pi, rng, 50_000, 2)
    P_1 = mdp.rho_0 @ transition_matrix(mdp, pi)
    assert np.allclose(np.bincount(states[:, 1], minlength=4) / 50_000, P_1, atol=0.01)
    joint = mdp.rho_0[:, None] * pi
    assert np.allclose(np.bincount(2 * states[:, 0] + actions[:, 0], minlength=8) / 50_000, joint.ravel(), atol=0.01)


def test_a_two_state_mdp_by_hand():
    """Action 1 leads from state 0 to the absorbing state 1 and earns 1; action 0 stays and earns nothing; gamma 1/2."""
    P = np.array([[[1, 0], [0, 1]], [[0, 1], [0, 1]]], dtype=float)
    mdp = FiniteMDP(P, np.array([[0, 1], [0, 0]], dtype=float), np.array([1.0, 0.0]), 0.5)
    pi = np.array([[0.5, 0.5], [0.5, 0.5]])
    assert expected_return(mdp, pi) == pytest.approx(2 / 3)  # V_0 = 1/2 (1/2 V_0) + 1/2
    assert np.allclose(visitation(mdp, pi), [4 / 3, 2 / 3])
    assert np.allclose(action_value(mdp, pi), [[1 / 3, 1], [0, 0]])
    assert np.allclose(advantage(mdp, pi)[0], [-1 / 3, 1 / 3])
