"""The mean KL, and its Hessian, the Fisher matrix A, as y -> Ay (Appendix C.1, Eqs. (56), (57)).

At theta_old the mean KL(old || theta) has its minimum: value and gradient are 0, its Hessian A is
not. With J the Jacobian of mu and M = kl'' at mu_old, Eq. (57) is J'MJ plus a term with kl', which
is 0 at theta_old: A = J'MJ.
"""
import numpy as np


def mean_kl(family, mu_old, mu):
    """The mean over the N states of KL(pi_old || pi_theta), nats, of Eqs. (12) and (14)."""
    return np.mean(family.kl(mu_old, mu))


def grad_mean_kl(family, mu_old, mu):
    """Its derivative in the new mu, (N, d_mu): 0 at mu = mu_old, so no update needs it."""
    return family.grad_kl(mu_old, mu) / len(mu)


def fisher_vector_product(policy, theta_old, cache, mu_old, y):
    """Ay (P,) for y (P,): A = 1/N sum_n J_n' M_n J_n, over the cache's states, is never formed."""
    Jy = policy.jvp(theta_old, cache, y)                                # (N, d_mu)
    MJy = policy.family.M_product(mu_old, Jy) / len(mu_old)             # (N, d_mu)
    return policy.vjp(theta_old, cache, MJy)
