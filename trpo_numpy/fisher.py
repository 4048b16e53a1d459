"""The Fisher-vector product y -> Ay as y -> J'MJy (Appendix C.1, Eqs. (56) and (57)). J' is J transposed.

Eq. (57): the Hessian of KL(old || theta) is J'MJ plus a second term, the gradient of kl with respect to mu times the
second derivative of mu. At theta_old that gradient is 0, as KL has its minimum, 0, at old = new; elsewhere it need not
be. So the KL's value and gradient are 0 at theta_old while its Hessian J'MJ is not, and three cheap products
(forward mode, M, backprop) replace differentiating twice.
"""


def fisher_vector_product(policy, theta_old, cache, mu_old, y):
    """Ay (P,) for y (P,), with A averaged over the N states of the cache: A = 1/N sum_n J_n' M_n J_n (Appendix C.1).

    cache and mu_old are what `policy.forward(theta_old, states)` returned.
    """
    Jy = policy.forward_mode(theta_old, cache, y)  # (N, d_mu)
    MJy = policy.family.M_product(mu_old, Jy)  # (N, d_mu)
    MJy /= len(mu_old)
    return policy.backprop(theta_old, cache, MJy)
