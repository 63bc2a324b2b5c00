"""The witness: softmax once more, by Arb's rigorous balls, to testify against the reference.

It shares with the reference the definition of the result and the final rounder, and nothing else:
no mpmath, no grouping of equal values, no shift by the maximum unless exp needs one, balls instead
of hand-made enclosures. See F. Johansson, *Arb: efficient arbitrary-precision midpoint-radius
interval arithmetic*, IEEE Transactions on Computers 66 (2017). Needs python-flint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import decode, format_of, is_finite_bits, round_to_bits

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

    from backends.formats import Format

__all__ = ["FIRST_BITS", "LAST_BITS", "load_flint", "round_ball", "softmax"]

FIRST_BITS = 128
LAST_BITS = 2**20
# Unshifted exponentials up to here; Arb's exp gives up on arguments of several hundred bits.
UNSHIFTED = 2**60
# exp(-2^40) is far below half of every format's smallest number.
NEGLIGIBLE_GAP = 2**40

Number = tuple[int, int]
"""(mantissa, exponent)"""


def softmax(x: NDArray[Any], *, axis: int = -1, temperature: float = 1.0) -> NDArray[Any]:
    """Compute the correctly rounded softmax(x / temperature); all-masked rows give NaN.

    Parameters
    ----------
    x
        Any shape with at least one dimension and no empty one, any dtype in
        `backends.formats.FORMATS`.
    axis
        The axis that a result sums to 1 along.
    temperature
        A positive finite float, taken exactly.

    Returns
    -------
    ndarray
        x's shape and dtype.

    Raises
    ------
    ImportError
        If python-flint is missing.
    """
    flint = load_flint()
    fmt = format_of(x.dtype)
    moved = np.ascontiguousarray(np.moveaxis(x, axis, -1))
    rows = moved.view(fmt.storage).reshape(-1, moved.shape[-1]).tolist()
    numerator, denominator = float(temperature).as_integer_ratio()
    scale = flint.fmpq(numerator, denominator)
    bits = np.array([_row(flint, fmt, row, scale) for row in rows], dtype=fmt.storage)
    return np.moveaxis(bits.view(fmt.numpy_dtype).reshape(moved.shape), -1, axis)


def load_flint() -> ModuleType:
    """Import python-flint, or raise the ImportError that says how to get it."""
    try:
        import flint
    except ImportError as error:
        raise ImportError("the witness needs Arb: pip install softmark[witness]") from error
    module: ModuleType = flint
    return module


def round_ball(fmt: Format, ball: Any) -> int | None:  # noqa: ANN401 - flint is untyped
    """Round both ends of a ball around a positive number; None where they differ."""
    mantissa, exponent = map(int, ball.mid().man_exp())
    radius, radius_exponent = map(int, ball.rad().man_exp())
    if radius and radius_exponent + radius.bit_length() < exponent - LAST_BITS:
        radius, radius_exponent = 1, exponent - LAST_BITS  # wider, and the shifts stay affordable
    unit = min(exponent, radius_exponent)
    middle, radius = mantissa << (exponent - unit), radius << (radius_exponent - unit)
    low = round_to_bits(fmt, False, max(middle - radius, 0), unit)  # noqa: FBT003 - the sign
    high = round_to_bits(fmt, False, middle + radius, unit)  # noqa: FBT003 - the sign
    return low if low == high else None


def _row(flint: Any, fmt: Format, row: list[int], scale: Any) -> list[int]:  # noqa: ANN401 - flint is untyped
    """Return the encodings of one row's results."""
    masked = fmt.sign_bit | (fmt.max_bits + 1) if fmt.has_infinity else None
    kept = [bits for bits in row if bits != masked]
    if not kept or not all(is_finite_bits(fmt, bits) for bits in kept):
        return [fmt.nan_bits] * len(row)
    numbers = [decode(fmt, bits) for bits in kept]
    values = [(-m if negative else m, e) for negative, m, e in numbers]
    solved = iter(_finite(flint, fmt, values, scale))
    return [0 if bits == masked else next(solved) for bits in row]


def _finite(flint: Any, fmt: Format, values: list[Number], scale: Any) -> list[int]:  # noqa: ANN401 - flint is untyped
    """Round the softmax of finite numbers, doubling the precision until all are decided."""
    top = max(values, key=lambda value: flint.arb(value))
    if all(flint.arb(value) == flint.arb(top) for value in values):
        quotient, rest = divmod(1 << 256, len(values))
        rounded = round_to_bits(fmt, False, quotient, -256, inexact=rest > 0)  # noqa: FBT003 - the sign
        return [rounded] * len(values)
    results: list[int | None] = [None] * len(values)
    before = flint.ctx.prec
    flint.ctx.prec = FIRST_BITS
    try:
        while None in results:
            if flint.ctx.prec > LAST_BITS:
                raise RuntimeError(f"undecided at {LAST_BITS} bits")
            terms = _exponentials(flint, values, top, scale)
            total = sum(terms[1:], terms[0])
            for index, term in enumerate(terms):
                if results[index] is None:
                    results[index] = round_ball(fmt, term / total)
            flint.ctx.prec *= 2
    finally:
        flint.ctx.prec = before
    return [bits for bits in results if bits is not None]


def _exponentials(flint: Any, values: list[Number], top: Number, scale: Any) -> list[Any]:  # noqa: ANN401 - flint is untyped
    """Enclose exp(x / T), of all values or, where that is too large, of all minus the maximum."""
    scaled = [flint.arb(value) / scale for value in values]
    if all(abs(value) < UNSHIFTED for value in scaled):
        return [value.exp() for value in scaled]
    gaps = [(flint.arb(top) - flint.arb(value)) / scale for value in values]
    none = flint.arb(0, flint.arb((1, -(NEGLIGIBLE_GAP))))
    return [none if gap > NEGLIGIBLE_GAP else (-gap).exp() for gap in gaps]
