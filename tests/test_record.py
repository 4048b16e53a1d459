"""Records print on a line or two, whatever they hold, and hold what they were given."""
import numpy as np
import pytest

from trpo_numpy.config import Config
from trpo_numpy.record import brief
from trpo_numpy.training import train


def test_every_record_of_a_training_run_is_short():
    iteration = next(train(Config(batch_size=200)))
    for record in (iteration.update, iteration.state, iteration.scaling, iteration.update.candidates[0]):
        shown = repr(record)
        assert shown.startswith(type(record).__name__ + "(") and len(shown) < 700 and "\n" not in shown
    assert f"g=<(4482,), norm {np.linalg.norm(iteration.update.g):.4g}>" in repr(iteration.update)
    assert len(repr(iteration)) < 2000


@pytest.mark.parametrize("value, shown", [
    (np.arange(9.0), "<(9,), norm 14.28>"), (np.zeros((3, 2, 2)), "<(3, 2, 2), norm 0>"), (1 / 3, "0.3333"),
    (np.array([1 / 3, 2.0]), "[0.3333, 2.    ]"), (np.float64(2), "2"), ([1, 2, 3], "<3 of int>"), ([], "[]"),
    ("text", "'text'"), (brief, "brief"), (None, "None"), (np.arange(9), "<(9,), norm 14.28>")])
def test_values(value, shown):
    assert brief(value) == shown
