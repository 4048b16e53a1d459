"""What a few runs say, and how sure it is (Agarwal et al., 2021): interquartile means with 95% bootstrap intervals."""
import common  # noqa: F401  imports trpo_numpy, which sets the number of threads, before NumPy

import numpy as np
from scipy.stats import bootstrap, trim_mean


def interquartile_mean(returns, axis=-1):
    """The mean of the middle half, which neither one lucky nor one lost run decides."""
    return trim_mean(returns, 0.25, axis=axis)


def interval(statistic, *samples):
    """The 95% percentile interval (low, high) of statistic(*samples), each sample, (seeds,), resampled by itself.

    NaN if a sample has a single run.
    """
    if min(map(len, samples)) < 2:
        return np.nan, np.nan
    result = bootstrap(samples, statistic, method="percentile", n_resamples=2000,
                       random_state=np.random.default_rng(0))
    return result.confidence_interval.low, result.confidence_interval.high


def probability_of_improvement(*samples):
    """P(x > y) + P(x = y) / 2, x and y runs of the first and the second sample, the third and the fourth, and so on.

    The mean over the pairs of samples, which are tasks: each task counts alike.
    """
    return np.mean([np.mean((x[:, None] > y) + 0.5 * (x[:, None] == y)) for x, y in zip(samples[::2], samples[1::2])])


def verdict(low, high, even=0.5):
    """What an interval says of a first sample against a second one."""
    return "better" if low > even else "worse" if high < even else "cannot tell"
