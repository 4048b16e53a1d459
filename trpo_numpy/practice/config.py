"""Not in the paper: the options of a training run, one documented field per line, checked when a Config is made."""
import json
import operator
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, fields

import numpy as np

from trpo_numpy.checks import InputError
from trpo_numpy.trpo import UpdateOptions

BOUNDS = {"above": operator.gt, "at_least": operator.ge, "below": operator.lt, "at_most": operator.le}
WANTED = {str | Callable: "an id, or a function that makes an environment", int: "a whole number",
          float: "a finite number", bool: "True or False", tuple: "a tuple of whole numbers, each at least 1",
          dict: "{name: value}, with values that JSON can hold"}


def option(default, help, hash=None, **bounds):
    """A field of Config: its default, what it is (also the command line's help), and its range, by BOUNDS."""
    return field(default=default, hash=hash, metadata={"help": help, "bounds": bounds})


@dataclass(frozen=True)
class Config:
    """All that a run depends on. Raises InputError naming the field, what came and what is wanted."""
    env_id: str | Callable = option("Pendulum-v1", "a Gymnasium environment, or module:Name-v0, registered by module")
    env_kwargs: dict = option((), "arguments of the environment, as gravity:5.0; type ENV_ID before them", hash=False)
    timesteps: int = option(100_000, "training ends with the batch that brings the steps to this number", at_least=1)
    seed: int = option(0, "all randomness is a function of it", at_least=0)
    batch_size: int = option(2_000, "steps per iteration, without vine's rollouts; the paper: 50K to 1M", at_least=2)
    vine_states: int = option(0, "vine (Section 5.2): expected states in its rollout set; 0: none", at_least=0)
    vine_actions: int = option(4, "K, actions in each (Table 2); or every action, if there are at most K", at_least=2)
    vine_length: int = option(100, "steps of a rollout, at most (Table 2: 50 or 100)", at_least=1)
    hidden_sizes: tuple = option((64, 64), "of the hidden layers (Table 2: 30 or 50); type ENV_ID before them")
    initial_log_std: float = option(0.0, "r at the start; log(3/d_a) is added if d_a > 3", at_least=-20,
                                    at_most=20)
    gamma: float = option(0.99, "discount (Section 2)", at_least=0, below=1)
    delta: float = option(0.01, "bound on the mean KL, nats (Eq. (12); 0.01 in the paper)", above=0)
    delta_per_dimension: bool = option(True, "not in the paper: delta times the action's dimensions, whose KLs add up")
    cg_iterations: int = option(10, "k, conjugate gradient iterations (Appendix C.1; 10 in the paper)", at_least=1)
    fisher_fraction: float = option(0.1, "fraction of the states in A (Appendix C.1); vine: all", above=0, at_most=1)
    shrink: float = option(0.8, "beta's factor between candidates of the line search (Appendix C)", above=0, below=1)
    max_backtracks: int = option(15, "candidates of the line search after the first", at_least=0)
    damping: float = option(0.3, "not in the paper: added to the Fisher matrix in CG (not in s'As)", at_least=0)
    baseline: bool = option(True, "not in the paper: a value baseline with generalized advantages, instead of Q")
    gae_lambda: float = option(0.95, "lambda of the generalized advantages", at_least=0, at_most=1)
    baseline_lambda: float = option(0.98, "lambda of the returns that the baseline is fitted to", at_least=0, at_most=1)
    baseline_steps: int = option(10, "damped Gauss-Newton steps on the baseline, which share the batch", at_least=0)
    baseline_cg_iterations: int = option(5, "conjugate gradient iterations in each of them", at_least=1)
    baseline_damping: float = option(0.1, "their damping, with V in units of the targets' std", at_least=0)
    standardize_advantages: bool = option(True, "not in the paper: advantages of mean 0 and standard deviation 1")
    rescale_actions: bool = option(False, "not in the paper: actions in [-1, 1], rescaled to the environment's Box")
    scale_observations: bool = option(True, "not in the paper: observations minus their mean, divided by their std")

    def __post_init__(self):
        for f in fields(self):
            object.__setattr__(self, f.name, checked(f, getattr(self, f.name)))
        if self.vine_states > self.batch_size:
            raise InputError(f"vine_states: got {self.vine_states}, wanted at most batch_size, {self.batch_size}")


def checked(f, value):
    """The value as Config keeps it in its field f. Raises InputError unless it has the field's type and range."""
    bounds, kept, reason = f.metadata["bounds"], value.item() if isinstance(value, np.generic) else value, ""
    try:
        if f.type is dict:
            kept, good = json.loads(json.dumps(dict(value), allow_nan=False)), True
        elif f.type is tuple:
            kept = tuple(value)
            good = isinstance(value, (list, tuple)) and all(type(size) is int and size >= 1 for size in kept)
        elif f.type is float:
            good = type(kept) in (int, float) and abs(kept) <= sys.float_info.max  # neither infinite nor NaN
        else:
            good = isinstance(kept, f.type) if f.name == "env_id" else type(kept) is f.type
        good = good and all(BOUNDS[name](kept, bound) for name, bound in bounds.items())
    except (TypeError, ValueError) as error:
        good, reason = False, f": {error}"
    if not good:
        limits = "".join(f", {name.replace('_', ' ')} {bound}" for name, bound in bounds.items())
        raise InputError(f"{f.name}: got {value!r}, wanted {WANTED[f.type]}{limits}{reason}")
    return kept


def update_options(config, d_a):
    """The options of the update. Not in the paper: delta times d_a, as the KLs of the action's dimensions add up."""
    delta = config.delta * (d_a if config.delta_per_dimension else 1)
    fisher_fraction = 1.0 if config.vine_states else config.fisher_fraction
    return UpdateOptions(delta, config.cg_iterations, fisher_fraction, config.shrink, config.max_backtracks,
                         config.damping)


# The paper alone: Q for advantages, the undamped Fisher matrix, nothing standardized, nothing scaled; its delta and k.
# All states are in A: without damping g must lie in A's range, which 10% of these small batches do not span.
PAPER = {"baseline": False, "damping": 0.0, "standardize_advantages": False, "scale_observations": False,
         "delta": 0.01, "delta_per_dimension": False, "cg_iterations": 10, "fisher_fraction": 1.0}
