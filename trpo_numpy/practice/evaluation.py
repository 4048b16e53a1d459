"""Not in the paper: the returns of a policy's most probable actions, and a moving picture of them."""
from functools import partial

import numpy as np

from trpo_numpy.practice.scaling import scaled_action
from trpo_numpy.sampling import sample_path


def greedy_returns(env, policy, theta, scaling, seed, n_episodes):
    """Yields the raw returns of n_episodes in which every action is the most probable one.

    No episode of a training run with the same seed is among them.
    """
    act = partial(scaled_action, policy.act_greedily, policy.unpack(theta), scaling)
    for episode in range(n_episodes):
        yield sample_path(env, act, np.random.SeedSequence(seed, spawn_key=(2,)), episode).rewards.sum()


def save_gif(frames, path, fps):
    """Writes every other one of the frames, arrays (height, width, 3), as a moving picture 200 pixels high."""
    from PIL import Image

    height, width, _ = frames[0].shape
    first, *rest = (Image.fromarray(frame).resize((200 * width // height, 200)) for frame in frames[::2])
    first.save(path, save_all=True, append_images=rest, duration=2000 / fps, loop=0)
