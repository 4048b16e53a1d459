"""Not in the paper: the returns of a policy's most probable actions, and a moving picture of them."""
from functools import partial

import numpy as np

from trpo_numpy.practice.scaling import scaled_action
from trpo_numpy.record import InputError
from trpo_numpy.sampling import sample_path


def greedy_returns(env, policy, theta, scaling, seed, n_episodes, gif=None):
    """Yields the raw returns of n_episodes, none of them one of training's; gif is a file for pictures of the first."""
    act = partial(scaled_action, policy.act_greedily, policy.unpack(theta), scaling)
    for episode in range(n_episodes):
        frames = []
        drawn = partial(draw_and_act, env, frames, act) if gif and episode == 0 else act
        path = sample_path(env, drawn, np.random.SeedSequence(seed, spawn_key=(2,)), episode)
        if frames:
            milliseconds = 2000 / (env.metadata.get("render_fps") or 30)  # of two frames
            frames[0].save(gif, save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)
        yield path.rewards.sum()


def draw_and_act(env, frames, act, s, rng):
    """act(s, rng), after a picture of env is added to frames in every other step."""
    if env.t % 2 == 0:
        frames.append(small_picture(env.render()))
    return act(s, rng)


def small_picture(frame):
    """A picture 200 pixels high of a frame (height, width[, 1, 3 or 4 colours]): integers to 255, or floats to 1."""
    from PIL import Image

    frame = np.asarray(frame)
    if frame.dtype.kind not in "uif" or frame.ndim not in (2, 3) or frame.ndim == 3 and frame.shape[2] not in (1, 3, 4):
        raise InputError(f"render: got {type(frame).__name__} of {frame.dtype} with shape {frame.shape} from the "
                         "environment, wanted a picture (height, width) or (height, width, 3)")
    if frame.dtype.kind == "f":
        frame = 255 * np.clip(frame, 0, 1)
    picture = Image.fromarray(frame.squeeze().astype(np.uint8)).convert("RGB")
    return picture.resize((max(1, 200 * picture.width // picture.height), 200)).quantize()
