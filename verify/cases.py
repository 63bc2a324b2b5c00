"""A case: one reproducible input, in words.

A case travels between processes as text and becomes an array only where it is needed, so that the
worker, the oracle and the judge all build the same input from the same words::

    softmax/float32/4x1000/wide_gap/axis=-1/seed=7
    softmax/float64/3/values/x=1.6,3.1,0.5/temperature=2.0
    softmax/float16/16252928x2/pairs/span=0-256
    softmax/float32/4097/values/x=0.0,-1.5*4096
    softmax/float32/6x33/normal/axis=0/form=negative_stride
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from reports.records import parse_shape, shape_text

if TYPE_CHECKING:
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

    def __str__(self) -> str:
        """Return the text that `parse` reads back."""
        parts = [self.operation, self.dtype, shape_text(self.shape), self.regime]
        if self.axis != -1:
            parts.append(f"axis={self.axis}")
        if self.temperature != 1.0:
            parts.append(f"temperature={self.temperature!r}")
        if self.seed:
            parts.append(f"seed={self.seed}")
        if self.values:
            parts.append("x=" + _spelled(self.values))
        if self.bits:
            parts.append(f"bits={self.bits}")
        if self.variant:
            parts.append(f"variant={self.variant}")
        if self.form:
            parts.append(f"form={self.form}")
        if self.span:
            parts.append("span=" + "-".join(map(str, self.span)))
        return "/".join(parts)

    @property
    def base(self) -> Case:
        """The same input without the check's variant and form: what the oracle is asked."""
        return replace(self, variant="", form="") if self.variant or self.form else self

    def build(self) -> np.ndarray[Any, Any]:
        """Return ``x``: a C-contiguous array of `shape` in the format's NumPy dtype."""
        from verify import regimes

        return regimes.build(self)


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
    key, _, value = option.partition("=")
    try:
        match key:
            case "axis":
                return replace(case, axis=int(value))
            case "temperature":
                return replace(case, temperature=float(value))
            case "seed":
                return replace(case, seed=int(value))
            case "x":
                return replace(case, values=_values(value, case.count))
            case "bits":
                return replace(case, bits=value)
            case "variant":
                return replace(case, variant=value)
            case "form":
                return replace(case, form=value)
            case "span":
                return replace(case, span=tuple(int(item) for item in value.split("-")))
    except ValueError as error:
        raise CaseError(f"case option {option!r}: {error}") from None
    raise CaseError(
        f"case option {option!r}: expected axis=, temperature=, seed=, x=, bits=, variant=, form= "
        "or span="
    )


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


def _validate(case: Case) -> None:
    from backends.formats import format_of
    from backends.operations import operation
    from verify import forms, regimes, spaces

    operation(case.operation)
    format_of(case.dtype)
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
