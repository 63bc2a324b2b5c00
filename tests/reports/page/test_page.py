"""What the page says and how it is written, without a browser."""

import base64
import dataclasses
import gzip
import json
import re

import pytest

from reports.important import important
from reports.page import Told, render, write_folder
from reports.page.charts import charts, plane
from reports.page.packing import columns, packed, script_json
from reports.page.scripts import LIBRARIES, library
from reports.page.tables import about, tables
from reports.page.verdicts import verdicts
from reports.records import Run, Status


@pytest.fixture
def told(run, make_outcome, make_measurement):
    outcomes = [make_outcome(i, status=status) for i, status in enumerate(Status)]
    return Told(run, outcomes, [make_measurement()], [])


def table_in(page, name):
    text = re.search(rf'id="data-{name}">([^<]*)<', page)[1]
    return json.loads(gzip.decompress(base64.b64decode(text)))


def test_texts_of_plugins_are_escaped_everywhere(run, make_outcome, make_measurement, make_duel,
                                                 hostile):  # fmt: skip
    texts = dict.fromkeys(("message", "replay", "worst", "case", "regime", "check"), hostile)
    outcome = make_outcome(backend=hostile, operation=hostile, dtype=hostile, **texts,
                           status=Status.FAIL)  # fmt: skip
    page = render([Told(run, [outcome], [make_measurement(backend=hostile, message=hostile)],
                        [make_duel(backend=hostile, baseline=hostile)])])  # fmt: skip
    assert "<script>alert" not in page
    assert page.count("<script") == page.count("</script>")
    assert not re.search("[\x00\x07\x1b\u202e\ud800]", page)
    page.encode("utf-8")


def test_data_cannot_end_its_script_element():
    shown = script_json({"a": "</script><!--<script>", "b": [float("nan"), "&amp;"]})
    assert not set("<>&") & set(shown)
    assert json.loads(shown) == {"a": "</script><!--<script>", "b": ["nan", "&amp;"]}


def test_the_page_holds_every_outcome(told):
    table = table_in(render([told]), "outcomes")
    words, codes = table["status"]["words"], table["status"]["codes"]
    assert [words[code] for code in codes][:3] == ["crash", "fail", "timeout"]
    assert len(codes) == len(Status)


def test_a_table_that_is_too_large_keeps_its_first_rows():
    rows = [[f"row {number * 7919 % 10007}", number / 3] for number in range(4000)]
    whole = packed(rows, ["name", "value"], 10**9)
    part = packed(rows, ["name", "value"], len(whole.text) // 3)
    assert (whole.kept, part.total) == (4000, 4000)
    assert 500 < part.kept < 2000
    assert len(part.text) <= len(whole.text) // 3
    kept = json.loads(gzip.decompress(base64.b64decode(part.text)))
    assert kept == columns(rows[: part.kept], ["name", "value"])


def test_what_is_left_out_is_said(monkeypatch, told):
    monkeypatch.setattr("reports.page.tables.LARGEST", 400)
    table = next(each for each in tables(told.outcomes, [], []) if each.name == "outcomes")
    assert table.kept < table.total
    assert f"{table.kept:,} of {table.total:,} rows" in about(table)
    assert "--output outcomes.parquet" in render([told])


def test_of_very_many_outcomes_only_what_stands_out_keeps_its_worst_element(
    monkeypatch, make_outcome
):
    monkeypatch.setattr("reports.page.tables.DETAILED", 1)
    outcomes = [make_outcome(i, worst="x=[1]") for i in range(3)]
    outcomes.append(make_outcome(9, worst="x=[1]", status=Status.FAIL))
    (_, table) = tables(outcomes, [], [])
    assert table.spared == 3
    assert "3 that passed or were skipped" in about(table)


def test_findings_name_what_went_wrong_before_anything_else(make_outcome, make_measurement):
    outcomes = [
        make_outcome(1, backend="right", max_ulp=0.5),
        make_outcome(2, backend="rough", max_ulp=40.0, status=Status.WEAK),
        make_outcome(3, backend="broken", status=Status.FAIL, message="gives zeros"),
        make_outcome(4, backend="dead", status=Status.CRASH, message="signal 11"),
    ]
    timed = [make_measurement(backend="right"), make_measurement(backend="rough", median=9e-5)]
    first, second, third = important(outcomes, timed)
    assert first.text.startswith("dead crashed on 1 question of 1")
    assert "gives zeros" in second.text
    assert "right, never more than 0.5 ulp off" in third.text
    assert first.filters == {"backend": "dead", "status": "crash"}


def test_findings_of_a_clean_run_say_which_to_choose(make_outcome, make_measurement):
    outcomes = [make_outcome(1, backend="right", max_ulp=0.5), make_outcome(2, backend="other")]
    timed = [make_measurement(backend="right"), make_measurement(backend="other", median=9e-5)]
    clean, accurate, fast = important(outcomes, timed)
    assert clean.text == "Nothing failed: 2 backends gave 2 answers within the limits."
    assert "Most accurate on softmax in float32: right" in accurate.text
    assert "Fastest on 1 of 1 timed workloads, of those found right: other" in fast.text


def test_a_wrong_backend_is_never_the_fastest(make_outcome, make_measurement):
    outcomes = [make_outcome(1, backend="wrong", status=Status.FAIL), make_outcome(2)]
    timed = [make_measurement(backend="wrong", median=1e-9), make_measurement()]
    assert not [each for each in important(outcomes, timed, limit=9) if "Fastest" in each.text]


def test_findings_of_duels_say_who_won_and_by_how_much(make_duel):
    duels = [
        make_duel(ratio=0.6),
        make_duel(ratio=0.8, shape=(8, 9)),
        make_duel(ratio=1.1, verdict="no difference shown", shape=(1, 9)),
        make_duel(ratio=3.0, verdict="faster", verified=False),
        make_duel(backend="other", ratio=1.5, verdict="faster"),
    ]
    mine, other = important([], [], duels)
    assert mine.text == (
        "mine against theirs, 3 duels: 2 slower, 1 no difference shown; 0.6 to 1.1 times as fast."
    )
    assert other.text == "other against theirs, 1 duel: 1 faster; 1.5 times as fast."
    assert (mine.tone, other.tone) == ("plain", "good")
    page = render([Told(Run.start("bench", version="1"), [], [], duels)])
    assert other.text in page


def test_where_a_duel_was_fought_is_told_if_places_differ(make_duel):
    assert {row[3] for row in charts([], [], [make_duel()])["duels"]["rows"]} == {"64x1000"}
    both = charts([], [], [make_duel(), make_duel(threads=1)])["duels"]["rows"]
    assert {row[3] for row in both} == {"64x1000 cpu:2 warm", "64x1000 cpu:1 warm"}


def test_timings_are_in_units_and_what_all_share_is_out_of_sight(make_measurement):
    timed = [make_measurement(backend=name, median=2e-4 + i / 1e4) for i, name in enumerate("ab")]
    (table,) = tables([], timed, [])
    shown = {column["name"]: column["shown"] for column in table.columns}
    assert shown["median, µs"]
    assert not shown["device"]
    found = table_in(render([Told(Run.start("bench", version="1"), [], timed, [])]), "timings")
    assert found["median, µs"]["values"] == [200.0, 300.0]
    assert found["bandwidth, GB/s"]["values"] == [4.2, 4.2]
    assert found["verified"]["words"] == ["yes"]


def test_the_environment_holds_what_was_typed_and_no_lists_of_claims(told):
    described = [{"name": "mine", "claims": {"limitations": {"offset": "it overflows"}}}]
    run = dataclasses.replace(
        told.run,
        command=("/somewhere/verify/__main__.py", "mine"),
        arguments={"backends": described, "names": ["mine"], "cases": [], "seed": 0},
        environment={"machine": {"memory_bytes": 1 << 34}},
    )
    page = render([told._replace(run=run)])
    assert "<code>python -m verify mine</code>" in page
    assert "it overflows" not in page
    assert "<dt>seed</dt><dd>0</dd>" in page
    assert "<dt>cases</dt>" not in page
    assert "<dt>memory</dt><dd>16 GiB</dd>" in page


def test_of_a_second_environment_only_what_differs_is_told(told):
    around = {"system": {"python": "3.11.7", "os": "Linux"}, "libraries": {"numpy": "2.4.6"}}
    other = {**around, "libraries": {"numpy": "2.5.0"}}
    first = told._replace(run=dataclasses.replace(told.run, environment=around))
    bench = Run.start("bench", version="1", environment=other)
    page = render([first, Told(bench, [], told.measurements, [])])
    assert "libraries.numpy: 2.4.6 -&gt; 2.5.0" in page
    assert page.count("<dt>os</dt>") == 1


def test_a_verdict_gives_reasons_and_replay_lines(make_outcome):
    outcomes = [
        make_outcome(1, status=Status.FAIL, message="off by 3 ulp", replay="python -m verify mine"),
        make_outcome(2, status=Status.FAIL, message="off by 9 ulp", replay="python -m verify mine"),
        make_outcome(3, backend="good"),
    ]
    wrong, good = verdicts(outcomes)
    assert (wrong.word, good.word) == ("not right", "right")
    (reason,) = wrong.reasons
    assert (reason.count, reason.replay) == (2, "python -m verify mine")


def test_in_front_is_what_nobody_beats(make_outcome, make_measurement):
    errors = {"slow": 0.5, "fast": 9.0, "beaten": 10.0}
    speeds = {"slow": 1e9, "fast": 5e9, "beaten": 4e9}
    outcomes = [make_outcome(i, backend=name, max_ulp=ulp)
                for i, (name, ulp) in enumerate(errors.items())]  # fmt: skip
    timed = [make_measurement(backend=name, bandwidth=speed, median=1 / speed)
             for name, speed in speeds.items()]  # fmt: skip
    assert {row[0]: row[-1] for row in plane(outcomes, timed)} == {
        "slow": True,
        "fast": True,
        "beaten": False,
    }


def test_a_run_without_results_says_so(run):
    page = render([Told(run, [], [], [])])
    assert "It recorded nothing yet." in page
    assert f"python -m verify --resume {run.id}" in page


def test_a_finished_run_is_not_called_interrupted(told):
    done = told._replace(run=dataclasses.replace(told.run, finished=told.run.created))
    assert "has not come to its end" not in render([done])


def test_two_runs_of_a_kind_are_refused(told, tmp_path):
    with pytest.raises(ValueError, match="one verify run and one bench run"):
        write_folder(tmp_path / "page", [told, told])


def test_a_page_is_the_same_each_time_and_appears_whole(told, tmp_path):
    bench = Told(Run.start("bench", version="1"), [], told.measurements, [])
    paths = [write_folder(tmp_path / name, [told, bench]) for name in ("a", "b")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert [each.name for each in (tmp_path / "a").iterdir()] == ["index.html"]


def test_libraries_are_inside_and_ask_for_no_map(told):
    page = render([told])
    assert all(library(name) in page for name in LIBRARIES)
    assert "sourceMappingURL" not in page
    assert not re.search(r'\b(?:src|href)="(?!#|data:)', page)
