"""What the pictures show, as small tables: made of every result, also of those that a table omits.

A table is a list of rows beside the names of its columns; the page turns it into marks.
"""

from collections.abc import Iterable, Sequence
from math import ceil, isfinite, log2, prod
from typing import Any

from reports.records import Duel, Measurement, Outcome, Status, shape_text
from reports.summary import opponent
from reports.text import safe

Rows = list[list[Any]]

FINEST, COARSEST = -4, 24
"""Edges of the histogram in powers of two ulps; what lies beyond counts in the last bar."""


def charts(
    outcomes: Sequence[Outcome], measurements: Sequence[Measurement], duels: Sequence[Duel]
) -> dict[str, dict[str, Any]]:
    """Return each picture's columns and rows by its name."""
    accurate = _by_length(outcomes)
    return {
        "lengths": _table("backend operation dtype n ulp", accurate),
        "errors": _table("backend operation dtype power count", _histogram(outcomes)),
        "checks": _table("backend check status count worst", _checks(outcomes)),
        "speeds": _table(
            "backend operation dtype shape elements device cache seconds bandwidth share verified",
            map(_speed, measurements),
        ),
        "plane": _table(
            "backend operation dtype shape bandwidth ulp front", plane(outcomes, measurements)
        ),
        "duels": _table(
            "backend operation dtype workload against ratio low high verdict", _duels(duels)
        ),
    }  # fmt: skip


def plane(outcomes: Iterable[Outcome], measurements: Iterable[Measurement]) -> Rows:
    """Return for each timing the backend's largest error on uniform logits, and if it is in front.

    As `reports.pivots.accuracy_and_speed` has it, of right results and warm caches.
    """
    from reports import frames, pivots

    timed = [item for item in measurements if item.verified and item.cache == "warm"]
    table = pivots.accuracy_and_speed(
        frames.outcomes_frame(_accuracy(outcomes)), frames.measurements_frame(timed)
    )
    names = ("backend", "operation", "dtype", "shape", "bandwidth", "max_ulp", "front")
    return [
        [safe(backend), *kind, _size(error), front]
        for backend, *kind, error, front in zip(
            *(table[name].tolist() for name in names), strict=True
        )
    ]


def _accuracy(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return the finite errors of the accuracy check; on uniform logits only, if there are any."""
    found = [
        outcome
        for outcome in outcomes
        if outcome.check == "accuracy"
        and outcome.max_ulp is not None
        and outcome.status is not Status.SKIP
    ]
    return [outcome for outcome in found if outcome.regime == "uniform"] or found


def _by_length(outcomes: Sequence[Outcome]) -> Rows:
    """Return the largest finite error at each length, lengths within a quarter octave as one."""
    worst: dict[tuple[str, str, str, int], float] = {}
    for outcome in _accuracy(outcomes):
        if outcome.max_ulp is None or not isfinite(outcome.max_ulp):
            continue
        length = round(2 ** (round(log2(max(outcome.n, 1)) * 4) / 4))
        key = (safe(outcome.backend), safe(outcome.operation), safe(outcome.dtype), length)
        worst[key] = max(worst.get(key, 0.0), outcome.max_ulp)
    return [[*key, error] for key, error in sorted(worst.items())]


def _histogram(outcomes: Iterable[Outcome]) -> Rows:
    """Return how many outcomes have their largest error between one power of two and the next."""
    counts: dict[tuple[str, str, str, int], int] = {}
    for outcome in outcomes:
        if outcome.max_ulp is None or outcome.status is Status.SKIP:
            continue
        power = _power(outcome.max_ulp)
        key = (safe(outcome.backend), safe(outcome.operation), safe(outcome.dtype), power)
        counts[key] = counts.get(key, 0) + 1
    return [[*key, count] for key, count in sorted(counts.items())]


def _power(error: float) -> int:
    """Return the whole power of two at or above an error, within the histogram's edges."""
    if not error <= 2.0**COARSEST:
        return COARSEST + 1
    return max(ceil(log2(error)), FINEST) if error > 0 else FINEST


def _checks(outcomes: Iterable[Outcome]) -> Rows:
    """Return for each backend and check the gravest status, its count and the largest error."""
    cells: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        cells.setdefault((outcome.backend, outcome.check), []).append(outcome)
    rows: Rows = []
    for (backend, check), group in cells.items():
        status = max((outcome.status for outcome in group), key=GRAVITY.__getitem__)
        count = sum(outcome.status is status for outcome in group)
        worst = max((_size(o.max_ulp) for o in group if o.max_ulp is not None), default=None)
        rows.append([safe(backend), safe(check), status.value, count, worst])
    return rows


GRAVITY = {
    status: rank
    for rank, status in enumerate(
        (
            *(Status.SKIP, Status.PASS, Status.WEAK, Status.KNOWN),
            *(Status.TIMEOUT, Status.FAIL, Status.CRASH),
        )
    )
}
"""How much a status matters to a reader; one pass outweighs any number of skips."""


def _speed(item: Measurement) -> list[Any]:
    return [
        *map(safe, (item.backend, item.operation, item.dtype)),
        *(
            shape_text(item.shape),
            prod(item.shape),
            safe(f"{item.device}:{item.threads}"),
            item.cache,
        ),
        *(item.median, item.bandwidth, item.roof_share, item.verified),
    ]


def _duels(duels: Sequence[Duel]) -> Rows:
    """Return the duels; where they were fought is said if it is not the same place for all."""
    places = {_place(item) for item in duels}
    return [
        [
            *map(safe, (item.backend, item.operation, item.dtype)),
            safe(shape_text(item.shape) + (f" {_place(item)}" if len(places) > 1 else "")),
            safe(opponent(item)),
            *(item.ratio, item.low, item.high, item.verdict),
        ]
        for item in duels
    ]


def _place(item: Duel) -> str:
    return f"{item.device}:{item.threads} {item.cache}"


def _size(error: float | None) -> float:
    """Return an error that can be compared: NaN is larger than any number."""
    return float("inf") if error is None or not error <= float("inf") else error


def _table(names: str, rows: Iterable[list[Any]]) -> dict[str, Any]:
    return {"columns": names.split(), "rows": list(rows)}
