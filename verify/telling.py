"""What a run amounts to, on a screen: tables, findings, and the three things to know first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports import console, manners, summary
from reports.text import safe
from verify import totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.records import Outcome, Run


def tell(run: Run, outcomes: Sequence[Outcome], *, quiet: bool) -> int:
    """Show a run's outcomes, or only the bad ones; return the exit code."""
    outcomes = _ordered(run, outcomes)
    bad = summary.bad(outcomes)
    if quiet:
        if bad:
            manners.screen().print(console.findings(bad))
    else:
        _tell_all(run, outcomes, len(bad))
    return 1 if bad else 0


def _tell_all(run: Run, outcomes: Sequence[Outcome], bad: int) -> None:
    screen = manners.screen()
    for of_one in summary.by_operation(outcomes):
        screen.print(console.status_table(of_one))
    # The lengths of one operation are enough for a screen; `python -m reports` has all of them.
    lengths = console.length_table(next(summary.by_operation(outcomes), []))
    if lengths.row_count:
        screen.print(lengths)
    screen.print(console.findings(outcomes))
    for line in totals.lines(outcomes):
        screen.print(safe(line, lines=True), markup=False, highlight=False)
    screen.print(console.in_short(outcomes))
    screen.print(f"run {run.id}: {len(outcomes)} outcomes, {bad} of them bad", markup=False)


def _ordered(run: Run, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcomes by backend and dtype; they came as the backends took turns."""
    from backends.vocabulary import DTYPES

    names = [spec["name"] for spec in run.arguments["backends"]]
    return sorted(outcomes, key=lambda o: (names.index(o.backend), DTYPES.index(o.dtype)))
