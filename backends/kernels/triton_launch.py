"""Which kernel an input takes, and its launch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from backends.kernels import triton_choice, triton_exchange, triton_rows, triton_split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backends.kernels.triton_layout import Layout

__all__ = ["Cooling", "How", "launch", "takes"]


class Cooling(NamedTuple):
    """1 / T as float32 numbers: before · after · after_too · (high + low).

    The first three are powers of two. `before` is at most 1: what is large is made smaller before
    it is subtracted, so that 3e38 - (-3e38) at T = 1e300 is no infinity; what is small is made
    larger after it, so that at T = 1e-310 a gap of 1e-45 is one.
    """

    before: float
    after: float
    after_too: float
    high: float
    low: float


class How(NamedTuple):
    """What is computed: at which temperature, and whether its logarithm."""

    factors: Cooling
    scaled: bool
    log: bool


def takes(layout: Layout, arrays: int) -> bool:
    """Tell whether there is a kernel for this layout of so many inputs and a result."""
    return layout.contiguous or triton_choice.columns_of(layout.n, arrays) is not None


def launch(given: Sequence[torch.Tensor], result: torch.Tensor, layout: Layout, how: How) -> None:
    """Enqueue the softmax of one tensor, or the VJP of two, into `result`."""
    count = len(given)
    choose = triton_choice.rows_of if layout.contiguous else triton_choice.columns_of
    block = choose(layout.n, count)
    device: Any = torch.cuda.device_of  # untyped
    with device(result):  # of no effect on the CPU, where the interpreter runs
        if block is not None:
            _whole_rows(given, result, layout, how, block)
            return
        exchange = triton_choice.EXCHANGE_VJP if count > 1 else triton_choice.EXCHANGE
        split = triton_choice.exchange_of(layout.n, exchange)
        programs = triton_choice.programs_of(
            layout.rows, split.parts, _multiprocessors(result), exchange
        )
        if programs is None:
            two_launches(given, result, layout, how, triton_choice.split_of(layout.n, count))
        else:
            one_launch(given, result, layout, how, split, programs)


def _whole_rows(
    given: Sequence[torch.Tensor],
    result: torch.Tensor,
    layout: Layout,
    how: How,
    block: triton_choice.Rows,
) -> None:
    align = _align(layout)
    tiles = -(-layout.inner // block.rows)
    strides = [
        step for outer, inner, last in layout.strides for step in (outer, inner // align, last)
    ]
    words = {
        "rows": block.rows, "block": block.block, "align": align, "wide": layout.wide,
        "scaled": how.scaled, "num_warps": block.warps,
    }  # fmt: skip
    place: tuple[Any, ...] = (tiles, layout.inner, layout.n // align, *strides, *how.factors)
    grid = (layout.outer * tiles,)
    if len(given) > 1:
        triton_rows.vjp[grid](*given, result, *place, **words)
    else:
        triton_rows.forward[grid](*given, result, *place, log=how.log, **words)


def two_launches(
    given: Sequence[torch.Tensor],
    result: torch.Tensor,
    layout: Layout,
    how: How,
    split: triton_choice.Split,
) -> None:
    """Enqueue the kernels of `triton_split`: statistics of all parts, then the results."""
    weighted = len(given) > 1
    place, strides, words = _parts(layout, how, split)
    numbers = _numbers(layout.rows * split.parts, result)
    grid = (layout.rows * split.parts,)
    # Without a cotangent x stands in for it; nothing is read of it.
    triton_split.statistics[grid](
        given[0], given[-1], *numbers, *place, *strides[0], *strides[len(given) - 1],
        *how.factors, **words, weighted=weighted,
    )  # fmt: skip
    place = (*place, *(step for each in strides for step in each), *how.factors)
    most = triton_choice.power_of_two(split.parts)
    if weighted:
        triton_split.finish_vjp[grid](*given, result, *numbers, *place, **words, most=most)
    else:
        triton_split.finish_forward[grid](
            *given, result, *numbers[:2], *place, **words, most=most, log=how.log
        )


def one_launch(
    given: Sequence[torch.Tensor],
    result: torch.Tensor,
    layout: Layout,
    how: How,
    split: triton_choice.Split,
    programs: int,
    counters: torch.Tensor | None = None,
    numbers: torch.Tensor | None = None,
) -> torch.Tensor:
    """Enqueue a kernel of `triton_exchange` and return what is exchanged.

    Parameters
    ----------
    given, result, layout, how, split
        As for `two_launches`.
    programs
        How many there are; all of them must run at the same time.
    counters, numbers
        One a row, and what another launch returned: fresh ones by default. Without a device
        programs run one after the other, and a test counts them in beforehand.
    """
    place, strides, words = _parts(layout, how, split)
    pieces = layout.rows * split.parts
    if numbers is None:
        numbers = _numbers(pieces, result)
    if counters is None:
        counters = torch.zeros(layout.rows, dtype=torch.int32, device=result.device)
    place = (counters, pieces, *place, *(step for each in strides for step in each), *how.factors)
    words |= {"most": triton_choice.power_of_two(split.parts)}
    if result.is_cuda:
        words |= {"launch_cooperative_grid": True, "maxnreg": triton_choice.EXCHANGE.registers}
    if len(given) > 1:
        triton_exchange.vjp[(programs,)](*given, result, *numbers, *place, **words)
    else:
        triton_exchange.forward[(programs,)](
            *given, result, *numbers[:2], *place, log=how.log, **words
        )
    return numbers


def _parts(
    layout: Layout, how: How, split: triton_choice.Split
) -> tuple[tuple[Any, ...], list[tuple[int, int]], dict[str, Any]]:
    """Return numbers, strides of each tensor and constants that all kernels of parts take."""
    align = _align(layout)
    place = (split.parts, split.length // align, layout.inner, layout.n // align)
    strides = [(outer, inner // align) for outer, inner, _ in layout.strides]
    words = {
        "block": split.block, "align": align, "scaled": how.scaled, "num_warps": split.warps
    }  # fmt: skip
    return place, strides, words


def _numbers(pieces: int, result: torch.Tensor) -> torch.Tensor:
    """Return room for maximum, sum and mean of each part."""
    return torch.empty((3, pieces), dtype=torch.float32, device=result.device)


def _align(layout: Layout) -> int:
    return triton_choice.align_of(layout.n, *(inner for _, inner, _ in layout.strides))


def _multiprocessors(tensor: torch.Tensor) -> int:
    """Return those of the tensor's device, and 0 on the CPU: there is no device to exchange on."""
    if not tensor.is_cuda:
        return 0
    return int(torch.cuda.get_device_properties(tensor.device).multi_processor_count)
