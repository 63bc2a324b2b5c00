"""One line in anybody's test suite: ``verify.assert_correct(my_softmax, dtypes=["float32"])``.

The function is called in the caller's own process and thread: it is the caller's own code, in the
caller's own test. What needs isolation (a segfault, an endless loop) is asked of
``python -m verify`` instead.
"""

from __future__ import annotations

import functools
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backends import registry
from backends.arrays import ARRAYS
from backends.backend import Backend
from backends.claims import Claims
from backends.errors import UnsupportedInput
from backends.operations import OPERATIONS
from backends.signatures import where
from backends.spec import Source
from backends.vocabulary import DTYPES, nearest
from reports.records import Status
from verify.answers import Answers
from verify.checks import ISOLATED, NAMES
from verify.excuses import excused
from verify.judge import Verdict, wrong
from verify.offers import left_out, refusal
from verify.procedures import PROCEDURES
from verify.session import Arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backends.arrays import Native
    from verify.checks.check import Profile
    from verify.suite import Question, Selection

__all__ = ["assert_correct"]

# A message names so many failing cases, and counts the rest.
_NAMED = 5


def assert_correct(
    function: Callable[..., Native] | Backend | str,
    dtypes: Sequence[str] = ("float32",),
    *,
    array: str = "numpy",
    claims: Claims | None = None,
    profile: Profile = "quick",
    checks: Sequence[str] = (),
    cases: Sequence[str] = (),
    seed: int = 0,
) -> None:
    """Raise AssertionError unless a softmax answers every case within its limits.

    Parameters
    ----------
    function
        A function ``f(x)``, ``f(x, axis)`` or ``f(x, axis, temperature)``, with those names; it is
        asked for other axes and temperatures only if it takes them. Or a registered backend, or
        its name.
    dtypes
        The formats to ask for.
    array
        The array library that a function takes and returns: ``"numpy"`` or ``"torch"``.
    claims
        What it promises beyond, or less than, the defaults; ``Claims(max_ulp=1)`` is strict. A
        backend's own by default.
    profile
        ``"quick"`` or ``"full"``.
    checks
        Names of checks, by default those of ``python -m verify`` that need no process of their own
        (`verify.checks.ISOLATED` do); ``("accuracy",)`` is quicker.
    cases
        Only these cases, in words, such as ``"softmax/float32/4x1000/wide_gap/seed=7"``, judged by
        the first of `checks`; the quickest, and what a failure's message replays.
    seed
        Another seed asks other inputs.

    Raises
    ------
    AssertionError
        With the worst failure's element, its input, what came, the exact value, the error in ulps
        and the limit; how many cases failed, and a line that asks the worst one again.
    SoftmarkError, ValueError, LookupError
        For a signature that cannot be called, a word that is not known, or a backend that does not
        take one of `dtypes`.
    """
    __tracebackhide__ = True  # pytest then shows the caller's line
    backend = _backend(function, tuple(dtypes), array, claims)
    arguments = Arguments(
        dtypes=tuple(dtypes),
        checks=_inline(checks, cases),
        cases=tuple(cases),
        profile=profile,
        seed=seed,
    )
    found = _asked(backend, arguments.selection(), claims or backend.claims)
    if not found:
        raise AssertionError(f"{backend.name}: none of these cases can be asked of it")
    if any(each.failed for each in found):
        raise AssertionError(_message(backend.name, found))


@dataclass(frozen=True)
class _Finding:
    """A question and what the judge says of the answer."""

    question: Question
    verdict: Verdict

    @property
    def failed(self) -> bool:
        """Whether it makes the assertion fail."""
        return self.verdict.status is Status.FAIL

    @property
    def badness(self) -> tuple[float, int]:
        """Sorts failures: the farthest beyond its limit, and of equals the smallest input."""
        ratio = self.verdict.bound_ratio
        return (float("inf") if ratio is None else ratio), -self.question.case.count


def _backend(
    function: Callable[..., Native] | Backend | str,
    dtypes: tuple[str, ...],
    array: str,
    claims: Claims | None,
) -> Backend:
    for word, valid, kind in [*((d, DTYPES, "dtype") for d in dtypes), (array, ARRAYS, "array")]:
        if word not in valid:
            raise ValueError(f"unknown {kind} {word!r}; {nearest(word, valid)}")
    if isinstance(function, str):
        function = registry.get(function)
    if isinstance(function, Backend):
        for dtype in dtypes:
            if dtype not in function.dtypes:
                raise UnsupportedInput(
                    f"backend {function.name!r} does not take {dtype}; it takes "
                    f"{', '.join(function.dtypes)}"
                )
        return function
    return Backend(
        getattr(function, "__name__", type(function).__name__),
        _as_operation(function),
        dtypes=dtypes,
        array=array,
        device="cpu",
        claims=claims or Claims(),
        requires=(),
        source=Source("plugin", where(function)),
    )


def _inline(asked: Sequence[str], cases: Sequence[str]) -> tuple[str, ...]:
    """Return the checks to ask here; raise ValueError for one that needs isolation."""
    if not asked and not cases:
        return tuple(name for name in NAMES if name not in ISOLATED)
    for name in asked:
        if name in ISOLATED:
            raise ValueError(
                f"check {name!r} may end the process that asks it: run python -m verify --plugin "
                f"FILE --check {name}"
            )
    return tuple(asked)


def _as_operation(function: Callable[..., Native]) -> Callable[..., Native]:
    """Return the function under an operation's name, its signature kept."""
    if getattr(function, "__name__", "") in OPERATIONS:
        return function

    @functools.wraps(function)
    def softmax(*arrays: Native, **parameters: Any) -> Native:  # noqa: ANN401 - passed on as it is
        return function(*arrays, **parameters)

    softmax.__name__ = "softmax"
    return softmax


def _asked(backend: Backend, selection: Selection, claims: Claims) -> list[_Finding]:
    spec = backend.describe()
    answers = Answers(0)
    answers.expect([claims])
    return [
        _Finding(question, _verdict(backend, question, answers, claims))
        for question in selection.questions()
        if not (refusal(spec, question.case) or left_out(spec, selection, question))
    ]


def _verdict(backend: Backend, question: Question, answers: Answers, claims: Claims) -> Verdict:
    case = question.case
    try:
        with warnings.catch_warnings():
            # As in a worker: an overflow that is warned of is judged by what comes out of it.
            warnings.simplefilter("ignore")
            outputs = PROCEDURES[question.check.procedure(case)](backend, case)
    except Exception as error:  # noqa: BLE001 - whatever it raises is a wrong answer to this case
        answers.facts(case, claims)  # an input that cannot be built raises here: not its fault
        verdict = wrong(f"raised {type(error).__name__}: {error}", worst=f"input: {case}")
    else:
        verdict = question.check.judge(case, outputs, answers, claims)
    return excused(verdict, case, question.check.name, claims)


def _message(name: str, found: list[_Finding]) -> str:
    failed = sorted((each for each in found if each.failed), key=lambda f: f.badness, reverse=True)
    worst = failed[0]
    verdict, case = worst.verdict, worst.question.case
    lines = [
        f"{name}: {len(failed)} of {len(found)} cases failed ({_counted(failed)}). The worst:",
        f"  case     {case}",
        f"  what     {verdict.message}",
    ]
    if verdict.worst:
        lines.append(f"  element  {verdict.worst}")
    if verdict.bound_ratio is not None:
        lines.append(
            f"  limit    {verdict.limit_ulp:.4g} ulp, exceeded {verdict.bound_ratio:.4g} times; "
            f"largest error {verdict.max_ulp:.4g} ulp"
        )
    lines.append(
        f'  again    verify.assert_correct(..., checks=["{worst.question.check.name}"], '
        f'cases=["{case}"])'
    )
    lines += [f"also: {each.question.check.name} {each.question.case}" for each in failed[1:_NAMED]]
    if len(failed) > _NAMED:
        lines.append(f"and {len(failed) - _NAMED} more")
    return "\n".join(lines)


def _counted(failed: list[_Finding]) -> str:
    counts = Counter(f"{f.question.check.name} {f.question.case.dtype}" for f in failed)
    return ", ".join(f"{kind} {count}" for kind, count in counts.items())
