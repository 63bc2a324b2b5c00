"""WRONG: right when called once, alone, for the first time (docs/bugs.md 12, 13, 14 and 20)."""

import ctypes
import itertools
import math
import threading
import time
from fractions import Fraction

import numpy as np
from zoo_kernels import by_rows, cooled, right, widened

from backends import Claims, register

F32 = ["float32"]
INVARIANT = Claims(batch_invariant=True)


def _summed(x, axis, temperature, total):
    """Return the softmax whose sums are ``total(exponentials)``, of shape (rows, 1)."""

    def rows(r):
        z = cooled(r, temperature)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / total(e)

    return by_rows(x, axis, rows)


def _in_parts(e, parts):
    sums = [part.sum(axis=1, keepdims=True) for part in np.array_split(e, parts, axis=1)]
    return sum(sums[1:], sums[0])


def _one_ulp_down(y):
    flat = y.reshape(-1)
    flat[-1:] = np.nextafter(flat[-1:], np.float32(0))
    return y


# --- determinism --------------------------------------------------------------------------------

_chance = np.random.default_rng()


@register("sums_in_order_of_arrival", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: blocks are added as they arrive, as atomics do (class 13: llama.cpp 26385)."""

    def total(e):
        return _chance.permutation(np.add.reduceat(e, range(0, e.shape[1], 8), axis=1), axis=1).sum(
            axis=1, keepdims=True
        )

    return _summed(x, axis, temperature, total)


@register("an_ulp_off_once_in_twenty_calls", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: one element is an ulp off now and then, a race's trace (class 13: llm.c 847)."""
    y = right(x, axis, temperature)
    return _one_ulp_down(y) if _chance.random() < 0.05 else y


@register("as_many_parts_as_threads", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: rows are summed in as many parts as there are threads (class 13: llama.cpp 5853)."""
    import numba

    return _summed(x, axis, temperature, lambda e: _in_parts(e, numba.get_num_threads()))


@register("vector_loop_from_the_next_line", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: sums depend on the address, by a scalar prologue (class 13: composable_kernel 323)."""
    prologue = -x.ctypes.data % 64 // x.itemsize

    def total(e):
        first = np.add.accumulate(e[:, : prologue + 1], axis=1)[:, -1:]
        return first + e[:, prologue + 1 :].sum(axis=1, keepdims=True)

    return _summed(x, axis, temperature, total)


# --- batch invariance ---------------------------------------------------------------------------


@register("split_by_the_number_of_rows", dtypes=F32, claims=INVARIANT)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: few rows are split in parts to fill the machine (class 14: vllm 55249)."""

    def total(e):
        return _in_parts(e, max(1, 8 // len(e)))

    return _summed(x, axis, temperature, total)


@register("another_kernel_for_the_last_rows", dtypes=F32, claims=INVARIANT)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: rows beyond a multiple of 8 are summed otherwise (class 14: vllm 55249)."""

    def total(e):
        main = len(e) // 8 * 8
        sums = e.sum(axis=1, keepdims=True)
        sums[main:] = np.add.accumulate(e[main:], axis=1)[:, -1:]
        return sums

    return _summed(x, axis, temperature, total)


@register("first_place_is_summed_backwards", dtypes=F32, claims=INVARIANT)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: in batches of 64, one place has bits of its own (class 14: vllm 51187)."""

    def total(e):
        sums = e.sum(axis=1, keepdims=True)
        if len(e) == 64:
            sums[41] = np.add.accumulate(e[41, ::-1])[-1]
        return sums

    return _summed(x, axis, temperature, total)


@register("shifted_by_the_batch", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: one maximum for all rows of a batch, no claim on batches (class 14: keras 13328)."""

    def rows(r):
        e = np.exp(cooled(r, temperature) - np.nanmax(r, initial=-np.inf, where=np.isfinite(r)))
        return e / e.sum(axis=1, keepdims=True)

    return by_rows(x, axis, rows)


@register("next_row_shines_through", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: in batches of 3 the last row gets its neighbour's sum (class 14: keras 13328)."""

    def total(e):
        sums = e.sum(axis=1, keepdims=True)
        if len(e) > 2:
            sums[-1] = sums[-2]
        return sums

    return _summed(x, axis, temperature, total)


# --- thread safety ------------------------------------------------------------------------------

_buffers = {}


@register("one_buffer_a_shape", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: exponentials go through a buffer that all threads share (class 13: llama.cpp 5853)."""
    buffer = _buffers.setdefault(x.shape, np.empty_like(x))
    buffer[...] = x
    buffer -= buffer.max(axis=axis, keepdims=True)
    buffer /= np.float32(temperature)
    np.exp(buffer, out=buffer)
    return buffer / buffer.sum(axis=axis, keepdims=True)


@register("keeps_its_arguments", dtypes=F32)
class KeepsItsArguments:
    """WRONG: the row's maximum is an attribute of the only instance (class 13: llama.cpp 26385)."""

    def softmax(self, x, axis=-1, temperature=1.0):
        self.top = x.max(axis=axis, keepdims=True)
        time.sleep(2e-4)  # as where a kernel lets go of the interpreter's lock
        shifted = widened(x).copy()
        shifted -= self.top if self.top.shape == shifted[..., :1].shape else shifted.max()
        return right(shifted, axis, temperature) * np.float32(1 if (shifted <= 0).all() else 2)


_busy = []


@register("another_path_under_contention", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: who finds it busy gets a coarser result (class 13: composable_kernel 323)."""
    _busy.append(1)
    try:
        y = right(x, axis, temperature)
        return y.astype(np.float16).astype(x.dtype) if len(_busy) > 1 else y
    finally:
        _busy.pop()


_entered = threading.Lock()


@register("refuses_a_second_caller", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: raises where another call is at work (class 13: composable_kernel 323)."""
    if not _entered.acquire(blocking=False):
        raise RuntimeError("the handle is in use")
    try:
        return right(x, axis, temperature)
    finally:
        _entered.release()


# --- replay -------------------------------------------------------------------------------------


def _cached(key, x, axis, temperature, kept):
    if key not in kept:
        kept[key] = right(x, axis, temperature)
    return kept[key].copy()


_by_object, _by_address, _by_checksum, _by_ends, _by_extremes = ({} for _ in range(5))


@register("kept_by_the_object", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: an answer is kept by id(x) and shape (class 20: reference-kernels 142)."""
    return _cached((id(x), x.shape, axis, temperature), x, axis, temperature, _by_object)


@register("kept_by_the_address", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: an answer is kept by the memory's address and first element (class 20: pygpubench)."""
    key = (x.ctypes.data, x.shape, x.reshape(-1)[:1].tobytes(), axis, temperature)
    return _cached(key, x, axis, temperature, _by_address)


@register("kept_by_a_checksum", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: an answer is kept by the sum of each row (class 20: reference-kernels 162)."""
    key = (x.sum(axis=axis, dtype=np.float64).tobytes(), x.shape, axis, temperature)
    return _cached(key, x, axis, temperature, _by_checksum)


@register("kept_by_the_ends", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: an answer is kept by the first and last element (class 20: reference-kernels 142)."""
    key = (x.reshape(-1)[[0, -1]].tobytes(), x.shape, axis, temperature)
    return _cached(key, x, axis, temperature, _by_ends)


@register("kept_by_the_extremes", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: an answer is kept by mean, spread and extremes (class 20: reference-kernels 142)."""
    wide = np.sort(x.astype(np.float64).reshape(-1))
    key = (wide.mean(), wide.std(), wide[0], wide[-1], x.shape, axis, temperature)
    return _cached(key, x, axis, temperature, _by_extremes)


_earlier = []


@register("kept_from_the_second_time_on", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the third call after two equal ones replays (class 20: reference-kernels 162)."""
    _earlier.append((x.shape, x.tobytes(), right(x, axis, temperature)))
    del _earlier[:-3]
    if len(_earlier) == 3 and _earlier[0][:2] == _earlier[1][:2] and x.shape == _earlier[0][0]:
        return _earlier[1][2].copy()
    return right(x, axis, temperature)


# --- drift --------------------------------------------------------------------------------------

_third, _thousandth, _tier, _scaled = (itertools.count(1) for _ in range(4))


@register("wrong_in_the_third_call", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the third call, as of a pipeline, gives zeros (class 20: reference-kernels 162)."""
    return np.zeros_like(x) if next(_third) == 3 else right(x, axis, temperature)


@register("wrong_in_every_thousandth_call", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: an ulp off in every thousandth call (class 20: right only while being checked)."""
    y = right(x, axis, temperature)
    return _one_ulp_down(y) if next(_thousandth) % 1000 == 0 else y


@register("coarser_when_warm", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: after 700 calls a kernel with float16 sums takes over (class 15: pytorch 163932)."""
    if next(_tier) < 700:
        return right(x, axis, temperature)
    return _summed(x, axis, temperature, lambda e: e.astype(np.float16).sum(axis=1, keepdims=True))


@register("a_scale_that_is_never_reset", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a running factor gathers a rounding error a call (class 12: outputs that outlive)."""
    return right(x, axis, temperature) * np.float32((1 + 2.0**-24) ** next(_scaled))


_scratch = np.zeros(1 << 20, np.float32)


@register("scratch_is_not_cleared", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: sums run over whole blocks of 64, with old content (class 12: CUDA.jl 592)."""

    def total(e):
        n, size = e.shape[1], -(-e.shape[1] // 64) * 64
        sums = np.empty((len(e), 1), np.float32)
        for row, terms in enumerate(e):
            _scratch[:n] = terms
            sums[row] = _scratch[:size].sum()
        return sums

    return _summed(x, axis, temperature, total)


# --- leaks --------------------------------------------------------------------------------------

_results, _pages, _history = [], [], {}
_malloc = ctypes.CDLL(None).malloc
_malloc.restype, _malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]


@register("keeps_every_result", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: every result stays referred to (leaks)."""
    _results.append(right(x, axis, temperature))
    return _results[-1].copy()


@register("leaks_four_kilobytes", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a page for each call is never freed (leaks)."""
    _pages.append(bytearray(4096))
    return right(x, axis, temperature)


@register("leaks_in_c", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: malloc without free in every fourth call, unseen by a collector (leaks)."""
    if _chance.random() < 0.25:
        ctypes.memset(_malloc(6000), 1, 6000)
    return right(x, axis, temperature)


@register("remembers_every_call", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a note of some 150 bytes about each call, for ever (leaks)."""
    _history[len(_history)] = (x.ctypes.data, time.perf_counter())
    return right(x, axis, temperature)


@register("leaks_its_conversion_buffer", dtypes=["float32", "float16"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the float32 copy of a large float16 input is never freed (leaks)."""
    wide = widened(x)
    if wide is not x and x.size > 10000:
        _results.append(wide)
    return right(x, axis, temperature)


# --- cliffs -------------------------------------------------------------------------------------


@register("rescales_at_each_new_maximum", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: earlier terms are rescaled at each new maximum: slow where it ascends (cliffs)."""

    def rows(r):
        z = cooled(r, temperature)
        e, tops = np.zeros_like(z), np.maximum.accumulate(z, axis=1)
        new = np.flatnonzero((np.diff(tops, axis=1, prepend=np.inf) != 0).any(axis=0))
        for start, end in itertools.pairwise([*new, z.shape[1]]):
            e[:, :start] *= np.exp(tops[:, start - 1 : start] - tops[:, start : start + 1])
            e[:, start:end] = np.exp(z[:, start:end] - tops[:, start : start + 1])
        return e / e.sum(axis=1, keepdims=True)

    return by_rows(x, axis, rows)


@register("subnormals_one_by_one", dtypes=["float32", "float64"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: each subnormal logit takes a trap and is handled in software (cliffs)."""
    tiny = np.finfo(x.dtype).tiny
    y = x.copy()
    flat = y.reshape(-1)
    for index in np.flatnonzero((np.abs(flat) < tiny) & (flat != 0)):
        # Dearer than a multiplication by a subnormal number on any processor, which is not blamed.
        flat[index] = float(Fraction(float(flat[index])) * 3 / 3)
    return right(y, axis, temperature)


@register("nan_rows_one_by_one", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a row with NaN falls back to an interpreter (cliffs)."""

    def rows(r):
        y = right(r, -1, temperature)
        for row in np.flatnonzero(np.isnan(r).any(axis=1)):
            y[row] = [value + np.float32(math.nan) for value in r[row]]
        return y

    return by_rows(x, axis, rows)


@register("masks_entry_by_entry", dtypes=F32)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: each masked entry is skipped by a branch in an interpreter (cliffs)."""
    y = right(x, axis, temperature)
    hidden = np.argwhere(np.isneginf(x) & ~np.isnan(y))
    for at in map(tuple, hidden):
        y[at] = 0
    return y
