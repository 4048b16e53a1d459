"""The paper's own tasks, and Figure 4 at Table 2's size: its numbers, the order of the runs, and what is drawn."""
import csv
from dataclasses import fields, replace
from types import SimpleNamespace

import experiment
import section_8_locomotion
from common import new_figure
from experiment import Run, complete_run, draw, full_id, mean_curve
from section_8_paper_tasks import (
    BLIND,
    FAR,
    NEAR,
    TABLE_2,
    compare_discounts,
    compare_positions,
    go_on_from_cma,
    methods,
    position_methods,
    worth,
)

import gymnasium as gym
import numpy as np
import pytest

from trpo_numpy.practice.config import PAPER, Config
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.training import policy_and_baseline, train

TASKS = [("PaperSwimmer-v0", 10, 2, 0), ("PaperHopper-v0", 12, 3, 1), ("PaperWalker2d-v0", 18, 6, 1)]


@pytest.mark.parametrize("env_id, d_s, d_a, bonus", TASKS)
def test_the_papers_tasks_have_its_states_its_reward_and_paths_of_1000_steps(env_id, d_s, d_a, bonus):
    pytest.importorskip("mujoco", reason="needs the extra mujoco")
    env = make_env(Config(env_id=full_id(env_id)))
    assert env.observation_space.shape == (d_s,) and env.action_space.shape == (d_a,)
    assert gym.spec(env_id).max_episode_steps == 1000
    env.reset(seed=0)
    before = env.unwrapped.data.qpos[0]
    action = np.linspace(-0.9, 0.8, d_a)
    s, reward, terminated, *_ = env.step(action)
    v_x = (env.unwrapped.data.qpos[0] - before) / env.unwrapped.dt
    assert s[0] == env.unwrapped.data.qpos[0] and not terminated  # x, which Gymnasium leaves out
    assert reward == pytest.approx(bonus + v_x - 1e-5 * action @ action, rel=1e-6)


def test_the_swimmer_has_table_2s_size():
    curves = methods("PaperSwimmer-v0")
    single, vine = curves[NEAR][1], curves["vine"][1]
    assert {f: getattr(single, f) for f in PAPER} == PAPER and single.gamma == 0.99 and single.hidden_sizes == (30,)
    assert single.batch_size == 50_000 and single.timesteps == 200 * 50_000
    assert (vine.batch_size, vine.vine_states * vine.vine_actions, vine.vine_actions, vine.vine_length) == (
        16 * 1000, 500, 4, 50)
    assert replace(vine, **{f: getattr(single, f) for f in ("batch_size", "vine_states", "vine_length")}) == single
    assert [f.name for f in fields(Config) if getattr(curves[FAR][1], f.name) != getattr(single, f.name)] == ["gamma"]


def test_all_curves_of_a_task_spend_the_same_steps_at_least_5_million_each():
    for env_id in list(TABLE_2)[:3]:
        for name, (loop, config) in methods(env_id).items():
            assert config.timesteps == methods(env_id)[NEAR][1].timesteps >= 5e6 and config.delta == 0.01
            assert config.env_id == f"experiment:{env_id}"
            if name == "natural gradient":
                assert len(loop) == 3 and np.allclose(np.diff(np.log10(loop)), 0.5, atol=0.03)
    assert methods("PaperHopper-v0", 70)["CMA"][1].timesteps == 70


def test_the_policy_of_the_swimmer_has_a_bias_for_each_hidden_unit_more_than_the_papers_364_parameters():
    pytest.importorskip("mujoco", reason="needs the extra mujoco")
    config = methods("PaperSwimmer-v0")[NEAR][1]
    assert policy_and_baseline(make_env(config), config)[0].n_parameters == 364 + 30


def test_the_papers_tasks_can_have_what_practice_added():
    for env_id, gamma in [("PaperSwimmer-v0", 0.9999), ("PaperHopper-v0", 0.99), ("Swimmer-v5", 0.9999)]:
        config = section_8_locomotion.methods(env_id, 300)["single path"][1]
        assert (config.env_id, config.gamma, config.baseline) == (full_id(env_id), gamma, True)
    assert full_id("Hopper-v5") == "Hopper-v5"


def test_curves_can_be_drawn_against_iterations():
    runs = [Run("vine", None, None, Config(seed=seed)) for seed in (0, 1)]
    columns = {"timesteps": np.array([50.0, 95]), "iteration": np.array([1, 2]), "mean_return": np.array([3.0, 5.0])}
    assert mean_curve([columns], [1.5], "iteration") == [4] and mean_curve([columns], [72.5]) == [4]
    for end, x, label in [(2, "iteration", "policy iterations"), (95, "timesteps", "environment steps")]:
        figure = new_figure(False)
        draw(figure, {"vine": dict.fromkeys(runs, columns)}, {}, end, "title", x)
        panel, = figure.axes
        assert panel.get_xlabel() == label and panel.get_xlim() == (0, end)
        assert any(np.array_equal(line.get_xdata(), columns[x]) for line in panel.lines)


def test_the_first_seed_of_all_methods_comes_first(monkeypatch, tmp_path):
    class Stop(Exception):
        pass

    def spy(runs, parent, workers):
        assert [(run.name, run.config.seed) for run in runs] == [(name, seed) for seed in (4, 5) for name in names]
        raise Stop

    names = ["single path", "vine", *(f"natural gradient-{step}" for step in (0.01, 0.03, 0.1)), "CEM", "CMA"]
    monkeypatch.setattr(experiment, "complete_runs", spy)
    args = experiment.experiment_parser("", None).parse_args(["--seed", "4", "--seeds", "2", "--out", str(tmp_path)])
    with pytest.raises(Stop):
        experiment.experiment("name", methods("PaperHopper-v0"), "title", args)


def test_what_a_policy_is_worth_is_its_return_and_its_discounted_returns(tmp_path):
    """Step t of Count-v0, from 0, has the reward t + 1; there are five."""
    config = Config(**PAPER, env_id="environments:Count-v0", timesteps=20, batch_size=10)
    curves = {NEAR: (train, config), FAR: (train, replace(config, gamma=0.9999)), "CMA": (train, config)}
    for run in experiment.all_runs({name: curves[name] for name in (NEAR, FAR)}, range(2)):
        complete_run(run, tmp_path)
    Q = [sum(0.99 ** (k - t) * (k + 1) for k in range(t, 5)) for t in range(5)]
    assert worth(run, tmp_path).mean(axis=1) == pytest.approx([15, Q[0], np.mean(Q[:3])])
    compare_discounts(curves, range(2), tmp_path, tmp_path / "worth.csv")
    with open(tmp_path / "worth.csv") as file:
        rows = list(csv.DictReader(file))
    assert {(row["method"], row["seed"]) for row in rows} == {(name, seed) for name in (NEAR, FAR) for seed in "01"}
    assert {float(row["Q_at_0.99"]) for row in rows} == {round(np.mean(Q[:3]), 3)}


def test_single_path_goes_on_from_cmas_policy(tmp_path):
    config = Config(**PAPER, env_id="Pendulum-v1", timesteps=400, batch_size=400, hidden_sizes=())
    curves = {NEAR: (train, config), "CMA": (train, replace(config, initial_log_std=-3.0))}
    run, = experiment.all_runs({"CMA": curves["CMA"]}, [0])
    complete_run(run, tmp_path)
    theta = np.load(tmp_path / run.folder / "policy.npz")["theta"]
    first, = go_on_from_cma(curves, 0, tmp_path, 1)
    assert first.entropy == pytest.approx(theta[-1] + 0.5 * np.log(2 * np.pi * np.e)) and theta[-1] < -2.5
    assert first.timesteps == 400 and first.checkpoint.iteration == 1


def test_the_position_is_all_that_its_runs_leave_out(tmp_path):
    """Eight numbers are left of ten, and the rest of a run is the same; four curves of one seed in a quick run."""
    pytest.importorskip("mujoco", reason="needs the extra mujoco")
    curves = position_methods(2000)
    for (shown, gamma), (_, config) in curves.items():
        assert config.gamma == gamma and make_env(config).observation_space.shape == (10 if shown else 8,)
        assert replace(config, gamma=0.99, env_kwargs={}) == Config(env_id=full_id("PaperSwimmer-v0"), timesteps=2000)
    alone = methods("PaperSwimmer-v0")
    assert make_env(alone[BLIND][1]).observation_space.shape == (8,)
    assert replace(alone[BLIND][1], env_kwargs={}) == alone[FAR][1]
    args = {"quick": True, "seed": 0, "seeds": 5, "plot_only": False, "workers": 1, "out": tmp_path, "show": False}
    compare_positions(SimpleNamespace(**args))
    with open(tmp_path / "section_8_paper_tasks_positions_quick.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == [f"{'with' if shown else 'without'} position, gamma {gamma:g}"
                                               for shown, gamma in curves]
    assert (tmp_path / "section_8_paper_tasks_positions_quick.png").stat().st_size > 10_000
