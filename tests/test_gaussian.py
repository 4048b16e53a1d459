"""The diagonal Gaussian against scipy.stats and against sampling."""
import numpy as np
import pytest
from problems import check_kl_and_entropy_by_sampling
from scipy import stats

from trpo_numpy.gaussian import Gaussian

family, rng = Gaussian(3), np.random.default_rng(0)
mu = rng.standard_normal((1, 6))
mu_new = mu + 0.5 * rng.standard_normal((1, 6))
mean, r = family.split(mu)


def draw(n):
    return family.sample(np.repeat(mean, n, axis=0), r[0], np.random.default_rng(1))


def test_log_prob_and_entropy_are_scipys():
    a = draw(50)
    judge = stats.multivariate_normal(mean[0], np.diag(np.exp(2 * r[0])))
    assert np.allclose(family.log_prob(np.repeat(mu, 50, axis=0), a), judge.logpdf(a), rtol=1e-12)
    assert family.entropy(mu)[0] == pytest.approx(judge.entropy(), rel=1e-12)


def test_samples_have_the_mean_and_the_std():
    a = draw(100_000)
    for k in range(3):
        assert stats.kstest(a[:, k], stats.norm(mean[0, k], np.exp(r[0, k])).cdf).pvalue > 0.01


def test_kl_and_entropy_by_sampling():
    check_kl_and_entropy_by_sampling(family, mu, mu_new, draw(200_000))


def test_kl_has_a_direction_and_a_zero():
    assert family.kl(mu, mu_new)[0] > 0
    assert abs(family.kl(mu, mu_new) - family.kl(mu_new, mu))[0] > 0.05
    assert family.kl(mu, mu)[0] == pytest.approx(0, abs=1e-15)
    assert np.allclose(family.grad_kl(mu, mu), 0, atol=1e-15)


def test_mode_is_the_most_probable_action():
    best = family.log_prob(mu, family.mode(mean, r[0], None))[0]
    assert (family.log_prob(np.repeat(mu, 1000, axis=0), draw(1000)) < best).all()
