"""Discounted sums against a plain loop."""
import numpy as np
import pytest

from trpo_numpy.expected_return import discounted_sums


@pytest.mark.parametrize("discount", [0.0, 0.5, 0.99, 1.0])
def test_discounted_sums_by_a_plain_loop(discount):
    x = np.random.default_rng(0).standard_normal(50)
    expected = [sum(discount ** k * x[t + k] for k in range(50 - t)) for t in range(50)]
    assert np.allclose(discounted_sums(x, discount), expected, rtol=1e-12, atol=1e-12)
