"""The documents tell the truth: what they cite is in the paper, what they name is in the project."""
import importlib
import re
import textwrap
from dataclasses import fields
from pathlib import Path

import pytest

from trpo_numpy import practice
from trpo_numpy.__main__ import build_parser, main
from trpo_numpy.practice.config import Config

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
GALLERY = (ROOT / "tutorials" / "README.md").read_text()
PATTERNS = "*.md", "trpo_numpy/**/*.py", "tests/*.py", "tutorials/*.py", "tutorials/*.md"
TEXTS = sorted(path for pattern in PATTERNS for path in ROOT.glob(pattern))
PAPER_MODULES, PRACTICE_MODULES = (
    {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__", "__main__"}
    for folder in ("trpo_numpy", "trpo_numpy/practice"))
TUTORIALS = sorted(path.stem for path in (ROOT / "tutorials").glob("*_*.py"))

# What the paper has: arXiv 1502.05477.
PAPER = {"Section": ["1", "2", "3", "4", "5", "5.1", "5.2", "6", "7", "8", "8.1", "8.2", "9"],
         "Appendix": ["A", "B", "C", "C.1", "D", "E", "F"], "Eq": range(1, 58), "Figure": range(1, 6),
         "Table": range(1, 4), "Theorem": [1], "Algorithm": [1]}


LISTED = {"Eq": r"\(\d+\)", "Section": r"\d(?:\.\d)?(?![\d.]*\d)"}


def numbers(kind, text):
    """What follows `Section 2`, `Eqs. (3), (4) and (14) to (16)`, `Table 2` and the like: a set of texts."""
    text = re.sub(r"\s+", " ", text)
    if kind not in LISTED:
        return set(re.findall(rf"\b{kind} ([A-Z](?:\.\d)?\b|\d+)", text))
    number = LISTED[kind]
    lists = re.findall(rf"\b{kind}s?\.? ({number}(?:(?:, | and | to ){number})*)", text)
    return {n.strip("()") for listed in lists for n in re.findall(number, listed)}


@pytest.mark.parametrize("path", TEXTS, ids=[str(path.relative_to(ROOT)) for path in TEXTS])
def test_what_is_cited_is_in_the_paper(path):
    if path.name == Path(__file__).name:
        return
    text = path.read_text()
    for kind, there in PAPER.items():
        assert numbers(kind, text) <= set(map(str, there))


def test_the_check_of_citations_can_fail():
    assert numbers("Eq", f"Eqs. (3), (4) and (14) to\n(16), Eq. ({58})") == {"3", "4", "14", "16", "58"}
    assert numbers("Section", "Sections 2 and 5.1, in Section 8.3.") == {"2", "5.1", "8.3"}
    assert numbers("Appendix", "Appendix C.1, then Appendix H") == {"C.1", "H"}
    assert numbers("Table", "Table 2, 1000 steps") == {"2"}


@pytest.mark.parametrize("name", [str(path.relative_to(ROOT)) for path in TEXTS if path.suffix == ".md"])
def test_links_lead_to_files(name):
    path = ROOT / name
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text())
    assert links and not [link for link in links if not (path.parent / link).exists()]


def rows_of_the_readme():
    """[the paths of the modules, the paths of the tests] of each row of the README's two tables of modules."""
    rows = [line for line in README.split("## Read")[1].split("\n## ")[0].splitlines() if line.startswith("|")]
    rows = [[re.findall(rf"\(({folder}/[\w/]+\.py)\)", row) for folder in ("trpo_numpy", "tests")] for row in rows]
    return [row for row in rows if row[0]]


def test_the_readmes_tables_have_every_module_in_the_order_of_help_and_its_tests():
    """The order of the modules of the paper is asked for in test_layout.py."""
    paths = [path for modules, _ in rows_of_the_readme() for path in modules]
    assert sorted(paths) == sorted([*(f"trpo_numpy/{name}.py" for name in PAPER_MODULES - {"record"}),
                                    *(f"trpo_numpy/practice/{name}.py" for name in PRACTICE_MODULES)])
    assert paths[-len(PRACTICE_MODULES):] == [f"trpo_numpy/practice/{name}.py"
                                              for name in re.findall(r"^    (\w+)  ", practice.__doc__, re.M)]
    for modules, tests in rows_of_the_readme():
        names = {Path(module).stem for module in modules} - {"family"}  # types only
        assert {f"tests/test_{name}.py" for name in names} <= set(tests)


def test_the_readme_has_every_tutorial():
    assert not [name for name in TUTORIALS if f"(tutorials/{name}.py)" not in README]


def test_the_gallery_has_every_tutorial_and_its_picture():
    rows = [line for line in GALLERY.splitlines() if line.startswith("|")]
    for name in [*TUTORIALS, "uphill", "pendulum"]:
        shown = [row for row in rows if f"`python tutorials/{name}.py" in row]
        assert shown and all(f'<img src="results/{name}' in row and "Look for: " in row for row in shown), name


def test_every_picture_of_the_results_is_on_a_page_and_small_enough():
    pages = "".join(path.read_text() for path in [ROOT / "README.md", *(ROOT / "tutorials").glob("*.md")])
    for path in (ROOT / "tutorials" / "results").iterdir():
        if path.suffix in (".png", ".gif"):
            assert path.name in pages, path.name
            assert path.stat().st_size < (1_000_000 if path.suffix == ".gif" else 260_000), path.name


def test_options_and_fields_that_are_named_exist():
    train, evaluate = (build_parser()._subparsers._group_actions[0].choices[name] for name in ("train", "evaluate"))
    known = {option for parser in (train, evaluate) for action in parser._actions for option in action.option_strings}
    sources = " ".join(path.read_text() for folder in ("tutorials", "tests") for path in (ROOT / folder).glob("*.py"))
    known |= set(re.findall(r'add_argument\("(--[a-z-]+)"', sources))
    named = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", README + GALLERY))
    assert named and named <= known
    assert {f.name for f in fields(Config)} >= set(re.findall(r"`config\.(?!json)([a-z_]+)`", README))


def test_code_that_the_readme_quotes_after_a_file_is_in_it():
    """[fisher](trpo_numpy/fisher.py): `code`."""
    quotes = re.findall(r"\]\((trpo_numpy/[\w/]+\.py)\): `([^`]+)`", README)
    assert len(quotes) >= 9
    assert not [(file, code) for file, code in quotes if code not in (ROOT / file).read_text()]


def test_functions_that_the_readme_names_exist():
    """`line_search` (line_search.py), and each function that a note beside the notation names."""
    named = re.findall(r"`(\w+)` \(([\w/]+)\.py\)", README)
    assert len(named) >= 2
    for function, module in named:
        assert hasattr(importlib.import_module(f"trpo_numpy.{module.replace('/', '.')}"), function)


def test_each_module_says_where_in_the_paper_it_belongs():
    for name in [*PAPER_MODULES, *(f"practice.{name}" for name in PRACTICE_MODULES)]:
        doc = importlib.import_module(f"trpo_numpy.{name}").__doc__
        assert re.search(r"Section|Appendix|Not in the paper", doc), name


def test_what_the_readme_says_to_write_in_python_runs(tmp_path, monkeypatch, capsys):
    """Its first code trains, here for one short iteration; its second evaluates a run of the command line."""
    text = README.split("**From Python:**")[1].split("\n## ")[0]
    training, evaluating = filter(str.strip, re.split(r"^(?! {4}|$).*\n", text, flags=re.M))
    monkeypatch.chdir(tmp_path)
    short = 'Config(env_id="CartPole-v1", timesteps=200, batch_size=200)'
    exec(textwrap.dedent(training.replace('Config(env_id="CartPole-v1")', short)), {})
    assert len(capsys.readouterr().out.split()) == 3
    assert main(["CartPole-v1", "--timesteps", "200", "--batch-size", "200", "--out", "runs/mine"]) == 0
    capsys.readouterr()
    exec(textwrap.dedent(evaluating), {})
    assert len(capsys.readouterr().out.split()) == 5
