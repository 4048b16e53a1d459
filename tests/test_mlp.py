"""The network: its layout, its output, and the adjoint identity <u, Jv> = <J'u, v>."""
import numpy as np
import pytest
from problems import HIDDEN

from trpo_numpy import mlp
from trpo_numpy.mlp import MLP


@pytest.fixture(params=HIDDEN, ids=len)
def problem(request):
    network, rng = MLP((3, *request.param, 2)), np.random.default_rng(0)
    theta = rng.standard_normal(network.n_parameters)
    return network, theta, rng.standard_normal((9, 3)), rng


def test_layers_are_views_that_cover_theta(problem):
    network, theta, _, _ = problem
    flat = np.concatenate([part.ravel() for layer in network.layers(theta) for part in layer])
    assert np.array_equal(flat, theta)
    assert all(np.shares_memory(part, theta) for layer in network.layers(theta) for part in layer)


def test_output_by_plain_loops(problem):
    network, theta, x, _ = problem
    layers = network.layers(theta)
    for n, mu_n in enumerate(network.output(layers, x)):
        h = x[n]
        for depth, (W, b) in enumerate(layers):
            z = [sum(W[j, i] * h[i] for i in range(len(h))) + b[j] for j in range(len(b))]
            h = np.tanh(z) if depth < len(layers) - 1 else np.array(z)
        assert np.allclose(mu_n, h, rtol=1e-13)
        assert np.allclose(network.output(layers, x[n]), h, rtol=1e-13)


def test_forward_is_output(problem):
    network, theta, x, _ = problem
    mu, _ = network.forward(network.layers(theta), x)
    assert np.array_equal(mu, network.output(network.layers(theta), x))


def test_adjoint(problem):
    network, theta, x, rng = problem
    layers = network.layers(theta)
    _, cache = network.forward(layers, x)
    for _ in range(20):
        u, v = rng.standard_normal((len(x), 2)), rng.standard_normal(len(theta))
        left = np.sum(u * network.forward_mode(layers, cache, v))
        right = network.backprop(layers, cache, u) @ v
        assert left == pytest.approx(right, rel=1e-12, abs=1e-12)


def test_blocks_change_nothing_but_rounding(problem, monkeypatch):
    network, theta, x, rng = problem
    layers, u, v = network.layers(theta), rng.standard_normal((len(x), 2)), rng.standard_normal(len(theta))
    results = []
    for block in (512, 4):  # 9 samples in one block; in blocks of 4, 4 and 1
        monkeypatch.setattr(mlp, "BLOCK", block)
        mu, cache = network.forward(layers, x)
        assert len(cache) == (1 if block == 512 else 3)
        results.append(np.concatenate([mu.ravel(), network.output(layers, x).ravel(),
                                       network.forward_mode(layers, cache, v).ravel(),
                                       network.backprop(layers, cache, u)]))
    assert np.allclose(*results, rtol=1e-12, atol=1e-13)


def test_a_cache_too_large_to_keep_is_computed_anew_to_the_same_bytes(problem, monkeypatch):
    network, theta, x, rng = problem
    layers, u, v = network.layers(theta), rng.standard_normal((len(x), 2)), rng.standard_normal(len(theta))
    results = []
    for most, kind in [(mlp.MAX_CACHE, list), (-1, mlp.Blocks)]:
        monkeypatch.setattr(mlp, "MAX_CACHE", most)
        mu, cache = network.forward(layers, x)
        assert type(cache) is kind
        results.append([mu.tobytes(), network.forward_mode(layers, cache, v).tobytes(),
                        network.backprop(layers, cache, u).tobytes()])
    assert results[0] == results[1]


def test_papers_parameter_counts():
    assert MLP((4, 1)).n_parameters + 1 == 6  # cart-pole, Section 8.1: four weights, a bias, and a log-std
    assert MLP((10, 30, 2)).n_parameters + 2 - 30 == 364  # swimmer, Table 2, which leaves out the hidden biases


def test_initial_scale():
    network = MLP((400, 300, 200))
    (W_1, b_1), (W_2, b_2) = network.layers(network.initial(np.random.default_rng(0), 0.01))
    assert W_1.std() == pytest.approx(1 / np.sqrt(400), rel=0.02)
    assert W_2.std() == pytest.approx(0.01 / np.sqrt(300), rel=0.02)
    assert not b_1.any() and not b_2.any()
