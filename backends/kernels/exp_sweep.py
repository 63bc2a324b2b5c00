"""`fast_exp` on every float32 of the reduced range: ``python -m backends.kernels.exp_sweep``.

|x| <= ln(2)/2 needs no multiple of ln 2, so that scale (1 + q) is what the polynomial makes of it,
or, by quarters of ln 2, each number of the table with the polynomial around it. Formats of 16 bits
may take powers of 2 instead (`fast_exp`): of those this is a part that is rounded as coarsely as
any down to the lift below the largest.
Reference is `fast_exp`'s exponential for float64, whose own error is 2^-29 of a float32's ulp.
"""

# ruff: noqa: ANN401 - Numba compiles each function for the lanes that it meets
from __future__ import annotations

import functools
import math
import sys
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from backends.kernels.fast_arithmetic import DOUBLE, SHORT, SINGLE
from backends.kernels.fast_exp import exponential
from backends.kernels.lanes import fused
from backends.kernels.lanes_forms import as_float64, from_bits, largest_of
from backends.kernels.lanes_memory import load
from backends.kernels.machine import kernel, piece, wide_vectors

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_arithmetic import Arithmetic

ARITHMETICS = {"SINGLE": SINGLE, "SHORT": SHORT}
LARGEST = int(np.float32(math.log(2) / 2).view(np.int32))
"""The encoding of the largest number that is asked; those of smaller ones are smaller."""
_LANES, _AT_ONCE = 16, 1 << 16
_UNIT = 2.0**-24


@functools.cache
def _errors(name: str) -> Callable[..., None]:
    """Make errors(encodings, worst): least and largest before e is rounded, and after that."""
    of: Arithmetic = ARITHMETICS[name]
    made, witness = exponential(of), exponential(DOUBLE)
    exp, shift, exact, exact_shift = made.exp, made.shift, witness.exp, witness.shift
    kept, exactly_kept, near_of = made.kept, witness.kept, _widened if of.by_powers else _near
    lift = 2.0 ** (DOUBLE.lift - of.lift) / of.level

    @kernel
    def errors(encodings: Any, worst: Any) -> None:
        wide_vectors()
        by, exactly = shift(0.0), exact_shift(0.0)
        least, most, least_after, most_after = worst[0], worst[1], worst[2], worst[3]
        for j in range(0, encodings.size, _LANES):
            x = from_bits(load(encodings, j, _LANES))
            parts, true = exp(x, by), exactly_kept(exact(as_float64(x), exactly))
            near, rounded = near_of(parts) * lift, as_float64(kept(parts)) * lift
            before, after = near / true - 1.0, rounded / true - 1.0
            most, most_after = max(most, largest_of(before)), max(most_after, largest_of(after))
            least = min(least, -largest_of(-1.0 * before))
            least_after = min(least_after, -largest_of(-1.0 * after))
        worst[0], worst[1], worst[2], worst[3] = least, most, least_after, most_after

    return errors


@piece
def _near(parts: Any) -> Any:
    scale = as_float64(parts[0])
    return fused(scale, as_float64(parts[1]), scale)


@piece
def _widened(e: Any) -> Any:
    return as_float64(e)


def worst_errors(name: str, first: int, last: int, *, negative: bool) -> tuple[float, ...]:
    """Return relative errors in u = 2^-24 over encodings from `first` to before `last`.

    Two are the least and the largest of scale (1 + q), of which sums are made, and two those of the
    exponential rounded to float32.
    """
    worst = np.zeros(4)
    _sweep(_errors(name), first, last, np.int32(-(2**31)) if negative else np.int32(0), worst)
    return tuple(float(error / _UNIT) for error in worst)


@numba.njit
def _sweep(errors: Any, first: int, last: int, sign: int, worst: Any) -> None:
    room = np.empty(_AT_ONCE, np.int32)
    for start in range(first, last, _AT_ONCE):
        for j in range(_AT_ONCE):
            room[j] = np.int32(min(start + j, last - 1)) | np.int32(sign)
        errors(room, worst)


def main() -> None:
    """Print the largest errors on every number of the reduced range."""
    for name in ARITHMETICS:
        both = [worst_errors(name, 0, LARGEST + 1, negative=sign) for sign in (False, True)]
        least, most, least_after, most_after = zip(*both, strict=True)
        sys.stdout.write(
            f"{name}: {2 * (LARGEST + 1)} numbers, {min(least):.4f} to {max(most):.4f} u before "
            f"rounding, {min(least_after):.4f} to {max(most_after):.4f} u after\n"
        )


if __name__ == "__main__":
    main()
