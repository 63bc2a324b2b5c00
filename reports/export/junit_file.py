"""Results as JUnit XML, which every CI service reads.

A suite per backend and a test case per outcome: fail is a failure, crash and timeout are errors,
skip is skipped, and the rest passed. Timings and duels become properties of a suite without test
cases: JUnit has no other place for them.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree as ET

from reports import summary
from reports.records import Duel, Measurement, Outcome, Run, Status, shape_text
from reports.text import safe

_ELEMENTS = {
    Status.FAIL: "failure",
    Status.CRASH: "error",
    Status.TIMEOUT: "error",
    Status.SKIP: "skipped",
}


def write(
    path: Path,
    run: Run,
    outcomes: Sequence[Outcome],
    measurements: Sequence[Measurement],
    duels: Sequence[Duel],
) -> None:
    """Write the outcomes as test cases."""
    root = ET.Element("testsuites", {"name": f"softmark {run.id}", **_counts(outcomes)})
    ordered = sorted(outcomes, key=lambda outcome: outcome.backend)
    for backend, group in groupby(ordered, key=lambda outcome: outcome.backend):
        root.append(_suite(backend, run, list(group)))
    if measurements:
        root.append(_timings(run, measurements))
    if duels:
        root.append(_duels(run, duels))
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _suite(backend: str, run: Run, outcomes: list[Outcome]) -> ET.Element:
    attributes = {"name": text_of(backend), "timestamp": run.created[:19], **_counts(outcomes)}
    suite = ET.Element("testsuite", attributes)
    suite.extend(_case(outcome) for outcome in outcomes)
    return suite


def _case(outcome: Outcome) -> ET.Element:
    attributes = {
        "classname": text_of(f"{outcome.backend}.{outcome.check}"),
        "name": text_of(outcome.case),
        "time": f"{outcome.seconds or 0:.6f}",
    }
    case = ET.Element("testcase", attributes)
    details = (f"{outcome.status}: {outcome.message}", outcome.worst, outcome.replay)
    text = "\n".join(text_of(line) for line in details if line)
    if outcome.status in _ELEMENTS:
        message = {"message": text_of(outcome.message), "type": outcome.status.value}
        ET.SubElement(case, _ELEMENTS[outcome.status], message).text = text
    elif outcome.message:
        ET.SubElement(case, "system-out").text = text
    return case


def _timings(run: Run, measurements: Sequence[Measurement]) -> ET.Element:
    named: dict[tuple[str, ...], str] = {
        (item.backend, item.operation, item.dtype, shape_text(item.shape), item.cache): (
            f"{item.median!r} s"
        )
        for item in measurements
    }
    return _properties(f"timings of {run.id}", named)


def _duels(run: Run, duels: Sequence[Duel]) -> ET.Element:
    named: dict[tuple[str, ...], str] = {
        (
            *(item.backend, "against", summary.opponent(item)),
            *(item.operation, item.dtype, shape_text(item.shape), item.cache),
        ): f"{item.ratio!r} ({summary.interval(item)}): {item.verdict}"
        for item in duels
    }
    return _properties(f"duels of {run.id}", named)


def _properties(title: str, named: Mapping[tuple[str, ...], str]) -> ET.Element:
    suite = ET.Element("testsuite", {"name": title, **_counts(())})
    properties = ET.SubElement(suite, "properties")
    for words, value in named.items():
        ET.SubElement(properties, "property", {"name": text_of(" ".join(words)), "value": value})
    return suite


def _counts(outcomes: Sequence[Outcome]) -> dict[str, str]:
    elements = [_ELEMENTS.get(outcome.status) for outcome in outcomes]
    return {
        "tests": str(len(outcomes)),
        "failures": str(elements.count("failure")),
        "errors": str(elements.count("error")),
        "skipped": str(elements.count("skipped")),
        "time": f"{sum(outcome.seconds or 0 for outcome in outcomes):.6f}",
    }


def text_of(text: str) -> str:
    """Return text that XML can hold: it has no control characters, not even escaped ones."""
    # U+FFFE and U+FFFF are the two that XML forbids beyond what `safe` already makes visible.
    return safe(text).replace("\ufffe", r"\ufffe").replace("\uffff", r"\uffff")
