"""`numba_online`: maximum and sum in one pass over memory, exponentials again in the second.

Milakov and Gimelshein (2018, arXiv:1805.02867), algorithm 3, in steps of a strip that stays in the
first-level cache, with the passes of `fast_lanes`. A strip's maximum raises the one so far, and the
sum so far is brought to it: for ordinary rows by a power of 2, which is exact, because `fast_exp`
takes only the maximum's multiple of ln 2 off. Pairs of maximum and sum merge in any order; so
threads share rows that are long.
"""

# ruff: noqa: ANN401 - compiled functions: arrays of every element type
from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import prange

from backends.kernels import fast_again, fast_rows
from backends.kernels.compiling import ELEMENTS, array, compiled, types
from backends.kernels.double_double import two_sum
from backends.kernels.exact_integers import ln2
from backends.kernels.fast_again import exponentials_again
from backends.kernels.fast_arithmetic import LN2
from backends.kernels.fast_forms import form_of
from backends.kernels.fast_lanes import passes
from backends.kernels.fast_rows import CALLED, LONG, NONE, ONE, SHARE, spans, tasks_of
from backends.kernels.machine import fused, piece

if TYPE_CHECKING:
    from collections.abc import Callable


_STRIP = 2048
_PER_LN2 = 1.0 / LN2
_BITS = 200
_LN2_LOW = (ln2(_BITS) - int(LN2 * 2**_BITS)) / 2**_BITS


@piece
def _raise(state: Any, top: float, cold: float, plain: int) -> None:
    """Bring the sum in `state` to a larger maximum."""
    if top <= state[0]:
        return
    if state[0] > -np.inf:
        if plain == 1:
            factor = 2.0 ** (np.rint(state[0] * _PER_LN2) - np.rint(top * _PER_LN2))
        else:
            gap, rest = two_sum(state[0], -top)
            factor = math.exp(gap / cold) * (1.0 + (rest / cold if gap > -np.inf else 0.0))
        state[1] *= factor
        state[2] *= factor
    state[0] = top


@functools.cache
def pairs(dtype: str) -> tuple[Callable[..., Any], ...]:  # noqa: C901 - holds what it makes
    """Make first(...), the pair of maximum and sum, merge(...) of pairs, and second(...)."""
    of, again = passes(form_of(dtype)), exponentials_again(dtype)
    tops_of, fill_rows, scale_rows = spans(form_of(dtype))
    level = of.form.arithmetic.level
    fill_any, near, width, real = (
        of.fill_any,
        of.form.arithmetic.near,
        of.form.width,
        of.form.real,
    )

    @piece
    def fill(x: Any, at: int, n: int, top: Any, cold: float, plain: int, y: Any, part: Any,
             out: Any, drawn: int) -> None:  # fmt: skip
        if plain == 1:
            fill_rows(x, at, n, ONE, top, cold, y, NONE, NONE, part, out, drawn)
        else:
            part[0, 0], part[0, 1] = fill_any(x, at, n, top[0], cold, y, NONE)

    @piece
    def gather(x: Any, at: int, n: int, cold: float, plain: int, out: Any, state: Any) -> bool:
        """Fill `state` with maximum and sum; return False where a plain row shows to be none."""
        y, part = np.empty((1, _STRIP + width), real), np.empty((1, 2))
        here, against = np.empty(1), np.empty(1)
        state[0], state[1], state[2] = -np.inf, 0.0, 0.0
        for start in range(0, n, _STRIP):
            size = min(_STRIP, n - start)
            tops_of(x, at + start, size, ONE, here)
            top = max(here[0], state[0])
            if plain == 1 and top > -np.inf and not abs(top) <= near:
                return False
            _raise(state, top, cold, plain)
            # A strip of nothing but -inf adds 0 to anything, or NaN if there is one.
            against[0] = top if top > -np.inf else 0.0
            fill(x, at + start, size, against, cold, plain, y, part, out, NONE)
            high, error = two_sum(state[1], part[0, 0])
            state[1], state[2] = high, state[2] + (error + part[0, 1])
        return True

    @piece
    def first(x: Any, at: int, n: int, cold: float, out: Any, state: Any) -> None:
        state[3] = 1.0
        if cold != 1.0 or not gather(x, at, n, cold, ONE, out, state):
            state[3] = 0.0
            gather(x, at, n, cold, NONE, out, state)

    @piece
    def second(x: Any, at: int, n: int, cold: float, state: Any, out: Any) -> None:
        if not abs(state[0]) < np.inf:
            state[1] = np.nan
        if state[3] == 1.0:
            again(x, at, n, state[0], state[1], state[2], out)
            return
        y, sums = np.empty((1, _STRIP + width), real), np.empty((1, 2))
        sums[0, 0], sums[0, 1] = state[1], state[2]
        for start in range(0, n, _STRIP):
            size = min(_STRIP, n - start)
            fill_any(x, at + start, size, state[0], cold, y, NONE)
            scale_rows(y, NONE, NONE, size, ONE, sums, np.empty((1, 2)), out, at + start)

    @piece
    def merge(states: Any, cold: float) -> None:
        """Give each share of a row the pair of all."""
        plain, top, whole = ONE, -np.inf, np.zeros(4)
        for s in range(states.shape[0]):
            top = max(top, states[s, 0])
            if states[s, 3] != 1.0:
                plain = NONE
        for s in range(states.shape[0]):
            own = states[s]
            if own[0] > -np.inf or own[1] != own[1]:
                if plain == 0 and own[3] == 1.0:
                    # Its sum is over 2^K; over its maximum it is what the others are.
                    k = np.rint(own[0] * _PER_LN2)
                    factor = math.exp(fused(k, LN2, -own[0]) + k * _LN2_LOW) / level
                    own[1] *= factor
                    own[2] *= factor
                _raise(own, top, cold, plain)
                high, error = two_sum(whole[1], own[1])
                whole[1], whole[2] = high, whole[2] + (error + own[2])
        whole[0], whole[3] = top, float(plain)
        for s in range(states.shape[0]):
            for j in range(4):
                states[s, j] = whole[j]

    return first, merge, second


def _online_of(dtype: str) -> Callable[..., None]:
    first, merge, second = pairs(dtype)

    @piece
    def step(
        phase: int, x: Any, i: int, s: int, size: int, cold: float, states: Any, out: Any
    ) -> None:
        n = x.shape[1]
        at, size = i * n + s * size, min(size, n - s * size)
        if phase == 0:
            first(x, at, size, cold, out, states[s])
        else:
            second(x, at, size, cold, states[s], out)

    return in_two_passes(step, merge)


def in_two_passes(step: Callable[..., None], merge: Callable[..., None]) -> Callable[..., None]:
    """Make kernel(x, out, temperature, threads) of two phases, whose pairs are merged between."""

    @piece
    def rows_of(x: Any, begin: int, end: int, cold: float, out: Any) -> None:
        states = np.empty((1, 4))
        for i in range(begin, end):
            for phase in range(2):
                step(phase, x, i, NONE, x.shape[1], cold, states, out)

    def kernel(x: Any, out: Any, temperature: float, threads: int) -> None:
        # One parallel loop: each of them is compiled by itself, with all that it calls.
        rows, n = x.shape
        shared = n > LONG
        shares = (n + SHARE - 1) // SHARE if shared else 0
        states = np.empty((shares, 4))
        tasks = shares if shared else tasks_of(rows, n, threads)
        for i in range(rows if shared else 1):
            for phase in range(2 if shared else 1):
                for task in prange(tasks):
                    t: Any = np.int64(task)  # unsigned, parts would be compiled twice
                    if shared:
                        step(phase, x, i, t, np.int64(SHARE), temperature, states, out)
                    else:
                        first, last = t * rows // tasks, (t + 1) * rows // tasks
                        rows_of(x, first, last, temperature, out)
                if shared and phase == 0:
                    merge(states, temperature)

    return kernel


@functools.cache
def online(dtype: str) -> Callable[..., None]:
    """Return kernel(x, out, temperature, threads); 16-bit arrays are handed over as encodings."""
    element = ELEMENTS[dtype][0]
    signature = types.void(
        array(element, 2, readonly=True), array(element, 2), types.float64, types.intp
    )
    return compiled(
        _online_of(dtype),
        signature,
        (*CALLED, fast_rows, fast_again),
        f"online/{dtype}",
        checked=False,
    )
