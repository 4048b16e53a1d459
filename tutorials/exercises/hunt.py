"""Five hunts: a copy of the package with one silent bug, and a number that is wrong. Find the bug.

    python tutorials/exercises/hunt.py 1        # makes runs/hunt_1/trpo_numpy, measures it, and the package beside it
    python tutorials/exercises/hunt.py 1        # again: measures the copy as you have changed it
    python tutorials/exercises/hunt.py 1 --new  # makes a new copy; your changes are lost
    python tutorials/exercises/hunt.py 0        # a copy without a bug, into which you can put one for someone else

Nothing fails, and the bug is in one or a few lines. Read, think, measure: with PYTHONPATH=runs/hunt_1, any script of
the tutorials runs on the copy, and so does check.py --solutions. Where the bug was: hunts/solutions.md.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np

import trpo_numpy
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.training import train
from trpo_numpy.surrogate import Batch
from trpo_numpy.trpo import UpdateOptions, trpo_update

HUNTS = Path(__file__).parent / "hunts"


def batch_of(d_a, N=500):
    """A Policy, theta_old, and a Batch of N random states: the best action is a = 0 everywhere."""
    rng = np.random.default_rng(0)
    policy = Policy(MLP((3, 8, d_a)), Gaussian(d_a))
    theta_old, states = policy.initial(rng, 0.0), rng.standard_normal((N, 3))
    parameters = policy.unpack(theta_old)
    actions = np.array([policy.act(parameters, s, rng) for s in states])
    return policy, theta_old, Batch(states, actions, -(actions ** 2).sum(axis=1))


def six_joints():
    """One update of a policy with six-dimensional actions. delta is 0.06, the mean KL that no update may exceed."""
    policy, theta_old, batch = batch_of(6)
    options = UpdateOptions(delta=0.06, fisher_fraction=1.0, damping=0.1)
    result = trpo_update(policy, theta_old, batch, options, np.random.default_rng(0))
    rng, log_ratios = np.random.default_rng(1), []
    mu_old, mu_new = policy.mu(theta_old, batch.states), policy.mu(result.theta_new, batch.states)
    for _ in range(200):
        actions = policy.family.sample(mu_old[:, :6], mu_old[:, 6:], rng)
        log_ratios.append(policy.family.log_prob(mu_old, actions) - policy.family.log_prob(mu_new, actions))
    return {"mean of log pi_old - log pi_new over 100,000 actions of pi_old": np.mean(log_ratios),
            "the KL that the update reports": result.kl_new}


class Ladder(gym.Env):
    """Five steps, 0 to 4. Each time step pays s / 4. Action 1 costs 1 and leads one step up. An episode never ends."""
    observation_space, action_space = gym.spaces.Discrete(5), gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.s = int(self.np_random.integers(5))
        return self.s, {}

    def step(self, action):
        reward = self.s / 4 - action
        self.s = min(4, self.s + int(action))
        return self.s, reward, False, False, {}


def the_ladder():
    """A ladder, with a time limit of two steps. One step up costs 1 and pays 1/4 in each step from then on."""
    if "Ladder-v0" not in gym.registry:
        gym.register("Ladder-v0", Ladder, max_episode_steps=2)
    config = Config(env_id="Ladder-v0", timesteps=6000, batch_size=300, hidden_sizes=(), gamma=0.9, fisher_fraction=1.0)
    *_, last = train(config)
    scaling, policy = last.checkpoint.scaling, last.policy
    mu = policy.mu(last.checkpoint.theta, (np.eye(5) - scaling.mean) / scaling.std)
    up = np.exp(policy.family.log_p(mu))[:, 1]
    return {"probability of going up from steps 1 and 3": up[[1, 3]].mean(),
            "probability of going up from steps 0 and 2": up[[0, 2]].mean(),
            "probability of going up from step 4, where it costs and leads nowhere": up[4]}


def five_iterations():
    """The Updates of five iterations of Pendulum-v1, and the Iterations."""
    iterations = list(train(Config(env_id="Pendulum-v1", timesteps=10_000)))
    return [iteration.update for iteration in iterations], iterations


def short_of_delta():
    """Five iterations of Pendulum-v1. Every update is accepted, and every KL is below delta."""
    updates, _ = five_iterations()
    return {"mean of KL / delta, of the first candidates": np.mean([u.candidates[0].kl / u.delta for u in updates]),
            "iterations whose first candidate was refused": sum(len(u.candidates) > 1 for u in updates)}


def little_gain():
    """Five iterations of Pendulum-v1. The policy changes in most of them, and every KL is at most delta."""
    updates, iterations = five_iterations()
    return {"gain in L, all updates together": sum(u.L_new - u.L_old for u in updates),
            "the last residual over ||g||, mean": np.mean([u.residuals[-1] / u.residuals[0] for u in updates]),
            "variance that the baseline explains, last iteration": iterations[-1].explained_variance,
            **{f"return of iteration {i.iteration}": i.mean_return for i in iterations}}


def too_far():
    """One update with a delta of 0.00001: so small that the KL and its quadratic model must agree."""
    policy, theta_old, batch = batch_of(2)
    options = UpdateOptions(delta=1e-5, fisher_fraction=1.0, damping=0.1)
    result = trpo_update(policy, theta_old, batch, options, np.random.default_rng(0))
    return {"KL of the first candidate / its quadratic model": result.candidates[0].kl / options.delta,
            "candidates that were refused": len(result.candidates) - 1}


def all_measures():
    """The numbers of hunts 1 to 5, for a bug that somebody has put into the copy."""
    return {name: number for n, measure in MEASURES.items() if n for name, number in measure().items()}


MEASURES = {0: all_measures, 1: six_joints, 2: the_ladder, 3: short_of_delta, 4: little_gain, 5: too_far}


def make_copy(number, folder):
    """folder/trpo_numpy: a copy of the package with the patch of this hunt; 0 has none."""
    package, copy = Path(trpo_numpy.__file__).parent, folder / "trpo_numpy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    no_repository = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.resolve().parent)}  # else git skips the copy
    if number == 0:
        return
    try:
        subprocess.run(["git", "apply", HUNTS.resolve() / f"{number}.patch"], cwd=folder, check=True, env=no_repository)
    except (OSError, subprocess.CalledProcessError):
        shutil.rmtree(copy)  # else the next run would keep a copy without a bug
        raise


def measure_copy(number, folder):
    """What the measure of this hunt gives on the copy: a dict of numbers."""
    path = os.pathsep.join([str(folder.resolve()), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run([sys.executable, __file__, str(number), "--measure"], env={**os.environ, "PYTHONPATH": path},
                         stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("number", type=int, choices=MEASURES, metavar="N", help="1 to 5, or 0")
    parser.add_argument("--out", type=Path, default="runs", help="folder for the copy (default: runs)")
    parser.add_argument("--new", action="store_true", help="make the copy anew, over one that is there")
    parser.add_argument("--measure", action="store_true", help="print the numbers alone, as JSON")
    args = parser.parse_args()
    measure, folder = MEASURES[args.number], args.out / f"hunt_{args.number}"
    if args.measure:
        print(json.dumps({name: float(number) for name, number in measure().items()}))
        return
    if args.new or not (folder / "trpo_numpy").exists():
        make_copy(args.number, folder)
    else:
        print(f"{folder / 'trpo_numpy'} is there already, and is kept as it is. --new makes it anew.\n")
    print(f"Hunt {args.number}. {measure.__doc__}\n\n{'':70}{'package':>10}{'copy':>10}")
    wrong = measure_copy(args.number, folder)
    right = measure()
    for name, number in right.items():
        print(f"{name:70}{number:10.4g}{wrong[name]:10.4g}")
    agree = np.isclose(list(wrong.values()), list(right.values())).all()
    question = "Which of its numbers are off, and why?" if args.number == 0 else "Why is its first number off?"
    said = ("The numbers agree." if args.number == 0 else "The numbers agree: found.") if agree else question
    print(f"\nThe copy is {folder / 'trpo_numpy'}. {said}")


if __name__ == "__main__":
    main()
