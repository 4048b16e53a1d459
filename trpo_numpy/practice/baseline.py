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


def power_of_two(x):
    """A power of two near the largest |x|. Dividing by it does not round; squares then neither overflow nor vanish."""
    return np.ldexp(0.5, np.frexp(abs(x).max())[1])


def standardize(advantages):
    """Advantages of mean 0 and standard deviation 1, or all 0 if they differ by rounding only."""
    A = advantages / power_of_two(advantages)
    return (A - A.mean()) / A.std() if A.std() > 1e-12 else np.zeros_like(A)


def estimate_single_path(paths, baseline, state, config):
    """Step 2: the Batch, with Q or generalized advantages; the baseline's targets (N,) and V (N,), or None twice."""
    rows = []
    gae_lambda = config.gae_lambda if config.baseline else 1.0                              # 1: the sampled Q
    for path in paths:
        seen = scale(state.scaling, path.states)                                            # (T + 1, d_s)
        V = values(baseline, state.phi, seen) if config.baseline else np.zeros(len(seen))
        advantages = generalized_advantages(path, V, config.gamma, gae_lambda)
        targets = V[:-1] + generalized_advantages(path, V, config.gamma, config.baseline_lambda)
        rows.append((seen[:-1], path.actions, advantages, targets, V[:-1]))
    states, actions, advantages, targets, V = map(np.concatenate, zip(*rows))
    batch = Batch(states, actions, standardize(advantages) if config.standardize_advantages else advantages)
    return (batch, targets, V) if config.baseline else (batch, None, None)


def explained_variance(V, targets):
    """1 - Var(targets - V) / Var(targets): 1 if V is right up to a constant, 0 if V is constant; NaN if targets are."""
    unit = power_of_two(targets)
    var = np.var(targets / unit)
    return 1 - np.var((targets - V) / unit) / var if var > 1e-12 * np.mean((targets / unit) ** 2) else np.nan


def value_loss(V, targets):
    """1/2 mean (V - target)^2."""
    return 0.5 * np.mean((V - targets) ** 2)


def grad_value_loss(V, targets):
    """The derivative of value_loss with respect to V, (N,)."""
    return (V - targets) / len(V)


def gauss_newton_product(network, phi, cache, y):
    """J'J y / N, (P,): the Hessian of value_loss without the second derivatives of the network."""
    Jy = network.jvp(phi, cache, y)                                         # (N, 1)
    return network.vjp(phi, cache, Jy / len(Jy))


def unit_of(targets):
    """The targets' standard deviation, or 1% of their root mean square if they hardly vary; 1/2 if all are 0."""
    power = power_of_two(targets)
    return power * (max(np.std(targets / power), 0.01 * np.sqrt(np.mean((targets / power) ** 2))) or 1.0)


def fit_baseline(network, phi, states, targets, config):
    """phi after config.baseline_steps damped Gauss-Newton steps on value_loss, each solved by conjugate gradient.

    Step i of n has every n-th sample, from sample i on, so that all steps together cost as much as one on all samples.
    V and the targets are divided by a unit, so that the damping means the same for rewards of any size.
    """
    unit = unit_of(targets)
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
