"""Section 7's special cases and Section 8.1's ablations, against TRPO where the paper says that they coincide."""
import dataclasses
from functools import partial

import environments  # noqa: F401
import numpy as np
import pytest
from problems import FAMILIES, random_problem
from scipy.optimize import minimize

from trpo_numpy import prior_work
from trpo_numpy.config import PAPER, Config
from trpo_numpy.fisher import fisher_vector_product
from trpo_numpy.categorical import Categorical
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.prior_work import empirical_fim_update, max_kl_update, natural_gradient_update, policy_gradient_update
from trpo_numpy.surrogate import Batch, surrogate_and_kl
from trpo_numpy.training import train
from trpo_numpy.trpo import trpo_update
from trpo_numpy.vine import all_actions, all_actions_surrogate, grad_all_actions_surrogate

rng = np.random.default_rng(0)
UPDATES = [trpo_update, partial(natural_gradient_update, step=0.1), partial(policy_gradient_update, step=0.1),
           empirical_fim_update, max_kl_update]

CONFIG = Config(fisher_fraction=1.0)  # all states in A, as the siblings have them


@pytest.fixture(params=FAMILIES, ids=str)
def p(request):
    return random_problem(request.param, (5,), N=60)


def test_natural_gradient_has_trpos_direction(p):
    trpo = trpo_update(p.policy, p.theta_old, p.batch, CONFIG, rng)
    natural = natural_gradient_update(p.policy, p.theta_old, p.batch, CONFIG, rng, 0.7)
    assert np.array_equal(natural.s, trpo.s) and natural.sAs == trpo.sAs and natural.entropy == trpo.entropy
    assert np.array_equal(natural.theta_new, p.theta_old + 0.7 * trpo.s)
    same_step = natural_gradient_update(p.policy, p.theta_old, p.batch, CONFIG, rng, trpo.candidates[-1].beta)
    assert np.array_equal(same_step.theta_new, trpo.theta_new) and same_step.kl_new == trpo.kl_new
    assert same_step.kl_predicted == pytest.approx(trpo.kl_predicted, rel=1e-12)


def test_policy_gradient_has_trpos_gradient(p):
    trpo = trpo_update(p.policy, p.theta_old, p.batch, CONFIG, rng)
    policy_gradient = policy_gradient_update(p.policy, p.theta_old, p.batch, CONFIG, rng, 0.01)
    assert np.array_equal(policy_gradient.g, trpo.g) and policy_gradient.entropy == trpo.entropy
    assert np.array_equal(policy_gradient.theta_new, p.theta_old + 0.01 * trpo.g)
    small = policy_gradient_update(p.policy, p.theta_old, p.batch, CONFIG, rng, 1e-5)
    assert small.L_new - small.L_old == pytest.approx(small.L_predicted - small.L_old, rel=1e-2)
    assert small.kl_new == pytest.approx(small.kl_predicted, rel=1e-2)


def test_empirical_fim_of_all_actions_is_the_analytic_one():
    p = random_problem(Categorical((2, 4)), (5,), N=60)
    every = np.tile(all_actions(p.family, 8), (60, 1))
    batch = Batch(p.batch.states, every, rng.standard_normal(480), all_actions_surrogate, grad_all_actions_surrogate)
    trpo = trpo_update(p.policy, p.theta_old, batch, CONFIG, rng)
    empirical = empirical_fim_update(p.policy, p.theta_old, batch, CONFIG, rng)
    assert np.allclose(empirical.s, trpo.s, rtol=1e-8) and empirical.sAs == pytest.approx(trpo.sAs)


def test_a_fixed_step_out_of_all_numbers_is_an_error():
    p = random_problem(Gaussian(2), (5,), N=60)
    for update in (natural_gradient_update, policy_gradient_update):
        with np.errstate(all="ignore"):
            assert update(p.policy, p.theta_old, p.batch, CONFIG, rng, 1e155).kl_new == np.inf
            with pytest.raises(FloatingPointError, match="step: got inf, after which theta is not finite, wanted"):
                update(p.policy, p.theta_old, p.batch, CONFIG, rng, np.inf)


@pytest.mark.parametrize("wrong", [1e3, 1e6])
def test_a_fixed_step_is_taken_whatever_comes_of_it(wrong):
    p = random_problem(Gaussian(2), (5,), N=60)
    with np.errstate(over="ignore"):
        update = natural_gradient_update(p.policy, p.theta_old, p.batch, CONFIG, rng, wrong)
    assert update.status == "accepted" and not update.L_new > update.L_old and not update.kl_new < 1


def test_a_policy_that_has_made_up_its_mind_is_left_alone_whatever_the_unit_of_Q():
    policy, states = Policy(MLP((3, 2)), Categorical((2,))), rng.standard_normal((50, 3))
    theta = policy.initial(rng, 0.0)
    theta[-2] = 38.0  # the first action's bias: p of the other is exp(-38)
    for unit in (1e-6, 1.0, 1e6):
        batch = Batch(states, np.zeros((50, 1), int), unit * rng.uniform(1, 2, 50))
        for update in (trpo_update, max_kl_update, empirical_fim_update):
            assert update(policy, theta, batch, Config(**PAPER), rng).status == "zero gradient"
        assert np.array_equal(natural_gradient_update(policy, theta, batch, Config(**PAPER), rng, 1.0).theta_new, theta)
    p = random_problem(Gaussian(2), (5,))
    tiny = dataclasses.replace(p.batch, advantages=1e-20 * p.batch.advantages)
    assert trpo_update(p.policy, p.theta_old, tiny, CONFIG, rng).status == "accepted"


def test_empirical_fim_converges_to_the_analytic_one_as_actions_are_resampled(p):
    """Products with K actions in each state against J'MJ: the error falls as 1/sqrt(K)."""
    y = rng.standard_normal(len(p.theta_old))
    mu, cache = p.policy.forward(p.theta_old, p.batch.states)
    analytic = fisher_vector_product(p.policy, p.theta_old, cache, mu, y)
    layers, r = p.policy.unpack(p.theta_old)
    output = p.policy.network.output(layers, p.batch.states)
    errors = []
    for K in (30, 3000):
        trials = []
        for _ in range(5):
            actions = p.family.sample(np.repeat(output, K, axis=0), r, rng)
            scores = p.family.grad_log_prob(np.repeat(mu, K, axis=0), actions).reshape(len(mu), K, -1)
            product = prior_work.empirical_fisher_product(p.policy, p.theta_old, cache, scores, 1 / K, y)
            trials.append(np.linalg.norm(product - analytic) / np.linalg.norm(analytic))
        errors.append(np.sqrt(np.mean(np.square(trials))))
    assert errors[1] < 0.03 and 5 < errors[0] / errors[1] < 20, "a hundred times the actions, a tenth of the error"


def test_empirical_fim_is_trpo_with_another_metric():
    p = random_problem(Gaussian(2), (), N=20_000)
    trpo = trpo_update(p.policy, p.theta_old, p.batch, CONFIG, rng)
    empirical = empirical_fim_update(p.policy, p.theta_old, p.batch, CONFIG, rng)
    assert np.array_equal(empirical.g, trpo.g) and not np.array_equal(empirical.s, trpo.s)
    assert empirical.entropy == trpo.entropy == max_kl_update(p.policy, p.theta_old, p.batch, CONFIG, rng, 1).entropy
    assert empirical.s @ trpo.s / np.linalg.norm(empirical.s) / np.linalg.norm(trpo.s) > 0.95
    L, kl = surrogate_and_kl(p.policy, p.batch, p.mu_old, p.log_q, empirical.theta_new)
    assert (L, kl) == (empirical.L_new, empirical.kl_new) and empirical.status == "accepted" and kl <= 0.01


def test_empirical_fim_of_each_action_twice_is_the_same():
    p = random_problem(Gaussian(2), (5,), N=60)
    actions, advantages = np.repeat(p.batch.actions, 2, axis=0), np.repeat(p.batch.advantages, 2)
    twice = dataclasses.replace(p.batch, actions=actions, advantages=advantages)
    once, again = (empirical_fim_update(p.policy, p.theta_old, batch, CONFIG, rng) for batch in (p.batch, twice))
    assert np.allclose(again.s, once.s, rtol=1e-9) and again.sAs == pytest.approx(once.sAs, rel=1e-9)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_max_kl_solves_eq_11_to_second_order(family):
    """Against SciPy's solver, given every state's constraint s'A_ns <= 2 delta, on a linear policy."""
    p = random_problem(family, (), N=40)
    config = Config(fisher_fraction=1.0, delta=1e-6, damping=0.0, cg_iterations=50)
    update = max_kl_update(p.policy, p.theta_old, p.batch, config, rng, n_rounds=500)
    _, cache = p.policy.forward(p.theta_old, p.batch.states)
    per_state = [np.array([prior_work.weighted_fisher_product(p.policy, p.theta_old, cache, p.mu_old, one, y)
                           for y in np.eye(len(p.theta_old))]) for one in np.eye(40)]
    best = minimize(lambda s: -update.g @ s, update.s * 0.1 / np.sqrt(update.sAs), jac=lambda s: -update.g,
                    method="SLSQP", constraints={
                        "type": "ineq", "fun": lambda s: np.array([1 - s @ A_n @ s for A_n in per_state]),
                        "jac": lambda s: np.array([-2 * A_n @ s for A_n in per_state])}, options={"maxiter": 500})
    ours = update.s / np.sqrt(max(update.s @ A_n @ update.s for A_n in per_state))
    assert best.success and update.g @ ours == pytest.approx(-best.fun, rel=2e-3)
    assert update.kl_new == pytest.approx(1e-6, rel=0.5) and update.kl_new <= 1e-6


def test_max_kl_bounds_every_state_and_so_takes_shorter_steps(p):
    config = Config(fisher_fraction=1.0, delta=0.02)
    trpo, bounded = (update(p.policy, p.theta_old, p.batch, config, rng) for update in (trpo_update, max_kl_update))
    kl_trpo, kl_bounded = (p.family.kl(p.mu_old, p.policy.mu(u.theta_new, p.batch.states)) for u in (trpo, bounded))
    assert kl_bounded.max() == bounded.kl_new <= 0.02 < kl_trpo.max() and kl_bounded.mean() < kl_trpo.mean()
    L_and_kl = surrogate_and_kl(p.policy, p.batch, p.mu_old, p.log_q, bounded.theta_new, np.max)
    assert (bounded.L_new, bounded.kl_new) == L_and_kl
    assert trpo.L_new > bounded.L_new > bounded.L_old


@pytest.mark.parametrize("update", UPDATES, ids=str)
@pytest.mark.parametrize("options", [{}, {"vine_states": 10}], ids=["single path", "vine"])
def test_each_trains_in_the_loop(update, options):
    config = Config(env_id="CartPole-v1", batch_size=50, timesteps=100, **options)
    for iteration in train(config, update):
        assert np.isfinite(iteration.update.theta_new).all() and iteration.update.kl_new > 0


@pytest.mark.parametrize("update", UPDATES, ids=str)
def test_no_gradient_no_step(update):
    p = random_problem(Gaussian(2), ())
    flat = type(p.batch)(p.batch.states, p.batch.actions, np.zeros(7))
    assert np.array_equal(update(p.policy, p.theta_old, flat, CONFIG, rng).theta_new, p.theta_old)


def test_max_kl_of_a_policy_that_has_made_up_its_mind():
    """Saturated softmaxes: rounding makes some s'A_ns negative."""
    for seed in range(20):
        p = random_problem(Categorical((3,)), (5,), seed=seed)
        theta = p.theta_old * 30
        batch = dataclasses.replace(p.batch, actions=np.argmax(p.policy.mu(theta, p.batch.states), axis=1)[:, None])
        assert np.isfinite(max_kl_update(p.policy, theta, batch, CONFIG, rng).theta_new).all()
