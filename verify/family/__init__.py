"""The softmax family as the judge sees it: one file an operation, or a group of like ones."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from verify.family.kit import Kit

_FILES = {"softmax": "softmax"}


@cache
def kit_of(operation: str) -> Kit:
    """Return the kit of an operation, loading its file."""
    found: Kit = importlib.import_module(f"verify.family.{_FILES[operation]}").KIT
    return found
