"""The training loop: the three steps of the practical algorithm (Section 6), and what practice adds to each."""
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import numpy as np
from scipy.special import ndtr

from trpo_numpy.checks import InputError, check_array
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.policy import Policy
from trpo_numpy.practice.baseline import estimate_single_path, explained_variance, fit_baseline
from trpo_numpy.practice.blocks import BlockedMLP
from trpo_numpy.practice.config import Config, update_options
from trpo_numpy.practice.environment import check_restorable, make_env
from trpo_numpy.practice.executor import sample_episodes
from trpo_numpy.practice.scaling import Scaling, no_scaling, scale, scaled_action, update_scaling
from trpo_numpy.prior_work import UpdateRule
from trpo_numpy.sampling import sample_path, single_path
from trpo_numpy.trpo import Update, trpo_update
from trpo_numpy.vine import vine, vine_batch, vine_path


@dataclass(frozen=True)
class Checkpoint:
    """Where a run stands between two iterations. With its Config, it is all that the rest of the run depends on."""
    theta: np.ndarray           # (P,), the policy's parameters
    phi: np.ndarray             # the baseline's parameters
    scaling: Scaling            # of the next iteration's observations
    iteration: int = 0          # iterations done
    timesteps: int = 0          # environment steps so far
    episodes: int = 0           # paths so far


@dataclass(frozen=True)
class Iteration:
    """The results of one iteration of the training loop."""
    iteration: int              # from 1
    timesteps: int              # environment steps so far; in a vine those of its rollouts too
    episodes: int               # paths so far; in a vine those of its trunk
    mean_return: float          # mean raw return of this iteration's paths
    entropy: float              # mean entropy of the policy that sampled them, nats, in every tenth state
    update: Update
    explained_variance: float   # of the baseline's targets by V, before its fit; NaN without a baseline
    seconds_sampling: float
    seconds_updating: float
    policy: Policy
    scaling: Scaling            # of this iteration's observations
    checkpoint: Checkpoint      # where training goes on from


def policy_and_baseline(env, config):
    """The Policy for the spaces of env, and the network of its baseline, which has the same hidden layers."""
    sizes = (*env.observation_space.shape, *config.hidden_sizes)
    return Policy(BlockedMLP((*sizes, env.family.d_output)), env.family), BlockedMLP((*sizes, 1))


def initial_checkpoint(policy, baseline, config):
    """The Checkpoint before the first iteration: a function of config.seed."""
    rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(1,)))
    log_std = config.initial_log_std + np.log(3 / max(policy.family.d_free, 3))     # the sum of the stds as for d_a = 3
    return Checkpoint(policy.initial(rng, log_std), baseline.initial(rng, 0.0), no_scaling(policy.network.sizes[0]))


def train(config: Config, update: UpdateRule = trpo_update, checkpoint: Checkpoint | None = None,
          executor: Executor | None = None) -> Iterator[Iteration]:
    """The practical algorithm (Section 6) until config.timesteps: an iterator with an Iteration after each update.

    update is trpo_update, one of its siblings in prior_work.py, or an UpdateRule of your own. With a checkpoint,
    `iteration.checkpoint` of an earlier run with this config, that run goes on; an executor (a process pool, Dask's,
    mpi4py's) samples the episodes: both to the same bytes. Raises InputError for a bad argument or environment,
    ArithmeticError where curvature or a number is not what it must be. Warns of actions that are hardly explored.
    """
    if not isinstance(config, Config):
        raise InputError(f"config: got {config!r}, wanted a Config, such as Config(env_id='CartPole-v1')")
    env = make_env(config)
    policy, baseline = policy_and_baseline(env, config)
    first = initial_checkpoint(policy, baseline, config)
    checkpoint = first if checkpoint is None else checkpoint
    if not isinstance(checkpoint, Checkpoint):
        raise InputError(f"checkpoint: got {type(checkpoint).__name__}, wanted iteration.checkpoint of an earlier run")
    check_array("checkpoint: theta", checkpoint.theta, (policy.n_parameters,))
    check_array("checkpoint: phi", checkpoint.phi, (baseline.n_parameters,))
    parameters = policy.unpack(first.theta)
    if isinstance(policy.family, Gaussian):
        warn_of_box(env.low, env.high, np.exp(parameters[1]))
    if config.vine_states:
        check_restorable(make_env(config), partial(policy.act, parameters))
    return iterations(env, policy, baseline, config, update, checkpoint, executor)


def warn_of_box(low, high, std):
    """Warns if the first policy, of mean 0 and this std, hardly explores a dimension of a Box; all (d_a,)."""
    hardly_inside = ndtr(high / std) - ndtr(low / std) < 0.25
    far_wider = np.isfinite(high - low) & (high - low > 20 * std)
    for i in np.flatnonzero(hardly_inside | far_wider)[:1]:
        warnings.warn(f"action dimension {i} lies in [{low[i]:g}, {high[i]:g}], where the first policy (mean 0, "
                      f"standard deviation {std[i]:.3g}) explores little: --rescale-actions makes bounded ones [-1, 1]",
                      stacklevel=3)


def iterations(env, policy, baseline, config, update, now, executor):
    """The training loop."""
    options = update_options(config, policy.family.d_a)
    n_ahead = 16                        # episodes that workers sample first; from then on, as many as the last time
    path_seeds = np.random.SeedSequence(config.seed, spawn_key=(0,))    # (1,): theta_0; (1, i): updates; (2,): evaluate
    while now.timesteps < config.timesteps:
        start, theta = perf_counter(), now.theta
        act = partial(scaled_action, policy.act, policy.unpack(theta), now.scaling)
        episodes_of = partial(sample_episodes, env, config, path_seeds, now.episodes, executor, n_ahead)
        if config.vine_states:                                                      # step 1, Section 5.2
            paths, branches = vine(episodes_of(vine_path, act, policy.family, config), config.batch_size)
        else:                                                                       # step 1, Section 5.1
            paths, branches = single_path(episodes_of(sample_path, act), config.batch_size), []
        sampling_ended, n_ahead = perf_counter(), len(paths)
        if not all(np.isfinite(path.actions).all() for path in paths):
            raise FloatingPointError("policy: its actions are not finite any more, wanted smaller steps")
        if config.vine_states:                                                      # step 2
            branches = [(scale(now.scaling, s), *rest) for s, *rest in branches]
            batch, targets, V = vine_batch(branches, policy.family, config), None, None     # no baseline
        else:
            batch, targets, V = estimate_single_path(paths, baseline, now, config)
        rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(1, now.iteration)))
        result = update(policy, theta, batch, options, rng)                         # step 3
        check_array("update: theta_new", getattr(result, "theta_new", None), theta.shape)

        phi = now.phi if targets is None else fit_baseline(baseline, now.phi, batch.states, targets, config)
        scaling = now.scaling
        if config.scale_observations:
            observations = np.concatenate([path.states[:-1] for path in paths])
            scaling = update_scaling(scaling, scale(scaling, observations))
        n_steps = sum(len(path.rewards) for path in paths) + sum(steps for *_, steps in branches)
        after = Checkpoint(result.theta_new, phi, scaling, now.iteration + 1, now.timesteps + n_steps,
                           now.episodes + len(paths))
        yield Iteration(after.iteration, after.timesteps, after.episodes,
                        mean_return=np.mean([path.rewards.sum() for path in paths]),
                        entropy=policy.family.entropy(policy.mu(theta, batch.states[::10])).mean(), update=result,
                        explained_variance=np.nan if targets is None else explained_variance(V, targets),
                        seconds_sampling=sampling_ended - start, seconds_updating=perf_counter() - sampling_ended,
                        policy=policy, scaling=now.scaling, checkpoint=after)
        now = after
