"""Golden values: the correctly rounded answer, as an array of the caller's own kind.

>>> import verify
>>> y = verify.exact.softmax(x)  # doctest: +SKIP

Every result is the exact value rounded once, to nearest even, in the dtype of the input; it is the
oracle's answer, not that of a backend. From some hundred distinct elements on, answers are kept in
the oracle's cache (``$SOFTMARK_CACHE``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends import arrays
from backends.formats import format_of
from verify import oracle

if TYPE_CHECKING:
    from backends.arrays import Native

__all__ = ["softmax"]


def softmax(
    x: Native, axis: int = -1, temperature: float = 1.0, *, all_masked: str = "nan"
) -> Native:
    """Return softmax(x / temperature) along `axis`, every element correctly rounded.

    Parameters
    ----------
    x
        A NumPy array or torch tensor of any shape, in float64, float32, float16, bfloat16
        (ml_dtypes or torch) or an fp8 format.
    axis
        The axis of the rows; negative counts from the end.
    temperature
        A positive number, taken at the exact value of the float.
    all_masked
        What a row of nothing but -inf gives: ``"nan"``, ``"zero"`` or ``"uniform"``. A row with a
        NaN or +inf gives NaN throughout.

    Returns
    -------
    array
        Of x's library, dtype, shape and device; C-contiguous, detached from any graph.

    Raises
    ------
    UnsupportedInput
        If `x` is no array of a library that is known here.
    UnknownFormat
        If its dtype is no floating-point format that is known here.
    ValueError
        If the temperature is not a positive finite number, or `all_masked` is none of the three.
    numpy.exceptions.AxisError
        If the axis does not exist.
    """
    library = arrays.library_of(x)
    given = library.to_numpy(x)
    dtype = format_of(given.dtype).numpy_dtype
    answer = oracle.exact(
        "softmax",
        {"x": given.astype(dtype, copy=False)},  # in the machine's byte order
        {"axis": axis, "temperature": temperature, "all_masked": all_masked},
    )
    rounded = answer.rounded.astype(given.dtype, copy=False)
    return library.from_numpy(rounded, str(x.device))
