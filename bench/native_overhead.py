"""What a bound call of a shared library costs beside the same call through ctypes alone.

    python -m bench.native_overhead ./libmine.so

Both call the library's first softmax on one element, in turns, so that what is left is the way
there: the medians of many rounds of a thousand calls.
"""

from __future__ import annotations

import ctypes
import statistics
import timeit
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from backends import registry
from backends.discovery import load_plugin
from backends.formats import format_of
from backends.native.interface import symbol

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 1000


def overhead(plugin: str, rounds: int) -> tuple[float, float, float]:
    """Return seconds of a direct call, of a bound one, and the median of their differences."""
    with registry.isolated():
        mine = registry.get(load_plugin(plugin)[0])
        x = np.zeros((1, 1), format_of(mine.dtypes[0]).numpy_dtype)
        calls = _direct(plugin, symbol("softmax", mine.dtypes[0]), x), mine.bind("softmax", x)
        times = [
            [timeit.timeit(call, number=CALLS) / CALLS for call in calls] for _ in range(rounds)
        ]
    direct, bound = (statistics.median(column) for column in zip(*times, strict=True))
    return direct, bound, statistics.median(b - d for d, b in times)


def _direct(
    plugin: str, name: str, x: np.ndarray[tuple[int, ...], np.dtype[np.generic]]
) -> Callable[[], None]:
    function = getattr(ctypes.CDLL(str(Path(plugin).absolute())), name)
    y = np.empty_like(x)
    arguments = (
        *(each.ctypes.data_as(ctypes.c_void_p) for each in (x, y)),
        *(ctypes.c_int64(size) for size in x.shape),
    )

    def call() -> None:
        function(*arguments)

    return call


@click.command()
@click.argument("plugin", type=click.Path(exists=True, dir_okay=False))
@click.option("--rounds", default=300, show_default=True, help="Rounds of a thousand calls each.")
def main(plugin: str, rounds: int) -> None:
    """Measure the call of the shared library PLUGIN."""
    direct, bound, more = overhead(plugin, rounds)
    click.echo(
        f"direct {direct * 1e9:.0f} ns, bound {bound * 1e9:.0f} ns, difference {more * 1e9:.0f} ns"
    )


if __name__ == "__main__":
    main()
