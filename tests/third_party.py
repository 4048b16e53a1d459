"""Environments of packages that nobody here wrote: each is trained, resumed, sampled by workers, and evaluated.

    python -m pip install -e ".[test,mujoco,third_party]" && python -m pytest tests/third_party.py

Not in the default suite, as these packages are large. What came of it: tutorials/environments.md.
"""
import importlib.util
import re

import gymnasium as gym
import pytest

from trpo_numpy.__main__ import main
from trpo_numpy.practice.run_folder import read_progress


def flat_minigrid():
    """MiniGrid's empty room through its own wrapper, whose observations are pictures and letters in one vector."""
    from minigrid.wrappers import FlatObsWrapper
    return FlatObsWrapper(gym.make("minigrid:MiniGrid-Empty-5x5-v0"))


def image_minigrid():
    """MiniGrid's empty room through its own wrapper, whose observations are the agent's view alone."""
    from minigrid.wrappers import ImgObsWrapper
    return ImgObsWrapper(gym.make("minigrid:MiniGrid-Empty-5x5-v0"))


gym.register("FlatMiniGrid-v0", entry_point=flat_minigrid)
gym.register("ImageMiniGrid-v0", entry_point=image_minigrid)

TRAINED = {  # id: (the module that must be there, options)
    "LunarLander-v3": ("Box2D", []),
    "LunarLander-v3 continuous": ("Box2D", ["--env-kwargs", "continuous:True"]),
    "BipedalWalker-v3": ("Box2D", []),
    "BipedalWalkerHardcore-v3": ("Box2D", []),
    "CarRacing-v3": ("Box2D", []),
    "third_party:FlatMiniGrid-v0": ("minigrid", []),
    "third_party:ImageMiniGrid-v0": ("minigrid", []),
    "highway_env:parking-v0": ("highway_env", []),
    "highway_env:racetrack-v0": ("highway_env", []),
    "panda_gym:PandaReach-v3": ("panda_gym", []),
    "gymnasium_robotics:AdroitHandDoor-v1": ("gymnasium_robotics", []),
    "gymnasium_robotics:PointMaze_UMaze-v3": ("gymnasium_robotics", []),
    "pybullet_envs_gymnasium:HopperBulletEnv-v0": ("pybullet_envs_gymnasium", []),
    "ale_py:ALE/Pong-v5": ("ale_py", ["--env-kwargs", "obs_type:ram"]),
    "Humanoid-v5": ("mujoco", []), "Blackjack-v1": ("gymnasium", []), "Taxi-v4": ("gymnasium", [])}
REMEMBER = {"BipedalWalker-v3", "pybullet_envs_gymnasium:HopperBulletEnv-v0"}
REFUSED = {"minigrid:MiniGrid-Empty-5x5-v0": ("minigrid", "observation space Dict.* wanted .*FilterObservation"),
           "NoSuchModule:Name-v0": ("gymnasium", "got 'NoSuchModule:Name-v0', wanted .*No module named 'NoSuchModule'"),
           "phys2d/CartPole-v1": ("gymnasium", "got 'phys2d/CartPole-v1', wanted .*")}


def rows(folder):
    """progress.csv without its times."""
    progress = read_progress(folder)
    return progress[[name for name in progress.dtype.names if not name.startswith("seconds")]].tolist()


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize("name", TRAINED)
def test_it_is_trained_resumed_sampled_by_workers_and_evaluated(name, tmp_path, capsys):
    module, options = TRAINED[name]
    pytest.importorskip(module)
    small = ["train", name.split()[0], *options, "--batch-size", "50", "--hidden-sizes", "8"]
    whole, parts, workers = (str(tmp_path / part) for part in ("whole", "parts", "workers"))
    assert main([*small, "--timesteps", "51", "--out", parts]) == 0
    steps = read_progress(parts)["timesteps"]
    timesteps = str(int(steps[-1]) + 1)
    assert main(["train", "--resume", parts, "--timesteps", timesteps]) == 0
    assert main([*small, "--timesteps", timesteps, "--out", whole]) == 0
    assert main([*small, "--timesteps", timesteps, "--workers", "2", "--out", workers]) == 0
    if name not in REMEMBER:
        assert repr(rows(parts)) == repr(rows(whole)) == repr(rows(workers)), "to the byte"
    assert main(["evaluate", whole, "--episodes", "2"]) == 0
    assert re.search(r"mean_return=-?[\d.]+ std=[\d.]+ episodes=2", capsys.readouterr().out)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_work_is_refused_clearly(name, tmp_path, capsys):
    module, message = REFUSED[name]
    pytest.importorskip(module)
    if name.startswith("phys2d") and importlib.util.find_spec("jax"):
        pytest.skip("jax is there")
    assert main(["train", name, "--out", str(tmp_path / "run")]) == 2 and not (tmp_path / "run").exists()
    error = capsys.readouterr().err
    assert re.search("^error: env_id: .*" + message, error, re.MULTILINE) and "Traceback" not in error
