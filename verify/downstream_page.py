"""The page on what the choice of a softmax does to a classifier (`verify.downstream_table`)."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

from reports.records import Status
from reports.text import safe
from verify import network
from verify.checks import downstream
from verify.network import HELD_OUT, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from verify.downstream_table import Trained
    from verify.training import Trace

_HEAD = (
    ("backend", "---"),
    ("format", "---"),
    ("status", "---"),
    ("first step that differs", "---:"),
    ("first NaN", "---:"),
    ("recognised", "---:"),
    ("loss", "---:"),
    ("misrounded", "---:"),
)
_TITLES = {
    "softmax": "Its softmax, and p − onehot as the gradient",
    "cross_entropy_grad": "Its gradient of the cross-entropy",
    "sigmoid": "One-vs-all: its sigmoid, ten independent outputs",
}


def page(found: Sequence[Trained], command: str) -> str:
    """Return the page as Markdown."""
    steps, batch, _ = found[0].case.shape if found else downstream.SHAPE
    parts = [_introduction(steps, batch)]
    for operation, title in _TITLES.items():
        for regime, setting in SETTINGS.items():
            some = [t for t in found if (t.case.operation, t.case.regime) == (operation, regime)]
            if some:
                parts.append(f"## {title}: `{regime}`\n\n{setting.doc.capitalize()}.\n")
                parts.append(_table(_HEAD, [_row(each) for each in some]))
                parts.append(_reasons(some))
    parts += [_heads(found), _end(command)]
    return "\n".join(part for part in parts if part)


def _introduction(steps: int, batch: int) -> str:
    held = HELD_OUT
    sizes = f"{network.PIXELS} pixels, {network.HIDDEN} hidden units and {network.CLASSES} classes"
    return f"""# What the choice of a softmax does to a classifier

A network of {sizes} learns handwritten digits in
{steps} steps of {batch} images by plain gradient descent, each time with another backend as its
softmax, its gradient or its sigmoid; {held} images are held out. Weights, activations, logits and
gradients are numbers of the format; all sums around the backend's answers are taken in float64 in
a fixed order and rounded once (`verify/network.py`). So what differs between two rows of a table
is what the backends answered, and nothing else. The *exact run* has every answer correctly rounded.

- **first step that differs**: after it some weight is not the exact run's, to the bit.
- **first NaN**: the first step with a NaN or an infinity among answers or weights.
- **recognised**: of the N = {held} images held out, at the end. A backend fails if it loses more
  than {downstream.DEVIATIONS} √(2 N q (1 − q)) against the exact run's share q: what chance exceeds
  once in a million, were both counts independent and binomial.
- **loss**: the mean over the images held out, as the backend's own answers tell it. Where a
  probability of the label is rounded to 0, −log p is infinite; the gradient is not, and training
  goes on. A cross-entropy that is computed from the logits stays finite.
- **misrounded**: of all answers on the way, each judged by the logits that it was given. An answer
  beyond what the claimed algorithm can be off by fails, however well the network learns.
"""


def _table(head: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]) -> str:
    lines = [[name for name, _ in head], [rule for _, rule in head], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _row(each: Trained) -> list[str]:
    status = "" if each.verdict is None else each.verdict.status.value
    start = [_cell(each.backend), each.case.dtype, status]
    if each.trace is None:
        message = "" if each.verdict is None else each.verdict.message
        return [*start, _cell(message[:80]), "", "", "", ""]
    differs, broke = each.trace.differs(each.exact), each.trace.broke
    misrounded = None if each.verdict is None else each.verdict.misrounded
    return [
        *start,
        "none" if differs is None else str(differs + 1),
        "none" if broke is None else str(broke + 1),
        str(int(each.trace.correct[-1])),
        f"{each.trace.loss[0]:.4f}",
        "" if misrounded is None else f"{misrounded:,}",
    ]


def _reasons(some: Sequence[Trained]) -> str:
    """Return what the judge says of those that did not pass, the backend's formats together."""
    said: dict[tuple[str, str], list[str]] = {}
    for each in some:
        if each.verdict is not None and each.verdict.status is not Status.PASS:
            reason = each.verdict.message.partition("; step ")[0].partition("; no step ")[0]
            reason += "]" * (reason.count("[") - reason.count("]"))  # of a known limitation
            said.setdefault((each.backend, reason), []).append(each.case.dtype)
    lines = [
        f"- {_cell(who)}, {', '.join(fmts)}: {_cell(why)}" for (who, why), fmts in said.items()
    ]
    return "\n".join(lines) + "\n" if lines else ""


def _heads(found: Sequence[Trained]) -> str:
    """Return softmax beside one-vs-all, exact runs and backends that offer both."""
    traces = {
        (each.backend, each.case.operation, each.case.dtype, each.case.regime): each.trace
        for each in found
        if each.trace is not None
    }
    rows = []
    for (backend, operation, dtype, regime), trace in traces.items():
        other = traces.get((backend, "sigmoid", dtype, regime))
        if operation == "softmax" and other is not None:
            rows.append([_cell(backend), dtype, regime, *_figures(trace), *_figures(other)])
    if not rows:
        return ""
    head = [("backend", "---"), ("format", "---"), ("setting", "---")]
    for name in ("softmax", "one-vs-all"):
        head += [(f"{name}: recognised", "---:"), ("first batch's loss", "---:")]
        head += [("last ten batches'", "---:"), ("held out", "---:")]
    return (
        "## Softmax beside one-vs-all\n\n"
        "The same images, weights, batches and learning rates. The losses are different things,\n"
        "the cross-entropy of one choice among ten and the sum of ten binary ones: each is to be\n"
        "compared with its own beginning.\n\n" + _table(head, rows)
    )


def _figures(trace: Trace) -> list[str]:
    losses = trace.losses[0], trace.losses[-10:].mean(), trace.loss[0]
    return [str(int(trace.correct[-1])), *(f"{loss:.4f}" for loss in losses)]


def _cell(text: str) -> str:
    return safe(text).replace("|", "\\|")


def _end(command: str) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "torch", "numba"))
    return f"""Reproduce with

    {command}

and, for verdicts in the store, `python -m verify --check downstream`. Loss curves come as a tidy
frame with `--output curves.parquet` (or `.csv`). Python {platform.python_version()}, {libraries}.
"""
