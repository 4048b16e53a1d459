"""Not in the paper: the learning curve, return against timesteps, with the KL against its bound delta below it."""
import numpy as np


def draw_learning_curve(figure, runs, title):
    """Draws runs, {label: columns of progress.csv}, into a matplotlib Figure: one line a run, none left out."""
    delta = max(progress["delta"][0] for progress in runs.values())  # infinite for a method without one
    figure.set_size_inches(8, 6)
    figure.set_dpi(100)
    returns, kls = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    for label, progress in runs.items():
        line, = returns.plot(progress["timesteps"], progress["mean_return"], linewidth=1.5, label=label)
        kls.plot(progress["timesteps"], progress["kl"], ".-", markersize=4, linewidth=0.7, color=line.get_color())
    if delta < np.inf:
        kls.axhline(delta, color="black", linestyle="--", linewidth=1, label=rf"$\delta$ = {delta:g}")
        kls.set_ylim(0, 1.2 * delta)
    returns.set_title(title)
    returns.set_ylabel("mean training return (raw)")
    kls.set_ylabel(r"mean KL$(\theta_{old}\,\|\,\theta)$ (nats)")
    kls.set_xlabel("environment steps")
    for axes, corner in [(returns, "lower right"), (kls, "lower left")]:
        axes.grid(alpha=0.3)
        axes.legend(loc=corner)
    figure.align_ylabels()
    figure.tight_layout()


def save_learning_curve(progress, config, path):
    """Writes the learning curve of one run as a picture."""
    from matplotlib.figure import Figure

    figure = Figure()
    draw_learning_curve(figure, {f"seed {config.seed}": progress}, f"TRPO on {config.env_id}")
    figure.savefig(path)
