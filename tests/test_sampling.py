"""Single path: whole paths, their ends, and what is refused."""
import environments  # noqa: F401
import numpy as np
import pytest
from problems import sample_one

from trpo_numpy.baseline import Scaling, no_scaling
from trpo_numpy.environment import make_env, policy_for
from trpo_numpy.executor import in_order
from trpo_numpy.sampling import greedy_returns, sample_path, single_path


def test_a_path_that_terminates_and_one_that_is_truncated():
    _, _, path = sample_one("Terminates-v0")
    assert path.terminated and path.rewards.tolist() == [1, 2, 3] and path.states[:, 0].tolist() == [0, 1, 2, 3]
    _, _, path = sample_one("Count-v0")
    assert not path.terminated and path.rewards.tolist() == [1, 2, 3, 4, 5]
    assert path.states.shape == (6, 2) and path.actions.shape == (5, 1)


def test_the_policy_sees_scaled_states():
    scaling = Scaling(1, np.array([1.0, 2.0]), np.array([4.0, 16.0]), np.array([2.0, 4.0]))
    _, _, raw = sample_one("Count-v0")
    _, _, scaled = sample_one("Count-v0", scaling=scaling)
    assert np.allclose(scaled.states, (raw.states - scaling.mean) / scaling.std)


def test_an_episode_is_a_function_of_its_own_seed():
    _, _, first = sample_one("Pendulum-v1", episode=3)
    env, policy, _ = sample_one("Pendulum-v1")
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


@pytest.mark.filterwarnings("ignore:overflow")
def test_large_observations_are_not_taken_for_infinite():
    scaling = Scaling(1, np.zeros(2), np.ones(2), np.full(2, 1e-200))
    assert len(sample_one("Count-v0", scaling=scaling)[2].rewards) == 5


def test_the_greedy_policy_has_no_noise():
    _, policy, path = sample_one("Pendulum-v1", act="act_greedily")
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
