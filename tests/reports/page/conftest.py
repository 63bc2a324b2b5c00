"""Runs the page's own arithmetic in Node, and the page itself in a browser.

Node comes with Playwright (`pip install playwright`, part of the dev extra); one that is there
serves as well. The browser is Debian's (`make browser`, or `apt-get install chromium`), or the one
that SOFTMARK_BROWSER names. Where one is missing, what needs it is skipped with the next step.
"""

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "reports" / "page" / "js"
HARNESS = Path(__file__).with_name("harness.mjs")


def find_node():
    """Return the path of Node, Playwright's own before any other, or None."""
    found = importlib.util.find_spec("playwright")
    if found is not None and found.origin:
        bundled = Path(found.origin).parent / "driver" / "node"
        if bundled.exists():
            return str(bundled)
    return shutil.which("node")


@pytest.fixture(scope="session")
def ask_node():
    """Return what puts a list of questions to the page's arithmetic."""
    node = find_node()
    if node is None:
        pytest.skip("no Node: pip install --constraint constraints.txt playwright")

    def ask(questions):
        done = subprocess.run(
            [node, str(HARNESS), str(SCRIPTS)],
            input=json.dumps(questions),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ask
