"""What a shared library exports: the names of its functions, and what each takes in which order.

The same in C stands in ``softmark.h``; a test holds the two against each other.
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from backends.operations import OPERATIONS, Operation

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = Path(__file__).with_name("softmark.h")
"""The declarations in C."""

MANIFEST = "softmark_backend"
"""The exported array of characters that says something of the library, as JSON."""

SUFFIXES: Mapping[str, str] = MappingProxyType(
    {"float64": "f64", "float32": "f32", "float16": "f16", "bfloat16": "bf16"}
)
"""Format -> how the names of its functions end."""

# What a function is not told: it gets rows, and the adaptor has no temperature to give.
_UNTOLD = ("axis", "temperature")


def symbol(operation: str, dtype: str) -> str:
    """Return the name of the function for an operation in a format, as in ``softmax_f32``."""
    return f"{operation}_{SUFFIXES[dtype]}"


SYMBOLS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {symbol(name, dtype): (name, dtype) for name in OPERATIONS for dtype in SUFFIXES}
)
"""Every function's name -> its operation and its format."""


def parameters(operation: Operation) -> dict[str, int]:
    """Return the parameters that a function takes as integers, after the sizes, with defaults."""
    return {
        name: value
        for name, value in operation.parameters.items()
        if name not in _UNTOLD and isinstance(value, int)
    }
