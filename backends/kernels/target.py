"""What the processor has that Numba compiles for: some kernels are written in two ways."""

from __future__ import annotations

import functools
from typing import Any

from numba.core import registry as _registry

_target: Any = _registry.cpu_target


@functools.cache
def features() -> frozenset[str]:
    """Return LLVM's names of what there is, or of what ``NUMBA_CPU_FEATURES`` says."""
    codegen = _target.target_context.codegen()
    # There is no other way to ask.
    words: str = codegen._get_host_cpu_features()  # noqa: SLF001 - as said above
    return frozenset(word[1:] for word in words.split(",") if word.startswith("+"))


def has_wide_registers() -> bool:
    """Tell whether registers have 512 bits: then a table of 16 float32 fits one of them."""
    return "avx512f" in features()


def takes_fractions() -> bool:
    """Tell whether one instruction takes the fractions of 16 float32."""
    return {"avx512f", "avx512dq"} <= features()
