"""What a family of distributions has (Appendix D). A new family is a class with these, listed in tests/problems.py.

Shapes: N states, d_a dimensions of the action, d_mu = d_output + d_free distribution parameters per state: a is
(N, d_a), mu and y are (N, d_mu), r is (d_free,), output (N, d_output). For one state output is (d_output,), a (d_a,).
"""
from typing import Protocol

import numpy as np


class Family(Protocol):
    """The interface, which gaussian.py and categorical.py implement and explain."""
    @property
    def d_a(self) -> int: """The number of the action's dimensions."""
    @property
    def d_output(self) -> int: """The size of the network's output."""
    @property
    def d_free(self) -> int: """The number of distribution parameters r that do not depend on the state."""

    def check_actions(self, actions: np.ndarray) -> None: """InputError unless they are (N, d_a) of this family."""
    def sample(self, output: np.ndarray, r: np.ndarray, rng: np.random.Generator) -> np.ndarray: """a ~ pi."""
    def mode(self, output: np.ndarray, r: np.ndarray) -> np.ndarray: """The most probable a."""
    def log_prob(self, mu: np.ndarray, a: np.ndarray) -> np.ndarray: """log pi(a|s), (N,)."""
    def grad_log_prob(self, mu: np.ndarray, a: np.ndarray) -> np.ndarray: """Its derivative in mu, (N, d_mu)."""
    def kl(self, mu_old: np.ndarray, mu: np.ndarray) -> np.ndarray: """KL(old || new), (N,), nats."""
    def grad_kl(self, mu_old: np.ndarray, mu: np.ndarray) -> np.ndarray: """Its derivative in the new mu, (N, d_mu)."""
    def M_product(self, mu: np.ndarray, y: np.ndarray) -> np.ndarray: """My (N, d_mu): M is kl'' at new = old."""
    def entropy(self, mu: np.ndarray) -> np.ndarray: """The entropy, (N,), nats."""
