"""One program, one block of whole rows: read once, kept in registers, written once.

Rows are addressed as (outer, inner, class), each with a stride of its own for each array, so that
any axis of a contiguous array, and most views, need no copy. Along the last axis a block is a few
short rows or one long one; along another axis the rows of a block lie side by side, and it is they
that make whole lines of memory. Offsets are 64-bit wherever an array may be larger than 2^31.

Lengths and row strides arrive in units of `align` elements, a power of two that is known when the
kernel is compiled: so the compiler can prove that a vector of 16 bytes is all in or all out.
"""

from __future__ import annotations

import triton.language as tl

from backends.kernels.triton_exp import (
    exponentials,
    gap_of,
    jit,
    log_probability,
    logarithm,
    over,
)

__all__ = ["forward", "places", "vjp"]


@jit
def places(
    tiles: tl.tensor,
    inner: tl.tensor,
    units: tl.tensor,
    rows: tl.constexpr,
    block: tl.constexpr,
    align: tl.constexpr,
    wide: tl.constexpr,
) -> tl.tensor:
    """Return outer index, inner indices, classes, and which of the block's elements there are."""
    program = tl.program_id(0)
    outer = (program // tiles).to(tl.int64)
    row = (program % tiles).to(tl.int64) * rows + tl.arange(0, rows)
    column = tl.arange(0, block)
    there = (row < inner)[:, None] & (column < units * align)[None, :]
    if wide:
        column = column.to(tl.int64)
    return outer, row[:, None], column[None, :], there


@jit
def forward(
    x: tl.tensor,
    y: tl.tensor,
    tiles: tl.tensor,
    inner: tl.tensor,
    units: tl.tensor,
    x_outer: tl.tensor,
    x_inner: tl.tensor,
    x_class: tl.tensor,
    y_outer: tl.tensor,
    y_inner: tl.tensor,
    y_class: tl.tensor,
    before: tl.tensor,
    after: tl.tensor,
    after_too: tl.tensor,
    high: tl.tensor,
    low: tl.tensor,
    rows: tl.constexpr,
    block: tl.constexpr,
    align: tl.constexpr,
    wide: tl.constexpr,
    scaled: tl.constexpr,
    log: tl.constexpr,
) -> None:
    """Write softmax, or its logarithm, of `rows` rows of up to `block` classes."""
    outer, row, column, there = places(tiles, inner, units, rows, block, align, wide)
    narrow: tl.constexpr = x.dtype.element_ty.primitive_bitwidth < 32
    cooling = (before, after, after_too, high, low)
    x += outer * x_outer + row * x_inner * align + column * x_class
    logits = tl.load(x, mask=there, other=float("-inf"), eviction_policy="evict_first")
    logits = logits.to(tl.float32)
    gap, rest = gap_of(logits, tl.max(logits, 1)[:, None], cooling, narrow, scaled)
    terms = exponentials(gap, rest, narrow)
    total = tl.sum(terms, 1)[:, None]
    if log:
        result = log_probability(gap, rest, logarithm(total), narrow)
    else:
        result = terms * tl.div_rn(1.0, total)
    y += outer * y_outer + row * y_inner * align + column * y_class
    tl.store(y, result.to(y.dtype.element_ty), mask=there)


@jit
def vjp(
    x: tl.tensor,
    cotangent: tl.tensor,
    y: tl.tensor,
    tiles: tl.tensor,
    inner: tl.tensor,
    units: tl.tensor,
    x_outer: tl.tensor,
    x_inner: tl.tensor,
    x_class: tl.tensor,
    c_outer: tl.tensor,
    c_inner: tl.tensor,
    c_class: tl.tensor,
    y_outer: tl.tensor,
    y_inner: tl.tensor,
    y_class: tl.tensor,
    before: tl.tensor,
    after: tl.tensor,
    after_too: tl.tensor,
    high: tl.tensor,
    low: tl.tensor,
    rows: tl.constexpr,
    block: tl.constexpr,
    align: tl.constexpr,
    wide: tl.constexpr,
    scaled: tl.constexpr,
) -> None:
    """Write p (c - sum p c) / T for `rows` rows of up to `block` classes."""
    outer, row, column, there = places(tiles, inner, units, rows, block, align, wide)
    narrow: tl.constexpr = x.dtype.element_ty.primitive_bitwidth < 32
    cooling = (before, after, after_too, high, low)
    x += outer * x_outer + row * x_inner * align + column * x_class
    cotangent += outer * c_outer + row * c_inner * align + column * c_class
    logits = tl.load(x, mask=there, other=float("-inf"), eviction_policy="evict_first")
    weights = tl.load(cotangent, mask=there, other=0.0, eviction_policy="evict_first")
    logits, weights = logits.to(tl.float32), weights.to(tl.float32)
    gap, rest = gap_of(logits, tl.max(logits, 1)[:, None], cooling, narrow, scaled)
    terms = exponentials(gap, rest, narrow)
    probabilities = terms * tl.div_rn(1.0, tl.sum(terms, 1))[:, None]
    # Not of the terms: a large cotangent times 2^32 would overflow.
    mean = tl.sum(probabilities * weights, 1)[:, None]
    result = probabilities * (weights - mean)
    if scaled:
        result = over(result, cooling)
    y += outer * y_outer + row * y_inner * align + column * y_class
    tl.store(y, result.to(y.dtype.element_ty), mask=there)
