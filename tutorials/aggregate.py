"""What several runs say, and how sure it is (Agarwal et al., 2021): interquartile means with 95% bootstrap intervals.

A run is a row of a CSV: the mean raw return of 20 episodes without noise after training, by task, variant, steps, seed.
"""
import csv
from collections import defaultdict
from pathlib import Path

from experiment import all_runs, complete_runs, is_done

import numpy as np
from scipy.stats import bootstrap, mannwhitneyu, trim_mean

from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.evaluation import greedy_returns
from trpo_numpy.practice.run_folder import load_policy, read_progress
from trpo_numpy.practice.training import policy_and_baseline, train

COLUMNS = "env_id", "variant", "timesteps", "seed", "mean_return", "seconds"
RESULTS = Path(__file__).parent / "results"


def interquartile_mean(returns, axis=-1):
    """The mean of the middle half, which neither one lucky nor one lost run decides."""
    return trim_mean(returns, 0.25, axis=axis)


def interval(statistic, *samples):
    """The 95% percentile interval (low, high) of statistic(*samples), each sample, (seeds,), resampled by itself.

    NaN if a sample has a single run.
    """
    if min(map(len, samples)) < 2:
        return np.nan, np.nan
    result = bootstrap(samples, statistic, method="percentile", n_resamples=50_000, batch=5_000,
                       random_state=np.random.default_rng(0))
    return result.confidence_interval.low, result.confidence_interval.high


def probability_of_improvement(*samples, axis=-1):
    """P(x > y) + P(x = y) / 2, x and y runs of the first and the second sample, the third and the fourth, and so on.

    The mean over the pairs of samples, which are tasks: each task counts alike. The last axis is that of the runs;
    before it the bootstrap has one for its resamples.
    """
    pairs = [(x[..., :, None], y[..., None, :]) for x, y in zip(samples[::2], samples[1::2])]
    return np.mean([((x > y) + 0.5 * (x == y)).mean(axis=(-2, -1)) for x, y in pairs], axis=0)


def verdict(low, high, even=0.5):
    """What an interval says of a first sample against a second one."""
    return "better" if low > even else "worse" if high < even else "cannot tell"


def p_value(*samples):
    """The p of Mann and Whitney's rank test of two samples; for more, of a permutation test of their probability.

    It exchanges the runs of the two samples of each pair at random, 50,000 times.
    """
    if len(samples) == 2:
        return mannwhitneyu(*samples).pvalue
    rng, exchanged = np.random.default_rng(0), []
    for x, y in zip(samples[::2], samples[1::2]):
        runs = rng.permuted(np.tile(np.concatenate([x, y]), (50_000, 1)), axis=1)
        exchanged += [runs[:, :len(x)], runs[:, len(x):]]
    distance = abs(probability_of_improvement(*samples) - 0.5)
    return np.mean(abs(probability_of_improvement(*exchanged) - 0.5) > distance - 1e-9)


def judge(*samples):
    """The verdict on the first sample of each pair beside the second: "better" or "worse" if interval and p agree.

    The interval of the probability of improvement must leave out one half. It is a little narrow for few runs, so
    `p_value` must be below 5% too. Each sample must have five runs.
    """
    if min(map(len, samples)) < 5:
        return "too few runs"
    said = verdict(*interval(probability_of_improvement, *samples))
    return said if p_value(*samples) < 0.05 else "cannot tell"


def read_rows(path):
    """The rows of a CSV with these COLUMNS, {(task, variant, timesteps, seed): row}; none if it is not there.

    Without a column "variant", as in peer.csv, all are the default.
    """
    if not path.exists():
        return {}
    with open(path, newline="") as file:
        return {(row["env_id"], row.get("variant", "default"), int(row["timesteps"]), int(row["seed"])): row
                for row in csv.DictReader(file)}


def read_returns(path, tasks, variant="default"):
    """{task: returns (seeds,)} of the rows of a variant, for tasks {task: timesteps}; a task without rows is left out.

    A run that its numbers stopped has the return NaN in the CSV, and minus infinity here: it is below any other.
    """
    returns = defaultdict(list)
    for (task, its_variant, timesteps, _), row in sorted(read_rows(path).items(), key=lambda item: item[0][3]):
        if its_variant == variant and timesteps == tasks.get(task):
            returns[task].append(np.nan_to_num(float(row["mean_return"]), nan=-np.inf))
    return {task: np.array(returns[task]) for task in tasks if task in returns}


def evaluate(run, parent, n_episodes=20):
    """The mean raw return of n_episodes without noise; NaN for a run that its numbers stopped."""
    folder = Path(parent, run.folder)
    if (folder / "stopped.txt").exists():
        return np.nan
    env = make_env(run.config)
    policy, _ = policy_and_baseline(env, run.config)
    theta, scaling = load_policy(folder, policy)
    return np.mean(list(greedy_returns(env, policy, theta, scaling, run.config.seed, n_episodes)))


def complete_rows(configs, seeds, parent, path, workers, loops=None):
    """Trains configs {(task, variant): Config} that have no row in the CSV yet, and appends their rows, seed by seed.

    loops are {variant: loop}, for those that `train` alone does not do.
    Runs are kept in the folder parent until they have a row, so that the same command goes on where it was stopped.
    """
    names = {f"{task} {variant}": (task, variant) for task, variant in configs}
    for seed in seeds:
        there = read_rows(path)
        methods = {name: ((loops or {}).get(key[1], train), configs[key]) for name, key in names.items()
                   if (*key, configs[key].timesteps, seed) not in there}
        runs = all_runs(methods, [seed])
        complete_runs(runs, parent, workers)
        with open(path, "a", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if not there and file.tell() == 0:
                writer.writerow(COLUMNS)
            for run in runs:
                assert is_done(run, parent)
                progress = read_progress(Path(parent, run.folder))
                seconds = progress["seconds_sampling"].sum() + progress["seconds_updating"].sum()
                writer.writerow([*names[run.method], run.config.timesteps, seed, round(evaluate(run, parent), 1),
                                 round(seconds)])
