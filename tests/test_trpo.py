"""The update."""
import dataclasses
from functools import partial

import numpy as np
import pytest
from problems import FAMILIES, HIDDEN, random_problem

from trpo_numpy import trpo
from trpo_numpy.categorical import Categorical
from trpo_numpy.config import PAPER, Config
from trpo_numpy.conjugate_gradient import CurvatureError
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.surrogate import Batch, surrogate_and_kl
from trpo_numpy.trpo import trpo_update

rng = np.random.default_rng(0)

ALL = Config(fisher_fraction=1.0)  # all states in A


def with_advantages(batch, advantages):
    return dataclasses.replace(batch, advantages=advantages)


def test_accepted_and_refused_steps_over_many_batches():
    """Several hundred batches: L up and KL <= delta, or theta_old; and the line search is there for a reason."""
    accepted = refused = overshot = 0
    for seed in range(300):
        family, hidden = FAMILIES[seed % 3], HIDDEN[seed % 2 + 1]
        p = random_problem(family, hidden, seed=seed, N=12)
        config = dataclasses.replace(ALL, delta=[0.001, 0.01, 0.5][seed // 3 % 3], damping=[0.0, 0.1][seed % 2],
                                     max_backtracks=seed % 7)
        before = p.theta_old.tobytes()
        update = trpo_update(p.policy, p.theta_old, p.batch, config, rng)
        assert p.theta_old.tobytes() == before
        overshot += update.candidates[0].kl > config.delta
        assert update.L_old == pytest.approx(p.batch.advantages.mean(), abs=1e-15)
        if update.status == "accepted":
            accepted += 1
            L, kl = surrogate_and_kl(p.policy, p.batch, p.mu_old, p.log_q, update.theta_new)
            assert (update.L_new, update.kl_new) == (L, kl) and L > update.L_old and 0 < kl <= config.delta
            assert all(c.refused for c in update.candidates[:-1]) and not update.candidates[-1].refused
        else:
            refused += 1
            assert update.status == "no candidate accepted" and update.theta_new is p.theta_old
            assert update.L_new == update.L_predicted == update.L_old and update.kl_new == update.kl_predicted == 0
            assert all(c.refused for c in update.candidates)
    assert accepted > 200 and refused > 0, "both outcomes were to be seen"
    assert overshot > 0, "the full step beta s overshoots delta now and then: that is why there is a line search"


def test_the_record_is_appendix_c():
    p = random_problem(Gaussian(2), (5,), N=200)
    config = dataclasses.replace(ALL, delta=1e-8, cg_iterations=300, damping=0.0)
    update = trpo_update(p.policy, p.theta_old, p.batch, config, rng)
    step = update.theta_new - p.theta_old
    assert np.allclose(step, update.candidates[-1].beta * update.s, rtol=1e-6)
    assert update.candidates[0].beta == np.sqrt(2 * 1e-8 / update.sAs)
    assert update.kl_new == pytest.approx(update.kl_predicted, rel=0.01)  # the models hold for a small step
    assert update.L_new - update.L_old == pytest.approx(update.L_predicted - update.L_old, rel=0.01)
    assert update.sAs == pytest.approx(update.g @ update.s, rel=1e-3)  # A s = g, undamped and nearly solved
    assert len(update.residuals) <= 301 and update.residuals[-1] < 1e-3 * update.residuals[0]


@pytest.mark.parametrize("options", [{}, PAPER], ids=["defaults", "paper"])
def test_a_policy_that_has_made_up_its_mind_is_left_alone(options):
    """A bandit: the softmax saturates until neither g nor A is more than rounding, and L cannot improve."""
    for seed in (0, 21, 23):  # 21 (paper) and 23 (defaults) ended in a CurvatureError
        statuses = bandit_statuses(Config(**options), np.random.default_rng(seed))
        assert statuses[0] == "accepted" and "zero gradient" in statuses
        assert statuses[20:].count("accepted") < 15


def bandit_statuses(config, rng):
    """The statuses of 150 updates of a policy that earns 1 for action 1, and 0 for action 0."""
    policy = Policy(MLP((3, 8, 2)), Categorical((2,)))
    theta, statuses = policy.initial(rng, 0.0), []
    for _ in range(150):
        states, weights = rng.standard_normal((100, 3)), policy.unpack(theta)
        actions = np.array([policy.act(weights, s, rng) for s in states])
        batch = Batch(states, actions, actions[:, 0].astype(float))
        update = trpo_update(policy, theta, batch, config, rng)
        theta = update.theta_new
        statuses.append(update.status)
    return statuses


def test_states_of_A_that_feel_no_step_leave_theta_alone():
    theta_old, g = np.ones(3), np.arange(3.0)
    step = partial(trpo.trust_region_step, theta_old, 0.5, g, np.zeros_like, None, 0.0)
    update = step(Config(damping=0.5))
    assert update.status == "zero curvature" and update.theta_new is theta_old and (update.s == 2 * g).all()
    assert update.L_new == update.L_predicted == 0.5 and update.kl_new == update.kl_predicted == 0
    with pytest.raises(CurvatureError, match="A may be singular"):
        step(Config(damping=0.0))


def test_damping_is_in_the_direction_but_not_in_sAs():
    """With the damping counted into s'As the step would fall short of delta; the paper's s'As has none."""
    p = random_problem(Gaussian(2), (5,), N=200)
    update = trpo_update(p.policy, p.theta_old, p.batch, dataclasses.replace(ALL, damping=1.0, cg_iterations=60), rng)
    _, cache = p.policy.forward(p.theta_old, p.batch.states)
    As = trpo.fisher_vector_product(p.policy, p.theta_old, cache, p.mu_old, update.s)
    assert np.allclose(As + 1.0 * update.s, update.g, rtol=1e-6, atol=1e-9)
    update = trpo_update(p.policy, p.theta_old, p.batch, dataclasses.replace(ALL, delta=1e-8, damping=1.0), rng)
    assert update.candidates[0].kl == pytest.approx(1e-8, rel=0.01)


def test_zero_gradient_is_no_error():
    p = random_problem(Gaussian(2), (5,))
    update = trpo_update(p.policy, p.theta_old, with_advantages(p.batch, np.zeros(7)), Config(), rng)
    assert update.status == "zero gradient" and update.theta_new is p.theta_old
    assert update.candidates == [] and not update.s.any() and update.sAs == update.kl_new == update.kl_predicted == 0


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_an_advantage_that_is_not_finite_is_an_error(wrong):
    p = random_problem(Gaussian(2), (5,))
    with pytest.raises(FloatingPointError, match="advantages: got 1 that are not finite, the first in row 0"):
        trpo_update(p.policy, p.theta_old, with_advantages(p.batch, np.array([wrong, 1, 2, 3, 4, 5, 6])), Config(), rng)


def test_fisher_fraction_subsamples_only_the_metric():
    p = random_problem(Gaussian(2), (5,), N=2000)
    full = trpo_update(p.policy, p.theta_old, p.batch, ALL, rng)
    part = trpo_update(p.policy, p.theta_old, p.batch, Config(fisher_fraction=0.1), np.random.default_rng(1))
    assert np.array_equal(full.g, part.g) and not np.array_equal(full.s, part.s)
    assert full.s @ part.s / np.linalg.norm(full.s) / np.linalg.norm(part.s) > 0.9
    again = trpo_update(p.policy, p.theta_old, p.batch, Config(fisher_fraction=0.1), np.random.default_rng(1))
    assert np.array_equal(again.theta_new, part.theta_new)
