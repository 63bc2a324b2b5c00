"""Error in units in the last place of the exact value.

One ulp is the spacing of the format in the binade that holds the *exact* value, and never less
than the spacing of the subnormal numbers. So a correctly rounded result errs by at most 0.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of, to_float64

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backends.formats import Format
    from verify.oracle.exact import Exact

__all__ = ["misrounded", "quantum_exponents", "ulp_error"]

_ABOVE_HALF = float(np.nextafter(0.5, 1.0))
# The ulp of an exact zero, as an exponent, unless the format has none so small: in float64's own
# 2^-1074 what is left of a cancellation, 1e-14, would be off by more than float64 can say.
_ZERO_QUANTUM = -960
# Elements at a time, so that what is made on the way stays in a core's cache.
_BLOCK = 1 << 14


def ulp_error(out: NDArray[Any], exact: Exact) -> NDArray[np.float64]:
    """Measure |out - exact value| in ulps of the exact value.

    Parameters
    ----------
    out
        Results to be measured, of the dtype and shape of `exact.rounded`; or several such, along
        a first axis.
    exact
        The oracle's answer.

    Returns
    -------
    ndarray
        float64, same shape, never NaN, so that ``not (error <= limit)`` means what it says.

        - Where the exact value is NaN: 0 for NaN, inf for anything else.
        - Where it is infinite: 0 for the same infinity, inf for anything else.
        - Where it is finite: inf for NaN or an infinity, except that the overflow which correct
          rounding also gives counts 0. An error beyond float64's range is inf too.
        - Of finite results at most 0.5 for the correctly rounded one and more for any other,
          whatever digits of the exact value are known.

    Raises
    ------
    ValueError
        If dtype or shape differ from the oracle's.
    """
    fmt = _format(out, exact)
    size = exact.rounded.size
    if out.size <= _BLOCK:
        return _ulp_error(fmt, out, exact)
    flat = out.reshape(-1, size)
    errors = np.empty(flat.shape)
    step = max(1, _BLOCK // len(flat))
    for start in range(0, size, step):
        block = slice(start, start + step)
        part = exact.each(lambda array, block=block: array.reshape(-1)[block])  # type: ignore[misc]
        errors[:, block] = _ulp_error(fmt, flat[:, block], part)
    return errors.reshape(out.shape)


def _ulp_error(fmt: Format, out: NDArray[Any], exact: Exact) -> NDArray[np.float64]:
    values, rounded = to_float64(out), to_float64(exact.rounded)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        error: NDArray[np.float64] = _signed_error(fmt, values, exact)
        np.abs(error, out=error)
        equal = values == rounded
        error = np.where(equal, np.minimum(error, 0.5), np.maximum(error, _ABOVE_HALF))
    finite = np.isfinite(values) & np.isfinite(exact.high)
    if not finite.all():
        error[~finite] = np.inf
        same = equal | (np.isnan(values) & np.isnan(rounded))
        error[~np.isfinite(rounded) & same] = 0.0
    return error


def misrounded(out: NDArray[Any], exact: Exact) -> NDArray[np.bool_]:
    """Tell which results differ from the correctly rounded ones, bit for bit.

    NaNs of every sign and payload are equal. -0 and +0 differ: the oracle gives +0 for a positive
    value too small to represent and -0 for a negative one, as rounding to nearest does. Only where
    the exact value is 0 is either zero right, unless the operation is softmax
    (`Exact.either_zero`).

    Raises
    ------
    ValueError
        If dtype or shape differ from the oracle's.
    """
    fmt = _format(out, exact)
    differs = np.ascontiguousarray(out).view(fmt.storage) != exact.rounded.view(fmt.storage)
    if not differs.any():
        return np.asarray(differs).reshape(out.shape)
    values = to_float64(out)
    alike = np.isnan(values) & np.isnan(to_float64(exact.rounded))
    if exact.either_zero:
        alike |= (values == 0) & (exact.high == 0)
    return np.asarray(differs & ~alike).reshape(out.shape)


def quantum_exponents(fmt: Format, exact: Exact) -> NDArray[np.int64]:
    """Return, for each exact value, e such that one ulp is 2^e.

    For zero it is the smallest, but not below 2^-960.
    """
    return _quanta(fmt, exact).astype(np.int64)


def _quanta(fmt: Format, exact: Exact) -> NDArray[np.int32]:
    # No exponent is below -2^30, so that nothing here leaves int32.
    quantum = np.asarray(np.maximum(exact.exponent - (fmt.precision - 1), fmt.min_quantum))
    np.copyto(quantum, max(fmt.min_quantum, _ZERO_QUANTUM), where=exact.high == 0)
    return quantum


def _signed_error(fmt: Format, values: NDArray[np.float64], exact: Exact) -> NDArray[np.float64]:
    """Return (values - exact) in ulps of the exact value; meaningless where either is special.

    The first difference is exact wherever the result is within a factor 2 (Sterbenz), so that
    `low` decides the last digits; elsewhere float64's rounding is far below what is asked.
    """
    quantum = _quanta(fmt, exact)
    scale = exact.exponent - quantum
    difference: NDArray[np.float64] = np.asarray(np.ldexp(values, -quantum))
    difference -= np.ldexp(exact.high, scale)
    difference -= np.ldexp(exact.low, scale)
    return difference


def _format(out: NDArray[Any], exact: Exact) -> Format:
    """Return the common format, or raise ValueError if there is none."""
    shape = exact.rounded.shape
    if out.dtype != exact.rounded.dtype or out.shape[max(out.ndim - len(shape), 0) :] != shape:
        raise ValueError(
            f"expected {exact.rounded.dtype} of shape {exact.rounded.shape}, "
            f"got {out.dtype} of shape {out.shape}"
        )
    return format_of(out.dtype)
