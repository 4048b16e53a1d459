"""CEM and CMA of the tutorials: both find the best theta of a simple problem, count their steps, and can be resumed."""
import sys
from dataclasses import replace
from functools import partial

import derivative_free
from derivative_free import FULL, beginning, covariance_matrix_adaptation, cross_entropy_method, import_cma
from experiment import all_runs, complete_runs

import cma
import gymnasium as gym
import numpy as np
import pytest

from trpo_numpy.checks import InputError
from trpo_numpy.practice.config import Config

METHODS = [cross_entropy_method, covariance_matrix_adaptation]


class Target(gym.Env):
    """Three steps or four, by turns; the state is 1 or -1, by turns, and the best action is 0.7 s + 0.2."""
    observation_space = gym.spaces.Box(-2.0, 2.0, (1,))
    action_space = gym.spaces.Box(-10.0, 10.0, (1,))
    episodes = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left, self.s, self.episodes = 3 + self.episodes % 2, np.ones(1, np.float32), self.episodes + 1
        return self.s, {}

    def step(self, action):
        reward = -float(action[0] - 0.7 * self.s[0] - 0.2) ** 2
        self.left, self.s = self.left - 1, -self.s
        return self.s, reward, self.left == 0, False, {}


CONFIG = Config(env_id=Target, hidden_sizes=(), timesteps=3500)


@pytest.mark.parametrize("method", METHODS)
def test_the_best_theta_of_a_simple_problem_is_found(method):
    """theta is w and b of the mean w s + b, and the log-std r."""
    iterations = list(method(CONFIG))
    first, last = iterations[0], iterations[-1]
    assert first.mean_return < -3 and last.mean_return > -0.1
    w, b, r = last.checkpoint.theta
    assert (w, b) == (pytest.approx(0.7, abs=0.03), pytest.approx(0.2, abs=0.03)) and r < -2


@pytest.mark.parametrize("method", METHODS)
def test_an_iteration_is_a_new_episode_of_each_theta(method, monkeypatch):
    played, sample_path = [], derivative_free.sample_path

    def spy(env, act, seeds, episode):
        played.append(episode)
        return sample_path(env, act, seeds, episode)

    monkeypatch.setattr(derivative_free, "sample_path", spy)
    for n, iteration in enumerate(method(CONFIG, n_samples=10), 1):
        assert (iteration.iteration, iteration.episodes, iteration.timesteps) == (n, 10 * n, 35 * n)
    assert n == 100 == CONFIG.timesteps / 35 and played == list(range(1000))


@pytest.mark.parametrize("method", METHODS)
def test_a_run_goes_on_from_any_state_to_the_same_bytes(method):
    def numbers(iterations):
        return [(i.checkpoint.theta.tobytes(), i.checkpoint.phi.tobytes(), i.timesteps, i.mean_return)
                for i in iterations]

    config = replace(CONFIG, env_id="Pendulum-v1", hidden_sizes=(2,), timesteps=6000)
    method = partial(method, n_samples=5)
    whole = list(method(config))
    assert len(whole) == 6 and numbers(whole) == numbers(method(config))
    for n in (1, 4):
        assert numbers(whole[n:]) == numbers(method(config, checkpoint=whole[n - 1].checkpoint))
    assert numbers(whole) != numbers(method(replace(config, seed=1)))


@pytest.mark.parametrize("method", METHODS)
def test_numpys_global_random_numbers_are_left_alone(method):
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    list(method(replace(CONFIG, timesteps=400)))
    assert np.array_equal(np.random.get_state()[1], before)


def test_cma_tells_the_package_what_it_is_told_to(monkeypatch):
    """The costs are the negative returns; the start is that of CEM; the covariance of a large theta is diagonal."""
    seen = []

    class Spy(cma.CMAEvolutionStrategy):
        def __init__(self, mean, std, options):
            seen.append((mean, std, options["CMA_diagonal"]))
            super().__init__(mean, std, options)

        def tell(self, thetas, costs):
            seen.append(costs)
            super().tell(thetas, costs)

    monkeypatch.setattr(cma, "CMAEvolutionStrategy", Spy)
    iteration, *_ = covariance_matrix_adaptation(CONFIG, initial_std=0.3)
    assert np.array_equal(seen[0][0], beginning(CONFIG)[2]) and seen[0][1:] == (0.3, False)
    assert np.mean(seen[1]) == pytest.approx(-iteration.mean_return) and np.mean(seen[1]) > 0
    seen.clear()
    large = replace(CONFIG, hidden_sizes=(30, 30), timesteps=1)
    assert len(beginning(large)[2]) > FULL and next(covariance_matrix_adaptation(large)) and seen[0][2]


def test_without_the_package_an_experiment_says_which_extra_has_it_before_it_trains_anything(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cma", None)
    with pytest.raises(InputError, match="^CMA: the package cma is missing, wanted the extra cma: pip install -e"):
        import_cma()
    runs = all_runs({method: (cross_entropy_method, Config(env_id="Pendulum-v1", timesteps=1))
                     for method in ("CEM", "CMA")}, [0])
    with pytest.raises(InputError, match="the extra cma"):
        complete_runs(runs, tmp_path, 1)
    assert not any(tmp_path.iterdir())
