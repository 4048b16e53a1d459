"""The diagonal Gaussian N(mean, exp(r)^2) with a state-independent log-std vector r (Appendix D).

Its distribution parameters are mu = [mean, r], one row a state: (N, 2 d_a). The paper writes mu = [mean, stdev];
the Fisher matrix with respect to theta is the same for either choice, and r needs no constraint.
"""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Gaussian:
    """Actions in R^{d_a}. The network computes the mean (d_output numbers); theta's tail is r (d_free)."""
    d_a: int

    def __post_init__(self):
        if not isinstance(self.d_a, int) or self.d_a < 1:
            raise ValueError(f"d_a: got {self.d_a!r}, wanted a whole number of at least 1")

    def check_actions(self, actions):
        """Raises ValueError unless actions (N, d_a) are ours."""
        if actions.ndim != 2 or actions.shape[1] != self.d_a:
            raise ValueError(f"actions: got shape {actions.shape}, wanted (N, {self.d_a})")

    @property
    def d_output(self):
        """Size of the network's output."""
        return self.d_a

    @property
    def d_free(self):
        """Number of distribution parameters that do not depend on the state."""
        return self.d_a

    def split(self, mu):
        """mu (N, 2 d_a) -> mean (N, d_a), r (N, d_a)."""
        return mu[:, :self.d_a], mu[:, self.d_a:]

    def sample(self, mean, r, rng):
        """a ~ N(mean, exp(r)^2), of mean's shape."""
        return mean + np.exp(r) * rng.standard_normal(mean.shape)

    def mode(self, mean, r, rng):
        """The most probable action: the mean. (The signature of `sample`; rng is not used.)"""
        return mean

    def log_prob(self, mu, a):
        """log pi(a|s), (N,)."""
        mean, r = self.split(mu)
        z = (a - mean) * np.exp(-r)
        return -0.5 * (z * z).sum(axis=1) - r.sum(axis=1) - 0.5 * self.d_a * np.log(2 * np.pi)

    def grad_log_prob(self, mu, a):
        """The derivative of log pi(a|s) with respect to mu, (N, 2 d_a)."""
        mean, r = self.split(mu)
        z = (a - mean) * np.exp(-r)
        return np.hstack([z * np.exp(-r), z * z - 1])

    def kl(self, mu_old, mu):
        """KL(old || new), (N,), in nats: summed over the action's dimensions."""
        mean_old, r_old = self.split(mu_old)
        mean, r = self.split(mu)
        second_moment = np.exp(2 * r_old) + (mean_old - mean) ** 2  # E_old[(a - mean)^2]
        return (r - r_old + 0.5 * second_moment * np.exp(-2 * r) - 0.5).sum(axis=1)

    def grad_kl(self, mu_old, mu):
        """The derivative of KL(old || new) with respect to the new mu, (N, 2 d_a): kl' of Eq. (57)."""
        mean_old, r_old = self.split(mu_old)
        mean, r = self.split(mu)
        second_moment = np.exp(2 * r_old) + (mean_old - mean) ** 2
        return np.hstack([(mean - mean_old) * np.exp(-2 * r), 1 - second_moment * np.exp(-2 * r)])

    def entropy(self, mu):
        """-E[log pi(a|s)], (N,), in nats."""
        _, r = self.split(mu)
        return r.sum(axis=1) + 0.5 * self.d_a * (1 + np.log(2 * np.pi))

    def grad_entropy(self, mu):
        """The derivative of the entropy with respect to mu, (N, 2 d_a)."""
        mean, r = self.split(mu)
        return np.hstack([np.zeros_like(mean), np.ones_like(r)])

    def M_product(self, mu, y):
        """My (N, 2 d_a) for y (N, 2 d_a): M = kl''(mu, mu) = diag(exp(-2r), 2) of Appendix C.1."""
        _, r = self.split(mu)
        y_mean, y_r = self.split(y)
        return np.hstack([y_mean * np.exp(-2 * r), 2 * y_r])
