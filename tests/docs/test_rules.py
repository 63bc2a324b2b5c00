"""The rules by which pages are run can fail, and every page is in the site."""

import re
from pathlib import Path

import pytest

from tests.docs.shown import Checker, Reader, blocks, commands, environment

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

NOTED = """
<!-- figures vary -->
<!-- needs no_such_library -->
```console
$ echo 1
2
$ true
```

```python
# a.py
```

```
text
```
"""


def test_notes_hold_for_the_block_below_them_alone():
    first, second = blocks(NOTED)
    assert (first.language, first.varies, first.lacking) == ("console", True, ["no_such_library"])
    assert (second.language, second.varies, second.needs) == ("python", False, [])
    assert commands(first.text) == [("echo 1", "2"), ("true", "")]


@pytest.mark.parametrize(
    ("shown", "got", "varies", "same"),
    [
        ("fail 5 of 33, 1.2 ms", "fail 6 of 120, 12 µs", True, True),
        ("fail 5 of 33", "fail 6 of 33", False, False),
        ("fail 5 of 33", "pass 5 of 33", True, False),
        ("a\n...\nd", "a\nb\nc\nd", False, True),
        ("x   1\ny", "x 1\ny\n", False, True),
        ("run 20261128T070045Z-b0b8ff: x", "run 20270101T000000Z-1e116c: x", True, True),
    ],
)
def test_words_are_compared_and_figures_only_where_they_do_not_vary(shown, got, varies, same):
    assert Checker(varies=varies).check_output(f"{shown}\n", f"{got}\n") is same


@pytest.mark.parametrize(
    "page",
    [
        "```console\n$ echo one\ntwo\n```\n",
        "```console\n$ false\n$ echo on\non\n```\n",
        "```console\n$ false\n```\n",
        "```pycon\n>>> 1 + 1\n3\n```\n",
        "```python\nprint('a file without a name')\n```\n",
    ],
)
def test_a_page_that_shows_what_is_not_so_is_found_out(page, tmp_path):
    reader = Reader(tmp_path, environment(tmp_path, ROOT))

    def read():
        for block in blocks(page):
            reader.do(block)
        reader.finish()

    with pytest.raises(AssertionError):
        read()


def test_a_session_goes_on_in_the_next_block_and_files_are_there(tmp_path):
    page = "```pycon\n>>> n = 2\n```\n```pycon\n>>> n\n2\n```\n```c\n/* a.c */\n```\n"
    reader = Reader(tmp_path, environment(tmp_path, ROOT))
    for block in blocks(page + "```console\n$ cat a.c\n/* a.c */\n$ (exit 3)\n$ echo $?\n3\n```\n"):
        reader.do(block)
    reader.finish()


def test_every_page_is_in_the_table_of_contents():
    listed = set(re.findall(r"^[\w/-]+$", (DOCS / "index.md").read_text(), re.MULTILINE))
    pages = {str(path.relative_to(DOCS))[:-3] for path in DOCS.rglob("*.md")}
    assert pages - {"index"} <= listed


def test_the_reference_names_every_public_function():
    import backends
    import reports
    import verify

    for module in (backends, verify, reports):
        page = (DOCS / "reference" / f"{module.__name__}.md").read_text()
        missing = [name for name in module.__all__ if not re.search(rf"\b{name}\b", page)]
        assert missing == []
