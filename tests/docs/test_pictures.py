"""The pictures in the documentation are what its script draws."""

import runpy
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
DOCS = Path(__file__).parents[2] / "docs"
# Of a processor's own exponential: its points may lie elsewhere.
BY_MACHINE = {"gap.svg"}


def test_the_pictures_are_what_the_script_draws(tmp_path):
    runpy.run_path(str(DOCS / "pictures.py"))["main"](tmp_path)
    kept = {path.name: path.read_bytes() for path in (DOCS / "_static").glob("*.svg")}
    drawn = {path.name: path.read_bytes() for path in tmp_path.glob("*.svg")}
    assert drawn.keys() == kept.keys()
    assert [name for name in drawn if drawn[name] != kept[name] and name not in BY_MACHINE] == []


def test_every_picture_is_shown_and_described():
    text = "".join(path.read_text() for path in (DOCS / "explanation").glob("*.md"))
    for path in (DOCS / "_static").glob("*.svg"):
        before, _, _ = text.partition(f"](../_static/{path.name})")
        assert before != text, f"{path.name} is on no page"
        assert len(before.rpartition("![")[2]) > 40
