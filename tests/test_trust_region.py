"""Section 4 exactly: each solution is feasible, active, and no other policy is better."""
import numpy as np
import pytest
from scipy.optimize import minimize

from trpo_numpy import trust_region
from trpo_numpy.expected_return import advantage, random_mdp, random_policy, visitation
from trpo_numpy.trust_region import (bound_max_kl, bound_mean_kl, kl_by_state, lean, max_kl, penalize_max_kl,
                                     visited_mean_kl)


def problem(seed, S=4, A=3, gamma=0.9):
    rng = np.random.default_rng(seed)
    mdp, pi = random_mdp(rng, S, A, gamma), random_policy(rng, S, A)
    return pi, advantage(mdp, pi), visitation(mdp, pi)


def gain(pi, A, rho):
    return rho @ (pi * A).sum(axis=1)


@pytest.mark.parametrize("delta", [1e-8, 1e-3, 0.1, 2.0])
@pytest.mark.parametrize("seed", range(10))
def test_solutions_meet_their_bound_and_close_the_gap(seed, delta):
    pi, A, rho = problem(seed)
    at_max, gap_max = bound_max_kl(pi, A, rho, delta)
    at_mean, gap_mean = bound_mean_kl(pi, A, rho, delta)
    assert max_kl(pi, at_max) == pytest.approx(delta, rel=1e-6)
    assert visited_mean_kl(rho, pi, at_mean) == pytest.approx(delta, rel=1e-6)
    for p, gap in [(at_max, gap_max), (at_mean, gap_mean)]:
        assert np.allclose(p.sum(axis=1), 1, atol=1e-12) and (p >= 0).all()
        assert gap < 1e-8 * gain(p, A, rho)
    assert gain(at_mean, A, rho) >= gain(at_max, A, rho) - 1e-12  # the mean bound allows more


def test_no_feasible_policy_is_better():
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


def test_mean_kl_bound_against_scipys_slsqp():
    pi, A, rho = problem(3)
    expected, _ = bound_mean_kl(pi, A, rho, 0.05)

    def table(x):
        p = np.exp(x.reshape(pi.shape))
        return p / p.sum(axis=1, keepdims=True)

    constraint = {"type": "ineq", "fun": lambda x: 0.05 - visited_mean_kl(rho, pi, table(x))}
    found = minimize(lambda x: -gain(table(x), A, rho), np.log(pi).ravel(), method="SLSQP", constraints=constraint,
                     options={"maxiter": 500, "ftol": 1e-14})
    assert -found.fun == pytest.approx(gain(expected, A, rho), rel=1e-6)


def test_a_smaller_penalty_allows_a_longer_step():
    pi, A, rho = problem(0)
    kls = [max_kl(pi, penalize_max_kl(pi, A, rho, C)[0]) for C in (1e4, 1e2, 1.0)]
    assert 0 < kls[0] < kls[1] < kls[2]


def test_nothing_to_gain_is_no_step():
    pi, A, rho = problem(0)
    for solve in (bound_max_kl, bound_mean_kl, penalize_max_kl):
        p, gap = solve(pi, np.zeros_like(A), rho, 0.1)
        assert p is pi and gap == 0


@pytest.mark.parametrize("bound", [bound_max_kl, bound_mean_kl, penalize_max_kl])
def test_a_constant_added_to_the_advantages_of_a_state_changes_nothing(bound):
    pi, A, rho = problem(0)
    best, _ = bound(pi, A, rho, 0.05)
    shifted, _ = bound(pi, A + np.array([[0.0], [1.0], [-1.0], [5.0]]), rho, 0.05)
    assert np.allclose(shifted, best, rtol=0, atol=1e-8)


def test_states_that_do_not_matter_stay():
    pi, A, rho = problem(0)
    A[1], rho = 0.0, rho.copy()
    rho[2] = 0.0
    for solve in (bound_max_kl, bound_mean_kl, penalize_max_kl):
        p, _ = solve(pi, A, rho, 0.1)
        assert (p[1:3] == pi[1:3]).all() and (p[0] != pi[0]).any()
    assert visited_mean_kl(rho, pi, bound_mean_kl(pi, A, rho, 0.1)[0]) == pytest.approx(0.1)


@pytest.mark.parametrize("limit", [0.0, -1.0, np.nan, np.inf])
def test_a_limit_that_is_not_above_zero_is_refused(limit):
    for solve in (bound_max_kl, bound_mean_kl, penalize_max_kl):
        with pytest.raises(ValueError, match=f"delta or C: got {limit}, wanted a finite number above 0"):
            solve(*problem(0), limit)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("limit", [1e-300, 1e-15, 1e-9, 50.0, 400.0, 1e300])
def test_limits_from_the_smallest_to_the_largest_have_an_answer(limit, seed):
    pi, A, rho = problem(seed)
    assert max_kl(pi, bound_max_kl(pi, A, rho, limit)[0]) <= limit * (1 + 1e-6) + 1e-15
    assert visited_mean_kl(rho, pi, bound_mean_kl(pi, A, rho, limit)[0]) <= limit * (1 + 1e-6) + 1e-15
    p, gap = penalize_max_kl(pi, A, rho, limit)
    assert np.isfinite(p).all() and 0 <= gap < np.inf
    p, gap = penalize_max_kl(pi, A, rho, 1 / limit)
    assert np.isfinite(p).all() and 0 <= gap < np.inf


def test_a_mean_bound_that_few_visited_states_must_spend():
    pi, A, rho = problem(0)
    A[1:] = 0.0
    rho = rho * [0.01, 1, 1, 1]
    p, gap = bound_mean_kl(pi, A, rho, 0.05)
    assert visited_mean_kl(rho, pi, p) == pytest.approx(0.05) and gap < 1e-9


def test_the_gap_of_a_solution_that_is_not_quite_one(monkeypatch):
    """With the search for the multiplier cut short, the gap covers what the true solution wins."""
    pi, A, rho = problem(0)
    best, _ = bound_mean_kl(pi, A, rho, 0.05)
    search = trust_region.brentq
    monkeypatch.setattr(trust_region, "brentq", lambda *args, **kwargs: search(*args, **kwargs) + 0.1)
    short, gap = bound_mean_kl(pi, A, rho, 0.05)
    assert gap >= gain(best, A, rho) - gain(short, A, rho) > 1e-3
    C = 5.0
    M_best = {cut: None for cut in (0.0, 0.1)}
    for cut in M_best:
        monkeypatch.setattr(trust_region, "brentq", lambda *args, **kwargs: search(*args, **kwargs) + cut)
        p, gap = penalize_max_kl(pi, A, rho, C)
        M_best[cut] = gain(p, A, rho) - C * max_kl(pi, p)
    assert gap >= M_best[0.0] - M_best[0.1] > 0


def test_a_policy_that_excludes_an_action_is_refused():
    pi, A, rho = problem(0)
    pi[2] = [0, 0.5, 0.5]
    with pytest.raises(ValueError, match="pi_old: got 0.0 in state 2, action 0, wanted a number above 0"):
        bound_max_kl(pi, A, rho, 0.1)


@pytest.mark.parametrize("y", [-30.0, -10.0, 0.0, 30.0])
def test_lean_solves_its_state_and_knows_its_kl(y):
    """p maximises p'A - lambda KL(q || p): A_a + lambda q_a / p_a is the same for every action."""
    q, A, _ = problem(0)
    p, log_kl, log_lambda = lean(q, A, np.full(len(A), y))
    stationary = A / np.exp(log_lambda)[:, None] + q / p
    assert np.allclose(np.ptp(stationary, axis=1), 0, atol=1e-9 * stationary.max())
    if y > -12:  # below, differences of probabilities have no digits left to compute KL from
        assert np.allclose(np.exp(log_kl), kl_by_state(q, p), rtol=1e-5)
    assert ((log_kl < 2 * y + 5) | (y > 0)).all()
