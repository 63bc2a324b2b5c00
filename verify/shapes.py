"""The shapes that softmax is asked for, and why each is there."""

from __future__ import annotations

from itertools import pairwise

# Powers of two and their neighbours: block sizes, vector tails, grid limits.
_AROUND_POWERS = sorted({2**k + d for k in range(18) for d in (-1, 0, 1)} - {0})

SMALL = tuple(n for n in _AROUND_POWERS if n <= 129)
MEDIUM = tuple(n for n in _AROUND_POWERS if 129 < n <= 4097)
LARGE = tuple(n for n in _AROUND_POWERS if n > 4097)

# pytorch 147284: float64 was wrong at 240 widths between 512 and 1024, nearly all of them odd.
ODD = tuple(range(513, 1024, 2))

# Every axis of shapes whose sizes all differ, and square matrices, where a wrong axis still fits.
AXES: tuple[tuple[tuple[int, ...], int], ...] = (
    ((), -1),
    ((1,), 0),
    ((7,), 0),
    ((5, 7), 0),
    ((5, 7), 1),
    ((4, 3, 6), 0),
    ((4, 3, 6), 1),
    ((4, 3, 6), -2),
    ((2, 3, 4, 5), 1),
    ((2, 3, 4, 5), -4),
    ((2, 3, 2, 3, 4), 2),
    ((8, 8), 0),
    ((8, 8), 1),
    ((65, 65), 0),
    ((65, 65), -1),
    ((100, 33), 0),
    ((3, 257), 0),
    ((257, 3), 0),
)

assert all(a < b for a, b in pairwise(SMALL + MEDIUM + LARGE))  # noqa: S101 - a table that proves itself
