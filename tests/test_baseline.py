"""Not in the paper: generalized advantages, and the fit of the value baseline."""
import numpy as np
import pytest

from trpo_numpy.mlp import MLP
from trpo_numpy.practice import baseline
from trpo_numpy.practice.baseline import (
    explained_variance,
    fit_baseline,
    generalized_advantages,
    standardize,
    values,
)
from trpo_numpy.practice.config import Config
from trpo_numpy.sampling import Path


def path(rewards, terminated):
    return Path(np.zeros((len(rewards) + 1, 1)), np.zeros((len(rewards), 1)), np.array(rewards, float), terminated)


def test_three_steps_by_hand():
    """gamma 1/2, lambda 1/2, rewards 1, 2, 3, V = 4, 8, 16, 32.

    Terminated: td = 1 + 4 - 4, 2 + 8 - 8, 3 + 0 - 16 = 1, 2, -13; A_2 = -13, A_1 = 2 - 13/4, A_0 = 1 - 1.25/4.
    Truncated:  td_2 = 3 + 16 - 16 = 3;                            A_2 = 3,   A_1 = 2 + 3/4,  A_0 = 1 + 2.75/4.
    """
    V = np.array([4.0, 8.0, 16.0, 32.0])
    assert generalized_advantages(path([1, 2, 3], True), V, 0.5, 0.5).tolist() == [0.6875, -1.25, -13.0]
    assert generalized_advantages(path([1, 2, 3], False), V, 0.5, 0.5).tolist() == [1.6875, 2.75, 3.0]
    assert V.tolist() == [4.0, 8.0, 16.0, 32.0], "V is not changed"


@pytest.mark.parametrize("terminated", [True, False])
def test_advantages_by_a_plain_loop(terminated):
    rng, gamma, gae_lambda, T = np.random.default_rng(0), 0.97, 0.9, 40
    rewards, V = rng.standard_normal(T), rng.standard_normal(T + 1)
    expected, A = np.zeros(T), 0.0
    for t in reversed(range(T)):
        V_next = 0.0 if terminated and t == T - 1 else V[t + 1]
        A = rewards[t] + gamma * V_next - V[t] + gamma * gae_lambda * A
        expected[t] = A
    assert np.allclose(generalized_advantages(path(rewards, terminated), V, gamma, gae_lambda), expected, rtol=1e-12)


def test_lambda_one_is_the_sampled_return_less_the_baseline():
    V = np.random.default_rng(0).standard_normal(4)
    A = generalized_advantages(path([1, 2, 3], True), V, 0.9, 1.0)
    assert np.allclose(A, np.array([1 + 0.9 * (2 + 0.9 * 3), 2 + 0.9 * 3, 3]) - V[:3], rtol=1e-13)


@pytest.mark.parametrize("unit", [1.0, 1e-13, 1e13])
def test_standardize(unit):
    A = standardize(unit * np.array([1.0, 2.0, 6.0]))
    assert A.mean() == pytest.approx(0) and A.std() == pytest.approx(1)
    assert not standardize(np.full(2000, 0.1)).any(), "though their mean is not exactly 0.1"
    assert np.allclose(standardize(np.array([1.0, 1 + 1e-9])), [-1, 1], rtol=1e-6), "a small difference is one"


def test_explained_variance():
    targets = np.array([1.0, 2.0, 3.0])
    assert explained_variance(targets, targets) == 1 and explained_variance(np.ones(3), targets) == 0
    assert explained_variance(-targets, targets) == pytest.approx(-3)
    assert np.isnan(explained_variance(targets, np.full(3, 0.1)))
    assert explained_variance(1e-9 * targets, 1e-9 * targets) == 1  # in any unit


@pytest.mark.parametrize("targets, unit", [
    ([3.0, 5.0], 1.0), ([3.0, 3.0], 0.03), ([100.0, 104.0], 2.0), ([-100.0, -101.0], 1.005)])
def test_the_unit_of_the_fit_is_the_std_or_a_hundredth_of_the_size(monkeypatch, targets, unit):
    """Where V is 0, the derivative in the last bias is minus the mean target in this unit."""
    seen = []
    monkeypatch.setattr(baseline, "conjugate_gradient", lambda A, b, *_: (seen.append(b), [np.zeros(len(b))])[1] * 2)
    fit_baseline(MLP((1, 1)), np.zeros(2), np.zeros((2, 1)), np.array(targets), Config(baseline_steps=1))
    assert seen[0][-1] == pytest.approx(np.mean(targets) / unit, rel=1e-3)


def test_gauss_newton_fits_a_linear_baseline_in_one_step():
    rng = np.random.default_rng(0)
    network, states = MLP((3, 1)), rng.standard_normal((100, 3))
    targets = states @ [1.0, -2.0, 3.0] + 4
    config = Config(baseline_steps=1, baseline_cg_iterations=20, baseline_damping=0.0)
    phi = fit_baseline(network, rng.standard_normal(4), states, targets, config)
    assert np.allclose(phi, [1, -2, 3, 4], atol=1e-8)


def test_a_fit_leaves_the_callers_phi_and_targets_as_they_are():
    rng = np.random.default_rng(0)
    network, states, targets = MLP((3, 8, 1)), rng.standard_normal((100, 3)), 5 * rng.standard_normal(100)
    phi = network.initial(rng, 1.0)
    before = phi.tobytes(), targets.tobytes()
    assert fit_baseline(network, phi, states, targets, Config()).tobytes() != before[0]
    assert (phi.tobytes(), targets.tobytes()) == before


def test_without_steps_the_baseline_stays_as_it_is():
    rng = np.random.default_rng(0)
    network, states, targets = MLP((3, 8, 1)), rng.standard_normal((100, 3)), 5 * rng.standard_normal(100)
    phi = network.initial(rng, 1.0)
    assert np.allclose(fit_baseline(network, phi, states, targets, Config(baseline_steps=0)), phi, rtol=1e-14)


def test_each_step_has_samples_of_its_own():
    rng = np.random.default_rng(0)
    network, states, targets = MLP((3, 1)), rng.standard_normal((100, 3)), rng.standard_normal(100)
    config = Config(baseline_steps=2, baseline_cg_iterations=20, baseline_damping=0.0)
    phi = fit_baseline(network, rng.standard_normal(4), states, targets, config)
    of_the_last = np.linalg.lstsq(np.column_stack([states, np.ones(100)])[1::2], targets[1::2], rcond=None)[0]
    assert np.allclose(phi, of_the_last, atol=1e-8)


def test_fewer_samples_than_steps():
    rng = np.random.default_rng(0)
    network, states, targets = MLP((3, 8, 1)), rng.standard_normal((3, 3)), rng.standard_normal(3)
    phi = fit_baseline(network, network.initial(rng, 0.01), states, targets, Config(baseline_steps=10))
    assert np.isfinite(phi).all()


def test_the_fit_does_not_depend_on_the_rewards_unit():
    rng = np.random.default_rng(0)
    network, states, unit = MLP((3, 8, 1)), rng.standard_normal((100, 3)), 1e4
    targets, phi = rng.standard_normal(100), network.initial(rng, 1.0)
    phi_in_units = phi.copy()
    phi_in_units[-9:] *= unit
    V = values(network, fit_baseline(network, phi, states, targets, Config()), states)
    V_in_units = values(network, fit_baseline(network, phi_in_units, states, unit * targets, Config()), states)
    assert np.allclose(unit * V, V_in_units, rtol=1e-6)


@pytest.mark.parametrize("constant", [0.1, -16.2, 0.0])  # the mean of 2000 times 0.1 is not exactly 0.1
def test_targets_that_do_not_vary(constant):
    rng = np.random.default_rng(0)
    network, states = MLP((3, 8, 1)), rng.standard_normal((2000, 3))
    start = network.initial(rng, 0.01)
    phi = fit_baseline(network, start.copy(), states, np.full(2000, constant), Config())
    assert abs(phi - start).max() < 100, "a step in a unit of 1e-17, without a least one, is 1e9"
    assert np.allclose(values(network, phi, states), constant, rtol=0.05, atol=0.01)


def test_a_solved_task_leaves_a_network_that_can_still_learn():
    """Ten fits to targets of mean 20 and standard deviation 0.01, then ten to others."""
    rng = np.random.default_rng(0)
    network = MLP((3, 16, 16, 1))
    phi = network.initial(rng, 0.01)
    for _ in range(10):
        phi = fit_baseline(network, phi, rng.standard_normal((500, 3)), 20 + 0.01 * rng.standard_normal(500), Config())
    states = rng.standard_normal((500, 3))
    targets = np.tanh(states[:, 0] + states[:, 1])
    for _ in range(10):
        phi = fit_baseline(network, phi, states, targets, Config())
    assert explained_variance(values(network, phi, states), targets) > 0.9


def test_fit_brings_the_loss_down():
    rng = np.random.default_rng(0)
    network, states = MLP((3, 64, 64, 1)), rng.standard_normal((500, 3))
    targets = 100 * np.tanh(states[:, 0] * states[:, 1])
    phi = network.initial(rng, 0.01)
    losses = [np.mean((values(network, phi, states) - targets) ** 2)]
    for _ in range(10):
        phi = fit_baseline(network, phi, states, targets, Config())
        losses.append(np.mean((values(network, phi, states) - targets) ** 2))
    assert losses[-1] < 0.02 * losses[0]
