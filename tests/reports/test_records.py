"""Records survive JSON, hold plain values and cost nothing to import."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest

from reports.records import (
    Duel,
    Measurement,
    Outcome,
    Run,
    Status,
    documentation,
    field_names,
    jsonable,
    parse_shape,
    shape_text,
)


def strict(record):
    return json.loads(json.dumps(record.to_dict(), allow_nan=False))


def test_an_outcome_survives_strict_json(make_outcome):
    outcome = make_outcome(shape=(64, 1000), status=Status.WEAK, misrounded=3)
    assert Outcome.from_dict(strict(outcome)) == outcome


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_an_infinite_error_survives_strict_json(make_outcome, value):
    outcome = make_outcome(max_ulp=value)
    assert Outcome.from_dict(strict(outcome)).max_ulp == value


def test_a_nan_survives_strict_json(make_outcome):
    assert math.isnan(Outcome.from_dict(strict(make_outcome(bound_ratio=math.nan))).bound_ratio)


def test_a_measurement_survives_strict_json(make_measurement):
    measurement = make_measurement(roof_share=None)
    assert Measurement.from_dict(strict(measurement)) == measurement


def test_a_run_survives_strict_json():
    run = Run.start("verify", version="1", command=["a"], arguments={"t": (1, math.inf)})
    assert Run.from_dict(strict(run)) == run
    assert run.arguments == {"t": [1, "inf"]}


def test_numpy_values_become_plain_ones(make_outcome):
    outcome = make_outcome(
        max_ulp=np.float32(1.5), misrounded=np.int64(2), shape=(np.int64(3),), status="fail"
    )
    assert type(outcome.max_ulp) is float
    assert type(outcome.misrounded) is int
    assert type(outcome.shape[0]) is int
    assert outcome.status is Status.FAIL


def test_a_status_outside_the_list_is_refused(make_outcome):
    with pytest.raises(ValueError, match="maybe"):
        make_outcome(status="maybe")


def test_an_unknown_field_is_named(make_outcome):
    with pytest.raises(ValueError, match="'colour'"):
        Outcome.from_dict({**make_outcome().to_dict(), "colour": "red"})


def test_a_missing_field_is_named():
    with pytest.raises(ValueError, match="backend"):
        Outcome.from_dict({})


@pytest.mark.parametrize("shape", [(), (0,), (64, 1000), (2, 3, 0, 5)])
def test_a_shape_survives_as_text(shape):
    assert parse_shape(shape_text(shape)) == shape


@pytest.mark.parametrize("text", ["", "3x", "-1x2", "three"])
def test_what_is_no_shape_is_refused(text):
    with pytest.raises(ValueError, match="64x1000"):
        parse_shape(text)


@pytest.mark.parametrize("record", [Outcome, Measurement, Duel, Run])
def test_every_field_is_documented(record):
    assert list(documentation(record)) == list(field_names(record))
    assert all(documentation(record).values())


def test_only_fail_crash_and_timeout_are_bad():
    assert [status.value for status in Status if status.bad] == ["fail", "crash", "timeout"]


def test_the_ids_of_two_runs_differ_and_sort_by_time():
    first, second = (Run.start("bench", version="1") for _ in range(2))
    assert first.id != second.id
    assert first.id[:13] <= second.id[:13]


def test_jsonable_takes_numpy_numbers():
    assert jsonable({"a": np.float32(0.5), "b": {np.int8(3)}}) == {"a": 0.5, "b": [3]}


def test_importing_records_loads_nothing_heavy():
    script = "import sys, reports.records; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    heavy = {"numpy", "pandas", "sqlalchemy", "rich", "torch", "numba", "mpmath", "click"}
    assert not heavy & set(done.stdout.split())
