"""Section 7: four updates from one batch. What do natural and policy gradient share with TRPO, and what differs?

Left: the gain in L against the mean KL, along the direction of each method. Natural gradient has the same direction as
TRPO, and the empirical FIM has nearly the same direction. In this batch the plain gradient, Eq. (18), gains less than
half as much for the same KL.
Right: the KL of each method's step in every iteration of one run. TRPO's KL is at most delta by construction. A fixed
factor, as in Eq. (17), gives another KL in each iteration, so it is right for some iterations at best. A step whose
length in theta is fixed has a KL that varies less, but varies too.
Then change: --step 3. Natural gradient now leaves the trust region in most iterations.

    python tutorials/section_7_prior_work.py
"""
from functools import partial

from common import METHODS, ink, new_figure, save_figure, spread, tutorial_parser

import numpy as np

from trpo_numpy.checks import InputError
from trpo_numpy.practice.config import Config
from trpo_numpy.practice.training import train
from trpo_numpy.prior_work import empirical_fim_update, natural_gradient_update, policy_gradient_update
from trpo_numpy.surrogate import surrogate_and_gradient
from trpo_numpy.trpo import surrogate_and_kl, trpo_update

MARKERS = {"TRPO": "o", "empirical FIM": "D", "natural gradient": "s", "policy gradient": "^",
           "fixed length along s": "P", "fixed length along g": "v"}
LENGTH = 0.1    # in theta, of the steps of a fixed length


def all_updates(seen, step, policy, theta_old, batch, options, rng):
    """TRPO's update, for `train`; those of the others from the same batch are kept in seen, {method: [Update]}."""
    updates = {"TRPO": trpo_update, "empirical FIM": empirical_fim_update,
               "natural gradient": partial(natural_gradient_update, step=step),
               "policy gradient": partial(policy_gradient_update, step=step)}
    for name, update in updates.items():
        seen.setdefault(name, []).append(update(policy, theta_old, batch, options, rng))
    for direction, method, update in [("g", "policy gradient", policy_gradient_update),
                                      ("s", "natural gradient", natural_gradient_update)]:
        factor = LENGTH / np.linalg.norm(seen[method][-1].s)
        seen.setdefault(f"fixed length along {direction}", []).append(
            update(policy, theta_old, batch, options, rng, factor))
    problem = seen["batch"] = policy, theta_old, batch
    along_s, along_g = (gain_at(options.delta, *problem, seen[name][-1]) for name in ("TRPO", "policy gradient"))
    seen.setdefault("ratios", []).append(along_s / along_g)
    return seen["TRPO"][-1]


def gain_along(policy, theta_old, batch, s, sAs, kls):
    """L gained and mean KL paid at steps along s, (n,) each; the steps are where the quadratic model has these KLs."""
    mu_old, _, log_q, L_old, _ = surrogate_and_gradient(policy, batch, theta_old)
    steps = np.sqrt(2 * kls / sAs)
    L, kl = np.array([surrogate_and_kl(policy, batch, mu_old, log_q, theta_old + t * s) for t in steps]).T
    return L - L_old, kl


def gain_at(delta, policy, theta_old, batch, update):
    """L gained along the direction of an update, where the mean KL is delta."""
    L, kl = gain_along(policy, theta_old, batch, update.s, update.sAs, delta * np.geomspace(0.3, 3, 12))
    return np.interp(delta, kl, L)


def compute(seed=0, step=1.0, n_iterations=25):
    """The numbers behind the picture: curves {direction: (L gained, KL)} of the last batch, kls {method: (n,)} of all.

    ratios (n,) are those of L gained along s to L gained along g, at a KL of delta.
    """
    seen, config = {}, Config(seed=seed, timesteps=2000 * n_iterations, fisher_fraction=1.0)
    for iteration in train(config, partial(all_updates, seen, step)):
        print(f"iteration {iteration.iteration} of {n_iterations}", flush=True)
    problem, ratios, grid = seen.pop("batch"), seen.pop("ratios"), np.geomspace(1e-5, 0.3, 60)
    curves = {name: gain_along(*problem, updates[-1].s, updates[-1].sAs, grid) for name, updates in seen.items()
              if "length" not in name}      # whose directions are the same
    kls = {name: np.array([update.kl_new for update in updates]) for name, updates in seen.items()}
    return {"curves": curves, "kls": kls, "ratios": ratios, "delta": config.delta, "step": step}


LOOKS = {"TRPO": {"linewidth": 2.5, "markersize": 6, "zorder": 5},
         "empirical FIM": {"linewidth": 1, "markersize": 5, "zorder": 3, "markerfacecolor": "white"},
         "fixed length along g": {"linestyle": "--", "markerfacecolor": "white"},
         "fixed length along s": {"linestyle": "--", "markerfacecolor": "white"}}


def draw_steps(axes, numbers, apart=0.5, names=None):
    """The KL of each method's step in each iteration, named at the end of its curve; the names are `apart` decades.

    names are {method: what to write instead}.
    """
    ends = {name: kl[-1] for name, kl in numbers["kls"].items()}
    for name, kl in numbers["kls"].items():
        look = {"markersize": 4, "linewidth": 1} | METHODS[name] | {"linestyle": "-"} | LOOKS.get(name, {})
        axes.semilogy(1 + np.arange(len(kl)), kl, marker=MARKERS[name], **look)
    heights = spread(sorted(np.log10(kl) for kl in ends.values()), apart)
    for name, height in zip(sorted(ends, key=ends.get), heights):
        label = (names or {}).get(name, name.replace(" ", "\n"))
        axes.annotate(label, (len(numbers["kls"][name]), ends[name]), (1.06, 10 ** height), va="center",
                      textcoords=axes.get_yaxis_transform(), color=ink(name),
                      fontweight="bold", arrowprops={"arrowstyle": "-", "color": METHODS[name]["color"],
                                                     "linewidth": 0.8, "relpos": (0, 0.5), "shrinkB": 0})
    axes.axhline(numbers["delta"], color="black", linestyle=":")
    axes.text(0.54 * len(kl), 1.1 * numbers["delta"], rf"$\delta$ = {numbers['delta']:g}", va="bottom")
    axes.set(xlabel="iteration of a TRPO run", ylabel="mean KL of the step (nats)",
             title="With a fixed $1/\\lambda$ the KL of a step\nswings; TRPO's never exceeds $\\delta$")


def draw(figure, numbers):
    """Two panels from the numbers of `compute`."""
    gains, kls = figure.subplots(1, 2)
    fixed = f"fixed $1/\\lambda$ = {numbers['step']:g}"
    draw_steps(kls, numbers, names={"policy gradient": f"policy gradient,\n{fixed}", "TRPO": "TRPO",
                                    "fixed length along g": f"policy gradient,\nlength {LENGTH:g} in $\\theta$",
                                    "fixed length along s": f"natural gradient,\nlength {LENGTH:g} in $\\theta$",
                                    "natural gradient": f"natural gradient,\n{fixed}",
                                    "empirical FIM": "empirical FIM,\nKL $\\leq\\,\\delta$"})
    for name, (L, kl) in numbers["curves"].items():
        width = 4 if name == "TRPO" else 2                                  # natural gradient's curve lies on TRPO's
        gains.plot(kl, L, linewidth=width, alpha=0.5 if name == "TRPO" else 1, **METHODS[name])
    for text, color, *place in [("TRPO, natural\ngradient and\nempirical FIM:\nnearly one curve", "0.25", 0.03, 0.72),
                                ("policy\ngradient", ink("policy gradient"), 0.68, 0.03)]:
        gains.text(*place, text, transform=gains.transAxes, color=color, fontweight="bold")
    gains.axvline(numbers["delta"], color="black", linestyle=":")
    gains.annotate(rf"$\delta$ = {numbers['delta']:g}", (0.87 * numbers["delta"], 0.93), ha="right",
                   xycoords=gains.get_xaxis_transform())
    gains.set(xscale="log", xlabel="mean KL (nats)", ylabel=r"$L - L_{old}$", ylim=(0, None),
              title="One batch: policy gradient\ngains least for its KL")


def main():
    parser = tutorial_parser(__doc__)
    parser.add_argument("--step", type=float, default=1.0, help="1/lambda, of both fixed steps (default: 1)")
    args = parser.parse_args()
    if not 0 < args.step < np.inf:
        raise InputError(f"step: got {args.step}, wanted a finite number above 0")
    numbers = compute(args.seed, args.step, 3 if args.quick else 25)
    figure = new_figure(args.show, figsize=(8.5, 4.7))
    draw(figure, numbers)
    save_figure(figure, args.out, "section_7_prior_work", args.show)
    at_delta = {name: np.interp(numbers["delta"], kl, L) for name, (L, kl) in numbers["curves"].items()}
    print("L gained where the KL is delta: " + ", ".join(f"{name} {L:.4f}" for name, L in at_delta.items()))
    least, middle, most = np.quantile(numbers["ratios"], [0, 0.5, 1])
    print(f"of all batches: {least:.1f} to {most:.1f} times as much along TRPO's s as along g, median {middle:.1f}")
    for name, what in [("natural gradient", f"natural gradient's step of {args.step:g}"),
                       ("policy gradient", f"policy gradient's step of {args.step:g}"),
                       ("fixed length along s", f"natural gradient's step of length {LENGTH:g}"),
                       ("fixed length along g", f"policy gradient's step of length {LENGTH:g}")]:
        kl = numbers["kls"][name]
        print(f"KL of {what}: {kl.min():.4f} to {kl.max():.4f}, {kl.max() / kl.min():.0f} times as much")
    print("Look for: in each iteration TRPO's KL is at most delta. With a fixed factor natural gradient's varies, "
          "and policy gradient's grows far above delta; with a fixed length both vary less.")


if __name__ == "__main__":
    main()
