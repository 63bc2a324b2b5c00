"""Which claim would have declared what a backend does: the next step of a failure's message."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.claims import Claims
from backends.vocabulary import ALGORITHMS
from verify.family import KITS
from verify.ulp import ulp_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from verify.answers import Facts

Array = np.ndarray[Any, Any]


def declaring_claim(error: Array, facts: Facts, claims: Claims) -> str:
    """Return the claim under which these errors (ulps) would be within theory; empty if none.

    A claim whose limit would accept zeros here explains nothing and is not offered.
    """
    zeros = ulp_error(np.zeros_like(facts.exact.rounded), facts.exact)
    wrong = (zeros > 0) & np.isfinite(zeros)
    limits_of = KITS[facts.operation].limits
    for words, other in _alternatives(claims, facts.format.name):
        limits = limits_of(facts.asked, facts.exact, facts.format.name, other)
        meaningful = not (limits.theory >= zeros)[wrong].all() if wrong.any() else False
        if meaningful and (error <= limits.theory).all():
            return words
    return ""


def _alternatives(claims: Claims, dtype: str) -> Iterator[tuple[str, Claims]]:
    if claims.accumulate_for(dtype) != dtype:
        yield f'accumulate="{dtype}"', replace(claims, accumulate=dtype)
    for algorithm in ALGORITHMS:
        if algorithm != claims.algorithm:
            other = Claims.from_dict(claims.to_dict() | {"algorithm": algorithm})
            yield f'algorithm="{algorithm}"', other
