"""The vocabulary of results: Status, Outcome, Measurement, Duel and Run.

Everything that Softmark finds out becomes one of these records, and every store, table, file and
picture reads only these. They hold plain Python values whatever they were built from (a NumPy
integer becomes an `int`), so that a database or a JSON file never meets a foreign type. Importing
this module loads nothing outside the standard library.

In JSON an infinity or a NaN is written as the string "inf", "-inf" or "nan", because strict JSON
has no such numbers; `from_dict` turns them back into floats.
"""

import math
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

from reports.text import without_passwords

RunKind = Literal["verify", "bench"]
Coverage = Literal["sampled", "exhaustive"]
CacheState = Literal["warm", "cold", "new process"]
Bound = Literal["", "memory", "exp"]
DuelVerdict = Literal["faster", "slower", "no difference shown"]


class Status(StrEnum):
    """What became of one case: a closed list."""

    PASS = "pass"  # noqa: S105 - the status, not a password
    """Within the limit, and wrong answers planted on this very case are rejected."""
    WEAK = "weak"
    """Within what theory allows, but far from what is attainable, or the limit is no evidence."""
    KNOWN = "known"
    """A limitation that the backend declares, and that shows as declared."""
    FAIL = "fail"
    """A wrong answer, or a declared limitation that no longer shows."""
    CRASH = "crash"
    """The process that ran the backend died."""
    TIMEOUT = "timeout"
    """No answer within the time allowed."""
    SKIP = "skip"
    """Not asked, or not judged: the backend does not offer this dtype or operation, or no exact
    answer was to be had; the message says why."""

    @property
    def bad(self) -> bool:
        """Whether this status makes a run fail."""
        return self in _BAD


_BAD = frozenset({Status.FAIL, Status.CRASH, Status.TIMEOUT})


class Record:
    """What the records share: plain values, and the way to JSON and back."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __post_init__(self) -> None:
        """Turn every value into the plain Python type that its field declares."""
        for name, kind, plain in _plain_fields(type(self)):  # type: ignore[arg-type]  # a class has a hash
            value = getattr(self, name)
            if type(value) is not kind and value is not None:
                object.__setattr__(self, name, plain(value))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, as values that strict JSON can hold."""
        return {name: jsonable(getattr(self, name)) for name in field_names(type(self))}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build the record from what `to_dict` returned.

        Raises
        ------
        ValueError
            If a field is unknown or a required one is missing.
        """
        unknown = sorted(set(values) - set(field_names(cls)))
        if unknown:
            raise ValueError(f"{cls.__name__} has no field {', '.join(map(repr, unknown))}")
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"not a complete {cls.__name__}: {error}") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome(Record):
    """The answer to one question (a check) about one backend on one case."""

    backend: str = field(metadata={"doc": "name of the implementation"})
    operation: str = field(metadata={"doc": "member of the softmax family"})
    dtype: str = field(metadata={"doc": "floating-point format of input and result"})
    check: str = field(metadata={"doc": "name of the question asked"})
    case: str = field(metadata={"doc": "the input in words; with the check it names this outcome"})
    regime: str = field(metadata={"doc": "family of inputs that the case belongs to"})
    shape: tuple[int, ...] = field(metadata={"doc": "shape of the input"})
    axis: int = field(metadata={"doc": "axis along which the operation runs"})
    n: int = field(metadata={"doc": "row length: elements along the axis"})
    status: Status = field(metadata={"doc": "pass, weak, known, fail, crash, timeout or skip"})
    max_ulp: float | None = field(
        default=None, metadata={"doc": "largest error, in ulps of the exact value"}
    )
    bound_ratio: float | None = field(
        default=None, metadata={"doc": "largest error divided by the theoretical limit"}
    )
    limit_ulp: float | None = field(
        default=None, metadata={"doc": "theoretical limit at the worst element, in ulps"}
    )
    gap: float | None = field(
        default=None,
        metadata={
            "doc": "how far the logit of the element with that limit is below its row's maximum, "
            "after the temperature; softmax only"
        },
    )
    misrounded: int | None = field(
        default=None, metadata={"doc": "results that are not the correctly rounded one"}
    )
    count: int = field(default=0, metadata={"doc": "elements compared"})
    message: str = field(default="", metadata={"doc": "what happened, in words"})
    replay: str = field(default="", metadata={"doc": "one command line that repeats this case"})
    coverage: Coverage = field(
        default="sampled", metadata={"doc": "sampled, or exhaustive: every possible input was run"}
    )
    evidence: str = field(
        default="", metadata={"doc": "planted wrong answers that this case rejects"}
    )
    worst: str = field(
        default="", metadata={"doc": "worst element: its position, input, got and exact value"}
    )
    seconds: float | None = field(default=None, metadata={"doc": "time in the worker, seconds"})
    environment: str = field(
        default="",
        metadata={"doc": "name of the environment that it was taken in; empty: the run's own"},
    )
    curves: dict[str, Any] | None = field(
        default=None,
        metadata={
            "doc": "series by name: of a training, the loss at each step and the exact run's"
        },
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement(Record):
    """One timing of one backend on one workload. All times are seconds per call."""

    backend: str = field(metadata={"doc": "name of the implementation"})
    operation: str = field(metadata={"doc": "member of the softmax family"})
    dtype: str = field(metadata={"doc": "floating-point format of input and result"})
    shape: tuple[int, ...] = field(metadata={"doc": "shape of the input"})
    axis: int = field(metadata={"doc": "axis along which the operation runs"})
    device: str = field(metadata={"doc": "where it ran: cpu, cuda ..."})
    threads: int = field(metadata={"doc": "threads that the backend could use"})
    cache: CacheState = field(
        metadata={
            "doc": "warm; cold: nothing it needs was in any cache; new process: a first call, with "
            "all that it has to load and compile"
        }
    )
    rounds: int = field(metadata={"doc": "timed rounds"})
    minimum: float = field(metadata={"doc": "fastest round, seconds"})
    maximum: float | None = field(default=None, metadata={"doc": "slowest round, seconds"})
    median: float = field(metadata={"doc": "median round, seconds"})
    mean: float = field(metadata={"doc": "mean of the rounds, seconds"})
    stddev: float = field(metadata={"doc": "standard deviation of the rounds, seconds"})
    iqr: float = field(metadata={"doc": "interquartile range of the rounds, seconds"})
    first_call: float | None = field(
        default=None, metadata={"doc": "the first call, compilation included, seconds"}
    )
    import_seconds: float | None = field(
        default=None, metadata={"doc": "of a new process: importing modules, seconds"}
    )
    prepare_seconds: float | None = field(
        default=None,
        metadata={"doc": "of a new process: loading and binding without imports, seconds"},
    )
    compile_seconds: float | None = field(
        default=None,
        metadata={
            "doc": "of a new process: first call less imports and a usual call, nothing compiled "
            "before, seconds"
        },
    )
    cached_seconds: float | None = field(
        default=None,
        metadata={
            "doc": "preparing and compiling together where another process left on disk what it "
            "compiled, seconds"
        },
    )
    peak_memory: int | None = field(
        default=None,
        metadata={"doc": "most memory that binding and a call take, inputs apart, bytes"},
    )
    bytes_moved: int = field(metadata={"doc": "bytes that the operation must move at least"})
    algorithm_bytes: int | None = field(
        default=None, metadata={"doc": "bytes that its algorithm moves where no cache helps"}
    )
    bandwidth: float = field(metadata={"doc": "bytes moved divided by the median, bytes/s"})
    roof_bandwidth: float | None = field(
        default=None,
        metadata={
            "doc": "bytes/s of the best program that moves these bytes alone, measured beside it"
        },
    )
    exp_rate: float | None = field(
        default=None, metadata={"doc": "exponentials a second, measured beside it"}
    )
    roof_seconds: float | None = field(
        default=None, metadata={"doc": "least time that the roof allows, seconds"}
    )
    roof_binds: Bound = field(
        default="", metadata={"doc": "which roof is the lower one: memory or exp"}
    )
    roof_share: float | None = field(
        default=None, metadata={"doc": "least time that the roof allows divided by the median"}
    )
    roof_uncertainty: float | None = field(
        default=None,
        metadata={"doc": "by how much of itself the share may be wrong, by the spread of both"},
    )
    max_ulp: float | None = field(
        default=None,
        metadata={"doc": "largest error of its first result, in ulps of the exact value"},
    )
    verified: bool = field(metadata={"doc": "the result was found right before it was timed"})
    message: str = field(default="", metadata={"doc": "anything a reader of the number must know"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Duel(Record):
    """Two implementations timed in turns on one workload. All times are seconds per call.

    Ratios are of speed: the baseline's time divided by the backend's, so that above 1 the backend
    is the faster one.
    """

    backend: str = field(metadata={"doc": "name of the implementation"})
    baseline: str = field(metadata={"doc": "name of the implementation that it is held against"})
    revision: str = field(
        default="", metadata={"doc": "commit of the baseline's code; empty: the present code"}
    )
    operation: str = field(metadata={"doc": "member of the softmax family"})
    dtype: str = field(metadata={"doc": "floating-point format of input and result"})
    shape: tuple[int, ...] = field(metadata={"doc": "shape of the input"})
    axis: int = field(metadata={"doc": "axis along which the operation runs"})
    device: str = field(metadata={"doc": "where the backend ran: cpu, cuda ..."})
    threads: int = field(metadata={"doc": "threads that each could use"})
    cache: CacheState = field(metadata={"doc": "warm, or cold: the input was not in any cache"})
    verdict: DuelVerdict = field(
        metadata={"doc": "faster or slower if the interval leaves 1 out; or no difference shown"}
    )
    ratio: float = field(metadata={"doc": "baseline's time divided by the backend's"})
    low: float = field(metadata={"doc": "lower end of the ratio's confidence interval"})
    high: float = field(metadata={"doc": "upper end of the ratio's confidence interval"})
    confidence: float = field(metadata={"doc": "probability that the interval holds the ratio"})
    ratios: tuple[float, ...] = field(
        metadata={"doc": "the ratio in each launch, a pair of new processes, in their order"}
    )
    blocks: int = field(metadata={"doc": "blocks of four turns, over all launches"})
    seconds: float = field(metadata={"doc": "the backend's time: median of the turns, seconds"})
    baseline_seconds: float = field(
        metadata={"doc": "the baseline's time: median of the turns, seconds"}
    )
    verified: bool = field(metadata={"doc": "the results of both were found right"})
    message: str = field(default="", metadata={"doc": "anything a reader of the ratio must know"})


Result = Outcome | Measurement | Duel
"""What a run holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run(Record):
    """One invocation, with the environment that its results were taken in."""

    id: str = field(metadata={"doc": "sortable name: UTC time and a random ending"})
    kind: RunKind = field(metadata={"doc": "verify or bench"})
    created: str = field(metadata={"doc": "when it began, ISO 8601 in UTC"})
    finished: str | None = field(
        default=None, metadata={"doc": "when it ended, ISO 8601 in UTC; none: interrupted"}
    )
    version: str = field(metadata={"doc": "version of softmark"})
    command: tuple[str, ...] = field(metadata={"doc": "the command line"})
    arguments: dict[str, Any] = field(metadata={"doc": "what was selected, as JSON values"})
    environment: dict[str, Any] = field(metadata={"doc": "machine, libraries, threads"})
    owner: str = field(default="", metadata={"doc": "the process that is, or was, at it"})
    reason: str = field(
        default="", metadata={"doc": "why it ended early; none: it was killed, or came to its end"}
    )

    @property
    def state(self) -> str:
        """Finished, or interrupted and why, in words."""
        if self.finished:
            return f"finished {self.finished}"
        return f"interrupted: {self.reason}" if self.reason else "interrupted"

    @classmethod
    def start(
        cls,
        kind: RunKind,
        *,
        version: str,
        command: Iterable[str] = (),
        arguments: Mapping[str, Any] | None = None,
        environment: Mapping[str, Any] | None = None,
        owner: str = "",
    ) -> "Run":
        """Return a new run that begins now, under a name of its own.

        Passwords in addresses of databases are left out of the command.
        """
        now = datetime.now(UTC)
        return cls(
            id=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
            kind=kind,
            created=now.isoformat(timespec="seconds"),
            version=version,
            command=tuple(without_passwords(word) for word in command),
            arguments=jsonable(dict(arguments or {})),
            environment=jsonable(dict(environment or {})),
            owner=owner,
        )


@cache
def _plain_fields(record: type[Record]) -> tuple[tuple[str, type, Callable[[Any], Any]], ...]:
    """Return each field's name, its plain type, and what makes a value one: once for each class."""
    entries = record.__dataclass_fields__.values()
    return tuple((entry.name, *_PLAIN[entry.type]) for entry in entries)


def utc_now() -> str:
    """Return the present time as a run keeps it: ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def field_names(record: type[Any]) -> tuple[str, ...]:
    """Return the names of a record's fields, in order."""
    return tuple(record.__dataclass_fields__)


def documentation(record: type[Any]) -> dict[str, str]:
    """Return what each field of a record means, by name."""
    return {entry.name: entry.metadata["doc"] for entry in fields(record)}


def shape_text(shape: Iterable[int]) -> str:
    """Return a shape as one word: (64, 1000) is "64x1000", () is "scalar"."""
    return "x".join(map(str, shape)) or "scalar"


def parse_shape(text: str) -> tuple[int, ...]:
    """Return the shape that `shape_text` wrote.

    Raises
    ------
    ValueError
        If `text` is not a shape.
    """
    if text == "scalar":
        return ()
    try:
        shape = tuple(int(part) for part in text.split("x"))
    except ValueError:
        shape = (-1,)
    if min(shape) < 0:
        raise ValueError(f"{text!r} is not a shape; write it like 64x1000")
    return shape


def jsonable(value: object) -> Any:  # noqa: ANN401 - a JSON value is any of six types
    """Return `value` in terms of strict JSON: no tuples, no infinities, no NaN, no enum members."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):  # NumPy's numbers too: they register with these two
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    return str(value)


def _integers(value: Iterable[Any]) -> tuple[int, ...]:
    return tuple(int(item) for item in value)


def _numbers(value: Iterable[Any]) -> tuple[float, ...]:
    return tuple(float(item) for item in value)


def _words(value: Iterable[Any]) -> tuple[str, ...]:
    return tuple(str(item) for item in value)


class _Always:
    """No value is of this type: what is inside a tuple is made plain each time."""


# What a field declares -> the exact type it must hold, and how to get there. `float` also reads the
# strings "inf" and "nan" of JSON, which is why from_dict needs no code of its own for them.
_PLAIN: dict[Any, tuple[type, Callable[[Any], Any]]] = {
    str: (str, str),
    str | None: (str, str),
    RunKind: (str, str),
    Coverage: (str, str),
    CacheState: (str, str),
    Bound: (str, str),
    DuelVerdict: (str, str),
    bool: (bool, bool),
    int: (int, int),
    int | None: (int, int),
    float: (float, float),
    float | None: (float, float),
    Status: (Status, Status),
    tuple[int, ...]: (_Always, _integers),
    tuple[float, ...]: (_Always, _numbers),
    tuple[str, ...]: (_Always, _words),
    dict[str, Any]: (dict, dict),
    dict[str, Any] | None: (dict, dict),
}
