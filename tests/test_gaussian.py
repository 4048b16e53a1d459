"""The diagonal Gaussian against scipy.stats, against quadrature and against sampling."""
from problems import check_kl_and_entropy_by_sampling

import numpy as np
import pytest
from scipy import integrate, stats

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


def test_kl_is_from_the_old_to_the_new_distribution():
    """A narrow one and a wide one, by quadrature: KL(narrow || wide) is 0.93 nats, the other way it is 6.2."""
    narrow, wide = (0.0, 1.0), (0.5, 4.0)
    for old, new in [(narrow, wide), (wide, narrow)]:
        p, q = stats.norm(*old), stats.norm(*new)
        kl, _ = integrate.quad(lambda a: p.pdf(a) * (p.logpdf(a) - q.logpdf(a)), -60, 60, points=[0], limit=200)
        mu_old, mu_new = (np.array([[mean, np.log(std)]]) for mean, std in (old, new))
        assert Gaussian(1).kl(mu_old, mu_new)[0] == pytest.approx(kl, rel=1e-8)


def test_M_is_the_covariance_of_the_score():
    a = draw(200_000)
    score = family.grad_log_prob(np.repeat(mu, len(a), axis=0), a)
    M = np.array([family.M_product(mu, y[None])[0] for y in np.eye(6)])
    products = score[:, :, None] * score[:, None, :]
    assert (abs(products.mean(axis=0) - M) < 4 * products.std(axis=0) / np.sqrt(len(a))).all()
    assert np.allclose(M, np.diag([*np.exp(-2 * r[0]), 2, 2, 2]), rtol=1e-14)


def test_mode_is_the_most_probable_action():
    best = family.log_prob(mu, family.mode(mean, r[0]))[0]
    assert (family.log_prob(np.repeat(mu, 1000, axis=0), draw(1000)) < best).all()
