"""pi_theta: a network and a family of distributions (Appendix D), and the Jacobian (Appendix C.1).

Shapes: N states, d_s, d_a, d_mu dimensions of state, action and mu, P parameters. theta is a flat
vector (P,): the network's weights and biases, then the r that no state changes (the log-std).
"""
from dataclasses import dataclass

import numpy as np

from trpo_numpy.checks import InputError, check_array
from trpo_numpy.family import Family
from trpo_numpy.mlp import MLP, layers_forward


@dataclass(frozen=True)
class Policy:
    """theta, s -> mu -> pi_theta(.|s). Holds shapes only. InputError if the two do not fit."""
    network: MLP
    family: Family

    def __post_init__(self):
        got, wanted = self.network.sizes[-1], self.family.d_output
        if got != wanted:
            raise InputError(f"network: got {got} outputs, wanted the {wanted} of {self.family}")

    def check(self, theta, states, actions):
        """InputError unless theta (P,), states (N, d_s), actions (N, d_a) fit this policy."""
        check_array("theta", theta, (self.n_parameters,))
        check_array("states", states, ("N", self.network.sizes[0]))
        self.family.check_actions(actions)

    @property
    def n_parameters(self):
        """P."""
        return self.network.n_parameters + self.family.d_free

    def initial(self, rng, log_std):
        """theta (P,): a small last layer: the policy hardly depends on the state; r = log_std."""
        return np.append(self.network.initial(rng, 0.01), [float(log_std)] * self.family.d_free)

    def unpack(self, theta):
        """theta (P,) -> the network's layers [(W_1, b_1), ...], and r: views, not copies."""
        return self.network.layers(theta), theta[self.network.n_parameters:]

    def act(self, parameters, s, rng):
        """a ~ pi_theta(.|s), (d_a,), for one state s (d_s,); parameters is unpack(theta)."""
        layers, r = parameters
        return self.family.sample(layers_forward(layers, s)[0], r, rng)

    def act_greedily(self, parameters, s, rng):
        """The most probable action in s (d_s,), with the arguments of `act`; rng is not used."""
        layers, r = parameters
        return self.family.mode(layers_forward(layers, s)[0], r)

    def mu(self, theta, states):
        """mu_theta(s) (N, d_mu) for states (N, d_s)."""
        return with_r(self.network.mu(theta, states), self.unpack(theta)[1])

    def forward(self, theta, states):
        """mu (N, d_mu), and the network's cache, which `jvp` and `vjp` take."""
        output, cache = self.network.forward(theta, states)
        return with_r(output, self.unpack(theta)[1]), cache

    def jvp(self, theta, cache, v):
        """Jv (N, d_mu): how mu changes as theta moves along v (P,)."""
        return with_r(self.network.jvp(theta, cache, v), self.unpack(v)[1])

    def vjp(self, theta, cache, u):
        """J'u (P,) for u (N, d_mu), summed over the states: the gradient of sum(u * mu)."""
        u_output, u_r = np.split(u, [self.family.d_output], axis=1)
        return np.concatenate([self.network.vjp(theta, cache, u_output), u_r.sum(axis=0)])


def with_r(output, r):
    """mu (N, d_mu) = [output, r], with the same r (d_free,) in each row."""
    return np.hstack([output, np.broadcast_to(r, (len(output), len(r)))])
