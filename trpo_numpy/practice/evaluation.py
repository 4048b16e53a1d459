"""Not in the paper: the returns of a policy's most probable actions, and a moving picture of them."""
from functools import partial

import numpy as np

from trpo_numpy.practice.scaling import scaled_action
from trpo_numpy.record import InputError
from trpo_numpy.sampling import sample_path


def greedy_returns(env, policy, theta, scaling, seed, n_episodes, frames=None):
    """Yields the raw returns of n_episodes in which every action is the most probable one.

    No episode of a training run with the same seed is among them. A list `frames` receives pictures of the first.
    """
    act = partial(scaled_action, policy.act_greedily, policy.unpack(theta), scaling)
    for episode in range(n_episodes):
        drawn = act if frames is None or episode > 0 else partial(draw_and_act, env, frames, act)
        yield sample_path(env, drawn, np.random.SeedSequence(seed, spawn_key=(2,)), episode).rewards.sum()


def draw_and_act(env, frames, act, s, rng):
    """act(s, rng), after a picture of env is added to frames; every other one is left out, as None."""
    frames.append(None if len(frames) % 2 else small_picture(env.render()))
    return act(s, rng)


def small_picture(frame):
    """A frame, (height, width), (height, width, 1), (.., 3) or (.., 4), as a picture 200 pixels high of 256 colours.

    Numbers are from 0 to 255, or floats from 0 to 1.
    """
    from PIL import Image

    frame = np.asarray(frame)
    if frame.dtype.kind not in "uif" or frame.ndim not in (2, 3) or frame.ndim == 3 and frame.shape[2] not in (1, 3, 4):
        raise InputError(f"render: got {type(frame).__name__} of {frame.dtype} with shape {frame.shape} from the "
                         "environment, wanted a picture (height, width) or (height, width, 3)")
    if frame.dtype.kind == "f":
        frame = 255 * np.clip(frame, 0, 1)
    picture = Image.fromarray(frame.squeeze().astype(np.uint8)).convert("RGB")
    return picture.resize((max(1, 200 * picture.width // picture.height), 200)).quantize()


def save_gif(frames, path, fps):
    """Writes the pictures among frames as a moving picture, each for the time of two frames (fps None: 30 a second)."""
    first, *rest = (frame for frame in frames if frame is not None)
    first.save(path, save_all=True, append_images=rest, duration=2000 / (fps or 30), loop=0)
