"""What is refused of an environment: wrong steps, and one that vine cannot restore to an earlier state."""
import environments  # noqa: F401
import numpy as np
import pytest

from trpo_numpy.practice import training
from trpo_numpy.practice.checks import check_restorable, check_step, origin
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.environment import make_env, policy_for
from trpo_numpy.record import InputError


@pytest.mark.parametrize("reward, observation", [
    (1.0, np.zeros(2)), (3, np.zeros(2, np.float32)), (np.float32(2), [0, 1]), (np.array(1.0), np.zeros(2, np.uint8)),
    (True, np.zeros(2, bool)), (-1e300, np.full(2, 1e300))], ids=str)
def test_real_finite_numbers_of_the_shape_are_taken(reward, observation):
    check_step(reward, observation, (2,), "step 0")


@pytest.mark.parametrize("reward, observation", [
    (None, np.zeros(2)), ("1", np.zeros(2)), (1j, np.zeros(2)), (np.nan, np.zeros(2)), (np.inf, np.zeros(2)),
    (np.zeros(2), np.zeros(2)), ([1.0], np.zeros(2)), (1.0, np.zeros(3)), (1.0, np.zeros((2, 1))), (1.0, 0.0),
    (1.0, np.array([0.0, np.nan])), (1.0, np.array([-np.inf, 0.0])), (1.0, np.array(["a", "b"])),
    (1.0, np.zeros(2, complex)), (1.0, np.array([None, 1.0])), (1.0, [1.0]), (1.0, None)], ids=str)
def test_a_step_without_them_is_bad_input_that_says_where_it_was(reward, observation):
    with pytest.raises(InputError, match="(?s)^environment: step 7 gave .*, wanted .*shape \\(2,\\)$"):
        check_step(reward, observation, (2,), "step 7")


def test_the_origin_of_an_error_is_its_type_its_text_and_its_line():
    with pytest.raises(ZeroDivisionError) as error:
        1 / 0
    assert origin(error.value).startswith(f"ZeroDivisionError: division by zero ({__file__}, line ")


@pytest.mark.parametrize("env_id", ["Count-v0", "InPlace-v0", "LateAttribute-v0", "Pendulum-v1", "CartPole-v1",
                                    "Terminates-v0", "DiscreteStates-v0", "MultiDiscreteActions-v0"])
def test_an_environment_that_repeats_its_steps_can_be_restored(env_id):
    env = make_env(env_id)
    check_restorable(env, policy_for(env, (4,)))


@pytest.mark.parametrize("env_id, problem", [
    ("Elsewhere-v0", "it goes on differently"), ("RewardElsewhere-v0", "it goes on differently"),
    ("SpaceNoise-v0", "it goes on differently"), ("Handle-v0", "TypeError: cannot pickle 'generator' object")])
def test_an_environment_that_cannot_be_restored_is_refused_before_any_sampling(env_id, problem, monkeypatch):
    monkeypatch.setattr(training, "sample_episodes", None)
    with pytest.raises(InputError) as error:
        next(training.train(Config(env_id=env_id, vine_states=5)))
    assert str(error.value) == (f"env_id: {env_id} cannot be restored to an earlier state ({problem}); wanted an "
                                "environment that can, or vine_states 0")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("env_id, message", [
    ("ResetRaises-v0", r"reset\(seed=\d+\) failed: KeyError"), ("NaNReset-v0", r"reset\(seed=\d+\) gave .*nan"),
    ("InfiniteReward-v0", r"step 0 after reset\(seed=\d+\) gave .*-inf")])
def test_an_environment_that_fails_without_being_restored_raises_its_own_error(env_id, message):
    env = make_env(env_id)
    with pytest.raises(InputError, match="^environment: " + message):
        check_restorable(env, policy_for(env, (4,)))
