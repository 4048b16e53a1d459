"""What a change of policy guarantees, on a finite MDP (Sections 2, 3; Eqs. (5) to (10), (44)).

Shapes: S states, A actions; policies are tables (S, A), the old one pi, the new one pi_new. Each
bound is a lower bound on eta(pi_new): L of Eq. (3) minus a penalty on the distance of the two.
"""
from scipy.special import rel_entr

from trpo_numpy.expected_return import advantage, exact_surrogate


def total_variation(pi, pi_new):
    """D_TV(pi(.|s), pi_new(.|s)) = 1/2 sum_a |pi(a|s) - pi_new(a|s)|, (S,) (Section 3)."""
    return 0.5 * abs(pi - pi_new).sum(axis=1)


def max_total_variation(pi, pi_new):
    """alpha = D_TV^max(pi, pi_new), the largest over the states, Eq. (7)."""
    return total_variation(pi, pi_new).max()


def kl_by_state(pi, pi_new):
    """D_KL(pi(.|s) || pi_new(.|s)), (S,), nats: infinite where only pi_new(a|s) is 0."""
    return rel_entr(pi, pi_new).sum(axis=1)


def max_kl(pi, pi_new):
    """D_KL^max(pi, pi_new), the largest over the states, nats (Section 3)."""
    return kl_by_state(pi, pi_new).max()


def mixture(pi, pi_prime, alpha):
    """pi_new of conservative policy iteration, Eq. (5): pi_prime with probability alpha."""
    return (1 - alpha) * pi + alpha * pi_prime


def mixture_bound(mdp, pi, pi_prime, alpha):
    """Eq. (6) for Eq. (5) with any pi_prime: L - 2 epsilon gamma / (1 - gamma)^2 alpha^2."""
    epsilon = abs((pi_prime * advantage(mdp, pi)).sum(axis=1)).max()  # max_s |E_{a~pi'} A_pi(s, a)|
    L = exact_surrogate(mdp, pi, mixture(pi, pi_prime, alpha))
    return L - 2 * epsilon * mdp.gamma / (1 - mdp.gamma) ** 2 * alpha ** 2


def penalty_coefficient(mdp, pi):
    """C = 4 epsilon gamma / (1 - gamma)^2, epsilon = max_{s,a} |A_pi(s, a)|, Eqs. (8), (9)."""
    return 4 * abs(advantage(mdp, pi)).max() * mdp.gamma / (1 - mdp.gamma) ** 2


def total_variation_bound(mdp, pi, pi_new):
    """Theorem 1, Eq. (8): L - C alpha^2 with alpha = D_TV^max."""
    C, alpha = penalty_coefficient(mdp, pi), max_total_variation(pi, pi_new)
    return exact_surrogate(mdp, pi, pi_new) - C * alpha ** 2


def coupling_bound(mdp, pi, pi_new):
    """Eq. (44), above (8): L - 4 alpha^2 gamma epsilon / ((1 - gamma)(1 - gamma (1 - alpha)))."""
    alpha, gamma = max_total_variation(pi, pi_new), mdp.gamma
    epsilon = abs(advantage(mdp, pi)).max()
    penalty = 4 * alpha ** 2 * gamma * epsilon / ((1 - gamma) * (1 - gamma * (1 - alpha)))
    return exact_surrogate(mdp, pi, pi_new) - penalty


def minorizer(mdp, pi, pi_new):
    """M_i(pi_new) of Eq. (10), the right side of Eq. (9): L - C D_KL^max. At pi it is eta(pi)."""
    return exact_surrogate(mdp, pi, pi_new) - penalty_coefficient(mdp, pi) * max_kl(pi, pi_new)
