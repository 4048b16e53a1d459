"""Single path: whole paths, their ends, the environment's door, and what is refused."""
import environments  # noqa: F401
import gymnasium as gym
import numpy as np
import pytest

from trpo_numpy.baseline import Scaling, no_scaling
from trpo_numpy.categorical import Categorical
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.environment import make_env, policy_for
from trpo_numpy.sampling import greedy_returns, in_order, sample_path, single_path


def sample(env_id, episode=0, act="act", scaling=None, log_std=0.0):
    env = make_env(env_id)
    policy = policy_for(env, (4,))
    theta = policy.initial(np.random.default_rng(0), log_std)
    scaling = scaling or no_scaling(policy.network.sizes[0])
    path = sample_path(env, getattr(policy, act), policy.unpack(theta), scaling, np.random.SeedSequence(0), episode)
    return env, policy, path


def test_a_path_that_terminates_and_one_that_is_truncated():
    _, _, path = sample("Terminates-v0")
    assert path.terminated and path.rewards.tolist() == [1, 2, 3] and path.states[:, 0].tolist() == [0, 1, 2, 3]
    _, _, path = sample("Count-v0")
    assert not path.terminated and path.rewards.tolist() == [1, 2, 3, 4, 5]
    assert path.states.shape == (6, 2) and path.actions.shape == (5, 1)


def test_actions_are_clipped_at_the_door_only():
    env, _, path = sample("MatrixActions-v0", log_std=1.0)
    seen = env.unwrapped.seen_actions
    assert path.actions.shape == (5, 4) and abs(path.actions).max() > 1
    for a, clipped in zip(path.actions, seen):
        assert clipped.shape == (2, 2) and clipped.dtype == np.float32 and env.action_space.contains(clipped)
        assert np.allclose(clipped.ravel(), np.clip(a, -0.1, 0.1))


def test_integers_are_counted_from_the_spaces_start():
    env, policy, path = sample("DiscreteActions-v0")
    assert policy.family == Categorical((3,)) and set(path.actions.ravel()) <= {0, 1, 2}
    assert env.unwrapped.seen_actions == [int(a) + 5 for a in path.actions[:, 0]]
    env, policy, path = sample("MultiDiscreteActions-v0")
    assert policy.family == Categorical((2, 4))
    assert [a.tolist() for a in env.unwrapped.seen_actions] == [[a, b + 7] for a, b in path.actions]


def test_discrete_states_are_one_hot_and_images_are_flat():
    _, _, path = sample("DiscreteStates-v0")
    assert path.states.tolist() == np.eye(4)[[0, 1, 2, 3, 0, 1]].tolist()
    assert sample("ImageStates-v0")[2].states.shape == (6, 6)


@pytest.mark.parametrize("env_id", ["Pendulum-v1", "CartPole-v1", "FrozenLake-v1", "MountainCarContinuous-v0"])
def test_gymnasiums_own(env_id):
    _, policy, path = sample(env_id)
    assert len(path.states) == len(path.actions) + 1 == len(path.rewards) + 1
    assert isinstance(policy.family, Gaussian if env_id in ("Pendulum-v1", "MountainCarContinuous-v0") else Categorical)


def test_the_policy_sees_scaled_states():
    scaling = Scaling(1, np.array([1.0, 2.0]), np.array([4.0, 16.0]), np.array([2.0, 4.0]))
    _, _, raw = sample("Count-v0")
    _, _, scaled = sample("Count-v0", scaling=scaling)
    assert np.allclose(scaled.states, (raw.states - scaling.mean) / scaling.std)


def test_an_episode_is_a_function_of_its_own_seed():
    _, _, first = sample("Pendulum-v1", episode=3)
    env, policy, _ = sample("Pendulum-v1")
    theta = policy.unpack(policy.initial(np.random.default_rng(0), 0.0))
    for episode in (1, 3):
        path = sample_path(env, policy.act, theta, no_scaling(3), np.random.SeedSequence(0), episode)
        assert np.array_equal(path.states, first.states) == (episode == 3)
    env = make_env("Pendulum-v1")
    policy = policy_for(env, (4,))
    arguments = policy.act, policy.unpack(policy.initial(np.random.default_rng(0), 0.0)), no_scaling(3)
    paths = single_path(in_order(sample_path, env, None, (*arguments, np.random.SeedSequence(0)), 2), 201)
    assert [len(path.rewards) for path in paths] == [200, 200]  # whole paths
    assert np.array_equal(paths[1].states, first.states)


def test_evaluation_meets_none_of_trainings_episodes():
    env = make_env("Pendulum-v1")
    policy = policy_for(env, (4,))
    theta = policy.initial(np.random.default_rng(0), 0.0)
    returns = list(greedy_returns(env, policy, theta, no_scaling(3), 0, 3))
    training, _ = np.random.SeedSequence(0).spawn(2)
    starts = [sample_path(env, policy.act_greedily, policy.unpack(theta), no_scaling(3), training, i) for i in range(3)]
    assert not set(returns) & {path.rewards.sum() for path in starts}


def test_an_environment_without_a_time_limit_gets_one():
    _, _, path = sample("Endless-v0")
    assert len(path.rewards) == 1000 and not path.terminated


@pytest.mark.filterwarnings("ignore:overflow")
def test_large_observations_are_not_taken_for_infinite():
    scaling = Scaling(1, np.zeros(2), np.ones(2), np.full(2, 1e-200))
    assert len(sample("Count-v0", scaling=scaling)[2].rewards) == 5


def test_the_greedy_policy_has_no_noise():
    _, policy, path = sample("Pendulum-v1", act="act_greedily")
    theta = policy.initial(np.random.default_rng(0), 0.0)
    assert np.allclose(path.actions, policy.mu(theta, path.states[:-1])[:, :1], atol=1e-14)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("env_id, where", [("NaNReward-v0", (2, 3)), ("InfiniteReward-v0", (0, 0)),
                                           ("NaNObservation-v0", (4, 1)), ("InfiniteObservation-v0", (4, 1)),
                                           ("NaNReset-v0", None)])
def test_numbers_that_are_not_finite(env_id, where):
    env = make_env(env_id)
    policy = policy_for(env, (4,))
    weights = policy.unpack(policy.initial(np.random.default_rng(0), 0.0))
    arguments = policy.act, weights, no_scaling(2), np.random.SeedSequence(0)
    place = "step {} of episode {} gave reward".format(*where) if where else "the reset of episode 0 gave"
    with pytest.raises(FloatingPointError, match=place):
        single_path(in_order(sample_path, env, None, arguments, 0), 1000)


@pytest.mark.parametrize("env_id, message", [
    ("Pendulum-v7", "env_id: got 'Pendulum-v7', wanted an environment that Gymnasium knows"),
    ("no such environment", "env_id: got 'no such environment', wanted"),
    ("nomodule:Pendulum-v1", "env_id: got 'nomodule:Pendulum-v1', wanted"),
    ("DictStates-v0", "has observation space Dict.*wanted Box or Discrete"),
    ("TupleStates-v0", "has observation space Tuple.*wanted Box or Discrete"),
    ("DictActions-v0", "has action space Dict.*wanted Box of floats, Discrete or MultiDiscrete"),
    ("BinaryActions-v0", "has action space MultiBinary.*wanted"),
    ("IntegerBoxActions-v0", "has action space Box.*wanted Box of floats"),
])
def test_what_is_refused(env_id, message):
    with pytest.raises(ValueError, match=message):
        make_env(env_id)


def test_an_environment_whose_package_is_not_installed(monkeypatch):
    def fail(*args, **kwargs):
        raise gym.error.DependencyNotInstalled("MuJoCo is not installed")
    monkeypatch.setattr(gym, "make", fail)
    with pytest.raises(ImportError, match="env_id: Hopper-v5 needs a package that is not installed: MuJoCo"):
        make_env("Hopper-v5")
