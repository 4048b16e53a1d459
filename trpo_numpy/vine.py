"""Vine: rollouts from states along the path, several actions in each, and L from them (Section 5.2).

Shapes: N states in the rollout set, K actions in each; d_s, d_a, d_mu dimensions of state, action and mu. Actions
(N*K, d_a), Q (N*K,) and log q(a|s) (N*K,) have K rows for state 0, then K for state 1, and so on.
"""
import math
from functools import partial

import numpy as np

from trpo_numpy.baseline import no_scaling
from trpo_numpy.environment import restore, save
from trpo_numpy.expected_return import discounted_sums
from trpo_numpy.sampling import follow, sample_path
from trpo_numpy.surrogate import Batch, importance_ratio, log_prob, sum_grad_log_prob


def all_actions_surrogate(family, mu, actions, Q, log_q):
    """The average over states of Eq. (15): the K actions of each state are all that there are. (log_q is not used.)"""
    return np.sum(np.exp(log_prob(family, mu, actions)) * Q) / len(mu)


def grad_all_actions_surrogate(family, mu, actions, Q, log_q):
    """Its derivative with respect to mu, (N, d_mu)."""
    return sum_grad_log_prob(family, mu, actions, np.exp(log_prob(family, mu, actions)) * Q / len(mu))


def vine_surrogate(family, mu, actions, Q, log_q):
    """The average over states of the self-normalised Eq. (16): K actions of each state, from q = pi_old.

    It is consistent in K, not in N: few actions see only a part of L's change. At theta_old its gradient is on average
    1 - 1/K times that of L: only the length is wrong.
    """
    ratios = importance_ratio(family, mu, actions, log_q).reshape(len(mu), -1)  # (N, K)
    return np.mean((ratios * Q.reshape(ratios.shape)).sum(axis=1) / ratios.sum(axis=1))


def grad_vine_surrogate(family, mu, actions, Q, log_q):
    """Its derivative with respect to mu, (N, d_mu): a constant added to a state's Q does not change it."""
    ratios = importance_ratio(family, mu, actions, log_q).reshape(len(mu), -1)  # (N, K)
    shares = ratios / ratios.sum(axis=1, keepdims=True)
    Q = Q.reshape(ratios.shape)
    L_n = (shares * Q).sum(axis=1, keepdims=True)
    return sum_grad_log_prob(family, mu, actions, (shares * (Q - L_n) / len(mu)).ravel())


def check_restorable(env, policy):
    """Raises ValueError unless env, restored, repeats the same 20 steps bitwise, rewards included.

    Where env fails without being restored, raises what `sample_path` does.
    """
    weights, scaling = policy.unpack(policy.initial(np.random.default_rng(0), 0.0)), no_scaling(policy.network.sizes[0])
    sample_path(env, policy.act, weights, scaling, np.random.SeedSequence(0), 0)
    try:
        observation, _ = env.reset(seed=0)
        saved, paths = save(env), []
        for _ in range(2):
            restore(env, saved)
            paths.append(follow(env, policy.act, weights, scaling, observation, np.random.default_rng(0), 20, "a test"))
        first, second = ((path.states.tobytes(), path.rewards.tobytes(), path.terminated) for path in paths)
        problem = None if first == second else "it goes on differently"
    except Exception as error:  # copying fails in as many ways as there are libraries behind environments
        problem = f"{type(error).__name__}: {error}"
    if problem:
        raise ValueError(f"env_id: {env.spec.id} cannot be restored to an earlier state ({problem}); wanted an "
                         "environment that can, or vine_states 0")


def act_first(first, policy, weights, s, rng):
    """The action in the list `first`, once; then `policy.act`."""
    return first.pop() if first else policy.act(weights, s, rng)


def rollout_return(env, policy, weights, scaling, a, noise_seed, config):
    """The sampled Q of action a in the state in which env is, and the number of steps.

    noise_seed seeds the random numbers of the policy and of the environment, common to all actions of a state (Section
    5.2). The rollout ends with the episode or after config.vine_length steps; what would follow is not counted.
    """
    rng, env.unwrapped.np_random = np.random.default_rng(noise_seed).spawn(2)
    act, anything = partial(act_first, [a], policy), scaling.mean  # a is given, whatever is observed
    rewards = follow(env, act, weights, scaling, anything, rng, config.vine_length, "a rollout").rewards
    return discounted_sums(rewards, config.gamma)[0], len(rewards)


def all_actions(family, most):
    """Every action of a finite set (K, d_a), or None if there are more than `most`, or infinitely many."""
    sizes = getattr(family, "factor_sizes", (math.inf,))
    if math.prod(sizes) > most:
        return None
    return np.indices(sizes).reshape(len(sizes), -1).T


def branch(env, policy, weights, scaling, s, rng, config):
    """Actions (K, d_a) in the state s (d_s,), in which env is, their Q (K,), and the number of steps; env is restored.

    The actions are all that there are if these are at most config.vine_actions, else so many from q = pi_old.
    """
    actions = all_actions(policy.family, config.vine_actions)
    if actions is None:
        actions = np.array([policy.act(weights, s, rng) for _ in range(config.vine_actions)])
    saved, noise_seed, rollouts = save(env), int(rng.integers(2 ** 63)), []
    for a in actions:
        rollouts.append(rollout_return(env, policy, weights, scaling, a, noise_seed, config))
        restore(env, saved)
    Q, lengths = zip(*rollouts)
    return actions, np.array(Q), sum(lengths)


def act_and_branch(env, policy, scaling, config, branches, weights, s, rng):
    """`policy.act`; but first, with the same probability for each s, vine_states / batch_size, a branch from s."""
    if rng.random() < config.vine_states / config.batch_size:
        branches.append((s, *branch(env, policy, weights, scaling, s, rng, config)))
    return policy.act(weights, s, rng)


def vine_path(env, policy, weights, scaling, config, seeds, episode):
    """A path of the trunk, as `sample_path`, and the branches from it: a list of (s, actions, Q, steps)."""
    branches = []
    act = partial(act_and_branch, env, policy, scaling, config, branches)
    return sample_path(env, act, weights, scaling, seeds, episode), branches


def vine(episodes, policy, config):
    """A trunk, whole paths of config.batch_size steps or more, and branches from its states (Section 5.2).

    On average config.vine_states of each batch_size states have branches. episodes yields what `vine_path` returns.
    Returns the trunk, a list of Path; the Batch, N states with K actions, Q for advantages, and the estimator, Eq. (15)
    or (16); and the number of all environment steps.
    """
    paths, branches, n_steps = [], [], 0
    while n_steps < config.batch_size or not branches:
        path, offshoots = next(episodes)
        paths.append(path)
        branches += offshoots
        n_steps += len(path.rewards)
    states, actions, Q, steps = zip(*branches)
    L, grad_L = vine_surrogate, grad_vine_surrogate  # Eq. (16)
    if all_actions(policy.family, config.vine_actions) is not None:
        L, grad_L = all_actions_surrogate, grad_all_actions_surrogate  # Eq. (15)
    return paths, Batch(np.array(states), np.concatenate(actions), np.concatenate(Q), L, grad_L), n_steps + sum(steps)
