"""What a family of distributions has (Appendix D). A new family is a class with these, listed in tests/problems.py.

Shapes: N states, d_a dimensions of the action, d_mu = d_output + d_free distribution parameters per state.
"""
from typing import Protocol

import numpy as np


class Family(Protocol):
    """The interface; gaussian.py and categorical.py implement it."""
    @property
    def d_a(self) -> int:
        """The number of the action's dimensions."""
    @property
    def d_output(self) -> int:
        """The size of the network's output."""
    @property
    def d_free(self) -> int:
        """The number of distribution parameters that do not depend on the state."""
    def check_actions(self, actions: np.ndarray) -> None:
        """Raises InputError unless actions (N, d_a) are of this family."""
    def sample(self, output: np.ndarray, r: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """a ~ pi, (d_a,) or (N, d_a), for output (d_output,) or (N, d_output)."""
    def mode(self, output: np.ndarray, r: np.ndarray) -> np.ndarray:
        """The most probable action, of the shape that `sample` has."""
    def log_prob(self, mu: np.ndarray, a: np.ndarray) -> np.ndarray:
        """log pi(a|s), (N,)."""
    def grad_log_prob(self, mu: np.ndarray, a: np.ndarray) -> np.ndarray:
        """The derivative of log pi(a|s) with respect to mu, (N, d_mu)."""
    def kl(self, mu_old: np.ndarray, mu: np.ndarray) -> np.ndarray:
        """KL(old || new), (N,), nats."""
    def grad_kl(self, mu_old: np.ndarray, mu: np.ndarray) -> np.ndarray:
        """The derivative of KL(old || new) with respect to the new mu, (N, d_mu): only for the tests."""
    def M_product(self, mu: np.ndarray, y: np.ndarray) -> np.ndarray:
        """My (N, d_mu): M is the second derivative of KL(old || new) with respect to the new mu, at new = old."""
    def entropy(self, mu: np.ndarray) -> np.ndarray:
        """The entropy, (N,), nats."""
