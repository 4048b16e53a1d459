"""Vine: a trunk of paths, rollouts of K actions from some of its states, and L from them (Section 5.2).

Shapes: N states in the rollout set, K actions in each; d_s, d_a, d_mu dimensions of state, action and mu. A batch has
N*K rows, one per action: K rows for the first state, then K for the second, and so on.
`act(s, rng)` draws a ~ pi_old(.|s). An environment can be brought back by `restore_state(saved)` to where it was at
`saved = clone_state()`. config has batch_size, vine_states, vine_actions, vine_length and gamma (practice.config).
"""
import math
from functools import partial

import numpy as np

from trpo_numpy.categorical import Categorical
from trpo_numpy.sampling import discounted_sums, rollout, sample_path
from trpo_numpy.surrogate import Batch, importance_ratio


def every_action(family, max_actions):
    """All actions (K, d_a) of a finite set, for Eq. (15), or None if there are more than max_actions."""
    if not isinstance(family, Categorical) or math.prod(family.factor_sizes) > max_actions:
        return None
    return np.indices(family.factor_sizes).reshape(len(family.factor_sizes), -1).T


def sample_trunk(env, act, family, config, seeds, episode):
    """A path of pi_old, and its rollout set, to which each state of the path belongs with the same probability.

    The set has (s (d_s,), saved in s, actions (K, d_a), seed of the random numbers that its K rollouts have in common).
    The actions of a state are all that there are, if at most vine_actions; otherwise vine_actions draws from pi_old.
    """
    rollout_set, all_actions = [], every_action(family, config.vine_actions)

    def choose_state_and_act(s, rng):
        """act(s, rng), after s has joined the rollout set, or not."""
        if rng.random() < config.vine_states / config.batch_size:       # so the set has about vine_states states
            tried = all_actions
            if tried is None:   # as in Eq. (16)
                tried = np.array([act(s, rng) for _ in range(config.vine_actions)])
            rollout_set.append((s, env.clone_state(), tried, int(rng.integers(2 ** 63))))
        return act(s, rng)

    return sample_path(env, choose_state_and_act, seeds, episode), rollout_set


def rollout_Q(env, act, saved, noise_seed, a, config):
    """The sampled Q of the action a in a state of the rollout set, and the number of steps.

    The random numbers of policy and environment are the same for each action of the state (Section 5.2). The rollout
    ends with the episode or after vine_length steps, and leaves out what would follow.
    """
    env.restore_state(saved)
    rng, env.unwrapped.np_random = np.random.default_rng(noise_seed).spawn(2)
    s, reward, terminated, truncated, _ = env.step(a)
    rewards = [reward]
    if not (terminated or truncated):
        rewards += rollout(env, act, s, rng, config.vine_length - 1).rewards.tolist()
    return discounted_sums(rewards, config.gamma)[0], len(rewards)


def vine_path(env, act, family, config, seeds, episode):
    """A path of the trunk, and for each state of its rollout set (s (d_s,), actions (K, d_a), Q (K,), steps)."""
    path, rollout_set = sample_trunk(env, act, family, config, seeds, episode)
    branches = []
    for s, saved, actions, noise_seed in rollout_set:
        Q, lengths = zip(*[rollout_Q(env, act, saved, noise_seed, a, config) for a in actions])
        branches.append((s, actions, np.array(Q), sum(lengths)))
    return path, branches


def vine(episodes, n_steps):
    """Paths and branches from the iterator `episodes` of `vine_path`s, until the paths have at least n_steps steps."""
    paths, branches, steps = [], [], 0
    while steps < n_steps or not branches:
        path, its_branches = next(episodes)
        paths.append(path)
        branches += its_branches
        steps += len(path.rewards)
    return paths, branches


def vine_surrogate(K, family, mu, actions, Q, log_q):
    """The mean over states of L_n, Eq. (16): sum_k ratio_nk Q_nk / sum_k ratio_nk, for K actions from q = pi_old.

    Consistent as K grows. For a fixed K the gradient at theta_old is, on average, 1 - 1/K times that of L.
    """
    ratios = importance_ratio(family, mu, actions, log_q).reshape(-1, K)        # (N, K)
    return np.mean((ratios * Q.reshape(-1, K)).sum(axis=1) / ratios.sum(axis=1))


def grad_vine_surrogate(K, family, mu, actions, Q, log_q):
    """The derivative of Eq. (16) with respect to mu, (N*K, d_mu). It stays the same if a constant is added to Q_n."""
    ratios = importance_ratio(family, mu, actions, log_q).reshape(-1, K)        # (N, K)
    shares = ratios / ratios.sum(axis=1, keepdims=True)
    L_n = (shares * Q.reshape(-1, K)).sum(axis=1, keepdims=True)
    weights = (shares * (Q.reshape(-1, K) - L_n) / len(ratios)).reshape(-1, 1)  # (N*K, 1)
    return weights * family.grad_log_prob(mu, actions)


def vine_batch(branches, family, config):
    """The Batch of N*K rows, with Eq. (15) if the actions of a state are all that there are, otherwise Eq. (16).

    Eq. (15), sum_k pi_theta(a_k|s_n) Q_nk, is K times the mean over k: it is Eq. (14) with the uniform q = 1/K.
    """
    states, actions, Q, _ = zip(*branches)
    K = len(actions[0])
    rows = np.repeat(np.array(states), K, axis=0), np.concatenate(actions), np.concatenate(Q)
    if every_action(family, config.vine_actions) is not None:
        return Batch(*rows, log_q=np.full(len(rows[0]), -np.log(K)))
    return Batch(*rows, L=partial(vine_surrogate, K), grad_L=partial(grad_vine_surrogate, K))
