"""L and its gradient from samples, Eq. (14), and how they become the exact ones as the samples grow in number."""
import dataclasses
from functools import partial

from mdps import random_mdp
from problems import FAMILIES, random_problem, sample_actions, sample_states_and_actions, softmax_table

import numpy as np
import pytest

from trpo_numpy.categorical import Categorical
from trpo_numpy.checks import InputError
from trpo_numpy.expected_return import exact_surrogate, expected_return, grad_exact_surrogate, state_value, visitation
from trpo_numpy.fisher import fisher_vector_product
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.surrogate import Batch, grad_surrogate, importance_ratio, surrogate, surrogate_and_gradient
from trpo_numpy.trpo import surrogate_and_kl
from trpo_numpy.trust_region import visited_mean_kl


def errors_of_the_estimates(n_paths, mdp, policy, theta_old, theta, v, rng):
    """|estimate - exact| of (1 - gamma) (L - eta), of its gradient along v, of the mean KL and of v'Av.

    The discount is a chance 1 - gamma to end the path at each step: then the states on it are distributed as rho, and
    the plain sum of the rewards that follow is the sampled Q.
    """
    S = len(mdp.rho_0)
    pi_old, pi = softmax_table(policy, theta_old, np.eye(S)), softmax_table(policy, theta, np.eye(S))
    rho, V = visitation(mdp, pi_old), state_value(mdp, pi_old)
    lengths = rng.geometric(1 - mdp.gamma, size=n_paths)
    states, actions = sample_states_and_actions(mdp, pi_old, rng, n_paths, lengths.max())
    on_path = np.arange(lengths.max()) < lengths[:, None]
    rewards = mdp.r[states[:, :-1], actions] * on_path
    Q = np.flip(np.flip(rewards, axis=1).cumsum(axis=1), axis=1)[on_path]
    s, a = states[:, :-1][on_path], actions[on_path][:, None]
    batch = Batch(np.eye(S)[s], a, Q - V[s])
    mu_old, cache, log_q, _, g = surrogate_and_gradient(policy, batch, theta_old)
    estimates = [*surrogate_and_kl(policy, batch, mu_old, log_q, theta), g @ v,
                 v @ fisher_vector_product(policy, theta_old, cache, mu_old, v)]
    every_mu, every_cache = policy.forward(theta_old, np.eye(S))
    Jv = policy.jvp(theta_old, every_cache, v)
    MJv = policy.family.M_product(every_mu, Jv)
    exact = [(1 - mdp.gamma) * (exact_surrogate(mdp, pi_old, pi) - expected_return(mdp, pi_old)),
             visited_mean_kl(rho, pi_old, pi), (1 - mdp.gamma) * (grad_exact_surrogate(mdp, pi_old) * MJv).sum(),
             rho @ (Jv * MJv).sum(axis=1) / rho.sum()]
    return abs(np.array(estimates) - exact)


def test_samples_meet_theory_at_the_rate_of_one_over_root_N():
    """Eqs. (13) and (14): the core's estimates of L, mean KL, gradient and Fisher matrix, from 50 to 3200 paths."""
    rng = np.random.default_rng(0)
    mdp = random_mdp(rng, 5, 3, 0.8)
    policy = Policy(MLP((5, 6, 3)), Categorical((3,)))
    theta_old = 0.5 * rng.standard_normal(policy.n_parameters)
    theta, v = theta_old + 0.3 * rng.standard_normal(len(theta_old)), rng.standard_normal(len(theta_old))
    sizes = np.array([50, 200, 800, 3200])
    errors = [np.sqrt(np.mean([errors_of_the_estimates(n, mdp, policy, theta_old, theta, v, rng) ** 2
                               for _ in range(24)], axis=0)) for n in sizes]
    for quantity in np.transpose(errors):  # root mean square errors over 24 repetitions
        slope = np.polyfit(np.log(sizes), np.log(quantity), 1)[0]
        assert slope == pytest.approx(-0.5, abs=0.12)


@pytest.fixture(params=FAMILIES, ids=str)
def p(request):
    return random_problem(request.param, (5,), N=40)


def test_eq_14_is_a_mean_over_samples_by_a_plain_loop(p):
    mu, log_q, L = p.policy.mu(p.theta, p.batch.states), p.log_q - 0.3, 0.0
    for n, Q in enumerate(p.batch.Q):
        pi = np.exp(p.family.log_prob(mu[n:n + 1], p.batch.actions[n:n + 1])[0])
        L += pi / np.exp(log_q[n]) * Q / 40
    assert surrogate(p.family, mu, p.batch.actions, p.batch.Q, log_q) == pytest.approx(L, rel=1e-12)


def test_ratio_is_one_at_theta_old(p):
    assert (importance_ratio(p.family, p.mu_old, p.batch.actions, p.log_q) == 1).all()


def test_gradient_at_theta_old_is_the_policy_gradient(p):
    *_, g = surrogate_and_gradient(p.policy, p.batch, p.theta_old)
    score = p.family.grad_log_prob(p.mu_old, p.batch.actions)  # d log pi / d mu
    policy_gradient = 0
    for n, A in enumerate(p.batch.Q):  # 1/N sum_n A_n d log pi(a_n|s_n) / d theta, one sample at a time
        _, cache_n = p.policy.forward(p.theta_old, p.batch.states[n:n + 1])
        policy_gradient += A * p.policy.vjp(p.theta_old, cache_n, score[n:n + 1]) / len(p.batch.Q)
    assert np.allclose(g, policy_gradient, rtol=1e-10, atol=1e-13)


def test_importance_sampling_is_right_for_any_q(p):
    """E_{a~q}[pi/q Q] = E_{a~pi}[Q]: the sum over actions that Eq. (14) replaces, by sampling from another policy."""
    n, s = 20_000, p.batch.states[:1]
    a, direct_a = (sample_actions(p.policy, theta, s, p.rng, n) for theta in (p.theta_old, p.theta))
    mu_q, mu = (np.repeat(p.policy.mu(theta, s), n, axis=0) for theta in (p.theta_old, p.theta))
    weighted = importance_ratio(p.family, mu, a, p.family.log_prob(mu_q, a)) * np.cos(a.sum(axis=1))
    direct = np.cos(direct_a.sum(axis=1))
    error = np.hypot(weighted.std(), direct.std()) / np.sqrt(n)
    assert abs(weighted.mean() - direct.mean()) < 3 * error


@pytest.mark.parametrize("given", [False, True], ids=["q = pi_old", "q given"])
def test_L_and_its_gradient_are_the_batchs_own_at_theta_old(p, given):
    """An estimator of one's own, and log q if the batch has it, else that of pi_old."""
    def twice(f, *arguments):
        return 2 * f(*arguments)

    log_q = p.log_q + p.rng.standard_normal(40) if given else None
    batch = dataclasses.replace(p.batch, log_q=log_q, L=partial(twice, surrogate),
                                grad_L=partial(twice, grad_surrogate))
    mu_old, cache, log_q_found, L_old, g = surrogate_and_gradient(p.policy, batch, p.theta_old)
    expected = log_q if given else p.log_q
    arguments = p.family, p.mu_old, batch.actions, batch.Q, expected
    assert np.array_equal(mu_old, p.mu_old) and np.array_equal(log_q_found, expected)
    assert L_old == 2 * surrogate(*arguments) and (given or L_old == pytest.approx(2 * batch.Q.mean()))
    assert np.allclose(g, 2 * p.policy.vjp(p.theta_old, cache, grad_surrogate(*arguments)), rtol=1e-12)


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("size, is_kept", [(5e-9, False), (2e-8, True)])
def test_a_gradient_that_is_rounding_beside_the_advantages_counts_as_zero(p, unit, size, is_kept):
    """Rounding is at most 1e-8 of the largest advantage, in whatever unit these are measured. All are below 0 here."""
    batch = dataclasses.replace(p.batch, Q=-unit * abs(p.batch.Q))
    *_, g = surrogate_and_gradient(p.policy, batch, p.theta_old)
    scale = size * abs(batch.Q).max() / abs(g).max()
    batch = dataclasses.replace(batch, grad_L=lambda *arguments: scale * grad_surrogate(*arguments))
    *_, L_old, found = surrogate_and_gradient(p.policy, batch, p.theta_old)
    assert np.allclose(found, scale * g if is_kept else 0, rtol=1e-9, atol=0)
    assert L_old == pytest.approx(batch.Q.mean())


@pytest.mark.parametrize("changes, message", [
    ({"Q": np.zeros((3, 1))}, r"Q: got shape \(3, 1\), wanted \(N,\)"),
    ({"Q": np.array([0.0, np.inf, np.nan])}, r"Q: got inf at \(1,\), wanted finite numbers"),
    ({"states": np.zeros(3)}, r"states: got shape \(3,\), wanted \(3, d_s\)"),
    ({"actions": np.zeros((4, 1))}, r"actions: got shape \(4, 1\), wanted \(3, d_a\)"),
    ({"states": np.zeros((2, 2))}, r"states: got shape \(2, 2\), wanted \(3, d_s\)"),
    ({"actions": [[0], [1], [0]]}, "actions: got list, wanted a NumPy array of real numbers")])
def test_arrays_that_make_no_batch_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        Batch(**{"states": np.zeros((3, 2)), "actions": np.zeros((3, 1)), "Q": np.zeros(3), **changes})


@pytest.mark.parametrize("log_q", [np.zeros((7, 1)), np.zeros(6), np.full(7, np.nan)], ids=["column", "short", "NaN"])
def test_a_wrong_log_q_is_refused(log_q):
    batch = random_problem(FAMILIES[0], ()).batch
    with pytest.raises(InputError, match="^log_q: got"):
        dataclasses.replace(batch, log_q=log_q)
