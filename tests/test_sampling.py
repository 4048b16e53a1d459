"""Single path: whole paths, how states and actions align in them, and where their random numbers come from."""
import math
from itertools import count

from environments import reset_seed
from problems import sample_one

import numpy as np
import pytest

from trpo_numpy.checks import InputError
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.scaling import Scaling, no_scaling, scale
from trpo_numpy.sampling import Path, discounted_sums, first_state, rollout, sample_path, single_path


def still(s, rng):
    """The action 0 in every state."""
    return np.zeros(1)


def test_a_path_that_terminates_and_one_that_a_time_limit_ends():
    _, _, path = sample_one("Terminates-v0")
    assert path.terminated and path.rewards.tolist() == [1, 2, 3] and path.states[:, 0].tolist() == [0, 1, 2, 3]
    _, _, path = sample_one("Count-v0")
    assert not path.terminated and path.rewards.tolist() == [1, 2, 3, 4, 5]
    assert path.states.shape == (6, 2) and path.actions.shape == (5, 1)


def test_action_t_is_the_policys_in_state_t_and_reward_t_and_state_t_plus_1_follow_from_it():
    env, given = make_env(Config("Count-v0")), []

    def act(s, rng):
        given.append(s.copy())
        return np.array([0.1 * s[0]])  # s[0] is t

    path = sample_path(env, act, np.random.SeedSequence(0), 0)
    assert path.states[:-1].tobytes() == np.array(given).tobytes()
    assert path.actions[:, 0].tolist() == [0.1 * t for t in range(5)]
    assert path.states[:, 0].tolist() == [0, 1, 2, 3, 4, 5] and path.rewards.tolist() == [1, 2, 3, 4, 5]
    assert np.allclose(env.unwrapped.seen_actions, path.actions), "the environment's step t gets action t"


def test_the_states_of_a_path_are_raw_and_the_policy_sees_scaled_ones():
    scaling = Scaling(1, np.array([1.0, 2.0]), np.array([4.0, 16.0]))
    _, policy, raw = sample_one("Count-v0", act="act_greedily")
    _, _, scaled = sample_one("Count-v0", act="act_greedily", scaling=scaling)
    assert scaled.states.tobytes() == raw.states.tobytes()
    theta = policy.initial(np.random.default_rng(0), 0.0)
    for path, its_scaling in [(raw, no_scaling(2)), (scaled, scaling)]:
        means = policy.mu(theta, scale(its_scaling, path.states[:-1]))[:, :1]
        assert np.allclose(path.actions, means, rtol=0, atol=1e-14)


def test_an_episode_depends_on_the_seeds_and_its_number_only():
    env = make_env(Config("Pendulum-v1"))

    def act(s, rng):
        return rng.standard_normal(1)

    paths = {}
    for seed, episode in [(0, 3), (0, 1), (0, 3), (1, 3)]:
        path = sample_path(env, act, np.random.SeedSequence(seed), episode)
        before = paths.setdefault((seed, episode), path)
        assert path.states.tobytes() == before.states.tobytes() and path.actions.tobytes() == before.actions.tobytes()
    assert len({path.states.tobytes() for path in paths.values()}) == 3
    assert len({path.actions.tobytes() for path in paths.values()}) == 3


def test_seeds_with_another_spawn_key_give_other_episodes():
    env = make_env(Config("Pendulum-v1"))
    first_states = [first_state(env, np.random.SeedSequence(0, spawn_key=key), episode)[0].tobytes()
                    for key in [(0,), (1,), (2,), ()] for episode in range(3)]
    assert len(set(first_states)) == 12


def test_a_rollout_starts_where_the_environment_is_and_has_at_most_max_steps():
    env, rng = make_env(Config("Count-v0")), np.random.default_rng(0)
    s, _ = env.reset(seed=0)
    start = rollout(env, still, s, rng, 2)
    assert start.states[:, 0].tolist() == [0, 1, 2] and not start.terminated
    rest = rollout(env, still, start.states[-1], rng, math.inf)
    assert rest.states[:, 0].tolist() == [2, 3, 4, 5] and rest.rewards.tolist() == [3, 4, 5]
    env.reset(seed=0)
    none = rollout(env, still, s, rng, 0)
    assert none.states.shape == (1, 2) and len(none.rewards) == 0 and not none.terminated


@pytest.mark.parametrize("n_steps, n_paths", [(1, 1), (5, 1), (6, 2), (10, 2), (11, 3)])
def test_single_path_has_whole_paths_and_no_more_than_it_needs(n_steps, n_paths):
    episodes = (sample_path(make_env(Config("Count-v0")), still, np.random.SeedSequence(0), i) for i in count())
    paths = single_path(episodes, n_steps)
    assert len(paths) == n_paths and all(isinstance(path, Path) and len(path.rewards) == 5 for path in paths)
    assert len({path.states.tobytes() for path in paths}) == n_paths


def test_discounted_sums_by_hand():
    """3; 2 + 3/2; 1 + 3.5/2."""
    x = [1.0, 2.0, 3.0]
    assert discounted_sums(x, 0.5).tolist() == [2.75, 3.5, 3.0]
    assert discounted_sums(np.array(x), 0.0).tolist() == x and discounted_sums(x, 1.0).tolist() == [6.0, 5.0, 3.0]


def test_the_greedy_policy_has_no_noise():
    _, policy, path = sample_one("Pendulum-v1", act="act_greedily")
    theta = policy.initial(np.random.default_rng(0), 0.0)
    assert np.allclose(path.actions, policy.mu(theta, path.states[:-1])[:, :1], rtol=0, atol=1e-14)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("env_id, t, episode", [
    ("NaNReward-v0", 2, 3), ("InfiniteReward-v0", 0, 0), ("NaNObservation-v0", 4, 1), ("InfiniteObservation-v0", 4, 1),
    ("NaNReset-v0", None, 0)])
def test_numbers_that_are_not_finite_are_refused_where_they_come_in(env_id, t, episode):
    env, seeds = make_env(Config(env_id)), np.random.SeedSequence(0, spawn_key=(0,))
    for i in range(episode):
        sample_path(env, still, seeds, i)
    reset = f"reset(seed={reset_seed(0, episode)})"
    with pytest.raises(InputError) as error:
        sample_path(env, still, seeds, episode)
    place = reset if t is None else f"step {t} after {reset}"
    assert str(error.value).startswith(f"environment: {place} failed: got the reward ")
    assert str(error.value).endswith("and finite numbers of shape (2,)")
