"""The training loop (Section 6): sample, estimate, update, and again. Shapes: N samples of a batch, P parameters."""
from contextlib import closing
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from trpo_numpy.baseline import (Scaling, explained_variance, fit_baseline, generalized_advantages, no_scaling,
                                 standardize, update_scaling, values)
from trpo_numpy.environment import make_env, policy_for
from trpo_numpy.executor import in_order
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.record import brief_repr
from trpo_numpy.sampling import sample_path, single_path
from trpo_numpy.surrogate import Batch
from trpo_numpy.trpo import Update, trpo_update
from trpo_numpy.vine import check_restorable, vine, vine_path


@dataclass(frozen=True)
class State:
    """Where a run stands between two iterations: with its Config, all that the rest of it depends on."""
    theta: np.ndarray           # (P,)
    phi: np.ndarray             # (P,) of the baseline
    scaling: Scaling            # what the next iteration's observations are scaled with
    iteration: int = 0          # iterations done
    timesteps: int = 0          # environment steps so far
    episodes: int = 0           # paths so far
    __repr__ = brief_repr


@dataclass(frozen=True)
class Iteration:
    """One turn of the training loop: what was sampled, and what the update made of it."""
    iteration: int              # from 1
    timesteps: int              # environment steps so far; in a vine those of its rollouts too
    episodes: int               # paths so far; in a vine those of its trunk
    mean_return: float          # mean raw return of this iteration's paths
    update: Update
    explained_variance: float   # of the baseline's targets by V, before its fit; NaN without a baseline
    seconds_sampling: float
    seconds_updating: float
    policy: Policy
    scaling: Scaling            # what this iteration's observations were scaled with
    state: State                # from which training goes on
    __repr__ = brief_repr


def batch_of(paths, network, phi, config):
    """The Batch of these paths, the baseline's targets (N,) and V (N,)."""
    advantages, targets, V = [], [], []
    for path in paths:
        if config.baseline:
            V_path, gae_lambda = values(network, phi, path.states), config.gae_lambda
        else:  # the advantages are the sampled Q (5.1)
            V_path, gae_lambda = np.zeros(len(path.states)), 1.0
        V.append(V_path[:-1])
        advantages.append(generalized_advantages(path, V_path, config.gamma, gae_lambda))
        targets.append(V[-1] + generalized_advantages(path, V_path, config.gamma, config.baseline_lambda))
    states, advantages = np.concatenate([path.states[:-1] for path in paths]), np.concatenate(advantages)
    if config.standardize_advantages:
        advantages = standardize(advantages)
    batch = Batch(states, np.concatenate([path.actions for path in paths]), advantages)
    return batch, np.concatenate(targets), np.concatenate(V)


def policy_and_baseline(env, config):
    """The Policy, and the network of its baseline: the same hidden layers, one output."""
    policy = policy_for(env, config.hidden_sizes)
    return policy, MLP((*policy.network.sizes[:-1], 1))


def initial_state(policy, baseline, config):
    """The State before the first iteration: a function of config.seed."""
    rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(1,)))
    return State(policy.initial(rng, config.initial_log_std), baseline.initial(rng, 0.01),
                 no_scaling(policy.network.sizes[0]))


def check_state(state, policy, baseline):
    """Raises ValueError unless state is a State whose parameters are as many as policy and baseline have."""
    if not isinstance(state, State):
        raise ValueError(f"state: got {type(state).__name__}, wanted the State of an iteration, `iteration.state`")
    for name, parameters, P in [("theta", state.theta, policy.n_parameters), ("phi", state.phi, baseline.n_parameters)]:
        if parameters.shape != (P,):
            raise ValueError(f"state: got {name} of shape {parameters.shape}, wanted {(P,)}; it is of another config")


def check_update(result, P):
    """Raises ValueError unless result is an Update of P parameters, FloatingPointError if they are not finite."""
    if not isinstance(result, Update) or np.shape(result.theta_new) != (P,):
        what = f"theta_new of shape {np.shape(result.theta_new)}" if isinstance(result, Update) else repr(result)
        raise ValueError(f"update: got {what}, wanted an Update with theta_new of shape {(P,)}")
    if not np.isfinite(result.theta_new).all():
        raise FloatingPointError("update: got numbers in theta_new that are not finite")


def train(config, update=trpo_update, state=None, executor=None):
    """The practical algorithm (Section 6) until config.timesteps: yields an Iteration after each update.

    update is trpo_update, one of its siblings (prior_work.py), or a function like them, (policy, theta_old, batch,
    config, rng) -> Update, whose config.delta is for all dimensions together. A State, `iteration.state` of an earlier
    run with the same config, goes on where that run stood, to the same bytes. An executor (concurrent.futures' process
    pool, Dask's, mpi4py's) samples the paths; they, and all that follows, are the same bytes without one.
    """
    env = make_env(config.env_id)
    policy, baseline = policy_and_baseline(env, config)
    use_baseline = config.baseline and not config.vine_states  # Eqs. (15) and (16) need none
    dimensions = policy.family.d_a if config.delta_per_dimension else 1
    fraction = 1.0 if config.vine_states else config.fisher_fraction
    update_config = replace(config, delta=config.delta * dimensions, fisher_fraction=fraction)
    path_seeds = np.random.SeedSequence(config.seed, spawn_key=(0,))
    if config.vine_states:
        check_restorable(env, policy)
    state = initial_state(policy, baseline, config) if state is None else state
    check_state(state, policy, baseline)
    n_ahead = 16  # episodes that an executor may expect to be needed: a guess now, then what the last batch had
    while state.timesteps < config.timesteps:
        start, theta, phi, scaling = perf_counter(), state.theta, state.phi, state.scaling
        weights = policy.unpack(theta)
        sample, arguments = sample_path, (policy.act, weights, scaling, path_seeds)
        if config.vine_states:
            sample, arguments = vine_path, (policy, weights, scaling, config, path_seeds)
        with closing(in_order(sample, env, config.env_id, arguments, state.episodes, executor, n_ahead)) as episodes:
            if config.vine_states:                                                                   # step 1
                paths, batch, n_steps = vine(episodes, policy, config)
            else:
                paths = single_path(episodes, config.batch_size)
        sampled = perf_counter()

        if not config.vine_states:
            batch, targets, V = batch_of(paths, baseline, phi, config)
            n_steps = len(batch.states)
        rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(1, state.iteration)))
        result = update(policy, theta, batch, update_config, rng)                                    # steps 2, 3
        check_update(result, policy.n_parameters)

        explained = explained_variance(V, targets) if use_baseline else np.nan
        phi = fit_baseline(baseline, phi, batch.states, targets, config) if use_baseline else phi
        seen = np.concatenate([path.states[:-1] for path in paths])
        state = State(result.theta_new, phi, update_scaling(scaling, seen) if config.scale_observations else scaling,
                      state.iteration + 1, state.timesteps + n_steps, state.episodes + len(paths))
        n_ahead = len(paths)
        yield Iteration(state.iteration, state.timesteps, state.episodes,
                        np.mean([path.rewards.sum() for path in paths]), result, explained, sampled - start,
                        perf_counter() - sampled, policy, scaling, state)
