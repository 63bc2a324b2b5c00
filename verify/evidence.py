"""Evidence: wrong answers planted on a case, which the limit of a `pass` must reject.

A limit that would let zeros, 1/n or an argmax pass on an input proves nothing there. Every case
therefore carries its own proof: the judge is shown answers that are known to be wrong, and what
it would say of them decides whether the case can be a `pass` at all.

A plant is *wrong on a case* if some element is off by more than an implementation without fault
could be: for the three gross plants one ulp, for the subtle ones the attainable limit (on two
elements far apart, dropping the smaller one may change nothing that a format can show). The subtle
ones are weighed at that same limit, so they say what a case can show; what can keep it from being a
`pass` are the gross ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of, from_float64, to_float64
from verify.ulp import ulp_error

if TYPE_CHECKING:
    from verify.family.kit import Rows
    from verify.oracle.exact import Exact

Array = np.ndarray[Any, Any]
Plants = Mapping[str, tuple[Callable[["Rows", "Exact", str], Array], bool]]


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


def planted(plants: Plants, rows: Rows, exact: Exact, dtype: str) -> Array:
    """Return the errors, in ulps, of every planted answer for `rows`.

    Parameters
    ----------
    plants : mapping
        As in `verify.family.kit.Kit`.
    rows : Rows
        What was asked.
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
        answers = np.stack([plant(rows, exact, dtype) for plant, _ in plants.values()])
    # All at once: on the many small cases the number of calls is what takes time.
    shape = answers.shape
    repeated = exact.each(lambda array: np.ascontiguousarray(np.broadcast_to(array, shape)))
    return ulp_error(answers, repeated)


def weigh(plants: Plants, errors: Array, limit: Array, attainable: Array) -> Evidence:
    """Judge the plants' errors under `limit`; both limits are in ulps, of shape (rows, m)."""
    verdicts: dict[str, list[str]] = {"rejected": [], "accepted": [], "harmless": []}
    for (name, (_, gross)), error in zip(plants.items(), errors, strict=True):
        if bool((error <= (1.0 if gross else attainable)).all()):
            verdicts["harmless"].append(name)
        else:
            accepted = bool((error <= limit).all())
            verdicts["accepted" if accepted else "rejected"].append(name)
    return Evidence(**{kind: tuple(names) for kind, names in verdicts.items()})


def _zeros(rows: Rows, _: Exact, dtype: str) -> Array:
    return np.zeros(rows.x.shape, format_of(dtype).numpy_dtype)


def _uniform(rows: Rows, _: Exact, dtype: str) -> Array:
    z = _scaled(rows)
    return from_float64(format_of(dtype), np.full(z.shape, 1.0 / max(z.shape[1], 1)))


def _one_hot(rows: Rows, _: Exact, dtype: str) -> Array:
    z = _scaled(rows)
    answer = np.zeros(z.shape)
    if z.size:
        answer[np.arange(z.shape[0]), np.argmax(z, axis=1)] = 1.0
    return from_float64(format_of(dtype), answer)


def _unshifted(rows: Rows, _: Exact, dtype: str) -> Array:
    z = _scaled(rows)
    inner = np.float64 if dtype == "float64" else np.float32
    e = np.exp(z.astype(inner))
    return from_float64(format_of(dtype), (e / e.sum(axis=1, keepdims=True)).astype(np.float64))


def _last_dropped(_: Rows, exact: Exact, dtype: str) -> Array:
    g = to_float64(exact.rounded)
    # All results are there; it is the sum that lacks a term.
    return from_float64(format_of(dtype), g / g[:, :-1].sum(axis=1, keepdims=True))


def _low_precision_sum(rows: Rows, _: Exact, dtype: str) -> Array:
    z = _scaled(rows)
    lower = {"float64": "float32", "float32": "float16"}.get(dtype, dtype)
    e = np.exp(z - z.max(axis=1, keepdims=True, initial=-np.inf))
    rounded = from_float64(format_of(lower), e)
    total = np.add.accumulate(rounded, axis=1)[:, -1:]
    return from_float64(format_of(dtype), e / to_float64(total))


def _scaled(rows: Rows) -> Array:
    scaled: Array = rows.x / rows.temperature
    return scaled


SOFTMAX_PLANTS: Plants = {
    "zeros": (_zeros, True),
    "1/n": (_uniform, True),
    "one-hot": (_one_hot, True),
    "unshifted": (_unshifted, False),
    "last dropped": (_last_dropped, False),
    "low-precision sum": (_low_precision_sum, False),
}
