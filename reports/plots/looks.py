"""How pictures look: colours for light and dark, and the style that a backend keeps everywhere.

The colours were chosen to differ from each other under protanopia, deuteranopia and tritanopia too
(Machado and others, 2009), and have a contrast of at least 3 to their ground (WCAG 2.1, 1.4.11),
which a test computes. Colour is never the only
sign: backends differ in their marker and line as well, statuses stand in words.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from reports.records import Status
from reports.text import safe, shorten

_MARKERS = "osD^vPX<>ph*"
_LINES = ("-", (0, (5, 2)), (0, (1, 1.3)), (0, (6, 2, 1, 2)))
_LONGEST = 26


@dataclass(frozen=True)
class Look:
    """A theme."""

    name: str
    ground: str
    """Behind everything."""
    ink: str
    """Text and axes."""
    faint: str
    """What stays behind the data: grid lines, notes."""
    colours: tuple[str, ...]
    """Of backends, in turn."""
    statuses: dict[Status, str]

    def settings(self) -> dict[str, Any]:
        """Return matplotlib's settings."""
        inks = ("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color")
        return {
            **dict.fromkeys(inks, self.ink),
            **dict.fromkeys(
                ("figure.facecolor", "axes.facecolor", "savefig.facecolor"), self.ground
            ),
            **dict.fromkeys(("axes.edgecolor", "grid.color"), self.faint),
            **{f"axes.spines.{side}": False for side in ("top", "right")},
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.titlesize": 10,
            "grid.linewidth": 0.5,
            "legend.frameon": False,
            "font.size": 9,
            "figure.dpi": 150,
            "savefig.dpi": 150,
        }

    def styles(self, backends: Iterable[str]) -> dict[str, "Style"]:
        """Return the style of each backend, by the order of their names."""
        names = sorted(set(backends))
        count = len(self.colours)
        return {
            name: Style(
                self.colours[index % count],
                _MARKERS[index % len(_MARKERS)],
                _LINES[index // count % len(_LINES)],
            )
            for index, name in enumerate(names)
        }


@dataclass(frozen=True)
class Style:
    """How a backend is drawn."""

    colour: str
    marker: str
    line: Any


LIGHT = Look(
    "light",
    ground="#ffffff",
    ink="#1a1a1a",
    faint="#c4c8ce",
    colours=("#0a67b0", "#d1570a", "#12967a", "#5b2a86", "#1a1a1a", "#c07aa8"),
    statuses={
        Status.PASS: "#cfe8dc",
        Status.WEAK: "#f4e3a1",
        Status.KNOWN: "#c9d3f0",
        Status.FAIL: "#b3261e",
        Status.CRASH: "#5b2a86",
        Status.TIMEOUT: "#7a4a00",
        Status.SKIP: "#eceef1",
    },
)
DARK = Look(
    "dark",
    ground="#15181d",
    ink="#e8eaed",
    faint="#4a4f57",
    colours=("#56b4e9", "#e69f00", "#2bc79b", "#e58ac0", "#f0e442", "#ededed"),
    statuses={
        Status.PASS: "#1f4d3c",
        Status.WEAK: "#665a1c",
        Status.KNOWN: "#2f3f73",
        Status.FAIL: "#ff7a6b",
        Status.CRASH: "#d9a5ff",
        Status.TIMEOUT: "#ffc266",
        Status.SKIP: "#2a2e35",
    },
)


def label(name: object) -> str:
    """Return a name from a plugin as plain text of matplotlib, short enough for a legend."""
    text = shorten(safe(name), _LONGEST).replace("$", r"\$")
    # matplotlib leaves names with a leading underscore out of legends.
    return f"\N{HAIR SPACE}{text}" if text.startswith("_") else text
