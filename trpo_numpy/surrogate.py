"""The surrogate L, exactly on a finite MDP (Section 2, Eqs. (3), (4)) and from samples (Section 5, Eq. (14)).

From samples, all are functions of the distribution parameters mu (N, d_mu); J' (`policy.backprop`) carries a
derivative with respect to mu on to theta. N states with K actions in each: one in single path (Section 5.1), more in a
vine (5.2; its L is in vine.py). State n has rows n*K to n*K + K - 1 of actions (N*K, d_a), Q (N*K,) and log q (N*K,).
"""
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trpo_numpy.expected_return import advantage, check_policy, expected_return, visitation
from trpo_numpy.record import brief_repr

NO_GRADIENT = 1e-8  # of the largest advantage: an entry of g below it is that of a policy that has made up its mind


def exact_surrogate(mdp, pi_old, pi):
    """L_{pi_old}(pi), Eq. (3): as Eq. (2), but with the visitation of the old policy. Tables (S, A)."""
    check_policy(mdp, pi)
    return expected_return(mdp, pi_old) + visitation(mdp, pi_old) @ (pi * advantage(mdp, pi_old)).sum(axis=1)


def softmax_table(policy, theta, states):
    """pi_theta as a table (S, A), for a categorical policy on the states of a finite MDP as it sees them.

    One-hot states: np.eye(S); of a policy whose observations were scaled, (np.eye(S) - scaling.mean) / scaling.std.
    """
    return np.exp(policy.family.log_p(policy.mu(theta, states)))


def grad_exact_surrogate(mdp, pi_old, policy, theta):
    """The gradient (P,) of L_{pi_old}(pi_theta); at pi_theta = pi_old it is that of eta (Eq. (4))."""
    mu, cache = policy.forward(theta, np.eye(len(mdp.rho_0)))
    dL_dpi = visitation(mdp, pi_old)[:, None] * advantage(mdp, pi_old)  # (S, A)
    return policy.backprop(theta, cache, policy.family.M_product(mu, dL_dpi))  # d softmax / d mu is M


def for_each_action(mu, actions):
    """mu (N, d_mu) once for each of the K actions of its state: (N*K, d_mu)."""
    return np.repeat(mu, len(actions) // len(mu), axis=0)


def log_prob(family, mu, actions):
    """log pi(a|s), (N*K,)."""
    return family.log_prob(for_each_action(mu, actions), actions)


def sum_grad_log_prob(family, mu, actions, weights):
    """The derivative of sum(weights * log_prob) with respect to mu, (N, d_mu), for weights (N*K,)."""
    each = weights[:, None] * family.grad_log_prob(for_each_action(mu, actions), actions)
    return each.reshape(len(mu), -1, mu.shape[1]).sum(axis=1)


def importance_ratio(family, mu, actions, log_q):
    """pi_theta(a|s) / q(a|s), (N*K,): 1 at theta_old where q = pi_old, as in single path (Section 5.1)."""
    return np.exp(log_prob(family, mu, actions) - log_q)


def surrogate(family, mu, actions, advantages, log_q):
    """L(theta), the average of Eq. (14), to be maximised; at theta_old, where each ratio is 1, the mean advantage."""
    return np.mean(importance_ratio(family, mu, actions, log_q) * advantages)


def grad_surrogate(family, mu, actions, advantages, log_q):
    """The derivative of L with respect to mu, (N, d_mu).

    At theta_old, J' makes it the policy gradient of Eq. (4), but for the factor 1/(1 - gamma) that Eq. (14) drops.
    """
    weights = importance_ratio(family, mu, actions, log_q) * advantages / len(actions)
    return sum_grad_log_prob(family, mu, actions, weights)


@dataclass(frozen=True)
class Batch:
    """N states, K actions in each, and the estimator of L that belongs to the way they were sampled."""
    states: np.ndarray      # (N, d_s)
    actions: np.ndarray     # (N*K, d_a), row by row those of state 0, of state 1, ...; single path: K = 1
    advantages: np.ndarray  # (N*K,), Q of Eqs. (14) to (16), or, not in the paper, an estimate of A (baseline.py)
    L: Callable = surrogate
    grad_L: Callable = grad_surrogate
    __repr__ = brief_repr


def mean_kl(family, mu_old, mu):
    """The average over states of KL(pi_old || pi_theta), the constraint of Eqs. (12) and (14), in nats."""
    return np.mean(family.kl(mu_old, mu))


def grad_mean_kl(family, mu_old, mu):
    """The derivative of the mean KL with respect to the new mu, (N, d_mu); zero at theta_old."""
    return family.grad_kl(mu_old, mu) / len(mu)


def surrogate_and_kl(policy, batch, mu_old, log_q, theta, over_states=np.mean):
    """(L, mean KL) at theta from one pass through the network, for the line search; np.max gives Eq. (11)'s KL."""
    mu = policy.mu(theta, batch.states)
    L = batch.L(policy.family, mu, batch.actions, batch.advantages, log_q)
    return L, over_states(policy.family.kl(mu_old, mu))


def check_batch(policy, batch, theta):
    """Raises ValueError unless the arrays of batch, theta and policy fit, FloatingPointError for a NaN."""
    arrays = {"theta": theta, "states": batch.states, "actions": batch.actions, "advantages": batch.advantages}
    for name, array in arrays.items():
        if getattr(array, "dtype", np.dtype(object)).kind not in "biuf":
            raise ValueError(f"{name}: got {getattr(array, 'dtype', type(array).__name__)}, wanted an array of numbers")
    if theta.shape != (policy.n_parameters,):
        raise ValueError(f"theta: got shape {theta.shape}, wanted {(policy.n_parameters,)}")
    N, d_s = len(batch.states) if batch.states.ndim else 0, policy.network.sizes[0]
    if batch.states.shape != (N, d_s) or N == 0:
        raise ValueError(f"states: got shape {batch.states.shape}, wanted (N, {d_s}) with N at least 1")
    policy.family.check_actions(batch.actions)
    if len(batch.actions) == 0 or len(batch.actions) % N:
        raise ValueError(f"actions: got {len(batch.actions)}, wanted one, or equally many, for each of {N} states")
    if batch.advantages.shape != (len(batch.actions),):
        raise ValueError(f"advantages: got shape {batch.advantages.shape}, wanted {(len(batch.actions),)}")
    for name, array in arrays.items():
        finite = np.isfinite(array)
        if not finite.all():
            raise FloatingPointError(f"{name}: got {np.sum(~finite)} that are not finite, the first in row "
                                     f"{np.argwhere(~finite)[0][0]}, wanted none")


def surrogate_and_gradient(policy, batch, theta_old):
    """At theta_old: mu_old (N, d_mu), the network's cache, log q (N*K,), L_old, and its gradient g (P,).

    A g that is all but zero is zero: A is little more than rounding there. Raises what `check_batch` does.
    """
    check_batch(policy, batch, theta_old)
    mu_old, cache = policy.forward(theta_old, batch.states)
    log_q = log_prob(policy.family, mu_old, batch.actions)  # q = pi_old
    L_old = batch.L(policy.family, mu_old, batch.actions, batch.advantages, log_q)
    dL_dmu = batch.grad_L(policy.family, mu_old, batch.actions, batch.advantages, log_q)  # (N, d_mu)
    g = policy.backprop(theta_old, cache, dL_dmu)
    if abs(g).max() <= NO_GRADIENT * abs(batch.advantages).max():
        g = np.zeros_like(g)
    return mu_old, cache, log_q, L_old, g
