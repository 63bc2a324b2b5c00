"""Fresh inputs: shapes, regimes and seeds that are drawn anew for each run.

The suite's own inputs are known: whoever looks can be right on them alone, and a width that no list
names may be wrong for years. So every run that names no seed asks a few that nobody could foresee;
they stand in its record like any other case, and a replay line asks them again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from verify.cases import Case
    from verify.checks.check import Scope

_REGIMES = ("uniform", "normal", "ties", "wide_gap", "masked", "islands", "scales")
# Enough that who is right on the known ones alone is right here by no chance.
_HOW_MANY = 6
_ROWS = 5
_SHORT = (5, 150)
_LONG = (300, 6000)


def cases(scope: Scope) -> Iterator[Case]:
    """Yield the run's own cases: none where its seed was given, as everything follows from it."""
    if scope.fresh is None:
        return
    rng = np.random.default_rng([scope.fresh, *scope.dtype.encode()])
    for index in range(_HOW_MANY):
        long = index % 2 == 0
        # Long rows repeat three values, as elsewhere: exact answers cost what is distinct.
        regime = "ties" if long else _REGIMES[int(rng.integers(len(_REGIMES)))]
        least, most = _LONG if long else _SHORT
        n = round(math.exp(rng.uniform(math.log(least), math.log(most))))
        rows = int(rng.integers(1, _ROWS + 1))
        yield scope.case((rows, n), regime, seed=int(rng.integers(1 << 31)))
