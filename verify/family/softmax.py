"""Softmax: its limits stand in `verify.bounds`, its plants in `verify.evidence`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verify import bounds, evidence
from verify.family.kit import Kit

if TYPE_CHECKING:
    from backends.claims import Claims
    from verify.family.kit import Rows
    from verify.oracle.exact import Exact


def _limits(rows: Rows, exact: Exact, dtype: str, claims: Claims) -> bounds.Limits:
    return bounds.softmax_limits(rows.x, exact, dtype, rows.temperature, claims)


KIT = Kit(limits=_limits, plants=evidence.SOFTMAX_PLANTS)
