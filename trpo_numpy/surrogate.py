"""The surrogate L, exactly on a finite MDP (Section 2, Eqs. (3) and (4)) and from samples (Section 5, Eq. (14)).

From samples, all are functions of the distribution parameters mu (N, d_mu); J' (`policy.backprop`) carries a
derivative with respect to mu on to theta. N samples of states, actions (N, d_a), advantages (N,), log q(a|s) (N,).
"""
import numpy as np

from trpo_numpy.expected_return import advantage, expected_return, visitation


def exact_surrogate(mdp, pi_old, pi):
    """L_{pi_old}(pi), Eq. (3): as Eq. (2), but with the visitation of the old policy. Tables (S, A)."""
    return expected_return(mdp, pi_old) + visitation(mdp, pi_old) @ (pi * advantage(mdp, pi_old)).sum(axis=1)


def softmax_table(policy, theta, S):
    """pi_theta as a table (S, A), for a categorical policy on the one-hot states of a finite MDP."""
    return np.exp(policy.family.log_p(policy.mu(theta, np.eye(S))))


def grad_exact_surrogate(mdp, pi_old, policy, theta):
    """The gradient (P,) of L_{pi_old}(pi_theta); at pi_theta = pi_old it is that of eta (Eq. (4))."""
    mu, cache = policy.forward(theta, np.eye(len(mdp.rho_0)))
    dL_dpi = visitation(mdp, pi_old)[:, None] * advantage(mdp, pi_old)  # (S, A)
    return policy.backprop(theta, cache, policy.family.fisher_product(mu, dL_dpi))  # d softmax / d mu is M


def importance_ratio(family, mu, actions, log_q):
    """pi_theta(a|s) / q(a|s), (N,): 1 at theta_old where q = pi_old, as in single path (Section 5.1)."""
    return np.exp(family.log_prob(mu, actions) - log_q)


def surrogate(family, mu, actions, advantages, log_q):
    """L(theta), the sample average of Eq. (14), to be maximised.

    Where the advantages average to zero L is zero at theta_old, and says nothing there; its gradient does.
    """
    return np.mean(importance_ratio(family, mu, actions, log_q) * advantages)


def grad_surrogate(family, mu, actions, advantages, log_q):
    """The derivative of L with respect to mu, (N, d_mu).

    At theta_old, J' makes it the policy gradient of Eq. (4), but for the factor 1/(1 - gamma) that Eq. (14) drops.
    """
    weights = importance_ratio(family, mu, actions, log_q) * advantages / len(mu)
    return weights[:, None] * family.grad_log_prob(mu, actions)


def mean_kl(family, mu_old, mu):
    """The average over states of KL(pi_old || pi_theta), the constraint of Eqs. (12) and (14), in nats."""
    return np.mean(family.kl(mu_old, mu))


def grad_mean_kl(family, mu_old, mu):
    """The derivative of the mean KL with respect to the new mu, (N, d_mu); zero at theta_old."""
    return family.grad_kl(mu_old, mu) / len(mu)


def surrogate_and_mean_kl(policy, batch, mu_old, log_q, theta):
    """(L, mean KL) at theta from one pass through the network, for the line search (Appendix C)."""
    mu = policy.mu(theta, batch.states)
    return surrogate(policy.family, mu, batch.actions, batch.advantages, log_q), mean_kl(policy.family, mu_old, mu)
