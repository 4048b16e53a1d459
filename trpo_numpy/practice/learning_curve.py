"""Not in the paper: progress.csv, one row per iteration, and its picture: the returns, and the KL under delta."""
from pathlib import Path

import numpy as np

from trpo_numpy.record import InputError

COLUMNS = ("iteration", "timesteps", "episodes", "mean_return", "L_improvement", "delta", "kl", "kl_predicted",
           "backtracks", "cg_residual", "entropy", "explained_variance", "status", "seconds_sampling",
           "seconds_updating")

# Of every picture, at most 8.5 inches wide: text of 10 points or more where a page shows it 850 pixels wide; colours
# that the colour-blind can tell apart (Okabe and Ito), and line styles for print in grey.
STYLE = {
    "axes.prop_cycle": (
        'cycler("color", ["0072B2", "D55E00", "009E73", "CC79A7", "E69F00", "56B4E9", "000000", "777777"]) + '
        'cycler("linestyle", ["-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (7, 2, 1, 2))])'),
    "figure.figsize": (8.5, 5), "savefig.dpi": 200, "figure.constrained_layout.use": True, "font.size": 10.5,
    "axes.titlesize": 11.5, "axes.titleweight": "bold", "axes.titlelocation": "left", "figure.titlesize": 12.5,
    "figure.titleweight": "bold", "axes.labelsize": 10.5, "xtick.labelsize": 10, "ytick.labelsize": 10,
    "legend.fontsize": 10, "axes.grid": True, "grid.alpha": 0.3, "axes.spines.top": False, "axes.spines.right": False}
SEED, SUMMARY = {"linewidth": 0.8, "alpha": 0.45}, {"linewidth": 2.5}   # one run of several; their mean or median


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


def thinned(progress, n_points=100):
    """(timesteps, mean return) of a run, where each point is the mean of a few iterations if there are many."""
    starts = np.arange(0, len(progress["timesteps"]), -(-len(progress["timesteps"]) // n_points))
    ends = np.append(starts[1:], len(progress["timesteps"]))
    return progress["timesteps"][ends - 1], np.add.reduceat(progress["mean_return"], starts) / (ends - starts)


def median_curve(curves):
    """The median of curves [(x, y)] at each x, from the first that all have; between its points a curve is linear."""
    grid = np.unique(np.concatenate([x for x, _ in curves]))
    grid = grid[grid >= max(x[0] for x, _ in curves)]
    return grid, np.median([np.interp(grid, x, y) for x, y in curves], axis=0)


def draw_learning_curve(figure, runs, title):
    """Draws runs, {label: columns of progress.csv}, into a matplotlib Figure: a line per run, and their median."""
    from matplotlib.ticker import EngFormatter

    deltas = [delta for progress in runs.values() for delta in progress["delta"][:1] if delta < np.inf]  # inf: none
    several, curves = len(runs) > 1, [thinned(progress) for progress in runs.values()]
    returns, kls = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    for i, (curve, progress) in enumerate(zip(curves, runs.values())):
        label = f"each of {len(runs)} seeds" if several and i == 0 else None
        returns.plot(*curve, "-", color="#0072B2", label=label, **(SEED if several else SUMMARY))
        kls.plot(progress["timesteps"], progress["kl"], ".", color="#0072B2", markersize=3, alpha=0.45)
    if several:
        returns.plot(*median_curve(curves), "-", color="#0072B2", label="their median", **SUMMARY)
    if deltas:
        delta = max(deltas)
        kls.axhline(delta, color="black", linestyle="--", linewidth=1.5, label=rf"the bound $\delta$ = {delta:g}")
        kls.set_ylim(0, 1.35 * delta)
    returns.set(title=title, ylabel="mean training return (raw)")
    kls.set(xlabel="environment steps", ylabel="mean KL (nats)")
    kls.xaxis.set_major_formatter(EngFormatter(sep=""))
    for axes, corner in [(returns, "lower right"), (kls, "upper right")]:
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc=corner)
    figure.align_ylabels()


def save_learning_curve(progress, config, path):
    """Writes the learning curve of one run as a picture."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure()
        draw_learning_curve(figure, {f"seed {config.seed}": progress}, f"TRPO on {config.env_id}")
        figure.savefig(path)
