"""Exponentials for Triton kernels: gaps with their rounding errors, and an exp that loses neither.

A GPU's own exponential is one instruction, ``ex2.approx.ftz.f32``: 2^t to 2 ulp, subnormal results
flushed to 0. Two things have to be added. In float32 the rounding of x - max, half an ulp *of the
gap*, would become a relative error of gap * u; it is carried along (`gap_of`), and the argument is
reduced by multiples of ln 2 before the instruction sees it. And exponentials are computed times
2^32, so that none is subnormal before it is multiplied by the reciprocal of the sum, which holds
2^-32: a result is rounded into the subnormals once, and not flushed.

Nothing here needs a fused multiply-add to be right: products are exact or small beside what they
are added to. So Triton's interpreter, which rounds them, computes what a GPU does but for ``ex2``.

are added to. Triton's interpreter, which rounds them, computes what a GPU does but for ``ex2``.
says that logits have 16 bits, `scaled` that there is a temperature.
"""

from __future__ import annotations

import math
from typing import Any

import triton
import triton.language as tl

__all__ = [
    "exponentials",
    "gap_of",
    "jit",
    "log_probability",
    "logarithm",
    "measured",
    "over",
]

jit: Any = triton.jit  # untyped, and what it makes is launched with a grid in brackets
# Lengths stay numbers where they are 1 as well: Triton would make that a constant without a type.
measured: Any = triton.jit(do_not_specialize=["units", "length"])

_BIAS = 32
_SHIFT = tl.constexpr(float(_BIAS))
_UNSHIFT = tl.constexpr(0.5**_BIAS)
_LOG2E = tl.constexpr(1.0 / math.log(2.0))
# ln 2 = 355/512 + low: the high part has 9 bits, so that its products with integers are exact.
_LN2_HIGH = tl.constexpr(355.0 / 512.0)
_LN2_LOW = tl.constexpr(-2.121944400546905827679e-4)
# A sum with it holds k + 127 + 32 in its last bits, for the nearest integer k: shifted by the 23
# bits of the fraction they are 2^(k + 32).
_TO_INTEGER = tl.constexpr(1.5 * 2.0**23 + 127 + _BIAS)
# exp rounds to 0 below ln(2^-150) = -103.97.
_UNDERFLOW = tl.constexpr(-104.0)


@jit
def gap_of(
    x: tl.tensor, top: tl.tensor, cooling: tl.tensor, narrow: tl.constexpr, scaled: tl.constexpr
) -> tl.tensor:
    """Return (x - top) / T and, unless `narrow`, what its rounding lost: NaN for a gap of -inf.

    `cooling` is what `backends.kernels.triton_call.cooling` makes of T. A 16-bit result has no use
    for the rest: its gaps are below 104, and 104 * u is 2^-8 of half its ulp.
    """
    before, after, after_too, high, low = cooling
    if scaled:
        x = x * before
        top = top * before
    gap = x - top
    rest = gap
    if not narrow:
        # Knuth's TwoSum: either operand may be the larger one.
        back = gap - x
        rest = (x - (gap - back)) - (top + back)
    if scaled:
        gap = gap * after * after_too
        nearest = gap * high
        if not narrow:
            rest = rest * after * after_too
            rest = tl.fma(gap, high, -nearest) + (gap * low + rest * high)
        gap = nearest
    return gap, rest


@jit
def over(value: tl.tensor, cooling: tl.tensor) -> tl.tensor:
    """Return value / T, as the product with T's reciprocal."""
    before, after, after_too, high, low = cooling
    scaled = value * before * after * after_too
    return tl.fma(scaled, high, scaled * low)


@jit
def exponentials(gap: tl.tensor, rest: tl.tensor, narrow: tl.constexpr) -> tl.tensor:
    """Return exp(gap + rest) 2^32 for gap <= 0: 0 for -inf, NaN for NaN."""
    if narrow:
        return tl.exp2(gap * _LOG2E + _SHIFT)
    else:  # noqa: RET505 - to Triton's compiler, what follows a constant condition is not dead
        shifted = gap * _LOG2E + _TO_INTEGER
        multiple = shifted - _TO_INTEGER
        reduced = gap - multiple * _LN2_HIGH
        reduced = (reduced - multiple * _LN2_LOW) + rest
        power = (shifted.to(tl.int32, bitcast=True) << 23).to(tl.float32, bitcast=True)
        return tl.where(gap < _UNDERFLOW, 0.0, tl.exp2(reduced * _LOG2E) * power)


@jit
def logarithm(total: tl.tensor) -> tl.tensor:
    """Return the logarithm of a sum of `exponentials`; exactly 0 for that of one, of gap 0."""
    return tl.log(total * _UNSHIFT)


@jit
def log_probability(
    gap: tl.tensor, rest: tl.tensor, log_total: tl.tensor, narrow: tl.constexpr
) -> tl.tensor:
    """Return gap + rest - log_total, -inf for a gap of -inf."""
    if narrow:
        return gap - log_total
    else:  # noqa: RET505 - as above
        return tl.where(gap > float("-inf"), gap - (log_total - rest), gap - log_total)
