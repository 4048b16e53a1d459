"""The diagonal Gaussian N(mean, exp(r)^2) with a state-independent log-std vector r (Appendix D).

mu = [mean, r], (N, 2 d_a). The paper has [mean, stdev]: A is the same, and r needs no constraint.
"""
from dataclasses import dataclass

import numpy as np

from trpo_numpy.checks import check_array


@dataclass(frozen=True)
class Gaussian:
    """Actions in R^{d_a}. The network computes the mean, and the end of theta is r."""
    d_a: int

    def check_actions(self, actions):
        """Raises InputError unless actions are real numbers (N, d_a)."""
        check_array("actions", actions, ("N", self.d_a))

    @property
    def d_output(self):
        """The size of the network's output, the mean."""
        return self.d_a

    @property
    def d_free(self):
        """The size of r, which does not depend on the state."""
        return self.d_a

    def split(self, mu):
        """mu (N, 2 d_a) -> mean (N, d_a), r (N, d_a)."""
        return mu[:, :self.d_a], mu[:, self.d_a:]

    def sample(self, mean, r, rng):
        """a ~ N(mean, exp(r)^2), of mean's shape."""
        return mean + np.exp(r) * rng.standard_normal(mean.shape)

    def mode(self, mean, r):
        """The most probable action: the mean."""
        return mean

    def log_prob(self, mu, a):
        """log pi(a|s), (N,), for a (N, d_a)."""
        mean, r = self.split(mu)
        z = (a - mean) * np.exp(-r)
        return -0.5 * (z * z).sum(axis=1) - r.sum(axis=1) - 0.5 * self.d_a * np.log(2 * np.pi)

    def grad_log_prob(self, mu, a):
        """The derivative of log pi(a|s) with respect to mu, (N, 2 d_a): the score."""
        mean, r = self.split(mu)
        z = (a - mean) * np.exp(-r)
        return np.hstack([z * np.exp(-r), z * z - 1])

    def kl(self, mu_old, mu):
        """KL(old || new), (N,), nats: a sum over the action's dimensions, not a mean."""
        mean_old, r_old = self.split(mu_old)
        mean, r = self.split(mu)
        second_moment = np.exp(2 * r_old) + (mean_old - mean) ** 2      # E_old[(a - mean)^2]
        return (r - r_old + 0.5 * second_moment * np.exp(-2 * r) - 0.5).sum(axis=1)

    def grad_kl(self, mu_old, mu):
        """The derivative of KL(old || new) in the new mu, (N, 2 d_a): kl' of Eq. (57)."""
        mean_old, r_old = self.split(mu_old)
        mean, r = self.split(mu)
        second_moment = np.exp(2 * r_old) + (mean_old - mean) ** 2
        return np.hstack([(mean - mean_old) * np.exp(-2 * r), 1 - second_moment * np.exp(-2 * r)])

    def M_product(self, mu, y):
        """My (N, 2 d_a) for y (N, 2 d_a): M = kl''(mu, mu) = diag(exp(-2r), 2) of Appendix C.1."""
        _, r = self.split(mu)
        y_mean, y_r = self.split(y)
        return np.hstack([y_mean * np.exp(-2 * r), 2 * y_r])

    def entropy(self, mu):
        """-E[log pi(a|s)], (N,), nats."""
        _, r = self.split(mu)
        return r.sum(axis=1) + 0.5 * self.d_a * (1 + np.log(2 * np.pi))
