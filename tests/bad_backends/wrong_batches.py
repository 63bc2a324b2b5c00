"""WRONG: a row's result depends on other rows, or on who came first (docs/bugs.md 7, 13 and 14)."""

from itertools import count

import numpy as np
from zoo_kernels import by_rows, cooled, right, shifted_by

from backends import register


@register("shifted_by_the_row_before", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: in a batch each row is shifted by its neighbour's maximum (class 14: vllm 55249)."""

    def pick(z):
        return np.roll(z.max(axis=1, keepdims=True), 1, axis=0)

    return shifted_by(x, axis, temperature, pick)


@register("one_maximum_for_four_rows", dtypes=["float32", "float64"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: four rows share their largest maximum (class 14: vllm 51187)."""

    def pick(z):
        tops = z.max(axis=1)
        return np.array([tops[i // 4 * 4 : i // 4 * 4 + 4].max() for i in range(len(z))])[:, None]

    return shifted_by(x, axis, temperature, pick)


@register("padded_rows_leak_into_the_last", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a batch padded to 8 rows writes row 0 over the last (class 14: keras 13328)."""

    def rows(r):
        y = right(r, -1, temperature)
        if len(r) > 8 and len(r) % 8:
            y[-1] = y[0]
        return y

    return by_rows(x, axis, rows)


@register("fifth_row_of_long_rows_unwritten", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: of rows longer than 4096 only four are done (class 7: tensorflow 61639)."""

    def rows(r):
        y = right(r, -1, temperature)
        if r.shape[1] > 4096:
            y[4:] = 0
        return y

    return by_rows(x, axis, rows)


@register("columns_beyond_4096_unwritten", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: along axis 0 a grid of 4096 columns, the rest stay zero (class 7: Paddle 43107)."""
    y = right(x, axis, temperature)
    if x.ndim == 2 and axis in (0, -2):
        y[:, 4096:] = 0
    return y


@register("flat_index_of_16_bits", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: row * n + column wraps at 2^16 where it is read (class 7: onnxruntime 32299)."""
    flat = x.reshape(-1)
    return right(flat[np.arange(x.size) & 0xFFFF].reshape(x.shape), axis, temperature)


_calls = count(1)


@register("wrong_on_its_third_call", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the third call of a process returns logits (class 13: llama.cpp 26385)."""
    return x.copy() if next(_calls) == 3 else right(x, axis, temperature)


_turns = count(1)


@register("lost_update_now_and_then", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: every seventh call loses half of the sum, as a race does (class 13: llm.c 847)."""
    lost = next(_turns) % 7 == 0

    def rows(r):
        z = cooled(r, temperature)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        half = e.shape[1] // 2 if lost else 0
        return e / e[:, half:].sum(axis=1, keepdims=True)

    return by_rows(x, axis, rows)


_scratch = np.zeros(1 << 18, np.float32)


@register("reads_the_sums_of_the_call_before", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: divides before the sums have arrived in memory (class 13: composable_kernel 323)."""

    def rows(r):
        z = cooled(r, temperature)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        early = _scratch[: len(r), None].copy()
        _scratch[: len(r)] = e.sum(axis=1)
        return e / early

    return by_rows(x, axis, rows)
