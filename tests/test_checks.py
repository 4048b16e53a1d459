"""Arrays that are not what is wanted are an InputError that says so, and records cannot be changed."""
import dataclasses
import importlib
import pkgutil

import numpy as np
import pytest

import trpo_numpy
from trpo_numpy.checks import InputError, check_array, input_error


def test_bad_input_is_a_value_error():
    assert issubclass(InputError, ValueError)


@pytest.mark.parametrize("array", [np.zeros((2, 3)), np.zeros((5, 3), np.float32), np.zeros((1, 3), int),
                                   np.zeros((2, 3), bool)], ids=str)
def test_real_numbers_of_the_shape_are_taken(array):
    check_array("x", array, ("N", 3))


@pytest.mark.parametrize("array, message", [
    ([[1.0]], "x: got list, wanted a NumPy array of real numbers, of shape (N, 3)"),
    (None, "x: got NoneType, wanted a NumPy array of real numbers, of shape (N, 3)"),
    (np.zeros((2, 3), complex), "x: got complex128, wanted a NumPy array of real numbers, of shape (N, 3)"),
    (np.zeros((2, 3), object), "x: got object, wanted a NumPy array of real numbers, of shape (N, 3)"),
    (np.full((2, 3), "1"), "x: got <U1, wanted a NumPy array of real numbers, of shape (N, 3)"),
    (np.zeros((3, 2)), "x: got shape (3, 2), wanted (N, 3)"),
    (np.zeros((0, 3)), "x: got shape (0, 3), wanted (N, 3)"),
    (np.zeros(3), "x: got shape (3,), wanted (N, 3)"),
    (np.zeros((2, 3, 1)), "x: got shape (2, 3, 1), wanted (N, 3)"),
    (np.array([[0, 0, 0], [0, np.nan, np.inf]]), "x: got nan at (1, 1), wanted finite numbers"),
    (np.array([[0, 0, -np.inf]]), "x: got -inf at (0, 2), wanted finite numbers"),
])
def test_other_arrays_are_bad_input(array, message):
    with pytest.raises(InputError) as error:
        check_array("x", array, ("N", 3))
    assert str(error.value) == message


def test_ctrl_c_in_a_block_is_no_bad_input():
    with pytest.raises(KeyboardInterrupt), input_error("the block"):
        raise KeyboardInterrupt


def records():
    """Every dataclass of the package."""
    names = [module.name for module in pkgutil.walk_packages(trpo_numpy.__path__, "trpo_numpy.") if "__main__" not in
             module.name]
    members = [member for name in names for member in vars(importlib.import_module(name)).values()]
    return {member for member in members if isinstance(member, type) and dataclasses.is_dataclass(member)}


def test_every_record_is_frozen():
    assert len(records()) > 12
    assert all(record.__dataclass_params__.frozen for record in records())
