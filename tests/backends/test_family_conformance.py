"""One body of expectations for every operation of every built-in backend in every dtype.

The formulas here are in extended precision, and what they allow follows from the operation: K
roundings of the working format and a few of the output's, of what is added up in the end. Tight
limits are for the verification suite.
"""

import ml_dtypes
import numpy as np
import pytest

from backends.operations import IGNORE_INDEX, OPERATIONS
from tests.backends.family import (
    DTYPES,
    REFUSES_NOTHING_TO_REDUCE,
    STEPWISE,
    declared,
    each_offered,
    every_dtype,
    inputs_for,
    refuses_empty_rows,
)

SHAPES = [(), (1,), (7,), (3, 5), (4, 4), (2, 3, 4), (2, 1, 3, 2), (3, 1500)]
# Roundings to the output's format on the way to a result: PyTorch's 16-bit paths have several.
STEPS = 6

pytestmark = [each_offered(), every_dtype]


def scores_of(x, labels, sampled, counts, temperature):
    every = np.concatenate(
        [labels[..., None], np.broadcast_to(sampled, (*labels.shape, sampled.size))], axis=-1
    )
    scores = np.take_along_axis(x, every, -1) / temperature - counts.astype(np.longdouble)[every]
    scores[..., 1:][sampled == labels[..., None]] = -np.inf
    return scores


def exact(operation, arrays, axis=-1, temperature=1.0, ignore_index=IGNORE_INDEX):
    """Return the result by its definition, and what an error of one rounding unit is of."""
    x = np.moveaxis(np.atleast_1d(arrays[0]).astype(np.longdouble), axis, -1)
    labels = np.reshape(arrays[1], x.shape[:-1]) if "labels" in OPERATIONS[operation].inputs else 0
    if operation == "sampled_cross_entropy":
        x = scores_of(x, labels, *arrays[2:], temperature)
        labels, temperature = np.zeros(labels.shape, int), 1.0
    z = x / np.longdouble(temperature)
    gap = z - z.max(axis=-1, keepdims=True)
    e = np.exp(gap)
    p = e / e.sum(axis=-1, keepdims=True)
    lse = z.max(axis=-1) + np.log(e.sum(axis=-1))
    # Roundings: of the gaps or the quotients, of a sum of n terms, of exp, division and logarithm.
    spread = -np.where(np.isfinite(gap), gap, 0) + (np.abs(z) if temperature != 1.0 else 0)
    k = spread + (p * spread).sum(axis=-1, keepdims=True) + z.shape[-1] + 12
    hit = np.arange(z.shape[-1]) == np.asarray(labels)[..., None]
    at_label = np.where(hit, z, 0).sum(axis=-1)
    back = lambda y: np.moveaxis(y, -1, axis)  # noqa: E731 - a lambda beside its only table
    if operation == "softmax":
        result, unit = back(p), back(k * p)
    elif operation == "log_softmax":
        result, unit = back(z - lse[..., None]), back(k + np.abs(z - lse[..., None]))
    elif operation == "logsumexp":
        result, unit = lse, k.max(axis=-1) + np.abs(lse)
    elif operation in ("cross_entropy", "sampled_cross_entropy"):
        # A naive form adds a logarithm and a logit of full size.
        result, unit = lse - at_label, k.max(axis=-1) + np.abs(lse) + np.abs(at_label)
        counted = np.asarray(labels) != ignore_index
        result, unit = np.where(counted, result, 0), np.where(counted, unit, 0)
    elif operation == "softmax_vjp":
        c = np.moveaxis(np.atleast_1d(arrays[1]).astype(np.longdouble), axis, -1)
        mean = (p * c).sum(axis=-1, keepdims=True)
        size = np.abs(c) + (p * np.abs(c)).sum(axis=-1, keepdims=True)
        result, unit = back(p * (c - mean) / temperature), back(k * p * size / temperature)
    elif operation == "cross_entropy_grad":
        counted = (np.asarray(labels) != ignore_index)[..., None]
        result = back(np.where(counted, (p - hit) / temperature, 0))
        unit = back(np.where(counted, k * p + hit, 0) / temperature)
    elif operation == "softmax_jacobian":
        result = p[..., :, None] * (np.eye(p.shape[-1]) - p[..., None, :]) / temperature
        both = p[..., :, None] * np.maximum(p[..., None, :], np.eye(p.shape[-1]))
        unit = (k[..., :, None] + k[..., None, :]) * both / temperature
    else:
        z = arrays[0].astype(np.longdouble) / np.longdouble(temperature)
        result = 1 / (1 + np.exp(-z))
        unit = (np.abs(z) + 8) * result
    shape = OPERATIONS[operation].result_shape(arrays[0].shape, axis)
    return result.reshape(shape), unit.reshape(shape)


def assert_right(backend, got, operation, arrays, **parameters):
    dtype = arrays[0].dtype
    want, unit = exact(operation, arrays, **parameters)
    assert (got.dtype, got.shape) == (dtype, want.shape)
    info = ml_dtypes.finfo(dtype)
    narrow = dtype.itemsize == 2
    within = narrow and backend.name not in STEPWISE
    roundoff = float(np.finfo(np.float32).eps if within else info.eps) / 2
    result = got.astype(np.longdouble)
    # Intermediate results of a 16-bit path are no larger than what a unit error is of.
    size = np.minimum(np.abs(want) + unit, 2 * np.abs(want) + 4) if narrow else np.abs(want)
    allowed = unit * roundoff + STEPS * float(info.eps) / 2 * size + 2 * float(info.tiny)
    assert not (~(np.abs(result - want) <= allowed)).any()


def call(backend, operation, arrays, **parameters):
    return getattr(backend, operation)(*arrays, **parameters)


def axes_of(operation, ndim):
    if "axis" not in OPERATIONS[operation].parameters:
        return (None,)
    return range(-max(ndim, 1), max(ndim, 1))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_axis_of_every_shape_gives_the_definition(backend, operation, dtype, shape):
    for axis in axes_of(operation, len(shape)):
        along = {} if axis is None else {"axis": axis}
        if operation == "softmax_jacobian" and shape[-1:] == (1500,):
            continue  # a matrix for each row: tests of memory are elsewhere
        arrays = inputs_for(operation, dtype, shape, **along)
        before = [array.copy() for array in arrays]
        got = call(backend, operation, arrays, **along)
        assert_right(backend, got, operation, arrays, **along)
        for array, kept in zip(arrays, before, strict=True):
            assert array.tobytes() == kept.tobytes()
            assert not np.shares_memory(got, array)


@pytest.mark.parametrize("temperature", [0.3, 2, 7.5])
def test_temperature_divides_the_logits_and_the_gradients(backend, operation, dtype, temperature):
    arrays = inputs_for(operation, dtype, (4, 11))
    got = call(backend, operation, arrays, temperature=temperature)
    assert_right(backend, got, operation, arrays, temperature=temperature)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 3)])
def test_an_empty_array_gives_the_result_of_no_rows_or_of_none_to_count(
    backend, operation, dtype, shape
):
    for axis in axes_of(operation, len(shape)):
        along = {} if axis is None else {"axis": axis}
        if operation == "sampled_cross_entropy" and shape[-1] == 0:
            continue  # no class that a label could name
        arrays = inputs_for(operation, dtype, shape, **along)
        if operation != "logsumexp" and refuses_empty_rows(backend, shape, axis):
            with pytest.raises(ValueError, match="zero-size"):
                call(backend, operation, arrays, **along)
            continue
        if backend.name in REFUSES_NOTHING_TO_REDUCE and operation != "softmax":
            assert declared(backend, operation, "contract", dtype)
            with pytest.raises(ValueError, match=r"empty array|size 0"):
                call(backend, operation, arrays, **along)
            continue
        got = call(backend, operation, arrays, **along)
        assert got.shape == OPERATIONS[operation].result_shape(shape, **along)
        assert got.dtype == DTYPES[dtype]
        assert (got == (-np.inf if operation == "logsumexp" else 0)).all()


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.T,
        lambda x: x[::-1],
        lambda x: x[..., ::-1],
        lambda x: x[::2],
        lambda x: np.broadcast_to(x[:1], x.shape),
    ],
    ids=["transposed", "rows reversed", "reversed", "stepped", "zero stride"],
)
def test_views_give_what_their_contiguous_copies_give(backend, operation, dtype, view):
    arrays = [view(array) for array in inputs_for(operation, dtype, (6, 6))]
    if operation == "sampled_cross_entropy":
        arrays[3] = inputs_for(operation, dtype, (6, arrays[0].shape[-1]))[3]
        arrays[1] = arrays[1][: len(arrays[0])]
    got = call(backend, operation, arrays)
    assert_right(backend, got, operation, [np.ascontiguousarray(array) for array in arrays])
    again = backend.library.to_numpy(backend.bind(operation, *arrays)())
    assert_right(backend, again, operation, [np.ascontiguousarray(array) for array in arrays])


def test_a_bound_call_reuses_its_output_and_sees_new_content(backend, operation, dtype):
    arrays = inputs_for(operation, dtype, (5, 40))
    natives = [backend.library.from_numpy(array, backend.device) for array in arrays]
    bound = backend.bind(operation, *natives)
    assert_right(backend, backend.library.to_numpy(bound()).copy(), operation, arrays)
    if backend.device == "cpu":
        for array, new in zip(arrays, inputs_for(operation, dtype, (5, 40), seed=1), strict=True):
            array[...] = new
        assert_right(backend, backend.library.to_numpy(bound()).copy(), operation, arrays)


def test_an_output_of_the_caller_is_written_whatever_its_layout(backend, operation, dtype):
    if not backend.takes_out(operation):
        pytest.skip(f"{backend.name} takes no 'out' for {operation}")
    arrays = inputs_for(operation, dtype, (5, 8))
    shape = OPERATIONS[operation].result_shape((5, 8))
    room = np.full((*shape[:-1], 2 * shape[-1]), 7, DTYPES[dtype])
    out = backend.library.from_numpy(room, backend.device)[..., ::2]
    backend.bind(operation, *arrays, out=out)()
    assert_right(backend, backend.library.to_numpy(out), operation, arrays)
    if backend.device == "cpu":
        assert (room[..., 1::2] == 7).all()


def test_read_only_input_is_taken(backend, operation, dtype):
    arrays = inputs_for(operation, dtype, (3, 5))
    for array in arrays:
        array.setflags(write=False)
    assert_right(backend, call(backend, operation, arrays), operation, arrays)


def test_native_arrays_come_back_native(backend, operation, dtype):
    arrays = inputs_for(operation, dtype, (5, 4))
    natives = [backend.library.from_numpy(array, backend.device) for array in arrays]
    got = call(backend, operation, natives)
    assert backend.library.is_native(got)
    assert_right(backend, backend.library.to_numpy(got), operation, arrays)
