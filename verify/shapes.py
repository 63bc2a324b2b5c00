"""The shapes that softmax is asked for, and why each is there."""

from __future__ import annotations

from itertools import pairwise

# Powers of two and their neighbours: block sizes, vector tails, grid limits.
_AROUND_POWERS = sorted({2**k + d for k in range(18) for d in (-1, 0, 1)} - {0})

SMALL = tuple(n for n in _AROUND_POWERS if n <= 129)
# Of those, where the quick profile asks every regime: a lone element, less than a vector, one
# vector, vectors and a tail.
DENSE = (1, 2, 3, 5, 8, 17, 33, 64, 129)
MEDIUM = tuple(n for n in _AROUND_POWERS if 129 < n <= 4097)
LARGE = tuple(n for n in _AROUND_POWERS if n > 4097)

# A gigabyte of float32: a sum in the format itself stops growing at 2^24 equal terms.
HUGE = 2**28

# pytorch 147284: float64 was wrong at 240 widths between 512 and 1024, nearly all of them odd.
ODD = tuple(range(513, 1024, 2))

# Every width up to two vectors past a cache line of float64, so that no single one is left out.
EVERY = tuple(n for n in range(1, 131) if n not in SMALL)

# Through the widths from there to where the odd ones begin, and what people write for a test.
BETWEEN = (*range(137, 513, 7), 250, 300, 400, 500, 2000)

# Where kernels for long rows begin: each width leaves another tail, modulo 16 and modulo 8.
TAILS = (*range(1100, 1100 + 16 * 139, 139), *range(4500, 4500 + 8 * 439, 439))

# Heads, hidden sizes, classes and vocabularies that models really have.
MODELS = (10, 12, 48, 96, 100, 197, 384, 768, 1000, 1536, 3072, 21841, 32000, 50257, 128256)

# Batches around the blocks of rows that kernels share out.
BATCHES = (2, 5, 8, 31, 32, 33, 64, 65, 128, 257, 1000)

# Sizes that all differ, and equal ones, where a wrong axis still fits.
_SOLIDS = ((5, 7), (4, 3, 6), (2, 3, 4, 5), (2, 3, 2, 3, 4), (8, 8), (4, 4, 4))

AXES: tuple[tuple[tuple[int, ...], int], ...] = (
    ((), -1),
    ((1,), 0),
    ((7,), 0),
    *((shape, axis) for shape in _SOLIDS for axis in range(-len(shape), len(shape))),
    ((4, 65, 3), 1),
    ((2, 257, 3), 1),
    ((65, 65), 0),
    ((65, 65), -1),
    # Lone axes, which a squeeze loses; more axes than anybody counts on; the channels of images.
    ((1, 5), 0),
    ((5, 1), 1),
    ((2, 1, 5), 1),
    ((2, 1, 5), 2),
    ((1, 4, 1, 3), 1),
    ((2, 3, 9, 11), 1),
    ((1, 2, 1, 3, 1, 2), 3),
    ((2, 3, 129), -1),
    ((100, 33), 0),
    ((3, 257), 0),
    ((257, 3), 0),
)

assert all(a < b for a, b in pairwise(SMALL + MEDIUM + LARGE))  # noqa: S101 - a table that proves itself
