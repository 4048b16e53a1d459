"""The surrogate L on a finite MDP, exactly (Section 2, Eqs. (3) and (4)).

Shapes: S states, A actions; policies are tables (S, A). Section 5's estimate of L from samples is in surrogate.py.
"""

from trpo_numpy.expected_return import advantage, expected_return, visitation


def exact_surrogate(mdp, pi_old, pi):
    """L_{pi_old}(pi), Eq. (3): Eq. (2), but with the old policy's visitation rho."""
    return expected_return(mdp, pi_old) + visitation(mdp, pi_old) @ (pi * advantage(mdp, pi_old)).sum(axis=1)


def grad_exact_surrogate(mdp, pi_old):
    """The derivative of L with respect to pi(a|s), (S, A). Eq. (4): at pi = pi_old it is that of eta too.

    That is so along every change of pi whose rows still sum to 1.
    """
    return visitation(mdp, pi_old)[:, None] * advantage(mdp, pi_old)
