"""What a worker does for the contract check: calls of every form, and what was seen of each.

Every procedure returns a note (`verify.notes`) and then results. Where the contract lets a backend
refuse, an exception becomes the note ``refused``; it must leave the input as it was all the same.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.operations import IGNORE_INDEX, operation
from verify import forms, layouts, left_behind, leftovers, notes
from verify.calls import Caller, InputChangedError, WrongResultError, as_numpy, parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from backends.arrays import Native
    from backends.backend import Backend
    from verify.calls import Inputs
    from verify.cases import Case

    Array = np.ndarray[Any, Any]

_LONGEST = 300
# Calls after which a result must still be there: more than buffers are kept in turn. Of so few
# elements there are more of them, but for backends that are slow.
_LATER = 8
_FEW, _MANY, _SECONDS = 8, 120, 0.2


def handed(backend: Backend, case: Case) -> list[Array]:
    """Call on the input in the layout of the case's form, or along the axis that it names."""
    layout = case.form if case.form in forms.LAYOUTS else ""
    laid = layouts.all_laid_out(layout, case.inputs())
    axis = int(forms.word(case)) if forms.kind(case) == "axis" else None
    views, owned = tuple(each.view for each in laid), [each.owned for each in laid]

    def call() -> list[Array]:
        caller = Caller(backend, case, views, axis, owned=owned)
        return _observed(caller.result())

    return _or_refused(case, call)


def into_view(backend: Backend, case: Case) -> list[Array]:
    """Call with ``out`` a view: it must hold the result, and nothing around it may change."""
    if not backend.takes_out(case.operation):
        return [notes.written(absent="takes no out")]
    inputs = case.inputs()
    zeros = np.zeros(case.result_shape, inputs[0].dtype)
    target = layouts.laid_out(forms.word(case), zeros)
    before = target.owned.tobytes()
    target.view[...] = _leftover(zeros)
    out = backend.library.from_numpy(target.view, backend.device)

    def call() -> list[Array]:
        result = Caller(backend, case, inputs, out=out).result()
        written = np.array(backend.library.to_numpy(out), order="C")
        elsewhere = written.tobytes() != np.ascontiguousarray(result).tobytes()
        target.view[...] = 0  # as it was before, so that what differs lies outside
        outside = target.owned.tobytes() != before
        return [notes.written(returned_elsewhere=elsewhere, wrote_outside=outside), written]

    return _or_refused(case, call)


def with_leftovers(backend: Backend, case: Case) -> list[Array]:
    """Call again and again, with other leftovers in the memory that calls get or are given."""
    inputs = case.inputs()
    like = np.empty(case.result_shape, inputs[0].dtype)
    labels: list[str] = []
    outputs: list[Array] = []
    for byte in leftovers.BYTES:
        with leftovers.left(byte, max(inputs[0].nbytes, like.nbytes)):
            outputs.append(Caller(backend, case, inputs)())
        labels.append(f"bytes of {byte:#04x}")
    if backend.takes_out(case.operation):
        for byte in leftovers.BYTES:
            out = backend.library.from_numpy(leftovers.filled(like, byte), backend.device)
            outputs.append(Caller(backend, case, inputs, out=out)())
            labels.append(f"bytes of {byte:#04x} in out")
    return [notes.written(labels=labels), *outputs]


def outlives(backend: Backend, case: Case) -> list[Array]:
    """Look at results again after later calls, and after their caller overwrote this and that."""
    first = case.inputs()
    second = (np.roll(first[0], 1, case.axis), *first[1:])
    seen: dict[str, Array] = {}
    call = _door(backend, case)
    given, other = (_natives(backend, each) for each in (first, second))
    with left_behind.watched() as left:
        y = call(given)
        seen["first"] = _copy(backend, y)
        z = call(other)
        seen["second"] = _copy(backend, z)
        for _ in _later(case):
            call(other)
    seen["first after later calls"] = _copy(backend, y)
    for native, each in zip(given, first, strict=True):
        _overwrite(backend, native, _leftover(each))
    seen["first after its input was overwritten"] = _copy(backend, y)
    if _overwrite(backend, y, _leftover(np.empty(case.result_shape, first[0].dtype))):
        seen["second after the first result was overwritten"] = _copy(backend, z)
        again = call(_natives(backend, first))
        seen["again after the first result was overwritten"] = _copy(backend, again)
    kept = _bound(backend, case, first)
    seen["bound"] = _copy(backend, kept)
    for _ in range(_LATER):
        _bound(backend, case, second)
    seen["bound after later bound calls"] = _copy(backend, kept)
    return [notes.written(labels=list(seen), left=left), *seen.values()]


def _later(case: Case) -> Iterator[int]:
    """Count the calls that a result has to outlive."""
    yield from range(_LATER)
    end = time.monotonic() + _SECONDS
    for number in range(_LATER, _MANY if case.count <= _FEW else _LATER):
        if time.monotonic() > end:
            return
        yield number


def on_stream(backend: Backend, case: Case) -> list[Array]:
    """Call on a side stream that has yet to write the input: work elsewhere reads it too early."""
    import torch

    x, *further = case.inputs()
    stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch's, untyped
    source = backend.library.from_numpy(x, backend.device)
    with torch.cuda.stream(stream):
        native = torch.full_like(source, torch.nan)
        torch.cuda._sleep(50_000_000)  # type: ignore[no-untyped-call]  # noqa: SLF001 - what torch tests its own streams with, untyped
        native.copy_(source)
        result = _door(backend, case)([native, *_natives(backend, further)])
        output = result.clone()
    stream.synchronize()
    return [notes.written(), _copy(backend, output)]


def foreign_dtype(backend: Backend, case: Case) -> list[Array]:
    """Call the backend, as its users reach it, on numbers of a dtype that is no float's."""
    x, *further = case.inputs()
    given = [np.asarray(x, np.float64).astype(forms.word(case)), *further]
    return _or_refused(case, lambda: _observed(as_numpy(backend, _door(backend, case)(given))))


def misused(backend: Backend, case: Case) -> list[Array]:
    """Call with an argument that makes no sense, as the case's form says."""
    inputs, given = list(case.inputs()), parameters(case)
    what, word = forms.kind(case), forms.word(case)
    if what == "temperature":
        given["temperature"] = float(word)
    else:
        at = operation(case.operation).inputs.index(what)
        inputs[at] = _spoilt(inputs[at], word, case.n)

    def call() -> list[Array]:
        bound = backend.bind(case.operation, *_natives(backend, inputs), **given)
        result = bound()
        backend.synchronize()
        return [notes.written(), _copy(backend, result)]

    return _or_refused(case, call)


def _spoilt(array: Array, word: str, n: int) -> Array:
    """Return an argument with one thing wrong; see `forms.BAD`."""
    if word == "float":
        return array.astype(np.float32)
    if word == "short":
        return array[:-1]
    if word == "broadcast":
        return array[:1]
    spoilt = array.copy()
    spoilt[-1] = {"beyond": n, "negative": -1, "usual": IGNORE_INDEX}[word]
    return spoilt


def _bound(backend: Backend, case: Case, inputs: Inputs) -> Native:
    call = backend.bind(case.operation, *_natives(backend, inputs), **parameters(case))
    result = call()
    backend.synchronize()
    return result


def _door(backend: Backend, case: Case) -> Callable[[Sequence[Native]], Native]:
    function = getattr(backend, case.operation)

    def call(inputs: Sequence[Native]) -> Native:
        result = function(*inputs, **parameters(case))
        backend.synchronize()
        return result

    return call


def _or_refused(case: Case, call: Callable[[], list[Array]]) -> list[Array]:
    try:
        return call()
    except (InputChangedError, WrongResultError):
        raise
    except Exception as error:
        if not forms.may_refuse(case):
            raise
        # The text of a foreign exception is foreign code's: its type is enough if that fails.
        text = type(error).__name__
        with contextlib.suppress(Exception):
            text = f"{text}: {error}"[:_LONGEST]
        return [notes.written(refused=text)]


def _observed(result: Array) -> list[Array]:
    """Return a note on the result's layout, and the result in the machine's byte order."""
    note = notes.written(
        aligned=bool(result.flags.aligned),
        foreign=not result.dtype.isnative,
        shared=bool(result.flags.writeable) and layouts.overlaps(result),
    )
    return [note, np.array(result, result.dtype.newbyteorder("="), order="C")]


def _natives(backend: Backend, inputs: Sequence[Array]) -> list[Native]:
    return [backend.library.from_numpy(each.copy(), backend.device) for each in inputs]


def _copy(backend: Backend, result: Native) -> Array:
    return np.array(as_numpy(backend, result), order="C")


def _leftover(x: Array) -> Array:
    return leftovers.filled(x, 0xFF)


def _overwrite(backend: Backend, array: Native, values: Array) -> bool:
    """Overwrite a native array's elements; say whether it lets them be overwritten."""
    try:
        array[...] = backend.library.from_numpy(values, backend.device)
    except (TypeError, ValueError, RuntimeError):
        return False
    backend.synchronize()
    return True
