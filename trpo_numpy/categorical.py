"""The factored categorical distribution: a softmax over each slice of the network's output (Appendix D).

An action is a row of K integers, a_k in {0, ..., N_k - 1}. Its distribution parameters mu (N, N_1 + ... + N_K) are
the softmax's inputs. The paper calls the softmax's outputs p = softmax(mu) by that name; the Fisher matrix with
respect to theta is the same for either choice, and mu needs no constraint.
"""
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from scipy.special import log_softmax


@dataclass(frozen=True)
class Categorical:
    """Actions of K independent factors. factor_sizes = (N_1, ..., N_K); one factor is Gymnasium's Discrete."""
    factor_sizes: tuple

    def __post_init__(self):
        if not self.factor_sizes or not all(isinstance(size, int) and size >= 1 for size in self.factor_sizes):
            raise ValueError(f"factor_sizes: got {self.factor_sizes!r}, wanted whole numbers, each at least 1")

    def check_actions(self, actions):
        """Raises ValueError unless actions (N, K) are ours."""
        if actions.ndim != 2 or actions.shape[1] != self.d_a or not np.issubdtype(actions.dtype, np.integer):
            raise ValueError(f"actions: got {actions.dtype} of shape {actions.shape}, "
                             f"wanted integers of shape (N, {self.d_a})")
        if not ((actions >= 0) & (actions < self.factor_sizes)).all():
            raise ValueError(f"actions: got {actions.min(axis=0)} to {actions.max(axis=0)}, "
                             f"wanted 0 to {np.array(self.factor_sizes) - 1}")

    d_free = 0  # no distribution parameter stands outside the network

    @property
    def d_a(self):
        """Number of the action's dimensions, K."""
        return len(self.factor_sizes)

    @property
    def d_output(self):
        """Size of the network's output, N_1 + ... + N_K."""
        return sum(self.factor_sizes)

    def split(self, x):
        """x (..., N_1 + ... + N_K) -> its K slices, views."""
        ends = accumulate(self.factor_sizes)
        return [x[..., end - size:end] for size, end in zip(self.factor_sizes, ends)]

    def log_p(self, mu):
        """log p = log softmax(mu) slice by slice, of mu's shape."""
        return np.concatenate([log_softmax(mu_k, axis=-1) for mu_k in self.split(mu)], axis=-1)

    def one_hot(self, a):
        """a (N, K) -> its indicator (N, N_1 + ... + N_K), so that log pi(a|s) = sum(one_hot(a) * log p)."""
        return np.hstack([np.eye(size)[a[:, k]] for k, size in enumerate(self.factor_sizes)])

    def sample(self, output, free, rng):
        """a ~ pi, (K,) or (N, K) for output (d_mu,) or (N, d_mu): the argmax of output + Gumbel noise."""
        return self.mode(output + rng.gumbel(size=output.shape), free, rng)

    def mode(self, output, free, rng):
        """The most probable action. (The signature of `sample`; free is empty, rng is not used.)"""
        return np.array([mu_k.argmax(axis=-1) for mu_k in self.split(output)]).T

    def log_prob(self, mu, a):
        """log pi(a|s), (N,)."""
        return (self.one_hot(a) * self.log_p(mu)).sum(axis=1)

    def grad_log_prob(self, mu, a):
        """The derivative of log pi(a|s) with respect to mu, (N, d_mu)."""
        return self.one_hot(a) - np.exp(self.log_p(mu))

    def kl(self, mu_old, mu):
        """KL(old || new), (N,), in nats: summed over the factors."""
        log_p_old = self.log_p(mu_old)
        return (np.exp(log_p_old) * (log_p_old - self.log_p(mu))).sum(axis=1)

    def grad_kl(self, mu_old, mu):
        """The derivative of KL(old || new) with respect to the new mu, (N, d_mu): kl' of Eq. (57)."""
        return np.exp(self.log_p(mu)) - np.exp(self.log_p(mu_old))

    def entropy(self, mu):
        """-E[log pi(a|s)], (N,), in nats."""
        log_p = self.log_p(mu)
        return -(np.exp(log_p) * log_p).sum(axis=1)

    def grad_entropy(self, mu):
        """The derivative of the entropy with respect to mu, (N, d_mu): -p (log p + entropy) in each slice, -M log p."""
        return -self.M_product(mu, self.log_p(mu))

    def M_product(self, mu, y):
        """My (N, d_mu) for y (N, d_mu): M = kl''(mu, mu) = diag(p) - pp' in each slice (Appendix C.1)."""
        slices = zip(self.split(np.exp(self.log_p(mu))), self.split(y))
        return np.hstack([p * (y_k - (p * y_k).sum(axis=1, keepdims=True)) for p, y_k in slices])
