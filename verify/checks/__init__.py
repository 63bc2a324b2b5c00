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
    "contract": "every view, empty arrays, bad axes; results that alias nothing and outlive calls",
    "arguments": "labels that are no class, shapes that do not fit, temperatures below 0: refused",
    "guard": "arrays against guard pages: no access outside, no write beside, input read-only",
    "determinism": "the same bits in 100 calls, from other memory, with all threads and with one",
    "batch_invariance": "a row alone and at every place in batches of 2, 3, 8 and 64",
    "thread_safety": "four threads at once, each with its own data",
    "replay": "the same memory, shape or checksum with new content: no answer of an earlier call",
    "drift": "the 1000th call like the first, other shapes and dtypes in between",
    "leaks": "resident memory over thousands of calls",
    "cliffs": "subnormal, NaN, masked or sorted rows that take over ten times as long",
}
_ASKED_FOR = {
    "exhaustive": "all pairs of float16, of bfloat16, all [x, 0] of float32, all triples of fp8",
    "downstream": "a classifier of handwritten digits, trained with it beside the exact run",
    "search": "the worst input, by guided search; --seconds and --corpus",
}
BY_MACHINE = ("determinism", "leaks", "cliffs")
"""What these find depends on the processor and its threads: a limitation need not show here."""
NAMES = tuple(_DOCS)
"""What a run asks by default."""
ISOLATED = ("guard",)
"""Those that only a worker can be asked: a fault ends the process."""
ALL = (*NAMES, *_ASKED_FOR)
"""With those that take a name: ``--check search``."""


def doc(name: str) -> str:
    """Return a check's one line, without loading it."""
    return (_DOCS | _ASKED_FOR)[name]


def load(name: str) -> Check:
    """Return the check called `name`, one of `ALL`."""
    return cast("Check", importlib.import_module(f"verify.checks.{name}").CHECK)
