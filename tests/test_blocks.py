"""A network that takes its samples in blocks: the same numbers as without, up to rounding."""
import numpy as np
import pytest

from trpo_numpy.mlp import MLP
from trpo_numpy.practice import blocks
from trpo_numpy.practice.blocks import BlockedMLP, in_blocks


def results(network, theta, x, u, v):
    """All that its methods return, as one vector."""
    mu, cache = network.forward(theta, x)
    parts = mu, network.mu(theta, x), network.jvp(theta, cache, v), network.vjp(theta, cache, u)
    return np.concatenate([part.ravel() for part in parts])


@pytest.mark.parametrize("sizes", [(3, 2), (3, 8, 2), (3, 5, 4, 2)])
@pytest.mark.parametrize("block, n_blocks", [(512, 1), (4, 2), (3, 3)])  # 9 samples: in one block; 4, 5; 3, 3, 3
def test_blocks_change_nothing_but_rounding(sizes, block, n_blocks, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", block)
    rng, network = np.random.default_rng(0), BlockedMLP(sizes)
    theta, x, u = network.initial(rng, 1.0), rng.standard_normal((9, 3)), rng.standard_normal((9, 2))
    v = rng.standard_normal(len(theta))
    assert len(network.forward(theta, x)[1]) == n_blocks
    assert np.allclose(results(network, theta, x, u, v), results(MLP(sizes), theta, x, u, v), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("N, sizes", [(1, [1]), (2, [2]), (4, [4]), (5, [5]), (6, [4, 2]), (8, [4, 4]), (9, [4, 5])])
def test_no_block_has_a_single_row_unless_it_is_the_only_one(N, sizes, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 4)
    parts = in_blocks(np.arange(N))
    assert [len(part) for part in parts] == sizes and np.array_equal(np.concatenate(parts), np.arange(N))
