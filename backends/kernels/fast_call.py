"""From arrays of any shape, strides and format to `fast_softmax` and `fast_family`, blocks of rows.

A call is prepared: arguments are checked, arrays brought into the kernels' form where they need not
be copied. What is left to it are the kernel and, for other layouts, the copies. Only labels, which
may change from call to call, are looked at in each.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.kernels import fast_choice, fast_family, fast_softmax
from backends.kernels.arguments import (
    check_classes,
    checked_axis,
    checked_out,
    checked_temperature,
    labels_in_shape,
    written_directly,
)
from backends.kernels.numba_call import ENTRY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backends.arrays import NumPyArray
    from backends.kernels.fast_choice import Apply

# What holds a 16-bit format's encodings on the way to the kernels.
_WORDS: dict[str, Any] = {"float16": np.int16, "bfloat16": np.uint16}
# So many elements are brought into rows at a time where they do not lie in rows already.
_AT_ONCE = 1 << 18


def softmax(
    x: NumPyArray,
    axis: int,
    temperature: float,
    out: NumPyArray | None = None,
    compiled: Callable[[str], Callable[..., None]] = fast_softmax.softmax,
) -> Callable[[], NumPyArray]:
    """Prepare a call that returns the softmax of x / temperature along `axis`.

    Parameters
    ----------
    x
        float64, float32, float16 or bfloat16, of any shape and strides.
    axis, temperature
        As for every backend.
    out
        Where to write, of x's shape and dtype; None for a fresh array. It may be x itself.
    compiled
        Gives the compiled kernel of a format: another algorithm's, if there is to be one.

    Raises
    ------
    IndexError, ValueError
        If the axis is out of range, the temperature is not positive and finite, or `out` is of
        another shape or dtype.
    """
    divisor = checked_temperature(temperature)
    position = checked_axis(axis, x.ndim)
    out = checked_out(out, x)
    if x.size == 0:
        return lambda: out
    native = _native(x.dtype)
    rows = _along(x, position)
    apply = fast_choice.softmax(_name(native), rows.shape[-1], divisor, compiled)
    return _prepared(out, apply, [rows], _along(out, position), native)


def family(
    what: int,
    x: NumPyArray,
    axis: int,
    temperature: float,
    out: NumPyArray | None = None,
    cotangent: NumPyArray | None = None,
    *,
    of_no_class: float = 0.0,
) -> Callable[[], NumPyArray]:
    """Prepare a call of one of `fast_family`'s operations of x / temperature along `axis`.

    Parameters
    ----------
    what
        Its constant there; it takes no labels.
    x, axis, temperature, out
        As for `softmax`, `out` of the result's shape.
    cotangent
        Of x's shape and dtype, for `SOFTMAX_VJP`.
    of_no_class
        The result for rows of length 0.

    Raises
    ------
    IndexError, ValueError
        As for `softmax`.
    """
    position = checked_axis(axis, x.ndim)
    others = [] if cotangent is None else [_along(cotangent, position)]
    return _family(what, x, position, temperature, out, others, of_no_class)


def labelled(
    what: int,
    x: NumPyArray,
    labels: NumPyArray,
    axis: int,
    temperature: float,
    ignore_index: int | None,
    out: NumPyArray | None = None,
) -> Callable[[], NumPyArray]:
    """Prepare a call of one of `fast_family`'s operations that take labels.

    Raises
    ------
    IndexError, TypeError, ValueError
        As for `family` and `checked_labels`; what labels are no classes the call says.
    """
    counted = labels_in_shape(labels, x, axis).copy()[..., None]
    apply = _family(what, x, checked_axis(axis, x.ndim), temperature, out, [counted], 0.0)

    def call() -> NumPyArray:
        counted[..., 0] = labels  # kernels see what is checked, whoever changes the labels
        check_classes(counted[..., 0], x, axis, ignore_index)
        if ignore_index is not None and ignore_index >= 0:  # those below 0 kernels ignore
            counted[counted == ignore_index] = -1
        return apply()

    return call


def _family(
    what: int,
    x: NumPyArray,
    position: int,
    temperature: float,
    out: NumPyArray | None,
    others: list[NumPyArray],
    of_no_class: float,
) -> Callable[[], NumPyArray]:
    divisor = checked_temperature(temperature)
    one_a_row = what in (fast_family.LOGSUMEXP, fast_family.CROSS_ENTROPY)
    shape = x.shape[:position] + x.shape[position + 1 :] if one_a_row else x.shape
    out = checked_out(out, x, shape)
    if x.size == 0:
        return lambda: _filled(out, of_no_class)
    native = _native(x.dtype)
    rows = _along(x, position)
    apply = fast_choice.family(what, _name(native), rows.shape[-1], divisor)
    target = out[..., None] if one_a_row else _along(out, position)
    return _prepared(out, apply, [rows, *others], target, native)


def _filled(out: NumPyArray, value: float) -> NumPyArray:
    out[...] = value
    return out


def _prepared(
    out: NumPyArray,
    apply: Apply,
    sources: list[NumPyArray],
    target: NumPyArray,
    working: np.dtype[Any],
) -> Callable[[], NumPyArray]:
    """Prepare a call that applies a kernel to arrays whose last axis is the rows', and gives `out`.

    All arrays share the axes before that. What must be done for each call is done in it alone.
    """
    in_rows = all(each.dtype.isnative and each.flags.c_contiguous and each.flags.aligned
                  for each in sources)  # fmt: skip
    if in_rows and all(written_directly(target, each, working) for each in sources):
        rows, result = [_matrix(each) for each in sources], _matrix(target)

        def direct() -> NumPyArray:
            if not out.flags.writeable:  # now; kernels do not ask
                raise ValueError("the array for the results has become read-only: prepare anew")
            with ENTRY:
                apply(rows, result)
            return out

        return direct

    def by_way_of_copies() -> NumPyArray:
        _copied(apply, sources, target, working)
        return out

    return by_way_of_copies


def _copied(
    apply: Apply,
    sources: list[NumPyArray],
    target: NumPyArray,
    working: np.dtype[Any],
) -> None:
    if any(np.may_share_memory(each, target) and not _same_place(each, target)
             for each in sources):  # fmt: skip
        # Where they overlap in another way, rows written early are rows read late.
        result = np.empty(target.shape, target.dtype)
        _in_blocks(apply, sources, result, working)
        target[...] = result
    else:
        _in_blocks(apply, sources, target, working)


def _along(array: NumPyArray, position: int) -> NumPyArray:
    """Return a view with the axis at `position` last; 0-d arrays are rows of length 1."""
    if position == array.ndim - 1:
        return array
    return np.moveaxis(array.reshape(array.shape or (1,)), position, -1)


def _same_place(x: NumPyArray, out: NumPyArray) -> bool:
    return (
        x.__array_interface__["data"] == out.__array_interface__["data"]
        and x.strides == out.strides
    )


def _in_blocks(
    apply: Apply,
    sources: Sequence[NumPyArray],
    target: NumPyArray,
    working: np.dtype[Any],
) -> None:
    """Bring some rows at a time into order and into the working dtype, and their results back."""
    x = sources[0]
    if x.ndim == 1 or x.size <= _AT_ONCE or x.shape[:-1].count(1) == x.ndim - 1:
        dtypes = [np.int64 if each.dtype.kind == "i" else working for each in sources]
        rows = [np.array(each, kind, order="C") for each, kind in zip(sources, dtypes, strict=True)]
        result = np.empty(target.shape, working)
        _apply(apply, rows, result)
        with np.errstate(all="ignore"):  # what is too large for 16 bits is infinite, or NaN
            target[...] = result
        return
    # The longest of the other axes is cut, so that one row is as little as there can be.
    cut = int(np.argmax(x.shape[:-1]))
    parts, whole = [np.moveaxis(each, cut, 0) for each in sources], np.moveaxis(target, cut, 0)
    step = max(1, _AT_ONCE // (x.size // len(whole)))
    for start in range(0, len(whole), step):
        here = slice(start, start + step)
        _in_blocks(apply, [each[here] for each in parts], whole[here], working)


def _apply(
    apply: Apply,
    sources: Sequence[NumPyArray],
    result: NumPyArray,
) -> None:
    rows = [_matrix(each) for each in sources]
    with ENTRY:
        apply(rows, _matrix(result))


@functools.cache
def _name(dtype: np.dtype[Any]) -> str:
    return dtype.name  # NumPy makes it anew each time, for as long as a small kernel takes


@functools.cache
def _native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype.newbyteorder("=")


def _matrix(array: NumPyArray) -> NumPyArray:
    """Return a matrix that is ours: the caller may give an array another shape or dtype later."""
    word = _WORDS.get(_name(array.dtype))
    array = array.view() if word is None else array.view(word)
    return array if array.ndim == 2 else array.reshape(-1, array.shape[-1])
