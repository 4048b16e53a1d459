"""progress.csv's columns, and the picture of a run, which holds its numbers, and delta."""
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import rc_context, rcdefaults
from matplotlib.figure import Figure
from matplotlib.image import imread

from trpo_numpy.checks import InputError
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.run_folder import COLUMNS, progress_row, read_progress, save_learning_curve

PROGRESS = {"timesteps": np.array([10, 20]), "mean_return": np.array([-3.0, 5.0]), "kl": np.array([0.01, 0.005]),
            "delta": np.array([0.02, 0.02])}


def test_a_row_says_what_the_update_did():
    update = SimpleNamespace(L_old=0.5, L_new=0.75, delta=0.02, kl_new=0.01, kl_predicted=0.015, candidates=[1, 2],
                             residuals=np.array([4.0, 2.0, 1.0]), status="refused, twice")
    iteration = SimpleNamespace(iteration=3, timesteps=600, episodes=12, mean_return=-7.0, entropy=1.5, update=update,
                                explained_variance=0.25, seconds_sampling=1.23456, seconds_updating=0.5)
    assert progress_row(iteration) == {
        "iteration": 3, "timesteps": 600, "episodes": 12, "mean_return": -7.0, "L_improvement": 0.25, "delta": 0.02,
        "kl": 0.01, "kl_predicted": 0.015, "backtracks": 2, "cg_residual": 1.0, "entropy": 1.5,
        "explained_variance": 0.25, "status": "refused; twice", "seconds_sampling": 1.2346, "seconds_updating": 0.5}
    assert list(progress_row(iteration)) == list(COLUMNS)
    update.status = "accepted"
    assert progress_row(iteration)["backtracks"] == 1


def test_no_progress_is_an_empty_array_and_one_row_an_array_of_one(tmp_path):
    (tmp_path / "progress.csv").write_text(",".join(COLUMNS) + "\n")
    assert read_progress(tmp_path)["kl"].tolist() == []
    row = [n if column != "status" else "accepted" for n, column in enumerate(COLUMNS)]
    (tmp_path / "progress.csv").write_text(f"{','.join(COLUMNS)}\n{','.join(map(str, row))}\n")
    progress = read_progress(tmp_path)
    assert progress["kl"].tolist() == [list(COLUMNS).index("kl")] and progress["status"].tolist() == ["accepted"]


@pytest.mark.parametrize("contents", ["iteration,timesteps\n1,2\n", ",".join(COLUMNS) + "\n1,2\n"])
def test_other_columns_are_bad_input(tmp_path, contents):
    (tmp_path / "progress.csv").write_text(contents)
    with pytest.raises(InputError, match=r"progress\.csv: "):
        read_progress(tmp_path)


def test_the_picture_has_the_returns_the_kls_and_delta_with_their_units(tmp_path, monkeypatch):
    figures, save = [], Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **kwargs: save(figure, *args, **kwargs)
                        or figures.append(figure))
    with rc_context():
        rcdefaults()  # another test may have set the tutorials' style
        save_learning_curve(PROGRESS, Config(), tmp_path / "curve.png")
    picture = imread(tmp_path / "curve.png")
    assert picture.shape[:2] == (1000, 1700) and len(np.unique(picture[..., :3].sum(axis=-1))) > 50
    (returns, kls), = (figure.axes for figure in figures)
    assert [line.get_ydata().tolist() for line in returns.lines] == [[-3, 5]]
    assert [list(line.get_ydata()) for line in kls.lines] == [[0.01, 0.005], [0.02, 0.02]]
    assert all(line.get_xdata().tolist() == [10, 20] for line in [*returns.lines, kls.lines[0]])
    assert returns.get_title() == "TRPO on Pendulum-v1" and kls.get_xlabel() == "environment steps"
    assert (returns.get_ylabel(), kls.get_ylabel()) == ("mean training return (raw)", "mean KL (nats)")
    assert "0.02" in kls.get_legend().texts[0].get_text() and kls.get_ylim()[0] == 0 and 0.02 < kls.get_ylim()[1] < 0.03
