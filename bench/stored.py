"""A stored run as the baseline: only where the environment is the same, and without a verdict.

Two sittings are not a duel. What a machine does at another moment, how warm it is and who else
uses it, is in the difference, and nothing in the two runs tells how much. So nothing is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from reports.records import shape_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.records import Measurement


def comparison(before: Sequence[Measurement], now: Sequence[Measurement]) -> str:
    """Return a table of the timings that both runs have, and how many are the later one's alone."""
    old = {_key(item): item for item in before}
    both = [(old[_key(item)], item) for item in now if _key(item) in old]
    alone = len(now) - len(both)
    said = [f"{alone} timings have no counterpart in that run"] if alone else []
    if both:
        frame = pd.DataFrame([_row(first, second) for first, second in both])
        said = [
            "medians of two sittings, µs; what differs may be the moment: only a duel tells",
            frame.to_string(index=False, float_format="{:.4g}".format),
            *said,
        ]
    return "\n".join(said)


def _key(item: Measurement) -> tuple[object, ...]:
    return (
        *(item.backend, item.operation, item.dtype, item.shape, item.axis),
        *(item.device, item.threads, item.cache),
    )


def _row(before: Measurement, now: Measurement) -> dict[str, object]:
    return {
        "backend": now.backend,
        "operation": now.operation,
        "dtype": now.dtype,
        "shape": shape_text(now.shape),
        "before": before.median * 1e6,
        "now": now.median * 1e6,
        "times as fast": before.median / now.median,
        "by minimum": before.minimum / now.minimum,
    }
