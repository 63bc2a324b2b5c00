"""An answer (`reports.questions`) as JUnit XML: a test case for each of its rows.

A row fails that says so itself: a claim that is broken, a case or a timing that became worse, a
status that makes a run fail. The figures of every row stand in it as text.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd

from reports.export.junit_file import text_of
from reports.records import Status

Row = Mapping[str, Any]

_LABELS = (
    *("backend", "operation", "dtype", "check", "case", "claim", "of"),
    *("shape", "axis", "device", "threads", "cache"),
)
_BAD = [status.value for status in Status if status.bad]


def write(path: Path, name: str, frame: pd.DataFrame) -> None:
    """Write the answer to the question of that name."""
    wrong = _WRONG.get(name, lambda _row: "")
    suite = ET.Element("testsuite", {"name": text_of(name)})
    columns = [str(column) for column in frame.columns]
    for values in frame.astype(object).itertuples(index=False):
        suite.append(_case(name, dict(zip(columns, values, strict=True)), wrong))
    failures = len(suite.findall("testcase/failure"))
    suite.attrib |= {"tests": str(len(suite)), "failures": str(failures), "errors": "0"}
    root = ET.Element("testsuites", {"name": "softmark"})
    root.append(suite)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _case(name: str, row: Row, wrong: Callable[[Row], str]) -> ET.Element:
    words = " ".join(str(row[label]) for label in _LABELS if _there(row.get(label)))
    case = ET.Element("testcase", {"classname": text_of(name), "name": text_of(words)})
    figures = "\n".join(text_of(f"{key}: {value}") for key, value in row.items() if _there(value))
    said = wrong(row)
    if said:
        ET.SubElement(case, "failure", {"message": text_of(said)}).text = figures
    else:
        ET.SubElement(case, "system-out").text = figures
    return case


def _broken(row: Row) -> str:
    return f"observed: {row['observed']}" if row["verdict"] == "broken" else ""


def _worse(row: Row) -> str:
    return "worse" if row["change"] == "worse" else ""


def _counted(row: Row) -> str:
    return ", ".join(f"{row[status]} {status}" for status in _BAD if row[status])


def _stated(row: Row) -> str:
    return ", ".join(f"{backend}: {said}" for backend, said in row.items() if said in _BAD)


_WRONG: dict[str, Callable[[Row], str]] = {
    "claims_against_observation": _broken,
    "accuracy_changes": _worse,
    "speed_changes": _worse,
    "status_counts": _counted,
    "checks_by_backend": _stated,
}
"""What a row of an answer says against itself; of other answers none says anything."""


def _there(value: object) -> bool:
    return value is not None and value == value and value != ""  # NaN differs from itself
