"""Not in the paper: what a run leaves on disk, and reads back.

config.json    the Config and the versions: all that repeats the run, with the same code and OMP_NUM_THREADS
progress.csv   one row per iteration
policy.npz     theta, the mean and std that its observations were scaled with, and the rest of training.State
"""
import json
import os
import platform
import re
from contextlib import contextmanager
from dataclasses import asdict, fields
from importlib.metadata import version
from itertools import count
from pathlib import Path

import numpy as np

from trpo_numpy.practice.checks import input_error
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.learning_curve import progress_row, read_progress
from trpo_numpy.practice.scaling import Scaling
from trpo_numpy.practice.training import State
from trpo_numpy.record import InputError, check_array


@contextmanager
def whole_file(path):
    """Opens a file to be written in binary. A kill leaves it as it was: another name is written, then renamed."""
    partial = path.with_name(path.name + ".partial")
    with open(partial, "wb") as file:
        yield file
    os.replace(partial, path)


def create_run_folder(out, config, parent="runs", method="TRPO"):
    """Makes the folder out, or if it is None a new one in parent, and writes config.json. Returns its Path.

    method is the name of the update; the command line resumes runs of TRPO only. Nothing is overwritten: raises
    InputError if out is a file or holds an earlier run.
    """
    if out is None:
        name = f"{re.sub('[/:]', '-', config.env_id)}-seed{config.seed}"
        out = next(path for n in count(1) if not (path := Path(parent, f"{name}-{n}")).exists())
    out = Path(out)
    if out.is_file() or out.is_dir() and any(path.suffix != ".partial" for path in out.iterdir()):
        raise InputError(f"out: {out} is a file or has files, wanted a new or empty folder: nothing is overwritten")
    out.mkdir(parents=True, exist_ok=True)
    return write_config(out, config, method)


def write_config(folder, config, method="TRPO"):
    """Writes config.json: the name of the method, the Config, and the versions. Returns the folder."""
    if not isinstance(config.env_id, str):
        raise InputError(f"env_id: got {config.env_id}, wanted a registered id: the folder's run is made again from it")
    versions = {name: version(name) for name in ("numpy", "scipy", "gymnasium")} | {"python": platform.python_version()}
    contents = {"method": method, "config": asdict(config), "versions": versions}
    with whole_file(folder / "config.json") as file:
        file.write((json.dumps(contents, indent=2) + "\n").encode())
    return folder


def read_config(folder, method="TRPO"):
    """The Config of a run by this method, or by any if it is None. Raises InputError for another or a damaged one."""
    path = Path(folder) / "config.json"
    with input_error(f"{path}: wanted the config.json of a run's folder, such as runs/Pendulum-v1-seed0-1"):
        contents = json.loads(path.read_text())
        options, found = contents["config"], contents["method"]
        missing = {field.name for field in fields(Config)} - set(options)
        if missing:  # the defaults of this version may differ from those that it ran with
            raise KeyError(f"no {', '.join(sorted(missing))}: a run of another version")
        config = Config(**options)
    if method not in (None, found):
        raise InputError(f"{path}: got a run of {found}, wanted one of {method}")
    return config


def record_iteration(folder, iteration):
    """Appends a row to progress.csv, then writes policy.npz: `resume` takes away a row without one. Returns the row."""
    row, state, scaling = progress_row(iteration), iteration.state, iteration.scaling
    with open(folder / "progress.csv", "a") as file:
        if file.tell() == 0:
            print(*row, sep=",", file=file)
        print(*row.values(), sep=",", file=file)
    with whole_file(folder / "policy.npz") as file:
        np.savez(file, theta=state.theta, mean=scaling.mean, std=scaling.std, phi=state.phi,
                 next_mean=state.scaling.mean, next_var=state.scaling.var,
                 counts=np.array([state.scaling.count, state.iteration, state.timesteps, state.episodes], np.int64))
    return row


def load_arrays(folder, policy, n_phi="any"):
    """The arrays of policy.npz. Raises InputError if they are missing, damaged, or not for this policy or n_phi."""
    path, d_s = Path(folder) / "policy.npz", policy.network.sizes[0]
    shapes = {"theta": (policy.n_parameters,), "phi": (n_phi,), "mean": (d_s,), "std": (d_s,), "next_mean": (d_s,),
              "next_var": (d_s,), "counts": (4,)}
    if not path.exists():
        raise InputError(f"{path}: is missing, wanted a run with a whole iteration: train --resume {folder} goes on")
    with input_error(f"{path}: wanted the arrays {', '.join(shapes)}"), np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in shapes}
    for name, shape in shapes.items():
        check_array(f"{path}: {name}", arrays[name], shape)
    return arrays


def load_policy(folder, policy):
    """theta (P,) of a run with this policy, and the Scaling of its observations. Raises InputError as `load_arrays`."""
    arrays = load_arrays(folder, policy)
    return arrays["theta"], Scaling(0, arrays["mean"], arrays["std"] ** 2)  # its root is std again, to the byte


def resume(folder, policy, baseline):
    """The training.State where the run in folder goes on, or None if it has none yet; cuts progress.csv to fit it.

    Raises InputError if policy.npz is damaged or not for this policy and baseline, or if progress.csv does not fit.
    """
    path, state, n_rows = Path(folder, "progress.csv"), None, 0
    if path.with_name("policy.npz").exists():
        arrays = load_arrays(folder, policy, baseline.n_parameters)
        n, *counts = map(int, arrays["counts"])
        state = State(arrays["theta"], arrays["phi"], Scaling(n, arrays["next_mean"], arrays["next_var"]), *counts)
        n_rows = state.iteration
    got = len(read_progress(folder))
    if not n_rows <= got <= n_rows + 1:  # a kill may leave one row that policy.npz does not have yet
        raise InputError(f"{path}: got {got} whole rows, wanted the {n_rows} of policy.npz, and at most one more")
    if path.exists():
        lines = path.read_bytes().splitlines(keepends=True)
        with whole_file(path) as file:
            file.writelines(lines[:1 + n_rows] if state else [])  # without a policy the header is written anew
    return state
