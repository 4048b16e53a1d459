"""The picture of several runs holds every run's numbers, their median, and delta."""
from common import STYLE
from section_6_trpo import draw_learning_curve, median_curve, thinned

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure

PROGRESS = {"timesteps": np.array([10, 20]), "mean_return": np.array([-3.0, 5.0]), "kl": np.array([0.01, 0.005]),
            "delta": np.array([0.02, 0.02])}


def test_the_picture_has_one_line_per_run_the_median_and_delta():
    with rc_context(STYLE):
        figure = Figure()
        draw_learning_curve(figure, {"a": PROGRESS, "b": PROGRESS}, "title")
    returns, kls = figure.axes
    assert [text.get_text() for text in returns.texts] == ["thick: median of 2 seeds\nthin: each", "last tenth"]
    assert len(returns.lines) == 3
    assert all(line.get_ydata().tolist() == [-3, 5] and line.get_xdata().tolist() == [10, 20] for line in returns.lines)
    assert [line.get_ydata().tolist() for line in kls.lines[:2]] == [[0.01, 0.005]] * 2
    assert set(kls.lines[2].get_ydata()) == {0.02}
    assert returns.get_ylabel() and kls.get_ylabel() and kls.get_xlabel() and returns.get_title(loc="left") == "title"


def test_a_run_of_a_method_without_delta_leaves_the_delta_of_others_in_the_picture():
    without = PROGRESS | {"delta": np.array([np.inf, np.inf])}
    for runs, delta in [({"a": without, "b": PROGRESS}, [0.02]), ({"a": without}, [])]:
        figure = Figure()
        draw_learning_curve(figure, runs, "title")
        _, kls = figure.axes
        assert [line.get_ydata()[0] for line in kls.lines[len(runs):]] == delta
        assert [text.get_text() for text in kls.texts] == [rf"$\delta$ = {x:g}" for x in delta]


def test_a_seed_is_faint_beside_others_and_strong_alone():
    widths = []
    for runs in ({"a": PROGRESS}, {"a": PROGRESS, "b": PROGRESS}):
        figure = Figure()
        draw_learning_curve(figure, runs, "title")
        widths.append([line.get_linewidth() for line in figure.axes[0].lines])
    assert widths[0][0] == widths[1][2] > 2 * widths[1][0]


def test_a_long_run_is_drawn_by_means_of_its_iterations():
    timesteps = np.arange(1, 251)
    x, y = thinned({"timesteps": timesteps, "mean_return": timesteps * 2.0})
    assert x.tolist() == [*range(3, 250, 3), 250] and y.tolist() == [*range(4, 500, 6), 500]
    assert [a.tolist() for a in thinned(PROGRESS)] == [[10, 20], [-3, 5]]


def test_the_median_is_taken_where_all_runs_are():
    curves = [(np.array([10, 30]), np.array([0.0, 2])), (np.array([20, 30]), np.array([5.0, 5])),
              (np.array([10, 20]), np.array([3.0, 3]))]
    assert [a.tolist() for a in median_curve(curves)] == [[20, 30], [3, 3]]


def test_of_several_deltas_the_largest_is_drawn_and_in_sight():
    figure = Figure()
    draw_learning_curve(figure, {"a": PROGRESS, "b": PROGRESS | {"delta": np.array([0.05, 0.05])}}, "title")
    _, kls = figure.axes
    assert kls.lines[-1].get_ydata()[0] == 0.05 and kls.get_ylim() == pytest.approx((0, 0.0675))
