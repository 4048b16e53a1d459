"""Not in the paper: the policy sees observations less their mean, divided by their standard deviation."""
import numpy as np
import pytest

from trpo_numpy.practice.scaling import Scaling, no_scaling, scale, scaled_action, update_scaling


def test_scaled_observations_have_mean_0_and_standard_deviation_1():
    observations = np.random.default_rng(0).standard_normal((50, 3)) * [1, 10, 1e-6] + [0, 5, 2]
    seen = scale(update_scaling(no_scaling(3), observations), observations)
    assert np.allclose(seen.mean(axis=0), 0, atol=1e-9) and np.allclose(seen.std(axis=0), 1, rtol=1e-9)


def test_without_observations_nothing_is_scaled():
    observations = np.random.default_rng(0).standard_normal((5, 3))
    assert scale(no_scaling(3), observations).tobytes() == observations.tobytes()


def test_the_scaling_is_that_of_all_observations_so_far():
    rng = np.random.default_rng(0)
    batches = [rng.standard_normal((n, 3)) * [1, 10, 0] + [0, 5, 2] for n in (50, 7, 300)]
    scaling = no_scaling(3)
    for observations in batches:
        scaling = update_scaling(scaling, scale(scaling, observations))
    everything = np.concatenate(batches)
    assert scaling.count == 357
    assert np.allclose(scaling.mean, everything.mean(axis=0), rtol=1e-12)
    assert np.allclose(scaling.var, everything.var(axis=0), rtol=1e-12, atol=1e-25)
    assert np.allclose(scaling.std[:2], everything.std(axis=0)[:2], rtol=1e-12)
    assert scaling.std[2] == 1, "a constant is divided by 1, not by 0"


def test_an_observation_that_varies_by_rounding_only_is_divided_by_1():
    """0.1 + 0.2 and 0.3 differ in the last digit."""
    observations = np.array([[0.1 + 0.2], [0.3], [0.3]])
    scaling = update_scaling(no_scaling(1), observations)
    assert 0 < scaling.var[0] < 1e-30 and scaling.std[0] == 1
    mean, std = np.array([3e6, 3e6, -3e6, 0.0, 0.0]), np.array([2.9e-6, 3.1e-6, 2.9e-6, 1e-200, 0.0])
    assert np.allclose(Scaling(9, mean, std ** 2).std, [1, 3.1e-6, 1, 1, 1], rtol=1e-12)
    assert np.allclose(Scaling(9, np.zeros(1), np.array([1e-60])).std, 1e-30, rtol=1e-12)


@pytest.mark.parametrize("k", [-300, -31, 1, 40, 300])
def test_observations_times_a_power_of_two_are_scaled_to_the_same_bytes(k):
    rng, unit = np.random.default_rng(0), 2.0 ** k
    ours, others = no_scaling(3), no_scaling(3)
    for n in (50, 7, 300):
        observations = rng.standard_normal((n, 3)) * [1, 10, 1e-6] + [0, 5, 2]
        seen, also_seen = scale(ours, observations), scale(others, observations * unit)
        assert n == 50 or seen.tobytes() == also_seen.tobytes()  # the first are not scaled yet
        ours, others = update_scaling(ours, seen), update_scaling(others, also_seen)


def test_an_action_is_that_of_the_scaled_observation():
    scaling, rng = Scaling(1, np.array([1.0, 2.0]), np.array([4.0, 16.0])), object()

    def act(parameters, s, rng):
        return parameters, s.tolist(), rng

    assert scaled_action(act, "parameters", scaling, np.array([5.0, -2.0]), rng) == ("parameters", [2.0, -1.0], rng)
