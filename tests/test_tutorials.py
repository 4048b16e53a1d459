"""Each tutorial runs and draws; what the pictures of Sections 2 to 4 claim is true of the numbers behind them."""
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

TUTORIALS = Path(__file__).parent.parent / "tutorials"
sys.path.insert(0, str(TUTORIALS))
import section_2_expected_return  # noqa: E402
import section_2_surrogate  # noqa: E402
import section_3_bounds  # noqa: E402
import section_3_monotonic_improvement  # noqa: E402
import section_4_trust_region  # noqa: E402

from trpo_numpy.expected_return import advantage, expected_return, state_value, visitation  # noqa: E402
from trpo_numpy.surrogate import exact_surrogate  # noqa: E402
from trpo_numpy.trust_region import visited_mean_kl  # noqa: E402


@pytest.mark.parametrize("script", sorted(path.name for path in TUTORIALS.glob("*_*.py")))
def test_runs_and_draws(script, tmp_path):
    run = subprocess.run([sys.executable, TUTORIALS / script, "--quick", "--out", tmp_path], capture_output=True,
                         text=True)
    assert run.returncode == 0, run.stderr
    picture, = tmp_path.glob(script[:-3] + "*.png")
    assert picture.stat().st_size > 10_000 and run.stdout.strip()


def test_section_2_expected_return():
    numbers = section_2_expected_return.compute()
    mdp, (walk, preferred) = numbers["mdp"], numbers["policies"].values()
    assert numbers["eta_new"] == pytest.approx(numbers["right_side"], abs=1e-12) and numbers["eta_new"] > 0.1
    assert (state_value(mdp, preferred) >= state_value(mdp, walk) - 1e-12).all()
    assert visitation(mdp, preferred)[15] > 5 * visitation(mdp, walk)[15]  # the goal
    assert (advantage(mdp, preferred) > 1e-9).sum() < (advantage(mdp, walk) > 1e-9).sum()


@pytest.mark.parametrize("seed", range(3))
def test_section_2_surrogate(seed):
    numbers = section_2_surrogate.compute(seed, 57)
    at_zero = np.argmin(abs(numbers["t"]))
    assert numbers["L"][at_zero] == pytest.approx(numbers["eta"][at_zero], abs=1e-12)
    assert numbers["slope_of_L"] == pytest.approx(numbers["slope_of_eta"], rel=1e-6)
    assert numbers["L"][0] < 0 <= numbers["eta"][0]
    assert (abs(numbers["L"] - numbers["eta"])[[0, -1]] > 1e-3).all()


def test_section_3_bounds():
    numbers = section_3_bounds.compute(0, 300)
    mixtures, coupling, theorem_1, kl = numbers["slacks"].values()
    assert min(map(np.min, (mixtures, coupling, theorem_1, kl))) > 0
    assert (coupling <= theorem_1).all() and (theorem_1 <= kl).all()
    assert np.mean((mixtures < coupling)[numbers["alpha"] < 0.01]) > 0.7
    slope = np.polyfit(np.log(numbers["alpha"]), np.log(theorem_1), 1)[0]
    assert slope == pytest.approx(2, abs=0.1)
    assert (numbers["loss"] < 0.2 * (theorem_1 + numbers["loss"])).all()


def test_section_3_monotonic_improvement():
    numbers = section_3_monotonic_improvement.compute(0, 60)
    etas = np.array([numbers["eta_0"], *numbers["eta"]])
    assert (np.diff(etas) > 0).all() and (numbers["M"] >= etas[:-1]).all() and (numbers["eta"] >= numbers["M"]).all()
    assert (numbers["M_line"] <= numbers["eta_line"] + 1e-12).all()
    assert numbers["M_line"].max() <= numbers["M"][0] + 1e-12  # pi_1 is where M_0 is highest
    counts = [section_3_monotonic_improvement.iterations_to(numbers[key], numbers["eta_0"], numbers["optimum"])
              for key in ("eta", "bounded_eta")]
    assert counts[0] > 5 * counts[1]
    assert numbers["kl"].max() < 0.1 * numbers["bounded_kl"].min()


def test_section_4_trust_region():
    numbers = section_4_trust_region.compute()
    mdp, pi_old, rho, delta = (numbers[key] for key in ("mdp", "pi_old", "rho", "delta"))
    tables = {name: section_4_trust_region.table(theta) for name, theta in numbers["thetas"].items()}
    L = {name: exact_surrogate(mdp, pi_old, pi) for name, pi in tables.items()}
    kl = {name: visited_mean_kl(rho, pi_old, pi) for name, pi in tables.items()}
    assert kl["natural gradient (17)"] > delta >= kl["TRPO: with line search"]
    assert kl["mean KL (12)"] == pytest.approx(delta) and kl["penalty C of (9)"] < 0.1 * delta
    assert L["mean KL (12)"] > L["max KL (11)"] and L["mean KL (12)"] > L["TRPO: with line search"]
    assert all(expected_return(mdp, pi) > expected_return(mdp, pi_old) for pi in tables.values())
