"""What a backend may say of itself, and what is assumed of one that says nothing.

The defaults are what users expect. A behaviour that differs from a default is a failure whose
message names the claim that would declare it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Literal, Self

from backends.errors import ClaimError
from backends.operations import OPERATIONS
from backends.vocabulary import (
    ALGORITHMS,
    ALL_MASKED,
    DTYPES,
    SUBNORMALS,
    ZERO_LENGTH,
    nearest,
)

AllMasked = Literal["nan", "zero", "uniform"]
Subnormals = Literal["gradual", "flush"]
ZeroLength = Literal["empty", "raises"]
Algorithm = Literal["shifted", "unshifted", "division_free", "online", "two_pass"]

_CHOICES = {"all_masked": ALL_MASKED, "subnormals": SUBNORMALS, "algorithm": ALGORITHMS}
_SWITCHES = ("deterministic", "thread_safe", "batch_invariant", "correctly_rounded")
_LONGEST_REASON = 1000
_NARROW = frozenset(DTYPES) - {"float64", "float32"}


@dataclass(frozen=True, kw_only=True)
class Claims:
    """The promises of one backend; verification holds each against what it observes.

    Attributes
    ----------
    deterministic
        The same input gives the same bits: call by call, at any address, on any number of threads.
        Held by the checks ``determinism`` and ``drift``.
    thread_safe
        Concurrent calls from several threads give what each call alone gives; without it there are
        none. Held by the check ``thread_safety``.
    batch_invariant
        A row's result has the same bits alone and inside any batch. Held by the check
        ``batch_invariance``, which records what it observes where nothing is claimed.
    all_masked
        What a row of nothing but -inf gives.
    subnormals
        Whether subnormal results are kept or may be flushed to zero.
    zero_length
        What rows of length 0 give: ``empty``, an array of the same shape; ``raises``; None: no
        claim, and either is right.
    max_ulp
        The largest error in ulps of the exact value: everywhere, or a dict whose keys are dtypes,
        operations, or both (``log_softmax/float32``), the narrowest deciding; None: no claim.
    correctly_rounded
        Every result is the exact value rounded once.
    algorithm
        Selects the a-priori error bound and the bytes that must be moved.
    accumulate
        The dtype in which rows are summed; None for the rule of `accumulate_for`.
    limitations
        Name of a check or regime -> reason; failures there are reported as ``known``. A name may
        begin with an operation and end in a dtype, each with a slash, as in ``axes/float16`` or
        ``log_softmax/offset/float16``, and then holds for these alone.

    Raises
    ------
    ClaimError
        If a value is of the wrong type or not valid, or if two claims contradict each other.
    """

    deterministic: bool = True
    thread_safe: bool = True
    batch_invariant: bool = False
    all_masked: AllMasked = "nan"
    subnormals: Subnormals = "gradual"
    zero_length: ZeroLength | None = None
    max_ulp: float | Mapping[str, float] | None = None
    correctly_rounded: bool = False
    algorithm: Algorithm = "shifted"
    accumulate: str | None = None
    limitations: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise ClaimError(f"{name}={getattr(self, name)!r}: give True or False")
        for name, choices in _CHOICES.items():
            _check_choice(name, getattr(self, name), choices)
        if self.zero_length is not None:
            _check_choice("zero_length", self.zero_length, ZERO_LENGTH)
        if self.accumulate is not None:
            _check_choice("accumulate", self.accumulate, DTYPES)
        _check_limitations(self.limitations)
        # Copies, so that a caller's later change of its own dict does not change a promise.
        object.__setattr__(self, "limitations", dict(self.limitations))
        object.__setattr__(self, "max_ulp", _checked_ulps(self.max_ulp))
        self._check_contradictions()

    def _check_contradictions(self) -> None:
        for name in ("batch_invariant", "correctly_rounded"):
            if getattr(self, name) and not self.deterministic:
                raise ClaimError(
                    f"{name}=True contradicts deterministic=False: the same bits every time are "
                    "part of it; drop one of the two"
                )
        if not self.correctly_rounded:
            return
        claimed = self.max_ulp.values() if isinstance(self.max_ulp, Mapping) else [self.max_ulp]
        if any(ulps is not None and ulps < 0.5 for ulps in claimed):
            raise ClaimError(
                f"correctly_rounded=True contradicts max_ulp={self.max_ulp!r}: rounding alone "
                "costs up to 0.5 ulp; drop max_ulp or claim at least 0.5"
            )
        if self.subnormals == "flush":
            raise ClaimError(
                "correctly_rounded=True contradicts subnormals='flush': a flushed result is not "
                "the nearest one; drop one of the two"
            )

    def max_ulp_for(self, dtype: str, operation: str = "softmax") -> float | None:
        """Return the claimed error limit in ulps, or None where nothing is claimed."""
        if isinstance(self.max_ulp, Mapping):
            keys = (f"{operation}/{dtype}", operation, dtype)
            return next((self.max_ulp[key] for key in keys if key in self.max_ulp), None)
        return self.max_ulp

    def accumulate_for(self, dtype: str) -> str:
        """Return the dtype in which rows of `dtype` are summed.

        Unless claimed otherwise this is float32 for the 16-bit and 8-bit formats, and the dtype
        itself for float32 and float64.
        """
        if self.accumulate is not None:
            return self.accumulate
        return "float32" if dtype in _NARROW else dtype

    def to_dict(self) -> dict[str, object]:
        """Return the claims as JSON-able plain data; `from_dict` is the inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Self:
        """Build claims from plain data.

        Raises
        ------
        ClaimError
            If a name is not a claim, or as for the constructor.
        """
        known = [claim.name for claim in fields(cls)]
        for name in data:
            if name not in known:
                raise ClaimError(f"{name!r} is not a claim; {nearest(name, known)}")
        return cls(**data)  # type: ignore[arg-type]  # the constructor checks types itself


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ClaimError(f"{name}={value!r} is not valid; {nearest(value, choices)}")


def _check_limitations(limitations: object) -> None:
    if not isinstance(limitations, Mapping):
        raise ClaimError(f"limitations={limitations!r}: give a dict of check or regime -> reason")
    for name, reason in limitations.items():
        if not (isinstance(name, str) and name and isinstance(reason, str) and reason.strip()):
            raise ClaimError(
                f"limitations has {name!r}: {reason!r}; give the name of a check or regime and the "
                "reason, both as text"
            )
        if len(reason) > _LONGEST_REASON:
            # It stands in every outcome that it excuses.
            raise ClaimError(
                f"limitations[{name!r:.80}] has a reason of {len(reason)} characters; "
                f"say it in {_LONGEST_REASON}"
            )


def _checked_ulps(value: object) -> float | dict[str, float] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        return _checked_ulp("max_ulp", value)
    for key in value:
        _check_where(key)
    return {key: _checked_ulp(f"max_ulp[{key!r}]", limit) for key, limit in value.items()}


def _check_where(key: object) -> None:
    """Refuse a key of `max_ulp` that is neither a dtype nor an operation, nor both."""
    operation, _, dtype = str(key).rpartition("/")
    if operation:
        _check_choice("max_ulp: operation", operation, tuple(OPERATIONS))
        _check_choice("max_ulp: dtype", dtype, DTYPES)
    elif key not in OPERATIONS:
        _check_choice("max_ulp: dtype", key, DTYPES)


def _checked_ulp(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ClaimError(
            f"{name}={value!r}: give a number of ulps, a dict of dtype -> ulps, or None"
        )
    if not (value > 0 and math.isfinite(value)):
        raise ClaimError(f"{name}={value!r}: give a positive, finite number of ulps")
    return float(value)
