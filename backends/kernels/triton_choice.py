"""Block sizes and numbers of warps for the Triton kernels, as plain arithmetic.

The reasons stand in ``docs/gpu-kernels.md``; nothing here needs Triton or a device.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "EXCHANGE",
    "EXCHANGE_VJP",
    "Exchange",
    "Rows",
    "Split",
    "align_of",
    "columns_of",
    "exchange_of",
    "power_of_two",
    "programs_of",
    "rows_of",
    "split_of",
]

WARP = 32
# Numbers that a thread holds: eight loads of 16 bytes in flight in float32, four in 16 bits.
A_THREAD = 32
# Of a block of short rows: 128 threads, so that eight or more programs share a multiprocessor.
SMALLEST = 4096
# Of one row: 1024 threads, the most that a program can have.
LARGEST = 32768
# Side by side along another axis: 32 float32 numbers are a line of memory.
SIDE_BY_SIDE = 32
# Longer columns go through a copy that is contiguous along them.
LONGEST_COLUMN = 2048
# Elements; parts are multiples, so that each begins with a line if the row does.
_LINE = 128
# Merging reads three numbers of each part in every program of the row.
MOST_PARTS = 1024


@dataclass(frozen=True)
class Rows:
    """A launch of `backends.kernels.triton_rows`: rows a program, classes a row, warps."""

    rows: int
    block: int
    warps: int


@dataclass(frozen=True)
class Split:
    """A row in parts: how many, of how many elements, a block at a time."""

    parts: int
    length: int
    block: int
    warps: int


@dataclass(frozen=True)
class Exchange:
    """A launch of `backends.kernels.triton_exchange`.

    Attributes
    ----------
    block
        The most elements of a part.
    warps, registers
        Of a program; `registers` a thread is what the compiler may use.
    programs
        How many of them a multiprocessor holds: 65536 registers and 1024 threads at least on every
        device since compute capability 7.5.
    """

    block: int
    warps: int
    registers: int
    programs: int


EXCHANGE = Exchange(block=16384, warps=16, registers=64, programs=2)
EXCHANGE_VJP = Exchange(block=8192, warps=16, registers=64, programs=2)


def rows_of(n: int, arrays: int = 1) -> Rows | None:
    """Return the launch for rows of n classes along the last axis, None where they do not fit.

    Parameters
    ----------
    n
        Classes of a row, at least 1.
    arrays
        How many arrays a program holds at once: 1, or 2 for the VJP.
    """
    block = power_of_two(n)
    if block * arrays > LARGEST:
        return None
    held = max(block * arrays, SMALLEST)
    return Rows(held // (block * arrays), block, held // A_THREAD // WARP)


def columns_of(n: int, arrays: int = 1) -> Rows | None:
    """Return the launch along another axis, where rows lie side by side; None where too long."""
    block = power_of_two(n)
    if block > LONGEST_COLUMN:
        return None
    held = max(SIDE_BY_SIDE * block * arrays, SMALLEST)
    rows = min(held, LARGEST) // (block * arrays)
    return Rows(rows, block, rows * block * arrays // A_THREAD // WARP)


def split_of(n: int, arrays: int = 1) -> Split:
    """Return parts of equal length for the two launches of `backends.kernels.triton_split`."""
    block = EXCHANGE.block // arrays
    length = -(-n // MOST_PARTS)
    length = -(-length // block) * block
    return Split(*_even(n, -(-n // length)), block, EXCHANGE.warps)


def exchange_of(n: int, how: Exchange) -> Split:
    """Return parts of equal length, at most one block, for the exchange."""
    return Split(*_even(n, -(-n // how.block)), how.block, how.warps)


def programs_of(rows: int, parts: int, multiprocessors: int, how: Exchange) -> int | None:
    """Return how many programs exchange, None where the device does not hold a row's at once.

    A multiple of the row's parts, so that its programs turn to a row at the same time.
    """
    held = multiprocessors * how.programs
    if parts > held:
        return None
    return min(held // parts, rows) * parts


def align_of(*multiples: int) -> int:
    """Return the largest power of two up to 16 that divides all of these."""
    return min(16, *(value & -value if value else 16 for value in multiples))


def power_of_two(n: int) -> int:
    """Return the least power of two that is n or more."""
    return 1 << (n - 1).bit_length()


def _even(n: int, parts: int) -> tuple[int, int]:
    """Return a number of parts, at most `parts`, and their length, in whole lines of memory."""
    length = -(-n // (parts * _LINE)) * _LINE
    return -(-n // length), length
