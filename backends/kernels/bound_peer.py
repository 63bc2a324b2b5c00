"""What the compiled peers have in common: a call is bound to its arrays first, then made.

A library that compiles a graph or records where its input and its output lie wants to know both
before it runs. So binding is the one thing that each of them implements, and a plain call is a new
binding that is used once: its result is the caller's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from backends.kernels.arguments import checked_axis, checked_labels, checked_temperature
from backends.operations import IGNORE_INDEX
from backends.operations import operation as operation_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.arrays import NumPyArray

    Call = Callable[[], NumPyArray]


class Binder(Protocol):
    """How a peer is asked for a call."""

    def __call__(
        self,
        operation: str,
        x: NumPyArray,
        *,
        axis: int,
        temperature: float,
        labels: NumPyArray | None = None,
        ignore_index: int = IGNORE_INDEX,
    ) -> Call:
        """Return a call that reads x, and the labels, where they lie."""


class BoundSoftmax:
    """The functions that every inference library has; `bound` is the peer's own."""

    bound: Binder

    def softmax(self, x: NumPyArray, axis: int = -1, temperature: float = 1.0) -> NumPyArray:
        """Return the library's softmax of x / temperature."""
        return self.bind_softmax(x, axis, temperature)()

    def bind_softmax(self, x: NumPyArray, axis: int = -1, temperature: float = 1.0) -> Call:
        """Return the call alone."""
        return self.bound("softmax", x, axis=axis, temperature=temperature)

    def log_softmax(self, x: NumPyArray, axis: int = -1, temperature: float = 1.0) -> NumPyArray:
        """Return the library's log_softmax of x / temperature."""
        return self.bind_log_softmax(x, axis, temperature)()

    def bind_log_softmax(self, x: NumPyArray, axis: int = -1, temperature: float = 1.0) -> Call:
        """Return the call alone."""
        return self.bound("log_softmax", x, axis=axis, temperature=temperature)


class BoundLosses(BoundSoftmax):
    """The functions of those that train as well: one number for each row."""

    def logsumexp(self, x: NumPyArray, axis: int = -1, temperature: float = 1.0) -> NumPyArray:
        """Return the library's logsumexp of x / temperature."""
        return self.bind_logsumexp(x, axis, temperature)()

    def bind_logsumexp(self, x: NumPyArray, axis: int = -1, temperature: float = 1.0) -> Call:
        """Return the call alone."""
        return self.bound("logsumexp", x, axis=axis, temperature=temperature)

    def cross_entropy(
        self,
        x: NumPyArray,
        labels: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        ignore_index: int = IGNORE_INDEX,
    ) -> NumPyArray:
        """Return the library's loss of each row of x / temperature."""
        return self.bind_cross_entropy(x, labels, axis, temperature, ignore_index)()

    def bind_cross_entropy(
        self,
        x: NumPyArray,
        labels: NumPyArray,
        axis: int = -1,
        temperature: float = 1.0,
        ignore_index: int = IGNORE_INDEX,
    ) -> Call:
        """Return the call alone."""
        return self.bound(
            "cross_entropy",
            x,
            axis=axis,
            temperature=temperature,
            labels=labels,
            ignore_index=ignore_index,
        )


class Checked(NamedTuple):
    """The arguments of a call, checked, and where its result goes.

    Attributes
    ----------
    x : array
        The logits with at least one dimension; for the cross-entropy a matrix with a row each.
    axis : int
        The axis of the classes in `x`, counted from the front.
    labels : array or None
        Their classes, one for each row of the matrix.
    temperature : float
    result, target : array
        Fresh memory: in the shape that is asked for, and in the one that goes with `x`.
    """

    x: NumPyArray
    axis: int
    labels: NumPyArray | None
    temperature: float
    result: NumPyArray
    target: NumPyArray

    @property
    def cooled(self) -> bool:
        """Whether there is anything to divide by."""
        return self.temperature != 1.0


def checked(
    operation: str,
    x: NumPyArray,
    axis: int,
    temperature: float,
    labels: NumPyArray | None,
    ignore_index: int,
) -> Checked:
    """Return the arguments as compiled libraries take them.

    Raises
    ------
    IndexError, TypeError, ValueError
        If the axis is out of range, a label is no class, or the temperature not positive and
        finite.
    """
    import numpy as np

    from backends.kernels.staging import aligned

    divisor = checked_temperature(temperature)
    position = checked_axis(axis, x.ndim)
    shape = operation_of(operation).result_shape(x.shape, position)
    result = aligned(shape, x.dtype.newbyteorder("="))
    source = x.reshape(x.shape or (1,))
    if labels is None:
        target = result.reshape(result.shape or (1,)) if shape == x.shape else result
        return Checked(source, position, None, divisor, result, target)
    classes = checked_labels(labels, x, axis, ignore_index).reshape(-1)
    last = np.moveaxis(source, position, -1)
    matrix = last.reshape(classes.size, last.shape[-1])
    return Checked(matrix, 1, classes, divisor, result, result.reshape(-1))
