"""The command line, as a user types it."""
import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import environments

import pytest

import trpo_numpy.__main__
from trpo_numpy.__main__ import build_parser, main
from trpo_numpy.practice.config import PAPER, Config
from trpo_numpy.practice.run_folder import create_run_folder, read_config, read_progress

COMMAND = [sys.executable, "-m", "trpo_numpy"]
HERE = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
COUNT = ["train", "Count-v0", "--batch-size", "20", "--timesteps", "60", "--hidden-sizes", "4"]


def test_the_package_asks_for_one_thread_before_numpy_is_imported():
    environment = {name: value for name, value in HERE.items() if name != "OMP_NUM_THREADS"}
    code = "import trpo_numpy, os, sys; print('numpy' in sys.modules, os.environ['OMP_NUM_THREADS'])"
    assert subprocess.check_output([sys.executable, "-c", code], env=environment, text=True) == "False 1\n"


def test_an_environment_that_vine_cannot_restore_leaves_no_folder(tmp_path, capsys):
    assert main(["train", "Handle-v0", "--vine-states", "3", "--out", str(tmp_path / "run")]) == 2
    assert "cannot be restored" in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_train_and_evaluate(tmp_path, capsys):
    out = tmp_path / "run"
    assert main([*COUNT, "--out", str(out), "--seed", "3"]) == 0
    assert sorted(p.name for p in out.iterdir()) == ["config.json", "learning_curve.png", "policy.npz", "progress.csv"]
    lines = capsys.readouterr().out.splitlines()
    header, *rows = lines[1:5]
    assert header.split()[:4] == ["iter", "steps", "episodes", "return"] and len(rows) == 3
    assert len({len(line) for line in (header, *rows)}) == 1, "header and rows are aligned"
    assert rows[-1].split()[-1] == "0:00"
    assert read_config(out).seed == 3
    contents = (out / "config.json").read_text()
    (out / "config.json").write_text(contents.replace('"method": "TRPO"', '"method": "vine"'))  # a tutorial's run
    assert main(["evaluate", str(out), "--episodes", "4"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "mean_return=15.00 std=0.00 episodes=4"


def test_evaluation_is_deterministic_and_its_episodes_follow_the_seed(tmp_path, capsys):
    main(["train", "Pendulum-v1", "--timesteps", "200", "--batch-size", "200", "--seed", "1",
          "--out", str(tmp_path / "run")])
    outputs = []
    for seed in (["--seed", "1"], [], ["--seed", "2"], ["--seed", "0"]):  # the default is the run's own
        capsys.readouterr()
        assert main(["evaluate", str(tmp_path / "run"), "--episodes", "2", *seed]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1] and len(set(outputs)) == 3


def test_each_field_of_config_is_an_option(tmp_path):
    options = ["--gamma", "0.5", "--delta", "0.02", "--no-baseline", "--hidden-sizes", "--no-scale-observations"]
    main(["train", "Count-v0", "--batch-size", "5", "--timesteps", "5", "--out", str(tmp_path / "run"), *options])
    config = read_config(tmp_path / "run")
    assert (config.gamma, config.delta, config.baseline, config.hidden_sizes) == (0.5, 0.02, False, ())
    usage = subprocess.run([*COMMAND, "train", "--help"], capture_output=True, text=True, check=True).stdout
    assert all("--" + f.name.replace("_", "-") in usage for f in fields(Config) if f.name != "env_id")


def test_the_paper_alone_and_what_is_typed_goes_before_it(tmp_path):
    common = {"env_id": "Count-v0", "batch_size": 20, "timesteps": 60, "hidden_sizes": (4,)}
    for typed, options in [([], {}), (["--damping", "0.2", "--baseline"], {"damping": 0.2, "baseline": True})]:
        out = tmp_path / str(len(typed))
        assert main([*COUNT, "--out", str(out), "--paper", *typed]) == 0
        assert read_config(out) == Config(**{**common, **PAPER, **options})


@pytest.mark.parametrize("arguments, message", [
    (["train", "Pendulum-v9"], "env_id: got 'Pendulum-v9', wanted"),
    (["train", "GraphStates-v0"], "env_id: GraphStates-v0 has observation space Graph"),
    (["train", "--delta", "-1"], "delta: got -1.0, wanted a finite number, above 0"),
    (["train", "--gamma", "1"], "gamma: got 1.0, wanted a finite number, at least 0, below 1"),
    (["train", "--gae-lambda", "2"], "gae_lambda: got 2.0, wanted"),
    (["train", "--timesteps", "0"], "timesteps: got 0, wanted a whole number, at least 1"),
    (["train", "--hidden-sizes", "64", "0"], "hidden_sizes: got [64, 0], wanted"),
    (["train", "--cg-iterations", "0"], "cg_iterations: got 0, wanted"),
    (["train", "--timesteps", "1" + 400 * "0", "--delta", "0"], "delta: got 0.0, wanted"),
    (["evaluate", "nowhere"], "nowhere/config.json: wanted the config.json of a run"),
])
def test_bad_input_is_a_clear_error_and_leaves_nothing(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}") and "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_out_that_is_taken(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path, tmp_path / "file"):
        assert main([*COUNT, "--out", str(out)]) == 2
        assert "error: out: " in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


def test_evaluate_refuses_no_episodes_a_negative_seed_and_other_pictures(tmp_path, capsys):
    main([*COUNT, "--out", str(tmp_path / "run")])
    for option, value in [("--episodes", "0"), ("--seed", "-1")]:
        assert main(["evaluate", str(tmp_path / "run"), option, value]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and option[2:] in error and f"got {value}" in error and "wanted" in error
    for name in ("", "x.png", str(tmp_path / "nowhere" / "x.gif")):
        assert main(["evaluate", str(tmp_path / "run"), "--gif", name]) == 2
        assert f"gif: got {name!r}, wanted a file that ends in .gif" in capsys.readouterr().err


def test_what_to_type_next_can_be_typed_where_paths_have_spaces(tmp_path, capsys):
    main([*COUNT, "--out", str(tmp_path / "a run")])
    command = shlex.split(capsys.readouterr().out.splitlines()[-1].removeprefix("evaluate with: python -m trpo_numpy "))
    assert main(command) == 0


def test_when_nobody_reads_the_lines_it_stops_and_says_why(tmp_path):
    run = subprocess.Popen([*COMMAND, "environments:" + COUNT[1], *COUNT[2:4], "--timesteps", "40000", "--out",
                            tmp_path / "run"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=HERE)
    while not run.stdout.readline().split()[:1] == ["2"]:
        assert run.poll() is None
    run.stdout.close()
    errors = run.stderr.read()
    assert run.wait(timeout=60) and "error: [Errno 32] Broken pipe" in errors and "Traceback" not in errors
    assert len(read_progress(tmp_path / "run")) >= 2


def test_evaluate_writes_a_moving_picture(tmp_path, capsys):
    pytest.importorskip("pygame")
    run, picture = str(tmp_path / "run"), tmp_path / "cart-pole.gif"
    assert main(["train", "CartPole-v1", "--timesteps", "100", "--batch-size", "100", "--out", run]) == 0
    assert main(["evaluate", run, "--episodes", "2", "--gif", str(picture)]) == 0
    assert f"moving picture: {picture}" in capsys.readouterr().out and picture.stat().st_size > 1000
    assert main(["evaluate", run, "--gif", str(tmp_path / "nowhere" / "a.gif")]) == 2
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.parametrize("env_id, what", [("NaNReward-v0", "reward nan"), ("ShapeLater-v0", "observation array([0.")])
def test_an_environment_that_goes_wrong_later_stops_the_run_and_what_was_written_stays(tmp_path, capsys, env_id, what):
    out = tmp_path / "run"
    assert main(["train", env_id, "--batch-size", "10", "--timesteps", "60", "--out", str(out)]) == 1
    error = capsys.readouterr().err
    place = f"step 2 after reset(seed={environments.reset_seed(0, 3)})"
    assert f"error: environment: {place} failed: got" in error and what in error
    assert re.search(rf"^stopped\D*1\D.*{out}$", error, re.MULTILINE) and "Traceback" not in error
    assert read_progress(out)["iteration"].tolist() == [1] and not (out / "learning_curve.png").exists()
    assert main(["evaluate", str(out), "--episodes", "1"]) == 0


@pytest.mark.parametrize("options, mode", [([], None), (["--render"], "human"), (["--gif", "a.gif"], "rgb_array")])
def test_evaluate_asks_for_the_render_mode_that_its_options_need(options, mode, tmp_path, monkeypatch):
    """A window needs a screen, so the environment itself is not made."""
    asked = []
    monkeypatch.setattr(trpo_numpy.__main__, "make_env", lambda config, render_mode: asked.append(render_mode))
    monkeypatch.chdir(tmp_path)
    run_folder = create_run_folder(tmp_path / "run", Config())
    with pytest.raises(AttributeError):
        main(["evaluate", str(run_folder), *options])
    assert asked == [mode]


def test_an_environment_that_goes_wrong_in_evaluation_is_bad_input(tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["train", "NaNReward-v0", "--batch-size", "10", "--timesteps", "10", "--out", str(out)]) == 0
    assert main(["evaluate", str(out), "--episodes", "4"]) == 2
    assert re.search(r"^error: environment: step 2 after reset\(seed=\d+\) failed: got", capsys.readouterr().err)


def heed_ctrl_c():
    """Turns SIGINT on, which the shell of the tests may have turned off, and makes a group of this process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setpgid(0, 0)


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_leaves_a_run_that_can_be_resumed_and_says_how(tmp_path, workers):
    """A terminal sends SIGINT to the whole group of processes: to the workers too."""
    out = tmp_path / "run"
    run = subprocess.Popen([*COMMAND, "train", "environments:Slow-v0", "--timesteps", "100000000", "--batch-size",
                            "4000", "--workers", str(workers), "--out", str(out)], env=HERE, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, preexec_fn=heed_ctrl_c)
    try:
        while run.stdout.readline().split()[:1] != ["1"]:
            assert run.poll() is None
        os.killpg(run.pid, signal.SIGINT)   # in the second iteration
        printed, errors = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode == 130, errors
    assert "Traceback" not in errors and f"learning curve: {out / 'learning_curve.png'}" in printed
    whole, folder = re.search(r"^stopped\D*(\d+)\D.*--resume (.*)$", errors, re.MULTILINE).groups()
    rows = len(read_progress(out))
    assert folder == str(out) and int(whole) >= 1 and rows - int(whole) in (0, 1), "it may stop between row and policy"
    assert main(["evaluate", str(out), "--episodes", "1"]) == 0
    assert main(["train", "--resume", str(out), "--timesteps", str(read_progress(out)["timesteps"][-1] + 1)]) == 0
    assert read_progress(out)["iteration"].tolist() == list(range(1, rows + 2))


def test_resume_takes_the_timesteps_that_are_done_and_refuses_fewer(tmp_path, capsys):
    run = str(tmp_path / "run")
    assert main(["CartPole-v1", "--timesteps", "20", "--batch-size", "20", "--out", run]) == 0
    done = read_progress(run)["timesteps"][-1]
    assert main(["--resume", run, "--timesteps", str(done)]) == 0
    assert main(["--resume", run, "--timesteps", str(done - 1)]) == 2
    assert f"timesteps: got {done - 1}, wanted at least the {done} that are done" in capsys.readouterr().err


def test_an_option_is_typed_whole(capsys):
    """--env would else be --env-kwargs, with an error about that."""
    with pytest.raises(SystemExit):
        main(["train", "--env", "CartPole-v1"])
    said = capsys.readouterr().err
    assert "help: train -h" in said and said.endswith("error: unrecognized arguments: --env\n")


def test_without_a_command_it_trains_and_without_arguments_pendulum(monkeypatch):
    seen = []
    monkeypatch.setattr("trpo_numpy.__main__.run_training", lambda **options: seen.append(options) or 0)
    for argv in ([], ["--seed", "3"], ["CartPole-v1"]):
        assert main(argv) == 0
    assert seen == [{}, {"seed": 3}, {"env_id": "CartPole-v1"}]
    assert Config().env_id == "Pendulum-v1" and Config().timesteps == 100_000


def test_importing_the_package_imports_neither_gymnasium_nor_matplotlib():
    code = ("import sys, trpo_numpy, trpo_numpy.trpo, trpo_numpy.practice.config\n"
            "print([m for m in ('gymnasium', 'matplotlib') if m in sys.modules])")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_evaluation_has_20_episodes_unless_told_otherwise():
    assert build_parser().parse_args(["evaluate", "DIR"]).episodes == 20


def test_quiet_prints_no_rows_but_where_the_run_is(tmp_path, capsys):
    assert main([*COUNT, "--quiet", "--out", str(tmp_path / "run")]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("training on Count-v0") and len(rest) == 2 and rest[1].startswith("evaluate with: ")
    assert len(read_progress(tmp_path / "run")) == 3


def test_the_arguments_of_the_environment_are_kept_for_evaluation_and_resume(tmp_path, capsys):
    run = str(tmp_path / "run")
    assert main(["train", "TakesOptions-v0", *COUNT[2:], "--out", run, "--env-kwargs", "size:7"]) == 0
    assert main(["train", "--resume", run, "--timesteps", "61"]) == 0
    assert main(["evaluate", run, "--episodes", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "mean_return=35.00 std=0.00 episodes=1"
    assert read_config(run).env_kwargs == {"size": 7}
