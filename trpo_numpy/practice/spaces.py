"""Not in the paper: the spaces of Gymnasium that a policy can have for its states and its actions."""
import math
from functools import partial

import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import FlattenObservation

from trpo_numpy.categorical import Categorical
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.practice.checks import origin
from trpo_numpy.record import InputError

MOST_OUTPUTS = 10_000  # of the network, for actions that are integers


def with_flat_states(name, env):
    """env, its observations vectors: one-hot for what is discrete, the parts of Dict and Tuple one after the other."""
    states, problem = env.observation_space, ""
    if isinstance(states, spaces.Box) and len(states.shape) == 1:
        return env
    try:
        if isinstance(spaces.flatten_space(states), spaces.Box):
            return FlattenObservation(env)
    except NotImplementedError as error:
        problem = f" ({origin(error)})"
    raise InputError(f"env_id: {name} has observation space {states}, wanted one that gymnasium.spaces.flatten_space "
                     f"makes a Box of{problem}: gymnasium.wrappers.FilterObservation leaves out parts of a Dict, "
                     "TransformObservation makes other observations")


def family_and_map(name, space):
    """The family for an action space, and the function that makes of its actions (d_a,) those of the space.

    A Box clips them; an integer counts from 0, and is counted from the space's start.
    """
    shape, dtype = space.shape, space.dtype
    if isinstance(space, spaces.Box) and dtype.kind == "f":
        low, high = space.low.astype(float), space.high.astype(float)
        return Gaussian(math.prod(shape)), partial(clip_to_box, low, high, dtype)
    if isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)):
        sizes, start = getattr(space, "nvec", getattr(space, "n", None)), np.array(space.start)
    elif isinstance(space, spaces.MultiBinary):
        sizes, start = np.full(shape, 2), np.zeros(shape)
    elif isinstance(space, spaces.Box) and dtype.kind in "iu":
        sizes, start = space.high.astype(float) - space.low + 1, space.low
    else:
        raise InputError(f"env_id: {name} has action space {space}, wanted Box, Discrete, MultiDiscrete or "
                         "MultiBinary: gymnasium.wrappers.TransformAction makes its actions from those of such a space")
    if np.sum(sizes) > MOST_OUTPUTS:
        raise InputError(f"env_id: {name} has action space {space} with {np.sum(sizes):g} values in all, wanted at "
                         f"most {MOST_OUTPUTS}, an output of the network for each: gymnasium.wrappers.TransformAction "
                         "makes its actions from those of a Box of floats")
    return Categorical(tuple(np.ravel(sizes).astype(int).tolist())), partial(add_start, start, shape, dtype)


def clip_to_box(low, high, dtype, a):
    """The action a (d_a,) inside the environment's Box, in its shape and type."""
    return np.minimum(np.maximum(a.reshape(low.shape), low), high).astype(dtype)


def add_start(start, shape, dtype, a):
    """The action a (d_a,), which counts from 0, counted from the space's start, in its shape and type."""
    return (a.reshape(shape) + start).astype(dtype)
