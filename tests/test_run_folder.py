"""What a run leaves on disk, and what is refused when it is read back."""
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from trpo_numpy.checks import InputError
from trpo_numpy.practice import run_folder
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.run_folder import (
    COLUMNS,
    create_run_folder,
    load_policy,
    read_config,
    read_progress,
    record_iteration,
    resume,
)
from trpo_numpy.practice.training import policy_and_baseline, train

CONFIG = Config(env_id="Count-v0", batch_size=20, timesteps=60, hidden_sizes=(4,))


@pytest.fixture
def folder(tmp_path):
    out = create_run_folder(tmp_path / "run", CONFIG)
    for iteration in train(CONFIG):
        record_iteration(out, iteration)
    return out


def networks():
    """The policy and the baseline of CONFIG."""
    return policy_and_baseline(make_env(CONFIG), CONFIG)


def load(folder):
    """theta and the Scaling of a run with CONFIG."""
    return load_policy(folder, networks()[0])


def test_config_repeats_the_run(folder):
    assert read_config(folder) == CONFIG
    versions = json.loads((folder / "config.json").read_text())["versions"]
    assert set(versions) == {"python", "numpy", "scipy", "gymnasium"}


def test_progress_has_one_row_per_iteration(folder):
    progress = read_progress(folder)
    assert progress["timesteps"].tolist() == [20, 40, 60] and progress["episodes"].tolist() == [4, 8, 12]
    assert progress.dtype.names == tuple(COLUMNS) and progress["status"].tolist() == ["accepted"] * 3
    assert (progress["kl"] <= CONFIG.delta).all() and (progress["seconds_sampling"] > 0).all()


def test_the_saved_policy_is_the_trained_one_with_the_scaling_that_it_saw(folder):
    *_, last = train(CONFIG)
    theta, scaling = load(folder)
    assert theta.tobytes() == last.update.theta_new.tobytes()
    assert scaling.mean.tobytes() == last.scaling.mean.tobytes() != last.checkpoint.scaling.mean.tobytes()
    assert scaling.std.tobytes() == last.scaling.std.tobytes() and (scaling.std != 1).all()
    assert np.allclose(scaling.var, last.scaling.var, rtol=1e-15)


def test_the_run_goes_on_from_its_last_state(folder):
    *_, last = train(CONFIG)
    checkpoint = resume(folder)
    assert checkpoint.theta.tobytes() == last.checkpoint.theta.tobytes()
    assert checkpoint.phi.tobytes() == last.checkpoint.phi.tobytes()
    assert (checkpoint.iteration, checkpoint.timesteps, checkpoint.episodes) == (3, 60, 12)
    for name in ("mean", "var", "std"):
        assert getattr(checkpoint.scaling, name).tobytes() == getattr(last.checkpoint.scaling, name).tobytes()
    assert checkpoint.scaling.count == 60


def test_the_same_seed_gives_the_same_bytes(folder, tmp_path):
    again = create_run_folder(tmp_path / "again", CONFIG)
    for iteration in train(CONFIG):
        record_iteration(again, iteration)
    assert (folder / "policy.npz").read_bytes() == (again / "policy.npz").read_bytes()
    texts = [(run / "progress.csv").read_text().splitlines() for run in (folder, again)]
    lines = [[line.split(",")[:-2] for line in text] for text in texts]
    assert lines[0] == lines[1] and tuple(COLUMNS)[-2:] == ("seconds_sampling", "seconds_updating")


def test_a_run_gets_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [create_run_folder(None, Config(env_id="ALE/Pong-v5", seed=7)).as_posix() for _ in range(2)]
    assert names == ["runs/ALE-Pong-v5-seed7-1", "runs/ALE-Pong-v5-seed7-2"]
    assert create_run_folder(None, Config(env_id="mine:Task-v0")).name == "mine-Task-v0-seed0-1"


def test_an_earlier_run_or_a_file_is_never_overwritten(folder, tmp_path):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError, match="^out: .* is a file or has files, wanted a new or empty folder"):
        create_run_folder(folder, CONFIG)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="^out: .*file is a file or has files, wanted a new"):
        create_run_folder(tmp_path / "file", CONFIG)
    assert (tmp_path / "file").read_text() == "mine"


def test_an_empty_folder_is_taken(tmp_path):
    assert create_run_folder(tmp_path, CONFIG) == tmp_path
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "progress.csv"]
    assert read_config(tmp_path) == CONFIG


def test_a_folder_that_cannot_be_made_is_a_fault_of_the_disk_and_is_tried_once(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "runs").symlink_to(tmp_path / "nowhere")
    for out, parent in [(tmp_path / "file" / "run", None), (None, tmp_path / "runs")]:
        with pytest.raises(OSError, match="file|runs"):
            create_run_folder(out, CONFIG, parent)
    tries = []

    def fail(self, *args, **kwargs):
        tries.append(self)
        assert len(tries) < 5, "it goes on trying"
        raise PermissionError("read-only")

    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(OSError, match="read-only"):
        create_run_folder(None, CONFIG, tmp_path / "parent")
    assert len(tries) == 1


def damage_truncate(path):
    path.write_bytes(path.read_bytes()[:300])


def damage_empty(path):
    path.write_bytes(b"")


def damage_text(path):
    path.write_text("not a policy")


def damage_pickle(path):
    path.write_bytes(pickle.dumps({"theta": np.zeros(3)}))


def damage_pickled_array(path):
    np.savez(path, theta=np.array([{}], dtype=object), mean=np.zeros(2), std=np.ones(2))


def damage_one_array(path):
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))


def damage_missing_array(path):
    np.savez(path, theta=np.zeros(3))


def damage_shape(path):
    np.savez(path, theta=np.zeros(3), mean=np.zeros(2), std=np.ones(2))


def damage_dtype(path):
    np.savez(path, theta=np.zeros(networks()[0].n_parameters, complex), mean=np.zeros(2), std=np.ones(2))


def damage_nan(path):
    np.savez(path, theta=np.full(networks()[0].n_parameters, np.nan), mean=np.zeros(2), std=np.ones(2))


def damage_remove(path):
    path.unlink()


def damage_bytes(path):
    contents = bytearray(path.read_bytes())
    contents[200:260] = bytes(60)
    path.write_bytes(contents)


@pytest.mark.parametrize("damage", [f for name, f in list(globals().items()) if name.startswith("damage_")],
                         ids=lambda f: f.__name__)
def test_a_damaged_policy_is_refused(folder, damage):
    damage(folder / "policy.npz")
    with pytest.raises(InputError, match=r"policy\.npz: "):
        load(folder)


class Leaves:
    """An object whose pickle makes a file when it is loaded."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def test_no_pickle_is_loaded(folder, tmp_path):
    objects = np.array([Leaves(tmp_path / "loaded")], dtype=object)
    pickle.loads(pickle.dumps(objects))
    (tmp_path / "loaded").unlink()  # raises an error if loading has made no file
    for name in ("theta", "mean", "std"):
        np.savez(folder / "policy.npz", **{"theta": np.zeros(3), "mean": np.zeros(2), "std": np.ones(2), name: objects})
        with pytest.raises(InputError, match=r"policy\.npz: "):
            load(folder)
    (folder / "policy.npz").write_bytes(pickle.dumps(objects))
    with pytest.raises(InputError, match=r"policy\.npz: "):
        load(folder)
    assert not (tmp_path / "loaded").exists()


@pytest.mark.parametrize("name, wrong", [
    ("theta", np.zeros(3)), ("theta", np.full(17, np.nan)), ("phi", np.zeros(3))], ids=str)
def test_a_state_that_cannot_be_is_refused(folder, name, wrong):
    with np.load(folder / "policy.npz") as file:
        arrays = {**file, name: wrong}
    np.savez(folder / "policy.npz", **arrays)
    with pytest.raises(InputError, match=f"^checkpoint: {name}: got "):
        train(CONFIG, checkpoint=resume(folder))


def test_a_run_of_another_method_or_another_version_is_refused(folder):
    contents = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**contents, "method": "natural gradient-0.1"}))
    with pytest.raises(InputError, match=r"config\.json: got a run of natural gradient-0.1, wanted one of TRPO"):
        read_config(folder)
    assert read_config(folder, "natural gradient-0.1") == read_config(folder, None) == CONFIG
    del contents["config"]["delta"], contents["config"]["seed"]
    (folder / "config.json").write_text(json.dumps(contents))
    with pytest.raises(InputError, match=r"config\.json: .*got a run of another version"):
        read_config(folder)


@pytest.mark.parametrize("contents", ["", "{", "{}", "[]", '{"config": 3}', '{"config": {"no_field": 1}}', "\udcff"])
def test_a_damaged_config_is_refused(folder, contents):
    (folder / "config.json").write_bytes(contents.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=r"config\.json: wanted the config.json of a run"):
        read_config(folder)
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match=r"config\.json: wanted the config.json of a run"):
        read_config(folder)


def test_the_last_policy_stays_whole_when_writing_fails(folder, monkeypatch):
    before = (folder / "policy.npz").read_bytes()

    def fail(file, **arrays):
        Path(file).write_bytes(b"half a")
        raise OSError("no space left on device")

    monkeypatch.setattr(run_folder.np, "savez", fail)
    with pytest.raises(OSError, match="no space left"):
        record_iteration(folder, next(train(CONFIG)))
    assert (folder / "policy.npz").read_bytes() == before


def test_a_function_for_an_environment_has_no_folder(tmp_path):
    with pytest.raises(InputError, match="^env_id: got <class 'dict'>, wanted a registered id"):
        create_run_folder(tmp_path / "run", Config(dict))
    assert not (tmp_path / "run").exists(), "so that the next try finds no files there"


def test_a_run_without_an_iteration_has_no_policy_and_says_how_to_go_on(tmp_path):
    create_run_folder(tmp_path / "run", Config())
    with pytest.raises(InputError, match="policy.npz: wanted the policy of a run with a whole iteration: FileNotFound"):
        load_policy(tmp_path / "run", networks()[0])
