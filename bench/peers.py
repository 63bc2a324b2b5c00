"""``--against peers``: backends beside every library that people really use, in one run.

The grid is the one on which a fast softmax has to prove itself: narrow rows, rows that fit in a
cache, a long context, two vocabularies, and one row for all processors; each in four formats.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from bench import plan
from verify.choosing import Unusable
from verify.executor import LocalExecutor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.plan import Describer, Plan, Selection

WORD = "peers"
"""What stands after ``--against``."""
PEERS = (
    *("torch_eager", "torch_compile", "torch_autograd", "jax_jit", "jax_grad", "onnxruntime_cpu"),
    *("openvino_cpu", "tensorflow_cpu", "mlx_cpu", "scipy_special", "sklearn_extmath"),
)
"""The built-in backends that are another library's softmax on the CPU."""
SHAPES = ("65536x64", "4096x1000", "512x8192", "128x50257", "64x131072", "1x16777216")
"""What is timed where no ``--shape`` is given."""
DTYPES = ("float64", "float32", "float16", "bfloat16")
"""The formats where no ``--dtype`` is given."""
CONTENDER = "numba_fast"
"""What is timed beside the peers where no backend is named."""


class Field(NamedTuple):
    """Who is timed.

    Attributes
    ----------
    plan
        The trials of the contenders, then those of the peers.
    contenders
        Names of the backends that are held against the peers.
    left_out
        A line for each peer that is not there, with the reason.
    """

    plan: Plan
    contenders: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def peers(self) -> tuple[str, ...]:
        """Names of the backends that they are held against."""
        return tuple(spec.name for spec in self.plan.specs if spec.name not in self.contenders)


def asked(options: Mapping[str, Any]) -> Field | None:
    """Return who is timed if a command line says ``--against peers``, else None.

    Raises
    ------
    Unusable
        Beside an option that would go unheeded, or as `field`.
    """
    if options["against"] != WORD:
        return None
    if options["fail_below"] is not None:
        raise Unusable(
            "--fail-below needs a duel: in one run backends are timed minutes apart; name one of "
            "the peers after --against"
        )
    if options["first_call"]:
        raise Unusable("--against peers compares usual calls; drop --first-call or --against")
    with LocalExecutor(1) as executor:
        return field(plan.selected(options), executor)


def field(selection: Selection, describer: Describer) -> Field:
    """Return the contenders of a selection and the peers that are available.

    Raises
    ------
    Unusable
        If no peer is, or as `plan.make`.
    """
    selection = replace(
        selection, shapes=selection.shapes or SHAPES, dtypes=selection.dtypes or DTYPES
    )
    if not (selection.names or selection.plugins):
        selection = replace(selection, names=(CONTENDER,))
    ours = plan.make(selection, describer)
    contenders = tuple(spec.name for spec in ours.specs)
    names, left_out = _available(contenders)
    if not names:
        raise Unusable("\n".join(("--against peers: none is available here", *left_out)))
    theirs = plan.make(replace(selection, names=names, plugins=()), describer)
    merged = plan.Plan(ours.selection, (*ours.trials, *theirs.trials), ours.origin)
    return Field(merged, contenders, left_out)


def _available(contenders: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from backends import discovery

    specs = {spec.name: spec for spec in discovery.builtin_specs()}
    others = [specs[name] for name in PEERS if name not in contenders]
    return (
        tuple(spec.name for spec in others if spec.unavailable is None),
        tuple(f"{spec.name}: {spec.unavailable}" for spec in others if spec.unavailable),
    )
