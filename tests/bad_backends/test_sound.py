"""Sound but unusual backends stay free of fail, crash and timeout."""

import pytest

from reports.records import Status

NAMES = {
    "exp2_based": ("float32", "bfloat16"),
    "reciprocal": ("float64", "float16"),
    "online_in_blocks": ("float32", "bfloat16"),
    "two_pass": ("float64",),
    "division_free": ("float32",),
    "exact_sums": ("float32", "float16"),
    "ascending_sums": ("float32", "float16"),
    "fortran_ordered": ("float32",),
    "flushes_as_declared": ("float32", "float64"),
    "float64_inside": ("float32", "float16"),
    "zero_for_masked_rows": ("float32",),
    "negative_nan": ("float32",),
    "float16_sums_as_declared": ("float16",),
    "rows_in_threads": ("float32",),
}


def few(case):
    """Every short shape, and some of the longer ones: enough to meet every regime."""
    return case.n <= 9 or case.n in (16, 17, 33, 129, 257, 1023, 4097)


@pytest.mark.parametrize(
    "check", ["accuracy", "axes", "special_values", "identities", "temperature"]
)
@pytest.mark.parametrize(("name", "dtype"), [(n, d) for n, ds in NAMES.items() for d in ds])
def test_a_sound_backend_that_is_written_in_another_way_raises_no_false_alarm(
    zoo, name, dtype, check
):
    outcomes = zoo.outcomes("sound_unusual.py", name, check, dtype, few)
    assert [(o.case, o.message, o.worst) for o in outcomes if o.status.bad] == []
    assert Status.PASS in {o.status for o in outcomes}
