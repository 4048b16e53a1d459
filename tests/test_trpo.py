"""The update."""
import dataclasses
from types import SimpleNamespace

from max_kl import surrogate_and_max_kl
from problems import FAMILIES, HIDDEN, random_problem

import numpy as np
import pytest

from trpo_numpy.categorical import Categorical
from trpo_numpy.checks import InputError
from trpo_numpy.conjugate_gradient import CurvatureError
from trpo_numpy.fisher import fisher_vector_product, mean_kl
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.surrogate import Batch, surrogate
from trpo_numpy.trpo import UpdateOptions, surrogate_and_kl, trpo_update, trust_region_step
from trpo_numpy.vine import every_action, vine_batch

rng = np.random.default_rng(0)

ALL = UpdateOptions(fisher_fraction=1.0)  # all states in A


def with_advantages(batch, advantages):
    return dataclasses.replace(batch, Q=advantages)


def test_the_defaults_are_the_papers():
    assert UpdateOptions().delta == 0.01 and UpdateOptions().cg_iterations == 10
    assert UpdateOptions().fisher_fraction == 0.1 and UpdateOptions().damping == 0


def test_accepted_and_refused_steps_over_many_batches():
    """Several hundred batches: L up and KL <= delta, or theta_old; and the line search is there for a reason."""
    accepted = refused = overshot = 0
    for seed in range(300):
        family, hidden = FAMILIES[seed % len(FAMILIES)], HIDDEN[seed // 7 % 2 + 1]
        p = random_problem(family, hidden, seed=seed, N=12)
        options = dataclasses.replace(ALL, delta=[0.001, 0.01, 0.5][seed // 3 % 3], damping=[0.0, 0.1][seed % 2],
                                      max_backtracks=seed % 7)
        before = p.theta_old.tobytes()
        update = trpo_update(p.policy, p.theta_old, p.batch, options, rng)
        assert p.theta_old.tobytes() == before
        overshot += update.candidates[0].kl > options.delta
        assert update.L_old == pytest.approx(p.batch.Q.mean(), abs=1e-15)
        if update.status == "accepted":
            accepted += 1
            L, kl = surrogate_and_kl(p.policy, p.batch, p.mu_old, p.log_q, update.theta_new)
            assert (update.L_new, update.kl_new) == (L, kl) and L > update.L_old and 0 < kl <= options.delta
            *refused_ones, taken = update.candidates
            assert not any(c.improves and c.within for c in refused_ones) and taken.improves and taken.within
        else:
            refused += 1
            assert update.status == "no candidate accepted" and update.theta_new.tobytes() == before
            assert update.L_new == update.L_predicted == update.L_old and update.kl_new == update.kl_predicted == 0
            assert len(update.candidates) == options.max_backtracks + 1
            assert not any(c.improves and c.within for c in update.candidates)
    assert accepted > 200 and refused > 0, "both outcomes were to be seen"
    assert overshot > 0, "the full step beta s overshoots delta now and then: that is why there is a line search"


def test_the_step_solves_eq_55_where_its_models_are_exact():
    """Maximize L_old + g'd subject to 1/2 d'Ad <= delta: d = sqrt(2 delta / g'A^-1 g) A^-1 g."""
    root = rng.standard_normal((6, 6))
    A, g, theta_old = root @ root.T + np.eye(6), rng.standard_normal(6), rng.standard_normal(6)

    def L_and_kl(theta):
        d = theta - theta_old
        return 0.3 + g @ d, 0.5 * d @ A @ d * (1 - 1e-9)  # a touch less, so that rounding does not cost a candidate

    update = trust_region_step(theta_old, 0.3, g, A.__matmul__, L_and_kl, UpdateOptions(delta=0.02))
    x = np.linalg.solve(A, g)
    assert np.allclose(update.theta_new - theta_old, np.sqrt(2 * 0.02 / (g @ x)) * x, rtol=1e-7)
    assert np.allclose(update.s, x, rtol=1e-7) and update.sAs == pytest.approx(x @ A @ x)
    assert update.L_predicted == pytest.approx(update.L_new) and update.L_old == 0.3
    assert update.status == "accepted" and len(update.candidates) == 1 and update.g is g
    assert update.kl_predicted == pytest.approx(0.02) and update.delta == 0.02 and len(update.residuals) == 7


def test_the_record_is_appendix_c():
    p = random_problem(Gaussian(2), (5,), N=200)
    options = dataclasses.replace(ALL, delta=1e-8, cg_iterations=300)
    update = trpo_update(p.policy, p.theta_old, p.batch, options, rng)
    step = update.theta_new - p.theta_old
    assert np.allclose(step, update.candidates[-1].beta * update.s, rtol=1e-6)
    assert update.candidates[0].beta == np.sqrt(2 * 1e-8 / update.sAs)
    assert update.kl_new == pytest.approx(update.kl_predicted, rel=0.01)  # the models hold for a small step
    assert update.L_new - update.L_old == pytest.approx(update.L_predicted - update.L_old, rel=0.01)
    assert update.sAs == pytest.approx(update.g @ update.s, rel=1e-3)  # A s = g, undamped and nearly solved
    assert len(update.residuals) <= 301 and update.residuals[-1] < 1e-3 * update.residuals[0]


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_one_pass_gives_L_and_the_kl_from_the_old_policy(family):
    p = random_problem(family, (5,), N=40, distance=0.8)
    mu = p.policy.mu(p.theta, p.batch.states)
    kl = family.kl(p.mu_old, mu)
    assert abs(kl.mean() - family.kl(mu, p.mu_old).mean()) > 0.1 * kl.mean(), "the direction matters"
    for function, over_states in [(surrogate_and_kl, np.mean), (surrogate_and_max_kl, np.max)]:
        found = function(p.policy, p.batch, p.mu_old, p.log_q, p.theta)
        assert found == (surrogate(family, mu, p.batch.actions, p.batch.Q, p.log_q), over_states(kl))
    assert surrogate_and_kl(p.policy, p.batch, p.mu_old, p.log_q, p.theta)[1] == mean_kl(family, p.mu_old, mu)


def test_each_action_is_judged_in_its_own_state():
    """The best action is 1 in states above 0 and 0 below: after the update both are likelier in their states."""
    policy = Policy(MLP((1, 2)), Categorical((2,)))
    states, actions = rng.uniform(-1, 1, (400, 1)), rng.integers(0, 2, (400, 1))
    right = (states > 0) == (actions == 1)
    batch = Batch(states, actions, right[:, 0].astype(float))
    theta = trpo_update(policy, np.zeros(4), batch, dataclasses.replace(ALL, damping=1e-3), rng).theta_new
    p = np.exp(policy.family.log_p(policy.mu(theta, np.array([[-1.0], [1.0]]))))
    assert p[0, 0] > 0.55 and p[1, 1] > 0.55


@pytest.mark.parametrize("K, family", [(3, Categorical((3,))), (8, Categorical((2, 4))), (4, Gaussian(2))],
                         ids=["Eq. (15)", "Eq. (15), two factors", "Eq. (16)"])
def test_an_update_of_a_vine_maximises_the_vines_own_L(K, family):
    p = random_problem(family, (5,), N=30)
    actions = every_action(family, K)
    if actions is None:
        actions = p.family.sample(np.zeros((K, 2)), p.theta_old[-2:], p.rng)
    branches = [(s, actions, p.rng.standard_normal(K), K) for s in p.batch.states]
    batch = vine_batch(branches, family, SimpleNamespace(vine_actions=K))
    update = trpo_update(p.policy, p.theta_old, batch, dataclasses.replace(ALL, damping=1e-2), rng)

    def L(theta):  # by plain loops
        total = 0.0
        for s, a, Q, _ in branches:
            mu, mu_old = (np.repeat(p.policy.mu(t, s[None]), K, axis=0) for t in (theta, p.theta_old))
            pi, pi_old = np.exp(family.log_prob(mu, a)), np.exp(family.log_prob(mu_old, a))
            every = family.d_free == 0
            total += pi @ Q if every else (pi / pi_old) @ Q / (pi / pi_old).sum()
        return total / 30

    assert update.status == "accepted" and update.L_new > update.L_old
    assert update.L_old == pytest.approx(L(p.theta_old), rel=1e-12)
    assert update.L_new == pytest.approx(L(update.theta_new), rel=1e-12)


@pytest.mark.parametrize("options", [UpdateOptions(damping=0.3), ALL], ids=["damped", "paper"])
def test_a_policy_that_has_made_up_its_mind_is_left_alone(options):
    """A bandit: the softmax saturates until neither g nor A is more than rounding, and L cannot improve."""
    for seed in (0, 21, 23):  # 21 (paper) and 23 (damped) once ended in a CurvatureError
        statuses = bandit_statuses(options, np.random.default_rng(seed))
        assert statuses[0] == "accepted" and "zero gradient" in statuses
        assert statuses[20:].count("accepted") < 15


def bandit_statuses(options, rng):
    """The statuses of 150 updates of a policy that earns 1 for action 1, and 0 for action 0."""
    policy = Policy(MLP((3, 8, 2)), Categorical((2,)))
    theta, statuses = policy.initial(rng, 0.0), []
    for _ in range(150):
        states = rng.standard_normal((100, 3))
        actions = policy.family.sample(policy.mu(theta, states), np.zeros(0), rng)
        batch = Batch(states, actions, actions[:, 0].astype(float))
        update = trpo_update(policy, theta, batch, options, rng)
        theta = update.theta_new
        statuses.append(update.status)
    return statuses


def test_states_of_A_in_which_no_step_changes_mu_leave_theta_alone():
    theta_old, g = np.ones(3), np.arange(3.0)
    update = trust_region_step(theta_old, 0.5, g, np.zeros_like, None, UpdateOptions(damping=0.5))
    assert update.status == "zero curvature" and np.array_equal(update.theta_new, theta_old)
    assert (update.s == 2 * g).all() and update.delta == 0.01 and update.candidates == []
    assert update.L_old == update.L_new == update.L_predicted == 0.5 and update.kl_new == update.kl_predicted == 0
    with pytest.raises(CurvatureError, match="p'Ap of conjugate gradient: got 0.0"):
        trust_region_step(theta_old, 0.5, g, np.zeros_like, None, UpdateOptions())


@pytest.mark.parametrize("damping, where", [(0.0, "p'Ap of conjugate gradient"), (2.0, "s'As of the search direction")])
def test_negative_curvature_is_an_error(damping, where):
    """With enough damping conjugate gradient goes well, and s'As tells."""
    with pytest.raises(CurvatureError, match=f"{where}: got -5"):
        trust_region_step(np.ones(3), 0.5, np.arange(3.0), np.negative, None, UpdateOptions(damping=damping))


def test_damping_is_in_the_direction_but_not_in_sAs():
    """With the damping counted into s'As the step would fall short of delta; the paper's s'As has none."""
    p = random_problem(Gaussian(2), (5,), N=200)
    update = trpo_update(p.policy, p.theta_old, p.batch, dataclasses.replace(ALL, damping=1.0, cg_iterations=60), rng)
    _, cache = p.policy.forward(p.theta_old, p.batch.states)
    As = fisher_vector_product(p.policy, p.theta_old, cache, p.mu_old, update.s)
    assert np.allclose(As + 1.0 * update.s, update.g, rtol=1e-6, atol=1e-9)
    assert update.sAs == pytest.approx(update.s @ As, rel=1e-12)
    update = trpo_update(p.policy, p.theta_old, p.batch, dataclasses.replace(ALL, delta=1e-8, damping=1.0), rng)
    assert update.candidates[0].kl == pytest.approx(1e-8, rel=0.01)


def test_zero_gradient_is_no_error():
    """Whatever the certain policy does is worth 0.7, which is L; no entry of g is more than rounding."""
    p = random_problem(Categorical((3,)), (), N=7)
    theta = p.theta_old.copy()
    theta[-3:] = [100.0, 0.0, 0.0]
    batch = Batch(p.batch.states, np.zeros((7, 1), dtype=int), np.full(7, 0.7))
    update = trpo_update(p.policy, theta, batch, UpdateOptions(delta=0.02), rng)
    assert update.status == "zero gradient" and update.theta_new.tobytes() == theta.tobytes()
    assert update.candidates == [] and not update.s.any() and not update.g.any()
    assert update.residuals.tolist() == [0.0] and update.delta == 0.02
    assert update.sAs == update.kl_new == update.kl_predicted == 0
    assert update.L_old == update.L_new == update.L_predicted == pytest.approx(0.7, rel=1e-12)


class Recording(Policy):
    """A Policy that keeps the states that were given to `forward`."""
    seen: list = []

    def forward(self, theta, states):
        self.seen.append(states)
        return super().forward(theta, states)


def states_of_A(N, fraction, seed):
    """The indices of the states that A was computed from."""
    policy = Recording(MLP((2, 2)), Gaussian(2))
    states = np.column_stack([np.arange(N), np.random.default_rng(0).standard_normal(N)])
    batch = Batch(states, np.random.default_rng(1).standard_normal((N, 2)), np.random.default_rng(2).random(N))
    policy.seen.clear()
    trpo_update(policy, np.zeros(8), batch, UpdateOptions(fisher_fraction=fraction, damping=0.1),
                np.random.default_rng(seed))
    assert all(np.array_equal(rows, states[rows[:, 0].astype(int)]) for rows in policy.seen)
    return policy.seen[-1][:, 0].astype(int)


def test_the_states_of_A_are_distinct_and_each_is_as_likely_as_another():
    counts = np.zeros(12, dtype=int)
    for seed in range(200):
        rows = states_of_A(12, 0.5, seed)
        assert len(rows) == len(set(rows)) == 6
        counts[rows] += 1
    assert abs(counts - 100).max() < 4 * np.sqrt(200 * 0.25)
    assert np.array_equal(states_of_A(12, 0.5, 3), states_of_A(12, 0.5, 3))


@pytest.mark.parametrize("N, fraction, n_rows", [(4, 0.1, 1), (12, 0.3, 4), (12, 0.999, 12), (12, 1.0, 12)])
def test_the_number_of_states_of_A_is_rounded_and_at_least_one(N, fraction, n_rows):
    assert len(states_of_A(N, fraction, 0)) == n_rows


def test_fisher_fraction_subsamples_only_the_metric():
    p = random_problem(Gaussian(2), (5,), N=2000)
    full, part = (trpo_update(p.policy, p.theta_old, p.batch, UpdateOptions(fisher_fraction=fraction, damping=0.3),
                              np.random.default_rng(1)) for fraction in (1.0, 0.1))
    assert np.array_equal(full.g, part.g) and full.L_old == part.L_old and not np.array_equal(full.s, part.s)
    assert full.s @ part.s / np.linalg.norm(full.s) / np.linalg.norm(part.s) > 0.9
    L_and_kl = surrogate_and_kl(p.policy, p.batch, p.mu_old, p.log_q, part.theta_new)
    assert (part.L_new, part.kl_new) == L_and_kl, "the line search has all states"


@pytest.mark.parametrize("changes, message", [
    ({"theta": np.zeros(3)}, r"theta: got shape \(3,\), wanted \(28,\)"),
    ({"states": np.zeros((7, 4))}, r"states: got shape \(7, 4\), wanted \(N, 3\)"),
    ({"actions": np.zeros((7, 3))}, r"actions: got shape \(7, 3\), wanted \(N, 2\)")])
def test_what_is_not_of_this_policy_is_refused(changes, message):
    p = random_problem(Gaussian(2), (4,))
    theta = changes.pop("theta", p.theta_old)
    with pytest.raises(InputError, match=message):
        trpo_update(p.policy, theta, dataclasses.replace(p.batch, **changes), ALL, rng)
