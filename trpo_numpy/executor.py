"""Not in the paper, but for its 16 cores: who samples the episodes, this process or an executor's workers."""
import math
import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import BrokenExecutor
from functools import partial
from itertools import count

from trpo_numpy.environment import make_env

WORKER = threading.local()  # a worker is a thread, or a process with one: each keeps an environment of its own


def start_worker():
    """For a process pool's `initializer`: Ctrl-C is for the process that asked, and when that dies so does this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=die_with_parent, daemon=True).start()


def stop_workers(executor):
    """Ends a process pool within half a second, whatever its workers (this process's children) are doing."""
    tasks = executor._call_queue if sys.version_info < (3, 11, 5) else None
    executor.shutdown(wait=False, cancel_futures=True)
    children = multiprocessing.active_children()
    for process in children[:1]:
        process.join(0.5)  # time for the pool to let go of its tasks: killed with them, it may hang (CPython 3.11)
    for process in children:
        process.terminate()
    if tasks:  # CPython's issue 94777, mended in 3.11.5: a task too long for its pipe would wait for dead readers
        tasks._reader.close()


def die_with_parent():
    """Ends this process as soon as the one that started it has ended, however it did."""
    multiprocessing.parent_process().join()
    os._exit(1)


def sample_in_worker(sample, env_id, arguments, episode):
    """sample(env, *arguments, episode), by a worker of an executor."""
    if getattr(WORKER, "env_id", None) != env_id:
        try:
            WORKER.env, WORKER.env_id = make_env(env_id), env_id
        except Exception as error:
            raise RuntimeError(f"executor: a worker cannot make its environment: {error}") from error
    return sample(WORKER.env, *arguments, episode)


def in_order(sample, env, env_id, arguments, first_episode, executor=None, n_ahead=16):
    """Yields sample(env, *arguments, episode) for one episode after the other, without end.

    With an executor (of concurrent.futures' kind) its workers sample n_ahead episodes first, in at most 64 tasks of a
    process pool, then two tasks more each time these are used up. Whoever samples it, an episode depends only on its
    number and the arguments, if the environment's reset forgets its past. Raises RuntimeError if a worker of a process
    pool has died (Dask starts another; if these die too, its KilledWorker).
    """
    if executor is None:
        for episode in count(first_episode):
            yield sample(env, *arguments, episode)
    one, length, end = partial(sample_in_worker, sample, env_id, arguments), math.ceil(n_ahead / 64), first_episode
    try:
        while True:
            start, end = end, end + n_ahead
            yield from executor.map(one, range(start, end), chunksize=length)
            n_ahead = 2 * length
    except BrokenExecutor as error:
        raise RuntimeError(f"executor: a worker died, and what it was sampling is lost ({error}); what was written "
                           "before is whole, and a run can be resumed from there") from error
