"""Section 7's special cases and Section 8.1's ablations, against TRPO where the paper says that they coincide."""
import dataclasses
from functools import partial

from max_kl import max_kl_update, surrogate_and_max_kl, weighted_fisher_product
from problems import FAMILIES, random_problem

import numpy as np
import pytest
from scipy.optimize import minimize

from trpo_numpy.categorical import Categorical
from trpo_numpy.fisher import fisher_vector_product
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.mlp import MLP, activation
from trpo_numpy.policy import Policy
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.training import train
from trpo_numpy.prior_work import (
    empirical_fim_update,
    empirical_fisher_product,
    natural_gradient_update,
    policy_gradient_update,
)
from trpo_numpy.surrogate import Batch, surrogate_and_gradient
from trpo_numpy.trpo import UpdateOptions, surrogate_and_kl, trpo_update

rng = np.random.default_rng(0)
UPDATES = {"TRPO": trpo_update, "natural gradient": partial(natural_gradient_update, step=0.1),
           "policy gradient": partial(policy_gradient_update, step=0.1), "empirical FIM": empirical_fim_update,
           "max KL": max_kl_update}
FIXED_STEP = {"natural gradient", "policy gradient"}

OPTIONS = UpdateOptions(fisher_fraction=1.0, damping=0.3)  # all states in A, as the siblings have them
PAPER = UpdateOptions(fisher_fraction=1.0)


@pytest.fixture(params=FAMILIES, ids=str)
def p(request):
    return random_problem(request.param, (5,), N=60)


def run(update, p, batch=None, options=OPTIONS, **arguments):
    return update(p.policy, p.theta_old, batch or p.batch, options, rng, **arguments)


def test_natural_gradient_has_trpos_direction(p):
    trpo, natural = run(trpo_update, p), run(natural_gradient_update, p, step=0.7)
    assert np.array_equal(natural.s, trpo.s) and natural.sAs == trpo.sAs and natural.L_old == trpo.L_old
    assert np.array_equal(natural.residuals, trpo.residuals) and natural.delta == np.inf
    assert np.array_equal(natural.theta_new, p.theta_old + 0.7 * trpo.s)
    same_step = run(natural_gradient_update, p, step=trpo.candidates[-1].beta)
    assert np.array_equal(same_step.theta_new, trpo.theta_new)
    assert (same_step.L_new, same_step.kl_new) == (trpo.L_new, trpo.kl_new)
    assert same_step.L_predicted == pytest.approx(trpo.L_predicted, rel=1e-12)
    assert same_step.kl_predicted == pytest.approx(trpo.kl_predicted, rel=1e-12)


def test_policy_gradient_has_trpos_gradient(p):
    trpo, policy_gradient = run(trpo_update, p), run(policy_gradient_update, p, step=0.01)
    assert np.array_equal(policy_gradient.g, trpo.g) and np.array_equal(policy_gradient.s, trpo.g)
    assert np.array_equal(policy_gradient.theta_new, p.theta_old + 0.01 * trpo.g)
    small = run(policy_gradient_update, p, step=1e-5)
    assert small.L_new - small.L_old == pytest.approx(small.L_predicted - small.L_old, rel=1e-2)
    assert small.kl_new == pytest.approx(small.kl_predicted, rel=1e-2)


def test_a_fixed_step_out_of_all_numbers_is_an_error():
    p = random_problem(Gaussian(2), (5,), N=60)
    for update in (natural_gradient_update, policy_gradient_update):
        with np.errstate(all="ignore"):
            assert run(update, p, step=1e155).kl_new == np.inf
            for step in (np.inf, np.nan):
                with pytest.raises(FloatingPointError, match=f"step: got {step}, after which L is nan and KL nan"):
                    run(update, p, step=step)


def test_finite_parameters_with_an_L_that_is_not_a_number_are_an_error():
    p = random_problem(Categorical((3,)), (), N=60)
    batch = dataclasses.replace(p.batch, Q=1000 * p.batch.Q)
    g = run(policy_gradient_update, p, batch, step=0.0).g
    step = 1.7e308 / abs(g).max()
    assert abs(g).max() > 1 and np.isfinite(p.theta_old + step * g).all()
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="L is nan"):
        run(policy_gradient_update, p, batch, step=step)


def test_an_L_that_is_not_a_number_beside_a_KL_that_is_one_is_an_error():
    p = random_problem(Gaussian(2), (5,), N=60)
    mu_old = p.policy.mu(p.theta_old, p.batch.states)
    batch = dataclasses.replace(p.batch, L=lambda family, mu, *_: 0.0 if np.array_equal(mu, mu_old) else np.nan)
    with pytest.raises(FloatingPointError, match=r"L is nan and KL [\d.e-]+, wanted"):
        run(policy_gradient_update, p, batch, step=1e-3)


def test_infinite_parameters_with_a_finite_L_are_an_error():
    """The gradient is 0 but for the hidden unit's weight. If that is infinite, tanh of it is 1."""
    policy, actions = Policy(MLP((1, 1, 2)), Categorical((2,))), np.array([[0], [1]])
    h = activation(0.5)
    theta = np.array([0.0, 0.5, 50.0, -50.0, -50.0 * h, 50.0 * h])  # W_1, b_1, W_2, b_2: both actions have p = 1/2
    batch = Batch(np.array([[1.0], [-1.0]]), actions, np.ones(2))
    assert np.flatnonzero(policy_gradient_update(policy, theta, batch, OPTIONS, rng, 0.0).g).tolist() == [0]
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match=r"step: got 1e\+308, after which"):
        policy_gradient_update(policy, theta, batch, OPTIONS, rng, 1e308)


@pytest.mark.parametrize("wrong", [1e3, 1e6])
def test_a_fixed_step_is_taken_whatever_comes_of_it(wrong):
    p = random_problem(Gaussian(2), (5,), N=60)
    with np.errstate(over="ignore"):
        update = run(natural_gradient_update, p, step=wrong)
    assert update.status == "accepted" and not update.L_new > update.L_old and not update.kl_new < 1
    assert [candidate.within for candidate in update.candidates] == [True]      # there is no bound


def test_a_policy_that_has_made_up_its_mind_is_left_alone_whatever_the_unit_of_Q():
    policy, states = Policy(MLP((3, 2)), Categorical((2,))), rng.standard_normal((50, 3))
    theta = policy.initial(rng, 0.0)
    theta[-2] = 38.0  # the first action's bias: p of the other is exp(-38)
    for unit in (1e-6, 1.0, 1e6):
        batch = Batch(states, np.zeros((50, 1), int), unit * rng.uniform(1, 2, 50))
        for update in (trpo_update, max_kl_update, empirical_fim_update):
            assert update(policy, theta, batch, PAPER, rng).status == "zero gradient"
        assert np.array_equal(natural_gradient_update(policy, theta, batch, PAPER, rng, 1.0).theta_new, theta)
    p = random_problem(Gaussian(2), (5,))
    tiny = dataclasses.replace(p.batch, Q=1e-20 * p.batch.Q)
    assert run(trpo_update, p, tiny).status == "accepted"


def covariance_of_the_gradients(p, batch, log_q):
    """1/N sum_n w_n grad log pi(a_n|s_n) (grad log pi(a_n|s_n))' with w = pi_old / q, (P, P), sample by sample."""
    A = np.zeros((len(p.theta_old), len(p.theta_old)))
    for n in range(len(batch.states)):
        mu, cache = p.policy.forward(p.theta_old, batch.states[n:n + 1])
        a = batch.actions[n:n + 1]
        gradient = p.policy.vjp(p.theta_old, cache, p.family.grad_log_prob(mu, a))
        A += np.exp(p.family.log_prob(mu, a)[0] - log_q[n]) * np.outer(gradient, gradient) / len(batch.states)
    return A


@pytest.mark.parametrize("offset", [None, 0.5], ids=["q = pi_old", "another q"])
def test_empirical_fim_is_trpo_with_the_covariance_of_the_gradients(p, offset):
    log_q = p.log_q if offset is None else p.log_q + offset * rng.standard_normal(60)
    batch = dataclasses.replace(p.batch, log_q=None if offset is None else log_q)
    options = dataclasses.replace(OPTIONS, cg_iterations=100)
    trpo, update = run(trpo_update, p, batch, options), run(empirical_fim_update, p, batch, options)
    A = covariance_of_the_gradients(p, batch, log_q)
    assert np.array_equal(update.g, trpo.g) and update.L_old == trpo.L_old
    assert np.allclose(A @ update.s + 0.3 * update.s, update.g, rtol=1e-7, atol=1e-9)
    assert update.sAs == pytest.approx(update.s @ A @ update.s, rel=1e-10)
    assert update.candidates[0].beta == np.sqrt(2 * 0.01 / update.sAs) and update.delta == 0.01
    L_and_kl = surrogate_and_kl(p.policy, batch, p.mu_old, log_q, update.theta_new)
    assert L_and_kl == (update.L_new, update.kl_new) and update.status == "accepted" and update.kl_new <= 0.01


def test_empirical_fim_of_every_action_is_the_analytic_one():
    """As in a batch of Eq. (15): every action in each state, q uniform."""
    p = random_problem(Categorical((2, 4)), (5,), N=60)
    every = np.array(list(np.ndindex(2, 4)))
    batch = Batch(np.repeat(p.batch.states, 8, axis=0), np.tile(every, (60, 1)), rng.standard_normal(480),
                  log_q=np.full(480, -np.log(8)))
    trpo, empirical = run(trpo_update, p, batch), run(empirical_fim_update, p, batch)
    assert np.allclose(empirical.s, trpo.s, rtol=1e-8) and empirical.sAs == pytest.approx(trpo.sAs)


def test_empirical_fim_converges_to_the_analytic_one_as_actions_are_resampled(p):
    """Products with K actions in each state against J'MJ: the error falls as 1/sqrt(K)."""
    y = rng.standard_normal(len(p.theta_old))
    mu, cache = p.policy.forward(p.theta_old, p.batch.states)
    analytic = fisher_vector_product(p.policy, p.theta_old, cache, mu, y)
    errors = []
    for K in (10, 1000):
        trials, rows = [], np.repeat(p.batch.states, K, axis=0)
        mu_rows, cache_rows = p.policy.forward(p.theta_old, rows)
        for _ in range(5):
            actions = sample_rows(p.policy, p.theta_old, rows)
            scores = p.family.grad_log_prob(mu_rows, actions)
            product = empirical_fisher_product(p.policy, p.theta_old, cache_rows, scores, np.ones(len(rows)), y)
            trials.append(np.linalg.norm(product - analytic) / np.linalg.norm(analytic))
        errors.append(np.sqrt(np.mean(np.square(trials))))
    assert errors[1] < 0.05 and 5 < errors[0] / errors[1] < 20, "a hundred times the actions, a tenth of the error"


def sample_rows(policy, theta, states):
    """An action of pi_theta in each of the states, all at once."""
    return policy.family.sample(policy.network.mu(theta[:policy.network.n_parameters], states),
                                policy.unpack(theta)[1], rng)


def test_empirical_fim_of_each_action_twice_is_the_same():
    p = random_problem(Gaussian(2), (5,), N=60)
    twice = Batch(*(np.repeat(array, 2, axis=0) for array in (p.batch.states, p.batch.actions, p.batch.Q)))
    options = dataclasses.replace(OPTIONS, cg_iterations=5)  # with each one more rounding makes more of a difference
    once, again = (run(empirical_fim_update, p, batch, options) for batch in (p.batch, twice))
    assert np.allclose(again.s, once.s, rtol=1e-9) and again.sAs == pytest.approx(once.sAs, rel=1e-9)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_max_kl_solves_eq_11_to_second_order(family):
    """Against SciPy's solver, given every state's constraint s'A_ns <= 2 delta, on a linear policy.

    With the default number of rounds it is within 2% of the best, with 300 within 0.2%.
    """
    p = random_problem(family, (), N=40)
    options = UpdateOptions(fisher_fraction=1.0, delta=1e-6, cg_iterations=30)
    default, update = run(max_kl_update, p, options=options), run(max_kl_update, p, options=options, n_rounds=300)
    _, cache = p.policy.forward(p.theta_old, p.batch.states)
    A = np.array([[weighted_fisher_product(p.policy, p.theta_old, cache, p.mu_old, one, y)
                   for y in np.eye(len(p.theta_old))] for one in np.eye(40)])  # (40, P, P), one per state
    whole = [fisher_vector_product(p.policy, p.theta_old, cache, p.mu_old, y) for y in np.eye(len(p.theta_old))]
    assert np.allclose(A.mean(axis=0), whole, rtol=0, atol=1e-12)
    best = minimize(lambda s: -update.g @ s, update.s * 0.1 / np.sqrt(update.sAs), jac=lambda s: -update.g,
                    method="SLSQP", constraints={"type": "ineq", "fun": lambda s: 1 - A @ s @ s,
                                                 "jac": lambda s: -2 * A @ s}, options={"maxiter": 500})
    assert best.success
    for found, tolerance in [(default, 2e-2), (update, 2e-3)]:
        ours = found.s / np.sqrt((A @ found.s @ found.s).max())
        assert found.g @ ours == pytest.approx(-best.fun, rel=tolerance)
        assert found.kl_new == pytest.approx(1e-6, rel=0.5) and found.kl_new <= 1e-6


def test_max_kl_bounds_every_state_and_so_takes_shorter_steps(p):
    options = dataclasses.replace(OPTIONS, delta=0.02)
    trpo, bounded = (run(update, p, options=options) for update in (trpo_update, max_kl_update))
    kl_trpo, kl_bounded = (p.family.kl(p.mu_old, p.policy.mu(u.theta_new, p.batch.states)) for u in (trpo, bounded))
    assert kl_bounded.max() == bounded.kl_new <= 0.02 < kl_trpo.max() and kl_bounded.mean() < kl_trpo.mean()
    L_and_kl = surrogate_and_max_kl(p.policy, p.batch, p.mu_old, p.log_q, bounded.theta_new)
    assert (bounded.L_new, bounded.kl_new) == L_and_kl
    assert trpo.L_new > bounded.L_new > bounded.L_old


@pytest.mark.parametrize("name", UPDATES)
@pytest.mark.parametrize("options", [{}, {"vine_states": 10}], ids=["single path", "vine"])
def test_what_each_reports_in_the_loop_is_true_of_its_batch(name, options):
    calls = []

    def spy(policy, theta_old, batch, options, rng):
        calls.append((policy, theta_old, batch, UPDATES[name](policy, theta_old, batch, options, rng)))
        return calls[-1][-1]

    iterations = list(train(Config(env_id="CartPole-v1", batch_size=50, timesteps=100, **options), spy))
    assert [i.update for i in iterations] == [result for *_, result in calls]
    for policy, theta_old, batch, result in calls:
        mu_old, _, log_q, L_old, g = surrogate_and_gradient(policy, batch, theta_old)
        assert result.L_old == L_old and np.array_equal(result.g, g)
        L_and_kl = surrogate_and_max_kl if name == "max KL" else surrogate_and_kl
        found = L_and_kl(policy, batch, mu_old, log_q, result.theta_new)
        assert (result.L_new, result.kl_new) == found and result.status == "accepted"
        step = result.theta_new - theta_old
        assert result.L_predicted - L_old == pytest.approx(g @ step, rel=1e-6) and g @ step > 0
        assert name in FIXED_STEP or (L_old < result.L_new and 0 < result.kl_new <= result.delta)


@pytest.mark.parametrize("name", UPDATES)
def test_no_gradient_no_step(name):
    p = random_problem(Gaussian(2), ())
    update = run(UPDATES[name], p, dataclasses.replace(p.batch, Q=np.zeros(7)))
    assert np.array_equal(update.theta_new, p.theta_old) and not update.g.any() and not update.s.any()
    assert update.L_old == update.L_new == update.L_predicted == 0 == update.sAs == update.kl_predicted
    assert update.kl_new == pytest.approx(0, abs=1e-15)
    assert update.status == ("accepted" if name in FIXED_STEP else "zero gradient")
    assert len(update.candidates) == (name in FIXED_STEP)


def test_max_kl_of_a_policy_that_has_made_up_its_mind():
    """Saturated softmaxes: rounding makes some s'A_ns negative."""
    for seed in range(20):
        p = random_problem(Categorical((3,)), (5,), seed=seed)
        theta = p.theta_old * 30
        batch = dataclasses.replace(p.batch, actions=np.argmax(p.policy.mu(theta, p.batch.states), axis=1)[:, None])
        assert np.isfinite(max_kl_update(p.policy, theta, batch, OPTIONS, rng).theta_new).all()
