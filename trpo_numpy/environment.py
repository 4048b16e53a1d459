"""Not in the paper: the door between Gymnasium's environments and the policies of Appendix D; a way back in time."""
import copy
import math
from functools import partial

import numpy as np

from trpo_numpy.categorical import Categorical
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy


def make_env(env_id, render_mode=None):
    """The Gymnasium environment env_id, its states flat vectors and its actions those of our families.

    Observations: Box, or Discrete as one-hot vectors. Actions: Box (clipped to it here, at the environment's door:
    the log-probability is of the unclipped action), Discrete or MultiDiscrete. An environment that has no time limit
    of its own gets that of Table 2, 1000 steps. Raises ValueError for another space, or if there is no such
    environment, or it cannot draw itself; ImportError if a package that it needs is not installed; OSError if it cannot
    be made or shown here (but MuJoCo's window: where there is no screen, its library may end the process).
    """
    import gymnasium as gym
    from gymnasium.wrappers import FlattenObservation, TimeLimit, TransformAction

    try:
        env = gym.make(env_id, **({"render_mode": render_mode} if render_mode else {}))
        if render_mode:
            env.reset()  # draws, or finds that it cannot
    except gym.error.DependencyNotInstalled as error:
        raise ImportError(f"env_id: {env_id} needs a package that is not installed: {error}") from error
    except (gym.error.Error, ImportError) as error:
        raise ValueError(f"env_id: got {env_id!r}, wanted an environment that Gymnasium knows: {error}") from error
    except Exception as error:  # its own; or MuJoCo's, where there is no screen
        hint = " or shown here (MuJoCo draws without a screen if MUJOCO_GL=egl is set)" if render_mode else ""
        raise OSError(f"env_id: {env_id} cannot be made{hint}: {type(error).__name__}: {error}") from error
    modes = env.unwrapped.metadata.get("render_modes") or []
    if render_mode and not {render_mode, "rgb_array"} & set(modes):
        raise ValueError(f"render_mode: {env_id} has {modes or 'none'}, wanted {render_mode} or rgb_array")
    if env.spec.max_episode_steps is None:
        env = TimeLimit(env, max_episode_steps=1000)
    states, actions = env.observation_space, env.action_space
    if not isinstance(states, (gym.spaces.Box, gym.spaces.Discrete)):
        raise ValueError(f"env_id: {env_id} has observation space {states}, wanted Box or Discrete")
    if len(states.shape) != 1:
        env = FlattenObservation(env)
    if isinstance(actions, gym.spaces.Box) and np.issubdtype(actions.dtype, np.floating):
        low, high = actions.low.astype(float), actions.high.astype(float)
        return TransformAction(env, partial(clip_to_box, low, high, actions.dtype), actions)
    if isinstance(actions, (gym.spaces.Discrete, gym.spaces.MultiDiscrete)):
        return TransformAction(env, partial(count_from, np.array(actions.start), actions.dtype), actions)
    raise ValueError(f"env_id: {env_id} has action space {actions}, wanted Box of floats, Discrete or MultiDiscrete")


def clip_to_box(low, high, dtype, a):
    """The action a (d_a,) as the environment wants it: inside its Box, of its shape and type."""
    return np.minimum(np.maximum(a.reshape(low.shape), low), high).astype(dtype)


def count_from(start, dtype, a):
    """The action a (d_a,), counted from 0, as the environment wants it: counted from start, of its shape and type."""
    return (a.reshape(start.shape) + start).astype(dtype)


def check_step(reward, observation, shape, where):
    """RuntimeError for another shape or a reward that is no number; FloatingPointError for NaN or an infinity."""
    if np.shape(observation) != shape or np.asarray(observation).dtype.kind not in "biuf":
        got = f"an observation of shape {np.shape(observation)}, {np.asarray(observation).dtype}"
        raise RuntimeError(f"environment: {where} gave {got}, wanted real numbers of shape {shape}")
    if np.ndim(reward) or np.asarray(reward).dtype.kind not in "biuf":
        raise RuntimeError(f"environment: {where} gave the reward {reward!r}, wanted a number")
    if not (math.isfinite(reward) and np.isfinite(observation).all()):
        raise FloatingPointError(f"environment: {where} gave reward {reward} and observation {observation}, "
                                 "wanted finite numbers")


def policy_for(env, hidden_sizes):
    """The Policy for the spaces of an environment that make_env made."""
    space = env.action_space
    if hasattr(space, "low"):
        family = Gaussian(math.prod(space.shape))
    else:
        sizes = space.nvec if hasattr(space, "nvec") else space.n
        family = Categorical(tuple(np.ravel(sizes).tolist()))
    return Policy(MLP((*env.observation_space.shape, *hidden_sizes, family.d_output)), family)


def wrappers(env):
    """The wrappers of env from the outermost inwards, and the environment itself."""
    return [env] if env is env.unwrapped else [env, *wrappers(env.env)]


def copy_attributes(env, attributes):
    """A deep copy of the wrappers' attributes that shares what no step changes, and MuJoCo's objects: see `save`."""
    import gymnasium as gym

    fixed = (gym.Env, gym.Space, gym.envs.registration.EnvSpec)
    values = [value for wrapper in wrappers(env) for value in vars(wrapper).values()]
    shared = [value for value in values if isinstance(value, fixed) or type(value).__module__.startswith("mujoco")]
    return copy.deepcopy(attributes, {id(value): value for value in shared})


def save(env):
    """All that steps change: a deep copy of the attributes of env and its wrappers; in MuJoCo the whole MjData too.

    But not its spaces, from whose random numbers a step may draw. (MuJoCo's own set_state(qpos, qvel) forgets the
    solver's warm start: the next step would differ in its last digits.)
    """
    data = getattr(env.unwrapped, "data", None)
    is_mujoco = type(data).__module__.startswith("mujoco")
    return copy_attributes(env, [vars(wrapper) for wrapper in wrappers(env)]), copy.copy(data) if is_mujoco else None


def restore(env, saved):
    """Brings env back to the state in which `save` found it, bitwise."""
    attributes, data = saved
    for wrapper, values in zip(wrappers(env), copy_attributes(env, attributes)):
        vars(wrapper).clear()  # of what the steps since then have added, too
        vars(wrapper).update(values)
    if data is not None:
        import mujoco
        mujoco.mj_copyData(env.unwrapped.data, env.unwrapped.model, data)


def save_gif(frames, path, fps):
    """Writes frames, arrays (height, width, 3), as a moving picture: every other one, 200 dots high."""
    from PIL import Image

    height, width, _ = frames[0].shape
    first, *rest = (Image.fromarray(frame).resize((200 * width // height, 200)) for frame in frames[::2])
    first.save(path, save_all=True, append_images=rest, duration=2000 / fps, loop=0)
