"""Texts can be read in light and dark (WCAG 2.1, AA: 4.5 to 1), from the style sheet's colours."""

import re
from importlib import resources

import pytest

from tests.reports.contrast import contrast

TEXTS = ("ink", "soft", "accent", "good", "weak", "known", "bad", "skip")
GROUNDS = ("surface", "raised")


def themes():
    """Return the variables of each block that sets them: light, dark by the system, dark chosen."""
    style = (resources.files("reports.page") / "style.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root[^{]*\{\s*(color-scheme[^}]*)\}", style)
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in blocks]


def test_dark_by_the_system_is_dark_by_choice():
    light, system, chosen = themes()
    assert system == chosen
    assert light.keys() == system.keys()


@pytest.mark.parametrize("theme", themes()[:2], ids=["light", "dark"])
def test_texts_can_be_read_on_every_ground_and_on_every_mark(theme):
    pairs = [(text, ground) for text in TEXTS for ground in GROUNDS]
    marks = [name for name in theme if name.startswith("mark-") and name != "mark-ink"]
    pairs += [("mark-ink", mark) for mark in marks]
    assert len(pairs) == 16 + 7
    weak = {pair: contrast(*(theme[name] for name in pair)) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}
