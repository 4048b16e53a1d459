"""Many workers, one result: process pools, threads, a Dask cluster; workers that die, and Ctrl-C."""
import os
import signal
import time
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import islice
from multiprocessing import active_children

from environments import reset_seed

import numpy as np
import pytest

from trpo_numpy.checks import InputError
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.executor import sample_episodes, start_worker, stop_workers
from trpo_numpy.practice.training import train

CONFIGS = [Config(env_id="CartPole-v1", batch_size=300, timesteps=1200),
           Config(env_id="Pendulum-v1", batch_size=400, timesteps=1200, vine_states=8, vine_length=10)]


def bytes_of(config, executor=None):
    """theta and phi after each iteration, and the counts."""
    return [(i.checkpoint.theta.tobytes(), i.checkpoint.phi.tobytes(), i.timesteps, i.episodes)
            for i in train(config, executor=executor)]


@pytest.mark.parametrize("config", CONFIGS, ids=["single path", "vine"])
def test_the_same_bytes_with_any_number_of_workers(config):
    alone = bytes_of(config)
    for executor in (ProcessPoolExecutor(1), ProcessPoolExecutor(3), ThreadPoolExecutor(3)):
        with executor:
            assert bytes_of(config, executor) == alone


def test_one_pool_does_for_runs_with_different_environments():
    configs = [Config(env_id=env_id, batch_size=20, timesteps=40, hidden_sizes=(4,))
               for env_id in ("Count-v0", "MatrixActions-v0", "Count-v0")]
    with ProcessPoolExecutor(1) as executor:
        assert [bytes_of(config, executor) for config in configs] == [bytes_of(config) for config in configs]


def test_the_same_bytes_on_dask():
    distributed = pytest.importorskip("distributed", reason="needs the extra distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with distributed.Client(cluster) as client:
            for config in CONFIGS:
                assert bytes_of(config, client.get_executor(pure=False)) == bytes_of(config)


def episodes_by(executor, sample, *arguments, first_episode=0, n_ahead=16):
    """sample_episodes on Pendulum-v1, with seeds that do not matter."""
    return sample_episodes(None, Config("Pendulum-v1"), np.random.SeedSequence(5), first_episode, executor, n_ahead,
                           sample, *arguments)


def numbered(env, offset, seeds, episode):
    return episode + offset, seeds.entropy, env.spec.id, id(env), os.getpid()


@pytest.mark.parametrize("n_ahead", [1, 3, 16, 200])
def test_episodes_come_in_order_and_a_worker_keeps_its_environment(n_ahead):
    with ProcessPoolExecutor(2) as executor:
        episodes = episodes_by(executor, numbered, 100, first_episode=7, n_ahead=n_ahead)
        numbers, entropies, env_ids, *workers = zip(*islice(episodes, 260))
        episodes.close()
    assert numbers == tuple(range(107, 367)) and set(entropies) == {5} and set(env_ids) == {"Pendulum-v1"}
    assert len(set(zip(*workers))) == len(set(workers[1])) <= 2


def test_without_an_executor_the_environment_that_is_given_does_it():
    episodes = sample_episodes("mine", None, "seeds", 3, None, 16, lambda *arguments: arguments, "x", "y")
    assert list(islice(episodes, 3)) == [("mine", "x", "y", "seeds", episode) for episode in (3, 4, 5)]


def die_in_episode(env, at, seeds, episode):
    if episode == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return episode


def fail_in_episode(env, at, seeds, episode):
    if episode == at:
        raise FloatingPointError("as in a worker")
    return episode


def test_a_worker_that_dies_is_a_broken_executor_and_does_not_hang():
    with ProcessPoolExecutor(2) as executor:
        with pytest.raises(BrokenExecutor, match="terminated abruptly"):
            list(islice(episodes_by(executor, die_in_episode, 20), 30))


def test_an_error_in_a_worker_is_that_error_here():
    with ProcessPoolExecutor(2) as executor:
        episodes, done = episodes_by(executor, fail_in_episode, 5), []
        with pytest.raises(FloatingPointError, match="^as in a worker$"):
            for episode in episodes:
                done.append(episode)
    assert done == [0, 1, 2, 3, 4]


def test_bad_input_in_a_worker_is_bad_input_here():
    config = Config(env_id="NaNReward-v0", batch_size=20)   # its fourth episode goes wrong
    with ProcessPoolExecutor(1) as executor:
        reset = rf"reset\(seed={reset_seed(0, 3)}\)"
        with pytest.raises(InputError, match=f"^environment: step 2 after {reset} failed: got .*nan"):
            list(train(config, executor=executor))


def test_a_worker_that_cannot_make_its_environment_is_bad_input():
    config = Config(env_id="ParentOnly-v0", batch_size=10, timesteps=60)
    with ProcessPoolExecutor(1) as executor:
        with pytest.raises(InputError, match="ParentOnly-v0.*OSError: no display in a worker"):
            list(train(config, executor=executor))


def test_ctrl_c_is_not_for_the_workers():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where a shell started pytest so
    try:
        with ProcessPoolExecutor(1) as executor:
            assert executor.submit(signal.getsignal, signal.SIGINT).result() != signal.SIG_IGN
        with ProcessPoolExecutor(1, initializer=start_worker) as executor:
            assert executor.submit(signal.getsignal, signal.SIGINT).result() == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def is_running(pid):
    """Whether a child of this process has not ended. Its end is left to be seen by its pool too."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False


def test_stopping_a_pool_ends_its_workers_though_they_are_busy():
    executor = ProcessPoolExecutor(2, initializer=start_worker)
    before = set(active_children())
    futures = [executor.submit(time.sleep, 3600) for _ in range(4)]
    while not all(future.running() for future in futures[:2]):
        time.sleep(0.01)
    workers = [process.pid for process in set(active_children()) - before]
    assert len(workers) == 2 and all(map(is_running, workers))
    try:
        stop_workers(executor)
        deadline = time.monotonic() + 60
        while any(map(is_running, workers)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        for pid in filter(is_running, workers):
            os.kill(pid, signal.SIGKILL)
