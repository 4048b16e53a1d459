"""L exactly: Eq. (3), and Eq. (4), by which L touches eta in value and in gradient at the old policy."""
from functools import partial

from gradient_check import check_gradient, random_directions
from mdps import gymnasium_mdp, random_mdp, random_policy
from problems import GYMNASIUM, softmax_table

import numpy as np
import pytest

from trpo_numpy.categorical import Categorical
from trpo_numpy.expected_return import advantage, exact_surrogate, expected_return, grad_exact_surrogate, visitation
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.scaling import scale, scaled_action
from trpo_numpy.practice.training import train
from trpo_numpy.sampling import sample_path


def test_eq_3_term_by_term():
    for seed in range(200):
        rng = np.random.default_rng(seed)
        mdp = random_mdp(rng, 4, 3, rng.uniform(0.1, 0.99))
        pi_old, pi = random_policy(rng, 4, 3), random_policy(rng, 4, 3)
        rho, A, L = visitation(mdp, pi_old), advantage(mdp, pi_old), expected_return(mdp, pi_old)
        for s in range(4):
            for a in range(3):
                L += rho[s] * pi[s, a] * A[s, a]
        assert exact_surrogate(mdp, pi_old, pi) == pytest.approx(L, rel=1e-10, abs=1e-10)


def problems():
    """200 random MDPs, and Gymnasium's own."""
    yield from (random_mdp(np.random.default_rng(seed), 5, 3, 0.9) for seed in range(200))
    yield from (gymnasium_mdp(env_id, 0.95, **kwargs) for env_id, kwargs in GYMNASIUM)


def test_eq_4_L_touches_eta_along_every_change_of_the_policy():
    for mdp in problems():
        rng, (S, A) = np.random.default_rng(0), mdp.r.shape
        pi_old, pi = random_policy(rng, S, A, 3.0), random_policy(rng, S, A)
        assert exact_surrogate(mdp, pi_old, pi_old) == pytest.approx(expected_return(mdp, pi_old), rel=1e-10, abs=1e-10)
        slope = (grad_exact_surrogate(mdp, pi_old) * (pi - pi_old)).sum()
        check_gradient(lambda step: expected_return(mdp, pi_old + step[0] * (pi - pi_old)), np.array([slope]),
                       np.array([0.0]), np.eye(1))


@pytest.mark.parametrize("hidden", [(), (6,)], ids=["tabular", "MLP"])
def test_eq_4_in_theta(hidden):
    """The gradient of L with respect to theta, J'M times that with respect to pi, is the gradient of eta."""
    for mdp in problems():
        rng, (S, A) = np.random.default_rng(0), mdp.r.shape
        policy = Policy(MLP((S, *hidden, A)), Categorical((A,)))
        theta = rng.standard_normal(policy.n_parameters) * 0.5
        for W, b in policy.network.layers(theta)[:-1]:  # away from 0, where another activation may have a kink
            W += 0.1 * np.sign(W)
            b[:] = 0
        mu, cache = policy.forward(theta, np.eye(S))
        dL_dpi = grad_exact_surrogate(mdp, softmax_table(policy, theta, np.eye(S)))
        check_gradient(lambda t: expected_return(mdp, softmax_table(policy, t, np.eye(S))),
                       policy.vjp(theta, cache, policy.family.M_product(mu, dL_dpi)), theta,
                       random_directions(rng, 2, len(theta)))


def test_the_gradient_of_L_is_the_same_for_every_policy():
    rng = np.random.default_rng(0)
    mdp = random_mdp(rng, 4, 3, 0.9)
    pi_old, pi, other = (random_policy(rng, 4, 3) for _ in range(3))
    change = exact_surrogate(mdp, pi_old, other) - exact_surrogate(mdp, pi_old, pi)
    assert change == pytest.approx((grad_exact_surrogate(mdp, pi_old) * (other - pi)).sum(), rel=1e-10)


def test_the_table_of_a_trained_policy_is_how_it_acts():
    """The frequencies of its actions in each state of FrozenLake are those of the table, within 4 standard errors."""
    *_, last = train(Config(env_id="FrozenLake-v1", timesteps=4000))
    policy, theta, scaling = last.policy, last.update.theta_new, last.scaling
    pi = softmax_table(policy, theta, scale(scaling, np.eye(16)))
    env, act = make_env(Config("FrozenLake-v1")), partial(scaled_action, policy.act, policy.unpack(theta), scaling)
    counts = np.zeros((16, 4))
    for episode in range(200):
        path = sample_path(env, act, np.random.SeedSequence(0), episode)
        np.add.at(counts, (path.states[:-1].argmax(axis=1), path.actions[:, 0]), 1)
    n = counts.sum(axis=1, keepdims=True)
    often = n[:, 0] > 100
    assert often.sum() > 3
    assert (abs(counts / np.maximum(n, 1) - pi) < 4 * np.sqrt(pi * (1 - pi) / np.maximum(n, 1)) + 1e-9)[often].all()
