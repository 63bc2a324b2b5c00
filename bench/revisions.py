"""Trees of other revisions: the baseline's code beside the present one, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self

import backends
from backends import discovery
from bench.duel import Side
from verify.choosing import Unusable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backends.spec import BackendSpec

_PATIENCE = 120.0
_TREE = Path(backends.__file__).resolve().parent.parent


def commit_of(word: str, spec: BackendSpec) -> str | None:
    """Return the commit that a word means in the repository of a backend; None: it means none."""
    root = repository(spec)
    if root is None:
        return None
    return _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{word}^{{commit}}")


def repository(spec: BackendSpec) -> Path | None:
    """Return the root of the git repository that a backend's code is in, or None.

    That is the repository of a plugin's file, for a plugin named as a module that of the present
    folder, and for a built-in backend that of this package. An installed one has none.
    """
    if spec.source.kind == "entry_point":
        return None  # installed: what is there is no working tree of its repository
    root = _git(_folder(spec), "rev-parse", "--show-toplevel")
    return None if root is None else Path(root)


class Revisions:
    """Checks revisions out when they are asked for, each once; use it in a `with` block."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._trees: dict[tuple[Path, str], Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def side(self, spec: BackendSpec, commit: str) -> Side | None:
        """Return a backend as it was at a commit, or None if it was not there yet.

        Raises
        ------
        Unusable
            If git does not check the commit out.
        """
        root = repository(spec)
        if root is None:
            raise Unusable(f"{spec.name} is in no git repository, so it has no other revision")
        if (root, commit) not in self._trees:
            self._trees[root, commit] = self._stack.enter_context(_checked_out(root, commit))
        return _side(spec, commit, root, self._trees[root, commit])


def _side(spec: BackendSpec, commit: str, root: Path, tree: Path) -> Side | None:
    source = spec.source
    paths = [str(tree / _TREE.relative_to(root))] if _TREE.is_relative_to(root) else []
    if source.kind == "builtin":
        file = Path(paths[0]) / "backends" / "builtin" / f"{source.location}.py"
        return Side(spec, tuple(paths), commit) if file.is_file() else None
    if source.digest is None:
        return Side(spec, (str(tree / Path.cwd().resolve().relative_to(root)), *paths), commit)
    file = tree / Path(source.location).resolve().relative_to(root)
    if not file.is_file():
        return None
    return Side(replace(spec, source=discovery.source_of(file)), tuple(paths), commit)


def _folder(spec: BackendSpec) -> Path:
    if spec.source.kind == "plugin":
        if spec.source.digest is None:
            return Path.cwd()
        return Path(spec.source.location).resolve().parent
    return _TREE


@contextmanager
def _checked_out(root: Path, commit: str) -> Iterator[Path]:
    with TemporaryDirectory(prefix="softmark-revision-") as folder:
        tree = Path(folder).resolve() / "tree"
        made = _git(root, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        if made is None:
            raise Unusable(f"git cannot check out {commit} of {root}: try git worktree add")
        try:
            yield tree
        finally:
            _git(root, "worktree", "remove", "--force", str(tree))


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git says, or None if it fails or is not there; hooks do not run."""
    # Within a hook these name the repository that is at it, whatever folder is meant.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(folder), "-c", "core.hooksPath=/dev/null", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            command,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=True,
            stdin=subprocess.DEVNULL,
            env=kept,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
