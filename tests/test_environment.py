"""The environment's door: spaces, clipping, time limits, and what is refused."""
import environments
import gymnasium as gym
import numpy as np
import pytest
from matplotlib.image import imread
from problems import sample_one

from trpo_numpy.categorical import Categorical
from trpo_numpy.environment import make_env, save_gif
from trpo_numpy.gaussian import Gaussian


def test_actions_are_clipped_at_the_door_only():
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
    env, policy, path = sample_one("MultiDiscreteActions-v0")
    assert policy.family == Categorical((2, 4))
    assert [a.tolist() for a in env.unwrapped.seen_actions] == [[a, b + 7] for a, b in path.actions]
    for env_id, sizes in [("DiscreteActions-v0", (3,)), ("BytesActions-v0", (2, 4)), ("GridActions-v0", (2, 3, 4, 5))]:
        env, policy, _ = sample_one(env_id)
        assert policy.family == Categorical(sizes)
        assert all(env.unwrapped.action_space.contains(a) for a in env.unwrapped.seen_actions)


def test_discrete_states_are_one_hot_and_images_are_flat():
    _, _, path = sample_one("DiscreteStates-v0")
    assert path.states.tolist() == np.eye(4)[[0, 1, 2, 3, 0, 1]].tolist()
    assert sample_one("ImageStates-v0")[2].states.shape == (6, 6)
    assert sample_one("ListStates-v0")[2].states.shape == (6, 2)


@pytest.mark.parametrize("env_id", ["Pendulum-v1", "CartPole-v1", "FrozenLake-v1", "MountainCarContinuous-v0"])
def test_gymnasiums_own(env_id):
    _, policy, path = sample_one(env_id)
    assert len(path.states) == len(path.actions) + 1 == len(path.rewards) + 1
    assert isinstance(policy.family, Gaussian if env_id in ("Pendulum-v1", "MountainCarContinuous-v0") else Categorical)


def test_an_environment_without_a_time_limit_gets_one():
    _, _, path = sample_one("Endless-v0")
    assert len(path.rewards) == 1000 and not path.terminated


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


def test_an_environment_that_cannot_be_made(monkeypatch):
    monkeypatch.setattr(gym, "make", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(OSError, match="env_id: Hopper-v5 cannot be made: ZeroDivisionError"):
        make_env("Hopper-v5")
    with pytest.raises(OSError, match="env_id: Hopper-v5 cannot be made or shown here .*: ZeroDivisionError"):
        make_env("Hopper-v5", render_mode="human")


def test_an_environment_that_cannot_draw_itself_is_refused(monkeypatch):
    monkeypatch.setattr(gym, "make", lambda env_id, render_mode=None: gym.wrappers.TimeLimit(environments.Count(), 5))
    for mode in ("human", "rgb_array_list"):
        with pytest.raises(ValueError, match=f"render_mode: Count-v0 has none, wanted {mode} or rgb_array"):
            make_env("Count-v0", render_mode=mode)


def test_a_moving_picture_has_every_other_frame(tmp_path):
    frames = [np.full((50, 100, 3), value, np.uint8) for value in (0, 90, 180, 255)]
    save_gif(frames, tmp_path / "moving.gif", 20)
    assert (tmp_path / "moving.gif").read_bytes().count(b"\x21\xf9\x04") == 2  # a graphic control block a frame
    assert imread(tmp_path / "moving.gif").shape[:2] == (200, 400)


def test_an_environment_whose_package_is_not_installed(monkeypatch):
    def fail(*args, **kwargs):
        raise gym.error.DependencyNotInstalled("MuJoCo is not installed")
    monkeypatch.setattr(gym, "make", fail)
    with pytest.raises(ImportError, match="env_id: Hopper-v5 needs a package that is not installed: MuJoCo"):
        make_env("Hopper-v5")
