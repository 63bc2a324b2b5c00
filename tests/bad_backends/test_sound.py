"""Sound but unusual backends stay free of fail, crash and timeout."""

import pytest

from reports.records import Status

UNUSUAL = {
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
WRITTEN = {
    "warns_of_everything": ("float32",),
    "slow": ("float64",),
    "read_only_result": ("float32",),
    "result_between_other_things": ("float32",),
    "scalars_apart": ("float16",),
    "row_by_row_from_a_generator": ("float32",),
    "plain_python": ("float64",),
    "through_ctypes": ("float32",),
    "einsum_sums": ("float32",),
    "long_double": ("float64",),
    "compiled_at_the_third_call": ("float64",),
    "bounded_cache": ("float32",),
    "uniform_for_masked_rows": ("float32",),
    "largest_terms_first": ("float32",),
    "unshifted_as_declared": ("float32",),
    "copies_of_its_input": ("bfloat16",),
}
PEERS = {
    "scipy_softmax": ("float32",),
    "scipy_logsumexp": ("float64",),
    "sklearn_softmax": ("float32",),
    "torch_softmax": ("float32",),
    "torch_log_softmax": ("float32",),
    "torch_on_numpy_arrays": ("float64",),
    "jax_softmax": ("float32",),
    "onnxruntime_softmax": ("float32",),
}
FILES = {"sound_unusual.py": UNUSUAL, "sound_written.py": WRITTEN, "sound_peers.py": PEERS}
# A second format of the same code is more of the same, and a peer is the suite's own backend too.
MEMBERS = [
    pytest.param(
        *(file, name, dtype),
        marks=[pytest.mark.slow] if dtype != dtypes[0] or names is PEERS else [],
    )
    for file, names in FILES.items()
    for name, dtypes in names.items()
    for dtype in dtypes
]


def few(case):
    """Every short shape, and some of the longer ones: enough to meet every regime."""
    return case.n <= 9 or case.n in (16, 17, 33, 129, 257, 1023, 4097)


@pytest.mark.parametrize(
    "check", ["accuracy", "axes", "special_values", "identities", "temperature"]
)
@pytest.mark.parametrize(("file", "name", "dtype"), MEMBERS)
def test_a_sound_backend_that_is_written_in_another_way_raises_no_false_alarm(
    zoo, file, name, dtype, check
):
    outcomes = zoo.outcomes(file, name, check, dtype, few)
    assert [(o.case, o.message, o.worst) for o in outcomes if o.status.bad] == []
    assert Status.PASS in {o.status for o in outcomes}
