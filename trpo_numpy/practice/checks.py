"""Not in the paper: which environments are refused."""
import math
import traceback
from functools import partial

import numpy as np

from trpo_numpy.record import InputError
from trpo_numpy.sampling import rollout, sample_path


def origin(error):
    """An error in a few words, with the file and the line that raised it."""
    file, line, *_ = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({file}, line {line})"


def check_step(reward, observation, shape, where):
    """Raises InputError unless the reward is a finite number, and the observation finite numbers of this shape."""
    try:
        state, kinds = np.asarray(observation), np.asarray(reward).dtype.kind + np.asarray(observation).dtype.kind
        good = state.shape == shape and np.ndim(reward) == 0 and set(kinds) <= set("biuf")
        good = good and math.isfinite(reward) and np.isfinite(state).all()
    except ValueError:  # lists of different lengths
        good = False
    if not good:
        raise InputError(f"environment: {where} gave the reward {reward!r} and the observation {observation!r}, "
                         f"wanted a finite number, such as float(reward), and finite numbers of shape {shape}")


def check_restorable(env, policy):
    """Raises InputError unless env, restored to an earlier state, repeats the same 20 steps to the byte."""
    act = partial(policy.act, policy.unpack(policy.initial(np.random.default_rng(0), 0.0)))
    sample_path(env, act, np.random.SeedSequence(0), 0)
    try:
        observation, _ = env.reset(seed=0)
        saved, paths = env.clone_state(), []
        for _ in range(2):
            env.restore_state(saved)
            paths.append(rollout(env, act, observation, np.random.default_rng(0), 20))
        first, second = ((path.states.tobytes(), path.rewards.tobytes(), path.terminated) for path in paths)
        problem = None if first == second else "it goes on differently"
    except Exception as error:  # copying fails in as many ways as there are libraries behind environments
        problem = f"{type(error).__name__}: {error}"
    if problem:
        raise InputError(f"env_id: {env.spec.id} cannot be restored to an earlier state ({problem}); wanted an "
                         "environment that can, or vine_states 0")
