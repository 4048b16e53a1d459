"""The surrogate L on a finite MDP, exactly (Section 2, Eqs. (3) and (4)).

Shapes: S states, A actions; policies are tables (S, A). Section 5's estimate of L from samples is in surrogate.py.
"""

from trpo_numpy.expected_return import advantage, expected_return, visitation


def exact_surrogate(mdp, pi_old, pi):
    """L_{pi_old}(pi), Eq. (3): Eq. (2), but with the old policy's visitation rho."""
    return expected_return(mdp, pi_old) + visitation(mdp, pi_old) @ (pi * advantage(mdp, pi_old)).sum(axis=1)


def grad_exact_surrogate(mdp, pi_old):
    """dL/dpi(a|s) = rho_old(s) A_old(s, a), (S, A), for every pi.

    Eq. (4): at pi_old it is also d eta/dpi, along changes of pi whose rows keep the sum 1.
    """
    return visitation(mdp, pi_old)[:, None] * advantage(mdp, pi_old)
