"""Every family of the tests has what Family says, with the arguments that it says."""
import inspect

from problems import FAMILIES

import pytest

from trpo_numpy.family import Family

MEMBERS = [name for name in vars(Family) if not name.startswith("_")]


def arguments(method):
    return list(inspect.signature(method).parameters)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_a_family_has_every_member_of_the_protocol(family):
    assert len(MEMBERS) == 12
    for name in MEMBERS:
        declared = vars(Family)[name]
        if isinstance(declared, property):
            assert isinstance(getattr(family, name), int)
        else:
            assert len(arguments(getattr(family, name))) == len(arguments(declared)) - 1, name  # self is bound
