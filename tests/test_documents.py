"""The documents tell the truth: what they cite is in the paper, what they name is in the project."""
import importlib
import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
from pages import PAGES, ROOT, anchor, headings, links, lost, wrong_formulas

from trpo_numpy import practice
from trpo_numpy.__main__ import build_parser, main
from trpo_numpy.practice.config import Config

TEXT = {name: path.read_text() for name, path in PAGES.items()}
README, GALLERY, MODULES, RESULTS = (TEXT[name] for name in (
    "README.md", "tutorials/README.md", "tutorials/modules.md", "tutorials/results.md"))
ALL = "\n".join(TEXT.values())
TEXTS = [*PAGES.values(), *(path for pattern in ("trpo_numpy/**/*.py", "tests/*.py", "tutorials/*.py")
                            for path in sorted(ROOT.glob(pattern)))]
PAPER_MODULES, PRACTICE_MODULES = (
    {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__", "__main__"}
    for folder in ("trpo_numpy", "trpo_numpy/practice"))
TUTORIALS = sorted(path.stem for path in (ROOT / "tutorials").glob("*.py")
                   if "__main__" in path.read_text() and path.stem not in ("redraw", "slides"))

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


@pytest.mark.parametrize("name", PAGES)
def test_links_and_anchors_lead_somewhere(name):
    assert links(TEXT[name]) and not lost(TEXT[name], PAGES[name])


def test_the_check_of_links_can_fail():
    wrong = ["none.md", "results.md#none", "#none", "../trpo_numpy/trpo.py#none", "../../elsewhere.md"]
    right = ["results.md#what-it-costs", "#a-b", "../README.md", "../trpo_numpy/trpo.py#L1-L2"]
    text = "## A, b\n" + " ".join(f"[a]({link})" for link in wrong + right)
    assert lost(text, ROOT / "tutorials" / "questions.md") == wrong


def test_every_page_is_at_most_two_links_from_the_readme():
    def linked(name):
        paths = [(PAGES[name].parent / link.partition("#")[0]).resolve() for link in links(TEXT[name])]
        return {name for name, path in PAGES.items() if path in paths}

    assert set(PAGES) == {"README.md"}.union(*map(linked, linked("README.md")), linked("README.md"))


@pytest.mark.parametrize("option", fields(Config)[1:], ids=[field.name for field in fields(Config)[1:]])
def test_running_lists_each_option_with_its_default_and_its_help(option):
    if option.type is bool:
        shown = "on" if option.default else "off"
    else:
        sizes = isinstance(option.default, tuple)
        shown = " ".join(map(str, option.default)) or "none" if sizes else f"{option.default:g}"
    name = "--" + option.name.replace("_", "-")
    assert f"| `{name}` | {shown} | {option.metadata['help']} |" in TEXT["tutorials/running.md"]


@pytest.mark.parametrize("name", PAGES)
def test_tables_of_contents_have_every_heading_in_order(name):
    """A page of more than two screens has one."""
    wanted = [heading for heading in headings(TEXT[name])
              if not heading.startswith(("How to use it", "Contents", "Questions on "))]
    listed = re.findall(r"^ *\* (?:★ )?\[(.*)\]\(#(.*)\)$", TEXT[name], re.M)
    assert len(set(wanted)) == len(wanted)
    if listed or name != "README.md" and TEXT[name].count("\n") > 100:
        assert listed == [(heading, anchor(heading)) for heading in wanted]


@pytest.mark.parametrize("name", PAGES)
def test_formulas_are_what_github_takes(name):
    assert not wrong_formulas(TEXT[name])


def test_the_check_of_formulas_can_fail():
    for text in ("$a_{b}_c$", "a$b$", "$b$a", "$ b$", "| $a|b$ |", "| $`a|b`$ |", "5 $", r"$a\\b$", "$a*b$"):
        assert wrong_formulas(text), text
    assert not wrong_formulas("`a`; ($a_b$), $`a_{b}_c`$, **$c$**")


def test_the_front_page_is_short_and_has_a_line_of_code_for_each_equation():
    assert README.count("\n") <= 120 and "\\tag{12}" in README
    rows = [row for row in README.splitlines() if row.startswith("* **the ") and "$" in row]
    files = [re.findall(r"\(trpo_numpy/(\w+)\.py\):(?: |<br>)`", row) for row in rows]
    assert files == [["surrogate"], ["surrogate"], ["fisher"], ["trpo"], ["line_search"], ["line_search"]]


def rows_of_modules():
    """[the names of the modules, the paths of the tests] of each row of the two tables of modules.md."""
    rows = [line for line in MODULES.splitlines() if line.startswith("|")]
    rows = [[re.findall(rf"\(\.\./({folder}/[\w/]+)\.py\)", row) for folder in ("trpo_numpy", "tests")] for row in rows]
    return [row for row in rows if row[0]]


def test_the_tables_of_modules_have_every_module_in_the_order_of_help_and_its_tests():
    """The order of the modules of the paper is asked for in test_layout.py."""
    paths = [path for modules, _ in rows_of_modules() for path in modules]
    assert sorted(paths) == sorted([*(f"trpo_numpy/{name}" for name in PAPER_MODULES - {"checks"}),
                                    *(f"trpo_numpy/practice/{name}" for name in PRACTICE_MODULES)])
    assert paths[-len(PRACTICE_MODULES):] == [f"trpo_numpy/practice/{name}"
                                              for name in re.findall(r"^ *(\w+)  ", practice.__doc__, re.M)]
    for (module,), tests in rows_of_modules():
        assert f"tests/test_{Path(module).stem}" in tests or module == "trpo_numpy/family"  # types only
    linked = set(re.findall(r"\(\.\./tests/(test_\w+)\.py\)", MODULES))
    assert linked >= {f"test_{name}" for name in (PAPER_MODULES | PRACTICE_MODULES) - {"family"}}


def test_modules_has_every_tutorial():
    assert not [name for name in TUTORIALS if f"({name}.py)" not in MODULES]


def test_the_numbers_of_the_front_page_are_those_of_the_results():
    P = re.search(r"with probability ([\d.]+) \(95% interval ([\d.]+) to ([\d.]+)", README).groups()
    assert "Over all tasks $P$ is {}, with the interval {} to {}.".format(*P) in RESULTS
    for word in ("better", "worse"):
        tasks = re.findall(rf"^\| (\S+) \|.*\| \*\*{word}\*\* \|$", RESULTS[:RESULTS.index("Over all tasks")], re.M)
        said = re.search(rf"{word} on (.*?), (?:worse|and elsewhere)", README.replace("\n", " "))
        assert (re.findall(r"\S+-v\d", said[1]) if said else []) == tasks


def test_the_gallery_has_every_tutorial_and_its_picture():
    shown = [line for line in GALLERY.splitlines() if line.startswith("[<img")]
    for name in TUTORIALS:
        lines = [line for line in shown if f"`python tutorials/{name}.py" in line]
        pictures = {"diagrams": ("coupling", "vine", "one_update")}.get(name, (name,) * len(lines))
        assert lines and len(lines) == len(pictures), name
        for line, picture in zip(lines, pictures):
            assert f'src="results/{picture}' in line and "Look for: " in line, name


def test_every_picture_of_the_results_is_on_a_page_and_small_enough():
    for path in (ROOT / "tutorials" / "results").iterdir():
        if path.suffix in (".png", ".gif"):
            assert path.name in ALL, path.name
            assert path.stat().st_size < (1_000_000 if path.suffix == ".gif" else 260_000), path.name


def test_options_and_fields_that_are_named_exist():
    train, evaluate = (build_parser()._subparsers._group_actions[0].choices[name] for name in ("train", "evaluate"))
    known = {option for parser in (train, evaluate) for action in parser._actions for option in action.option_strings}
    known |= {option for path in ROOT.glob("t*/**/*.py") for option in options_of(path)}
    named = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", ALL))
    assert named and named <= known
    assert {f.name for f in fields(Config)} >= set(re.findall(r"`config\.(?!json)([a-z_]+)`", ALL))


def options_of(path):
    """The options that a script adds to its parser by itself."""
    return set(re.findall(r'add_argument\("(--[a-z-]+)"', path.read_text()))


def commands(text):
    """[what follows `python`] of the commands of the package and its scripts, wherever they stand."""
    text = text.replace("\\\n", " ")
    return re.findall(r"python ((?:-m trpo_numpy|(?:tutorials|tests)/[\w/]+\.py)\b[^`\n#;&|)]*)", text)


@pytest.mark.parametrize("name", PAGES)
def test_commands_can_be_typed(name):
    for command in commands(TEXT[name]):
        typed = shlex.split(re.sub(r" \[.*", "", command))
        if typed[0] == "-m":
            arguments = typed[2:] if typed[2:3] in (["train"], ["evaluate"]) else ["train", *typed[2:]]
            assert "--help" in typed or build_parser().parse_args(arguments), command
        else:
            paths = [ROOT / typed[0]]
            for path in paths:  # and the modules beside it that it imports from
                beside = re.findall(r"^from (common|experiment) import", path.read_text(), re.M)
                paths += [path.parent / f"{module}.py" for module in beside]
            named = {word for word in typed if word.startswith("--")}
            assert named <= {"--help"}.union(*map(options_of, paths)), command


def test_the_check_of_commands_sees_them():
    assert commands("    python -m trpo_numpy train \\\n --seed 1  # x") == ["-m trpo_numpy train   --seed 1  "]
    assert commands("| `python tutorials/uphill.py --gif`; 2 s |") == ["tutorials/uphill.py --gif"]
    assert len(commands(ALL)) > 60


def test_code_that_is_quoted_after_a_file_is_in_it():
    """[fisher](trpo_numpy/fisher.py): `code`, and perhaps more lines after a <br>."""
    for name, least in [("README.md", 4), ("tutorials/questions.md", 11)]:
        cells = re.findall(r"\]\(([\w/.]+\.py)\):(?: |<br>)((?:`[^`]+`(?:<br>)?)+)", TEXT[name])
        quotes = [(file, code) for file, cell in cells
                  for code in cell.strip("`").split("`<br>`")]
        assert len(quotes) >= least
        assert not [code for file, code in quotes if code not in (PAGES[name].parent / file).read_text()]


def test_functions_that_are_named_with_their_file_exist():
    """`line_search` (line_search.py)."""
    named = re.findall(r"`(\w+)` \(([\w/]+)\.py\)", ALL)
    assert len(named) >= 2
    for function, module in named:
        assert hasattr(importlib.import_module(f"trpo_numpy.{module.replace('/', '.')}"), function)


def test_the_output_on_the_front_page_begins_as_a_run_does(tmp_path, capsys):
    """All but the time that is left. Later iterations depend on the processor."""
    assert main(["--timesteps", "2000", "--out", str(tmp_path / "run")]) == 0
    for printed in capsys.readouterr().out.splitlines()[1:3]:
        assert printed[:-8] in README


def test_each_module_says_where_in_the_paper_it_belongs():
    for name in [*PAPER_MODULES, *(f"practice.{name}" for name in PRACTICE_MODULES)]:
        doc = importlib.import_module(f"trpo_numpy.{name}").__doc__
        assert re.search(r"Section|Appendix|Not in the paper", doc), name


def test_what_running_says_to_write_in_python_runs(tmp_path, monkeypatch, capsys):
    """Its first code is an environment; then one trains, and one evaluates a run of the command line: briefly here."""
    fenced = {name for name in PAGES if "```python" in TEXT[name]}
    assert {name for name in fenced if "companion" not in name} == {  # each has its test
        f"tutorials/{name}.md" for name in ("running", "lecture", "step_through")}
    point, training, keeping, evaluating = re.findall(r"```python\n(.*?)```", TEXT["tutorials/running.md"], re.S)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "point.py").write_text(point)
    assert main(["point:Point-v0", "--timesteps", "200", "--batch-size", "200", "--out", "runs/point"]) == 0
    written = capsys.readouterr()
    assert not written.err and "into runs/point" in written.out
    short = 'Config(env_id="CartPole-v1", timesteps=200, batch_size=200)'
    exec(training.replace('Config(env_id="CartPole-v1")', short), {})
    assert len(capsys.readouterr().out.split()) == 3
    exec(keeping.replace('Config(env_id="CartPole-v1")', short), {})
    assert main(["evaluate", "runs/from_python", "--episodes", "1"]) == 0
    capsys.readouterr()
    assert main(["CartPole-v1", "--timesteps", "200", "--batch-size", "200", "--out", "runs/mine"]) == 0
    capsys.readouterr()
    exec(evaluating, {})
    assert len(capsys.readouterr().out.split()) == 5
