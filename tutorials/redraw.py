"""Draws the pictures of results/ again, from the runs and tables that are there. No training.

    python tutorials/redraw.py                  # some minutes
    python tutorials/redraw.py --measured       # those too that need sampling, seconds of an update, or a short run
    python tutorials/redraw.py --only section_8 # those whose command has this in it
"""
import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
DRAWN = ["section_2_expected_return.py", "section_2_surrogate.py", "section_3_bounds.py",
         "section_3_monotonic_improvement.py", "section_4_trust_region.py --gif", "uphill.py", "diagrams.py",
         "step_through.py --gif", "appendix_c_fisher_vector_product.py", "appendix_d_gradients.py",
         "section_6_ablations.py --plot-only",
         "section_6_peer.py --plot-only", "section_6_paper_alone.py --plot-only",
         *(f"section_6_trpo.py --plot-only --env-id {env_id}" for env_id in (
             "Pendulum-v1", "CartPole-v1", "InvertedPendulum-v5", "HalfCheetah-v5", "Hopper-v5", "Walker2d-v5",
             "Swimmer-v5")),
         "section_8_cart_pole.py --plot-only --seeds 10", "section_8_locomotion.py --plot-only --seeds 10",
         "section_8_locomotion.py --plot-only --seeds 10 --timesteps 100000 --env-ids Pendulum-v1 FrozenLake-v1",
         "section_8_step_sizes.py --plot-only", "section_8_paper_tasks.py --plot-only --seeds 3",
         "section_8_paper_tasks.py --positions --plot-only --seeds 5", "slides.py"]
MEASURED = ["section_5_single_path_and_vine.py", "section_7_prior_work.py", "appendix_c_conjugate_gradient.py",
            "appendix_c_cost.py", "pendulum.py"]

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measured", action="store_true", help="also those that need more than what is in results/")
    parser.add_argument("--only", default="", help="a part of the commands to run, such as section_8")
    args = parser.parse_args()
    for command in DRAWN + MEASURED * args.measured:
        if args.only in command:
            print(command, flush=True)
            script, *options = command.split()
            subprocess.run([sys.executable, HERE / script, *options, "--out", HERE / "results"], check=True,
                           stdout=subprocess.DEVNULL)
