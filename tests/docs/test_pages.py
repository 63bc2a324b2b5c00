"""Every command and every snippet of the tutorial, the how-tos and the explanations works."""

import re
import warnings
from pathlib import Path

import pytest

import backends
from tests.docs.shown import Reader, blocks, commands, environment

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    DOCS / "tutorial.md",
    *sorted(DOCS.glob("how-to/*.md")),
    *sorted(DOCS.glob("explanation/*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_the_page_shows_works(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reader = Reader(tmp_path, environment(tmp_path, ROOT))
    with backends.isolated(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some pages show what NumPy warns of
        for block in blocks(page.read_text(encoding="utf-8")):
            if block.lacking:
                pytest.skip(f"needs {', '.join(block.lacking)}, which is not here")
            reader.do(block)
    reader.finish()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_workflow_runs_is_run_on_its_page(page):
    shown = blocks(page.read_text(encoding="utf-8"))
    typed = {command for b in shown if b.language == "console" for command, _ in commands(b.text)}
    texts = [block.text for block in shown if block.language == "yaml"]
    steps = [step for text in texts for step in re.findall(r"- run: (.+)", text)]
    assert len(steps) == sum(text.count("run: ") for text in texts)
    assert [step for step in steps if step not in typed and "pip install" not in step] == []
