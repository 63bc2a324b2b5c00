"""The roof: the least time that this machine, at this moment, lets a workload take.

Two things cannot be done without: every byte of input and result must be moved, and exponentials
must be taken. Each is measured alone, on arrays of the same size and with the same threads
(`bench.roof_kernels`), before and after each timing; the slower of the two is the roof. A timing
that is faster by more than the measurements are uncertain did not do what it should, or the roof is
wrong: that is an error and no record.
"""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

from backends.errors import SoftmarkError
from bench import caches, roof_process
from verify.child import Child, Lost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.traffic import Pattern, Traffic
    from reports.records import Bound

# Of each measurement of the roof; there are two or more for each timing.
_SECONDS = 0.02
# Compilation, at worst, of all programs on a busy machine.
_PATIENCE = 300.0
# A memory that no cache helps with: what was written last is gone when it is its turn again.
_OUT_OF_CACHE = 4
# Half the width of a median's 95 % interval, in ranks: 1.96 standard deviations of a binomial.
_RANKS = 1.96 / 2


class RoofError(SoftmarkError):
    """A timing above the roof; the message says by how much and what may be wrong."""


class Measures(Protocol):
    """Measures both parts of the roof: the process, or what stands in for it."""

    def measure(
        self, pattern: Pattern, size: int, dtype: str, threads: int
    ) -> tuple[float, float | None]:
        """Return the seconds to move `size` bytes a stream and of one exponential, if known."""


class RoofProcess:
    """Asks `bench.roof_process`; use it in a `with` block."""

    def __init__(self) -> None:
        self._child = Child(roof_process.main)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._child.close()

    def measure(
        self, pattern: Pattern, size: int, dtype: str, threads: int
    ) -> tuple[float, float | None]:
        """Return what the process measures.

        Raises
        ------
        RoofError
            If it has no answer: without Numba, or memory, there is none.
        """
        words = {"pattern": pattern, "size": size, "dtype": dtype, "threads": threads}
        request = json.dumps({"do": "measure", "seconds": _SECONDS, **words})
        reply = self._child.ask(request.encode("ascii"), _PATIENCE)
        if isinstance(reply, Lost):
            raise RoofError(f"the roof is not known: {reply.message}")
        said: dict[str, Any] = json.loads(reply[0])
        if "error" in said:
            raise RoofError(f"the roof is not known: {said['error']}")
        return float(said["memory"]), float(said["exponential"])


@dataclass(frozen=True)
class Roof:
    """The least time for one workload, and what it follows from.

    Attributes
    ----------
    seconds
        The slower of the two parts.
    binds
        Which of them.
    bandwidth
        Bytes a second of the best program that moves the same bytes alone.
    exp_rate
        Exponentials a second, or None where they are not measured.
    spread
        By how much of themselves the measurements of what binds differ.
    """

    seconds: float
    binds: Bound
    bandwidth: float
    exp_rate: float | None
    spread: float

    def share(self, median: float) -> float:
        """Return which part of a timing the machine could not have spared: 1 is the roof."""
        return self.seconds / median

    def uncertainty(self, rounds: Sequence[float]) -> float:
        """Return by how much of itself the share may be wrong.

        That is the range of the roof's own measurements, and half the 95 % interval of the rounds'
        median, which follows from their ranks and takes no distribution for granted.
        """
        ordered = sorted(rounds)
        reach = _RANKS * math.sqrt(len(ordered))
        low = ordered[max(0, math.floor(len(ordered) / 2 - reach))]
        high = ordered[min(len(ordered) - 1, math.ceil(len(ordered) / 2 + reach))]
        return self.spread + (high - low) / 2 / statistics.median(ordered)

    def exceeded(self, rounds: Sequence[float]) -> bool:
        """Say whether a timing is above the roof by more than both are uncertain."""
        return self.share(statistics.median(rounds)) > 1 + self.uncertainty(rounds)

    def fault(self, rounds: Sequence[float]) -> str:
        """Say by how much a timing is above the roof."""
        share, unsure = self.share(statistics.median(rounds)), self.uncertainty(rounds)
        what = (
            f"moves these bytes at {self.bandwidth / 1e9:.3g} GB/s and no faster"
            if self.binds == "memory" or self.exp_rate is None
            else f"takes {self.exp_rate / 1e9:.3g} exponentials a nanosecond and no more"
        )
        return (
            f"{share:.3g} times the roof, which is uncertain by {unsure:.1%}: this machine {what}; "
            "either the timed calls do not do the work, or the roof is wrong"
        )


@dataclass
class Beside:
    """The roof of one workload, measured as often as it is asked to be.

    Parameters
    ----------
    meter
    traffic
        What the workload must move and compute.
    dtype
    threads
    cold
        Whether caches were emptied before each call. Then bytes come from memory at best at the
        speed at which a long array does. What is written may stay in a cache until the clock has
        stopped, unless it is more than a cache holds: so only the reading counts.
    """

    meter: Measures
    traffic: Traffic
    dtype: str
    threads: int
    cold: bool = False
    _memory: list[float] = field(default_factory=list)
    _exponential: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """Measure once more.

        Raises
        ------
        RoofError
            If it cannot be.
        """
        memory, exponential = self.meter.measure(
            self._pattern, self._asked, self.dtype, self.threads
        )
        self._memory.append(memory * self._size / self._asked)
        if exponential is not None:
            self._exponential.append(exponential * self.traffic.exponentials)

    def roof(self) -> Roof:
        """Return the roof by all measurements so far: of each part the best one."""
        memory, exponential = min(self._memory), min(self._exponential, default=0.0)
        binds: Bound = "memory" if memory >= exponential else "exp"
        values = self._memory if binds == "memory" else self._exponential
        return Roof(
            max(memory, exponential),
            binds,
            self._streams * self._size / memory,
            self.traffic.exponentials / exponential if exponential else None,
            max(values) / min(values) - 1,
        )

    @property
    def _pattern(self) -> Pattern:
        stays = self.traffic.bytes <= caches.largest()
        return "read" if self.cold and stays and self.traffic.reads else self.traffic.pattern

    @property
    def _streams(self) -> int:
        return {"read": 1, "fill": 1, "copy": 2, "two reads, one write": 3}[self._pattern]

    @property
    def _size(self) -> int:
        """Bytes of a stream."""
        if self._pattern == "read":
            return self.traffic.reads
        return self.traffic.writes

    @property
    def _asked(self) -> int:
        """Bytes of a stream as it is measured."""
        return max(self._size, _OUT_OF_CACHE * caches.largest()) if self.cold else self._size
