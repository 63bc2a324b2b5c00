"""``verify.exact`` and ``verify.assert_correct``: what other projects' tests call."""

import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import torch

import backends
import verify
from backends import Claims
from backends.formats import FORMATS, from_float64, to_float64
from verify.oracle import reference

ROOT = Path(__file__).parents[2]
ROW = [[1.6, 3.1, 0.5], [-7.0, 0.25, 0.25]]
QUICK = {
    "checks": ("accuracy",),
    "cases": ["softmax/float32/3x17/uniform", "softmax/float32/1x9/peak"],
}


def right(x, axis=-1, temperature=1.0):
    e = np.exp((x - x.max(axis=axis, keepdims=True)) / temperature)
    return e / e.sum(axis=axis, keepdims=True)


def last_forgotten(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e[..., : max(1, x.shape[-1] - 1)].sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("name", FORMATS)
def test_exact_numpy_answers_are_the_references_in_the_dtype_of_the_input(name):
    x = from_float64(FORMATS[name], np.array(ROW))
    for axis, temperature in ((-1, 1.0), (0, 0.5)):
        y = verify.exact.softmax(x, axis, temperature)
        expected = reference.softmax(x, axis=axis, temperature=temperature).rounded
        assert (y.dtype, y.shape) == (x.dtype, x.shape)
        assert y.tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", FORMATS)
def test_exact_torch_answers_are_torch_tensors_of_the_same_bits(name):
    x = from_float64(FORMATS[name], np.array(ROW))
    library = backends.arrays.library("torch")
    tensor = library.from_numpy(x.copy(), "cpu")
    y = verify.exact.softmax(tensor, axis=1)
    assert isinstance(y, torch.Tensor)
    assert y.dtype == tensor.dtype
    assert library.to_numpy(y).tobytes() == verify.exact.softmax(x, axis=1).tobytes()


def test_exact_takes_scalars_foreign_byte_order_strides_and_graphs():
    assert verify.exact.softmax(np.float32(3.0)) == 1.0
    x = np.array(ROW)
    swapped = verify.exact.softmax(x.astype(">f8"))
    assert swapped.dtype == np.dtype(">f8")
    assert np.array_equal(swapped, verify.exact.softmax(x))
    assert np.array_equal(verify.exact.softmax(x.T, axis=0), verify.exact.softmax(x).T)
    assert not verify.exact.softmax(torch.tensor(ROW, requires_grad=True)).requires_grad


def test_exact_gives_masked_rows_what_is_asked_for():
    masked = np.full((1, 4), -np.inf, ml_dtypes.bfloat16)
    assert np.isnan(to_float64(verify.exact.softmax(masked))).all()
    assert to_float64(verify.exact.softmax(masked, all_masked="uniform")).tolist() == [[0.25] * 4]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([1.0, 2.0],), "numpy.asarray"),
        ((np.array([1, 2]),), "int64"),
        ((np.ones(3), -1, 0.0), "temperature"),
        ((np.ones(3), 2), "axis 2"),
    ],
)
def test_what_exact_cannot_answer_is_named(arguments, says):
    with pytest.raises(Exception, match=says):
        verify.exact.softmax(*arguments)


def test_importing_verify_loads_no_array_library_and_exact_loads_no_torch():
    code = (
        "import sys, verify; assert not {'numpy', 'torch', 'numba'} & set(sys.modules); "
        "import numpy; verify.exact.softmax(numpy.ones(3)); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_every_public_name_of_verify_is_there():
    assert set(verify.__all__) <= set(dir(verify))
    assert all(getattr(verify, name) is not None for name in verify.__all__)
    with pytest.raises(AttributeError, match="exakt"):
        verify.exakt  # noqa: B018 - looking is the test


def test_a_right_function_passes_silently_whatever_it_takes(capfd):
    verify.assert_correct(right, **QUICK)
    verify.assert_correct(lambda x: right(x), **QUICK)
    verify.assert_correct(lambda x, axis: right(x, axis), checks=["axes"])
    verify.assert_correct(lambda x: torch.softmax(x, -1), array="torch", **QUICK)
    assert capfd.readouterr() == ("", "")


def test_a_backend_and_its_name_are_taken_with_their_own_claims():
    verify.assert_correct("numpy_stable", ["float64", "float16"], checks=["special_values"])
    backend = backends.get("torch_eager")
    verify.assert_correct(backend, ["float16"], checks=["axes"])  # a declared limitation
    with pytest.raises(AssertionError, match="axes float16"):
        verify.assert_correct(backend, ["float16"], checks=["axes"], claims=Claims())


def test_a_wrong_function_is_told_the_element_the_input_the_exact_value_and_the_limit():
    with pytest.raises(AssertionError) as caught:
        verify.assert_correct(
            last_forgotten, cases=[*QUICK["cases"], "softmax/float32/3/values/x=1.6,3.1,0.5"]
        )
    message = str(caught.value)
    assert message.startswith("last_forgotten: 3 of 3 cases failed (accuracy float32 3)")
    worst = message.partition("\nalso")[0]
    for part in ("element ", "x=", "got ", "exact ", " ulp)", "limit ", "times"):
        assert part in worst
    assert "softmax/float32/3/values/x=1.6,3.1,0.5" in message
    case = worst.rpartition('cases=["')[2].partition('"')[0]
    with pytest.raises(AssertionError, match="1 of 1 cases failed"):
        verify.assert_correct(last_forgotten, cases=[case])


def test_the_whole_row_of_a_short_input_is_shown():
    with pytest.raises(AssertionError) as caught:
        verify.assert_correct(last_forgotten, cases=["softmax/float32/3/values/x=1.5,3.25,0.5"])
    assert "x=[1.5 , 3.25, 0.5 ]" in str(caught.value)


def test_an_exception_is_a_failure_that_says_what_was_raised():
    def picky(_):
        raise IndexError("only three")

    with pytest.raises(AssertionError, match="raised IndexError: only three"):
        verify.assert_correct(picky, **QUICK)


def test_warnings_of_the_function_do_not_decide():
    def naive(x):
        with np.errstate(all="warn"):
            np.float32(3e38) * np.float32(10)
            return right(x)

    verify.assert_correct(naive, **QUICK)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"dtypes": ["float23"]}, "did you mean 'float32'"),
        ({"array": "nunpy"}, "did you mean 'numpy'"),
        ({"checks": ["acuracy"]}, "did you mean 'accuracy'"),
        ({"cases": ["rubbish"]}, "OPERATION/DTYPE"),
        ({"function": lambda x, dim: x[dim]}, "dim"),
        ({"function": "numpy_stabel"}, "did you mean 'numpy_stable'"),
        ({"function": "numba_fast", "dtypes": ["float8_e5m2"]}, "does not take float8"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused_with_the_way_out(words, says):
    with pytest.raises((ValueError, LookupError, backends.SoftmarkError), match=says):
        verify.assert_correct(**{"function": right} | words)


def test_where_no_case_can_be_asked_nothing_is_asserted_silently():
    with pytest.raises(AssertionError, match="none of these cases"):
        verify.assert_correct(lambda x: right(x), cases=["softmax/float32/3x4/uniform/axis=0"])
