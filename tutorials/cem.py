"""The cross-entropy method, with which Section 8.1 compares: no gradient, no value, only returns of whole episodes."""
from functools import partial
from time import perf_counter

import common  # noqa: F401  imports trpo_numpy, which sets the number of threads, before NumPy

import numpy as np

from trpo_numpy.practice.environment import make_env, policy_for
from trpo_numpy.practice.scaling import no_scaling
from trpo_numpy.practice.training import Iteration, State
from trpo_numpy.sampling import sample_path
from trpo_numpy.trpo import Update


def cross_entropy_method(config, state=None, n_samples=50, elite=0.2, initial_std=1.0):
    """CEM (Szita and Lorincz, 2006): draws thetas, and fits mean and standard deviations to the best of them.

    Yields what `train` does; the State has the standard deviations in the place of phi. Noise that goes down to zero
    in 30 iterations keeps them from shrinking too early.
    """
    env = make_env(config)
    policy, seeds = policy_for(env, config.hidden_sizes), np.random.SeedSequence(config.seed, spawn_key=(0,))
    scaling, nan = no_scaling(policy.network.sizes[0]), np.full(1, np.nan)
    if state is None:
        mean = policy.initial(np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(1,))), 0.0)
        state = State(mean, np.full(len(mean), initial_std), scaling)
    while state.timesteps < config.timesteps:
        start = perf_counter()
        rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(1, state.iteration)))
        thetas = state.theta + state.phi * rng.standard_normal((n_samples, len(state.theta)))
        paths = [sample_path(env, partial(policy.act, policy.unpack(theta)), seeds, state.episodes + i)
                 for i, theta in enumerate(thetas)]
        returns = [path.rewards.sum() for path in paths]
        best = thetas[np.argsort(returns)[-max(1, round(elite * n_samples)):]]
        noise = initial_std / 5 * max(0.0, 1 - state.iteration / 30)
        timesteps = state.timesteps + sum(len(path.rewards) for path in paths)
        state = State(best.mean(axis=0), np.hypot(best.std(axis=0), noise), scaling, state.iteration + 1, timesteps,
                      state.episodes + n_samples)
        unknown = {name: np.nan for name in ("sAs", "L_old", "L_new", "L_predicted", "delta", "kl_new", "kl_predicted")}
        update = Update(state.theta, "fitted to the best", g=nan, s=nan, residuals=nan, candidates=[], **unknown)
        yield Iteration(state.iteration, timesteps, state.episodes, np.mean(returns), np.nan, update, np.nan,
                        perf_counter() - start, 0.0, policy, scaling, state)
