"""The spaces of Gymnasium: what the policy sees of their states, what the environment gets of its actions."""
from problems import sample_one

import gymnasium as gym
import numpy as np
import pytest

from trpo_numpy.categorical import Categorical
from trpo_numpy.checks import InputError
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.environment import family_and_limits, make_env
from trpo_numpy.practice.training import policy_and_baseline


def test_actions_are_clipped_for_the_environment_only():
    env, _, path = sample_one("MatrixActions-v0", log_std=1.0)
    seen = env.unwrapped.seen_actions
    assert path.actions.shape == (5, 4) and abs(path.actions).max() > 1
    for a, clipped in zip(path.actions, seen):
        assert clipped.shape == (2, 2) and clipped.dtype == np.float32 and env.action_space.contains(clipped)
        assert np.allclose(clipped.ravel(), np.clip(a, -0.1, 0.1))


def test_integers_are_counted_from_the_spaces_start():
    env, policy, path = sample_one("DiscreteActions-v0")
    assert policy.family == Categorical((3,)) and set(path.actions.ravel()) <= {0, 1, 2}
    assert env.unwrapped.seen_actions == [int(a) + 5 for a in path.actions[:, 0]]
    env, policy, path = sample_one("IntegerBoxActions-v0")
    assert policy.family == Categorical((3, 4))
    assert [a.tolist() for a in env.unwrapped.seen_actions] == [[a - 1, b + 2] for a, b in path.actions]
    env, policy, path = sample_one("BinaryActions-v0")
    assert policy.family == Categorical((2, 2)) and env.unwrapped.seen_actions[0].tolist() == path.actions[0].tolist()
    env, policy, path = sample_one("MultiDiscreteActions-v0")
    assert policy.family == Categorical((2, 4))
    assert [a.tolist() for a in env.unwrapped.seen_actions] == [[a, b + 7] for a, b in path.actions]
    for env_id, sizes in [("DiscreteActions-v0", (3,)), ("BytesActions-v0", (2, 4)), ("GridActions-v0", (2, 3, 4, 5)),
                          ("BinaryGridActions-v0", (2, 2, 2, 2)), ("IntegerBoxActions-v0", (3, 4)),
                          ("BinaryActions-v0", (2, 2))]:
        env, policy, _ = sample_one(env_id)
        assert policy.family == Categorical(sizes)
        assert all(env.unwrapped.action_space.contains(a) for a in env.unwrapped.seen_actions)


def test_discrete_states_are_one_hot_and_images_are_flat():
    _, _, path = sample_one("DiscreteStates-v0")
    assert path.states.tolist() == np.eye(4)[[0, 1, 2, 3, 0, 1]].tolist()
    assert sample_one("ImageStates-v0")[2].states.shape == (6, 6)
    assert sample_one("ListStates-v0")[2].states.shape == (6, 2)


def test_the_policy_has_the_sizes_of_the_spaces_and_the_hidden_layers():
    for env_id, hidden_sizes, sizes in [("MatrixActions-v0", (7, 5), (2, 7, 5, 4)), ("DiscreteStates-v0", (), (4, 1)),
                                        ("MultiDiscreteActions-v0", (3,), (2, 3, 6))]:
        config = Config(env_id, hidden_sizes=hidden_sizes)
        policy, baseline = policy_and_baseline(make_env(config), config)
        assert policy.network.sizes == sizes and baseline.sizes == (*sizes[:-1], 1)


def test_what_gymnasium_can_flatten_is_a_state():
    """The parts in the order of their names: 3 flags, 4 pixels, 2 + 3 kinds, and a pair of 2 numbers and 3."""
    env, policy, path = sample_one("NestedStates-v0")
    assert path.states.shape == (6, 17) and policy.network.sizes[0] == 17
    space = env.unwrapped.observation_space
    for s in path.states:
        assert space.contains(gym.spaces.unflatten(space, s))


@pytest.mark.parametrize("env_id, message", [
    ("TextStates-v0", r"has observation space Dict.*wanted .*FilterObservation.*: NotImplementedError"),
    ("SequenceStates-v0", "has observation space Dict.*Sequence.*wanted .*FilterObservation"),
    ("GraphStates-v0", "has observation space Graph.*wanted one that .*TransformObservation"),
    ("DictActions-v0", "has action space Dict.*wanted Box, Discrete, MultiDiscrete or MultiBinary: .*TransformAction"),
    ("TupleActions-v0", "has action space Tuple.*wanted Box, Discrete, MultiDiscrete or MultiBinary: .*TransformAct"),
])
def test_other_spaces_are_bad_input_and_a_wrapper_that_helps_is_named(env_id, message):
    with pytest.raises(InputError, match="^env_id: " + env_id + " " + message):
        make_env(Config(env_id))


@pytest.mark.parametrize("low, high, dtype", [(0, 255, np.uint8), (-100, 100, np.int8)])
def test_the_actions_of_a_box_of_small_integers_are_counted_without_overflow(low, high, dtype):
    family, *_ = family_and_limits("Box", gym.spaces.Box(low, high, (2,), dtype))
    assert family.factor_sizes == (high - low + 1,) * 2
