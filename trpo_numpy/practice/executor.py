"""Not in the paper, which had 16 cores: episodes sampled by this process, or by the workers of an executor."""
import multiprocessing
import os
import signal
import threading
from functools import partial
from itertools import count

from trpo_numpy.practice.environment import make_env

WORKER = threading.local()  # a worker is a thread, or a process with one thread: each keeps its own environment


def start_worker():
    """The initializer of a process pool: a worker ignores Ctrl-C, and ends when the process that started it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent():
    """Waits until the process that started this one ends, in whatever way, and then ends this one."""
    multiprocessing.parent_process().join()
    os._exit(1)


def stop_workers(executor):
    """Ends a process pool, and every other child of this process, within half a second, whatever they are doing."""
    executor.shutdown(wait=False, cancel_futures=True)
    for process in multiprocessing.active_children():
        process.join(0.1)  # gives the pool time to let go of its tasks
        process.terminate()


def sample_in_worker(config, seeds, sample, arguments, episode):
    """sample(env, *arguments, seeds, episode), by a worker of an executor."""
    if getattr(WORKER, "config", None) != config:
        WORKER.env, WORKER.config = make_env(config), config
    return sample(WORKER.env, *arguments, seeds, episode)


def sample_episodes(env, config, seeds, first_episode, executor, n_ahead, sample, *arguments):
    """Yields sample(env, *arguments, seeds, episode) for first_episode, the next one, and so on without end.

    An executor's workers first sample n_ahead episodes in at most 64 tasks, then two tasks at a time. The results are
    the same, because an episode depends on its number, seeds and arguments only.
    """
    if executor is None:
        yield from (sample(env, *arguments, seeds, episode) for episode in count(first_episode))  # without end
    one = partial(sample_in_worker, config, seeds, sample, arguments)
    length, end = 1 + n_ahead // 64, first_episode
    while True:
        start, end = end, end + n_ahead
        yield from executor.map(one, range(start, end), chunksize=length)
        n_ahead = 2 * length
