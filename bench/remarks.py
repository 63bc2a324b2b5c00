"""What a reader of a run's timings must know, said once for all that it holds for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.cautions import Caution
from bench.table import workload_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.records import Measurement

# So many timings are named in a line about several of them.
_NAMED = 3


@dataclass
class _Group:
    """The timings that one caution was said of, and their figures as they were printed."""

    timings: list[str] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)


def remarks(measurements: Sequence[Measurement]) -> list[str]:
    """Return a line for each caution that was said, and one for each timing with words of its own.

    A busy machine makes most timings of a run doubtful in the same way: it is said once, with the
    range of the figures and the timings that it is about. The store keeps each one's own words.
    """
    groups: dict[Caution, _Group] = {}
    own: list[str] = []
    for item in measurements:
        name = f"{item.backend} {item.operation} {item.dtype} {workload_text(item)}"
        rest = _sorted_out(item.message, name, groups)
        if rest:
            own.append(f"{name}: {rest}")
    return own + [
        _line(caution, groups[caution], len(measurements))
        for caution in Caution
        if caution in groups
    ]


def _sorted_out(message: str, name: str, groups: dict[Caution, _Group]) -> str:
    """Add the message's cautions to their groups, and return what is left of it."""
    for caution in Caution:
        found = _pattern(caution).search(message)
        if found is not None:
            group = groups.setdefault(caution, _Group())
            group.timings.append(name)
            group.figures.append(found[1])
            message = message[: found.start()] + message[found.end() :]
    return "; ".join(filter(None, message.split("; ")))


def _pattern(caution: Caution) -> re.Pattern[str]:
    """Return what matches the caution's words, with its figure as the first group."""
    before, after = re.split(r"\{0:[^}]*\}", caution.value)
    return re.compile(rf"{re.escape(before)}(\S+?){re.escape(after)}(?=; |$)")


def _line(caution: Caution, group: _Group, count: int) -> str:
    figures = sorted(group.figures, key=lambda figure: float(figure.rstrip("%")))
    low, high = figures[0], figures[-1]
    between = low if low == high else f"{low} to {high}"
    words = re.sub(r"\{0:[^}]*\}", lambda _: between, caution.value)
    more = len(group.timings) - _NAMED
    named = ", ".join(group.timings[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"{words} ({len(group.timings)} of {count} timings: {named})"
