"""Section 2 exactly: the identities on random MDPs and on Gymnasium's own, and by sampled paths."""
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from problems import GYMNASIUM, sample_states_and_actions

from trpo_numpy.expected_return import (FiniteMDP, action_value, advantage, check_policy, discounted_sums,
                                        expected_return, expected_return_from, gymnasium_mdp, random_mdp,
                                        random_policy, state_value, transition_matrix, visitation)


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
    assert np.allclose(advantage(mdp, pi)[0], [-1 / 3, 1 / 3])


def test_gymnasiums_dynamics_are_the_environments():
    """Returns sampled in Gymnasium's FrozenLake agree with eta; terminal states absorb and earn nothing."""
    mdp = gymnasium_mdp("FrozenLake-v1", 0.9)
    pi = random_policy(np.random.default_rng(1), 16, 4, 3.0)
    for s in (5, 7, 11, 12, 15):
        assert (mdp.P[s, :, s] == 1).all() and (mdp.r[s] == 0).all()
    env, rng, returns = gym.make("FrozenLake-v1", max_episode_steps=1000), np.random.default_rng(0), []
    for episode in range(4000):
        (s, _), G, t, ended = env.reset(seed=episode), 0.0, 0, False
        while not ended:
            s, reward, ended, _, _ = env.step(int(rng.choice(4, p=pi[s])))
            G, t = G + mdp.gamma ** t * reward, t + 1
        returns.append(G)
    assert abs(np.mean(returns) - expected_return(mdp, pi)) < 3 * np.std(returns) / np.sqrt(4000)


def test_an_environment_that_does_not_tell_its_dynamics():
    with pytest.raises(ValueError, match="env_id: CartPole-v1 does not tell its dynamics"):
        gymnasium_mdp("CartPole-v1", 0.9)


def broken(**changes):
    mdp = random_mdp(np.random.default_rng(0), 3, 2, 0.9)
    return {"P": mdp.P.copy(), "r": mdp.r.copy(), "rho_0": mdp.rho_0.copy(), "gamma": 0.9, **changes}


def test_malformed_mdps_are_refused_by_state_and_action():
    wrong = broken()
    wrong["P"][2, 1, 0] += 0.1
    with pytest.raises(ValueError, match="P, state 2, action 1: got .* with sum 1.1"):
        FiniteMDP(**wrong)
    wrong = broken()
    wrong["P"][1, 0] = [1.5, -0.5, 0]
    with pytest.raises(ValueError, match="P, state 1, action 0: got"):
        FiniteMDP(**wrong)
    wrong = broken()
    wrong["P"][1, 1, 1] = np.nan
    with pytest.raises(ValueError, match="P, state 1, action 1: got"):
        FiniteMDP(**wrong)
    wrong = broken()
    wrong["r"][0, 1] = np.inf
    with pytest.raises(ValueError, match="r: got inf in state 0, action 1"):
        FiniteMDP(**wrong)
    with pytest.raises(ValueError, match="rho_0: got .* with sum 0.5"):
        FiniteMDP(**broken(rho_0=np.array([0.5, 0, 0])))


@pytest.mark.parametrize("changes, name", [
    ({"gamma": 1.0}, "gamma"), ({"gamma": 0.0}, "gamma"), ({"gamma": 2}, "gamma"), ({"r": np.zeros(3)}, "r"),
    ({"r": np.zeros((3, 3))}, "P"), ({"P": np.zeros((3, 2))}, "P"), ({"rho_0": np.ones(4) / 4}, "rho_0"),
])
def test_malformed_shapes_and_discounts(changes, name):
    with pytest.raises(ValueError, match=f"^{name}: got "):
        FiniteMDP(**broken(**changes))


def test_malformed_policies_are_refused_by_state():
    mdp = random_mdp(np.random.default_rng(0), 3, 2, 0.9)
    pi = np.array([[0.5, 0.5], [1.0, 0.0], [0.7, 0.7]])
    with pytest.raises(ValueError, match="pi, state 2: got .* with sum 1.4"):
        expected_return(mdp, pi)
    with pytest.raises(ValueError, match=r"pi: got ndarray of shape \(2, 3\), wanted an array \(S, A\) = \(3, 2\)"):
        check_policy(mdp, np.ones((2, 3)) / 3)


def test_gamma_may_be_of_any_real_type():
    mdp = random_mdp(np.random.default_rng(0), 3, 2, 0.5)
    assert replace(mdp, gamma=np.float32(0.5)).gamma == 0.5


@pytest.mark.parametrize("discount", [0.0, 0.5, 0.99, 1.0])
def test_discounted_sums_by_a_plain_loop(discount):
    x = np.random.default_rng(0).standard_normal(50)
    expected = [sum(discount ** k * x[t + k] for k in range(50 - t)) for t in range(50)]
    assert np.allclose(discounted_sums(x, discount), expected, rtol=1e-12, atol=1e-12)
