"""What ``python -m verify --list`` shows: operations, checks and backends, without loading any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.operations import OPERATIONS
from reports.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backends.spec import BackendSpec

_WIDTH = 22


def listed() -> Iterator[str]:
    """Yield the lines: which backend offers which operation, then checks, then backends."""
    from backends.discovery import builtin_specs
    from verify import checks

    specs = builtin_specs()
    yield "operations"
    yield from _offers(specs)
    yield "checks"
    for name in checks.ALL:
        asked = "" if name in checks.NAMES else " (only if asked for)"
        yield f"  {name:{_WIDTH}} {checks.doc(name)}{asked}"
    yield "backends"
    for spec in specs:
        yield f"  {spec.name:{_WIDTH}} {_summary(spec)}"


def _offers(specs: Sequence[BackendSpec]) -> Iterator[str]:
    """Yield each operation with the backends that have it."""
    for operation in OPERATIONS:
        names = [safe(spec.name) for spec in specs if operation in spec.operations]
        yield f"  {operation:{_WIDTH}} {', '.join(names)}"


def _summary(spec: BackendSpec) -> str:
    if spec.unavailable is not None:
        return f"unavailable: {safe(spec.unavailable, lines=True)}"
    count = len(spec.operations)
    offered = ", ".join(spec.operations) if count == 1 else f"{count} operations"
    return f"{offered}  [{', '.join(spec.dtypes)}]  {spec.array} on {spec.device}"
