"""What must hold between answers of each operation, whatever the exact values are.

A relation is named in a case (``variant=shift:16``) and gets the results as rows; what it allows is
the sum of the limits of what it compares, in absolute terms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import to_float64
from verify.family import KITS
from verify.variants import permutation

if TYPE_CHECKING:
    from backends.claims import Claims
    from verify.answers import Facts
    from verify.cases import Case

Array = np.ndarray[Any, Any]
Relation = Callable[["Case", Sequence[Array], "Facts", "Claims"], str]

_SHIFTS = ("shift:16", "shift:-16", "permute:1")
OF_OPERATION: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "softmax": (*_SHIFTS, "order", "logistic"),
        "log_softmax": (*_SHIFTS, "order"),
        "logsumexp": ("permute:1", "between"),
        "cross_entropy": _SHIFTS,
        "softmax_vjp": (*_SHIFTS, "balance"),
        "cross_entropy_grad": (*_SHIFTS, "balance"),
        "softmax_jacobian": (*_SHIFTS, "balance", "symmetry"),
        "sampled_cross_entropy": _SHIFTS,
        "sigmoid": ("permute:1", "reflect:0"),
    }
)
"""The variants that are asked of each operation."""


def _spacing(facts: Facts) -> Array:
    """Return one ulp of each exact result; 0 where the result is no finite number."""
    exact, fmt = facts.exact, facts.format
    ulp = np.ldexp(1.0, np.maximum(exact.exponent, fmt.emin) - fmt.precision + 1)
    # What rounds to an infinity has no spacing worth the name.
    return np.where(np.isfinite(to_float64(exact.rounded)), ulp, 0.0)


def _allowed(facts: Facts) -> Array:
    allowed: Array = facts.limits.theory * _spacing(facts)
    return allowed


def _apart(first: Array, second: Array, allowed: Array, what: str) -> str:
    first, second = to_float64(first), to_float64(second)
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    with np.errstate(invalid="ignore"):
        within = same | (np.abs(first - second) <= allowed)
    if within.all():
        return ""
    row, column = (int(i) for i in np.argwhere(~within)[0])
    return (
        f"{what} changed row {row}, result {column} from {first[row, column]!s} to "
        f"{second[row, column]!s}"
    )


def _shift(case: Case, outputs: Sequence[Array], facts: Facts, claims: Claims) -> str:
    amount = float(case.variant.partition(":")[2])
    asked = replace(facts.asked, x=facts.x + amount)
    moved = KITS[case.operation].limits(asked, facts.exact, case.dtype, claims)
    allowed = _allowed(facts) + moved.theory * _spacing(facts)
    return _apart(outputs[0], outputs[1], allowed, f"shifting every logit by {amount:g}")


def _permute(case: Case, outputs: Sequence[Array], facts: Facts, _: Claims) -> str:
    order = permutation(case)
    places = _places(order, case.result_width)
    allowed = 2.0 * _allowed(facts)[:, places]
    return _apart(outputs[0][:, places], outputs[1], allowed, "permuting the logits")


def _places(order: Array, width: int) -> Array:
    """Return where each result of the permuted row stands in the other: classes, or pairs."""
    if width == 1:
        return np.zeros(1, np.intp)
    if width == len(order):
        return order
    return (order[:, None] * len(order) + order).reshape(-1)


def _order(case: Case, outputs: Sequence[Array], facts: Facts, _: Claims) -> str:
    y, allowed = to_float64(outputs[0]), _allowed(facts)
    fault = _in_range(y, allowed, logarithm=case.operation == "log_softmax")
    if fault:
        return fault
    order = np.argsort(facts.x, axis=1, kind="stable")
    y, x, allowed = (np.take_along_axis(a, order, axis=1) for a in (y, facts.x, allowed))
    # Equal logits may differ by their errors, and so may logits one rounding apart.
    with np.errstate(invalid="ignore"):
        falls = y[:, :-1] - y[:, 1:] > allowed[:, :-1] + allowed[:, 1:]
    if not falls.any():
        return ""
    row, column = (int(i) for i in np.argwhere(falls)[0])
    return (
        f"order lost in row {row}: logits {x[row, column]!s} <= {x[row, column + 1]!s} got "
        f"{y[row, column]!s} > {y[row, column + 1]!s}"
    )


def _in_range(y: Array, allowed: Array, *, logarithm: bool) -> str:
    if logarithm:
        return "" if (y <= allowed).all() else f"a logarithm of a probability is {y.max()!s}"
    if not ((y >= 0) & (y <= 1.0 + allowed)).all():
        return f"results outside [0, 1]: from {y.min()!s} to {y.max()!s}"
    if np.signbit(y).any():
        return "a result is -0: an exponential over a sum of them has no sign"
    return ""


def _logistic(case: Case, outputs: Sequence[Array], facts: Facts, _: Claims) -> str:
    import mpmath

    y = to_float64(outputs[0])
    allowed = _allowed(facts)
    with mpmath.workprec(200):
        for row, (first, second) in enumerate(facts.x):
            gap = (mpmath.mpf(float(second)) - mpmath.mpf(float(first))) / case.temperature
            for column, sign in ((0, 1), (1, -1)):
                logistic = 1 / (1 + mpmath.exp(sign * gap))
                if not (abs(mpmath.mpf(float(y[row, column])) - logistic) <= allowed[row, column]):
                    return (
                        f"row {row}: softmax of ({first!s}, {second!s}) gives {y[row, column]!s}, "
                        f"the logistic function {mpmath.nstr(logistic, 17)}"
                    )
    return ""


def _between(case: Case, outputs: Sequence[Array], facts: Facts, _: Claims) -> str:
    y, allowed = to_float64(outputs[0]), _allowed(facts)
    top = facts.x.max(axis=1, keepdims=True) / case.temperature
    most = top + np.log(case.n)
    outside = ~((y >= top - allowed) & (y <= most + allowed + 1e-15 * np.abs(most)))
    if not outside.any():
        return ""
    row = int(np.argwhere(outside)[0, 0])
    return (
        f"row {row}: {y[row, 0]!s} is not between the maximum {top[row, 0]!s} and that plus the "
        f"logarithm of {case.n}, {most[row, 0]!s}"
    )


def _balance(case: Case, outputs: Sequence[Array], facts: Facts, _: Claims) -> str:
    """Hold that a shift of all logits changes no probability: derivatives add up to 0."""
    y, allowed = (a.reshape(-1, case.n) for a in (to_float64(outputs[0]), _allowed(facts)))
    total = y.sum(axis=1)
    # Adding up is ours, in float64.
    ours = 2.0**-52 * case.n * np.abs(y).sum(axis=1)
    broken = ~(np.abs(total) <= allowed.sum(axis=1) + ours)
    if not broken.any():
        return ""
    row = int(np.argwhere(broken)[0, 0])
    return f"derivatives that must add up to 0 give {total[row]!s} ({row}: {y[row, :4]} …)"


def _symmetry(case: Case, outputs: Sequence[Array], facts: Facts, _: Claims) -> str:
    shape = (-1, case.n, case.n)
    y, allowed = (a.reshape(shape) for a in (outputs[0], _allowed(facts)))
    other, both = y.swapaxes(1, 2), allowed + allowed.swapaxes(1, 2)
    flat = (-1, case.n * case.n)
    return _apart(y.reshape(flat), other.reshape(flat), both.reshape(flat), "exchanging i and j")


def _reflect(_: Case, outputs: Sequence[Array], facts: Facts, __: Claims) -> str:
    first, second = (to_float64(output) for output in outputs)
    # An ulp near 1 is the coarsest that any of the two results has.
    coarse = 2.0 ** (1 - facts.format.precision)
    allowed = 2.0 * (_allowed(facts) + facts.limits.theory.max(initial=1.0) * coarse)
    return _apart(first, 1.0 - second, allowed, "1 - sigmoid(-x) instead of sigmoid(x)")


RELATIONS: Mapping[str, Relation] = MappingProxyType(
    {
        "shift": _shift,
        "permute": _permute,
        "order": _order,
        "logistic": _logistic,
        "between": _between,
        "balance": _balance,
        "symmetry": _symmetry,
        "reflect": _reflect,
    }
)
