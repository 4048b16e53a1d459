"""What one update costs: ratios of medians taken in this run, on one thread.

    python tests/benchmark_update.py
"""
import os
import subprocess
import sys
import time
from functools import partial

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
import gymnasium as gym  # noqa: E402
import numpy as np  # noqa: E402

from trpo_numpy.fisher import fisher_vector_product  # noqa: E402
from trpo_numpy.gaussian import Gaussian  # noqa: E402
from trpo_numpy.policy import Policy  # noqa: E402
from trpo_numpy.practice.blocks import BlockedMLP  # noqa: E402
from trpo_numpy.sampling import sample_path  # noqa: E402
from trpo_numpy.surrogate import Batch  # noqa: E402
from trpo_numpy.trpo import trpo_update  # noqa: E402

try:
    from trpo_numpy.practice.baseline import fit_baseline
    from trpo_numpy.practice.config import Config
    from trpo_numpy.practice.environment import make_env
    from trpo_numpy.practice.scaling import no_scaling, scaled_action
    from trpo_numpy.practice.training import policy_and_baseline

    def policy_for(env, hidden_sizes):
        """The policy for env with these hidden layers."""
        return policy_and_baseline(env, Config(hidden_sizes=hidden_sizes))[0]

    def sampled_path(env, act, *parameters_and_scaling, seeds, episode):
        """sample_path with the scaled observations that training has."""
        return sample_path(env, partial(scaled_action, act, *parameters_and_scaling), seeds, episode)
except ImportError:  # up to commit ff4c9cb, to compare with
    from trpo_numpy.baseline import fit_baseline, no_scaling
    from trpo_numpy.config import Config
    from trpo_numpy.environment import make_env, policy_for

    sampled_path = sample_path


def seconds(*calls, repeats=60):
    """The median seconds of each call; the calls take turns, so that a slow moment of the machine meets them all."""
    times = np.empty((repeats, len(calls)))
    for i in range(repeats):
        for j, call in enumerate(calls):
            start = time.perf_counter()
            call()
            times[i, j] = time.perf_counter() - start
    return np.median(times, axis=0)


def bare_products(sizes, N, rng):
    """The matrix products that J'Jy cannot do without, each into an array that is already there."""
    products = []
    for layer, (n_in, n_out) in enumerate(zip(sizes, sizes[1:])):
        h, dz, W = rng.standard_normal((N, n_in)), rng.standard_normal((N, n_out)), rng.standard_normal((n_out, n_in))
        products += [(h, W.T, np.empty((N, n_out))), (dz.T, h, np.empty((n_out, n_in)))]  # h dW' and dz'h
        if layer:
            products += [(h, W.T, np.empty((N, n_out))), (dz, W, np.empty((N, n_in)))]  # dh W' and dz W
    return products


def multiply(products):
    """All of bare_products."""
    for left, right, out in products:
        np.matmul(left, right, out=out)


def random_problem(sizes, N, rng):
    """A policy away from zero, its theta, and a batch of N random samples."""
    policy = Policy(BlockedMLP(sizes), Gaussian(sizes[-1]))
    theta = policy.initial(rng, 0.0) + 0.1 * rng.standard_normal(policy.n_parameters)
    states = rng.standard_normal((N, sizes[0]))
    parameters = policy.unpack(theta)
    actions = np.array([policy.act(parameters, s, rng) for s in states])
    return policy, theta, Batch(states, actions, rng.standard_normal(N))


def benchmark_fisher(N, sizes):
    """The Fisher-vector product over its bare matrix products."""
    rng = np.random.default_rng(0)
    policy, theta, batch = random_problem(sizes, N, rng)
    mu, cache = policy.forward(theta, batch.states)
    y, products = rng.standard_normal(len(theta)), bare_products(sizes, N, rng)
    ours, bare = seconds(lambda: fisher_vector_product(policy, theta, cache, mu, y), lambda: multiply(products))
    layers = "-".join(map(str, sizes))
    print(f"Fisher-vector product, N={N}, {layers:>13}: {1e3 * ours:7.2f} ms, bare products {1e3 * bare:7.2f} ms, "
          f"ratio {ours / bare:.2f}")


def benchmark_update(N, sizes):
    """One whole update, policy and baseline, with the default Config."""
    rng = np.random.default_rng(0)
    config = Config()
    policy, theta, batch = random_problem(sizes, N, rng)
    baseline = BlockedMLP((*sizes[:-1], 1))
    phi, targets = baseline.initial(rng, 0.01), rng.standard_normal(N)
    products = bare_products(sizes, N, rng)
    update, fit, bare = seconds(lambda: trpo_update(policy, theta, batch, config, rng),
                                lambda: fit_baseline(baseline, phi, batch.states, targets, config),
                                lambda: multiply(products), repeats=15)
    print(f"whole update, N={N}, {'-'.join(map(str, sizes))}: policy {1e3 * update:.1f} + baseline {1e3 * fit:.1f} = "
          f"{1e3 * (update + fit):.1f} ms, {(update + fit) / bare:.0f} times the bare products of one Fisher product")


def step_through(env, paths):
    """Bare environment stepping: the paths' own actions, already in the environment's type."""
    for actions in paths:
        env.reset(seed=0)
        for a in actions:
            env.step(a)


def benchmark_sampling(env_id):
    """Bare environment stepping over sample_path: 1 would be a policy that costs nothing."""
    try:
        env = make_env(Config(env_id))
    except (ImportError, ValueError):
        return print(f"sampling {env_id}: skipped, the extra mujoco is not installed")
    policy = policy_for(env, (64, 64))
    parameters = policy.unpack(policy.initial(np.random.default_rng(0), 0.0))
    sample = partial(sampled_path, env, policy.act, parameters, no_scaling(policy.network.sizes[0]),
                     seeds=np.random.SeedSequence(0))
    paths = [sample(episode=episode) for episode in range(20)]
    bare, space = gym.make(env_id), env.action_space
    actions = [list(np.clip(path.actions, space.low, space.high).astype(space.dtype)) for path in paths]
    ours, bare = seconds(lambda: [sample(episode=episode) for episode in range(20)],
                         lambda: step_through(bare, actions), repeats=15)
    steps = sum(len(path.rewards) for path in paths)
    print(f"sampling {env_id:>12}: {steps / ours:7.0f} steps/s, bare stepping {steps / bare:7.0f} steps/s, "
          f"ratio {bare / ours:.2f}")


def benchmark_import():
    """Seconds that importing the package, then all of its core, adds to importing NumPy."""
    runs = [[sys.executable, "-c", f"import {module}"] for module in ("numpy", "trpo_numpy", "trpo_numpy.trpo")]
    base, package, core = seconds(*(lambda run=run: subprocess.run(run, check=True) for run in runs), repeats=7)
    print(f"import trpo_numpy: {package - base:+.2f} s beside import numpy; trpo_numpy.trpo: {core - base:+.2f} s")


if __name__ == "__main__":
    for N, sizes in [(2048, (3, 64, 64, 1)), (2048, (11, 64, 64, 3)), (10000, (17, 64, 64, 6)),
                     (50000, (8, 30, 2)), (2048, (17, 256, 256, 6))]:
        benchmark_fisher(N, sizes)
    benchmark_update(2048, (11, 64, 64, 3))
    benchmark_sampling("Pendulum-v1")
    benchmark_sampling("Hopper-v5")
    benchmark_import()
