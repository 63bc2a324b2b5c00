r"""Rounding exponentials times 1/sum to float32, float16 and bfloat16, and telling what stays open.

y · factor has a proven relative error; both ends of its enclosure are rounded, and where they agree
that is the correctly rounded result, because rounding is monotone.

float32 compares the two ends themselves. The 16-bit formats round y · factor to float32 first,
which costs 2^-24 of it, and compare two numbers on either side that are further away. Once in
some four thousand float16 results these round differently, and `_TESTED` of them go to
`_anchored`, whose margin is the proven one.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

from typing import Any

import numpy as np
from numba import types as _types
from numba.extending import overload

from backends.kernels.lanes import fused, larger, shifted_right, spread
from backends.kernels.lanes_forms import any_bit, as_float32, bits_of, from_bits, joined, low_half
from backends.kernels.lanes_memory import load, load_some, store, store_some
from backends.kernels.machine import always_inline, piece, wide_vectors

types: Any = _types

# So many results share a test: a test has its cost, and so has rounding them again.
_TESTED = 64
# Exponent field, in float32, of float16's smallest normal number.
_LEAST_BINADE = 127 - 14


@piece
def _to_float32(y: Any, at: int, n: int, factor: float, error: float, out: Any, to: int) -> bool:
    always_inline()
    below, above = factor * (1.0 - error), factor * (1.0 + error)
    whole = n - n % 16
    seen = spread(np.int32(0), 8)
    for j in range(0, whole, 16):
        a, b = load(y, at + j, 8), load(y, at + j + 8, 8)
        low, high = bits_of(as_float32(a * below)), bits_of(as_float32(a * above))
        seen = seen | (low ^ high)
        store(out, to + j, low)
        low, high = bits_of(as_float32(b * below)), bits_of(as_float32(b * above))
        seen = seen | (low ^ high)
        store(out, to + j + 8, low)
    for j in range(whole, n, 8):
        a = load_some(y, at + j, 8, n - j, 0.0)
        low, high = bits_of(as_float32(a * below)), bits_of(as_float32(a * above))
        seen = seen | (low ^ high)
        store_some(out, to + j, low, n - j)
    return bool(any_bit(seen))


@piece
def _packed_float16(value: Any) -> Any:
    """Return the encodings of float32 numbers in [0, 2), and which bits both ends do not share.

    As in `_anchored`: adding 2^13 times the binade, not below float16's smallest, makes the
    processor round where float16 does, and the sum's lowest bits count units.
    """
    always_inline()
    binade = larger(bits_of(value) & np.int32(0xFF << 23), np.int32(_LEAST_BINADE << 23))
    anchor = from_bits(binade + np.int32(13 << 23))
    low = bits_of(fused(value, np.float32(1.0 - 2.0**-23), anchor))
    high = bits_of(fused(value, np.float32(1.0 + 2.0**-23), anchor))
    encoding = low + shifted_right(binade, 13) - np.int32(_LEAST_BINADE << 10)
    return low_half(encoding), low ^ high


@piece
def _packed_bfloat16(value: Any) -> Any:
    """Return encodings and differing bits: a unit of the encoding is more than was rounded off."""
    always_inline()
    bits = bits_of(value)
    low, high = bits + np.int32(0x7FFF), bits + np.int32(0x8001)
    return low_half(shifted_right(low, 16)), shifted_right(low ^ high, 16)


def _anchored(fraction: int, least: int) -> Any:
    """Make the careful rounding to 16 bits: `fraction` bits of fraction, `least` exponent.

    Adding 2^(52 - fraction) times the result's binade, not below the format's smallest, leaves
    the sum with the format's ulp. So the processor rounds where the format does, gradual
    underflow included, and the sum's encoding counts ulps.
    """
    dropped, lift, lowest = 52 - fraction, (52 - fraction) << 52, (least + 1023) << 52
    exponents = 0x7FF << 52

    @piece
    def rounded(y: Any, at: int, n: int, factor: float, error: float, out: Any, to: int) -> bool:
        wide_vectors()
        below, above = factor * (1.0 - error), factor * (1.0 + error)
        seen = spread(0, 8)
        for j in range(0, n, 8):
            numbers = load_some(y, at + j, 8, n - j, 0.0)
            low, high = numbers * below, numbers * above
            binade = larger(bits_of(low) & exponents, lowest)
            anchor = from_bits(binade + lift)
            first, second = bits_of(low + anchor), bits_of(high + anchor)
            seen = seen | (first ^ second)
            units = (first - lift) - binade
            encodings = low_half(units + shifted_right(binade - lowest, dropped))
            store_some(out, to + j, encodings, n - j)
        return bool(any_bit(seen))

    return rounded


def _quick(packed: Any) -> tuple[Any, Any]:
    """Make the quick rounding of `_TESTED` numbers, and of fewer."""

    @piece
    def some(y: Any, at: int, n: int, factor: float, out: Any, to: int) -> bool:
        """Round a few; tell whether the two numbers on either side differ for one of them."""
        always_inline()
        seen = spread(np.int32(0), 16)
        for j in range(0, n, 16):
            a = as_float32(load_some(y, at + j, 8, n - j, 0.0) * factor)
            b = as_float32(load_some(y, at + j + 8, 8, n - j - 8, 0.0) * factor)
            encodings, differing = packed(joined(a, b))
            store_some(out, to + j, encodings, n - j)
            seen = seen | differing
        return bool(any_bit(seen))

    @piece
    def tested(y: Any, at: int, factor: float, out: Any, to: int) -> bool:
        """As `some` for as many as share a test."""
        always_inline()
        seen = spread(np.int32(0), 16)
        for j in range(0, _TESTED, 16):
            a = as_float32(load(y, at + j, 8) * factor)
            b = as_float32(load(y, at + j + 8, 8) * factor)
            encodings, differing = packed(joined(a, b))
            store(out, to + j, encodings)
            seen = seen | differing
        return bool(any_bit(seen))

    return tested, some


def _to_sixteen_bits(packed: Any, anchored: Any) -> Any:
    tested, some = _quick(packed)

    @piece
    def rounded(y: Any, at: int, n: int, factor: float, error: float, out: Any, to: int) -> bool:
        always_inline()
        if n == _TESTED:
            return bool(tested(y, at, factor, out, to))
        if n < _TESTED:
            return bool(some(y, at, n, factor, out, to))
        whole = n - n % _TESTED
        doubtful = False
        for j in range(0, whole, _TESTED):
            if tested(y, at + j, factor, out, to + j):
                doubtful |= anchored(y, at + j, _TESTED, factor, error, out, to + j)
        if whole < n and some(y, at + whole, n - whole, factor, out, to + whole):
            doubtful |= anchored(y, at + whole, n - whole, factor, error, out, to + whole)
        return doubtful

    return rounded


_anchored_float16, _anchored_bfloat16 = _anchored(10, -14), _anchored(7, -126)
_to_float16 = _to_sixteen_bits(_packed_float16, _anchored_float16)
_to_bfloat16 = _to_sixteen_bits(_packed_bfloat16, _anchored_bfloat16)
_ROUNDINGS = {types.int32: _to_float32, types.int16: _to_float16, types.uint16: _to_bfloat16}


def rounding(y: Any, at: int, n: int, factor: float, error: float, out: Any, to: int) -> bool:
    """Round y · factor; tell whether the relative `error` leaves a result open; only in kernels.

    Of no more than `_TESTED` numbers `careful` may decide some that stay open here: a row that
    asks for it waits, because a call among short rows costs them ten times its own time.

    n numbers of y from flat index `at` on go to `out` from `to` on, as encodings: int32 holds those
    of float32, int16 of float16, uint16 of bfloat16.
    """
    raise NotImplementedError


@overload(rounding)
def _chosen(y: Any, at: Any, n: Any, factor: Any, error: Any, out: Any, to: Any) -> Any:  # noqa: ARG001 - the same arguments as what is returned
    chosen = _ROUNDINGS[out.dtype]

    def rounded(y: Any, at: Any, n: Any, factor: Any, error: Any, out: Any, to: Any) -> Any:
        always_inline()
        return chosen(y, at, n, factor, error, out, to)

    return rounded


def careful(y: Any, at: int, n: int, factor: float, error: float, out: Any, to: int) -> bool:
    """Round few numbers again with the proven margin, where `rounding` had a wider one."""
    raise NotImplementedError


@overload(careful)
def _careful(y: Any, at: Any, n: Any, factor: Any, error: Any, out: Any, to: Any) -> Any:  # noqa: ARG001 - as above
    if out.dtype == types.int32:

        def again(y: Any, at: Any, n: Any, factor: Any, error: Any, out: Any, to: Any) -> Any:  # noqa: ARG001 - as above
            return True

        return again
    chosen = _anchored_float16 if out.dtype == types.int16 else _anchored_bfloat16

    def rounded(y: Any, at: Any, n: Any, factor: Any, error: Any, out: Any, to: Any) -> Any:
        return n > _TESTED or chosen(y, at, n, factor, error, out, to)

    return rounded


@piece
def round_numbers(y: Any, at: int, n: int, factor: float, error: float, out: Any, to: int) -> bool:
    """As `rounding` and then `careful`, compiled by itself."""
    wide_vectors()
    return bool(
        rounding(y, at, n, factor, error, out, to) and careful(y, at, n, factor, error, out, to)
    )
