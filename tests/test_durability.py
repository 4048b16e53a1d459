"""Runs that are killed, and disks that fail: what was written stays good, and the run goes on to the same bytes."""
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from trpo_numpy.__main__ import main
from trpo_numpy.config import Config
from trpo_numpy.environment import make_env
from trpo_numpy.learning_curve import read_progress
from trpo_numpy.run_folder import create_run_folder, read_config, record_iteration, resume
from trpo_numpy.training import policy_and_baseline, train

TRAIN = [sys.executable, "-m", "trpo_numpy", "train"]
RUN = [*TRAIN, "environments:Count-v0", "--timesteps", "4000", "--batch-size", "40", "--hidden-sizes", "8",
       "--fisher-fraction", "0.5"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}


def command_line(*args, **kwargs):
    return subprocess.run([str(arg) for arg in args], capture_output=True, text=True, env=ENVIRONMENT, **kwargs)


def n_rows(folder):
    path = folder / "progress.csv"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def run_and_kill(parent, n_kills):
    """A run in parent's folder of that number, killed so many times at random moments, and resumed to its end."""
    rng, cut = np.random.default_rng(n_kills), parent / str(n_kills)
    for kill in range(n_kills):
        args = [*TRAIN, "--resume", cut] if kill else [*RUN, "--out", cut]
        process = subprocess.Popen([str(arg) for arg in args], stdout=subprocess.DEVNULL, env=ENVIRONMENT)
        goal = n_rows(cut) + rng.integers(1, 5)
        while n_rows(cut) < goal and process.poll() is None:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.01))
        assert process.poll() is None, "it was to be killed before its end"
        process.kill()
        process.wait()
    result = command_line(*(TRAIN + ["--resume", cut] if n_kills else RUN + ["--out", cut]))
    assert result.returncode == 0, result.stderr
    return cut


def test_killed_at_25_random_moments_and_resumed_a_run_ends_with_the_bytes_of_the_whole_run(tmp_path):
    with ThreadPoolExecutor() as pool:
        whole, *cuts = pool.map(partial(run_and_kill, tmp_path), [0, 12, 13])
    for cut in cuts:
        for file in ("policy.npz", "config.json"):
            assert (cut / file).read_bytes() == (whole / file).read_bytes()
        rows = [[line.split(",")[:-2] for line in (folder / "progress.csv").read_text().splitlines()]
                for folder in (cut, whole)]
        assert rows[0] == rows[1] and len(rows[0]) == 101


@pytest.mark.parametrize("file", ["policy.npz.partial", "progress.csv"])
def test_a_full_disk_is_an_error_that_says_so_and_the_run_goes_on_when_there_is_room(tmp_path, file):
    """/dev/full stands in the place of the file: it opens, and every write fails with ENOSPC."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    out, whole = tmp_path / "run", tmp_path / "whole"
    main([*RUN[3:-6], "--batch-size", "40", "--timesteps", "200", "--out", str(whole)])
    main([*RUN[3:-6], "--batch-size", "40", "--timesteps", "80", "--out", str(out)])
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


def test_a_folder_removed_under_the_run_is_an_error_that_says_so(tmp_path):
    out = tmp_path / "run"
    process = subprocess.Popen([*RUN, "--out", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                               env=ENVIRONMENT)
    while n_rows(out) < 3:
        time.sleep(0.001)
    while out.exists():
        shutil.rmtree(out, ignore_errors=True)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1 and "Traceback" not in stderr
    assert f"error: out: {out} cannot be written to:" in stderr


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder_is_refused_before_training(tmp_path):
    tmp_path.chmod(0o500)
    result = command_line(*RUN, "--out", tmp_path / "run")
    assert result.returncode == 2 and "error: " in result.stderr and "Permission denied" in result.stderr


def test_workers_change_no_byte_and_one_that_dies_is_an_error_that_says_so(tmp_path):
    for workers, out in [(1, "one"), (3, "three")]:
        assert command_line(*RUN[:-6], "--timesteps", 200, "--batch-size", 50, "--workers", workers, "--out",
                            tmp_path / out).returncode == 0
    assert (tmp_path / "one" / "policy.npz").read_bytes() == (tmp_path / "three" / "policy.npz").read_bytes()
    result = command_line(*TRAIN, "environments:Dies-v0", "--workers", 2, "--out", tmp_path / "dies", timeout=60)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "error: executor: a worker died" in result.stderr and "a run can be resumed" in result.stderr
    stuck = "environments:Stuck-v0", "--batch-size", 20, "--timesteps", 20, "--out", tmp_path / "stuck"
    result = command_line(*TRAIN, *stuck, "--workers", 2, timeout=60)
    assert result.returncode == 0 and "learning curve" in result.stdout and "Traceback" not in result.stderr
    for i in range(3):  # the pool is ended while it still hands out work: nothing may be left hanging
        result = command_line(*TRAIN, "environments:ParentOnly-v0", "--workers", 2, "--out", tmp_path / str(i),
                              timeout=60)
        assert result.returncode == 1 and "Traceback" not in result.stderr
        assert "error: executor: a worker cannot make its environment: " in result.stderr
    result = command_line(*RUN, "--workers", 0)
    assert result.returncode == 2 and "workers: got 0, wanted a whole number of at least 1" in result.stderr


def test_a_torn_row_is_taken_away_and_missing_rows_are_refused(tmp_path, capsys):
    out, resume_it = tmp_path / "run", ["train", "--resume", str(tmp_path / "run"), "--timesteps"]
    main([*RUN[3:-6], "--batch-size", "40", "--timesteps", "120", "--out", str(out)])
    with open(out / "progress.csv", "a") as file:
        file.write("4,160,32,1")
    assert main([*resume_it, "200"]) == 0
    progress = read_progress(out)
    assert progress["iteration"].tolist() == [1, 2, 3, 4, 5] and (progress["mean_return"] == 15).all()
    contents = (out / "progress.csv").read_bytes()
    in_the_middle = contents.replace(b"\n3,", b"\n") + contents.splitlines(keepends=True)[-1]
    for damaged, left in [(contents[:-5], 5), (in_the_middle, 5), (b"1\n2\n3\n4\n5\n6\n", 0), (b"", 0)]:
        (out / "progress.csv").write_bytes(damaged)
        assert main([*resume_it, "400"]) == 2
        assert f"progress.csv: got {left} whole lines, wanted the first 6" in capsys.readouterr().err
        assert (out / "progress.csv").read_bytes() == damaged


def test_rows_without_a_policy_are_not_overwritten(tmp_path, capsys):
    out, train_count = tmp_path / "run", ["train", "environments:Count-v0", "--batch-size", "40", "--timesteps", "120"]
    main([*train_count, "--out", str(out)])
    before = (out / "progress.csv").read_bytes()
    (out / "policy.npz").unlink()
    assert main(["train", "--resume", str(out)]) == 2
    assert "policy.npz: is missing, wanted that of the 3 rows" in capsys.readouterr().err
    assert (out / "progress.csv").read_bytes() == before
    (out / "progress.csv").write_bytes(b"".join(before.splitlines(keepends=True)[:2]))  # killed in the first iteration
    assert main(["train", "--resume", str(out)]) == 0
    assert read_progress(out)["iteration"].tolist() == [1, 2, 3]


def children(pid):
    """The processes that this one has started, on Linux."""
    return [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux for children")
def test_workers_die_with_the_run_that_started_them(tmp_path):
    out = tmp_path / "run"
    run = subprocess.Popen([*RUN, "--workers", "2", "--out", str(out)], stdout=subprocess.DEVNULL, env=ENVIRONMENT)
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


def test_a_run_with_nothing_done_or_everything_done_is_resumed_too(tmp_path, capsys):
    config = Config(env_id="environments:Count-v0", batch_size=40, timesteps=80)
    out = create_run_folder(tmp_path / "run", config)
    assert len(read_progress(out)["iteration"]) == 0
    resume(out, *policy_and_baseline(make_env(config.env_id), config))
    assert sorted(path.name for path in out.iterdir()) == ["config.json"]
    assert main(["train", "--resume", str(out)]) == 0
    before = (out / "policy.npz").read_bytes()
    assert main(["train", "--resume", str(out)]) == 0
    assert (out / "policy.npz").read_bytes() == before and read_progress(out)["iteration"].tolist() == [1, 2]
    assert main(["train", "--resume", str(out), "--timesteps", "79"]) == 2
    assert "timesteps: got 79, wanted at least the 80 that are done" in capsys.readouterr().err
    assert read_config(out) == config
