"""The histogram of errors: its bins, and its way through the text of an outcome."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_BIN = re.compile(r"(<=[\d.]+(?:e\+\d+)?|finite|infinite): (\d+)")


def counts(error: Array) -> Array:
    """Return how many errors (ulps, any shape) fall into each bin."""
    from verify.short_rows import BINS, EDGES, ROUNDED

    flat = error.reshape(-1)
    tenths = np.minimum((np.minimum(flat, 0.5) * 10.0).astype(np.int64), ROUNDED - 1)
    bins = np.where(flat <= EDGES[ROUNDED - 1], tenths, np.searchsorted(EDGES, flat))
    return np.bincount(np.where(np.isinf(flat), BINS - 1, bins), minlength=BINS)


def text(histogram: Array) -> str:
    """Return the bins that are not empty, in words that `read` reads."""
    return ", ".join(
        f"{name}: {count}" for name, count in zip(names(), histogram.tolist(), strict=True) if count
    )


def read(words: str) -> Array:
    """Return the counts that `text` wrote, wherever they stand in a text."""
    found = dict(_BIN.findall(words))
    return np.array([int(found.get(name, 0)) for name in names()], np.int64)


def names() -> list[str]:
    """Return the bins' names, in order."""
    from verify.short_rows import EDGES

    return [*(f"<={edge:g}" for edge in EDGES[:-1]), "finite", "infinite"]
