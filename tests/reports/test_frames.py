"""Frames have the documented types, full or empty, and the pivots answer their questions."""

import math

import pandas as pd
import pytest

import reports
from reports.records import Measurement, Outcome, Run, Status, field_names


@pytest.fixture
def frame(make_outcome):
    return reports.outcomes_frame(
        [
            make_outcome(1, n=4, max_ulp=1.0, regime="uniform"),
            make_outcome(2, n=1000, max_ulp=3.0, regime="wide gap", status="weak"),
            make_outcome(3, n=1000, max_ulp=2.0, regime="uniform"),
            make_outcome(4, check="identities", max_ulp=50.0),
            make_outcome(5, backend="other", max_ulp=None, misrounded=None, status="crash"),
        ]
    )


def test_a_store_loads_as_the_frames_of_its_records(store, run, make_outcome, make_measurement):
    store.begin(run)
    outcomes = [make_outcome(1), make_outcome(2, max_ulp=None, shape=(), misrounded=None)]
    store.add_many(run.id, [*outcomes, make_measurement()])
    for frames in (reports.load(store), reports.load(store.name, run.id)):
        pd.testing.assert_frame_equal(frames.outcomes, reports.outcomes_frame(outcomes))
        expected = reports.measurements_frame([make_measurement()])
        pd.testing.assert_frame_equal(frames.measurements, expected)


@pytest.mark.parametrize("count", [1, 3, 8, 9])
def test_a_run_that_is_read_in_parts_is_whole_and_in_its_order(
    store, run, make_outcome, monkeypatch, count
):
    monkeypatch.setattr("reports.store._PART", 2)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    other = Run.start("verify", version="1")
    curves = {"loss": [1.0, 0.5]}
    outcomes = [make_outcome(i, max_ulp=float(i), curves=curves) for i in range(count)]
    outcomes += [make_outcome(i, max_ulp=math.nan) for i in range(count, count + 2)]
    for each in (run, other):
        store.begin(each)
    for outcome in outcomes:  # runs of several processes may lie among each other
        store.add(run.id, outcome)
        store.add(other.id, make_outcome())
    found = reports.load(store, run.id).outcomes
    pd.testing.assert_frame_equal(found, reports.outcomes_frame(outcomes))


def test_loading_an_unknown_run_or_store_says_so(store, tmp_path):
    with pytest.raises(reports.UnknownRunError, match="holds no run"):
        reports.load(store)
    with pytest.raises(reports.StoreError, match="there is none yet"):
        reports.load(str(tmp_path / "missing.db"))


def test_columns_are_the_fields_with_the_documented_types(frame):
    assert tuple(frame.columns) == field_names(Outcome)
    assert list(frame["status"].cat.categories) == list(Status)
    types = {name: str(frame[name].dtype) for name in ("n", "max_ulp", "misrounded", "shape")}
    assert types == {"n": "int64", "max_ulp": "float64", "misrounded": "Int64", "shape": "str"}


def test_empty_frames_have_the_same_columns_and_pivots():
    outcomes, measurements = reports.outcomes_frame([]), reports.measurements_frame([])
    assert tuple(measurements.columns) == field_names(Measurement)
    assert str(outcomes["max_ulp"].dtype) == "float64"
    for pivot in (reports.accuracy_by_length, reports.accuracy_by_regime, reports.status_counts):
        assert len(pivot(outcomes)) == 0
    assert len(reports.speed_by_shape(measurements)) == 0


def test_accuracy_by_regime_is_the_largest_error_of_the_accuracy_check(frame):
    table = reports.accuracy_by_regime(frame)
    assert table.loc[("mine", "softmax", "float32")].to_dict() == {"uniform": 2.0, "wide gap": 3.0}


def test_accuracy_by_length_goes_from_short_rows_to_long(frame):
    table = reports.accuracy_by_length(frame)
    assert list(table.columns) == ["≤8", "≤2k"]
    assert table.loc[("mine", "softmax", "float32")].tolist() == [1.0, 3.0]


def test_status_counts_have_every_status(frame):
    table = reports.status_counts(frame)
    assert list(table.columns) == list(Status)
    assert table.loc[("mine", "softmax", "float32"), "pass"] == 3
    assert table.loc[("other", "softmax", "float32"), "crash"] == 1


def test_speed_by_shape_goes_from_small_to_large(make_measurement):
    shapes = [(1000, 1000), (64, 1000), (2, 8)]
    frame = reports.measurements_frame(
        [make_measurement(shape=shape, median=float(i)) for i, shape in enumerate(shapes)]
        + [make_measurement(shape=(2, 8), median=0.5, threads=1)]
    )
    table = reports.speed_by_shape(frame)
    assert list(table.columns) == ["2x8", "64x1000", "1000x1000"]
    assert table.iloc[0].tolist() == [0.5, 1.0, 0.0]


@pytest.mark.parametrize("name", reports.__all__)
def test_every_public_name_is_there(name):
    assert getattr(reports, name) is not None
    assert name in dir(reports)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = reports.nonsense
