"""The surrogate L and its gradient from samples (Section 5, Eq. (14)).

Shapes: N samples, one row each; d_s, d_a, d_mu dimensions of state, action and mu; P parameters.
L is a function of mu (N, d_mu). J' (`policy.vjp`) turns a derivative in mu into one in theta.
"""
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trpo_numpy.checks import check_array

ROUNDING = 1e-8  # g counts as 0 if no entry exceeds this times the largest |Q|: rounding errors


def importance_ratio(family, mu, actions, log_q):
    """pi_theta(a_n|s_n) / q(a_n|s_n), (N,): 1 at theta_old if q = pi_old."""
    return np.exp(family.log_prob(mu, actions) - log_q)


def surrogate(family, mu, actions, Q, log_q):
    """L(theta) of Eq. (14). If states come from rho: (1 - gamma) times Eq. (3), plus a constant."""
    return np.mean(importance_ratio(family, mu, actions, log_q) * Q)


def grad_surrogate(family, mu, actions, Q, log_q):
    """dL/dmu, (N, d_mu). At theta_old, if s ~ rho, J' of it estimates (1 - gamma) grad eta."""
    weights = importance_ratio(family, mu, actions, log_q) * Q / len(actions)       # (N,)
    return weights[:, None] * family.grad_log_prob(mu, actions)


@dataclass(frozen=True)
class Batch:
    """N samples, and the L of their sampling. InputError for wrong shapes, inf or NaN."""
    states: np.ndarray                  # (N, d_s)
    actions: np.ndarray                 # (N, d_a)
    Q: np.ndarray                       # (N,) Q of Eq. (14); not in the paper: advantages
    log_q: np.ndarray | None = None     # (N,) log q(a|s); None: q = pi_old
    L: Callable = surrogate
    grad_L: Callable = grad_surrogate

    def __post_init__(self):
        check_array("Q", self.Q, ("N",))
        check_array("states", self.states, (len(self.Q), "d_s"))
        check_array("actions", self.actions, (len(self.Q), "d_a"))
        if self.log_q is not None:
            check_array("log_q", self.log_q, (len(self.Q),))


def surrogate_and_gradient(policy, batch, theta_old):
    """At theta_old: mu_old (N, d_mu), cache, log q (N,), L_old and g (P,), the gradient of L."""
    mu_old, cache = policy.forward(theta_old, batch.states)
    log_q = policy.family.log_prob(mu_old, batch.actions) if batch.log_q is None else batch.log_q
    L_old = batch.L(policy.family, mu_old, batch.actions, batch.Q, log_q)
    dL_dmu = batch.grad_L(policy.family, mu_old, batch.actions, batch.Q, log_q)    # (N, d_mu)
    g = policy.vjp(theta_old, cache, dL_dmu)
    if abs(g).max() <= ROUNDING * abs(batch.Q).max():   # rounding alone is left
        g = np.zeros_like(g)
    return mu_old, cache, log_q, L_old, g
