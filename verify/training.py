"""Training: a whole network trained with a backend as its softmax, its gradient or its sigmoid.

The case's operation is what drives the training, its shape is steps × batch × classes, its regime
says how the network is set up (`verify.network`): ``softmax/float32/300x64x10/digits_training``.
Whoever answers, the arithmetic around the answers is the same to the last bit; so a worker with its
backend (`training`) and the oracle (`verify.exact_training`) make two traces that differ in nothing
but what was answered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from backends.formats import format_of, from_float64, to_float64
from verify import network
from verify.calls import WrongResultError
from verify.cases import Case

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from backends.backend import Backend

Array = np.ndarray[Any, Any]
Ask = Callable[..., Array]
"""``ask(operation, *inputs)`` gives the result of an operation in the format of its logits."""

EVERY = 25
"""After so many steps each, and at the end, the images held out are looked at."""


@dataclass(frozen=True)
class Head:
    """What stands on top of the logits.

    Attributes
    ----------
    doc
        What is trained, in a line.
    slopes
        ``(answers, one-hot labels)`` -> the gradient of each image's loss by its logits, to be
        rounded once.
    loss
        The same -> the loss of each image, as it can be told from the answers.
    """

    doc: str
    slopes: Callable[[Array, Array], Array]
    loss: Callable[[Array, Array], Array]


def _difference(answers: Array, truth: Array) -> Array:
    return answers - truth


def _log_loss(answers: Array, truth: Array) -> Array:
    chosen: Array = -np.log(answers[truth == 1.0])
    return chosen


def _log_loss_of_slopes(answers: Array, truth: Array) -> Array:
    chosen: Array = -np.log1p(answers[truth == 1.0])
    return chosen


def _logistic_loss(answers: Array, truth: Array) -> Array:
    each: Array = -np.log(np.where(truth == 1.0, answers, 1.0 - answers)).sum(axis=1)
    return each


HEADS: Mapping[str, Head] = MappingProxyType(
    {
        "softmax": Head("p - onehot from its softmax", _difference, _log_loss),
        "cross_entropy_grad": Head("its gradient", lambda d, _: d, _log_loss_of_slopes),
        "sigmoid": Head(
            "one-vs-all: ten independent logistic outputs", _difference, _logistic_loss
        ),
    }
)
"""Operation -> the head that it trains."""


class Trace(NamedTuple):
    """A training as it went.

    Attributes
    ----------
    losses : float64 (steps,)
        The batch's mean loss before each step.
    digests : uint64 (steps,)
        What stands for the weights after each step.
    finite : bool (steps,)
        Whether the step's answers, and all weights after it, were finite.
    correct : int64 (looks,)
        Of the images held out, how many had the largest logit at their label: after `EVERY` steps
        each and at the end. Logits that are NaN are never right.
    loss : float64 (1,)
        The mean loss over the images held out, at the end.
    logits, answers : (steps, batch, classes), in the case's format
        What was asked at each step, and what was answered.
    """

    losses: Array
    digests: Array
    finite: Array
    correct: Array
    loss: Array
    logits: Array
    answers: Array

    @classmethod
    def of(cls, case: Case, arrays: Sequence[Array]) -> Self:
        """Read a trace from what a worker sent; raise ValueError if it is none."""
        steps, looks = case.shape[0], len(looked_at(case.shape[0]))
        expected = [
            *(("float64", (steps,)), ("uint64", (steps,)), ("bool", (steps,))),
            *(("int64", (looks,)), ("float64", (1,))),
            *((case.dtype, case.shape), (case.dtype, case.shape)),
        ]
        if [(array.dtype.name, array.shape) for array in arrays] != expected:
            raise ValueError("the worker's reply is no trace of a training")
        return cls(*arrays)

    @property
    def broke(self) -> int | None:
        """The first step, counted from 0, with a NaN or an infinity; None if there is none."""
        return None if self.finite.all() else int(np.argmin(self.finite))

    def differs(self, other: Trace) -> int | None:
        """Return the first step after which the weights are not those of `other`, or None."""
        same = self.digests == other.digests
        return None if same.all() else int(np.argmin(same))


def looked_at(steps: int) -> list[int]:
    """Return after which steps, counted from 1, the images held out are looked at."""
    return sorted({*range(EVERY, steps, EVERY), steps})


def fault(case: Case) -> str:
    """Say why a case cannot be a training; empty if it can."""
    if case.regime not in network.SETTINGS or case.operation not in HEADS:
        return f"a training is {' or '.join(HEADS)} in {' or '.join(network.SETTINGS)}"
    plain = Case(
        operation=case.operation,
        dtype=case.dtype,
        shape=case.shape,
        regime=case.regime,
        seed=case.seed,
    )
    if case != plain or len(case.shape) != 3 or case.n != network.CLASSES or not case.count:
        return (
            f"a training has the shape STEPSxBATCHx{network.CLASSES} and no further words than a "
            "seed, as in softmax/float32/300x64x10/digits_training"
        )
    return ""


def training(backend: Backend, case: Case) -> list[Array]:
    """Train with the backend's answers: the procedure of the check ``downstream``."""
    return list(train(case, lambda *asked: _answer(backend, *asked), backend.operation_names))


def train(case: Case, ask: Ask, offered: Collection[str]) -> Trace:
    """Train the case's network.

    Parameters
    ----------
    case : Case
    ask : callable
    offered : collection of str
        What may be asked: with ``cross_entropy`` among it, losses beside a gradient come from it.
    """
    lesson = _Lesson(case, ask, "cross_entropy" in offered)
    steps = case.shape[0]
    looks = set(looked_at(steps))
    with np.errstate(all="ignore"):  # a backend that overflows is what is looked for
        for step in range(steps):
            lesson.step(step)
            if step + 1 in looks:
                lesson.look()
        return lesson.trace()


class _Lesson:
    """A training under way."""

    def __init__(self, case: Case, ask: Ask, loss_offered: bool) -> None:  # noqa: FBT001 - private
        self._case, self._ask = case, ask
        self._head, self._format = HEADS[case.operation], format_of(case.dtype)
        self._loss_asked = case.operation == "cross_entropy_grad" and loss_offered
        self._setting = network.SETTINGS[case.regime]
        self._network = network.Network(self._format, self._setting, case.seed)
        self._lessons = network.lessons(case.regime, case.seed, case.shape[0] * case.shape[1])
        self._held_out = network.held_out(case.regime, case.seed)
        steps = case.shape[0]
        self._losses, self._digests = np.zeros(steps), np.zeros(steps, np.uint64)
        self._finite, self._correct = np.zeros(steps, bool), [0] * 0
        self._logits = np.zeros(case.shape, self._format.numpy_dtype)
        self._answers = np.zeros(case.shape, self._format.numpy_dtype)

    def step(self, step: int) -> None:
        """Learn from one batch."""
        steps, batch, _ = self._case.shape
        part = slice(step * batch, (step + 1) * batch)
        pixels, labels = self._lessons.pixels[part], self._lessons.labels[part]
        seen = self._network.forward(pixels)
        answers, self._losses[step] = self._asked(seen.logits, labels)
        self._logits[step] = from_float64(self._format, seen.logits)
        self._answers[step] = answers
        wide = to_float64(answers)
        slopes = self._network.rounded(self._head.slopes(wide, _one_hot(labels)))
        self._network.learn(pixels, seen, slopes, self._setting.rate * (1.0 - step / steps))
        self._finite[step] = np.isfinite(wide).all() and self._network.finite
        self._digests[step] = self._network.digest

    def look(self) -> None:
        """Count how many of the images held out are recognised."""
        logits = self._network.forward(self._held_out.pixels).logits
        right = (logits.argmax(axis=1) == self._held_out.labels) & ~np.isnan(logits).any(axis=1)
        self._correct.append(int(right.sum()))

    def trace(self) -> Trace:
        """Return what was noted, with the loss of the images held out."""
        logits = self._network.forward(self._held_out.pixels).logits
        _, loss = self._asked(logits, self._held_out.labels)
        return Trace(
            self._losses,
            self._digests,
            self._finite,
            np.array(self._correct, np.int64),
            np.array([loss]),
            self._logits,
            self._answers,
        )

    def _asked(self, logits: Array, labels: Array) -> tuple[Array, float]:
        """Return the answers to a batch, and its mean loss."""
        x = from_float64(self._format, logits)
        inputs = (x, labels) if self._case.operation == "cross_entropy_grad" else (x,)
        answers = self._ask(self._case.operation, *inputs)
        if self._loss_asked:
            losses = to_float64(self._ask("cross_entropy", x, labels))
        else:
            losses = self._head.loss(to_float64(answers), _one_hot(labels))
        return answers, float(np.mean(losses))


def _one_hot(labels: Array) -> Array:
    truth = np.zeros((len(labels), network.CLASSES))
    truth[np.arange(len(labels)), labels] = 1.0
    return truth


def _answer(backend: Backend, operation: str, *inputs: Array) -> Array:
    """Ask a backend; copies go in and a copy comes out, so that it can change nothing of ours."""
    x = inputs[0]
    given = getattr(backend, operation)(*(each.copy() for each in inputs))
    result = np.array(given, order="C")
    shape = x.shape[:-1] if operation == "cross_entropy" else x.shape
    if result.shape != shape or result.dtype.name != x.dtype.name:
        raise WrongResultError(
            f"{operation} returned {result.dtype.name} of shape {result.shape}, expected "
            f"{x.dtype.name} of shape {shape}"
        )
    return result
