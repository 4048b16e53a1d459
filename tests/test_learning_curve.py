"""The picture holds every run's numbers, and delta."""
import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imread

from trpo_numpy.config import Config
from trpo_numpy.learning_curve import draw_learning_curve, save_learning_curve

PROGRESS = {"timesteps": np.array([10, 20]), "mean_return": np.array([-3.0, 5.0]), "kl": np.array([0.01, 0.005]),
            "delta": np.array([0.02, 0.02])}


def test_one_line_a_run_and_delta():
    figure = Figure()
    draw_learning_curve(figure, {"a": PROGRESS, "b": PROGRESS}, "title")
    returns, kls = figure.axes
    assert [line.get_label() for line in returns.lines] == ["a", "b"]
    assert all(line.get_ydata().tolist() == [-3, 5] for line in returns.lines)
    assert [line.get_ydata().tolist() for line in kls.lines[:2]] == [[0.01, 0.005]] * 2
    assert set(kls.lines[2].get_ydata()) == {0.02}
    assert returns.get_ylabel() and kls.get_ylabel() and kls.get_xlabel() and returns.get_title() == "title"


def test_a_method_without_delta_takes_no_other_runs_line_away():
    without = PROGRESS | {"delta": np.array([np.inf, np.inf])}
    for runs, delta in [({"a": without, "b": PROGRESS}, [0.02]), ({"a": without}, [])]:
        figure = Figure()
        draw_learning_curve(figure, runs, "title")
        _, kls = figure.axes
        assert [line.get_ydata()[0] for line in kls.lines[len(runs):]] == delta
        assert (kls.get_legend() is not None) == bool(delta)


def test_written_as_a_picture(tmp_path):
    save_learning_curve(PROGRESS, Config(), tmp_path / "curve.png")
    picture = imread(tmp_path / "curve.png")
    assert picture.shape[:2] == (600, 800) and len(np.unique(picture.reshape(-1, 4), axis=0)) > 50
