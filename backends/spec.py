"""A backend as plain data, for processes that must not load the backend's code."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

from backends.claims import Claims

if TYPE_CHECKING:
    from collections.abc import Mapping

SourceKind = Literal["builtin", "entry_point", "plugin"]


@dataclass(frozen=True)
class Source:
    """Where a backend comes from; enough for another process to load it again.

    Attributes
    ----------
    kind
        ``builtin``, ``entry_point`` (of an installed distribution) or ``plugin`` (file or module).
    location
        The built-in's or entry point's name; the plugin's absolute path or dotted module name.
    digest
        SHA-256 of a plugin file's content, None for everything else.
    """

    kind: SourceKind
    location: str
    digest: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Return the source as JSON-able plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build a source from what `to_dict` returned."""
        return cls(**data)


@dataclass(frozen=True)
class BackendSpec:
    """Everything about a backend that can be known without running it.

    Attributes
    ----------
    name
        The registry name.
    source
        Where to load it from.
    dtypes
        Names of the formats it takes; empty if it could not be loaded.
    operations
        Operation -> the operation's parameters that this backend lets a caller set.
    array, device
        The array library and the device it works on; empty if it could not be loaded.
    claims
        What it says of itself.
    doc
        First line of its documentation.
    unavailable
        Why it cannot run here, with the next step, or None if it can.
    """

    name: str
    source: Source
    dtypes: tuple[str, ...] = ()
    operations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    array: str = ""
    device: str = ""
    claims: Claims = field(default_factory=Claims)
    doc: str = ""
    unavailable: str | None = None

    def to_dict(self) -> dict[str, object]:
        """Return the spec as JSON-able plain data; `from_dict` is the inverse."""
        return {
            "name": self.name,
            "source": self.source.to_dict(),
            "dtypes": list(self.dtypes),
            "operations": {name: list(offered) for name, offered in self.operations.items()},
            "array": self.array,
            "device": self.device,
            "claims": self.claims.to_dict(),
            "doc": self.doc,
            "unavailable": self.unavailable,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build a spec from what `to_dict` returned, before or after a trip through JSON."""
        plain = dict(data)
        return cls(
            **plain
            | {
                "source": Source.from_dict(plain["source"]),
                "dtypes": tuple(plain["dtypes"]),
                "operations": {name: tuple(given) for name, given in plain["operations"].items()},
                "claims": Claims.from_dict(plain["claims"]),
            }
        )
