"""The fast tier for the rest of the softmax family; `verify.oracle.fast` has softmax itself.

All formats are computed in double-double arithmetic, compiled and in parallel over rows; the proofs
stand in `backends.kernels.exact_family_*`. Where the bound decides rounding and binade, and the
digits are as good as promised, these are the results; a row with a result that is open goes to the
reference (mpmath), as does one with a NaN, with +inf or of nothing but -inf, and one whose results
are rational. `Tally` counts. The functions have the reference's parameters, errors and answers.
"""

from __future__ import annotations

import logging
import math
import threading
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from backends.formats import format_of, from_float64, to_float64
from backends.kernels import exact_family_tier
from backends.kernels.exact_call import scales
from backends.kernels.numba_call import ENTRY
from backends.operations import IGNORE_INDEX
from verify.oracle import OPERATIONS
from verify.oracle.agreement import agree, sample
from verify.oracle.exact import REFERENCE_ERROR, Exact
from verify.oracle.family_batches import Batch, batch_of
from verify.oracle.fast import FORMATS, Tally
from verify.oracle.reference import OracleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from backends.formats import Format

__all__ = [
    "FORMATS",
    "Tally",
    "cross_entropy",
    "cross_entropy_grad",
    "error_of",
    "hold_for",
    "hold_sample",
    "log_softmax",
    "logsumexp",
    "sample_inputs",
    "sampled_cross_entropy",
    "sigmoid",
    "softmax_jacobian",
    "softmax_vjp",
    "with_tally",
]

# What cancels is promised to fewer digits: each more that is lost sends fewer rows to mpmath.
_CANCELLING = frozenset({"logsumexp", "softmax_vjp", "sampled_cross_entropy"})
_PRODUCTS = frozenset({"softmax_jacobian"})

_log = logging.getLogger(__name__)
_held: set[tuple[str, str]] = set()
_holding = threading.Lock()


def error_of(operation: str, name: str) -> float:
    """Return `Exact.error` of an operation's results in a format."""
    if name != "float64":
        return 2.0**-48
    if operation in _CANCELLING:
        return 2.0**-65
    return 2.0**-82 if operation in _PRODUCTS else REFERENCE_ERROR


def log_softmax(
    x: NDArray[Any], *, axis: int = -1, temperature: float = 1.0, all_masked: str = "nan"
) -> Exact:
    """See `verify.oracle.logarithms.log_softmax`."""
    parameters = {"axis": axis, "temperature": temperature, "all_masked": all_masked}
    return with_tally("log_softmax", x, **parameters)[0]


def logsumexp(
    x: NDArray[Any], *, axis: int = -1, temperature: float = 1.0, all_masked: str = "nan"
) -> Exact:
    """See `verify.oracle.logarithms.logsumexp`."""
    parameters = {"axis": axis, "temperature": temperature, "all_masked": all_masked}
    return with_tally("logsumexp", x, **parameters)[0]


def cross_entropy(
    x: NDArray[Any], labels: NDArray[Any], *, axis: int = -1, temperature: float = 1.0,
    ignore_index: int = IGNORE_INDEX, all_masked: str = "nan",
) -> Exact:  # fmt: skip
    """See `verify.oracle.logarithms.cross_entropy`."""
    parameters = {"axis": axis, "temperature": temperature, "all_masked": all_masked}
    return with_tally("cross_entropy", x, labels, ignore_index=ignore_index, **parameters)[0]


def cross_entropy_grad(
    x: NDArray[Any], labels: NDArray[Any], *, axis: int = -1, temperature: float = 1.0,
    ignore_index: int = IGNORE_INDEX, all_masked: str = "nan",
) -> Exact:  # fmt: skip
    """See `verify.oracle.gradients.cross_entropy_grad`."""
    parameters = {"axis": axis, "temperature": temperature, "all_masked": all_masked}
    return with_tally("cross_entropy_grad", x, labels, ignore_index=ignore_index, **parameters)[0]


def softmax_vjp(
    x: NDArray[Any], cotangent: NDArray[Any], *, axis: int = -1, temperature: float = 1.0,
    all_masked: str = "nan",
) -> Exact:  # fmt: skip
    """See `verify.oracle.products.softmax_vjp`."""
    parameters = {"axis": axis, "temperature": temperature, "all_masked": all_masked}
    return with_tally("softmax_vjp", x, cotangent, **parameters)[0]


def softmax_jacobian(
    x: NDArray[Any], *, temperature: float = 1.0, all_masked: str = "nan"
) -> Exact:
    """See `verify.oracle.gradients.softmax_jacobian`."""
    parameters = {"temperature": temperature, "all_masked": all_masked}
    return with_tally("softmax_jacobian", x, **parameters)[0]


def sampled_cross_entropy(
    x: NDArray[Any], labels: NDArray[Any], sampled: NDArray[Any],
    log_expected_count: NDArray[Any], *, temperature: float = 1.0,
    remove_accidental_hits: bool = True, all_masked: str = "nan",
) -> Exact:  # fmt: skip
    """See `verify.oracle.candidates.sampled_cross_entropy`."""
    return with_tally(
        "sampled_cross_entropy", x, labels, sampled, log_expected_count, temperature=temperature,
        remove_accidental_hits=remove_accidental_hits, all_masked=all_masked,
    )[0]  # fmt: skip


def sigmoid(x: NDArray[Any], *, temperature: float = 1.0, all_masked: str = "nan") -> Exact:
    """See `verify.oracle.logistic.sigmoid`."""
    return with_tally("sigmoid", x, temperature=temperature, all_masked=all_masked)[0]


def with_tally(
    operation: str,
    x: NDArray[Any],
    *inputs: NDArray[Any],
    **parameters: Any,  # noqa: ANN401 - each operation's own
) -> tuple[Exact, Tally]:
    """Compute an operation and also count what the reference had to settle.

    Raises
    ------
    ValueError, TypeError, IndexError
        As the reference's function of that name, and ValueError for a format that is none of
        `FORMATS`.
    """
    fmt = format_of(x.dtype)
    if fmt.name not in FORMATS:
        raise ValueError(f"the fast tier computes {', '.join(FORMATS)}; not {fmt.name}")
    if not x.size:
        return OPERATIONS[operation](x, *inputs, **parameters), Tally()
    batch = batch_of(operation, x, inputs, parameters)
    answer, open_ = _solve(operation, fmt, batch)
    asked = open_ != 0
    if asked.any():
        _put(answer, asked, batch.ask(asked))
    left = open_[open_ > 0]
    tally = Tally(answer.rounded.size, 0, len(left), int(left.sum()))
    return answer.each(batch.shaped), tally


def hold_for(operation: str, x: NDArray[Any]) -> None:
    """Ask `hold_sample` what bears on an operation on x."""
    hold_sample(operation, x.dtype.name)


def hold_sample(operation: str, name: str, seed: int = 0) -> None:
    """Set a seeded sample of an operation's answers in a format against the reference, once.

    Raises
    ------
    OracleError
        If they differ: then nothing that the tier says in this process should be believed.
    """
    with _holding:
        if (operation, name) in _held:
            return
        fmt = format_of(name)
        for temperature in (1.0, 0.5, 3.0):
            random = np.random.default_rng([seed, fmt.bits, fmt.precision])
            x = sample(fmt, random)
            inputs = sample_inputs(operation, x, random)
            fast, _ = with_tally(operation, x, *inputs, temperature=temperature)
            same = agree(fast, OPERATIONS[operation](x, *inputs, temperature=temperature))
            if not same.all():
                row = int(np.argmin(same.reshape(len(x), -1).all(axis=1)))
                raise OracleError(
                    f"the fast tier and the reference differ: {operation}, {name}, temperature "
                    f"{temperature}, x = {to_float64(x[row]).tolist()}"
                )
        _held.add((operation, name))
        _log.info("fast tier: %s, %s sample agrees with the reference", operation, name)


def sample_inputs(
    operation: str, x: NDArray[Any], random: np.random.Generator
) -> tuple[NDArray[Any], ...]:
    """Return inputs beside x (rows, n) for an operation."""
    rows, n = x.shape
    numbers = from_float64(format_of(x.dtype), random.standard_normal(x.shape))
    labels: NDArray[Any] = random.integers(0, n, (rows,))
    sampled: NDArray[Any] = random.integers(0, n, (n // 2,))
    made: Mapping[str, tuple[NDArray[Any], ...]] = {
        "cross_entropy": (labels,),
        "cross_entropy_grad": (labels,),
        "softmax_vjp": (numbers,),
        "sampled_cross_entropy": (labels, sampled, numbers[0]),
    }
    return made.get(operation, ())


def _solve(operation: str, fmt: Format, batch: Batch) -> tuple[Exact, NDArray[np.int64]]:
    """Compute what the kernels can; say of each row how many results are open, -1 for special."""
    shape = len(batch.x), batch.width
    wide = fmt.bits == 64
    high, low = np.empty(shape), np.empty(shape if wide else (shape[0], 0))
    exponent, bits = np.empty(shape, np.int32), np.empty(shape, fmt.storage)
    open_ = np.zeros(shape[0], np.int64)
    error = error_of(operation, fmt.name)
    temperature = float(batch.parameters["temperature"])
    mantissa, power = math.frexp(temperature)
    dust = 2.0 ** -min(86, fmt.precision + 45)
    remove = batch.parameters.get("remove_accidental_hits", False)
    with ENTRY:
        exact_family_tier.family(operation)(
            _words(fmt, batch.x), batch.labels, _words(fmt, batch.other), batch.sampled,
            (fmt.precision, fmt.min_quantum, fmt.max_bits + 1, fmt.bits - 1),
            (*scales(temperature), 2.0 * mantissa, power - 1.0),
            (dust, 0.5 * error, float(remove)), numba.get_num_threads(),
            high, low, exponent, _words(fmt, bits), open_,
        )  # fmt: skip
    low = low if wide else np.broadcast_to(0.0, shape)
    return Exact(bits.view(fmt.numpy_dtype), high, low, exponent, error, either_zero=True), open_


def _words(fmt: Format, array: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return an array's encodings as the kernels take them: the one of its width among three."""
    return tuple(
        array.view(f"int{bits}") if bits == fmt.bits else np.empty((0, 0), f"int{bits}")
        for bits in (16, 32, 64)
    )


def _put(answer: Exact, where: NDArray[np.bool_], rows: Exact) -> None:
    for name in ("rounded", "high", "low", "exponent"):
        target, source = getattr(answer, name), getattr(rows, name)
        if target.flags.writeable:  # the narrower formats' low part is zero throughout
            target[where] = source.reshape(-1, target.shape[1])
