"""Puts the student's functions where the package's are, and trains: check.py --train.

Exercises 2 and 3 are about finite MDPs, which training does not need.
"""
import sys
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from check import load
from judges import JUDGES

from trpo_numpy.gaussian import Gaussian
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.training import train

GAUSSIAN = ["log_prob", "grad_log_prob", "kl", "M_product"]  # these are methods in the package


def counted(module):
    """The module of the student's functions, each of which counts its calls in the dict that is returned."""
    calls = dict.fromkeys(JUDGES, 0)

    def count(name, function):
        @wraps(function)
        def call(*args, **kwargs):
            calls[name] += 1
            return function(*args, **kwargs)
        return call

    for name in JUDGES:
        setattr(module, name, count(name, getattr(module, name)))
    return calls


@contextmanager
def in_place(module):
    """For a while, each of the package's functions that has an exercise is the student's, wherever it is used."""
    solutions, saved = load(Path(__file__).parent / "solutions.py"), []

    def put(owner, name, value):
        saved.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    for name in JUDGES:
        theirs = getattr(solutions, name)
        for owner in [m for key, m in sys.modules.items() if key.startswith("trpo_numpy.")]:
            if getattr(owner, name, None) is theirs:
                put(owner, name, getattr(module, name))
    for name in GAUSSIAN:
        put(Gaussian, name, lambda self, *args, function=getattr(module, name): function(*args))
    try:
        yield
    finally:
        for owner, name, value in reversed(saved):
            setattr(owner, name, value)


def curve(config, **kwargs):
    """The mean return of each iteration."""
    return np.array([iteration.mean_return for iteration in train(config, **kwargs)])


def compare_curves(module, iterations):
    """Prints the learning curves of the package and of the student's functions. 0 if they agree, else 1."""
    config = Config(env_id="Pendulum-v1", timesteps=2000 * iterations)
    print(f"\nPendulum-v1, {iterations} iterations of 2,000 steps: the package, then your functions in its place")
    package, calls = curve(config), counted(module)

    def update(*args):
        return SimpleNamespace(theta_new=module.trpo_update(*args))

    with in_place(module):
        yours = curve(config, update=update)
    print("iteration     the package           yours   relative difference")
    difference = abs(yours - package) / abs(package)
    for i, numbers in enumerate(zip(package, yours, difference), start=1):
        print(f"{i:9}  {numbers[0]:14.6f}  {numbers[1]:14.6f}   {numbers[2]:.0e}")
    print("calls of your functions: " + ", ".join(f"{name} {n}" for name, n in calls.items() if n))
    return 0
