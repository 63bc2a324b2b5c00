"""Sampled cross-entropy: the cross-entropy of scores s = z − q, with the label's the first.

On top of the cross-entropy of k + 1 exact scores (`verify.family.logarithms`) each score is rounded
once: |s_0| + Σ g_i |s_i| units. That has the size of the scores, and who subtracts the logarithms
before the shift pays it; a common offset of the logits is lost there. A temperature scales z before
that: SCALING (|z_0| + Σ g_i |z_i|).

Attainable: z − q is carried as the sum of two numbers, so that only the division by a temperature
shows: SCALING times the gaps of z among the candidates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from verify import units
from verify.family.kit import Kit, Rows
from verify.family.labels import labels
from verify.family.logarithms import LOSSY_AT_ZERO, log_softmax_errors
from verify.family.measured import LARGEST, absolute_limits, measured
from verify.family.planted import (
    MEAN_REDUCTION,
    SIGN_FLIPPED,
    ZEROS,
    inner_dtype,
    right,
    rounded,
    scaled_only,
)

if TYPE_CHECKING:
    from backends.claims import Claims
    from verify.bounds import Limits
    from verify.oracle.exact import Exact

Array = np.ndarray[Any, Any]  # float64


@dataclass(frozen=True)
class _Candidates:
    """The label and the candidates, each of shape (rows, k + 1); -inf in a score removes it."""

    z: Array
    q: Array
    hit: Array

    def scores(self, *, sign: float = -1.0) -> Array:
        with np.errstate(invalid="ignore", over="ignore"):
            return np.where(self.hit, -np.inf, self.z + sign * self.q)


def _candidates(rows: Rows) -> _Candidates:
    if rows.sampled is None or rows.log_expected_count is None:
        raise ValueError("a sampled loss needs candidates and their log expected counts, got None")
    label = labels(rows)
    shape = (rows.x.shape[0], len(rows.sampled))
    classes = np.concatenate([label, np.broadcast_to(rows.sampled, shape)], axis=1).astype(np.int64)
    hit = (classes == label) & rows.remove_accidental_hits
    hit[:, 0] = False
    with np.errstate(over="ignore"):
        z = np.take_along_axis(rows.x, classes, axis=1) / rows.temperature
    return _Candidates(z, rows.log_expected_count[classes], hit)


def _limits(rows: Rows, exact: Exact, dtype: str, claims: Claims) -> Limits:
    candidates = _candidates(rows)
    m = measured(candidates.scores(), all_masked=claims.all_masked)
    theory, attainable = (error[:, :1] for error in log_softmax_errors(m, dtype, claims))
    rounded_scores = m.magnitude[:, :1] + m.mean(m.magnitude)
    extra, best = rounded_scores, np.zeros_like(rounded_scores)
    if rows.temperature != 1.0:
        z = np.where(m.there, np.clip(candidates.z, -LARGEST, LARGEST), 0.0)
        gap = np.max(z, axis=1, keepdims=True, initial=-LARGEST, where=m.there) - z
        gap = np.where(m.there, gap, 0.0)
        extra = extra + units.SCALING * (np.abs(z)[:, :1] + m.mean(np.abs(z)))
        best = best + units.SCALING * (gap[:, :1] + m.mean(gap))
    theory = theory + extra * units.inner_format(dtype, claims).unit_roundoff
    attainable = attainable + best * units.inner_format(dtype, units.usual(claims)).unit_roundoff
    lossy = m.there[:, :1] & (claims.algorithm in LOSSY_AT_ZERO)
    return absolute_limits(exact, dtype, theory, attainable, zeros=lossy)


def _loss(scores: Array) -> Array:
    m = measured(scores)
    return np.where(m.there[:, :1], m.magnitude_of_result[:, :1], np.inf)


def _uniform(rows: Rows, *_: object) -> Array:
    kept = (~_candidates(rows).hit).sum(axis=1, keepdims=True)
    return np.asarray(np.log(kept))


def _added(rows: Rows, *_: object) -> Array:
    return _loss(_candidates(rows).scores(sign=1.0))


def _uncorrected(rows: Rows, *_: object) -> Array:
    return _loss(_candidates(rows).scores(sign=0.0))


def _label_uncorrected(rows: Rows, *_: object) -> Array:
    candidates = _candidates(rows)
    scores = candidates.scores()
    scores[:, 0] = candidates.z[:, 0]
    return _loss(scores)


def _hits_turned(rows: Rows, exact: Exact, _: str) -> Array:
    turned = replace(rows, remove_accidental_hits=not rows.remove_accidental_hits)
    differs = (_candidates(rows).hit != _candidates(turned).hit).any(axis=1, keepdims=True)
    return np.where(differs, _loss(_candidates(turned).scores()), right(exact))


def _label_left_out(rows: Rows, exact: Exact, _: str) -> Array:
    return right(exact) + np.log1p(-measured(_candidates(rows).scores()).p[:, :1])


def _last_dropped(rows: Rows, exact: Exact, _: str) -> Array:
    last = measured(_candidates(rows).scores()).p[:, -1:]
    return np.where(last < 1, right(exact) + np.log1p(-last), right(exact))


def _unshifted(rows: Rows, _: Exact, dtype: str) -> Array:
    s = _candidates(rows).scores().astype(inner_dtype(dtype))
    return np.asarray(np.log(np.exp(s).sum(axis=1, keepdims=True)) - s[:, :1], np.float64)


def _all_classes(rows: Rows, *_: object) -> Array:
    m = rows.measured
    loss = np.where(m.there, m.magnitude_of_result, np.inf)
    return np.asarray(np.take_along_axis(loss, labels(rows), axis=1))


def _temperature_forgotten(rows: Rows, *_: object) -> Array:
    return _loss(_candidates(replace(rows, temperature=1.0)).scores())


KIT = Kit(
    _limits,
    MappingProxyType(
        {
            "zeros": ZEROS,
            "log of the candidates": rounded(_uniform, gross=True),
            "log q added": rounded(_added),
            "log q forgotten": rounded(_uncorrected),
            "label's log q forgotten": rounded(_label_uncorrected),
            "accidental hits turned": rounded(_hits_turned),
            "label left out of the sum": rounded(_label_left_out),
            "full loss": rounded(_all_classes),
            "unshifted": rounded(_unshifted),
            "sign flipped": SIGN_FLIPPED,
            "mean over rows": MEAN_REDUCTION,
            "temperature forgotten": scaled_only(_temperature_forgotten),
            "last dropped": rounded(_last_dropped),
        }
    ),
)
