"""Every exporter's file is read back, hostile names included, and none is written by halves."""

import csv
import json
import math
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pandas as pd
import pyarrow.parquet as pq
import pytest

from reports import export
from reports.frames import outcomes_frame
from reports.records import Measurement, Outcome, Run, Status
from reports.text import storable

ROOT = Path(__file__).resolve().parents[2]


def parsed(path):
    return ET.parse(path).getroot()  # noqa: S314 - the file that we have just written


@pytest.fixture
def every_status(make_outcome):
    return [
        make_outcome(i, status=status, message=f"it was {status}", replay="python -m verify mine")
        for i, status in enumerate(Status)
    ]


def test_json_holds_the_records_own_fields(tmp_path, run, every_status, make_measurement):
    outcomes = [*every_status, every_status[0]]
    path = tmp_path / "run.json"
    export.write(path, run, outcomes, [make_measurement()])
    whole = json.loads(path.read_text())
    assert list(whole) == ["run", "outcomes", "measurements", "duels"]
    assert Run.from_dict(whole["run"]) == run
    assert [Outcome.from_dict(item) for item in whole["outcomes"]] == outcomes
    assert [Measurement.from_dict(item) for item in whole["measurements"]] == [make_measurement()]


def test_json_is_strict_and_keeps_infinities(tmp_path, run, make_outcome):
    path = tmp_path / "run.json"
    export.write(path, run, [make_outcome(max_ulp=math.inf, bound_ratio=math.nan)])
    whole = json.loads(path.read_text(), parse_constant=pytest.fail)
    outcome = Outcome.from_dict(whole["outcomes"][0])
    assert outcome.max_ulp == math.inf
    assert math.isnan(outcome.bound_ratio)


def test_csv_has_a_row_per_outcome(tmp_path, run, every_status):
    path = tmp_path / "run.csv"
    export.write(path, run, every_status)
    frame = pd.read_csv(path)
    assert list(frame["status"]) == list(Status)
    assert set(frame["run"]) == {run.id}
    assert list(frame["shape"]) == ["4x1000"] * len(every_status)
    assert list(frame["max_ulp"]) == [1.25] * len(every_status)


def test_csv_of_a_bench_run_has_its_measurements(tmp_path, run, make_measurement):
    path = tmp_path / "run.csv"
    export.write(path, run, [], [make_measurement()])
    assert list(pd.read_csv(path)["median"]) == [1.2e-4]


def test_no_cell_of_csv_is_a_formula_or_breaks_its_line(tmp_path, run, make_outcome, hostile):
    path = tmp_path / "run.csv"
    export.write(path, run, [make_outcome(backend=hostile, message=hostile)])
    assert len(path.read_bytes().splitlines()) == 2
    with path.open(newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    assert not row["message"].lstrip().startswith(("=", "+", "-", "@"))
    assert row["axis"] == "-1"


def test_parquet_is_the_typed_frame_with_the_run(tmp_path, run, every_status):
    path = tmp_path / "run.parquet"
    export.write(path, run, every_status)
    pd.testing.assert_frame_equal(pd.read_parquet(path), outcomes_frame(every_status))
    about = pq.read_schema(path).metadata[b"softmark.run"]
    assert Run.from_dict(json.loads(about)) == run


def test_parquet_of_a_bench_run_has_its_measurements(tmp_path, run, make_measurement):
    path = tmp_path / "run.parquet"
    export.write(path, run, [], [make_measurement()])
    assert list(pd.read_parquet(path)["threads"]) == [2]


def test_junit_tells_failures_errors_and_skips_apart(tmp_path, run, every_status):
    path = tmp_path / "run.xml"
    export.write(path, run, every_status)
    root = parsed(path)
    suite = root.find("testsuite")
    counts = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["7", "1", "2", "1"]
    kinds = {
        status: [child.tag for child in case]
        for status, case in zip(Status, suite.iter("testcase"), strict=True)
    }
    assert kinds[Status.FAIL] == ["failure"]
    assert kinds[Status.CRASH] == kinds[Status.TIMEOUT] == ["error"]
    assert kinds[Status.SKIP] == ["skipped"]
    assert kinds[Status.KNOWN] == ["system-out"]
    assert "python -m verify mine" in suite.find(".//failure").text


def test_junit_has_a_suite_per_backend_and_the_timings(
    tmp_path, run, make_outcome, make_measurement
):
    path = tmp_path / "run.xml"
    outcomes = [make_outcome(i, backend=name) for i, name in enumerate(["b", "a", "b"])]
    export.write(path, run, outcomes, [make_measurement()])
    suites = parsed(path).findall("testsuite")
    assert [(suite.get("name"), suite.get("tests")) for suite in suites][:2] == [
        ("a", "1"),
        ("b", "2"),
    ]
    assert suites[2].find(".//property").get("value") == "0.00012 s"


def test_junit_is_valid_whatever_a_plugin_says(tmp_path, run, make_outcome, hostile):
    path = tmp_path / "run.xml"
    export.write(path, run, [make_outcome(backend=hostile, message=hostile, status="fail")])
    failure = parsed(path).find(".//failure")
    assert "\x1b" not in failure.get("message")
    assert failure.get("message")[:3] == hostile[:3].replace("\x1b[3", "\\x1")


def test_markdown_shows_the_tables(tmp_path, run, every_status, make_measurement):
    path = tmp_path / "run.md"
    export.write(path, run, every_status, [make_measurement()])
    text = path.read_text(encoding="utf-8")
    assert "| mine | softmax | float32 | 1 | 1 | 1 | 1 | 1 | 1 | 1 | 1.25 | 0.5 |" in text
    assert "- **crash** mine, accuracy, float32 (1 cases): it was crash" in text
    assert "120 µs" in text


def test_nothing_in_markdown_is_markup_of_a_plugin(tmp_path, run, make_outcome, hostile):
    path = tmp_path / "run.md"
    export.write(path, run, [make_outcome(backend=hostile, message=hostile, status="fail")])
    text = path.read_text(encoding="utf-8")
    assert "<" not in text.replace("\\<", "")
    assert "\x1b" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 6  # two tables of a head, a rule and one row


@pytest.mark.parametrize("ending", export.ENDINGS)
def test_every_format_writes_a_run_without_results(tmp_path, run, ending):
    path = tmp_path / f"run{ending}"
    export.write(path, run, [])
    assert path.stat().st_size > 0


@pytest.mark.parametrize("ending", export.ENDINGS)
def test_every_format_takes_any_text(tmp_path, run, make_outcome, hostile, ending):
    path = tmp_path / f"run{ending}"
    export.write(path, run, [make_outcome(backend=hostile, message=hostile, case=hostile)])
    assert path.read_bytes().isascii() or path.suffix == ".parquet" or path.read_text("utf-8")
    if ending == ".parquet":
        assert pd.read_parquet(path)["message"][0] == storable(hostile)


@pytest.mark.parametrize("name", ["run", "run.txt", "run.json.gz", ".json"])
def test_an_unknown_ending_names_the_valid_ones(tmp_path, name):
    with pytest.raises(
        export.UnknownFormatError, match=r"\.csv \.html \.json \.md \.parquet \.xml"
    ):
        export.check_writable(tmp_path / name)


def test_checking_leaves_no_file_and_truncates_none(tmp_path):
    export.check_writable(tmp_path / "new.json")
    assert list(tmp_path.iterdir()) == []
    old = tmp_path / "old.json"
    old.write_text("kept")
    export.check_writable(old)
    assert old.read_text() == "kept"


def test_a_place_that_cannot_be_written_is_refused_beforehand(tmp_path, monkeypatch):
    with pytest.raises(export.UnwritableError, match="there is no folder"):
        export.check_writable(tmp_path / "missing" / "run.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(export.UnwritableError, match="it is a folder"):
        export.check_writable(tmp_path / "folder.json")
    with pytest.raises(export.UnwritableError, match="cannot write in /proc"):
        export.check_writable("/proc/run.json")
    (tmp_path / "run.json").touch()
    # Root may write anywhere, so that the answer of the system is set here.
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(export.UnwritableError, match="write-protected"):
        export.check_writable(tmp_path / "run.json")


@pytest.mark.parametrize("path", ["run.nonsense", "missing/run.json"])
def test_an_unusable_path_is_a_value_error(path):
    with pytest.raises(ValueError, match="run"):
        export.check_writable(path)


def test_a_writer_that_fails_leaves_the_old_file(tmp_path, run, make_outcome, monkeypatch):
    def fail(path, *_):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("reports.export.json_file.write", fail)
    path = tmp_path / "run.json"
    path.write_text("old")
    with pytest.raises(export.UnwritableError, match="No space left"):
        export.write(path, run, [make_outcome()])
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_importing_export_loads_no_writer():
    script = "import sys, reports.export; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"pandas", "pyarrow", "sqlalchemy", "rich"} & set(done.stdout.split())
