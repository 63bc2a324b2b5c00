"""A case: one reproducible input, in words.

A case travels between processes as text and becomes an array only where it is needed, so that the
worker, the oracle and the judge all build the same input from the same words::

    softmax/float32/4x1000/wide_gap/axis=-1/seed=7
    softmax/float64/3/values/x=1.6,3.1,0.5/temperature=2.0
    softmax/float16/16252928x2/pairs/span=0-256
    softmax/float32/4097/values/x=0.0,-1.5*4096
    softmax/float32/6x33/normal/axis=0/form=negative_stride
    cross_entropy/float16/4x10/normal/labels=ignored
    softmax_vjp/float32/3x33/masked/cotangent=wide/temperature=0.5
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from backends.operations import IGNORE_INDEX, operation
from reports.records import parse_shape, shape_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    import numpy as np

# The largest input, in elements, that is built at all: 2^31 + 1 of them behind a memory gate.
_MAX_ELEMENTS = 2**32
# From so many equal values in a row on, a case's text counts them.
_RUN = 8


class CaseError(ValueError):
    """A case's text that cannot be read, or that describes no input."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One reproducible input of an operation.

    Attributes
    ----------
    operation, dtype : str
        What is asked, and the format of the array inputs.
    shape : tuple of int
        The shape of ``x``; ``()`` is a scalar.
    regime : str
        The family of inputs that the values come from; ``"values"`` takes them from `values`.
    axis : int
        The axis along which the operation works; negative counts from the end.
    temperature : float
        What the logits are divided by; 1 for none.
    seed : int
        The seed of the regime's generator.
    values : tuple of float
        The row itself, for the regime ``"values"``; repeated to fill `shape`.
    bits : str
        The rows' encodings, for the regime ``"encoded"`` (see `verify.encoded`); likewise.
    labels, cotangent, sampled : str
        Words for the arrays that go with ``x`` (`verify.companions`), where the operation takes
        them; empty for the usual ones.
    ignore_index, remove_accidental_hits
        The operation's parameters of these names.
    variant : str
        How a check varies the input, for checks that call the backend more than once.
    form : str
        The form of the call (`verify.forms`): how the arrays lie in memory, what is asked of the
        result besides its values; empty for one call on a contiguous array.
    span : (first, end), or nothing
        Which part of an enumerated space of inputs (`verify.spaces`), the end excluded.
    """

    operation: str
    dtype: str
    shape: tuple[int, ...]
    regime: str
    axis: int = -1
    temperature: float = 1.0
    seed: int = 0
    values: tuple[float, ...] = ()
    bits: str = ""
    labels: str = ""
    cotangent: str = ""
    sampled: str = ""
    ignore_index: int = IGNORE_INDEX
    remove_accidental_hits: bool = True
    variant: str = ""
    form: str = ""
    span: tuple[int, ...] = ()

    @property
    def n(self) -> int:
        """Length of a row: the extent of `axis`; 1 for a scalar."""
        return self.shape[self.axis] if self.shape else 1

    @property
    def rows(self) -> int:
        """How many rows the operation works on."""
        if not self.shape:
            return 1
        axis = self.axis % len(self.shape)
        return math.prod(self.shape[:axis] + self.shape[axis + 1 :])

    @property
    def count(self) -> int:
        """How many elements ``x`` has."""
        return math.prod(self.shape)

    @property
    def result_shape(self) -> tuple[int, ...]:
        """The shape that the result must have."""
        return operation(self.operation).result_shape(self.shape, self.axis)

    @property
    def result_width(self) -> int:
        """How many results a row of `x` has."""
        return operation(self.operation).result_width(self.n)

    @property
    def parameters(self) -> dict[str, object]:
        """The operation's parameters, by name."""
        return {name: getattr(self, name) for name in operation(self.operation).parameters}

    def __str__(self) -> str:
        """Return the text that `parse` reads back."""
        parts = [self.operation, self.dtype, shape_text(self.shape), self.regime]
        for word, option in _OPTIONS.items():
            value = getattr(self, option.field)
            if value != getattr(type(self), option.field):
                parts.append(f"{word}={option.write(value)}")
        return "/".join(parts)

    @property
    def base(self) -> Case:
        """The same input without the check's variant and form: what the oracle is asked."""
        return replace(self, variant="", form="") if self.variant or self.form else self

    def build(self) -> np.ndarray[Any, Any]:
        """Return ``x``: a C-contiguous array of `shape` in the format's NumPy dtype."""
        from verify import regimes

        return regimes.build(self)

    def inputs(self) -> tuple[np.ndarray[Any, Any], ...]:
        """Return ``x`` and the arrays that go with it, in the order that the operation takes."""
        from verify import companions, regimes

        x = regimes.build(self)
        if self.operation == "softmax":
            return (x,)
        further = companions.rows(self, regimes.rows_of(x, self.axis))
        return (x, *(companions.placed(name, rows, self) for name, rows in further.items()))


def parse(text: str) -> Case:
    """Read a case from its text.

    Raises
    ------
    CaseError
        Naming the part that was given and what was expected in its place.
    """
    parts = text.split("/")
    if len(parts) < 4:  # operation, dtype, shape, regime
        raise CaseError(
            f"case {text!r}: expected OPERATION/DTYPE/SHAPE/REGIME[/axis=…][/temperature=…]"
            "[/seed=…][/x=…][/bits=…], as in softmax/float32/4x1000/uniform/seed=7"
        )
    operation, dtype, shape, regime, *options = parts
    case = Case(operation=operation, dtype=dtype, shape=_shape(shape), regime=regime)
    for option in options:
        case = _with_option(case, option)
    _validate(case)
    return case


def _shape(text: str) -> tuple[int, ...]:
    try:
        shape = parse_shape(text)
    except ValueError as error:
        raise CaseError(f"case: {error}") from None
    if math.prod(shape) > _MAX_ELEMENTS:
        raise CaseError(f"case: shape {text} has more than {_MAX_ELEMENTS} elements")
    return shape


def _with_option(case: Case, option: str) -> Case:
    word, _, text = option.partition("=")
    known = _OPTIONS.get(word)
    if known is None:
        raise CaseError(
            f"case option {option!r}: expected {', '.join(f'{each}=' for each in _OPTIONS)}"
        )
    try:
        return replace(case, **{known.field: known.read(text, case)})
    except ValueError as error:
        raise CaseError(f"case option {option!r}: {error}") from None


def _truth(word: str) -> bool:
    if word not in ("True", "False"):
        raise ValueError(f"{word!r}: give True or False")
    return word == "True"


def _spelled(values: tuple[float, ...]) -> str:
    """Return the values with commas between them, a long run of one as in ``-1.5*4096``."""
    words: list[str] = []
    for word, run in groupby(repr(float(value)) for value in values):
        length = sum(1 for _ in run)
        words += [f"{word}*{length}"] if length >= _RUN else [word] * length
    return ",".join(words)


def _values(text: str, most: int) -> tuple[float, ...]:
    values: list[float] = []
    for word in text.split(","):
        number, star, length = word.partition("*")
        count = int(length) if star else 1
        if not (count == 1 or 1 < count <= most):
            raise ValueError(f"{word!r} repeats a value more often than the input has elements")
        values += [float(number)] * count
    return tuple(values)


class _Option(NamedTuple):
    """How one field of a case is written, and read for the case so far."""

    field: str
    write: Callable[[Any], str]
    read: Callable[[str, Case], Any]


def _text(field: str) -> _Option:
    return _Option(field, str, lambda text, _: text)


def _integer(field: str) -> _Option:
    return _Option(field, str, lambda text, _: int(text))


# In the order in which a case's text has them; those at their default are left out.
_OPTIONS: Mapping[str, _Option] = {
    "axis": _integer("axis"),
    "temperature": _Option("temperature", repr, lambda text, _: float(text)),
    "seed": _integer("seed"),
    "x": _Option("values", _spelled, lambda text, case: _values(text, case.count)),
    "bits": _text("bits"),
    "labels": _text("labels"),
    "cotangent": _text("cotangent"),
    "sampled": _text("sampled"),
    "ignore_index": _integer("ignore_index"),
    "remove_accidental_hits": _Option("remove_accidental_hits", str, lambda text, _: _truth(text)),
    "variant": _text("variant"),
    "form": _text("form"),
    "span": _Option(
        "span",
        lambda span: "-".join(map(str, span)),
        lambda text, _: tuple(int(item) for item in text.split("-")),
    ),
}


def _validate(case: Case) -> None:
    from backends.formats import format_of
    from verify import companions, forms, regimes, spaces

    operation(case.operation)
    format_of(case.dtype)
    try:
        companions.validate(case)
    except ValueError as error:
        raise CaseError(f"case {error}") from None
    if case.regime in spaces.SPACES:
        spaces.validate(case)
    else:
        regimes.regime(case.regime)
        if case.span:
            raise CaseError(f"span=… chooses a part of {', '.join(spaces.SPACES)}, of nothing else")
    ndim = max(len(case.shape), 1)
    if not -ndim <= case.axis < ndim:
        raise CaseError(f"case axis {case.axis} is outside the shape {shape_text(case.shape)}")
    if (case.regime == "values") != bool(case.values):
        raise CaseError("the regime 'values' takes its row from x=…, and no other regime does")
    if (case.regime == "encoded") != bool(case.bits):
        raise CaseError("the regime 'encoded' takes its rows from bits=…, and no other regime does")
    forms.validate(case)
    if case.bits:
        from verify import encoded

        try:
            encoded.decode(format_of(case.dtype), case.bits, max(case.count, 1))
        except ValueError as error:
            raise CaseError(f"case {error}") from None
