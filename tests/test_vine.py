"""Vine: exact restoring, common random numbers, and Eqs. (15) and (16) against the exact L."""
from functools import partial

import environments  # noqa: F401
import numpy as np
import pytest
from problems import for_seeds

from trpo_numpy import vine
from trpo_numpy.baseline import no_scaling
from trpo_numpy.config import Config
from trpo_numpy.executor import in_order
from trpo_numpy.expected_return import action_value, expected_return, random_mdp, visitation
from trpo_numpy.environment import make_env, policy_for, restore, save
from trpo_numpy.sampling import follow
from trpo_numpy.surrogate import exact_surrogate, log_prob, softmax_table
from trpo_numpy.training import train


def sample_vine(env, policy, weights, config, seed):
    """A vine by the environment env, unscaled."""
    arguments = policy, weights, no_scaling(policy.network.sizes[0]), config, np.random.SeedSequence(seed)
    return vine.vine(in_order(vine.vine_path, env, None, arguments, 0), policy, config)


def start(env_id, log_std=0.0, steps=7):
    """An environment some steps into an episode, a policy for it, and the observation."""
    env = make_env(env_id)
    policy = policy_for(env, (8,))
    theta = policy.initial(np.random.default_rng(0), log_std)
    weights, scaling = policy.unpack(theta), no_scaling(policy.network.sizes[0])
    observation, _ = env.reset(seed=1)
    path = follow(env, policy.act, weights, scaling, observation, np.random.default_rng(1), steps, "")
    return env, policy, weights, scaling, path.states[-1]


@pytest.mark.parametrize("env_id", [
    "CartPole-v1", "Pendulum-v1", "Acrobot-v1", "MountainCarContinuous-v0", "FrozenLake-v1", "Taxi-v4",
    "CliffWalking-v1", "Count-v0", "Swimmer-v5", "Hopper-v5", "Walker2d-v5", "HalfCheetah-v5", "Ant-v5", "Humanoid-v5"])
def test_restoring_is_exact(env_id):
    """Same state, same noise: the same rollout, bitwise, the environment's noise and its time limit included."""
    if env_id.endswith("-v5"):
        pytest.importorskip("mujoco", reason="needs the extra mujoco")
    env, policy, weights, scaling, s = start(env_id, steps=3)
    saved, paths = save(env), []
    for length in (1000, 30, 1000):
        restore(env, saved)
        paths.append(follow(env, policy.act, weights, scaling, s, np.random.default_rng(2), length, ""))
    assert paths[0].states.tobytes() == paths[2].states.tobytes()
    assert paths[0].rewards.tobytes() == paths[2].rewards.tobytes()
    assert paths[0].states[:len(paths[1].states)].tobytes() == paths[1].states.tobytes()


def test_the_trunk_goes_on_as_if_nothing_had_been_branched_from_it():
    for env_id in ["Pendulum-v1", "FrozenLake-v1"]:
        env, policy, weights, scaling, s = start(env_id)
        saved = save(env)
        paths = []
        for branched in (False, True):
            restore(env, saved)
            if branched:
                vine.branch(env, policy, weights, scaling, s, np.random.default_rng(3), Config())
            paths.append(follow(env, policy.act, weights, scaling, s, np.random.default_rng(2), 50, ""))
        assert paths[0].states.tobytes() == paths[1].states.tobytes()


@pytest.mark.parametrize("env_id", ["Elsewhere-v0", "RewardElsewhere-v0", "Handle-v0"])
def test_an_environment_that_cannot_be_restored_is_refused_before_any_sampling(env_id, monkeypatch):
    monkeypatch.setattr("trpo_numpy.training.vine_path", None)
    with pytest.raises(ValueError, match=f"^env_id: {env_id} cannot be restored .*, wanted an environment|; wanted"):
        next(train(Config(env_id=env_id, vine_states=5)))


def test_every_state_of_the_trunk_is_as_likely_to_be_branched_from():
    env, policy, weights, scaling, _ = start("Count-v0")
    config = Config(batch_size=2000, vine_states=400, vine_length=1)
    paths, batch, n_steps = sample_vine(env, policy, weights, config, 0)
    t, counts = np.unique(batch.states[:, 0], return_counts=True)
    assert t.tolist() == [0, 1, 2, 3, 4] and abs(counts - 80).max() < 40 and abs(counts.sum() - 400) < 80
    assert n_steps == 2000 + len(batch.advantages) == 2000 + 4 * len(batch.states)
    assert (batch.advantages.reshape(-1, 4) == batch.states[:, :1] + 1).all()  # the reward of one step is t + 1


def test_actions_all_or_sampled():
    config = Config(vine_actions=8)
    for env_id, shape, estimator in [("MultiDiscreteActions-v0", (8, 2), vine.all_actions_surrogate),
                                     ("Pendulum-v1", (8, 1), vine.vine_surrogate)]:
        env, policy, weights, scaling, s = start(env_id, steps=2)
        actions, Q, n_steps = vine.branch(env, policy, weights, scaling, s, np.random.default_rng(0), config)
        assert actions.shape == shape and Q.shape == (8,) and len(np.unique(actions, axis=0)) == 8
    assert vine.all_actions(policy_for(make_env("MultiDiscreteActions-v0"), ()).family, 7) is None
    assert vine.all_actions(policy_for(make_env("CartPole-v1"), ()).family, 4).tolist() == [[0], [1]]


def dynamics(seed, S=4, A=3):
    """A random MDP, an environment of its dynamics, a policy with parameters theta_old, and a theta away from it."""
    rng = np.random.default_rng(seed)
    mdp = random_mdp(rng, S, A, 0.8)
    environments.Dynamics.mdp = mdp
    env = make_env("Dynamics-v0")
    policy = policy_for(env, ())
    theta_old = 0.5 * rng.standard_normal(policy.n_parameters)
    return mdp, env, policy, theta_old, theta_old + 0.3 * rng.standard_normal(policy.n_parameters)


def limit_of_eq_16(rho, pi_old, pi, Q, K):
    """What Eq. (16) converges to as N grows: its expectation over all K-tuples of actions of pi_old."""
    limit = 0.0
    for s in range(len(rho)):
        for a in map(list, np.ndindex(*[Q.shape[1]] * K)):
            ratios = pi[s, a] / pi_old[s, a]
            limit += rho[s] * pi_old[s, a].prod() * (ratios @ Q[s, a]) / ratios.sum()
    return limit


def estimate_by_a_vine(n_states, K, seed):
    """Eq. (15) or (16) on `dynamics(1)`. Without a discount: there the chance to go on stands in for it."""
    _, env, policy, theta_old, theta = dynamics(1)
    config = Config(batch_size=4 * n_states, vine_states=n_states, vine_actions=K, vine_length=1000, gamma=1 - 1e-12)
    _, batch, _ = sample_vine(env, policy, policy.unpack(theta_old), config, seed)
    log_q = log_prob(policy.family, policy.mu(theta_old, batch.states), batch.actions)
    return batch.L(policy.family, policy.mu(theta, batch.states), batch.actions, batch.advantages, log_q)


@pytest.mark.parametrize("K", [3, 2], ids=["Eq. (15)", "Eq. (16)"])
def test_vine_agrees_with_the_exact_surrogate_as_N_grows(K):
    """Sums are undiscounted, and gamma is the chance to go on: they are Q, and the trunk's states are from rho."""
    mdp, _, policy, theta_old, theta = dynamics(1)
    pi_old, pi = (softmax_table(policy, t, np.eye(4)) for t in (theta_old, theta))
    rho, Q = (1 - mdp.gamma) * visitation(mdp, pi_old), action_value(mdp, pi_old)
    exact = rho @ (pi * Q).sum(axis=1)  # L of Eq. (3) but for a constant, as Section 5 has it
    gain = (1 - mdp.gamma) * (exact_surrogate(mdp, pi_old, pi) - expected_return(mdp, pi_old))
    assert exact - rho @ (pi_old * Q).sum(axis=1) == pytest.approx(gain, abs=1e-12)
    if K == 2:  # with few actions a state a normalised average sees only a part of the gain
        limits = np.array([limit_of_eq_16(rho, pi_old, pi, Q, k) for k in (2, 3, 6)])
        assert (np.diff(abs(limits - exact)) < 0).all() and abs(limits[-1] - exact) < 0.2 * gain
        exact = limits[0]
    rms = []
    for n_states in (50, 450):
        errors = np.array(for_seeds(partial(estimate_by_a_vine, n_states, K), 8)) - exact
        assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(7)
        rms.append(np.sqrt(np.mean(np.square(errors))))
    assert 1.5 < rms[0] / rms[1] < 6, "nine times the states, about a third of the error"


def variance_factor(started, config, n):
    """Variance of Q(s, a_1) - Q(s, a_2) with independent random numbers over that with common ones."""
    env, policy, weights, scaling, s = started
    saved = save(env)
    a_1, a_2 = vine.all_actions(policy.family, 4)[:2] if hasattr(policy.family, "factor_sizes") else ([-0.5], [0.5])
    differences = {}
    for name, offset in [("common", 0), ("independent", 10_000)]:
        Q = []
        for noise in range(n):
            for a, seed in [(a_1, noise), (a_2, noise + offset)]:
                restore(env, saved)
                Q.append(vine.rollout_return(env, policy, weights, scaling, np.array(a), seed, config)[0])
        differences[name] = np.var(np.diff(np.reshape(Q, (n, 2)), axis=1))
    return differences["independent"] / differences["common"]


def test_common_random_numbers_lower_the_variance_of_Q_differences():
    mdp, env, policy, theta_old, _ = dynamics(2)
    env.reset(seed=0)
    s = np.eye(4)[env.unwrapped.s]
    at_mdp = variance_factor((env, policy, policy.unpack(theta_old), no_scaling(4), s), Config(vine_length=50), 400)
    at_pendulum = variance_factor(start("Pendulum-v1"), Config(vine_length=50), 100)
    print(f"variance of Q differences, independent over common: MDP {at_mdp:.2f}, Pendulum-v1 {at_pendulum:.1f}")
    assert at_mdp > 1.3 and at_pendulum > 3


def test_an_attribute_that_a_step_adds_is_taken_away():
    env, policy, weights, scaling, s = start("LateAttribute-v0", steps=0)
    actions, Q, _ = vine.branch(env, policy, weights, scaling, s, np.random.default_rng(0), Config(gamma=0.5))
    assert Q == pytest.approx(np.clip(actions[:, 0], -1, 1) * (2 - 0.5 ** 4), rel=1e-6)
    assert not hasattr(env.unwrapped, "first")


def test_the_noise_of_a_rollout_is_its_seeds_and_not_the_trunks():
    _, env, policy, theta_old, _ = dynamics(2)
    env.reset(seed=0)
    saved, Q = save(env), {}
    for noise, trunk in [(1, 5), (1, 6), (2, 5)]:
        restore(env, saved)
        env.unwrapped.np_random = np.random.default_rng(trunk)
        Q[noise, trunk] = vine.rollout_return(env, policy, policy.unpack(theta_old), no_scaling(4), np.array([0]),
                                              noise, Config(vine_length=30))
    assert Q[1, 5] == Q[1, 6] != Q[2, 5]


def test_trains_and_counts_the_steps_of_the_rollouts():
    config = Config(env_id="Pendulum-v1", vine_states=20, vine_length=5, batch_size=400, timesteps=1500, baseline=True)
    first, second = train(config)
    assert first.timesteps - 400 in range(4 * 5 * 5, 4 * 5 * 45) and first.episodes == 2 and second.episodes == 4
    assert np.isnan(first.explained_variance) and first.update.status == "accepted"
    again, _ = train(config)
    assert again.update.theta_new.tobytes() == first.update.theta_new.tobytes()


def test_fewer_than_two_actions_and_more_states_than_steps_are_refused():
    with pytest.raises(ValueError, match="vine_actions: got 1, wanted a whole number at least 2"):
        Config(vine_actions=1)
    with pytest.raises(ValueError, match="vine_states: got 30, wanted at most batch_size, 20"):
        Config(vine_states=30, batch_size=20)
