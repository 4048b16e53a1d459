"""Not in the paper: the spaces of Gymnasium that a policy can have for its states and its actions."""
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


def family_and_limits(name, space):
    """The family for an action space, and the lowest and the highest action. Integers count from the lowest."""
    match space:
        case spaces.Box(low=low, high=high):
            pass
        case spaces.Discrete(start=low, n=n) | spaces.MultiDiscrete(start=low, nvec=n):
            high = low + n - 1
        case spaces.MultiBinary(shape=shape):
            low, high = np.zeros(shape, int), np.ones(shape, int)
        case _:
            raise InputError(f"env_id: {name} has action space {space}, wanted Box, Discrete, MultiDiscrete or "
                             "MultiBinary: gymnasium.wrappers.TransformAction makes its actions from those of such a "
                             "space")
    if space.dtype.kind == "f":
        return Gaussian(low.size), low.astype(float), high.astype(float)
    sizes = np.ravel(high.astype(float) - low + 1)
    if sizes.sum() > MOST_OUTPUTS:
        raise InputError(f"env_id: {name} has action space {space} with {sizes.sum():g} values in all, wanted at "
                         f"most {MOST_OUTPUTS}, an output of the network for each: gymnasium.wrappers.TransformAction "
                         "makes its actions from those of a Box of floats")
    return Categorical(tuple(sizes.astype(int).tolist())), low, high
