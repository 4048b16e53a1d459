"""Trains the peer, SB3-contrib's TRPO with the settings that its own benchmark tuned: one row of a CSV per run.

    python -m venv peer && peer/bin/pip install torch sb3-contrib "gymnasium[mujoco,box2d]"
    peer/bin/python tests/benchmark_peer.py --seeds 0-9 [ENV_ID ...] [--timesteps N] [--out FILE]
    PYTHONPATH=. peer/bin/python tests/benchmark_peer.py --cost [ENV_ID ...] [--timesteps N]

The second command trains by turns with both codes, each run in a process of its own and on one thread, and prints what
N steps (default: 20,000) take in each: seconds, and the most memory. It writes nothing.

A row of the first has the mean raw return of 20 episodes without noise. Runs whose row is there are left out: a stopped
command goes on. Never a dependency of trpo_numpy. The settings are those of rl-baselines3-zoo, hyperparams/trpo.yml;
tasks that it does not list have those of its MuJoCo tasks.
"""
import argparse
import csv
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
import numpy as np  # noqa: E402

MUJOCO = {"normalize": True, "batch_size": 128, "n_steps": 1024, "gamma": 0.99, "gae_lambda": 0.95, "cg_max_steps": 25,
          "cg_damping": 0.1, "n_critic_updates": 20, "learning_rate": 1e-3}
SETTINGS = {
    "Pendulum-v1": {"n_steps": 1024, "gamma": 0.9, "n_critic_updates": 15, "use_sde": True, "sde_sample_freq": 4},
    "CartPole-v1": {"n_steps": 512, "batch_size": 512, "cg_damping": 1e-3, "gae_lambda": 0.98, "gamma": 0.99,
                    "learning_rate": 1e-3, "n_critic_updates": 20},
    "LunarLander-v3": {"n_steps": 512, "cg_damping": 0.01, "gae_lambda": 0.98, "gamma": 0.99, "learning_rate": 1e-3,
                       "n_critic_updates": 15},
    "Swimmer-v5": {**MUJOCO, "gamma": 0.9999}, "HalfCheetah-v5": {**MUJOCO, "target_kl": 0.04}}
TASKS = {"Pendulum-v1": 100_000, "CartPole-v1": 100_000, "InvertedPendulum-v5": 50_000, "Swimmer-v5": 200_000,
         "HalfCheetah-v5": 300_000, "Hopper-v5": 300_000, "Walker2d-v5": 300_000, "Reacher-v5": 200_000,
         "Pusher-v5": 200_000, "LunarLander-v3": 300_000, "BipedalWalker-v3": 300_000}
COLUMNS = "env_id", "timesteps", "seed", "mean_return", "std", "seconds", "update_ms"


def train_peer(env_id, timesteps, seed):
    """A row by COLUMNS. seconds are those of training alone, update_ms the median of its updates."""
    import torch  # here, and not above: the memory of our runs is measured too
    from sb3_contrib import TRPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.vec_env import VecNormalize
    torch.set_num_threads(1)
    settings = dict(SETTINGS.get(env_id, MUJOCO))
    normalize = settings.pop("normalize", False)
    env = make_vec_env(env_id, n_envs=2, seed=seed)
    env = VecNormalize(env, gamma=settings["gamma"]) if normalize else env
    model = TRPO("MlpPolicy", env, seed=seed, device="cpu", **settings)
    update, seconds_updating = model.train, []

    def timed_update():
        start = time.perf_counter()
        update()
        seconds_updating.append(time.perf_counter() - start)

    model.train, start = timed_update, time.perf_counter()
    model.learn(timesteps)
    seconds = time.perf_counter() - start
    test_env = make_vec_env(env_id, n_envs=1, seed=seed + 1000)
    if normalize:
        test_env = VecNormalize(test_env, training=False, norm_reward=False)
        test_env.obs_rms = env.obs_rms
    mean, std = evaluate_policy(model, test_env, 20)
    return [env_id, timesteps, seed, round(float(mean), 1), round(float(std), 1), round(seconds, 1),
            round(1e3 * float(np.median(seconds_updating)), 1)]


def train_ours(env_id, timesteps):
    """Seconds of training with the default configuration of trpo_numpy."""
    from trpo_numpy.practice.config import Config
    from trpo_numpy.practice.training import train
    start = time.perf_counter()
    for _ in train(Config(env_id, timesteps=timesteps, gamma=0.9999 if env_id == "Swimmer-v5" else 0.99)):
        pass
    return time.perf_counter() - start


def print_cost(code, env_id, timesteps):
    """Trains once with a code, "ours" or "peer", and prints its seconds and the most memory of this process in MB."""
    seconds = train_ours(env_id, timesteps) if code == "ours" else train_peer(env_id, timesteps, 0)[5]
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def compare_costs(env_ids, timesteps):
    """Prints a line for each task: both codes by turns, twice each; the faster time and the least memory count."""
    for env_id in env_ids:
        measured = {"ours": [], "peer": []}
        for code in ("ours", "peer", "peer", "ours"):
            command = [sys.executable, __file__, env_id, "--timesteps", str(timesteps), "--one", code]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            measured[code].append([float(number) for number in output.split()])
        (ours, our_memory), (peer, peer_memory) = (np.min(measured[code], axis=0) for code in ("ours", "peer"))
        print(f"{env_id:20} ours {ours:6.1f} s {our_memory:4.0f} MB   peer {peer:6.1f} s {peer_memory:4.0f} MB   "
              f"times {peer / ours:5.2f} and {peer_memory / our_memory:5.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("env_ids", nargs="*", default=list(TASKS), metavar="ENV_ID")
    parser.add_argument("--seeds", default="0-9", help="the first and the last (default: 0-9)")
    parser.add_argument("--timesteps", type=int, help="of each run (default: those of its task, or 1,000,000)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "tutorials/results/peer.csv")
    parser.add_argument("--cost", action="store_true", help="compare seconds and memory with trpo_numpy's")
    parser.add_argument("--one", choices=["ours", "peer"], help="print what one run costs; --cost runs this")
    args = parser.parse_args()
    if args.one:
        print_cost(args.one, args.env_ids[0], args.timesteps)
        return
    if args.cost:
        compare_costs(args.env_ids, args.timesteps or 20_000)
        return
    first, last = map(int, args.seeds.split("-"))
    rows = list(csv.reader(args.out.open())) if args.out.exists() else []
    done = {tuple(row[:3]) for row in rows}
    for seed in range(first, last + 1):
        for env_id in args.env_ids:
            timesteps = args.timesteps or TASKS.get(env_id, 1_000_000)
            if (env_id, str(timesteps), str(seed)) in done:
                continue
            row = train_peer(env_id, timesteps, seed)
            with args.out.open("a", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                if file.tell() == 0:
                    writer.writerow(COLUMNS)
                writer.writerow(row)
            print(*row, flush=True)


if __name__ == "__main__":
    main()
