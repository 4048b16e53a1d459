"""How the package is laid out: what imports what, the reading order, and how long the modules are."""
import ast
import re
import sys
from pathlib import Path

import pytest

import trpo_numpy
from trpo_numpy import practice, trpo
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.training import train

PACKAGE = Path(trpo_numpy.__file__).parent
ROOT = Path(__file__).parent.parent
MODULES = {path.stem: path for path in PACKAGE.glob("*.py") if path.stem != "__init__"}
PRACTICE = {path.stem: path for path in (PACKAGE / "practice").glob("*.py") if path.stem != "__init__"}


def listed(package):
    """The modules in the table of a package's docstring: the first word of each line that has two spaces after it."""
    return re.findall(r"^ *(\w+)  ", package.__doc__, re.MULTILINE)


ORDER = listed(trpo_numpy)


def imports(path):
    """The modules of trpo_numpy that a file imports anywhere in it: "mlp", "practice.config" and so on."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}, line {node.lineno}: a relative import"
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            name = name.removeprefix("trpo_numpy.").split(".") if name.startswith("trpo_numpy.") else []
            if name and (name[0] in MODULES or name[0] == "practice"):
                found.add(name[0])
    return found


@pytest.mark.parametrize("name", sorted(MODULES.keys() - {"__main__"}))
def test_no_module_of_the_paper_imports_from_practice(name):
    assert "practice" not in imports(MODULES[name])


@pytest.mark.parametrize("name", ORDER)
def test_a_module_imports_only_those_before_it_in_the_reading_order(name):
    assert imports(MODULES[name]) <= {"checks", *ORDER[:ORDER.index(name)]}


def test_checks_imports_no_module():
    assert not imports(MODULES["checks"])


def test_the_reading_order_has_every_module_once():
    """All but `checks`, which is not in the paper, and the command line."""
    assert sorted(ORDER) == sorted(MODULES.keys() - {"checks", "__main__"})


def test_the_docstring_of_practice_has_every_module_once():
    assert sorted(listed(practice)) == sorted(PRACTICE)


def test_the_modules_of_one_update_and_of_the_theory_fit_on_a_wall():
    """Lines of at most 100 characters; the eight of one update, as README.md lists them, have 520 at most."""
    lines = [line for name in ("mlp", "gaussian", "policy", "surrogate", "fisher", "conjugate_gradient", "line_search",
                               "trpo") for line in (ROOT / "trpo_numpy" / f"{name}.py").read_text().splitlines()]
    assert len(lines) <= 520 and max(map(len, lines)) <= 100
    for name in ("finite_mdp", "expected_return", "kl_bound", "algorithm_1"):
        assert max(map(len, (ROOT / "trpo_numpy" / f"{name}.py").read_text().splitlines())) <= 100, name


@pytest.mark.parametrize("page", ["README.md", "tutorials/modules.md"])
def test_the_modules_of_the_pages_are_in_the_reading_order(page):
    """Links with code after them are quotes, not rows of the table."""
    rows = [line for line in (ROOT / page).read_text().splitlines() if line.startswith(("|", "* "))]
    linked = [name for row in rows for name in re.findall(r"trpo_numpy/(\w+)\.py\)(?!:)", row)]
    assert [name for name in linked if name in ORDER] == ORDER


@pytest.mark.parametrize("path", [*MODULES.values(), *PRACTICE.values()], ids=lambda path: path.stem)
def test_no_module_has_more_than_150_lines(path):
    assert len(path.read_text().splitlines()) <= 150


def test_the_check_of_imports_can_fail(tmp_path):
    path = tmp_path / "module.py"
    for text, found in [("from trpo_numpy.practice.config import Config", "practice"), ("import trpo_numpy.mlp", "mlp"),
                        ("from trpo_numpy import practice", "practice"), ("import trpo_numpy.practice", "practice"),
                        ("def f():\n    from trpo_numpy import vine", "vine")]:
        path.write_text(text)
        assert imports(path) == {found}


def test_at_most_four_frames_lie_between_train_and_the_fisher_vector_product(monkeypatch):
    stacks, product = [], trpo.fisher_vector_product

    def spy(*args):
        frame, names = sys._getframe(1), []
        while frame.f_code.co_name != "iterations":
            names.append(frame.f_code.co_name)
            frame = frame.f_back
        stacks.append(names)
        return product(*args)

    monkeypatch.setattr(trpo, "fisher_vector_product", spy)
    next(train(Config(env_id="Count-v0", batch_size=20)))
    assert any("conjugate_gradient" in names and "trpo_update" in names for names in stacks)
    assert max(map(len, stacks)) <= 4
