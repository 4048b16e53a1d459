"""The setting of Section 2: a finite MDP and a policy, as arrays.

Shapes: S states, A actions. A policy is a table pi (S, A), pi[s, a] = pi(a|s). The paper's reward
is r(s); here it is r(s, a) = E[r | s, a], as in Gymnasium, and every identity of the paper holds.
"""
from dataclasses import dataclass
from numbers import Real

import numpy as np

from trpo_numpy.checks import InputError, check_array


@dataclass(frozen=True)
class FiniteMDP:
    """(S, A, P, r, rho_0, gamma). Raises InputError if they are not an MDP."""
    P: np.ndarray       # (S, A, S), P[s, a, s'] = P(s'|s, a)
    r: np.ndarray       # (S, A)
    rho_0: np.ndarray   # (S,), the distribution of the first state
    gamma: float        # the discount

    def __post_init__(self):
        check_array("r", self.r, ("S", "A"))
        S, A = self.r.shape
        check_array("P", self.P, (S, A, S))
        check_array("rho_0", self.rho_0, (S,))
        check_distributions("P", self.P)
        check_distributions("rho_0", self.rho_0)
        if not (isinstance(self.gamma, Real) and 0 < self.gamma < 1):
            raise InputError(f"gamma: got {self.gamma!r}, wanted a number above 0 and below 1")


def check_distributions(name, p):
    """InputError unless p, for each state (and action), has no negative number and sums to 1."""
    bad = ~((p >= 0).all(axis=-1) & (abs(p.sum(axis=-1) - 1) < 1e-9))
    if bad.any():
        where = tuple(np.argwhere(bad)[0])
        place = "".join(f", {word} {i}" for word, i in zip(("state", "action"), where))
        got = f"got {p[where]} with sum {p[where].sum()}"
        raise InputError(f"{name}{place}: {got}, wanted probabilities that sum to 1")


def transition_matrix(mdp, pi):
    """P_pi (S, S): P(s'|s) = sum_a pi(a|s) P(s'|s, a). InputError unless pi is a policy here."""
    check_array("pi", pi, mdp.r.shape)
    check_distributions("pi", pi)
    return np.einsum("sa,sat->st", pi, mdp.P)               # t: the next state
