"""Not in the paper: progress.csv, one row per iteration, and its picture: the returns, and the KL under delta."""
from pathlib import Path

import numpy as np

from trpo_numpy.record import InputError

COLUMNS = ("iteration", "timesteps", "episodes", "mean_return", "L_improvement", "delta", "kl", "kl_predicted",
           "backtracks", "cg_residual", "entropy", "explained_variance", "status", "seconds_sampling",
           "seconds_updating")

# Of every picture: colours that the colour-blind can tell apart (Okabe and Ito), and line styles for print in grey.
STYLE = {"axes.prop_cycle": (
    'cycler("color", ["0072B2", "D55E00", "009E73", "CC79A7", "E69F00", "56B4E9", "000000", "999999"]) + '
    'cycler("linestyle", ["-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (7, 2, 1, 2))])')}


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


def draw_learning_curve(figure, runs, title):
    """Draws runs, {label: columns of progress.csv}, into a matplotlib Figure: one line per run."""
    deltas = [delta for progress in runs.values() for delta in progress["delta"][:1] if delta < np.inf]  # inf: none
    figure.set_size_inches(8, 6)
    returns, kls = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    for label, progress in runs.items():
        line, = returns.plot(progress["timesteps"], progress["mean_return"], linewidth=1.5, label=label)
        kls.plot(progress["timesteps"], progress["kl"], ".-", markersize=4, linewidth=0.7, color=line.get_color())
    if deltas:
        delta = max(deltas)
        kls.axhline(delta, color="black", linestyle="--", linewidth=1, label=rf"$\delta$ = {delta:g}")
        kls.set_ylim(0, 1.2 * delta)
    returns.set(title=title, ylabel="mean training return (raw)")
    kls.set(xlabel="environment steps", ylabel=r"mean KL$(\theta_{old}\,\|\,\theta)$ (nats)")
    for axes, corner in [(returns, "lower right"), (kls, "lower left")]:
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc=corner)
    figure.align_ylabels()
    figure.tight_layout()


def save_learning_curve(progress, config, path):
    """Writes the learning curve of one run as a picture."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure()
        draw_learning_curve(figure, {f"seed {config.seed}": progress}, f"TRPO on {config.env_id}")
        figure.savefig(path, dpi=100)
