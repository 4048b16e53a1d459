"""What is printed while a run goes on: rows of a table, of which a terminal keeps about fifty."""
from time import perf_counter
from types import SimpleNamespace

import pytest

from trpo_numpy import __main__
from trpo_numpy.__main__ import HEADER, print_row

ROW = {"episodes": 10, "mean_return": -1234.5, "L_improvement": 0.01, "kl": 0.009, "backtracks": 1, "entropy": 1.4,
       "explained_variance": 0.5, "status": "accepted"}


def printed(capsys, iteration, timesteps=100_000, done=0, status="accepted", seconds=10):
    """What print_row prints after this iteration of 1000 steps, `seconds` after the start."""
    row = {**ROW, "iteration": iteration, "timesteps": 1000 * iteration, "status": status}
    print_row(row, timesteps, done, perf_counter() - seconds)
    return capsys.readouterr().out


def test_to_a_file_every_iteration_is_a_line_under_the_header(capsys):
    for iteration in (1, 2, 99, 100):
        line = printed(capsys, iteration)
        assert line.count("\n") == 1 and len(line) == len(HEADER) + 1 == 80 and "\r" not in line    # of a terminal
        assert line.split()[:4] == [str(iteration), str(1000 * iteration), "10", "-1234.5"]
    assert printed(capsys, 3, status="zero gradient").endswith("  zero gradient\n")


@pytest.mark.parametrize("iteration, done, left", [(10, 0, "1:30"), (50, 40_000, "0:50"), (100, 0, "0:00")])
def test_the_time_left_is_that_of_the_steps_left_at_the_speed_so_far(capsys, iteration, done, left):
    """With 10 seconds for 10, 10 and 100 thousand steps, it takes 90, 50 and 0 seconds more."""
    minutes, seconds = map(int, printed(capsys, iteration, done=done).split()[-1].split(":"))
    wanted = [int(part) for part in left.split(":")]
    assert abs(60 * minutes + seconds - 60 * wanted[0] - wanted[1]) <= 1


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(__main__, "sys", SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True)))


def test_on_a_terminal_the_next_row_takes_the_place_of_most(capsys, terminal):
    """A row that goes is not wrapped, or it would be overwritten in part; each erases what a longer one left."""
    gone, stays = printed(capsys, 11), printed(capsys, 12)
    assert gone.startswith("\x1b[K\x1b[?7l") and gone.endswith("\x1b[?7h\r")
    assert stays.startswith("\x1b[K  12") and stays.endswith("\n")


@pytest.mark.parametrize("timesteps, most", [(20_000, 20), (50_000, 50), (1_000_000, 60)])
def test_on_a_terminal_a_run_keeps_about_50_rows_and_the_last(capsys, terminal, timesteps, most):
    texts = [printed(capsys, i, timesteps) for i in range(1, timesteps // 1000 + 1)]
    rows = [text for text in texts if "\n" in text]
    assert min(20, most - 30) <= len(rows) <= most and rows[-1] is texts[-1]
    assert texts[-1].endswith("0:00\n")
