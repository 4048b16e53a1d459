"""The network and its two derivatives, by hand (Appendix D; the J and J' of Appendix C.1).

Shapes: N samples, d_in inputs, d_out outputs, L layers, P parameters. theta is one flat vector (P,), laid out
W_1, b_1, ..., W_L, b_L with W_l (n_out, n_in). A sample is a row: where the paper writes W x + b, N rows are x W' + b.
"""
from dataclasses import dataclass

import numpy as np

from trpo_numpy.record import brief_repr

BLOCK = 512  # samples worked on at a time, so that what they need stays in the processor's cache
MAX_CACHE = 2 ** 30  # bytes: 1 GiB


@dataclass(frozen=True)
class Blocks:
    """What the derivatives need of x (N, d_in), a BLOCK at a time: (inputs, slopes), as `MLP.forward` has them."""
    layers: list
    x: np.ndarray
    __repr__ = brief_repr

    def __iter__(self):
        for start in range(0, len(self.x), BLOCK):
            inputs, slopes = [self.x[start:start + BLOCK]], []
            for W, b in self.layers[:-1]:
                h = np.tanh(inputs[-1].dot(W.T) + b)
                inputs.append(h)
                slopes.append(1 - h * h)
            yield inputs, slopes


@dataclass(frozen=True)
class MLP:
    """mu(x): fully connected layers (Appendix D), the hidden ones followed by tanh (our choice), the last one linear.

    sizes = (d_in, hidden..., d_out); (d_in, d_out), without hidden layers, is a linear map. The object holds
    sizes only: the parameters are an argument of every function that uses them. Raises ValueError for other sizes.
    """
    sizes: tuple

    def __post_init__(self):
        if len(self.sizes) < 2 or not all(isinstance(size, int) and size >= 1 for size in self.sizes):
            raise ValueError(f"sizes: got {self.sizes!r}, wanted two whole numbers or more, each at least 1")

    @property
    def n_parameters(self):
        """P, weights and biases."""
        return sum((n_in + 1) * n_out for n_in, n_out in zip(self.sizes, self.sizes[1:]))

    def layers(self, theta):
        """theta (P,) as [(W_1, b_1), ..., (W_L, b_L)]: views, nothing is copied."""
        layers, start = [], 0
        for n_in, n_out in zip(self.sizes, self.sizes[1:]):
            end = start + n_in * n_out
            layers.append((theta[start:end].reshape(n_out, n_in), theta[end:end + n_out]))
            start = end + n_out
        return layers

    def initial(self, rng, output_scale):
        """theta (P,): W_l normal with standard deviation 1/sqrt(n_in), W_L times output_scale, b_l = 0."""
        theta = np.zeros(self.n_parameters)
        layers = self.layers(theta)
        for W, _ in layers:
            W[:] = rng.standard_normal(W.shape) / np.sqrt(W.shape[1])
        layers[-1][0][:] *= output_scale
        return theta

    def output(self, layers, x):
        """mu(x): x (N, d_in) or (d_in,) -> (N, d_out) or (d_out,)."""
        if x.ndim == 2 and len(x) > BLOCK + 1:  # a row alone would be rounded differently
            return np.concatenate([self.output(layers, part) for part in np.split(x, range(BLOCK, len(x) - 1, BLOCK))])
        *hidden, (W_L, b_L) = layers
        for W, b in hidden:
            x = np.tanh(x.dot(W.T) + b)
        return x.dot(W_L.T) + b_L

    def forward(self, layers, x):
        """mu(x) (N, d_out), and the cache from which `forward_mode` and `backprop` take its derivatives at this theta.

        The cache has (inputs, slopes) for each BLOCK of samples: the input h_{l-1} of each layer and, for each hidden
        layer, tanh'(z) = 1 - tanh(z)^2. Above MAX_CACHE bytes it is not kept, but computed block by block at each use.
        """
        blocks = Blocks(layers, x)
        if 16 * len(x) * sum(self.sizes[1:-1]) <= MAX_CACHE:
            blocks = list(blocks)
        W_L, b_L = layers[-1]
        return np.concatenate([inputs[-1].dot(W_L.T) + b_L for inputs, _ in blocks]), blocks

    def forward_mode(self, layers, cache, v):
        """Jv (N, d_out): how mu changes as theta moves along v (P,)."""
        dlayers = self.layers(v)
        dmu = []
        for inputs, slopes in cache:
            dW, db = dlayers[0]
            dz = inputs[0] @ dW.T  # z = W x + b, and x does not depend on theta
            dz += db
            for (W, _), (dW, db), h, slope in zip(layers[1:], dlayers[1:], inputs[1:], slopes):
                dh = np.multiply(dz, slope, out=dz)  # h = tanh(z)
                dz = dh @ W.T  # z = W h + b
                dz += h @ dW.T
                dz += db
            dmu.append(dz)
        return np.concatenate(dmu)

    def backprop(self, layers, cache, u):
        """J'u (P,): the gradient of sum(u * mu) with respect to theta, for u (N, d_out)."""
        gradient = np.zeros(self.n_parameters)
        dlayers = self.layers(gradient)  # views: adding to dW and db fills gradient
        end = 0
        for inputs, slopes in cache:
            start, end = end, end + len(inputs[0])
            dz = u[start:end]
            for layer in reversed(range(len(layers))):
                (W, _), (dW, db) = layers[layer], dlayers[layer]
                dW += dz.T @ inputs[layer]  # z = W h + b
                db += dz.sum(axis=0)
                if layer:
                    dh = dz @ W
                    dz = np.multiply(dh, slopes[layer - 1], out=dh)  # h = tanh(z)
        return gradient
