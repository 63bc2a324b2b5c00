"""What JAX derives from its own softmax and log_softmax: NumPy arrays in, NumPy arrays out.

Importing this file tells JAX to keep float64, for the whole process.
"""

# ruff: noqa: ANN401 - JAX's tracers have no type that could be named here

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# First, as it limits JAX's threads, which JAX reads when it begins.
from backends.kernels.jax_calls import Bound, compiled  # isort: skip

import jax
import jax.numpy as jnp
import numpy as np

from backends.kernels.arguments import (
    check_jacobian_memory,
    checked_axis,
    checked_cotangent,
    checked_labels,
    checked_temperature,
)
from backends.kernels.bound_peer import checked
from backends.operations import IGNORE_INDEX

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.arrays import NumPyArray
    from backends.kernels.bound_peer import Call, Checked

# The basis of cotangents, two products with it on the way back, the result, and its copy.
_MATRICES = 5


def softmax_vjp(x: NumPyArray, cotangent: NumPyArray, axis: int, temperature: float) -> NumPyArray:
    """Return what jax.vjp makes of jax.nn.softmax and the cotangent."""
    checked_cotangent(cotangent, x)
    gradient = _applied(_vjp, x, axis, temperature, cotangent.reshape(x.shape or (1,)))
    return gradient.reshape(x.shape)


def cross_entropy_grad(
    x: NumPyArray, labels: NumPyArray, axis: int, temperature: float, ignore_index: int
) -> NumPyArray:
    """Return jax.grad of the sum of -jax.nn.log_softmax at the labels that count."""
    classes = checked_labels(labels, x, axis, ignore_index)
    counted = classes != ignore_index
    chosen = np.where(counted, classes, 0)
    return _applied(_grad, x, axis, temperature, chosen, counted).reshape(x.shape)


def softmax_jacobian(x: NumPyArray, temperature: float) -> NumPyArray:
    """Return jax.jacrev of jax.nn.softmax for each row of the last axis."""
    shape = x.shape or (1,)
    check_jacobian_memory(shape, *[x.itemsize] * _MATRICES)
    rows = x.reshape(-1, shape[-1]) if x.size else np.empty((0, shape[-1]), x.dtype)
    return _applied(_jacobian, rows, -1, temperature).reshape(*shape, shape[-1])


def bound_vjp(x: NumPyArray, cotangent: NumPyArray, axis: int, temperature: float) -> Call:
    """Return a call of `softmax_vjp` that reads the arrays where they lie and reuses its result."""
    checked_cotangent(cotangent, x)
    given = checked("softmax_vjp", x, axis, temperature, None, IGNORE_INDEX)
    other = cotangent.reshape(given.x.shape)
    return _bound(_BOUND_VJP, given, other)


def bound_grad(
    x: NumPyArray, labels: NumPyArray, axis: int, temperature: float, ignore_index: int
) -> Call:
    """Return a call of `cross_entropy_grad` that reads x and labels where they lie."""
    classes = checked_labels(labels, x, axis, ignore_index)
    given = checked("cross_entropy_grad", x, axis, temperature, None, IGNORE_INDEX)
    return _bound(_BOUND_GRAD, given, classes, np.array(ignore_index, np.int64))


def _bound(function: Any, given: Checked, *others: NumPyArray) -> Call:
    dtype = "float32" if given.x.dtype.itemsize == 2 else given.result.dtype
    arrays = (given.x, *others, np.array(given.temperature, dtype))
    words = {"axis": given.axis, "cooling": given.cooled}
    return Bound(function, arrays, given.target, given.result.shape, **words)


def _applied(
    function: Callable[..., Any],
    x: NumPyArray,
    axis: int,
    temperature: float,
    *others: NumPyArray,
) -> NumPyArray:
    """Call a function, jitted, of JAX's arrays; the result is the caller's own, to write to."""
    divisor = checked_temperature(temperature)
    place = checked_axis(axis, x.ndim)
    given = (jnp.asarray(array.astype(array.dtype.newbyteorder("="), copy=False))
             for array in (x.reshape(x.shape or (1,)), *others))  # fmt: skip
    result = np.array(_jitted[function](*given, divisor, axis=place, cooling=divisor != 1.0))
    return result.astype(x.dtype, copy=False)


def _vjp(x: Any, cotangent: Any, temperature: Any, *, axis: int, cooling: bool) -> Any:
    def softmax(logits: Any) -> Any:
        y = jax.nn.softmax(cooled(logits, temperature, cooling=cooling), axis)
        return y.astype(x.dtype)

    return jax.vjp(softmax, x)[1](cotangent)[0]


def _grad(
    x: Any,
    classes: Any,
    counted: Any,
    temperature: Any,
    *,
    axis: int,
    cooling: bool,
) -> Any:
    def loss(logits: Any) -> Any:
        z = jax.nn.log_softmax(cooled(logits, temperature, cooling=cooling), axis)
        at_label = jnp.take_along_axis(z, jnp.expand_dims(classes, axis), axis)
        return jnp.sum(jnp.where(counted, -jnp.squeeze(at_label, axis), 0))

    return jax.grad(loss)(x)


def _grad_of_labels(
    x: Any, labels: Any, ignored: Any, temperature: Any, *, axis: int, cooling: bool
) -> Any:
    counted = labels != ignored
    chosen = jnp.where(counted, labels, 0)
    return _grad(x, chosen, counted, temperature, axis=axis, cooling=cooling)


def _jacobian(x: Any, temperature: Any, *, axis: int, cooling: bool) -> Any:
    def softmax(row: Any) -> Any:
        return jax.nn.softmax(cooled(row, temperature, cooling=cooling), axis - 1).astype(x.dtype)

    return jax.vmap(jax.jacrev(softmax))(x)


def cooled(x: Any, temperature: Any, *, cooling: bool) -> Any:
    """Return x / temperature, of 16-bit logits in float32, and `x` itself at temperature 1."""
    if not cooling:
        return x
    return (x.astype(jnp.float32) if x.dtype.itemsize == 2 else x) / temperature


_STATIC = ("axis", "cooling")
_jitted = {each: jax.jit(each, static_argnames=_STATIC) for each in (_vjp, _grad, _jacobian)}


def _with_result(function: Callable[..., Any]) -> Any:
    """Return the function compiled, with the memory of its last result before its arguments."""

    def call(out: Any, *arrays: Any, axis: int, cooling: bool) -> Any:
        del out  # memory to reuse, not a value
        return function(*arrays, axis=axis, cooling=cooling)

    return compiled(call)


_BOUND_VJP = _with_result(_vjp)
_BOUND_GRAD = _with_result(_grad_of_labels)
