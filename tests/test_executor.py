"""Many workers, one result: process pools, threads, a Dask cluster; and a worker that dies."""
import os
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import environments  # noqa: F401
import pytest

from trpo_numpy.config import Config
from trpo_numpy.executor import in_order
from trpo_numpy.training import train

CONFIGS = [Config(env_id="CartPole-v1", batch_size=300, timesteps=1200),
           Config(env_id="Pendulum-v1", batch_size=400, timesteps=1200, vine_states=8, vine_length=10)]


def thetas(config, executor=None):
    """theta after each iteration, and the counts: as bytes."""
    return [(i.update.theta_new.tobytes(), i.timesteps, i.episodes) for i in train(config, executor=executor)]


@pytest.mark.parametrize("config", CONFIGS, ids=["single path", "vine"])
def test_the_same_bytes_with_any_number_of_workers(config):
    alone = thetas(config)
    for executor in (ProcessPoolExecutor(1), ProcessPoolExecutor(2), ProcessPoolExecutor(4), ThreadPoolExecutor(3)):
        with executor:
            assert thetas(config, executor) == alone


def test_the_same_bytes_on_dask():
    distributed = pytest.importorskip("distributed", reason="needs the extra distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with distributed.Client(cluster) as client:
            for config in CONFIGS:
                assert thetas(config, client.get_executor(pure=False)) == thetas(config)


def number(env, offset, episode):
    return episode + offset, id(env), os.getpid()


@pytest.mark.parametrize("n_ahead", [1, 3, 16, 50])
def test_episodes_come_in_order_and_a_worker_keeps_its_environment(n_ahead):
    with ProcessPoolExecutor(2) as executor:
        episodes = in_order(number, None, "Pendulum-v1", (100,), 7, executor, n_ahead)
        numbers, *workers = zip(*(next(episodes) for _ in range(60)))
        episodes.close()
    assert numbers == tuple(range(107, 167)) and len(set(zip(*workers))) == len(set(workers[1])) <= 2


def die_in_episode(env, at, episode):
    if episode == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return episode


def fail_in_episode(env, at, episode):
    if episode == at:
        raise FloatingPointError("as in a worker")
    return episode


def test_a_worker_that_dies_is_a_clear_error_and_no_hang():
    with ProcessPoolExecutor(2) as executor:
        episodes = in_order(die_in_episode, None, "Pendulum-v1", (20,), 0, executor)
        with pytest.raises(RuntimeError, match="executor: a worker died, .* a run can be resumed"):
            assert [next(episodes) for _ in range(30)] != list(range(30))


def test_an_error_in_a_worker_is_that_error_here():
    with ProcessPoolExecutor(2) as executor:
        episodes = in_order(fail_in_episode, None, "Pendulum-v1", (5,), 0, executor)
        with pytest.raises(FloatingPointError, match="as in a worker"):
            list(zip(range(9), episodes))
