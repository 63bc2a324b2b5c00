"""The results of a step of `numba_fast`: of a softmax, or of a log_softmax."""

# ruff: noqa: ANN401 - Numba compiles each function for the arrays and lanes that it meets
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backends.kernels.lanes_memory import load, load_some
from backends.kernels.machine import always_inline, piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.kernels.fast_forms import Form


def results_of(form: Form, few: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Make whole(x, at, y, back, a, b) and some(x, at, y, back, left, a, b): of a step, of `few`.

    Those of a softmax are made of its exponentials, by its factor in two parts; where the form is
    `for_logarithms` those of a log_softmax, of its logits, by top + log in two parts.
    """
    return _lessened(form, few) if form.for_logarithms else _quotients(form, few)


def _quotients(form: Form, few: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    times, zero, width = form.times, form.real(0.0), form.width

    @piece
    def whole(x: Any, at: int, y: Any, back: int, factor: Any, rest: Any) -> Any:  # noqa: ARG001 - called like `_lessened`'s
        always_inline()
        return times(load(y, back, width), factor, rest)

    @piece
    def some(x: Any, at: int, y: Any, back: int, left: int, factor: Any, rest: Any) -> Any:  # noqa: ARG001 - as above
        always_inline()
        return times(load_some(y, back, few, left, zero), factor, rest)

    return whole, some


def _lessened(form: Form, few: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    take, widen, nothing = form.take, form.widen, form.nothing

    @piece
    def whole(x: Any, at: int, y: Any, back: int, high: Any, low: Any) -> Any:  # noqa: ARG001 - called like `_quotients`'
        always_inline()
        return (take(x, at) - high) - low

    @piece
    def some(x: Any, at: int, y: Any, back: int, left: int, high: Any, low: Any) -> Any:  # noqa: ARG001 - as above
        always_inline()
        return (widen(load_some(x, at, few, left, nothing)) - high) - low

    return whole, some
