"""Not in the paper: Gymnasium's environments with flat states, and the actions of Appendix D."""
import copy
import math
from functools import partial

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import FlattenObservation, TimeLimit

from trpo_numpy.categorical import Categorical
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.practice.checks import check_step, origin
from trpo_numpy.record import InputError


class CheckedEnv(gym.Wrapper):
    """An environment that takes the actions of our families, and can go back to an earlier state (Section 5.2).

    Errors of its reset or step, and observations or rewards that are no numbers, are an InputError that says where.
    """

    def __init__(self, env, to_space):
        super().__init__(env)
        self.to_space, self.shape, self.seed, self.t = to_space, env.observation_space.shape, None, 0

    def reset(self, *, seed=None, options=None):
        """Gymnasium's reset, with its observation checked."""
        self.seed, self.t = seed, 0
        try:
            observation, info = self.env.reset(seed=seed, options=options)
        except Exception as error:
            raise InputError(f"environment: reset(seed={seed}) failed: {origin(error)}") from error
        check_step(0.0, observation, self.shape, f"reset(seed={seed})")
        return np.asarray(observation), info

    def step(self, action):
        """Gymnasium's step with an action (d_a,) of the policy, its observation and its reward checked."""
        try:
            observation, reward, terminated, truncated, info = self.env.step(self.to_space(action))
        except Exception as error:
            raise InputError(f"environment: step {self.t} after reset(seed={self.seed}) failed with the policy's "
                             f"action {action}: {origin(error)}") from error
        try:
            state = np.asarray(observation)
            good = state.shape == self.shape and math.isfinite(reward + state.dot(state))
        except (TypeError, ValueError):  # these are not numbers
            good = False
        if not good:  # or a square has overflowed
            check_step(reward, observation, self.shape, f"step {self.t} after reset(seed={self.seed})")
        self.t += 1
        return state, reward, terminated, truncated, info

    def clone_state(self):
        """All that a step changes: the attributes of wrappers and environment; in MuJoCo the whole MjData."""
        data = getattr(self.unwrapped, "data", None)
        attributes = copy_attributes(self, [vars(layer) for layer in layers_of(self)])
        return attributes, copy.copy(data) if is_mujoco(data) else None

    def restore_state(self, saved):
        """Brings the environment back to where `clone_state` found it, to the byte."""
        attributes, data = saved
        for layer, values in zip(layers_of(self), copy_attributes(self, attributes)):
            vars(layer).clear()  # also of what the steps since then have added
            vars(layer).update(values)
        if data is not None:
            import mujoco
            mujoco.mj_copyData(self.unwrapped.data, self.unwrapped.model, data)


def layers_of(env):
    """The wrappers of env from the outermost inwards, then the environment itself."""
    return [env] if env is env.unwrapped else [env, *layers_of(env.env)]


def is_mujoco(value):
    """Whether value is an object of MuJoCo's library, which deepcopy cannot copy."""
    return type(value).__module__.startswith("mujoco")


def copy_attributes(env, attributes):
    """A deep copy of the attributes of each layer, in which MuJoCo's objects, and what no step changes, are shared."""
    fixed = (gym.Env, gym.Space, gym.envs.registration.EnvSpec)
    values = [value for layer in layers_of(env) for value in vars(layer).values()]
    return copy.deepcopy(attributes, {id(v): v for v in values if isinstance(v, fixed) or is_mujoco(v)})


def make_env(env_id, render_mode=None):
    """The Gymnasium environment env_id as a CheckedEnv, its states flat vectors.

    Observations: Box, or Discrete as one-hot vectors. Actions: Box of floats, clipped to it here (log pi is that of the
    unclipped action), Discrete or MultiDiscrete. An environment without a limit on the time gets that of Table 2, 1000
    steps. Raises InputError for another space, or if the environment cannot be made or drawn.
    """
    try:
        env = gym.make(env_id, **({"render_mode": render_mode} if render_mode else {}))
        if render_mode:
            env.reset()  # draws, or finds that it cannot
    except Exception as error:
        hint = "; without a screen MuJoCo draws if MUJOCO_GL=egl is set" if render_mode else ""
        raise InputError(f"env_id: got {env_id!r}, wanted an environment that can be made, of Gymnasium or, as "
                         f"module:Name-v0, of a module that registers it{hint}: {origin(error)}") from error
    modes = env.unwrapped.metadata.get("render_modes") or []
    if render_mode and not {render_mode, "rgb_array"} & set(modes):
        raise InputError(f"render_mode: {env_id} has {modes or 'none'}, wanted {render_mode} or rgb_array")
    states, actions = env.observation_space, env.action_space
    if not isinstance(states, (gym.spaces.Box, gym.spaces.Discrete)):
        raise InputError(f"env_id: {env_id} has observation space {states}, wanted Box or Discrete")
    if env.spec.max_episode_steps is None:
        env = TimeLimit(env, max_episode_steps=1000)
    env = env if len(states.shape) == 1 else FlattenObservation(env)
    if isinstance(actions, gym.spaces.Box) and np.issubdtype(actions.dtype, np.floating):
        low, high = actions.low.astype(float), actions.high.astype(float)
        return CheckedEnv(env, partial(clip_to_box, low, high, actions.dtype))
    if isinstance(actions, (gym.spaces.Discrete, gym.spaces.MultiDiscrete)):
        return CheckedEnv(env, partial(add_start, np.array(actions.start), actions.dtype))
    raise InputError(f"env_id: {env_id} has action space {actions}, wanted Box of floats, Discrete or MultiDiscrete")


def clip_to_box(low, high, dtype, a):
    """The action a (d_a,) inside the environment's Box, in its shape and type."""
    return np.minimum(np.maximum(a.reshape(low.shape), low), high).astype(dtype)


def add_start(start, dtype, a):
    """The action a (d_a,), which counts from 0, counted from the space's start, in its shape and type."""
    return (a.reshape(start.shape) + start).astype(dtype)


def policy_for(env, hidden_sizes):
    """The Policy for the spaces of an environment that make_env made."""
    space = env.action_space
    if isinstance(space, gym.spaces.Box):
        family = Gaussian(math.prod(space.shape))
    else:
        family = Categorical(tuple(np.ravel(space.nvec if hasattr(space, "nvec") else space.n).tolist()))
    return Policy(MLP((*env.observation_space.shape, *hidden_sizes, family.d_output)), family)
