"""Not in the paper: what a run leaves on disk, and reads back.

config.json    the Config and the versions: all that repeats the run, with the same code and OMP_NUM_THREADS
progress.csv   one row per iteration, by COLUMNS; learning_curve.png is its picture
policy.npz     theta, the mean and std that its observations were scaled with, and the rest of training.Checkpoint
"""
import json
import os
import platform
import re
from dataclasses import asdict, fields
from importlib.metadata import version
from itertools import count
from pathlib import Path

import numpy as np

from trpo_numpy.checks import InputError, check_array, input_error
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.scaling import Scaling
from trpo_numpy.practice.training import Checkpoint

COLUMNS = {"iteration": int, "timesteps": int, "episodes": int, "mean_return": float, "L_improvement": float,
           "delta": float, "kl": float, "kl_predicted": float, "backtracks": int, "cg_residual": float,
           "entropy": float, "explained_variance": float, "status": "U80", "seconds_sampling": float,
           "seconds_updating": float}


def create_run_folder(out, config, parent="runs", method="TRPO"):
    """Makes the folder out, or if it is None a new one in parent, with config.json. Returns its Path.

    method is the update's name; the command line resumes runs of TRPO only. InputError if out is a file or has files.
    """
    if not isinstance(config.env_id, str):
        raise InputError(f"env_id: got {config.env_id}, wanted a registered id: the folder's run is made again from it")
    if out is None:
        name = f"{re.sub('[/:]', '-', config.env_id)}-seed{config.seed}"
        out = next(path for n in count(1) if not (path := Path(parent, f"{name}-{n}")).exists())
    out = Path(out)
    if out.is_file() or out.is_dir() and any(out.iterdir()):
        raise InputError(f"out: {out} is a file or has files, wanted a new or empty folder: nothing is overwritten")
    out.mkdir(parents=True, exist_ok=True)
    (out / "progress.csv").write_text(",".join(COLUMNS) + "\n")
    return write_config(out, config, method)


def write_config(folder, config, method="TRPO"):
    """Writes config.json: the name of the method, the Config, and the versions. Returns the folder."""
    versions = {name: version(name) for name in ("numpy", "scipy", "gymnasium")} | {"python": platform.python_version()}
    contents = {"method": method, "config": asdict(config), "versions": versions}
    partial = folder / "config.partial.json"     # a kill leaves config.json as it was
    partial.write_text(json.dumps(contents, indent=2) + "\n")
    os.replace(partial, folder / "config.json")
    return folder


def read_config(folder, method="TRPO"):
    """The Config of a run by this method, or by any if it is None. Raises InputError for another or a damaged one."""
    path = Path(folder) / "config.json"
    with input_error(f"{path}: wanted the config.json of a run's folder, such as runs/Pendulum-v1-seed0-1"):
        contents = json.loads(path.read_text())
        options, found = contents["config"], contents["method"]
        if set(options) != {field.name for field in fields(Config)}:  # whose defaults may differ from this version's
            raise ValueError("got a run of another version")
        config = Config(**options)
    if method not in (None, found):
        raise InputError(f"{path}: got a run of {found}, wanted one of {method}")
    return config


def progress_row(iteration):
    """One row of progress.csv, a dict by COLUMNS, from a training.Iteration."""
    i, update = iteration, iteration.update
    backtracks = len(update.candidates) - (update.status == "accepted")
    row = (i.iteration, i.timesteps, i.episodes, i.mean_return, update.L_new - update.L_old, update.delta,
           update.kl_new, update.kl_predicted, backtracks, update.residuals[-1], i.entropy, i.explained_variance,
           update.status.replace(",", ";"), round(i.seconds_sampling, 4), round(i.seconds_updating, 4))
    return dict(zip(COLUMNS, row))


def read_progress(folder):
    """The rows of progress.csv, an array with a field for each column. InputError if it is missing or damaged."""
    path = Path(folder) / "progress.csv"
    with input_error(f"{path}: wanted the columns {', '.join(COLUMNS)}"):
        return np.array([tuple(line.split(",")) for line in path.read_text().splitlines()[1:]], list(COLUMNS.items()))


def record_iteration(folder, iteration):
    """Appends a row to progress.csv, then writes policy.npz: `resume` takes away a row without one. Returns the row."""
    row, last, scaling = progress_row(iteration), iteration.checkpoint, iteration.scaling
    with open(folder / "progress.csv", "a") as file:
        print(*row.values(), sep=",", file=file)
    partial = folder / "policy.partial.npz"      # a kill leaves policy.npz as it was
    np.savez(partial, theta=last.theta, mean=scaling.mean, std=scaling.std, phi=last.phi,
             next_mean=last.scaling.mean, next_var=last.scaling.var,
             counts=np.array([last.scaling.count, last.iteration, last.timesteps, last.episodes], np.int64))
    os.replace(partial, folder / "policy.npz")
    return row


def load_arrays(folder):
    """The arrays of policy.npz by their names. Raises InputError if it is missing or damaged."""
    path = Path(folder) / "policy.npz"
    with input_error(f"{path}: wanted the policy of a run with a whole iteration"):
        with np.load(path, allow_pickle=False) as file:
            return dict(file)


def load_policy(folder, policy):
    """theta (P,) of a run with this policy, and the Scaling of its observations. Raises InputError as `load_arrays`."""
    arrays = load_arrays(folder)
    check_array(f"{folder}/policy.npz: theta", arrays["theta"], (policy.n_parameters,))
    return arrays["theta"], Scaling(0, arrays["mean"], arrays["std"] ** 2)  # its root is std again, to the byte


def resume(folder):
    """The Checkpoint from which a run goes on, None if it has none yet. Cuts progress.csv to fit it, or InputError."""
    path, last = Path(folder) / "progress.csv", None
    if path.with_name("policy.npz").exists():
        arrays = load_arrays(folder)
        n, *counts = map(int, arrays["counts"])
        last = Checkpoint(arrays["theta"], arrays["phi"], Scaling(n, arrays["next_mean"], arrays["next_var"]), *counts)
    n_rows = last.iteration if last else 0
    lines = path.read_bytes().splitlines(keepends=True)
    kept = b"".join(lines[:1 + n_rows])     # with the header
    if len(lines) - n_rows not in (1, 2) or not kept.endswith(b"\n"):  # a kill may leave a row more, or a part of one
        raise InputError(f"{path}: got {len(lines) - 1} rows, wanted the {n_rows} of policy.npz, and at most one more")
    os.truncate(path, len(kept))
    return last


def save_learning_curve(progress, config, path):
    """Writes a picture of a run: its returns, and below them the KL of each update under its bound."""
    from matplotlib.figure import Figure
    figure, steps, delta = Figure(figsize=(8.5, 5), layout="constrained"), progress["timesteps"], progress["delta"][0]
    returns, kls = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    returns.plot(steps, progress["mean_return"])
    returns.set(title=f"TRPO on {config.env_id}", ylabel="mean training return (raw)")
    kls.plot(steps, progress["kl"], ".")
    kls.axhline(delta, color="black", linestyle="--", label=rf"the bound $\delta$ = {delta:g}")
    kls.set(xlabel="environment steps", ylabel="mean KL (nats)", ylim=(0, 1.35 * delta))
    kls.legend(loc="upper right")
    figure.savefig(path, dpi=200)
