"""Discounted sums along a sampled path (Section 2)."""


def discounted_sums(x, discount):
    """y_t = sum_l discount^l x_{t+l}, (T,) -> (T,): with x the rewards, the sampled Q(s_t, a_t) of Section 2."""
    from scipy.signal import lfilter  # here, because it takes half a second to import
    return lfilter([1.0], [1.0, -discount], x[::-1])[::-1]  # y_t = x_t + discount y_{t+1}
