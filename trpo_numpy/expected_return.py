"""Discounted sums along a sampled path (Section 2)."""
from scipy.signal import lfilter


def discounted_sums(x, discount):
    """y_t = sum_l discount^l x_{t+l}, (T,) -> (T,): with x the rewards, the sampled Q(s_t, a_t) of Section 2."""
    return lfilter([1.0], [1.0, -discount], x[::-1])[::-1]
