"""The estimated objective and constraint of Eq. (14)."""
import numpy as np
import pytest
from problems import FAMILIES, random_problem

from trpo_numpy.surrogate import (grad_mean_kl, grad_surrogate, importance_ratio, mean_kl, surrogate,
                                  surrogate_and_mean_kl)


@pytest.fixture(params=FAMILIES, ids=str)
def p(request):
    return random_problem(request.param, (5,), N=40)


def test_ratio_is_one_at_theta_old(p):
    assert (importance_ratio(p.family, p.mu_old, p.batch.actions, p.log_q) == 1).all()


def test_gradient_at_theta_old_is_the_policy_gradient(p):
    _, cache = p.policy.forward(p.theta_old, p.batch.states)
    g = p.policy.backprop(p.theta_old, cache, grad_surrogate(p.family, p.mu_old, p.batch.actions, p.batch.advantages,
                                                             p.log_q))
    score = p.family.grad_log_prob(p.mu_old, p.batch.actions)  # d log pi / d mu
    policy_gradient = 0
    for n, A in enumerate(p.batch.advantages):  # 1/N sum_n A_n d log pi(a_n|s_n) / d theta, one sample at a time
        _, cache_n = p.policy.forward(p.theta_old, p.batch.states[n:n + 1])
        policy_gradient += A * p.policy.backprop(p.theta_old, cache_n, score[n:n + 1]) / len(p.batch.advantages)
    assert np.allclose(g, policy_gradient, rtol=1e-10, atol=1e-13)


def test_importance_sampling_is_right_for_any_q(p):
    """E_{a~q}[pi/q Q] = E_{a~pi}[Q]: the sum over actions that Eq. (14) replaces, by sampling from another policy."""
    n, s = 100_000, p.batch.states[:1]
    free = p.policy.unpack(p.theta)[1]
    output = np.repeat(p.policy.network.output(p.policy.unpack(p.theta_old)[0], s), n, axis=0)
    a = p.family.sample(output, p.policy.unpack(p.theta_old)[1], p.rng)
    mu_q, mu = (np.repeat(p.policy.mu(theta, s), n, axis=0) for theta in (p.theta_old, p.theta))
    Q = np.cos(a.sum(axis=1))
    weighted = importance_ratio(p.family, mu, a, p.family.log_prob(mu_q, a)) * Q
    direct = np.cos(p.family.sample(np.repeat(p.policy.network.output(p.policy.unpack(p.theta)[0], s), n, axis=0),
                                    free, p.rng).sum(axis=1))
    error = np.hypot(weighted.std(), direct.std()) / np.sqrt(n)
    assert abs(weighted.mean() - direct.mean()) < 3 * error


def test_one_pass_is_the_two_functions(p):
    L, kl = surrogate_and_mean_kl(p.policy, p.batch, p.mu_old, p.log_q, p.theta)
    mu = p.policy.mu(p.theta, p.batch.states)
    assert L == surrogate(p.family, mu, p.batch.actions, p.batch.advantages, p.log_q)
    assert kl == mean_kl(p.family, p.mu_old, mu) > 0


def test_kl_at_theta_old_is_zero_and_so_is_its_gradient(p):
    assert mean_kl(p.family, p.mu_old, p.mu_old) == pytest.approx(0, abs=1e-15)
    assert np.allclose(grad_mean_kl(p.family, p.mu_old, p.mu_old), 0, atol=1e-15)
