"""The commands on all other pages, which take too long to be run, are commands that there are."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

import backends.__main__
import bench.__main__
import reports.__main__
import verify.__main__

ROOT = Path(__file__).parents[2]
COMMANDS = {
    "verify": verify.__main__.command,
    "bench": bench.__main__.command,
    "reports": reports.__main__.command,
    "backends": backends.__main__.main,
}
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
_TYPED = re.compile(r"^(?:    |\$ )?(?:\w+=\S+ )*python -m (\S+)(.*)$", re.MULTILINE)
# What stands for something that a reader fills in.
_PLACE = re.compile(r"\[|\||\b[A-Z]{2,}\b|\.\.\.|\{")


def typed():
    for page in PAGES:
        joined = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))
        for module, words in _TYPED.findall(joined):
            if not _PLACE.search(words):
                yield module, re.split(r"\s#|\s&&|\s\|| > ", words)[0]


def runs_as_a_command(module):
    found = find_spec(module)
    if found is None or found.origin is None or ROOT not in Path(found.origin).parents:
        return found is not None
    file = Path(found.origin)
    if file.name == "__init__.py":
        file = file.with_name("__main__.py")
    return '__name__ == "__main__"' in file.read_text(encoding="utf-8")


def test_there_are_many():
    assert len({module for module, _ in typed()}) > 10


@pytest.mark.parametrize(("module", "words"), sorted(set(typed())))
def test_a_command_on_a_page_is_one(module, words):
    if module not in COMMANDS:
        assert runs_as_a_command(module), f"python -m {module} would do nothing"
        return
    command, given = COMMANDS[module], shlex.split(words)
    if isinstance(command, click.Group):
        with click.Context(command) as ctx:
            _, command, given = command.resolve_command(ctx, given)
    command.make_context(module, given)
