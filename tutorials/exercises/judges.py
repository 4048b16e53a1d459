"""What each exercise must compute, compared with an independent truth: see truth.py.

A judge is a generator with the name of the function that it judges; x is the module of that function. It yields
(property, found, wanted, mistakes). mistakes describes typical wrong answers in words, each with its number.
check.py compares.
"""
from dataclasses import replace
from functools import partial
from math import log
from types import SimpleNamespace

import numpy as np
from program import L_counts_all_states, L_does_not_fall, unit
from truth import (
    L_of_samples,
    advantage_by_steps,
    best_in_krylov_space,
    by_sample,
    cg_with,
    dense_gradient,
    dense_hessian,
    dense_update,
    derivative,
    double_sum,
    finite_problem,
    fixed,
    gaussian_problem,
    gradient,
    jvp_by_differences,
    kl_by_quadrature,
    kl_hessian,
    linear_problem,
    log_density,
    network_problem,
    plain_mu,
    raised,
    reference_jvp,
    replace_r,
    sampled_problem,
    steepest_descent,
    transitions,
    update_problem,
    value_by_steps,
    value_problem,
    visitation_by_steps,
)

from trpo_numpy.gaussian import Gaussian
from trpo_numpy.surrogate import Batch
from trpo_numpy.trpo import UpdateOptions

EXERCISES = {1: "returns", 2: "eta", 3: "L", 4: "gaussian", 5: "network", 6: "surrogate", 7: "fisher", 8: "cg",
             9: "beta", 10: "line_search", 11: "update", 12: "fit"}
JUDGES = {}  # {name of the function: (number of the exercise, bar, judge)}, in the order of the exercises


def judge(exercise, bar):
    """Registers a judge: each relative error must be at most bar."""
    def register(function):
        JUDGES[function.__name__] = exercise, bar, function
        return function
    return register


# 1. Returns (Section 5.1)

CUT = "cut to whole numbers: np.zeros_like of integers holds integers"


@judge(1, bar=1e-12)
def discounted_sums(x):
    rewards = fixed(np.array([1.0, -2.0, 3.0, 0.5]))
    wanted = double_sum(rewards, 0.9)
    yield "y_t = x_t + discount x_{t+1} + discount^2 x_{t+2} + ...", x.discounted_sums(rewards, 0.9), wanted, {
        "from the start of the path, where it should be what follows": double_sum(rewards[::-1], 0.9)[::-1],
        "discounted from t = 0 on: a power of the discount too much": wanted * 0.9 ** np.arange(4),
        "y in the wrong order": wanted[::-1],
        "not discounted": double_sum(rewards, 1.0),
        "x_t itself is missing": wanted - rewards,
        "x_t is discounted too": 0.9 * wanted}
    rewards = fixed(np.array([3, 0, 1]))
    yield "the same for rewards that are integers", x.discounted_sums(rewards, 0.5), double_sum(rewards, 0.5), {
        CUT: rewards}
    rewards = fixed(np.ones(1000))
    yield "1000 steps, with a discount of 0.45", x.discounted_sums(rewards, 0.45), double_sum(rewards, 0.45), {}


@judge(1, bar=1e-12)
def generalized_advantages(x):
    rewards, V = fixed(np.array([1.0, 2.0, 3.0, -1.0]), np.array([4.0, 8.0, 16.0, 32.0, 64.0]))
    gamma, gae_lambda = 0.9, 0.5

    def truth(V_next, discount=gamma * gae_lambda, sign=1):
        return double_sum(sign * (rewards + gamma * V_next - V[:-1]), discount)

    cut, ended, stale = V[1:], np.append(V[1:-1], 0.0), np.append(V[1:-1], V[-2])
    for terminated, V_next, other in [(False, cut, ended), (True, ended, cut)]:
        path = SimpleNamespace(rewards=rewards, terminated=terminated)
        found = x.generalized_advantages(path, V, gamma, gae_lambda)
        how = "the path has ended in s_T" if terminated else "a time limit has cut the path"
        yield f"A_t = sum_l (gamma lambda)^l td_(t+l), where {how}", found, truth(V_next), {
            "the end of the task is taken for a time limit: at the end V(s_T) counts as 0" if terminated else
            "a time limit is taken for an end: the rewards that would have followed are missing": truth(other),
            "V(s_{T-1}) stands where V(s_T) should": truth(stale),
            "discounted by lambda alone": truth(V_next, gae_lambda),
            "discounted by gamma alone, as if lambda were 1": truth(V_next, gamma),
            "td alone, as if lambda were 0": truth(V_next, 0.0),
            "the wrong sign: V - Q": truth(V_next, sign=-1)}
    path, wanted = SimpleNamespace(rewards=rewards, terminated=True), double_sum(rewards, gamma) - V[:-1]
    yield ("with lambda = 1 it is the discounted sum of rewards minus V",
           x.generalized_advantages(path, V, gamma, 1.0), wanted, {})
    path.rewards = fixed(rewards.astype(int))
    yield "the same for rewards that are integers", x.generalized_advantages(path, V, gamma, 1.0), wanted, {
        CUT: np.trunc(wanted)}


# 2, 3. A finite MDP (Section 2)

@judge(2, bar=1e-10)
def state_value(x):
    mdp, pi, _ = finite_problem()
    V = value_by_steps(mdp, pi)
    uniform = np.full_like(pi, 1 / 3)
    yield "V is the sum of gamma^t times the mean reward after t steps", x.state_value(mdp, pi), V, {
        "P_pi is transposed": value_by_steps(mdp, pi, P=transitions(mdp, pi).T),
        "the policy is left out: all actions alike": value_by_steps(mdp, uniform),
        "the reward is not weighted by pi": value_by_steps(replace_r(mdp, mdp.r.mean(axis=1)), pi),
        "the reward is summed over actions without pi": value_by_steps(replace_r(mdp, mdp.r.sum(axis=1)), pi),
        "multiplied by 1 - gamma": 0.1 * V,
        "one step late: gamma V": 0.9 * V}


@judge(2, bar=1e-10)
def action_value(x):
    mdp, pi, _ = finite_problem()
    V = value_by_steps(mdp, pi)
    yield "Q(s, a) = r(s, a) + gamma sum_s' P(s'|s, a) V(s')", x.action_value(mdp, pi), mdp.r + 0.9 * mdp.P @ V, {
        "gamma is missing": mdp.r + mdp.P @ V,
        "V(s) where V(s') should be": mdp.r + 0.9 * V[:, None],
        "the reward of pi where that of action a should be":
            (pi * mdp.r).sum(axis=1)[:, None] + 0.9 * mdp.P @ V}


@judge(2, bar=1e-10)
def advantage(x):
    mdp, pi, _ = finite_problem()
    A = advantage_by_steps(mdp, pi)
    Q = A + value_by_steps(mdp, pi)[:, None]
    yield "A(s, a) = Q(s, a) - V(s)", x.advantage(mdp, pi), A, {
        "the wrong sign: V - Q": -A,
        "Q minus its plain mean over actions; V weighs them by pi": Q - Q.mean(axis=1, keepdims=True),
        "Q itself": Q}


@judge(2, bar=1e-10)
def visitation(x):
    mdp, pi, _ = finite_problem()
    rho = visitation_by_steps(mdp, pi)
    yield "rho(s) is the sum of gamma^t P(s_t = s)", x.visitation(mdp, pi), rho, {
        "normalized: the paper's rho sums to 1 / (1 - gamma)": 0.1 * rho,
        "P_pi is not transposed: rho flows from s to s', and V the other way":
            visitation_by_steps(mdp, pi, transposed=True),
        "rho_0 is left out: all first states alike": visitation_by_steps(mdp, pi, np.full(5, 0.2)),
        "the first state is left out: the sum begins at t = 0": rho - mdp.rho_0,
        "rho_0 alone": mdp.rho_0}


@judge(2, bar=1e-10)
def expected_return(x):
    mdp, pi, _ = finite_problem()
    V, rho = value_by_steps(mdp, pi), visitation_by_steps(mdp, pi)
    eta = float(mdp.rho_0 @ V)
    yield "eta is the expected discounted sum of rewards from s_0 ~ rho_0", x.expected_return(mdp, pi), eta, {
        "multiplied by 1 - gamma": 0.1 * eta,
        "all first states alike; they have the distribution rho_0": V.mean(),
        "rho'V counts each reward many times: it is rho_0'V, or rho'r_pi": rho @ V}


@judge(3, bar=1e-10)
def exact_surrogate(x):
    mdp, pi_old, pi = finite_problem()
    A, rho = advantage_by_steps(mdp, pi_old), visitation_by_steps(mdp, pi_old)
    eta_old, eta = (float(mdp.rho_0 @ value_by_steps(mdp, p)) for p in (pi_old, pi))
    gain = rho @ (pi * A).sum(axis=1)
    found = x.exact_surrogate(mdp, pi_old, pi)
    yield "L of Eq. (3): eta_old + sum_s rho_old(s) sum_a pi(a|s) A_old(s, a)", found, eta_old + gain, {
        "this is eta(pi), Eq. (2): in L the visitation is the old policy's": eta,
        "eta(pi_old) is missing": gain,
        "pi and A belong to the same policy, so that the mean of A is 0: wanted pi and the A of pi_old": eta_old,
        "the wrong sign of the advantage": eta_old - gain,
        "rho is normalized": eta_old + 0.1 * gain,
        "Q stands where A should": eta_old + rho @ (pi * (A + value_by_steps(mdp, pi_old)[:, None])).sum(axis=1),
        "the advantage of the new policy": eta_old + rho @ (pi * advantage_by_steps(mdp, pi)).sum(axis=1)}
    at_old = x.exact_surrogate(mdp, pi_old, pi_old)
    yield "L(pi_old) = eta(pi_old), the first line of Eq. (4)", at_old, eta_old, {}

    yield ("L and eta have the same slope at pi_old, the second line of Eq. (4)",
           derivative(lambda p: float(x.exact_surrogate(mdp, pi_old, fixed(p))), pi_old, pi - pi_old),
           derivative(lambda p: float(mdp.rho_0 @ value_by_steps(mdp, p)), pi_old, pi - pi_old), {})


# 4. The Gaussian (Appendices C.1, D)

@judge(4, bar=1e-12)
def log_prob(x):
    _, mu, a, _ = gaussian_problem()
    mean, r = np.hsplit(mu, 2)
    wanted = log_density(mu, a)
    z = (a - mean) / np.exp(r)
    yield "log pi(a|s) is the sum of the logarithms of d_a densities", x.log_prob(mu, a), wanted, {
        "the log-std term is missing: the density is divided by exp(r)": wanted + r.sum(axis=1),
        "the log-std term has the wrong sign": wanted + 2 * r.sum(axis=1),
        "the constant is missing: 1/2 log(2 pi) per dimension": wanted + 1.5 * log(2 * np.pi),
        "1/2 log(2 pi) counts once, not once per dimension": wanted + log(2 * np.pi),
        "log(2 pi) without 1/2": wanted - 1.5 * log(2 * np.pi),
        "averaged over the action's dimensions, not summed": wanted / 3,
        "the 1/2 of the square is missing": wanted - 0.5 * (z * z).sum(axis=1),
        "exp(r) is taken for the variance; it is the standard deviation":
            log_density(np.hstack([mean, r / 2]), a),
        "r is used as the standard deviation or the variance; it is the logarithm of the standard deviation":
            -0.5 * (((a - mean) / r) ** 2).sum(axis=1) - r.sum(axis=1) - 1.5 * log(2 * np.pi),
        "the wrong sign": -wanted}


@judge(4, bar=1e-8)
def grad_log_prob(x):
    _, mu, a, _ = gaussian_problem()
    mean, r = np.hsplit(mu, 2)
    wanted = gradient(lambda m: log_density(m, a).sum(), mu)
    by_mean, by_r = np.hsplit(wanted, 2)
    yield "the derivative of log pi(a|s) in [mean, r], by finite differences", x.grad_log_prob(mu, a), wanted, {
        "in r the -1 is missing: the density is divided by exp(r)": np.hstack([by_mean, by_r + 1]),
        "the derivative with respect to the mean has the wrong sign": np.hstack([-by_mean, by_r]),
        "the derivative with respect to r has the wrong sign": np.hstack([by_mean, -by_r]),
        "the wrong sign": -wanted,
        "the columns for r come first; mu is [mean, r]": np.hstack([by_r, by_mean]),
        "the derivative with respect to the mean lacks one exp(-r)": np.hstack([by_mean * np.exp(r), by_r]),
        "this is the derivative with respect to the standard deviation, not to its logarithm r":
            np.hstack([by_mean, by_r / np.exp(r)])}


@judge(4, bar=1e-12)
def kl(x):
    mu_old, mu, _, _ = gaussian_problem()
    (mean_old, r_old), (mean, r) = np.hsplit(mu_old, 2), np.hsplit(mu, 2)
    wanted = kl_by_quadrature(mu_old, mu)
    yield "KL(old || new) = E_old[log pi_old - log pi_new], per state", x.kl(mu_old, mu), wanted, {
        "reversed: this is KL(new || old)": kl_by_quadrature(mu, mu_old),
        "a KL is never below 0: in the squares' term old and new are exchanged":
            np.sum(r - r_old + (np.exp(2 * r) + (mean - mean_old) ** 2) / (2 * np.exp(2 * r_old)) - 0.5, axis=1),
        "averaged over the action's dimensions; the KLs of independent dimensions add up": wanted / 3,
        "averaged over the states: one number per state is wanted": wanted.mean(),
        "summed over the states: one number per state is wanted": wanted.sum(),
        "the log-std term r - r_old is missing": wanted - (r - r_old).sum(axis=1),
        "the log-std term has the wrong sign": wanted - 2 * (r - r_old).sum(axis=1),
        "the -1/2 of each dimension is missing": wanted + 1.5,
        "-1/2 counts once, not once per dimension": wanted + 1.0,
        "exp(r_old) where exp(2 r_old) should be":
            wanted + ((np.exp(r_old) - np.exp(2 * r_old)) / (2 * np.exp(2 * r))).sum(axis=1),
        "the square of the means' distance is missing":
            wanted - (0.5 * (mean_old - mean) ** 2 * np.exp(-2 * r)).sum(axis=1),
        "exp(r) is taken for the variance; it is the standard deviation":
            kl_by_quadrature(np.hstack([mean_old, r_old / 2]), np.hstack([mean, r / 2])),
        "the wrong sign": -wanted}
    yield "KL(old || old) = 0", 1 + np.asarray(x.kl(mu_old, mu_old)), np.ones(4), {}


@judge(4, bar=1e-8)
def M_product(x):
    mu, _, _, y = gaussian_problem()
    r, (y_mean, y_r) = mu[:, 3:], np.hsplit(y, 2)
    wanted = np.einsum("nij,nj->ni", kl_hessian(mu), y)
    yield "M y, with M the second derivative of the KL by finite differences", x.M_product(mu, y), wanted, {
        "the 2 of the log-std is forgotten: the second derivative of the KL with respect to r is 2":
            np.hstack([y_mean * np.exp(-2 * r), y_r]),
        "4 for the log-std, where the second derivative is 2": np.hstack([y_mean * np.exp(-2 * r), 4 * y_r]),
        "exp(-r) where exp(-2r) should be": np.hstack([y_mean * np.exp(-r), 2 * y_r]),
        "the inverse: the variance itself, exp(2r)": np.hstack([y_mean * np.exp(2 * r), 2 * y_r]),
        "this M is for [mean, stdev]; here mu = [mean, r]":
            np.hstack([y_mean * np.exp(-2 * r), 2 * y_r * np.exp(-2 * r)]),
        "averaged over the action's dimensions": wanted / 3,
        "divided by the number of states: that comes in exercise 7": wanted / 4,
        "M alone, not multiplied by y": np.hstack([np.exp(-2 * r), np.full_like(r, 2.0)]),
        "the wrong sign": -wanted}


# 5. The network (Appendices C.1, D)

@judge(5, bar=1e-12)
def forward(x):
    layers, rows, _, _, inputs, _ = network_problem()
    wanted, _ = by_sample(layers, rows)
    output, found_inputs = x.forward(layers, rows)
    yield "the output, computed sample by sample", output, wanted, {
        "tanh in the last layer too, which is linear": np.tanh(wanted),
        "a W is transposed": by_sample(layers, rows, second=lambda W: W.T)[0],
        "the biases are missing": by_sample(layers, rows, bias=0.0)[0],
        "no tanh in the hidden layers": by_sample(layers, rows, hidden=lambda z: z)[0]}
    yield "the number of inputs: x and each hidden layer", len(found_inputs), len(inputs), {
        "the output is among the inputs": len(inputs) + 1, "x is missing": len(inputs) - 1}
    for i, (found, h) in enumerate(zip(found_inputs, inputs)):
        yield f"inputs[{i}], h_{i}", found, h, {"before tanh": np.arctanh(h) if i else np.zeros_like(h)}
    yield "one input x (n_0,) gives the output (n_L,)", x.forward(layers, rows[0])[0], wanted[0], {}
    for other in (layers[::2], layers[:1]):
        found, wanted = x.forward(other, rows)[0], by_sample(other, rows)[0]
        yield f"the output of another number of layers: {len(other)}", found, wanted, {}


@judge(5, bar=1e-8)
def jvp(x):
    layers, rows, v, _, inputs, slopes = network_problem()
    wanted = jvp_by_differences(layers, rows, v)

    def wrong(changes, slopes=slopes):
        return reference_jvp(layers, inputs, slopes, changes)

    no_bias, last_only = [(dW, 0 * db) for dW, db in v], [(0 * dW, 0 * db) for dW, db in v[:-1]] + v[-1:]
    yield "J v is how the output changes along v, by finite differences", x.jvp(layers, inputs, slopes, v), wanted, {
        "the changes of the biases are missing": wrong(no_bias),
        "the changes of the weights are missing: the product rule gives dW h too":
            wrong([(0 * dW, db) for dW, db in v]),
        "only the last layer's change counts": wrong(last_only),
        "the last layer's change is missing": wrong(v[:-1] + [(0 * v[-1][0], 0 * v[-1][1])]),
        "only the first layer's change counts": wrong(v[:1] + [(0 * dW, 0 * db) for dW, db in v[1:]]),
        "the slopes of tanh are missing": wrong(v, [np.ones_like(slope) for slope in slopes]),
        "the slopes are in the wrong order": wrong(v, slopes[::-1]),
        "the wrong sign": -wanted}
    found = x.jvp(layers[::2], inputs[:2], slopes[:1], v[::2])
    yield "J v of two layers", found, jvp_by_differences(layers[::2], rows, v[::2]), {}


@judge(5, bar=1e-8)
def vjp(x):
    layers, rows, v, u, inputs, slopes = network_problem()
    zero = [(0 * W, 0 * b) for W, b in layers]

    def product(slopes=slopes):
        """J' u: entry by entry, <u, J e> for each unit vector e."""
        result = []
        for i, layer in enumerate(layers):
            parts = []
            for part in range(2):
                entries = []
                for e in np.eye(layer[part].size).reshape(-1, *layer[part].shape):
                    change = list(zero)
                    change[i] = (e, zero[i][1]) if part == 0 else (zero[i][0], e)
                    entries.append((u * reference_jvp(layers, inputs, slopes, change)).sum())
                parts.append(np.array(entries).reshape(layer[part].shape))
            result.append(parts)
        return result

    found = x.vjp(layers, inputs, slopes, u)
    no_slope, wrong_order = product([np.ones_like(slope) for slope in slopes]), product(slopes[::-1])
    last_first = product()[::-1]
    yield "the number of layers", len(found), len(layers), {}
    for i in reversed(range(len(layers))):
        for part, name in enumerate(("dW", "db")):
            def loss(p):
                return (u * by_sample([*layers[:i], (p, layers[i][1]) if part == 0 else (layers[i][0], p),
                                       *layers[i + 1:]], rows)[0]).sum()
            wanted = gradient(loss, layers[i][part])
            yield f"{name}_{i + 1}, the derivative of sum(u * output), by finite differences", found[i][part], wanted, {
                "averaged over the samples, not summed": wanted / len(u),
                "the slopes of tanh are missing": no_slope[i][part],
                "the slopes are in the wrong order": wrong_order[i][part],
                "the list is reversed: the first layer comes first": last_first[i][part],
                "dW is transposed: it has the shape of W": wanted.T,
                "the wrong sign": -wanted}
    sides = ((u * jvp_by_differences(layers, rows, v)).sum(),
             sum((a * b).sum() for f, d in zip(found, v) for a, b in zip(f, d)))
    yield "the adjoint identity <J'u, v> = <u, Jv>", sides[1], sides[0], {}
    found = x.vjp(layers[::2], inputs[:2], slopes[:1], u)
    sides = ((u * jvp_by_differences(layers[::2], rows, v[::2])).sum(),
             sum((a * b).sum() for f, d in zip(found, v[::2]) for a, b in zip(f, d)))
    yield "the same with two layers", sides[1], sides[0], {}


# 6. The surrogate from samples (Section 5)

@judge(6, bar=1e-12)
def surrogate(x):
    mu, actions, Q, log_q = sampled_problem()
    log_p, wanted = log_density(mu, actions), L_of_samples(mu, actions, Q, log_q)
    yield "L, the average of pi_theta / q times Q", x.surrogate(Gaussian(2), mu, actions, Q, log_q), wanted, {
        "1/N is missing: a sum, not an average": 6 * wanted,
        "the wrong sign: L is maximized": -wanted,
        "the ratio is upside down": np.mean(np.exp(log_q - log_p) * Q),
        "log pi times Q, the loss of plain policy gradient": np.mean(log_p * Q),
        "the difference of the logarithms, without exp": np.mean((log_p - log_q) * Q),
        "the ratio is missing": np.mean(Q),
        "pi_theta is not divided by q": np.mean(np.exp(log_p) * Q),
        "the mean of Q is subtracted; here Q counts as it is": np.mean(np.exp(log_p - log_q) * (Q - Q.mean())),
        "the ratios are divided by their mean": wanted / np.mean(np.exp(log_p - log_q)),
        "the average ratio times the average Q": np.mean(np.exp(log_p - log_q)) * np.mean(Q)}
    yield "at pi_theta = q it is the average of Q", x.surrogate(Gaussian(2), mu, actions, Q, fixed(log_p)), Q.mean(), {}


@judge(6, bar=1e-8)
def grad_surrogate(x):
    mu, actions, Q, log_q = sampled_problem()
    wanted = gradient(lambda m: L_of_samples(m, actions, Q, log_q), mu)
    ratio = np.exp(log_density(mu, actions) - log_q)[:, None]
    found = x.grad_surrogate(Gaussian(2), mu, actions, Q, log_q)
    yield "the derivative of L with respect to mu, by finite differences", found, wanted, {
        "1/N is missing": 6 * wanted,
        "the wrong sign: L is maximized": -wanted,
        "the ratio is missing: that is right at theta_old only": wanted / ratio,
        "the ratio and 1/N are missing": 6 * wanted / ratio,
        "the ratio is upside down: it is pi_theta / q": wanted / ratio ** 2,
        "the derivative of the ratio lacks the score's factor": (ratio * Q[:, None] / 6).repeat(4, axis=1),
        "the mean of Q is subtracted; here Q counts as it is": wanted / Q[:, None] * (Q - Q.mean())[:, None],
        "the ratios are divided by their mean": wanted / ratio.mean(),
        "Q is missing": wanted / Q[:, None]}


# 7. The Fisher-vector product (Appendix C.1)

@judge(7, bar=1e-7)
def fisher_vector_product(x):
    policy, theta_old, states, _, _ = update_problem()
    mu_old, network_cache = policy.forward(theta_old, states)
    y = fixed(np.random.default_rng(6).standard_normal(28))

    def mean_kl(theta):
        return kl_by_quadrature(plain_mu(theta_old, states), plain_mu(theta, states)).mean()

    Ay = derivative(lambda theta: gradient(mean_kl, theta), theta_old, y)
    found = x.fisher_vector_product(policy, theta_old, network_cache, fixed(mu_old), y)
    Jy = policy.jvp(theta_old, network_cache, y)
    half = Jy * np.hstack([np.exp(-2 * mu_old[:, 2:]), np.ones((40, 2))])
    yield "A y is the Hessian of the mean KL times y, by finite differences", found, Ay, {
        "1/N is missing: a sum over the states, not an average": 40 * Ay,
        "M is missing: J'Jy": policy.vjp(theta_old, network_cache, Jy) / 40,
        "M and 1/N are missing: J'Jy": policy.vjp(theta_old, network_cache, Jy),
        "divided by N twice": Ay / 40,
        "divided by the number of parameters, not of states": 40 / 28 * Ay,
        "the 2 of the log-std is forgotten in M": policy.vjp(theta_old, network_cache, half) / 40,
        "the arguments of M_product are exchanged: mu_old comes first":
            policy.vjp(theta_old, network_cache, policy.family.M_product(Jy, mu_old)) / 40,
        "the wrong sign": -Ay}
    z = fixed(np.random.default_rng(7).standard_normal(28))
    other = x.fisher_vector_product(policy, theta_old, network_cache, mu_old, z)
    yield "A is symmetric: z'(A y) = y'(A z)", z @ found, y @ other, {}


# 8. Conjugate gradient (Appendix C)

@judge(8, bar=1e-8)
def conjugate_gradient(x):
    A, b = linear_problem()
    damped, calls = A + 0.5 * np.eye(10), []

    def product(y):
        calls.append(y)
        return A @ y

    found, _ = x.conjugate_gradient(product, b, 0, 0.5)
    yield "after 0 iterations, x = 0", found, np.zeros(10), {"x did not start at 0, or iterations is ignored": found}
    for k in (1, 3):
        found_k, norms_k = x.conjugate_gradient(product, b, k, 0.5)
        yield f"after {k} iterations, the best x of the span of {', '.join(['b', 'A b', 'A A b'][:k])}", found_k, \
            best_in_krylov_space(damped, b, k), {
                "damping is left out, at least in alpha = r'r / p'(A + damping I)p": best_in_krylov_space(A, b, k),
                "damping is subtracted": best_in_krylov_space(A - 0.5 * np.eye(10), b, k),
                "the wrong sign": -best_in_krylov_space(damped, b, k),
                "steepest descent: p is the residual alone, not conjugate to the directions before it":
                    steepest_descent(damped, b, k),
                "the factor of p is upside down: it is rr_new / rr": cg_with(damped, b, k, power=-1),
                "the wrong sign of the p before: p is the residual plus rr_new / rr times p":
                    cg_with(damped, b, k, sign=-1),
                "the wrong sign in the residual: it is r - alpha (A + damping I) p":
                    cg_with(damped, b, k, A_of_r=-damped),
                "damping is left out of the residual alone": cg_with(damped, b, k, A_of_r=A),
                "rr_new / rr multiplies the residual before; it multiplies the direction before, p":
                    cg_with(damped, b, k, old_residual=True),
                "alpha is upside down: it is r'r / p'(A + damping I)p": cg_with(damped, b, k, alpha_power=-1),
                "r'r is not computed anew in each iteration": cg_with(damped, b, k, renewed=False),
                "p and r are one array, so that what is subtracted from r changes p: copy one":
                    cg_with(damped, b, k, one_array=True),
                "one iteration too few": best_in_krylov_space(damped, b, k - 1) if k > 1 else np.zeros(10),
                "one iteration too many": best_in_krylov_space(damped, b, k + 1)}
    found, norms = x.conjugate_gradient(product, b, 10, 0.5)
    true_norm, solution = np.linalg.norm(b - damped @ found), np.linalg.solve(damped, b)
    yield "after P iterations, the dense solution of (A + damping I) x = b", found, solution, {
        "the residual falls to 0 and x is not the solution: the residual is not that of x":
            found if norms[-1] < 1e-6 * true_norm else None}
    yield "the norms are an array", type(norms).__name__, "ndarray", {}
    yield "one norm before the first iteration and one after each: iterations + 1", len(norms_k), 4, {
        "the first norm, ||b||, or the last one is missing": 3}
    yield "the last norm is that of b - (A + damping I) x", norms_k[-1], np.linalg.norm(b - damped @ found_k), {
        "the square of the norm": np.linalg.norm(b - damped @ found_k) ** 2,
        "without damping in the residual": np.linalg.norm(b - A @ found_k)}
    calls.clear()
    x.conjugate_gradient(product, b, 3, 0.5)
    yield "A is called once per iteration", len(calls), 3, {
        "once more, before the first iteration: x is 0, so it is not needed": 4,
        "twice per iteration: keep A p": 6}
    calls.clear()
    found, norms = x.conjugate_gradient(lambda y: 0 * product(y) + 2 * y, b, 50)
    yield "with A = 2 I one iteration is enough: it stops at x = b / 2", found, b / 2, {
        "it goes on when the residual is 0, and divides 0 by 0": np.full(10, np.nan)}
    yield "with A = 2 I it has called A once", len(calls), 1, {"it does not look at the tolerance": 50}
    found, norms = x.conjugate_gradient(product, fixed(1e-12 * b), 10, 0.5)
    yield "a b of 1e-12: it is the norm over ||b|| that stops it", found, 1e-12 * solution, {
        "the tolerance is absolute; it is a part of ||b||": np.zeros(10)}
    exact = [np.linalg.norm(b), *(np.linalg.norm(b - damped @ best_in_krylov_space(damped, b, k)) for k in range(1, 9))]
    last = next(k for k, norm in enumerate(exact) if norm < 0.1 * exact[0])
    _, norms = x.conjugate_gradient(product, b, 10, 0.5, tolerance=0.1)
    yield "it stops after the first norm below tolerance * ||b||, here with a tolerance of 0.1", len(norms), last + 1, {
        "tolerance is ignored": 11}
    yield "the norms, from ||b|| on", norms, np.array(exact[:last + 1]), {
        "the squares of the norms": np.square(exact[:last + 1])}
    found, norms = x.conjugate_gradient(product, fixed(np.zeros(10)), 5)
    yield "b = 0 gives x = 0", found, np.zeros(10), {"0 divided by 0": np.full(10, np.nan)}


# 9. The length of the step (Appendix C)

@judge(9, bar=1e-12)
def step_length(x):
    for sAs, delta in [(4.0, 0.01), (0.3, 0.02)]:
        wanted = (2 * delta / sAs) ** 0.5
        yield f"1/2 beta^2 s'As = delta for s'As = {sAs}, delta = {delta}", x.step_length(sAs, delta), wanted, {
            "the 2 is missing: sqrt(delta / s'As)": (delta / sAs) ** 0.5,
            "the square root is missing": 2 * delta / sAs,
            "upside down": 1 / wanted,
            "the 2 is below: sqrt(delta / (2 s'As))": wanted / 2,
            "the 2 is outside the root": 2 * (delta / sAs) ** 0.5}
    for sAs in np.array([-1.0, 0.0, np.nan, np.inf]):  # as s @ A(s) gives them: of NumPy, where 1 / 0.0 raises nothing
        try:
            found = raised(x.step_length, sAs, 0.01)
        except Exception as error:
            error.args = (f"{error}; wanted an ArithmeticError",)
            raise
        yield f"for s'As = {sAs} it raises", found, "ArithmeticError", {}


# 10. The line search (Appendix C): on curves of L and KL that are known

@judge(10, bar=1e-12)
def line_search(x):
    theta_old, s, tried = *fixed(np.array([1.0, 2.0]), np.array([0.5, -1.0])), []

    def search(L_of, kl_of, delta=0.01, max_backtracks=8, beta=1.0, shrink=0.5, L_old=5.0):
        """Along theta_old + b s, L is L_of(b) and the KL is kl_of(b)."""
        def L_and_kl(theta):
            b = (theta - theta_old) @ s / (s @ s)
            tried.append((b, np.linalg.norm(theta - theta_old - b * s)))
            return L_of(b), kl_of(b)
        tried.clear()
        return x.line_search(L_and_kl, theta_old, s, beta, L_old, delta, shrink, max_backtracks)

    found, halves = search(lambda b: 5 + b, lambda b: 0.05 * b * b), 0.5 ** np.arange(9)  # 5, 1.25, 0.31 delta, ...
    candidates, some = np.array([b for b, _ in tried] or [0.0]), np.any(found)
    yield "it tries 1, 1/2 and 1/4, the first whose KL is at most delta", None if found is None else candidates, \
        halves[:3], {
            "no candidate is tried: L_and_kl is not called": np.zeros(1),
            "the KL is not checked" if some else "it gives up after the first candidate": halves[:1],
            "L_and_kl is called twice per candidate": halves[:3].repeat(2),
            "it accepts a KL above delta, such as 1.25 delta": halves[:2],
            "it shrinks before the first candidate": halves[1:3],
            "theta_old is forgotten: a candidate stands for theta_old + candidate * s": 1.2 + halves,
            "the candidates start from each other, not from theta_old": np.cumsum(halves),
            "beta shrinks by equal steps, not by a factor": 1 - 0.5 * np.arange(9),
            "it goes on after the first that is accepted" if some else "no candidate is accepted": halves}
    yield "it returns the first whose KL is at most delta", found, 0.25, {
        "the first beta is returned, whatever was tried": 1.0,
        "it shrinks once more after it has accepted": 0.125,
        "the number of the candidate is returned, not beta": 2, "theta is returned, not beta": theta_old + 0.25 * s}
    yield "all on the line theta_old + beta s", max(1 + off for _, off in tried), 1.0, {}
    yield "a KL that is just delta is accepted", search(lambda b: 5 + b, lambda b: 0.01), 1.0, {
        "KL < delta is asked for: it may be delta": 0.0}
    found = search(lambda b: 5 + b, lambda b: 0.05 * b * b, beta=0.6, shrink=0.8)  # 1.8, 1.15, 0.74 delta
    yield "beta = 0.6 and shrink = 0.8: the first whose KL is at most delta", found, 0.6 * 0.8 ** 2, {
        "beta is left out: the candidates are 1, shrink and so on": 0.8 ** 4,
        "it returns the power of shrink, without beta": 0.8 ** 2,
        "beta is halved, whatever shrink is": 0.3}
    yield "a KL of 1.01 delta is refused", search(lambda b: 5 + b, lambda b: 0.0101 * b), 0.5, {
        "a KL that is a little above delta is accepted": 1.0}
    yield "L rises from L_old = -5", search(lambda b: b - 5, lambda b: 0.001, L_old=-5.0), 1.0, {
        "L is divided by L_old, which may be below 0, or compared with 0: compare it with L_old": 0.0}
    found = search(lambda b: 5 + b * (0.2 - b), lambda b: 1e-4 * b)
    yield "the first whose L is above L_old", found, 0.125, {"L is not checked": 1.0}
    yield "an L that is just L_old is no improvement", search(lambda b: 5.0, lambda b: 0.0), 0.0, {
        "L >= L_old is accepted: it must be above": 1.0, "a candidate that was refused is returned": 0.5 ** 8,
        "a candidate that was refused, shrunk once more": 0.5 ** 9}
    found = search(lambda b: 5 + b, lambda b: 0.02, max_backtracks=3)
    yield "none accepted: 0.0, and theta stays", found, 0.0, {
        "a candidate that was refused is returned": 0.125, "a candidate that was refused, shrunk once more": 0.0625}
    yield "max_backtracks = 3 means four candidates", len(tried), 4, {"one too few": 3, "one too many": 5}
    found = search(lambda b: 5 + b, lambda b: np.nan if b > 0.3 else 0.001)
    yield "a KL that is NaN is refused", found, 0.25, {"a NaN is accepted: kl > delta is False for it": 1.0}
    found = search(lambda b: np.nan if b > 0.3 else 5 + b, lambda b: 0.001)
    yield "an L that is NaN is refused", found, 0.25, {"a NaN is accepted: L <= L_old is False for it": 1.0}
    found = search(lambda b: np.inf if b > 0.3 else 5 + b, lambda b: 0.001)
    yield "an L that is infinite is refused", found, 0.25, {"an infinite L is accepted: a ratio has overflowed": 1.0}


# 11. One update (Section 6)

@judge(11, bar=1e-6)
def trpo_update(x):
    policy, theta_old, states, actions, Q = update_problem()
    batch, everything = Batch(states, actions, Q), tuple(range(40))
    # a delta so large that KL(old || new) and KL(new || old) accept different candidates
    options = UpdateOptions(0.3, cg_iterations=60, fisher_fraction=1.0, shrink=0.9, max_backtracks=40, damping=0.05)

    def step(options, batch=batch):
        theta_new = x.trpo_update(policy, theta_old, batch, options, np.random.default_rng(9))
        if isinstance(theta_new, tuple):
            raise TypeError(f"a tuple of {len(theta_new)}, and theta_new alone is wanted")
        return theta_new - theta_old if theta_new is not None else None

    wanted = dense_update(options, everything)
    yield "theta_new - theta_old, by dense matrices", step(options), wanted, {
        "theta_old minus the step; it is theta_old plus the step": -wanted,
        "theta_old is left out: this is the step alone": wanted - theta_old,
        "the wrong sign: it goes down in L": -dense_update(options, everything, search=False),
        "damping is counted in s'As, or s'g stands for it, so the first candidate is too short (the accepted one may "
        "still be longer). Most implementations do this on purpose; here beta is without damping":
            dense_update(options, everything, damped_sAs=True),
        "no line search: the first candidate is taken": dense_update(options, everything, search=False),
        "the KL is reversed: KL(new || old) is at most delta": dense_update(options, everything, reversed_kl=True),
        "the KL may be up to 1.5 delta": dense_update(options, everything, most=1.5),
        "the KLs of the states are summed: it is their mean": dense_update(options, everything, most=1 / 40),
        "the largest KL is bounded, as in Eq. (11), not the mean": dense_update(options, everything, mean=np.max),
        "beta is halved, whatever options.shrink is": dense_update(replace(options, shrink=0.5), everything),
        "no candidate is accepted: g has the wrong sign, or L_old or log_q is not that of theta_old": np.zeros(28),
        "no system is solved: s is g": dense_update(options, everything, along_g=True),
        "s is left out: theta_new is theta_old + beta s": dense_update(options, everything, times_s=False),
        "the candidates are theta_old + beta g, with the beta of s": dense_update(options, everything, tried_g=True),
        "damping counts twice: in the product and in conjugate gradient":
            dense_update(options, everything, damped_solve=2),
        "in the gradient alone Q has lost its mean": dense_update(options, everything, g_more=-Q.mean()),
        "q is left out: the ratio is pi_theta / q, with q = pi_old": dense_update(options, everything, q=0),
        "damping does not reach conjugate gradient": dense_update(options, everything, damped_solve=False)}
    steep = UpdateOptions(damping=0.01, fisher_fraction=1.0)
    yield L_does_not_fall(lambda policy, theta_old, *batch: x.trpo_update(
        policy, theta_old, Batch(*batch), steep, np.random.default_rng(9)) - theta_old)
    few = step(replace(options, cg_iterations=3))
    s = best_in_krylov_space(dense_hessian(everything) + options.damping * np.eye(28), dense_gradient(), 3)
    other = step(options, Batch(states, actions, fixed(Q + 10)))
    yield "the direction, with 10 added to each Q", unit(other), unit(dense_update(options, everything, more=10.0)), {
        "no candidate is accepted: L_old and the L of a candidate have different Q": np.zeros(28)}
    yield "the direction after three iterations of conjugate gradient", unit(few), unit(s), {
        "cg_iterations is ignored": unit(wanted)}
    some = replace(options, fisher_fraction=0.49)

    def rows(n, **how):
        return tuple(np.random.default_rng(9).choice(40, n, **{"replace": False, **how}))

    yield "the same with A from 0.49 of 40 states, 20 of them", step(some), dense_update(some, rows(20)), {
        "fisher_fraction is ignored: A has all states": dense_update(some, everything),
        "19 states: int cuts 19.6, round makes it 20": dense_update(some, rows(19)),
        "replace=True: some states are drawn twice": dense_update(some, rows(20, replace=True)),
        "the KL of the line search is that of A's states; all count":
            dense_update(some, rows(20), kl_over=list(rows(20)))}
    yield L_counts_all_states(x.trpo_update)
    none = replace(options, max_backtracks=0)
    yield "no candidate accepted: theta_new = theta_old", 1 + step(none), np.ones(28), {
        "a candidate that was refused is taken": 1 + dense_update(none, everything, search=False)}
    flat = raised(step, options, Batch(states, actions, fixed(np.zeros(40))))
    yield ("all Q are 0, so g is 0: theta_new = theta_old, without step_length",
           f"an {flat}: is it called with s'As = 0?" if isinstance(flat, str) else 1 + flat, np.ones(28), {})


# 12. The fit of V (not in the paper)

@judge(12, bar=1e-8)
def value_step(x):
    V, y, J = value_problem()
    N, P = J.shape
    gradient, damping = J.T @ (V - y) / N, 0.1 * np.eye(P)
    H = J.T @ J / N + damping

    def product(matrix, name, vector):
        if np.shape(vector) != matrix.shape[1:]:
            raise ValueError(f"{name} got shape {np.shape(vector)}, wanted {matrix.shape[1:]}")
        return matrix @ vector

    def step(iterations, V=V):
        found = x.value_step(V, y, partial(product, J, "jvp"), partial(product, J.T, "vjp"), iterations, 0.1)
        if isinstance(found, tuple):
            raise TypeError(f"a tuple of {len(found)}, and the step alone is wanted")
        return found

    def solution(H=H, gradient=gradient):
        return np.linalg.solve(H, -gradient)

    said, wanted = "(1/N J'J + damping I) step = -1/N J'(V - y)", solution()
    yield f"after P = {P} iterations, the dense solution of {said}", step(P), wanted, {
        "the wrong sign: it goes uphill, to a larger loss": -wanted,
        "1/N is missing in the gradient, J'(V - y)": N * wanted,
        "1/N is missing in the product, J'J v": solution(N * (H - damping) + damping),
        "1/N is missing in the gradient and in the product, so the damping counts too little":
            solution(N * (H - damping) + damping, N * gradient),
        "the product is divided by N twice": solution((H - damping) / N + damping),
        "divided by the number of parameters, not of samples":
            solution(N / P * (H - damping) + damping, N / P * gradient),
        "the 1/2 of the loss is forgotten in the gradient: it cancels the 2 of the square": 2 * wanted,
        "damping is left out": solution(H - damping),
        "damping counts twice: in the product and in conjugate gradient": solution(H + damping),
        "the targets have the wrong sign: V + y, where it is V - y": solution(gradient=J.T @ (V + y) / N),
        "V is left out: the targets alone": solution(gradient=-J.T @ y / N),
        "the targets are left out: V alone": solution(gradient=J.T @ V / N),
        "this is the gradient itself, no step: no system is solved": gradient,
        "this is minus the gradient: no system is solved": -gradient,
        "one iteration too few": best_in_krylov_space(H, -gradient, P - 1)}
    best = [best_in_krylov_space(H, -gradient, k) for k in (1, 2, 3)]
    yield "after 2 iterations, the best step of the span of g = J'(V - y) and J'J g", step(2), best[1], {
        "one iteration too few": best[0],
        "one iteration too many": best[2],
        "more iterations than `iterations`: the system is solved to the end": wanted}
    yield "V = y, so the gradient is 0: the step is 0", 1 + step(P, y), np.ones(P), {
        "0 divided by 0": np.full(P, np.nan)}
