"""The sampled cross-entropy as an estimate of the full one: bias and variance, loss and gradient.

With R = sum_{j != y} exp(z_j - z_y) the full loss is log(1 + R). A sample gives an unbiased
estimate of R: the terms that were drawn, each over its expected count E_j. It makes two losses:

- ``expected``: log(1 + E_y R̂), the operation `sampled_cross_entropy`, which takes the logarithm of
  the expected count from the label's logit as well. It is the likelihood of the label among the
  candidates that were drawn, and a smaller number than the full loss while E_y is below 1.
- ``once``: log(1 + R̂), with 1 for E_y, since the label is always there: the importance-sampling
  estimate of Bengio and Senécal (2008). By Jensen's inequality it is too small on the average, by
  about var R̂ / (2 (1 + R)²), and it tends to the full loss as the sample grows.

Without replacement both are the full loss when all classes are drawn. With replacement
``expected`` never is: E_y = k p_y grows with k without end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from backends.candidates import SAMPLERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.candidates import Sampler

    Floats = NDArray[np.float64]
    Classes = NDArray[np.int64]

__all__ = ["LABEL_COUNTS", "SIZES", "Task", "table", "zipf_task"]

SIZES = (1, 4, 16, 64, 256, 1000)
LABEL_COUNTS = ("expected", "once")
"""What is taken for the label's expected count: the class's, or 1."""


@dataclass(frozen=True)
class Task:
    """Examples to classify: logits of shape (rows, classes), and each row's class."""

    logits: Floats
    labels: Classes

    @property
    def classes(self) -> int:
        """How many there are."""
        return int(self.logits.shape[1])


def zipf_task(classes: int = 1000, rows: int = 16, seed: int = 0) -> Task:
    """Return examples whose classes are nearly distributed as 1 / rank.

    The logit of class c is -log(c + 1), and standard normal noise of the example. Labels are drawn
    from the softmax, as if the model were right.
    """
    generator = np.random.default_rng(seed)
    logits = generator.standard_normal((rows, classes)) - np.log(np.arange(1, classes + 1))
    gumbel = generator.gumbel(size=logits.shape)
    return Task(logits, np.argmax(logits + gumbel, axis=1).astype(np.int64))


def table(
    samplers: Sequence[Sampler] = tuple(SAMPLERS.values()),
    sizes: Sequence[int] = SIZES,
    *,
    task: Task | None = None,
    draws: int = 400,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how far the sampled loss is from the full one, as the sample grows.

    Sizes above the number of classes are left out for samplers without replacement.

    Parameters
    ----------
    samplers
        Built-in or your own.
    sizes
        Numbers of candidates.
    task
        The examples; by default `zipf_task` of 1000 classes.
    draws
        Independent samples for each row of the table, at least 2; all examples share a sample.
    seed
        Of the samplers' generators.

    Returns
    -------
    DataFrame
        Tidy, ready to be plotted; a row for each sampler, size and way to count the label:
        ``sampler``; ``label_count`` (``expected`` or ``once``, see above); ``classes``; ``size``;
        ``draws``; ``full_loss`` (mean over the examples, in nats, as all losses); ``loss`` (mean
        over examples and draws); ``bias`` (loss less full loss); ``bias_error`` (its standard
        error); ``variance`` (of one example's loss over draws, mean over examples); ``rmse``
        (root of the mean squared difference from the full loss of the same example);
        ``gradient_bias`` and ``gradient_noise``: length of the mean gradient's difference from the
        full one, and root-mean-square length of a gradient's difference from its mean, both of one
        example's gradient by its logits, over the length of the full gradient, root-mean-square
        over the examples. What chance adds to the former in so many draws is taken off.

    Raises
    ------
    ValueError
        If there are fewer than 2 draws.
    CandidateError, TypeError
        As for `Sampler.draw`.
    """
    if draws < 2:
        raise ValueError(f"draws={draws}: give at least 2")
    task = task or zipf_task()
    rows = [
        {"sampler": sampler.name, "label_count": count, "size": size, **found}
        for sampler in samplers
        for size in sizes
        if sampler.replacement or size <= task.classes
        for count, found in _compared(sampler, size, task, draws, seed).items()
    ]
    return pd.DataFrame(rows)


def _compared(
    sampler: Sampler, size: int, task: Task, draws: int, seed: int
) -> dict[str, dict[str, float]]:
    generator = np.random.default_rng(seed)
    log_counts = np.log(sampler.expected_count(task.classes, size))
    own = {"expected": log_counts[task.labels], "once": np.zeros(len(task.labels))}
    sums = {count: _Sums(task) for count in LABEL_COUNTS}
    for _ in range(draws):
        drawn = sampler.draw(generator, task.classes, size)
        for count in LABEL_COUNTS:
            sums[count].add(*_sampled(task, drawn, log_counts[drawn], own[count]))
    return {count: sums[count].found() for count in LABEL_COUNTS}


def _sampled(
    task: Task, drawn: Classes, log_counts: Floats, own_log_counts: Floats
) -> tuple[Floats, Floats]:
    """Return each row's loss and its gradient by the logits; accidental hits are removed."""
    rows = np.arange(len(task.labels))
    scores = np.empty((rows.size, drawn.size + 1))
    scores[:, 0] = task.logits[rows, task.labels] - own_log_counts
    hit = drawn == task.labels[:, None]
    scores[:, 1:] = np.where(hit, -np.inf, task.logits[:, drawn] - log_counts)
    loss, probabilities = _cross_entropy(scores, np.zeros_like(task.labels))
    gradient = np.zeros_like(task.logits)
    np.add.at(gradient, (rows[:, None], drawn), probabilities[:, 1:])
    gradient[rows, task.labels] += probabilities[:, 0] - 1.0
    return loss, gradient


def _cross_entropy(scores: Floats, labels: Classes) -> tuple[Floats, Floats]:
    """Return losses and probabilities.

    In float64, and apart from the backends: what is looked at is the estimate, not its rounding.
    """
    maximum = scores.max(axis=1, keepdims=True)
    exponentials = np.exp(scores - maximum)
    total = exponentials.sum(axis=1, keepdims=True)
    at_label = np.take_along_axis(scores, labels[:, None], axis=1)
    return (maximum + np.log(total) - at_label)[:, 0], exponentials / total


class _Sums:
    """What is added up over draws."""

    def __init__(self, task: Task) -> None:
        self._loss, self._gradient = _cross_entropy(task.logits, task.labels)
        self._gradient[np.arange(len(task.labels)), task.labels] -= 1.0
        self._losses: list[Floats] = []
        self._mean = np.zeros_like(self._gradient)
        self._squares = np.zeros(len(task.labels))
        self._classes = task.classes

    def add(self, loss: Floats, gradient: Floats) -> None:
        """Add a draw's losses, and how its gradients differ from the full ones."""
        difference = gradient - self._gradient
        self._losses.append(loss)
        self._mean += difference
        self._squares += (difference**2).sum(axis=1)

    def found(self) -> dict[str, float]:
        """Return the columns that depend on the draws."""
        draws = len(self._losses)
        errors = np.array(self._losses) - self._loss
        by_draw = errors.mean(axis=1)
        raw_bias = ((self._mean / draws) ** 2).sum(axis=1)
        noise = (self._squares / draws - raw_bias) * draws / (draws - 1)
        length = (self._gradient**2).sum(axis=1)
        bias = np.maximum(raw_bias - noise / draws, 0.0)
        return {
            "classes": self._classes,
            "draws": draws,
            "full_loss": float(self._loss.mean()),
            "loss": float(self._loss.mean() + by_draw.mean()),
            "bias": float(by_draw.mean()),
            "bias_error": float(by_draw.std(ddof=1) / np.sqrt(draws)),
            "variance": float(errors.var(axis=0, ddof=1).mean()),
            "rmse": float(np.sqrt((errors**2).mean())),
            "gradient_bias": float(np.sqrt((bias / length).mean())),
            "gradient_noise": float(np.sqrt((np.maximum(noise, 0.0) / length).mean())),
        }
