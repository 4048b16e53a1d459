"""Not in the paper: progress.csv, one row per iteration, as a file, on the screen, and as a picture."""
import re
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

from trpo_numpy.practice.checks import input_error

COLUMNS = {"iteration": int, "timesteps": int, "episodes": int, "mean_return": float, "L_improvement": float,
           "delta": float, "kl": float, "kl_predicted": float, "backtracks": int, "cg_residual": float,
           "entropy": float, "explained_variance": float, "status": "U80", "seconds_sampling": float,
           "seconds_updating": float}
LINE = ("{iteration:>5} {timesteps:>9} {episodes:>8} {mean_return:>11.5g} {L_improvement:>9.4f} {kl:>8.5f} "
        "{backtracks:>10} {entropy:>8.3f} {explained_variance:>9.3f} {left:>9}{note}")
HEADER = "iter. timesteps episodes mean_return L_improv.       kl backtracks  entropy expl_var. time_left"
ROWS = 50  # of the table on a terminal


def progress_row(iteration):
    """One row of progress.csv, a dict by COLUMNS, from a training.Iteration."""
    i, update = iteration, iteration.update
    backtracks = len(update.candidates) - (update.status == "accepted")
    row = (i.iteration, i.timesteps, i.episodes, i.mean_return, update.L_new - update.L_old, update.delta,
           update.kl_new, update.kl_predicted, backtracks, update.residuals[-1], i.entropy, i.explained_variance,
           update.status.replace(",", ";"), round(i.seconds_sampling, 4), round(i.seconds_updating, 4))
    return dict(zip(COLUMNS, row))


def read_progress(folder):
    """The whole rows of progress.csv, an array with a field for each column. Raises InputError if it is damaged."""
    path = Path(folder) / "progress.csv"
    with input_error(f"{path}: wanted the columns {', '.join(COLUMNS)}"):
        lines = path.read_text().split("\n")[:-1] if path.exists() else []  # without a row that a kill has torn
        if lines and lines[0] != ",".join(COLUMNS):
            raise ValueError(f"got {lines[0]}")
        rows = [tuple(line.split(",")) for line in lines[1:] if line]
        return np.array(rows, list(COLUMNS.items()))


def print_row(row, timesteps, done, start):
    """Prints a row of progress.csv; timesteps is the run's end, `done` the steps that were done before `start`.

    On a terminal only about ROWS of a run's rows are printed, and below them a line of status, which the next replaces.
    """
    speed = (row["timesteps"] - done) / (perf_counter() - start)
    left = int(max(0, timesteps - row["timesteps"]) / speed)
    left = f"{left // 60}:{left % 60:02d}"
    terminal, is_last = sys.stdout.isatty(), row["timesteps"] >= timesteps
    every = 1 + int(timesteps * row["iteration"] / row["timesteps"] / ROWS) if terminal else 1
    if terminal:
        print(end="\r\x1b[K")  # erases the line of status
    if row["iteration"] % every == 0 or is_last:
        note = "" if row["status"] == "accepted" else "  " + row["status"]
        print(LINE.format(**row, left=left, note=note), flush=True)
    if terminal and not is_last:
        print(f"{row['timesteps']} of {timesteps} steps, {speed:.0f} steps/s, {left} left", end="", flush=True)


def print_note(message, *_):
    """A warning in one line: warnings.showwarning of the command line."""
    print("note:", re.sub(r"\x1b\[\d*m", "", str(message)), file=sys.stderr)  # Gymnasium's messages have colours


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
