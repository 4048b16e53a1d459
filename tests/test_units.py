"""The size of a number alone decides nothing: rewards and observations in any unit, short and long episodes."""
from dataclasses import replace
from functools import partial

from max_kl import max_kl_update
from problems import random_problem

import gymnasium as gym
import numpy as np
import pytest

from trpo_numpy.gaussian import Gaussian
from trpo_numpy.practice.config import PAPER, Config
from trpo_numpy.practice.scaling import Scaling
from trpo_numpy.practice.training import train
from trpo_numpy.prior_work import empirical_fim_update
from trpo_numpy.trpo import UpdateOptions, trpo_update


def in_other_units(env_id, reward_unit=1.0, observation_unit=1.0, offset=0.0, max_episode_steps=None):
    """Gymnasium's environment with its rewards and its observations times a unit, an offset added to the latter."""
    env = gym.make(env_id, max_episode_steps=max_episode_steps)
    env = gym.wrappers.TransformReward(env, lambda r: r * reward_unit)
    return gym.wrappers.TransformObservation(env, lambda s: s * observation_unit + offset, gym.spaces.Box(
        -np.inf, np.inf, env.observation_space.shape, np.float64))


def thetas(env_id, update=trpo_update, reward_unit=1.0, **options):
    """theta after each of four iterations, as bytes."""
    settings = {"batch_size": 400, "timesteps": 1600, "hidden_sizes": (8,), **options}
    config = Config(partial(in_other_units, env_id, reward_unit), **settings)
    return [iteration.checkpoint.theta.tobytes() for iteration in train(config, update)]


OPTIONS = [{}, {"baseline": False}, {"standardize_advantages": False}, {"scale_observations": False}, PAPER,
           {"vine_states": 10, "vine_length": 20}, {"baseline_damping": 0.0}, {"damping": 0.0, "fisher_fraction": 1.0}]


@pytest.mark.parametrize("env_id", ["Pendulum-v1", "CartPole-v1"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_rewards_times_a_power_of_two_give_the_same_bytes(env_id, options):
    plain = thetas(env_id, **options)
    assert len(set(plain)) == len(plain)
    for k in (-30, 300) if options else (-400, -30, -1, 10, 300):
        assert thetas(env_id, reward_unit=2.0 ** k, **options) == plain


@pytest.mark.parametrize("update", [empirical_fim_update, partial(max_kl_update, n_rounds=3)])
def test_so_they_do_with_other_updates(update):
    options = {"batch_size": 100, "timesteps": 200}
    assert thetas("Pendulum-v1", update, reward_unit=2.0 ** 40, **options) == thetas("Pendulum-v1", update, **options)


@pytest.mark.filterwarnings("ignore")
def test_without_them_rewards_that_are_too_large_are_an_error_that_says_so():
    with pytest.raises(ArithmeticError, match="wanted .*smaller rewards"):
        thetas("Pendulum-v1", reward_unit=1e300, **PAPER)


def mean_returns(**kwargs):
    """The mean returns of the first and of the last three of 15 iterations on CartPole-v1."""
    config = Config(partial(in_other_units, "CartPole-v1", **kwargs), timesteps=15_000, batch_size=1000)
    returns = [iteration.mean_return for iteration in train(config)]
    return returns[0], np.mean(returns[-3:])


@pytest.mark.parametrize("units", [{"observation_unit": 2.0 ** -40}, {"observation_unit": 1e6}, {"offset": 5e6},
                                   {"observation_unit": 1e-6, "offset": 5.0}], ids=str)
def test_observations_in_any_unit_are_learned_from(units):
    first, last = mean_returns(**units)
    assert first < 35 and last > 90


@pytest.mark.parametrize("k", [-60, 20, 50])
def test_once_they_are_scaled_observations_times_a_power_of_two_give_the_same_bytes(k):
    config, other = (Config(partial(in_other_units, "Pendulum-v1", observation_unit=unit), batch_size=400,
                            timesteps=1600) for unit in (1.0, 2.0 ** k))
    checkpoint = next(train(config)).checkpoint
    scaling = Scaling(checkpoint.scaling.count, checkpoint.scaling.mean * 2.0 ** k, checkpoint.scaling.var * 4.0 ** k)
    others = train(other, checkpoint=replace(checkpoint, scaling=scaling))
    for iteration, same in zip(train(config, checkpoint=checkpoint), others, strict=True):
        assert iteration.checkpoint.theta.tobytes() == same.checkpoint.theta.tobytes()


def test_an_update_of_one_state():
    problem = random_problem(Gaussian(2), (5,), N=1)
    options = UpdateOptions(damping=0.1, fisher_fraction=0.1)
    update = trpo_update(problem.policy, problem.theta_old, problem.batch, options, problem.rng)
    assert update.status == "accepted" and 0 < update.kl_new <= options.delta


class Guess(gym.Env):
    """Episodes of n_steps; each reward is minus the squared distance of the action from the observation."""

    def __init__(self, n_steps=1):
        self.observation_space = gym.spaces.Box(-1, 1, (1,), np.float64)
        self.action_space, self.n_steps = gym.spaces.Box(-1, 1, (1,), np.float32), n_steps

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.s = 0, self.np_random.uniform(-1, 1, 1)
        return self.s, {}

    def step(self, action):
        reward, self.t, self.s = -float((action[0] - self.s[0]) ** 2), self.t + 1, self.np_random.uniform(-1, 1, 1)
        return self.s, reward, self.t == self.n_steps, False, {}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("n_steps, batch_size, n_batches", [(1, 1000, 10), (1000, 1000, 10)])
def test_episodes_of_one_step_and_of_many_are_learned_from(n_steps, batch_size, n_batches):
    config = Config(Guess, {"n_steps": n_steps}, batch_size=batch_size, timesteps=batch_size * n_batches, gamma=0.5)
    *_, iteration = train(config)
    assert iteration.episodes == batch_size // n_steps * n_batches
    assert iteration.mean_return / n_steps > -0.45


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("low, high", [(5, 10), (-1000, 1000)])
def test_rescaled_actions_are_learned_in_any_box(low, high):
    """At first the mean return is about -1, as it stays without the option."""
    def make():
        env = gym.wrappers.RescaleAction(Guess(), np.full(1, low, np.float32), np.full(1, high, np.float32))
        return gym.wrappers.TimeLimit(env, 1)
    config = Config(make, batch_size=1000, timesteps=12_000, rescale_actions=True)
    *_, iteration = train(config)
    assert iteration.mean_return > -0.3


def test_an_episode_of_100_000_steps():
    config = Config(lambda: gym.wrappers.TimeLimit(Guess(100_000), 100_000), hidden_sizes=(4,), timesteps=100_000)
    iteration, = train(config)
    assert iteration.episodes == 1 and iteration.update.status == "accepted"
