"""What can make a timing doubtful: a closed list, each with its words and its advice."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Caution(Enum):
    """A reason for doubt; the value is its words, to be filled in, and what to do about it."""

    SPREAD = (
        "the middle half of the rounds spreads over {0:.0%} of the median; close other programs"
    )
    DRIFT = (
        "the second half of the rounds took {0:+.0%}; let the machine cool down or fix its clock"
    )
    OUTLIERS = "{0:.0%} of the rounds took over twice the median; something else runs now and then"
    FEW_ROUNDS = "only {0:.0f} rounds; --profile full takes more of them"
    TINY = "a call takes {0:.2g} µs, mostly the way to the backend; time a larger shape"
    BUSY = "others used {0:.0%} of the processors meanwhile; wait for a quiet machine"
    ROOF = "the share of the roof is uncertain by {0:.0%}; a quieter machine would tell more"


@dataclass(frozen=True)
class Doubt:
    """A caution with the figure that it is about."""

    caution: Caution
    figure: float

    def __str__(self) -> str:
        """Return it as words."""
        return self.caution.value.format(self.figure)


# From where on a reader should know. A tenth is what people take for a difference worth having; a
# median of fewer than ten rounds moves with each of them; a microsecond is a few calls in Python.
_WIDE, _SHIFT, _OFTEN, _FEW, _SHORT, _OTHERS, _VAGUE = 0.1, 0.1, 0.05, 10, 1e-6, 0.1, 0.1
_TWICE = 2.0


def of_rounds(rounds: Sequence[float]) -> list[Doubt]:
    """Return what the rounds themselves give reason to doubt.

    Parameters
    ----------
    rounds
        Seconds a call, in the order in which they were timed; at least two.
    """
    middle = statistics.median(rounds)
    first, _, third = statistics.quantiles(rounds, n=4, method="inclusive")
    half = len(rounds) // 2
    shift = statistics.median(rounds[half:]) / statistics.median(rounds[:half]) - 1
    slow = sum(each > _TWICE * middle for each in rounds) / len(rounds)
    found = (
        (Caution.SPREAD, (third - first) / middle, (third - first) / middle > _WIDE),
        (Caution.DRIFT, shift, abs(shift) > _SHIFT and len(rounds) >= _FEW),
        (Caution.OUTLIERS, slow, slow > _OFTEN),
        (Caution.FEW_ROUNDS, float(len(rounds)), len(rounds) < _FEW),
        (Caution.TINY, middle * 1e6, middle < _SHORT),
    )
    return [Doubt(caution, figure) for caution, figure, doubtful in found if doubtful]


def of_machine(others: float) -> list[Doubt]:
    """Return a doubt if other programs used more than a little of the processors' time."""
    return [Doubt(Caution.BUSY, others)] if others > _OTHERS else []


def of_roof(uncertainty: float) -> list[Doubt]:
    """Return a doubt if the share of the roof is a vague one."""
    return [Doubt(Caution.ROOF, uncertainty)] if uncertainty > _VAGUE else []


class Others:
    """What share of the processors others use from now on."""

    def __init__(self) -> None:
        self._before = _used()

    def share(self) -> float:
        """Return the share, between 0 and 1, since this was made."""
        (busy, whole, own), (busy_before, whole_before, own_before) = _used(), self._before
        passed = whole - whole_before
        if passed <= 0:
            return 0.0
        return min(1.0, max(0.0, (busy - busy_before - (own - own_before)) / passed))


def _used() -> tuple[float, float, float]:
    """Return the seconds that all processors worked, that passed on all, and that we worked."""
    import time

    import psutil

    times = psutil.cpu_times()._asdict()
    # A guest's time is part of the user's already.
    whole = sum(value for name, value in times.items() if not name.startswith("guest"))
    busy = whole - times.get("idle", 0.0) - times.get("iowait", 0.0)
    return busy, whole, time.process_time()
