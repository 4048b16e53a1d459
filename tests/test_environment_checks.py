"""What is refused of an environment: wrong steps, and one that vine cannot restore to an earlier state."""
import warnings
from functools import partial

import numpy as np
import pytest

from trpo_numpy.checks import InputError, input_error
from trpo_numpy.practice import training
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.environment import check_restorable, checked_step, make_env
from trpo_numpy.practice.training import policy_and_baseline, warn_of_box


@pytest.mark.filterwarnings("ignore:overflow")      # the square of 1e300, after which the numbers are looked at
@pytest.mark.parametrize("reward, observation", [
    (1.0, np.zeros(2)), (3, np.zeros(2, np.float32)), (np.float32(2), [0, 1]), (np.array(1.0), np.zeros(2, np.uint8)),
    (True, np.zeros(2, bool)), (np.ones(1), np.zeros(2)), (-1e300, np.full(2, 1e300))], ids=str)
def test_real_finite_numbers_of_the_shape_are_taken(reward, observation):
    checked_step(observation, reward, (2,))


@pytest.mark.parametrize("reward, observation", [
    (None, np.zeros(2)), ("1", np.zeros(2)), (1j, np.zeros(2)), (np.nan, np.zeros(2)), (np.inf, np.zeros(2)),
    (np.zeros(2), np.zeros(2)), ([], np.zeros(2)), (1.0, np.zeros(3)), (1.0, np.zeros((2, 1))), (1.0, 0.0),
    (1.0, np.array([0.0, np.nan])), (1.0, np.array([-np.inf, 0.0])), (1.0, np.array(["a", "b"])),
    (1.0, np.array([None, 1.0])), (1.0, [1.0]), (1.0, None)], ids=str)
def test_a_step_without_them_is_bad_input_that_says_what_came(reward, observation):
    with pytest.raises(InputError, match="(?s)^got the reward .*, wanted .*shape \\(2,\\)$"):
        checked_step(observation, reward, (2,))


@pytest.mark.parametrize("error, text", [(ZeroDivisionError("agreed"), "ZeroDivisionError: agreed"),
                                         (NotImplementedError(), "NotImplementedError: raise error")], ids=str)
def test_an_error_in_its_block_is_bad_input_with_its_type_its_text_or_its_code_and_its_line(error, text):
    with pytest.raises(InputError) as raised:
        with input_error("it failed"):
            raise error
    assert str(raised.value).startswith(f"it failed: {text} ({__file__}, line ") and raised.value.__cause__ is error


def test_bad_input_in_its_block_keeps_its_text_after_the_name_of_the_block():
    with pytest.raises(InputError, match="^the outer: the inner$"), input_error("the outer"):
        raise InputError("the inner")


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
    ("ResetRaises-v0", r"environment: reset\(seed=\d+\) failed: KeyError"),
    ("NaNReset-v0", r"environment: reset\(seed=\d+\) failed: got .*nan"),
    ("InfiniteReward-v0", r".*environment: step 0 after reset\(seed=\d+\) failed: got .*-inf")])
def test_an_environment_that_fails_without_being_restored_raises_its_own_error(env_id, message):
    env = make_env(Config(env_id))
    with pytest.raises(InputError, match="^" + message):
        check_restorable(env, first_act(env))


@pytest.mark.parametrize("low, high, std, said", [
    (-1, 1, 1, False), (-2, 2, 1, False), (-0.4, 0.4, 1, False), (0, 1, 1, False), (-3, 3, 1, False),
    (-9, 9, 1, False), (-1, np.inf, 1, False), (-np.inf, np.inf, 1, False), (-11, 11, 1, True), (0, 100, 1, True),
    (5, 10, 1, True), (-10, -5, 1, True), (-0.01, 0.01, 1, True), (-0.01, 0.01, 0.01, False), (-1, 1, 0.05, True),
    (-0.3, 0.3, 1, True), (0.1, 0.6, 0.05, True)])
def test_a_box_out_of_proportion_is_named(low, high, std, said):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        warn_of_box(np.array([-std, low]), np.array([std, high]), np.full(2, std))
    assert len(seen) == said and all(f"action dimension 1 lies in [{low:g}, {high:g}]" in str(w.message) for w in seen)


def test_of_several_dimensions_the_first_is_named():
    with pytest.warns(UserWarning, match="^action dimension 0 lies in") as seen:
        warn_of_box(np.array([5.0, 5.0]), np.array([6.0, 6.0]), np.ones(2))
    assert len(seen) == 1


@pytest.mark.filterwarnings("error::UserWarning")
def test_train_warns_of_a_box_that_the_first_policy_hardly_explores():
    with pytest.warns(UserWarning, match=r"^action dimension 1 lies in \[0, 100\], where the first policy \(mean 0, "
                                         r"standard deviation 1\) explores little: --rescale-actions makes"):
        training.train(Config("WideActions-v0"))
    for config in (Config("WideActions-v0", rescale_actions=True), Config(), Config("CartPole-v1")):
        training.train(config)
