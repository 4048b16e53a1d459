"""The expected return of a policy on a finite MDP and L, exactly (Section 2, Eqs. (2) to (4)).

Shapes: S states, A actions; a policy is a table pi (S, A). Raises InputError unless pi is a policy;
`exact_surrogate` does not check the new one.
"""
import numpy as np

from trpo_numpy.finite_mdp import transition_matrix


def state_value(mdp, pi):
    """V_pi (S,), the solution of V = r_pi + gamma P_pi V, where r_pi(s) = sum_a pi(a|s) r(s, a)."""
    P_pi = transition_matrix(mdp, pi)
    return np.linalg.solve(np.eye(len(P_pi)) - mdp.gamma * P_pi, (pi * mdp.r).sum(axis=1))


def action_value(mdp, pi):
    """Q_pi (S, A): Q(s, a) = r(s, a) + gamma sum_s' P(s'|s, a) V(s')."""
    return mdp.r + mdp.gamma * mdp.P @ state_value(mdp, pi)


def advantage(mdp, pi):
    """A_pi (S, A): A(s, a) = Q(s, a) - V(s), with V(s) = sum_a pi(a|s) Q(s, a)."""
    Q = action_value(mdp, pi)
    return Q - (pi * Q).sum(axis=1, keepdims=True)


def visitation(mdp, pi):
    """rho_pi (S,), rho(s) = sum_t gamma^t P(s_t = s), solves rho = rho_0 + gamma P_pi' rho."""
    P_pi = transition_matrix(mdp, pi)
    return np.linalg.solve(np.eye(len(P_pi)) - mdp.gamma * P_pi.T, mdp.rho_0)


def expected_return(mdp, pi):
    """eta(pi) = E[sum_t gamma^t r_t] = sum_s rho_0(s) V_pi(s)."""
    return mdp.rho_0 @ state_value(mdp, pi)


def expected_return_from(mdp, pi, pi_new):
    """eta(pi_new) by Eq. (2): eta(pi) + sum_s rho_new(s) sum_a pi_new(a|s) A_pi(s, a)."""
    rho_new, A_pi = visitation(mdp, pi_new), advantage(mdp, pi)
    return expected_return(mdp, pi) + rho_new @ (pi_new * A_pi).sum(axis=1)


def exact_surrogate(mdp, pi_old, pi):
    """L_{pi_old}(pi), Eq. (3): Eq. (2), but with the old policy's visitation rho."""
    rho_old, A_old = visitation(mdp, pi_old), advantage(mdp, pi_old)
    return expected_return(mdp, pi_old) + rho_old @ (pi * A_old).sum(axis=1)


def grad_exact_surrogate(mdp, pi_old):
    """dL/dpi(a|s) = rho_old(s) A_old(s, a), (S, A), for every pi.

    Eq. (4): at pi_old it is also d eta/dpi, along changes of pi whose rows keep the sum 1.
    """
    return visitation(mdp, pi_old)[:, None] * advantage(mdp, pi_old)
