"""Where candidate sampling pays: the full cross-entropy against the sampled one, by classes.

Run ``python -m bench.sampling --output docs/sampling-crossover.md``. Both sides of every ratio run
in turns in one process and one thread, and medians of processor time are compared: on a machine
with other work a long call waits more often than a short one, which is no merit of sampling. The
sampled side includes drawing the candidates.

- ``loss``: the logits of all classes are there already; what is saved is their exponentials.
- ``dense``: the logits come from a dense layer, hidden @ weights.T, as in training. The sampled
  side gathers the weights of labels and candidates and never computes the other logits.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import sys
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

from bench.oracle_speed import compare
from reports.console import tracked

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from backends.backend import Backend
    from backends.candidates import Sampler

    Array = NDArray[Any]

__all__ = ["Layer", "crossover", "main", "measure"]

BACKEND = "numpy_stable"
CLASSES = (1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
CANDIDATES = (64, 1024)
SAMPLER = "log_uniform_distinct"
# A small batch of a small model; the logits of 10^6 classes then take 128 MB, the weights 512 MB.
ROWS = 32
HIDDEN = 128


@dataclass(frozen=True)
class Layer:
    """The last layer of a classifier, a batch before it, and how to take its loss.

    Attributes
    ----------
    hidden, weights, labels
        Shapes (rows, hidden), (classes, hidden) and (rows,).
    log_expected_count
        Of each class for `size` candidates of `sampler`.
    """

    backend: Backend
    sampler: Sampler
    size: int
    hidden: Array
    weights: Array
    labels: Array
    log_expected_count: Array

    @classmethod
    def of(cls, classes: int, size: int, sampler: Sampler, seed: int = 0) -> Layer:
        """Make one of random float32 weights; labels follow the sampler's law."""
        import numpy as np

        import backends

        generator = np.random.default_rng(seed)
        weights = generator.standard_normal((classes, HIDDEN), np.float32)
        weights /= math.sqrt(HIDDEN)
        return cls(
            backends.get(BACKEND),
            sampler,
            size,
            generator.standard_normal((ROWS, HIDDEN), np.float32),
            weights,
            generator.choice(classes, size=ROWS, p=sampler.probabilities(classes)),
            sampler.log_expected_count(classes, size, "float32"),
        )

    def logits(self) -> Array:
        """Return those of all classes."""
        product: Array = self.hidden @ self.weights.T
        return product

    def full(self, logits: Array) -> Any:  # noqa: ANN401 - an array of the backend's library
        """Return the losses from all logits."""
        return self.backend.cross_entropy(logits, self.labels)

    def full_dense(self) -> Any:  # noqa: ANN401 - an array of the backend's library
        """Return the losses from the hidden layer, by all logits."""
        return self.full(self.logits())

    def sampled(self, logits: Array, generator: np.random.Generator) -> Any:  # noqa: ANN401 - as above
        """Return the sampled losses from all logits."""
        drawn = self.sampler.draw(generator, len(self.weights), self.size)
        return self.backend.sampled_cross_entropy(
            logits, self.labels, drawn, self.log_expected_count
        )

    def sampled_dense(self, generator: np.random.Generator) -> Any:  # noqa: ANN401 - as above
        """Return the sampled losses from the hidden layer, by the logits that are needed.

        Those are the candidates' and the labels', each class once: classes are renumbered among
        them, so that accidental hits are seen.
        """
        import numpy as np

        drawn = self.sampler.draw(generator, len(self.weights), self.size)
        needed, number = np.unique(np.concatenate((self.labels, drawn)), return_inverse=True)
        logits = self.hidden @ self.weights[needed].T
        labels, sampled = number[: self.labels.size], number[self.labels.size :]
        counts = self.log_expected_count[needed]
        return self.backend.sampled_cross_entropy(logits, labels, sampled, counts)


def measure(
    classes: Sequence[int] = CLASSES, candidates: Sequence[int] = CANDIDATES, rounds: int = 9
) -> pd.DataFrame:
    """Time both sides, in turns.

    Returns
    -------
    DataFrame
        A row for each comparison: ``what`` (``loss`` or ``dense``), ``classes``, ``candidates``,
        ``full`` and ``sampled`` (median seconds of processor time a call), ``ratio`` (full over
        sampled), ``ratio_least`` (the same of the least times). Candidates beyond half of the
        classes are left out.
    """
    import numpy as np
    import pandas as pd

    from backends.candidates import sampler

    rows = []
    asked = [(size, number) for size in candidates for number in classes if 2 * size <= number]
    for size, number in tracked(asked, "full and sampled"):
        layer = Layer.of(number, size, sampler(SAMPLER))
        logits, generator = layer.logits(), np.random.default_rng(1)
        calls = (
            partial(layer.full, logits),
            partial(layer.sampled, logits, generator),
            layer.full_dense,
            partial(layer.sampled_dense, generator),
        )
        middle, least = compare(calls, rounds, process_time)
        for place, what in ((0, "loss"), (2, "dense")):
            full, sampled = middle[place : place + 2]
            ratio_least = least[place] / least[place + 1]
            rows.append((what, number, size, full, sampled, full / sampled, ratio_least))
    return pd.DataFrame(
        rows,
        columns=["what", "classes", "candidates", "full", "sampled", "ratio", "ratio_least"],
    )


def crossover(classes: Sequence[int], ratios: Sequence[float]) -> str:
    """Say from how many classes on sampling is faster, interpolating log ratio by log classes."""
    slower = [place for place, ratio in enumerate(ratios) if ratio <= 1]
    if not slower:
        return f"below {classes[0]:,}"
    last = slower[-1]
    if last == len(ratios) - 1:
        return f"above {classes[-1]:,}"
    below, above = math.log(ratios[last]), math.log(ratios[last + 1])
    share = -below / (above - below)
    step = math.log(classes[last + 1] / classes[last])
    return f"about {float(f'{classes[last] * math.exp(share * step):.1g}'):,.0f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the page, write it if asked."""
    parser = argparse.ArgumentParser(prog="python -m bench.sampling", description=__doc__)
    parser.add_argument("--classes", type=int, action="append", help="default: 10^3 to 10^6")
    parser.add_argument("--rounds", type=int, default=9, help="turns per ratio")
    parser.add_argument("--output", type=Path, help="Markdown file to write")
    options = parser.parse_args(arguments)
    # Before the libraries start their threads: the backend has one, the matrix product shall too.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    page = _page(measure(options.classes or CLASSES, rounds=options.rounds))
    sys.stdout.write(page)
    if options.output:
        options.output.write_text(page, encoding="utf-8")
    return 0


def _page(frame: pd.DataFrame) -> str:
    lines, verdicts = [], []
    for (what, size), group in frame.groupby(["what", "candidates"], sort=False):
        point = crossover(group["classes"].tolist(), group["ratio"].tolist())
        best = group.iloc[-1]
        verdicts.append(
            f"- {what}, {size} candidates: from {point} classes on; at {best['classes']:,} "
            f"by a factor of {best['ratio']:.3g}."
        )
    for _, row in frame.iterrows():
        lines.append(
            f"| {row['what']} | {row['candidates']:,} | {row['classes']:,} "
            f"| {1e6 * row['full']:.0f} | {1e6 * row['sampled']:.0f} "
            f"| {row['ratio']:.3g} | {row['ratio_least']:.3g} |"
        )
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "pandas"))
    return "\n".join(
        (
            "# Where candidate sampling pays",
            "",
            f"The cross-entropy of {ROWS} rows in float32 by `{BACKEND}`, full against sampled",
            f"with `{SAMPLER}` (`backends/candidates.py`), drawing included. `loss`: the",
            "logits of all classes are there already. `dense`: they come from a dense layer of",
            f"{HIDDEN} inputs, of which the sampled side computes the labels' and the candidates'",
            "alone. The forward pass only: the gradients by weights and hidden layer are products",
            "of the same sizes again.",
            "",
            "Sampling is faster",
            "",
            *verdicts,
            "",
            "| what | candidates | classes | full, µs | sampled, µs | ratio, median | of least |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
            *lines,
            "",
            "Medians of processor time in one thread; the two sides of a ratio run in turns in one",
            "process. What the sampled loss is worth as an estimate: [sampling.md](sampling.md).",
            "Reproduce with",
            "",
            "    python -m bench.sampling --output docs/sampling-crossover.md",
            "",
            f"Python {platform.python_version()}, {libraries}.",
            "",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
