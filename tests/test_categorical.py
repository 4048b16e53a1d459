"""The factored categorical distribution against SciPy, against sums over all actions and against sampling."""
from problems import check_kl_and_entropy_by_sampling

import numpy as np
import pytest
from scipy import special, stats

from trpo_numpy.categorical import Categorical

family, rng = Categorical((3, 4)), np.random.default_rng(0)
mu = rng.standard_normal((1, 7))
mu_new = mu + 0.5 * rng.standard_normal((1, 7))
p = [special.softmax(mu[0, :3]), special.softmax(mu[0, 3:])]


def draw(n):
    return family.sample(np.repeat(mu, n, axis=0), np.zeros(0), np.random.default_rng(1))


def test_log_prob_and_entropy_are_scipys():
    a = draw(50)
    judges = [stats.rv_discrete(values=(range(len(p_k)), p_k)) for p_k in p]
    expected = sum(judge.logpmf(a[:, k]) for k, judge in enumerate(judges))
    assert np.allclose(family.log_prob(np.repeat(mu, 50, axis=0), a), expected, rtol=1e-12)
    assert family.entropy(mu)[0] == pytest.approx(sum(stats.entropy(p_k) for p_k in p), rel=1e-12)


def test_samples_have_the_probabilities():
    a = draw(100_000)
    for k, p_k in enumerate(p):
        counts = np.bincount(a[:, k], minlength=len(p_k))
        assert stats.chisquare(counts, len(a) * p_k).pvalue > 0.01
    assert abs(np.corrcoef(a.T)[0, 1]) < 0.01  # the factors are independent


def test_one_state_and_many_agree():
    one = family.sample(mu[0], np.zeros(0), np.random.default_rng(2))
    many = family.sample(mu, np.zeros(0), np.random.default_rng(2))
    assert one.shape == (2,) and many.shape == (1, 2) and (one == many[0]).all()


def test_kl_and_entropy_by_sampling():
    check_kl_and_entropy_by_sampling(family, mu, mu_new, draw(200_000))


def test_kl_is_from_the_old_to_the_new_distribution():
    """An almost certain action and a uniform one, by SciPy: KL(certain || uniform) is 1.0 nats, the other way 2.0."""
    certain, uniform = np.array([0.98, 0.01, 0.01]), np.full(3, 1 / 3)
    for old, new in [(certain, uniform), (uniform, certain)]:
        kl = Categorical((3,)).kl(np.log(old)[None], np.log(new)[None])[0]
        assert kl == pytest.approx(stats.entropy(old, new), rel=1e-12)
    q = [special.softmax(mu_new[0, :3]), special.softmax(mu_new[0, 3:])]
    assert family.kl(mu, mu_new)[0] == pytest.approx(sum(map(stats.entropy, p, q)), rel=1e-12)


def test_M_is_the_covariance_of_the_score():
    every = np.array(list(np.ndindex(3, 4)))
    many = np.repeat(mu, 12, axis=0)
    score = family.grad_log_prob(many, every)
    M = np.array([family.M_product(mu, y[None])[0] for y in np.eye(7)])
    assert np.allclose(M, score.T @ (np.exp(family.log_prob(many, every))[:, None] * score), rtol=1e-12, atol=1e-15)


def test_mode_is_the_most_probable_action():
    assert (family.mode(mu, np.zeros(0))[0] == [p[0].argmax(), p[1].argmax()]).all()


def test_far_logits_do_not_overflow():
    far, mu_old = np.array([[1e4, 0, -1e4, 0, 0, 0, 0]]), np.zeros((1, 7))
    a = np.array([[2, 0]])
    assert np.isfinite(family.log_prob(far, a)).all() and np.isfinite(family.grad_log_prob(far, a)).all()
    assert family.entropy(far)[0] == pytest.approx(np.log(4), rel=1e-12)
    assert np.isfinite(family.kl(mu_old, far)).all() and np.isfinite(family.kl(far, mu_old)).all()
    assert np.isfinite(family.M_product(far, np.ones((1, 7)))).all()
