"""The factored categorical distribution: a softmax over each slice of the network's output (Appendix D).

An action is a row of K integers, a_k in {0, ..., N_k - 1}. mu (N, d_mu) are the inputs of the softmax, with
d_mu = N_1 + ... + N_K. In the paper mu is p, the outputs. The Fisher matrix with respect to theta is the same for
either choice, and the inputs need no constraint.
"""
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from scipy.special import log_softmax

from trpo_numpy.checks import InputError, check_array


@dataclass(frozen=True)
class Categorical:
    """Actions of K independent factors: factor_sizes = (N_1, ..., N_K). Gymnasium's Discrete has one factor."""
    factor_sizes: tuple[int, ...]
    d_free = 0  # every distribution parameter is an output of the network

    def check_actions(self, actions):
        """Raises InputError unless actions (N, K) are integers a_k with 0 <= a_k < N_k."""
        check_array("actions", actions, ("N", self.d_a))
        if actions.dtype.kind not in "iu" or not ((actions >= 0) & (actions < self.factor_sizes)).all():
            raise InputError(f"actions: got {actions.dtype} from {actions.min(axis=0)} to {actions.max(axis=0)}, "
                             f"wanted integers from 0 to {np.array(self.factor_sizes) - 1}")

    @property
    def d_a(self):
        """K."""
        return len(self.factor_sizes)

    @property
    def d_output(self):
        """The size of the network's output, d_mu."""
        return sum(self.factor_sizes)

    def split(self, x):
        """x (..., d_mu) -> its K slices. These are views."""
        ends = accumulate(self.factor_sizes)
        return [x[..., end - size:end] for size, end in zip(self.factor_sizes, ends)]

    def log_p(self, mu):
        """log p, of mu's shape, with p = softmax(mu) in each slice."""
        return np.concatenate([log_softmax(mu_k, axis=-1) for mu_k in self.split(mu)], axis=-1)

    def one_hot(self, a):
        """a (N, K) -> (N, d_mu): 1 at each action and 0 elsewhere, so that log pi(a|s) = sum(one_hot(a) * log p)."""
        return np.hstack([np.eye(size)[a[:, k]] for k, size in enumerate(self.factor_sizes)])

    def sample(self, output, r, rng):
        """a ~ pi, (K,) or (N, K) for output (d_mu,) or (N, d_mu). r is empty."""
        return self.mode(output + rng.gumbel(size=output.shape), r)  # argmax(log p + Gumbel noise) ~ p

    def mode(self, output, r):
        """The most probable action. r is empty."""
        return np.array([mu_k.argmax(axis=-1) for mu_k in self.split(output)]).T

    def log_prob(self, mu, a):
        """log pi(a|s), (N,), for a (N, K)."""
        return (self.one_hot(a) * self.log_p(mu)).sum(axis=1)

    def grad_log_prob(self, mu, a):
        """The derivative of log pi(a|s) with respect to mu, (N, d_mu): the score."""
        return self.one_hot(a) - np.exp(self.log_p(mu))

    def kl(self, mu_old, mu):
        """KL(old || new), (N,), nats: a sum over the factors, not a mean."""
        log_p_old = self.log_p(mu_old)
        return (np.exp(log_p_old) * (log_p_old - self.log_p(mu))).sum(axis=1)

    def grad_kl(self, mu_old, mu):
        """The derivative of KL(old || new) with respect to the new mu, (N, d_mu): kl' of Eq. (57)."""
        return np.exp(self.log_p(mu)) - np.exp(self.log_p(mu_old))

    def M_product(self, mu, y):
        """My (N, d_mu) for y (N, d_mu): M = kl''(mu, mu) = diag(p) - pp' in each slice (Appendix C.1)."""
        slices = zip(self.split(np.exp(self.log_p(mu))), self.split(y))
        return np.hstack([p * (y_k - (p * y_k).sum(axis=1, keepdims=True)) for p, y_k in slices])

    def entropy(self, mu):
        """-E[log pi(a|s)], (N,), nats."""
        log_p = self.log_p(mu)
        return -(np.exp(log_p) * log_p).sum(axis=1)
