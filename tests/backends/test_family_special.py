"""What every built-in backend makes of special values, of ignored rows and of extremes."""

import itertools
import math

import ml_dtypes
import numpy as np
import pytest

import backends
from backends.operations import IGNORE_INDEX, OPERATIONS
from tests.backends.family import (
    DTYPES,
    GRADIENTS,
    declared,
    each_offered,
    eps,
    every_dtype,
    takes,
)

# Where +inf overflows to inf/inf in one place and 0 in the others: a declared limitation.
UNSHIFTED = {"numpy_naive"}
# Peers that lose +inf or a NaN: a declared limitation, which verify holds them to.
LOSES_ODD_VALUES = {"onnxruntime_cpu", "openvino_cpu", "scipy_special"}
# The backward pass multiplies the ignored row's probabilities by 0, and NaN times 0 is NaN.
NAN_TIMES_ZERO = {"jax_grad", "torch_autograd"}


def rows_of_length(n):
    """Return every pattern of special values and 0.5, or for long rows those with one oddity."""
    values = [-np.inf, 0.5, np.inf, np.nan, -np.nan]
    if n <= 3:
        return np.array(list(itertools.product(values, repeat=n)))
    rows = [np.full(n, -np.inf), np.full(n, 0.5)]
    for value, place, rest in itertools.product(values, [0, n // 2, n - 1], [0.5, -np.inf]):
        rows.append(np.full(n, rest))
        rows[-1][place] = value
    return np.array(rows)


def asked(operation, x, dtype):
    """Return the operation's arrays for these rows, and each row's label and cotangent."""
    n = x.shape[1]
    labels = np.arange(len(x)) % n
    cotangent = np.broadcast_to(np.resize([1.0, -2.0, 4.0], n), x.shape)
    made = {
        "x": x.astype(DTYPES[dtype]),
        "labels": labels,
        "cotangent": cotangent.astype(DTYPES[dtype]),
        "sampled": np.arange(n),  # with accidental hits removed, every class counts once
        "log_expected_count": np.zeros(n, DTYPES[dtype]),
    }
    return [made[name] for name in OPERATIONS[operation].inputs], labels, cotangent


def by_definition(operation, x, labels, cotangent):
    """Return the results for rows whose finite entries are all 0.5, NaN where there is none."""
    undefined = (np.isnan(x) | (x == np.inf) | (x == -np.inf).all(axis=1, keepdims=True)).any(
        axis=1, keepdims=True
    )
    finite = np.isfinite(x)
    k = np.maximum(finite.sum(axis=1, keepdims=True), 1)
    p = np.where(undefined, np.nan, finite / k)
    log_p = np.where(undefined, np.nan, np.where(finite, -np.log(k), -np.inf))
    hit = np.arange(x.shape[1]) == labels[:, None]
    if operation == "softmax":
        return p
    if operation == "log_softmax":
        return log_p
    if operation == "logsumexp":
        lse = np.where(finite.any(axis=1), 0.5 + np.log(k[:, 0]), -np.inf)
        lse = np.where((x == np.inf).any(axis=1), np.inf, lse)
        return np.where(np.isnan(x).any(axis=1), np.nan, lse)
    if operation in ("cross_entropy", "sampled_cross_entropy"):
        return -log_p[hit]
    if operation == "cross_entropy_grad":
        return p - hit
    if operation == "softmax_vjp":
        return p * (cotangent - (p * cotangent).sum(axis=1, keepdims=True))
    if operation == "softmax_jacobian":
        return p[:, :, None] * (np.eye(x.shape[1]) - p[:, None, :])
    return np.where(finite, 1 / (1 + math.exp(-0.5)), np.where(np.isnan(x), x, x > 0))


@each_offered()
@every_dtype
@pytest.mark.parametrize("n", [1, 2, 3, 37])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_special_rows_give_what_the_table_says(backend, name, operation, dtype, n, temperature):
    rows = rows_of_length(n)
    if name in UNSHIFTED and operation not in ("logsumexp", "sigmoid"):
        rows = rows[~(rows == np.inf).any(axis=1)]
    if name in LOSES_ODD_VALUES and declared(backend, operation, "special_values", dtype):
        rows = rows[~(np.isnan(rows) | (rows == np.inf)).any(axis=1)]
    arrays, labels, cotangent = asked(operation, rows * temperature, dtype)
    want = by_definition(operation, rows, labels, cotangent)
    if operation in GRADIENTS:
        want = want / temperature
    got = getattr(backend, operation)(*arrays, temperature=temperature).astype(np.float64)
    regular = np.isfinite(want)
    assert np.array_equal(got[~regular], want[~regular], equal_nan=True)
    limit = 16 * eps(dtype) * (np.abs(want[regular]) + 4)
    assert (np.abs(got[regular] - want[regular]) <= limit).all()
    exactly = zeros_of(operation, rows, labels)
    assert (got[exactly & regular] == 0).all()


def zeros_of(operation, rows, labels):
    """Return where a result that is a number must be 0: at masked entries, the label apart."""
    masked = np.isneginf(rows)
    if operation in ("softmax", "softmax_vjp", "sigmoid"):
        return masked
    if operation == "cross_entropy_grad":
        return masked & (np.arange(rows.shape[1]) != labels[:, None])
    if operation == "softmax_jacobian":
        return masked[:, :, None] | masked[:, None, :]
    return np.zeros((), bool)


@each_offered(takes("ignore_index"))
@every_dtype
@pytest.mark.parametrize("ignore_index", [-1, 3, -(2**40), IGNORE_INDEX])
def test_an_ignored_row_gives_zero_and_leaves_the_others_alone(
    backend, operation, dtype, ignore_index
):
    x = np.random.default_rng(0).normal(size=(4, 5)).astype(DTYPES[dtype])
    counted = getattr(backend, operation)(x[::2], np.array([0, 4]))
    labels = np.array([0, ignore_index, 4, ignore_index])
    got = getattr(backend, operation)(x, labels, ignore_index=ignore_index)
    assert (got[[1, 3]] == 0).all()
    assert np.allclose(got[::2].astype(float), counted.astype(float), rtol=1e-6)
    everything = np.full(4, ignore_index)
    assert (getattr(backend, operation)(x, everything, ignore_index=ignore_index) == 0).all()


@each_offered(takes("ignore_index"))
@every_dtype
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_ignored_row_gives_zero_whatever_it_holds(
    backend, name, operation, dtype, value, request
):
    if name in NAN_TIMES_ZERO:
        reason = "0 times NaN is NaN on the way back: a declared limitation"
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    x = np.zeros((3, 4)).astype(DTYPES[dtype])
    x[1] = value
    got = getattr(backend, operation)(x, np.array([0, IGNORE_INDEX, 1]))
    assert (got[1] == 0).all()
    assert np.isfinite(got.astype(float)).all()


@each_offered(takes("sampled"))
@every_dtype
def test_candidates_count_as_often_as_they_were_drawn(backend, operation, dtype):
    loss = getattr(backend, operation)
    x = np.zeros((2, 4), DTYPES[dtype])
    counts = np.log([0.25, 0.5, 1.0, 2.0]).astype(DTYPES[dtype])
    labels, sampled = np.array([0, 1]), np.array([1, 1, 2])
    # Weights are one over the counts: 4 at class 0, 2 at class 1, 1 at class 2.
    want = np.log([(4 + 2 + 2 + 1) / 4, (2 + 1) / 2])
    tolerance = 16 * eps(dtype)
    assert np.allclose(loss(x, labels, sampled, counts).astype(float), want, atol=tolerance)
    kept = loss(x, labels, sampled, counts, remove_accidental_hits=False).astype(float)
    assert np.allclose(kept, [want[0], math.log((2 + 2 + 2 + 1) / 2)], atol=tolerance)
    assert (loss(x, labels, sampled[:0], counts) == 0).all()
    with pytest.raises(IndexError, match="label -100"):
        loss(x, np.array([0, IGNORE_INDEX]), sampled, counts)


@each_offered(names=("numpy_stable", "numba_fast"))
@every_dtype
def test_no_step_of_a_stable_backend_overflows_where_the_result_does_not(backend, operation, dtype):
    top = float(ml_dtypes.finfo(DTYPES[dtype]).max) * 0.99
    x = np.array([[top, -top, 0.0, top]]).astype(DTYPES[dtype])
    arrays, _, _ = asked(operation, x, dtype)
    if operation == "softmax_vjp":
        arrays[1] = (np.array([[1.0, -1.0, 1.0, -1.0]]) * top / 2).astype(DTYPES[dtype])
    for temperature in (1.0, 1e-310, 1e300):
        got = getattr(backend, operation)(*arrays, temperature=temperature)
        assert not np.isnan(got.astype(float)).any()
    got = getattr(backend, operation)(*arrays)
    if operation not in ("log_softmax", "logsumexp"):
        assert np.isfinite(got.astype(float)).all()


@each_offered(lambda operation: operation == "sigmoid")
@every_dtype
def test_the_logistic_function_is_the_first_of_two_classes(backend, operation, dtype):
    x = np.linspace(-60, 60, 121).astype(DTYPES[dtype])
    softmax = backends.get("numpy_stable").softmax
    want = softmax(np.stack([x, np.zeros_like(x)], axis=-1))[:, 0].astype(float)
    got = getattr(backend, operation)(x).astype(float)
    smallest = float(ml_dtypes.finfo(DTYPES[dtype]).tiny)
    assert (np.abs(got - want) <= 64 * eps(dtype) * np.maximum(want, smallest)).all()


# Logits, probability and loss of the first class, which is the true one: to 50 digits and rounded.
WORKED = [
    ([1.2, 0.3], 0.71094950262500390, 0.34115387473208788),
    ([1.9, 0.1], 0.85814893509951229, 0.15297761052607397),
]


@pytest.mark.parametrize("name", backends.sources())
@pytest.mark.parametrize(("logits", "p", "loss"), WORKED)
def test_the_worked_examples_are_what_a_calculator_says(backend, logits, p, loss):
    widest = backend.dtypes[0]
    x, label = np.array(logits, DTYPES[widest]), np.array(0)
    want = {
        "softmax": (x,),
        "log_softmax": (x,),
        "cross_entropy": (x, label),
        "cross_entropy_grad": (x, label),
    }
    values = {
        "softmax": [p, 1 - p],
        "log_softmax": [-loss, -loss - (logits[0] - logits[1])],
        "cross_entropy": loss,
        "cross_entropy_grad": [p - 1, 1 - p],
    }
    for operation in sorted(set(want) & set(backend.operation_names)):
        got = getattr(backend, operation)(*want[operation])
        assert np.allclose(got, values[operation], rtol=32 * eps(widest))
