"""Not in the paper: what a run leaves on disk, and reads back.

config.json    the Config, and the versions it ran with: all that is needed to repeat the run
progress.csv   one row an iteration
policy.npz     theta, and the scaling of the observations that it was trained with
"""
import csv
import json
import os
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np

from trpo_numpy.baseline import Scaling
from trpo_numpy.config import Config

COLUMNS = ("iteration", "timesteps", "episodes", "mean_return", "L_improvement", "kl", "kl_predicted", "backtracks",
           "cg_residual", "entropy", "explained_variance", "status", "seconds_sampling", "seconds_updating")


def create_run_folder(out, config, parent="runs"):
    """Makes the folder out, or if it is None a new one in parent, and writes config.json. Returns its Path.

    Raises FileExistsError if out is a file, or holds an earlier run: nothing is overwritten.
    """
    number = 1
    while out is None:
        candidate = Path(parent, f"{config.env_id.replace('/', '-')}-seed{config.seed}-{number}")
        out, number = (None if candidate.exists() else candidate), number + 1
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"out: {out} is a file, wanted a folder that is new or empty")
    if out.is_dir() and any(out.iterdir()):
        raise FileExistsError(f"out: {out} is not empty, wanted a folder that is new or empty: nothing is overwritten")
    out.mkdir(parents=True, exist_ok=True)
    versions = {package: version(package) for package in ("numpy", "scipy", "gymnasium")}
    contents = {"config": asdict(config), "versions": {"python": platform.python_version(), **versions}}
    (out / "config.json").write_text(json.dumps(contents, indent=2) + "\n")
    return out


def progress_row(iteration):
    """One row of progress.csv, a dict by COLUMNS, from a trpo.Iteration."""
    i, update = iteration, iteration.update
    backtracks = sum(bool(candidate.refused) for candidate in update.candidates)
    row = (i.iteration, i.timesteps, i.episodes, i.mean_return, update.L_new - update.L_old, update.kl_new,
           update.kl_predicted, backtracks, update.residuals[-1], update.entropy, i.explained_variance, update.status,
           round(i.seconds_sampling, 4), round(i.seconds_updating, 4))
    return dict(zip(COLUMNS, (value.item() if isinstance(value, np.generic) else value for value in row)))


def record_iteration(folder, iteration):
    """Writes policy.npz (whole, or not at all) and appends the iteration's row to progress.csv. Returns the row."""
    partial = folder / "policy.npz.partial"
    with open(partial, "wb") as file:
        np.savez(file, theta=iteration.update.theta, mean=iteration.scaling.mean, std=iteration.scaling.std)
    os.replace(partial, folder / "policy.npz")
    row = progress_row(iteration)
    with open(folder / "progress.csv", "a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(row)
    return row


def read_progress(folder):
    """progress.csv as {column: array (iterations,)}; the column status is left out."""
    with open(Path(folder) / "progress.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return {column: np.array([float(row[column]) for row in rows]) for column in COLUMNS if column != "status"}


def read_config(folder):
    """The Config of a run. Raises ValueError if config.json is missing or is not one of ours."""
    path = Path(folder) / "config.json"
    try:
        return Config(**json.loads(path.read_text())["config"])
    except (OSError, json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: wanted the config.json of a run: {type(error).__name__}: {error}") from error


def load_policy(folder, n_parameters, d_s):
    """theta (n_parameters,) and the Scaling (d_s,) of a run.

    Raises ValueError if policy.npz is missing, damaged, a pickle or of other shapes.
    """
    path = Path(folder) / "policy.npz"
    shapes = {"theta": (n_parameters,), "mean": (d_s,), "std": (d_s,)}
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in shapes}
    except Exception as error:  # a damaged file fails in more ways than NumPy documents
        raise ValueError(f"{path}: wanted the arrays theta, mean and std: {type(error).__name__}: {error}") from error
    for name, shape in shapes.items():
        if arrays[name].shape != shape or arrays[name].dtype != np.float64:
            raise ValueError(f"{path}: {name} is {arrays[name].dtype} of shape {arrays[name].shape}, "
                             f"wanted float64 of shape {shape}")
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"{path}: {name} has numbers that are not finite")
    if not (arrays["std"] > 0).all():
        raise ValueError(f"{path}: std is {arrays['std']}, wanted numbers above 0")
    return arrays["theta"], Scaling(0, arrays["mean"], arrays["std"] ** 2, arrays["std"])
