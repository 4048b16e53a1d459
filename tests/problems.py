"""Small random problems for the tests: a policy, two thetas, and a batch."""
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from types import SimpleNamespace

import numpy as np

from trpo_numpy.categorical import Categorical
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.scaling import no_scaling, scaled_action
from trpo_numpy.practice.training import policy_and_baseline
from trpo_numpy.sampling import sample_path
from trpo_numpy.surrogate import Batch

FAMILIES = [Gaussian(2), Categorical((3,)), Categorical((2, 4))]  # list a new family here: the tests then find it
HIDDEN = [(), (5,), (4, 5)]
GYMNASIUM = [("FrozenLake-v1", {}), ("FrozenLake-v1", {"map_name": "8x8"}), ("CliffWalking-v1", {}), ("Taxi-v4", {})]


def for_seeds(function, n_seeds):
    """function(seed) for each seed, on all processors."""
    with ProcessPoolExecutor() as pool:
        return list(pool.map(function, range(n_seeds), chunksize=-(-n_seeds // 100)))


def random_problem(family, hidden, seed=0, N=7, distance=0.3):
    """theta_old, theta at a distance from it, states (N, 3), actions of pi_theta_old, advantages."""
    rng = np.random.default_rng(seed)
    policy = Policy(MLP((3, *hidden, family.d_output)), family)
    theta_old = policy.initial(rng, -0.2) + 0.5 * rng.standard_normal(policy.n_parameters)
    theta = theta_old + distance * rng.standard_normal(policy.n_parameters)
    states = rng.standard_normal((N, 3))
    actions = sample_actions(policy, theta_old, states, rng)
    mu_old = policy.mu(theta_old, states)
    batch = Batch(states, actions, rng.standard_normal(N))
    return SimpleNamespace(policy=policy, family=family, theta_old=theta_old, theta=theta, batch=batch, mu_old=mu_old,
                           log_q=family.log_prob(mu_old, actions), rng=rng)


def sample_actions(policy, theta, states, rng, K=1):
    """K actions of pi_theta in each of the states (N, d_s): (N*K, d_a), K rows for the first state, and so on."""
    parameters = policy.unpack(theta)
    return np.array([policy.act(parameters, s, rng) for s in states for _ in range(K)])


def softmax_table(policy, theta, states):
    """pi (S, A) of a policy with a categorical family of one factor, for the S rows of states."""
    return np.exp(policy.family.log_p(policy.mu(theta, states)))


def check_kl_and_entropy_by_sampling(family, mu, mu_new, a):
    """KL(old || new) and the entropy are averages over actions a of the old policy, within three standard errors."""
    log_old, log_new = (family.log_prob(np.repeat(m, len(a), axis=0), a) for m in (mu, mu_new))
    for samples, exact in [(log_old - log_new, family.kl(mu, mu_new)[0]), (-log_old, family.entropy(mu)[0])]:
        assert abs(samples.mean() - exact) < 3 * samples.std() / np.sqrt(len(samples))


def sample_states_and_actions(mdp, pi, rng, n_paths, T):
    """n_paths paths of T steps under pi at once: states (n_paths, T + 1) and actions (n_paths, T), integers."""
    cumulative_P, cumulative_pi = mdp.P.cumsum(axis=2), pi.cumsum(axis=1)
    states, actions = np.empty((n_paths, T + 1), dtype=int), np.empty((n_paths, T), dtype=int)
    states[:, 0] = rng.choice(len(mdp.rho_0), size=n_paths, p=mdp.rho_0)
    last_s, last_a = len(mdp.rho_0) - 1, pi.shape[1] - 1
    for t in range(T):
        s = states[:, t]
        actions[:, t] = a = np.minimum((rng.random((n_paths, 1)) > cumulative_pi[s]).sum(axis=1), last_a)
        states[:, t + 1] = np.minimum((rng.random((n_paths, 1)) > cumulative_P[s, a]).sum(axis=1), last_s)
    return states, actions


def sample_one(env_id, episode=0, act="act", scaling=None, log_std=0.0):
    """The environment, a Policy for it and one sampled Path."""
    env = make_env(Config(env_id))
    policy, _ = policy_and_baseline(env, Config(hidden_sizes=(4,)))
    theta = policy.initial(np.random.default_rng(0), log_std)
    scaling = scaling or no_scaling(policy.network.sizes[0])
    chosen = partial(scaled_action, getattr(policy, act), policy.unpack(theta), scaling)
    return env, policy, sample_path(env, chosen, np.random.SeedSequence(0), episode)
