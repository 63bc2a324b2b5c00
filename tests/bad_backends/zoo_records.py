"""What the zoo says of its members: kind, class of docs/bugs.md, public issues.

A member is a registered function whose docstring's first line reads ``SOUND: what is unusual.`` or
``WRONG: what is wrong (class 3: pytorch 62897, 3240).``; what belongs to no class of bugs says
``(claims)``, ``(loading)``, ``(messages)``, ``(leaks)`` or ``(cliffs)`` instead.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
# What a plugin registers; a file that is broken on purpose is known by its own docstring.
FILES = tuple(sorted((*HERE.glob("wrong_*.py"), *HERE.glob("sound_*.py"))))

_LINE = re.compile(r"(WRONG|SOUND): (.+?)(?: \(([^()]+)\))?\.?")
_WORDS = "claims|loading|messages|leaks|cliffs"
_GROUP = re.compile(rf"class(?:es)? (\d+(?:, \d+)*)(?:: (.+))?|({_WORDS})(?:: (.+))?")


@dataclass(frozen=True)
class Record:
    """One member of the zoo, as its docstring tells."""

    name: str
    wrong: bool
    text: str
    groups: tuple[str, ...]
    issues: tuple[str, ...]

    @property
    def group(self):
        """The first class it stands for, or ``"claims"`` and the like; empty for a sound one."""
        return self.groups[0] if self.groups else ""


def read(name: str, line: str) -> Record:
    """Return the record that a docstring's first line makes; raise ValueError for another form."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"{name}: {line!r} is no line such as 'WRONG: … (class 3: pytorch 3240).'")
    kind, text, bracket = match.groups()
    if kind == "SOUND":
        return Record(name, wrong=False, text=text, groups=(), issues=())
    groups, issues = _groups(name, bracket or "")
    return Record(name, wrong=True, text=text, groups=groups, issues=issues)


def module_line(path: Path) -> str:
    """Return the first line of a file's own docstring, without running the file."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def _groups(name: str, bracket: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    groups, issues = [], []
    for part in bracket.split("; "):
        match = _GROUP.fullmatch(part)
        if match is None:
            raise ValueError(f"{name}: {part!r} is no 'class 3: pytorch 3240', nor a word for none")
        groups += (match[1] or match[3]).split(", ")
        issues += _spelled(match[2] or match[4] or "")
    return tuple(groups), tuple(issues)


def _spelled(issues: str) -> list[str]:
    """Return ``pytorch 3240, 62897`` as two whole names; what names no number stays as it is."""
    found: list[str] = []
    project = ""
    for word in filter(None, issues.split(", ")):
        project = word.rpartition(" ")[0] or project
        number = word.rpartition(" ")[2]
        found.append(f"{project} {number}" if number.isdigit() else word)
    return found
