"""Bad input, wherever it comes in: a clear error of the right type, which names what came and what is wanted.

The command line's, the Config's and the files' own lists are in test_main, test_config, test_run_folder.
"""
import dataclasses
from functools import partial

import environments  # noqa: F401
import numpy as np
import pytest
from problems import FAMILIES, random_problem

from trpo_numpy.categorical import Categorical
from trpo_numpy.config import Config
from trpo_numpy.conjugate_gradient import CurvatureError, conjugate_gradient
from trpo_numpy.expected_return import FiniteMDP, random_mdp, random_policy, state_value, visitation
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.line_search import step_length
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.prior_work import (empirical_fim_update, max_kl_update, natural_gradient_update,
                                   policy_gradient_update)
from trpo_numpy.surrogate import Batch, exact_surrogate
from trpo_numpy.training import train
from trpo_numpy.trpo import trpo_update

rng = np.random.default_rng(0)
P = random_problem(Gaussian(2), (5,))
D = random_problem(Categorical((2, 4)), (5,))
MDP, TABLE = random_mdp(rng, 4, 3, 0.9), np.full((4, 3), 0.25)
ITERATION = next(train(Config(hidden_sizes=(8,), batch_size=50)))


def update(problem, theta=None, update=trpo_update, **changes):
    theta = problem.theta_old if theta is None else theta
    return update(problem.policy, theta, dataclasses.replace(problem.batch, **changes), Config(), rng)


def last(env_id, update=trpo_update, **options):
    return list(train(Config(env_id=env_id, batch_size=20, timesteps=200, **options), update))


def changed_update(change):
    """An update of one's own: TRPO's, and then theta_new is changed."""
    def changed(policy, theta_old, batch, config, rng):
        done = trpo_update(policy, theta_old, batch, config, rng)
        return dataclasses.replace(done, theta_new=change(done.theta_new))
    return changed


CASES = {
    "MLP: one size": (lambda: MLP((3,)), ValueError, "sizes: got (3,)"),
    "MLP: no units": (lambda: MLP((3, 0, 1)), ValueError, "sizes: got (3, 0, 1)"),
    "MLP: half a unit": (lambda: MLP((3, 1.5)), ValueError, "sizes: got (3, 1.5)"),
    "Gaussian: no dimension": (lambda: Gaussian(0), ValueError, "d_a: got 0"),
    "Gaussian: text": (lambda: Gaussian("2"), ValueError, "d_a: got '2'"),
    "Categorical: no factor": (lambda: Categorical(()), ValueError, "factor_sizes: got ()"),
    "Categorical: no action": (lambda: Categorical((2, 0)), ValueError, "factor_sizes: got (2, 0)"),
    "Policy: network and family": (lambda: Policy(MLP((3, 4)), Gaussian(2)), ValueError,
                                   "network: got 4 outputs, wanted the 2 of Gaussian(d_a=2)"),
    "theta: too short": (lambda: update(P, P.theta_old[:-1]), ValueError, "theta: got shape (33,), wanted (34,)"),
    "theta: a matrix": (lambda: update(P, P.theta_old[None]), ValueError, "theta: got shape (1, 34)"),
    "theta: NaN": (lambda: update(P, P.theta_old * np.nan), FloatingPointError, "theta: got 34 that are not finite"),
    "theta: a list": (lambda: update(P, P.theta_old.tolist()), ValueError, "theta: got list, wanted an array"),
    "states: text": (lambda: update(P, states=np.full((7, 3), "1")), ValueError, "states: got <U1, wanted an array of"),
    "states: other dimension": (lambda: update(P, states=np.zeros((7, 4))), ValueError, "states: got shape (7, 4)"),
    "states: a vector": (lambda: update(P, states=np.zeros(7)), ValueError, "states: got shape (7,), wanted (N, 3)"),
    "states: a number": (lambda: update(P, states=np.array(3.0)), ValueError, "states: got shape (), wanted (N, 3)"),
    "states: none": (lambda: update(P, states=np.zeros((0, 3))), ValueError, "states: got shape (0, 3)"),
    "states: NaN": (lambda: update(P, states=np.full((7, 3), np.nan)), FloatingPointError, "states: got 21"),
    "actions: too few": (lambda: update(P, actions=np.zeros((6, 2))), ValueError, "actions: got 6, wanted one, or"),
    "actions: none": (lambda: update(P, actions=np.zeros((0, 2))), ValueError, "actions: got 0, wanted one, or"),
    "actions: other dimension": (lambda: update(P, actions=np.zeros((7, 3))), ValueError, "actions: got shape (7, 3)"),
    "actions: a vector": (lambda: update(P, actions=np.zeros(7)), ValueError, "actions: got shape (7,), wanted (N, 2)"),
    "actions: infinite": (lambda: update(P, actions=np.full((7, 2), np.inf)), FloatingPointError, "actions: got 14"),
    "actions: not integers": (lambda: update(D, actions=np.zeros((7, 2))), ValueError, "actions: got float64"),
    "actions: too large": (lambda: update(D, actions=np.full((7, 2), 2)), ValueError, "actions: got [2 2] to [2 2]"),
    "actions: negative": (lambda: update(D, actions=np.full((7, 2), -1)), ValueError, "wanted 0 to [1 3]"),
    "advantages: too many": (lambda: update(P, advantages=np.zeros(8)), ValueError, "advantages: got shape (8,)"),
    "advantages: a column": (lambda: update(P, advantages=np.zeros((7, 1))), ValueError, "advantages: got shape (7, 1"),
    "advantages: none": (lambda: update(P, advantages=None), ValueError, "advantages: got NoneType, wanted an array"),
    "advantages: NaN": (lambda: update(P, advantages=np.full(7, np.nan)), FloatingPointError, "advantages: got 7"),
    "prior work: states": (lambda: update(P, update=empirical_fim_update, states=np.zeros((7, 4))), ValueError,
                           "states: got shape (7, 4)"),
    "prior work: a step too long": (lambda: update(P, update=partial(policy_gradient_update, step=1e300)),
                                    FloatingPointError, "step: got 1e+300, after which L is"),
    "prior work: NaN": (lambda: update(P, update=max_kl_update, advantages=np.full(7, np.nan)), FloatingPointError,
                        "advantages: got 7"),
    "CG: a matrix that is not positive": (lambda: conjugate_gradient(np.negative, np.ones(3), 5), CurvatureError,
                                          "p'Ap is -3.0, wanted a number above 0"),
    "CG: infinity": (lambda: conjugate_gradient(np.positive, np.full(3, np.inf), 5), FloatingPointError,
                     "b has squared"),
    "step: negative curvature": (lambda: step_length(-1.0, 0.01), CurvatureError, "s'As is -1.0, wanted"),
    "step: NaN": (lambda: step_length(np.nan, 0.01), FloatingPointError, "s'As is nan, wanted"),
    "MDP: shapes": (lambda: FiniteMDP(np.ones((2, 2)), np.ones((2, 1)), np.ones(2), 0.5), ValueError, "P: got shape"),
    "MDP: lists": (lambda: FiniteMDP([[[1.0]]], [[1.0]], [1.0], 0.5), ValueError, "r: got list, wanted arrays"),
    "MDP: empty": (lambda: FiniteMDP(np.ones((0, 1, 0)), np.ones((0, 1)), np.ones(0), 0.5), ValueError, "got shape"),
    "MDP: rho_0": (lambda: dataclasses.replace(MDP, rho_0=np.ones(4)), ValueError, "rho_0: got [1. 1. 1. 1.] with sum"),
    "MDP: gamma": (lambda: dataclasses.replace(MDP, gamma=1.0), ValueError, "gamma: got 1.0, wanted"),
    "MDP: gamma as text": (lambda: dataclasses.replace(MDP, gamma="0.9"), ValueError, "gamma: got '0.9', wanted a"),
    "MDP: objects": (lambda: dataclasses.replace(MDP, r=MDP.r.astype(object)), ValueError, "r: got object, wanted arr"),
    "MDP: complex": (lambda: dataclasses.replace(MDP, P=MDP.P + 0j), ValueError, "P: got complex128, wanted arrays"),
    "MDP: reward": (lambda: dataclasses.replace(MDP, r=MDP.r * np.inf), ValueError, "in state 0, action 0"),
    "MDP: transitions": (lambda: dataclasses.replace(MDP, P=2 * MDP.P), ValueError, "P, state 0, action 0: got"),
    "policy table: shape": (lambda: visitation(MDP, np.ones((3, 4))), ValueError, "got ndarray of shape (3, 4)"),
    "policy table: a list": (lambda: state_value(MDP, TABLE.tolist()), ValueError, "got list of shape (4, 3), wanted"),
    "policy table: of L": (lambda: exact_surrogate(MDP, TABLE + 1 / 12, TABLE), ValueError, "pi, state 0: got [0.25"),
    "policy table: sum": (lambda: state_value(MDP, np.ones((4, 3))), ValueError, "pi, state 0: got [1. 1. 1.]"),
    "train: a state of another network": (lambda: next(train(Config(batch_size=50), state=ITERATION.state)), ValueError,
                                          "state: got theta of shape (42,), wanted (4482,)"),
    "train: an iteration for a state": (lambda: next(train(Config(), state=ITERATION)), ValueError,
                                        "state: got Iteration, wanted the State of an iteration"),
    "train: an update of nothing": (lambda: last("Count-v0", update=lambda *_: None), ValueError,
                                    "update: got None, wanted an Update with theta_new of shape (4418,)"),
    "train: an update of another length": (lambda: last("Count-v0", update=changed_update(lambda theta: theta[1:])),
                                           ValueError, "update: got theta_new of shape (4417,), wanted an Update"),
    "train: an update to NaN": (lambda: last("Count-v0", update=changed_update(lambda theta: theta * np.nan)),
                                FloatingPointError, "update: got numbers in theta_new that are not finite"),
    "environment: reward None": (lambda: last("RewardNone-v0"), RuntimeError, "2 of episode 3 gave the reward None"),
    "environment: reward text": (lambda: last("RewardText-v0"), RuntimeError, "2 of episode 3 gave the reward 'one"),
    "environment: reward complex": (lambda: last("RewardComplex-v0"), RuntimeError, "gave the reward 1j, wanted a"),
    "environment: text at reset": (lambda: last("TextReset-v0"), RuntimeError, "reset of episode 0 gave an obs"),
    "environment: reward array": (lambda: last("RewardArray-v0"), RuntimeError, "gave the reward array([1., 2.])"),
    "environment: shape later": (lambda: last("ShapeLater-v0"), RuntimeError,
                                 "observation of shape (3,), float64, wanted real numbers of shape (2,)"),
    "environment: shape that fits": (lambda: last("ShapeFits-v0"), RuntimeError,
                                     "step 2 of episode 3 gave an observation of shape (1,), float64, wanted"),
    "environment: NaN late": (lambda: last("NaNReward-v0"), FloatingPointError, "step 2 of episode 3 gave reward nan"),
    "environment: NaN at reset": (lambda: last("NaNReset-v0"), FloatingPointError, "the reset of episode 0"),
    "environment: step raises": (lambda: last("StepRaises-v0"), RuntimeError,
                                 "environment: step 2 of episode 3 failed with the policy's action"),
    "environment: the line that raises": (lambda: last("StepRaises-v0"), RuntimeError, "environments.py, line "),
    "environment: reset raises": (lambda: last("ResetRaises-v0"), RuntimeError,
                                  "environment: the reset of episode 0 failed: KeyError: 'no reset today'"),
    "environment: cannot be restored": (lambda: last("Handle-v0", vine_states=3), ValueError, "cannot be restored"),
    "environment: reset raises, in vine": (lambda: last("ResetRaises-v0", vine_states=3), RuntimeError, "'no reset to"),
    "environment: NaN at reset, in vine": (lambda: last("NaNReset-v0", vine_states=3), FloatingPointError, "the reset"),
    "environment: unknown": (lambda: last("NoSuch-v0"), ValueError, "env_id: got 'NoSuch-v0', wanted"),
    "environment: dict": (lambda: last("DictStates-v0"), ValueError, "env_id: DictStates-v0 has observation space"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES)
def test_is_a_clear_error_of_the_right_type(case):
    action, error, message = CASES[case]
    with pytest.raises(error) as raised:
        action()
    assert type(raised.value) is error and message in str(raised.value)


def test_an_episode_that_never_ends_is_cut():
    assert last("Endless-v0")[0].timesteps == 1000


def random_array(shape):
    """Mostly normal numbers; now and then zeros, huge ones, infinities, NaN, or integers."""
    values = rng.standard_normal(shape)
    kind = rng.integers(8)
    return [values, values, values, 0 * values, 1e200 * values, values * np.inf, values * np.nan,
            rng.integers(-1, 3, shape)][kind]


def random_shape(shape):
    """Mostly this shape; now and then one that differs in an axis, lacks one, or has one more."""
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
def test_random_shapes_and_values_give_a_result_or_a_clear_error():
    results = errors = 0
    updates = [trpo_update, empirical_fim_update, max_kl_update,
               lambda *args: natural_gradient_update(*args, step=0.1)]
    for trial in range(700):
        problem = random_problem(FAMILIES[trial % 3], (5,), seed=trial)
        b = problem.batch
        arrays = [random_array(random_shape(a.shape)) if rng.random() < 0.4 else a
                  for a in (problem.theta_old, b.states, b.actions, b.advantages)]
        try:
            result = updates[trial % 4](problem.policy, arrays[0], Batch(*arrays[1:]), Config(), rng)
            assert result.theta_new.shape == problem.theta_old.shape and np.isfinite(result.theta_new).all()
            results += 1
        except (ValueError, FloatingPointError, CurvatureError) as error:
            assert "wanted" in str(error)
            errors += 1
    assert results > 150 and errors > 150


@pytest.mark.filterwarnings("ignore")
def test_random_mdps_give_a_result_or_a_clear_error():
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
        except ValueError as error:
            assert "wanted" in str(error)
            errors += 1
    assert results > 100 and errors > 100
