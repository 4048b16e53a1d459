"""TRPO, written by you: twelve exercises, from returns to one update (Schulman et al., ICML 2015). README.md says how.

Replace each `raise NotImplementedError` by your code, and check what is right so far:

    python tutorials/exercises/check.py

A later function may call an earlier one. NumPy is enough. Never change an argument: copy it first.

Shapes: S states and A actions of a finite MDP; T steps of a path; N samples, one row each; d_s, d_a dimensions of a
state and an action; d_mu = 2 d_a; P parameters. A prime is a transpose: J'u is J^T u. log is the natural logarithm, and
a KL is in nats. L is maximized. KL is always KL(old || new).
"""
import numpy as np  # noqa: F401

# 1. Returns (Section 5.1): what was an action worth?

def discounted_sums(x, discount):
    """y (T,) with y_t = x_t + discount x_{t+1} + discount^2 x_{t+2} + ..., up to x_{T-1}, for x (T,).

    With the rewards of a path and discount = gamma this is the sampled Q(s_t, a_t) of Section 5.1. T is up to 1000: go
    through the path once, from its end.
    """
    raise NotImplementedError("exercise 1")


def generalized_advantages(path, V, gamma, gae_lambda):
    """A (T,) with A_t = sum_l (gamma gae_lambda)^l td_{t+l}. Not in the paper: Schulman et al., 2016.

    td_t = r_t + gamma V(s_{t+1}) - V(s_t) is the error that a value function V makes in step t. V (T + 1,) holds
    V(s_0), ..., V(s_T); path.rewards (T,) holds r_0, ..., r_{T-1}. How did the path end in s_T?

    path.terminated is True: the task ended in s_T. No reward can follow, so take V(s_T) as 0, whatever V says.
    path.terminated is False: a time limit cut the path. V(s_T) stands for the rewards that would have followed.
    """
    raise NotImplementedError("exercise 1")


# 2. eta and rho of a finite MDP (Section 2): exact, by linear solves
#
# mdp.P (S, A, S) has P[s, a, s'] = P(s'|s, a); mdp.r (S, A) is the mean reward of action a in state s; mdp.rho_0 (S,)
# is the distribution of s_0; mdp.gamma is the discount, below 1. A policy is a table pi (S, A) with pi[s, a] = pi(a|s).

def state_value(mdp, pi):
    """V_pi (S,), the expected discounted sum of rewards from each state on: V = r_pi + gamma P_pi V.

    r_pi(s) = sum_a pi(a|s) r(s, a), and P_pi (S, S) has the rows P(s'|s) = sum_a pi(a|s) P(s'|s, a). V is the solution
    of a linear system: np.linalg.solve.
    """
    raise NotImplementedError("exercise 2")


def action_value(mdp, pi):
    """Q_pi (S, A): Q(s, a) = r(s, a) + gamma sum_s' P(s'|s, a) V(s')."""
    raise NotImplementedError("exercise 2")


def advantage(mdp, pi):
    """A_pi (S, A): A(s, a) = Q(s, a) - V(s)."""
    raise NotImplementedError("exercise 2")


def visitation(mdp, pi):
    """rho_pi (S,): rho(s) = P(s_0 = s) + gamma P(s_1 = s) + gamma^2 P(s_2 = s) + ..., not normalized (Section 2).

    rho also solves a linear system: rho(s') = rho_0(s') + gamma sum_s rho(s) P_pi(s'|s).
    """
    raise NotImplementedError("exercise 2")


def expected_return(mdp, pi):
    """eta(pi), a number: the expected discounted sum of rewards from s_0 ~ rho_0 on."""
    raise NotImplementedError("exercise 2")


# 3. The surrogate, exactly (Section 2)

def exact_surrogate(mdp, pi_old, pi):
    """L_{pi_old}(pi), Eq. (3), a number; pi_old and pi are tables (S, A).

    The right side of Eq. (2) would be eta(pi). Eq. (3) differs from Eq. (2) in one place.
    """
    raise NotImplementedError("exercise 3")


# 4. The Gaussian policy (Appendix D), as a function of its parameters
#
# In each state the d_a numbers of an action are independent, with a ~ N(mean, stdev = exp(r)). The parameters of N
# states are mu = [mean, r] (N, 2 d_a): the first d_a columns are the means, the last d_a the log standard deviations r.

def log_prob(mu, a):
    """log pi(a|s), (N,), for actions a (N, d_a): the logarithm of the density, with its constants."""
    raise NotImplementedError("exercise 4")


def grad_log_prob(mu, a):
    """The derivative of log pi(a|s) with respect to mu, (N, 2 d_a): d_a columns for the mean, then d_a for r."""
    raise NotImplementedError("exercise 4")


def kl(mu_old, mu):
    """KL(old || new), (N,): E[log pi_old(a|s) - log pi_new(a|s)] over a ~ pi_old, in closed form.

    One number per state. The KLs of independent dimensions add up.
    """
    raise NotImplementedError("exercise 4")


def M_product(mu, y):
    """M y (N, 2 d_a), row by row, for y (N, 2 d_a): M of Appendix C.1 for each of the N states.

    M (2 d_a, 2 d_a) is the second derivative of KL(old || new) with respect to the parameters of new, [mean, r], where
    new = old = mu. Here M is diagonal: d_a numbers for the mean, then d_a numbers for r.
    """
    raise NotImplementedError("exercise 4")


# 5. The network (Appendix D) and the products with its Jacobian (Appendix C.1)
#
# layers is the list [(W_1, b_1), ..., (W_L, b_L)] with W_l (n_l, n_{l-1}) and b_l (n_l,). The network is
# h_0 = x, h_l = tanh(W_l h_{l-1} + b_l) for l < L, and the output W_L h_{L-1} + b_L: the last layer is linear.
# N inputs are the rows of x (N, n_0), so that W h + b becomes h @ W.T + b. J is the derivative of the output with
# respect to all weights and biases.

def forward(layers, x):
    """The output (N, n_L), and the list [h_0, ..., h_{L-1}] of the inputs of each layer, h_l (N, n_l).

    The same code should take one input, x (n_0,), to the output (n_L,).
    """
    raise NotImplementedError("exercise 5")


def jvp(layers, inputs, slopes, dlayers):
    """J v (N, n_L): how the output changes as the weights and biases change along v. Forward mode.

    dlayers [(dW_1, db_1), ...] is v, in the shapes of layers. inputs is the list [h_0, ..., h_{L-1}] from `forward`.
    slopes is the list [1 - h_1^2, ..., 1 - h_{L-1}^2]: the derivative of tanh in each hidden layer. It is one shorter
    than inputs: slopes[0] belongs to inputs[1], slopes[1] to inputs[2], and so on.
    """
    raise NotImplementedError("exercise 5")


def vjp(layers, inputs, slopes, u):
    """J' u as a list [(dW_1, db_1), ...] in the shapes of layers, for u (N, n_L). Backpropagation.

    It is the gradient of sum(u * output), summed over the N inputs, with respect to the weights and biases. inputs and
    slopes are as in `jvp`.
    """
    raise NotImplementedError("exercise 5")


# 6. The surrogate from samples (Section 5)
#
# family has the functions of exercise 4: family.log_prob(mu, a), family.grad_log_prob(mu, a), family.kl(mu_old, mu)
# and family.M_product(mu, y).

def surrogate(family, mu, actions, Q, log_q):
    """L of Eq. (14), a number: the average over N samples of pi_theta(a_n|s_n) / q(a_n|s_n) Q_n. To be maximized.

    mu (N, d_mu) are the parameters of pi_theta in the N states; actions (N, d_a); Q (N,); log_q (N,) holds
    log q(a_n|s_n).
    """
    raise NotImplementedError("exercise 6")


def grad_surrogate(family, mu, actions, Q, log_q):
    """The derivative of L with respect to mu, (N, d_mu): row n is with respect to the parameters of state n."""
    raise NotImplementedError("exercise 6")


# 7. The Fisher-vector product (Appendix C.1)

def fisher_vector_product(policy, theta_old, cache, mu_old, y):
    """A y (P,) for y (P,), with A = 1/N sum_n J_n' M_n J_n: J_n is d mu(s_n) / d theta. No matrix is formed.

    A is the Hessian of the mean KL(old || theta) at theta = theta_old. mu_old (N, d_mu) are the parameters there.
    policy.jvp(theta_old, cache, v) is J v (N, d_mu) for v (P,). policy.vjp(theta_old, cache, u) is J' u (P,) for
    u (N, d_mu), summed over the N states. policy.family.M_product is the M_product of exercise 4.
    """
    raise NotImplementedError("exercise 7")


# 8. Conjugate gradient (Appendix C)

def conjugate_gradient(A, b, iterations, damping=0.0, tolerance=1e-10):
    """x (P,) with (A + damping I) x = b, approximately, and the norms of b - (A + damping I) x.

    A is a function y -> A y, symmetric and positive definite; b (P,). x starts at 0. Call A once per iteration. The
    norms are an array: one before the first iteration, then one after each, so up to iterations + 1 of them.

    Stop after `iterations` iterations, or as soon as the last norm is below tolerance * ||b|| or is 0. If b is 0 then x
    is 0: no iteration, one norm. Damping is not in the paper: A is nearly singular in large networks.
    """
    raise NotImplementedError("exercise 8")


# 9. The length of the step (Appendix C)

def step_length(sAs, delta):
    """beta, a number: where the KL's quadratic model along the search direction s, 1/2 (beta s)'A(beta s), is delta.

    Raises an ArithmeticError if sAs is not above 0, not finite or not a number: then A is not a Fisher matrix, and the
    square root would be a NaN, or a step of 0, without any error.
    """
    raise NotImplementedError("exercise 9")


# 10. The line search (Appendix C)

def line_search(L_and_kl, theta_old, s, beta, L_old, delta, shrink, max_backtracks):
    """The first of beta, beta shrink, beta shrink^2, ... (max_backtracks + 1 candidates) that is accepted; else 0.0.

    Return only this number; the package's line search also returns the candidates that it tried.

    L_and_kl(theta) is the pair (L, mean KL) at theta. A candidate stands for theta_old + candidate * s. It is accepted
    if its L is above L_old and below infinity, and its mean KL is at most delta. A candidate with a NaN is refused.
    """
    raise NotImplementedError("exercise 10")


# 11. One update (Section 6, step 3; Appendix C)

def trpo_update(policy, theta_old, batch, options, rng):
    """theta_new (P,), and nothing else: Eq. (14), solved approximately as in Appendix C.

    If g is 0 or no candidate is accepted, theta_new is theta_old (do not call step_length with 0).

    batch.states (N, d_s), batch.actions (N, d_a) and batch.Q (N,) were sampled by the old policy: q = pi_old.

    policy.forward(theta, states) is the pair mu (N, d_mu), cache. policy.mu(theta, states) is mu alone. policy.vjp and
    policy.jvp are as in exercise 7: J' turns a derivative with respect to mu into one with respect to theta.
    policy.family is as in exercise 6.

    options.delta bounds the mean KL, over all N states. options.cg_iterations is k. options.damping is for conjugate
    gradient, not for s'As. options.shrink and options.max_backtracks are for the line search.

    options.fisher_fraction is the part of the states that A is computed from, with their own mu and cache. If it is
    below 1, draw these states as follows, so that your random numbers are the same as the package's:
    rows = rng.choice(N, max(1, round(options.fisher_fraction * N)), replace=False)
    """
    raise NotImplementedError("exercise 11")


# 12. The fit of V (not in the paper)

def value_step(V, targets, jvp, vjp, iterations, damping):
    """The step of phi, (P,): one damped Gauss-Newton step on the loss 1/2 mean (V(s_n) - y_n)^2.

    phi (P,) are the parameters of the network V. V (N,) holds V(s_n) at phi; targets (N,) holds y_n. The loss is made
    small: phi + step is the next phi. Return the step alone, not phi.

    J (N, P) is the derivative of V with respect to phi. jvp(v) is J v (N,) for v (P,). vjp(u) is J' u (P,) for u (N,),
    summed over the N samples. No matrix is formed.

    The gradient of the loss is 1/N J'(V - y). The method of Gauss and Newton takes 1/N J'J for the Hessian of the loss.
    The step is the solution of (1/N J'J + damping I) step = -1/N J'(V - y), approximately: conjugate gradient starts at
    0 and makes `iterations` iterations. You may call your conjugate_gradient of exercise 8, which adds the damping too.
    """
    raise NotImplementedError("exercise 12")
