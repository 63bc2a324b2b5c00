"""Is it right? Oracle, limits, checks, and the isolated runs that judge a softmax.

For other projects' tests, with nothing of the suite to learn::

    import verify

    verify.assert_correct(my_softmax, dtypes=["float32"])
    golden = verify.exact.softmax(x)

Importing this package imports no array library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from verify import exact
    from verify.assertion import assert_correct

__all__ = ["assert_correct", "exact"]


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    if name == "exact":
        return importlib.import_module("verify.exact")
    if name == "assert_correct":
        return importlib.import_module("verify.assertion").assert_correct
    raise AttributeError(f"module 'verify' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
