"""Evaluation: returns without noise, on episodes of its own, and the moving picture of one."""
from environments import DrawsCount

import gymnasium as gym
import numpy as np
import pytest

from trpo_numpy.checks import InputError
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.evaluation import greedy_returns
from trpo_numpy.practice.scaling import Scaling, no_scaling
from trpo_numpy.practice.training import policy_and_baseline


def linear_policy(env_id, weights, bias, log_std):
    """An environment, its policy without hidden layers, and the theta with these weights and this bias."""
    env = make_env(Config(env_id))
    return env, policy_and_baseline(env, Config(hidden_sizes=()))[0], np.array([*weights, bias, log_std])


def test_every_action_is_the_most_probable_one():
    """The reward of each of the five steps is the first action: with noise of standard deviation 1 it would vary."""
    env, policy, theta = linear_policy("LateAttribute-v0", (0.0, 0.0), 0.25, 0.0)
    assert list(greedy_returns(env, policy, theta, no_scaling(2), 0, 3)) == [1.25, 1.25, 1.25]


def test_the_policy_sees_scaled_observations():
    """The first observation is (0, noise): less its mean, -2, by its std, 4, it is 0.5 in the first place."""
    env, policy, theta = linear_policy("LateAttribute-v0", (1.0, 0.0), 0.0, 0.0)
    scaling = Scaling(1, np.array([-2.0, 0.0]), np.array([16.0, 1.0]))
    assert list(greedy_returns(env, policy, theta, scaling, 0, 2)) == [2.5, 2.5]


def test_returns_are_raw_sums_of_whole_episodes():
    env, policy, theta = linear_policy("Count-v0", (0.0, 0.0), 0.0, 0.0)
    assert list(greedy_returns(env, policy, theta, no_scaling(2), 0, 4)) == [15.0] * 4


def test_the_episodes_are_a_function_of_the_seed_and_differ():
    """That none of them is one of training's is asked in test_training."""
    env, policy, theta = linear_policy("Pendulum-v1", (0.0, 0.0, 0.0), 0.5, 0.0)
    first, again, other = (list(greedy_returns(env, policy, theta, no_scaling(3), seed, 3)) for seed in (0, 0, 1))
    assert first == again and len(set(first + other)) == 6


def frames_of(path):
    """The frames of a moving picture as arrays, and how long each is shown, in milliseconds."""
    image = pytest.importorskip("PIL.Image").open(path)
    frames, durations = [], []
    for i in range(image.n_frames):
        image.seek(i)
        frames.append(np.array(image.convert("RGB")))
        durations.append(image.info["duration"])
    return frames, durations, image.info.get("loop")


def evaluated(tmp_path, n_episodes=2, **kwargs):
    """The frames of the moving picture of DrawsCount's first episode, how long each is shown, and the environment."""
    env = make_env(Config(lambda **mode: gym.wrappers.TimeLimit(DrawsCount(**mode, **kwargs), 5)), "rgb_array")
    policy, _ = policy_and_baseline(env, Config(hidden_sizes=()))
    env.unwrapped.n_drawn = 0
    list(greedy_returns(env, policy, np.zeros(policy.n_parameters), no_scaling(2), 0, n_episodes,
                        tmp_path / "moving.gif"))
    return *frames_of(tmp_path / "moving.gif"), env


def test_a_moving_picture_has_every_other_frame_of_the_first_episode_each_for_twice_its_time(tmp_path):
    """At 10 frames per second a frame takes 100 ms, so that every other one is shown for 200 ms."""
    pytest.importorskip("PIL")
    frames, durations, loop, env = evaluated(tmp_path)
    assert [frame.shape for frame in frames] == [(200, 400, 3)] * 3
    assert [set(frame.ravel().tolist()) for frame in frames] == [{0}, {80}, {160}]
    assert durations == [200] * 3 and loop == 0, "it starts again at its end"
    assert env.unwrapped.n_drawn == 3, "nothing is drawn that is not shown"


def test_without_a_rate_it_has_30_frames_a_second(tmp_path):
    pytest.importorskip("PIL")
    assert evaluated(tmp_path, fps=None)[1] == [60] * 3     # of 67 ms, in hundredths of a second


@pytest.mark.parametrize("frame", [None, "picture", np.zeros(3), np.zeros((2, 2, 2)), np.zeros((2, 2), complex)])
def test_what_is_no_picture_is_bad_input(tmp_path, frame):
    pytest.importorskip("PIL")
    with pytest.raises(InputError, match="^gif: no picture of the environment could be drawn: "):
        evaluated(tmp_path, change=lambda _: frame)
