"""What a page of the documentation shows to be run, and how it is run.

The rules, which CONTRIBUTING.md has for who writes a page:

- ``console``: lines that begin with ``$`` are run by bash, the lines below are what they print
  to standard output. A command may fail only if ``$ echo $?`` follows it.
- ``pycon``: Python's session, one a page, run as doctest runs it.
- ``python``, ``c`` and ``yaml``: a file, whose name stands in a comment on the first line.
- ``...`` in what is printed stands for anything; spaces are not counted.
- ``<!-- figures vary -->`` before a block: its words are compared, its numbers and units are not.
- ``<!-- needs NAME -->``: a library of Python or a program; without it the page ends there.
- Blocks in other languages, or in none, are text.
"""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FIGURES_VARY = "figures vary"
_BLOCK = re.compile(
    r"^<!-- (?P<note>[^\n]+?) -->$|^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_RUN = ("c", "console", "pycon", "python", "yaml")
_FILE = re.compile(r"(?:#|/\*) ([\w./-]+\.\w+)(?: \*/)?\n")
_COMMAND = re.compile(r"^\$ (.*)$", re.MULTILINE)
# A number with what belongs to it: sign, exponent, unit; and the dot where there is none.
_RUN_ID = r"\b\d{8}T\d{6}Z-[0-9a-f]+\b"
_NUMBER = r"[-+±]?\b(?:\d[\d.,]*(?:e[-+]?\d+)?|inf|nan)"
_FIGURE = re.compile(rf"{_RUN_ID}|{_NUMBER}(?:\s?(?:[nµm]?s|%|[KMG]iB)(?!\w))?(?!\w)|·")
_RULES = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_LONGEST = 120


@dataclass
class Block:
    """One block of a page that is run or written."""

    language: str
    text: str
    line: int
    varies: bool = False
    needs: list[str] = field(default_factory=list)

    @property
    def lacking(self) -> list[str]:
        return [name for name in self.needs if not (find_spec(name) or shutil.which(name))]


def blocks(page: str) -> list[Block]:
    """Return a page's blocks that are run or written, with what the notes before them say."""
    found: list[Block] = []
    notes: list[str] = []
    for match in _BLOCK.finditer(page):
        if match["note"] is not None:
            notes.append(match["note"])
            continue
        if match["language"] in _RUN:
            line = page.count("\n", 0, match.start()) + 1
            needs = [note.removeprefix("needs ") for note in notes if note.startswith("needs ")]
            varies = FIGURES_VARY in notes
            found.append(Block(match["language"], match["text"], line, varies, needs))
        notes = []
    return found


def commands(text: str) -> list[tuple[str, str]]:
    """Return the commands of a console block, each with what is shown below it."""
    first, *parts = _COMMAND.split(text)
    assert not first.strip(), f"no $ before {first!r}"
    return [(parts[i], parts[i + 1].strip("\n")) for i in range(0, len(parts), 2)]


class Checker(doctest.OutputChecker):
    """Doctest's comparison, with figures left out where they vary."""

    def __init__(self, *, varies: bool) -> None:
        self._varies = varies

    def check_output(self, want: str, got: str, optionflags: int = _RULES) -> bool:
        """Say whether what came is what the page shows."""
        if self._varies:
            want, got = words(want), words(got)
        return super().check_output(want, got, optionflags)


def words(text: str) -> str:
    """Return the text without its figures, and without the rules that are as wide as they."""
    return re.sub(r"─+", "", _FIGURE.sub("#", text))


class Reader:
    """Does what a page shows, in a folder: writes its files, types its commands."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = {**os.environ, **environment}
        self._code = 0
        self._session: dict[str, Any] = {"__name__": "__main__"}

    def do(self, block: Block) -> None:
        """Do what a block shows; AssertionError says what came instead."""
        if block.language == "console":
            for command, shown in commands(block.text):
                self._type(command, shown, Checker(varies=block.varies))
        elif block.language == "pycon":
            self._run(block)
        else:
            name = _FILE.match(block.text)
            assert name, f"line {block.line}: the first line of a {block.language} names its file"
            path = self._folder / name[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")

    def finish(self) -> None:
        """Assert that the last command did not fail."""
        assert self._code == 0, f"exit code {self._code} of the page's last command"

    def _type(self, command: str, shown: str, checker: Checker) -> None:
        if command != "echo $?":
            assert self._code == 0, f"exit code {self._code}, and then: {command}"
        done = subprocess.run(
            ["/bin/bash", "-c", f"(exit {self._code})\n{command}"],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_LONGEST,
            check=False,
        )
        self._code = done.returncode
        if shown and not checker.check_output(f"{shown}\n", done.stdout):
            raise AssertionError(
                f"$ {command}\n{done.stdout}{done.stderr}\n--- the page shows\n{shown}"
            )

    def _run(self, block: Block) -> None:
        told: list[str] = []
        test = doctest.DocTestParser().get_doctest(
            block.text, self._session, f"line {block.line}", None, block.line
        )
        test.globs = self._session  # not a copy: the next block goes on
        runner = doctest.DocTestRunner(Checker(varies=block.varies), optionflags=_RULES)
        result = runner.run(test, out=told.append, clear_globs=False)
        assert result.attempted, f"line {block.line}: a session without >>>"
        assert not result.failed, "".join(told)


def environment(folder: Path, root: Path) -> dict[str, str]:
    """Return what a reader's shell has: this Python first, a store of its own, a wide terminal."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{root}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        "SOFTMARK_STORE": str(folder / "softmark.db"),
        "COLUMNS": "100",
    }
