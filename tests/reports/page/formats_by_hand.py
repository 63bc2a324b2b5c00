"""A format's arithmetic in fractions, rounded by the project's integer rounder: slow and plain."""

import math
import struct
from fractions import Fraction

import mpmath

from backends.formats import decode, format_of, round_to_bits


def bits(value):
    """Return the bits of a double as sixteen hexadecimal digits."""
    return struct.pack(">d", value).hex()


def number(digits):
    """Return the double of those bits."""
    return struct.unpack(">d", bytes.fromhex(digits))[0]


class Arithmetic:
    """Doubles that are numbers of a format, each operation rounded once."""

    def __init__(self, dtype):
        self.format = format_of(dtype)

    def rounded(self, value):
        """Return a Fraction rounded to the format."""
        scale = 1500
        units, rest = divmod(abs(value) * 2**scale, 1)
        return self._double(value < 0, int(units), -scale, inexact=rest != 0)

    def add(self, a, b):
        return self._or_special(a, b, lambda: Fraction(a) + Fraction(b), a + b)

    def multiply(self, a, b):
        return self._or_special(a, b, lambda: Fraction(a) * Fraction(b), a * b)

    def divide(self, a, b):
        if b == 0:
            return math.nan if a == 0 or math.isnan(a) else math.inf
        special = math.nan if math.isinf(a) and math.isinf(b) else a / b
        return self._or_special(a, b, lambda: Fraction(a) / Fraction(b), special)

    def exp(self, x):
        if math.isnan(x) or math.isinf(x):
            return {math.inf: math.inf, -math.inf: 0.0}.get(x, x)
        if x > 1000 or x < -1000:
            return math.inf if x > 0 else 0.0
        with mpmath.workprec(400):
            sign, mantissa, exponent, _ = mpmath.exp(mpmath.mpf(x))._mpf_
        return self._double(sign == 1, int(mantissa), exponent, inexact=x != 0)

    def _or_special(self, a, b, exactly, special):
        if not (math.isfinite(a) and math.isfinite(b)):
            return special
        return self.rounded(exactly())

    def _double(self, negative, mantissa, exponent, *, inexact):
        encoded = round_to_bits(self.format, negative, mantissa, exponent, inexact=inexact)
        try:
            negative, mantissa, exponent = decode(self.format, encoded)
        except ValueError:  # overflow
            return -math.inf if negative else math.inf
        return (-1.0 if negative else 1.0) * math.ldexp(mantissa, exponent)


def softmax(arithmetic, algorithm, logits, temperature):
    """Return what the explorer's algorithms say they compute."""
    if algorithm == "online":
        top, total = _online(arithmetic, logits, temperature)
    elif algorithm == "stable":
        top, total = max(logits), None
    else:
        top, total = 0.0, None
    weights = [_weight(arithmetic, x, top, temperature) for x in logits]
    if total is None:
        total = weights[0]
        for weight in weights[1:]:
            total = arithmetic.add(total, weight)
    return [arithmetic.divide(weight, total) for weight in weights]


def _online(arithmetic, logits, temperature):
    top, total = logits[0], 1.0
    for x in logits[1:]:
        if x > top:
            scale = _weight(arithmetic, top, x, temperature)
            total, top = arithmetic.add(arithmetic.multiply(total, scale), 1.0), x
        else:
            total = arithmetic.add(total, _weight(arithmetic, x, top, temperature))
    return top, total


def _weight(arithmetic, x, top, temperature):
    return arithmetic.exp(arithmetic.divide(arithmetic.add(x, -top), temperature))
