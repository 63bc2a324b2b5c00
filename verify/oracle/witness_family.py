"""The witness for the rest of the family: each definition as it is written, in Arb's balls.

Shares with the oracle the definitions and the final rounder. Nothing is shifted by a maximum, no
equal values are grouped, no sum is rearranged: what cancels is computed with more bits until it
does not matter, so gaps must be moderate (some thousands). Which results are rational is decided
as the theorem says it, in rational arithmetic. Rows are the last axis; masked entries are allowed
beside finite ones. Needs python-flint.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.formats import decode, format_of, round_to_bits
from verify.oracle.witness import FIRST_BITS, LAST_BITS, load_flint, round_ball

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from backends.formats import Format

__all__ = ["WITNESSES"]

Ball = Any
"""flint.arb or flint.fmpq: flint is untyped."""


def log_softmax(x: NDArray[Any], *, temperature: float = 1.0) -> NDArray[Any]:
    """z_j - log(sum_i exp(z_i))."""
    fmt = format_of(x.dtype)
    results = []
    for z in _rows(fmt, x, temperature):
        kept = [value for value in z if value is not None]
        for value in z:
            if value is None:
                results.append(fmt.sign_bit | (fmt.max_bits + 1))
            elif len(kept) == 1:
                results.append(0)
            else:
                results.append(_round(fmt, _logarithm, value, kept))
    return _array(fmt, results, x.shape)


def logsumexp(x: NDArray[Any], *, temperature: float = 1.0) -> NDArray[Any]:
    """log(sum_i exp(z_i))."""
    fmt = format_of(x.dtype)
    results = []
    for z in _rows(fmt, x, temperature):
        kept = [value for value in z if value is not None]
        if len(kept) == 1:
            results.append(_round_rational(fmt, kept[0]))
        else:
            results.append(_round(fmt, _log_total, kept))
    return _array(fmt, results, x.shape[:-1])


def cross_entropy(
    x: NDArray[Any], labels: NDArray[Any], *, temperature: float = 1.0
) -> NDArray[Any]:
    """log(sum_i exp(z_i)) - z_label; labels are all classes of finite entries."""
    fmt = format_of(x.dtype)
    rows = zip(_rows(fmt, x, temperature), labels.ravel().tolist(), strict=True)
    return _array(fmt, [_loss(fmt, z, label) for z, label in rows], x.shape[:-1])


def sampled_cross_entropy(
    x: NDArray[Any], labels: NDArray[Any], sampled: NDArray[Any], log_expected_count: NDArray[Any],
    *, temperature: float = 1.0, remove_accidental_hits: bool = True,
) -> NDArray[Any]:  # fmt: skip
    """log(sum_i exp(s_i)) - s_0 for the scores s of label and candidates; the label is finite."""
    fmt = format_of(x.dtype)
    (q,) = _rows(fmt, log_expected_count[None], 1.0)
    results = []
    for z, label in zip(_rows(fmt, x, temperature), labels.ravel().tolist(), strict=True):
        drawn = [c for c in sampled.tolist() if c != label or not remove_accidental_hits]
        classes = [label, *drawn]
        scores = [None if z[c] is None else z[c] - q[c] for c in classes]
        results.append(_loss(fmt, scores, 0))
    return _array(fmt, results, x.shape[:-1])


def softmax_vjp(
    x: NDArray[Any], cotangent: NDArray[Any], *, temperature: float = 1.0
) -> NDArray[Any]:
    """p_j (c_j - sum_i p_i c_i) / T."""
    fmt, flint = format_of(x.dtype), load_flint()
    scale = _fraction(temperature)
    results = []
    every = zip(_rows(fmt, x, temperature), _rows(fmt, cotangent, 1.0), strict=True)
    for z, c in every:
        kept = [(value, weight) for value, weight in zip(z, c, strict=True) if value is not None]
        for value, weight in zip(z, c, strict=True):
            if value is None or _vanishes(kept, weight):
                results.append(0)
            elif all(other == kept[0][0] for other, _ in kept):
                mean = sum((w for _, w in kept), flint.fmpq(0)) / len(kept)
                results.append(_round_rational(fmt, (weight - mean) / len(kept) / scale))
            else:
                results.append(_round(fmt, _product, kept, value, weight, scale))
    return _array(fmt, results, x.shape)


def cross_entropy_grad(
    x: NDArray[Any], labels: NDArray[Any], *, temperature: float = 1.0
) -> NDArray[Any]:
    """(p_j - [j = label]) / T."""
    fmt, scale, flint = format_of(x.dtype), _fraction(temperature), load_flint()
    results = []
    for z, label in zip(_rows(fmt, x, temperature), labels.ravel().tolist(), strict=True):
        kept = [value for value in z if value is not None]
        for j, value in enumerate(z):
            less = int(j == label)
            if value is None:
                results.append(_round_rational(fmt, flint.fmpq(-less) / scale))
            elif all(other == kept[0] for other in kept):
                results.append(_round_rational(fmt, (flint.fmpq(1, len(kept)) - less) / scale))
            else:
                results.append(_round(fmt, _slope, value, kept, less, scale))
    return _array(fmt, results, x.shape)


def softmax_jacobian(x: NDArray[Any], *, temperature: float = 1.0) -> NDArray[Any]:
    """p_j ([j = i] - p_i) / T, a row of the softmax's VJP for each one-hot cotangent."""
    fmt, n = format_of(x.dtype), x.shape[-1]
    one = round_to_bits(fmt, False, 1, 0)  # noqa: FBT003 - the sign
    unit = np.where(np.eye(n, dtype=bool), one, 0).astype(fmt.storage).view(fmt.numpy_dtype)
    columns = [
        softmax_vjp(x, np.broadcast_to(unit[i], x.shape), temperature=temperature) for i in range(n)
    ]
    return np.stack(columns, axis=-1)


def sigmoid(x: NDArray[Any], *, temperature: float = 1.0) -> NDArray[Any]:
    """1 / (1 + exp(-z))."""
    fmt, flint = format_of(x.dtype), load_flint()
    results = []
    for (z,) in _rows(fmt, x.reshape(-1, 1), temperature):
        if z is None:
            results.append(0)
        elif z == 0:
            results.append(_round_rational(fmt, flint.fmpq(1, 2)))
        else:
            results.append(_round(fmt, _logistic, z))
    return _array(fmt, results, x.shape)


WITNESSES = {
    function.__name__: function
    for function in (
        log_softmax, logsumexp, cross_entropy, sampled_cross_entropy, softmax_vjp,
        cross_entropy_grad, softmax_jacobian, sigmoid,
    )
}  # fmt: skip
"""Operation -> the function that computes it once more, bit for bit."""


def _loss(fmt: Format, scores: Sequence[Ball], label: int) -> int:
    kept = [value for value in scores if value is not None]
    if len(kept) == 1:
        return 0
    return _round(fmt, _negative_logarithm, scores[label], kept)


def _log_total(kept: list[Ball]) -> Ball:
    return _total(kept).log()


def _logarithm(value: Ball, kept: list[Ball]) -> Ball:
    return _arb(value) - _log_total(kept)


def _negative_logarithm(value: Ball, kept: list[Ball]) -> Ball:
    return _log_total(kept) - _arb(value)


def _slope(value: Ball, kept: list[Ball], less: int, scale: Ball) -> Ball:
    return (_arb(value).exp() / _total(kept) - less) / scale


def _product(kept: list[tuple[Ball, Ball]], value: Ball, weight: Ball, scale: Ball) -> Ball:
    total = _total([z for z, _ in kept])
    terms = [_arb(z).exp() * c for z, c in kept]
    mean = sum(terms[1:], terms[0]) / total
    return _arb(value).exp() / total * (weight - mean) / scale


def _logistic(z: Ball) -> Ball:
    return 1 / (1 + _arb(-z).exp())


def _vanishes(kept: list[tuple[Ball, Ball]], weight: Ball) -> bool:
    """Tell whether the sum of weight - c over {i: z_i = v} is 0 for every distinct v."""
    sums: defaultdict[str, Ball] = defaultdict(lambda: load_flint().fmpq(0))
    for value, other in kept:
        sums[str(value)] += weight - other
    return all(each == 0 for each in sums.values())


def _rows(fmt: Format, x: NDArray[Any], temperature: float) -> list[list[Ball]]:
    """Return the rows' scores as exact rationals; None for a masked entry."""
    flint, scale = load_flint(), _fraction(temperature)
    masked = fmt.sign_bit | (fmt.max_bits + 1) if fmt.has_infinity else None

    def score(bits: int) -> Ball:
        if bits == masked:
            return None
        negative, mantissa, exponent = decode(fmt, bits)
        signed = -mantissa if negative else mantissa
        power = flint.fmpq(2) ** exponent
        return signed * power / scale

    words = np.ascontiguousarray(x).view(fmt.storage).reshape(-1, x.shape[-1]).tolist()
    return [[score(bits) for bits in row] for row in words]


def _fraction(temperature: float) -> Ball:
    return load_flint().fmpq(*float(temperature).as_integer_ratio())


def _arb(value: Ball) -> Ball:
    return load_flint().arb(value)


def _total(scores: list[Ball]) -> Ball:
    terms = [_arb(score).exp() for score in scores]
    return sum(terms[1:], terms[0])


def _round(fmt: Format, formula: Callable[..., Ball], *arguments: object) -> int:
    """Round an irrational number, doubling the precision of its formula until that is decided."""
    flint, bits = load_flint(), FIRST_BITS
    while bits <= LAST_BITS:
        with flint.ctx.workprec(bits):
            ball = formula(*arguments)
            if ball > 0 or ball < 0:
                found = round_ball(fmt, abs(ball))
                if found is not None:
                    return found | (fmt.sign_bit if ball < 0 else 0)
        bits *= 2
    raise RuntimeError(f"undecided at {LAST_BITS} bits")


def _round_rational(fmt: Format, value: Ball) -> int:
    numerator, denominator = int(value.p), int(value.q)
    shift = 128 + denominator.bit_length()
    quotient, rest = divmod(abs(numerator) << shift, denominator)
    return round_to_bits(fmt, numerator < 0, quotient, -shift, inexact=rest > 0)


def _array(fmt: Format, bits: list[int], shape: tuple[int, ...]) -> NDArray[Any]:
    return np.array(bits, dtype=fmt.storage).view(fmt.numpy_dtype).reshape(shape)
