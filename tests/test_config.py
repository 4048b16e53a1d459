"""Config: its defaults, the paper's values, what it refuses, and that each field is documented."""
import argparse
from dataclasses import FrozenInstanceError, asdict, fields

import numpy as np
import pytest

from trpo_numpy.__main__ import key_and_value
from trpo_numpy.checks import InputError
from trpo_numpy.practice.config import PAPER, Config
from trpo_numpy.trpo import UpdateOptions

# field: (values at the ends of its range, values that are refused)
RANGES = {
    "env_id": (["", dict], [3, None]),
    "env_kwargs": ([{}, {"gravity": 5.0, "parts": ["a", None]}], [None, 3, {"a": float("nan")}, {"a": {1, 2}}]),
    "timesteps": ([1], [0, -5, 1.5, "100", True]),
    "seed": ([0], [-1, 0.5]),
    "batch_size": ([2], [0, 1, 2.0]),
    "vine_states": ([0, 2000], [-1, 0.5, 2001]),
    "vine_actions": ([2], [1, 4.0]),
    "vine_length": ([1], [0]),
    "hidden_sizes": ([(), (1,)], [(0,), (64, -1), (6.4,), ("64",), 64, None, "64"]),
    "initial_log_std": ([-20.0, 20.0], [float("nan"), float("inf"), -20.1, 20.1]),
    "gamma": ([0.0], [-0.1, 1.0, 1.5, float("nan"), "0.9", None]),
    "delta": ([1e-300], [0.0, -0.01, float("nan"), float("inf"), 10 ** 400]),
    "delta_per_dimension": ([True, False], [2]),
    "cg_iterations": ([1], [0, -1, 2.5]),
    "fisher_fraction": ([1e-300, 1.0], [0.0, 1.1]),
    "shrink": ([1e-300], [0.0, 1.0]),
    "max_backtracks": ([0], [-1]),
    "damping": ([0.0], [-0.1, float("inf")]),
    "baseline": ([True, False], [1, None, "yes"]),
    "gae_lambda": ([0.0, 1.0], [-0.1, 1.1]),
    "baseline_lambda": ([0.0, 1.0], [-0.1, 1.1]),
    "baseline_steps": ([0], [-1]),
    "baseline_cg_iterations": ([1], [0]),
    "baseline_damping": ([0.0], [-1.0]),
    "standardize_advantages": ([True, False], [0]),
    "rescale_actions": ([True, False], [1]),
    "scale_observations": ([True, False], ["no"]),
}


@pytest.mark.parametrize("field", RANGES)
def test_a_field_takes_the_ends_of_its_range_and_nothing_outside(field):
    taken, refused = RANGES[field]
    for value in taken:
        assert getattr(Config(**{field: value}), field) == value
    for value in refused:
        with pytest.raises(InputError, match=rf"^{field}: got .*, wanted ") as error:
            Config(**{field: value})
        assert repr(value) in str(error.value)


def test_each_field_is_documented_and_the_ranges_above_are_those_of_all_fields():
    assert all(f.metadata["help"] for f in fields(Config))
    assert list(RANGES) == [f.name for f in fields(Config)]


def test_a_vine_has_at_most_as_many_states_as_the_batch_has_steps():
    assert Config(batch_size=20, vine_states=20).vine_states == 20
    with pytest.raises(InputError, match="^vine_states: got 21, wanted at most batch_size, 20$"):
        Config(batch_size=20, vine_states=21)


def test_the_defaults_are_these():
    """They are part of every result that a document reports."""
    assert asdict(Config()) == {
        "env_id": "Pendulum-v1", "env_kwargs": {}, "timesteps": 100_000, "seed": 0, "batch_size": 2_000,
        "vine_states": 0, "vine_actions": 4, "vine_length": 100, "hidden_sizes": (64, 64), "initial_log_std": 0.0,
        "gamma": 0.99, "delta": 0.01, "delta_per_dimension": True, "cg_iterations": 10, "fisher_fraction": 0.1,
        "shrink": 0.8, "max_backtracks": 15, "damping": 0.3, "baseline": True, "gae_lambda": 0.95,
        "baseline_lambda": 0.98, "baseline_steps": 10, "baseline_cg_iterations": 5, "baseline_damping": 0.1,
        "standardize_advantages": True, "rescale_actions": False, "scale_observations": True}


def test_the_paper_alone_has_its_delta_and_k_and_nothing_that_is_not_in_it():
    assert PAPER == {"delta": 0.01, "delta_per_dimension": False, "cg_iterations": 10, "fisher_fraction": 1.0,
                     "damping": 0.0, "baseline": False, "standardize_advantages": False, "scale_observations": False}
    not_in_the_paper = {f.name for f in fields(Config) if f.metadata["help"].startswith("not in the paper")}
    assert not_in_the_paper and not any(getattr(Config(**PAPER), name) for name in not_in_the_paper)


def test_an_update_by_itself_has_the_papers_values():
    assert asdict(UpdateOptions()) == {"delta": 0.01, "cg_iterations": 10, "fisher_fraction": 0.1, "shrink": 0.8,
                                       "max_backtracks": 15, "damping": 0.0}


def test_whole_numbers_do_for_numbers_and_lists_for_tuples():
    config = Config(gamma=0, hidden_sizes=[8])
    assert config.gamma == 0 and config.hidden_sizes == (8,) and hash(config)


def test_numpys_numbers_do_for_pythons():
    config = Config(delta=np.float64(0.02), seed=np.int64(3), baseline=np.bool_(False))
    assert config == Config(delta=0.02, seed=3, baseline=False) and type(config.delta) is float


def test_the_arguments_of_an_environment_are_as_json_gives_them_back():
    """So that a run that is resumed has the same Config."""
    config = Config(env_kwargs={"map": ("a", "b"), "size": 4})
    assert config.env_kwargs == {"map": ["a", "b"], "size": 4} and hash(config) == hash(Config())


@pytest.mark.parametrize("text, pair", [
    ("gravity:5.0", ("gravity", 5.0)), ("map_name:'8x8'", ("map_name", "8x8")), ("map_name:8x8", ("map_name", "8x8")),
    ("xml:a:b", ("xml", "a:b")), ("slippery:False", ("slippery", False)), ("sizes:[1, 2]", ("sizes", [1, 2]))])
def test_a_key_and_a_value_are_as_they_are_typed(text, pair):
    assert key_and_value(text) == pair


@pytest.mark.parametrize("text", ["gravity", "gravity=5", "1:2", ":3", ""])
def test_what_is_no_key_and_value_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"got '{text}', wanted key:value"):
        key_and_value(text)


def test_a_config_does_not_change():
    with pytest.raises(FrozenInstanceError):
        Config().delta = 0.1
