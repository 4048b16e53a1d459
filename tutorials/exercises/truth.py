"""The truths that the judges compare with, and the small random problems of these comparisons.

Long sums, finite differences, quadrature, loops over samples, dense solves: no truth is computed as in an exercise. All
arrays of a problem are read-only, so a function that writes into its argument is caught.
"""
from dataclasses import replace
from functools import cache
from math import log
from statistics import NormalDist

import numpy as np

from trpo_numpy.finite_mdp import FiniteMDP
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy


def fixed(*arrays):
    """The arrays, read-only."""
    for array in arrays:
        array.flags.writeable = False
    return arrays if len(arrays) > 1 else arrays[0]


def derivative(f, x, direction, h=2e-3):
    """d f(x + t direction) / dt at t = 0, by central differences with steps h and h/2 (Richardson, 1911)."""
    def central(h):
        return (f(x + h * direction) - f(x - h * direction)) / (2 * h)
    return (4 * central(h / 2) - central(h)) / 3


def gradient(f, x):
    """The derivative of the number f(x) with respect to each entry of x, in x's shape."""
    basis = np.eye(x.size).reshape(x.size, *x.shape)
    return np.array([derivative(f, x, e) for e in basis]).reshape(x.shape)


def raised(f, *args):
    """The name of ArithmeticError if f(*args) raises one, otherwise what f returns."""
    try:
        return f(*args)
    except ArithmeticError:
        return "ArithmeticError"


# Exercise 1

def double_sum(x, discount):
    return np.array([sum(discount ** k * x_k for k, x_k in enumerate(x[t:])) for t in range(len(x))])


# Exercises 2, 3: a finite MDP, by adding up 500 steps, after which 0.9^500 = 1e-23 is left

@cache
def finite_problem():
    """A FiniteMDP, two policies, and the transition matrices and mean rewards of both."""
    rng = np.random.default_rng(1)
    P, r = rng.dirichlet(np.full(5, 0.3), size=(5, 3)), rng.standard_normal((5, 3))
    mdp = FiniteMDP(P, r, rng.dirichlet(np.ones(5)), 0.9)
    pi_old, pi = rng.dirichlet(np.ones(3), size=(2, 5))
    fixed(mdp.P, mdp.r, mdp.rho_0, pi_old, pi)
    return mdp, pi_old, pi


def replace_r(mdp, r_of_state):
    """The MDP with a reward that does not depend on the action."""
    return replace(mdp, r=np.repeat(r_of_state[:, None], mdp.r.shape[1], axis=1))


def transitions(mdp, pi):
    """P_pi (S, S), one entry at a time."""
    S, A = mdp.r.shape
    return np.array([[sum(pi[s, a] * mdp.P[s, a, s_next] for a in range(A)) for s_next in range(S)] for s in range(S)])


def value_by_steps(mdp, pi, gamma=0.9, P=None):
    P, r = transitions(mdp, pi) if P is None else P, (pi * mdp.r).sum(axis=1)
    V = np.zeros(len(r))
    for _ in range(500):
        V = r + gamma * P @ V
    return V


def visitation_by_steps(mdp, pi, start=None, transposed=False):
    P, p = transitions(mdp, pi), mdp.rho_0 if start is None else start
    rho = np.zeros(len(p))
    for t in range(500):
        rho, p = rho + 0.9 ** t * p, P @ p if transposed else p @ P
    return rho


def advantage_by_steps(mdp, pi):
    V = value_by_steps(mdp, pi)
    return mdp.r + 0.9 * mdp.P @ V - V[:, None]


# Exercise 4: the Gaussian, by the standard library's density, quadrature and finite differences

@cache
def gaussian_problem():
    """mu_old and mu (N, 2 d_a), actions (N, d_a), y (N, 2 d_a), for N = 4 and d_a = 3."""
    rng = np.random.default_rng(2)
    mu_old, mu, y = rng.normal(0, 0.5, (3, 4, 6))
    return fixed(mu_old, mu, rng.standard_normal((4, 3)), y)


def log_density(mu, a):
    """log pi(a|s) (N,), by the density of statistics.NormalDist, one number at a time."""
    d_a = a.shape[1]
    return np.array([sum(log(NormalDist(m, np.exp(r)).pdf(a_i)) for m, r, a_i in zip(row[:d_a], row[d_a:], a_n))
                     for row, a_n in zip(mu, a)])


def kl_by_quadrature(mu_old, mu):
    """E_old[log pi_old(a) - log pi(a)] (N,): Gauss and Hermite's rule is exact: the integrand is quadratic in a."""
    (mean_old, r_old), (mean, r) = np.hsplit(mu_old, 2), np.hsplit(mu, 2)
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    a = mean_old + np.exp(r_old) * nodes[:, None, None]
    log_ratio = -0.5 * nodes[:, None, None] ** 2 - r_old + 0.5 * ((a - mean) / np.exp(r)) ** 2 + r
    return np.einsum("k,knd->n", weights / weights.sum(), log_ratio)


def kl_hessian(mu):
    """M (N, d_mu, d_mu): the second derivative, by finite differences, of the KL by quadrature, at new = old = mu."""
    def grad(new):
        return np.array([derivative(lambda m: kl_by_quadrature(mu, m), new, np.tile(e, (len(mu), 1)))
                         for e in np.eye(mu.shape[1])]).T
    return np.array([derivative(grad, mu, np.tile(e, (len(mu), 1))) for e in np.eye(mu.shape[1])]).transpose(1, 0, 2)


# Exercise 5: the network, by a loop over samples and finite differences

@cache
def network_problem():
    """layers of sizes 3, 4, 4, 2; x (5, 3); a direction v like layers; u (5, 2); and the inputs and slopes."""
    rng = np.random.default_rng(3)
    sizes = [(4, 3), (4, 4), (2, 4)]
    layers, v = ([(fixed(rng.normal(0, 0.8, size)), fixed(rng.normal(0, 0.8, size[0]))) for size in sizes]
                 for _ in range(2))
    x, u = fixed(rng.standard_normal((5, 3)), rng.standard_normal((5, 2)))
    inputs = [fixed(h) for h in by_sample(layers, x)[1]]
    return layers, x, v, u, inputs, [fixed(1 - h * h) for h in inputs[1:]]


def by_sample(layers, x, last=lambda z: z, hidden=np.tanh, bias=1.0, second=lambda W: W):
    """The output and the inputs of each layer, one sample at a time; the other arguments make typical mistakes."""
    rows = [[x_n] for x_n in x]
    for i, (W, b) in enumerate(layers):
        W, f = second(W) if i == 1 else W, last if i == len(layers) - 1 else hidden
        for row in rows:
            row.append(f(W @ row[-1] + bias * b))
    *inputs, output = [np.array(column) for column in zip(*rows)]
    return output, inputs


def moved(layers, v, t):
    """layers + t v."""
    return [(W + t * dW, b + t * db) for (W, b), (dW, db) in zip(layers, v)]


def jvp_by_differences(layers, x, v):
    return derivative(lambda t: by_sample(moved(layers, v, float(t)), x)[0], np.array(0.0), 1.0)


def reference_jvp(layers, inputs, slopes, v):
    """J v by the product rule, sample by sample. For the typical mistakes, its arguments may be wrong."""
    rows = []
    for n in range(len(inputs[0])):
        dh = np.zeros_like(inputs[0][n])
        for i, ((W, _), (dW, db)) in enumerate(zip(layers, v)):
            dz = W @ dh + dW @ inputs[i][n] + db
            dh = dz * slopes[i][n] if i < len(slopes) else dz
        rows.append(dh)
    return np.array(rows)


# Exercise 6: L from samples, one at a time

@cache
def sampled_problem():
    """mu (N, 4), actions (N, 2), Q (N,) and log q (N,), for N = 6 and d_a = 2."""
    rng = np.random.default_rng(4)
    mu, actions, Q = rng.normal(0, 0.4, (6, 4)), rng.standard_normal((6, 2)), rng.normal(1.0, 2.0, 6)
    log_q = log_density(mu + rng.normal(0, 0.3, (6, 4)), actions)
    return fixed(mu, actions, Q, log_q)


def L_of_samples(mu, actions, Q, log_q):
    return sum(np.exp(p - q) * Q_n for p, q, Q_n in zip(log_density(mu, actions), log_q, Q)) / len(Q)


# Exercises 7, 11: a policy of 28 parameters, its dense Hessian and gradient by finite differences

@cache
def update_problem(N=40):
    """A Policy of 28 parameters, theta_old, a Batch, and the truth about it, by finite differences."""
    rng = np.random.default_rng(5)
    policy = Policy(MLP((3, 4, 2)), Gaussian(2))
    theta_old = rng.normal(0, 0.5, policy.n_parameters)
    states = rng.standard_normal((N, 3))
    mean, r = np.hsplit(plain_mu(theta_old, states), 2)
    actions = mean + np.exp(r) * rng.standard_normal((N, 2))
    Q = actions[:, 0] * states[:, 0] - actions[:, 1] ** 2 + rng.standard_normal(N)
    return policy, *fixed(theta_old, states, actions, Q)


def plain_mu(theta, states):
    """[mean, r] (N, 4): theta is W_1 (4, 3), b_1 (4,), W_2 (2, 4), b_2 (2,), r (2,), one after the other."""
    W_1, b_1, W_2, b_2, r = np.split(theta, [12, 16, 24, 26])
    output, _ = by_sample([(W_1.reshape(4, 3), b_1), (W_2.reshape(2, 4), b_2)], states)
    return np.hstack([output, np.tile(r, (len(states), 1))])


@cache
def dense_hessian(rows):
    """A (P, P): the second derivative of the mean KL(old || theta) over the states of these rows, at theta_old."""
    _, theta_old, states, _, _ = update_problem()
    states = states[list(rows)]
    J = np.array([derivative(lambda theta: plain_mu(theta, states), theta_old, e) for e in np.eye(28)])  # (P, N, d_mu)
    return np.einsum("pni,nij,qnj->pq", J, kl_hessian(plain_mu(theta_old, states)), J) / len(states)


@cache
def dense_gradient(more=0.0, q=1):
    """g (P,): the gradient of L at theta_old, by finite differences, `more` added to each Q; q = 0 leaves q out."""
    _, theta_old, states, actions, Q = update_problem()
    log_q = q * log_density(plain_mu(theta_old, states), actions)
    return gradient(lambda theta: L_of_samples(plain_mu(theta, states), actions, Q + more, log_q), theta_old)


def dense_update(options, rows, damped_sAs=False, damped_solve=True, search=True, kl_over=slice(None), most=1.0,
                 reversed_kl=False, mean=np.mean, more=0.0, q=1, g_more=None, along_g=False, times_s=True,
                 tried_g=False):
    """theta_new - theta_old, from dense matrices; the arguments after rows make typical mistakes."""
    _, theta_old, states, actions, Q = update_problem()
    mu_old, Q = plain_mu(theta_old, states), Q + more
    log_q = q * log_density(mu_old, actions)

    def L(theta):
        return L_of_samples(plain_mu(theta, states), actions, Q, log_q)

    A, damping = dense_hessian(rows), options.damping * np.eye(28)
    g = dense_gradient(more if g_more is None else g_more, q)
    s = g if along_g else np.linalg.solve(A + damping * damped_solve, g)
    beta = np.sqrt(2 * options.delta / (s @ (A + damping * damped_sAs) @ s))
    s = g if tried_g else s
    for j in range(options.max_backtracks + 1):
        step = beta * options.shrink ** j * s
        pair = mu_old[kl_over], plain_mu(theta_old + step, states[kl_over])
        kl = mean(kl_by_quadrature(*(pair[::-1] if reversed_kl else pair)))
        if not search or kl <= most * options.delta and L(theta_old + step) > L(theta_old):
            return step if times_s else np.full(len(s), beta * options.shrink ** j)
    return 0 * s


# Exercise 8: a linear system, by dense solves in the whole space and in the span of b, Ab, A^2 b, ...

@cache
def linear_problem():
    """A (10, 10), symmetric, with eigenvalues from 0.1 to 10, and b."""
    rng = np.random.default_rng(8)
    basis, _ = np.linalg.qr(rng.standard_normal((10, 10)))
    return fixed((basis * np.geomspace(0.1, 10, 10)) @ basis.T, rng.standard_normal(10))


def best_in_krylov_space(A, b, k):
    """The x in the span of b, Ab, ..., A^(k-1) b for which 1/2 x'Ax - b'x is least."""
    vectors = [b]
    for _ in range(k - 1):
        basis, _ = np.linalg.qr(np.array(vectors).T)
        vectors.append(A @ basis[:, -1])
    basis, _ = np.linalg.qr(np.array(vectors).T)
    return basis @ np.linalg.solve(basis.T @ A @ basis, basis.T @ b)


def cg_with(A, b, k, power=1, one_array=False, alpha_power=1, renewed=True, sign=1,
            old_residual=False, A_of_r=None):
    """The result of CG with a wrong power of rr_new / rr or of alpha (-1 if inverted), if p and r begin as one array,
    if rr stays that of the first iteration, if the next p has a wrong sign of p, or the residual in its place, or if
    the residual falls with another matrix.
    """
    x, r = np.zeros_like(b), b.copy()
    p, rr = r if one_array else r.copy(), r @ r
    for _ in range(k):
        rr, Ap = r @ r if renewed else rr, A @ p
        alpha = (rr / (p @ Ap)) ** alpha_power
        x += alpha * p
        p = r.copy() if old_residual else p
        r -= alpha * (Ap if A_of_r is None else A_of_r @ p)
        p = r + sign * (r @ r / rr) ** power * p
    return x


def steepest_descent(A, b, k):
    """The result of CG if p is only the residual."""
    x = np.zeros_like(b)
    for _ in range(k):
        r = b - A @ x
        x += r @ r / (r @ A @ r) * r
    return x


# Exercise 12: V on a few samples with its Jacobian as a matrix

@cache
def value_problem():
    """V (N,), targets (N,) and J (N, P), for N = 12 and P = 5."""
    rng = np.random.default_rng(10)
    return fixed(rng.normal(1.0, 1.0, 12), rng.normal(-2.0, 2.0, 12),
                 rng.standard_normal((12, 5)) * np.geomspace(0.3, 2, 5))
