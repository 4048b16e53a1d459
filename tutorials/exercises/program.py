"""The judge of a program in one file: what its trpo_update(theta_old, states, actions, Q) returns for three batches.

The network is 3-30-1, and theta is laid out as in the package. delta is 0.01, conjugate gradient has ten iterations
with a damping of 0.01, and A is computed from all states. The factor of the line search is the program's own.
"""
from functools import partial

import numpy as np
from truth import fixed

from trpo_numpy.conjugate_gradient import conjugate_gradient
from trpo_numpy.fisher import fisher_vector_product, mean_kl
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.surrogate import Batch, surrogate
from trpo_numpy.trpo import UpdateOptions, trpo_update


def program_batch(sign):
    """The Policy, theta_old, and states, actions and Q of 400 steps; with the sign -1 less noise is better.

    Then the KL of beta s is above delta: it grows faster than its parabola where the noise gets less.
    """
    policy, rng = Policy(MLP((3, 30, 1)), Gaussian(1)), np.random.default_rng(0)
    theta_old, angles = policy.initial(rng, -0.5), rng.uniform(-np.pi, np.pi, 400)
    states = np.column_stack([np.cos(angles), np.sin(angles), 2 * rng.standard_normal(400)])
    mean, r = np.hsplit(policy.mu(theta_old, states), 2)
    actions = policy.family.sample(mean, r, rng)
    return policy, *map(fixed, (theta_old, states, actions, sign * (actions[:, 0] + states[:, 1]) ** 2))


def steep_batch():
    """As program_batch, but 20 actions far from their means: L of beta s is far below L_old, though its KL is allowed.

    With the factor 0.8 the candidates have a KL of 0.90, 0.59 and 0.38 delta, and L - L_old is -357, -22 and +1.8.
    """
    policy, rng = Policy(MLP((3, 30, 1)), Gaussian(1)), np.random.default_rng(14)
    theta_old, angles = policy.initial(rng, -0.5), rng.uniform(-np.pi, np.pi, 20)
    states = np.column_stack([np.cos(angles), np.sin(angles), 2 * rng.standard_normal(20)])
    mean, r = np.hsplit(policy.mu(theta_old, states), 2)
    actions = mean + 6 * np.exp(r) * rng.standard_normal(mean.shape)
    return policy, *map(fixed, (theta_old, states, actions, rng.standard_normal(20)))


def L_does_not_fall(step):
    """The property of a judge: step(policy, theta_old, states, actions, Q) is theta_new - theta_old."""
    policy, theta_old, states, actions, Q = steep_batch()
    log_q = policy.family.log_prob(policy.mu(theta_old, states), actions)
    mu_new = policy.mu(theta_old + step(policy, theta_old, states, actions, Q), states)
    gain = surrogate(policy.family, mu_new, actions, Q, log_q) - Q.mean()
    return ("L(theta_new) - L_old, at least 0, on a batch where the KL allows steps that lower L", gain,
            max(gain, 0.0), {"L of the candidate is not compared with L_old": min(gain, 0.0)})


def L_counts_all_states(update):
    """The property of a judge: update(policy, theta_old, batch, options, rng) is theta_new. A has half the states."""
    policy, theta_old, *samples = steep_batch()
    arguments = policy, theta_old, Batch(*samples), UpdateOptions(cg_iterations=3, damping=0.01, fisher_fraction=0.5)
    wanted = trpo_update(*arguments, np.random.default_rng(5)).theta_new
    return ("theta_new - theta_old, where A has half of the states, and L all of them",
            update(*arguments, np.random.default_rng(5)) - theta_old, wanted - theta_old, {
                "no candidate is accepted: L or L_old is that of A's states": np.zeros(len(theta_old))})


def unit(v):
    """v divided by its length; 0 stays 0."""
    return v / (np.linalg.norm(v) or 1)


def program(x):
    """A generator as those of judges.py; x is the module of the program."""
    def step(theta_old, *batch):
        result = x.trpo_update(theta_old, *batch)
        theta_new = result[0] if isinstance(result, tuple) else result
        return np.full(len(theta_old), np.nan) if theta_new is None else np.asarray(theta_new) - theta_old

    policy, theta_old, states, actions, Q = program_batch(1)        # the first candidate is accepted
    options = UpdateOptions(damping=0.01, fisher_fraction=1.0)
    truth = trpo_update(policy, theta_old, Batch(states, actions, Q), options, None)
    mu_old, cache = policy.forward(theta_old, states)
    A = partial(fisher_vector_product, policy, theta_old, cache, mu_old)
    found, s = step(theta_old, states, actions, Q), truth.s

    def solution(A, damping=options.damping, g=truth.g, iterations=options.cg_iterations):
        return unit(conjugate_gradient(A, g, iterations, damping)[0])

    def other_g(change):
        return policy.vjp(theta_old, cache, change(policy.family.grad_log_prob(mu_old, actions)))

    def other_A(r_weight, mean_weight):
        weights = np.array([mean_weight * np.exp(2 * r), r_weight / 2])         # of M's two entries
        return lambda y: policy.vjp(theta_old, cache, weights * policy.family.M_product(
            mu_old, policy.jvp(theta_old, cache, y)) / len(Q))

    r, q, step_taken = theta_old[-1], Q[:, None], np.sqrt(2 * options.delta / truth.sAs) * s
    yield "the direction of theta_new - theta_old, as a vector of length 1", unit(found), unit(s), {
        "theta_new is theta_old: no candidate is accepted": np.zeros_like(s),
        "the wrong sign: L is maximized": -unit(s), "it is the direction of g: A is missing": unit(truth.g),
        "it returns the step, not theta_new": unit(step_taken - theta_old),
        "the scores are not multiplied by Q": solution(A, g=other_g(lambda z: z)),
        "the score of the mean is (a - mean) / sigma^2, not (a - mean) / sigma":
            solution(A, g=other_g(lambda z: q * z * [np.exp(r), 1] / len(Q))),
        "the score of the log-std is z^2 - 1, not z^2":
            solution(A, g=other_g(lambda z: q * (z + [0, 1]) / len(Q))),
        "in M the mean has 1 / sigma^2, not 1 / sigma": solution(other_A(2, np.exp(-r))),
        "damping does not reach conjugate gradient": solution(A, 0.0),
        "damping is 0.1, not 0.01": solution(A, 0.1), "damping is 0.001, not 0.01": solution(A, 0.001),
        **{f"{k} iterations of conjugate gradient, not ten": solution(A, iterations=k) for k in (5, 9, 11, 20)},
        "A is a sum over the states, not their mean": solution(lambda y: len(Q) * A(y)),
        "M is missing: J'Jy": solution(other_A(1, 1)),
        "in M the 2 of the log-std is forgotten": solution(other_A(1, np.exp(-2 * r)))}
    refused = "the first candidate is refused, but its KL(old || new) is below delta, and L rises"
    yield "the length of the step, in units of beta s", np.linalg.norm(found) / np.linalg.norm(step_taken), 1.0, {
        refused: 0.5, refused + " (factor 0.8)": 0.8,
        "beta lacks the 2": np.sqrt(0.5),
        "damping is counted in s'As": np.sqrt(truth.sAs / (truth.sAs + options.damping * s @ s))}

    policy, theta_old, states, actions, Q = program_batch(-1)       # the first candidate is refused
    found = step(theta_old, states, actions, Q)
    kl = mean_kl(policy.family, policy.mu(theta_old, states), policy.mu(theta_old + found, states))
    first, *_ = trpo_update(policy, theta_old, Batch(states, actions, Q), options, None).candidates
    yield "on another batch the mean KL of the step, from 1e-4 to delta", kl, np.clip(kl, 1e-4, options.delta), {
        "no candidate is accepted": 0.0, "the KL of a candidate is not compared with delta": first.kl}
    yield L_does_not_fall(lambda policy, *batch: step(*batch))
    yield ("all Q are 0, so g is 0: theta stays", lambda: 1 + step(theta_old, states, actions, fixed(0 * Q)),
           np.ones(len(s)), {})
