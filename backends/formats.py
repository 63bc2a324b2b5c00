"""Floating-point formats as data, and the one rounder that serves them all.

A format is a handful of integers. Everything else follows from them: the unit roundoff, the
largest number, how an exact value is rounded to nearest even and how the result is encoded. No
library's cast is trusted on the way: several of them round twice (float64 to bfloat16 through
float32 turns 1 + 2^-8 + 2^-40 into 1.0, where 1.0078125 is correct).

Importing this module imports neither NumPy nor ml_dtypes; the properties that need them do.
"""

from __future__ import annotations

import difflib
import functools
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "BFLOAT16",
    "FLOAT8_E4M3FN",
    "FLOAT8_E5M2",
    "FLOAT16",
    "FLOAT32",
    "FLOAT64",
    "FORMATS",
    "Format",
    "UnknownFormat",
    "decode",
    "format_of",
    "from_float64",
    "is_finite_bits",
    "is_infinite_bits",
    "is_nan_bits",
    "round_to_bits",
    "to_float64",
]


# Elements at a time, so that what is made on the way stays in a core's cache: three times as fast.
_BLOCK = 1 << 14


class UnknownFormat(ValueError):  # noqa: N818 - reads as what happened, and is public vocabulary
    """A dtype or name that no format here describes."""


@dataclass(frozen=True, slots=True)
class Format:
    """A binary floating-point format.

    A finite number is ±m · 2^(e - p + 1) with integers 0 <= m < 2^p and emin <= e <= emax.

    Attributes
    ----------
    name
        The name that NumPy or ml_dtypes gives it.
    bits
        Width of the encoding.
    precision
        Bits of the significand, the hidden bit included (p).
    emin, emax
        Exponents of the smallest normal number's and of the largest number's binade.
    max_bits
        Encoding of the largest finite number. The next encoding is infinity, or in a format
        without infinities the one NaN.
    has_infinity
        False for float8_e4m3fn, whose overflow gives NaN.
    """

    name: str
    bits: int
    precision: int
    emin: int
    emax: int
    max_bits: int
    has_infinity: bool = True

    @property
    def min_quantum(self) -> int:
        """Exponent of the smallest subnormal number: nothing is finer."""
        return self.emin - self.precision + 1

    @property
    def unit_roundoff(self) -> float:
        """Half the distance from 1 to the next number: u = 2^-p."""
        return 2.0**-self.precision

    @property
    def max_finite(self) -> float:
        """The largest finite number."""
        _, mantissa, exponent = decode(self, self.max_bits)
        return float(mantissa) * 2.0**exponent

    @property
    def min_normal(self) -> float:
        """The smallest positive normal number, 2^emin."""
        return 2.0**self.emin

    @property
    def min_subnormal(self) -> float:
        """The smallest positive number, 2^(emin - p + 1)."""
        return 2.0**self.min_quantum

    @property
    def sign_bit(self) -> int:
        """Encoding of -0."""
        return 1 << (self.bits - 1)

    @property
    def nan_bits(self) -> int:
        """Encoding of the positive quiet NaN."""
        overflow = self.max_bits + 1
        return overflow | (1 << (self.precision - 2)) if self.has_infinity else overflow

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The NumPy dtype: NumPy's own, or the one that ml_dtypes registers."""
        return _numpy_dtype(self.name)

    @property
    def storage(self) -> np.dtype[Any]:
        """The unsigned integer dtype of the same width, for looking at encodings."""
        import numpy as np

        return np.dtype(f"uint{self.bits}")


FLOAT64 = Format("float64", 64, 53, -1022, 1023, 0x7FEF_FFFF_FFFF_FFFF)
FLOAT32 = Format("float32", 32, 24, -126, 127, 0x7F7F_FFFF)
FLOAT16 = Format("float16", 16, 11, -14, 15, 0x7BFF)
BFLOAT16 = Format("bfloat16", 16, 8, -126, 127, 0x7F7F)
# The OCP 8-bit formats (OFP8 specification, revision 1.0): e5m2 follows IEEE 754; e4m3 spends the
# infinities' encodings on finite numbers up to 448 and keeps a single NaN per sign, all ones.
FLOAT8_E4M3FN = Format("float8_e4m3fn", 8, 4, -6, 8, 0x7E, has_infinity=False)
FLOAT8_E5M2 = Format("float8_e5m2", 8, 3, -14, 15, 0x7B)

FORMATS: Mapping[str, Format] = MappingProxyType(
    {fmt.name: fmt for fmt in (FLOAT64, FLOAT32, FLOAT16, BFLOAT16, FLOAT8_E4M3FN, FLOAT8_E5M2)}
)


def format_of(dtype: object) -> Format:
    """Return the format of a dtype, a scalar type or a name.

    Parameters
    ----------
    dtype
        A name ("bfloat16"), a NumPy or torch dtype, a NumPy or ml_dtypes scalar type, or a Format.

    Raises
    ------
    UnknownFormat
        If there is none; the message names the nearest.
    """
    if isinstance(dtype, Format):
        return dtype
    try:
        return _format_of(dtype)
    except TypeError:  # not hashable: no dtype, but its name tells more
        raise _unknown(str(dtype)) from None


@functools.lru_cache(maxsize=256)  # making a dtype's name costs more than all else here
def _format_of(dtype: object) -> Format:
    name = getattr(dtype, "name", None)
    if not isinstance(name, str):
        name = dtype.__name__ if isinstance(dtype, type) else str(dtype).removeprefix("torch.")
    if name in FORMATS:
        return FORMATS[name]
    raise _unknown(name)


def _unknown(name: str) -> UnknownFormat:
    nearest = difflib.get_close_matches(name, FORMATS, n=2, cutoff=0.3)
    hint = f"nearest: {', '.join(nearest)}; " if nearest else ""
    return UnknownFormat(f"no floating-point format {name!r}; {hint}known: {', '.join(FORMATS)}")


def round_to_bits(
    fmt: Format,
    negative: bool,  # noqa: FBT001 - the first of the three parts of a number
    mantissa: int,
    exponent: int,
    *,
    inexact: bool = False,
) -> int:
    """Round ±mantissa · 2^exponent once, to nearest even, and return the encoding.

    Parameters
    ----------
    fmt
        The target format.
    negative
        The sign; a negative value that rounds to zero gives -0.
    mantissa
        A non-negative integer of any size.
    exponent
        Any integer, however large.
    inexact
        True if the value's magnitude is larger than mantissa · 2^exponent by a positive amount of
        less than 2^exponent *and* less than anything that could decide the rounding otherwise:
        "dust", which breaks ties upwards and changes nothing else. Callers pass a mantissa with at
        least one bit beyond the format, so that all that lies below its last bit is dust.

    Returns
    -------
    int
        The encoding. Underflow is gradual. Overflow gives infinity, in float8_e4m3fn the NaN (the
        OCP specification's non-saturating mode).
    """
    sign = fmt.sign_bit if negative else 0
    length = mantissa.bit_length()
    precision = fmt.precision
    min_quantum = fmt.emin - precision + 1
    quantum = max(length + exponent - precision, min_quantum)
    shift = quantum - exponent
    # Nothing, or less than half of the smallest subnormal number; also keeps the shifts small.
    if shift > length or not mantissa:
        return sign
    if shift <= 0:
        kept = mantissa << -shift
    else:
        kept = mantissa >> shift
        twice_rest = (mantissa - (kept << shift)) << 1
        tie = 1 << shift
        if twice_rest > tie or (twice_rest == tie and (inexact or kept & 1)):
            kept += 1
    # The hidden bit of `kept` adds 1 to the exponent field, and so does a carry out of it: this
    # one line encodes subnormal numbers, normal numbers and both transitions. What is too large,
    # by however much, comes to more than the largest number's encoding.
    bits = ((quantum - min_quantum) << (precision - 1)) + kept
    return sign | min(bits, fmt.max_bits + 1)


def is_finite_bits(fmt: Format, bits: int) -> bool:
    """Tell whether an encoding is a finite number's."""
    return bits & (fmt.sign_bit - 1) <= fmt.max_bits


def is_infinite_bits(fmt: Format, bits: int) -> bool:
    """Tell whether an encoding is an infinity's."""
    return fmt.has_infinity and bits & (fmt.sign_bit - 1) == fmt.max_bits + 1


def is_nan_bits(fmt: Format, bits: int) -> bool:
    """Tell whether an encoding is a NaN's."""
    return not is_finite_bits(fmt, bits) and not is_infinite_bits(fmt, bits)


def decode(fmt: Format, bits: int) -> tuple[bool, int, int]:
    """Return (negative, mantissa, exponent) of a finite number: ±mantissa · 2^exponent exactly.

    Raises
    ------
    ValueError
        If the encoding is an infinity's or a NaN's.
    """
    if not is_finite_bits(fmt, bits):
        raise ValueError(f"{bits:#x} is not a finite {fmt.name}")
    magnitude = bits & (fmt.sign_bit - 1)
    field, fraction = divmod(magnitude, 1 << (fmt.precision - 1))
    hidden = 1 << (fmt.precision - 1) if field else 0
    return bits != magnitude, hidden | fraction, max(field - 1, 0) + fmt.min_quantum


def from_float64(fmt: Format, array: NDArray[Any]) -> NDArray[Any]:
    """Round float64 values once, to nearest even, to a format.

    Parameters
    ----------
    fmt
        The target format.
    array
        float64, any shape.

    Returns
    -------
    ndarray
        The same shape, `fmt.numpy_dtype`. NaN stays NaN with its sign; overflow as in
        `round_to_bits`, of which this is the vectorised form: integer arithmetic throughout.
    """
    import numpy as np

    values = np.asarray(array, dtype=np.float64)
    if fmt is FLOAT64:
        return values.copy()
    flat = values.reshape(-1)
    encoded = np.empty(flat.size, fmt.storage)
    for start in range(0, flat.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        encoded[block] = _encoded(fmt, flat[block])
    return encoded.view(fmt.numpy_dtype).reshape(values.shape)


def _encoded(fmt: Format, values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the encodings of float64 values, rounded once."""
    import numpy as np

    bits = values.view(np.int64)
    # Zero and float64's subnormal numbers are read as numbers of about 2^-1023, which is nothing
    # to every narrower format.
    mantissa = (bits | (1 << 52)) & ((1 << 53) - 1)
    exponent = ((bits >> 52) & 0x7FF) - 1075
    quantum = np.maximum(exponent + 53 - fmt.precision, fmt.min_quantum)
    # From 55 up, everything is less than half of the smallest subnormal number.
    shift = np.minimum(quantum - exponent, 60)
    kept = mantissa >> shift
    rest = mantissa - (kept << shift)
    half = np.int64(1) << (shift - 1)
    kept += (rest > half) | ((rest == half) & (kept & 1 == 1))
    encoded = np.minimum(
        ((quantum - fmt.min_quantum) << (fmt.precision - 1)) + kept, fmt.max_bits + 1
    )
    encoded = np.where(np.isnan(values), fmt.nan_bits, encoded)
    encoded |= np.where(bits < 0, fmt.sign_bit, 0)
    return encoded


def to_float64(array: NDArray[Any]) -> NDArray[np.float64]:
    """Widen an array of any known format to float64, exactly, NaN and infinities included.

    Raises
    ------
    UnknownFormat
        If the array's dtype is none of `FORMATS`.
    """
    import numpy as np

    fmt = format_of(array.dtype)
    if fmt.bits == 8:  # several times as fast as ml_dtypes' cast
        return _table(fmt)[np.ascontiguousarray(array).view(np.uint8)].reshape(array.shape)
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return array.astype(np.float64)


@functools.cache
def _numpy_dtype(name: str) -> np.dtype[Any]:
    import numpy as np

    if name in ("float64", "float32", "float16"):
        return np.dtype(name)
    import ml_dtypes

    dtype: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
    return dtype


@functools.cache
def _table(fmt: Format) -> NDArray[np.float64]:
    """Every value of an 8-bit format by its encoding."""
    import numpy as np

    table = np.full(1 << fmt.bits, np.nan)
    for bits in range(1 << fmt.bits):
        sign = -1.0 if bits & fmt.sign_bit else 1.0
        if is_finite_bits(fmt, bits):
            _, mantissa, exponent = decode(fmt, bits)
            table[bits] = sign * mantissa * 2.0**exponent
        elif is_infinite_bits(fmt, bits):
            table[bits] = sign * np.inf
    table.setflags(write=False)
    return table
