"""The usual questions on the command line: shown, and written as files."""

import json
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from click.testing import CliRunner

import reports
from reports import questions
from reports.__main__ import command


@pytest.fixture
def two_runs(tmp_path, make_outcome, make_measurement):
    """Return a store's path and two runs, of which the second one is less accurate."""
    path = str(tmp_path / "two.db")
    claims = {"max_ulp": {"float32": 2.0}, "limitations": {}}
    asked = {"backends": [{"name": "mine", "claims": claims}]}
    runs = [reports.Run.start("verify", version="1", arguments=asked) for _ in range(2)]
    with reports.open_store(path) as store:
        for run, ulp in zip(runs, (1.0, 4.0), strict=True):
            store.begin(run)
            store.add_many(
                run.id,
                [
                    make_outcome(1, max_ulp=ulp, n=4),
                    make_outcome(2, max_ulp=None, status="crash", n=1000),
                    make_outcome(3, backend="=evil|", max_ulp=2.0, n=1000),
                ],
            )
            store.add(run.id, make_measurement(median=ulp))
    return path, [run.id for run in runs]


def ask(path, *words):
    return CliRunner().invoke(command, ["--store", path, *words])


@pytest.mark.parametrize("name", questions.NAMES)
def test_every_question_is_answered_on_the_screen_and_in_every_format(two_runs, tmp_path, name):
    path, ids = two_runs
    runs = ids if name.endswith("_changes") else ids[:1]
    files = [tmp_path / f"answer{ending}" for ending in questions.ENDINGS]
    shown = ask(path, *runs, "--pivot", name)
    assert shown.exit_code == 0, shown.output
    assert "mine" in shown.output
    done = ask(path, *runs, "--pivot", name, *(f"--output={file}" for file in files))
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "answer.json").read_text())
    assert len(rows) == len(pd.read_parquet(tmp_path / "answer.parquet"))
    assert len(rows) == len(pd.read_csv(tmp_path / "answer.csv"))
    assert len(rows) == len((tmp_path / "answer.md").read_text().splitlines()) - 2
    assert len(rows) == len(ET.parse(tmp_path / "answer.xml").findall("testsuite/testcase"))  # noqa: S314 - our own file
    assert rows


@pytest.mark.parametrize(
    ("name", "failing"),
    [
        ("claims_against_observation", {"mine max_ulp softmax/float32": "observed: 4 ulp"}),
        ("accuracy_changes", {"mine softmax float32 accuracy softmax float32 4x1": "worse"}),
        ("status_counts", {"mine softmax float32": "1 crash"}),
        ("checks_by_backend", {"accuracy": "mine: crash"}),
        ("accuracy_by_length", {}),
    ],
)
def test_in_junit_a_row_fails_that_says_so_itself(two_runs, tmp_path, name, failing):
    path, ids = two_runs
    file = tmp_path / "answer.xml"
    done = ask(path, *(ids if name.endswith("_changes") else ids[1:]), "--pivot", name,
               "--output", str(file))  # fmt: skip
    assert done.exit_code == 0, done.output
    suite = ET.parse(file).find("testsuite")  # noqa: S314 - our own file
    found = {
        case.attrib["name"]: case.find("failure").attrib["message"]
        for case in suite.findall("testcase")
        if case.find("failure") is not None
    }
    assert found == failing
    assert int(suite.attrib["failures"]) == len(failing)


def test_on_the_screen_words_begin_and_figures_end_at_one_place():
    frame = pd.DataFrame({"name": ["a", "longer\x1b"], "ulp": [1.23456789, None], "n": [7, 1000]})
    assert questions.shown(frame).splitlines() == [
        "name          ulp     n",
        "a           1.235     7",
        "longer\\x1b      ·  1000",
    ]
    assert len(questions.shown(pd.DataFrame({"text": ["x" * 900]}))) < 60


def test_the_figures_are_those_of_the_function(two_runs, tmp_path):
    path, (first, _) = two_runs
    file = tmp_path / "a.parquet"
    ask(path, first, "--pivot", "accuracy_by_length", "--output", str(file))
    expected = reports.accuracy_by_length(reports.load(path, first).outcomes)
    found = pd.read_parquet(file).set_index(["backend", "operation", "dtype"])
    assert found.loc[("mine", "softmax", "float32"), "≤8"] == 1.0
    assert found.shape == expected.shape


def test_what_a_plugin_is_called_is_no_formula_and_no_markup(two_runs, tmp_path):
    path, (first, _) = two_runs
    files = [tmp_path / "a.csv", tmp_path / "a.md"]
    ask(path, first, "--pivot", "status_counts", *(f"--output={file}" for file in files))
    assert "'=evil|" in files[0].read_text()
    assert r"=evil\|" in files[1].read_text()


def test_what_changed_takes_two_runs_and_shows_the_worse_case(two_runs):
    path, ids = two_runs
    assert "worse" in ask(path, *ids, "--pivot", "accuracy_changes").output
    done = ask(path, ids[0], "--pivot", "accuracy_changes")
    assert (done.exit_code, "takes two RUNs" in done.output) == (2, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--pivot", "acuracy_by_regime"], "nearest: accuracy_by_regime"),
        (["--pivot", "status_counts", "--output", "x.html"], ".csv .json .md .parquet .xml"),
        (["--pivot", "status_counts", "--output", "nowhere/x.csv"], "there is no folder"),
        (["--pivot", "status_counts", "--list"], "a view of its own"),
        (["missing", "--pivot", "status_counts"], "missing"),
    ],
)
def test_what_cannot_be_answered_is_said_with_the_way_out(two_runs, words, says):
    done = ask(two_runs[0], *words)
    assert (done.exit_code, says in done.output) == (2, True), done.output
