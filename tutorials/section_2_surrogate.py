"""Section 2, Eqs. (3) and (4): L touches eta at theta_old, with the same slope, and further away L and eta differ.

Six rooms in a row; the way on from the last leads back to the first, with a reward of 1. Action 1 leads on and action 0
leads back, but in two rooms the two actions are swapped. The policy has one logit for each half of the rooms, and
cannot tell the rooms of a half from each other.

Look for: along the policy gradient, eta and L have the same value and the same tangent at t = 0. For larger t, L still
rises, but eta falls. In rooms 3 to 5 the old policy mostly takes action 1, and moves back and forth between rooms 3 and
4. So L uses many visits to room 4, where action 0 would lead on, and hardly any to room 5. But a policy that takes
action 0 in room 4 also takes action 0 in rooms 3 and 5: it no longer comes to room 4, and turns back in room 5. How far
can L be trusted? That is the question of Section 3.
Then change: --theta 1 1. L rises more slowly, and eta falls at once.
"""
from common import METHODS, central_difference, new_figure, save_figure, tutorial_parser
from mdps import HALVES, rooms
from section_4_trust_region import table

import numpy as np

from trpo_numpy.expected_return import exact_surrogate, expected_return, grad_exact_surrogate, visitation
from trpo_numpy.kl_bound import minorizer
from trpo_numpy.trust_region import visited_mean_kl


def compute(theta_old=(0.0, 2.0), n_points=85):
    """eta, L, M_0, mean KL at theta_old + t v, v the normalized policy gradient, and the slopes at t = 0."""
    mdp, theta_old = rooms(), np.array(theta_old)
    pi_old = table(theta_old, HALVES)                                       # (6, 2)
    rho = visitation(mdp, pi_old)
    dL_dpi = grad_exact_surrogate(mdp, pi_old)
    slope = pi_old[:, 0] * pi_old[:, 1]                                     # of action 1's probability by its logit
    g = HALVES.T @ (slope * (dL_dpi[:, 1] - dL_dpi[:, 0]))                  # (2,) the gradient of L
    v = g / np.linalg.norm(g)
    t = np.union1d(np.linspace(-3, 4, n_points).round(9), np.linspace(-0.2, 0.2, 41).round(9))  # M_0 is narrow
    policies = [table(theta_old + t_i * v, HALVES) for t_i in t]
    slope_of_eta = central_difference(lambda theta: expected_return(mdp, table(theta, HALVES)), theta_old, v, 1e-4)
    return {"t": t, "eta": np.array([expected_return(mdp, pi) for pi in policies]),
            "L": np.array([exact_surrogate(mdp, pi_old, pi) for pi in policies]),
            "M": np.array([minorizer(mdp, pi_old, pi) for pi in policies]),
            "kl": np.array([visited_mean_kl(rho, pi_old, pi) for pi in policies]),
            "eta_old": expected_return(mdp, pi_old), "slope_of_L": g @ v, "slope_of_eta": slope_of_eta}


def draw(axes, numbers):
    """eta, L and their tangent along v."""
    t, eta_old, slope = numbers["t"], numbers["eta_old"], numbers["slope_of_L"]
    at = abs(t - 2.2).argmin()
    for name, text, side in [("eta", r"$\eta$, the return itself", "left"),
                             ("L", r"$L$, by the old policy's visits", "right")]:
        axes.plot(t, numbers[name], linewidth=2.5, **METHODS[name])
        axes.annotate(text, (t[at], numbers[name][at]), (8 if side == "left" else -8, 6), textcoords="offset points",
                      ha=side, color=METHODS[name]["color"], fontweight="bold")
    near = abs(t) < 1.6
    axes.plot(t[near], eta_old + slope * t[near], ":", color="gray", linewidth=2)
    axes.plot(0, eta_old, "ko", markersize=8)
    axes.annotate(r"$\theta_{old}$: one value, one tangent", (0, eta_old), (-8, 14), textcoords="offset points",
                  ha="right")
    axes.set(xlabel=r"$t$, with $\theta = \theta_{old} + t\,v$ and $v$ along the policy gradient, $|v| = 1$",
             title=r"$L$ touches $\eta$ at $\theta_{old}$, and goes on rising where $\eta$ falls",
             ylabel="discounted return", ylim=(0, None))


def draw_small(axes, numbers, delta=0.01):
    """eta and L along v from theta_old on, and the steps whose mean KL is at most delta: for the front page."""
    t, shown = numbers["t"], numbers["t"] >= -1
    for name, text, place in [("eta", r"return $\eta$", (2.9, 0.13)), ("L", r"estimate $L$", (2.05, 0.42))]:
        axes.plot(t[shown], numbers[name][shown], linewidth=2.5, **METHODS[name])
        axes.text(*place, text, color=METHODS[name]["color"], fontweight="bold")
    within = t[numbers["kl"] <= delta]
    axes.axvspan(within.min(), within.max(), color=METHODS["TRPO"]["color"], alpha=0.2, linewidth=0)
    axes.text(within.max() + 0.08, 0.44, "mean KL\n" rf"$\leq \delta$ = {delta:g}", color=METHODS["TRPO"]["color"],
              va="top")
    axes.plot(0, numbers["eta_old"], "ko", markersize=7)
    axes.annotate(r"$\theta_{old}$", (0, numbers["eta_old"]), (0, -16), textcoords="offset points", ha="center")
    axes.set(xlabel="step along the policy gradient", ylabel="discounted return", xlim=(-1, 4), ylim=(0, 0.48),
             title="$L$ can be trusted near the old policy")


def draw_rooms(axes):
    """The six rooms, the action that leads on from each, and the logit that rooms of one half share."""
    for room in range(6):
        half = room // 3
        axes.fill([room, room + 0.9, room + 0.9, room], [0, 0, 1, 1], color=("#E8E8E8", "#C8DCEC")[half], linewidth=0)
        back, on = (1, 0) if room in (1, 4) else (0, 1)
        axes.text(room + 0.45, 0.5, rf"room {room}" "\n" rf"$\leftarrow$ {back}   {on} $\rightarrow$", ha="center",
                  va="center")
        if room % 3 == 1:
            axes.text(room + 0.45, 1.1, rf"one logit of action 1: $\theta_{half}$", ha="center", va="bottom")
    axes.text(6.0, 0.5, "reward 1,\nback to 0", va="center")
    axes.set(xlim=(-0.3, 6.9), ylim=(0, 1.5))
    axes.axis("off")


def main():
    parser = tutorial_parser(__doc__)
    parser.add_argument("--theta", type=float, nargs=2, default=(0.0, 2.0), help="theta_old (default: 0 2)")
    args = parser.parse_args()
    numbers = compute(args.theta, 22 if args.quick else 85)
    t, eta_old, slope = numbers["t"], numbers["eta_old"], numbers["slope_of_L"]
    figure = new_figure(args.show, figsize=(8.5, 6))
    above, below = figure.subplots(2, 1, height_ratios=[1, 5])
    draw_rooms(above)
    draw(below, numbers)
    save_figure(figure, args.out, "section_2_surrogate", args.show)
    small = new_figure(args.show, figsize=(4.8, 3.1))
    draw_small(small.add_subplot(), numbers)
    save_figure(small, args.out, "section_2_surrogate_small", False)
    print(f"slope at theta_old: of L {slope:.10f}, of eta {numbers['slope_of_eta']:.10f}")
    print(f"at t = {t[-1]:.0f}: L promises {numbers['L'][-1]:.3f}, eta is {numbers['eta'][-1]:.3f}, where it was "
          f"{eta_old:.3f}")
    print("Look for: at t = 0 L and eta have the same value and tangent. For larger t, L still rises, but eta falls.")


if __name__ == "__main__":
    main()
