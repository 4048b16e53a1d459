"""The policy: theta's layout, and the adjoint identity with the log-std among the parameters."""
import numpy as np
import pytest
from problems import FAMILIES, HIDDEN, random_problem

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
        left = np.sum(u * p.policy.forward_mode(p.theta, cache, v))
        assert left == pytest.approx(p.policy.backprop(p.theta, cache, u) @ v, rel=1e-12, abs=1e-12)


def test_log_std_is_thetas_tail_and_does_not_depend_on_the_state():
    policy = Policy(MLP((3, 4, 2)), Gaussian(2))
    theta = policy.initial(np.random.default_rng(0), -0.7)
    theta[-2:] = [-0.5, 0.25]
    mu = policy.mu(theta, np.random.default_rng(0).standard_normal((5, 3)))
    assert (mu[:, 2:] == [-0.5, 0.25]).all()
    assert theta.dtype == np.float64 and len(theta) == policy.n_parameters == 3 * 4 + 4 + 4 * 2 + 2 + 2


def test_mu_is_forwards_and_the_first_policy_hardly_depends_on_the_state():
    policy = Policy(MLP((3, 64, 64, 2)), Gaussian(2))
    theta, states = policy.initial(np.random.default_rng(0), 0.0), np.random.default_rng(1).standard_normal((600, 3))
    assert np.array_equal(policy.mu(theta, states)[:, 2:], np.zeros((600, 2)))
    assert abs(policy.mu(theta, states)[:, :2]).max() < 0.05
    assert np.allclose(policy.mu(theta, states), policy.forward(theta, states)[0], rtol=1e-13, atol=1e-16)


def test_act_follows_mu():
    p = random_problem(Gaussian(2), (5,))
    weights, s = p.policy.unpack(p.theta), p.batch.states[0]
    assert np.allclose(p.policy.act_greedily(weights, s, None), p.policy.mu(p.theta, s[None])[0, :2], rtol=1e-13)
    noise = np.random.default_rng(3).standard_normal(2)
    a = p.policy.act(weights, s, np.random.default_rng(3))
    assert np.allclose(a, p.policy.act_greedily(weights, s, None) + np.exp(p.theta[-2:]) * noise, rtol=1e-13)
