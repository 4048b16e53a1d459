"""The mean KL, and J'MJ against the dense matrix and against its use: the KL of a small step."""
from problems import FAMILIES, HIDDEN, random_problem, sample_actions

import numpy as np
import pytest

from trpo_numpy.fisher import fisher_vector_product, grad_mean_kl, mean_kl

H = 4e-3  # the step of the second differences


def second_difference(f, x, y, z, h):
    """z'(Hessian of f at x)y, but for order h^2."""
    return (f(x + h * (y + z)) - f(x + h * (y - z)) - f(x - h * (y - z)) + f(x - h * (y + z))) / (4 * h * h)


def hessian(f, x):
    """The Hessian of the scalar f at x (n,), by second differences of steps H and H/2 combined (Richardson, 1911)."""
    unit = np.eye(len(x))
    return np.array([[(4 * second_difference(f, x, y, z, H / 2) - second_difference(f, x, y, z, H)) / 3 for y in unit]
                     for z in unit])


def dense(p):
    """A (P, P) from the dense Jacobian and the Hessian of the KL in each state: no derivative of the package."""
    P, N, h = len(p.theta_old), len(p.batch.states), 1e-5
    columns = [(p.policy.mu(p.theta_old + h * e, p.batch.states) - p.policy.mu(p.theta_old - h * e, p.batch.states))
               / (2 * h) for e in np.eye(P)]
    J, A = np.stack(columns, axis=2), np.zeros((P, P))  # J (N, d_mu, P)
    for mu_n, J_n in zip(p.mu_old[:, None], J):
        A += J_n.T @ hessian(lambda mu: p.family.kl(mu_n, mu[None])[0], mu_n[0]) @ J_n / N
    return A


@pytest.mark.parametrize("hidden", HIDDEN, ids=len)
@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_product_is_the_dense_matrix_symmetric_and_not_negative(family, hidden):
    p = random_problem(family, hidden)
    mu_old, cache = p.policy.forward(p.theta_old, p.batch.states)
    identity = np.eye(len(p.theta_old))
    A = np.array([fisher_vector_product(p.policy, p.theta_old, cache, mu_old, e) for e in identity])
    assert np.allclose(A, dense(p), rtol=1e-7, atol=1e-8)
    assert np.allclose(A, A.T, rtol=1e-12, atol=1e-14)
    assert np.linalg.eigvalsh(A).min() > -1e-12


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_kl_of_a_small_step_is_half_its_square(family):
    p = random_problem(family, (5,))
    mu_old, cache = p.policy.forward(p.theta_old, p.batch.states)
    step = 1e-4 * p.rng.standard_normal(len(p.theta_old))
    Astep = fisher_vector_product(p.policy, p.theta_old, cache, mu_old, step)
    kl = mean_kl(p.family, mu_old, p.policy.mu(p.theta_old + step, p.batch.states))
    assert kl == pytest.approx(0.5 * step @ Astep, rel=1e-2)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_the_mean_kl_is_from_the_old_policy_to_the_new_one(family):
    """It is the mean of log pi_old - log pi over actions of the old policy, and far from the mean KL the other way."""
    p = random_problem(family, (5,), N=20, distance=0.8)
    actions = sample_actions(p.policy, p.theta_old, p.batch.states, p.rng, K=1000)
    mu = p.policy.mu(p.theta, p.batch.states)
    log_old, log_new = (family.log_prob(np.repeat(m, 1000, axis=0), actions) for m in (p.mu_old, mu))
    error = (log_old - log_new).std() / np.sqrt(len(actions))
    sampled = (log_old - log_new).mean()
    assert abs(sampled - mean_kl(family, p.mu_old, mu)) < 3 * error
    assert abs(sampled - mean_kl(family, mu, p.mu_old)) > 6 * error, "a problem in which the direction matters"


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_at_theta_old_the_mean_kl_and_its_gradient_are_zero(family):
    p = random_problem(family, (5,), N=40)
    assert mean_kl(family, p.mu_old, p.mu_old) == pytest.approx(0, abs=1e-15)
    assert np.allclose(grad_mean_kl(family, p.mu_old, p.mu_old), 0, atol=1e-15)
