"""Evidence: wrong answers planted on a case, which the limit of a `pass` must reject.

A limit that would let zeros, 1/n or an argmax pass on an input proves nothing there. Every case
therefore carries its own proof: the judge is shown answers that are known to be wrong, and what
it would say of them decides whether the case can be a `pass` at all.

A plant is *wrong on a case* if some element is off by more than an implementation without fault
could be: for the gross plants one ulp, for the subtle ones the attainable limit (on two elements
far apart, dropping the smaller one may change nothing that a format can show). The subtle ones are
weighed at that same limit, so they say what a case can show; what can keep it from being a `pass`
are the gross ones. Each operation has plants of its own (`verify.family`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.ulp import ulp_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from verify.family.kit import Plant, Rows
    from verify.oracle.exact import Exact

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Evidence:
    """What a limit says of the planted answers.

    Attributes
    ----------
    rejected, accepted, harmless
        Names of the plants that are wrong here and rejected, wrong here and accepted, and not
        wrong here.
    """

    rejected: tuple[str, ...]
    accepted: tuple[str, ...]
    harmless: tuple[str, ...]

    @property
    def sufficient(self) -> bool:
        """Whether the case proves anything: some plant is wrong here, and none is accepted."""
        return bool(self.rejected) and not self.accepted

    def __str__(self) -> str:
        parts = [
            f"{verb} {', '.join(names)}"
            for verb, names in (
                ("rejects", self.rejected),
                ("ACCEPTS", self.accepted),
                ("not wrong here:", self.harmless),
            )
            if names
        ]
        return "; ".join(parts) or "no plant"


def planted_errors(plants: Mapping[str, Plant], rows: Rows, exact: Exact, dtype: str) -> Array:
    """Return the errors, in ulps, of every planted answer.

    Parameters
    ----------
    plants : mapping
        The operation's.
    rows : Rows
        The inputs, exactly.
    exact : Exact
        The exact results, each field of shape (rows, m).
    dtype : str
        The format of inputs and results.

    Returns
    -------
    float64 array (plants, rows, m)
        For `weigh`; they depend on the case alone, and not on what a backend claims.
    """
    with np.errstate(all="ignore"):  # plants are wrong on purpose: they overflow and divide by 0
        planted = np.stack([plant.answer(rows, exact, dtype) for plant in plants.values()])
    # All at once: on the many small cases the number of calls is what takes time.
    shape = planted.shape
    repeated = exact.each(lambda array: np.ascontiguousarray(np.broadcast_to(array, shape)))
    return ulp_error(planted, repeated)


def weigh(plants: Mapping[str, Plant], errors: Array, limit: Array, attainable: Array) -> Evidence:
    """Judge the errors of `plants` under `limit`; both limits are in ulps, of shape (rows, m)."""
    verdicts: dict[str, list[str]] = {"rejected": [], "accepted": [], "harmless": []}
    for (name, plant), error in zip(plants.items(), errors, strict=True):
        if bool((error <= (1.0 if plant.gross else attainable)).all()):
            verdicts["harmless"].append(name)
        else:
            accepted = bool((error <= limit).all())
            verdicts["accepted" if accepted else "rejected"].append(name)
    return Evidence(**{kind: tuple(names) for kind, names in verdicts.items()})
