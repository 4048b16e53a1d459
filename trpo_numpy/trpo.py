"""Trust region policy optimisation (Section 6): one update, a transcript of Appendix C, and the loop around it.

Shapes: N samples, d_mu distribution parameters of the policy, P parameters.
"""
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import numpy as np

from trpo_numpy.baseline import (Scaling, explained_variance, fit_baseline, generalized_advantages, no_scaling,
                                 standardize, update_scaling, values)
from trpo_numpy.conjugate_gradient import conjugate_gradient
from trpo_numpy.expected_return import discounted_sums
from trpo_numpy.fisher import fisher_vector_product
from trpo_numpy.line_search import line_search, step_length
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.sampling import Batch, make_env, policy_for, single_path
from trpo_numpy.surrogate import grad_surrogate, surrogate, surrogate_and_mean_kl


@dataclass(frozen=True)
class Update:
    """What one update saw and did, in the letters of Appendix C."""
    theta: np.ndarray       # (P,) the new parameters; theta_old itself unless status is "accepted"
    status: str             # "accepted", "no candidate accepted" or "zero gradient"
    g: np.ndarray           # (P,) gradient of L at theta_old
    s: np.ndarray           # (P,) search direction, A s = g nearly
    sAs: float              # s'As, A undamped
    residuals: np.ndarray   # ||g - A s|| before each CG iteration and after the last, A damped
    candidates: list        # of line_search.Candidate: beta, L, KL, and why it was refused
    L_old: float            # L at theta_old
    L_new: float            # L at theta
    L_predicted: float      # L_old + g'(theta - theta_old)
    kl_new: float           # mean KL(theta_old || theta), nats
    kl_predicted: float     # 1/2 (theta - theta_old)'A(theta - theta_old)
    entropy: float          # mean entropy of pi_theta_old, nats


def trpo_update(policy, theta_old, batch, config, rng):
    """One step of the practical algorithm: Eq. (14) estimated on the batch, solved as in Appendix C. Returns an Update.

    rng (numpy.random.Generator) draws the states of the Fisher product if config.fisher_fraction < 1. Raises
    FloatingPointError or CurvatureError (conjugate_gradient.py) where the numbers cannot be trusted.
    """
    family = policy.family
    mu_old, cache = policy.forward(theta_old, batch.states)                         # (N, d_mu)
    log_q = family.log_prob(mu_old, batch.actions)                                  # (N,) single path: q = pi_old
    entropy = family.entropy(mu_old).mean()

    L_old = surrogate(family, mu_old, batch.actions, batch.advantages, log_q)       # Eq. (14)
    dL_dmu = grad_surrogate(family, mu_old, batch.actions, batch.advantages, log_q)  # (N, d_mu)
    g = policy.backprop(theta_old, cache, dL_dmu)                                   # (P,)
    if not g.any():  # no advantage differs from zero: L is flat
        return Update(theta_old, "zero gradient", g, 0 * g, 0.0, np.zeros(1), [],
                      L_old, L_old, L_old, 0.0, 0.0, entropy)

    mu_A, cache_A = mu_old, cache
    if config.fisher_fraction < 1:  # Appendix C.1: A is only a metric, some of the states will do
        n_rows = max(1, round(config.fisher_fraction * len(batch.states)))
        rows = rng.choice(len(batch.states), n_rows, replace=False)
        mu_A, cache_A = policy.forward(theta_old, batch.states[rows])
    A = partial(fisher_vector_product, policy, theta_old, cache_A, mu_A, 0.0)
    A_damped = partial(fisher_vector_product, policy, theta_old, cache_A, mu_A, config.damping)
    s, residuals = conjugate_gradient(A_damped, g, config.cg_iterations)            # A s = g
    sAs = s @ A(s)
    beta = step_length(sAs, config.delta)                                           # sqrt(2 delta / s'As)

    L_and_kl = partial(surrogate_and_mean_kl, policy, batch, mu_old, log_q)
    theta_new, candidates = line_search(L_and_kl, theta_old, s, beta, L_old, config.delta,
                                        config.shrink, config.max_backtracks)       # Eq. (55)
    last = candidates[-1]
    status, beta, L_new, kl_new = "accepted", last.beta, last.L, last.kl
    if last.refused:
        status, beta, L_new, kl_new = "no candidate accepted", 0.0, L_old, 0.0
    return Update(theta_new, status, g, s, sAs, residuals, candidates,
                  L_old, L_new, L_old + beta * (g @ s), kl_new, beta ** 2 * sAs / 2, entropy)


@dataclass(frozen=True)
class Iteration:
    """One turn of the training loop: what was sampled, and what the update made of it."""
    iteration: int              # from 1
    timesteps: int              # environment steps so far
    episodes: int               # paths so far
    mean_return: float          # mean raw return of this iteration's paths
    update: Update
    explained_variance: float   # of the baseline's targets by V, before its fit; NaN without a baseline
    seconds_sampling: float
    seconds_updating: float
    policy: Policy
    scaling: Scaling


def estimate_advantages(paths, network, phi, config):
    """Advantages (N,), the baseline's targets (N,) and V (N,); without a baseline, Q by its discounted sum (5.1)."""
    if not config.baseline:
        Q = np.concatenate([discounted_sums(path.rewards, config.gamma) for path in paths])
        return Q, Q, np.zeros_like(Q)
    V = [values(network, phi, path.states) for path in paths]
    advantages = np.concatenate([generalized_advantages(path, V_path, config.gamma, config.gae_lambda)
                                 for path, V_path in zip(paths, V)])
    V = np.concatenate([V_path[:-1] for V_path in V])
    return advantages, advantages + V, V


def train(config):
    """The practical algorithm (Section 6) until config.timesteps: yields an Iteration after each update."""
    env = make_env(config.env_id)
    policy = policy_for(env, config.hidden_sizes)
    baseline = MLP((*policy.network.sizes[:-1], 1))
    path_seeds, rng_seed = np.random.SeedSequence(config.seed).spawn(2)
    rng = np.random.default_rng(rng_seed)
    theta, phi = policy.initial(rng, config.initial_log_std), baseline.initial(rng, 0.01)
    scaling = no_scaling(policy.network.sizes[0])
    iteration = timesteps = episodes = 0
    while timesteps < config.timesteps:
        start = perf_counter()
        paths = single_path(env, policy, theta, scaling, config.batch_size, path_seeds, episodes)  # step 1
        sampled = perf_counter()

        advantages, targets, V = estimate_advantages(paths, baseline, phi, config)                  # step 2
        if config.standardize_advantages:
            advantages = standardize(advantages)
        states = np.concatenate([path.states[:-1] for path in paths])
        batch = Batch(states, np.concatenate([path.actions for path in paths]), advantages)
        update = trpo_update(policy, theta, batch, config, rng)                                     # step 3
        theta = update.theta

        iteration, timesteps, episodes = iteration + 1, timesteps + len(states), episodes + len(paths)
        mean_return = np.mean([path.rewards.sum() for path in paths])
        explained = explained_variance(V, targets) if config.baseline else np.nan
        if config.baseline:
            phi = fit_baseline(baseline, phi, states, targets, config)
        yield Iteration(iteration, timesteps, episodes, mean_return, update, explained, sampled - start,
                        perf_counter() - sampled, policy, scaling)
        if config.scale_observations:
            scaling = update_scaling(scaling, states)
