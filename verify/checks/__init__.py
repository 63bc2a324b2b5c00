"""The checks, one family a file. Adding one is that file and one line in `_DOCS`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from verify.checks.check import Check

_DOCS = {
    "accuracy": "every element against the exact value, over regimes and shapes",
    "axes": "every axis of arrays of 0 to 5 dimensions, lone ones too, square matrices, axis=0",
    "special_values": "every pattern over -inf, finite, +inf and NaN; masked rows as claimed",
    "identities": "shift, permutation, order kept, range, two classes equal the logistic function",
    "temperature": "towards 0 the argmax (ties share), towards infinity 1/n, and in between",
}
_ASKED_FOR = {
    "exhaustive": "all pairs of float16, of bfloat16, all [x, 0] of float32, all triples of fp8",
    "search": "the worst input, by guided search; --seconds and --corpus",
}
NAMES = tuple(_DOCS)
"""What a run asks by default."""
ALL = (*NAMES, *_ASKED_FOR)
"""With those that take a name: ``--check search``."""


def doc(name: str) -> str:
    """Return a check's one line, without loading it."""
    return (_DOCS | _ASKED_FOR)[name]


def load(name: str) -> Check:
    """Return the check called `name`, one of `ALL`."""
    return cast("Check", importlib.import_module(f"verify.checks.{name}").CHECK)
