"""The arrays that go with x: labels, cotangents, candidates and how often each class is drawn.

A case names them by a word each (``/labels=argmax/cotangent=wide``); like x they are built from the
case's words alone, by worker, oracle and judge. In *rows* they are as the oracle sees them: labels
``(rows,)``, a cotangent ``(rows, n)``; candidates and counts belong to no row.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import format_of, from_float64, to_float64
from backends.operations import IGNORE_INDEX, operation, without_axis
from backends.vocabulary import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from verify.cases import Case

Array = np.ndarray[Any, Any]
Generator = np.random.Generator

DEFAULTS: Mapping[str, str] = {"labels": "random", "cotangent": "normal", "sampled": "8"}
"""The word that stands for none."""


def rows(case: Case, x: Array) -> dict[str, Array]:
    """Return the further inputs of `case` by name, as rows.

    Parameters
    ----------
    case : Case
    x : array (rows, n)
        Its logits, for words that look at them.
    """
    return {name: _ROWS[name](case, x) for name in operation(case.operation).inputs[1:]}


def placed(name: str, array: Array, case: Case) -> Array:
    """Return an array that is given as rows as the case's operation takes it."""
    from verify.regimes import placed as like_x

    if name == "cotangent":
        return like_x(array, case)
    if name == "labels":
        return array.reshape(without_axis(case.shape, case.axis))
    return array


def validate(case: Case) -> None:
    """Raise ValueError for a word that names no such array, or one that is not taken."""
    names = operation(case.operation).inputs
    for name in DEFAULTS:
        word = getattr(case, name)
        if word and name not in names:
            raise ValueError(f"{case.operation} takes no {name}")
        if word:
            _CHECKS[name](word)
    given = operation(case.operation).parameters
    for name, default in (("ignore_index", IGNORE_INDEX), ("remove_accidental_hits", True)):
        if name not in given and getattr(case, name) != default:
            raise ValueError(f"{case.operation} takes no {name}")


def _random(case: Case, name: str) -> Generator:
    return np.random.default_rng([case.seed, case.rows, case.n, *name.encode()])


# --- labels -----------------------------------------------------------------------------------


def _labels(case: Case, x: Array) -> Array:
    word = case.labels or DEFAULTS["labels"]
    if case.n == 0:
        return np.full(case.rows, case.ignore_index, np.int64)
    if word not in LABELS:
        return np.resize(np.array(_numbers(word), np.int64), case.rows)
    return np.asarray(LABELS[word](case, to_float64(x), _random(case, "labels")), np.int64)


def _any_class(case: Case, _: Array, random: Generator) -> Array:
    return np.asarray(random.integers(0, case.n, case.rows))


def _largest(_: Case, x: Array, __: Generator) -> Array:
    return np.asarray(np.argmax(np.where(np.isnan(x), -np.inf, x), axis=1))


def _smallest(_: Case, x: Array, __: Generator) -> Array:
    return np.asarray(np.argmin(np.where(np.isfinite(x), x, np.inf), axis=1))


def _outermost(case: Case, _: Array, __: Generator) -> Array:
    """Return the last class and the first in turn: where an index is off by one, or too narrow."""
    return np.resize([case.n - 1, 0], case.rows)


def _hidden(case: Case, x: Array, random: Generator) -> Array:
    """Return a class that is masked where there is one."""
    masked = np.isneginf(x)
    return np.where(masked.any(axis=1), masked.argmax(axis=1), _any_class(case, x, random))


def _some_ignored(case: Case, x: Array, random: Generator) -> Array:
    labels = _any_class(case, x, random)
    labels[::2] = case.ignore_index
    return labels


def _all_ignored(case: Case, _: Array, __: Generator) -> Array:
    return np.full(case.rows, case.ignore_index)


LABELS: Mapping[str, Callable[[Case, Array, Generator], Array]] = {
    "random": _any_class,
    "argmax": _largest,
    "argmin": _smallest,
    "ends": _outermost,
    "masked": _hidden,
    "ignored": _some_ignored,
    "all_ignored": _all_ignored,
}
"""Words for labels; classes themselves may be listed instead, as in ``labels=0,2``."""


def _numbers(word: str) -> list[int]:
    return [int(item) for item in word.split(",")]


def _check_labels(word: str) -> None:
    if word not in LABELS:
        try:
            _numbers(word)
        except ValueError:
            raise ValueError(
                f"labels={word}: {nearest(word, LABELS)}; or give classes, as in labels=0,2"
            ) from None


# --- cotangents -------------------------------------------------------------------------------


def _cotangent(case: Case, x: Array) -> Array:
    word = case.cotangent or DEFAULTS["cotangent"]
    fmt = format_of(case.dtype)
    if word in COTANGENTS:
        return from_float64(fmt, COTANGENTS[word](x.shape, _random(case, "cotangent")))
    return from_float64(fmt, np.resize(np.array(_values(word)), x.shape))


def _plain(shape: tuple[int, int], random: Generator) -> Array:
    return random.normal(0.0, 1.0, shape)


def _one_hot(shape: tuple[int, int], random: Generator) -> Array:
    """One class a row, as under a loss of the probability itself."""
    cotangent = np.zeros(shape)
    if shape[1]:
        cotangent[np.arange(shape[0]), random.integers(0, shape[1], shape[0])] = 1.0
    return cotangent


def _equal(shape: tuple[int, int], random: Generator) -> Array:
    """One number a row: the gradient is exactly 0, and nothing but cancellation is left."""
    return np.broadcast_to(random.integers(1, 9, (shape[0], 1)) / 4.0, shape).copy()


def _near(shape: tuple[int, int], random: Generator) -> Array:
    """Numbers next to each other: their mean is nearly all of them."""
    return 8.0 + random.normal(0.0, 0.125, shape)


def _far_apart(shape: tuple[int, int], random: Generator) -> Array:
    """Magnitudes from 2^-10 to 2^6, of either sign."""
    return random.choice([-1.0, 1.0], shape) * np.exp2(random.uniform(-10.0, 6.0, shape))


def _with_one(value: float) -> Callable[[tuple[int, int], Generator], Array]:
    """Return a word's builder: one such entry a row, at another place each time, none in the last.

    What it spoils is its own row: the last one, and its neighbours, show where it goes further.
    """

    def build(shape: tuple[int, int], random: Generator) -> Array:
        cotangent = random.normal(0.0, 1.0, shape)
        at = np.arange(max(shape[0] - 1, 0))
        if shape[1]:
            cotangent[at, at * (shape[1] - 1) // max(1, shape[0] - 2)] = value
        return cotangent

    return build


POISONED = ("one_nan", "one_inf")
"""Words for cotangents that are no numbers throughout."""

COTANGENTS: Mapping[str, Callable[[tuple[int, int], Generator], Array]] = {
    "normal": _plain,
    "one_hot": _one_hot,
    "equal": _equal,
    "near": _near,
    "wide": _far_apart,
    "one_nan": _with_one(math.nan),
    "one_inf": _with_one(math.inf),
}
"""Words for cotangents; numbers may be listed instead, as in ``cotangent=1.0,-0.5``."""


def _values(word: str) -> list[float]:
    return [float(item) for item in word.split(",")]


def _check_cotangent(word: str) -> None:
    if word not in COTANGENTS:
        try:
            _values(word)
        except ValueError:
            raise ValueError(
                f"cotangent={word}: {nearest(word, COTANGENTS)}; or give numbers, as in "
                "cotangent=1.0,-0.5"
            ) from None


# --- candidates -------------------------------------------------------------------------------


def _sampled(case: Case, x: Array) -> Array:
    count = int(case.sampled or DEFAULTS["sampled"])
    if not case.n:
        return np.empty(0, np.int64)
    candidates = _random(case, "sampled").choice(case.n, count, p=_law(case.n)).astype(np.int64)
    if count > 1 and case.rows:
        # One row meets its own label, and a candidate comes twice.
        candidates[0] = _labels(case, x)[0]
        candidates[-1] = candidates[count // 2]
    return np.clip(candidates, 0, case.n - 1)


def _log_expected_count(case: Case, _: Array) -> Array:
    count = max(int(case.sampled or DEFAULTS["sampled"]), 1)
    return from_float64(format_of(case.dtype), np.log(count * _law(case.n)))


def _law(n: int) -> Array:
    """Return the log-uniform law: class c comes with log((c + 2) / (c + 1)) / log(n + 1)."""
    classes = np.arange(n)
    return np.log1p(1.0 / (classes + 1)) / math.log(n + 1) if n else np.empty(0)


def _check_sampled(word: str) -> None:
    if not word.isdecimal():
        raise ValueError(f"sampled={word}: give the number of candidates, as in sampled=8")


_ROWS: Mapping[str, Callable[[Case, Array], Array]] = {
    "labels": _labels,
    "cotangent": _cotangent,
    "sampled": _sampled,
    "log_expected_count": _log_expected_count,
}
_CHECKS: Mapping[str, Callable[[str], None]] = {
    "labels": _check_labels,
    "cotangent": _check_cotangent,
    "sampled": _check_sampled,
}
