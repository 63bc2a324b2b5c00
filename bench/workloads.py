"""Workloads: the shapes that are timed, and why each of them is there.

A shape that nobody meets tells nobody anything; each of these is one that a user of softmax runs,
or one that shows a cost which the others hide.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Literal

from backends.errors import SoftmarkError
from backends.vocabulary import nearest
from reports.records import parse_shape, shape_text

if TYPE_CHECKING:
    from collections.abc import Iterable

Profile = Literal["quick", "full"]


class WorkloadError(SoftmarkError, ValueError):
    """A ``--shape`` that is neither a shape nor a workload's name, or that holds no work."""


@dataclass(frozen=True)
class Workload:
    """One input to be timed.

    Attributes
    ----------
    name
        What ``--shape`` and a test's name call it.
    shape
        Shape of the input.
    axis
        The axis along which the operation runs; negative counts from the end.
    why
        What it stands for, or which cost it shows.
    """

    name: str
    shape: tuple[int, ...]
    axis: int
    why: str

    @property
    def count(self) -> int:
        """How many elements the input has."""
        return prod(self.shape)

    def __str__(self) -> str:
        """Return name, shape and, where it is not the last, the axis."""
        shape = shape_text(self.shape)
        words = [shape] if self.name == shape else [self.name, shape]
        return " ".join(words if self.axis == -1 else [*words, f"axis={self.axis}"])


# At 4 bytes an element: up to 2 MB stays in a core's cache, 16 MB in that of some processors,
# 64 MB in that of none.
_QUICK = (
    Workload(
        "classifier_10", (8192, 10), -1, "a small classifier's batch: rows shorter than a vector"
    ),
    Workload(
        "classifier_1000", (4096, 1000), -1, "ImageNet logits: rows that stay in the first cache"
    ),
    Workload("tiny_rows", (65536, 4), -1, "gating and routing: what a row costs, not an element"),
    Workload(
        "attention_256", (2, 12, 256, 256), -1, "12 heads over 256 tokens: rows in four dimensions"
    ),
    Workload(
        "vocabulary_50257", (64, 50257), -1, "GPT-2's vocabulary: an odd length, rows of 200 kB"
    ),
    Workload(
        "vocabulary_131072", (16, 131072), -1, "a present vocabulary: rows of 512 kB in float32"
    ),
    Workload("huge_row", (1, 1048576), -1, "one row: only splitting it occupies a second core"),
    Workload(
        "segmentation_21", (4, 21, 64, 64), 1, "classes of every pixel: not along the last axis"
    ),
)
_FULL = (
    Workload("one_token", (1, 50257), -1, "decoding: one row, where the cost of a call shows"),
    Workload(
        "attention_1024", (1, 8, 1024, 1024), -1, "8 heads over 1024 tokens: larger than caches"
    ),
    Workload(
        "attention_8192", (512, 8192), -1, "some queries against a long context: rows of 32 kB"
    ),
    Workload("narrow_rows", (65536, 64), -1, "experts and small heads: a vector or two a row"),
    Workload("vocabulary_262144", (32, 262144), -1, "the largest vocabularies: rows of 1 MB"),
    Workload("huge_row_4m", (1, 4194304), -1, "one row that is larger than a core's own cache"),
    Workload("columns", (2048, 2048), 0, "a score matrix by columns: every step is a stride"),
)

WORKLOADS = (*_QUICK, *_FULL)
"""Every workload that has a name."""


def of_profile(profile: Profile) -> tuple[Workload, ...]:
    """Return the workloads of a profile: ``full`` has all of them."""
    return WORKLOADS if profile == "full" else _QUICK


def parse(text: str) -> Workload:
    """Return the workload that ``--shape`` means: a name, or a shape such as ``4096x1000``.

    A bare shape runs along its last axis.

    Raises
    ------
    WorkloadError
        Naming the nearest workloads, or what a shape looks like.
    """
    named = {workload.name: workload for workload in WORKLOADS}
    if text in named:
        return named[text]
    try:
        shape = parse_shape(text)
    except ValueError:
        raise WorkloadError(
            f"{text!r} is no shape such as 64x1000 and no workload; {nearest(text, named)}"
        ) from None
    if not shape or not prod(shape):
        raise WorkloadError(f"shape {text!r} holds no row to time; write it like 64x1000")
    same = (known for known in WORKLOADS if known.shape == shape and known.axis == -1)
    return next(same, Workload(shape_text(shape), shape, -1, "asked for by its shape"))


def chosen(shapes: Iterable[str], profile: Profile) -> tuple[Workload, ...]:
    """Return the workloads of ``--shape`` options, each once, or those of the profile."""
    return tuple(dict.fromkeys(parse(text) for text in shapes)) or of_profile(profile)
