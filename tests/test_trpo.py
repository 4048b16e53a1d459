"""The update and the loop around it."""
import dataclasses
import sys

import environments  # noqa: F401
import numpy as np
import pytest
from problems import FAMILIES, HIDDEN, random_problem

from trpo_numpy import trpo
from trpo_numpy.config import PAPER, Config
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.sampling import Batch
from trpo_numpy.surrogate import surrogate_and_mean_kl
from trpo_numpy.trpo import train, trpo_update

rng = np.random.default_rng(0)


def with_advantages(batch, advantages):
    return dataclasses.replace(batch, advantages=advantages)


def test_accepted_and_refused_steps_over_many_batches():
    """Several hundred batches: L up and KL <= delta, or theta_old; and the line search is there for a reason."""
    accepted = refused = overshot = 0
    for seed in range(300):
        family, hidden = FAMILIES[seed % 3], HIDDEN[seed % 2 + 1]
        p = random_problem(family, hidden, seed=seed, N=12)
        config = Config(delta=[0.001, 0.01, 0.5][seed // 3 % 3], damping=[0.0, 0.1][seed % 2], max_backtracks=seed % 7)
        before = p.theta_old.tobytes()
        update = trpo_update(p.policy, p.theta_old, p.batch, config, rng)
        assert p.theta_old.tobytes() == before
        overshot += update.candidates[0].kl > config.delta
        assert update.L_old == pytest.approx(p.batch.advantages.mean(), abs=1e-15)
        if update.status == "accepted":
            accepted += 1
            L, kl = surrogate_and_mean_kl(p.policy, p.batch, p.mu_old, p.log_q, update.theta)
            assert (update.L_new, update.kl_new) == (L, kl) and L > update.L_old and 0 < kl <= config.delta
            assert all(c.refused for c in update.candidates[:-1]) and not update.candidates[-1].refused
        else:
            refused += 1
            assert update.status == "no candidate accepted" and update.theta is p.theta_old
            assert (update.L_new, update.kl_new) == (update.L_old, 0)
            assert all(c.refused for c in update.candidates)
    assert accepted > 200 and refused > 0, "both outcomes were to be seen"
    assert overshot > 0, "the full step beta s overshoots delta now and then: that is why there is a line search"


def test_the_record_is_appendix_c():
    p = random_problem(Gaussian(2), (5,), N=200)
    update = trpo_update(p.policy, p.theta_old, p.batch, Config(delta=1e-8, cg_iterations=300, damping=0.0), rng)
    step = update.theta - p.theta_old
    assert np.allclose(step, update.candidates[-1].beta * update.s, rtol=1e-6)
    assert update.candidates[0].beta == np.sqrt(2 * 1e-8 / update.sAs)
    assert update.kl_new == pytest.approx(update.kl_predicted, rel=0.01)  # the models hold for a small step
    assert update.L_new - update.L_old == pytest.approx(update.L_predicted - update.L_old, rel=0.01)
    assert update.sAs == pytest.approx(update.g @ update.s, rel=1e-3)  # A s = g, undamped and nearly solved
    assert len(update.residuals) <= 301 and update.residuals[-1] < 1e-3 * update.residuals[0]


def test_damping_is_in_the_direction_but_not_in_sAs():
    """With the damping counted into s'As the step would fall short of delta; the paper's s'As has none."""
    p = random_problem(Gaussian(2), (5,), N=200)
    update = trpo_update(p.policy, p.theta_old, p.batch, Config(damping=1.0, cg_iterations=60), rng)
    _, cache = p.policy.forward(p.theta_old, p.batch.states)
    damped_As = trpo.fisher_vector_product(p.policy, p.theta_old, cache, p.mu_old, 1.0, update.s)
    assert np.allclose(damped_As, update.g, rtol=1e-6, atol=1e-9)
    update = trpo_update(p.policy, p.theta_old, p.batch, Config(delta=1e-8, damping=1.0), rng)
    assert update.candidates[0].kl == pytest.approx(1e-8, rel=0.01)


def test_zero_gradient_is_no_error():
    p = random_problem(Gaussian(2), (5,))
    update = trpo_update(p.policy, p.theta_old, with_advantages(p.batch, np.zeros(7)), Config(), rng)
    assert update.status == "zero gradient" and update.theta is p.theta_old and update.candidates == []


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_an_advantage_that_is_not_finite_is_an_error(wrong):
    p = random_problem(Gaussian(2), (5,))
    with pytest.raises(FloatingPointError, match="wanted a finite number"):
        trpo_update(p.policy, p.theta_old, with_advantages(p.batch, np.array([wrong, 1, 2, 3, 4, 5, 6])), Config(), rng)


def test_fisher_fraction_subsamples_only_the_metric():
    p = random_problem(Gaussian(2), (5,), N=2000)
    full = trpo_update(p.policy, p.theta_old, p.batch, Config(), rng)
    part = trpo_update(p.policy, p.theta_old, p.batch, Config(fisher_fraction=0.1), np.random.default_rng(1))
    assert np.array_equal(full.g, part.g) and not np.array_equal(full.s, part.s)
    assert full.s @ part.s / np.linalg.norm(full.s) / np.linalg.norm(part.s) > 0.9
    again = trpo_update(p.policy, p.theta_old, p.batch, Config(fisher_fraction=0.1), np.random.default_rng(1))
    assert np.array_equal(again.theta, part.theta)


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
    assert ["conjugate_gradient", "trpo_update"] in stacks and max(map(len, stacks)) <= 3


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
    assert iterations[0].update.theta.tobytes() == iterations[1].update.theta.tobytes()


def test_the_same_seed_gives_the_same_bytes_and_another_others():
    def last(seed):
        return list(train(Config(env_id="Pendulum-v1", batch_size=400, timesteps=1200, seed=seed)))[-1]
    assert last(1).update.theta.tobytes() == last(1).update.theta.tobytes() != last(2).update.theta.tobytes()


@pytest.mark.parametrize("option", [{"gae_lambda": 0.5}, {"shrink": 0.3}, {"initial_log_std": -1.0},
                                    {"baseline_cg_iterations": 2}, {"baseline_damping": 3.0}, {"baseline_steps": 1},
                                    {"standardize_advantages": False}, {"gamma": 0.5}, {"damping": 2.0},
                                    {"max_backtracks": 0}, {"cg_iterations": 2}, {"baseline": False}], ids=str)
def test_each_option_makes_a_difference(option):
    settings = {"env_id": "Pendulum-v1", "batch_size": 400, "timesteps": 2000, "delta": 0.05}
    plain, other = ([i.update for i in train(Config(**{**settings, **option}))] for option in ({}, option))
    assert not np.array_equal(plain[-1].theta, other[-1].theta)
    assert abs(plain[0].L_old) < 1e-12 and ("standardize_advantages" in option) == (abs(other[0].L_old) > 1e-3)


def test_what_an_iteration_reports():
    paths, sample = [], trpo.single_path

    def spy(*args):
        paths.append(sample(*args))
        return paths[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trpo, "single_path", spy)
        first, second = train(Config(env_id="Pendulum-v1", batch_size=600, timesteps=1200))
    assert first.mean_return == np.mean([path.rewards.sum() for path in paths[0]])
    assert second.episodes == 6 and second.timesteps == 1200 and 0.01 < second.explained_variance < 1


def test_scaling_is_that_of_the_paths_before():
    first, second = train(Config(env_id="Pendulum-v1", batch_size=400, timesteps=800))
    assert first.scaling.count == 0 and second.scaling.count == 400
    off = list(train(Config(env_id="Pendulum-v1", batch_size=400, timesteps=800, scale_observations=False)))
    assert off[-1].scaling.count == 0


def test_the_papers_advantages_are_the_sampled_Q():
    batches, update = [], trpo.trpo_update

    def spy(policy, theta, batch, config, rng):
        batches.append(batch)
        return update(policy, theta, batch, config, rng)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trpo, "trpo_update", spy)
        next(train(Config(env_id="Terminates-v0", batch_size=6, gamma=0.5, **PAPER)))
    assert isinstance(batches[0], Batch) and batches[0].advantages.tolist() == [2.75, 3.5, 3.0] * 2


def test_learns():
    """A short run on Pendulum-v1: far above a random policy's -1200. The curves are in tutorials/results."""
    returns = [i.mean_return for i in train(Config(timesteps=40_000, batch_size=1000))]
    assert np.mean(returns[-5:]) > -500 > -900 > np.mean(returns[:5])
