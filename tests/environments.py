"""Gymnasium environments for the tests. `environments:Count-v0` imports this module first, as a command line needs."""
import multiprocessing
import os
import signal
import time

import gymnasium as gym
import numpy as np
from gymnasium import spaces


def reset_seed(seed, episode):
    """The seed with which an episode of a training run of this seed resets its environment."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0, episode)))
    return int(rng.integers(2 ** 31))


class Count(gym.Env):
    """Counts its steps. After t of them the observation is (t, noise). Step t, from 0, has the reward t + 1.

    It terminates after terminate_at steps, if that is given. Step bad_step after the reset number bad_episode (both
    from 0) has bad_reward, or bad_observation in the last place of its observation.
    """

    def __init__(self, observation_space=None, action_space=None, terminate_at=None, bad_step=None, bad_episode=0,
                 bad_reward=None, bad_observation=None):
        self.observation_space = observation_space or spaces.Box(-np.inf, np.inf, (2,), np.float64)
        self.action_space = spaces.Box(-1, 1, (1,), np.float32) if action_space is None else action_space
        self.terminate_at, self.bad = terminate_at, (bad_step, bad_episode, bad_reward, bad_observation)
        self.episode = -1

    def observe(self):
        if isinstance(self.observation_space, spaces.Discrete):
            return self.t % self.observation_space.n
        noise = self.np_random.standard_normal(self.observation_space.shape) if self.observation_space.shape else 0
        observation = np.zeros(self.observation_space.shape, self.observation_space.dtype)
        observation += noise
        observation.flat[0] = self.t
        return observation

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.episode, self.seen_actions = 0, self.episode + 1, []
        return self.observe(), {}

    def step(self, action):
        self.seen_actions.append(action)
        self.t += 1
        observation, reward = self.observe(), float(self.t)
        bad_step, bad_episode, bad_reward, bad_observation = self.bad
        if self.t - 1 == bad_step and self.episode == bad_episode:
            reward = reward if bad_reward is None else bad_reward
            if bad_observation is not None:
                observation[-1] = bad_observation
        return observation, reward, self.t == self.terminate_at, False, {}


class Wrong(Count):
    """Step 2 of episode 3, both counted from 0, returns something wrong, or raises an error."""

    def __init__(self, reward=1.0, observation=(0.0, 0.0), error=None):
        super().__init__()
        self.wrong = np.array(observation), reward, False, False, {}
        self.error = error

    def step(self, action):
        result = super().step(action)
        if self.t == 3 and self.episode == 3:
            if self.error:
                raise self.error
            return self.wrong
        return result


class Dies(Count):
    """Kills the worker that it is in, in step 1 of its third episode."""

    def step(self, action):
        if self.t == 2 and self.episode == 2 and multiprocessing.parent_process() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step(action)


class ListStates(Count):
    """Its observations are lists of numbers."""

    def observe(self):
        return super().observe().tolist()


class ParentOnly(Count):
    """Cannot be made in a worker."""

    def __init__(self):
        super().__init__()
        if multiprocessing.parent_process() is not None:
            raise OSError("no display in a worker")


class ResetRaises(Count):
    """Its reset raises an error."""

    def reset(self, *, seed=None, options=None):
        raise KeyError("no reset today")


class NaNReset(Count):
    """The first observation is not a number."""

    def reset(self, *, seed=None, options=None):
        observation, info = super().reset(seed=seed)
        return observation * np.nan, info


class TextReset(Count):
    """The first observation is text."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.array(["one", "two"]), {}


class Stuck(Count):
    """The reset of every episode but the first four of a run with seed 0 takes an hour."""

    def reset(self, *, seed=None, options=None):
        if seed not in [reset_seed(0, episode) for episode in range(4)]:
            time.sleep(3600)
        return super().reset(seed=seed)


class Equal(Count):
    """Every reward is zero."""

    def step(self, action):
        observation, _, terminated, truncated, info = super().step(action)
        return observation, 0.0, terminated, truncated, info


class Word(spaces.Space):
    """A space that Gymnasium cannot flatten, as MiniGrid's missions."""


BOX = spaces.Box(-1, 1, (2,), np.float32)
VARIANTS = {
    "Count": {},
    "Terminates": {"terminate_at": 3},
    "DiscreteStates": {"observation_space": spaces.Discrete(4)},
    "ImageStates": {"observation_space": spaces.Box(-np.inf, np.inf, (2, 3), np.float64)},
    "TextStates": {"observation_space": spaces.Dict(a=BOX, b=Word())},
    "SequenceStates": {"observation_space": spaces.Dict(a=BOX, b=spaces.Sequence(BOX))},
    "GraphStates": {"observation_space": spaces.Graph(BOX, BOX)},
    "MatrixActions": {"action_space": spaces.Box(-0.1, 0.1, (2, 2), np.float32)},
    "DiscreteActions": {"action_space": spaces.Discrete(3, start=5)},
    "MultiDiscreteActions": {"action_space": spaces.MultiDiscrete([2, 4], start=[0, 7])},
    "BytesActions": {"action_space": spaces.MultiDiscrete([2, 4], dtype=np.uint8)},
    "GridActions": {"action_space": spaces.MultiDiscrete([[2, 3], [4, 5]], start=[[0, 1], [2, 3]])},
    "DictActions": {"action_space": spaces.Dict(a=BOX)},
    "TupleActions": {"action_space": spaces.Tuple((BOX, BOX))},
    "BinaryGridActions": {"action_space": spaces.MultiBinary((2, 2))},
    "WideActions": {"action_space": spaces.Box(np.array([-1, 0], np.float32), np.array([1, 100], np.float32))},
    "SmallActions": {"action_space": spaces.Box(-0.01, 0.01, (1,), np.float32)},
    "HalfOpenActions": {"action_space": spaces.Box(5, np.inf, (1,), np.float32)},
    "BinaryActions": {"action_space": spaces.MultiBinary(2)},
    "IntegerBoxActions": {"action_space": spaces.Box(np.array([-1, 2]), np.array([1, 5]), dtype=np.int64)},
    "NaNReward": {"bad_step": 2, "bad_episode": 3, "bad_reward": float("nan")},
    "InfiniteReward": {"bad_step": 0, "bad_episode": 0, "bad_reward": float("-inf")},
    "NaNObservation": {"bad_step": 4, "bad_episode": 1, "bad_observation": float("nan")},
    "InfiniteObservation": {"bad_step": 4, "bad_episode": 1, "bad_observation": float("inf")},
}
for name, kwargs in VARIANTS.items():
    gym.register(f"{name}-v0", entry_point=Count, max_episode_steps=5, kwargs=kwargs)
gym.register("Equal-v0", entry_point=Equal, max_episode_steps=5)
gym.register("ListStates-v0", entry_point=ListStates, max_episode_steps=5, disable_env_checker=True)
gym.register("ParentOnly-v0", entry_point=ParentOnly, max_episode_steps=5)
gym.register("NaNReset-v0", entry_point=NaNReset, max_episode_steps=5)
gym.register("TextReset-v0", entry_point=TextReset, max_episode_steps=5)
gym.register("Stuck-v0", entry_point=Stuck, max_episode_steps=5)
gym.register("Endless-v0", entry_point=Count)
gym.register("Slow-v0", entry_point=Count, max_episode_steps=2000)


class Dynamics(gym.Env):
    """The FiniteMDP `Dynamics.mdp` as an environment that goes on with probability gamma after each step.

    The expectation of the undiscounted sum of its rewards is therefore eta, the expected discounted sum.
    """

    def __init__(self):
        S, A = self.mdp.r.shape
        self.observation_space, self.action_space = spaces.Discrete(S), spaces.Discrete(A)

    def draw(self, p):
        return min(int(np.searchsorted(p.cumsum(), self.np_random.random())), len(p) - 1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.s = self.draw(self.mdp.rho_0)
        return self.s, {}

    def step(self, action):
        reward = self.mdp.r[self.s, action]
        self.s = self.draw(self.mdp.P[self.s, action])
        return self.s, reward, self.np_random.random() > self.mdp.gamma, False, {}


class Nested(Count):
    """Its observations are samples of a space with a part of each kind that Gymnasium can flatten."""
    SPACE = spaces.Dict(image=spaces.Box(0, 255, (2, 2), np.uint8), flags=spaces.MultiBinary(3),
                        pair=spaces.Tuple((BOX, spaces.Discrete(3, start=1))), kinds=spaces.MultiDiscrete([2, 3]))

    def __init__(self):
        super().__init__()
        self.observation_space = self.SPACE

    def observe(self):
        self.observation_space.seed(int(self.np_random.integers(1000)))
        return self.observation_space.sample()


gym.register("NestedStates-v0", entry_point=Nested, max_episode_steps=5)


class Remembers(Count):
    """Its first observation has the number of episodes so far."""

    def observe(self):
        observation = super().observe()
        observation[1] = self.episode
        return observation


class SeedsBefore(Count):
    """Its first observation has the number of different seeds that it has been reset with."""

    def __init__(self):
        super().__init__()
        self.seeds = set()

    def observe(self):
        observation = super().observe()
        observation[1] = len(self.seeds)
        return observation

    def reset(self, *, seed=None, options=None):
        self.seeds.add(seed)
        return super().reset(seed=seed)


class OldReset(Count):
    """Has the reset of the old Gym: no seed, and no info."""

    def reset(self):
        return super().reset()[0]


class OldResetWithSeed(Count):
    """Has a reset that returns no info."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (3,))

    def reset(self, *, seed=None, options=None):
        return np.zeros(3)


class OldStep(Count):
    """Has the step of the old Gym: four values."""

    def step(self, action):
        observation, reward, terminated, _, info = super().step(action)
        return observation, reward, terminated, info


class ArrayRewards(Count):
    """Its rewards are arrays of one number."""

    def step(self, action):
        observation, reward, *rest = super().step(action)
        return observation, np.array([reward]), *rest


class TakesOptions(Count):
    """Each reward is `size`."""

    def __init__(self, size, render_mode=None):
        super().__init__()
        self.size = size

    def step(self, action):
        observation, _, *rest = super().step(action)
        return observation, float(self.size), *rest


for kind in (Remembers, SeedsBefore, OldReset, OldResetWithSeed, OldStep, ArrayRewards, TakesOptions):
    gym.register(f"{kind.__name__}-v0", entry_point=kind, max_episode_steps=5, disable_env_checker=True)


class Elsewhere(Count):
    """Its observations depend on a variable of its class, which is no attribute of the environment."""
    steps = 0

    def step(self, action):
        Elsewhere.steps += 1
        observation, reward, *rest = super().step(action)
        return observation + Elsewhere.steps, reward, *rest


class LateAttribute(Count):
    """Its first step adds an attribute, the first action, which is the reward of every step."""

    def reset(self, *, seed=None, options=None):
        vars(self).pop("first", None)
        return super().reset(seed=seed)

    def step(self, action):
        if not hasattr(self, "first"):
            self.first = float(action[0])
        observation, _, *rest = super().step(action)
        return observation, self.first, *rest


class RewardElsewhere(Count):
    """Its rewards depend on a variable of its class."""
    steps = 0

    def step(self, action):
        RewardElsewhere.steps += 1
        observation, _, *rest = super().step(action)
        return observation, float(RewardElsewhere.steps), *rest


class Handle(Count):
    """Has an attribute that cannot be copied, as an environment has that talks to another program."""

    def __init__(self):
        super().__init__()
        self.process = (i for i in range(3))


class GivesItself(Count):
    """Its observation is the array that `step` changes in place."""

    def __init__(self):
        super().__init__()
        self.position = np.zeros(2)

    def observe(self):
        self.position[:] = super().observe()
        return self.position


class InPlace(Count):
    """Its position is an array that `__init__` makes, and that `reset` and `step` change in place."""

    def __init__(self):
        super().__init__()
        self.position = np.zeros(2)

    def observe(self):
        return self.position.copy()

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position[:] = self.np_random.standard_normal(2)
        return self.observe(), {}

    def step(self, action):
        self.position += action[0] + self.np_random.standard_normal(2)
        return super().step(action)


class SpaceNoise(Count):
    """Its rewards are drawn with the random numbers of its action space."""

    def step(self, action):
        observation, _, *rest = super().step(action)
        return observation, float(self.action_space.sample()[0]), *rest


class DrawsCount(Count):
    """A frame is a grey picture, 30 pixels high and 60 wide, whose brightness is 40 times the number of steps.

    change turns it into what render returns.
    """
    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, render_mode=None, change=None, fps=10):
        super().__init__()
        self.render_mode, self.n_drawn, self.change = render_mode, 0, change
        self.metadata = {**self.metadata, "render_fps": fps}

    def render(self):
        self.n_drawn += 1
        frame = np.full((30, 60, 3), 40 * self.t, np.uint8)
        return self.change(frame) if self.change else frame


for name, kwargs in [("RewardNone", {"reward": None}), ("RewardText", {"reward": "one"}),
                     ("RewardArray", {"reward": np.array([1.0, 2.0])}), ("RewardComplex", {"reward": 1j}),
                     ("ShapeLater", {"observation": [0.0] * 3}),
                     ("ShapeFits", {"observation": [0.0]}), ("StepRaises", {"error": ZeroDivisionError("as agreed")})]:
    gym.register(f"{name}-v0", entry_point=Wrong, max_episode_steps=5, kwargs=kwargs, disable_env_checker=True)
gym.register("Dies-v0", entry_point=Dies, max_episode_steps=5)
gym.register("ResetRaises-v0", entry_point=ResetRaises, max_episode_steps=5)
gym.register("Elsewhere-v0", entry_point=Elsewhere, max_episode_steps=50)
gym.register("LateAttribute-v0", entry_point=LateAttribute, max_episode_steps=5)
gym.register("RewardElsewhere-v0", entry_point=RewardElsewhere, max_episode_steps=50)
gym.register("Handle-v0", entry_point=Handle, max_episode_steps=50)
gym.register("GivesItself-v0", entry_point=GivesItself, max_episode_steps=50)
gym.register("InPlace-v0", entry_point=InPlace, max_episode_steps=50)
gym.register("SpaceNoise-v0", entry_point=SpaceNoise, max_episode_steps=50)
gym.register("DrawsCount-v0", entry_point=DrawsCount, max_episode_steps=5)
gym.register("Dynamics-v0", entry_point=Dynamics, max_episode_steps=1000)
