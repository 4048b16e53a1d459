"""Config: what it refuses, and that each field is documented."""
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest

from trpo_numpy.config import PAPER, Config


@pytest.mark.parametrize("field, values", [
    ("env_id", [3, None]),
    ("timesteps", [0, -5, 1.5, "100", True]),
    ("seed", [-1, 0.5]),
    ("batch_size", [0, 1, 2.0]),
    ("vine_states", [-1, 0.5]),
    ("vine_actions", [1, 4.0]),
    ("vine_length", [0]),
    ("hidden_sizes", [(0,), (64, -1), (6.4,), ("64",), 64, None, "64"]),
    ("initial_log_std", [float("nan"), float("inf"), -100.0]),
    ("gamma", [-0.1, 1.0, 1.5, float("nan"), "0.9", None]),
    ("delta", [0.0, -0.01, float("nan"), float("inf"), 10 ** 400]),
    ("delta_per_dimension", [2]),
    ("cg_iterations", [0, -1, 2.5]),
    ("fisher_fraction", [0.0, 1.1]),
    ("shrink", [0.0, 1.0]),
    ("max_backtracks", [-1]),
    ("damping", [-0.1, float("inf")]),
    ("baseline", [1, None, "yes"]),
    ("gae_lambda", [-0.1, 1.1]),
    ("baseline_lambda", [-0.1, 1.1]),
    ("baseline_steps", [-1]),
    ("baseline_cg_iterations", [0]),
    ("baseline_damping", [-1.0]),
    ("standardize_advantages", [0]),
    ("scale_observations", ["no"]),
])
def test_out_of_range(field, values):
    for value in values:
        with pytest.raises(ValueError, match=rf"^{field}: got .*, wanted ") as error:
            Config(**{field: value})
        assert repr(value) in str(error.value)


def test_each_field_is_documented_and_the_range_table_above_is_whole():
    assert all(f.metadata["help"] for f in fields(Config))
    assert [case[0] for case in test_out_of_range.pytestmark[0].args[1]] == [f.name for f in fields(Config)]


def test_whole_numbers_do_for_numbers_and_lists_for_tuples():
    config = Config(gamma=0, hidden_sizes=[8])
    assert config.gamma == 0 and config.hidden_sizes == (8,) and hash(config)


def test_numpys_numbers_do_for_pythons():
    config = Config(delta=np.float64(0.02), seed=np.int64(3), baseline=np.bool_(False))
    assert config == Config(delta=0.02, seed=3, baseline=False) and type(config.delta) is float


def test_frozen():
    with pytest.raises(FrozenInstanceError):
        Config().delta = 0.1


def test_the_paper_alone():
    config = Config(**PAPER)
    assert not config.baseline and config.damping == 0
    assert not config.standardize_advantages and not config.scale_observations
    assert config.delta == 0.01 and config.cg_iterations == 10
