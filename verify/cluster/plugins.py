"""Plugins by content: a single file goes to a worker once, and stands there under its digest.

What travels is text. Only the child of a Dask worker runs it, as it would run a plugin's file.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.errors import PluginError
from verify.executor import sweep

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from backends.spec import Source


class Luggage:
    """The submitter's side: the plugin files of a run, read when they are first needed."""

    def __init__(self) -> None:
        self._contents: dict[str, str] = {}

    def take(self, source: Source) -> None:
        """Read a source's file, so that what is sent later is what was meant.

        Raises
        ------
        PluginError
            If it is a module, which has no content of its own, or its file has changed.
        """
        if source.kind != "plugin" or source.digest in self._contents:
            return
        if source.digest is None:
            raise PluginError(
                f"plugin {source.location} is a module: with --cluster give its file, or install "
                "it on every worker with an entry point of the group softmark.backends"
            )
        try:
            content = Path(source.location).read_bytes()
        except OSError as error:
            raise PluginError(f"plugin {source.location}: {error.strerror or error}") from error
        if hashlib.sha256(content).hexdigest() != source.digest:
            raise PluginError(f"plugin {source.location} has changed; start again")
        self._contents[source.digest] = base64.b64encode(content).decode("ascii")

    def contents(self, digests: Iterable[str]) -> dict[str, str]:
        """Return the contents of files by their digests, as text."""
        return {digest: self._contents[digest] for digest in digests}


class Shelf:
    """The worker's side: files that were sent, each in a folder of its own."""

    def __init__(self) -> None:
        sweep(Path(tempfile.gettempdir()))
        self._folder = Path(tempfile.mkdtemp(prefix=f"softmark-{os.getpid()}-"))

    def missing(self, sources: Iterable[Source]) -> list[str]:
        """Return the digests of files that have not come yet."""
        placed = [(source.digest, self._path(source)) for source in sources]
        return sorted({digest for digest, path in placed if digest and path and not path.exists()})

    def put(self, sources: Iterable[Source], contents: Mapping[str, str]) -> None:
        """Write files that came.

        Raises
        ------
        ValueError
            If a content is not what its digest says.
        """
        for source in sources:
            path = self._path(source)
            sent = contents.get(source.digest or "")
            if path is None or sent is None or path.exists():
                continue
            content = base64.b64decode(sent, validate=True)
            if hashlib.sha256(content).hexdigest() != source.digest:
                raise ValueError(f"plugin {source.location} was damaged on its way")
            path.parent.mkdir(exist_ok=True)
            # Two threads may be at it: each file appears whole.
            written = Path(tempfile.mkdtemp(dir=self._folder)) / path.name
            written.write_bytes(content)
            written.replace(path)

    def here(self, source: Source) -> Source:
        """Return the source as this machine has it."""
        path = self._path(source)
        return source if path is None else replace(source, location=str(path))

    def renamed(self, value: Any, sources: Iterable[Source]) -> Any:  # noqa: ANN401 - JSON values
        """Return JSON values with this machine's names of files as the submitter has them."""
        names = {str(self._path(source)): source.location for source in sources if source.digest}
        return _replaced(value, names) if names else value

    def close(self) -> None:
        """Remove all files."""
        with contextlib.suppress(OSError):
            shutil.rmtree(self._folder)

    def _path(self, source: Source) -> Path | None:
        if source.kind != "plugin" or source.digest is None:
            return None
        return self._folder / source.digest / Path(source.location).name


def _replaced(value: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON values
    if isinstance(value, str):
        for name, meant in names.items():
            value = value.replace(name, meant)
        return value
    if isinstance(value, dict):
        return {key: _replaced(each, names) for key, each in value.items()}
    return [_replaced(each, names) for each in value] if isinstance(value, list) else value
