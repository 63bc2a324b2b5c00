"""The contract check: layouts are what they say, leftovers are there, notes are not trusted."""

import ctypes
import math

import ml_dtypes
import numpy as np
import pytest

import verify
from backends import arrays, discovery
from backends.backend import Backend
from backends.claims import Claims
from backends.spec import Source
from reports.records import Status
from verify import cases, checks, contract_calls, contract_judge, forms, layouts, leftovers, notes
from verify.answers import Answers
from verify.cases import CaseError
from verify.checks.check import Scope
from verify.choosing import Unusable
from verify.offers import refusal
from verify.session import Arguments

DTYPES = {
    "float64": np.float64,
    "float32": np.float32,
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
}
REPEATING = ("zero_stride", "windows")
PLAIN = [name for name in forms.LAYOUTS if name not in REPEATING]
SPECS = {spec.name: spec for spec in discovery.builtin_specs()}


def numbers(shape, dtype="float32"):
    return np.arange(1.0, math.prod(shape) + 1).reshape(shape).astype(DTYPES[dtype])


def bits(x):
    return np.ascontiguousarray(x.astype(x.dtype.newbyteorder("="))).tobytes()


def asked(dtype="float32", profile="quick"):
    return list(checks.load("contract").cases(Scope("softmax", dtype, profile, 0)))


# --- layouts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (2, 3, 4), (0, 3), (3, 0)])
@pytest.mark.parametrize("layout", PLAIN)
def test_every_layout_holds_the_values_bit_for_bit(layout, shape, dtype):
    x = numbers(shape, dtype)
    laid = layouts.laid_out(layout, x)
    assert laid.view.shape == shape
    assert bits(laid.view) == bits(x)
    assert shape in ((), (0, 3), (3, 0)) or np.shares_memory(laid.view, laid.owned)


def test_layouts_are_what_their_names_say():
    x = numbers((3, 4))
    strides = {name: layouts.laid_out(name, x).view.strides for name in PLAIN}
    assert strides["transposed"] == strides["fortran"] == (4, 12)
    assert strides["negative_stride"] == (-16, -4)
    assert strides["negative_first"] == (-16, 4)
    assert strides["negative_last"] == (16, -4)
    assert strides["sliced"] == (104, 12)
    assert strides["padded"] == (36, 4)
    assert strides["packed"] == (20, 5)
    assert layouts.laid_out("transposed", numbers((2, 3, 4))).view.strides == (48, 4, 12)
    for name in ("misaligned", "packed"):
        assert layouts.laid_out(name, x).view.ctypes.data % 2 == 1
    assert not layouts.laid_out("read_only", x).view.flags.writeable
    assert not layouts.laid_out("big_endian", x).view.dtype.isnative


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", ["offset", "sliced", "padded"])
def test_what_lies_between_the_elements_is_nan(layout, dtype):
    laid = layouts.laid_out(layout, numbers((3, 4), dtype))
    everything = laid.owned.astype(np.float64)
    assert np.isnan(everything).sum() == laid.owned.size - 12 > 0


def test_a_zero_stride_and_windows_overlap_and_need_values_that_repeat():
    repeated = np.tile(numbers((1, 4)), (3, 1))
    assert layouts.laid_out("zero_stride", repeated).view.strides == (0, 4)
    hankel = np.array([[1, 2, 3], [2, 3, 4]], np.float32)
    laid = layouts.laid_out("windows", hankel)
    assert (laid.view.strides, laid.owned.tolist()) == ((4, 4), [1, 2, 3, 4])
    assert bits(laid.view) == bits(hankel)
    for name in REPEATING:
        with pytest.raises(layouts.LayoutError):
            layouts.laid_out(name, numbers((3, 4)))


@pytest.mark.parametrize(
    ("array", "shared"),
    [
        (numbers((3, 4)), False),
        (numbers((3, 4)).T, False),
        (numbers((6, 8))[::2, ::3], False),
        (numbers((3, 4))[::-1], False),
        (np.broadcast_to(numbers((1, 4)), (3, 4)), True),
        (np.lib.stride_tricks.sliding_window_view(numbers((9,)), 4), True),
        (np.lib.stride_tricks.as_strided(numbers((40,)), (3, 4), (20, 16)), False),
        (numbers(()), False),
        (numbers((0, 3)), False),
    ],
)
def test_an_array_whose_elements_share_memory_is_told_from_one_whose_do_not(array, shared):
    assert layouts.overlaps(array) is shared


# --- forms ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ("transposd", "did you mean 'transposed'"),
        ("out", "expected out:fortran"),
        ("out:big_endian", "expected out:fortran"),
        ("axis:last", "axis:#"),
        ("transposed:2", "expected transposed"),
        ("guard:left", "guard:high"),
        ("dtype:float128", "dtype:int64"),
    ],
)
def test_an_unknown_form_is_refused_with_the_ones_there_are(form, says):
    with pytest.raises(CaseError, match=says):
        cases.parse(f"softmax/float32/2x3/normal/form={form}")


def test_a_form_is_asked_by_its_own_check_and_by_no_other():
    case = "softmax/float32/2x3/normal/form=transposed"
    Arguments(cases=(case,), checks=("contract",)).selection()
    with pytest.raises(Unusable, match="--check contract"):
        Arguments(cases=(case,)).selection()
    unfit = Arguments(cases=(case.replace("transposed", "zero_stride"),), checks=("contract",))
    with pytest.raises(Unusable, match="repeats along some axis"):
        unfit.selection()


@pytest.mark.parametrize(
    ("name", "form", "reason"),
    [
        ("torch_eager", "negative_stride", "no negative strides"),
        ("torch_eager", "big_endian", "byte order"),
        ("torch_eager", "read_only", "no read-only"),
        ("torch_eager", "misaligned", "aligned"),
        ("torch_eager", "sliced", ""),
        ("torch_eager", "stream", "torch on the cpu has no streams"),
        ("torch_eager_cuda", "stream", ""),
        ("torch_eager_cuda", "guard:high", "no guard pages"),
        ("numpy_stable", "negative_stride", ""),
        ("numpy_stable", "stream", "numpy on the cpu has no streams"),
    ],
)
def test_a_view_that_the_array_library_lacks_is_skipped_with_its_reason(name, form, reason):
    case = cases.parse(f"softmax/float32/2x3/normal/form={form}")
    found = refusal(SPECS[name], case)
    assert (reason in found) if reason else found == ""


def test_what_a_form_needs_and_a_library_lacks_are_the_same_words():
    assert {form.needs for form in forms.FORMS.values()} - {""} == set(arrays.FEATURES)
    for name in arrays.ARRAYS:
        assert set(arrays.library(name).lacks) <= set(arrays.FEATURES)


@pytest.mark.parametrize("layout", ["transposed", "fortran", "offset", "sliced", "padded"])
def test_torch_is_handed_the_view_itself_and_not_a_copy(layout):
    laid = layouts.laid_out(layout, numbers((3, 4)))
    tensor = arrays.library("torch").from_numpy(laid.view, "cpu")
    assert tensor.data_ptr() == laid.view.ctypes.data
    assert [step * 4 for step in tensor.stride()] == list(laid.view.strides)


# --- what is asked --------------------------------------------------------------------------------


def test_every_form_of_the_contract_is_asked_and_every_layout_along_several_axes():
    found = {forms.kind(case) for case in asked()}
    assert {name for name, form in forms.FORMS.items() if form.check == "contract"} <= found
    for layout in PLAIN:
        axes = {
            (len(c.shape), c.axis % len(c.shape)) for c in asked() if c.form == layout and c.shape
        }
        assert {(2, 0), (2, 1), (3, 1)} <= axes
    assert {len(case.shape) for case in asked()} == {0, 1, 2, 3, 4, 5}


def test_empty_batches_and_rows_of_length_0_are_asked():
    empty = [case for case in asked() if case.count == 0]
    assert {case.n == 0 for case in empty} == {True, False}
    assert {len(case.shape) for case in empty} >= {1, 2, 3, 5}


@pytest.mark.parametrize("profile", ["quick", "full"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_case_can_be_laid_out(dtype, profile):
    for case in asked(dtype, profile):
        if case.form in forms.LAYOUTS:
            layouts.laid_out(case.form, case.build())


# --- leftovers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("byte", leftovers.BYTES)
@pytest.mark.parametrize("size", [24, 660, 4112, 320_000])
def test_fresh_memory_holds_the_byte_that_was_left_there(byte, size):
    with leftovers.left(byte, size):
        fresh = np.empty(size, np.uint8)
    assert (fresh == byte).mean() > 0.9


def test_leaving_bytes_is_over_afterwards():
    with leftovers.left(0x3F, 5000):
        pass
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    block = libc.malloc(3_000_000)
    assert ctypes.string_at(block, 3_000_000).count(b"\x3f") < 3_000_000
    libc.free(block)


# --- notes and verdicts ---------------------------------------------------------------------------


def test_a_note_reads_back():
    assert notes.read(notes.written(refused="ValueError: no", places=3)) == {
        "refused": "ValueError: no",
        "places": 3,
    }


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(3),
        np.zeros((2, 2), np.uint8),
        np.zeros(0, np.uint8),
        np.frombuffer(b"[1]", np.uint8),
    ],
)
def test_what_is_no_note_is_a_fail_and_not_an_error_of_ours(array):
    with pytest.raises(notes.NoteError):
        notes.read(array)
    case = cases.parse("softmax/float32/2x3/normal/form=transposed")
    for check in ("contract", "guard"):
        verdict = checks.load(check).judge(case, [array], Answers(0), Claims())
        assert (verdict.status, "cannot be read" in verdict.message) == (Status.FAIL, True)


def verdict(case, note, *results, **claims):
    outputs = [notes.written(**note), *results]
    return contract_judge.judge(cases.parse(case), outputs, Answers(0), Claims(**claims))


def test_an_exception_is_right_where_the_contract_lets_a_backend_refuse_and_only_there():
    refused = {"refused": "TypeError: no"}
    for form in ("misaligned", "big_endian", "axis:2", "dtype:int64", "out:sliced"):
        case = f"softmax/float32/2x3/normal/form={form}"
        assert verdict(case, refused).status is Status.PASS
    assert verdict("softmax/float32/2x3/normal/form=transposed", refused).status is Status.FAIL
    assert verdict("softmax/float32/0x3/normal", refused).status is Status.FAIL


@pytest.mark.parametrize(
    ("claim", "raises", "returns"),
    [(None, Status.PASS, Status.PASS), ("empty", Status.FAIL, Status.PASS),
     ("raises", Status.PASS, Status.FAIL)],
)  # fmt: skip
def test_rows_of_length_0_are_held_against_the_claim(claim, raises, returns):
    case = "softmax/float32/3x0/normal"
    assert verdict(case, {"refused": "ValueError"}, zero_length=claim).status is raises
    layout = {"aligned": True, "foreign": False, "shared": False}
    result = np.zeros((3, 0), np.float32)
    assert verdict(case, layout, result, zero_length=claim).status is returns


@pytest.mark.parametrize("result", [np.zeros((2, 3), np.int64), np.zeros((2, 3), bool)])
def test_integers_that_come_back_as_integers_are_a_fail(result):
    case = "softmax/float32/2x3/values/x=1,2,3/form=dtype:int64"
    layout = {"aligned": True, "foreign": False, "shared": False}
    found = verdict(case, layout, result)
    assert (found.status, "expected an exception" in found.message) == (Status.FAIL, True)
    x = np.array([[1.0, 2.0, 3.0]] * 2)
    right = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    assert verdict(case, layout, right).status is Status.PASS


def test_a_result_in_the_other_byte_order_is_right_for_such_an_input_and_for_no_other():
    x = cases.parse("softmax/float32/2x3/normal").build().astype(np.float64)
    right = (np.exp(x) / np.exp(x).sum(1, keepdims=True)).astype(np.float32)
    layout = {"aligned": True, "foreign": True, "shared": False}
    case = "softmax/float32/2x3/normal/form="
    assert verdict(case + "big_endian", layout, right).status is Status.PASS
    assert verdict(case + "transposed", layout, right).status is Status.FAIL


def test_the_registry_refuses_on_a_backend_s_behalf_what_it_was_not_registered_for():
    def softmax(x, axis=-1):
        raise AssertionError(f"never reached, with {x} and {axis}")

    backend = Backend(
        "any", softmax, dtypes=("float32",), array="numpy", device="cpu", claims=Claims(),
        requires=(), source=Source("plugin", "here"),
    )  # fmt: skip
    for name in forms.FOREIGN_DTYPES:
        case = cases.parse(f"softmax/float32/2x3/values/x=1,0,1/form=dtype:{name}")
        note = notes.read(contract_calls.foreign_dtype(backend, case)[0])
        assert "UnsupportedInput" in note["refused"]


def test_an_input_that_a_refusing_backend_changed_is_no_refusal():
    def softmax(x, axis=-1):
        x[...] = axis
        raise TypeError("misaligned, as it turned out")

    with pytest.raises(AssertionError, match="changed its input"):
        verify.assert_correct(
            softmax, checks=("contract",), cases=("softmax/float32/2x3/normal/form=misaligned",)
        )


def test_assert_correct_leaves_out_what_may_end_the_process():
    with pytest.raises(ValueError, match="python -m verify"):
        verify.assert_correct("numpy_stable", checks=("guard",))
