"""The three most important findings of runs, in plain words.

What went wrong comes first, one finding for each backend, the gravest ones before the others; then
which backend is the most accurate and which the fastest; then what was declared, and what is right
and weak.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from reports import summary
from reports.records import Duel, DuelVerdict, Measurement, Outcome, Status, shape_text
from reports.text import safe

LIMIT = 3
_GRAVITY = {Status.CRASH: 0, Status.FAIL: 1, Status.TIMEOUT: 2}
_DID = {
    Status.CRASH: "crashed",
    Status.FAIL: "gave wrong answers",
    Status.TIMEOUT: "gave no answer in time",
}


_VERDICTS: tuple[DuelVerdict, ...] = ("faster", "slower", "no difference shown")


@dataclass(frozen=True)
class Finding:
    """One thing that a reader should know first."""

    tone: str
    """bad, good or plain: how it is shown."""
    text: str
    """A sentence or two, without markup, control characters made visible."""
    filters: dict[str, str]
    """The outcomes that it speaks of, as a filter of the table: column -> value."""


def important(
    outcomes: Sequence[Outcome],
    measurements: Sequence[Measurement],
    duels: Sequence[Duel] = (),
    limit: int = LIMIT,
) -> list[Finding]:
    """Return the most important findings, at most `limit` of them.

    At least one speaks of what to choose, if anything was right or timed.
    """
    wrong = list(_wrong(outcomes))
    advice = [*_accurate(outcomes), *_fast(outcomes, measurements), *_fought(duels)]
    advice += [*_declared(outcomes), *_weak(outcomes)]
    if outcomes and not wrong:
        advice = [_nothing_wrong(outcomes), *advice]
    room = limit - min(len(advice), 1)
    return [*wrong[:room], *advice][:limit]


def _wrong(outcomes: Sequence[Outcome]) -> Iterator[Finding]:
    groups: dict[str, list[Outcome]] = {}
    for outcome in summary.bad(outcomes):
        groups.setdefault(outcome.backend, []).append(outcome)
    asked = Counter(o.backend for o in outcomes if o.status is not Status.SKIP)

    def gravity(group: list[Outcome]) -> tuple[int, int]:
        return min(_GRAVITY[outcome.status] for outcome in group), -len(group)

    for group in sorted(groups.values(), key=gravity):
        first = min(group, key=lambda outcome: _GRAVITY[outcome.status])
        did = sorted({outcome.status for outcome in group}, key=_GRAVITY.__getitem__)
        words = " and ".join(_DID[status] for status in did)
        checks = ", ".join(dict.fromkeys(outcome.check for outcome in group))
        yield Finding(
            "bad",
            safe(
                f"{first.backend} {words} on {_count(len(group), 'question')} of"
                f" {asked[first.backend]:,} (in {checks}). For one: {first.message}"
            ),
            {"backend": safe(first.backend), "status": first.status.value},
        )


def _nothing_wrong(outcomes: Sequence[Outcome]) -> Finding:
    backends = len({outcome.backend for outcome in outcomes})
    asked = sum(outcome.status is not Status.SKIP for outcome in outcomes)
    text = f"Nothing failed: {_count(backends, 'backend')} gave {asked:,} answers within the limits"
    shown = len({outcome.backend for outcome in summary.known(outcomes)})
    tail = f", beyond limitations that {_count(shown, 'backend')} declare" if shown else ""
    return Finding("good", f"{text}{tail}.", {})


def _accurate(outcomes: Iterable[Outcome]) -> Iterator[Finding]:
    """Say whose largest error on softmax in float32 is smallest, and whose is largest."""
    worst = {
        backend: error for backend, error in _errors(outcomes).items() if error == error  # not NaN
    }  # fmt: skip
    if len(worst) < 2:
        return
    best, last = min(worst, key=worst.__getitem__), max(worst, key=worst.__getitem__)
    text = f"Most accurate on softmax in float32: {best}, never more than {worst[best]:.3g} ulp off"
    if worst[last] > worst[best]:
        text += f"; the largest error is {last}'s, {worst[last]:.3g} ulp"
    yield Finding("good", safe(f"{text}."), {"backend": safe(best), "check": "accuracy"})


def _errors(outcomes: Iterable[Outcome]) -> dict[str, float]:
    """Return backend -> largest error of the accuracy check, for those with nothing worse."""
    asked = [
        outcome
        for outcome in outcomes
        if (outcome.operation, outcome.dtype) == ("softmax", "float32")
        and outcome.check == "accuracy"
        and outcome.status is not Status.SKIP
    ]
    excluded = {o.backend for o in asked if o.status not in (Status.PASS, Status.WEAK)}
    errors: dict[str, list[float | None]] = {}
    for outcome in asked:
        if outcome.backend not in excluded:
            errors.setdefault(outcome.backend, []).append(outcome.max_ulp)
    largest = {backend: summary.largest(values) for backend, values in errors.items()}
    return {backend: error for backend, error in largest.items() if error is not None}


def _fast(outcomes: Sequence[Outcome], measurements: Sequence[Measurement]) -> Iterator[Finding]:
    """Say who is fastest most often, among those found right where they were timed."""
    wrong = {outcome.backend for outcome in summary.bad(outcomes)}
    groups: dict[tuple[object, ...], list[Measurement]] = {}
    for item in measurements:
        if item.verified and item.backend not in wrong:
            key = (item.operation, item.dtype, item.shape, item.axis, item.device, item.cache)
            groups.setdefault(key, []).append(item)
    contested = [group for group in groups.values() if len({m.backend for m in group}) > 1]
    if not contested:
        return
    winners = [min(group, key=lambda item: item.median) for group in contested]
    backend, won = Counter(item.backend for item in winners).most_common(1)[0]
    best = max(
        (item for item in winners if item.backend == backend), key=lambda item: item.bandwidth
    )
    yield Finding(
        "good",
        safe(
            f"Fastest on {won} of {len(contested)} timed workloads, of those found right: {backend}"
            f" (at best {best.bandwidth / 1e9:.3g} GB/s, {best.dtype} {shape_text(best.shape)})."
        ),
        {},
    )


def _fought(duels: Iterable[Duel]) -> Iterator[Finding]:
    """Say of each pair how often one was faster, the most decided pair first."""
    pairs: dict[tuple[str, str], list[Duel]] = {}
    for duel in duels:
        if duel.verified:
            pairs.setdefault((duel.backend, summary.opponent(duel)), []).append(duel)
    for (backend, against), group in sorted(pairs.items(), key=lambda pair: -_decided(pair[1])):
        counts = Counter(duel.verdict for duel in group)
        said = ", ".join(f"{counts[what]} {what}" for what in _VERDICTS if counts[what])
        ratios = sorted(duel.ratio for duel in group)
        ends = f"{ratios[0]:.3g}" + (f" to {ratios[-1]:.3g}" if len(ratios) > 1 else "")
        yield Finding(
            "good" if counts["faster"] and not counts["slower"] else "plain",
            safe(
                f"{backend} against {against}, {_count(len(group), 'duel')}: {said};"
                f" {ends} times as fast."
            ),
            {},
        )


def _decided(duels: Sequence[Duel]) -> int:
    return sum(duel.verdict != "no difference shown" for duel in duels)


def _declared(outcomes: Sequence[Outcome]) -> Iterator[Finding]:
    groups = sorted(summary.alike(summary.known(outcomes)), key=len, reverse=True)
    for group in islice(groups, 1):
        first = group[0]
        yield Finding(
            "plain",
            safe(f"{first.backend} has a limitation that it declares, and it shows in"
                 f" {_count(len(group), 'case')} of {first.check}: {first.message}"),
            {"backend": safe(first.backend), "status": Status.KNOWN.value},
        )  # fmt: skip


def _weak(outcomes: Sequence[Outcome]) -> Iterator[Finding]:
    """Say of the backend with the most weak answers how many they are, and which is the worst."""
    weak = [outcome for outcome in outcomes if outcome.status is Status.WEAK]
    if not weak:
        return
    backend, count = Counter(outcome.backend for outcome in weak).most_common(1)[0]
    asked = sum(o.backend == backend and o.status is not Status.SKIP for o in outcomes)
    errors = [(o.max_ulp, o.case) for o in weak if o.backend == backend and o.max_ulp is not None]
    shown = ": up to {:.3g} ulp, on {}".format(*max(errors)) if errors else ""
    text = (
        f"{backend} is weak on {_count(count, 'question')} of {asked:,}, within what theory allows"
        f" and further off than need be{shown}."
    )
    yield Finding("plain", safe(text), {"backend": safe(backend), "status": Status.WEAK.value})


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
