"""Runs that are killed, and disks that fail: what was written stays good, and the run goes on to the same bytes."""
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest

from trpo_numpy.__main__ import main
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.run_folder import create_run_folder, read_config, read_progress, record_iteration, resume
from trpo_numpy.practice.training import train

RUN = ["train", "environments:Count-v0", "--timesteps", "4000", "--batch-size", "40", "--hidden-sizes", "8",
       "--fisher-fraction", "0.5"]
SHORT = ["train", "environments:Count-v0", "--batch-size", "40", "--timesteps"]
COMMAND = [sys.executable, "-m", "trpo_numpy"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}


@pytest.fixture(autouse=True)
def no_picture(monkeypatch):
    """These runs draw no learning curve, which would take longer than they do."""
    monkeypatch.setattr("trpo_numpy.practice.run_folder.save_learning_curve", lambda *arguments: None)


def command_line(*args):
    """A command line in a process that is started anew. It may take a minute: then it hangs."""
    return subprocess.run([*COMMAND, *map(str, args)], capture_output=True, text=True, env=ENVIRONMENT, timeout=60)


def run_main(argv, log):
    with open(log, "a") as file, redirect_stdout(file), redirect_stderr(file):
        sys.exit(main([str(arg) for arg in argv]))


def start(argv, log):
    """A command line in a fork of this process, which has imported everything already. It prints into the file log."""
    process = multiprocessing.get_context("fork").Process(target=run_main, args=(argv, log))
    process.start()
    return process


def n_rows(folder):
    path = folder / "progress.csv"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def run_and_kill(parent, n_kills):
    """A run in parent's folder of that number, killed so many times at random moments, and resumed to its end."""
    rng, cut, log = np.random.default_rng(n_kills), parent / str(n_kills), parent / f"{n_kills}.log"
    for kill in range(n_kills):
        process = start(["train", "--resume", cut] if kill else [*RUN, "--out", cut], log)
        goal = n_rows(cut) + rng.integers(1, 5)
        while n_rows(cut) < goal and process.is_alive():
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.01))
        assert process.is_alive(), log.read_text()
        process.kill()
        process.join()
    process = start(["train", "--resume", cut] if n_kills else [*RUN, "--out", cut], log)
    process.join()
    assert process.exitcode == 0, log.read_text()
    return cut


def test_killed_at_25_random_moments_and_resumed_a_run_ends_with_the_bytes_of_the_whole_run(tmp_path):
    whole, *cuts = (run_and_kill(tmp_path, n_kills) for n_kills in (0, 12, 13))
    for cut in cuts:
        for file in ("policy.npz", "config.json"):
            assert (cut / file).read_bytes() == (whole / file).read_bytes()
        rows = [[line.split(",")[:-2] for line in (folder / "progress.csv").read_text().splitlines()]
                for folder in (cut, whole)]
        assert rows[0] == rows[1] and len(rows[0]) == 101


@pytest.mark.parametrize("file", ["policy.partial.npz", "progress.csv"])
def test_a_full_disk_is_an_error_that_says_so_and_the_run_goes_on_when_there_is_room(tmp_path, file):
    """/dev/full stands in the place of the file: it opens, and every write fails with ENOSPC."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    out, whole = tmp_path / "run", tmp_path / "whole"
    main([*SHORT, "200", "--out", str(whole)])
    main([*SHORT, "80", "--out", str(out)])
    before = (out / "policy.npz").read_bytes()
    saved = shutil.copy(out / file, tmp_path) if (out / file).exists() else None
    (out / file).unlink(missing_ok=True)
    (out / file).symlink_to("/dev/full")
    config = Config(env_id="environments:Count-v0", batch_size=40, timesteps=200)
    with pytest.raises(OSError, match="No space left"):
        record_iteration(out, next(train(config)))
    assert (out / "policy.npz").read_bytes() == before
    (out / file).unlink()
    if saved:
        shutil.copy(saved, out / file)
    assert main(["train", "--resume", str(out), "--timesteps", "200"]) == 0
    assert (out / "policy.npz").read_bytes() == (whole / "policy.npz").read_bytes()


def test_a_folder_that_is_removed_during_the_run_is_an_error_that_says_so(tmp_path):
    out, log = tmp_path / "run", tmp_path / "log"
    process = start([*RUN, "--out", out], log)
    while n_rows(out) < 3:
        time.sleep(0.001)
    while out.exists():
        shutil.rmtree(out, ignore_errors=True)
    process.join()
    assert process.exitcode == 1 and "Traceback" not in log.read_text()
    error = next(line for line in log.read_text().splitlines() if line.startswith("error: "))
    assert str(out) in error and "No such file or directory" in error


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder_is_refused_before_training(tmp_path, capsys):
    tmp_path.chmod(0o500)
    assert main([*RUN, "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and "Permission denied" in error and str(tmp_path / "run") in error


def test_workers_change_no_byte(tmp_path, capsys):
    for workers in ("1", "3"):
        process = start([*RUN, "--timesteps", 200, "--workers", workers, "--out", tmp_path / workers], tmp_path / "log")
        process.join()
        assert process.exitcode == 0, (tmp_path / "log").read_text()
    assert (tmp_path / "1" / "policy.npz").read_bytes() == (tmp_path / "3" / "policy.npz").read_bytes()
    assert main([*RUN, "--workers", "0"]) == 2
    assert "workers: got 0, wanted a whole number of at least 1" in capsys.readouterr().err


def test_a_worker_that_dies_is_an_error_that_says_so(tmp_path):
    result = command_line("train", "environments:Dies-v0", "--workers", 2, "--out", tmp_path / "run")
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "terminated abruptly" in result.stderr and "to continue: --resume" in result.stderr


def test_a_run_that_is_done_does_not_wait_for_workers_that_are_not(tmp_path):
    """They sample episodes ahead. In this environment each of these takes an hour."""
    result = command_line("train", "environments:Stuck-v0", "--batch-size", 20, "--timesteps", 20, "--workers", 2,
                          "--out", tmp_path / "run")
    assert result.returncode == 0 and "learning curve" in result.stdout and "Traceback" not in result.stderr


@pytest.mark.parametrize("attempt", range(3))
def test_workers_that_cannot_make_their_environment_end_the_run_and_leave_nothing_hanging(tmp_path, attempt):
    """The pool is ended while it still hands out work."""
    result = command_line("train", "environments:ParentOnly-v0", "--workers", 2, "--out", tmp_path / "run")
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "error: " in result.stderr and "OSError: no display in a worker" in result.stderr


def test_a_row_that_a_kill_has_torn_is_taken_away(tmp_path):
    out = tmp_path / "run"
    main([*SHORT, "120", "--out", str(out)])
    with open(out / "progress.csv", "a") as file:
        file.write("4,160,32,1")
    assert main(["train", "--resume", str(out), "--timesteps", "200"]) == 0
    progress = read_progress(out)
    assert progress["iteration"].tolist() == [1, 2, 3, 4, 5] and (progress["mean_return"] == 15).all()


def without_its_last_bytes(contents):
    return contents[:-5]


def without_its_newline(contents):
    return contents[:-1]


def with_a_row_less(contents):
    return b"".join(contents.splitlines(keepends=True)[:-1])


def with_two_rows_more(contents):
    return contents + 2 * contents.splitlines(keepends=True)[-1]


def emptied(contents):
    return b""


@pytest.mark.parametrize("damage", [without_its_last_bytes, without_its_newline, with_a_row_less, with_two_rows_more,
                                    emptied],
                         ids=lambda damage: damage.__name__)
def test_rows_that_do_not_go_with_the_policy_are_refused_and_left_as_they_are(tmp_path, capsys, damage):
    out = tmp_path / "run"
    main([*SHORT, "200", "--out", str(out)])
    damaged = damage((out / "progress.csv").read_bytes())
    (out / "progress.csv").write_bytes(damaged)
    assert main(["train", "--resume", str(out), "--timesteps", "400"]) == 2
    assert f"error: {out / 'progress.csv'}: " in capsys.readouterr().err
    assert (out / "progress.csv").read_bytes() == damaged


def test_rows_without_a_policy_are_not_overwritten(tmp_path, capsys):
    out = tmp_path / "run"
    main([*SHORT, "120", "--out", str(out)])
    before = (out / "progress.csv").read_bytes()
    (out / "policy.npz").unlink()
    assert main(["train", "--resume", str(out)]) == 2
    assert "got 3 rows, wanted the 0 of policy.npz" in capsys.readouterr().err
    assert (out / "progress.csv").read_bytes() == before


@pytest.mark.parametrize("n_bytes", [-20, None], ids=["a torn row", "a row"])
def test_a_run_that_is_killed_before_its_first_policy_begins_anew(tmp_path, n_bytes):
    out = tmp_path / "run"
    main([*SHORT, "120", "--out", str(out)])
    first_row = b"".join((out / "progress.csv").read_bytes().splitlines(keepends=True)[:2])
    (out / "policy.npz").unlink()
    (out / "progress.csv").write_bytes(first_row[:n_bytes])
    assert main(["train", "--resume", str(out)]) == 0
    assert read_progress(out)["iteration"].tolist() == [1, 2, 3]


def children(pid):
    """The processes that this one has started, on Linux."""
    return [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux for children")
def test_workers_die_with_the_run_that_started_them(tmp_path):
    out = tmp_path / "run"
    run = subprocess.Popen([*COMMAND, *RUN, "--workers", "2", "--out", str(out)], stdout=subprocess.DEVNULL,
                           env=ENVIRONMENT)
    while n_rows(out) < 2:
        time.sleep(0.01)
    workers = children(run.pid)
    run.kill()
    run.wait()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
              for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(workers) == 2


def test_a_resumed_run_keeps_its_config_but_for_its_timesteps(tmp_path, capsys):
    out = tmp_path / "run"
    main([*SHORT, "80", "--seed", "3", "--out", str(out)])
    assert main(["train", "--resume", str(out), "--seed", "4", "--gamma", "0.5", "--timesteps", "120"]) == 2
    assert "resume: got gamma, seed, wanted timesteps, workers or quiet only" in capsys.readouterr().err
    assert read_config(out).timesteps == 80 and len(read_progress(out)) == 2
    assert main(["train", "--resume", str(out), "--timesteps", "120"]) == 0
    assert read_config(out) == Config(env_id="environments:Count-v0", batch_size=40, timesteps=120, seed=3)
    assert len(read_progress(out)) == 3


def test_a_run_with_nothing_done_or_everything_done_is_resumed_too(tmp_path, capsys):
    config = Config(env_id="environments:Count-v0", batch_size=40, timesteps=80)
    out = create_run_folder(tmp_path / "run", config)
    assert len(read_progress(out)["iteration"]) == 0
    assert resume(out) is None
    assert sorted(path.name for path in out.iterdir()) == ["config.json", "progress.csv"]
    assert main(["train", "--resume", str(out)]) == 0
    before = (out / "policy.npz").read_bytes()
    assert main(["train", "--resume", str(out)]) == 0
    assert (out / "policy.npz").read_bytes() == before and read_progress(out)["iteration"].tolist() == [1, 2]
    assert main(["train", "--resume", str(out), "--timesteps", "79"]) == 2
    assert "timesteps: got 79, wanted at least the 80 that are done" in capsys.readouterr().err
    assert read_config(out) == config
