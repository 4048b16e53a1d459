"""Evaluation: returns without noise, on episodes of its own, and the moving picture of one."""
import environments  # noqa: F401
import numpy as np
import pytest

from trpo_numpy.practice.environment import make_env, policy_for
from trpo_numpy.practice.scaling import Scaling, no_scaling
from trpo_numpy.practice.evaluation import greedy_returns, save_gif


def linear_policy(env_id, weights, bias, log_std):
    """An environment, its policy without hidden layers, and the theta with these weights and this bias."""
    env = make_env(env_id)
    return env, policy_for(env, ()), np.array([*weights, bias, log_std])


def test_every_action_is_the_most_probable_one():
    """The reward of each of the five steps is the first action: with noise of standard deviation 1 it would vary."""
    env, policy, theta = linear_policy("LateAttribute-v0", (0.0, 0.0), 0.25, 0.0)
    assert list(greedy_returns(env, policy, theta, no_scaling(2), 0, 3)) == [1.25, 1.25, 1.25]


def test_the_policy_sees_scaled_observations():
    """The first observation is (0, noise): less its mean, -2, by its std, 4, it is 0.5 in the first place."""
    env, policy, theta = linear_policy("LateAttribute-v0", (1.0, 0.0), 0.0, 0.0)
    scaling = Scaling(1, np.array([-2.0, 0.0]), np.array([16.0, 1.0]), np.array([4.0, 1.0]))
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


@pytest.mark.parametrize("n_frames, shown", [(4, [0, 90]), (5, [0, 90, 180]), (1, [0])])
def test_a_moving_picture_has_every_other_frame_each_for_twice_its_time(tmp_path, n_frames, shown):
    """At 20 frames per second a frame takes 50 ms, so that every other one is shown for 100 ms."""
    pytest.importorskip("PIL")
    save_gif([np.full((50, 100, 3), 45 * i, np.uint8) for i in range(n_frames)], tmp_path / "moving.gif", 20)
    frames, durations, loop = frames_of(tmp_path / "moving.gif")
    assert [frame.shape for frame in frames] == [(200, 400, 3)] * len(shown)
    assert [set(frame.ravel().tolist()) for frame in frames] == [{value} for value in shown]
    if n_frames > 1:
        assert durations == [100] * len(shown) and loop == 0, "it starts again at its end"


def test_the_moving_picture_of_an_episode_is_that_of_its_frames(tmp_path):
    pytest.importorskip("PIL")
    env = make_env("DrawsCount-v0", render_mode="rgb_array_list")
    policy = policy_for(env, ())
    next(greedy_returns(env, policy, np.zeros(policy.n_parameters), no_scaling(2), 0, 1))
    save_gif(env.render(), tmp_path / "moving.gif", env.metadata["render_fps"])
    frames, durations, _ = frames_of(tmp_path / "moving.gif")
    assert [int(frame[0, 0, 0]) for frame in frames] == [0, 80, 160] and durations == [200] * 3
