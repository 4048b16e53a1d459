"""The factored categorical distribution against scipy.stats and against sampling."""
import numpy as np
import pytest
from problems import check_kl_and_entropy_by_sampling
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
    q = [special.softmax(mu_new[0, :3]), special.softmax(mu_new[0, 3:])]
    assert family.kl(mu, mu_new)[0] == pytest.approx(sum(map(stats.entropy, p, q)), rel=1e-12)


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


def test_kl_has_a_direction_and_a_zero():
    assert family.kl(mu, mu_new)[0] > 0
    assert abs(family.kl(mu, mu_new) - family.kl(mu_new, mu))[0] > 0.005
    assert family.kl(mu, mu)[0] == pytest.approx(0, abs=1e-15)
    assert not family.grad_kl(mu, mu).any()


def test_mode_is_the_most_probable_action():
    assert (family.mode(mu, np.zeros(0), None)[0] == [p[0].argmax(), p[1].argmax()]).all()


def test_far_logits_do_not_overflow():
    far = np.array([[1e4, 0, -1e4, 0, 0, 0, 0]])
    assert np.isfinite(family.log_prob(far, np.array([[2, 0]]))).all()
    assert np.isfinite(family.entropy(far)).all() and np.isfinite(family.grad_entropy(far)).all()
