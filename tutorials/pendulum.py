"""Section 6, as a moving picture: Pendulum-v1 under the policies of iterations 0, 20 and 50, above the learning curve.

Look for: the first policy hardly pushes, the second gets up and falls again, the third gets up and holds. All three
start from the same state, and take the most probable actions. The run is that of `python -m trpo_numpy`, seed 0.
Then change: --seed 1, which gives a different run and a different start.

    python tutorials/pendulum.py        # trains 100,000 steps, then writes pendulum.gif; needs the extra `render`
"""
from functools import partial

from common import new_figure, save_gif, show_windows, tutorial_parser

import gymnasium as gym
import numpy as np

from trpo_numpy.checks import input_error
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.environment import make_env
from trpo_numpy.practice.scaling import scaled_action
from trpo_numpy.practice.training import initial_checkpoint, policy_and_baseline, train


def policies(seed, iterations):
    """[(iteration, act)] of one run of Pendulum-v1, and the mean return of each of its batches.

    act(s, rng) is the most probable action. The policy of iteration 20 is the one after 20 updates.
    """
    config = Config(seed=seed, timesteps=Config.batch_size * max(iterations))
    policy, baseline = policy_and_baseline(make_env(config), config)
    start = initial_checkpoint(policy, baseline, config)
    thetas, mean_returns = {0: (start.theta, start.scaling)}, []
    for step in train(config):
        mean_returns.append(step.mean_return)
        thetas[step.iteration] = step.update.theta_new, step.scaling
        print(f"\riteration {step.iteration}: training return {step.mean_return:9.1f}", end="", flush=True)
    print()
    return [(i, partial(scaled_action, policy.act_greedily, policy.unpack(thetas[i][0]), thetas[i][1]))
            for i in iterations], mean_returns


def film(act, seed, n_frames):
    """The frames of an episode's first steps, arrays (height, width, 3), the return up to each, and its arc.

    The arc's points (2, 30) go from the rod to where the torque pushes it, a quarter turn for the largest torque.
    """
    env, frames, returns, arcs = gym.make("Pendulum-v1", render_mode="rgb_array"), [], [0.0], []
    s, _ = env.reset(seed=seed)
    for _ in range(n_frames):
        s, reward, *_ = env.step(act(s, None))
        pendulum = env.unwrapped
        angle, torque, pendulum.last_u = pendulum.state[0], pendulum.last_u, None   # or it draws a thin arrow
        frames.append(env.render()[100:400, 100:400])
        turn = angle + np.pi / 2 + np.linspace(0, np.pi / 2 * torque / pendulum.max_torque, 30)     # from the right
        arcs.append(150 + 75 * np.array([np.cos(turn), -np.sin(turn)]))
        returns.append(returns[-1] + reward)
    return frames, returns[1:], arcs


def show(panels, films, t):
    """Frame t of each film in its panel, with the arc of the torque, and the return so far below it."""
    for panel, (frames, returns, arcs) in zip(panels, films):
        panel.images[0].set_data(frames[t])
        arc, head = panel.lines
        arc.set_data(*arcs[t])
        (x, y), (dx, dy) = arcs[t][:, -1], arcs[t][:, -1] - arcs[t][:, -2]
        head.set(xdata=[x], ydata=[y], marker=(3, 0, np.degrees(np.arctan2(-dy, dx)) - 90),
                 visible=bool(np.hypot(dx, dy) > 0.3))
        panel.set_xlabel(f"return so far {returns[t]:.0f}")


def main():
    args = tutorial_parser(__doc__).parse_args()
    iterations, n_frames = ((0, 1, 2), 5) if args.quick else ((0, 20, 50), 90)
    with input_error("pendulum: wanted the extra render, python -m pip install -e '.[render]'"):
        import pygame  # noqa: F401, before a training that could then not be shown
    films, names = [], ("hardly pushes", "gets up, falls again", "gets up and holds")
    acts, mean_returns = policies(args.seed, iterations)
    figure = new_figure(args.show, figsize=(7, 4.6))
    axes = figure.subplot_mosaic("012\nccc", height_ratios=[2.2, 1])
    curve, panels = axes.pop("c"), list(axes.values())
    curve.plot(range(1, len(mean_returns) + 1), mean_returns, linewidth=2.5)
    curve.set(xlabel="iteration, of 2,000 steps each", ylabel="mean return\nof episodes", xlim=(0, iterations[-1] + 1))
    curve.set_title("arc: the torque that the policy applies to the rod; a quarter turn is the largest\n", loc="center",
                    fontsize=10.5, fontweight="normal")
    for panel, name, (iteration, act) in zip(panels, names, acts):
        curve.axvline(iteration, color="black", linewidth=1, linestyle=":")
        films.append(film(act, args.seed, n_frames))
        panel.imshow(films[-1][0][0])
        for style in ("-", "^"):        # the arc, and its head
            panel.plot([], [], style, color="black", linewidth=2.5, markersize=9)
        panel.grid(False)
        panel.spines[:].set_visible(True)
        panel.set(xticks=[], yticks=[])
        panel.set_title(f"iteration {iteration}:\n{name}", loc="center")
        print(f"iteration {iteration}: return of the {n_frames} steps that are shown {films[-1][1][-1]:.0f}")
    moments = [partial(show, panels, films, t) for t in range(0, n_frames, 2)]
    save_gif(figure, args.out / "pendulum.gif", moments, milliseconds=80, stay=1500)
    print("Look for: the first policy hardly pushes, the second gets up and falls again, the third gets up and holds.")
    show_windows(args.show)


if __name__ == "__main__":
    main()
