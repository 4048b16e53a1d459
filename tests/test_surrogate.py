"""L exactly, Eqs. (3) and (4), and from samples, Eq. (14), and how the second becomes the first."""
import numpy as np
import pytest
from problems import FAMILIES, GYMNASIUM, random_problem, sample_states_and_actions

from trpo_numpy.categorical import Categorical
from trpo_numpy.config import Config
from trpo_numpy.environment import make_env
from trpo_numpy.expected_return import (advantage, discounted_sums, expected_return, gymnasium_mdp, random_mdp,
                                        random_policy, state_value, visitation)
from trpo_numpy.fisher import fisher_vector_product
from trpo_numpy.gradient_check import check_gradient, random_directions
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.sampling import sample_path
from trpo_numpy.surrogate import (exact_surrogate, grad_exact_surrogate, grad_mean_kl, grad_surrogate,
                                  importance_ratio, mean_kl, softmax_table, surrogate, surrogate_and_kl)
from trpo_numpy.training import train
from trpo_numpy.trust_region import visited_mean_kl


def softmax_policy(mdp, hidden, rng):
    """A softmax policy on one-hot states, tabular without hidden layers, and a theta."""
    S, A = mdp.r.shape
    policy = Policy(MLP((S, *hidden, A)), Categorical((A,)))
    return policy, rng.standard_normal(policy.n_parameters) * 0.5


@pytest.mark.parametrize("hidden", [(), (6,)], ids=["tabular", "MLP"])
def test_eq_4_L_touches_eta_in_value_and_in_gradient(hidden):
    mdps = [random_mdp(np.random.default_rng(seed), 5, 3, 0.9) for seed in range(200)]
    for mdp in mdps + [gymnasium_mdp(env_id, 0.95, **kwargs) for env_id, kwargs in GYMNASIUM]:
        rng, S = np.random.default_rng(0), len(mdp.rho_0)
        policy, theta = softmax_policy(mdp, hidden, rng)
        pi = softmax_table(policy, theta, np.eye(S))
        assert exact_surrogate(mdp, pi, pi) == pytest.approx(expected_return(mdp, pi), rel=1e-10, abs=1e-10)
        check_gradient(lambda t: expected_return(mdp, softmax_table(policy, t, np.eye(S))),
                       grad_exact_surrogate(mdp, pi, policy, theta), theta, random_directions(rng, 2, len(theta)))


def test_the_table_of_a_trained_policy_is_how_it_acts():
    *_, last = train(Config(env_id="FrozenLake-v1", timesteps=4000))
    policy, theta, scaling = last.policy, last.update.theta_new, last.scaling
    pi = softmax_table(policy, theta, (np.eye(16) - scaling.mean) / scaling.std)
    seeds, weights = np.random.SeedSequence(0), policy.unpack(theta)
    path = sample_path(make_env("FrozenLake-v1"), policy.act, weights, scaling, seeds, episode=0)
    s = (path.states * scaling.std + scaling.mean).argmax(axis=1)
    assert len(set(s)) > 3 and np.allclose(pi[s], np.exp(policy.family.log_p(policy.mu(theta, path.states))))


def test_eq_3_term_by_term():
    for seed in range(200):
        rng = np.random.default_rng(seed)
        mdp = random_mdp(rng, 4, 3, rng.uniform(0.1, 0.99))
        pi_old, pi = random_policy(rng, 4, 3), random_policy(rng, 4, 3)
        rho, A, L = visitation(mdp, pi_old), advantage(mdp, pi_old), expected_return(mdp, pi_old)
        for s in range(4):
            for a in range(3):
                L += rho[s] * pi[s, a] * A[s, a]
        assert exact_surrogate(mdp, pi_old, pi) == pytest.approx(L, rel=1e-10, abs=1e-10)


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
    Q = [discounted_sums(mdp.r[states[n, :T], actions[n, :T]], 1.0) for n, T in enumerate(lengths)]
    on_path = np.arange(lengths.max()) < lengths[:, None]
    s, a, Q = states[:, :-1][on_path], actions[on_path][:, None], np.concatenate(Q)
    X = np.eye(S)[s]
    mu_old, cache = policy.forward(theta_old, X)
    log_q = policy.family.log_prob(mu_old, a)
    mu = policy.mu(theta, X)
    g = policy.backprop(theta_old, cache, grad_surrogate(policy.family, mu_old, a, Q - V[s], log_q))
    estimates = [surrogate(policy.family, mu, a, Q - V[s], log_q), g @ v, mean_kl(policy.family, mu_old, mu),
                 v @ fisher_vector_product(policy, theta_old, cache, mu_old, v)]
    every_mu, every_cache = policy.forward(theta_old, np.eye(S))
    Jv = policy.forward_mode(theta_old, every_cache, v)
    vAv = rho @ (Jv * policy.family.M_product(every_mu, Jv)).sum(axis=1) / rho.sum()
    exact = [(1 - mdp.gamma) * (exact_surrogate(mdp, pi_old, pi) - expected_return(mdp, pi_old)),
             (1 - mdp.gamma) * grad_exact_surrogate(mdp, pi_old, policy, theta_old) @ v,
             visited_mean_kl(rho, pi_old, pi), vAv]
    return abs(np.array(estimates) - exact)


def test_samples_meet_theory_at_the_rate_of_one_over_root_N():
    """Eqs. (13) and (14): the core's estimates of L, gradient, mean KL and Fisher matrix, from 100 to 6400 paths."""
    rng = np.random.default_rng(0)
    mdp = random_mdp(rng, 5, 3, 0.8)
    policy, theta_old = softmax_policy(mdp, (6,), rng)
    theta, v = theta_old + 0.3 * rng.standard_normal(len(theta_old)), rng.standard_normal(len(theta_old))
    sizes = np.array([100, 400, 1600, 6400])
    errors = [np.sqrt(np.mean([errors_of_the_estimates(n, mdp, policy, theta_old, theta, v, rng) ** 2
                               for _ in range(24)], axis=0)) for n in sizes]
    for quantity in np.transpose(errors):  # root mean square errors over 24 repetitions
        slope = np.polyfit(np.log(sizes), np.log(quantity), 1)[0]
        assert slope == pytest.approx(-0.5, abs=0.12)


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
    L, kl = surrogate_and_kl(p.policy, p.batch, p.mu_old, p.log_q, p.theta)
    mu = p.policy.mu(p.theta, p.batch.states)
    assert L == surrogate(p.family, mu, p.batch.actions, p.batch.advantages, p.log_q)
    assert kl == mean_kl(p.family, p.mu_old, mu) > 0


def test_kl_at_theta_old_is_zero_and_so_is_its_gradient(p):
    assert mean_kl(p.family, p.mu_old, p.mu_old) == pytest.approx(0, abs=1e-15)
    assert np.allclose(grad_mean_kl(p.family, p.mu_old, p.mu_old), 0, atol=1e-15)
