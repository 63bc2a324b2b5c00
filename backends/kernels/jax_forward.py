"""JAX's own forward functions, compiled: jax.nn.softmax, log_softmax and logsumexp.

The cross-entropy is the negative of log_softmax at the labels, as JAX's users write it.
"""

# ruff: noqa: ANN401, ARG001 - JAX's tracers have no type; `out` is memory to reuse, not a value

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# First, as it limits JAX's threads, which JAX reads when it begins.
from backends.kernels.jax_calls import Bound, compiled  # isort: skip

import jax
import jax.numpy as jnp
import numpy as np

from backends.kernels.bound_peer import checked
from backends.kernels.jax_rows import cooled
from backends.operations import IGNORE_INDEX

if TYPE_CHECKING:
    from backends.arrays import NumPyArray
    from backends.kernels.bound_peer import Call


def bound(
    operation: str,
    x: NumPyArray,
    *,
    axis: int,
    temperature: float,
    labels: NumPyArray | None = None,
    ignore_index: int = IGNORE_INDEX,
) -> Call:
    """Return a call that reads `x` where it lies and writes to the memory of its last result.

    Raises
    ------
    IndexError, TypeError, ValueError
        As `bound_peer.checked`.
    """
    given = checked(operation, x, axis, temperature, labels, ignore_index)
    divisor = np.array(given.temperature, given.result.dtype if x.dtype.itemsize > 2 else "float32")
    others = () if given.labels is None else (given.labels, np.array(ignore_index, np.int64))
    return Bound(
        _COMPILED[operation],
        (given.x, divisor, *others),
        given.target,
        given.result.shape,
        axis=given.axis,
        cooling=given.cooled,
    )


def _softmax(out: Any, x: Any, temperature: Any, *, axis: int, cooling: bool) -> Any:
    return jax.nn.softmax(cooled(x, temperature, cooling=cooling), axis).astype(x.dtype)


def _log_softmax(out: Any, x: Any, temperature: Any, *, axis: int, cooling: bool) -> Any:
    return jax.nn.log_softmax(cooled(x, temperature, cooling=cooling), axis).astype(x.dtype)


def _logsumexp(out: Any, x: Any, temperature: Any, *, axis: int, cooling: bool) -> Any:
    return jax.nn.logsumexp(cooled(x, temperature, cooling=cooling), axis).astype(x.dtype)


def _cross_entropy(
    out: Any, x: Any, temperature: Any, labels: Any, ignored: Any, *, axis: int, cooling: bool
) -> Any:
    counted = labels != ignored
    z = jax.nn.log_softmax(cooled(x, temperature, cooling=cooling), axis)
    chosen = jnp.expand_dims(jnp.where(counted, labels, 0), axis)
    loss = -jnp.squeeze(jnp.take_along_axis(z, chosen, axis), axis)
    return jnp.where(counted, loss, 0).astype(x.dtype)


_COMPILED = {
    "softmax": compiled(_softmax),
    "log_softmax": compiled(_log_softmax),
    "logsumexp": compiled(_logsumexp),
    "cross_entropy": compiled(_cross_entropy),
}
