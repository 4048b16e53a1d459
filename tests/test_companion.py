"""The companion tells the truth: its quotes are the code, its examples run, its equations are the paper's.

`PYTHONPATH=tutorials python tests/test_companion.py` mends the line numbers of quotes whose lines have moved within
their file.
"""
import ast
import code
import contextlib
import importlib
import io
import re
import sys
import textwrap

import diagrams
import section_2_expected_return
import section_2_surrogate
import section_3_bounds
import section_3_monotonic_improvement
import section_4_trust_region
import slides

import numpy as np
import pytest
from matplotlib.figure import Figure
from pages import ROOT, exercise_fragments, prose

from trpo_numpy.expected_return import exact_surrogate, expected_return
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.run_folder import read_progress
from trpo_numpy.practice.training import policy_and_baseline

FIRST = (ROOT / "tutorials" / "companion.md").read_text()
FILES = [ROOT / "tutorials" / "companion" / f"{name}.md"       # in the order of the paper
         for name in dict.fromkeys(re.findall(r"\(companion/(\w+)\.md", FIRST))]
PAGES = {file.stem: file.read_text() for file in FILES}
PAGE_OF_EXERCISES = (ROOT / "tutorials" / "exercises" / "README.md").read_text()
TEXT = "".join(PAGES.values())
QUOTE = re.compile(r"\[(`\w+` in )?`([\w/]+\.py)`, (lines? [\d to]+)\]"
                   r"\(\.\./\.\./trpo_numpy/([\w/]+\.py)#([L\d-]+)\)\n\n"
                   r"```python\n(.*?)```\n", re.S)
QUOTES = [match.groups() for match in QUOTE.finditer(TEXT)]
EXAMPLES = {name: re.findall(r"^```python\n(.*?)```\n", QUOTE.sub("", text), re.M | re.S)
            for name, text in {"companion": FIRST, **PAGES}.items()}
VISIBLE = {name: [block for block in blocks if block not in "".join(re.findall(r"<details>.*?</details>", text, re.S))]
           for (name, blocks), text in zip(EXAMPLES.items(), [FIRST, *PAGES.values()])}
PROSE = prose(TEXT)
DISPLAYS = re.findall(r"^```math\n(.*?)```", TEXT, re.M | re.S)
IN_THE_PAPER = set(range(1, 58))                    # (1) to (18) in the sections, (19) to (57) in Appendices A to C
REQUIRED = {*range(1, 19), 44, 55, 56, 57}
STEPS = re.findall(r"^## (\d+)\. (.*?)\n(.*?)(?=^##)", TEXT, re.M | re.S)


def lines_of(file):
    """The lines of a module, from 1."""
    return ["", *(ROOT / "trpo_numpy" / file).read_text().splitlines()]


def fragment(first, last):
    """What a link to these lines ends with, and how the page names them."""
    return (f"L{first}", f"line {first}") if first == last else (f"L{first}-L{last}", f"lines {first} to {last}")


def function_around(file, line):
    """The name of the innermost function that has this line."""
    functions = [node for node in ast.walk(ast.parse("\n".join(lines_of(file)[1:])))
                 if isinstance(node, ast.FunctionDef) and node.lineno <= line <= node.end_lineno]
    return max(functions, key=lambda node: node.lineno).name


def mended(text):
    """text, the links of its quotes set to where the quoted lines are now, and the files of quotes not found."""
    lost = []

    def mend(match):
        function, name, _, file, _, quote = match.groups()
        lines, quoted = lines_of(file), quote.splitlines()
        for first in range(1, len(lines) - len(quoted) + 1):
            if lines[first:first + len(quoted)] == quoted:
                link, words = fragment(first, first + len(quoted) - 1)
                return (f"[{function or ''}`{name}`, {words}](../../trpo_numpy/{file}#{link})\n\n"
                        f"```python\n{quote}```\n")
        lost.append(file)
        return match[0]

    return QUOTE.sub(mend, text), lost


@pytest.fixture(autouse=True)
def numpy_prints_as_before():
    """The examples of the pages change how NumPy prints: this puts it back after each test."""
    with np.printoptions():
        yield


def test_the_way_for_those_in_a_hurry_runs_by_itself_and_is_the_readmes():
    way = re.findall(r"^ *\* ★ \[(\d+)\. ", FIRST, re.M)
    assert [number for number, _, body in STEPS if body.startswith("\n★")] == way and len(way) > 20
    assert "the steps marked ★ in the [companion](tutorials/companion.md)" in (ROOT / "README.md").read_text()
    steps = [body for number, _, body in STEPS if number in way]
    names = {}
    for example in re.findall(r"^```python\n(.*?)```\n", QUOTE.sub("", FIRST + "".join(steps)), re.M | re.S):
        exec(example, names)
    assert {"mdp", "adv"} <= names.keys()


@pytest.mark.parametrize("function, name, words, file, link, quote", QUOTES, ids=[f"{q[3]}-{q[4]}" for q in QUOTES])
def test_what_is_quoted_is_what_the_link_leads_to(function, name, words, file, link, quote):
    first, last = (int(number) for number in (re.findall(r"\d+", link) * 2)[:2])
    assert "\n".join(lines_of(file)[first:last + 1]) + "\n" == quote, "python tests/test_companion.py may mend it"
    assert name == file and (link, words) == fragment(first, last)
    if not quote.lstrip().startswith("def "):
        assert function == f"`{function_around(file, first)}` in "


def test_the_exercises_that_are_asked_for_are_where_their_links_lead():
    """Each at its first function, with the comments that define its arguments, or at the second where a step comes back
    to it; all twelve are asked for, in the order that the page of exercises gives."""
    asked = {}
    for name, fragment in re.findall(r"\[Exercise `(\w+)`\]\(\.\./exercises/exercises\.py#(.*?)\)", TEXT):
        asked.setdefault(name, []).append(fragment)
    numbers = {name: int(n) for n, name in re.findall(r"^\| (\d+) \| \[`(\w+)`\]", PAGE_OF_EXERCISES, re.M)}
    wanted = exercise_fragments()
    assert asked.keys() == numbers.keys() and wanted.keys() == set(range(1, 13)) == set(numbers.values())
    assert ", ".join(f"`{name}`" for name in asked) in PAGE_OF_EXERCISES
    for name, fragments in asked.items():
        assert fragments == wanted[numbers[name]][:len(fragments)], name
    assert TEXT.count("exercises.py#") == sum(map(len, asked.values()))


def test_mending_finds_lines_that_have_moved_and_tells_those_that_are_gone():
    moved = re.sub(r"(trpo_numpy/[\w/]+\.py)#L\d+-L\d+\)", r"\1#L1-L2)",
                   re.sub(r"lines \d+ to \d+\]", "lines 1 to 2]", TEXT))
    assert moved != TEXT and mended(moved) == (TEXT, [])
    changed = TEXT.replace(QUOTES[0][5], "something = 'else'\n", 1)
    assert mended(changed) == (changed, [QUOTES[0][3]])


def test_links_to_code_are_quotes():
    assert len(QUOTES) >= 25 and len(re.findall(r"trpo_numpy/[\w/]+\.py#L", TEXT)) == len(QUOTES)


def results(block, names):
    """[(what a statement printed, what the comments on its lines and after it say)], statement by statement."""
    lines, found = block.splitlines(), []
    statements = ast.parse(block).body
    for statement, following in zip(statements, [*statements[1:], None]):
        end = following.lineno - 1 if following else len(lines)
        said = [line.rpartition("# ")[2].strip() for line in lines[statement.lineno - 1:end] if "# " in line]
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(ast.Module([statement], []), "example", "exec"), names)
        found.append((out.getvalue().split("\n")[:-1], said))
    return found


def test_the_examples_print_what_the_page_says():
    """Those of each page after those of the first page alone, and of all in one Python."""
    one_python, printed = {}, 0
    for page, blocks in EXAMPLES.items():
        names = {}
        for block in (*EXAMPLES["companion"], *blocks):
            results(block, names)
        names = {}
        for block in (*EXAMPLES["companion"], *VISIBLE[page]):      # all folds are closed
            results(block, names)
        for out, said in (result for block in blocks for result in results(block, one_python)):
            if out:
                assert out == said, page
                printed += len(out)
    assert printed >= 40


def test_the_examples_can_be_typed_line_by_line(capsys):
    """Into the prompt of Python 3.11 and 3.12, a loop must be followed by an empty line."""
    console = code.InteractiveConsole()
    for line in "\n".join(sum(EXAMPLES.values(), [])).splitlines():
        console.push(line)
    out, err = capsys.readouterr()
    assert not err and len(out.splitlines()) >= 40


def test_an_example_that_is_wrong_is_found():
    out, said = results("print(1 + 1)   # 3", {})[0]
    assert out == ["2"] and said == ["3"]


def test_each_equation_is_the_papers_and_has_its_step():
    tags = [int(tag) for tag in re.findall(r"\\tag\{(\d+)\}", "".join(DISPLAYS))]
    assert len(tags) == len(set(tags)) == TEXT.count("\\tag") and set(tags) <= IN_THE_PAPER and REQUIRED <= set(tags)
    assert tags == sorted(tags)     # the paper's order
    for number, heading, body in STEPS:
        for tag in re.findall(r"\\tag\{(\d+)\}", body):
            cited = {int(n) for n in re.findall(r"\d+", heading.partition("Eq")[2])}
            assert int(tag) in cited, f"step {number}: ({tag})"
    for word in ("Theorem 1", "Algorithm 1"):
        assert any(word in heading for _, heading, _ in STEPS)


def test_each_step_has_its_parts():
    """A bold answer first, an equation or an algorithm, code, and a number or a picture."""
    assert [int(number) for number, *_ in STEPS] == list(range(1, len(STEPS) + 1))
    for number, heading, body in STEPS:
        assert heading.count("?") == 1, number
        assert re.match(r"\n(★ · )?\[contents\]\(\.\./companion\.md#contents\)\n\n\*\*", body), number
        assert ("```math" in body or "\n> 1. " in body) and "trpo_numpy/" in body, number
        assert re.search(r"^ *print\(|^!\[", body, re.M), number


def test_each_section_of_steps_ends_with_questions_the_places_of_their_answers_and_the_answers():
    for page, text in PAGES.items():
        questions, _, answers = text.partition("\n\n**Without looking:** ")[2].partition("\n\n")
        assert "?" in questions and "](#" in questions, page
        assert re.match(r"<details><summary>Answers</summary>\n\n.+\n\n</details>\n\n", answers, re.S), page


def test_the_pages_lead_from_one_to_the_next():
    titles = {name: text.splitlines()[0][2:] for name, text in PAGES.items()}
    listed = re.findall(r"^\* \[(.*)\]\(companion/(\w+)\.md\)$", FIRST, re.M)
    assert listed == [(title, name) for name, title in titles.items()]
    for name, before, after in zip(titles, [None, *titles], [*list(titles)[1:], None]):
        line = PAGES[name].splitlines()[2]
        wanted = [("before", before)] * bool(before) + [("after", after)] * bool(after)
        assert re.findall(r"(\w+): \[(.*?)\]\((\w+)\.md\)", line) == [(word, titles[to], to) for word, to in wanted]
        assert PAGES[name].endswith(f"\n\n{line}\n") and "(../companion.md)" in line and "(../../README.md)" in line
        start = "(../companion.md#the-example-two-states-two-actions)"
        assert (start in PAGES[name].partition("\n## ")[0]) == bool(EXAMPLES[name])
    steps = re.findall(r"^  \* ((?:★ )?\[.*\])\(companion/(\w+)\.md(#.*)\)$", FIRST, re.M)
    assert steps == [(title, name, link) for name, text in PAGES.items()
                     for title, link in re.findall(r"^\* ((?:★ )?\[.*\])\((#.*)\)$", text, re.M)
                     if "Section 8" not in title]


def test_the_displays_are_what_github_takes():
    """The formulas within the text are asked for in test_documents.py."""
    for display in DISPLAYS:
        assert display.count("{") == display.count("}") and "operatorname" not in display
        assert display.count("\\begin{") == display.count("\\end{") and "\n\n" not in display
    assert PROSE.count("$") > 300


def test_five_numbers_by_hand():
    """Step 30: J, M and A as typeset, against the product of the package."""
    typeset = re.findall(r"\\begin\{pmatrix\}(.*?)\\end", TEXT, re.S)
    J, M, A = (np.array([[float(x) for x in row.split("&")] for row in rows.split(r"\\")]) for rows in typeset)
    names = {}
    for block in (*EXAMPLES["companion"], *EXAMPLES["appendix_c1"]):
        results(block, names)
    assert np.allclose(J.T @ M @ J, A) and np.linalg.matrix_rank(A) == 2
    assert np.allclose([names["A_5"](e) for e in np.eye(5)], A)
    assert np.allclose([names["policy"].jvp(names["theta"], names["cache"], e)[0] for e in np.eye(5)], J.T)


def number_of(script):
    """The last number in the paragraph of the page that has the script's command, as it is written."""
    paragraph, = re.findall(rf"^`python tutorials/{script}\.py`(.*?)\n\n", TEXT, re.M | re.S)
    return re.findall(r"`([\d.]+)%?`", paragraph)[-1]


def test_the_numbers_of_section_2():
    assert f"{section_2_expected_return.compute()['right_side']:.12f}" == number_of("section_2_expected_return")
    numbers = section_2_surrogate.compute()
    assert {f"{numbers[slope]:.8f}" for slope in ("slope_of_L", "slope_of_eta")} == {number_of("section_2_surrogate")}


def test_the_number_of_section_3():
    numbers = section_3_bounds.compute(0, 3000)
    penalty = numbers["slacks"]["(8), Theorem 1"] + numbers["loss"]
    assert f"{100 * np.max(numbers['loss'] / penalty):.2f}" == number_of("section_3_bounds")


def test_the_number_of_section_4_and_that_its_mdp_is_the_examples():
    numbers, names = section_4_trust_region.compute(), {}
    mdp, pi_old = numbers["mdp"], numbers["problem"].pi_old
    pi = section_4_trust_region.table(numbers["thetas"]["mean KL"])
    gain = exact_surrogate(mdp, pi_old, pi) - expected_return(mdp, pi_old)
    assert f"{gain:.4f}" == number_of("section_4_trust_region")
    results(*EXAMPLES["companion"], names)
    assert all(np.array_equal(getattr(mdp, name), getattr(names["mdp"], name)) for name in ("P", "r", "rho_0", "gamma"))


@pytest.mark.parametrize("script, said", [
    ("step_through", re.search(r"the first candidate has a KL.*?`([\d.]+)`", TEXT, re.S)[1]),
    ("appendix_c_fisher_vector_product", number_of("appendix_c_fisher_vector_product"))])
def test_the_numbers_of_appendix_c(script, said, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [script, "--out", str(tmp_path)])
    importlib.import_module(script).main()
    assert re.search(rf"(?<![\d.]){said}(?!\d)", capsys.readouterr().out)


def test_the_boxes_of_the_diagram_lead_to_their_steps():
    bodies = {int(number): body for number, _, body in STEPS}
    for *_, where in diagrams.UPDATE.values():
        module, steps = where.split(": ")
        numbers = [int(number) for number in re.findall(r"\d+", steps)]
        named = range(numbers[0], numbers[-1] + 1) if "to" in steps else numbers
        assert any(f"trpo_numpy/{module}.py#" in bodies[step] for step in named), where


def test_the_slides_have_a_question_for_each_row_of_the_lecture(tmp_path, monkeypatch):
    assert [row for row, *_ in slides.SLIDES] == sorted(row for row, *_ in slides.SLIDES)
    assert {row for row, *_ in slides.SLIDES} == set(range(len(slides.rows())))
    lecture = (ROOT / "tutorials" / "lecture.md").read_text()
    numbers = re.findall(r"\d+", " ".join(re.findall(r"^\| (?:\d+ to|\+) \d+ \| \[([\d, ]+)\]", lecture, re.M)))
    assert numbers == [str(number) for number in range(1, len(slides.SLIDES) + 1)]
    assert slides.code().startswith("def update(") and len(slides.code().splitlines()) == 20
    monkeypatch.setattr(sys, "argv", ["slides.py", "--quick", "--out", str(tmp_path)])
    slides.main()
    assert (tmp_path / "lecture.pdf").stat().st_size > 40_000


@pytest.mark.parametrize("number", range(1, len(slides.SLIDES) + 1))
def test_no_words_of_a_slide_lie_on_others_or_leave_it(number):
    """But for those in its picture."""
    row, lines, _, letters = slides.SLIDES[number - 1]
    figure = Figure(figsize=(13.33, 7.5))
    slides.draw(figure, number, slides.OWN_WHERE.get(number, slides.WHERE[row]),
                slides.OWN_QUESTIONS.get(number, slides.rows()[row]), lines, None, letters)
    boxes = {text: text.get_window_extent() for text in figure.texts if text.get_text()}
    for text, box in boxes.items():
        assert 0 <= box.x0 and box.x1 <= figure.bbox.x1, text
        assert not [other for other in boxes if other is not text and box.overlaps(boxes[other])], text


@pytest.mark.parametrize("number", slides.PAUSE_QUESTIONS)
def test_no_question_leaves_the_slide(number):
    figure = Figure(figsize=(13.33, 7.5))
    slides.draw(figure, number, "", slides.PAUSE_QUESTIONS[number], [], None, "")
    assert all(text.get_window_extent().x1 <= figure.bbox.x1 for text in figure.texts)


@pytest.mark.parametrize("number", [8, 19])
def test_no_words_beside_the_pictures_leave_the_slide(number):
    row, lines, picture, letters = slides.SLIDES[number - 1]
    figure = Figure(figsize=(13.33, 7.5))
    slides.draw(figure, number, "", "", lines, picture, letters)
    boxes = [text.get_window_extent() for text in figure.texts]
    assert all(0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)


def test_the_numbers_on_the_slides():
    """Those that can be counted at once; the others are those of pages, whose tests compute them."""
    text = "\n".join(line for _, lines, _, letters in slides.SLIDES for line in [*lines, letters])
    lecture = (ROOT / "tutorials" / "lecture.md").read_text()
    for task in ("Pendulum-v1", "Hopper-v5"):
        for folder in (f"section_8_locomotion_{task}/single_path-seed{{}}", f"{task}-seed{{}}-1"):
            runs = [read_progress(ROOT / "tutorials" / "results" / folder.format(seed)) for seed in range(5)]
            refused = np.concatenate([columns["backtracks"] > 0 for columns in runs])
            assert f"{refused.sum():,} of {len(refused):,}" in lecture
    for states, count in [("all states", 36), ("a tenth", 44)]:
        assert f"{count} of 50" in lecture and f"| {count} of 50 |" in PAGES["appendix_c"], states
    figure, control = Figure(), (ROOT / "tutorials" / "section_8.md").read_text()
    slides.control(figure, None)
    along_g, fixed_step = figure.axes
    for label in fixed_step.texts:          # such as "Walker2d-v5: 0.65 [0.39, 0.88]"
        task, P = label.get_text().split(": ")
        assert re.search(rf"^\| {task} .*\| {re.escape(P)} .*\|$", control, re.M), task
    results = (ROOT / "tutorials" / "results.md").read_text()
    there = "".join(re.findall(r"^\| along \$g\$ \| -?\d+ \|.*$", results, re.M))     # P of the run along g
    there += re.search(r"along \$g\$, under the same bound, (\$P\$ = .*?\])", results)[1]       # of all four tasks
    there = re.findall(r"(\d\.\d\d) \[(\d\.\d\d), (\d\.\d\d)\]", there)
    for label, numbers in zip(along_g.texts, there, strict=True):
        P, low, high = (1 - float(number) for number in re.findall(r"\d\.\d\d", label.get_text()))
        assert np.allclose(np.array(numbers, float), [P, high, low], rtol=0, atol=0.021), label     # resampled
    numbers = section_3_monotonic_improvement.compute(0, 50)
    n = section_3_monotonic_improvement.iterations_to(numbers["eta"], numbers["eta_0"], numbers["optimum"])
    assert f"Algorithm 1: {n} iterations" in text
    assert all(f"{delta}: {n}\n" in text for delta, n in [("0.01", 6), ("0.001", 17), ("0.0001", 53)])
    assert numbers["half_way"] == {0.01: 6, 0.001: 17, 0.0001: 53}
    assert f"$C = {numbers['C']:.0f}$" in text and f"{4 * 0.99 / (1 - 0.99) ** 2:,.0f}" in text
    config = Config()
    policy, _ = policy_and_baseline(make_env(config), config)
    assert f"{policy.n_parameters:,} parameters" in text and round(policy.n_parameters ** 2 / 1e6) == 20


def test_the_diagrams_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["diagrams.py", "--quick", "--out", str(tmp_path)])
    diagrams.main()
    assert {path.name for path in tmp_path.glob("*.png")} == {"one_update.png", "vine.png", "coupling.png"}
    assert all((ROOT / "tutorials" / "results" / path.name).exists() for path in tmp_path.glob("*.png"))


if __name__ == "__main__":
    lost_files = []
    for path in FILES:
        new_text, lost_here = mended(path.read_text())
        path.write_text(new_text)
        lost_files += lost_here
    print(textwrap.fill(f"no longer in these files, to be quoted anew: {', '.join(lost_files)}" if lost_files
                        else "every quote has the line numbers of its file"))
