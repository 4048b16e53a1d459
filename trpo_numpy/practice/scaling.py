"""Not in the paper: the policy sees observations minus their mean, divided by their standard deviation.

Shapes: N observations, d_s their dimension.
"""
from dataclasses import dataclass

import numpy as np

from trpo_numpy.record import short_repr


@dataclass(frozen=True)
class Scaling:
    """The mean and the variance of all `count` observations so far, by which the next iteration's are scaled.

    When they change, between two iterations, the policy changes too, by a KL that no update counts.
    """
    count: int
    mean: np.ndarray    # (d_s,)
    var: np.ndarray     # (d_s,)
    std: np.ndarray     # (d_s,) sqrt(var), or 1 where an observation has hardly varied yet
    __repr__ = short_repr


def scaling_from(count, mean, var):
    """The Scaling by the mean and the variance of `count` observations."""
    return Scaling(count, mean, var, np.where(np.sqrt(var) > 1e-12 * abs(mean), np.sqrt(var), 1.0))


def no_scaling(d_s):
    """The Scaling that changes nothing, before any observation."""
    return scaling_from(0, np.zeros(d_s), np.zeros(d_s))


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
    return scaling_from(count, total_mean, total_var)
