"""progress.csv's columns, and the picture, which holds every run's numbers, and delta."""
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.image import imread

from trpo_numpy.practice.config import Config
from trpo_numpy.practice.learning_curve import (
    COLUMNS,
    STYLE,
    draw_learning_curve,
    median_curve,
    progress_row,
    read_progress,
    save_learning_curve,
    thinned,
)
from trpo_numpy.record import InputError

PROGRESS = {"timesteps": np.array([10, 20]), "mean_return": np.array([-3.0, 5.0]), "kl": np.array([0.01, 0.005]),
            "delta": np.array([0.02, 0.02])}


def test_a_row_says_what_the_update_did():
    candidates = [SimpleNamespace(refused="KL 1 > delta 0.5"), SimpleNamespace(refused="")]
    update = SimpleNamespace(L_old=0.5, L_new=0.75, delta=0.02, kl_new=0.01, kl_predicted=0.015, candidates=candidates,
                             residuals=np.array([4.0, 2.0, 1.0]), status="accepted")
    iteration = SimpleNamespace(iteration=3, timesteps=600, episodes=12, mean_return=-7.0, entropy=1.5, update=update,
                                explained_variance=0.25, seconds_sampling=1.23456, seconds_updating=0.5)
    assert progress_row(iteration) == {
        "iteration": 3, "timesteps": 600, "episodes": 12, "mean_return": -7.0, "L_improvement": 0.25, "delta": 0.02,
        "kl": 0.01, "kl_predicted": 0.015, "backtracks": 1, "cg_residual": 1.0, "entropy": 1.5,
        "explained_variance": 0.25, "status": "accepted", "seconds_sampling": 1.2346, "seconds_updating": 0.5}
    assert tuple(progress_row(iteration)) == COLUMNS


def test_no_progress_is_an_empty_array_and_one_row_an_array_of_one(tmp_path):
    assert read_progress(tmp_path)["kl"].tolist() == []
    (tmp_path / "progress.csv").write_text("")
    assert read_progress(tmp_path)["kl"].tolist() == []
    row = [n if column != "status" else "accepted" for n, column in enumerate(COLUMNS)]
    (tmp_path / "progress.csv").write_text(f"{','.join(COLUMNS)}\n{','.join(map(str, row))}\n")
    progress = read_progress(tmp_path)
    assert progress["kl"].tolist() == [COLUMNS.index("kl")] and progress["status"].tolist() == ["accepted"]


@pytest.mark.parametrize("contents", ["iteration,timesteps\n1,2\n", ",".join(COLUMNS) + "\n1,2\n", "nothing\n"])
def test_other_columns_are_bad_input(tmp_path, contents):
    (tmp_path / "progress.csv").write_text(contents)
    with pytest.raises(InputError, match=r"progress\.csv: "):
        read_progress(tmp_path)


def test_the_picture_has_one_line_per_run_the_median_and_delta():
    with rc_context(STYLE):
        figure = Figure()
        draw_learning_curve(figure, {"a": PROGRESS, "b": PROGRESS}, "title")
    returns, kls = figure.axes
    assert [text.get_text() for text in returns.get_legend().texts] == ["each of 2 seeds", "their median"]
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
        assert (kls.get_legend() is not None) == bool(delta)


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


def test_it_is_written_as_a_picture(tmp_path):
    save_learning_curve(PROGRESS, Config(), tmp_path / "curve.png")
    picture = imread(tmp_path / "curve.png")
    assert picture.shape[:2] == (1000, 1700) and len(np.unique(picture.reshape(-1, 4), axis=0)) > 50


def test_of_several_deltas_the_largest_is_drawn_and_in_sight():
    figure = Figure()
    draw_learning_curve(figure, {"a": PROGRESS, "b": PROGRESS | {"delta": np.array([0.05, 0.05])}}, "title")
    _, kls = figure.axes
    assert kls.lines[-1].get_ydata()[0] == 0.05 and kls.get_ylim() == pytest.approx((0, 0.0675))
