"""The most memory that binding and a call take beyond their inputs.

Linux keeps the largest size that a process had in memory and lets it be reset. So a call that was
made before, and is compiled, is bound and made once more, and what was added at the largest moment
is read: result and working memory. Pages count; what the process has free already is given back to
the system first, or it would be used unseen. A library that keeps freed memory to itself is seen to
take less than it does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify import memory

if TYPE_CHECKING:
    from bench.subject import Subject

_RESET = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_RESET_PEAK = "5"


def of_call(subject: Subject) -> int | None:
    """Return the bytes, or None where nobody counts them."""
    subject.release()
    if subject.backend.device == "cuda":
        return _on_cuda(subject)
    memory.reading()  # collects what nobody uses, and gives free memory back
    before = _reset()
    if before is None:
        return None
    subject.bind()
    subject.finished()
    return max(0, _field("VmHWM") - before)


def _reset() -> int | None:
    """Make the present size the largest one, and return it in bytes."""
    try:
        _RESET.write_text(_RESET_PEAK)
        return _field("VmHWM")
    except OSError:
        return None


def _field(name: str) -> int:
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{name}:"))


def _on_cuda(subject: Subject, cuda: Any = None) -> int:  # noqa: ANN401 - torch.cuda
    if cuda is None:
        import torch

        cuda = torch.cuda
    before = cuda.memory_allocated()
    cuda.reset_peak_memory_stats()
    subject.bind()
    subject.finished()
    return int(cuda.max_memory_allocated() - before)
