"""Not in the paper: a value baseline and generalized advantages (Schulman et al., 2016, arXiv 1506.02438).

Shapes: T steps of one path, N samples of a batch, d_s state dimension, P parameters. phi (P,) is the baseline's theta.
"""
from functools import partial

import numpy as np

from trpo_numpy.conjugate_gradient import conjugate_gradient
from trpo_numpy.practice.scaling import scale
from trpo_numpy.sampling import discounted_sums
from trpo_numpy.surrogate import Batch


def values(network, phi, states):
    """V(s), (N,), for states (N, d_s)."""
    return network.mu(phi, states)[:, 0]


def generalized_advantages(path, V, gamma, gae_lambda):
    """sum_l (gamma lambda)^l td_{t+l}, (T,), for V (T + 1,). With lambda = 1 it is the sampled Q minus V.

    td_t = r_t + gamma V(s_{t+1}) - V(s_t). After a terminal s_T nothing follows, so V(s_T) counts as 0. After a limit
    on the time, V(s_T) stands for what would have followed, in Q too (Pardo et al., 2018, arXiv 1712.00378).
    """
    V_next = V[1:].copy()
    if path.terminated:
        V_next[-1] = 0.0
    td = path.rewards + gamma * V_next - V[:-1]
    return discounted_sums(td, gamma * gae_lambda)


def standardize(A):
    """The advantages A with mean 0 and standard deviation 1, or all 0 if they differ by rounding only."""
    return (A - A.mean()) / A.std() if A.std() > 1e-12 * abs(A).max() else np.zeros_like(A)


def estimate_single_path(paths, baseline, checkpoint, config):
    """Step 2: the Batch, with Q or generalized advantages; the baseline's targets (N,) and V (N,), or None twice."""
    rows = []
    gae_lambda = config.gae_lambda if config.baseline else 1.0                              # 1: the sampled Q
    for path in paths:
        seen = scale(checkpoint.scaling, path.states)                                       # (T + 1, d_s)
        V = values(baseline, checkpoint.phi, seen) if config.baseline else np.zeros(len(seen))
        advantages = generalized_advantages(path, V, config.gamma, gae_lambda)
        targets = V[:-1] + generalized_advantages(path, V, config.gamma, config.baseline_lambda)
        rows.append((seen[:-1], path.actions, advantages, targets, V[:-1]))
    states, actions, advantages, targets, V = map(np.concatenate, zip(*rows))
    batch = Batch(states, actions, standardize(advantages) if config.standardize_advantages else advantages)
    return (batch, targets, V) if config.baseline else (batch, None, None)


def explained_variance(V, targets):
    """1 - Var(targets - V) / Var(targets): 1 if V is right up to a constant, 0 if V is constant; NaN if targets are."""
    var = np.var(targets)
    return 1 - np.var(targets - V) / var if var > 1e-12 * np.mean(targets ** 2) else np.nan


def grad_value_loss(V, targets):
    """The derivative of the loss, 1/2 mean (V - target)^2, with respect to V, (N,)."""
    return (V - targets) / len(V)


def gauss_newton_product(network, phi, cache, y):
    """J'J y / N, (P,): the Hessian of the loss without the second derivatives of the network."""
    Jy = network.jvp(phi, cache, y)                                         # (N, 1)
    return network.vjp(phi, cache, Jy / len(Jy))


def fit_baseline(network, phi, states, targets, config):
    """phi after config.baseline_steps damped Gauss-Newton steps on the loss, each solved by conjugate gradient.

    Step i of n has every n-th sample, from sample i on, so that all steps together cost as much as one on all samples.
    V and the targets are divided by a unit, the targets' standard deviation, or 1% of their root mean square if that is
    larger, so that the damping means the same for rewards of any size.
    """
    unit = max(np.std(targets), 0.01 * np.sqrt(np.mean(targets ** 2))) or 0.5
    n_last = network.sizes[-2] + 1
    phi, targets = phi.copy(), targets / unit
    phi[-n_last:] /= unit                                                   # the last layer, which is linear
    n_steps = min(config.baseline_steps, len(targets))
    for i in range(n_steps):
        V, cache = network.forward(phi, states[i::n_steps])                 # (N / n, 1)
        descent = -network.vjp(phi, cache, grad_value_loss(V[:, 0], targets[i::n_steps])[:, None])
        product = partial(gauss_newton_product, network, phi, cache)
        step, _ = conjugate_gradient(product, descent, config.baseline_cg_iterations, config.baseline_damping)
        phi += step
    phi[-n_last:] *= unit
    return phi
