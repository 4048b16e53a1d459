"""Not in the paper: how the records (Update, Batch, Path, ...) print, and how input is checked."""
from dataclasses import fields

import numpy as np


class InputError(ValueError):
    """Bad input: an argument, an option, a file or an environment. Says what came and what is wanted."""


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


def check_sizes(name, sizes, at_least=1):
    """Raises InputError unless sizes are at_least or more whole numbers, each at least 1."""
    if len(sizes) < at_least or not all(isinstance(size, int) and size >= 1 for size in sizes):
        raise InputError(f"{name}: got {sizes!r}, wanted {at_least} or more whole numbers, each at least 1")


def brief(value):
    """value in a few words: an array of more than 8 numbers by its shape and norm, a longer list by its length."""
    if isinstance(value, np.ndarray):
        short = np.array2string(value, precision=4, separator=", ", max_line_width=200)
        return f"<{value.shape}, norm {np.linalg.norm(value):.4g}>" if value.size > 8 else short
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    if isinstance(value, list) and len(value) > 2:
        return f"<{len(value)} of {type(value[0]).__name__}>"
    return getattr(value, "__name__", None) or repr(value.item() if isinstance(value, np.generic) else value)


def short_repr(record):
    """The repr of a dataclass whose body has the line `__repr__ = short_repr`: every field, but briefly."""
    shown = (f"{f.name}={brief(getattr(record, f.name))}" for f in fields(record))
    return f"{type(record).__name__}({', '.join(shown)})"
