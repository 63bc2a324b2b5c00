"""Forms of a call: how arrays are handed over, and what is asked of a result besides its values.

One table, read by the checks, the worker and the judge alike. A form is named in a case
(``/form=transposed``, ``/form=out:sliced``, ``/form=axis:3``, ``/form=guard:high:4``); some take a
word after the colon. An array library that cannot have a form's arrays says so itself
(`backends.arrays.ArrayLibrary.lacks`), and the question is skipped with that reason.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from backends.vocabulary import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backends.spec import BackendSpec
    from verify.cases import Case


@dataclass(frozen=True, kw_only=True)
class Form:
    """One form of a call.

    Attributes
    ----------
    doc : str
        What it is.
    check : str
        The check that asks it.
    needs : str
        Which of `backends.arrays.FEATURES` the input then has; empty for none.
    may_refuse : bool
        Whether an exception is as right as a right result.
    words : tuple of str
        What may follow the colon; ``#`` stands for a number. Empty: nothing follows.
    """

    doc: str
    check: str = "contract"
    needs: str = ""
    may_refuse: bool = False
    words: tuple[str, ...] = ()


LAYOUTS: Mapping[str, Form] = MappingProxyType(
    {
        "transposed": Form(doc="a view with the last two axes exchanged"),
        "fortran": Form(doc="the first axis runs fastest"),
        "negative_stride": Form(doc="every axis backwards", needs="negative strides"),
        "negative_first": Form(doc="the first axis backwards", needs="negative strides"),
        "negative_last": Form(doc="the last axis backwards", needs="negative strides"),
        "zero_stride": Form(doc="axes that repeat are broadcast"),
        "windows": Form(doc="rows overlap: each begins one element after the one before"),
        "offset": Form(doc="three elements into a buffer"),
        "sliced": Form(doc="every second, along the last axis every third element"),
        "padded": Form(doc="rows of a matrix that is five elements wider"),
        "read_only": Form(doc="not writeable", needs="read-only"),
        "misaligned": Form(doc="from an odd address on", needs="misaligned", may_refuse=True),
        "packed": Form(
            doc="a field of records one byte longer", needs="misaligned", may_refuse=True
        ),
        "big_endian": Form(
            doc="in the other byte order", needs="foreign byte order", may_refuse=True
        ),
    }
)
"""How the input can lie in memory."""

OUT_LAYOUTS = ("fortran", "transposed", "negative_stride", "offset", "sliced", "padded")
FOREIGN_DTYPES = ("int64", "bool", "complex128", "object")

BAD: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "labels": {
            "beyond": "no class: n",
            "negative": "no class: -1",
            "usual": "of -100, where ignore_index is another",
            "float": "of a float dtype",
            "short": "of another shape than x without its axis",
        },
        "cotangent": {
            "short": "of another shape than x",
            "broadcast": "of a shape that x's could be broadcast from",
        },
        "sampled": {"beyond": "no class: n", "negative": "no class: -1"},
        "log_expected_count": {"short": "fewer than there are classes"},
        "temperature": {"0": "zero", "-1": "negative", "nan": "no number"},
    }
)
"""Arguments that make no sense, by name: word -> what is wrong."""

FORMS: Mapping[str, Form] = MappingProxyType(
    {
        **LAYOUTS,
        **{
            name: Form(
                doc=f"{name} that make no sense",
                check="arguments",
                may_refuse=True,
                words=tuple(words),
            )
            for name, words in BAD.items()
        },
        "out": Form(doc="written to a view", may_refuse=True, words=OUT_LAYOUTS),
        "axis": Form(doc="an axis that the input lacks", may_refuse=True, words=("#",)),
        "dtype": Form(doc="no floating-point input", may_refuse=True, words=FOREIGN_DTYPES),
        "memory": Form(doc="with other leftovers in fresh memory each time"),
        "outlives": Form(doc="results that outlive later calls and their inputs"),
        "stream": Form(doc="on a stream that is not the default"),
        "guard": Form(
            doc="arrays against pages that may not be touched",
            check="guard",
            words=("high", "low", "read_only", "high:#", "low:#"),
        ),
    }
)


def kind(case: Case) -> str:
    """Return the name of the case's form; empty if it has none."""
    return case.form.partition(":")[0]


def word(case: Case) -> str:
    """Return what follows the colon of the case's form; empty if nothing does."""
    return case.form.partition(":")[2]


def may_refuse(case: Case) -> bool:
    """Say whether an exception answers the case as well as a result does.

    Rows of length 0 are such a case: a maximum of nothing does not exist. NumPy's, and with it
    SciPy's and JAX's softmax, raise; PyTorch and TensorFlow return an array of the same shape.
    """
    return case.n == 0 or bool(case.form and FORMS[kind(case)].may_refuse)


def validate(case: Case) -> None:
    """Raise CaseError unless the case's form is one, with a word that it takes."""
    from verify.cases import CaseError

    if not case.form:
        return
    form = FORMS.get(kind(case))
    if form is None:
        raise CaseError(f"form={case.form}: unknown; {nearest(kind(case), FORMS)}")
    given = "".join("#" if part.lstrip("-").isdecimal() else part for part in _parts(word(case)))
    if {given, word(case)}.isdisjoint(form.words or ("",)):
        expected = ", ".join(f"{kind(case)}:{each}" for each in form.words) or kind(case)
        raise CaseError(f"form={case.form}: expected {expected} (# stands for a number)")


def _parts(text: str) -> list[str]:
    """Split ``high:4`` into ``high``, ``:`` and ``4``."""
    head, colon, tail = text.partition(":")
    return [head, colon, tail]


def refusal(spec: BackendSpec, case: Case) -> str:
    """Say why a backend cannot be asked a case of this form; empty if it can."""
    from backends import arrays

    name = kind(case)
    if not name:
        return ""
    needs = FORMS[name].needs
    lacks = arrays.library(spec.array).lacks
    if needs in lacks:
        return lacks[needs]
    if name == "axis" and "axis" not in spec.operations[case.operation]:
        return "takes no axis"
    if name == "temperature" and "temperature" not in spec.operations[case.operation]:
        return "takes no temperature"
    if name == "stream" and spec.device != "cuda":
        return f"{spec.array} on the {spec.device} has no streams"
    if name == "guard" and spec.device != "cpu":
        return f"memory of the device {spec.device} has no guard pages"
    if name == "guard" and not sys.platform.startswith("linux"):
        return "guard pages that tell the address of a fault are made for Linux"
    return ""
