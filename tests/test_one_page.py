"""TRPO on one page, and on one slide, takes the package's steps; it runs, and stays one page."""
import ast
import re
import sys
from collections import Counter
from pathlib import Path

from gradient_check import check_gradient, random_directions

import numpy as np
import pytest

from trpo_numpy.conjugate_gradient import conjugate_gradient
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.surrogate import Batch, grad_surrogate, surrogate
from trpo_numpy.trpo import UpdateOptions, trpo_update

PAGE = Path(__file__).parent.parent / "tutorials" / "trpo_on_one_page.py"
SOURCE = PAGE.read_text()


def load(**constants):
    """The page's functions and constants, some of these changed. What it does when run is left out."""
    page = ast.parse(SOURCE)
    page.body = [statement for statement in page.body if not isinstance(statement, ast.If)]
    names = {}
    exec(compile(page, str(PAGE), "exec"), names)
    names.update(constants)
    return names


@pytest.mark.parametrize("sizes", [(3, 5, 1), (4, 6, 2)], ids=str)
def test_its_update_is_the_packages(sizes):
    """Accepted at once, after shrinking, and not at all. Ten iterations of CG would magnify rounding to some 1e-8."""
    d_s, d_h, d_a = sizes
    policy, outcomes = Policy(MLP(sizes), Gaussian(d_a)), Counter()
    for seed, (delta, shrink, max_backtracks) in enumerate(30 * [(1e-4, 0.5, 10), (0.3, 0.9, 10), (0.5, 0.999, 2)]):
        page = load(D_S=d_s, D_H=d_h, D_A=d_a, DELTA=delta, SHRINK=shrink, MAX_BACKTRACKS=max_backtracks,
                    CG_ITERATIONS=5)
        options = UpdateOptions(delta, 5, 1.0, shrink, max_backtracks, page["DAMPING"])
        rng = np.random.default_rng(seed)
        theta_old = policy.initial(rng, -0.3) + 0.3 * rng.standard_normal(policy.n_parameters)
        states = rng.standard_normal((50, d_s))
        mean, r = policy.family.split(policy.mu(theta_old, states))
        actions, Q = policy.family.sample(mean, r, rng), rng.standard_normal(50)
        update = trpo_update(policy, theta_old, Batch(states, actions, Q), options, rng)
        theta_new, gain, kl, n_refused = page["trpo_update"](theta_old, states, actions, Q)
        assert np.allclose(theta_new, update.theta_new, rtol=0, atol=1e-10)
        assert gain == pytest.approx(update.L_new - update.L_old, abs=1e-10) and kl == pytest.approx(update.kl_new)
        assert n_refused == len(update.candidates) - (update.status == "accepted")
        outcomes[update.status, n_refused > 0] += 1
    assert min(outcomes.values()) >= 5 and len(outcomes) == 3


def ppo():
    """PPO's loop of the page of questions, to be pasted into the one page."""
    text, = re.findall(r"^```py\n(m = v = .*?)```\n", (PAGE.parent / "questions.md").read_text(), re.M | re.S)
    return text


def test_the_questions_ppo_runs_where_it_is_pasted(monkeypatch, tmp_path):
    """Its optimizer counts every minibatch of a run: no name of it is one of the page's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(PAGE), "1"])
    names = {"__name__": "__main__"}
    source = SOURCE.replace("\nif __name__", f"\n{ppo()}\n\nif __name__").replace("size=1000", "size=100")
    for old, new in [(r"ITERATIONS, PATHS, T = \d+, \d+,", "ITERATIONS, PATHS, T = 3, 5,"),
                     (r"theta, gain, kl_new, refused = trpo_update", "theta = ppo_update"),
                     (r", L gains .*?\{refused=\}", "")]:
        source, n = re.subn(old, new, source)
        assert n == 1, old
    exec(compile(source, "pasted", "exec"), names)
    assert names["n_steps"] == 3 * 10 * 10 and np.isfinite(names["theta"]).all()


def test_the_questions_ppo_climbs_its_clipped_objective():
    """One step on the whole batch from another theta than the batch's, and TRPO's g from the batch's own."""
    page, steps, text = load(), [], ppo()
    rng = np.random.default_rng(0)
    theta = 0.3 * rng.standard_normal(152)
    states, Q = rng.standard_normal((50, 3)), rng.standard_normal(50)
    actions = page["forward"](theta, states)[0][:, :1] + rng.standard_normal((50, 1))

    def adam(g):
        steps.append(g)
        return 0.3 * rng.standard_normal(152) if len(steps) == 1 else np.zeros(152)

    exec(text, page)
    page.update(rng=rng, adam=adam)
    theta_new = page["ppo_update"](theta, states, actions, Q, epochs=2, size=50)

    def objective(theta_new):
        log_prob = [page["log_prob"](page["forward"](at, states)[0], actions) for at in (theta, theta_new)]
        w = np.exp(log_prob[1] - log_prob[0])
        return np.mean(np.minimum(w * Q, np.clip(w, 0.8, 1.2) * Q))

    for at, g in zip((theta, theta_new), steps, strict=True):
        check_gradient(objective, g, at, random_directions(rng, 5, 152))


def test_the_lectures_slide_is_the_packages_update():
    text, = re.findall(r"^```python\n(def update.*?)```\n", (PAGE.parent / "lecture.md").read_text(), re.M | re.S)
    assert len(text.splitlines()) == 20 and max(map(len, text.splitlines())) <= 80
    names = {"np": np, "grad_surrogate": grad_surrogate, "surrogate": surrogate,
             "conjugate_gradient": conjugate_gradient}
    exec(text, names)
    policy, n_refused = Policy(MLP((4, 6, 2)), Gaussian(2)), []
    for seed, delta in enumerate(10 * [1e-4, 0.5, 1e6]):
        rng = np.random.default_rng(seed)
        theta_old = policy.initial(rng, -0.3) + 0.3 * rng.standard_normal(policy.n_parameters)
        states, Q = rng.standard_normal((50, 4)), rng.standard_normal(50)
        actions = policy.family.sample(*policy.family.split(policy.mu(theta_old, states)), rng)
        update = trpo_update(policy, theta_old, Batch(states, actions, Q),
                             UpdateOptions(delta, 10, 1.0, shrink=0.5, max_backtracks=10, damping=0.01), rng)
        theta_new = names["update"](policy, theta_old, states, actions, Q, delta)
        assert np.allclose(theta_new, update.theta_new, rtol=0, atol=1e-12)
        n_refused.append(len(update.candidates) - (update.status == "accepted"))
    assert min(n_refused) == 0 and max(n_refused) == 11 and 0 < sorted(n_refused)[15] < 11


def test_it_runs_and_draws(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(PAGE), "1"])
    source, n = re.subn(r"ITERATIONS, PATHS, T = \d+, \d+,", "ITERATIONS, PATHS, T = 3, 2,", SOURCE)
    assert n == 1
    exec(compile(source, str(PAGE), "exec"), {"__name__": "__main__"})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and all("return" in line and "KL" in line for line in lines)
    assert (tmp_path / "trpo_on_one_page.png").stat().st_size > 10_000


def test_it_is_one_page_without_the_package_and_without_classes():
    tree = ast.parse(SOURCE)
    assert len(SOURCE.splitlines()) <= 120
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {alias.name for node in imports for alias in node.names}
    assert names <= {"os", "sys", "gymnasium", "matplotlib.pyplot", "numpy"}
    assert not any(isinstance(node, (ast.ClassDef, ast.Lambda)) for node in ast.walk(tree))
