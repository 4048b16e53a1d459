"""PyTorch as the judge of one update's numbers: its own distributions, and derivatives by automatic differentiation.

    python tests/judge_pytorch.py       # needs PyTorch, which is in no extra: python -m pip install torch

Prints the largest relative error of each quantity over families, networks and random problems, and ends with 1 if one
is above 1e-12. The Fisher products are second derivatives of the KL here, and J'MJy in the package.
"""
import sys
from functools import partial

from problems import FAMILIES, HIDDEN, random_problem

import numpy as np
import torch
from torch.distributions import Categorical, Independent, Normal, kl_divergence

from trpo_numpy.fisher import fisher_vector_product, grad_mean_kl, mean_kl
from trpo_numpy.surrogate import grad_surrogate, surrogate
from trpo_numpy.vine import grad_vine_surrogate, vine_surrogate

torch.set_default_dtype(torch.float64)


def network(sizes, theta, x):
    """The output (N, d_out), and the rest of theta, which is the Gaussian's log-std."""
    for i, (n_in, n_out) in enumerate(zip(sizes, sizes[1:])):
        W, b = theta[:n_in * n_out].reshape(n_out, n_in), theta[n_in * n_out:(n_in + 1) * n_out]
        theta = theta[(n_in + 1) * n_out:]
        x = x @ W.T + b
        x = torch.tanh(x) if i < len(sizes) - 2 else x
    return x, theta


def factors(policy, theta, states):
    """pi_theta(.|s) as a list of independent distributions."""
    output, r = network(policy.network.sizes, theta, states)
    if hasattr(policy.family, "factor_sizes"):
        return [Categorical(logits=part) for part in torch.split(output, policy.family.factor_sizes, dim=1)]
    return [Independent(Normal(output, r.exp()), 1)]


def log_prob(policy, theta, states, actions):
    """log pi_theta(a|s), (N,)."""
    columns = actions.T if hasattr(policy.family, "factor_sizes") else [actions]
    return sum(factor.log_prob(column) for factor, column in zip(factors(policy, theta, states), columns))


def mean_kl_of(policy, old, states, theta):
    """The mean KL(old || theta)."""
    return sum(kl_divergence(*pair) for pair in zip(old, factors(policy, theta, states))).mean()


def relative_error(ours, theirs):
    """The largest difference, relative to the largest number."""
    theirs = theirs.detach().numpy()
    return abs(ours - theirs).max() / max(abs(theirs).max(), 1e-300)


def judge(family, hidden, seed):
    """{quantity: relative error} on one random problem."""
    p = random_problem(family, hidden, seed=seed, N=24)
    policy, batch, K = p.policy, p.batch, 4
    states, actions, Q = map(torch.tensor, (batch.states, batch.actions, batch.Q))
    states = states[::K].repeat_interleave(K, dim=0)  # as in a vine: K actions per state
    x = states.numpy()
    theta, theta_old = (torch.tensor(t, requires_grad=True) for t in (p.theta, p.theta_old))
    old = factors(policy, theta_old.detach(), states)
    log_q = log_prob(policy, theta_old, states, actions).detach()
    mu_old, cache_old = policy.forward(p.theta_old, x)
    mu, cache = policy.forward(p.theta, x)
    errors = {"log pi": relative_error(family.log_prob(mu, batch.actions), log_prob(policy, theta, states, actions)),
              "entropy": relative_error(family.entropy(mu), sum(f.entropy() for f in factors(policy, theta, states)))}

    ratios = (log_prob(policy, theta, states, actions) - log_q).exp()
    L_14 = (ratios * Q).mean()
    L_16 = ((ratios * Q).reshape(-1, K).sum(1) / ratios.reshape(-1, K).sum(1)).mean()
    kl = mean_kl_of(policy, old, states, theta)
    arguments = family, mu, batch.actions, batch.Q, log_q.numpy()
    for name, theirs, ours, dmu in [
            ("L, Eq. (14)", L_14, surrogate(*arguments), grad_surrogate(*arguments)),
            ("L, Eq. (16)", L_16, vine_surrogate(K, *arguments), grad_vine_surrogate(K, *arguments)),
            ("mean KL", kl, mean_kl(family, mu_old, mu), grad_mean_kl(family, mu_old, mu))]:
        errors[name] = relative_error(ours, theirs)
        gradient, = torch.autograd.grad(theirs, theta, retain_graph=True)
        errors[f"gradient of {name}"] = relative_error(policy.vjp(p.theta, cache, dmu), gradient)

    y = p.rng.standard_normal(len(p.theta))
    kl_at = partial(mean_kl_of, policy, old, states)
    _, Ay = torch.autograd.functional.vhp(kl_at, theta_old, torch.tensor(y))
    errors["A y"] = relative_error(fisher_vector_product(policy, p.theta_old, cache_old, mu_old, y), Ay)
    return errors


def main():
    problems = [(family, hidden, seed) for family in FAMILIES for hidden in HIDDEN for seed in range(20)]
    errors = [judge(*problem) for problem in problems]
    worst = {name: max(e[name] for e in errors) for name in errors[0]}
    for name, error in worst.items():
        print(f"{name:>25}: {error:.1e}")
    print(f"{len(problems)} problems; PyTorch {torch.__version__}, NumPy {np.__version__}")
    return int(max(worst.values()) > 1e-12)


if __name__ == "__main__":
    sys.exit(main())
