"""Not in the paper: which environments are refused, and what is said of others before a run begins."""
import math
import traceback
from contextlib import contextmanager
from functools import partial
from time import perf_counter

import numpy as np
from scipy.special import ndtr

from trpo_numpy.gaussian import Gaussian
from trpo_numpy.record import InputError
from trpo_numpy.sampling import first_state, rollout, sample_path

OLD_GYM = "expected 5, got 4", "expected 2", "keyword argument 'seed'"  # parts of the errors that it leads to
OLD_GYM_HINT = (". This is the interface of the old Gym: wanted reset(seed=, options=), which returns (observation, "
                "info), and a step that returns (observation, reward, terminated, truncated, info)")


def failure(what, error):
    """An InputError: what failed, the error's type and text (or the code that raised it), and where."""
    file, line, _, code = traceback.extract_tb(error.__traceback__)[-1]
    hint = OLD_GYM_HINT if what.startswith("environment:") and any(part in str(error) for part in OLD_GYM) else ""
    clear = isinstance(error, (OSError, InputError, ImportError)) or type(error).__module__.startswith("gymnasium")
    where = "" if clear else f" ({file}, line {line})"
    return InputError(f"{what}: {type(error).__name__}: {str(error) or code}{where}{hint}")


@contextmanager
def input_error(what):
    """Any error in its block becomes the `failure` of what."""
    try:
        yield
    except Exception as error:
        raise failure(what, error) from error


def checked_step(observation, reward, shape, where):
    """The observation as an array and the reward as a number. InputError unless they are finite, and shape is right."""
    try:
        state, number = np.asarray(observation), np.asarray(reward).item()
        good = state.shape == shape and state.dtype.kind in "biuf" and math.isfinite(number)
        good = good and (math.isfinite(state.dot(state)) or np.isfinite(state).all())  # fast, but a square may overflow
    except (TypeError, ValueError):  # several rewards, none, text; lists of different lengths
        good = False
    if not good:
        raise InputError(f"environment: {where} gave the reward {reward!r} and the observation {observation!r}, "
                         f"wanted a finite number, such as float(reward), and finite numbers of shape {shape}")
    return state, number


def check_restorable(env, act):
    """Raises InputError unless env, restored to an earlier state, repeats the same 20 steps of act to the byte."""
    sample_path(env, act, np.random.SeedSequence(0), 0)
    with input_error(f"env_id: {env.name} cannot be restored to an earlier state, wanted another, or vine_states 0"):
        observation, _ = env.reset(seed=0)
        saved, paths = env.clone_state(), []
        for _ in range(2):
            env.restore_state(saved)
            paths.append(rollout(env, act, observation, np.random.default_rng(0), 20))
        if differ(*paths):
            raise ValueError("it goes on differently")


def notes(env, policy, theta, config):
    """Yields what to know of env before a run from theta, a line each. It steps through env, for vine restores it."""
    act, d_s = partial(policy.act, policy.unpack(theta)), policy.network.sizes[0]
    if isinstance(policy.family, Gaussian):
        yield from actions_out_of_proportion(env.low.ravel(), env.high.ravel(), np.exp(policy.unpack(theta)[1]))
    if not env.has_own_limit:
        yield f"{env.name} has no TimeLimit: its episodes end after at most 1000 steps (Table 2), also in evaluate"
    gigabytes = 8e-9 * config.batch_size * d_s
    if gigabytes > 0.25:
        yield (f"the states of a batch ({config.batch_size} times {d_s} numbers) take {gigabytes:.1f} GB, and an "
               "iteration several times as much: less with a smaller --batch-size, or with smaller pictures "
               "(gymnasium.wrappers.GrayscaleObservation, ResizeObservation)")
    if config.vine_states:
        check_restorable(env, act)
    if remembers(env, act, np.random.SeedSequence(config.seed, spawn_key=(0,))):
        yield (f"{env.name} remembers earlier episodes: one that is repeated after another differs. With --workers, "
               "or resumed, the run is then not the same to the byte, and evaluate may see other episodes")


def actions_out_of_proportion(low, high, std):
    """Yields a line if the first policy, of mean 0 and this std, cannot explore some dimension of a Box; all (d_a,)."""
    hardly_inside = ndtr(high / std) - ndtr(low / std) < 0.25
    far_wider = np.isfinite(high - low) & (high - low > 20 * std)
    for i in np.flatnonzero(hardly_inside | far_wider)[:1]:
        remedy = "--rescale-actions makes it [-1, 1]" if np.isfinite(high - low).all() else "wanted a Box near [-1, 1]"
        yield (f"action dimension {i} lies in [{low[i]:g}, {high[i]:g}], out of proportion to the first policy's mean "
               f"0 and standard deviation {std[i]:.3g}: it may learn little. {remedy}")


def remembers(env, act, seeds):
    """Whether the first 50 steps of episode 0 differ after episode 1. False if an episode ends after 3 seconds."""
    start, paths = perf_counter(), []
    for episode in (0, 1, 0):
        paths.append(rollout(env, act, *first_state(env, seeds, episode), 50))
        if perf_counter() - start > 3:
            return False
    return differ(paths[0], paths[2])


def differ(path, other):
    """Whether two Paths differ in a byte of their states or rewards."""
    return path.states.tobytes() != other.states.tobytes() or path.rewards.tobytes() != other.rewards.tobytes()
