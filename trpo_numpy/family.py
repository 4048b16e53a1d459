"""What a family of distributions has (Appendix D). A new family is a class with these, listed in tests/problems.py.

Shapes: N states, d_a dimensions of the action, d_mu = d_output + d_free distribution parameters per state: a is
(N, d_a), mu and y are (N, d_mu), r is (d_free,), output (N, d_output). For one state output is (d_output,), a (d_a,).
"""
from typing import Protocol

import numpy as np


class Family(Protocol):
    """The interface, which gaussian.py and categorical.py implement and explain. sample draws a ~ pi."""
    @property
    def d_a(self) -> int: ...           # dimensions of the action
    @property
    def d_output(self) -> int: ...      # size of the network's output
    @property
    def d_free(self) -> int: ...        # distribution parameters r that do not depend on the state

    def check_actions(self, actions: np.ndarray) -> None: ...       # InputError unless they are (N, d_a) of this family
    def sample(self, output: np.ndarray, r: np.ndarray, rng: np.random.Generator) -> np.ndarray: ...
    def mode(self, output: np.ndarray, r: np.ndarray) -> np.ndarray: ...            # the most probable a, as in sample
    def log_prob(self, mu: np.ndarray, a: np.ndarray) -> np.ndarray: ...            # (N,) log pi(a|s)
    def grad_log_prob(self, mu: np.ndarray, a: np.ndarray) -> np.ndarray: ...       # (N, d_mu) its derivative by mu
    def kl(self, mu_old: np.ndarray, mu: np.ndarray) -> np.ndarray: ...             # (N,) KL(old || new), nats
    def grad_kl(self, mu_old: np.ndarray, mu: np.ndarray) -> np.ndarray: ...        # (N, d_mu) its derivative by mu
    def M_product(self, mu: np.ndarray, y: np.ndarray) -> np.ndarray: ...           # (N, d_mu) My, M = kl''(mu, mu)
    def entropy(self, mu: np.ndarray) -> np.ndarray: ...                            # (N,) nats
