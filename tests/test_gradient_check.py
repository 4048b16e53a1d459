"""Every derivative of the package, by finite differences, and the proof that none was left out."""
import ast
import importlib
import inspect
import pkgutil
import re
from functools import partial
from types import SimpleNamespace
from unittest import mock

from gradient_check import check_gradient, check_product, extrapolated_difference, random_directions
from mdps import random_mdp, random_policy
from problems import FAMILIES, HIDDEN, random_problem, sample_actions

import numpy as np
import pytest

import trpo_numpy
from trpo_numpy import fisher, mlp, practice, prior_work, surrogate, vine
from trpo_numpy.expected_return import exact_surrogate, grad_exact_surrogate
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy
from trpo_numpy.practice import baseline, blocks

DERIVATIVE = re.compile(r"^(grad_.*|.*_product|(.*_)?jvp|(.*_)?vjp)$")


def directions(p, P):
    """Along random directions, and by coordinate."""
    return np.vstack([random_directions(p.rng, 10, P), np.eye(P)])


def check_through_mu(p, theta, f, df_dmu, K=1):
    """f(mu) is a scalar with the derivative df_dmu(mu), for K rows of mu per state: checked with respect to theta."""
    states = np.repeat(p.batch.states, K, axis=0)
    mu, cache = p.policy.forward(theta, states)
    gradient = p.policy.vjp(theta, cache, df_dmu(mu))
    check_gradient(lambda t: f(p.policy.mu(t, states)), gradient, theta, directions(p, len(theta)))


def check_log_prob(p, theta):
    check_through_mu(p, theta, lambda mu: p.family.log_prob(mu, p.batch.actions).sum(),
                     lambda mu: p.family.grad_log_prob(mu, p.batch.actions))


def check_kl(p, theta):
    check_through_mu(p, theta, lambda mu: p.family.kl(p.mu_old, mu).sum(), lambda mu: p.family.grad_kl(p.mu_old, mu))


def check_M_product(p, theta):
    """M is the Hessian of kl at old = new: the change of grad_kl as the new mu moves."""
    mu = p.policy.mu(theta, p.batch.states)
    check_product(lambda m: p.family.grad_kl(mu, m.reshape(mu.shape)).ravel(),
                  lambda y: p.family.M_product(mu, y.reshape(mu.shape)).ravel(),
                  mu.ravel(), directions(p, mu.size))


def check_surrogate(p, theta):
    arguments = (p.batch.actions, p.batch.Q, p.log_q)
    check_through_mu(p, theta, lambda mu: surrogate.surrogate(p.family, mu, *arguments),
                     lambda mu: surrogate.grad_surrogate(p.family, mu, *arguments))


def check_vine_surrogate(p, theta, K=3):
    actions = sample_actions(p.policy, p.theta_old, p.batch.states, p.rng, K)
    log_q = p.family.log_prob(np.repeat(p.mu_old, K, axis=0), actions)
    Q = p.rng.standard_normal(len(actions))
    check_through_mu(p, theta, lambda mu: vine.vine_surrogate(K, p.family, mu, actions, Q, log_q),
                     lambda mu: vine.grad_vine_surrogate(K, p.family, mu, actions, Q, log_q), K)


def check_mean_kl(p, theta):
    check_through_mu(p, theta, lambda mu: fisher.mean_kl(p.family, p.mu_old, mu),
                     lambda mu: fisher.grad_mean_kl(p.family, p.mu_old, mu))


def check_policy_vjp(p, theta):
    u = p.rng.standard_normal(p.mu_old.shape)
    check_through_mu(p, theta, lambda mu: (u * mu).sum(), lambda mu: u)


def check_policy_jvp(p, theta):
    _, cache = p.policy.forward(theta, p.batch.states)
    check_product(lambda t: p.policy.mu(t, p.batch.states).ravel(), lambda v: p.policy.jvp(theta, cache, v).ravel(),
                  theta, directions(p, len(theta)))


def network_of(p, theta):
    """The policy's network, its part of theta, and u (N, d_out)."""
    network = p.policy.network
    u = p.rng.standard_normal((len(p.batch.states), network.sizes[-1]))
    return network, theta[:network.n_parameters].copy(), u


def check_network_vjp(p, theta):
    network, theta, u = network_of(p, theta)
    _, cache = network.forward(theta, p.batch.states)
    check_gradient(lambda t: (u * network.mu(t, p.batch.states)).sum(), network.vjp(theta, cache, u),
                   theta, directions(p, len(theta)))


def check_network_jvp(p, theta):
    network, theta, _ = network_of(p, theta)
    _, cache = network.forward(theta, p.batch.states)
    check_product(lambda t: network.mu(t, p.batch.states).ravel(), lambda v: network.jvp(theta, cache, v).ravel(),
                  theta, directions(p, len(theta)))


def check_layers_vjp(p, theta):
    network, theta, u = network_of(p, theta)
    _, inputs = mlp.layers_forward(network.layers(theta), p.batch.states)
    slopes = [mlp.activation_slope(h) for h in inputs[1:]]
    dlayers = mlp.layers_vjp(network.layers(theta), inputs, slopes, u)
    check_gradient(lambda t: (u * mlp.layers_forward(network.layers(t), p.batch.states)[0]).sum(),
                   np.concatenate([part.ravel() for layer in dlayers for part in layer]),
                   theta, directions(p, len(theta)))


def check_layers_jvp(p, theta):
    network, theta, _ = network_of(p, theta)
    _, inputs = mlp.layers_forward(network.layers(theta), p.batch.states)
    slopes = [mlp.activation_slope(h) for h in inputs[1:]]
    check_product(lambda t: mlp.layers_forward(network.layers(t), p.batch.states)[0].ravel(),
                  lambda v: mlp.layers_jvp(network.layers(theta), inputs, slopes, network.layers(v)).ravel(),
                  theta, directions(p, len(theta)))


def in_blocks_of_three(check, p, theta):
    """The check with a network of the same sizes that takes its samples in blocks of three."""
    blocked = Policy(blocks.BlockedMLP(p.policy.network.sizes), p.family)
    with mock.patch.object(blocks, "BLOCK", 3):
        check(SimpleNamespace(**{**vars(p), "policy": blocked}), theta)


def check_fisher_vector_product(p, theta):
    """J'MJ is the Hessian of the mean KL at theta_old, whichever theta_old it is."""
    mu_old, cache_old = p.policy.forward(theta, p.batch.states)

    def gradient_of_kl(t):
        mu, cache = p.policy.forward(t, p.batch.states)
        return p.policy.vjp(t, cache, fisher.grad_mean_kl(p.family, mu_old, mu))

    check_product(gradient_of_kl, lambda y: fisher.fisher_vector_product(p.policy, theta, cache_old, mu_old, y),
                  theta, directions(p, len(theta)))


def check_empirical_fisher_product(p, theta):
    """1/N sum_n w_n grad log pi(a_n|s_n) (grad log pi(a_n|s_n))'y."""
    weights = p.rng.random(len(p.batch.states))
    mu, cache = p.policy.forward(theta, p.batch.states)
    scores = p.family.grad_log_prob(mu, p.batch.actions)

    def log_prob(t):
        return p.family.log_prob(p.policy.mu(t, p.batch.states), p.batch.actions)

    for y in random_directions(p.rng, 10, len(theta)):
        along = extrapolated_difference(log_prob, theta, y)
        check_gradient(lambda t: np.mean(weights * along * log_prob(t)),
                       prior_work.empirical_fisher_product(p.policy, theta, cache, scores, weights, y),
                       theta, random_directions(p.rng, 3, len(theta)))


def value_network(p, theta):
    network = MLP((*p.policy.network.sizes[:-1], 1))
    return network, np.resize(theta, network.n_parameters)


def check_value_loss(p, theta):
    network, phi = value_network(p, theta)
    V, cache = network.forward(phi, p.batch.states)
    targets = p.batch.Q
    gradient = network.vjp(phi, cache, baseline.grad_value_loss(V[:, 0], targets)[:, None])
    check_gradient(lambda t: 0.5 * np.mean((network.mu(t, p.batch.states)[:, 0] - targets) ** 2),
                   gradient, phi, directions(p, len(phi)))


def check_gauss_newton_product(p, theta):
    """Where the targets are met J'J / N is the Hessian of the loss: what it leaves out has the errors as a factor."""
    network, phi = value_network(p, theta)
    targets, cache_phi = network.forward(phi, p.batch.states)

    def gradient_of_loss(t):
        V, cache = network.forward(t, p.batch.states)
        return network.vjp(t, cache, baseline.grad_value_loss(V, targets))

    check_product(gradient_of_loss, lambda y: baseline.gauss_newton_product(network, phi, cache_phi, y),
                  phi, directions(p, len(phi)))


def check_exact_surrogate(p, theta):
    """With respect to pi. (test_exact_surrogate.py has the gradient with respect to theta.)"""
    mdp, pi_old = random_mdp(p.rng, 4, 3, 0.9), random_policy(p.rng, 4, 3)
    check_gradient(lambda pi: exact_surrogate(mdp, pi_old, pi.reshape(4, 3)),
                   grad_exact_surrogate(mdp, pi_old).ravel(), random_policy(p.rng, 4, 3).ravel(), np.eye(12))


CHECKS = {
    "trpo_numpy.mlp.layers_jvp": check_layers_jvp,
    "trpo_numpy.mlp.layers_vjp": check_layers_vjp,
    "trpo_numpy.mlp.MLP.jvp": check_network_jvp,
    "trpo_numpy.mlp.MLP.vjp": check_network_vjp,
    "trpo_numpy.practice.blocks.BlockedMLP.jvp": partial(in_blocks_of_three, check_network_jvp),
    "trpo_numpy.practice.blocks.BlockedMLP.vjp": partial(in_blocks_of_three, check_network_vjp),
    "trpo_numpy.policy.Policy.jvp": check_policy_jvp,
    "trpo_numpy.policy.Policy.vjp": check_policy_vjp,
    "trpo_numpy.expected_return.grad_exact_surrogate": check_exact_surrogate,
    "trpo_numpy.surrogate.grad_surrogate": check_surrogate,
    "trpo_numpy.vine.grad_vine_surrogate": check_vine_surrogate,
    "trpo_numpy.fisher.grad_mean_kl": check_mean_kl,
    "trpo_numpy.fisher.fisher_vector_product": check_fisher_vector_product,
    "trpo_numpy.prior_work.empirical_fisher_product": check_empirical_fisher_product,
    "trpo_numpy.practice.baseline.grad_value_loss": check_value_loss,
    "trpo_numpy.practice.baseline.gauss_newton_product": check_gauss_newton_product,
}
FAMILY_CHECKS = {"grad_log_prob": check_log_prob, "grad_kl": check_kl, "M_product": check_M_product}


def name_in_family(family, method):
    """module.Class.method, where the class is the one that defines the method."""
    function = getattr(type(family), method)
    return f"{function.__module__}.{function.__qualname__}"


CASES = [(name, check, family) for name, check in CHECKS.items() for family in FAMILIES]
CASES += [(name_in_family(family, method), check, family) for method, check in FAMILY_CHECKS.items()
          for family in FAMILIES]


def derivatives(source, prefix):
    """prefix.name for each function or method in the source whose name says that it computes a derivative."""
    found = set()

    def visit(node, prefix):
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.FunctionDef | ast.ClassDef):
                visit(child, prefix)
                continue
            name = f"{prefix}.{child.name}"
            if isinstance(child, ast.FunctionDef) and DERIVATIVE.match(child.name):
                found.add(name)
            if not any(ast.unparse(base) == "Protocol" for base in getattr(child, "bases", [])):  # which has no code
                visit(child, name)

    visit(ast.parse(source), prefix)
    return found


def test_every_derivative_has_a_check():
    """Those of trpo_numpy, of trpo_numpy.practice, and of the modules that the families of problems.FAMILIES are in."""
    modules = {f"{package.__name__}.{module.name}" for package in (trpo_numpy, practice)
               for module in pkgutil.iter_modules(package.__path__)}
    modules |= {type(family).__module__ for family in FAMILIES}
    found = set()
    for name in modules:
        found |= derivatives(inspect.getsource(importlib.import_module(name)), name)
    assert found == {name for name, _, _ in CASES}


def test_a_derivative_is_found_wherever_it_is_defined():
    source = """
def grad_f(): ...
class Shape(Protocol):
    def grad_g(self): ...
class C:
    def A_product(self):
        def jvp(): ...
if True:
    def f_vjp(): ...
def gradient(): ...
"""
    assert derivatives(source, "m") == {"m.grad_f", "m.C.A_product", "m.C.A_product.jvp", "m.f_vjp"}


@pytest.mark.parametrize("at", ["theta_old", "theta"])
@pytest.mark.parametrize("hidden", HIDDEN, ids=len)
@pytest.mark.parametrize("name, check, family", CASES, ids=[f"{name}-{family}" for name, _, family in CASES])
def test_derivative(name, check, family, hidden, at):
    p = random_problem(family, hidden)
    check(p, getattr(p, at))


def test_check_prints_analytic_beside_numeric():
    table = r"analytic, numeric, relative error\n\+6\.0+e\+00  \+[34]\.[09]+.*e\+00  3\.\de-01"
    with pytest.raises(AssertionError, match=table):
        check_gradient(lambda x: x @ x, np.array([6.0]), np.array([2.0]), np.eye(1))


def test_check_finds_one_wrong_coordinate_and_nan():
    x = np.arange(1.0, 5.0)
    check_gradient(lambda x: x @ x, 2 * x, x, np.eye(4))
    for wrong in (2 * x + np.array([0, 0, 1e-5, 0]), np.full(4, np.nan)):
        with pytest.raises(AssertionError):
            check_gradient(lambda x: x @ x, wrong, x, np.eye(4))
