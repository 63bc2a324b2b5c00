"""Workloads are worth their time: named, reasoned, and readable from a command line."""

import pytest

from bench import workloads
from bench.workloads import WORKLOADS, Workload, WorkloadError


def test_workloads_have_distinct_names_shapes_and_reasons():
    for facet in ("name", "shape", "why"):
        values = [getattr(load, facet) for load in WORKLOADS]
        assert len(set(values)) == len(values), facet
    assert all(load.why and -len(load.shape) <= load.axis < len(load.shape) for load in WORKLOADS)


def test_the_quick_profile_is_a_part_of_the_full_one_and_leaves_the_last_axis_too():
    quick, full = workloads.of_profile("quick"), workloads.of_profile("full")
    assert set(quick) < set(full) == set(WORKLOADS)
    assert any(load.axis not in (-1, len(load.shape) - 1) for load in quick)


def test_a_shape_is_read_as_it_is_written():
    assert workloads.parse("7x9") == Workload("7x9", (7, 9), -1, "asked for by its shape")
    assert workloads.parse("5").shape == (5,)


def test_a_shape_or_a_name_of_the_table_brings_its_workload():
    assert workloads.parse("4096x1000").name == "classifier_1000"
    assert workloads.parse("segmentation_21").axis == 1


def test_the_shape_of_another_axis_is_not_taken_for_it():
    assert workloads.parse("2048x2048").axis == -1


def test_shapes_given_twice_are_timed_once():
    assert len(workloads.chosen(["4096x1000", "classifier_1000"], "quick")) == 1


@pytest.mark.parametrize("text", ["", "axb", "-1x2", "scalar", "0", "4x0", "tiny_row"])
def test_what_is_no_shape_and_no_workload_is_refused(text):
    with pytest.raises(WorkloadError):
        workloads.parse(text)
