"""The policy: theta's layout, how it acts, and the adjoint identity with the log-std among the parameters."""
from problems import FAMILIES, HIDDEN, random_problem

import numpy as np
import pytest

from trpo_numpy.categorical import Categorical
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy


@pytest.mark.parametrize("hidden", HIDDEN, ids=len)
@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_adjoint(family, hidden):
    p = random_problem(family, hidden)
    mu, cache = p.policy.forward(p.theta, p.batch.states)
    for _ in range(20):
        u, v = p.rng.standard_normal(mu.shape), p.rng.standard_normal(len(p.theta))
        left = np.sum(u * p.policy.jvp(p.theta, cache, v))
        assert left == pytest.approx(p.policy.vjp(p.theta, cache, u) @ v, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_mu_is_forwards(family):
    p = random_problem(family, (5,))
    assert np.array_equal(p.policy.mu(p.theta, p.batch.states), p.policy.forward(p.theta, p.batch.states)[0])


def test_log_std_is_thetas_tail_and_does_not_depend_on_the_state():
    policy = Policy(MLP((3, 4, 2)), Gaussian(2))
    theta = policy.initial(np.random.default_rng(0), -0.7)
    assert (theta[-2:] == -0.7).all()
    theta[-2:] = [-0.5, 0.25]
    mu = policy.mu(theta, np.random.default_rng(0).standard_normal((5, 3)))
    assert (mu[:, 2:] == [-0.5, 0.25]).all()
    assert theta.dtype == np.float64 and len(theta) == policy.n_parameters == 3 * 4 + 4 + 4 * 2 + 2 + 2


def test_the_first_policy_hardly_depends_on_the_state():
    policy = Policy(MLP((3, 64, 64, 2)), Gaussian(2))
    theta, states = policy.initial(np.random.default_rng(0), 0.0), np.random.default_rng(1).standard_normal((600, 3))
    assert np.array_equal(policy.mu(theta, states)[:, 2:], np.zeros((600, 2)))
    assert 0 < abs(policy.mu(theta, states)[:, :2]).max() < 0.1
    W, _ = policy.unpack(theta)[0][-1]                                      # (2, 64)
    assert W.std() * np.sqrt(64) == pytest.approx(0.01, rel=0.2)


def test_the_gaussian_acts_by_mu_plus_noise():
    p = random_problem(Gaussian(2), (5,))
    parameters, s = p.policy.unpack(p.theta), p.batch.states[0]
    assert np.allclose(p.policy.act_greedily(parameters, s, None), p.policy.mu(p.theta, s[None])[0, :2], rtol=1e-13)
    noise = np.random.default_rng(3).standard_normal(2)
    a = p.policy.act(parameters, s, np.random.default_rng(3))
    assert np.allclose(a, p.policy.act_greedily(parameters, s, None) + np.exp(p.theta[-2:]) * noise, rtol=1e-13)


def test_the_categorical_acts_by_its_probabilities():
    p = random_problem(Categorical((3,)), (5,))
    parameters, s, rng = p.policy.unpack(p.theta), p.batch.states[0], np.random.default_rng(3)
    probabilities = np.exp(p.family.log_p(p.policy.mu(p.theta, s[None]))[0])
    counts = np.bincount([p.policy.act(parameters, s, rng)[0] for _ in range(5000)], minlength=3)
    assert (abs(counts / 5000 - probabilities) < 4 * np.sqrt(probabilities / 5000)).all()
    assert p.policy.act_greedily(parameters, s, None) == [probabilities.argmax()]
