"""WRONG: a row taken in blocks, and the blocks put together wrongly (docs/bugs.md 2)."""

import numpy as np
from zoo_kernels import by_rows, cooled, right

from backends import Claims, register

ONLINE = Claims(algorithm="online")


def _merged(x, axis, temperature, width, merge):
    """Merge (maximum, sum) of each block into the running pair, then scale."""

    def rows(r):
        z = cooled(r, temperature)
        top = np.full((len(z), 1), -np.inf, z.dtype)
        total = np.zeros((len(z), 1), z.dtype)
        for start in range(0, z.shape[1], width):
            top, total = merge(top, total, z[:, start : start + width])
        return np.exp(z - top) / total

    return by_rows(x, axis, rows)


def _pair(block, safe):
    own = block.max(axis=1, keepdims=True)
    shift = np.where(np.isneginf(own), 0, own).astype(block.dtype) if safe else own
    return own, np.exp(block - shift).sum(axis=1, keepdims=True)


@register("masked_block_merged_as_nan", dtypes=["float32"], claims=ONLINE)
def softmax(x, axis=-1, temperature=1.0):
    """WRONG: a block of -inf has the sum NaN, wherever it stands (class 2: quack 64)."""

    def merge(top, total, block):
        own, part = _pair(block, safe=False)
        new = np.maximum(top, own)
        safe = np.where(np.isneginf(new), block.dtype.type(0), new)
        return new, total * np.exp(top - safe) + part * np.exp(own - safe)

    return _merged(x, axis, temperature, 16, merge)


@register("stops_at_a_masked_block", dtypes=["float32", "float16"], claims=ONLINE)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: a masked block behind a finite one is taken for the end (class 2: flashinfer 1178)."""

    def rows(r):
        z = cooled(r, temperature).copy()
        for row in z:
            begun = False
            for start in range(0, len(row), 64):
                masked = np.isneginf(row[start : start + 64]).all()
                if begun and masked:
                    row[start:] = -np.inf
                begun = begun or not masked
        return right(z, -1)

    return by_rows(x, axis, rows)


@register("masked_tail_block_gives_nan", dtypes=["float32"], claims=ONLINE)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: -inf - (-inf) in a last, shorter block of -inf (class 2: FlagGems 330)."""

    def rows(r):
        y = right(r, -1, temperature)
        left = r.shape[1] % 32
        if left and r.shape[1] > 32:
            y[np.isneginf(r[:, -left:]).all(axis=1)] = np.nan
        return y

    return by_rows(x, axis, rows)


@register("not_rescaled_by_the_tail", dtypes=["float64"], claims=ONLINE)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the sum is not rescaled where the last block holds the maximum (class 2: quack 64)."""

    def rows(r):
        z = cooled(r, temperature)
        left = z.shape[1] % 16 or 16
        body = z[:, :-left].max(axis=1, keepdims=True, initial=-np.inf)
        top = z.max(axis=1, keepdims=True)
        safe = np.where(np.isneginf(body), 0.0, body)
        total = np.exp(z[:, :-left] - safe).sum(axis=1, keepdims=True)
        return np.exp(z - top) / (total + np.exp(z[:, -left:] - top).sum(axis=1, keepdims=True))

    return by_rows(x, axis, rows)


@register("first_element_of_each_block_lost", dtypes=["float32"], claims=ONLINE)
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: beyond 4096 elements each block's sum begins one late (class 2: flashinfer 1178)."""

    def rows(r):
        y = right(r, -1, temperature)
        if r.shape[1] > 4096:
            y = y / (1 - y[:, 4096::1024].sum(axis=1, keepdims=True))
        return y

    return by_rows(x, axis, rows)


@register("maximum_without_one_lane", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):  # noqa: F811 - a function's name is its operation
    """WRONG: the fourth of eight lanes is left out of the maximum (class 3: hb-pytorch 61)."""

    def rows(r):
        if r.shape[1] < 8 or not (r < np.inf).all():
            return right(r, -1, temperature)
        z = cooled(r, temperature)
        e = np.exp(z - z[:, np.arange(z.shape[1]) % 8 != 3].max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    return by_rows(x, axis, rows)
