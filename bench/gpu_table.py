"""Timings on a GPU as a page of docs and as one short table; needs nothing but Python."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Timing", "page", "short"]

_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
_NAMES = ("torch_eager", "torch_compiled", "triton_fused")


@dataclass(frozen=True)
class Timing:
    """One contender on one input.

    Attributes
    ----------
    name, dtype
        Of the contender, and of logits and results.
    n, elements
        Length of a row, and how many elements there are in all.
    seconds, copy
        Median of a call, and of a copy of the logits; NaN where it raised.
    trouble
        What was wrong with its result; empty if nothing was.
    """

    name: str
    dtype: str
    n: int
    elements: int
    seconds: float
    copy: float
    trouble: str = ""

    @property
    def share(self) -> float:
        """Of the copy's bandwidth; both move the array once in and once out."""
        return self.copy / self.seconds

    @property
    def bandwidth(self) -> float:
        """Bytes a second, counting one read and one write."""
        return 2 * self.elements * _BYTES[self.dtype] / self.seconds


def page(
    timings: Sequence[Timing],
    troubles: Sequence[str],
    environment: Mapping[str, str],
    command: str,
) -> str:
    """Return the page of docs: environment, command, a table a dtype, and what went wrong."""
    said = "\n".join(f"- {word}: {value}" for word, value in environment.items())
    method = (
        "Medians of calls timed by CUDA events, the second-level cache overwritten before each. "
        "GB/s count one read and\none write of the array; in brackets the share of the bandwidth "
        "of a copy of the same array. Every result was\nheld against float64 before "
        "(`bench/gpu_verify.py`).\n"
    )
    parts = ["# Softmax on a GPU\n", said + "\n", method, f"Reproduce with\n\n    {command}\n"]
    parts.extend(_table(dtype, timings) for dtype in _BYTES if _of(timings, dtype))
    wrong = [*troubles, *(f"{_place(each)}: {each.trouble}" for each in timings if each.trouble)]
    if wrong:
        parts.append("## Wrong\n\n" + "\n".join(f"- {line}" for line in wrong) + "\n")
    return "\n".join(parts)


def short(timings: Sequence[Timing], troubles: Sequence[str] = ()) -> str:
    """Return the closing table: least share of a copy, and ratios to the contenders by torch."""
    lines = [f"{'dtype':9} {'N':>7} {'of copy':>8} {'x eager':>8} {'x compiled':>10}"]
    for dtype in _BYTES:
        for n in sorted({each.n for each in _of(timings, dtype)}):
            found = {each.name: each for each in _of(timings, dtype) if each.n == n}
            fused = found.get("triton_fused")
            if fused is not None:
                eager, compiled = (_ratio(found.get(name), fused) for name in _NAMES[:2])
                share = _figure(100 * fused.share, "{:.0f} %")
                lines.append(f"{dtype:9} {n:7} {share:>8} {eager:>8} {compiled:>10}")
    wrong = len(troubles) + sum(bool(each.trouble) for each in timings)
    lines.append(f"{len(timings)} timed, {wrong} wrong")
    return "\n".join(lines) + "\n"


def _table(dtype: str, timings: Sequence[Timing]) -> str:
    rows = [
        f"## {dtype}\n",
        f"| N | rows | copy | {' | '.join(_NAMES)} |",
        f"| ---: | ---: | ---: |{' ---: |' * len(_NAMES)}",
    ]
    for n in sorted({each.n for each in _of(timings, dtype)}):
        found = {each.name: each for each in _of(timings, dtype) if each.n == n}
        first = next(iter(found.values()))
        copy = 2 * first.elements * _BYTES[dtype] / first.copy
        cells = " | ".join(_cell(found.get(name)) for name in _NAMES)
        rows.append(f"| {n} | {first.elements // n} | {copy / 1e9:.0f} | {cells} |")
    return "\n".join(rows) + "\n"


def _cell(timing: Timing | None) -> str:
    if timing is None or math.isnan(timing.seconds):
        return "-"
    mark = " wrong" if timing.trouble else ""
    return f"{timing.bandwidth / 1e9:.0f} ({100 * timing.share:.0f} %){mark}"


def _of(timings: Sequence[Timing], dtype: str) -> list[Timing]:
    return [each for each in timings if each.dtype == dtype]


def _place(timing: Timing) -> str:
    return f"{timing.name}, {timing.dtype}, N = {timing.n}"


def _ratio(other: Timing | None, fused: Timing) -> str:
    return "-" if other is None else _figure(other.seconds / fused.seconds, "{:.2f}")


def _figure(value: float, form: str) -> str:
    return "-" if math.isnan(value) else form.format(value)
