"""Section 3: Algorithm 1 never falls and solves each inner problem; policy iteration reaches the optimum."""
from dataclasses import replace
from itertools import islice

from mdps import gymnasium_mdp, random_mdp, random_policy
from problems import for_seeds

import numpy as np
import pytest

from trpo_numpy.algorithm_1 import algorithm_1, policy_iteration
from trpo_numpy.expected_return import advantage, exact_surrogate, expected_return, visitation
from trpo_numpy.finite_mdp import FiniteMDP
from trpo_numpy.kl_bound import max_kl, minorizer, mixture, penalty_coefficient
from trpo_numpy.trust_region import penalize_max_kl


def small_problem():
    """At gamma 0.1 the steps of Algorithm 1 are long."""
    rng = np.random.default_rng(0)
    return random_mdp(rng, 3, 2, 0.1), random_policy(rng, 3, 2, 5.0)


def check_algorithm_1(mdp, pi, n):
    """eta_{i+1} >= M_i(pi_{i+1}) >= eta_i, eta never falls, and each inner problem is solved, over n iterations."""
    policies, etas = zip(*islice(algorithm_1(mdp, pi), n + 1))
    assert policies[0] is pi and etas == tuple(expected_return(mdp, pi_i) for pi_i in policies)
    for pi, pi_new, eta, eta_new in zip(policies, policies[1:], etas, etas[1:]):
        C, M = penalty_coefficient(mdp, pi), minorizer(mdp, pi, pi_new)
        size = 1e-12 * max(1.0, abs(eta_new), C)
        assert eta_new >= M - size and M >= eta - size
        assert eta_new >= eta - 1e-12
        best, gap = penalize_max_kl(pi, advantage(mdp, pi), visitation(mdp, pi), C)
        assert np.array_equal(best, pi_new) and gap <= 1e-9 * (M - eta) + 1e-13
        assert max_kl(pi, pi_new) > 0
    assert etas[-1] > etas[0]


def check_algorithm_1_on_a_random_mdp(seed):
    rng = np.random.default_rng(seed)
    check_algorithm_1(random_mdp(rng, 5, 3, rng.uniform(0.1, 0.95)), random_policy(rng, 5, 3), 3)


def test_algorithm_1_never_falls_on_twenty_mdps():
    for_seeds(check_algorithm_1_on_a_random_mdp, 20)


def test_algorithm_1_never_falls_on_frozen_lake():
    check_algorithm_1(gymnasium_mdp("FrozenLake-v1", 0.9), np.full((16, 4), 0.25), 10)


def test_no_policy_has_a_higher_M():
    """Neither policies far from pi nor those near the solution."""
    rng = np.random.default_rng(0)
    mdp, pi = random_mdp(rng, 3, 3, 0.3), random_policy(rng, 3, 3, 2.0)
    (_, eta), (best, _) = islice(algorithm_1(mdp, pi), 2)
    M = minorizer(mdp, pi, best)
    assert M > eta
    for _ in range(1000):
        other = mixture(best, random_policy(rng, 3, 3), 10 ** rng.uniform(-5, 0))
        assert minorizer(mdp, pi, other) <= M + 1e-12


def test_algorithm_1_converges_to_the_optimum():
    mdp, pi = small_problem()
    *_, (_, eta) = algorithm_1(mdp, pi)
    assert eta == pytest.approx(optimum_by_value_iteration(mdp), abs=1e-7)


@pytest.mark.parametrize("tolerance", [None, 1e-3, 1e-6])
def test_algorithm_1_stops_where_M_first_exceeds_eta_by_the_tolerance_at_most(tolerance):
    """At all but the last policy M_i - eta_i is above tolerance times max |A|. The default tolerance is 1e-12."""
    mdp, pi = small_problem()
    excesses = []
    for pi, eta in algorithm_1(mdp, pi, **({} if tolerance is None else {"tolerance": tolerance})):
        A = advantage(mdp, pi)
        best, _ = penalize_max_kl(pi, A, visitation(mdp, pi), penalty_coefficient(mdp, pi))
        excesses.append((minorizer(mdp, pi, best) - eta) / abs(A).max())
    *earlier, last = excesses
    assert len(earlier) > 5 and min(earlier) > (tolerance or 1e-12) >= last


def test_the_tolerance_is_in_the_units_of_the_rewards():
    mdp, pi = small_problem()
    lengths = [len(list(algorithm_1(replace(mdp, r=size * mdp.r), pi, 1e-3))) for size in (1e-3, 1, 100)]
    assert lengths[0] == lengths[1] == lengths[2] > 5


@pytest.mark.parametrize("size", [1e-13, 1e-6, 1e6])
def test_results_do_not_depend_on_the_size_of_the_rewards(size):
    rng = np.random.default_rng(0)
    mdp, pi = random_mdp(rng, 4, 3, 0.5), random_policy(rng, 4, 3, 5.0)
    scaled = replace(mdp, r=size * mdp.r)
    (_, (scaled_step, _)), (_, (step, _)) = (islice(algorithm_1(m, pi), 2) for m in (scaled, mdp))
    assert np.allclose(scaled_step, step, rtol=1e-6) and not np.allclose(step, pi, rtol=1e-3)
    assert (list(policy_iteration(scaled, pi))[-1][0] == list(policy_iteration(mdp, pi))[-1][0]).all()


def test_nothing_to_improve_is_no_iteration():
    mdp = FiniteMDP(np.ones((1, 2, 1)), np.zeros((1, 2)), np.ones(1), 0.9)
    pi = np.array([[0.3, 0.7]])
    for method in (algorithm_1, policy_iteration):
        (only, eta), = method(mdp, pi)
        assert only is pi and eta == 0


def optimum_by_value_iteration(mdp):
    V = np.zeros(len(mdp.rho_0))
    for _ in range(20_000):
        V, V_before = (mdp.r + mdp.gamma * mdp.P @ V).max(axis=1), V
        if abs(V - V_before).max() < 1e-14:
            break
    return mdp.rho_0 @ V


@pytest.mark.parametrize("mdp", [random_mdp(np.random.default_rng(seed), 6, 3, 0.9) for seed in range(5)]
                         + [gymnasium_mdp("FrozenLake-v1", 0.95), gymnasium_mdp("CliffWalking-v1", 0.95)],
                         ids=lambda mdp: f"{len(mdp.rho_0)} states")
def test_policy_iteration_reaches_the_optimum_and_stays_there(mdp):
    pi_0 = np.full(mdp.r.shape, 1 / mdp.r.shape[1])
    (first, eta_0), *_, (pi, eta) = policy_iteration(mdp, pi_0)
    assert first is pi_0 and eta_0 == expected_return(mdp, pi_0)
    assert eta == pytest.approx(optimum_by_value_iteration(mdp), rel=1e-9)
    assert all(again == pytest.approx(eta, rel=1e-12) for _, again in policy_iteration(mdp, pi))


def test_each_policy_of_policy_iteration_maximises_L():
    rng = np.random.default_rng(0)
    mdp = random_mdp(rng, 10, 4, 0.95)
    policies = [pi for pi, _ in policy_iteration(mdp, random_policy(rng, 10, 4))]
    for pi, pi_new in zip(policies, policies[1:]):
        others = [random_policy(rng, 10, 4, 0.1) for _ in range(100)]
        assert exact_surrogate(mdp, pi, pi_new) >= max(exact_surrogate(mdp, pi, other) for other in others)
    assert len(policies) > 2


def test_policy_iteration_goes_on_while_eta_stands_still_and_another_state_improves():
    """From state 0 it pays to go to state 1 only once the policy of state 1 is better."""
    P = np.array([[[1, 0], [0, 1]], [[0, 1], [0, 1]]], dtype=float)
    mdp = FiniteMDP(P, np.array([[0.0, 0.0], [-1.0, 1.0]]), np.array([1.0, 0.0]), 0.5)
    etas = [eta for _, eta in policy_iteration(mdp, np.array([[1.0, 0.0], [1.0, 0.0]]))]
    assert etas == [0, 0, pytest.approx(1.0)]
