"""The loop around the update."""
import sys

import environments  # noqa: F401
import numpy as np
import pytest

from trpo_numpy import training, trpo
from trpo_numpy.baseline import values
from trpo_numpy.config import PAPER, Config
from trpo_numpy.expected_return import discounted_sums
from trpo_numpy.mlp import MLP
from trpo_numpy.sampling import Path
from trpo_numpy.surrogate import Batch
from trpo_numpy.training import train
from trpo_numpy.trpo import trpo_update


def test_at_most_three_frames_from_the_loop_to_the_fisher_product(monkeypatch):
    stacks, product = [], trpo.fisher_vector_product

    def spy(*args):
        frame, names = sys._getframe(1), []
        while frame.f_code.co_name != "train":
            names.append(frame.f_code.co_name)
            frame = frame.f_back
        stacks.append(names)
        return product(*args)

    monkeypatch.setattr(trpo, "fisher_vector_product", spy)
    next(train(Config(env_id="Count-v0", batch_size=20)))
    assert ["conjugate_gradient", "trust_region_step", "trpo_update"] in stacks and max(map(len, stacks)) <= 3


@pytest.mark.parametrize("env_id", ["Count-v0", "DiscreteStates-v0", "MatrixActions-v0", "MultiDiscreteActions-v0"])
@pytest.mark.parametrize("options", [{}, PAPER, {"hidden_sizes": ()}, {"fisher_fraction": 0.5}], ids=str)
def test_trains_anything(env_id, options):
    iterations = list(train(Config(env_id=env_id, batch_size=50, timesteps=150, **options)))
    assert [i.timesteps for i in iterations] == [50, 100, 150] and [i.episodes for i in iterations] == [10, 20, 30]
    assert all(i.mean_return == 15 for i in iterations)
    assert np.isnan(iterations[-1].explained_variance) == (options is PAPER)


def test_no_reward_changes_nothing():
    iterations = list(train(Config(env_id="Equal-v0", batch_size=50, timesteps=100, **PAPER)))
    assert [i.update.status for i in iterations] == ["zero gradient"] * 2
    assert iterations[0].update.theta_new.tobytes() == iterations[1].update.theta_new.tobytes()


def test_the_same_seed_gives_the_same_bytes_and_another_others():
    def last(seed):
        *_, iteration = train(Config(env_id="Pendulum-v1", batch_size=400, timesteps=1200, seed=seed))
        return iteration.update.theta_new.tobytes()
    assert last(1) == last(1) != last(2)


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


def test_what_the_baseline_is_fitted_to():
    """baseline_lambda = 1: the sampled returns, then V(s_T); 0: one reward, then V. gae_lambda has no part in it."""
    rng = np.random.default_rng(0)
    network, rewards = MLP((3, 8, 1)), rng.standard_normal(4)
    phi, path = network.initial(rng, 1.0), Path(rng.standard_normal((5, 3)), np.zeros((4, 1)), rewards, False)
    V = values(network, phi, path.states)
    for baseline_lambda, wanted in [(1.0, discounted_sums([*rewards, V[-1]], 0.9)[:-1]), (0.0, rewards + 0.9 * V[1:])]:
        config = Config(gamma=0.9, gae_lambda=0.3, baseline_lambda=baseline_lambda)
        _, targets, V_found = training.batch_of([path], network, phi, config)
        assert np.allclose(targets, wanted, rtol=1e-12) and V_found.tolist() == V[:-1].tolist()


def test_what_an_iteration_reports():
    paths, sample = [], training.single_path

    def spy(*args):
        paths.append(sample(*args))
        return paths[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "single_path", spy)
        first, second = train(Config(env_id="Pendulum-v1", batch_size=600, timesteps=1200))
    assert first.mean_return == np.mean([path.rewards.sum() for path in paths[0]])
    assert second.episodes == 6 and second.timesteps == 1200 and 0.01 < second.explained_variance < 1


def test_scaling_is_that_of_the_paths_before():
    first, second = train(Config(env_id="Pendulum-v1", batch_size=400, timesteps=800))
    assert first.scaling.count == 0 and second.scaling.count == 400
    off = list(train(Config(env_id="Pendulum-v1", batch_size=400, timesteps=800, scale_observations=False)))
    assert off[-1].scaling.count == 0


def test_the_papers_advantages_are_the_sampled_Q():
    batches = []

    def spy(policy, theta, batch, config, rng):
        batches.append(batch)
        return trpo_update(policy, theta, batch, config, rng)

    next(train(Config(env_id="Terminates-v0", batch_size=6, gamma=0.5, **PAPER), spy))
    assert isinstance(batches[0], Batch) and batches[0].advantages.tolist() == [2.75, 3.5, 3.0] * 2


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


def test_each_iteration_has_random_numbers_of_its_own():
    seen = []

    def spy(policy, theta, batch, config, rng):
        seen.append(rng.random())
        return trpo_update(policy, theta, batch, config, rng)

    for _ in range(2):
        list(train(Config(env_id="Count-v0", batch_size=20, timesteps=60), spy))
    assert len(set(seen[:3])) == 3 and seen[:3] == seen[3:]


@pytest.mark.parametrize("vine_states, fraction", [(0, 0.3), (3, 1.0)])
def test_all_of_a_vines_states_are_in_A(vine_states, fraction):
    seen = []

    def spy(policy, theta, batch, config, rng):
        seen.append(config.fisher_fraction)
        return trpo_update(policy, theta, batch, config, rng)
    next(train(Config(batch_size=200, vine_states=vine_states, vine_length=5, fisher_fraction=0.3), spy))
    assert seen == [fraction]
