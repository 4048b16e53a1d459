"""pi_theta: a network and a family (Appendix D), and the Jacobian J of its distribution parameters (Appendix C.1).

Shapes: N states, d_s state dimension, d_mu distribution parameters, P parameters. theta is one flat float64 vector
(P,): the network's weights and biases, then what the state does not influence (the Gaussian's log-std r).
"""
from dataclasses import dataclass

import numpy as np

from trpo_numpy.categorical import Categorical
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.mlp import MLP


@dataclass(frozen=True)
class Policy:
    """theta, s -> mu -> pi_theta(.|s). Holds shapes only. Raises ValueError if network and family do not fit.

    A family of your own has what Gaussian has; training and evaluation use all but its grad_kl and grad_entropy.
    """
    network: MLP
    family: Gaussian | Categorical

    def __post_init__(self):
        if self.network.sizes[-1] != self.family.d_output:
            raise ValueError(f"network: got {self.network.sizes[-1]} outputs, wanted the {self.family.d_output} "
                             f"of {self.family}")

    @property
    def n_parameters(self):
        """P."""
        return self.network.n_parameters + self.family.d_free

    def initial(self, rng, log_std):
        """theta (P,): a small last layer, so that the first policy hardly depends on the state; r = log_std."""
        return np.concatenate([self.network.initial(rng, 0.01), np.full(self.family.d_free, float(log_std))])

    def unpack(self, theta):
        """theta (P,) -> the network's [(W_1, b_1), ...] and the free distribution parameters r: views."""
        return self.network.layers(theta), theta[self.network.n_parameters:]

    def act(self, weights, s, rng):
        """a ~ pi_theta(.|s) for one state s (d_s,); weights = unpack(theta)."""
        layers, r = weights
        return self.family.sample(self.network.output(layers, s), r, rng)

    def act_greedily(self, weights, s, rng):
        """The most probable action in s (d_s,), for evaluation; weights = unpack(theta)."""
        layers, r = weights
        return self.family.mode(self.network.output(layers, s), r, rng)

    def append_free(self, output, r):
        """mu = [output, r], the same r in each row: (N, d_output), (d_free,) -> (N, d_mu)."""
        return np.hstack([output, np.broadcast_to(r, (len(output), len(r)))])

    def mu(self, theta, states):
        """mu_theta(s) for states (N, d_s): (N, d_mu)."""
        layers, r = self.unpack(theta)
        return self.append_free(self.network.output(layers, states), r)

    def forward(self, theta, states):
        """mu (N, d_mu), and the network's cache, from which `forward_mode` and `backprop` start."""
        layers, r = self.unpack(theta)
        output, cache = self.network.forward(layers, states)
        return self.append_free(output, r), cache

    def forward_mode(self, theta, cache, v):
        """Jv: how mu (N, d_mu) changes as theta moves along v (P,)."""
        layers, _ = self.unpack(theta)
        _, v_r = self.unpack(v)
        return self.append_free(self.network.forward_mode(layers, cache, v), v_r)

    def backprop(self, theta, cache, u):
        """J'u (P,): the gradient of sum(u * mu) for u (N, d_mu), summed over the states."""
        layers, _ = self.unpack(theta)
        d_output = self.family.d_output
        return np.concatenate([self.network.backprop(layers, cache, u[:, :d_output]), u[:, d_output:].sum(axis=0)])
