"""A portion: questions of some backends that go to one worker together, in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from backends.spec import BackendSpec
from verify.suite import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from verify.cases import Case
    from verify.search.report import Plan

Words = tuple[str, str]
"""A question: check and case."""


@dataclass(frozen=True, kw_only=True)
class Hunted:
    """One search: where it starts, along which axis, and for how long."""

    axis: int
    seconds: float | None
    elements: int | None
    starts: tuple[str, ...] = ()

    @classmethod
    def of(cls, plan: Plan, sample: Case, axis: int) -> Self:
        """Return a plan's search of a sample's operation and dtype along an axis."""
        alike = (c for c in plan.corpus.cases if c.operation == sample.operation)
        return cls(
            axis=axis,
            seconds=plan.seconds,
            elements=plan.elements,
            starts=tuple(str(case) for case in alike if case.dtype == sample.dtype),
        )


@dataclass(frozen=True, kw_only=True)
class Portion:
    """What a worker is asked at once.

    Attributes
    ----------
    specs
        The backends, with their sources as the submitter has them.
    questions
        Backend -> its questions, of one stretch of the selection.
    selection
        The run's, for what it says beside the questions.
    origin
        Backend -> the ``--plugin`` argument that it came from.
    timeout, memory_limit
        Seconds for one case; bytes that a child may map.
    search
        Search for the one backend's worst inputs instead.
    """

    specs: tuple[BackendSpec, ...]
    selection: Selection
    questions: Mapping[str, tuple[Words, ...]] = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 20.0
    memory_limit: int | None = None
    search: Hunted | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the portion as JSON-able plain data."""
        return {
            "specs": [spec.to_dict() for spec in self.specs],
            "selection": asdict(self.selection),
            "questions": dict(self.questions),
            "origin": dict(self.origin),
            "timeout": self.timeout,
            "memory_limit": self.memory_limit,
            "search": asdict(self.search) if self.search else None,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build a portion from what `to_dict` returned, after a trip through JSON."""
        plain = dict(data)
        asked = plain["questions"].items()
        return cls(
            **plain
            | {
                "specs": tuple(BackendSpec.from_dict(entry) for entry in plain["specs"]),
                "selection": Selection(**_tuples(plain["selection"])),
                "questions": {name: tuple((a, b) for a, b in words) for name, words in asked},
                "search": Hunted(**_tuples(plain["search"])) if plain["search"] else None,
            }
        )


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in data.items()}
