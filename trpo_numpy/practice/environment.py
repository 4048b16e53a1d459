"""Not in the paper: Gymnasium's environments, made, checked in each step, and brought back to an earlier state."""
import copy

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import RescaleAction, TimeLimit

from trpo_numpy.categorical import Categorical
from trpo_numpy.policy import Policy
from trpo_numpy.practice.blocks import BlockedMLP
from trpo_numpy.practice.checks import checked_step, failure, origin
from trpo_numpy.practice.spaces import family_and_limits, with_flat_states
from trpo_numpy.record import InputError


class CheckedEnv(gym.Wrapper):
    """An environment that takes the actions of a family, and can go back to an earlier state (Section 5.2).

    Errors of its reset or step, and observations or rewards that are no numbers, are an InputError that says where.
    """

    def __init__(self, env, name, has_own_limit):
        super().__init__(env)
        self.family, self.low, self.high = family_and_limits(name, env.action_space)
        self.dtype, self.shape = env.action_space.dtype, env.observation_space.shape
        self.has_own_limit, self.seed, self.t = has_own_limit, None, 0

    def reset(self, *, seed=None, options=None):
        """Gymnasium's reset, with its observation checked."""
        self.seed, self.t = seed, 0
        where = f"reset(seed={seed})"
        try:
            observation, info = self.env.reset(seed=seed, options=options)
        except Exception as error:
            raise failure(where, error) from error
        state, _ = checked_step(observation, 0.0, self.shape, where)
        return state, info

    def step(self, action):
        """Gymnasium's step with an action (d_a,) of the policy, its observation and its reward checked."""
        where = f"step {self.t} after reset(seed={self.seed})"
        try:
            observation, reward, terminated, truncated, info = self.env.step(self.in_space(action))
        except Exception as error:
            raise failure(f"{where} with the policy's action {action}", error) from error
        state, number = checked_step(observation, reward, self.shape, where)
        self.t += 1
        return state, number, terminated, truncated, info

    def in_space(self, a):
        """The action a (d_a,) in the space's shape and type: clipped to a Box of floats, or counted from its start."""
        a = a.reshape(self.low.shape)
        a = a + self.low if isinstance(self.family, Categorical) else np.minimum(np.maximum(a, self.low), self.high)
        return a.astype(self.dtype)

    def clone_state(self):
        """All that a step changes: the attributes of the wrappers and of the environment."""
        return copy_attributes([vars(layer) for layer in layers_of(self)])

    def restore_state(self, saved):
        """Brings the environment back to where `clone_state` found it, to the byte."""
        for layer, attributes in zip(layers_of(self), copy_attributes(saved)):
            vars(layer).clear()  # also of what the steps since then have added
            vars(layer).update(attributes)


def layers_of(env):
    """The wrappers of env from the outermost inwards, then the environment itself."""
    return [env] if env is env.unwrapped else [env, *layers_of(env.env)]


def copy_attributes(attributes):
    """A deep copy of the attributes of each layer, in which the layers, and what no step changes, are shared."""
    fixed = (gym.Env, gym.Space, gym.envs.registration.EnvSpec)
    return copy.deepcopy(attributes, {id(v): v for layer in attributes for v in layer.values() if isinstance(v, fixed)})


def make_env(config, render_mode=None):
    """The Gymnasium environment of a Config as a CheckedEnv, its states flat vectors, its actions those of a family.

    A Box of floats clips the actions: log pi is that of the unclipped action. An environment without a limit on the
    time gets that of Table 2, 1000 steps. Raises InputError for spaces that have no family or cannot be flattened, or
    if the environment cannot be made or drawn.
    """
    env, name = make_as_it_is(config, render_mode), config.name
    for layer in layers_of(env):
        if {"obs_rms", "return_rms"} & set(vars(layer)):
            raise InputError(f"env_id: {name} has {type(layer).__name__} inside, whose statistics neither evaluate nor "
                             "workers would have, wanted it without: the run scales observations and advantages itself")
    has_own_limit = any(isinstance(layer, TimeLimit) for layer in layers_of(env))
    env = env if has_own_limit else TimeLimit(env, max_episode_steps=1000)
    env = with_flat_states(name, env)
    if config.rescale_actions:
        actions = env.action_space
        if not (isinstance(actions, gym.spaces.Box) and actions.dtype.kind == "f" and actions.is_bounded()):
            raise InputError(f"rescale_actions: {name} has action space {actions}, wanted a bounded Box of floats")
        env = RescaleAction(env, -np.ones_like(actions.low), np.ones_like(actions.high))
    return CheckedEnv(env, name, has_own_limit)


def make_as_it_is(config, render_mode):
    """The environment by gymnasium.make or by config's own function; with a render_mode it is drawn once."""
    options = config.env_kwargs | ({"render_mode": render_mode} if render_mode else {})
    try:
        env = gym.make(config.env_id, **options) if isinstance(config.env_id, str) else config.env_id(**options)
        if not isinstance(env, gym.Env):
            raise TypeError(f"{type(env).__name__} is no gymnasium.Env")
        if render_mode:
            env.reset()
            env.render()
    except Exception as error:
        hint = "; without a screen MuJoCo draws if MUJOCO_GL=egl is set" if "mujoco" in origin(error) else ""
        if render_mode:
            raise InputError(f"render_mode: {config.name} cannot be drawn as {render_mode}, wanted an environment that "
                             f"can{hint}: {origin(error)}") from error
        raise InputError(f"env_id: got {config.name!r}, wanted an environment that can be made, of Gymnasium or, as "
                         f"module:Name-v0, of a module that registers it: {origin(error)}") from error
    return env


def policy_for(env, hidden_sizes):
    """The Policy for the spaces of an environment that make_env made."""
    return Policy(BlockedMLP((*env.observation_space.shape, *hidden_sizes, env.family.d_output)), env.family)
