"""The page's scripts: modules of our own, and libraries that are kept by others.

Modules stay the files that they are. A page cannot import from beside itself, so an import map
gives each a name, with its text as a `data:` address.
"""

import re
from functools import cache
from importlib import resources
from urllib.parse import quote

from markupsafe import Markup

from reports.page.packing import script_json

MAIN = "main.mjs"
LIBRARIES = ("vega.min.js", "vega-lite.min.js")
"""Vega 6.4.0 and Vega-Lite 6.4.3 (BSD-3-Clause), in the order in which they must be loaded."""

_IMPORT = re.compile(r'(?<=from ")\./(?=[\w-]+\.mjs";)')
_MAP_COMMENT = re.compile(r"//# sourceMappingURL=\S+")


@cache
def import_map() -> Markup:
    """Return the import map of all modules, escaped for a script element."""
    folder = resources.files("reports.page") / "js"
    modules = {
        f"softmark/{file.name}": _as_address(file.read_text(encoding="utf-8"))
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".mjs")
    }
    return script_json({"imports": modules})


@cache
def library(name: str) -> Markup:
    """Return a library's text for a script element.

    Raises
    ------
    ValueError
        If the text would end the element.
    """
    text = _text("vendor", name)
    if re.search(r"</script|<!--", text, re.IGNORECASE):
        raise ValueError(f"{name} cannot stand inside a script element")
    # A developer's tools would look for the map beside the page.
    return Markup(_MAP_COMMENT.sub("", text))  # noqa: S704 - the lines above have checked it


@cache
def style() -> Markup:
    """Return the style sheet, which is ours and ends no element."""
    return Markup(_text("", "style.css"))  # noqa: S704 - a file of ours


@cache
def classifier() -> str:
    """Return the explorer's classifier as JSON."""
    return _text("data", "classifier.json")


def _text(folder: str, name: str) -> str:
    return (resources.files("reports.page") / folder / name).read_text(encoding="utf-8")


def _as_address(text: str) -> str:
    return "data:text/javascript;charset=utf-8," + quote(_IMPORT.sub("softmark/", text))
