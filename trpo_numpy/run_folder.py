"""Not in the paper: what a run leaves on disk, and reads back.

config.json    the Config and the versions: all that repeats the run, with the same code and OMP_NUM_THREADS
progress.csv   one row an iteration
policy.npz     theta, and the mean and std that its observations were scaled with; and the rest of training.State, from
               which the run goes on
"""
import csv
import json
import os
import platform
import re
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields
from importlib.metadata import version
from itertools import count
from pathlib import Path

import numpy as np

from trpo_numpy.baseline import Scaling, scaling_of
from trpo_numpy.config import Config
from trpo_numpy.learning_curve import COLUMNS, progress_row, read_progress
from trpo_numpy.training import State


@contextmanager
def whole_file(path):
    """Opens a file to be written in binary, whole or not at all: it is written beside its place, then replaced."""
    beside = path.with_name(path.name + ".partial")
    with open(beside, "wb") as file:
        yield file
    os.replace(beside, path)


def create_run_folder(out, config, parent="runs", method="TRPO"):
    """Makes the folder out, or if it is None a new one in parent, and writes config.json. Returns its Path.

    A run whose `update` is not trpo_update needs another method: the command line resumes TRPO's runs as TRPO.
    Raises FileExistsError if out is a file, or holds an earlier run: nothing is overwritten.
    """
    numbers = count(1)
    while out is None:  # making it settles which of two runs that start at once may have it
        Path(parent).mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            candidate = Path(parent, f"{re.sub('[/:]', '-', config.env_id)}-seed{config.seed}-{next(numbers)}")
            candidate.mkdir()
            out = candidate
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(path.suffix != ".partial" for path in out.iterdir())):
        is_what = "not empty" if out.is_dir() else "a file"
        raise FileExistsError(f"out: {out} is {is_what}, wanted a folder that is new or empty: nothing is overwritten")
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_config(out, config, method)
    except OSError as error:
        raise OSError(f"out: {out} cannot be written to: {error}") from error
    return out


def write_config(folder, config, method="TRPO"):
    """Writes config.json: the name of the method, the Config, and the versions."""
    versions = {name: version(name) for name in ("numpy", "scipy", "gymnasium")} | {"python": platform.python_version()}
    contents = {"method": method, "config": asdict(config), "versions": versions}
    with whole_file(folder / "config.json") as file:
        file.write((json.dumps(contents, indent=2) + "\n").encode())


def record_iteration(folder, iteration):
    """Appends the iteration's row to progress.csv, then writes policy.npz. Returns the row.

    A run killed in between has a row too many, which `resume` takes away.
    """
    row, state, scaling = progress_row(iteration), iteration.state, iteration.scaling
    with open(folder / "progress.csv", "a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(row)
    with whole_file(folder / "policy.npz") as file:
        np.savez(file, theta=state.theta, mean=scaling.mean, std=scaling.std, phi=state.phi,
                 next_mean=state.scaling.mean, next_var=state.scaling.var,
                 counts=np.array([state.scaling.count, state.iteration, state.timesteps, state.episodes], np.int64))
    return row


def resume(folder, policy, baseline):
    """The training.State from which the run in folder goes on, or None if it has none yet; cuts progress.csv to fit.

    Raises ValueError if policy.npz is damaged or not for this policy and baseline, or if progress.csv is too short.
    """
    folder, state, d_s = Path(folder), None, policy.network.sizes[0]
    if (folder / "policy.npz").exists():
        arrays = load_arrays(folder, {"theta": (policy.n_parameters,), "phi": (baseline.n_parameters,),
                                      "next_mean": (d_s,), "next_var": (d_s,), "counts": (4,)})
        n, *counts = map(int, arrays["counts"])
        state = State(arrays["theta"], arrays["phi"], scaling_of(n, arrays["next_mean"], arrays["next_var"]), *counts)
    path, n_lines = folder / "progress.csv", 1 + state.iteration if state else 0
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    whole = [line for line in lines[:n_lines] if line.endswith(b"\n") and line.count(b",") == len(COLUMNS) - 1]
    if state is None and len(lines) > 2:  # a run may be killed between its first row and its first policy, not later
        raise ValueError(f"{folder / 'policy.npz'}: is missing, wanted that of the {len(lines) - 1} rows in {path}")
    if len(whole) < n_lines:
        raise ValueError(f"{path}: got {len(whole)} whole lines, wanted the first {n_lines} to go with policy.npz")
    if len(lines) > n_lines:
        with whole_file(path) as file:
            file.writelines(whole)
    read_progress(folder)  # or it is damaged
    return state


def read_config(folder, method="TRPO"):
    """The Config of a run by this method, or by any if it is None. ValueError for another, or a damaged config.json."""
    path = Path(folder) / "config.json"
    try:
        contents = json.loads(path.read_text())
        options, of = contents["config"], contents.get("method", "TRPO")
        if method is not None and of != method:
            raise ValueError(f"{path}: got a run of {of}, wanted one of {method}")
        missing = {field.name for field in fields(Config)} - set(options)
        if missing:  # today's defaults are not what it ran with
            raise KeyError(f"no {', '.join(sorted(missing))}: a run of another version")
        return Config(**options)
    except (OSError, json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: wanted the config.json of a run: {type(error).__name__}: {error}") from error


def load_arrays(folder, shapes):
    """The arrays of policy.npz by {name: shape}. ValueError if it is missing, damaged, a pickle or of other shapes."""
    path = Path(folder) / "policy.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in shapes}
    except Exception as error:  # a damaged file fails in more ways than NumPy documents
        raise ValueError(f"{path}: wanted the arrays {', '.join(shapes)}: {type(error).__name__}: {error}") from error
    for name, shape in shapes.items():
        dtype = np.int64 if name == "counts" else np.float64
        if arrays[name].shape != shape or arrays[name].dtype != dtype:
            raise ValueError(f"{path}: {name} is {arrays[name].dtype} of shape {arrays[name].shape}, "
                             f"wanted {np.dtype(dtype)} of shape {shape}")
        least = {"std": np.finfo(float).tiny, "next_var": 0, "counts": 0}.get(name, -np.inf)
        if not (np.isfinite(arrays[name]) & (arrays[name] >= least)).all():
            raise ValueError(f"{path}: {name} has numbers that are not finite, or out of range")
    return arrays


def load_policy(folder, n_parameters, d_s):
    """theta (n_parameters,) and the Scaling (d_s,) of a run. Raises ValueError as `load_arrays`."""
    arrays = load_arrays(folder, {"theta": (n_parameters,), "mean": (d_s,), "std": (d_s,)})
    return arrays["theta"], Scaling(0, arrays["mean"], arrays["std"] ** 2, arrays["std"])
