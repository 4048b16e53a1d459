"""Not in the paper: progress.csv, one row per iteration, and its picture: the returns, and the KL under delta."""
from pathlib import Path

import numpy as np

from trpo_numpy.record import InputError

COLUMNS = ("iteration", "timesteps", "episodes", "mean_return", "L_improvement", "delta", "kl", "kl_predicted",
           "backtracks", "cg_residual", "entropy", "explained_variance", "status", "seconds_sampling",
           "seconds_updating")


def progress_row(iteration):
    """One row of progress.csv, a dict by COLUMNS, from a training.Iteration."""
    i, update = iteration, iteration.update
    backtracks = sum(bool(candidate.refused) for candidate in update.candidates)
    row = (i.iteration, i.timesteps, i.episodes, i.mean_return, update.L_new - update.L_old, update.delta,
           update.kl_new, update.kl_predicted, backtracks, update.residuals[-1], i.entropy, i.explained_variance,
           update.status, round(i.seconds_sampling, 4), round(i.seconds_updating, 4))
    return dict(zip(COLUMNS, row))


def read_progress(folder, max_rows=None):
    """progress.csv, or its first rows, as a structured array: read_progress(folder)["kl"] is (iterations,).

    Empty if there is none yet. Raises InputError if it is damaged.
    """
    path = Path(folder) / "progress.csv"
    if not path.exists() or path.stat().st_size == 0:
        return np.empty(0, [(column, float) for column in COLUMNS])
    try:
        progress = np.genfromtxt(path, delimiter=",", names=True, dtype=None, encoding="utf-8", max_rows=max_rows)
        for column in COLUMNS:
            if column != "status" and progress[column].dtype.kind not in "if":
                raise ValueError(f"{column} has something that is not a number")
    except ValueError as error:
        raise InputError(f"{path}: wanted the columns {', '.join(COLUMNS)}: {error}") from error
    return np.atleast_1d(progress)


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
