"""What a run leaves on disk, and what is refused when it is read back."""
import json
import pickle

import environments  # noqa: F401
import numpy as np
import pytest

from trpo_numpy import run_folder
from trpo_numpy.config import Config
from trpo_numpy.environment import make_env, policy_for
from trpo_numpy.learning_curve import COLUMNS, read_progress
from trpo_numpy.run_folder import create_run_folder, load_policy, read_config, record_iteration, resume
from trpo_numpy.sampling import sample_path
from trpo_numpy.training import policy_and_baseline, train

CONFIG = Config(env_id="Count-v0", batch_size=20, timesteps=60, hidden_sizes=(4,))


@pytest.fixture
def folder(tmp_path):
    out = create_run_folder(tmp_path / "run", CONFIG)
    for iteration in train(CONFIG):
        record_iteration(out, iteration)
    return out


def test_a_parent_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "runs").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        create_run_folder(None, CONFIG, tmp_path / "runs")


def shapes():
    policy = policy_for(make_env(CONFIG.env_id), CONFIG.hidden_sizes)
    return policy, policy.n_parameters, policy.network.sizes[0]


def test_config_repeats_the_run(folder):
    assert read_config(folder) == CONFIG
    versions = json.loads((folder / "config.json").read_text())["versions"]
    assert set(versions) == {"python", "numpy", "scipy", "gymnasium"}


def test_progress_has_a_row_an_iteration(folder):
    progress = read_progress(folder)
    assert progress["timesteps"].tolist() == [20, 40, 60] and progress["episodes"].tolist() == [4, 8, 12]
    assert progress.dtype.names == COLUMNS and progress["status"].tolist() == ["accepted"] * 3
    assert (progress["kl"] <= CONFIG.delta).all() and (progress["seconds_sampling"] > 0).all()


def test_the_saved_policy_acts_as_the_trained_one(folder):
    *_, last = train(CONFIG)
    policy, P, d_s = shapes()
    theta, scaling = load_policy(folder, P, d_s)
    paths = [sample_path(make_env("Count-v0"), policy.act_greedily, policy.unpack(t), s, np.random.SeedSequence(0), 0)
             for t, s in [(theta, scaling), (last.update.theta_new, last.scaling)]]
    assert np.array_equal(paths[0].actions, paths[1].actions) and paths[0].actions.any()


def test_the_same_seed_gives_the_same_bytes(folder, tmp_path):
    again = create_run_folder(tmp_path / "again", CONFIG)
    for iteration in train(CONFIG):
        record_iteration(again, iteration)
    assert (folder / "policy.npz").read_bytes() == (again / "policy.npz").read_bytes()
    texts = [(run / "progress.csv").read_text().splitlines() for run in (folder, again)]
    lines = [[line.split(",")[:-2] for line in text] for text in texts]
    assert lines[0] == lines[1] and COLUMNS[-2:] == ("seconds_sampling", "seconds_updating")


def test_a_run_gets_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [create_run_folder(None, Config(env_id="ALE/Pong-v5", seed=7)).as_posix() for _ in range(2)]
    assert names == ["runs/ALE-Pong-v5-seed7-1", "runs/ALE-Pong-v5-seed7-2"]
    assert create_run_folder(None, Config(env_id="mine:Task-v0")).name == "mine-Task-v0-seed0-1"


def test_an_earlier_run_or_a_file_is_never_overwritten(folder, tmp_path):
    with pytest.raises(FileExistsError, match="out: .* is not empty, wanted a folder that is new or empty"):
        create_run_folder(folder, CONFIG)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="out: .*file is a file, wanted a folder"):
        create_run_folder(tmp_path / "file", CONFIG)
    with pytest.raises(OSError, match="out: .*file/run cannot be written to: .*Not a directory"):
        create_run_folder(tmp_path / "file" / "run", CONFIG)
    (tmp_path / "empty").mkdir()
    assert create_run_folder(tmp_path / "empty", CONFIG) == tmp_path / "empty"


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
    np.savez(path, theta=np.zeros(18, dtype=np.float32), mean=np.zeros(2), std=np.ones(2))


def damage_nan(path):
    np.savez(path, theta=np.full(shapes()[1], np.nan), mean=np.zeros(2), std=np.ones(2))


def damage_std(path):
    np.savez(path, theta=np.zeros(shapes()[1]), mean=np.zeros(2), std=np.zeros(2))


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
    _, P, d_s = shapes()
    with pytest.raises(ValueError, match=r"policy\.npz: "):
        load_policy(folder, P, d_s)


@pytest.mark.parametrize("name, wrong", [("next_var", np.full(2, -1.0)), ("counts", np.full(4, -1))])
def test_moments_and_counts_below_zero_are_refused(folder, name, wrong):
    with np.load(folder / "policy.npz") as file:
        arrays = {**file, name: wrong}
    np.savez(folder / "policy.npz", **arrays)
    with pytest.raises(ValueError, match=rf"policy\.npz: {name} has numbers that are not finite, or out of range"):
        resume(folder, *policy_and_baseline(make_env(CONFIG.env_id), CONFIG))


def test_a_row_that_has_no_numbers_is_refused(folder):
    header, row, *rows = (folder / "progress.csv").read_text().splitlines()
    damaged = "\n".join([header, "x," + row.partition(",")[2], *rows, ""])
    (folder / "progress.csv").write_text(damaged)
    with pytest.raises(ValueError, match=r"progress\.csv: iteration has something that is no number, wanted"):
        resume(folder, *policy_and_baseline(make_env(CONFIG.env_id), CONFIG))
    assert (folder / "progress.csv").read_text() == damaged


def test_a_run_of_another_method_or_another_version_is_refused(folder):
    contents = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**contents, "method": "natural gradient-0.1"}))
    with pytest.raises(ValueError, match=r"config\.json: got a run of natural gradient-0.1, wanted one of TRPO"):
        read_config(folder)
    assert read_config(folder, "natural gradient-0.1") == read_config(folder, None) == CONFIG
    del contents["config"]["delta"], contents["config"]["seed"]
    (folder / "config.json").write_text(json.dumps(contents))
    with pytest.raises(ValueError, match=r"config\.json: .*no delta, seed: a run of another version"):
        read_config(folder)


@pytest.mark.parametrize("contents", ["", "{", "{}", "[]", '{"config": 3}', '{"config": {"no_field": 1}}', "\udcff"])
def test_a_damaged_config_is_refused(folder, contents):
    (folder / "config.json").write_bytes(contents.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=r"config\.json: wanted the config.json of a run"):
        read_config(folder)
    (folder / "config.json").unlink()
    with pytest.raises(ValueError, match=r"config\.json: wanted the config.json of a run"):
        read_config(folder)


def test_the_last_policy_stays_whole_when_writing_fails(folder, monkeypatch):
    before = (folder / "policy.npz").read_bytes()

    def fail(file, **arrays):
        file.write(b"half a")
        raise OSError("no space left on device")

    monkeypatch.setattr(run_folder.np, "savez", fail)
    with pytest.raises(OSError, match="no space left"):
        record_iteration(folder, next(train(CONFIG)))
    assert (folder / "policy.npz").read_bytes() == before
