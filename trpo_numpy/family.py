"""What a family of distributions has (Appendix D). A new family is a class with these, listed in tests/problems.py.

Shapes: N states, d_a dimensions of the action, d_mu = d_output + d_free distribution parameters per state.
"""
from typing import Protocol

import numpy as np


class Family(Protocol):
    """The interface. gaussian.py and categorical.py implement it, and say more of each method."""
    @property
    def d_a(self) -> int: ...           # dimensions of the action
    @property
    def d_output(self) -> int: ...      # size of the network's output
    @property
    def d_free(self) -> int: ...        # distribution parameters r that do not depend on the state

    def check_actions(self, actions: np.ndarray) -> None: ...       # InputError unless they are (N, d_a) of this family
    def sample(self, output: np.ndarray, r: np.ndarray, rng: np.random.Generator) -> np.ndarray: ...  # a ~ pi
    def mode(self, output: np.ndarray, r: np.ndarray) -> np.ndarray: ...            # the most probable action
    def log_prob(self, mu: np.ndarray, a: np.ndarray) -> np.ndarray: ...            # (N,) log pi(a|s)
    def grad_log_prob(self, mu: np.ndarray, a: np.ndarray) -> np.ndarray: ...       # (N, d_mu) its derivative by mu
    def kl(self, mu_old: np.ndarray, mu: np.ndarray) -> np.ndarray: ...             # (N,) KL(old || new), nats
    def grad_kl(self, mu_old: np.ndarray, mu: np.ndarray) -> np.ndarray: ...        # (N, d_mu) its derivative by new mu
    def M_product(self, mu: np.ndarray, y: np.ndarray) -> np.ndarray: ...           # (N, d_mu) My: M of Appendix C.1
    def entropy(self, mu: np.ndarray) -> np.ndarray: ...                            # (N,) nats
