"""Section 5: single path against vine, on Pendulum-v1: how good an estimate of the gradient is, and what it costs.

Above: Q of two actions in one state, once for each of many random sequences. With common random numbers
both actions meet the same randomness. An update needs only the difference Q(s, a_2) - Q(s, a_1), and this difference
hardly varies.
Below: the mean squared error of the gradient at theta_old, variance and squared bias, relative to the gradient's
squared length. The gradient itself is taken as the mean of all estimates by the largest fit. At equal numbers of
Q-values vine's error is far below single path's, as the paper says. But each Q-value of vine costs up to 100 simulator
steps, and each Q-value of single path costs one: at equal numbers of steps vine's error is about half of single path's.
Much of vine's advantage comes from the baseline that is built into Eq. (16). If a fit of Q by s and t is subtracted,
which costs no simulator steps, single path has by far the smallest error for the same number of steps. (Practice adds
such a baseline: practice/baseline.py.) A fit to only 200 Q-values follows their noise, and removes half of the
gradient: a bias. Rollouts of 100 steps leave out an eighth of Q, which is also a small bias.
Then change: --length 20. Rollouts are cheaper, but leave out seven tenths of Q: nearly all of vine's error is bias.

    python tutorials/section_5_single_path_and_vine.py
"""
from functools import partial
from itertools import count

from common import METHODS, ink, new_figure, save_figure, tutorial_parser

import numpy as np

from trpo_numpy.practice.config import Config
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.training import policy_and_baseline
from trpo_numpy.sampling import discounted_sums, sample_path, single_path
from trpo_numpy.surrogate import Batch, surrogate_and_gradient
from trpo_numpy.vine import rollout_Q, vine, vine_batch, vine_path


def q_pairs(env, policy, theta, config, n, common):
    """Q of the actions -0.5 and 0.5 in one state, (n, 2); common: the two share their random numbers."""
    act, Q = partial(policy.act, policy.unpack(theta)), []
    env.reset(seed=0)
    saved, actions = env.clone_state(), np.array([[-0.5], [0.5]])
    for noise in range(n):
        for k, a in enumerate(actions):
            noise_seed = noise if common else n * (1 + k) + noise
            Q.append(rollout_Q(env, act, saved, noise_seed, a, config)[0])
    return np.reshape(Q, (n, 2))


def single_path_gradient(fit, env, policy, theta, config, n_values, seed):
    """The gradient of L (P,) from n_values Q-values of single paths (Section 5.1), and the steps they took.

    fit: minus a least-squares fit of Q by s, s^2, t, t^2 and t^3, which changes no expectation but by overfitting.
    """
    act, seeds = partial(policy.act, policy.unpack(theta)), np.random.SeedSequence(seed)
    paths = single_path((sample_path(env, act, seeds, episode) for episode in count()), n_values)
    states = np.concatenate([path.states[:-1] for path in paths]).astype(float)     # Pendulum-v1 has float32
    Q = np.concatenate([discounted_sums(path.rewards, config.gamma) for path in paths])
    if fit:
        t = np.concatenate([np.linspace(-1, 1, len(path.rewards)) for path in paths])
        features = np.column_stack([np.ones(len(t)), states, states ** 2, t, t ** 2, t ** 3])
        Q = Q - features @ np.linalg.lstsq(features, Q, rcond=None)[0]
    batch = Batch(states, np.concatenate([path.actions for path in paths]), Q)
    return surrogate_and_gradient(policy, batch, theta)[-1], len(states)


def vine_gradient(env, policy, theta, config, n_values, seed):
    """The gradient of L (P,) from some n_values Q-values of a vine (Section 5.2), and the steps they took.

    Times K / (K - 1), for which Eq. (16) is too short, so that the variances are those of gradients of equal length.
    """
    config = Config(gamma=config.gamma, batch_size=10 * n_values, vine_states=n_values // 4,
                    vine_length=config.vine_length)
    act, seeds = partial(policy.act, policy.unpack(theta)), np.random.SeedSequence(seed)
    episodes = (vine_path(env, act, policy.family, config, seeds, episode) for episode in count())
    paths, branches = vine(episodes, config.batch_size)
    n_steps = sum(len(path.rewards) for path in paths) + sum(steps for *_, steps in branches)
    batch = vine_batch(branches, policy.family, config)
    return surrogate_and_gradient(policy, batch, theta)[-1] * 4 / 3, n_steps


def relative_error(gradients, best):
    """The mean squared error of estimates (n, P), over the squared length of the gradient: the mean of best (m, P).

    This mean has noise too, which makes its distances from other estimates larger, and from those of best smaller.
    """
    g, noise = np.mean(best, axis=0), np.var(best, axis=0, ddof=1).sum() / len(best)
    sign = 1 if gradients is best else -1
    return (np.mean(np.sum((gradients - g) ** 2, axis=1)) + sign * noise) / (np.sum(g ** 2) - noise)


def compute(seed=0, length=100, n_repeats=30, n_pairs=100, sizes=(200, 800, 3200, 12800)):
    """All numbers behind the picture; rows of curves: (Q-values, simulator steps, relative error)."""
    env, config = make_env(Config("Pendulum-v1")), Config(hidden_sizes=(), vine_length=length)
    policy, _ = policy_and_baseline(env, config)
    theta = policy.initial(np.random.default_rng(seed), 0.0)
    pairs = {name: q_pairs(env, policy, theta, config, n_pairs, name == "common") for name in ("common", "independent")}
    curves = {}
    for name, gradient, some in [("single path", partial(single_path_gradient, False), sizes),
                                 ("vine", vine_gradient, sizes[:2]),
                                 ("single path minus a baseline", partial(single_path_gradient, True), sizes)]:
        rows = []
        for n_values in some:
            gradients, steps = zip(*[gradient(env, policy, theta, config, n_values, [seed, repeat])
                                     for repeat in range(n_repeats)])
            rows.append((n_values, np.mean(steps), np.array(gradients)))
            print(f"{name}: {n_values} Q-values from {rows[-1][1]:.0f} simulator steps", flush=True)
        curves[name] = rows
    best = rows[-1][2]                                                      # by the largest fit: they vary least
    return {"pairs": pairs, "curves": {name: np.array([(n, steps, relative_error(gradients, best))
                                                       for n, steps, gradients in rows]).T
                                       for name, rows in curves.items()}}


def draw(figure, numbers):
    """Q with and without common random numbers, then the gradient's error by Q-values and by simulator steps."""
    above, below = figure.subfigures(2, 1)
    figure.suptitle("Common random numbers make vine's Q-values worth more,\nbut each costs a whole rollout",
                    ha="left", x=0.01)
    look = {**METHODS, "single path minus a baseline": {"color": "0.35", "linestyle": ":"}}
    inks = {"single path": ink("single path"), "vine": ink("vine"), "single path minus a baseline": "0.35"}
    markers = {"single path": "o", "vine": "s", "single path minus a baseline": "^"}
    below_axes = below.subplots(1, 2, sharey=True)
    for axes, (name, Q) in zip(above.subplots(1, 2, sharex=True, sharey=True), numbers["pairs"].items()):
        axes.plot(Q[:, 0], Q[:, 1], ".", color=ink("vine"), markersize=5)
        axes.axline((Q.mean(), Q.mean()), slope=1, color="gray", linewidth=0.8, linestyle="-")
        axes.set(xlabel=r"$\hat Q(s, a_1)$", ylabel=r"$\hat Q(s, a_2)$", title=f"{name} random numbers:\n"
                 f"the difference has variance {np.var(Q[:, 1] - Q[:, 0]):.0f}")
        if name == "common":
            axes.text(0.97, 0.06, "a dot: two actions\nin one state", ha="right", color="0.35",
                      transform=axes.transAxes)
            axes.annotate("equal", (Q.min() + 8, Q.min() + 8), (10, -3), textcoords="offset points", color="0.35")
        axes.set_aspect("equal")
        axes.locator_params(nbins=6)
        axes.tick_params(labelleft=True)
    for (name, curve), point, side, offset in zip(numbers["curves"].items(), (1, -1, -1), ("left", "left", "right"),
                                                  ((8, 4), (8, -4), (-22, -18))):
        for axes, n in zip(below_axes, curve[:2]):
            axes.annotate(name.replace(" minus", "\nminus"), (n[point], curve[2, point]), offset, ha=side,
                          textcoords="offset points", color=inks[name], fontweight="bold")
            axes.loglog(n, curve[2], marker=markers[name], linewidth=2.5, **look[name])
    (_, steps, errors), (_, vine_steps, _), _ = numbers["curves"].values()
    ends = np.array([steps[-1], vine_steps[-1]])
    below_axes[1].plot(ends, errors[-1] * steps[-1] / ends, linewidth=1.2, color=METHODS["single path"]["color"],
                       linestyle="--")
    below_axes[1].annotate("extrapolated:\nerror falls\nas 1 / steps", (ends.prod() ** 0.5, errors[-1]), (0, 4),
                           textcoords="offset points", color="0.35", va="bottom", ha="center")
    below_axes[0].set(xlabel="Q-values", ylabel="squared error of $g$ / squared length", ylim=(0.012, None),
                      title="Per Q-value vine is far ahead\nof single path")
    below_axes[1].set(xlabel="simulator steps", xlim=(None, 2.2 * vine_steps[-1]),
                      title="Per simulator step single path\nminus a baseline leads")


def main():
    parser = tutorial_parser(__doc__)
    parser.add_argument("--length", type=int, default=100, help="steps of a rollout (default: 100)")
    args = parser.parse_args()
    numbers = compute(args.seed, *[20, 4, 5, (50, 100, 800)] if args.quick else [args.length])
    figure = new_figure(args.show, figsize=(8.5, 8))
    draw(figure, numbers)
    save_figure(figure, args.out, "section_5_single_path_and_vine", args.show)
    difference = {name: np.var(Q[:, 1] - Q[:, 0]) for name, Q in numbers["pairs"].items()}
    print(f"variance of Q(s, a_2) - Q(s, a_1): independent random numbers {difference['independent']:.3g}, "
          f"common {difference['common']:.3g}: {difference['independent'] / difference['common']:.1f} times less")
    for n_values in numbers["curves"]["vine"][0]:
        errors = [f"{name} {curve[2, curve[0] == n_values][0]:.2f}" for name, curve in numbers["curves"].items()]
        print(f"relative squared error of the gradient from {n_values:.0f} Q-values: {', '.join(errors)}")
    for name, curve in numbers["curves"].items():
        by_steps = [f"{error:.2f} from {steps:.0f}" for _, steps, error in curve.T]
        print(f"by simulator steps, {name}: {', '.join(by_steps)}")
    print("Look for: with equally many Q-values, vine's error is far below single path's. With equally many "
          "simulator steps, vine's error is about half of single path's (extrapolated), and single path minus a "
          "baseline has the smallest error.")


if __name__ == "__main__":
    main()
