"""Section 4 exactly: each solution meets the optimality conditions of its problem, and its gap covers what is lost."""
from decimal import Decimal, localcontext

from mdps import random_mdp, random_policy

import numpy as np
import pytest
from scipy.optimize import minimize

from trpo_numpy import trust_region
from trpo_numpy.checks import InputError
from trpo_numpy.expected_return import advantage, visitation
from trpo_numpy.kl_bound import kl_by_state, max_kl
from trpo_numpy.trust_region import (
    best_at_kl,
    best_at_multiplier,
    best_policy,
    bound_max_kl,
    bound_mean_kl,
    in_each_state,
    penalize_max_kl,
    solve,
    visited_mean_kl,
)

SOLVERS = [bound_max_kl, bound_mean_kl, penalize_max_kl]


def problem(seed, S=4, A=3, gamma=0.9):
    rng = np.random.default_rng(seed)
    mdp, pi = random_mdp(rng, S, A, gamma), random_policy(rng, S, A)
    return pi, advantage(mdp, pi), visitation(mdp, pi)


def gain(pi, A, rho):
    return rho @ (pi * A).sum(axis=1)


def kl_in_decimal(q, p):
    """KL(q || p) with 50 digits. p and q miss 1 by rounding: sum_a q_a - p_a is taken away."""
    with localcontext() as context:
        context.prec = 50
        return float(sum(Decimal(x) * (Decimal(x) / Decimal(y)).ln() - Decimal(x) + Decimal(y) for x, y in zip(q, p)))


def policy_in_decimal(q, A, multiplier):
    """p_a = lambda q_a / (nu - A_a) with 50 digits; nu - max A is found by bisection."""
    with localcontext() as context:
        context.prec = 50
        prices = [Decimal(multiplier) * Decimal(q_a) for q_a in q]
        below = [Decimal(A.max()) - Decimal(A_a) for A_a in A]
        low, high = Decimal(0), sum(prices)     # at `high` the sum of the p_a is at most 1
        for _ in range(400):
            middle = (low + high) / 2
            low, high = (middle, high) if sum(x / (middle + y) for x, y in zip(prices, below)) > 1 else (low, middle)
        return np.array([float(x / (high + y)) for x, y in zip(prices, below)])


@pytest.mark.parametrize("multiplier", [1e-200, 1e-12, 1e-3, 1.0, 1e3, 1e9])
def test_the_best_policy_for_a_multiplier_is_that_of_50_digits(multiplier):
    """Also where actions have probabilities of 1e-12, or equal advantages."""
    for seed in range(5):
        pi, A, _ = problem(seed, A=4)
        for q, A_s in [(pi[0], A[0]), (random_policy(np.random.default_rng(seed), 1, 4, 1e-2)[0], A[1]),
                       (pi[2], A[2, [0, 0, 1, 1]])]:
            p, found, kl = best_at_multiplier(q, A_s, multiplier)
            assert p.sum() == pytest.approx(1, abs=1e-15) and (p > 0).all()
            assert found == pytest.approx(multiplier, rel=1e-12, abs=0)
            assert kl == pytest.approx(kl_in_decimal(q, p), rel=1e-6, abs=1e-20)
            assert np.allclose(p, policy_in_decimal(q, A_s, multiplier), rtol=1e-12, atol=0)


@pytest.mark.parametrize("height", [1e-3, 1.0, 1e3, 1e7])
def test_the_kl_is_precise_for_policies_that_are_near_or_far(height):
    """At a height of 1e7 the KL is near 1e-14, where its plain sum has lost all but two digits."""
    for seed in range(20):
        pi, A, _ = problem(seed, A=5)
        p, _, kl = best_policy(pi[0], A[0], height)
        assert kl == pytest.approx(kl_in_decimal(pi[0], p), rel=1e-6, abs=0)


@pytest.mark.parametrize("kl", [1e-14, 1e-9, 1e-2, 1.0, 50.0, 300.0])
def test_the_best_policy_at_a_kl_has_it(kl):
    for seed in range(3):
        (q, *_), (A, *_), _ = problem(seed)
        p, _, found = best_at_kl(q, A, kl)
        assert [kl_in_decimal(q, p), found] == pytest.approx([kl, kl], rel=1e-6, abs=0)


def test_the_value_of_a_falling_function_is_met_between_the_ends_or_at_the_nearer_one():
    assert solve(lambda x: 1 / x, 4.0, 0.1, 10.0) == pytest.approx(0.25, rel=1e-12)
    assert solve(lambda x: 1 / x, 40.0, 0.1, 10.0) == 0.1 and solve(lambda x: 1 / x, 0.04, 0.1, 10.0) == 10.0


def multipliers_of(pi_old, pi, A):
    """The lambda of each state, by which A_a + lambda q_a / p_a is the same for all actions. Checks that it is."""
    ratio, multipliers = pi_old / pi, []
    for s, (r, A_s) in enumerate(zip(ratio, A)):
        multipliers.append(np.ptp(A_s) / (r[A_s.argmin()] - r[A_s.argmax()]))
        nu = A_s + multipliers[-1] * r
        assert np.ptp(nu) <= 1e-6 * np.ptp(A_s), f"state {s}"
    return np.array(multipliers)


@pytest.mark.parametrize("delta", [1e-6, 1e-3, 0.1, 2.0])
@pytest.mark.parametrize("seed", range(5))
def test_solutions_meet_the_optimality_conditions_of_their_problems(seed, delta):
    """Each problem is convex: these conditions are met by the solution alone."""
    pi, A, rho = problem(seed)
    at_max, gap = bound_max_kl(pi, A, rho, delta)                           # Eq. (11)
    assert kl_by_state(pi, at_max) == pytest.approx(delta, rel=1e-6)
    assert (multipliers_of(pi, at_max, A) > 0).all() and gap < 1e-8 * gain(at_max, A, rho)
    at_mean, gap = bound_mean_kl(pi, A, rho, delta)                         # Eq. (12)
    assert visited_mean_kl(rho, pi, at_mean) == pytest.approx(delta, rel=1e-6)
    multipliers = multipliers_of(pi, at_mean, A)
    assert multipliers == pytest.approx(multipliers[0], rel=1e-6) and gap < 1e-8 * gain(at_mean, A, rho)
    C = rho @ multipliers_of(pi, at_max, A)
    penalized, gap = penalize_max_kl(pi, A, rho, C)                         # with this C, the KL is delta again
    assert kl_by_state(pi, penalized) == pytest.approx(delta, rel=1e-5)
    assert rho @ multipliers_of(pi, penalized, A) == pytest.approx(C, rel=1e-6) and gap < 1e-8 * C * delta
    for p in (at_max, at_mean, penalized):
        assert np.allclose(p.sum(axis=1), 1, rtol=0, atol=1e-14) and (p > 0).all()


def test_no_policy_within_a_bound_is_better():
    pi, A, rho = problem(0)
    best = {bound: bound(pi, A, rho, 0.05)[0] for bound in (bound_max_kl, bound_mean_kl)}
    rng = np.random.default_rng(1)
    for _ in range(3000):
        other = random_policy(rng, *pi.shape)
        for scale in (0.1, 0.3, 1.0):
            p = (1 - scale) * pi + scale * other
            if max_kl(pi, p) <= 0.05:
                assert gain(p, A, rho) <= gain(best[bound_max_kl], A, rho)
            if visited_mean_kl(rho, pi, p) <= 0.05:
                assert gain(p, A, rho) <= gain(best[bound_mean_kl], A, rho)


def test_the_bound_on_the_mean_kl_against_scipys_slsqp():
    pi, A, rho = problem(3)
    expected, _ = bound_mean_kl(pi, A, rho, 0.05)

    def table(x):
        p = np.exp(x.reshape(pi.shape))
        return p / p.sum(axis=1, keepdims=True)

    constraint = {"type": "ineq", "fun": lambda x: 0.05 - visited_mean_kl(rho, pi, table(x))}
    found = minimize(lambda x: -gain(table(x), A, rho), np.log(pi).ravel(), method="SLSQP", constraints=constraint,
                     options={"maxiter": 500, "ftol": 1e-14})
    assert -found.fun == pytest.approx(gain(expected, A, rho), rel=1e-6)


@pytest.mark.parametrize("kl", [1e-12, 1e-9])
def test_steps_of_small_kls_are_taken(kl):
    """Near pi_old the gain in a state is sqrt(2 KL) times the standard deviation of A: C is known for each small KL."""
    pi, A, rho = problem(1)
    deviation = np.sqrt((pi * A ** 2).sum(axis=1))
    C = rho @ deviation / np.sqrt(2 * kl)
    p, gap = penalize_max_kl(pi, A, rho, C)
    assert [kl_in_decimal(*rows) for rows in zip(pi, p)] == pytest.approx([kl] * len(pi), rel=1e-3, abs=0)
    assert gap < 1e-6 * C * kl


def test_a_smaller_penalty_allows_a_longer_step():
    pi, A, rho = problem(0)
    kls = [max_kl(pi, penalize_max_kl(pi, A, rho, C)[0]) for C in (1e4, 1e2, 1.0)]
    assert 0 < kls[0] < kls[1] < kls[2]


@pytest.mark.parametrize("solver", SOLVERS)
def test_nothing_to_gain_is_no_step(solver):
    pi, A, rho = problem(0)
    p, gap = solver(pi, np.zeros_like(A), rho, 0.1)
    assert np.array_equal(p, pi) and gap <= 1e-15


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_constant_added_to_the_advantages_of_a_state_changes_nothing(solver):
    pi, A, rho = problem(0)
    best, _ = solver(pi, A, rho, 0.05)
    shifted, _ = solver(pi, A + np.array([[0.0], [1.0], [-1.0], [5.0]]), rho, 0.05)
    assert np.allclose(shifted, best, rtol=0, atol=1e-8)


@pytest.mark.parametrize("size", [1e-30, 1e-9, 1e9, 1e30])
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_solution_does_not_depend_on_the_size_of_the_rewards(solver, size):
    pi, A, rho = problem(0)
    limit, scaled_limit = (5.0, 5.0 * size) if solver is penalize_max_kl else (0.05, 0.05)
    (p, gap), (scaled, scaled_gap) = solver(pi, A, rho, limit), solver(pi, size * A, rho, scaled_limit)
    assert np.allclose(scaled, p, rtol=1e-9, atol=0)
    assert max(gap, scaled_gap / size) < 1e-9


def test_the_states_to_change_are_visited_and_have_a_better_action():
    pi, A, rho = problem(0, S=6)
    A[1] = 3.0                                      # the same for each action
    rho[2] = 0.0
    A[3] = A[3] - pi[3] @ A[3] + 1.0                # not centred, as rounding leaves it
    A[4] *= 1e-13 / abs(A[4]).max() * abs(A).max()  # differences that are rounding
    for changed in ([0, 3, 5], [0, 3, 4, 5]):
        p, multipliers, kls = in_each_state(best_at_kl, pi, A, rho, 0.1)
        assert all(np.flatnonzero(x).tolist() == changed for x in (multipliers, kls, (p != pi).any(axis=1)))
        A[4] *= 100


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_other_states_keep_their_policy(solver):
    pi, A, rho = problem(0)
    A[1] = rho[2] = 0.0
    p, _ = solver(pi, A, rho, 0.1)
    assert (p[1:3] == pi[1:3]).all() and (p[[0, 3]] != pi[[0, 3]]).any(axis=1).all()
    if solver is bound_mean_kl:
        assert visited_mean_kl(rho, pi, p) == pytest.approx(0.1)


def test_a_mean_bound_that_few_visited_states_must_spend():
    pi, A, rho = problem(0)
    A[1:] = 0.0
    rho = rho * [0.01, 1, 1, 1]
    p, gap = bound_mean_kl(pi, A, rho, 0.05)
    assert visited_mean_kl(rho, pi, p) == pytest.approx(0.05) and gap < 1e-9


@pytest.mark.parametrize("limit", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_limit_that_is_not_above_zero_is_refused(solver, limit):
    with pytest.raises(InputError, match=f"delta or C: got {limit}, wanted a finite number above 0"):
        solver(*problem(0), limit)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_policy_that_excludes_an_action_is_refused(solver):
    pi, A, rho = problem(0)
    pi[2] = [0, 0.5, 0.5]
    with pytest.raises(InputError, match="pi_old: got 0.0 in state 2, action 0, wanted a number above 0"):
        solver(pi, A, rho, 0.1)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("limit", [1e-300, 1e-15, 1e-9, 50.0, 400.0, 1e300])
def test_limits_from_the_smallest_to_the_largest_have_an_answer(limit, seed):
    pi, A, rho = problem(seed)
    greedy = gain(np.eye(3)[A.argmax(axis=1)], A, rho)
    for solver, size in [(bound_max_kl, max_kl), (bound_mean_kl, lambda *policies: visited_mean_kl(rho, *policies))]:
        p, gap = solver(pi, A, rho, limit)
        assert size(pi, p) <= limit * (1 + 1e-6) + 1e-15 and 0 <= gap < np.inf
        assert 0 <= gain(p, A, rho) <= greedy
        if limit >= 50:
            assert gain(p, A, rho) == pytest.approx(greedy) and size(pi, p) > 50 * (1 - 1e-6)
    for C in (limit, 1 / limit):
        p, gap = penalize_max_kl(pi, A, rho, C)
        assert np.isfinite(p).all() and 0 <= gap < np.inf


@pytest.mark.parametrize("solver", [bound_max_kl, bound_mean_kl])
def test_the_gap_of_a_bounded_step_that_is_too_short_covers_what_is_lost(monkeypatch, solver):
    """The search for the multiplier misses it by a tenth."""
    pi, A, rho = problem(0)
    best, _ = solver(pi, A, rho, 0.05)

    def missed(falling, limit, low, high):
        return solve(falling, limit, low, high) * (1.1 if limit == 0.05 else 1)

    monkeypatch.setattr(trust_region, "solve", missed)
    short, gap = solver(pi, A, rho, 0.05)
    lost = gain(best, A, rho) - gain(short, A, rho)
    assert gap >= lost > 1e-3 and gap < 2 * lost


@pytest.mark.parametrize("miss", [0.9, 1.1])
def test_the_gap_of_a_penalized_step_of_the_wrong_length_covers_what_is_lost(monkeypatch, miss):
    """The search for its KL misses it by a tenth; those for the multipliers do not."""
    pi, A, rho = problem(0)
    C = 5.0

    def M(p):
        return gain(p, A, rho) - C * max_kl(pi, p)

    def missed(falling, limit, low, high):
        return solve(falling, limit, low, high) * (miss if limit == C else 1)

    best, _ = penalize_max_kl(pi, A, rho, C)
    monkeypatch.setattr(trust_region, "solve", missed)
    wrong, gap = penalize_max_kl(pi, A, rho, C)
    assert gap >= M(best) - M(wrong) > 0
