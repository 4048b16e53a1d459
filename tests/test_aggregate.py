"""Interquartile means, their intervals, and the probability of improvement, beside values by hand."""
from aggregate import interquartile_mean, interval, judge, p_value, probability_of_improvement, verdict

import numpy as np
import pytest


def test_the_interquartile_mean_is_that_of_the_middle_half():
    assert interquartile_mean(np.array([-1000.0, 1, 2, 3, 4, 5, 6, 9000])) == 3.5
    assert interquartile_mean(np.array([7.0])) == 7
    assert interquartile_mean(np.array([[1.0, 2, 3, 100], [5, 5, 5, 5]])).tolist() == [2.5, 5]


def test_the_probability_of_improvement_counts_pairs_and_halves_ties_task_by_task():
    x, y = np.array([1.0, 2, 3]), np.array([2.0, 0])
    assert probability_of_improvement(x, y) == pytest.approx((0 + 0.5 + 1 + 1 + 1 + 1) / 6)
    one_sided = np.array([9.0]), np.array([1.0, 2, 3, 4])
    assert probability_of_improvement(x, y, *one_sided) == pytest.approx((4.5 / 6 + 1) / 2), "each task counts alike"


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    """In 20 samples of ten normal numbers, whose middle half has the mean 0."""
    rng = np.random.default_rng(0)
    covered = [low < 0 < high for low, high in (interval(interquartile_mean, rng.standard_normal(10))
                                                for _ in range(20))]
    assert 15 <= sum(covered) <= 20


def test_an_interval_is_that_of_its_samples_and_none_for_a_single_run():
    assert interval(interquartile_mean, np.full(10, 3.0)) == (3, 3)
    low, high = interval(probability_of_improvement, np.arange(10.0), np.arange(10.0) + 20)
    assert low == high == 0
    assert np.isnan(interval(interquartile_mean, np.array([1.0]))).all()


@pytest.mark.parametrize("low, high, said", [(0.51, 0.9, "better"), (0.1, 0.49, "worse"), (0.4, 0.6, "cannot tell"),
                                             (np.nan, np.nan, "cannot tell"), (0.5, 0.9, "cannot tell")])
def test_the_verdict_is_that_of_the_interval(low, high, said):
    assert verdict(low, high) == said


def test_a_judge_wants_five_runs_and_the_agreement_of_interval_and_rank_test():
    x = np.array([82.8, 218, 239, 199, 106, 84.6, 181, 71.9, 206, 167])
    y = np.array([203.0, 264, 265, 140, 277])
    low, high = interval(probability_of_improvement, x, y)
    assert verdict(low, high) == "worse" and judge(x, y) == "cannot tell"  # by the rank test p is 0.055
    assert judge(x, y + 100) == "worse" and judge(y + 100, x) == "better" and judge(x, x) == "cannot tell"
    assert judge(x, y[:4] + 100) == judge(y[:4] + 100, x) == "too few runs"


def test_several_tasks_are_judged_by_exchanging_the_runs_of_each():
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((2, 10))
    tasks = x, y, 100 * x + 500, 100 * y + 500      # other units and levels: no run may move to another task
    assert p_value(*tasks) == pytest.approx(p_value(x, y, x, y), abs=0.01)
    assert p_value(x, y, y, x) == 1                 # P and 1 - P
    one, two, four = (p_value(*n * (x, y)) for n in (1, 2, 4))
    assert one > two > four > 0.001
    from scipy.stats import norm
    P, sd = probability_of_improvement(x, y), np.sqrt(21 / 1200 / 4)   # the normal approximation of four rank tests
    assert four == pytest.approx(2 * norm.sf(abs(P - 0.5) / sd), abs=0.02)
    shifted = x, y - 2, x, y - 2
    assert judge(*shifted) == "better" and judge(*shifted[1::-1], *shifted[1::-1]) == "worse"
    assert judge(x, y, y, x) == "cannot tell" and judge(*tasks[:3], y[:4]) == "too few runs"
