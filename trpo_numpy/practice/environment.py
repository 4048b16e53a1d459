"""Not in the paper: Gymnasium's environments, made, checked in each step, and brought back to an earlier state."""
import copy
from functools import partial

import gymnasium as gym
import numpy as np
from gymnasium import spaces, wrappers

from trpo_numpy.categorical import Categorical
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.practice.checks import checked_step, failure, input_error
from trpo_numpy.record import InputError

MOST_OUTPUTS = 10_000  # of the network, for actions that are integers


class CheckedEnv(gym.Wrapper):
    """An environment with a family's actions and InputErrors for errors of reset and step, that can go back in time."""

    def __init__(self, env, name, has_own_limit):
        super().__init__(env)
        self.family, self.low, self.high = family_and_limits(name, env.action_space)
        self.dtype, self.shape = env.action_space.dtype, env.observation_space.shape
        self.name, self.has_own_limit, self.seed, self.t = name, has_own_limit, None, 0

    def reset(self, *, seed=None, options=None):
        """Gymnasium's reset, with its observation checked."""
        self.seed, self.t = seed, 0
        with input_error(f"environment: reset(seed={seed}) failed"):
            observation, info = self.env.reset(seed=seed, options=options)
        return checked_step(observation, 0.0, self.shape, f"reset(seed={seed})")[0], info

    def step(self, action):
        """Gymnasium's step with an action (d_a,) of the policy, its observation and its reward checked."""
        where = f"step {self.t} after reset(seed={self.seed})"
        try:  # input_error would cost more time
            observation, reward, terminated, truncated, info = self.env.step(self.in_space(action))
        except Exception as error:
            raise failure(f"environment: {where} with the policy's action {action} failed", error) from error
        state, number = checked_step(observation, reward, self.shape, where)
        self.t += 1
        return state, number, terminated, truncated, info

    def in_space(self, a):
        """The action a (d_a,) in the space's shape and type: clipped to a Box of floats, or counted from its start."""
        a = a.reshape(self.low.shape)
        a = a + self.low if isinstance(self.family, Categorical) else np.minimum(np.maximum(a, self.low), self.high)
        return a.astype(self.dtype)

    def clone_state(self):
        """All that a step changes but spaces' random numbers: each layer's attributes; in MuJoCo the whole MjData."""
        data = getattr(self.unwrapped, "data", None)
        return copy_attributes([vars(layer) for layer in layers_of(self)]), copy.copy(data) if is_mujoco(data) else None

    def restore_state(self, saved):
        """Brings the environment back to where `clone_state` found it, to the byte."""
        attributes, data = saved
        for layer, values in zip(layers_of(self), copy_attributes(attributes)):
            vars(layer).clear()  # also of what the steps since then have added
            vars(layer).update(values)
        if data is not None:
            import mujoco
            mujoco.mj_copyData(self.unwrapped.data, self.unwrapped.model, data)


def layers_of(env):
    """The wrappers of env from the outermost inwards, then the environment itself."""
    return [env] if env is env.unwrapped else [env, *layers_of(env.env)]


def is_mujoco(value):
    """Whether value is an object of MuJoCo's library, of which deep copies are slow."""
    return type(value).__module__.startswith("mujoco")


def copy_attributes(attributes):
    """A deep copy of the attributes of each layer, in which MuJoCo's objects, and what no step changes, are shared."""
    fixed = (gym.Env, gym.Space, gym.envs.registration.EnvSpec)
    values = [value for layer in attributes for value in layer.values()]
    return copy.deepcopy(attributes, {id(v): v for v in values if isinstance(v, fixed) or is_mujoco(v)})


def make_env(config, render_mode=None):
    """The Gymnasium environment of a Config as a CheckedEnv, its states flat vectors, its actions those of a family.

    A Box of floats clips the actions: log pi is that of the unclipped action. An environment without a limit on the
    time gets that of Table 2, 1000 steps. Raises InputError if it cannot be made or drawn, or for its spaces.
    """
    make = config.env_id if callable(config.env_id) else partial(gym.make, config.env_id)
    name = str(getattr(config.env_id, "__name__", config.env_id))
    drawn = {"render_mode": render_mode} if render_mode else {}
    problem = (f"env_id: got {name!r}, wanted an environment that can be made: an id of Gymnasium, or module:Name-v0 "
               "if a module registers it")
    if render_mode:
        problem = (f"render_mode: {name} cannot be drawn as {render_mode}, wanted an environment that can (MuJoCo "
                   "without a screen: if MUJOCO_GL=egl is set)")
    with input_error(problem):
        env = make(**config.env_kwargs | drawn)
        if not isinstance(env, gym.Env):
            raise TypeError(f"{type(env).__name__} is no gymnasium.Env")
        if render_mode:
            env.reset()
            env.render()
    for layer in layers_of(env):
        if {"obs_rms", "return_rms"} & set(vars(layer)):
            raise InputError(f"env_id: {name} has {type(layer).__name__} inside, whose statistics neither evaluate nor "
                             "workers would have, wanted it without: the run scales observations and advantages itself")
    has_own_limit = any(isinstance(layer, wrappers.TimeLimit) for layer in layers_of(env))
    env = with_flat_states(name, env if has_own_limit else wrappers.TimeLimit(env, max_episode_steps=1000))
    if config.rescale_actions:
        box = env.action_space
        if not (isinstance(box, spaces.Box) and box.dtype.kind == "f" and box.is_bounded()):
            raise InputError(f"rescale_actions: {name} has action space {box}, wanted a bounded Box of floats")
        env = wrappers.RescaleAction(env, -np.ones_like(box.low), np.ones_like(box.high))
    return CheckedEnv(env, name, has_own_limit)


def with_flat_states(name, env):
    """env, its observations vectors: one-hot for what is discrete, the parts of Dict and Tuple one after the other."""
    states = env.observation_space
    if isinstance(states, spaces.Box) and len(states.shape) == 1:
        return env
    with input_error(f"env_id: {name} has observation space {states}, wanted one that gymnasium.spaces.flatten_space "
                     "makes a Box of: gymnasium.wrappers.FilterObservation leaves out parts of a Dict, "
                     "TransformObservation makes other observations"):
        if not isinstance(spaces.flatten_space(states), spaces.Box):
            raise TypeError("it makes another space")
        return wrappers.FlattenObservation(env)


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
                             "MultiBinary: gymnasium.wrappers.TransformAction makes its actions from those of one")
    if space.dtype.kind == "f":
        return Gaussian(low.size), low.astype(float), high.astype(float)
    sizes = np.ravel(np.subtract(high, low, dtype=object)) + 1
    if sizes.sum() > MOST_OUTPUTS:
        raise InputError(f"env_id: {name} has action space {space} with {sizes.sum():g} values in all, wanted at "
                         f"most {MOST_OUTPUTS}, an output of the network for each: gymnasium.wrappers.TransformAction "
                         "makes its actions from those of a Box of floats")
    return Categorical(tuple(sizes.tolist())), low, high
