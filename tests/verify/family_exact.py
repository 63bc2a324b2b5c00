"""Exact answers of the softmax family for tests of its limits: mpmath at 400 bits, plainly.

Independent of the oracle, and much slower. The rows hold finite numbers and -inf.
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from mpmath import mp, mpf

from backends.formats import format_of, from_float64, round_to_bits, to_float64
from verify import cases
from verify.family.kit import Rows
from verify.oracle.exact import SATURATED_EXPONENT, Exact
from verify.regimes import rows_of

BITS = 400
IGNORE = -100


def exact_of(values, dtype):
    """Return an `Exact` of mpmath numbers (lists of lists), NaN and infinities among them."""
    fmt = format_of(dtype)
    shape = len(values), len(values[0])
    bits, high, low, exponent = (np.zeros(shape, kind) for kind in ("u8", "f8", "f8", "i4"))
    for at, value in ((at, values[at[0]][at[1]]) for at in np.ndindex(shape)):
        if not mp.isfinite(value):
            high[at] = float(value)
            bits[at] = fmt.nan_bits if mp.isnan(value) else fmt.max_bits + 1
            bits[at] |= fmt.sign_bit if value < 0 else 0
        elif value != 0:
            sign, mantissa, power, length = value._mpf_
            bits[at] = round_to_bits(fmt, bool(sign), mantissa, power, inexact=length > 300)
            scaled = mpf((sign, mantissa, -(length - 1), length))
            high[at] = float(scaled)
            low[at] = float(scaled - mpf(high[at]))
            exponent[at] = max(power + length - 1, SATURATED_EXPONENT)
    return Exact(bits.astype(fmt.storage).view(fmt.numpy_dtype), high, low, exponent)


@dataclass
class ExactRow:
    """A row's exact quantities."""

    z: list
    p: list
    log_p: list
    logsumexp: object


def solved(row, temperature):
    """Return the exact quantities of one row."""
    return _solved(row.tobytes(), temperature)


@cache
def _solved(row, temperature):
    row = np.frombuffer(row)
    z = [mpf(float(v)) / mpf(temperature) for v in row]
    top = max(z)
    if top == -mp.inf:
        return ExactRow(z, [mp.nan] * len(z), [mp.nan] * len(z), -mp.inf)
    e = [mp.exp(v - top) if v != -mp.inf else mpf(0) for v in z]
    ties = sum(v == top for v in z)
    rest = mp.fsum(term for term, v in zip(e, z, strict=True) if v != top)
    log_sum = mp.log(ties) + mp.log1p(rest / ties)
    total = ties + rest
    log_p = [(v - top) - log_sum if v != -mp.inf else -mp.inf for v in z]
    return ExactRow(z, [term / total for term in e], log_p, top + log_sum)


def log_softmax(rows, dtype):
    return exact_of([solved(x, rows.temperature).log_p for x in rows.x], dtype)


def logsumexp(rows, dtype):
    return exact_of([[solved(x, rows.temperature).logsumexp] for x in rows.x], dtype)


def cross_entropy(rows, dtype):
    losses = []
    for x, label, out in zip(rows.x, rows.labels, rows.ignored, strict=True):
        losses.append([mpf(0) if out else -solved(x, rows.temperature).log_p[label]])
    return exact_of(losses, dtype)


def softmax_vjp(rows, dtype):
    results = []
    for x, cotangent in zip(rows.x, rows.cotangent, strict=True):
        p, c = solved(x, rows.temperature).p, [mpf(float(v)) for v in cotangent]
        dot = mp.fsum(a * b for a, b in zip(p, c, strict=True))
        vjp = [a * (b - dot) / mpf(rows.temperature) for a, b in zip(p, c, strict=True)]
        # What is left of a cancellation at 400 bits is 0: no exact result here is that small.
        tiny = mpf(2) ** (40 - BITS) * max(abs(v) for v in c) / mpf(rows.temperature)
        results.append([mpf(0) if abs(v) < tiny * a else v for v, a in zip(vjp, p, strict=True)])
    return exact_of(results, dtype)


def cross_entropy_grad(rows, dtype):
    results = []
    for x, label, out in zip(rows.x, rows.labels, rows.ignored, strict=True):
        row = solved(x, rows.temperature)
        gradient = [p / mpf(rows.temperature) for p in row.p]
        if not out and not mp.isnan(row.p[0]):
            gradient[label] = mp.expm1(row.log_p[label]) / mpf(rows.temperature)
        results.append([mpf(0)] * len(x) if out else gradient)
    return exact_of(results, dtype)


def softmax_jacobian(rows, dtype):
    results = []
    for x in rows.x:
        row = solved(x, rows.temperature)
        matrix = []
        for j, p in enumerate(row.p):
            for i, q in enumerate(row.p):
                entry = -p * mp.expm1(row.log_p[j]) if i == j else -p * q
                matrix.append((mpf(0) if p == 0 else entry) / mpf(rows.temperature))
        results.append(matrix)
    return exact_of(results, dtype)


def sampled_scores(rows):
    """Return exact scores of the label and the candidates, -inf where a hit is removed."""
    scores = []
    for x, label in zip(rows.x, rows.labels, strict=True):
        classes = [int(label), *map(int, rows.sampled)]
        row = [
            mpf(float(x[c])) / mpf(rows.temperature) - mpf(float(rows.log_expected_count[c]))
            for c in classes
        ]
        for k, c in enumerate(classes[1:], 1):
            if rows.remove_accidental_hits and c == label:
                row[k] = -mp.inf
        scores.append(row)
    return scores


def sampled_cross_entropy(rows, dtype):
    losses = []
    for scores in sampled_scores(rows):
        top = max(scores)
        total = mp.fsum(mp.exp(s - top) for s in scores if s != -mp.inf)
        losses.append([mp.log(total) + top - scores[0] if top != -mp.inf else mp.nan])
    return exact_of(losses, dtype)


def sigmoid(rows, dtype):
    return exact_of(
        [[1 / (1 + mp.exp(-mpf(float(v)) / mpf(rows.temperature))) for v in x] for x in rows.x],
        dtype,
    )


def exactly(operation, rows, dtype):
    """Return the exact answer of an operation."""
    with mp.workprec(BITS):
        return globals()[operation](rows, dtype)


REGIMES = {
    "uniform": (1, 2, 3, 17, 129),
    "wide_gap": (4, 33),
    "ascending": (2, 5, 65),
    "ties": (3, 65),
    "constant": (2, 1000),
    "masked": (2, 17),
    "peak": (40,),
    "offset": (2, 12),
    "subnormal_output": (9,),
    "subnormal_input": (7,),
}
ROWS = 8


@cache
def questions(operation, dtype, temperature=1.0, longest=5000):
    """Return (words, rows, x as stored, exact answer) of every regime and length."""
    asked = [(regime, ROWS, n) for regime, lengths in REGIMES.items() for n in lengths]
    asked.append(("uniform", 1, 5000))
    found = []
    for regime, count, n in asked:
        if n > longest:
            continue
        words = f"softmax/{dtype}/{count}x{n}/{regime}/seed={n}"
        x = rows_of(cases.parse(words).build(), -1)
        rows = dressed(to_float64(x), dtype, n, temperature)
        if operation == "sigmoid":
            rows = replace(rows, x=np.where(np.isfinite(rows.x), rows.x, 0.0))
        found.append((f"{operation}/{words}", rows, exactly(operation, rows, dtype)))
    return found


def dressed(x, dtype, seed, temperature=1.0):
    """Give rows labels, a cotangent and candidates."""
    rng = np.random.default_rng(seed)
    count, n = x.shape
    fmt = format_of(dtype)
    labels = rng.integers(0, n, count)
    ignored = rng.random(count) < 0.2
    cotangent = rng.standard_normal(x.shape) * rng.choice([1e-2, 1.0, 30.0], (count, 1))
    cotangent[0] = 1.5  # a constant cotangent: the exact result is 0
    expected = rng.uniform(-8.0, 0.0, n)
    return Rows(
        x,
        temperature=temperature,
        labels=labels,
        ignored=ignored,
        cotangent=to_float64(from_float64(fmt, cotangent)),
        sampled=rng.integers(0, n, 2 * n if n < 100 else 40),
        log_expected_count=to_float64(from_float64(fmt, expected)),
    )
