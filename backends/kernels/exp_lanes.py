r"""exp in lanes of float64 for `exact_lanes`: 9 fused operations and a table in one register.

With c = 8/ln 2 and N the integer nearest to t·c, exp(t) = 2^(N/8) · 2^(f/8), f = t·c - N. The
table holds 2^(i/8) for i = N mod 8; 2^(f/8) = 1 + q(f) by a polynomial of degree 6. The maximum
of a row is *not* subtracted where t is small enough anyway: N takes the scale, float64 has the
range, and softmax does not care.

Errors relative to the result, u = 2^-53, |t| <= 760:

1. *Argument.* N = `shifted` - 1.5·2^52 exactly, because |t·c| < 2^14. f is t·c - N by one fused
   operation, |f| <= 1/2: rounding it costs 2^-55 ln(2)/8 < 0.03 u. c as a double is off by
   0.1271 u c: |t|·0.128 u.
2. *Polynomial.* 1 + q is within 8.4 u of 2^(f/8) (`backends.kernels.remez`). |q| < 0.0443: its two
   last steps and what they inherit are 2.2 u of it, 0.1 u.
3. *Scale.* 2^(i/8) as a double is off by at most u/2 · 2 = u, its power of two is exact. The last
   fused operation rounds once more: u.

Together (10.6 + 0.128 |t|) u: that is `long_exp`. `short_exp` stops at degree 5, within 5360 u or
2^-40.6 of 2^(f/8), and is off by (5367 + 0.128 |t|) u. If t itself is a rounded difference, u |t|
comes on top.

`exp_parts` gives the same number as scale + tail, unrounded: the scale is one of 2^(i/8 + k),
exactly, and the tail below 0.045 of it is good to 5 u of itself. With c in two parts and degree 7
the sum of both is within 2^-54.5 of exp(t): 0.06 u (polynomial), 0.03 u (f), 0.1 u (q), 0.05 u
(adding the table's rest), 0.05 u (q times it, left out), 0.05 u (product).
"""

# ruff: noqa: ANN401 - compiled functions of lanes
from __future__ import annotations

import math
from typing import Any

from backends.kernels.exact_integers import ln2
from backends.kernels.lanes import fused, shifted_left
from backends.kernels.lanes_forms import bits_of, from_bits
from backends.kernels.lanes_table import table_of_eight
from backends.kernels.machine import always_inline, piece

_STEPS = 8
_BITS = 400
_TO_INTEGER = 1.5 * 2.0**52
_SCALED = (_STEPS << 2 * _BITS) // ln2(_BITS)  # 8/ln 2 in units of 2^-400
_PER_STEP = _SCALED / 2**_BITS
_PER_STEP_LOW = (_SCALED - (int(_PER_STEP * 2**60) << (_BITS - 60))) / 2**_BITS

# q's coefficients by `backends.kernels.remez`, from f on; tests/backends/test_exp_lanes.py holds
# both bounds against Arb.
_Q1 = float.fromhex("0x1.62e42fefa3d8dp-4")
_Q2 = float.fromhex("0x1.ebfbdff82ce53p-9")
_Q3 = float.fromhex("0x1.c6b08d53aecffp-14")
_Q4 = float.fromhex("0x1.3b2ab6ca1465fp-19")
_Q5 = float.fromhex("0x1.5d8f11612cd93p-25")
_Q6 = float.fromhex("0x1.4317c874d550ep-31")
_S1 = float.fromhex("0x1.62e42fefa39efp-4")
_S2 = float.fromhex("0x1.ebfbdfdeef57dp-9")
_S3 = float.fromhex("0x1.c6b08d664af83p-14")
_S4 = float.fromhex("0x1.3b310637a93ddp-19")
_S5 = float.fromhex("0x1.5d8cfdffc7058p-25")
_R1 = float.fromhex("0x1.62e42fefa39efp-4")
_R2 = float.fromhex("0x1.ebfbdff82c6c5p-9")
_R3 = float.fromhex("0x1.c6b08d704a11fp-14")
_R4 = float.fromhex("0x1.3b2ab6f1f18e9p-19")
_R5 = float.fromhex("0x1.5d87fe72ac646p-25")
_R6 = float.fromhex("0x1.430deca1c88e6p-31")
_R7 = float.fromhex("0x1.ffd1f663fb160p-38")


def _root(i: int) -> int:
    """Return 2^(i/8) in units of 2^-400."""
    root = 1 << (i + _BITS)
    for _ in range(3):
        root = math.isqrt(root << _BITS)
    return root


def _encoding(value: float) -> int:
    fraction, exponent = math.frexp(value)
    return ((exponent + 1022) << 52) + int(fraction * 2**53) - (1 << 52)


def _tables() -> tuple[list[int], list[int]]:
    """Return encodings of 2^(i/8) less i·2^49, and of what each lacks, relatively."""
    scales, rests = [], []
    for i in range(_STEPS):
        root = _root(i)
        near = root / 2**_BITS
        rest = (root - (int(near * 2**60) << (_BITS - 60))) / root
        # i·2^49 is in N·2^49 already, whose higher bits are the exponent.
        scales.append((_encoding(near) - (i << 49)) % 2**64)
        rests.append(_encoding(rest) if rest > 0 else _encoding(-rest) | 1 << 63 if rest else 0)
    return scales, rests


_SCALES, _RESTS = _tables()
_scale = table_of_eight(_SCALES)
_rest = table_of_eight(_RESTS)


@piece
def long_exp(t: Any) -> Any:
    """Return exp(t) for lanes with |t| <= 760."""
    always_inline()
    shifted = fused(t, _PER_STEP, _TO_INTEGER)
    f = fused(t, _PER_STEP, _TO_INTEGER - shifted)
    q = fused(fused(fused(f, _Q6, _Q5), f, _Q4), f, _Q3)
    q = fused(fused(q, f, _Q2), f, _Q1) * f
    number = bits_of(shifted)
    scale = from_bits(_scale(number) + shifted_left(number, 49))
    return fused(scale, q, scale)


@piece
def short_exp(t: Any) -> Any:
    """Return exp(t) for lanes with |t| <= 760, good enough for formats of 16 bits."""
    always_inline()
    shifted = fused(t, _PER_STEP, _TO_INTEGER)
    f = fused(t, _PER_STEP, _TO_INTEGER - shifted)
    q = fused(fused(fused(fused(f, _S5, _S4), f, _S3), f, _S2), f, _S1) * f
    number = bits_of(shifted)
    scale = from_bits(_scale(number) + shifted_left(number, 49))
    return fused(scale, q, scale)


@piece
def exp_parts(t: Any, rest: Any) -> Any:
    """Return (scale, tail) of exp(t + rest), |rest| <= u |t|; see above."""
    always_inline()
    shifted = fused(t, _PER_STEP, _TO_INTEGER)
    f = fused(t, _PER_STEP, _TO_INTEGER - shifted)
    low = fused(t, _PER_STEP_LOW, rest * _PER_STEP)
    q = fused(fused(fused(fused(f, _R7, _R6), f, _R5), f, _R4), f, _R3)
    q = fused(fused(q, f, _R2), f, _R1) * f
    number = bits_of(shifted)
    scale = from_bits(_scale(number) + shifted_left(number, 49))
    # 2^(low/8) - 1, to first order, counts for all of 1 + q.
    missing = low * _R1
    missing = fused(missing, q, missing) + from_bits(_rest(number))
    return scale, scale * (q + missing)
