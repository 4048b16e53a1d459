"""The page beside step_through.py tells the truth: what it says to type stops where it says, at the values it gives."""
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "tutorials" / "step_through.md").read_text()
STOPS = re.findall(r"^## Stop \d: .*?\n\n`main` is at `(.*?)`(.*?)(?=^## )", PAGE, re.M | re.S)


def blocks(text):
    """What a text says to type, block by block: the command that starts pdb, if there is one, then what pdb is told."""
    found = re.findall(r"(?:^    (?:python -m pdb |\(Pdb\) ).*\n)+", text, re.M)
    return [[line.strip().removeprefix("(Pdb) ") for line in block.splitlines()] for block in found]


def answers(command, typed, out):
    """What pdb, started by the command, answers to each line that is typed."""
    if sys.version_info[:3] == (3, 13, 0):
        pytest.skip("the pdb of Python 3.13.0 refuses the arguments of a script")
    _, *arguments = shlex.split(command)
    run = subprocess.run([sys.executable, *arguments, "--out", out], input="\n".join([*typed, "q", ""]), cwd=ROOT,
                         capture_output=True, text=True)
    answered = run.stdout.split("(Pdb) ")[1:]
    assert len(answered) == len(typed) + 1, run.stdout + run.stderr
    return answered[:-1]


def test_the_code_under_each_stop_is_in_the_script_and_short():
    script = (ROOT / "tutorials" / "step_through.py").read_text()
    for _, text in STOPS:
        code, = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
        assert code in script and len([line for line in code.splitlines() if line]) <= 6
    assert len(STOPS) == 4 and PAGE.count("](results/step_through.png)") == 2


def test_the_four_stops_have_the_values_of_the_page(tmp_path):
    (command, *typed), *_ = blocks(PAGE)
    locals_seen, expected = [], []
    for code, text in STOPS:
        locals_seen.append(re.findall(r"^\| `(.*?)` \|.*\| `(.*?)` \|$", text, re.M))
        typed += ["c", "up", *(f"p [float(x) for x in np.ravel({local})]" for local, _ in locals_seen[-1])]
        expected += [None, f"-> {code}", *(value for _, value in locals_seen[-1])]
    answered = answers(command, typed, tmp_path)[-len(expected):]
    for answer, value, line in zip(answered, expected, typed[-len(expected):]):
        if line.startswith("p "):
            assert eval(answer) == pytest.approx([float(x) for x in value.split()], abs=5.01e-4), line
        elif line == "up":
            assert "step_through.py" in answer and value in answer
    assert [len(rows) for rows in locals_seen] == [7, 6, 5, 6]


def test_what_to_type_on_the_way_leads_into_the_products(tmp_path):
    (command, *typed), into_vjp, into_product, _ = blocks(PAGE)
    *_, vjp = answers(command, [*typed, "c", "up", *into_vjp], tmp_path)
    assert "mlp.py" in vjp and "vjp()" in vjp
    *_, product, stack = answers(command, [*typed, "c", "c", "up", *into_product, "w"], tmp_path)
    assert "fisher_vector_product()" in product
    called = re.findall(r"^[> ] \S+/(\w+\.py)\(\d+\)(\w+)\(\)", stack, re.M)
    assert called[-4:] == [("step_through.py", "main"), ("conjugate_gradient.py", "conjugate_gradient"),
                           ("step_through.py", "A"), ("fisher.py", "fisher_vector_product")]


def test_the_real_update_stops_at_its_return_with_the_appendixs_locals(tmp_path):
    (command, *typed), = [block for block in blocks(PAGE) if block[0].endswith("-m trpo_numpy")]
    assert typed[-2:] == ["c", "r"] and "`p __return__`" in PAGE
    typed += ["p set(locals())", "p A(s).shape", "p __return__", "up", "p batch", "c", "r", "p candidates[0]"]
    answered = answers(command, typed, tmp_path / "run")
    returned, names, product, update, _, batch, _, again, candidate = answered[-9:]
    assert all("--Return--" in answer and "trust_region_step()->Update(" in answer for answer in (returned, again))
    wanted = re.search(r"with all its locals:(.*?)\bare there", PAGE, re.S)
    wanted = set(re.findall(r"\w+", " ".join(re.findall("`(.*?)`", wanted[0], re.S))))
    assert eval(names) >= wanted >= {"g", "s", "sAs", "beta", "L_old", "L_new", "kl_new", "theta_new"}
    assert product.startswith("(4482,)") and update.startswith("Update(theta_new=array([")
    assert batch.startswith("Batch(states=array([[") and "improves=np.True_, within=np.False_" in candidate
