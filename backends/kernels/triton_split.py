"""Rows that exceed one block: parts, whose maximum and sum are merged.

A row is cut into parts, one a program. Of each part three numbers are kept: its maximum, the sum of
exponentials below that maximum and, for the VJP, its own mean of cotangents. They merge to those of
the row, in an order that is always the same, so that results are the same bits every time.

`statistics` and `finish_forward` or `finish_vjp` are two launches. A part is read by blocks with a
running maximum (Milakov and Gimelshein 2018, arXiv:1805.02867, algorithm 3) and once more at the
end: right for rows of any length and on any device, at two reads and one write.

`backends.kernels.triton_exchange` reads once.
"""

from __future__ import annotations

import triton.language as tl

from backends.kernels.triton_exp import (
    exponentials,
    gap_of,
    jit,
    log_probability,
    logarithm,
    measured,
    over,
)

__all__ = [
    "below",
    "finish_forward",
    "finish_vjp",
    "merged",
    "merged_mean",
    "place",
    "statistics",
    "weight",
]


@jit
def below(
    x: tl.tensor, top: tl.tensor, cooling: tl.tensor, narrow: tl.constexpr, scaled: tl.constexpr
) -> tl.tensor:
    """Return the exponentials below a maximum that may be -inf: then all of them are 0."""
    floor = tl.where(top == float("-inf"), 0.0, top)
    gap, rest = gap_of(x, floor, cooling, narrow, scaled)
    return exponentials(gap, rest, narrow)


@jit
def weight(top: tl.tensor, whole: tl.tensor, cooling: tl.tensor, scaled: tl.constexpr) -> tl.tensor:
    """Return exp((top - whole) / T): what sums below `top` count below `whole`. 0 for -inf.

    `top` -inf beside a `whole` of -inf gives NaN, which is what a row of nothing else gives.
    """
    gap, rest = gap_of(top, whole, cooling, False, scaled)  # noqa: FBT003 - constants
    return exponentials(gap, rest, False) * 0.5**32  # noqa: FBT003 - a constant


@jit
def merged(
    tops: tl.tensor,
    sums: tl.tensor,
    row: tl.tensor,
    parts: tl.tensor,
    cooling: tl.tensor,
    scaled: tl.constexpr,
    most: tl.constexpr,
) -> tl.tensor:
    """Return the row's maximum, the sum below it, and what the sum of each part counts in it."""
    part = tl.arange(0, most)
    there = part < parts
    top = tl.load(tops + row * parts + part, mask=there, other=float("-inf"), volatile=True)
    total = tl.load(sums + row * parts + part, mask=there, other=0.0, volatile=True)
    whole = tl.max(top, 0)
    shares = tl.where(there, total * weight(top, whole, cooling, scaled), 0.0)
    return whole, tl.sum(shares, 0), shares


@jit
def merged_mean(
    means: tl.tensor, shares: tl.tensor, row: tl.tensor, parts: tl.tensor, most: tl.constexpr
) -> tl.tensor:
    """Return the row's mean of cotangents from those of its parts, by their shares of the sum."""
    part = tl.arange(0, most)
    mean = tl.load(means + row * parts + part, mask=part < parts, other=0.0, volatile=True)
    return tl.sum(shares * mean, 0)


@jit
def place(
    program: tl.tensor,
    parts: tl.tensor,
    length: tl.tensor,
    units: tl.tensor,
    align: tl.constexpr,
) -> tl.tensor:
    """Return the row of a program, where its part begins, and how many elements it has."""
    row = program // parts
    start = (program % parts) * (length * align)
    return row, start, tl.minimum(length * align, (start * 0 + units) * align - start)


@measured
def statistics(
    x: tl.tensor,
    cotangent: tl.tensor,
    tops: tl.tensor,
    sums: tl.tensor,
    means: tl.tensor,
    parts: tl.tensor,
    length: tl.tensor,
    inner: tl.tensor,
    units: tl.tensor,
    x_outer: tl.tensor,
    x_inner: tl.tensor,
    c_outer: tl.tensor,
    c_inner: tl.tensor,
    before: tl.tensor,
    after: tl.tensor,
    after_too: tl.tensor,
    high: tl.tensor,
    low: tl.tensor,
    block: tl.constexpr,
    align: tl.constexpr,
    scaled: tl.constexpr,
    weighted: tl.constexpr,
) -> None:
    """Keep maximum, sum and, if `weighted`, mean of a part of `length` units."""
    program = tl.program_id(0).to(tl.int64)
    row, start, count = place(program, parts, length, units, align)
    narrow: tl.constexpr = x.dtype.element_ty.primitive_bitwidth < 32
    cooling = (before, after, after_too, high, low)
    x += (row // inner) * x_outer + (row % inner) * x_inner * align + start
    cotangent += (row // inner) * c_outer + (row % inner) * c_inner * align + start
    top = tl.full((), float("-inf"), tl.float32)
    total = tl.full((), 0.0, tl.float32)
    mean = tl.full((), 0.0, tl.float32)
    for at in range(0, count, block):
        column = at + tl.arange(0, block)
        # Two conditions that the compiler can see to hold for whole vectors; of their minimum, no.
        there = (column < length * align) & (start + column < (start * 0 + units) * align)
        # Kept in the second-level cache, if it is large enough: it is read once more.
        logits = tl.load(x + column, there, float("-inf"), eviction_policy="evict_last")
        logits = logits.to(tl.float32)
        larger = tl.maximum(top, tl.max(logits, 0))
        terms = below(logits, larger, cooling, narrow, scaled)
        # Twice the same maximum may be -inf - -inf, where nothing has come yet.
        before_it = total * tl.where(top == larger, 1.0, weight(top, larger, cooling, scaled))
        total = before_it + tl.sum(terms, 0)
        if weighted:
            share = tl.where(total == 0.0, 0.0, tl.div_rn(1.0, total))
            weights = tl.load(cotangent + column, there, 0.0, eviction_policy="evict_last")
            # Shares, not terms: a large cotangent times a sum of them would overflow.
            mean = mean * (before_it * share) + tl.sum(terms * share * weights.to(tl.float32), 0)
        top = larger
    tl.store(tops + program, top)
    tl.store(sums + program, total)
    if weighted:
        tl.store(means + program, mean)


@measured
def finish_forward(
    x: tl.tensor,
    y: tl.tensor,
    tops: tl.tensor,
    sums: tl.tensor,
    parts: tl.tensor,
    length: tl.tensor,
    inner: tl.tensor,
    units: tl.tensor,
    x_outer: tl.tensor,
    x_inner: tl.tensor,
    y_outer: tl.tensor,
    y_inner: tl.tensor,
    before: tl.tensor,
    after: tl.tensor,
    after_too: tl.tensor,
    high: tl.tensor,
    low: tl.tensor,
    most: tl.constexpr,
    block: tl.constexpr,
    align: tl.constexpr,
    scaled: tl.constexpr,
    log: tl.constexpr,
) -> None:
    """Write softmax, or its logarithm, of a part, once all parts of its row are known."""
    program = tl.program_id(0).to(tl.int64)
    row, start, count = place(program, parts, length, units, align)
    narrow: tl.constexpr = x.dtype.element_ty.primitive_bitwidth < 32
    cooling = (before, after, after_too, high, low)
    top, total, _ = merged(tops, sums, row, parts, cooling, scaled, most)
    share = tl.div_rn(1.0, total)
    x += (row // inner) * x_outer + (row % inner) * x_inner * align + start
    y += (row // inner) * y_outer + (row % inner) * y_inner * align + start
    for at in range(0, count, block):
        column = at + tl.arange(0, block)
        there = (column < length * align) & (start + column < (start * 0 + units) * align)
        logits = tl.load(x + column, there, float("-inf"), eviction_policy="evict_first")
        gap, rest = gap_of(logits.to(tl.float32), top, cooling, narrow, scaled)
        if log:
            result = log_probability(gap, rest, logarithm(total), narrow)
        else:
            result = exponentials(gap, rest, narrow) * share
        result = result.to(y.dtype.element_ty)
        tl.store(y + column, result, there, eviction_policy="evict_first")


@measured
def finish_vjp(
    x: tl.tensor,
    cotangent: tl.tensor,
    y: tl.tensor,
    tops: tl.tensor,
    sums: tl.tensor,
    means: tl.tensor,
    parts: tl.tensor,
    length: tl.tensor,
    inner: tl.tensor,
    units: tl.tensor,
    x_outer: tl.tensor,
    x_inner: tl.tensor,
    c_outer: tl.tensor,
    c_inner: tl.tensor,
    y_outer: tl.tensor,
    y_inner: tl.tensor,
    before: tl.tensor,
    after: tl.tensor,
    after_too: tl.tensor,
    high: tl.tensor,
    low: tl.tensor,
    most: tl.constexpr,
    block: tl.constexpr,
    align: tl.constexpr,
    scaled: tl.constexpr,
) -> None:
    """Write the VJP of a part, once all parts of its row are known."""
    program = tl.program_id(0).to(tl.int64)
    row, start, count = place(program, parts, length, units, align)
    narrow: tl.constexpr = x.dtype.element_ty.primitive_bitwidth < 32
    cooling = (before, after, after_too, high, low)
    top, total, shares = merged(tops, sums, row, parts, cooling, scaled, most)
    share = tl.div_rn(1.0, total)
    mean = merged_mean(means, shares * share, row, parts, most)
    x += (row // inner) * x_outer + (row % inner) * x_inner * align + start
    cotangent += (row // inner) * c_outer + (row % inner) * c_inner * align + start
    y += (row // inner) * y_outer + (row % inner) * y_inner * align + start
    for at in range(0, count, block):
        column = at + tl.arange(0, block)
        there = (column < length * align) & (start + column < (start * 0 + units) * align)
        logits = tl.load(x + column, there, float("-inf"), eviction_policy="evict_first")
        weights = tl.load(cotangent + column, there, 0.0, eviction_policy="evict_first")
        gap, rest = gap_of(logits.to(tl.float32), top, cooling, narrow, scaled)
        result = exponentials(gap, rest, narrow) * share * (weights.to(tl.float32) - mean)
        if scaled:
            result = over(result, cooling)
        result = result.to(y.dtype.element_ty)
        tl.store(y + column, result, there, eviction_policy="evict_first")
