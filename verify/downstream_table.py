"""What the choice of a softmax does to a classifier: every backend's trainings in one page.

Run ``python -m verify.downstream_table --output docs/downstream.md --output curves.parquet``. The
trainings are those of the check ``downstream``, asked of the same workers and judged alike; beside
the page the curves can be had as a tidy frame (``.csv``, ``.parquet``), one row for each step.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reports.console import tracked
from reports.text import safe
from verify import choosing, exact_training, training
from verify.answers import Answers
from verify.executor import LocalExecutor
from verify.offers import refusal
from verify.session import Arguments
from verify.suite import Suite

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from backends.spec import BackendSpec
    from verify.cases import Case
    from verify.judge import Verdict
    from verify.suite import Question
    from verify.training import Trace

__all__ = ["Trained", "curves", "main", "trained"]

EXACT = "exact"
"""What the exact run is called among the backends."""
_MEMORY = 4 << 30
_FIRST = 3.0


@dataclass(frozen=True)
class Trained:
    """One training and what the judge said of it.

    Attributes
    ----------
    backend
        Its name, or `EXACT`.
    trace
        How it went; None if the worker brought none.
    exact
        The exact run of the same case.
    verdict
        None for the exact run itself.
    """

    backend: str
    case: Case
    trace: Trace | None
    exact: Trace
    verdict: Verdict | None = None


def trained(
    suite: Suite, specs: Sequence[BackendSpec], questions: Sequence[Question]
) -> Iterator[Trained]:
    """Ask the questions of the check ``downstream`` of every backend that can be asked.

    Yields
    ------
    Trained
        For each case the exact run first.
    """
    for question in questions:
        exact = exact_training.run(question.case)
        yield Trained(EXACT, question.case, exact, exact)
        for spec in _askable(specs, question):
            yield _asked(suite, spec, question, exact)


def _askable(specs: Sequence[BackendSpec], question: Question) -> list[BackendSpec]:
    return [spec for spec in specs if spec.unavailable is None and not refusal(spec, question.case)]


def _asked(suite: Suite, spec: BackendSpec, question: Question, exact: Trace) -> Trained:
    words = question.check.procedure(question.case), str(question.case)
    patience = _FIRST * suite.timeout  # it may have to compile
    (reply,) = suite.executor.submit_many(spec, [words], patience).result()
    verdict = suite.verdict(spec, question, reply)
    try:
        trace = training.Trace.of(question.case, reply.outputs)
    except ValueError:
        trace = None
    return Trained(spec.name, question.case, trace, exact, verdict)


def curves(found: Sequence[Trained]) -> pd.DataFrame:
    """Return the curves as a tidy frame.

    Columns: backend, operation, dtype, regime, seed, step (from 1), loss (the batch's, before the
    step), recognised (the share of the images held out that is recognised after the step; missing
    where nobody looked), same (whether the weights after it are the exact run's), finite.
    """
    import pandas as pd

    from verify.network import HELD_OUT

    frames = []
    for each in found:
        if each.trace is None:
            continue
        trace, case, steps = each.trace, each.case, len(each.trace.losses)
        looks = dict(zip(training.looked_at(steps), trace.correct / HELD_OUT, strict=True))
        words = {"operation": case.operation, "dtype": case.dtype, "regime": case.regime}
        columns = {
            "step": range(1, steps + 1),
            "loss": trace.losses,
            "recognised": [looks.get(step) for step in range(1, steps + 1)],
            "same": trace.digests == each.exact.digests,
            "finite": trace.finite,
        }
        frame = pd.DataFrame({"backend": each.backend, **words, "seed": case.seed, **columns})
        frames.append(frame.astype({"recognised": "float64"}))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print the page, write what was asked for; 1 if a backend failed."""
    parser = argparse.ArgumentParser(prog="python -m verify.downstream_table", description=__doc__)
    parser.add_argument("names", nargs="*", help="backends  [default: all that are here]")
    parser.add_argument("--plugin", action="append", default=[], help="load backends")
    parser.add_argument("--operation", action="append", default=[], help="default: all")
    parser.add_argument("--dtype", action="append", default=[], help="default: all")
    parser.add_argument("--case", action="append", default=[], help="only this training, in words")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for one training")
    parser.add_argument(
        "--output", action="append", type=_path, default=[], help=".md, .csv or .parquet"
    )
    options = parser.parse_args(arguments)
    chosen = Arguments(
        names=tuple(options.names),
        plugins=tuple(options.plugin),
        operations=tuple(options.operation),
        dtypes=tuple(options.dtype),
        checks=("downstream",),
        cases=tuple(options.case),
    )
    found = _found(chosen, options.timeout)
    from verify import downstream_page

    page = downstream_page.page(found, _command(options))
    sys.stdout.write(safe(page, lines=True))
    for path in options.output:
        _write(path, found, page)
    return int(any(each.verdict is not None and each.verdict.status.bad for each in found))


def _path(text: str) -> Path:
    path = Path(text)
    if path.suffix not in (".md", ".csv", ".parquet"):
        raise argparse.ArgumentTypeError(f"{text}: expected .md, .csv or .parquet")
    return path


def _found(arguments: Arguments, timeout: float) -> list[Trained]:
    selection = arguments.selection()
    with LocalExecutor(1, _MEMORY, _FIRST * timeout) as executor, Answers(0) as answers:
        specs, origin = choosing.chosen(arguments, executor)
        suite = Suite(selection, executor, answers, lambda _: None, timeout, plugins=origin)
        questions = suite.questions()
        total = sum(1 + len(_askable(specs, question)) for question in questions)
        return list(tracked(trained(suite, specs, questions), "training", total))


def _command(options: argparse.Namespace) -> str:
    chosen = [(f"--{name}", getattr(options, name)) for name in ("plugin", "operation", "dtype")]
    words = [*options.names, *(f"{flag} {word}" for flag, given in chosen for word in given)]
    return " ".join(["python -m verify.downstream_table", *words, "--output docs/downstream.md"])


def _write(path: Path, found: Sequence[Trained], page: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    match path.suffix:
        case ".md":
            path.write_text(page, encoding="utf-8")
        case ".csv":
            curves(found).to_csv(path, index=False)
        case _:
            curves(found).to_parquet(path, index=False)


if __name__ == "__main__":
    sys.exit(main())
