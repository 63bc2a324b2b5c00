"""The closed sets of words that a registration may use, and help for a misspelt one.

Kept apart from `formats` and `arrays`, so that registering a backend imports no array library.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DTYPES = ("float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
DEVICES = ("cpu", "cuda")
ALGORITHMS = ("shifted", "unshifted", "division_free", "online", "two_pass")
ALL_MASKED = ("nan", "zero", "uniform")
SUBNORMALS = ("gradual", "flush")
ZERO_LENGTH = ("empty", "raises")

# Ratio of difflib above which a word is a misspelling: 'gpu' is none of 'cpu' (0.67).
_ALIKE = 0.7


def nearest(word: object, known: Iterable[str]) -> str:
    """Return the words of `known` that `word` may have meant, ready for an error message.

    Parameters
    ----------
    word
        What was given; anything that is not a string resembles nothing.
    known
        The valid words.

    Returns
    -------
    str
        ``"did you mean 'a' or 'b'?"``, or ``"valid: a, b, c"`` if nothing resembles it.
    """
    words = list(known)
    close = difflib.get_close_matches(str(word), words, n=3, cutoff=_ALIKE)
    if close:
        return f"did you mean {' or '.join(repr(match) for match in close)}?"
    return f"valid: {', '.join(words) or 'none'}"
