"""Section 8.1, the other panels of Figure 4: a swimmer, a hopper and a walker, up to eight methods on each.

Look for: whether natural gradient, with the best of five steps, learns as well as TRPO, whose delta is 0.01 per
dimension of the action; how well CEM learns thousands of parameters; and how far vine comes with as many steps.
Advantages are not standardized here, because standardizing would adapt a fixed step to the size of the rewards. The
curve "natural gradient, standardized" shows this: it has the step 1 on all tasks. Gymnasium's tasks are not the
paper's: the rewards have a larger cost of control and no penalty for impacts, and the bodies are newer. 300,000 steps
are a small part of the paper's steps; section_8_paper_tasks takes more. section_8.md compares these curves with the
paper's words.
Then change: --env-ids FrozenLake-v1 --timesteps 100000. Natural gradient's best step is now 10, a hundred times its
best step on the hopper; delta is 0.01 here and 0.03 on the hopper.

    python tutorials/section_8_locomotion.py                # hours on two cores; resumes where it was stopped
    python tutorials/section_8_locomotion.py --env-ids Pendulum-v1 FrozenLake-v1    # without MuJoCo
    python tutorials/section_8_locomotion.py --env-ids PaperHopper-v0 PaperWalker2d-v0    # with the paper's states
    python tutorials/section_8_locomotion.py --plot-only --out tutorials/results
    python tutorials/section_8_locomotion.py --standardized --seeds 10      # TRPO and step 1, with an interval
"""
from dataclasses import replace
from functools import partial

from aggregate import complete_rows, interquartile_mean, interval, judge, probability_of_improvement, read_returns
from derivative_free import covariance_matrix_adaptation, cross_entropy_method
from experiment import STANDING, STEPS, experiment, experiment_parser, full_id

from trpo_numpy.practice.config import Config
from trpo_numpy.practice.training import train
from trpo_numpy.prior_work import empirical_fim_update, natural_gradient_update

CLAIMS = {  # the titles; of any other task just its name
    "Swimmer-v5": "Swimmer-v5: natural gradient and policy gradient with their best steps\nend above single path",
    "Hopper-v5": "Hopper-v5: natural gradient with the best of five steps\ncannot be told from single path",
    "Walker2d-v5": "Walker2d-v5: no fixed step of natural gradient on raw advantages\nends above standing still",
    "Pendulum-v1": "Pendulum-v1: single path learns in 70,000 steps, vine not at all",
    "FrozenLake-v1": "FrozenLake-v1: single path and natural gradient's best step learn,\nvine hardly moves"}
SMALL = ("Pendulum-v1", "FrozenLake-v1")  # three curves do for these


def methods(env_id, timesteps):
    """The curves: {name: (loop, or steps if swept, Config)}: all states in A, raw advantages, V fitted well.

    The swimmer's strokes are slow, so its discount is nearer to one.
    """
    gamma = 0.9999 if "Swimmer" in env_id else Config.gamma
    single = Config(env_id=full_id(env_id), timesteps=timesteps, gamma=gamma, standardize_advantages=False,
                    fisher_fraction=1.0, damping=0.1, gae_lambda=0.97, baseline_lambda=0.97, baseline_steps=2,
                    baseline_cg_iterations=10, baseline_damping=0.1)
    standardized, vine = replace(single, standardize_advantages=True), replace(single, batch_size=1000, vine_states=20)
    steps = (0.3, 1.0, 3.0, 10.0, 30.0) if env_id == "FrozenLake-v1" else STEPS  # its returns are at most 1
    curves = {"single path": (train, single), "vine": (train, vine), "natural gradient": (steps, single)}
    if env_id not in SMALL:
        step_1 = partial(train, update=partial(natural_gradient_update, step=1.0))
        curves |= {"natural gradient, standardized": (step_1, standardized),
                   "empirical FIM": (partial(train, update=empirical_fim_update), single),
                   "CEM": (partial(cross_entropy_method, initial_std=0.1), single),
                   "CMA": (partial(covariance_matrix_adaptation, initial_std=0.1), single),
                   "policy gradient": (STEPS[:3], single)}
    return curves


def compare_standardized(env_ids, timesteps, args):
    """Trains TRPO and natural gradient's step 1, both on standardized advantages, and prints how they compare."""
    tasks, seeds = dict.fromkeys(env_ids, timesteps), range(args.seed, args.seed + args.seeds)
    both = {env_id: methods(env_id, timesteps)["natural gradient, standardized"] for env_id in env_ids}
    configs = {(env_id, variant): config for variant in ("TRPO", "step 1") for env_id, (_, config) in both.items()}
    loops = {"step 1": loop for loop, _ in both.values()}
    path = args.out / "section_8_standardized.csv"
    if not args.plot_only:
        complete_rows(configs, seeds, args.out / "section_8_standardized", path, args.workers, loops)
    trpo, fixed = (read_returns(path, tasks, variant) for variant in ("TRPO", "step 1"))
    for env_id in trpo:
        pair = trpo[env_id], fixed[env_id]
        low, high = interval(probability_of_improvement, *pair)
        print(f"{env_id:>12}: TRPO {interquartile_mean(pair[0]):.1f}, step 1 {interquartile_mean(pair[1]):.1f}; P(TRPO "
              f"above) {probability_of_improvement(*pair):.2f} [{low:.2f}, {high:.2f}]: {judge(*pair)}")


def main():
    parser = experiment_parser(__doc__, 300_000)
    parser.add_argument("--standardized", action="store_true", help="TRPO and natural gradient's step 1 only, both on "
                        "standardized advantages: a row per run in a CSV, and an interval; no picture")
    parser.add_argument("--env-ids", nargs="+", default=["Swimmer-v5", "Hopper-v5", "Walker2d-v5"])
    args = parser.parse_args()
    if args.standardized:
        return compare_standardized(args.env_ids, args.timesteps, args)
    for env_id in ["Pendulum-v1"] if args.quick else args.env_ids:
        print(env_id)
        experiment(f"section_8_locomotion_{env_id}", methods(env_id, 4_000 if args.quick else args.timesteps),
                   CLAIMS.get(env_id, env_id), args, level=STANDING if env_id in ("Hopper-v5", "Walker2d-v5") else None)
    print("Look for: natural gradient with step 0.1 learns to hop and to swim; with none of five fixed steps does a "
          "run on the walker end above standing still.")


if __name__ == "__main__":
    main()
