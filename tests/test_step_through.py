"""The page beside step_through.py tells the truth: its stops are there, and its locals have its values."""
import bdb
import re
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tutorials"))
import step_through  # noqa: E402

from trpo_numpy import fisher, training, trpo  # noqa: E402
from trpo_numpy.config import Config  # noqa: E402

SCRIPT = ROOT / "tutorials" / "step_through.py"
PAGE = SCRIPT.with_suffix(".md").read_text()
STOPS = re.findall(r"^## Stop \d, line (\d+), at `(.*?)`.*?\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)


class Debugger(bdb.Bdb):
    """Stops at breakpoints as pdb does, calls at_stop(frame) there, and goes on."""

    def __init__(self, at_stop):
        super().__init__()
        self.at_stop = at_stop

    def watch(self, path, *lines):
        self.clear_all_breaks()  # bdb keeps them for all debuggers
        for line in lines:
            assert self.set_break(str(path), line) is None
        return self

    def user_line(self, frame):
        if self.break_here(frame):
            self.at_stop(frame)
        self.set_continue()


def line_of(path, code):
    """The number of the only line of a file that has this code."""
    number, = [n for n, line in enumerate(Path(path).read_text().splitlines(), 1) if code in line]
    return number


def test_the_stops_have_the_values_of_the_page(monkeypatch, tmp_path):
    seen = {}

    def look(frame):
        for local, value in tables[frame.f_lineno]:
            shown = np.array(eval(local, {}, frame.f_locals), dtype=float).ravel()
            assert shown == pytest.approx(np.array(value.split(), dtype=float), abs=5.01e-4), local
            seen[local] = True

    tables = {}
    for line, code, text in STOPS:
        assert int(line) == line_of(SCRIPT, code)
        tables[int(line)] = re.findall(r"^\| `(.*?)` \|.*\| `(.*?)` \|$", text, re.M)
    monkeypatch.setattr(sys, "argv", ["step_through.py", "--out", str(tmp_path)])
    Debugger(look).watch(SCRIPT, *tables).runcall(step_through.main)
    assert len(tables) == 4 and len(seen) == 24


def test_the_lines_to_step_in_from_call_what_the_page_says():
    lines, calls = SCRIPT.read_text().splitlines(), re.findall(r"line (\d+) and step into `(\w+)`", PAGE)
    assert len(calls) == 1 and all(f"{name}(" in lines[int(line) - 1] for line, name in calls)


@pytest.mark.parametrize("page, n", [("README.md", 1), ("tutorials/step_through.md", 3)])
def test_the_lines_of_modules_to_stop_at_have_the_code_that_the_page_says(page, n):
    text = (ROOT / page).read_text().replace("`tbreak 27`", "`tbreak trpo_numpy/conjugate_gradient.py:27`")
    stop = r"\bt?b(?:reak)? (?:\.\./)?(trpo_numpy/\w+\.py):(\d+)\b.*?(?:stops at|to its line) `(.*?)`"
    stops = re.findall(stop, text, re.S)
    assert [line_of(ROOT / path, code) for path, _, code in stops] == [int(line) for _, line, _ in stops]
    assert len(stops) == n


def test_nothing_lies_between_the_loop_and_the_fisher_product():
    """loop -> update -> its second half -> CG -> product, each a file of ours."""
    stacks = []

    def look(frame):
        stack = []
        while frame.f_code is not training.train.__code__:
            stack.append((Path(frame.f_code.co_filename).name, frame.f_code.co_name))
            frame = frame.f_back
        stacks.append(stack)

    debugger = Debugger(look).watch(fisher.__file__, line_of(fisher.__file__, "Jy = policy.forward_mode"))
    debugger.runcall(next, training.train(Config(batch_size=200)))
    assert stacks[0] == [("fisher.py", "fisher_vector_product"), ("conjugate_gradient.py", "conjugate_gradient"),
                         ("trpo.py", "trust_region_step"), ("trpo.py", "trpo_update")]
    assert stacks[-1][1:] == stacks[0][2:]  # s'As


def test_the_last_line_of_the_update_has_the_appendixs_locals():
    names = []
    debugger = Debugger(lambda frame: names.append(set(frame.f_locals)))
    debugger.watch(trpo.__file__, line_of(trpo.__file__, "return update"))
    debugger.runcall(next, training.train(Config(batch_size=200)))
    assert names[0] >= {"g", "s", "sAs", "beta", "L_old", "L_new", "kl_new", "theta_new", "candidates", "residuals"}
