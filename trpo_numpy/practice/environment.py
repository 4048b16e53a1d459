"""Not in the paper: Gymnasium's environments, made, checked in each step, and brought back to an earlier state."""
import copy
import math
from functools import partial

import gymnasium as gym
import numpy as np
from gymnasium import spaces, wrappers

from trpo_numpy.categorical import Categorical
from trpo_numpy.checks import InputError, input_error
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.sampling import rollout


class CheckedEnv(gym.Wrapper):
    """An environment with a family's actions and InputErrors for errors of reset and step, that can go back in time."""

    def __init__(self, env, name):
        super().__init__(env)
        self.family, self.low, self.high = family_and_limits(name, env.action_space)
        self.dtype, self.action_shape = env.action_space.dtype, env.action_space.shape
        self.name, self.shape, self.seed, self.t = name, env.observation_space.shape, None, 0

    def reset(self, *, seed=None, options=None):
        """Gymnasium's reset, with its observation checked."""
        self.seed, self.t = seed, 0
        with input_error(f"environment: reset(seed={seed}) failed"):
            observation, info = self.env.reset(seed=seed, options=options)
            return checked_step(observation, 0.0, self.shape)[0], info

    def step(self, action):
        """Gymnasium's step with an action (d_a,) of the policy, its observation and its reward checked."""
        try:
            observation, reward, terminated, truncated, info = self.env.step(self.in_space(action))
            s, r = checked_step(observation, reward, self.shape)
        except Exception:  # `with` around the step itself would take some percent of the time
            with input_error(f"environment: step {self.t} after reset(seed={self.seed}) failed"):
                raise
        self.t += 1
        return s, r, terminated, truncated, info

    def in_space(self, a):
        """The action a (d_a,) in the space's shape and type: clipped to a Box of floats, or counted from its start."""
        a = a + self.low if isinstance(self.family, Categorical) else np.minimum(np.maximum(a, self.low), self.high)
        return a.astype(self.dtype).reshape(self.action_shape)[()]      # [()]: a number, if the shape is ()

    def clone_state(self):
        """A deep copy of all that a step changes, but the random numbers of spaces: the attributes of each layer."""
        return copy_attributes([vars(layer) for layer in layers_of(self)])

    def restore_state(self, saved):
        """Brings the environment back to where `clone_state` found it, to the byte."""
        for layer, attributes in zip(layers_of(self), copy_attributes(saved)):
            vars(layer).clear()  # also of what the steps since then have added
            vars(layer).update(attributes)


def checked_step(observation, reward, shape):
    """The observation as an array and the reward as a number. InputError unless they are finite, and shape is right."""
    try:
        s, r = np.array(observation, dtype=float), np.asarray(reward).item()  # a copy: environments reuse arrays
        if s.shape == shape and (math.isfinite(r + s.dot(s)) or np.isfinite([r, *s]).all()):    # the first is faster
            return s, r
    except (TypeError, ValueError):  # several rewards, none, text; lists of different lengths
        pass
    raise InputError(f"got the reward {reward!r} and the observation {observation!r}, wanted a finite number, such "
                     f"as float(reward), and finite numbers of shape {shape}")


def layers_of(env):
    """The wrappers of env from the outermost inwards, then the environment itself."""
    return [env] if env is env.unwrapped else [env, *layers_of(env.env)]


def copy_attributes(layers):
    """A deep copy of the attributes of each layer, in which layers, spaces and EnvSpecs are shared."""
    shared = gym.Env, gym.Space, gym.envs.registration.EnvSpec
    return copy.deepcopy(layers, {id(v): v for layer in layers for v in layer.values() if isinstance(v, shared)})


def check_restorable(env, act):
    """Raises InputError unless env, restored to an earlier state, repeats the same 20 steps of act to the byte."""
    s, _ = env.reset(seed=0)
    with input_error(f"env_id: {env.name} cannot be restored to an earlier state, wanted another, or vine_states 0"):
        saved, seen = env.clone_state(), set()
        for _ in range(2):
            env.restore_state(saved)
            path = rollout(env, act, s, np.random.default_rng(0), 20)
            seen.add(path.states.tobytes() + path.rewards.tobytes())
        if len(seen) > 1:
            raise ValueError("it goes on differently")


def make_env(config, render_mode=None):
    """The Gymnasium environment of a Config as a CheckedEnv, its states flat vectors, its actions those of a family.

    What is discrete in a state is one-hot. A Box of floats clips the actions: log pi is that of the unclipped action.
    Without a limit on the time it gets that of Table 2, 1000 steps. InputError if it cannot be made, or for its spaces.
    """
    make = config.env_id if callable(config.env_id) else partial(gym.make, config.env_id)
    name = str(getattr(config.env_id, "__name__", config.env_id))
    with input_error(f"env_id: got {name!r}, wanted an environment that can be made: an id of Gymnasium, or "
                     "module:Name-v0 if a module registers it"):
        env = make(**config.env_kwargs | ({"render_mode": render_mode} if render_mode else {}))
        layers = layers_of(env)
    for layer in layers:
        if {"obs_rms", "return_rms"} & set(vars(layer)):
            raise InputError(f"env_id: {name} has {type(layer).__name__} inside, whose statistics neither evaluate nor "
                             "workers would have, wanted it without: the run scales observations and advantages itself")
    if not any(isinstance(layer, wrappers.TimeLimit) for layer in layers):
        env = wrappers.TimeLimit(env, max_episode_steps=1000)
    states = env.observation_space
    if not (isinstance(states, spaces.Box) and len(states.shape) == 1):
        with input_error(f"env_id: {name} has observation space {states}, wanted one that Gymnasium can flatten: "
                         "wrappers.FilterObservation leaves out parts of a Dict, TransformObservation makes others"):
            env = wrappers.FlattenObservation(env)
            if not isinstance(env.observation_space, spaces.Box):
                raise TypeError("it makes another space")
    if config.rescale_actions:
        box = env.action_space
        with input_error(f"rescale_actions: {name} has action space {box}, wanted a bounded Box of floats"):
            env = wrappers.RescaleAction(env, -np.ones_like(box.low), np.ones_like(box.high))
    return CheckedEnv(env, name)


def family_and_limits(name, space):
    """The family for an action space, and the lowest and the highest action, (d_a,). Integers count from the lowest."""
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
    low, high = np.ravel(low), np.ravel(high)
    if space.dtype.kind == "f":
        return Gaussian(len(low)), low.astype(float), high.astype(float)
    return Categorical(tuple(int(b) - int(a) + 1 for a, b in zip(low, high))), low, high
