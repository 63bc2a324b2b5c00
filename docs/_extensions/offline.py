"""A warning for each page that would fetch something from the network; under -W an error."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# What a browser fetches by itself. A link waits for a reader; a canonical address is only a name.
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"(?:https?:)?//[^\"]*\""
    r"|<link\b[^>]*\brel=\"(?:stylesheet|preload|icon)\"[^>]*\bhref=\"(?:https?:)?//[^\"]*\""
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Look at the pages when they are written."""
    app.connect("build-finished", _look)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def fetched(page: str) -> list[str]:
    """Return the elements of a page that a browser fetches from elsewhere."""
    return _FETCHED.findall(page)


def _look(app: Sphinx, failure: Exception | None) -> None:
    if failure is not None or app.builder.format != "html":
        return
    for path in sorted(Path(app.outdir).rglob("*.html")):
        for element in fetched(path.read_text(encoding="utf-8")):
            logging.getLogger(__name__).warning("%s fetches %s", path.name, element)
