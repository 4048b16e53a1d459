"""Every derivative of the package, by finite differences, and the proof that none was left out."""
import importlib
import inspect
import pkgutil
import re

import numpy as np
import pytest
from problems import FAMILIES, HIDDEN, random_problem

import trpo_numpy
from trpo_numpy import baseline, fisher, prior_work, surrogate, vine
from trpo_numpy.categorical import Categorical
from trpo_numpy.expected_return import random_mdp, random_policy
from trpo_numpy.gradient_check import check_gradient, check_product, extrapolated_difference, random_directions
from trpo_numpy.mlp import MLP
from trpo_numpy.policy import Policy

DERIVATIVE = re.compile(r"^(grad_.*|.*_product|forward_mode|backprop)$")


def directions(p, P):
    """Along random directions, and by coordinate."""
    return np.vstack([random_directions(p.rng, 10, P), np.eye(P)])


def check_through_mu(p, theta, f, df_dmu):
    """f(mu) is a scalar with the derivative df_dmu(mu) (N, d_mu): checked with respect to theta, by way of J'."""
    mu, cache = p.policy.forward(theta, p.batch.states)
    gradient = p.policy.backprop(theta, cache, df_dmu(mu))
    check_gradient(lambda t: f(p.policy.mu(t, p.batch.states)), gradient, theta, directions(p, len(theta)))


def check_log_prob(p, theta):
    check_through_mu(p, theta, lambda mu: p.family.log_prob(mu, p.batch.actions).sum(),
                     lambda mu: p.family.grad_log_prob(mu, p.batch.actions))


def check_kl(p, theta):
    check_through_mu(p, theta, lambda mu: p.family.kl(p.mu_old, mu).sum(), lambda mu: p.family.grad_kl(p.mu_old, mu))


def check_entropy(p, theta):
    check_through_mu(p, theta, lambda mu: p.family.entropy(mu).sum(), lambda mu: p.family.grad_entropy(mu))


def check_surrogate(p, theta):
    arguments = (p.batch.actions, p.batch.advantages, p.log_q)
    check_through_mu(p, theta, lambda mu: surrogate.surrogate(p.family, mu, *arguments),
                     lambda mu: surrogate.grad_surrogate(p.family, mu, *arguments))


def vine_arguments(p, K=3):
    """K actions of pi_theta_old in each state, their Q, and log q."""
    layers, r = p.policy.unpack(p.theta_old)
    actions = p.family.sample(np.repeat(p.policy.network.output(layers, p.batch.states), K, axis=0), r, p.rng)
    return actions, p.rng.standard_normal(len(actions)), surrogate.log_prob(p.family, p.mu_old, actions)


def check_vine_surrogate(p, theta):
    arguments = vine_arguments(p)
    check_through_mu(p, theta, lambda mu: vine.vine_surrogate(p.family, mu, *arguments),
                     lambda mu: vine.grad_vine_surrogate(p.family, mu, *arguments))
    check_through_mu(p, theta, lambda mu: surrogate.surrogate(p.family, mu, *arguments),
                     lambda mu: surrogate.grad_surrogate(p.family, mu, *arguments))  # Eq. (14) with K > 1 too


def check_all_actions_surrogate(p, theta):
    arguments = vine_arguments(p)
    check_through_mu(p, theta, lambda mu: vine.all_actions_surrogate(p.family, mu, *arguments),
                     lambda mu: vine.grad_all_actions_surrogate(p.family, mu, *arguments))


def check_mean_kl(p, theta):
    check_through_mu(p, theta, lambda mu: surrogate.mean_kl(p.family, p.mu_old, mu),
                     lambda mu: surrogate.grad_mean_kl(p.family, p.mu_old, mu))


def check_policy_backprop(p, theta):
    u = p.rng.standard_normal(p.mu_old.shape)
    check_through_mu(p, theta, lambda mu: (u * mu).sum(), lambda mu: u)


def check_policy_forward_mode(p, theta):
    _, cache = p.policy.forward(theta, p.batch.states)
    check_product(lambda t: p.policy.mu(t, p.batch.states).ravel(),
                  lambda v: p.policy.forward_mode(theta, cache, v).ravel(), theta, directions(p, len(theta)))


def network_and_theta(p, theta):
    network = p.policy.network
    return network, theta[:network.n_parameters].copy()


def check_mlp_backprop(p, theta):
    network, theta = network_and_theta(p, theta)
    u = p.rng.standard_normal((len(p.batch.states), network.sizes[-1]))
    _, cache = network.forward(network.layers(theta), p.batch.states)
    check_gradient(lambda t: (u * network.output(network.layers(t), p.batch.states)).sum(),
                   network.backprop(network.layers(theta), cache, u), theta, directions(p, len(theta)))


def check_mlp_forward_mode(p, theta):
    network, theta = network_and_theta(p, theta)
    _, cache = network.forward(network.layers(theta), p.batch.states)
    check_product(lambda t: network.output(network.layers(t), p.batch.states).ravel(),
                  lambda v: network.forward_mode(network.layers(theta), cache, v).ravel(),
                  theta, directions(p, len(theta)))


def check_family_M_product(p, theta):
    """M is the Hessian of kl at old = new: the change of grad_kl as the new mu moves."""
    mu = p.policy.mu(theta, p.batch.states)
    check_product(lambda m: p.family.grad_kl(mu, m.reshape(mu.shape)).ravel(),
                  lambda y: p.family.M_product(mu, y.reshape(mu.shape)).ravel(),
                  mu.ravel(), directions(p, mu.size))


def check_fisher_vector_product(p, theta):
    """J'MJ is the Hessian of the mean KL at theta_old, whichever theta_old it is."""
    mu_old, cache_old = p.policy.forward(theta, p.batch.states)

    def gradient_of_kl(t):
        mu, cache = p.policy.forward(t, p.batch.states)
        return p.policy.backprop(t, cache, surrogate.grad_mean_kl(p.family, mu_old, mu))

    check_product(gradient_of_kl,
                  lambda y: fisher.fisher_vector_product(p.policy, theta, cache_old, mu_old, y),
                  theta, directions(p, len(theta)))


def check_weighted_fisher_product(p, theta):
    """The Hessian of a weighted sum of the KLs."""
    mu_old, cache_old = p.policy.forward(theta, p.batch.states)
    weights = p.rng.random(len(mu_old))

    def gradient_of_kl(t):
        mu, cache = p.policy.forward(t, p.batch.states)
        return p.policy.backprop(t, cache, weights[:, None] * p.family.grad_kl(mu_old, mu))

    check_product(gradient_of_kl, lambda y: prior_work.weighted_fisher_product(
        p.policy, theta, cache_old, mu_old, weights, y), theta, directions(p, len(theta)))


def check_empirical_fisher_product(p, theta):
    """1/NK sum of grad log pi(a|s) (grad log pi(a|s))'y: J'MJ from the Jacobian of all log pi(a|s) at theta."""
    actions, _, _ = vine_arguments(p)
    mu, cache = p.policy.forward(theta, p.batch.states)
    scores = p.family.grad_log_prob(np.repeat(mu, 3, axis=0), actions).reshape(len(mu), 3, -1)
    for y in directions(p, len(theta)):
        along = extrapolated_difference(
            lambda t: surrogate.log_prob(p.family, p.policy.mu(t, p.batch.states), actions), theta, y)
        check_gradient(lambda t: np.mean(along * surrogate.log_prob(p.family, p.policy.mu(t, p.batch.states), actions)),
                       prior_work.empirical_fisher_product(p.policy, theta, cache, scores, 1 / 3, y),
                       theta, random_directions(p.rng, 3, len(theta)))


def value_network(p, theta):
    network = MLP((*p.policy.network.sizes[:-1], 1))
    return network, np.resize(theta, network.n_parameters)


def check_value_loss(p, theta):
    network, phi = value_network(p, theta)
    V, cache = network.forward(network.layers(phi), p.batch.states)
    targets = p.batch.advantages
    gradient = network.backprop(network.layers(phi), cache, baseline.grad_value_loss(V[:, 0], targets)[:, None])
    check_gradient(lambda t: baseline.value_loss(baseline.values(network, t, p.batch.states), targets),
                   gradient, phi, directions(p, len(phi)))


def check_gauss_newton_product(p, theta):
    """Where the targets are met J'J is the Hessian of value_loss: what it leaves out has the errors as a factor."""
    network, phi = value_network(p, theta)
    targets, cache_phi = network.forward(network.layers(phi), p.batch.states)

    def gradient_of_loss(t):
        V, cache = network.forward(network.layers(t), p.batch.states)
        return network.backprop(network.layers(t), cache, baseline.grad_value_loss(V, targets))

    check_product(gradient_of_loss,
                  lambda y: baseline.gauss_newton_product(network, network.layers(phi), cache_phi, y),
                  phi, directions(p, len(phi)))


def check_exact_surrogate(p, theta):
    """L of Eq. (3) on a finite MDP, for a softmax policy on its one-hot states with the problem's hidden layers."""
    mdp, pi_old = random_mdp(p.rng, 4, 3, 0.9), random_policy(p.rng, 4, 3)
    policy = Policy(MLP((4, *p.policy.network.sizes[1:-1], 3)), Categorical((3,)))
    theta = np.resize(theta, policy.n_parameters)
    check_gradient(lambda t: surrogate.exact_surrogate(mdp, pi_old, surrogate.softmax_table(policy, t, np.eye(4))),
                   surrogate.grad_exact_surrogate(mdp, pi_old, policy, theta), theta, directions(p, len(theta)))


CHECKS = {
    "gaussian.Gaussian.grad_log_prob": check_log_prob,
    "gaussian.Gaussian.grad_kl": check_kl,
    "gaussian.Gaussian.grad_entropy": check_entropy,
    "gaussian.Gaussian.M_product": check_family_M_product,
    "categorical.Categorical.grad_log_prob": check_log_prob,
    "categorical.Categorical.grad_kl": check_kl,
    "categorical.Categorical.grad_entropy": check_entropy,
    "categorical.Categorical.M_product": check_family_M_product,
    "mlp.MLP.backprop": check_mlp_backprop,
    "mlp.MLP.forward_mode": check_mlp_forward_mode,
    "policy.Policy.backprop": check_policy_backprop,
    "policy.Policy.forward_mode": check_policy_forward_mode,
    "surrogate.grad_exact_surrogate": check_exact_surrogate,
    "surrogate.grad_surrogate": check_surrogate,
    "vine.grad_all_actions_surrogate": check_all_actions_surrogate,
    "vine.grad_vine_surrogate": check_vine_surrogate,
    "surrogate.grad_mean_kl": check_mean_kl,
    "fisher.fisher_vector_product": check_fisher_vector_product,
    "prior_work.empirical_fisher_product": check_empirical_fisher_product,
    "prior_work.weighted_fisher_product": check_weighted_fisher_product,
    "baseline.grad_value_loss": check_value_loss,
    "baseline.gauss_newton_product": check_gauss_newton_product,
}


def derivatives_of_the_package():
    """The names of all functions and methods whose name says that they compute a derivative."""
    found = set()
    for module in pkgutil.iter_modules(trpo_numpy.__path__):
        if module.name in ("__main__", "gradient_check"):
            continue
        members = vars(importlib.import_module(f"trpo_numpy.{module.name}")).items()
        own = {name: m for name, m in members if getattr(m, "__module__", "").endswith("." + module.name)}
        for name, member in list(own.items()):
            if inspect.isclass(member):
                own.update({f"{name}.{method}": f for method, f in vars(member).items()
                            if inspect.isfunction(f) and "." in f.__qualname__})
        found |= {f"{module.name}.{name}" for name in own if DERIVATIVE.match(name.split(".")[-1])}
    return found


def test_every_derivative_has_a_check():
    assert derivatives_of_the_package() == set(CHECKS)


@pytest.mark.parametrize("at", ["theta_old", "theta"])
@pytest.mark.parametrize("hidden", HIDDEN, ids=len)
@pytest.mark.parametrize("name, family", [(name, family) for name in CHECKS for family in FAMILIES
                                          if name.split(".")[1] not in ("Gaussian", "Categorical")
                                          or name.split(".")[1] == type(family).__name__], ids=str)
def test_derivative(name, family, hidden, at):
    p = random_problem(family, hidden)
    CHECKS[name](p, getattr(p, at))


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
