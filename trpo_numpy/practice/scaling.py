"""Not in the paper: observations (N, d_s) minus their mean, divided by their standard deviation."""
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Scaling:
    """The mean and the variance of all `count` observations so far, by which the next iteration's are scaled."""
    count: int
    mean: np.ndarray    # (d_s,)
    var: np.ndarray     # (d_s,)

    @cached_property
    def std(self):
        """sqrt(var), (d_s,), or 1 where an observation has hardly varied yet."""
        return np.where(np.sqrt(self.var) > 1e-12 * abs(self.mean), np.sqrt(self.var), 1.0)


def no_scaling(d_s):
    """The Scaling that changes nothing, before any observation."""
    return Scaling(0, np.zeros(d_s), np.zeros(d_s))


def scale(scaling: Scaling, observations):
    """What the policy sees, (N, d_s) or (d_s,)."""
    return (observations - scaling.mean) / scaling.std


def scaled_action(act, parameters: tuple, scaling: Scaling, observation, rng):
    """The action of `policy.act` or `policy.act_greedily` for a raw observation (d_s,)."""
    return act(parameters, (observation - scaling.mean) / scaling.std, rng)


def update_scaling(scaling: Scaling, states):
    """The Scaling with N observations more, of which states (N, d_s) are the scaled ones (Chan et al., 1979)."""
    mean = scaling.mean + scaling.std * states.mean(axis=0)
    var = (scaling.std * states.std(axis=0)) ** 2
    count, old = scaling.count + len(states), scaling.count / (scaling.count + len(states))
    total_mean = old * scaling.mean + (1 - old) * mean
    total_var = old * scaling.var + (1 - old) * var + old * (1 - old) * (mean - scaling.mean) ** 2
    return Scaling(count, total_mean, total_var)
