"""Not in the paper: how input is checked."""
import contextlib
import traceback

import numpy as np


class InputError(ValueError):
    """Bad input: an argument, an option, a file or an environment. Says what came and what is wanted."""


class input_error(contextlib.AbstractContextManager):
    """`with input_error(what):` makes any error in its block an InputError: what, the error, and its line."""

    def __init__(self, what):
        self.what = what

    def __exit__(self, kind, error, trace):
        if isinstance(error, Exception):
            file, line, _, code = traceback.extract_tb(trace)[-1]
            why = error if kind is InputError else f"{kind.__name__}: {str(error) or code} ({file}, line {line})"
            raise InputError(f"{self.what}: {why}") from error


def check_array(name, array, shape):
    """Raises InputError unless array holds finite real numbers in this shape. A letter in shape is any size above 0."""
    wanted = str(shape).replace("'", "")
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        got = getattr(array, "dtype", type(array).__name__)
        raise InputError(f"{name}: got {got}, wanted a NumPy array of real numbers, of shape {wanted}")
    fits = [n > 0 if isinstance(size, str) else n == size for n, size in zip(array.shape, shape)]
    if array.ndim != len(shape) or not all(fits):
        raise InputError(f"{name}: got shape {array.shape}, wanted {wanted}")
    if not np.isfinite(array).all():
        where = tuple(np.argwhere(~np.isfinite(array))[0].tolist())
        raise InputError(f"{name}: got {array[where]} at {where}, wanted finite numbers")
