"""Golden values: the correctly rounded answer, as an array of the caller's own kind.

>>> import verify
>>> y = verify.exact.softmax(x)  # doctest: +SKIP

Every result is the exact value rounded once, to nearest even; it is the oracle's answer, not that
of a backend. From some hundred distinct elements on, answers are kept in the oracle's cache
(``$SOFTMARK_CACHE``). What is defined, and what special values give, says docs/family.md.

Common to all functions:

- ``x`` is a NumPy array or torch tensor of any shape, in float64, float32, float16, bfloat16
  (ml_dtypes or torch) or an fp8 format. Results are of its library, dtype and device, C-contiguous
  and detached from any graph.
- ``axis`` is that of the classes; negative counts from the end.
- ``temperature`` is a positive number, taken at the exact value of the float.
- ``all_masked`` says what a row of nothing but -inf gives: ``"nan"``, ``"zero"`` (as if all
  probabilities were 0) or ``"uniform"``. A row with a NaN or +inf gives NaN throughout.

What cannot be answered raises UnsupportedInput (no array of a library that is known here),
UnknownFormat (no floating-point format that is known here), TypeError (another dtype than asked
for), IndexError (no class of that number), numpy.exceptions.AxisError (no such axis) or ValueError
(anything else, such as the temperature 0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backends import arrays
from backends.formats import format_of
from backends.operations import IGNORE_INDEX
from verify import oracle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from backends.arrays import Native

__all__ = [
    "cross_entropy",
    "cross_entropy_grad",
    "log_softmax",
    "logsumexp",
    "sampled_cross_entropy",
    "sigmoid",
    "softmax",
    "softmax_jacobian",
    "softmax_vjp",
]


def softmax(
    x: Native, axis: int = -1, temperature: float = 1.0, *, all_masked: str = "nan"
) -> Native:
    """Return softmax(x / temperature), of x's shape."""
    return _ask("softmax", {"x": x}, axis=axis, temperature=temperature, all_masked=all_masked)


def log_softmax(
    x: Native, axis: int = -1, temperature: float = 1.0, *, all_masked: str = "nan"
) -> Native:
    """Return the logarithm of softmax(x / temperature), of x's shape; -inf for masked entries."""
    return _ask("log_softmax", {"x": x}, axis=axis, temperature=temperature, all_masked=all_masked)


def logsumexp(
    x: Native, axis: int = -1, temperature: float = 1.0, *, all_masked: str = "nan"
) -> Native:
    """Return log(sum(exp(x / temperature))), one a row."""
    return _ask("logsumexp", {"x": x}, axis=axis, temperature=temperature, all_masked=all_masked)


def cross_entropy(
    x: Native, labels: Native, axis: int = -1, temperature: float = 1.0,
    ignore_index: int = IGNORE_INDEX, *, all_masked: str = "nan",
) -> Native:  # fmt: skip
    """Return the loss of each row, 0 where the label is `ignore_index`.

    `labels` are integers of x's shape without its axis.
    """
    return _ask(
        "cross_entropy", {"x": x, "labels": labels}, axis=axis, temperature=temperature,
        ignore_index=ignore_index, all_masked=all_masked,
    )  # fmt: skip


def softmax_vjp(
    x: Native, cotangent: Native, axis: int = -1, temperature: float = 1.0, *,
    all_masked: str = "nan",
) -> Native:  # fmt: skip
    """Return the gradient by x of a loss whose gradient by softmax(x / temperature) is given.

    `cotangent` has x's shape and dtype.
    """
    return _ask(
        "softmax_vjp", {"x": x, "cotangent": cotangent}, axis=axis, temperature=temperature,
        all_masked=all_masked,
    )  # fmt: skip


def cross_entropy_grad(
    x: Native, labels: Native, axis: int = -1, temperature: float = 1.0,
    ignore_index: int = IGNORE_INDEX, *, all_masked: str = "nan",
) -> Native:  # fmt: skip
    """Return the gradient by x of each row's `cross_entropy`, of x's shape."""
    return _ask(
        "cross_entropy_grad", {"x": x, "labels": labels}, axis=axis, temperature=temperature,
        ignore_index=ignore_index, all_masked=all_masked,
    )  # fmt: skip


def softmax_jacobian(x: Native, temperature: float = 1.0, *, all_masked: str = "nan") -> Native:
    """Return the n by n derivatives of each row of the last axis, in an axis more than x has."""
    return _ask("softmax_jacobian", {"x": x}, temperature=temperature, all_masked=all_masked)


def sampled_cross_entropy(
    x: Native, labels: Native, sampled: Native, log_expected_count: Native,
    temperature: float = 1.0, remove_accidental_hits: bool = True, *,  # noqa: FBT001, FBT002 - the operation's
    all_masked: str = "nan",
) -> Native:  # fmt: skip
    """Return each row's loss over its label and the candidates `sampled`, the classes last in x.

    `labels` are integers of x's shape without its last axis, `sampled` a list of classes, and
    `log_expected_count` has a number of x's dtype for each class.
    """
    inputs = {
        "x": x, "labels": labels, "sampled": sampled, "log_expected_count": log_expected_count
    }  # fmt: skip
    return _ask(
        "sampled_cross_entropy", inputs, temperature=temperature,
        remove_accidental_hits=remove_accidental_hits, all_masked=all_masked,
    )  # fmt: skip


def sigmoid(x: Native, temperature: float = 1.0) -> Native:
    """Return 1 / (1 + exp(-x / temperature)), of x's shape."""
    return _ask("sigmoid", {"x": x}, temperature=temperature)


def _ask(operation: str, inputs: dict[str, Native], **parameters: object) -> Native:
    """Put a question to the oracle in NumPy arrays, and return its answer as x is."""
    x = inputs["x"]
    library = arrays.library_of(x)
    given = {name: arrays.library_of(array).to_numpy(array) for name, array in inputs.items()}
    format_of(given["x"].dtype)  # or it is refused, before anything is asked
    answer = oracle.exact(
        operation, {name: _native(array) for name, array in given.items()}, parameters
    )
    rounded = answer.rounded.astype(given["x"].dtype, copy=False)
    return library.from_numpy(rounded, str(x.device))


def _native(array: NDArray[Any]) -> np.ndarray[Any, Any]:
    """Return an array in the machine's byte order."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
