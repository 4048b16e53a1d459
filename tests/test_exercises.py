"""The exercises: empty ones are red, the package's functions are green, typical wrong answers are named, bugs show."""
import ast
import importlib.util
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pages import exercise_fragments
from test_documents import PAPER, numbers

TUTORIALS = Path(__file__).parent.parent / "tutorials"
EXERCISES = TUTORIALS / "exercises"
sys.path.insert(0, str(EXERCISES))
import check  # noqa: E402
import hunt  # noqa: E402
import in_place  # noqa: E402
import judges  # noqa: E402
import truth  # noqa: E402

from trpo_numpy.gaussian import Gaussian  # noqa: E402
from trpo_numpy.mlp import activation_slope  # noqa: E402
from trpo_numpy.surrogate import surrogate_and_gradient  # noqa: E402
from trpo_numpy.trpo import surrogate_and_kl, trust_region_step  # noqa: E402
from trpo_numpy.trpo import trpo_update as package_update  # noqa: E402

README = (EXERCISES / "README.md").read_text()
PAGES = [*EXERCISES.rglob("*.md"), TUTORIALS / "lecture.md"]
SOLUTIONS = EXERCISES / "solutions.py"


def solutions(**changed):
    """The package's functions, some of them replaced."""
    module = check.load(SOLUTIONS)
    for name, function in changed.items():
        setattr(module, name, function)
    return module


right = solutions()


def test_empty_exercises_are_not_written_yet(capsys):
    results = check.report(list(judges.JUDGES), check.load(EXERCISES / "exercises.py"))
    assert set(results.values()) == {"not written yet"}
    lines = capsys.readouterr().out.splitlines()
    assert all(line.endswith("not written yet") for line in lines[:-2]) and len(lines) == len(judges.JUDGES) + 2
    assert lines[-1].startswith("0 of 23 right, 0 wrong, 23 not")


def test_the_packages_functions_are_right_and_far_from_the_bars(capsys):
    assert set(check.report(list(judges.JUDGES), solutions()).values()) == {"right"}
    for error, bar in re.findall(r"error (\S+), bar (\S+)", capsys.readouterr().out):
        assert float(error) < 0.2 * float(bar)


def test_an_exercise_is_a_function_of_the_same_arguments_as_its_solution():
    tree = ast.parse((EXERCISES / "exercises.py").read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert [f.name for f in functions] == list(judges.JUDGES)
    assert all(ast.get_docstring(f) and isinstance(f.body[-1], ast.Raise) for f in functions)
    sources = {node.name: node for path in [SOLUTIONS, *(EXERCISES.parent.parent / "trpo_numpy").rglob("*.py")]
               for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)
               if path.stem != "categorical" and path.stem != "family" and path.stem != "policy"}
    for f in functions:
        theirs = [arg.arg for arg in sources[f.name].args.args if arg.arg != "self"]
        if f.name not in ("forward", "jvp", "vjp"):  # MLP has methods of these names
            assert [arg.arg for arg in f.args.args] == theirs, f.name


def test_half_written_exercises():
    """What returns None says so, and so does an exercise that calls one that is not written, or one that is wrong."""
    empty = check.load(EXERCISES / "exercises.py")
    for name in judges.JUDGES:
        result, said = check.verdict(name, solutions(**{name: lambda *args: None}))
        assert result == "fails" and said.endswith(check.NOTHING), name
    assert check.verdict("step_length", solutions(step_length=lambda sAs, delta: empty.kl(sAs, delta))) == (
        "not written yet", ": it calls kl")
    assert check.verdict("kl", empty) == ("not written yet", "")
    mine = solutions(line_search=search_with(kl=lambda kl: kl / 1.5))
    mine.trpo_update = lambda *args: changed_gradient(*args, searcher=mine.line_search)
    result, said = check.verdict("trpo_update", mine)
    assert result == "fails" and said.endswith("\nIt calls line_search, which is wrong: mend that first.")
    assert "A common mistake gives this number: the KL may be up to 1.5 delta.\nIt calls" in said
    assert check.verdict("value_step", solutions(conjugate_gradient=empty.conjugate_gradient)) == (
        "not written yet", ": it calls conjugate_gradient")
    result, said = check.verdict("value_step", solutions(conjugate_gradient=cg_from(0.1)))
    assert result == "fails" and said.endswith("\nIt calls conjugate_gradient, which is wrong: mend that first.")
    result, said = check.verdict("conjugate_gradient", solutions(conjugate_gradient=lambda A, b, *args: b))
    assert result == "fails" and said.startswith("it returns another number of things than")


def test_an_error_is_shown_with_its_line_and_a_usual_cause(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def jvp(layers, inputs, slopes, v):\n    return inputs[0] @ v[0][0]\n\n\n"
                    "def generalized_advantages(path, V, gamma, gae_lambda):\n    V[-1] = 0\n\n\n"
                    "def step_length(sAs, delta):\n    if not 0 < sAs < 1e9:\n"
                    "        raise ValueError(f'sAs is {sAs:g}')\n    return (2 * delta / sAs) ** 0.5\n\n\n"
                    "def trpo_update(policy, theta_old, batch, options, rng):\n    s = theta_old, [1.0]\n"
                    "    return theta_old + s.ravel()\n")
    module = check.load(path)
    for name, words in [("jvp", ["line 2 of mine.py: ValueError: matmul", "transposed W"]),
                        ("generalized_advantages", ["line 6 of mine.py: ", "it writes into its argument"]),
                        ("step_length", ["11 of mine.py: ValueError: sAs is -1; wanted an ArithmeticError"]),
                        ("trpo_update", ["line 17 of mine.py", "conjugate_gradient returns two things"])]:
        result, said = check.verdict(name, module)
        assert result == "fails" and all(part in said for part in words)


def test_nan_and_other_shapes_are_wrong():
    for value in (np.nan, np.array([1.0]), "text", 1j, np.inf, [1.0, 2.0]):
        result, said = check.verdict("step_length", solutions(step_length=lambda sAs, delta: value))
        assert result == "fails" and "wanted" in said, value


def test_a_syntax_error_is_one_line(tmp_path):
    (tmp_path / "mine.py").write_text("def kl(mu_old, mu):\n    return (mu\n\ndef\n")
    run = subprocess.run([sys.executable, EXERCISES / "check.py", "--file", tmp_path / "mine.py"], text=True,
                         capture_output=True)
    assert run.returncode == 1 and run.stderr == "mine.py, line 2: '(' was never closed. Nothing is judged.\n"


def changed_gradient(policy, theta_old, batch, options, rng, sign=1, damped_sAs=False, over=None, search=True,
                     L_off=0.0, draw=round, replaced=False, reversed_kl=False, own_q=True, searcher=None, kl_of=None,
                     centred=False, q=1, g_centred=False):
    """The package's update with a mistake."""
    mu_old, cache, log_q, L_old, g = surrogate_and_gradient(policy, batch, theta_old)
    if g_centred:
        g = policy.vjp(theta_old, cache, right.grad_surrogate(
            policy.family, mu_old, batch.actions, batch.Q - batch.Q.mean(), log_q))
    if not q:
        log_q = 0 * log_q
        L_old = right.surrogate(policy.family, mu_old, batch.actions, batch.Q, log_q)
        g = policy.vjp(theta_old, cache, right.grad_surrogate(policy.family, mu_old, batch.actions, batch.Q, log_q))
    rows = slice(None)
    if options.fisher_fraction < 1 and over != "all":
        rows = rng.choice(len(batch.Q), draw(options.fisher_fraction * len(batch.Q)), replace=replaced)
    mu_A, cache_A = policy.forward(theta_old, batch.states[rows])

    def A(y):
        return right.fisher_vector_product(policy, theta_old, cache_A, mu_A, y)

    def L_and_kl(theta):
        L, kl = surrogate_and_kl(policy, batch, mu_old, log_q, theta)
        if not own_q:
            L = batch.Q.mean()
        if reversed_kl:
            kl = policy.family.kl(policy.mu(theta, batch.states), mu_old).mean()
        if over == "A":
            kl = policy.family.kl(mu_A, policy.mu(theta, batch.states[rows])).mean()
        if kl_of:
            kl = kl_of(policy.family.kl(mu_old, policy.mu(theta, batch.states)))
        L -= centred * batch.Q.mean()
        if over == "L":
            mu_new, actions, Q = policy.mu(theta, batch.states[rows]), batch.actions[rows], batch.Q[rows]
            L = right.surrogate(policy.family, mu_new, actions, Q, log_q[rows])
        return (L, kl) if search else (np.finfo(float).max, 0.0)

    result = trust_region_step(theta_old, L_old + L_off, sign * g, A, L_and_kl, options)
    beta = options.delta and np.sqrt(2 * options.delta / (result.sAs + options.damping * result.s @ result.s))
    if searcher:
        beta = np.sqrt(2 * options.delta / result.sAs)
        return theta_old + result.s * searcher(L_and_kl, theta_old, result.s, beta, L_old, options.delta,
                                               options.shrink, options.max_backtracks)
    if damped_sAs:
        taken, _ = right.searching.line_search(L_and_kl, theta_old, result.s, beta, L_old, options.delta,
                                               options.shrink, options.max_backtracks)
        return theta_old + taken.beta * result.s
    return result.theta_new


def family_like(mu, **changed):
    """(mean, r) of mu, for the Gaussian's mistakes."""
    return Gaussian(mu.shape[1] // 2).split(mu)


def wrong_log_std(mu, a):
    return right.log_prob(mu, a) + family_like(mu)[1].sum(axis=1)


def per_layer(change):
    """vjp with each (dW, db) changed."""
    return lambda layers, inputs, slopes, u: [
        tuple(change(part, u) for part in layer) for layer in right.vjp(layers, inputs, slopes, u)]


def search_with(**changed):
    """The package's line search on a changed (L, KL) or with changed arguments."""
    def line_search(L_and_kl, theta_old, s, beta, L_old, delta, shrink, max_backtracks):
        def other(theta):
            L, kl = L_and_kl(theta)
            return changed.get("L", lambda L: L)(L), changed.get("kl", lambda kl: kl)(kl)
        found = right.line_search(other, theta_old, s, beta * changed.get("first", 1), L_old, delta, shrink,
                                  max_backtracks + changed.get("more", 0))
        return found or changed.get("last", 0) * beta * shrink ** max_backtracks
    return line_search


def search_by_hand(candidate=lambda beta, shrink, j: beta * shrink ** j, returned=None, theta_too=1):
    """A line search with other candidates, another result, or theta = beta s if theta_too is 0."""
    def line_search(L_and_kl, theta_old, s, beta, L_old, delta, shrink, max_backtracks):
        for j in range(max_backtracks + 1):
            L, kl = L_and_kl(theta_too * theta_old + candidate(beta, shrink, j) * s)
            if L_old < L < np.inf and kl <= delta:
                return (returned or candidate)(beta, shrink, j)
        return 0.0
    return line_search


def search_by_ratio(L_and_kl, theta_old, s, beta, L_old, *rest):
    def relative(theta):
        L, kl = L_and_kl(theta)
        return L / L_old, kl
    return right.line_search(relative, theta_old, s, beta, 1.0, *rest)


def search_that_ends_with_beta(L_and_kl, theta_old, s, beta, L_old, delta, shrink, max_backtracks):
    for _ in range(max_backtracks + 1):
        L, kl = L_and_kl(theta_old + beta * s)
        if L_old < L < np.inf and kl <= delta:
            return beta
        beta *= shrink
    return beta


def search_from_each_other(L_and_kl, theta, s, beta, L_old, delta, shrink, max_backtracks):
    for j in range(max_backtracks + 1):
        theta = theta + beta * shrink ** j * s
        L, kl = L_and_kl(theta)
        if L_old < L < np.inf and kl <= delta:
            return beta * shrink ** j
    return 0.0


def search_for_the_best(L_and_kl, theta_old, s, beta, L_old, delta, shrink, max_backtracks):
    best, L_best = 0.0, L_old
    for j in range(max_backtracks + 1):
        L, kl = L_and_kl(theta_old + beta * shrink ** j * s)
        if L_best < L < np.inf and kl <= delta:
            best, L_best = beta * shrink ** j, L
    return best


def fisher_with_exchanged_arguments(policy, theta_old, cache, mu_old, y):
    Jy = policy.jvp(theta_old, cache, y)
    return policy.vjp(theta_old, cache, policy.family.M_product(Jy, mu_old)) / len(mu_old)


def kl_by_hand(mu_old, mu, power=2):
    (mean_old, r_old), (mean, r) = np.hsplit(mu_old, 2), np.hsplit(mu, 2)
    square = np.exp(power * r_old) + (mean_old - mean) ** 2
    return (r - r_old + square / (2 * np.exp(2 * r)) - 0.5).sum(axis=1)


def surrogate_by_hand(centred=False, self_normalized=False):
    def surrogate(family, mu, actions, Q, log_q):
        ratio = np.exp(family.log_prob(mu, actions) - log_q)
        return np.mean((ratio / ratio.mean() if self_normalized else ratio) * (Q - centred * Q.mean()))
    return surrogate


def grad_surrogate_by_hand(centred=False, self_normalized=False):
    def grad_surrogate(family, mu, actions, Q, log_q):
        ratio = np.exp(family.log_prob(mu, actions) - log_q)
        weights = (ratio / ratio.mean() if self_normalized else ratio) * (Q - centred * Q.mean())
        return weights[:, None] * family.grad_log_prob(mu, actions) / len(Q)
    return grad_surrogate


def cg_from(noise):
    """Conjugate gradient that starts at noise, and does not know it."""
    def conjugate_gradient(A, b, iterations, damping=0.0, tolerance=1e-10):
        x, norms = right.conjugate_gradient(A, b, iterations, damping, tolerance)
        return x + noise, norms
    return conjugate_gradient


def cg_with_one_norm(*args, **kwargs):
    """All norms are 0, but the last."""
    x, norms = right.conjugate_gradient(*args, **kwargs)
    return x, np.append(0 * norms[:-1], norms[-1])


def steepest(A, b, iterations, damping=0.0, tolerance=1e-10):
    x, r, norms = 0 * b, b, [np.linalg.norm(b)]
    for _ in range(iterations):
        Ar = A(r) + damping * r
        alpha = r @ r / (r @ Ar)
        x, r = x + alpha * r, r - alpha * Ar
        norms.append(np.linalg.norm(r))
    return x, norms


def cg_by_hand(one_array=False, as_list=False, absolute=False, undamped_alpha=False, alpha_power=1, renewed=True,
               sign=1, old_residual=False, r_sign=1, undamped_r=False):
    def conjugate_gradient(A, b, iterations, damping=0.0, tolerance=1e-10):
        x, r, norms = 0 * b, b.copy(), [np.linalg.norm(b)]
        p, rr = r if one_array else r.copy(), r @ r
        for _ in range(iterations):
            if norms[-1] <= tolerance * (1 if absolute else norms[0]):
                break
            rr, Ap = r @ r if renewed else rr, A(p) + damping * p
            alpha = (rr / (p @ (A(p) if undamped_alpha else Ap))) ** alpha_power
            x += alpha * p
            p = r.copy() if old_residual else p
            r -= r_sign * alpha * (A(p) if undamped_r else Ap)
            p = r + sign * r @ r / rr * p
            norms.append(np.linalg.norm(r))
        return x, norms if as_list else np.array(norms)
    return conjugate_gradient


def sums_of_type(x, discount):
    y = np.zeros_like(x)
    for t in reversed(range(len(x))):
        y[t] = x[t] + (discount * y[t + 1] if t + 1 < len(x) else 0)
    return y


def advantages_of_type(path, V, gamma, gae_lambda):
    return right.generalized_advantages(path, V, gamma, gae_lambda).astype(path.rewards.dtype)


def step_length_of(allowed):
    def step_length(sAs, delta):
        if not allowed(sAs):
            raise ArithmeticError
        return np.sqrt(2 * delta / sAs)
    return step_length


def update_that(**changed):
    return lambda *args: changed_gradient(*args, **changed)


def update_without_s(policy, theta_old, *rest):
    update = package_update(policy, theta_old, *rest)
    return theta_old + update.candidates[-1].beta if update.status == "accepted" else theta_old


def update_along_g(policy, theta_old, batch, options, rng):
    """One iteration of conjugate gradient goes along g, and beta s does not depend on the length of s."""
    return right.trpo_update(policy, theta_old, batch, replace(options, cg_iterations=1), rng)


def update_tried_along_g(policy, theta_old, batch, options, rng):
    """The beta of s, and candidates along g."""
    mu_old, _, log_q, L_old, g = surrogate_and_gradient(policy, batch, theta_old)
    beta = package_update(policy, theta_old, batch, options, rng).candidates[0].beta
    L_and_kl = partial(surrogate_and_kl, policy, batch, mu_old, log_q)
    return theta_old + g * right.line_search(L_and_kl, theta_old, g, beta, L_old, options.delta, options.shrink,
                                             options.max_backtracks)


def update_without_g_0(policy, theta_old, batch, *rest):
    right.step_length(float(batch.Q.any()), 1.0)
    return right.trpo_update(policy, theta_old, batch, *rest)


def value_step_with(sign=1, times_N=0, product_times_N=0, divided_by=len, target=1, V_too=1, damped=1, more=0,
                    least=0):
    """The step of V with a mistake; times_N are powers of N."""
    def value_step(V, targets, jvp, vjp, iterations, damping):
        N, below = float(len(V)), divided_by(V)
        b = sign * N ** times_N * vjp(target * targets - V_too * V) / below

        def product(v):
            return N ** product_times_N * vjp(jvp(v)) / below

        return right.conjugate_gradient(product, b, max(iterations + more, least), damped * damping)[0]
    return value_step


def gradient_alone(sign=1):
    return lambda V, targets, jvp, vjp, iterations, damping: sign * vjp(V - targets) / len(V)


def value_step_of_zero(V, targets, *args):
    step = right.value_step(V, targets, *args)
    return step if step.any() else np.full_like(step, np.nan)


MISTAKES = [
    ("line_search", search_by_hand(lambda beta, shrink, j: shrink ** j), "beta is left out"),
    ("line_search", search_by_hand(returned=lambda beta, shrink, j: shrink ** j), "the power of shrink, without beta"),
    ("line_search", search_by_hand(lambda beta, shrink, j: beta * 0.5 ** j), "beta is halved, whatever shrink is"),
    ("line_search", search_by_hand(theta_too=0), "theta_old is forgotten"),
    ("line_search", search_that_ends_with_beta, "a candidate that was refused, shrunk once more"),
    ("line_search", search_by_hand(lambda beta, shrink, j: beta * (1 - j * shrink)), "by equal steps"),
    ("line_search", search_by_hand(lambda beta, shrink, j: beta * shrink ** (j + 1)), "before the first candidate"),
    ("line_search", search_by_hand(returned=lambda beta, shrink, j: beta), "the first beta is returned, whatever"),
    ("line_search", search_by_hand(returned=lambda beta, shrink, j: j), "the number of the candidate is returned"),
    ("line_search", search_by_hand(returned=lambda beta, shrink, j: beta * shrink ** (j + 1)), "it shrinks once more"),
    ("line_search", lambda L_and_kl, *rest: right.line_search(
        lambda theta: (L_and_kl(theta)[0], L_and_kl(theta)[1]), *rest), "L_and_kl is called twice per candidate"),
    ("line_search", search_from_each_other, "the candidates start from each other"),
    ("line_search", search_for_the_best, "it goes on after the first that is accepted"),
    ("line_search", search_with(L=lambda L: -L), "no candidate is accepted"),
    ("line_search", lambda *args: right.line_search(*args[:-1], 0), "it gives up after the first candidate"),
    ("line_search", lambda L_and_kl, theta_old, s, beta, *rest: beta, "no candidate is tried"),
    ("grad_log_prob", lambda mu, a: np.roll(right.grad_log_prob(mu, a), 3, axis=1), "the columns for r come first"),
    ("kl", lambda mu_old, mu: kl_by_hand(mu_old, mu, 1), "exp(r_old) where exp(2 r_old) should be"),
    ("surrogate", surrogate_by_hand(centred=True), "the mean of Q is subtracted"),
    ("surrogate", surrogate_by_hand(self_normalized=True), "the ratios are divided by their mean"),
    ("grad_surrogate", grad_surrogate_by_hand(centred=True), "the mean of Q is subtracted"),
    ("grad_surrogate", grad_surrogate_by_hand(self_normalized=True), "the ratios are divided by their mean"),
    ("fisher_vector_product", fisher_with_exchanged_arguments, "the arguments of M_product are exchanged"),
    ("conjugate_gradient", cg_by_hand(alpha_power=-1), "alpha is upside down"),
    ("conjugate_gradient", cg_by_hand(renewed=False), "r'r is not computed anew"),
    ("conjugate_gradient", cg_by_hand(sign=-1), "the wrong sign of the p before"),
    ("conjugate_gradient", cg_by_hand(old_residual=True), "multiplies the residual before"),
    ("discounted_sums", sums_of_type, "cut to whole numbers"),
    ("generalized_advantages", advantages_of_type, "cut to whole numbers"),
    ("vjp", lambda *args: right.vjp(*args)[::-1], "the list is reversed"),
    ("vjp", lambda *args: [(dW.T, db) for dW, db in right.vjp(*args)], "dW is transposed"),
    ("grad_surrogate", lambda family, mu, a, Q, log_q: Q[:, None] * family.grad_log_prob(mu, a),
     "the ratio and 1/N are missing"),
    ("conjugate_gradient", cg_by_hand(one_array=True), "p and r are one array"),
    ("conjugate_gradient", cg_by_hand(undamped_alpha=True), "at least in alpha"),
    ("conjugate_gradient", cg_by_hand(as_list=True), "the norms are an array\nwanted ndarray, found list"),
    ("conjugate_gradient", cg_by_hand(absolute=True), "the tolerance is absolute"),
    ("step_length", step_length_of(lambda sAs: sAs >= 0), "for s'As = 0.0 it raises\nwanted ArithmeticError"),
    ("line_search", search_with(kl=lambda kl: kl / 1.5), "above delta, such as 1.25 delta"),
    ("line_search", search_with(kl=lambda kl: kl * (1 + 1e-12)), "KL < delta is asked for"),
    ("line_search", search_with(L=lambda L: min(L, 1e9)), "an infinite L is accepted"),
    ("trpo_update", update_that(reversed_kl=True), "the KL is reversed"),
    ("trpo_update", update_that(searcher=search_with(kl=lambda kl: kl / 1.5)), "the KL may be up to 1.5 delta"),
    ("trpo_update", update_that(L_off=2.5), "or L_old or log_q"),
    ("trpo_update", update_that(own_q=False), "or L_old or log_q"),
    ("trpo_update", update_that(L_off=-np.inf), "L of the candidate is not compared with L_old"),
    ("trpo_update", update_that(draw=int), "19 states: int cuts 19.6"),
    ("trpo_update", update_that(replaced=True), "some states are drawn twice"),
    ("line_search", search_with(kl=lambda kl: kl / 1.05), "a KL that is a little above delta is accepted"),
    ("line_search", search_by_ratio, "L is divided by L_old"),
    ("grad_surrogate", lambda family, mu, a, Q, log_q: right.grad_surrogate(
        family, mu, a, Q, 2 * family.log_prob(mu, a) - log_q), "the ratio is upside down"),
    ("trpo_update", update_that(kl_of=np.sum), "the KLs of the states are summed"),
    ("trpo_update", update_that(kl_of=np.max), "the largest KL is bounded"),
    ("trpo_update", lambda policy, theta, batch, options, rng: right.trpo_update(
        policy, theta, batch, replace(options, shrink=0.5), rng), "whatever options.shrink is"),
    ("trpo_update", update_that(centred=True), "have different Q"),
    ("trpo_update", update_that(over="L"), "L or L_old is that of A's states"),
    ("trpo_update", lambda policy, theta, batch, options, rng: right.trpo_update(
        policy, theta, batch, replace(options, cg_iterations=60), rng), "cg_iterations is ignored"),
    ("conjugate_gradient", lambda A, b, iterations, damping=0.0, tolerance=0.0: right.conjugate_gradient(
        A, b, iterations, damping), "tolerance is ignored"),
    ("conjugate_gradient", cg_with_one_norm, "the norms, from ||b|| on"),
    ("forward", lambda layers, x: right.forward(layers, x) if len(layers) == 3 else (0 * x, [x]),
     "another number of layers: 2"),
    ("jvp", lambda layers, inputs, slopes, v: right.jvp(layers, inputs, slopes, v) * (len(layers) == 3),
     "J v of two layers"),
    ("vjp", lambda layers, *rest: [(dW * (len(layers) == 3), db) for dW, db in right.vjp(layers, *rest)],
     "the same with two layers"),
    ("trpo_update", update_without_g_0, "found an ArithmeticError: is it called with s'As = 0"),
    ("trpo_update", update_that(q=0), "q is left out"),
    ("trpo_update", update_that(g_centred=True), "in the gradient alone Q has lost its mean"),
    ("trpo_update", update_without_s, "s is left out"),
    ("trpo_update", update_along_g, "s is g"),
    ("conjugate_gradient", cg_by_hand(r_sign=-1), "the wrong sign in the residual"),
    ("conjugate_gradient", cg_by_hand(undamped_r=True), "left out of the residual alone"),
    ("jvp", lambda layers, inputs, slopes, v: right.jvp(layers, inputs, slopes, [(0 * dW, db) for dW, db in v]),
     "the product rule gives dW h too"),
    ("trpo_update", lambda *args: (right.trpo_update(*args), 0.1), "a tuple of 2, and theta_new alone is wanted"),
    ("trpo_update", lambda policy, theta, *rest: 2 * theta - right.trpo_update(policy, theta, *rest),
     "theta_old minus the step"),
    ("trpo_update", lambda policy, theta, *rest: right.trpo_update(policy, theta, *rest) - theta,
     "theta_old is left out"),
    ("trpo_update", update_tried_along_g, "the candidates are theta_old + beta g"),
    ("trpo_update", lambda policy, theta, batch, options, rng: right.trpo_update(
        policy, theta, batch, replace(options, damping=2 * options.damping), rng), "damping counts twice"),
    ("discounted_sums", lambda x, d: right.discounted_sums(x[::-1], d)[::-1], "from the start of the path"),
    ("discounted_sums", lambda x, d: np.cumsum(x[::-1])[::-1], "not discounted"),
    ("generalized_advantages", lambda path, V, g, lam: right.generalized_advantages(
        replace_end(path, True), V, g, lam), "a time limit is taken for an end"),
    ("generalized_advantages", lambda path, V, g, lam: right.generalized_advantages(
        replace_end(path, False), V, g, lam), "taken for a time limit"),
    ("generalized_advantages", lambda path, V, g, lam: right.generalized_advantages(
        path, V if path.terminated else np.append(V[:-1], V[-2]), g, lam), "V(s_{T-1}) stands where V(s_T)"),
    ("generalized_advantages", lambda path, V, g, lam: right.generalized_advantages(path, V, g, 1.0), "by gamma alone"),
    ("state_value", lambda mdp, pi: np.linalg.solve(
        np.eye(5) - mdp.gamma * truth.transitions(mdp, pi).T, (pi * mdp.r).sum(axis=1)), "P_pi is transposed"),
    ("action_value", lambda mdp, pi: mdp.r + mdp.P @ right.state_value(mdp, pi), "gamma is missing"),
    ("advantage", lambda mdp, pi: -right.advantage(mdp, pi), "the wrong sign"),
    ("visitation", lambda mdp, pi: (1 - mdp.gamma) * right.visitation(mdp, pi), "normalized"),
    ("visitation", lambda mdp, pi: np.linalg.solve(
        np.eye(5) - mdp.gamma * truth.transitions(mdp, pi), mdp.rho_0), "not transposed"),
    ("expected_return", lambda mdp, pi: right.state_value(mdp, pi).mean(), "all first states alike"),
    ("exact_surrogate", lambda mdp, pi_old, pi: right.expected_return(mdp, pi), "this is eta(pi), Eq. (2)"),
    ("exact_surrogate", lambda mdp, pi_old, pi: right.exact_surrogate(mdp, pi_old, pi)
     - right.expected_return(mdp, pi_old), "eta(pi_old) is missing"),
    ("log_prob", wrong_log_std, "the log-std term is missing"),
    ("log_prob", lambda mu, a: right.log_prob(mu, a) / a.shape[1], "averaged over the action's dimensions"),
    ("grad_log_prob", lambda mu, a: right.grad_log_prob(mu, a) + [0, 0, 0, 1, 1, 1], "in r the -1 is missing"),
    ("kl", lambda mu_old, mu: right.kl(mu, mu_old), "reversed"),
    ("kl", lambda mu_old, mu: right.kl(mu_old, mu) / 3, "averaged over the action's dimensions"),
    ("kl", lambda mu_old, mu: right.kl(mu_old, mu).mean(), "averaged over the states"),
    ("M_product", lambda mu, y: right.M_product(mu, y) / [1, 1, 1, 2, 2, 2], "the 2 of the log-std is forgotten"),
    ("M_product", lambda mu, y: right.M_product(-mu, y), "the inverse"),
    ("forward", lambda layers, x: (np.tanh(right.forward(layers, x)[0]), right.forward(layers, x)[1]), "in the last"),
    ("forward", lambda layers, x: right.forward([(W.T if W.shape == (4, 4) else W, b) for W, b in layers], x),
     "a W is transposed"),
    ("jvp", lambda layers, inputs, slopes, v: right.jvp(layers, inputs, slopes, [(dW, 0 * db) for dW, db in v]),
     "the changes of the biases are missing"),
    ("jvp", lambda layers, inputs, slopes, v: right.jvp(layers, inputs, [1 + 0 * h for h in slopes], v), "the slopes"),
    ("vjp", per_layer(lambda part, u: part / len(u)), "averaged over the samples"),
    ("vjp", per_layer(lambda part, u: -part), "the wrong sign"),
    ("surrogate", lambda *args: -right.surrogate(*args), "the wrong sign: L is maximized"),
    ("surrogate", lambda family, mu, a, Q, log_q: len(Q) * right.surrogate(family, mu, a, Q, log_q), "1/N is missing"),
    ("surrogate", lambda family, mu, a, Q, log_q: np.mean(family.log_prob(mu, a) * Q), "log pi times Q"),
    ("grad_surrogate", lambda family, mu, a, Q, log_q: len(Q) * right.grad_surrogate(family, mu, a, Q, log_q),
     "1/N is missing"),
    ("grad_surrogate", lambda family, mu, a, Q, log_q: right.grad_surrogate(
        family, mu, a, Q, family.log_prob(mu, a)), "the ratio is missing"),
    ("fisher_vector_product", lambda policy, theta, cache, mu, y: len(mu) * right.fisher_vector_product(
        policy, theta, cache, mu, y), "1/N is missing"),
    ("fisher_vector_product", lambda policy, theta, cache, mu, y: len(mu) / len(y) * right.fisher_vector_product(
        policy, theta, cache, mu, y), "divided by the number of parameters"),
    ("fisher_vector_product", lambda policy, theta, cache, mu, y: policy.vjp(
        theta, cache, policy.jvp(theta, cache, y)) / len(mu), "M is missing"),
    ("conjugate_gradient", lambda A, b, k, damping=0.0: right.conjugate_gradient(A, b, k), "damping is left out"),
    ("conjugate_gradient", cg_from(0.1), "x did not start at 0"),
    ("conjugate_gradient", steepest, "steepest descent"),
    ("step_length", lambda sAs, delta: right.step_length(sAs, delta) / 2 ** 0.5, "the 2 is missing"),
    ("step_length", lambda sAs, delta: np.sqrt(2 * delta / sAs), "for s'As = -1.0 it raises\nwanted ArithmeticError"),
    ("line_search", search_with(kl=lambda kl: 0.0), "the KL is not checked"),
    ("line_search", search_with(kl=lambda kl: kl / 2), "above delta"),
    ("line_search", search_with(L=lambda L: L + 100), "L is not checked"),
    ("line_search", search_with(L=lambda L: L + 1e-12), "L >= L_old is accepted"),
    ("line_search", search_with(last=1), "a candidate that was refused is returned"),
    ("line_search", search_with(more=1), "one too many"),
    ("line_search", search_with(kl=lambda kl: 0.0 if np.isnan(kl) else kl), "a NaN is accepted: kl > delta"),
    ("trpo_update", lambda *args: changed_gradient(*args, sign=-1), "g has the wrong sign"),
    ("trpo_update", lambda *args: changed_gradient(*args, damped_sAs=True), "damping is counted in s'As"),
    ("trpo_update", lambda *args: changed_gradient(*args, search=False), "no line search"),
    ("trpo_update", lambda *args: changed_gradient(*args, over="all"), "fisher_fraction is ignored"),
    ("trpo_update", lambda *args: changed_gradient(*args, over="A"), "the KL of the line search is that of A's"),
    ("trpo_update", lambda policy, theta, batch, options, rng: right.trpo_update(
        policy, theta, batch, replace(options, damping=0.0), rng), "damping does not reach conjugate gradient"),
    ("value_step", value_step_with(sign=-1), "the wrong sign: it goes uphill"),
    ("value_step", value_step_with(times_N=1), "1/N is missing in the gradient, J'(V - y)"),
    ("value_step", value_step_with(product_times_N=1), "1/N is missing in the product, J'J v"),
    ("value_step", value_step_with(times_N=1, product_times_N=1), "in the gradient and in the product"),
    ("value_step", value_step_with(product_times_N=-1), "the product is divided by N twice"),
    ("value_step", value_step_with(divided_by=lambda V: 5), "divided by the number of parameters"),
    ("value_step", lambda *args: 2 * right.value_step(*args), "the 1/2 of the loss is forgotten"),
    ("value_step", value_step_with(damped=0), "damping is left out"),
    ("value_step", value_step_with(damped=2), "damping counts twice"),
    ("value_step", value_step_with(target=-1), "the targets have the wrong sign"),
    ("value_step", value_step_with(V_too=0), "V is left out"),
    ("value_step", value_step_with(target=0), "the targets are left out"),
    ("value_step", gradient_alone(), "this is the gradient itself"),
    ("value_step", gradient_alone(-1), "this is minus the gradient"),
    ("value_step", value_step_with(more=-1), "one iteration too few"),
    ("value_step", value_step_with(more=1), "one iteration too many"),
    ("value_step", value_step_with(least=10), "more iterations than `iterations`"),
    ("value_step", value_step_of_zero, "0 divided by 0"),
    ("value_step", lambda *args: (right.value_step(*args), 0.1), "a tuple of 2, and the step alone is wanted"),
    ("value_step", lambda V, targets, jvp, vjp, *rest: jvp(V), "jvp got shape (12,), wanted (5,)"),
]


def replace_end(path, terminated):
    """The path with another end."""
    return type(path)(rewards=path.rewards, terminated=terminated)


@pytest.mark.parametrize("name, function, words", MISTAKES, ids=[f"{n}: {w}" for n, _, w in MISTAKES])
def test_a_typical_wrong_answer_is_named(name, function, words):
    result, said = check.verdict(name, solutions(**{name: function}))
    assert result == "fails" and words in said, said
    assert "gives this number: " in said or "wanted" in words + said.splitlines()[-1]


def test_the_named_mistakes_of_the_fit_are_different_numbers_and_all_are_tested():
    asked = {words for name, _, words in MISTAKES if name == "value_step"}
    for _, _, wanted, mistakes in judges.value_step(right):
        values = [wanted, *mistakes.values()]
        assert not any(check.close(a, b, 1e-3) for i, a in enumerate(values) for b in values[:i])
        assert all(any(words in mistake for words in asked) for mistake in mistakes)


def test_what_the_mistakes_are_made_from_is_right_without_them():
    for name, function in [("line_search", search_by_hand()), ("conjugate_gradient", cg_by_hand()),
                           ("kl", kl_by_hand), ("surrogate", surrogate_by_hand()),
                           ("grad_surrogate", grad_surrogate_by_hand()), ("trpo_update", update_that()),
                           ("value_step", value_step_with())]:
        assert check.verdict(name, solutions(**{name: function}))[0] == "right", name


def rounded_otherwise(function, seed):
    """The function, each of its numbers changed in the last digit, as if its sums had another order."""
    rng = np.random.default_rng(seed)

    def call(*args):
        found = function(*args)
        return found * (1 + 2e-16 * rng.standard_normal(np.shape(found)))
    return call


@pytest.mark.parametrize("seed", range(5))
def test_answers_that_differ_by_rounding_alone_are_right(seed, monkeypatch, tmp_path):
    def other(function):
        return rounded_otherwise(function, seed)

    monkeypatch.setattr("trpo_numpy.trpo.fisher_vector_product", other(right.fisher_vector_product))
    for name, function in [
            ("trpo_update", right.trpo_update),
            ("conjugate_gradient", lambda A, b, *rest, **how: right.conjugate_gradient(other(A), b, *rest, **how)),
            ("value_step", lambda V, y, jvp, vjp, *rest: right.value_step(V, y, other(jvp), other(vjp), *rest)),
            ("fisher_vector_product", other(right.fisher_vector_product))]:
        assert check.judged(name, solutions(**{name: function})) == ("right", pytest.approx(0, abs=1e-8), ""), name
    page = check.load(TUTORIALS / "trpo_on_one_page.py")
    for name in ("jvp", "vjp", "log_prob"):
        setattr(page, name, other(getattr(page, name)))
    assert check.judged("program", page)[0] == "right"


@pytest.mark.parametrize("name, function, words", [
    ("line_search", lambda L_and_kl, theta_old, s, beta, L_old, *rest: L_and_kl(theta_old + beta * s)[1],
     "wanted 3 numbers, [1.   0.5  0.25], found 1, [1.]"),
    ("step_length", lambda sAs, delta: [0.1, 0.2], "wanted one number, found an array of shape (2,)")])
def test_an_answer_of_another_size_is_said_in_numbers(name, function, words):
    assert words in check.verdict(name, solutions(**{name: function}))[1]


def test_an_error_inside_what_is_given_is_explained(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("import numpy as np\ndef f():\n    return np.linalg.solve(np.eye(2), np.ones(3))\n")
    spec = importlib.util.spec_from_file_location("mine", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(ValueError) as error:
        module.f()
    said = check.explain(error.value, path)
    assert said.startswith("line 3 of mine.py: ValueError") and said.endswith("compare its shape with the docstring.")


def test_every_function_has_a_mistake_that_is_tested():
    assert {name for name, *_ in MISTAKES} == set(judges.JUDGES)


@pytest.mark.parametrize("right, wrong, words", [
    ("", "", ""),
    ("theta_old + beta", "theta_old - beta", "no candidate is accepted"),
    ("if L_old < L_new < np.inf and", "if", "L of the candidate is not compared with L_old"),
    ("L_old = np.mean(Q) ", "L_old = -np.inf ", "L of the candidate is not compared with L_old"),
    ("SHRINK, MAX_BACKTRACKS = 0.5, 10", "SHRINK, MAX_BACKTRACKS = 0.9, 40", ""),
    ("SHRINK, MAX_BACKTRACKS = 0.5, 10", "SHRINK, MAX_BACKTRACKS = 0.97, 10", ""),
    ("theta_new, L_new - L_old, kl_new, refused", "2 * theta_old - theta_new", "the wrong sign"),
    ("Q[:, None] * dlog_pi_dmu", "dlog_pi_dmu", "not multiplied by Q"),
    ("s, residual, p = np.zeros_like(g), g, g", "return theta_old + 1e-3 * g", "the direction of g"),
    ("rr = A(p) + DAMPING * p", "rr = A(p)", "damping does not reach"),
    ("CG_ITERATIONS, DAMPING = 10, 0.01", "CG_ITERATIONS, DAMPING = 5, 0.01", "5 iterations of conjugate gradient"),
    ("CG_ITERATIONS, DAMPING = 10, 0.01", "CG_ITERATIONS, DAMPING = 10, 0.1", "damping is 0.1, not 0.01"),
    ("jvp(theta_old, states, h, y) / len(Q)", "jvp(theta_old, states, h, y)", "a sum over the states"),
    ("np.full_like(r, 2)", "np.full_like(r, 1)", "the 2 of the log-std"),
    ("M * jvp(", "jvp(", "M is missing: J'Jy"),
    ("np.hstack([np.exp(-2 * r), np.full", "np.hstack([np.exp(-r), np.full", "the mean has 1 / sigma^2"),
    ("[z / np.exp(r), z ** 2 - 1]", "[z, z ** 2 - 1]", "the score of the mean is"),
    ("[z / np.exp(r), z ** 2 - 1]", "[z / np.exp(r), z ** 2]", "the score of the log-std is"),
    ("return theta_new, L_new", "return theta_new - theta_old, L_new", "it returns the step"),
    ("kl_new = np.mean(kl(mu_old, mu_new))", "kl_new = np.mean(kl(mu_new, mu_old))", "the first candidate is refused"),
    ("2 * DELTA", "DELTA", "beta lacks the 2"),
    ("(s @ A(s))", "(s @ (A(s) + DAMPING * s))", "counted in s'As"),
    (" and kl_new <= DELTA", "", "not compared with delta")])
def test_a_program_in_one_file_is_judged_by_its_update(right, wrong, words, capsys, monkeypatch, tmp_path):
    """The one page is right, and a change of one of its lines is named; what is right either way stays right."""
    page = (TUTORIALS / "trpo_on_one_page.py").read_text()
    assert page.count(right) == 1 or not right
    mine = tmp_path / "mine.py"
    mine.write_text(page.replace(right, wrong))
    monkeypatch.setattr(sys, "argv", ["check.py", "--program", str(mine)])
    assert check.main() == bool(words)
    said = capsys.readouterr().out
    assert words in said and ("A common mistake gives" in said if words else said == "trpo_update right\n")


def test_an_error_of_a_program_is_named_with_the_batch_that_causes_it(capsys, monkeypatch, tmp_path):
    page = (TUTORIALS / "trpo_on_one_page.py").read_text()
    mine = tmp_path / "mine.py"
    mine.write_text(page.replace("    for refused in", "    assert s @ A(s) > 0\n    for refused in"))
    monkeypatch.setattr(sys, "argv", ["check.py", "--program", str(mine)])
    assert check.main() == 1
    said = capsys.readouterr().out
    assert re.search(r"right so far: L\(theta_new\).*\n *all Q are 0, so g is 0: theta stays\n"
                     r" *line \d+ of mine.py", said)


def test_a_program_without_an_update_is_told_so(monkeypatch, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text("def update(): pass")
    monkeypatch.setattr(sys, "argv", ["check.py", "--program", str(mine)])
    with pytest.raises(SystemExit, match=r"no function trpo_update\(theta_old, states, actions, Q\)"):
        check.main()


def test_names_and_exit_codes(capsys, monkeypatch, tmp_path):
    assert check.chosen(["1", "cg"]) == ["discounted_sums", "generalized_advantages", "conjugate_gradient"]
    assert check.chosen(["kl"]) == ["kl"] and len(check.chosen([])) == 23
    with pytest.raises(SystemExit, match="NAME: got 'nonsense'"):
        check.chosen(["nonsense"])
    half = tmp_path / "half.py"
    half.write_text((EXERCISES / "exercises.py").read_text().replace(
        'raise NotImplementedError("exercise 9")',
        'if not 0 < sAs < np.inf:\n        raise ArithmeticError\n    return np.sqrt(2 * delta / sAs)'))
    for names, code in [(["9"], 0), (["9", "8"], 1), (["cg"], 1), (["beta"], 0)]:
        monkeypatch.setattr(sys, "argv", ["check.py", *names, "--file", str(half)])
        assert check.main() == code
    run = subprocess.run([sys.executable, EXERCISES / "check.py", "9", "--file", half], capture_output=True, text=True)
    assert run.returncode == 0 and run.stdout.splitlines()[-1] == "1 of 1 right, 0 wrong, 0 not written yet"


def test_training_with_other_functions_in_place_agrees_and_a_wrong_one_does_not(capsys):
    """Each function that training needs is called; the package's functions are back afterwards."""
    assert in_place.compare_curves(solutions(), 2) == 0
    said = capsys.readouterr().out
    called = set(re.findall(r"(\w+) [\d,]+(?:, |$)", said.split("your functions: ")[1].strip()))
    assert called >= set(judges.JUDGES) - set(check.chosen(["2", "3", "6", "10", "12"])), called
    wrong = solutions(M_product=lambda mu, y: right.M_product(mu, y) * [1, 0.5])
    assert in_place.compare_curves(wrong, 1, ["log_prob"]) == 0     # the package's M_product stands in
    capsys.readouterr()
    assert in_place.compare_curves(wrong, 1) == 1
    assert "\nFAILS: above the bar. Alone in the place of the package's, above the bar too: M_product." in (
        capsys.readouterr().out)
    assert check.verdict("M_product", solutions())[0] == "right"
    assert Gaussian.M_product.__qualname__ == "Gaussian.M_product"


# The hunts

ROWS = {int(n): (float(package), float(copy)) for n, package, copy in re.findall(
    r"^\| (\d) \|.*\| ([\d.]+) \| ([\d.]+) \|$", (EXERCISES / "hunts" / "solutions.md").read_text(), re.M)}


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """{hunt: (the numbers of the package, those of the copy)}; two hunts share a run of the package."""
    folders = {number: tmp_path_factory.mktemp("hunts") / str(number) for number in ROWS}
    for number, folder in folders.items():
        hunt.make_copy(number, folder)
    with ThreadPoolExecutor() as pool:  # a copy is measured in a process of its own
        copies = pool.map(hunt.measure_copy, folders.keys(), folders.values())
        packages = [list(measure().values())[0] for measure in [hunt.MEASURES[number] for number in ROWS]]
        return dict(zip(folders, zip(packages, copies)))


@pytest.mark.parametrize("number", ROWS)
def test_a_hunts_patch_applies_and_shows_in_the_number_of_its_page(number, measured):
    package, copy = measured[number][0], list(measured[number][1].values())[0]
    assert (package, copy) == (pytest.approx(ROWS[number][0], rel=0.03), pytest.approx(ROWS[number][1], rel=0.03))
    assert abs(copy - package) > 0.2 * abs(package)


def test_a_hunt_changes_one_file_of_the_package_by_a_few_lines():
    for number in ROWS:
        text = (EXERCISES / "hunts" / f"{number}.patch").read_text()
        assert len(set(re.findall(r"^\+\+\+ b/(trpo_numpy/\S+)", text, re.M))) == 1
        assert 1 <= len(re.findall(r"^\+(?!\+)", text, re.M)) <= 4


def test_a_hunt_from_the_command_line_inside_a_repository(tmp_path):
    """There `git apply` would skip the copy without a word."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    command = [sys.executable, EXERCISES / "hunt.py", "5", "--out", tmp_path / "runs"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0 and re.search(r"model +1\.00\d +1\.9\d", run.stdout), run.stdout + run.stderr


def test_a_repaired_copy_is_kept_unless_a_new_one_is_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(hunt, "measure_copy", lambda number, folder: hunt.MEASURES[number]())
    mended = tmp_path / "hunt_5" / "trpo_numpy" / "gaussian.py"
    for options, kept in [([], False), ([], True), (["--new"], False)]:
        monkeypatch.setattr(sys, "argv", ["hunt.py", "5", "--out", str(tmp_path), *options])
        hunt.main()
        assert ("is kept as it is" in capsys.readouterr().out) == kept
        assert (mended.read_text() == "mended") == kept
        mended.write_text("mended")


def test_a_copy_for_a_bug_of_ones_own_is_the_package(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(hunt.MEASURES, 0, hunt.too_far)     # the others take seconds
    monkeypatch.setattr(hunt, "measure_copy", lambda *_: {name: 2 * x for name, x in hunt.too_far().items()})
    monkeypatch.setattr(sys, "argv", ["hunt.py", "0", "--out", str(tmp_path)])
    hunt.main()
    assert capsys.readouterr().out.endswith("Which of its numbers are off, and why?\n")
    for path in (tmp_path / "hunt_0" / "trpo_numpy").rglob("*.py"):
        original = EXERCISES.parent.parent / path.relative_to(tmp_path / "hunt_0")
        assert path.read_bytes() == original.read_bytes()


# The pages

def test_the_table_of_the_readme_is_that_of_the_judges():
    rows = re.findall(r"^\| (\d+) \| \[`(\w+)`\]\(exercises\.py#(.*?)\).*\| ([\d]+) \| ([\de, .-]+) \|$", README, re.M)
    assert [(int(n), name) for n, name, *_ in rows] == list(judges.EXERCISES.items())
    for n, name, fragment, _, bars in rows:
        assert fragment == exercise_fragments()[int(n)][0], name
        wanted = {bar for exercise, bar, _ in judges.JUDGES.values() if exercise == int(n)}
        assert {float(bar) for bar in bars.split(", ")} == wanted, name


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_and_citations_hold(path):
    text = path.read_text()
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    missing = [link for link in links if not (path.parent / link).exists() and not link.endswith("companion.md")]
    assert links and not missing
    for kind, there in PAPER.items():
        assert numbers(kind, text) <= set(map(str, there))
    for script in re.findall(r"python (tutorials/[\w/]+\.py)", text):
        assert (TUTORIALS.parent / script).exists(), script


def test_what_the_exercises_cite_is_in_the_paper():
    for path in EXERCISES.glob("*.py"):
        for kind, there in PAPER.items():
            assert numbers(kind, path.read_text()) <= set(map(str, there))


def test_slopes_of_the_exercises_are_those_of_the_package():
    h = np.linspace(-0.9, 0.9, 5)
    assert np.array_equal(activation_slope(h), 1 - h * h)
