"""The training loop: what is sampled, what the batch holds, what goes from one iteration to the next."""
from dataclasses import replace
from time import perf_counter

import environments

import numpy as np
import pytest

from trpo_numpy.gaussian import Gaussian
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.practice import training
from trpo_numpy.practice.baseline import values
from trpo_numpy.practice.config import PAPER, Config
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.evaluation import greedy_returns
from trpo_numpy.practice.scaling import no_scaling, scale
from trpo_numpy.practice.training import Checkpoint, initial_checkpoint, policy_and_baseline, train
from trpo_numpy.sampling import Path, discounted_sums
from trpo_numpy.trpo import trpo_update


@pytest.fixture
def sampled_paths(monkeypatch):
    """The paths of each iteration of a run by single path, in a list that grows as the run goes on."""
    paths, single_path = [], training.single_path

    def spy(*arguments):
        paths.append(single_path(*arguments))
        return paths[-1]

    monkeypatch.setattr(training, "single_path", spy)
    return paths


@pytest.fixture
def reset_seeds(monkeypatch):
    """The seeds with which the environments of environments.py are reset, in a list that grows."""
    seeds, reset = [], environments.Count.reset

    def spy(self, *, seed=None, options=None):
        seeds.append(seed)
        return reset(self, seed=seed, options=options)

    monkeypatch.setattr(environments.Count, "reset", spy)
    return seeds


def spy_on(seen):
    """TRPO's update, which appends its arguments to the list seen."""
    def update(policy, theta_old, batch, options, rng):
        seen.append((theta_old, batch, options))
        return trpo_update(policy, theta_old, batch, options, rng)
    return update


@pytest.mark.parametrize("env_id", ["Count-v0", "DiscreteStates-v0", "MatrixActions-v0", "MultiDiscreteActions-v0"])
@pytest.mark.parametrize("options", [{}, PAPER, {"hidden_sizes": ()}, {"fisher_fraction": 0.5}], ids=str)
def test_trains_with_any_states_and_actions(env_id, options):
    iterations = list(train(Config(env_id=env_id, batch_size=50, timesteps=150, **options)))
    assert [i.timesteps for i in iterations] == [50, 100, 150] and [i.episodes for i in iterations] == [10, 20, 30]
    assert all(i.mean_return == 15 for i in iterations)
    assert np.isnan(iterations[-1].explained_variance) == (options is PAPER)


def test_row_n_of_a_batch_has_the_state_and_the_action_of_the_same_step(sampled_paths):
    """Its state is scaled, its action is raw: the policy's most probable action in that state, but for the noise."""
    seen = []
    options = {"env_id": "Pendulum-v1", "batch_size": 400, "timesteps": 800, "initial_log_std": -12.0}
    _, second = train(Config(**options), spy_on(seen))
    theta_old, batch, _ = seen[1]
    raw = np.concatenate([path.states[:-1] for path in sampled_paths[1]])
    assert batch.states.tobytes() == scale(second.scaling, raw).tobytes()
    assert batch.actions.tobytes() == np.concatenate([path.actions for path in sampled_paths[1]]).tobytes()
    means = second.policy.mu(theta_old, batch.states)[:, :1]
    assert abs(batch.actions - means).max() < 5e-5 < 5e-4 < abs(batch.actions[1:] - means[:-1]).max()


def test_the_papers_advantages_are_the_sampled_Q_of_the_same_rows():
    seen = []
    next(train(Config(env_id="Terminates-v0", batch_size=6, gamma=0.5, **PAPER), spy_on(seen)))
    batch = seen[0][1]
    assert batch.states[:, 0].tolist() == [0, 1, 2] * 2     # t, at which the reward is t + 1
    assert batch.Q.tolist() == [2.75, 3.5, 3.0] * 2


def estimate(rewards, terminated=False, **options):
    """What step 2 makes of one path with these rewards, and V (T + 1,) of its states."""
    rng, config = np.random.default_rng(0), Config(env_id="Pendulum-v1", hidden_sizes=(8,), **options)
    policy, baseline = policy_and_baseline(make_env(config), config)
    phi, states = baseline.initial(rng, 1.0), rng.standard_normal((len(rewards) + 1, 3))
    path = Path(states, np.zeros((len(rewards), 1)), np.array(rewards), terminated)
    checkpoint = Checkpoint(policy.initial(rng, 0.0), phi, no_scaling(3))
    return training.estimate_single_path([path], baseline, checkpoint, config), values(baseline, phi, states)


def test_the_baseline_is_fitted_to_returns_that_end_in_V():
    """baseline_lambda = 1: the sampled returns, then V(s_T); 0: one reward, then V. gae_lambda has no part in it."""
    rewards = np.random.default_rng(1).standard_normal(4)
    for baseline_lambda in (0.0, 1.0):
        (_, targets, V), V_path = estimate(rewards, gamma=0.9, gae_lambda=0.3, baseline_lambda=baseline_lambda)
        one_step = rewards + 0.9 * V_path[1:]
        wanted = discounted_sums([*rewards, V_path[-1]], 0.9)[:-1] if baseline_lambda else one_step
        assert np.allclose(targets, wanted, rtol=1e-12) and V.tobytes() == V_path[:-1].tobytes()


@pytest.mark.parametrize("standardized", [True, False])
def test_advantages_are_those_of_gae_lambda_and_have_mean_0_and_std_1_if_told_so(standardized):
    rewards = np.random.default_rng(1).standard_normal(4)
    (batch, *_), V = estimate(rewards, gamma=0.9, gae_lambda=0.0, standardize_advantages=standardized)
    A = rewards + 0.9 * V[1:] - V[:-1]
    assert np.allclose(batch.Q, (A - A.mean()) / A.std() if standardized else A, rtol=1e-12)


def test_after_a_terminal_state_nothing_follows_and_after_a_time_limit_V_does():
    options = {"gamma": 0.9, "gae_lambda": 0.0, "standardize_advantages": False}
    for terminated in (True, False):
        (batch, *_), V = estimate([1.0, 2.0], terminated, **options)
        assert batch.Q[-1] == pytest.approx(2 + (0 if terminated else 0.9 * V[2]) - V[1], rel=1e-12)


def test_no_reward_changes_nothing():
    iterations = list(train(Config(env_id="Equal-v0", batch_size=50, timesteps=100, **PAPER)))
    assert [i.update.status for i in iterations] == ["zero gradient"] * 2
    assert iterations[0].update.theta_new.tobytes() == iterations[1].update.theta_new.tobytes()


def test_the_same_seed_gives_the_same_bytes_and_another_others():
    def last(seed):
        *_, iteration = train(Config(env_id="Pendulum-v1", batch_size=400, timesteps=1200, seed=seed))
        return iteration.update.theta_new.tobytes()
    assert last(1) == last(1) != last(2)


def test_the_first_theta_and_phi_are_a_function_of_the_seed():
    policy, baseline = policy_and_baseline(make_env(Config("Pendulum-v1")), Config())
    first, again, other = (initial_checkpoint(policy, baseline, Config(seed=seed)) for seed in (1, 1, 2))
    assert first.theta.tobytes() == again.theta.tobytes() and first.phi.tobytes() == again.phi.tobytes()
    weights = first.theta != 0
    weights[-1] = False     # r, which is initial_log_std
    assert weights.sum() == 3 * 64 + 64 * 64 + 64 and (first.theta != other.theta)[weights].all()
    assert (first.phi != other.phi)[first.phi != 0].all()


@pytest.mark.parametrize("d_a, wanted", [(1, -0.2), (3, -0.2), (6, -0.2 - np.log(2)), (12, -0.2 - np.log(4))])
def test_more_than_three_dimensions_have_together_as_much_noise_as_three(d_a, wanted):
    policy, baseline = Policy(MLP((4, d_a)), Gaussian(d_a)), MLP((4, 1))
    r = policy.unpack(initial_checkpoint(policy, baseline, Config(initial_log_std=-0.2)).theta)[1]
    assert r == pytest.approx(np.full(d_a, wanted)) and np.exp(r).sum() <= 3 * np.exp(-0.2) + 1e-12


def test_the_first_policy_is_nearly_the_same_in_every_state_and_the_first_V_is_zero():
    policy, baseline = policy_and_baseline(make_env(Config("Pendulum-v1")), Config())
    checkpoint = initial_checkpoint(policy, baseline, Config(initial_log_std=-1.5))
    states = np.random.default_rng(0).standard_normal((100, 3))
    mean, r = policy.family.split(policy.mu(checkpoint.theta, states))
    assert 0 < abs(mean).max() < 0.05 and not values(baseline, checkpoint.phi, states).any()
    assert (r == -1.5).all() and checkpoint.scaling.count == 0
    assert (checkpoint.iteration, checkpoint.timesteps, checkpoint.episodes) == (0, 0, 0)


def test_each_episode_of_training_has_a_seed_of_its_own_and_none_is_one_of_evaluations(reset_seeds):
    list(train(Config(env_id="Count-v0", batch_size=20, timesteps=60, seed=3)))
    of_training = reset_seeds[:]
    assert of_training == [environments.reset_seed(3, episode) for episode in range(12)] and len(set(of_training)) == 12
    reset_seeds.clear()
    list(train(Config(env_id="Count-v0", batch_size=20, timesteps=60, seed=4)))
    assert len(set(of_training + reset_seeds)) == 24, "another seed has other episodes"
    reset_seeds.clear()
    env = make_env(Config("Count-v0"))
    policy, baseline = policy_and_baseline(env, Config())
    theta = initial_checkpoint(policy, baseline, Config()).theta
    list(greedy_returns(env, policy, theta, no_scaling(2), 3, 12))
    assert len(set(reset_seeds)) == 12 and not set(of_training) & set(reset_seeds)


def test_each_iteration_has_random_numbers_of_its_own():
    drawn = []

    def draw_first(policy, theta_old, batch, options, rng):
        drawn.append(rng.random())
        return trpo_update(policy, theta_old, batch, options, rng)

    for _ in range(2):
        list(train(Config(env_id="Count-v0", batch_size=20, timesteps=60), draw_first))
    assert len(set(drawn[:3])) == 3 and drawn[:3] == drawn[3:]


@pytest.mark.parametrize("option", [{"gae_lambda": 0.5}, {"shrink": 0.3}, {"initial_log_std": -1.0},
                                    {"baseline_lambda": 0.5}, {"baseline_steps": 1},
                                    {"baseline_cg_iterations": 2}, {"baseline_damping": 3.0},
                                    {"standardize_advantages": False}, {"gamma": 0.5}, {"damping": 2.0},
                                    {"max_backtracks": 0}, {"cg_iterations": 2}, {"baseline": False}], ids=str)
def test_each_option_makes_a_difference(option):
    settings = {"env_id": "Pendulum-v1", "batch_size": 400, "timesteps": 2000, "delta": 0.05}
    plain, other = ([i.update for i in train(Config(**{**settings, **option}))] for option in ({}, option))
    assert not np.array_equal(plain[-1].theta_new, other[-1].theta_new)
    assert abs(plain[0].L_old) < 1e-12 and ("standardize_advantages" in option) == (abs(other[0].L_old) > 1e-3)


def test_the_entropy_is_that_of_every_tenth_state():
    seen = []
    iteration = list(train(Config("CartPole-v1", batch_size=300, timesteps=900), spy_on(seen)))[-1]
    theta_old, batch, _ = seen[-1]
    entropies = iteration.policy.family.entropy(iteration.policy.mu(theta_old, batch.states))
    assert iteration.entropy == pytest.approx(entropies[::10].mean(), rel=1e-12)
    assert iteration.entropy != pytest.approx(entropies.mean(), rel=1e-6)


def test_what_an_iteration_reports(sampled_paths):
    seen, start = [], perf_counter()
    first, second = train(Config(env_id="Pendulum-v1", batch_size=600, timesteps=1200), spy_on(seen))
    assert sum(it.seconds_sampling + it.seconds_updating for it in (first, second)) < perf_counter() - start
    for iteration, paths, (theta_old, batch, _) in zip((first, second), sampled_paths, seen):
        assert iteration.mean_return == np.mean([path.rewards.sum() for path in paths])
        mu_old = iteration.policy.mu(theta_old, batch.states[::10])
        assert iteration.entropy == pytest.approx(iteration.policy.family.entropy(mu_old).mean(), rel=1e-12)
        assert iteration.checkpoint.theta.tobytes() == iteration.update.theta_new.tobytes()
        assert iteration.seconds_sampling > 0 and iteration.seconds_updating > 0
    assert (first.iteration, first.episodes, first.timesteps) == (1, 3, 600)
    assert (second.iteration, second.episodes, second.timesteps) == (2, 6, 1200)
    assert 0.01 < second.explained_variance < 1


def test_each_iteration_is_scaled_by_all_observations_of_the_iterations_before(sampled_paths):
    iterations = list(train(Config(env_id="Pendulum-v1", batch_size=400, timesteps=1600)))
    assert iterations[0].scaling.count == 0
    for n, iteration in enumerate(iterations, 1):
        so_far = np.concatenate([path.states[:-1].astype(float) for paths in sampled_paths[:n] for path in paths])
        for scaling in [iteration.checkpoint.scaling, *(later.scaling for later in iterations[n:n + 1])]:
            assert scaling.count == 400 * n == len(so_far)
            assert np.allclose(scaling.mean, so_far.mean(axis=0), rtol=0, atol=1e-12)
            assert np.allclose(scaling.std, so_far.std(axis=0), rtol=1e-12)


def test_without_scaling_the_policy_sees_raw_observations(sampled_paths):
    seen = []
    *_, last = train(Config(env_id="Pendulum-v1", batch_size=400, timesteps=800, scale_observations=False),
                     spy_on(seen))
    assert last.checkpoint.scaling.count == 0
    assert np.array_equal(seen[1][1].states, np.concatenate([path.states[:-1] for path in sampled_paths[1]]))


def test_a_vines_states_are_scaled_too():
    seen = []
    config = Config(env_id="Count-v0", batch_size=20, vine_states=20, vine_actions=4, vine_length=1, timesteps=200)
    first, second = train(config, spy_on(seen))     # every state of the trunk is in the rollout set
    assert first.timesteps == 100 and first.episodes == 4
    t = seen[1][1].states[:, 0] * second.scaling.std[0] + second.scaling.mean[0]
    assert second.scaling.mean[0] == 2 and np.allclose(t, np.round(t), rtol=0, atol=1e-12)
    assert set(np.round(t)) == {0, 1, 2, 3, 4} and np.allclose(seen[1][1].Q, t + 1)


def test_training_goes_on_from_a_state_to_the_same_bytes():
    options = {"env_id": "Pendulum-v1", "batch_size": 400}
    whole = list(train(Config(timesteps=1600, **options)))
    rest = list(train(Config(timesteps=1600, **options), checkpoint=whole[1].checkpoint))
    assert [i.iteration for i in rest] == [3, 4] and [i.timesteps for i in rest] == [1200, 1600]
    for first, second in zip(whole[2:], rest):
        assert first.update.theta_new.tobytes() == second.update.theta_new.tobytes()
        assert first.checkpoint.phi.tobytes() == second.checkpoint.phi.tobytes()
    assert not list(train(Config(timesteps=800, **options), checkpoint=whole[1].checkpoint))


def test_learns():
    """A short run on Pendulum-v1. Seeds 0 to 7 begin with -1103 to -1314 and end with -412 to -793."""
    returns = [i.mean_return for i in train(Config(timesteps=40_000, batch_size=1000))]
    assert np.mean(returns[-5:]) > -950 > np.mean(returns[:5])


@pytest.mark.parametrize("env_id, d_a", [("Count-v0", 1), ("MatrixActions-v0", 4), ("MultiDiscreteActions-v0", 2)])
def test_delta_is_for_each_dimension_of_the_action_unless_told_otherwise(env_id, d_a):
    for per_dimension, delta in [(True, 0.02 * d_a), (False, 0.02)]:
        config = Config(env_id=env_id, batch_size=50, delta=0.02, delta_per_dimension=per_dimension)
        update = next(train(config)).update
        assert update.delta == pytest.approx(delta) and update.kl_new <= update.delta
        assert update.candidates[0].beta == pytest.approx(np.sqrt(2 * delta / update.sAs))


@pytest.mark.parametrize("vine_states, fraction", [(0, 0.3), (3, 1.0)])
def test_all_of_a_vines_states_are_in_A(vine_states, fraction):
    seen = []
    config = Config(batch_size=200, vine_states=vine_states, vine_length=5, fisher_fraction=0.3)
    next(train(config, spy_on(seen)))
    assert seen[0][2].fisher_fraction == fraction


def test_a_policy_whose_actions_are_no_longer_finite_stops_training():
    """theta is finite, but its mean actions overflow; Pendulum-v1 itself would clip them and go on."""
    def too_far(policy, theta_old, batch, options, rng):
        theta_new = np.append(np.full(len(theta_old) - 1, 1e307), 0.0)
        return replace(trpo_update(policy, theta_old, batch, options, rng), theta_new=theta_new)

    iterations = train(Config(batch_size=200, timesteps=600, hidden_sizes=(50,)), too_far)
    assert next(iterations).iteration == 1
    with pytest.raises(FloatingPointError, match="policy: its actions are not finite"), np.errstate(all="ignore"):
        next(iterations)


def test_the_update_is_told_the_options_of_the_config():
    seen = []
    told = {"cg_iterations": 7, "fisher_fraction": 0.4, "shrink": 0.6, "max_backtracks": 4, "damping": 0.05}
    next(train(Config(env_id="Count-v0", batch_size=20, delta=0.03, **told), spy_on(seen)))
    assert {name: getattr(seen[0][2], name) for name in told} == told and seen[0][2].delta == 0.03
