"""Not in the paper: how the records (Update, Batch, Path, ...) print in a debugger: arrays by shape and norm."""
from dataclasses import fields

import numpy as np


def brief(value):
    """value on a part of a line: an array of more than 8 numbers by shape and norm, a longer list by its length."""
    if isinstance(value, np.ndarray) and value.size > 8:
        return f"<{value.shape}, norm {np.linalg.norm(value):.4g}>"
    if isinstance(value, np.ndarray):
        return np.array2string(value, precision=4, separator=", ")
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    if isinstance(value, list) and len(value) > 2:
        return f"<{len(value)} of {type(value[0]).__name__}>"
    return getattr(value, "__name__", None) or repr(value)


def brief_repr(record):
    """The repr of a dataclass whose body says `__repr__ = brief_repr`. The fields themselves are what they are."""
    shown = (f"{f.name}={brief(getattr(record, f.name))}" for f in fields(record))
    return f"{type(record).__name__}({', '.join(shown)})"
