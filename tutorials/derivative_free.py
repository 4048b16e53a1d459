"""CEM and CMA, with which Section 8.1 compares: no gradient, no value, only returns of whole episodes.

Both draw thetas from a Gaussian, run one episode of each, and fit the Gaussian to those with the highest returns.
Shapes: n thetas per iteration, P parameters.
"""
from functools import partial
from time import perf_counter

import common  # noqa: F401  imports trpo_numpy, which sets the number of threads, before NumPy

import numpy as np

from trpo_numpy.checks import InputError
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.scaling import no_scaling
from trpo_numpy.practice.training import Checkpoint, Iteration, policy_and_baseline
from trpo_numpy.sampling import sample_path
from trpo_numpy.trpo import Update

FULL = 1000  # parameters, at most, of which CMA adapts the whole covariance; of more its diagonal


def beginning(config):
    """The environment, the Policy, and the first mean: a theta (P,) as `train` starts with."""
    env = make_env(config)
    policy, _ = policy_and_baseline(env, config)
    return env, policy, policy.initial(np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(1,))), 0.0)


def search(env, policy, config, now, draw, fit):
    """Yields what `train` does: draws thetas by draw(now), and fits theta and phi by fit(now, thetas, returns)."""
    scaling, nan = now.scaling, np.full(1, np.nan)
    seeds = np.random.SeedSequence(config.seed, spawn_key=(0,))
    while now.timesteps < config.timesteps:
        start = perf_counter()
        thetas = draw(now)                                                          # n of (P,)
        paths = [sample_path(env, partial(policy.act, policy.unpack(theta)), seeds, now.episodes + i)
                 for i, theta in enumerate(thetas)]
        returns = np.array([path.rewards.sum() for path in paths])                  # (n,)
        timesteps = now.timesteps + sum(len(path.rewards) for path in paths)
        now = Checkpoint(*fit(now, thetas, returns), scaling, now.iteration + 1, timesteps, now.episodes + len(paths))
        unknown = {name: np.nan for name in ("sAs", "L_old", "L_new", "L_predicted", "delta", "kl_new", "kl_predicted")}
        update = Update(now.theta, "fitted to the best", g=nan, s=nan, residuals=nan, candidates=[], **unknown)
        yield Iteration(now.iteration, timesteps, now.episodes, np.mean(returns), np.nan, update, np.nan,
                        perf_counter() - start, 0.0, policy, scaling, now)


def cross_entropy_method(config, checkpoint=None, n_samples=50, elite=0.2, initial_std=1.0):
    """CEM (Szita and Lorincz, 2006): draws thetas, and fits mean and standard deviations to the best of them.

    Yields what `train` does; the Checkpoint has the standard deviations in the place of phi. Noise that goes down to
    zero in 30 iterations keeps them from shrinking too early.
    """
    env, policy, mean = beginning(config)
    if checkpoint is None:
        checkpoint = Checkpoint(mean, np.full(len(mean), initial_std), no_scaling(policy.network.sizes[0]))

    def draw(now):
        rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(1, now.iteration)))
        return now.theta + now.phi * rng.standard_normal((n_samples, len(now.theta)))     # (n, P)

    def fit(now, thetas, returns):
        best = thetas[np.argsort(returns)[-max(1, round(elite * n_samples)):]]
        noise = initial_std / 5 * max(0.0, 1 - now.iteration / 30)
        return best.mean(axis=0), np.hypot(best.std(axis=0), noise)

    return search(env, policy, config, checkpoint, draw, fit)


def import_cma():
    """The package cma. Raises InputError if it is not installed."""
    try:
        import cma
    except ImportError as error:
        raise InputError('CMA: the package cma is missing, wanted the extra cma: pip install -e ".[cma]"') from error
    return cma


def covariance_matrix_adaptation(config, checkpoint=None, n_samples=50, initial_std=1.0):
    """CMA (Hansen and Ostermeier, 1996), by its author's package: it adapts the covariance and the length of its steps.

    Yields what `train` does, from as many thetas and episodes as CEM. The covariance of more than FULL parameters is
    diagonal (Ros and Hansen, 2008), because the whole one has P^2 numbers. The Checkpoint has the returns of all
    episodes in the place of phi: from these a run that goes on tells the package again what it was told.
    """
    env, policy, mean = beginning(config)
    rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(1, 0)))
    options = {"popsize": n_samples, "CMA_diagonal": len(mean) > FULL, "seed": np.nan, "verbose": -9,  # says nothing
               "randn": lambda *shape: rng.standard_normal(shape)}
    strategy = import_cma().CMAEvolutionStrategy(mean, initial_std, options)
    if checkpoint is None:
        checkpoint = Checkpoint(mean, np.empty(0), no_scaling(policy.network.sizes[0]))
    for returns in checkpoint.phi.reshape(-1, n_samples):
        strategy.tell(strategy.ask(), -returns)

    def draw(now):
        return strategy.ask()

    def fit(now, thetas, returns):
        strategy.tell(thetas, -returns)  # which it makes as low as it can
        return strategy.mean.copy(), np.append(now.phi, returns)

    return search(env, policy, config, checkpoint, draw, fit)
