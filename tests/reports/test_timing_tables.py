"""Timings and duels on a terminal: what rows share is said once, and eighty characters suffice."""

import io

from rich.console import Console

from reports.timing_tables import duel_table, measurement_table


def lines(table, width=80):
    out = Console(file=io.StringIO(), width=width, color_system=None)
    out.print(table)
    return [line.rstrip() for line in out.file.getvalue().splitlines()]


def test_timings_show_the_fastest_of_each_workload_first(make_measurement):
    shown = lines(
        measurement_table(
            [
                make_measurement(backend="slow", median=2.0),
                make_measurement(),
                make_measurement(backend="other", shape=(8, 9)),
            ]
        )
    )
    assert shown[0] == "Timings, softmax, float32, on cpu:2, warm caches"
    assert [line.split()[0] for line in shown[3:] if line] == [
        *("8x9", "other"),
        *("64x1000", "mine", "slow"),
    ]
    assert "120 µs" in shown[7]
    assert "60%" in shown[7]


def test_of_one_timing_the_title_says_all(make_measurement):
    shown = lines(measurement_table([make_measurement(roof_share=0.0002)]))
    assert shown[0] == "Timings, softmax, float32, 64x1000, on cpu:2, warm caches"
    assert shown[3].split() == [*["mine", "120", "µs", "20", "µs", "500", "ms", "4.2", "<0.1%"]]
    assert len(shown) == 4


def test_what_was_not_found_right_is_told_and_only_then_is_there_a_column(make_measurement):
    right, wrong = make_measurement(), make_measurement(backend="wrong", verified=False)
    assert "verified" not in "".join(lines(measurement_table([right])))
    shown = lines(measurement_table([right, wrong]))
    assert "verified" in shown[1]
    assert [line.split()[-1] for line in shown if " mine" in line or " wrong" in line] == [
        *("yes", "NO"),
    ]


def test_an_axis_a_cache_and_threads_are_told_where_they_differ(make_measurement):
    items = [make_measurement(), make_measurement(axis=0, cache="cold", threads=1)]
    shown = lines(measurement_table(items))
    assert shown[0] == "Timings, softmax, float32"
    assert "64x1000 axis 0 on cpu:1 cold caches" in shown
    assert "64x1000 on cpu:2 warm caches" in shown


def test_names_are_whole_in_eighty_characters(make_measurement, make_duel):
    names = ["onnxruntime_cpu", "tensorflow_cpu"]
    shapes = [(1, 16_777_216), (2, 12, 256, 256)]
    timed = [make_measurement(backend=name, shape=shape) for name in names for shape in shapes]
    told = "\n".join(lines(measurement_table(timed)))
    assert all(name in told for name in names)
    assert "2x12x256x256" in told
    fought = [
        make_duel(backend=names[0], baseline=names[1], shape=shape, verdict="no difference shown")
        for shape in shapes
    ]
    told = "\n".join(lines(duel_table(fought)))
    assert "1x16777216" in told
    assert told.count("no difference") == 2
    assert "0.900×" in told


def test_a_duel_that_was_not_verified_says_so(make_duel):
    told = " ".join(
        lines(
            duel_table([make_duel(verified=False)]),
        )
    )
    assert "slower, NOT verified" in told
