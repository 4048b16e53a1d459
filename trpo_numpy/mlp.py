"""The network and its two derivatives, by hand (Appendix D; the J and J' of Appendix C.1).

Shapes: N samples, d_in inputs, d_out outputs, L layers, P parameters. theta is a flat vector (P,):
W_1, b_1, ..., W_L, b_L with W_l (n_out, n_in). Samples are rows: the paper's W x + b is x W' + b.
"""
from dataclasses import dataclass

import numpy as np

activation = np.tanh  # our choice: the paper names none. For another, change the next function too


def activation_slope(h):
    """The derivative of the activation, from its value h = tanh(z): 1 - h^2."""
    return 1 - h * h


def layers_forward(layers, x):
    """The output (N, d_out) for x (N, d_in), or (d_out,) for (d_in,); the inputs [x, h_1, ...]."""
    inputs = [x]
    for W, b in layers[:-1]:
        inputs.append(activation(inputs[-1].dot(W.T) + b))  # tanh(W x + b); dot: faster for one x
    W, b = layers[-1]
    return inputs[-1].dot(W.T) + b, inputs                  # the last layer is linear


def layers_jvp(layers, inputs, slopes, dlayers):
    """Jv (N, d_out), by forward mode. dlayers: v as layers; slopes: dh/dz of each hidden layer."""
    dW, db = dlayers[0]
    dz = inputs[0] @ dW.T + db                                  # z = W x + b, where x is fixed
    for i in range(1, len(layers)):
        (W, _), (dW, db), h = layers[i], dlayers[i], inputs[i]
        dz *= slopes[i - 1]                                     # h = tanh(z): dz is now dh
        dz = dz @ W.T                                           # z = W h + b: the product rule
        dz += h @ dW.T                                          # added in place, which is faster
        dz += db
    return dz


def layers_vjp(layers, inputs, slopes, u):
    """J'u as [(dW_1, db_1), ...], by backpropagation: the gradient of sum(u * mu), u (N, d_out)."""
    gradient = [(u.T @ inputs[-1], u.sum(axis=0))]          # z = W h + b; u: derivative in z
    for i in range(len(layers) - 1, 0, -1):
        u = u @ layers[i][0]                                # through z = W h + b
        u *= slopes[i - 1]                                  # through h = tanh(z)
        gradient.insert(0, (u.T @ inputs[i - 1], u.sum(axis=0)))
    return gradient


@dataclass(frozen=True)
class MLP:
    """A network of sizes (d_in, hidden..., d_out), without its theta."""
    sizes: tuple[int, ...]

    @property
    def n_parameters(self):
        """P, weights and biases."""
        return sum((n_in + 1) * n_out for n_in, n_out in zip(self.sizes, self.sizes[1:]))

    def layers(self, theta):
        """theta (P,) as [(W_1, b_1), ..., (W_L, b_L)]. These are views: nothing is copied."""
        layers, start = [], 0
        for n_in, n_out in zip(self.sizes, self.sizes[1:]):
            end = start + n_in * n_out
            layers.append((theta[start:end].reshape(n_out, n_in), theta[end:end + n_out]))
            start = end + n_out
        return layers

    def initial(self, rng, output_scale):
        """theta (P,): W_l normal with std 1 / sqrt(n_in), W_L times output_scale, b_l = 0."""
        theta = np.zeros(self.n_parameters)
        layers = self.layers(theta)
        for W, _ in layers:
            W[:] = rng.standard_normal(W.shape) / np.sqrt(W.shape[1])
        layers[-1][0][:] *= output_scale
        return theta

    def mu(self, theta, x):
        """mu(x) (N, d_out) for x (N, d_in)."""
        return layers_forward(self.layers(theta), x)[0]

    def forward(self, theta, x):
        """mu(x) (N, d_out), and the cache of `jvp` and `vjp`: the layers' inputs and slopes."""
        mu, inputs = layers_forward(self.layers(theta), x)
        return mu, (inputs, [activation_slope(h) for h in inputs[1:]])

    def jvp(self, theta, cache, v):
        """Jv (N, d_out) for v (P,), at the theta and the x of the cache."""
        return layers_jvp(self.layers(theta), *cache, self.layers(v))

    def vjp(self, theta, cache, u):
        """J'u (P,) for u (N, d_out), summed over the N samples."""
        gradient = layers_vjp(self.layers(theta), *cache, u)
        return np.concatenate([part.ravel() for dlayer in gradient for part in dlayer])
