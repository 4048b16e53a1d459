"""Not in the paper: what practice added around the update, each switched off by a field of Config (or `--paper`).

A value baseline and generalised advantages (Schulman et al., 2016, arXiv 1506.02438), standardised advantages,
scaled observations. Shapes: T steps of one path, N of a batch; d_s state dimension; phi (P,) the baseline's theta.
"""
from dataclasses import dataclass
from functools import partial

import numpy as np

from trpo_numpy.conjugate_gradient import conjugate_gradient
from trpo_numpy.expected_return import discounted_sums
from trpo_numpy.record import brief_repr


@dataclass(frozen=True)
class Scaling:
    """The policy sees (observation - mean) / std; mean and var are those of all `count` observations so far.

    When they change, between two iterations, so does the policy, by a KL that no update counts: README has numbers.
    """
    count: int
    mean: np.ndarray    # (d_s,)
    var: np.ndarray     # (d_s,)
    std: np.ndarray     # (d_s,), sqrt(var), or 1 where an observation has hardly varied yet
    __repr__ = brief_repr


def scaling_of(count, mean, var):
    """The Scaling by these moments of `count` observations."""
    return Scaling(count, mean, var, np.where(var > 1e-16, np.sqrt(var), 1.0))


def no_scaling(d_s):
    """The Scaling that changes nothing, before any observation."""
    return scaling_of(0, np.zeros(d_s), np.zeros(d_s))


def update_scaling(scaling, states):
    """The Scaling that counts in the observations behind the scaled states (N, d_s) too (Chan et al., 1979)."""
    mean = scaling.mean + scaling.std * states.mean(axis=0)
    var = (scaling.std * states.std(axis=0)) ** 2
    count, old = scaling.count + len(states), scaling.count / (scaling.count + len(states))
    total_mean = old * scaling.mean + (1 - old) * mean
    total_var = old * scaling.var + (1 - old) * var + old * (1 - old) * (mean - scaling.mean) ** 2
    return scaling_of(count, total_mean, total_var)


def values(network, phi, states):
    """V(s), (N,), for states (N, d_s)."""
    return network.output(network.layers(phi), states)[:, 0]


def generalized_advantages(path, V, gamma, gae_lambda):
    """sum_l (gamma lambda)^l td_{t+l}, (T,), for V (T + 1,): lambda = 1 is the sampled Q minus V (GAE's Eq. 16)."""
    V_next = V[1:].copy()
    if path.terminated:
        V_next[-1] = 0.0  # nothing follows s_T; what would have followed a truncated path is worth V(s_T)
    td = path.rewards + gamma * V_next - V[:-1]
    return discounted_sums(td, gamma * gae_lambda)


def standardize(advantages):
    """Mean 0 and standard deviation 1, or 0 if rounding is all that they differ by.

    Which theta maximises L's expectation does not change; for a sample it may, as its ratios do not average to one.
    """
    if advantages.std() <= 1e-12 * abs(advantages).max():
        return np.zeros_like(advantages)
    return (advantages - advantages.mean()) / advantages.std()


def explained_variance(V, targets):
    """1 - Var(targets - V) / Var(targets): 1 is perfect but for a constant, 0 a constant; NaN if nothing varies."""
    var = np.var(targets)
    return 1 - np.var(targets - V) / var if var > 1e-12 * np.mean(targets ** 2) else np.nan


def value_loss(V, targets):
    """1/2 mean (V - target)^2."""
    return 0.5 * np.mean((V - targets) ** 2)


def grad_value_loss(V, targets):
    """The derivative of value_loss with respect to V, (N,)."""
    return (V - targets) / len(V)


def gauss_newton_product(network, layers, cache, y):
    """J'J y / N, (P,): the Hessian of value_loss but for the second derivatives of the network."""
    Jy = network.forward_mode(layers, cache, y)
    Jy /= len(Jy)
    return network.backprop(layers, cache, Jy)


def fit_baseline(network, phi, states, targets, config):
    """phi after a few damped Gauss-Newton steps on value_loss, each solved by conjugate gradient; without line search.

    Each of n steps has samples of its own, every n-th: together they cost as much as one step on all.
    V and the targets are in units of the targets' standard deviation, so that the damping does not depend on the
    rewards' unit. Where the targets hardly vary, as in a task that is solved, the unit is 1% of their size: in one that
    is nearly zero V would be huge, and its steps would wipe out what the network has learned.
    """
    unit = max(targets.std(), 0.01 * np.sqrt(np.mean(targets ** 2))) or 1.0
    n_last = network.sizes[-2] + 1
    phi, targets = phi.copy(), targets / unit
    phi[-n_last:] /= unit  # the last layer, which is linear
    layers, n_steps = network.layers(phi), min(config.baseline_steps, len(targets))  # views: they follow phi
    for i in range(n_steps):
        V, cache = network.forward(layers, states[i::n_steps])
        u = grad_value_loss(V[:, 0], targets[i::n_steps])[:, None]
        descent = -network.backprop(layers, cache, u)
        product = partial(gauss_newton_product, network, layers, cache)
        step, _ = conjugate_gradient(product, descent, config.baseline_cg_iterations, config.baseline_damping)
        phi += step
    phi[-n_last:] *= unit
    return phi
