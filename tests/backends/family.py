"""Every built-in backend with every operation that it offers, for tests of the whole family."""

import ml_dtypes
import numpy as np
import pytest

import backends
from backends.operations import IGNORE_INDEX, OPERATIONS

DTYPES = {
    "float64": np.dtype(np.float64),
    "float32": np.dtype(np.float32),
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
}
# Those that round to 16 bits at every step, not once at the end, as their limitations say.
STEPWISE = {"jax_jit", "scipy_special", "sklearn_extmath", "tensorflow_cpu"}
SPECS = {name: backends.describe(source)[0] for name, source in backends.sources().items()}
# Six libraries that are not installed would be seven thousand skipped tests: a third of a run's
# collection. They are skipped once each, with the reason, in test_left_out.py.
LEFT_OUT = {name: spec.unavailable for name, spec in SPECS.items() if spec.unavailable}
OFFERED = [
    (name, operation)
    for name, spec in SPECS.items()
    if name not in LEFT_OUT
    for operation in spec.operations
]
# Those whose reductions raise for an array without elements, as their limitations of contract say.
REFUSES_NOTHING_TO_REDUCE = {"mlx_cpu"}
GRADIENTS = ("softmax_vjp", "cross_entropy_grad", "softmax_jacobian")

every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def takes(word):
    """Return a condition on an operation: whether it has an input or a parameter of that name."""
    return lambda operation: (
        word
        in (
            *OPERATIONS[operation].inputs,
            *OPERATIONS[operation].parameters,
        )
    )


def each_offered(condition=lambda _: True, names=()):
    """Parametrise a test over backends, all or some, and operations that meet a condition."""
    chosen = [pair for pair in OFFERED if condition(pair[1]) and (not names or pair[0] in names)]
    ids = [f"{name}-{operation}" for name, operation in chosen]
    return pytest.mark.parametrize(("name", "operation"), chosen, ids=ids)


def declared(backend, operation, check, dtype):
    """Say whether the backend declares a limitation of this check there."""
    names = {check, f"{check}/{dtype}", f"{operation}/{check}", f"{operation}/{check}/{dtype}"}
    return bool(names & backend.claims.limitations.keys())


def refuses_empty_rows(backend, shape, axis):
    """Say whether the backend claims to raise for rows of length 0, and these are."""
    return backend.claims.zero_length == "raises" and shape[axis] == 0


def eps(dtype):
    """Return the distance from 1 to the next number of the dtype."""
    return float(ml_dtypes.finfo(DTYPES[dtype]).eps)


def inputs_for(operation, dtype, shape, axis=-1, seed=0):
    """Return the operation's arrays: logits of scale 4, and what goes with them."""
    rng = np.random.default_rng(seed)
    n = shape[axis] if shape else 1
    rows = OPERATIONS["logsumexp"].result_shape(shape, axis)
    labels = np.asarray(rng.integers(0, n, rows)) if n else np.full(rows, IGNORE_INDEX)
    if "ignore_index" in OPERATIONS[operation].parameters:
        labels = np.where(rng.uniform(size=rows) < 0.2, IGNORE_INDEX, labels)
    made = {
        "x": np.asarray(rng.normal(scale=4.0, size=shape)).astype(DTYPES[dtype]),
        "labels": labels,
        "cotangent": np.asarray(rng.normal(size=shape)).astype(DTYPES[dtype]),
        "sampled": rng.integers(0, n, 6) if n else np.zeros(0, np.int64),
        "log_expected_count": np.log(rng.uniform(0.05, 1, n)).astype(DTYPES[dtype]),
    }
    return [made[name] for name in OPERATIONS[operation].inputs]
