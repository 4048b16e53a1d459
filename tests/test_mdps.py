"""Random policies are what their concentration says, and Gymnasium's MDPs what its environments do."""
from mdps import gymnasium_mdp, random_policy
from problems import GYMNASIUM

import gymnasium as gym
import numpy as np
import pytest

from trpo_numpy.checks import InputError
from trpo_numpy.expected_return import expected_return


def test_a_random_policy_is_above_0_everywhere_and_follows_its_concentration():
    """As pi_old of Section 4 has to be, also where the Dirichlet distribution gives exact zeros."""
    rng = np.random.default_rng(0)
    nearly_deterministic, nearly_uniform = (random_policy(rng, 50, 4, concentration) for concentration in (1e-3, 1e4))
    assert nearly_deterministic.min() > 0 and np.median(nearly_deterministic.max(axis=1)) > 0.99
    assert abs(nearly_uniform - 0.25).max() < 0.05
    assert np.allclose(nearly_deterministic.sum(axis=1), 1, rtol=0, atol=1e-15)


@pytest.mark.parametrize("env_id, kwargs", GYMNASIUM)
def test_a_gymnasium_mdp_is_its_table_and_where_episodes_end_it_absorbs_without_reward(env_id, kwargs):
    mdp, env = gymnasium_mdp(env_id, 0.9, **kwargs), gym.make(env_id, **kwargs).unwrapped
    table = {(s, a): env.P[s][a] for s in env.P for a in env.P[s]}
    ends = {s_next for outcomes in table.values() for _, s_next, _, terminated in outcomes if terminated}
    assert ends and mdp.gamma == 0.9 and np.array_equal(mdp.rho_0, env.initial_state_distrib)
    for (s, a), outcomes in table.items():
        if s in ends:
            assert mdp.P[s, a, s] == 1 and mdp.r[s, a] == 0
        else:
            assert mdp.r[s, a] == pytest.approx(sum(p * reward for p, _, reward, _ in outcomes), abs=1e-15)
            for to in {s_next for _, s_next, _, _ in outcomes}:
                assert mdp.P[s, a, to] == pytest.approx(sum(p for p, s_next, _, _ in outcomes if s_next == to))


def test_returns_sampled_in_frozen_lake_agree_with_eta():
    mdp = gymnasium_mdp("FrozenLake-v1", 0.9)
    pi = random_policy(np.random.default_rng(1), 16, 4, 3.0)
    env, rng, returns = gym.make("FrozenLake-v1", max_episode_steps=1000), np.random.default_rng(0), []
    for episode in range(2000):
        (s, _), G, t, ended = env.reset(seed=episode), 0.0, 0, False
        while not ended:
            s, reward, ended, _, _ = env.step(int(rng.choice(4, p=pi[s])))
            G, t = G + mdp.gamma ** t * reward, t + 1
        returns.append(G)
    assert abs(np.mean(returns) - expected_return(mdp, pi)) < 3 * np.std(returns) / np.sqrt(len(returns))


def test_options_of_the_environment_are_passed_on():
    slippery, certain = gymnasium_mdp("FrozenLake-v1", 0.9), gymnasium_mdp("FrozenLake-v1", 0.9, is_slippery=False)
    assert set(np.unique(certain.P)) == {0, 1} and slippery.P[0].max() < 1


def test_an_environment_without_tables_is_refused():
    with pytest.raises(InputError, match="^env_id: got 'CartPole-v1', wanted an environment with P and init"):
        gymnasium_mdp("CartPole-v1", 0.9)
