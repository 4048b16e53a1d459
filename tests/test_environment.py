"""Gymnasium's environments as policies want them: spaces, clipped actions, checked steps, and restored states."""
from functools import partial

import environments
from problems import sample_one

import gymnasium as gym
import numpy as np
import pytest

from trpo_numpy.categorical import Categorical
from trpo_numpy.checks import InputError
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.environment import make_env


@pytest.mark.parametrize("env_id", ["Pendulum-v1", "CartPole-v1", "FrozenLake-v1", "MountainCarContinuous-v0"])
def test_gymnasiums_own(env_id):
    _, policy, path = sample_one(env_id)
    assert len(path.states) == len(path.actions) + 1 == len(path.rewards) + 1
    assert isinstance(policy.family, Gaussian if env_id in ("Pendulum-v1", "MountainCarContinuous-v0") else Categorical)


def test_an_environment_without_a_time_limit_gets_one_of_1000_steps():
    _, _, path = sample_one("Endless-v0")
    assert len(path.rewards) == 1000 and not path.terminated


def test_an_environment_is_made_with_its_arguments_by_its_id_or_by_a_function():
    for config in (Config("TakesOptions-v0", {"size": 7}), Config(environments.TakesOptions, {"size": 7}),
                   Config(partial(environments.TakesOptions, size=7))):
        env = make_env(config)
        env.reset(seed=0)
        assert env.step(np.zeros(1))[1] == 7 and "TakesOptions" in env.name
    with pytest.raises(InputError, match="^env_id: got 'TakesOptions-v0', wanted .* missing 1 required .*'size'"):
        make_env(Config("TakesOptions-v0"))
    with pytest.raises(InputError, match="^env_id: got 'dict', wanted .*dict' object has no"):
        make_env(Config(dict))


def test_actions_are_rescaled_to_the_box_if_asked_for():
    env = make_env(Config("WideActions-v0", rescale_actions=True))
    env.reset(seed=0)
    for a, seen in [([-1, -1], [-1, 0]), ([0, 0], [0, 50]), ([1, 1], [1, 100]), ([3, -3], [1, 0])]:
        env.step(np.array(a, float))
        assert env.unwrapped.seen_actions[-1].tolist() == seen and env.unwrapped.seen_actions[-1].dtype == np.float32
    for env_id in ("HalfOpenActions-v0", "DiscreteActions-v0"):
        with pytest.raises(InputError, match=f"^rescale_actions: {env_id} has action space .*, wanted a bounded Box"):
            make_env(Config(env_id, rescale_actions=True))


@pytest.mark.parametrize("wrapper", [gym.wrappers.NormalizeObservation, gym.wrappers.NormalizeReward])
def test_an_environment_with_running_statistics_is_refused(wrapper):
    with pytest.raises(InputError, match=f"^env_id: <lambda> has {wrapper.__name__} inside, .* wanted it without"):
        make_env(Config(lambda: gym.wrappers.TimeLimit(wrapper(environments.Count()), 5)))


@pytest.mark.filterwarnings("error")
def test_a_large_reward_beside_observations_of_single_precision_is_no_warning():
    env = make_env(Config(lambda: gym.wrappers.TransformReward(gym.make("CartPole-v1"), lambda r: 1e200 * r)))
    env.reset(seed=0)
    assert env.step(np.zeros(1))[1] == 1e200


def test_a_reward_in_an_array_of_one_is_a_number():
    assert sample_one("ArrayRewards-v0")[2].rewards.tolist() == [1, 2, 3, 4, 5]


def with_reset(env_id, seed):
    """The environment, after reset(seed), and a draw of actions that fit it."""
    env = make_env(Config(env_id))
    env.reset(seed=seed)
    return env, np.zeros(1)


def test_a_wrong_step_says_how_many_steps_came_before_it_and_after_which_reset():
    env, a = with_reset("NaNObservation-v0", 1)  # its second episode goes wrong in step 4
    for _ in range(5):
        env.step(a)
    env.reset(seed=2 ** 30)
    for _ in range(4):
        env.step(a)
    with pytest.raises(InputError, match=rf"^environment: step 4 after reset\(seed={2 ** 30}\) failed: got .*nan"):
        env.step(a)


def test_an_error_of_the_environment_is_bad_input_that_says_where():
    env, a = with_reset("StepRaises-v0", 0)
    for episode in range(3):
        env.reset(seed=episode)
    env.step(a)
    env.step(a)
    with pytest.raises(InputError, match=r"^environment: step 2 after reset\(seed=2\) failed: ZeroDivisionError: as "
                                         r"agreed \(") as error:
        env.step(np.array([0.25]))
    assert "environments.py, line " in str(error.value) and isinstance(error.value.__cause__, ZeroDivisionError)
    with pytest.raises(InputError, match=r"^environment: reset\(seed=7\) failed: KeyError: 'no reset to") as error:
        make_env(Config("ResetRaises-v0")).reset(seed=7)
    assert "environments.py, line " in str(error.value) and isinstance(error.value.__cause__, KeyError)


def run(env, actions):
    """What the environment gives for the actions, as bytes."""
    steps = [env.step(a) for a in actions]
    return [(observation.tobytes(), reward, terminated, truncated) for observation, reward, terminated, truncated, _ in
            steps]


@pytest.mark.filterwarnings("ignore:.*share an object")
def test_an_observation_stays_when_the_environment_changes_its_array_in_place():
    (env, a), (other, _) = with_reset("GivesItself-v0", 0), with_reset("Count-v0", 0)
    seen, wanted = ([e.step(a)[0] for _ in range(3)] for e in (env, other))
    assert np.array_equal(seen, wanted) and not np.array_equal(seen[0], seen[1])


@pytest.mark.parametrize("env_id", ["Count-v0", "InPlace-v0", "LateAttribute-v0", "Pendulum-v1", "ImageStates-v0"])
def test_restored_an_environment_goes_on_as_it_did_as_often_as_wanted(env_id):
    env, rng = make_env(Config(env_id)), np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (5, 1))
    env.reset(seed=3)
    saved = env.clone_state()
    paths = []
    for _ in range(3):
        env.restore_state(saved)
        paths.append(run(env, actions))
    assert paths[0] == paths[1] == paths[2]
    env.reset(seed=4)
    assert run(env, actions) != paths[0]


def test_what_was_saved_holds_in_the_middle_of_an_episode_and_beyond_the_next_reset():
    env, a = with_reset("InPlace-v0", 0)
    run(env, [a] * 3)
    saved, position = env.clone_state(), env.unwrapped.position.copy()
    after = run(env, [a] * 50)
    assert after[46][3] and not after[45][3], "the limit of 50 steps counts the three steps before"
    env.reset(seed=1)
    env.restore_state(saved)
    assert env.unwrapped.position.tobytes() == position.tobytes() and env.unwrapped.t == 3
    assert run(env, [a] * 47) == after[:47]


def test_arrays_changed_in_place_do_not_change_what_was_saved():
    env, a = with_reset("InPlace-v0", 0)
    saved, position = env.clone_state(), env.unwrapped.position.copy()
    for _ in range(3):  # by the steps after it was saved, and then by the steps after it was restored
        run(env, [a] * 2)
        assert (env.unwrapped.position != position).all()
        env.restore_state(saved)
        assert env.unwrapped.position.tobytes() == position.tobytes()


def test_an_attribute_that_a_step_adds_is_gone_once_the_environment_is_restored():
    env, _ = with_reset("LateAttribute-v0", 0)
    saved = env.clone_state()
    for first in (0.5, -0.25):
        env.restore_state(saved)
        assert not hasattr(env.unwrapped, "first")
        assert [reward for _, reward, *_ in run(env, [np.array([first]), np.array([0.0])])] == [first, first]


def test_the_errors_of_a_restored_environment_name_the_step_and_the_reset_of_the_saved_one():
    env, a = with_reset("NaNReward-v0", 0)
    for episode in range(3):
        env.reset(seed=10 + episode)
    run(env, [a])
    saved = env.clone_state()
    env.reset(seed=99)
    env.restore_state(saved)
    env.step(a)
    with pytest.raises(InputError, match=r"step 2 after reset\(seed=12\) failed: got .*nan"):
        env.step(a)


def test_spaces_and_the_spec_are_not_copied():
    env, a = with_reset("SpaceNoise-v0", 0)
    shared = env.action_space, env.observation_space, env.spec, env.unwrapped.action_space, env.unwrapped
    env.restore_state(env.clone_state())
    after = env.action_space, env.observation_space, env.spec, env.unwrapped.action_space, env.unwrapped
    assert all(first is second for first, second in zip(shared[:2] + shared[3:], after[:2] + after[3:]))
    assert shared[2] == after[2]
    saved = env.clone_state()
    first = run(env, [a] * 3)
    env.restore_state(saved)
    assert run(env, [a] * 3) != first, "the random numbers of a space go on, as clone_state says"


@pytest.mark.parametrize("env_id, message", [
    ("Pendulum-v7", "env_id: got 'Pendulum-v7', wanted an environment .*doesn't exist"),
    ("no such environment", "env_id: got 'no such environment', wanted"),
    ("nomodule:Pendulum-v1", "env_id: got 'nomodule:Pendulum-v1', wanted"),
])
def test_an_unknown_environment_is_bad_input(env_id, message):
    with pytest.raises(InputError, match=message):
        make_env(Config(env_id))


def test_an_environment_that_cannot_be_made_is_bad_input(monkeypatch):
    monkeypatch.setattr(gym, "make", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(InputError, match=r"^env_id: .*Hopper-v5.*: ZeroDivisionError: .*test_envi"):
        make_env(Config("Hopper-v5"))


def test_an_environment_whose_package_is_not_installed_is_bad_input(monkeypatch):
    def fail(*args, **kwargs):
        raise gym.error.DependencyNotInstalled("MuJoCo is not installed")
    monkeypatch.setattr(gym, "make", fail)
    with pytest.raises(InputError, match="^env_id: .*Hopper-v5.*MuJoCo is not installed"):
        make_env(Config("Hopper-v5"))
