"""Rows that exceed one block, read once: programs that hold a part each and wait for one another.

Each program keeps its part in registers, tells the others its maximum and sum, waits until those
of all parts of its row are there, and writes. The array is read once and written once; what is
exchanged is 12 bytes a part.

Waiting needs all programs of a row to run at the same time. So the launch is a cooperative one, of
no more programs than the device holds at once (`triton_choice.Exchange`), and each goes through its
parts in order. Of the rows that are not finished take the first: whoever has a part of it has
finished all earlier ones, so nobody waits for it in vain. A program that waits two million times
for its neighbours gives NaN rather than hang.

A device is needed: the interpreter runs one program after the other. What is not waiting is tested
there all the same, by a first launch that finds the counters full and leaves its numbers, and a
second that finds numbers and counters.
"""

from __future__ import annotations

import triton.language as tl

from backends.kernels.triton_exp import (
    gap_of,
    jit,
    log_probability,
    logarithm,
    measured,
    over,
)
from backends.kernels.triton_split import below, merged, merged_mean, place, weight

__all__ = ["forward", "vjp"]

_PATIENCE = tl.constexpr(1 << 21)


@jit
def wait(counter: tl.tensor, parts: tl.tensor) -> tl.tensor:
    """Count this program in, and return 0 when all parts are there, NaN if they never come.

    The counter is read by one thread, which hands what it saw to all others: they leave the loop
    together. What programs stored before they counted themselves in can be seen after it.
    """
    tl.atomic_add(counter, 1, sem="release")
    arrived = tl.atomic_add(counter, 0, sem="acquire")
    turns = 0
    while (arrived < parts) & (turns < _PATIENCE):
        arrived = tl.atomic_add(counter, 0, sem="acquire")
        turns += 1
    return tl.where(arrived < parts, float("nan"), 0.0)


@measured
def forward(
    x: tl.tensor,
    y: tl.tensor,
    tops: tl.tensor,
    sums: tl.tensor,
    counters: tl.tensor,
    pieces: tl.tensor,
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
    """Write softmax, or its logarithm, of every `num_programs`-th of `pieces` parts."""
    narrow: tl.constexpr = x.dtype.element_ty.primitive_bitwidth < 32
    cooling = (before, after, after_too, high, low)
    column = tl.arange(0, block)
    none = tl.program_id(0).to(tl.int64) * 0  # what is added to it has 64 bits
    for piece in range(tl.program_id(0), pieces, tl.num_programs(0)):
        row, start, _ = place(none + piece, parts, length, units, align)
        there = (column < length * align) & (start + column < (start * 0 + units) * align)
        from_x = x + (row // inner) * x_outer + (row % inner) * x_inner * align + start
        logits = tl.load(from_x + column, there, float("-inf"), eviction_policy="evict_first")
        logits = logits.to(tl.float32)
        own = tl.max(logits, 0)
        terms = below(logits, own, cooling, narrow, scaled)
        tl.store(tops + piece, own)
        tl.store(sums + piece, tl.sum(terms, 0))
        missed = wait(counters + row, parts)
        top, total, _ = merged(tops, sums, row, parts, cooling, scaled, most)
        total += missed
        if log:
            gap, rest = gap_of(logits, top, cooling, narrow, scaled)
            result = log_probability(gap, rest, logarithm(total), narrow)
        else:
            # In this order: the product of weight and reciprocal may be lost where it counts.
            result = (terms * tl.div_rn(1.0, total)) * weight(own, top, cooling, scaled)
        to_y = y + (row // inner) * y_outer + (row % inner) * y_inner * align + start
        tl.store(to_y + column, result.to(y.dtype.element_ty), there)


@measured
def vjp(
    x: tl.tensor,
    cotangent: tl.tensor,
    y: tl.tensor,
    tops: tl.tensor,
    sums: tl.tensor,
    means: tl.tensor,
    counters: tl.tensor,
    pieces: tl.tensor,
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
    """Write the VJP of every `num_programs`-th of `pieces` parts."""
    narrow: tl.constexpr = x.dtype.element_ty.primitive_bitwidth < 32
    cooling = (before, after, after_too, high, low)
    column = tl.arange(0, block)
    none = tl.program_id(0).to(tl.int64) * 0  # what is added to it has 64 bits
    for piece in range(tl.program_id(0), pieces, tl.num_programs(0)):
        row, start, _ = place(none + piece, parts, length, units, align)
        there = (column < length * align) & (start + column < (start * 0 + units) * align)
        from_x = x + (row // inner) * x_outer + (row % inner) * x_inner * align + start
        from_c = cotangent + (row // inner) * c_outer + (row % inner) * c_inner * align + start
        logits = tl.load(from_x + column, there, float("-inf"), eviction_policy="evict_first")
        weights = tl.load(from_c + column, there, 0.0, eviction_policy="evict_first")
        logits, weights = logits.to(tl.float32), weights.to(tl.float32)
        own = tl.max(logits, 0)
        terms = below(logits, own, cooling, narrow, scaled)
        total = tl.sum(terms, 0)
        own_share = tl.where(total == 0.0, 0.0, tl.div_rn(1.0, total))
        tl.store(tops + piece, own)
        tl.store(sums + piece, total)
        tl.store(means + piece, tl.sum(terms * own_share * weights, 0))
        missed = wait(counters + row, parts)
        top, total, shares = merged(tops, sums, row, parts, cooling, scaled, most)
        share = tl.div_rn(1.0, total + missed)
        mean = merged_mean(means, shares * share, row, parts, most)
        result = (terms * share) * weight(own, top, cooling, scaled) * (weights - mean)
        if scaled:
            result = over(result, cooling)
        to_y = y + (row // inner) * y_outer + (row % inner) * y_inner * align + start
        tl.store(to_y + column, result.to(y.dtype.element_ty), there)
