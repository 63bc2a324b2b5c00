"""What a call may leave behind in its thread, to the harm of everybody's arithmetic after it.

Flushing of subnormal numbers, another rounding mode, NumPy's error handling: each is a setting of
the thread, and a library that sets one for itself and does not set it back changes the results, or
the exceptions, of code that never heard of it.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

FLUSHING = "subnormal numbers are flushed to zero"
ROUNDING = "numbers are no longer rounded to nearest"
ERRORS = "NumPy's error handling (numpy.seterr) is another"


@contextmanager
def watched() -> Iterator[list[str]]:
    """Give a list which holds, once the block has ended, what is left behind in this thread.

    Whatever earlier calls of the backend did to NumPy's error handling is undone for the block.
    """
    found: list[str] = []
    with np.errstate(all="warn"):
        before = np.geterr()
        yield found
        if np.geterr() != before:
            found.append(ERRORS)
    found += _modes()


def _modes() -> list[str]:
    # Variables, because constants would be folded when this file was compiled.
    smallest, least, one = sys.float_info.min, 5e-324, 1.0
    found = []
    if smallest / 2 == 0 or least * 2.0**100 == 0:
        found.append(FLUSHING)
    if one + 2.0**-54 != one or one - 2.0**-55 != one:
        found.append(ROUNDING)
    return found
