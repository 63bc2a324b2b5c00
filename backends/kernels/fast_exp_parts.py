r"""exp in lanes that says what it rounds: scale (1 + near + rest), for sums that have to know.

`near` is x - k · high, exact, and rest = r^2 (t0 + t1 r + …) - k · low, below a fifth of the whole,
with all that would be rounded else: so before it is added up an exponential is within 0.3 u. For
rows of which gaps are taken, and for `numba_twopass`: they need a multiple of ln 2 or have time.
"""

# ruff: noqa: ANN401 - lanes have no Python type: Numba compiles each function for those it meets
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backends.kernels.fast_arithmetic import LN2
from backends.kernels.fast_exp import shift_by
from backends.kernels.lanes import fused, larger, series, shifted_left
from backends.kernels.lanes_forms import bits_of, from_bits, where_above
from backends.kernels.machine import always_inline, piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_arithmetic import Arithmetic


def exponential_with_rest(of: Arithmetic) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Make exp(x, rest, shift) -> (scale, near, rest), and shift(top), as `fast_exp.exponential`.

    It is that of x + rest, the rest within half an ulp of x; scale (1 + near + rest) in all.
    """
    real = of.real
    high, low = (-part for part in of.ln2_parts())
    per_ln2, fraction = real(1.0 / LN2), of.fraction
    polynomial = series(tuple(float(real(term)) for term in of.terms))

    @piece
    def exp(x: Any, rest: Any, shift: Any) -> Any:
        always_inline()
        magic, lowest = shift
        rest = where_above(x, lowest, rest)  # the rest of an infinite x is no number
        x = larger(lowest, x)
        shifted = fused(x, per_ln2, magic)
        multiple = shifted - magic
        near, rest = fused(multiple, high, x), fused(multiple, low, rest)
        r = near + rest
        scale = from_bits(shifted_left(bits_of(shifted), fraction))
        return scale, near, fused(r * r, polynomial(r), rest)

    return exp, shift_by(of)


@piece
def kept_of_parts(parts: Any) -> Any:
    """Return an exponential as one number, rounded, from scale, near and rest."""
    always_inline()
    return fused(parts[0], parts[1] + parts[2], parts[0])


def reduced(of: Arithmetic) -> Callable[..., Any]:
    """Make split(x) -> (k, near, rest): exp(x) = 2^k (1 + near + rest), for |x| <= reach.

    k is kept as a number.
    """
    real = of.real
    high, low = (-part for part in of.ln2_parts())
    per_ln2, magic, lowest = real(1.0 / LN2), real(of.to_integer), real(-of.reach)
    polynomial = series(tuple(float(real(term)) for term in of.terms))

    @piece
    def split(x: Any) -> Any:
        always_inline()
        x = larger(lowest, x)  # NaN stays
        multiple = fused(x, per_ln2, magic) - magic
        near, rest = fused(multiple, high, x), multiple * low
        r = near + rest
        return multiple, near, fused(r * r, polynomial(r), rest)

    return split
