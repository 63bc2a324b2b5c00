"""Bands of row length, so that an error which grows with the row is plain to see."""

# Powers of four: sums lose about one bit more from one band to the next (two for a sequential sum),
# and a table of a terminal's width holds them all. The last band is open.
_EDGES = (1, 8, 32, 128, 512, 2048, 8192, 32768)


def _short(n: int) -> str:
    return f"{n // 1024}k" if n >= 1024 else str(n)


BANDS = ("1", *(f"≤{_short(high)}" for high in _EDGES[1:]), f">{_short(_EDGES[-1])}")
"""The names of the bands, shortest rows first; each begins where the one before it ends."""


def band(n: int) -> str:
    """Return the name of the band that a row length falls into; no elements count as one."""
    return next((name for name, high in zip(BANDS, _EDGES, strict=False) if n <= high), BANDS[-1])
