"""Puts the student's functions in the place of the package's functions, and trains: check.py --train.

Exercises 2 and 3 are about finite MDPs, which training does not need. Exercise 12 is a part of the package's
fit_baseline, which has no function for it: training keeps the package's, with the student's conjugate gradient.
"""
import sys
from contextlib import contextmanager
from functools import wraps
from types import SimpleNamespace

import numpy as np
from check import HERE, load
from judges import JUDGES

from trpo_numpy.gaussian import Gaussian
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.training import initial_checkpoint, policy_and_baseline, train
from trpo_numpy.trpo import trpo_update

GAUSSIAN = ["log_prob", "grad_log_prob", "kl", "M_product"]  # these are methods in the package


def counted(module, names):
    """Makes these functions of the student's module count their calls. The counts are in the dict that is returned."""
    calls = dict.fromkeys(names, 0)

    def count(name, function):
        @wraps(function)
        def call(*args, **kwargs):
            calls[name] += 1
            return function(*args, **kwargs)
        return call

    for name in names:
        setattr(module, name, count(name, getattr(module, name)))
    return calls


@contextmanager
def in_place(module, names=tuple(JUDGES)):
    """In the context, the student's functions replace the package's of the same names, wherever these are used."""
    solutions, saved = load(HERE / "solutions.py"), []

    def put(owner, name, value):
        saved.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    for name in names:
        theirs = getattr(solutions, name)
        for owner in [m for key, m in sys.modules.items() if key.startswith("trpo_numpy.")]:
            if getattr(owner, theirs.__name__, None) is theirs:
                put(owner, theirs.__name__, getattr(module, name))
    for name in set(GAUSSIAN) & set(names):
        put(Gaussian, name, lambda self, *args, function=getattr(module, name): function(*args))
    try:
        yield
    finally:
        for owner, name, value in reversed(saved):
            setattr(owner, name, value)


BAR = 1e-4  # of an iteration from the same start: conjugate gradient turns rounding of 1e-16 into 1e-6 of a step


def compare_curves(module, iterations, names=tuple(JUDGES)):
    """Trains with the package's functions, then with these functions of the student. 0 if the runs agree, else 1.

    A pendulum that stands is unstable: it magnifies rounding, so two runs differ after some iterations. Therefore
    the student's functions also do each iteration from the checkpoint of the package's run.
    """
    config = Config(env_id="Pendulum-v1", timesteps=2000 * iterations)
    print(f"\nPendulum-v1, {iterations} iterations of 2,000 steps, with the package's functions and with yours.\n"
          "Left: mean returns of two runs. Right: the step of your iteration from where the package's run stood.\n\n"
          "iteration     package       yours   difference | difference of the step")
    package = list(train(config))
    calls = counted(module, names)

    def own_update(*args):
        return SimpleNamespace(theta_new=module.trpo_update(*args))

    update = own_update if "trpo_update" in names else trpo_update
    with in_place(module, names):
        yours = list(train(config, update=update))
        same_start = [yours[0], *(next(train(config, update, start.checkpoint)) for start in package[:-1])]
    returns, own = (np.array([i.mean_return for i in run]) for run in (package, yours))
    thetas, others = (np.array([i.update.theta_new for i in run]) for run in (package, same_start))
    theta_0 = initial_checkpoint(*policy_and_baseline(make_env(config), config), config).theta
    steps = np.linalg.norm(np.diff(thetas, axis=0, prepend=theta_0[None]), axis=1)
    off = np.linalg.norm(others - thetas, axis=1) / steps
    for i, row in enumerate(zip(returns, own, abs(own / returns - 1), off), start=1):
        print("{:9} {:11.3f} {:11.3f} {:12.0e} | {:22.0e}".format(i, *row))
    worst = off.max()
    alike = int(np.argmax(np.append(abs(own / returns - 1), 1) > 1e-5))
    print(f"\nThe runs agree to five digits for {alike} of {iterations} iterations: a pendulum magnifies rounding.\n"
          f"From the same start the steps differ by up to {worst:.0e}; the bar is {BAR:.0e}.\n"
          f"calls of your functions: {', '.join(f'{name} {n:,}' for name, n in calls.items() if n)}")
    if worst <= BAR:
        return 0

    def alone(name):
        """Whether this function, alone in the place of the package's, is above the bar in the worst iteration."""
        j = int(np.argmax(off))
        with in_place(module, [name]):
            found = next(train(config, update if name == "trpo_update" else trpo_update,
                               package[j - 1].checkpoint if j else None))
        return not np.linalg.norm(found.update.theta_new - thetas[j]) <= BAR * steps[j]

    causes = [name for name, n in calls.items() if n and alone(name)]
    print("FAILS: above the bar. " + (f"Alone in the place of the package's, above the bar too: {', '.join(causes)}."
                                      if causes else "No function alone, in the place of the package's, is above it."))
    return 1
