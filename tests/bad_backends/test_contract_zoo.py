"""The contract of a call and the guard pages: each wrong backend is killed, no sound one is."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from reports.records import Status

HERE = Path(__file__).parent
INSIDE = "off by|NaN where"


@dataclass(frozen=True)
class Wrong:
    """A wrong backend, the forms on which it is killed and must be, and what it is told."""

    name: str
    says: str
    forms: tuple[str, ...] = ("",)
    dtype: str = "float32"


LAYOUTS = [
    Wrong("reads_in_memory_order", INSIDE, ("transposed", "fortran")),
    Wrong(
        "ignores_the_sign_of_strides",
        INSIDE,
        ("negative_stride", "negative_first", "negative_last"),
        "bfloat16",
    ),
    Wrong("writes_in_memory_order", INSIDE, ("transposed", "fortran"), "float64"),
    Wrong("assumes_dense_rows", INSIDE, ("padded", "sliced", "offset"), "float16"),
    Wrong("sums_a_broadcast_axis_once", INSIDE, ("zero_stride",)),
    Wrong("forgets_the_byte_order", INSIDE, ("big_endian",)),
    Wrong("misaligned_input_loses_its_first_bytes", INSIDE, ("misaligned", "packed"), "float64"),
    Wrong("repeated_rows_share_memory", "elements of the result share memory", ("zero_stride",)),
    Wrong("believes_the_stride_of_one_row", INSIDE, ("sliced", "padded")),
    Wrong("out_is_taken_for_contiguous", f"{INSIDE}|wrote beside", ("out",)),
    Wrong("out_is_left_alone", "not what it wrote into out", ("out",)),
]
EMPTY = [
    Wrong("empty_batch_raises", "ZeroDivisionError"),
    Wrong("empty_batch_loses_its_shape", r"has shape \(0,\)", dtype="bfloat16"),
    Wrong("empty_result_is_float64", "has dtype float64"),
    Wrong("zero_length_rows_become_one_element", r"has shape \(3, 1\)", dtype="float64"),
    Wrong("claims_an_empty_result", 'claim zero_length="raises" would declare it'),
    Wrong("claims_to_raise_for_nothing", 'claim zero_length="empty" would declare it'),
    Wrong("axis_wraps_around", "must raise", ("axis",)),
    Wrong("far_axes_mean_the_last", "must raise", ("axis",), "float16"),
]
ALIASES = [
    Wrong("one_buffer_for_each_shape", "changed with a later call", ("outlives",)),
    Wrong("two_buffers_in_turn", "changed with a later call", ("outlives",), "float16"),
    Wrong("hands_out_its_cache", "a buffer that later calls read", ("outlives",)),
    Wrong("bound_calls_share_a_buffer", "bound calls share", ("outlives",)),
    Wrong("returns_a_row_that_is_one_already", "input's own memory", ("outlives",)),
    Wrong("works_in_place_down_columns", "changed its input", ("fortran",)),
    Wrong("cools_views_in_place", "changed its input", ("padded", "sliced"), "float64"),
    Wrong("scribbles_between_elements", "between the elements", ("padded",), "float64"),
    Wrong("needs_a_writeable_input", "read-only", ("read_only",)),
]
LEFTOVERS = [
    Wrong("masked_entries_unwritten", "what fresh memory held", ("memory",)),
    Wrong("sums_onto_fresh_memory", "what fresh memory held", ("memory",)),
    Wrong("out_is_written_where_it_was_zero", "what fresh memory held|off by", ("memory",)),
]
WRITES = [
    Wrong("pads_its_input", "bytes past the end of x, which lies", ("guard:low",)),
    Wrong("writes_beside_its_own_array", "4 bytes past the end of an array that", ("guard:low",)),
    Wrong("writes_before_its_own_array", "2 bytes before the start", ("guard:high",), "bfloat16"),
    Wrong("writes_one_element_too_far", "wrote 4 bytes past the end of the output", ("guard:low",)),
    Wrong("writes_whole_vectors", "bytes past the end of the output", ("guard:low",), "float64"),
    Wrong(
        "writes_before_the_output", "wrote 4 bytes before the start of the output",
        ("guard:high",), "float16",
    ),
]  # fmt: skip
KILLED = {
    ("wrong_contract.py", "contract"): [*LAYOUTS, *EMPTY, *ALIASES, *LEFTOVERS],
    ("wrong_guard.py", "guard"): WRITES,
}
ASKED = [(file, check, wrong) for (file, check), all_ in KILLED.items() for wrong in all_]


def of_form(*wanted):
    """Select the cases of these forms; ``""`` selects the empty arrays, which have none."""
    return lambda case: case.form in wanted or case.form.partition(":")[0] in wanted


@pytest.mark.parametrize(("file", "check", "wrong"), ASKED, ids=lambda w: getattr(w, "name", ""))
def test_a_wrong_backend_is_killed_on_each_form_that_it_gets_wrong(zoo, file, check, wrong):
    for form in wrong.forms:
        outcomes = zoo.outcomes(file, wrong.name, check, wrong.dtype, of_form(form))
        killed = [o.message for o in outcomes if o.status is Status.FAIL]
        assert killed, {str(o.status): o.message for o in outcomes}
        assert any(re.search(wrong.says, message) for message in killed), killed[:5]


@pytest.mark.parametrize(
    "wrong", [w for w in ASKED if w[0] == "wrong_contract.py"], ids=lambda asked: asked[2].name
)
def test_a_wrong_backend_is_right_on_plain_input_so_that_only_the_contract_can_tell(zoo, wrong):
    file, _, wrong = wrong
    if wrong.name == "out_is_written_where_it_was_zero":
        pytest.skip("whatever memory held before but 0 shows it in any call")
    outcomes = zoo.outcomes(
        file, wrong.name, "accuracy", wrong.dtype, lambda c: c.n in (5, 33) and c.regime == "normal"
    )
    assert [(o.case, o.message) for o in outcomes if o.status.bad] == []


NAMES = (
    "read_only_result_in_any_format",
    "result_in_the_input_s_byte_order",
    "refuses_what_it_may",
    "claims_empty_results",
    "as_in_the_readme",
    "strides_of_the_input",
    "copies_out_of_a_buffer",
    "only_dense_out",
    "reads_whole_cache_lines",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("check", ["contract", "guard"])
def test_a_sound_backend_that_is_close_to_the_forbidden_raises_no_false_alarm(zoo, name, check):
    outcomes = zoo.outcomes("sound_contract.py", name, check, "float32")
    assert [(o.case, o.message, o.worst) for o in outcomes if o.status.bad] == []
    assert sum(o.status is Status.PASS for o in outcomes) > 50
