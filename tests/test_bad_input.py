"""Bad input, wherever it comes in, is an InputError that says what came and what is wanted.

The lists for the command line, the Config and the files are in test_main, test_config and test_run_folder.
"""
import dataclasses
from functools import partial

import environments
from max_kl import max_kl_update
from mdps import random_mdp, random_policy
from problems import FAMILIES, random_problem

import numpy as np
import pytest

from trpo_numpy.categorical import Categorical
from trpo_numpy.checks import InputError
from trpo_numpy.conjugate_gradient import CurvatureError, conjugate_gradient
from trpo_numpy.expected_return import state_value, visitation
from trpo_numpy.finite_mdp import FiniteMDP
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.line_search import step_length
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.training import train
from trpo_numpy.prior_work import empirical_fim_update, natural_gradient_update, policy_gradient_update
from trpo_numpy.surrogate import Batch
from trpo_numpy.trpo import UpdateOptions, trpo_update

rng = np.random.default_rng(0)
P = random_problem(Gaussian(2), (5,))
D = random_problem(Categorical((2, 4)), (5,))
MDP, TABLE = random_mdp(rng, 4, 3, 0.9), np.full((4, 3), 1 / 3)
ITERATION = next(train(Config(hidden_sizes=(8,), batch_size=50)))
NAN, INF = np.nan, np.inf
ARRAY = "wanted a NumPy array of real numbers"
STEP_2 = f"environment: step 2 after reset(seed={environments.reset_seed(0, 3)})"   # of the fourth episode
RESET = f"environment: reset(seed={environments.reset_seed(0, 0)})"


def update(problem, theta=None, update=trpo_update, **changes):
    theta = problem.theta_old if theta is None else theta
    return update(problem.policy, theta, dataclasses.replace(problem.batch, **changes), UpdateOptions(), rng)


def last(env_id, update=trpo_update, **options):
    return list(train(Config(env_id=env_id, batch_size=20, timesteps=200, **options), update))


def changed_update(change):
    """TRPO's update, but with change(theta_new) for theta_new."""
    def changed(policy, theta_old, batch, options, rng):
        done = trpo_update(policy, theta_old, batch, options, rng)
        return dataclasses.replace(done, theta_new=change(done.theta_new))
    return changed


CASES = {
    "Policy: network and family": (lambda: Policy(MLP((3, 4)), Gaussian(2)),
                                   "network: got 4 outputs, wanted the 2 of Gaussian(d_a=2)"),
    "theta: too short": (lambda: update(P, P.theta_old[:-1]), "theta: got shape (33,), wanted (34,)"),
    "theta: a matrix": (lambda: update(P, P.theta_old[None]), "theta: got shape (1, 34), wanted (34,)"),
    "theta: NaN": (lambda: update(P, P.theta_old * NAN), "theta: got nan at (0,), wanted finite numbers"),
    "theta: a list": (lambda: update(P, P.theta_old.tolist()), f"theta: got list, {ARRAY}"),
    "states: text": (lambda: update(P, states=np.full((7, 3), "1")), f"states: got <U1, {ARRAY}"),
    "states: other dimension": (lambda: update(P, states=np.zeros((7, 4))), "states: got shape (7, 4), wanted (N, 3)"),
    "states: a vector": (lambda: update(P, states=np.zeros(7)), "states: got shape (7,), wanted (7, d_s)"),
    "states: a number": (lambda: update(P, states=np.array(3.0)), "states: got shape (), wanted (7, d_s)"),
    "states: none": (lambda: update(P, states=np.zeros((0, 3))), "states: got shape (0, 3), wanted (7, d_s)"),
    "states: NaN": (lambda: update(P, states=np.full((7, 3), NAN)), "states: got nan at (0, 0), wanted finite"),
    "actions: too few": (lambda: update(P, actions=np.zeros((6, 2))), "actions: got shape (6, 2), wanted (7, d_a)"),
    "actions: none": (lambda: update(P, actions=np.zeros((0, 2))), "actions: got shape (0, 2), wanted (7, d_a)"),
    "actions: other dimension": (lambda: update(P, actions=np.zeros((7, 3))), "actions: got shape (7, 3), wanted ("),
    "actions: a vector": (lambda: update(P, actions=np.zeros(7)), "actions: got shape (7,), wanted (7, d_a)"),
    "actions: infinite": (lambda: update(P, actions=np.full((7, 2), INF)), "actions: got inf at (0, 0), wanted finite"),
    "actions: not integers": (lambda: update(D, actions=np.zeros((7, 2))),
                              "actions: got float64 from [0. 0.] to [0. 0.], wanted"),
    "actions: too large": (lambda: update(D, actions=np.full((7, 2), 2)),
                           "actions: got int64 from [2 2] to [2 2], wanted"),
    "actions: negative": (lambda: update(D, actions=np.full((7, 2), -1)),
                          "from [-1 -1] to [-1 -1], wanted integers from 0 to [1 3]"),
    "advantages: too many": (lambda: update(P, Q=np.zeros(8)), "states: got shape (7, 3), wanted (8, d_s)"),
    "advantages: a column": (lambda: update(P, Q=np.zeros((7, 1))), "Q: got shape (7, 1), wanted (N"),
    "advantages: none": (lambda: update(P, Q=None), f"Q: got NoneType, {ARRAY}"),
    "advantages: NaN": (lambda: update(P, Q=np.full(7, NAN)), "Q: got nan at (0,), wanted finite"),
    "prior work: states": (lambda: update(P, update=empirical_fim_update, states=np.zeros((7, 4))),
                           "states: got shape (7, 4), wanted (N, 3)"),
    "prior work: NaN": (lambda: update(P, P.theta_old * NAN, max_kl_update), "theta: got nan at (0,)"),
    "prior work: actions": (lambda: update(D, update=partial(natural_gradient_update, step=0.1),
                                           actions=np.full((7, 2), 2)), "actions: got int64 from [2 2] to [2 2]"),
    "MDP: shapes": (lambda: FiniteMDP(np.ones((2, 2)), np.ones((2, 1)), np.ones(2), 0.5),
                    "P: got shape (2, 2), wanted (2, 1, 2)"),
    "MDP: lists": (lambda: FiniteMDP([[[1.0]]], [[1.0]], [1.0], 0.5), f"r: got list, {ARRAY}"),
    "MDP: empty": (lambda: FiniteMDP(np.ones((0, 1, 0)), np.ones((0, 1)), np.ones(0), 0.5), "r: got shape (0, 1)"),
    "MDP: rho_0": (lambda: dataclasses.replace(MDP, rho_0=np.ones(4)), "rho_0: got [1. 1. 1. 1.] with sum 4.0"),
    "MDP: gamma": (lambda: dataclasses.replace(MDP, gamma=1.0), "gamma: got 1.0, wanted a number above 0 and below 1"),
    "MDP: gamma as text": (lambda: dataclasses.replace(MDP, gamma="0.9"), "gamma: got '0.9', wanted a number"),
    "MDP: objects": (lambda: dataclasses.replace(MDP, r=MDP.r.astype(object)), f"r: got object, {ARRAY}"),
    "MDP: complex": (lambda: dataclasses.replace(MDP, P=MDP.P + 0j), f"P: got complex128, {ARRAY}"),
    "MDP: reward": (lambda: dataclasses.replace(MDP, r=MDP.r * INF), "inf at (0, 0), wanted finite numbers"),
    "MDP: transitions": (lambda: dataclasses.replace(MDP, P=2 * MDP.P), "P, state 0, action 0: got ["),
    "policy table: shape": (lambda: visitation(MDP, np.ones((3, 4))), "pi: got shape (3, 4), wanted (4, 3)"),
    "policy table: a list": (lambda: state_value(MDP, TABLE.tolist()), f"pi: got list, {ARRAY}"),
    "policy table: sum": (lambda: state_value(MDP, np.ones((4, 3))), "pi, state 0: got [1. 1. 1.] with sum 3.0"),
    "policy table: negative": (lambda: state_value(MDP, TABLE + [-1, 0.5, 0.5]), "pi, state 0: got [-0.66666667 "),
    "train: a checkpoint of another network": (lambda: next(train(Config(), checkpoint=ITERATION.checkpoint)),
                                          "checkpoint: theta: got shape (42,), wanted (4482,)"),
    "train: an iteration for a checkpoint": (lambda: next(train(Config(), checkpoint=ITERATION)),
                                             "checkpoint: got Iteration, wanted iteration.checkpoint of an e"),
    "train: theta for a checkpoint": (lambda: next(train(Config(), checkpoint=np.zeros(4482))),
                                         "checkpoint: got ndarray, wanted iter"),
    "train: theta for an update": (lambda: last("Count-v0", update=lambda *_: np.zeros(4418)),
                                   f"update: theta_new: got NoneType, {ARRAY}, of shape (4418,)"),
    "train: an update of nothing": (lambda: last("Count-v0", update=lambda *_: None),
                                    f"update: theta_new: got NoneType, {ARRAY}, of shape (4418,)"),
    "train: an update of another length": (lambda: last("Count-v0", update=changed_update(lambda theta: theta[1:])),
                                           "update: theta_new: got shape (4417,), wanted (4418,)"),
    "train: an update to NaN": (lambda: last("Count-v0", update=changed_update(lambda theta: theta * NAN)),
                                "update: theta_new: got nan at (0,), wanted finite numbers"),
    "environment: reward None": (lambda: last("RewardNone-v0"), f"{STEP_2} failed: got the reward None"),
    "environment: reward text": (lambda: last("RewardText-v0"), f"{STEP_2} failed: got the reward 'one'"),
    "environment: reward complex": (lambda: last("RewardComplex-v0"), f"{STEP_2} failed: got the reward 1j"),
    "environment: reward array": (lambda: last("RewardArray-v0"), f"{STEP_2} failed: got the reward array([1., 2.])"),
    "environment: text at reset": (lambda: last("TextReset-v0"), f"{RESET} failed: got the reward 0.0 and the observ"),
    "environment: shape later": (lambda: last("ShapeLater-v0"), "observation array([0., 0., 0.]), wanted"),
    "train: an id": (lambda: train("CartPole-v1"), "config: got 'CartPole-v1', wanted a Config, such as"),
    "environment: shape that fits": (lambda: last("ShapeFits-v0"), "and the observation array([0.]), wanted"),
    "environment: NaN late": (lambda: last("NaNReward-v0"), f"{STEP_2} failed: got the reward nan"),
    "environment: NaN at reset": (lambda: last("NaNReset-v0"), f"{RESET} failed: got the reward 0.0 and the observa"),
    "environment: step raises": (lambda: last("StepRaises-v0"), f"{STEP_2} failed"),
    "environment: the line that raises": (lambda: last("StepRaises-v0"), "environments.py, line "),
    "environment: reset raises": (lambda: last("ResetRaises-v0"), f"{RESET} failed: KeyError: 'no reset today'"),
    "environment: cannot be restored": (lambda: last("Handle-v0", vine_states=3), "cannot be restored"),
    "environment: reset raises, in vine": (lambda: last("ResetRaises-v0", vine_states=3), "failed: KeyError: 'no r"),
    "environment: NaN at reset, in vine": (lambda: last("NaNReset-v0", vine_states=3), "observation array([nan, na"),
    "environment: unknown": (lambda: last("NoSuch-v0"), "env_id: got 'NoSuch-v0', wanted"),
    "environment: dict": (lambda: last("GraphStates-v0"), "env_id: GraphStates-v0 has observation space"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_an_input_error_that_says_what_came_and_what_is_wanted(case):
    action, message = CASES[case]
    with pytest.raises(InputError) as raised:
        action()
    assert type(raised.value) is InputError and message in str(raised.value)
    assert "wanted" in str(raised.value) or "failed" in str(raised.value)


NOT_TO_BE_TRUSTED = {
    "CG: a matrix that is not positive": (lambda: conjugate_gradient(np.negative, np.ones(3), 5), CurvatureError,
                                          "p'Ap of conjugate gradient: got -3.0, wanted a finite number above 0"),
    "CG: infinity": (lambda: conjugate_gradient(np.positive, np.full(3, INF), 5), CurvatureError, "wanted a finite"),
    "CG: NaN": (lambda: conjugate_gradient(np.positive, np.full(3, NAN), 5), CurvatureError, "got nan, wanted"),
    "step length: negative curvature": (lambda: step_length(-1.0, 0.01), CurvatureError, "s'As of the search direction:"
                                        " got -1.0, wanted"),
    "step length: NaN": (lambda: step_length(NAN, 0.01), CurvatureError, "got nan, wanted"),
    "prior work: a step too long": (lambda: update(P, update=partial(policy_gradient_update, step=1e300)),
                                    FloatingPointError, "step: got 1e+300, after which L is"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", NOT_TO_BE_TRUSTED)
def test_numbers_that_cannot_be_trusted_are_an_arithmetic_error(case):
    action, error, message = NOT_TO_BE_TRUSTED[case]
    with pytest.raises(ArithmeticError) as raised:
        action()
    assert type(raised.value) is error and message in str(raised.value)


def random_array(shape):
    """Normal numbers, or in one case of eight each zeros, huge ones, infinities, NaN, and integers."""
    values = rng.standard_normal(shape)
    kind = rng.integers(8)
    return [values, values, values, 0 * values, 1e200 * values, values * np.inf, values * np.nan,
            rng.integers(-1, 3, shape)][kind]


def random_shape(shape):
    """This shape, or in three cases of ten one that differs in an axis, lacks one, or has one more."""
    shape = list(shape)
    change = rng.integers(10)
    if change == 0 and shape:
        shape[rng.integers(len(shape))] = int(rng.integers(0, 9))
    if change == 1:
        shape = shape[1:]
    if change == 2:
        shape = [*shape, 1]
    return tuple(shape)


@pytest.mark.filterwarnings("ignore")
def test_random_shapes_and_values_give_a_result_or_an_error_that_says_what_is_wanted():
    results = errors = 0
    updates = [trpo_update, empirical_fim_update, max_kl_update,
               lambda *args: natural_gradient_update(*args, step=0.1)]
    for trial in range(700):
        problem = random_problem(FAMILIES[trial % len(FAMILIES)], (5,), seed=trial)
        b = problem.batch
        arrays = [random_array(random_shape(a.shape)) if rng.random() < 0.4 else a
                  for a in (problem.theta_old, b.states, b.actions, b.Q)]
        try:
            result = updates[trial % 4](problem.policy, arrays[0], Batch(*arrays[1:]), UpdateOptions(damping=0.3), rng)
            assert result.theta_new.shape == problem.theta_old.shape and np.isfinite(result.theta_new).all()
            results += 1
        except (InputError, FloatingPointError, CurvatureError) as error:
            assert "wanted" in str(error)
            errors += 1
    assert results > 150 and errors > 150


@pytest.mark.filterwarnings("ignore")
def test_random_mdps_give_a_result_or_an_error_that_says_what_is_wanted():
    results = errors = 0
    for trial in range(500):
        S, A = rng.integers(1, 5, 2)
        mdp, pi = random_mdp(rng, S, A, 0.9), random_policy(rng, S, A)
        parts = [random_array(random_shape(a.shape)) if rng.random() < 0.2 else a
                 for a in (mdp.P, mdp.r, mdp.rho_0, pi)]
        try:
            V = state_value(FiniteMDP(*parts[:3], rng.choice([0.5, 0.9, 1.0, -1.0, np.nan], p=[.4, .4, .1, .05, .05])),
                            parts[3])
            assert V.shape == (S,) and np.isfinite(V).all()
            results += 1
        except InputError as error:
            assert "wanted" in str(error)
            errors += 1
    assert results > 100 and errors > 100
