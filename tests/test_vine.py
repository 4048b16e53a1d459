"""Vine: the trunk, the rollouts with common random numbers, and Eqs. (15) and (16) against the exact L."""
from functools import partial
from itertools import count
from types import SimpleNamespace

from mdps import random_mdp
from problems import FAMILIES, for_seeds, random_problem, sample_actions, softmax_table

import numpy as np
import pytest

from trpo_numpy.categorical import Categorical
from trpo_numpy.expected_return import action_value, exact_surrogate, expected_return, visitation
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.training import policy_and_baseline, train
from trpo_numpy.sampling import Path, rollout
from trpo_numpy.surrogate import grad_surrogate, surrogate, surrogate_and_gradient
from trpo_numpy.vine import (
    every_action,
    grad_vine_surrogate,
    rollout_Q,
    sample_trunk,
    vine,
    vine_batch,
    vine_path,
    vine_surrogate,
)


def options(batch_size=100, vine_states=100, vine_actions=4, vine_length=1000, gamma=0.5):
    """What vine reads of a Config."""
    return SimpleNamespace(batch_size=batch_size, vine_states=vine_states, vine_actions=vine_actions,
                           vine_length=vine_length, gamma=gamma)


def started(env_id, steps=0):
    """An environment some steps into an episode, `act` of a policy for it, its family, and the observation."""
    env = make_env(Config(env_id))
    policy, _ = policy_and_baseline(env, Config(hidden_sizes=(8,)))
    act = partial(policy.act, policy.unpack(policy.initial(np.random.default_rng(0), 0.0)))
    observation, _ = env.reset(seed=1)
    path = rollout(env, act, observation, np.random.default_rng(1), steps)
    return env, act, policy.family, path.states[-1]


# Restoring, and the trunk

@pytest.mark.parametrize("env_id", [
    "CartPole-v1", "Pendulum-v1", "Acrobot-v1", "MountainCarContinuous-v0", "FrozenLake-v1", "Taxi-v4",
    "CliffWalking-v1", "Count-v0", "Swimmer-v5", "Hopper-v5", "Walker2d-v5", "HalfCheetah-v5", "Ant-v5", "Humanoid-v5"])
def test_restoring_is_exact(env_id):
    """Same state, same noise: the same rollout to the byte, the environment's noise and its time limit included."""
    if env_id.endswith("-v5"):
        pytest.importorskip("mujoco", reason="needs the extra mujoco")
    env, act, _, s = started(env_id, steps=3)
    saved, paths = env.clone_state(), []
    for length in (1000, 30, 1000):
        env.restore_state(saved)
        paths.append(rollout(env, act, s, np.random.default_rng(2), length))
    assert paths[0].states.tobytes() == paths[2].states.tobytes()
    assert paths[0].rewards.tobytes() == paths[2].rewards.tobytes()
    assert paths[0].states[:len(paths[1].states)].tobytes() == paths[1].states.tobytes()


@pytest.mark.parametrize("env_id", ["Pendulum-v1", "FrozenLake-v1"])
def test_the_trunk_is_the_path_that_it_would_be_without_rollouts(env_id, monkeypatch):
    env, act, family, _ = started(env_id)
    seeds, paths, config = np.random.SeedSequence(0), [], options(vine_states=10, vine_length=20)
    for with_rollouts in (True, False):
        if not with_rollouts:
            monkeypatch.setattr(env, "clone_state", lambda: None)
        paths.append((vine_path if with_rollouts else sample_trunk)(env, act, family, config, seeds, 3)[0])
    assert paths[0].states.tobytes() == paths[1].states.tobytes()
    assert paths[0].actions.tobytes() == paths[1].actions.tobytes()


def test_the_trunk_is_a_path_of_the_policy_and_the_environment():
    env, _, family, _ = started("Terminates-v0")
    path, rollout_set = sample_trunk(env, lambda s, rng: 0.1 * s[:1], family, options(), np.random.SeedSequence(0), 0)
    assert path.states[:, 0].tolist() == [0, 1, 2, 3] and path.rewards.tolist() == [1, 2, 3] and path.terminated
    assert np.array_equal(path.actions, 0.1 * path.states[:-1, :1])
    assert np.array_equal([s for s, *_ in rollout_set], path.states[:-1])


def test_each_state_of_the_trunk_is_as_likely_in_the_rollout_set_as_another():
    env, act, family, _ = started("Count-v0")
    config, seeds = options(batch_size=10, vine_states=2), np.random.SeedSequence(0)
    rollout_sets = [sample_trunk(env, act, family, config, seeds, episode)[1] for episode in range(400)]
    t = [int(s[0]) for rollout_set in rollout_sets for s, *_ in rollout_set]
    assert (abs(np.bincount(t, minlength=5) - 80) < 4 * np.sqrt(400 * 0.2 * 0.8)).all()


# The actions of a state

def test_every_action_of_a_finite_set_that_is_small_enough():
    assert every_action(Categorical((2,)), 4).tolist() == [[0], [1]]
    assert every_action(Categorical((2, 3)), 6).tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    assert every_action(Categorical((2, 3)), 5) is None and every_action(Gaussian(1), 5) is None


def test_the_actions_of_a_state_are_all_of_them_or_K_of_the_policy():
    def act(s, rng):
        return np.array([s[0] + rng.integers(10, 12)]) if continuous else np.array([1, 3])

    for env_id, continuous in [("Count-v0", True), ("MultiDiscreteActions-v0", False)]:
        env, _, family, _ = started(env_id)
        for K in (7, 8):
            _, rollout_set = sample_trunk(env, act, family, options(vine_actions=K), np.random.SeedSequence(0), 0)
            assert len(rollout_set) == 5
            for t, (_, _, actions, _) in enumerate(rollout_set):
                if continuous:
                    assert actions.shape == (K, 1) and set(actions[:, 0] - t) == {10, 11}
                elif K == 7:
                    assert actions.tolist() == [[1, 3]] * 7
                else:
                    assert np.array_equal(actions, every_action(family, 8))


# The rollouts

@pytest.mark.parametrize("t, length, rewards", [(0, 1000, [1, 2, 3, 4, 5]), (2, 1000, [3, 4, 5]), (1, 3, [2, 3, 4]),
                                                (3, 1, [4]), (4, 2, [5])])
def test_Q_is_the_discounted_sum_of_the_rewards_of_a_rollout(t, length, rewards):
    """The episode ends after step 5. After the given action the policy acts, and it acts in the states it reaches."""
    env, *_ = started("Count-v0", steps=t)
    saved = env.clone_state()
    env.reset(seed=7)
    Q, n_steps = rollout_Q(env, lambda s, rng: s[:1] / 10, saved, 5, np.array([0.75]), options(vine_length=length))
    assert Q == sum(0.5 ** k * reward for k, reward in enumerate(rewards)) and n_steps == len(rewards)
    taken = [a[0] for a in env.unwrapped.seen_actions[t:]]
    assert taken == pytest.approx([0.75, *(0.1 * (t + k) for k in range(1, len(rewards)))])


def test_a_rollout_ends_where_the_mdp_ends():
    env, act, *_ = started("Terminates-v0", steps=2)
    assert rollout_Q(env, act, env.clone_state(), 5, np.zeros(1), options()) == (3.0, 1)


def test_the_branches_of_a_path_are_the_rollouts_from_its_states():
    env, act, family, _ = started("Count-v0")
    config = options(vine_states=40)
    path, branches = vine_path(env, act, family, config, np.random.SeedSequence(0), 1)
    again, rollout_set = sample_trunk(env, act, family, config, np.random.SeedSequence(0), 1)
    assert path.states.tobytes() == again.states.tobytes() and 0 < len(branches) == len(rollout_set) < 5
    for (s, actions, Q, n_steps), (wanted_s, _, wanted_actions, _) in zip(branches, rollout_set):
        t = int(s[0])
        assert np.array_equal(s, wanted_s) and np.array_equal(actions, wanted_actions) and actions.shape == (4, 1)
        assert Q.tolist() == [sum(0.5 ** k * (t + 1 + k) for k in range(5 - t))] * 4 and n_steps == 4 * (5 - t)


def test_an_attribute_that_a_rollout_adds_is_gone_in_the_next():
    env, act, family, _ = started("LateAttribute-v0")
    path, branches = vine_path(env, act, family, options(vine_states=50), np.random.SeedSequence(0), 0)
    (s, actions, Q, _), *_ = [branch for branch in branches if branch[0][0] == 0]
    assert Q == pytest.approx(np.clip(actions[:, 0], -1, 1) * (2 - 0.5 ** 4), rel=1e-6)
    assert len(set(Q)) == 4


def test_all_actions_of_a_state_have_the_same_noise_and_another_state_has_its_own():
    """Of the policy and of the environment: with the same action twice the rollout is the same."""
    env, act, family, _ = started("Count-v0")

    def noisy(s, rng):
        used.append(rng.random() + s[1])
        return np.zeros(1)

    _, rollout_set = sample_trunk(env, act, family, options(), np.random.SeedSequence(0), 0)
    noise = []
    for _, saved, _, noise_seed in rollout_set[:2]:
        for a in (0.5, -0.5):
            used: list = []
            rollout_Q(env, noisy, saved, noise_seed, np.array([a]), options(vine_length=3))
            noise.append(used)
    assert noise[0] == noise[1] != noise[2] == noise[3] and len(set(noise[0] + noise[2])) == 4
    assert len({noise_seed for *_, noise_seed in rollout_set}) == 5


def test_the_noise_of_a_rollout_is_that_of_its_seed_and_not_the_trunks():
    env, *_ = started("Count-v0")
    saved, seen = {}, {}
    for trunk in (5, 6):
        env.unwrapped.np_random = np.random.default_rng(trunk)
        saved[trunk] = env.clone_state()

    def noise(s, rng):
        observed.append(s[1])
        return np.zeros(1)

    for seed, trunk in [(1, 5), (1, 6), (2, 5)]:
        observed: list = []
        rollout_Q(env, noise, saved[trunk], seed, np.zeros(1), options())
        seen[seed, trunk] = observed
    assert len(seen[1, 5]) == 4 and seen[1, 5] == seen[1, 6] and not set(seen[1, 5]) & set(seen[2, 5])


# From branches to a batch

def test_a_vine_goes_on_until_it_has_its_steps_and_a_branch():
    def path(n_steps):
        return Path(np.zeros((n_steps + 1, 1)), np.zeros((n_steps, 1)), np.zeros(n_steps), False)

    for episodes, n_steps, n_paths, branches in [
            ([(path(3), ["a"]), (path(3), []), (path(3), ["b"])], 6, 2, ["a"]),
            ([(path(3), ["a"]), (path(3), ["b", "c"]), (path(3), ["d"])], 7, 3, ["a", "b", "c", "d"]),
            ([(path(3), []), (path(3), []), (path(3), ["b"]), (path(3), ["c"])], 2, 3, ["b"])]:
        paths, found = vine(iter(episodes), n_steps)
        assert paths == [p for p, _ in episodes[:n_paths]] and found == branches


def branches_of(p, actions_of):
    """N branches in the states of the problem p: (s, actions, Q, number of steps)."""
    branches = []
    for s in p.batch.states:
        actions = actions_of(s)
        branches.append((s, actions, p.rng.standard_normal(len(actions)), 7))
    return branches


def ratios_and_Q(p, theta, branches):
    """pi_theta(a_k|s_n), pi_old(a_k|s_n) and Q_nk one by one, as lists of N lists of K."""
    for s, actions, Q, _ in branches:
        mu, mu_old = p.policy.mu(theta, s[None]), p.policy.mu(p.theta_old, s[None])
        yield [(np.exp(p.family.log_prob(mu, a[None])[0]), np.exp(p.family.log_prob(mu_old, a[None])[0]), Q_k)
               for a, Q_k in zip(actions, Q)]


def L_of(p, batch, theta):
    _, _, log_q, L_old, _ = surrogate_and_gradient(p.policy, batch, p.theta_old)
    assert L_old == batch.L(p.family, p.policy.mu(p.theta_old, batch.states), batch.actions, batch.Q, log_q)
    return batch.L(p.family, p.policy.mu(theta, batch.states), batch.actions, batch.Q, log_q)


@pytest.mark.parametrize("family", [Categorical((3,)), Categorical((2, 4))], ids=str)
def test_with_every_action_L_is_the_double_sum_of_eq_15(family):
    p = random_problem(family, (5,))
    K = int(np.prod(family.factor_sizes))
    branches = branches_of(p, lambda s: every_action(family, K))
    batch = vine_batch(branches, family, options(vine_actions=K))
    assert (batch.L, batch.grad_L) == (surrogate, grad_surrogate) and (batch.log_q == -np.log(K)).all()
    assert len(vine_batch(branches[:1], family, options(vine_actions=K)).Q) == K
    for theta in (p.theta_old, p.theta):
        L = 0.0
        for state in ratios_and_Q(p, theta, branches):
            for pi, _, Q in state:
                L += pi * Q / len(branches)
        assert L_of(p, batch, theta) == pytest.approx(L, rel=1e-12)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_with_sampled_actions_L_is_the_mean_of_eq_16(family):
    p = random_problem(family, (5,))
    branches = branches_of(p, lambda s: sample_actions(p.policy, p.theta_old, s[None], p.rng, K=2))
    batch = vine_batch(branches, family, options(vine_actions=2))
    assert batch.log_q is None
    assert [(f.func, f.args, f.keywords) for f in (batch.L, batch.grad_L)] == [(vine_surrogate, (2,), {}),
                                                                               (grad_vine_surrogate, (2,), {})]
    for theta in (p.theta_old, p.theta):
        L = 0.0
        for state in ratios_and_Q(p, theta, branches):
            above = sum(pi / pi_old * Q for pi, pi_old, Q in state)
            L += above / sum(pi / pi_old for pi, pi_old, _ in state) / len(branches)
        assert L_of(p, batch, theta) == pytest.approx(L, rel=1e-12)


def test_a_batch_has_K_rows_for_each_state():
    p = random_problem(Gaussian(2), (), N=3)
    branches = branches_of(p, lambda s: p.rng.standard_normal((4, 2)))
    batch = vine_batch(branches, Gaussian(2), options())
    rows = [(s, a, Q_k) for s, actions, Q, _ in branches for a, Q_k in zip(actions, Q)]
    states, actions, Q = map(np.array, zip(*rows))
    assert np.array_equal(batch.states, states) and np.array_equal(batch.actions, actions)
    assert np.array_equal(batch.Q, Q) and len(Q) == 12


def test_eq_16_does_not_feel_a_constant_added_to_the_Q_of_a_state():
    p = random_problem(Gaussian(2), (5,))
    branches = branches_of(p, lambda s: sample_actions(p.policy, p.theta_old, s[None], p.rng, K=4))
    shifted = [(s, actions, Q + 10 * n, n_steps) for n, (s, actions, Q, n_steps) in enumerate(branches)]
    first, other = (surrogate_and_gradient(p.policy, vine_batch(b, p.family, options()), p.theta_old)
                    for b in (branches, shifted))
    assert other[3] == pytest.approx(first[3] + 10 * np.mean(range(7)), rel=1e-12)
    assert np.allclose(other[4], first[4], rtol=1e-9, atol=1e-12)


# Convergence

class Finite:
    """A FiniteMDP as an environment without Gymnasium, which is faster. Its states are one-hot.

    gamma is the chance to go on. So sums without a discount are Q, and the states of its paths are distributed as rho.
    """
    def __init__(self, mdp):
        self.r, self.gamma, self.one_hot, self.unwrapped = mdp.r, mdp.gamma, np.eye(len(mdp.rho_0)), self
        self.rho_0, self.P = mdp.rho_0.cumsum(), mdp.P.cumsum(axis=2)
        self.last = len(mdp.rho_0) - 1

    def draw(self, cumulative):
        self.s = min(int(cumulative.searchsorted(self.np_random.random())), self.last)
        return self.one_hot[self.s]

    def reset(self, seed):
        self.np_random = np.random.default_rng(seed)
        return self.draw(self.rho_0), {}

    def step(self, a):
        reward = self.r[self.s, a[0]]
        return self.draw(self.P[self.s, a[0]]), reward, self.np_random.random() > self.gamma, False, {}

    def clone_state(self):
        return self.s, self.np_random.bit_generator.state

    def restore_state(self, saved):
        self.s = saved[0]
        self.np_random = np.random.default_rng(0)  # another one: a rollout replaces it
        self.np_random.bit_generator.state = saved[1]


def finite(seed):
    """A random MDP, its environment, a linear policy with parameters theta_old, and a theta away from it."""
    rng = np.random.default_rng(seed)
    mdp, policy = random_mdp(rng, 4, 3, 0.8), Policy(MLP((4, 3)), Categorical((3,)))
    theta_old = 0.5 * rng.standard_normal(policy.n_parameters)
    return mdp, Finite(mdp), policy, theta_old, theta_old + np.random.default_rng(100 + seed).standard_normal(15)


def act_by_table(cumulative_pi, s, rng):
    return np.array([cumulative_pi[s.argmax()].searchsorted(rng.random())])


def limit_of_eq_16(rho, pi_old, pi, Q, K):
    """What Eq. (16) converges to as N grows: its expectation over all K-tuples of actions of pi_old."""
    limit = 0.0
    for s in range(len(rho)):
        for a in map(list, np.ndindex(*[Q.shape[1]] * K)):
            ratios = pi[s, a] / pi_old[s, a]
            limit += rho[s] * pi_old[s, a].prod() * (ratios @ Q[s, a]) / ratios.sum()
    return limit


def estimate_by_a_vine(n_states, K, seed):
    """Eq. (15) or (16) on `finite(0)` with about n_states states. Without a discount, as `Finite` says."""
    _, env, policy, theta_old, theta = finite(0)
    config = options(batch_size=4 * n_states, vine_states=n_states, vine_actions=K, gamma=1.0)
    act = partial(act_by_table, softmax_table(policy, theta_old, np.eye(4)).cumsum(axis=1))
    episodes = (vine_path(env, act, policy.family, config, np.random.SeedSequence(seed), n) for n in count())
    batch = vine_batch(vine(episodes, config.batch_size)[1], policy.family, config)
    _, _, log_q, _, _ = surrogate_and_gradient(policy, batch, theta_old)
    return batch.L(policy.family, policy.mu(theta, batch.states), batch.actions, batch.Q, log_q)


@pytest.mark.parametrize("K", [3, 2], ids=["Eq. (15)", "Eq. (16)"])
def test_vine_converges_to_the_exact_surrogate_or_to_the_limit_of_eq_16(K):
    mdp, _, policy, theta_old, theta = finite(0)
    pi_old, pi = (softmax_table(policy, t, np.eye(4)) for t in (theta_old, theta))
    rho, Q = (1 - mdp.gamma) * visitation(mdp, pi_old), action_value(mdp, pi_old)
    exact = rho @ (pi * Q).sum(axis=1)  # L of Eq. (3) but for a constant, as Section 5 has it
    gain = (1 - mdp.gamma) * (exact_surrogate(mdp, pi_old, pi) - expected_return(mdp, pi_old))
    assert exact - rho @ (pi_old * Q).sum(axis=1) == pytest.approx(gain, abs=1e-12)
    limits = np.array([limit_of_eq_16(rho, pi_old, pi, Q, k) for k in (2, 3, 6)])
    assert (np.diff(abs(limits - exact)) < 0).all() and abs(limits[-1] - exact) < 0.2 * gain, "consistent in K"
    limit, other = (exact, limits[0]) if K == 3 else (limits[0], exact)
    rms = []
    for n_states in (40, 360):
        errors = np.array(for_seeds(partial(estimate_by_a_vine, n_states, K), 10)) - limit
        assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(9)
        rms.append(np.sqrt(np.mean(np.square(errors))))
    assert 1.5 < rms[0] / rms[1] < 6, "nine times the states, about a third of the error"
    assert abs(limit - other) > 4 * rms[1] / np.sqrt(10), "the two limits can be told apart"


def variance_factor(env, act, actions, n, **changes):
    """Variance of Q(s, a_1) - Q(s, a_2) with independent random numbers over that with common ones."""
    saved, variances = env.clone_state(), []
    for offset in (n, 0):
        Q = [[rollout_Q(env, act, saved, seed, a, options(**changes))[0]
              for a, seed in zip(actions, (noise, noise + offset))] for noise in range(n)]
        variances.append(np.var(np.diff(Q, axis=1)))
    return variances[0] / variances[1]


def test_common_random_numbers_lower_the_variance_of_Q_differences():
    mdp, env, policy, theta_old, _ = finite(2)
    env.reset(seed=0)
    act = partial(act_by_table, softmax_table(policy, theta_old, np.eye(4)).cumsum(axis=1))
    at_mdp = variance_factor(env, act, np.array([[0], [1]]), 500, gamma=1.0)
    env, act, *_ = started("Pendulum-v1", steps=7)
    at_pendulum = variance_factor(env, act, np.array([[-0.5], [0.5]]), 60, vine_length=20, gamma=0.99)
    assert at_mdp > 2 and at_pendulum > 20


# In the training loop

def test_trains_and_counts_the_steps_of_the_rollouts():
    config = Config(env_id="Pendulum-v1", vine_states=20, vine_length=5, batch_size=400, timesteps=1500, baseline=True)
    first, second = train(config)
    assert first.timesteps - 400 in range(4 * 5 * 5, 4 * 5 * 45) and first.episodes == 2 and second.episodes == 4
    assert np.isnan(first.explained_variance) and first.update.status == "accepted"
    again, _ = train(config)
    assert again.update.theta_new.tobytes() == first.update.theta_new.tobytes()
