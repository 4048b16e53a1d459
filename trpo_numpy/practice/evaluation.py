"""Not in the paper: the returns of a policy's most probable actions, and a moving picture of them."""
from functools import partial

import numpy as np

from trpo_numpy.checks import input_error
from trpo_numpy.practice.scaling import scaled_action
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
    """act(s, rng), after a picture of env, 200 pixels high, is added to frames in every other step."""
    if env.t % 2 == 0:
        with input_error("gif: no picture of the environment could be drawn"):
            from PIL import Image
            picture = Image.fromarray(env.render())
            frames.append(picture.resize((200 * picture.width // picture.height, 200)).quantize())
    return act(s, rng)
