"""Limits and planted wrong answers of every operation of the softmax family.

`KITS` loads an operation's file when it is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from verify.family.kit import Kit

__all__ = ["KITS"]

_WHERE = {
    "softmax": "softmax.KIT",
    "log_softmax": "log_softmax.KIT",
    "logsumexp": "logsumexp.KIT",
    "cross_entropy": "cross_entropy.KIT",
    "softmax_vjp": "gradients.VJP_KIT",
    "cross_entropy_grad": "gradients.GRADIENT_KIT",
    "softmax_jacobian": "gradients.JACOBIAN_KIT",
    "sampled_cross_entropy": "sampled.KIT",
    "sigmoid": "sigmoid.KIT",
}


class _Kits(Mapping[str, "Kit"]):
    def __getitem__(self, operation: str) -> Kit:
        module, _, name = _WHERE[operation].partition(".")
        kit: Kit = getattr(importlib.import_module(f"verify.family.{module}"), name)
        return kit

    def __iter__(self) -> Iterator[str]:
        return iter(_WHERE)

    def __len__(self) -> int:
        return len(_WHERE)


KITS: Mapping[str, Kit] = _Kits()
"""Operation name -> its kit."""
