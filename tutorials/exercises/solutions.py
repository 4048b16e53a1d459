"""The package's functions under the names of the exercises: `check.py --solutions` judges them. Try first, then look.

Most are the package's functions. In the package, the Gaussian's functions are methods of a family with d_a. The
package's line search and update also return what they tried and measured; an exercise returns only the result. The step
of V is a part of the package's fit_baseline.
"""
from functools import partial
from types import SimpleNamespace

from trpo_numpy import line_search as searching
from trpo_numpy import trpo
from trpo_numpy.conjugate_gradient import conjugate_gradient
from trpo_numpy.expected_return import (  # noqa: F401
    action_value,
    advantage,
    exact_surrogate,
    expected_return,
    state_value,
    visitation,
)
from trpo_numpy.fisher import fisher_vector_product  # noqa: F401
from trpo_numpy.gaussian import Gaussian
from trpo_numpy.line_search import step_length  # noqa: F401
from trpo_numpy.mlp import layers_forward as forward  # noqa: F401
from trpo_numpy.mlp import layers_jvp as jvp  # noqa: F401
from trpo_numpy.mlp import layers_vjp as vjp  # noqa: F401
from trpo_numpy.practice.baseline import (  # noqa: F401
    gauss_newton_product,
    generalized_advantages,
    grad_value_loss,
)
from trpo_numpy.sampling import discounted_sums  # noqa: F401
from trpo_numpy.surrogate import grad_surrogate, surrogate  # noqa: F401


def as_function(method):
    """A method of the Gaussian as a function of mu (N, 2 d_a) and more."""
    def function(mu, *args):
        return method(Gaussian(mu.shape[1] // 2), mu, *args)
    return function


log_prob, grad_log_prob = as_function(Gaussian.log_prob), as_function(Gaussian.grad_log_prob)
kl, M_product = as_function(Gaussian.kl), as_function(Gaussian.M_product)


def line_search(*args):
    """The beta of the candidate that the package accepts."""
    taken, _ = searching.line_search(*args)
    return taken.beta


def trpo_update(*args):
    """theta_new of the package's Update."""
    return trpo.trpo_update(*args).theta_new


def value_step(V, targets, jvp, vjp, iterations, damping):  # noqa: F811
    """One step of fit_baseline. The package's jvp and vjp also take phi and a cache."""
    network = SimpleNamespace(jvp=lambda phi, cache, v: jvp(v), vjp=lambda phi, cache, u: vjp(u))
    product = partial(gauss_newton_product, network, None, None)
    return conjugate_gradient(product, -vjp(grad_value_loss(V, targets)), iterations, damping)[0]
