"""What is refused of an environment: wrong steps, and one that vine cannot restore to an earlier state."""
from functools import partial

import numpy as np
import pytest

from trpo_numpy.practice import checks, training
from trpo_numpy.practice.checks import (
    actions_out_of_proportion,
    check_restorable,
    checked_step,
    input_error,
    notes,
    remembers,
)
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.training import initial_state, policy_and_baseline
from trpo_numpy.record import InputError


@pytest.mark.filterwarnings("ignore:overflow")      # the square of 1e300, after which the numbers are looked at
@pytest.mark.parametrize("reward, observation", [
    (1.0, np.zeros(2)), (3, np.zeros(2, np.float32)), (np.float32(2), [0, 1]), (np.array(1.0), np.zeros(2, np.uint8)),
    (True, np.zeros(2, bool)), (np.ones(1), np.zeros(2)), (-1e300, np.full(2, 1e300))], ids=str)
def test_real_finite_numbers_of_the_shape_are_taken(reward, observation):
    checked_step(observation, reward, (2,), "step 0")


@pytest.mark.parametrize("reward, observation", [
    (None, np.zeros(2)), ("1", np.zeros(2)), (1j, np.zeros(2)), (np.nan, np.zeros(2)), (np.inf, np.zeros(2)),
    (np.zeros(2), np.zeros(2)), ([], np.zeros(2)), (1.0, np.zeros(3)), (1.0, np.zeros((2, 1))), (1.0, 0.0),
    (1.0, np.array([0.0, np.nan])), (1.0, np.array([-np.inf, 0.0])), (1.0, np.array(["a", "b"])),
    (1.0, np.zeros(2, complex)), (1.0, np.array([None, 1.0])), (1.0, [1.0]), (1.0, None)], ids=str)
def test_a_step_without_them_is_bad_input_that_says_where_it_was(reward, observation):
    with pytest.raises(InputError, match="(?s)^environment: step 7 gave .*, wanted .*shape \\(2,\\)$"):
        checked_step(observation, reward, (2,), "step 7")


@pytest.mark.parametrize("error, text", [(ZeroDivisionError("agreed"), "ZeroDivisionError: agreed"),
                                         (NotImplementedError(), "NotImplementedError: raise error")], ids=str)
def test_an_error_in_its_block_is_bad_input_with_its_type_its_text_or_its_code_and_its_line(error, text):
    with pytest.raises(InputError) as raised:
        with input_error("it failed"):
            raise error
    assert str(raised.value).startswith(f"it failed: {text} ({__file__}, line ") and raised.value.__cause__ is error


def first_act(env):
    """How a first policy acts in env."""
    policy, _ = policy_and_baseline(env, Config(hidden_sizes=(4,)))
    return partial(policy.act, policy.unpack(policy.initial(np.random.default_rng(0), 0.0)))


@pytest.mark.parametrize("env_id", ["Count-v0", "InPlace-v0", "LateAttribute-v0", "Pendulum-v1", "CartPole-v1",
                                    "Terminates-v0", "DiscreteStates-v0", "MultiDiscreteActions-v0"])
def test_an_environment_that_repeats_its_steps_can_be_restored(env_id):
    env = make_env(Config(env_id))
    check_restorable(env, first_act(env))


@pytest.mark.parametrize("env_id, problem", [
    ("Elsewhere-v0", "ValueError: it goes on"), ("RewardElsewhere-v0", "ValueError: it goes on"),
    ("SpaceNoise-v0", "ValueError: it goes on"), ("Handle-v0", "TypeError: cannot pickle 'generator'")])
def test_an_environment_that_cannot_be_restored_is_refused_before_any_sampling(env_id, problem):
    with pytest.raises(InputError) as error:
        training.train(Config(env_id=env_id, vine_states=5))
    assert str(error.value).startswith(f"env_id: {env_id} cannot be restored to an earlier state, wanted another, or "
                                       f"vine_states 0: {problem} ")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("env_id, message", [
    ("ResetRaises-v0", r"reset\(seed=\d+\) failed: KeyError"), ("NaNReset-v0", r"reset\(seed=\d+\) gave .*nan"),
    ("InfiniteReward-v0", r"step 0 after reset\(seed=\d+\) gave .*-inf")])
def test_an_environment_that_fails_without_being_restored_raises_its_own_error(env_id, message):
    env = make_env(Config(env_id))
    with pytest.raises(InputError, match="^environment: " + message):
        check_restorable(env, first_act(env))


def first_notes(env, config):
    """What is said before a run in env with config."""
    policy, baseline = policy_and_baseline(env, config)
    return notes(env, policy, initial_state(policy, baseline, config).theta, config)


def notes_on(env_id, **options):
    """What is said of an environment before a run."""
    config = Config(env_id, **options)
    env = make_env(config)
    return list(first_notes(env, config))


@pytest.mark.parametrize("env_id", ["Pendulum-v1", "CartPole-v1", "MountainCarContinuous-v0", "Taxi-v4", "Count-v0"])
def test_nothing_is_said_of_an_environment_that_fits(env_id):
    assert notes_on(env_id) == []


@pytest.mark.parametrize("low, high, std, said", [
    (-1, 1, 1, False), (-2, 2, 1, False), (-0.4, 0.4, 1, False), (0, 1, 1, False), (-3, 3, 1, False),
    (-9, 9, 1, False), (-1, np.inf, 1, False), (-np.inf, np.inf, 1, False), (-11, 11, 1, True), (0, 100, 1, True),
    (5, 10, 1, True), (-10, -5, 1, True), (-0.01, 0.01, 1, True), (-0.01, 0.01, 0.01, False), (-1, 1, 0.05, True)])
def test_a_box_out_of_proportion_is_named(low, high, std, said):
    lines = list(actions_out_of_proportion(np.array([-std, low]), np.array([std, high]), np.full(2, std)))
    assert len(lines) == said and all(f"action dimension 1 lies in [{low:g}, {high:g}]" in line for line in lines)


def test_the_line_names_the_option_where_it_helps():
    line, = notes_on("WideActions-v0")
    assert line == ("action dimension 1 lies in [0, 100], out of proportion to the first policy's mean 0 and standard "
                    "deviation 1: it may learn little. --rescale-actions makes it [-1, 1]")
    line, = notes_on("HalfOpenActions-v0")
    assert line.endswith("it may learn little. wanted a Box near [-1, 1]")
    assert notes_on("WideActions-v0", rescale_actions=True) == notes_on("SmallActions-v0", rescale_actions=True) == []


def test_an_added_time_limit_is_named():
    assert notes_on("Endless-v0") == [
        "Endless-v0 has no TimeLimit: its episodes end after at most 1000 steps (Table 2), also in evaluate"]


def test_a_batch_that_may_not_fit_is_announced_before_anything_is_sampled():
    config, env = Config("Count-v0", batch_size=16_000_000), make_env(Config("Count-v0"))
    env.reset = None
    line = next(first_notes(env, config))
    assert line.startswith("the states of a batch (16000000 times 2 numbers) take 0.3 GB, and an iteration several")


def test_an_environment_that_remembers_is_named():
    line, = notes_on("Remembers-v0")
    assert line.startswith("Remembers-v0 remembers earlier episodes: one that is repeated after another differs")
    assert notes_on("RewardElsewhere-v0") and notes_on("Elsewhere-v0") and not notes_on("InPlace-v0")


def test_one_that_changes_with_every_reset_only_after_another_episode_is_found_too():
    """Its reset restores what the same seed left: only another seed in between changes it."""
    env = make_env(Config("SeedsBefore-v0"))
    assert remembers(env, lambda s, rng: np.zeros(1), np.random.SeedSequence(0))


def test_whether_it_remembers_is_not_asked_of_a_slow_one(monkeypatch):
    """Each look at the clock is two seconds after the one before."""
    clock = iter(range(0, 100, 2))
    monkeypatch.setattr(checks, "perf_counter", lambda: next(clock))
    env = make_env(Config("Remembers-v0"))
    assert not remembers(env, lambda s, rng: np.zeros(1), np.random.SeedSequence(0))
    assert env.unwrapped.episode == 1, "it gave up after two episodes"


def test_train_warns_of_what_is_to_be_said():
    with pytest.warns(UserWarning, match="^Remembers-v0 remembers earlier episodes"):
        training.train(Config("Remembers-v0"))
