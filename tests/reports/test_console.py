"""The terminal shows what was found, and nothing that a plugin's name could do to it."""

import io
import math
import sys

import pytest
from rich.console import Console

from reports import console
from reports.bands import BANDS, band
from reports.records import Status
from reports.summary import duration, largest
from reports.text import safe, shorten
from reports.timing_tables import measurement_table


def render(*things, width=80):
    out = Console(file=io.StringIO(), width=width, color_system="truecolor", force_terminal=True)
    out.print(*things)
    return out.file.getvalue()


def plain(*things, width=80):
    out = Console(file=io.StringIO(), width=width, color_system=None)
    out.print(*things)
    return out.file.getvalue()


def test_the_status_table_has_one_row_per_backend_and_dtype(make_outcome):
    outcomes = [
        make_outcome(1),
        make_outcome(2, status="weak", max_ulp=3.5),
        make_outcome(3, dtype="float64", status="crash", max_ulp=None, bound_ratio=None),
    ]
    lines = plain(console.status_table(outcomes)).splitlines()
    assert lines[0].strip() == "softmax: outcomes"
    assert lines[3].split() == ["mine", "float32", "1", "1", *"·····", "3.5", "0.5"]
    assert lines[4].split() == ["mine", "float64", *"····", "1", *"··", "·", "·"]


def test_the_widest_status_table_fits_eighty_characters(make_outcome):
    outcomes = [make_outcome(i, backend="numpy_naive", status=status) for i in range(9)
                for status in Status]  # fmt: skip
    lines = plain(console.status_table(outcomes)).splitlines()
    assert "numpy_naive" in lines[3]
    assert all(f" {status}" in lines[1] for status in Status)


def test_operations_get_a_column_when_there_are_several(make_outcome):
    outcomes = [make_outcome(), make_outcome(operation="log_softmax")]
    assert "log_softmax" in plain(console.status_table(outcomes), width=100)


def test_an_error_that_grows_with_the_row_is_plain_to_see(make_outcome):
    outcomes = [make_outcome(n, n=n, max_ulp=float(n)) for n in (3, 100, 1000, 100_000)]
    outcomes.append(make_outcome(5, n=5, check="identities", max_ulp=1e9))
    lines = plain(console.length_table(outcomes)).splitlines()
    assert lines[1].split() == ["backend", "dtype", "≤8", "≤128", "≤2k", ">32k"]
    assert lines[3].split() == ["mine", "float32", "3", "100", "1e+03", "1e+05"]


def test_bands_cover_every_length_in_order():
    assert [band(n) for n in (0, 1, 2, 8, 9, 32768, 32769)] == [
        "1", "1", "≤8", "≤8", "≤32", "≤32k", ">32k",
    ]  # fmt: skip
    assert list(BANDS) == list(dict.fromkeys(band(n) for n in range(1, 40000)))


def test_findings_name_the_input_and_the_replay(make_outcome):
    outcomes = [
        make_outcome(i, status="fail", message=f"error of {i}.5 ulp, limit 2", worst=f"x[{i}]=9",
                     replay=f"python -m verify mine --seed {i}")
        for i in range(3)
    ]  # fmt: skip
    outcomes.append(make_outcome(9, status="known", message="overflows", worst="x[0]=89.1"))
    text = plain(console.findings([*outcomes, make_outcome(10)]))
    assert "fail  mine  accuracy  softmax in float32  (3 cases)" in text
    assert text.count("error of") == 1
    assert "replay python -m verify mine --seed 0" in text
    assert "worst  x[0]=9" in text
    assert "known  mine" in text
    assert "shown by x[0]=89.1" in text


def test_a_finding_that_several_dtypes_share_is_told_once(make_outcome):
    outcomes = [
        make_outcome(i, status="fail", message="NaN", dtype=dtype)
        for i, dtype in enumerate(("float64", "float32"))
    ]
    assert "softmax in float64, float32  (2 cases)" in plain(console.findings(outcomes))


def test_findings_beyond_the_limit_are_counted(make_outcome):
    outcomes = [make_outcome(i, status="fail", backend=f"b{i}") for i in range(5)]
    assert "and 3 more kinds" in plain(console.findings(outcomes, limit=2))


def test_no_text_of_a_plugin_acts_on_the_terminal(make_outcome, make_measurement, hostile):
    changes = dict.fromkeys(("backend", "operation", "dtype", "message", "worst"), hostile)
    outcomes = [make_outcome(1, status=status, **changes) for status in ("fail", "known")]
    tables = [console.status_table(outcomes), console.length_table(outcomes)]
    timings = measurement_table([make_measurement(backend=hostile, operation=hostile)])
    shown = plain(*tables, timings, console.findings(outcomes), width=400)
    assert not set(shown) & set(map(chr, (*range(10), *range(11, 32), 0x202E, 0xD800)))
    assert safe(hostile).strip() in shown
    assert "\x1b[31mred" not in render(*tables, timings, console.findings(outcomes), width=400)


def test_tables_of_nothing_can_be_shown():
    assert "Outcomes" in plain(console.status_table([]))
    assert "Timings" in plain(measurement_table([]))
    assert plain(console.length_table([]), console.findings([]))


def test_progress_is_silent_where_no_terminal_is():
    out = Console(file=io.StringIO())
    with console.progress(out) as bar:
        for _ in bar.track(range(3), description="[bold]x"):
            pass
    assert out.file.getvalue() == ""


def test_progress_shows_count_and_a_name_as_it_is():
    out = Console(file=io.StringIO(), force_terminal=True, width=100)
    with console.progress(out) as bar:
        for _ in bar.track(range(3), description="[bold]x"):
            pass
    assert "[bold]x" in out.file.getvalue()
    assert "3/3" in out.file.getvalue()


@pytest.fixture
def terminal(monkeypatch):
    """Return what a terminal is shown on standard error."""
    out = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(console.manners, "screen", lambda **_: out)
    return out.file


def test_a_bar_counts_what_is_tracked_and_says_how_much_time_is_left(terminal):
    assert list(console.tracked((word for word in "abc"), "\x1b[31mwords", 3)) == list("abc")
    shown = terminal.getvalue()
    assert [f"{count}/3" in shown for count in range(4)] == [True] * 4
    assert "0:00:00" in shown
    assert "\\x1b[31mwords" in shown


def test_results_stay_on_standard_output_while_a_bar_is_shown(terminal, capsys):
    for _ in console.tracked([1], "working"):
        sys.stdout.write("a result\n")
    assert capsys.readouterr().out == "a result\n"
    assert "a result" not in terminal.getvalue()


def test_a_nan_is_the_largest_error():
    assert math.isnan(largest([1.0, math.nan, math.inf, None]))
    assert largest([None]) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "·"),
        (2.0, "2 s"),
        (1e-3, "1 ms"),
        (1.234e-5, "12.3 µs"),
        (5e-8, "50 ns"),
        (0, "0 ns"),
    ],
)
def test_a_duration_has_the_unit_that_suits_it(seconds, text):
    assert duration(seconds) == text


def test_control_characters_are_made_visible():
    assert safe("a\x1b[1m\n\tb\x9b\u202e") == r"a\x1b[1m\n\tb\x9b\u202e"
    assert safe("a\n\tb\x07", lines=True) == "a\n\tb\\x07"
    assert shorten("abcdef", 4) == "abc…"


def test_in_short_names_what_went_wrong_first_and_no_more_than_three(make_outcome):
    outcomes = [make_outcome(i, backend=f"of-{i}", status="pass", max_ulp=float(i)) for i in (1, 2)]
    outcomes += [make_outcome(i, backend=f"bad-{i}", status="fail") for i in range(4)]
    lines = plain(console.in_short(outcomes), width=200).splitlines()
    assert lines[0] == "In short"
    assert [line[:4] for line in lines[1:]] == [" 1. ", " 2. ", " 3. "]
    assert "bad-0 gave wrong answers" in lines[1]
    assert "bad-1" in lines[2]
    assert "bad" not in lines[3]


def test_in_short_of_a_weak_run_says_how_weak_and_where(make_outcome):
    outcomes = [make_outcome(1), *(make_outcome(i, status="weak", max_ulp=i) for i in (30.0, 7.5))]
    lines = plain(console.in_short(outcomes), width=200).splitlines()
    assert "Nothing failed" in lines[1]
    assert "mine is weak on 2 questions of 3" in lines[2]
    assert f"30 ulp, on {outcomes[1].case}" in lines[2]


def test_in_short_of_a_run_without_outcomes_is_nothing():
    assert plain(console.in_short([])).strip() == ""
