"""The surrogate L on a finite MDP, exactly (Section 2, Eqs. (3) and (4)).

Shapes: S states, A actions; policies are tables (S, A). Section 5's estimate of L from samples is in surrogate.py.
"""

from trpo_numpy.expected_return import advantage, expected_return, visitation


def exact_surrogate(mdp, pi_old, pi):
    """L_{pi_old}(pi), Eq. (3): eta(pi_old) + sum_s rho_old(s) sum_a pi(a|s) A_old(s, a).

    It is Eq. (2) with one change: the visitation rho is the old policy's.
    """
    return expected_return(mdp, pi_old) + visitation(mdp, pi_old) @ (pi * advantage(mdp, pi_old)).sum(axis=1)


def grad_exact_surrogate(mdp, pi_old):
    """The derivative of L_{pi_old}(pi) with respect to pi(a|s), (S, A): rho_old(s) A_old(s, a), the same for every pi.

    Eq. (4): at pi = pi_old it is the derivative of eta too, along every change of pi whose rows still sum to 1.
    """
    return visitation(mdp, pi_old)[:, None] * advantage(mdp, pi_old)
