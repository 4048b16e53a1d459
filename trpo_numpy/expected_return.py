"""Expected return, exactly, on a finite MDP, and along a sampled path (Section 2, Eq. (2)).

Shapes: S states, A actions. A policy is a table pi (S, A), pi[s, a] = pi(a|s). The paper's reward is r(s); here it is
r(s, a) = E[r | s, a], as in Gymnasium, and every identity holds. Everything is a linear solve in the paper's letters.
"""
from dataclasses import dataclass
from numbers import Real

import numpy as np

from trpo_numpy.record import brief_repr


@dataclass(frozen=True)
class FiniteMDP:
    """(S, A, P, r, rho_0, gamma). Raises ValueError naming the state and the action at fault."""
    P: np.ndarray       # (S, A, S), P[s, a, s'] = P(s'|s, a)
    r: np.ndarray       # (S, A)
    rho_0: np.ndarray   # (S,)
    gamma: float
    __repr__ = brief_repr

    def __post_init__(self):
        S, A = self.r.shape if isinstance(self.r, np.ndarray) and self.r.ndim == 2 else (0, 0)
        for name, shape in [("r", (S, A)), ("P", (S, A, S)), ("rho_0", (S,))]:
            value = getattr(self, name)
            is_array = isinstance(value, np.ndarray) and value.dtype.kind in "biuf"
            if not is_array or value.shape != shape or 0 in shape:
                got = f"shape {value.shape}" if is_array else str(getattr(value, "dtype", type(value).__name__))
                raise ValueError(f"{name}: got {got}, wanted arrays (S, A, S) for P, (S, A) for r and (S,) for rho_0")
        if not (isinstance(self.gamma, Real) and 0 < self.gamma < 1):
            raise ValueError(f"gamma: got {self.gamma!r}, wanted a number above 0 and below 1")
        if not np.isfinite(self.r).all():
            s, a = np.argwhere(~np.isfinite(self.r))[0]
            raise ValueError(f"r: got {self.r[s, a]} in state {s}, action {a}, wanted a finite number")
        check_distributions("P", self.P)
        check_distributions("rho_0", self.rho_0)


def check_distributions(name, p):
    """Raises ValueError unless p is not negative and sums to one over its last axis, for each state (and action)."""
    bad = ~((p >= 0).all(axis=-1) & (abs(p.sum(axis=-1) - 1) < 1e-9))
    if bad.any():
        where = tuple(np.argwhere(bad)[0])
        place = "".join(f", {word} {i}" for word, i in zip(("state", "action"), where))
        raise ValueError(f"{name}{place}: got {p[where]} with sum {p[where].sum()}, wanted probabilities that sum to 1")


def check_policy(mdp, pi):
    """Raises ValueError unless pi is a policy for mdp, naming the state at fault."""
    if not isinstance(pi, np.ndarray) or pi.shape != mdp.r.shape:
        raise ValueError(f"pi: got {type(pi).__name__} of shape {np.shape(pi)}, wanted an array (S, A) = {mdp.r.shape}")
    check_distributions("pi", pi)


def random_mdp(rng, S, A, gamma):
    """A FiniteMDP with random dynamics, some transitions much likelier than others, and rewards of size one."""
    P = rng.dirichlet(np.full(S, 0.3), size=(S, A))
    return FiniteMDP(P, rng.standard_normal((S, A)), rng.dirichlet(np.ones(S)), gamma)


def random_policy(rng, S, A, concentration=1.0):
    """A policy (S, A) from a Dirichlet distribution: below 1 it is nearly deterministic, above 1 nearly uniform."""
    pi = rng.dirichlet(np.full(A, concentration), size=S) + 1e-12
    return pi / pi.sum(axis=1, keepdims=True)


def gymnasium_mdp(env_id, gamma, **kwargs):
    """The dynamics of one of Gymnasium's own finite environments (FrozenLake-v1, CliffWalking-v1, Taxi-v4).

    A state in which episodes end is absorbing, with zero reward. kwargs go to gymnasium.make; those that change only
    its steps (Taxi's fickle_passenger) have no effect here.
    """
    import gymnasium as gym

    env = gym.make(env_id, **kwargs).unwrapped
    if not (hasattr(env, "P") and hasattr(env, "initial_state_distrib")):
        raise ValueError(f"env_id: {env_id} does not tell its dynamics (P, initial_state_distrib)")
    S, A = int(env.observation_space.n), int(env.action_space.n)
    P, r, ends = np.zeros((S, A, S)), np.zeros((S, A)), set()
    for s in range(S):
        for a in range(A):
            for probability, s_next, reward, terminated in env.P[s][a]:
                P[s, a, s_next] += probability
                r[s, a] += probability * reward
                ends |= {s_next} if terminated else set()
    for s in ends:
        P[s], r[s] = np.eye(S)[s], 0.0
    return FiniteMDP(P, r, np.array(env.initial_state_distrib, dtype=float), gamma)


def transition_matrix(mdp, pi):
    """P_pi (S, S): P(s'|s) = sum_a pi(a|s) P(s'|s, a)."""
    check_policy(mdp, pi)
    return (pi[:, None, :] @ mdp.P)[:, 0, :]


def visitation(mdp, pi):
    """rho_pi (S,), the unnormalised discounted visitation: rho = rho_0 + gamma P_pi' rho; sums to 1/(1 - gamma)."""
    return np.linalg.solve(np.eye(len(mdp.rho_0)) - mdp.gamma * transition_matrix(mdp, pi).T, mdp.rho_0)


def state_value(mdp, pi):
    """V_pi (S,): V = r_pi + gamma P_pi V."""
    P_pi = transition_matrix(mdp, pi)
    return np.linalg.solve(np.eye(len(P_pi)) - mdp.gamma * P_pi, (pi * mdp.r).sum(axis=1))


def action_value(mdp, pi):
    """Q_pi (S, A): Q = r + gamma P V."""
    return mdp.r + mdp.gamma * mdp.P @ state_value(mdp, pi)


def advantage(mdp, pi):
    """A_pi = Q_pi - V_pi, (S, A)."""
    Q = action_value(mdp, pi)
    return Q - (pi * Q).sum(axis=1, keepdims=True)


def expected_return(mdp, pi):
    """eta(pi) = E[sum_t gamma^t r_t] = rho_0' V_pi."""
    return mdp.rho_0 @ state_value(mdp, pi)


def expected_return_from(mdp, pi, pi_new):
    """eta(pi_new) by Eq. (2): eta(pi) + sum_s rho_new(s) sum_a pi_new(a|s) A_pi(s, a)."""
    return expected_return(mdp, pi) + visitation(mdp, pi_new) @ (pi_new * advantage(mdp, pi)).sum(axis=1)


def discounted_sums(x, discount):
    """y_t = sum_l discount^l x_{t+l}, (T,) -> (T,): with x the rewards, the sampled Q(s_t, a_t) of Section 5.1."""
    y, y_next = [], 0.0
    for x_t in np.flip(x).tolist():
        y_next = x_t + discount * y_next
        y.append(y_next)
    return np.array(y[::-1])
