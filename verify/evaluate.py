"""Every backend's answer to one vector beside the exact one, for ``python -m backends eval``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.claims import Claims
from backends.vocabulary import DTYPES
from verify.answers import answer
from verify.cases import Case
from verify.choosing import chosen, known
from verify.executor import LocalExecutor
from verify.judge import form_fault
from verify.session import Arguments
from verify.ulp import ulp_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    from backends.spec import BackendSpec
    from verify.replies import Reply

    Array = np.ndarray[Any, Any]

# Importing a library and compiling the first kernel count in.
_PATIENCE = 120.0


@dataclass(frozen=True)
class Answer:
    """One backend's answer.

    Attributes
    ----------
    name : str
        The backend, or ``exact`` for the correctly rounded result.
    values : array (n,)
        The results in the format asked for; empty if there are none.
    ulps : float64 array (n,)
        Their errors in ulps of the exact value.
    message : str
        Why there is no result.
    """

    name: str
    values: Array
    ulps: Array
    message: str = ""


def tables(
    values: Sequence[float], temperature: float, dtypes: Sequence[str], plugins: Sequence[str]
) -> Iterator[Table]:
    """Yield one table a dtype: a row for the exact answer, one for each backend.

    Raises
    ------
    SoftmarkError, ValueError
        For an unknown dtype, a plugin that does not load or a temperature that is not positive.
    """
    known(dtypes, DTYPES, "dtype")
    with LocalExecutor(jobs=2) as executor:
        specs, _ = chosen(Arguments(), executor)
        if plugins:
            specs += chosen(Arguments(plugins=tuple(plugins)), executor)[0]
        for dtype in dtypes:
            case = Case(
                operation="softmax",
                dtype=dtype,
                shape=(len(values),),
                regime="values",
                values=tuple(values),
                temperature=temperature,
            )
            yield _table(case, evaluate(case, specs, executor))


def evaluate(case: Case, specs: Sequence[BackendSpec], executor: LocalExecutor) -> Iterator[Answer]:
    """Yield the exact answer to a one-row case, then each backend's, asked in its own worker."""
    exact = answer(str(case), Claims().all_masked)
    rounded = exact.rounded.reshape(1, -1)
    yield Answer("exact", rounded[0], ulp_error(rounded, exact)[0])
    for spec in specs:
        if case.dtype not in spec.dtypes:
            continue
        reply = executor.submit(spec, "call", str(case), _PATIENCE).result()
        fault = _fault(reply, case)
        if fault:
            yield Answer(spec.name, np.empty(0), np.empty(0), fault)
        else:
            output = reply.outputs[0].reshape(1, -1)
            yield Answer(spec.name, output[0], ulp_error(output, exact)[0])


def _fault(reply: Reply, case: Case) -> str:
    if reply.kind != "answer":
        return f"{reply.kind}: {reply.message}"
    return form_fault(reply.outputs[0], case)


def _table(case: Case, answers: Iterator[Answer]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from reports.text import safe

    given = case.build()
    scaled = "" if case.temperature == 1.0 else f" at temperature {case.temperature:g}"
    table = Table(title=f"softmax in {case.dtype}{scaled}", title_justify="left", box=None)
    table.add_column("x")
    for value in given:
        # The shortest digits that tell the number from its neighbours in the format.
        table.add_column(str(value), justify="left")
    for found in answers:
        # Names and messages come from plugins: they are no markup.
        row = [Text(safe(found.name))]
        if found.message:
            row.append(Text(safe(found.message), style="red"))
        for value, ulps in zip(found.values, found.ulps, strict=True):
            row.append(Text(str(value)).append(f" ({ulps:.2g} ulp)", style="dim"))
        table.add_row(*row)
    return table
