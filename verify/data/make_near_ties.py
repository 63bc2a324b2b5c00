"""Make the rows of `verify.near_ties`: 16-bit rows that a second rounding gets wrong.

Of random rows those are kept on which a float64 softmax, rounded to float32 and then to the format,
differs from one that is rounded to the format at once. One result in about 2^17 (bfloat16) or 2^14
(float16) does. Printed are the encodings, as a case carries them::

    python -m verify.data.make_near_ties
"""

from __future__ import annotations

from itertools import product
from typing import Any

import click
import numpy as np

from backends.formats import Format, format_of, from_float64, to_float64
from reports.console import tracked
from verify.encoded import encode

# Rows, classes: two, less than a vector, a vector and its tail, a long one.
SIZES = ((8, 2), (6, 3), (4, 9), (2, 33))
_ELEMENTS = 1 << 20


def found(fmt: Format, rows: int, n: int) -> np.ndarray[Any, Any]:
    """Return float64 rows ``(rows, n)`` of the format on which rounding twice shows."""
    rng = np.random.default_rng([rows, n, fmt.precision])
    kept: list[np.ndarray[Any, Any]] = []
    while sum(map(len, kept)) < rows:
        x = to_float64(from_float64(fmt, rng.uniform(-6.0, 2.0, (_ELEMENTS // n, n))))
        e = np.exp(x - x.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        once = to_float64(from_float64(fmt, p))
        twice = to_float64(from_float64(fmt, p.astype(np.float32).astype(np.float64)))
        kept.append(x[(once != twice).any(axis=1)])
    return np.concatenate(kept)[:rows]


def main() -> None:
    """Search, and print what stands in `verify.near_ties`."""
    for name, (rows, n) in tracked(list(product(("bfloat16", "float16"), SIZES)), "searches"):
        fmt = format_of(name)
        bits = from_float64(fmt, found(fmt, rows, n)).view(fmt.storage)
        click.echo(f'    ("{name}", ({rows}, {n})): "{encode(bits)}",')


if __name__ == "__main__":
    main()
