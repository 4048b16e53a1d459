"""J'MJ against the dense matrix, and against its use: the KL of a small step."""
import numpy as np
import pytest
from problems import FAMILIES, HIDDEN, random_problem

from trpo_numpy.fisher import fisher_vector_product
from trpo_numpy.surrogate import mean_kl


def dense(p):
    """A (P, P) from the dense Jacobian and M of each state, by no product of the package but `grad_log_prob`.

    M is the covariance of the score d log pi / d mu: by summing over the actions, or in the Gaussian's closed form.
    """
    P, N = len(p.theta_old), len(p.batch.states)
    h, A = 1e-5, np.zeros((P, P))
    columns = [(p.policy.mu(p.theta_old + h * e, p.batch.states) - p.policy.mu(p.theta_old - h * e, p.batch.states))
               / (2 * h) for e in np.eye(P)]
    J = np.stack(columns, axis=2)  # (N, d_mu, P)
    for n in range(N):
        if type(p.family).__name__ == "Gaussian":
            M = np.diag(np.concatenate([np.exp(-2 * p.mu_old[n, 2:]), [2, 2]]))
        else:
            every = np.array(list(np.ndindex(*p.family.factor_sizes)))
            mu_n = np.repeat(p.mu_old[n:n + 1], len(every), axis=0)
            score = p.family.grad_log_prob(mu_n, every)
            M = score.T @ (np.exp(p.family.log_prob(mu_n, every))[:, None] * score)
        A += J[n].T @ M @ J[n] / N
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
