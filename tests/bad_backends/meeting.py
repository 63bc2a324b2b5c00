"""Which questions kill a wrong backend: what the tables of `test_wrong_*.py` are made of."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from reports.records import Status

BEYOND = "off by"
NAN = "NaN where the exact result is a number"
POISONED = "NaN or .inf must give NaN"


def anything(_):
    return True


def width(*wanted):
    return lambda case: case.n in wanted


def regime(*wanted, most=130):
    return lambda case: case.regime in wanted and case.n <= most


def short(case):
    return case.n <= 9 or case.n in (16, 17, 31, 32, 33)


@dataclass(frozen=True)
class Wrong:
    """One wrong backend: which questions kill it, what it is told, and where it is still right.

    `asked` selects the check's cases; `spared` says of those on which the backend is right: there
    it must have no fail, so that nothing but the planted fault is what was found.
    """

    name: str
    file: str
    check: str
    dtype: str
    says: str
    asked: Callable = short
    spared: Callable | None = None
    fresh: int | None = None

    def __str__(self):
        return f"{self.name}-{self.dtype}-{self.check}"


def meets(zoo, wrong):
    """Ask what is meant to kill it, and assert that it does, for the reason that is given."""
    outcomes = zoo.outcomes(
        f"wrong_{wrong.file}.py", wrong.name, wrong.check, wrong.dtype, wrong.asked, wrong.fresh
    )
    killed = [o for o in outcomes if o.status is Status.FAIL]
    assert killed, {str(o.status): o.message for o in outcomes}
    assert any(re.search(wrong.says, o.message) for o in killed), [o.message for o in killed][:5]


def is_spared(zoo, wrong):
    """Ask where it is right, and assert that it is not blamed."""
    outcomes = zoo.outcomes(
        f"wrong_{wrong.file}.py",
        wrong.name,
        wrong.check,
        wrong.dtype,
        lambda case: wrong.asked(case) and wrong.spared(case),
        wrong.fresh,
    )
    assert [(o.case, o.message) for o in outcomes if o.status.bad] == []
