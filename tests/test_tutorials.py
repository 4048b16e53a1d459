"""Each tutorial runs and draws; what the pictures of Sections 2 to 7 claim is true of the numbers behind them."""
import ast
import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import BrokenExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import appendix_c_conjugate_gradient
import section_2_expected_return
import section_2_surrogate
import section_3_bounds
import section_3_monotonic_improvement
import section_4_trust_region
import section_5_single_path_and_vine
import section_7_prior_work
import section_8_cart_pole
import section_8_locomotion
import section_8_paper_tasks
import section_8_step_sizes
import step_through
import uphill
from common import METHODS, central_difference, say_error, with_sliders
from experiment import (
    ContinuousCartPole,
    all_runs,
    complete_run,
    final_return,
    is_done,
    keep_best_steps,
    mean_curve,
    read_runs,
    report,
)

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from matplotlib import pyplot
from matplotlib.figure import Figure
from PIL import Image

from trpo_numpy.checks import InputError
from trpo_numpy.conjugate_gradient import CurvatureError
from trpo_numpy.expected_return import advantage, exact_surrogate, expected_return, state_value, visitation
from trpo_numpy.kl_bound import max_kl
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.run_folder import read_progress
from trpo_numpy.practice.training import train
from trpo_numpy.trust_region import visited_mean_kl

TUTORIALS = Path(__file__).parent.parent / "tutorials"


WITHOUT_OPTIONS = {"trpo_on_one_page", "derivative_free", "max_kl"}


@pytest.mark.parametrize("script", sorted({path.stem for path in TUTORIALS.glob("*_*.py")} - WITHOUT_OPTIONS
                                          | {"uphill", "pendulum"}))
def test_each_runs_and_draws(script, tmp_path, monkeypatch, capsys):
    """In this process, as most of its time would be that of importing NumPy and matplotlib."""
    if script == "pendulum":
        pytest.importorskip("pygame", reason="needs the extra render")
    monkeypatch.setattr(sys, "argv", [script, "--quick", "--out", str(tmp_path)])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    importlib.import_module(script).main()
    pyplot.close("all")
    pictures = list(tmp_path.glob(script + "*.*[gf]"))
    assert pictures and all(picture.stat().st_size > 10_000 for picture in pictures)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("Look for: ") and last in (TUTORIALS / "README.md").read_text()


@pytest.mark.parametrize("path", sorted(TUTORIALS.glob("*.py")), ids=lambda path: path.stem)
def test_the_package_which_asks_for_one_thread_is_imported_before_numpy(path):
    ours = {"trpo_numpy", *(script.stem for script in TUTORIALS.glob("*.py"))}
    names = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names += [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    names = [name.split(".")[0] for name in names]
    others = [name for name in names if name not in sys.stdlib_module_names]
    assert not others or others[0] in ours or path.stem == "trpo_on_one_page"


@pytest.mark.parametrize("script, options, kept", [
    ("section_6_ablations.py", ["--variants", "default", "batch 4000"], ["section_6_runs.csv"]),
    ("section_6_peer.py", ["--env-ids", "Pendulum-v1", "Walker2d-v5"], ["section_6_runs.csv"]),
    ("section_6_trpo.py", [], ["Pendulum-v1-evaluation.csv", "Pendulum-v1-seed0-1", "Pendulum-v1-seed1-1"]),
])
def test_a_picture_is_drawn_again_from_what_is_kept_which_stays_as_it_is(script, options, kept, tmp_path):
    for name in kept:
        path = TUTORIALS / "results" / name
        (shutil.copytree if path.is_dir() else shutil.copy)(path, tmp_path / name)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.csv")}
    subprocess.run([sys.executable, TUTORIALS / script, "--plot-only", *options, "--out", tmp_path], check=True)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*.csv")}
    pictures = list(tmp_path.glob("*.png"))
    assert pictures and all(picture.name.startswith(script[:-3]) for picture in pictures)


def test_section_8_step_sizes():
    """Ten times delta is as long a step as three times 1 / lambda; the numbers of the page are those of the runs."""
    args = SimpleNamespace(out=TUTORIALS / "results", plot_only=True, workers=1)
    page = (TUTORIALS / "section_8.md").read_text()
    for env_id in ("Swimmer-v5", "Hopper-v5", "Walker2d-v5"):
        finals = section_8_step_sizes.final_returns(env_id, 300_000, range(5), args)
        assert list(finals["single path"]) == [0.32, 0.55, 1, 1.73, 3.16]
        assert list(finals["natural gradient"]) == [0.1, 0.3, 1, 3, 10]
        for method, by_factor in finals.items():
            assert all(len(returns) == 5 for returns in by_factor.values())
            means = [f"{np.mean(returns):.0f}" for returns in by_factor.values()]
            assert f"| {env_id} | {method} | {' | '.join(means)} |" in page, means
        kept = [f"{section_8_step_sizes.kept(by_factor):.0%}" for by_factor in finals.values()]
        same = section_8_step_sizes.same_range(finals)
        ends = [end for lengths in (finals, same) for end in section_8_step_sizes.interval_of_difference(lengths, 2000)]
        row, = re.findall(rf"^\| {env_id} \| {' . '.join(kept)} \| \[(.*)\] \| (.*) \| \[(.*)\] \|$", page, re.M)
        assert row[1] == f"{section_8_step_sizes.kept(same['natural gradient']):.0%}"
        assert [float(end) for end in f"{row[0]}, {row[2]}".split(", ")] == pytest.approx(ends, abs=0.03)


def test_the_relative_error_of_a_gradient_allows_for_the_noise_of_the_mean():
    """Estimates of variance 1 in each of P entries, of a gradient of ones: the error is 1, theirs and others'."""
    best, others = 1 + np.random.default_rng(0).standard_normal((2, 5, 20_000))
    for gradients in (best, others):
        assert section_5_single_path_and_vine.relative_error(gradients, best) == pytest.approx(1, abs=0.03)


def test_section_2_expected_return():
    numbers = section_2_expected_return.compute()
    mdp, (walk, preferred) = numbers["mdp"], numbers["policies"].values()
    assert numbers["eta_new"] == pytest.approx(numbers["right_side"], abs=1e-12) and numbers["eta_new"] > 0.1
    assert (state_value(mdp, preferred) >= state_value(mdp, walk) - 1e-12).all()
    assert visitation(mdp, preferred)[15] > 5 * visitation(mdp, walk)[15]  # the goal
    assert (advantage(mdp, preferred) > 1e-9).sum() < (advantage(mdp, walk) > 1e-9).sum()


@pytest.mark.parametrize("theta_old", [(0, 2), (1, 1), (-2, -1.5)])
def test_section_2_surrogate(theta_old):
    numbers = section_2_surrogate.compute(np.array(theta_old, float), 71)
    at_zero = np.argmin(abs(numbers["t"]))
    assert numbers["L"][at_zero] == pytest.approx(numbers["eta"][at_zero], abs=1e-12)
    assert numbers["slope_of_L"] == pytest.approx(numbers["slope_of_eta"], rel=1e-6)
    assert (np.diff(numbers["L"]) > 0).all() and numbers["eta"].argmax() < len(numbers["t"]) - 1
    if theta_old == (0, 2):
        assert numbers["L"][-1] > 4 * numbers["eta_old"] and numbers["eta"][-1] < 0.4 * numbers["eta_old"]


def test_section_3_bounds():
    numbers = section_3_bounds.compute(0, 300)
    mixtures, coupling, theorem_1, kl = numbers["slacks"].values()
    assert min(map(np.min, (mixtures, coupling, theorem_1, kl))) > 0
    assert (coupling <= theorem_1).all() and (theorem_1 <= kl).all()
    assert np.mean((mixtures < coupling)[numbers["alpha"] < 0.01]) > 0.7
    slope = np.polyfit(np.log(numbers["alpha"]), np.log(theorem_1), 1)[0]
    assert slope == pytest.approx(2, abs=0.1)
    assert (numbers["loss"] < 0.2 * (theorem_1 + numbers["loss"])).all()


def test_section_3_monotonic_improvement():
    numbers = section_3_monotonic_improvement.compute(0, 60)
    etas = np.array([numbers["eta_0"], *numbers["eta"]])
    assert (np.diff(etas) > 0).all() and (numbers["M"] >= etas[:-1]).all() and (numbers["eta"] >= numbers["M"]).all()
    assert (numbers["M_line"] <= numbers["eta_line"] + 1e-12).all()
    assert numbers["M_line"].max() <= numbers["M"][0] + 1e-12  # pi_1 is where M_0 is highest
    counts = [section_3_monotonic_improvement.iterations_to(numbers[key], numbers["eta_0"], numbers["optimum"])
              for key in ("eta", "bounded_eta")]
    assert counts[0] > 5 * counts[1]
    assert numbers["kl"].max() < 0.1 * numbers["bounded_kl"].min()


def test_section_4_trust_region():
    numbers = section_4_trust_region.compute()
    mdp, problem, delta = (numbers[key] for key in ("mdp", "problem", "delta"))
    pi_old, rho = problem.pi_old, problem.rho
    tables = {name: section_4_trust_region.table(theta) for name, theta in numbers["thetas"].items()}
    L = {name: exact_surrogate(mdp, pi_old, pi) for name, pi in tables.items()}
    kl = {name: visited_mean_kl(rho, pi_old, pi) for name, pi in tables.items()}
    assert kl["natural gradient"] > delta >= kl["TRPO"]
    assert kl["mean KL"] == pytest.approx(delta) and kl["penalty"] < 0.1 * delta
    assert L["mean KL"] > L["max KL"] and L["mean KL"] > L["TRPO"]
    assert all(expected_return(mdp, pi) > expected_return(mdp, pi_old) for pi in tables.values())


def test_section_4_is_exact_also_where_states_share_a_logit():
    """g and A against differences of eta and of the KL; the penalty's step is the best of L - C max KL nearby."""
    mdp, theta, rng = uphill.rooms(), np.array([-0.7, 0.4]), np.random.default_rng(0)
    problem = section_4_trust_region.exact_problem(mdp, theta, uphill.HALVES)
    for v in rng.standard_normal((3, 2)):
        slope = central_difference(lambda x: expected_return(mdp, uphill.table(x, uphill.HALVES)), theta, v, 1e-5)
        assert problem.g @ v == pytest.approx(slope, rel=1e-6)
        kls = [problem.L_and_kl(theta + t * v)[1] for t in (-1e-3, 1e-3)]
        assert v @ problem.A(v) == pytest.approx(sum(kls) / 1e-6, rel=1e-5)
    best = section_4_trust_region.penalty_theta(problem)
    pi_old = uphill.table(theta, uphill.HALVES)

    def M(x):
        pi = uphill.table(x, uphill.HALVES)
        return exact_surrogate(mdp, pi_old, pi) - problem.C * max_kl(pi_old, pi)

    assert M(best) > M(theta)
    assert all(M(best) > M(best + 0.2 * np.linalg.norm(best - theta) * v) for v in rng.standard_normal((20, 2)))


def test_uphill():
    numbers, doubled = uphill.compute(), uphill.compute(unit=2.0)
    trpo, natural, careful = (np.array(numbers["etas"][name]) for name in uphill.LABELS)
    thetas, others = numbers["thetas"], doubled["thetas"]
    assert (np.diff(trpo[:11]) > 0).all() and 0.006 < min(numbers["kls"][:10]) and max(numbers["kls"]) <= 0.01
    assert trpo.argmax() == 10 and (np.diff(trpo[10:]) < 0).sum() >= 4 and trpo[10:].min() > 0.9 * trpo.max()
    assert np.allclose(others["TRPO"], thetas["TRPO"]) and np.allclose(doubled["etas"]["TRPO"], 2 * trpo)
    assert (np.diff(natural) > 0).all() and natural[-1] > 0.99 * trpo.max()
    zigzag = np.array(doubled["etas"]["natural gradient"])
    assert zigzag.max() < 0.75 * 2 * trpo.max() and np.mean(np.diff(zigzag) < 0) >= 0.5  # it falls at every second step
    assert (np.diff(careful) > 0).all() and np.linalg.norm(thetas["Algorithm 1"][-1] - thetas["TRPO"][0]) < 0.03
    assert np.allclose(others["natural gradient"][1] - others["TRPO"][0],
                       2 * (thetas["natural gradient"][1] - thetas["TRPO"][0]))
    for unit in (1.0, 2.0):
        assert uphill.compute(step=0.5, unit=unit)["etas"]["natural gradient"][-1] > 0.99 * unit * trpo.max()
    on_edge = np.array(uphill.region(numbers, thetas["TRPO"][2], 7))
    L_and_kl = section_4_trust_region.exact_problem(numbers["mdp"], thetas["TRPO"][2], uphill.HALVES).L_and_kl
    assert [L_and_kl(theta)[1] for theta in on_edge] == pytest.approx([numbers["delta"]] * 7)


def test_sliders_draw_what_the_package_computes(tmp_path):
    """Each move of a slider draws once, with the values of all; the picture has a frame per move."""
    seen = []
    args = SimpleNamespace(show=False, gif=True, out=tmp_path)
    with_sliders(args, "a", {"x": (0, 1, 0.5), "y": (0, 2, 1.0)}, lambda figure, *values: seen.append(values),
                 [(0, 0.25), (1, 2.0)], height=3)
    assert seen == [(0.5, 1.0), (0.25, 1.0), (0.25, 2.0)]
    with Image.open(tmp_path / "a.gif") as picture:
        assert picture.n_frames == 2
    figure = Figure()
    section_4_trust_region.draw_at(figure, -2, -0.5, 0)
    labels = {text.get_text().split("\n")[0] for axes in figure.axes for text in axes.texts}
    names = {"penalty", *section_4_trust_region.LABELS.values()} - {section_4_trust_region.LABELS["penalty"]}
    assert labels >= names and "0.01" in figure.texts[0].get_text()
    assert "refuses the first candidate" in figure.texts[0].get_text()
    figure = Figure()
    section_4_trust_region.draw_at(figure, np.log10(0.5), -0.5, 0)
    assert "takes the first candidate" in figure.texts[0].get_text()


@pytest.mark.parametrize("log_delta, beta, said", [(-1, 0, ["refused", "accepted"]), (-1, 0.6, ["refused"]),
                                                   (-1, 0.1, ["accepted"]), (-4, 0.1, ["refused"])])
def test_step_throughs_sliders_refuse_and_accept(log_delta, beta, said):
    def L_and_kl(theta):
        return theta[0], theta[0] ** 2 * (1 + theta[0])

    figure = Figure()
    step_through.draw_for(L_and_kl, 0.0, np.ones(1), 2.0, np.zeros(1), np.ones(1), figure, log_delta, beta)
    assert [text.get_text() for text in figure.axes[1].texts if text.get_text() in ("refused", "accepted")] == said


def test_each_method_of_the_pictures_has_one_colour_and_no_two_the_same_line():
    drawn = {"TRPO", *section_8_cart_pole.methods(1), *section_8_locomotion.methods("Hopper-v5", 1),
             *section_8_paper_tasks.methods("PaperSwimmer-v0")} - {"single path"}
    assert drawn <= METHODS.keys() >= section_4_trust_region.LABELS.keys() | uphill.LABELS.keys()
    assert len({str(METHODS[name]) for name in drawn}) == len(drawn) and METHODS["single path"] == METHODS["TRPO"]


def test_section_5():
    numbers = section_5_single_path_and_vine.compute(0, 50, 4, 40, (50, 200, 800, 3200))
    difference = {name: np.var(Q[:, 1] - Q[:, 0]) for name, Q in numbers["pairs"].items()}
    assert difference["independent"] > 10 * difference["common"]
    single, vine, fitted = numbers["curves"].values()
    assert single[2, 1] > 10 * vine[2, 1] and single[0, 1] == vine[0, 1] == 200
    assert fitted[2, 3] < vine[2, 0] < single[2, 3] * 4  # from about as many simulator steps


def test_the_error_of_a_gradient_has_its_bias_and_not_the_noise_of_the_best_estimate():
    best = np.array([[2.0, 4.0], [4.0, 4.0]])               # mean (3, 4), whose own variance is 1
    error = section_5_single_path_and_vine.relative_error
    assert error(np.array([[4.0, 6.0], [2.0, 2.0]]), best) == pytest.approx((5 - 1) / (25 - 1))    # variance
    assert error(np.array([[6.0, 8.0], [6.0, 8.0]]), best) == pytest.approx((25 - 1) / (25 - 1))   # bias


def test_section_7():
    numbers = section_7_prior_work.compute(0, 1.0, 12)
    at_delta = {name: np.interp(0.01, kl, L) for name, (L, kl) in numbers["curves"].items()}
    assert at_delta["TRPO"] == at_delta["natural gradient"] > 1.5 * at_delta["policy gradient"] > 0
    assert at_delta["empirical FIM"] == pytest.approx(at_delta["TRPO"], rel=0.2)
    assert numbers["kls"]["TRPO"].max() <= 0.01
    swing = {name: kl.max() / kl.min() for name, kl in numbers["kls"].items()}
    assert 4 < swing["natural gradient"] < 10 and 15 < swing["policy gradient"] < 20
    assert 4 < swing["fixed length along s"] < 5 and 3 < swing["fixed length along g"] < 4


def test_appendix_c_conjugate_gradient():
    """Undamped, the KL of the step is far above delta and the gain falls again; damped, both are as after ten."""
    numbers = appendix_c_conjugate_gradient.compute()
    undamped, little, damped = numbers["curves"].values()
    assert undamped[2, 9] > 10 * numbers["delta"] and undamped[2, 19] > undamped[2, 9]
    assert 5 <= undamped[3].argmax() < 12 and undamped[3, 19] < 0.5 * undamped[3].max()
    assert damped[0, 9] < 1e-4 < little[0, 9] < undamped[0, 9] and damped[1, 9] < 0.2 * undamped[1, 9]
    assert damped[2:, 9:] == pytest.approx(np.tile(damped[2:, [9]], 11), rel=1e-3)
    assert abs(damped[2] / numbers["delta"] - 1).max() < 0.2 and damped[3].max() < little[3].max()
    said = np.array([[0.12, 2.7, 0.189], [0.014, 1.6, 0.033], [0, 0.19, 0.0095]])  # on the pages, at k = 10
    assert np.array([undamped[:3, 9], little[:3, 9], damped[:3, 9]]) == pytest.approx(said, rel=0.05, abs=1e-4)
    eigenvalues, parts = numbers["eigenvalues"], numbers["parts"]
    assert len(eigenvalues) == 201 and np.sum(eigenvalues > 1e-6 * eigenvalues[0]) == 55
    assert parts == pytest.approx([0.0013, 0.110, 0.008, 2.572, 11, 0.187], abs=5e-4)


@pytest.mark.filterwarnings("ignore")
def test_the_cart_pole_with_forces_passes_gymnasiums_own_check_and_is_made_again_from_its_spec():
    env = gym.make("ContinuousCartPole-v0")
    check_env(ContinuousCartPole(), skip_render_check=True)
    check_env(gym.make(env.spec), skip_render_check=True)
    for twin in (env, again := gym.make(env.spec)):
        twin.reset(seed=3)
    for force in ([-1.0], [0.3], [1.0]):
        assert np.array_equal(env.step(np.array(force))[0], again.step(np.array(force))[0])


def test_cart_pole_has_six_parameters_and_gymnasiums_dynamics():
    for _, config in section_8_cart_pole.methods(1000).values():
        env = make_env(config)
        assert config.hidden_sizes == () and env.observation_space.shape == (4,) and env.action_space.shape == (1,)
    discrete = gym.make("CartPole-v1")
    states = [e.reset(seed=3)[0] for e in (env, discrete)]
    for force in (1, -1, -1, 1, -1):  # the whole force is Gymnasium's push
        states = [env.step(np.array([force]))[0], discrete.step(int(force > 0))[0]]
        assert np.array_equal(*states)
    assert env.step(np.array([0.3]))[0].tolist() != discrete.step(1)[0].tolist()
    env.reset(seed=3)
    assert env.step(np.array([7.0]))[0].tolist() == (env.reset(seed=3), env.step(np.array([1.0])))[1][0].tolist()


def test_an_experiment_on_no_environment_is_an_error_and_leaves_no_folder(tmp_path):
    run = subprocess.run([sys.executable, TUTORIALS / "section_6_ablations.py", "--env-ids", "No-v0", "--seeds", "1",
                          "--out", tmp_path], capture_output=True, text=True)
    assert run.returncode == 1 and run.stderr.startswith("error: env_id: got 'No-v0', wanted")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("arguments, message", [
    (["section_6_ablations.py", "--timesteps", "0"], "error: argument --timesteps: got '0', wanted a whole number"),
    (["section_2_surrogate.py", "--out", __file__], "error: argument --out: cannot be made: "),
    (["section_7_prior_work.py", "--step", "1e300", "--quick"], "error: step: got 1e+300, after which"),
])
def test_bad_input_is_one_line(arguments, message, tmp_path):
    run = subprocess.run([sys.executable, TUTORIALS / arguments[0], "--out", tmp_path, *arguments[1:]],
                         capture_output=True, text=True)
    assert run.returncode and message in run.stderr.splitlines()[-1] and "Traceback" not in run.stderr


@pytest.mark.parametrize("error", [InputError("anything"), CurvatureError("anything"), FloatingPointError("anything"),
                                   OSError("anything"), BrokenExecutor("anything")])
def test_an_error_that_a_user_can_meet_is_one_line_whatever_it_says(error, capsys):
    say_error(type(error), error, error.__traceback__)
    assert capsys.readouterr().err == "error: anything\n"


def test_ctrl_c_is_one_line(capsys):
    say_error(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize("kind", [ValueError, KeyError, RuntimeError, AssertionError])
def test_any_other_error_has_its_traceback_whatever_it_says(kind, capsys):
    try:
        raise kind("environment: got this, wanted that")
    except kind as error:
        say_error(kind, error, error.__traceback__)
    said = capsys.readouterr().err
    assert said.startswith("Traceback (most recent call last):") and kind.__name__ in said


def heed_ctrl_c():
    """Turns SIGINT on, which the shell of the tests may have turned off."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ctrl_c_ends_an_experiment_and_the_same_command_goes_on(tmp_path):
    command = [sys.executable, "-u", TUTORIALS / "section_6_ablations.py", "--env-ids", "Pendulum-v1", "--variants",
               "default", "delta 0.02", "lambda 0.97", "damping 0.1", "all states in A", "raw advantages", "--seeds",
               "1", "--timesteps", "4000", "--workers", "2", "--out", tmp_path]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                           preexec_fn=heed_ctrl_c)
    while not run.stdout.readline().startswith("   2 of 6"):     # both workers have begun
        assert run.poll() is None
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to the workers too
    output, errors = run.communicate(timeout=60)
    assert "stopped; the same command goes on from here" in output and errors == "interrupted\n" and run.returncode
    assert len(list((tmp_path / "section_6_ablations").iterdir())) < 6 and not any(tmp_path.glob("*.png"))
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 0 and not again.stdout.startswith("0 of 6 runs") and "picture" in again.stdout
    assert len((tmp_path / "section_6_runs.csv").read_text().splitlines()) == 1 + 6


@pytest.mark.parametrize("method", ["single path", "vine", "CEM", "CMA"])
def test_an_experiments_run_goes_on_where_it_was_stopped(method, tmp_path):
    """Cut short and taken up again it leaves the bytes of the whole run; carried out once more it does nothing."""
    runs = {}
    loop, config = section_8_cart_pole.methods(1, 2000)[method]
    for timesteps in (2000, 4000):
        runs[timesteps], = all_runs({method: (loop, replace(config, timesteps=timesteps))}, [0])
    for parent, steps in [("cut", (2000, 4000)), ("whole", (4000,))]:
        for timesteps in steps:
            complete_run(runs[timesteps], tmp_path / parent)
    names = [tmp_path / parent / runs[4000].folder for parent in ("cut", "whole")]
    assert (names[0] / "policy.npz").read_bytes() == (names[1] / "policy.npz").read_bytes()
    returns = [read_progress(name)["mean_return"] for name in names]
    assert np.array_equal(*returns) and len(returns[0]) > 1
    before = (names[1] / "progress.csv").read_bytes()
    complete_run(runs[4000], tmp_path / "whole")
    assert (names[1] / "progress.csv").read_bytes() == before
    other = replace(runs[4000], config=replace(runs[4000].config, delta=0.1))
    for wrong in (other, runs[2000]):
        for function in (complete_run, is_done, lambda run, parent: read_runs([run], parent)):
            with pytest.raises(InputError, match="out: .* holds a run with other options"):
                function(wrong, tmp_path / "whole")
    assert read_runs([runs[4000]], tmp_path / "whole").keys() == {runs[4000]}


def contents(folder):
    """{name: bytes} of a folder's files."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("error", [CurvatureError("p'Ap: got -1"), FloatingPointError("theta"), OverflowError("exp")])
def test_an_arithmetic_error_ends_a_run_which_keeps_what_it_had(error, tmp_path):
    def loop(config, checkpoint):
        yield from train(config, checkpoint=checkpoint)
        raise error

    run, = all_runs({"single path": (loop, section_8_cart_pole.methods(4000, 200)["single path"][1])}, [0])
    run = replace(run, config=replace(run.config, timesteps=200))
    complete_run(run, tmp_path)
    longer = replace(run, config=replace(run.config, timesteps=4000))
    assert (tmp_path / run.folder / "stopped.txt").read_text() == f"{error}\n" and is_done(longer, tmp_path)
    assert read_runs([longer], tmp_path)[longer]["iteration"].tolist() == [1]
    before = contents(tmp_path / run.folder)
    complete_run(longer, tmp_path)
    assert contents(tmp_path / run.folder) == before


def test_a_mistake_in_the_code_does_not_end_a_run_silently(tmp_path):
    def loop(config, checkpoint):
        raise ValueError("a mistake in the code")

    run, = all_runs({"single path": (loop, section_8_cart_pole.methods(200, 200)["single path"][1])}, [0])
    with pytest.raises(ValueError, match="a mistake in the code"):
        complete_run(run, tmp_path)
    assert not is_done(run, tmp_path)


def test_the_best_step_is_kept_and_curves_are_means(tmp_path):
    methods = section_8_cart_pole.methods(100)
    runs = all_runs({"CEM": methods["CEM"], "natural gradient": ([0.1, 0.3], methods["CEM"][1])}, range(2))
    assert len(runs) == 2 + 2 * 2 and len({run.folder for run in runs}) == 6
    progress = {run: {"timesteps": np.array([50.0, 95, 100]), "mean_return": np.array([0, 1, 2]) * (run.step or 1)}
                for run in runs}
    curves, sweeps = keep_best_steps(progress, 100)
    assert {run.step for run in curves["natural gradient"]} == {0.3} and len(curves["CEM"]) == 2
    assert sweeps == {"natural gradient": {0.1: [pytest.approx(0.15)] * 2, 0.3: [pytest.approx(0.45)] * 2}}
    assert mean_curve(list(curves["CEM"].values()), [72.5, 100, 200]).tolist() == [0.5, 2, 2]
    assert final_return({"timesteps": np.array([10.0, 20]), "mean_return": np.array([3.0, 4])}, 100) == 4
    with pytest.raises(InputError, match="^out: nowhere has none of the runs, wanted"):
        read_runs(runs, "nowhere")
    numbered = {run: {**columns, "iteration": np.arange(1, 4)} for run, columns in curves["CEM"].items()}
    report({"CEM": numbered}, 100, 1, tmp_path / "f")
    assert (tmp_path / "f").read_text().splitlines()[1:] == ["CEM,,0,1.5,2", "CEM,,1,1.5,2"]
