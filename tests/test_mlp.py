"""The network: its layout, its output, and the adjoint identity <u, Jv> = <J'u, v>."""
from problems import HIDDEN

import numpy as np
import pytest

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
    assert [(W.shape, b.shape) for W, b in network.layers(theta)] == [
        ((n_out, n_in), (n_out,)) for n_in, n_out in zip(network.sizes, network.sizes[1:])]


def test_mu_by_plain_loops(problem):
    network, theta, x, _ = problem
    layers = network.layers(theta)
    for n, mu_n in enumerate(network.mu(theta, x)):
        h = x[n]
        for depth, (W, b) in enumerate(layers):
            z = [sum(W[j, i] * h[i] for i in range(len(h))) + b[j] for j in range(len(b))]
            h = mlp.activation(np.array(z)) if depth < len(layers) - 1 else np.array(z)
        assert np.allclose(mu_n, h, rtol=1e-13)
        assert np.allclose(mlp.layers_forward(layers, x[n])[0], h, rtol=1e-13)


def test_the_slope_of_the_activation_is_its_derivative():
    z = np.linspace(-3, 3, 60)  # 0 is not among them: there another activation may have a kink
    difference = (mlp.activation(z + 1e-6) - mlp.activation(z - 1e-6)) / 2e-6
    assert np.allclose(mlp.activation_slope(mlp.activation(z)), difference, rtol=0, atol=1e-9)


def test_forward_is_mu_and_the_inputs_of_the_layers(problem):
    network, theta, x, _ = problem
    mu, (inputs, slopes) = network.forward(theta, x)
    assert np.array_equal(mu, network.mu(theta, x)) and np.array_equal(inputs[0], x)
    assert [h.shape for h in inputs] == [(9, size) for size in network.sizes[:-1]]
    assert all(np.array_equal(slope, mlp.activation_slope(h)) for h, slope in zip(inputs[1:], slopes, strict=True))


def test_adjoint(problem):
    network, theta, x, rng = problem
    _, cache = network.forward(theta, x)
    for _ in range(20):
        u, v = rng.standard_normal((len(x), 2)), rng.standard_normal(len(theta))
        left = np.sum(u * network.jvp(theta, cache, v))
        assert left == pytest.approx(network.vjp(theta, cache, u) @ v, rel=1e-12, abs=1e-12)


def test_the_derivatives_change_none_of_their_arguments(problem):
    network, theta, x, rng = problem
    _, cache = network.forward(theta, x)
    u, v = rng.standard_normal((len(x), 2)), rng.standard_normal(len(theta))
    arrays = [theta, x, u, v, *cache[0], *cache[1]]
    before = [array.tobytes() for array in arrays]
    first = network.jvp(theta, cache, v), network.vjp(theta, cache, u)
    again = network.jvp(theta, cache, v), network.vjp(theta, cache, u)
    assert [array.tobytes() for array in arrays] == before
    assert all(a.tobytes() == b.tobytes() for a, b in zip(first, again))


def test_papers_parameter_counts():
    assert MLP((4, 1)).n_parameters + 1 == 6  # cart-pole, Section 8.1: four weights, a bias, and a log-std
    assert MLP((10, 30, 2)).n_parameters + 2 - 30 == 364  # swimmer, Table 2, which leaves out the hidden biases


def test_initial_scale():
    network = MLP((400, 300, 200))
    (W_1, b_1), (W_2, b_2) = network.layers(network.initial(np.random.default_rng(0), 0.01))
    assert W_1.std() == pytest.approx(1 / np.sqrt(400), rel=0.02)
    assert W_2.std() == pytest.approx(0.01 / np.sqrt(300), rel=0.02)
    assert not b_1.any() and not b_2.any()
