"""What a plugin says is shown as it is, and acts on nothing: terminal, Markdown, CSV, XML, JSON.

The parts are tested with the views (`tests/reports`); here the words go the whole way, from a
worker process to each output.
"""

import csv
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[2]
CASE = "softmax/float32/3/values/x=1.6,3.1,0.5"

# Colours, a new title, a cleared screen; markup of rich, HTML and Markdown; a formula; XML's end
# and what XML cannot hold; marks that turn text round; half a character; a line like one of ours.
WORDS = (
    "=cmd|'/c calc'!A0\x1b[31mred\x1b]0;title\x07\x1b[2J\x9b1m"
    "[bold red]rich[/] [link=file:///x]y[/link]"
    "<script>alert(1)</script> <img src=x onerror=alert(1)> | a | b | `c` **d** [e](http://f)"
    "@someone ]]></failure><testcase name='good'/> &amp; "
    "\x00\x01\x0b\ufffe\uffff \u202egnp.exe \udc80 \ud800"
    "\nrun 20260101T000000Z-000000: 1 outcomes, 0 of them bad\r\n\tpass\u2028next"
)
PLUGIN = '''
"""{words}"""
import numpy as np
from backends import Claims, register

WORDS = {words!r}

class Fault(Exception):
    pass

@register("hostile", dtypes=["float32"], claims=Claims(limitations={limitations!r}))
def softmax(x):
    raise Fault({raised})
'''


@pytest.fixture
def hostile(tmp_path):
    """Return a function that writes a plugin; what it raises is an expression with WORDS."""

    def write(raised, limitations=None, stem="hostile"):
        path = tmp_path / f"{stem}.py"
        text = PLUGIN.format(
            words=WORDS.encode("unicode_escape", "backslashreplace").decode().replace('"', "'"),
            raised=raised,
            limitations=limitations or {},
        )
        path.write_text(text, encoding="utf-8")
        return path

    return write


def all_outputs(folder):
    return {kind: folder / f"out.{kind}" for kind in ("json", "csv", "md", "xml", "parquet")}


CONTROL = {chr(code) for code in range(32) if chr(code) not in "\n\t"} | {
    *map(chr, range(0x7F, 0xA0)), "\u202e", "\u2028", "\ufeff",
}  # fmt: skip


def check_shown(text):
    """Make sure that nothing in a text acts on a terminal, and no line is a plugin's own."""
    assert not set(text) & CONTROL, sorted(map(ascii, set(text) & CONTROL))
    assert not [line for line in text.splitlines() if line.startswith("run 20260101")]


@pytest.mark.parametrize("raised", ["WORDS", "WORDS * 500", "'A' * (1 << 20) + WORDS"])
def test_what_an_exception_says_spoils_no_output(verify, tmp_path, hostile, raised):
    outputs = all_outputs(tmp_path)
    options = [word for path in outputs.values() for word in ("--output", path)]
    done = verify("--plugin", hostile(raised), "--case", CASE, *options)
    assert done.returncode == 1, done.stderr
    check_shown(done.stdout)
    check_shown(done.stderr)
    if raised == "WORDS":
        assert r"\x1b[31mred\x1b]0;title\x07\x1b[2J\x9b1m[bold red]rich[/]" in done.stdout
    assert "0 of them bad" not in done.stdout.splitlines()[-1]
    assert len(done.stdout) < 100_000
    check_files(outputs)
    shown = subprocess.run(
        [sys.executable, "-m", "reports", "--store", str(tmp_path / "results.db")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    check_shown(shown.stdout)


def check_files(outputs):
    whole = json.loads(outputs["json"].read_text(encoding="ascii"))
    assert [outcome["status"] for outcome in whole["outcomes"]] == ["fail"]
    assert len(whole["outcomes"][0]["message"]) < 5000
    with outputs["csv"].open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["backend"] for row in rows] == ["hostile"]
    assert not [cell for cell in rows[0].values() if cell.lstrip().startswith(("=", "+", "@"))]
    assert len(outputs["csv"].read_text(encoding="utf-8").splitlines()) == 2
    root = ET.parse(outputs["xml"]).getroot()  # noqa: S314 - the file that was just written
    assert [case.get("name") for case in root.iter("testcase")] == [CASE]
    assert len(list(root.iter("failure"))) == 1
    text = outputs["md"].read_text(encoding="utf-8")
    check_shown(text)
    bare = text.replace("\\<", "").replace("\\|", "").replace("\\[", "").replace("\\`", "")
    assert "<" not in bare
    assert "[" not in bare.replace("\\]", "")
    assert "@" not in bare.replace("\\@", "")
    assert outputs["parquet"].read_bytes()[:4] == b"PAR1"


def test_the_reason_of_a_limitation_and_the_name_of_the_file_spoil_no_output(
    verify, tmp_path, hostile
):
    # A file's name may hold all but a NUL and a slash; half a character is no UTF-8.
    stem = "".join(c for c in WORDS[:180] if c not in "\0/" and not "\ud800" <= c <= "\udfff")
    reason = "".join(c for c in WORDS if not "\ud800" <= c <= "\udfff")
    path = hostile("'no'", {"accuracy": reason}, stem=f"x{stem}")
    outputs = {kind: path for kind, path in all_outputs(tmp_path).items() if kind != "parquet"}
    options = [word for path in outputs.values() for word in ("--output", path)]
    done = verify("--plugin", path, "--case", CASE, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    check_shown(done.stdout)
    assert ET.parse(outputs["xml"]).getroot().find(".//system-out") is not None  # noqa: S314 - ours
    check_shown(outputs["md"].read_text(encoding="utf-8"))
    assert len(outputs["csv"].read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.parametrize(
    "body",
    [
        "raise RuntimeError(WORDS)",
        "raise RuntimeError('A' * (1 << 20) + WORDS)",
        "raise RuntimeError('A\\n' * (1 << 20))",
        "raise SystemExit(WORDS)",
        "raise type('E' * 9999, (Exception,), dict(__str__=lambda self: 1 / 0))()",
        "from backends import register\nregister(WORDS)(None)",
        "from backends import register, Claims\nregister('x', claims=Claims(all_masked=WORDS))",
        "from backends import register\nregister('x', dtypes=[WORDS])",
        "from backends import register\nregister('A' * (1 << 20))",
    ],
)
def test_what_a_plugin_says_while_it_is_loaded_spoils_no_message(verify, tmp_path, body):
    path = tmp_path / "loading.py"
    path.write_text(f"WORDS = {WORDS!a}\n{body}\n", encoding="utf-8")
    done = verify("--plugin", path)
    assert done.returncode == 2
    assert "loading.py" in done.stderr
    assert "importlib" not in done.stderr
    check_shown(done.stderr)
    assert len(done.stderr) < 10_000


FORGED = """
import json, os, socket, stat, struct, sys

SPEC = {spec}

for descriptor in range(3, 64):
    try:
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            head = json.dumps([[json.dumps([SPEC]), 0]]).encode()
            os.write(descriptor, struct.pack("<QQQ", 1, 1, len(head)) + head)
    except OSError:
        pass
"""
SPEC = {
    "name": "forged",
    "source": {"kind": "plugin", "location": "x", "digest": None},
    "dtypes": ["float32"],
    "operations": {"softmax": []},
    "array": "numpy",
    "device": "cpu",
    "claims": {},
    "doc": "",
    "unavailable": None,
}


def forging(tmp_path, change):
    path = tmp_path / "forging.py"
    path.write_text(FORGED.format(spec=repr(SPEC | change)), encoding="utf-8")
    return path


def test_a_description_that_is_forged_well_is_worth_nothing(verify, recorded, tmp_path):
    done = verify("--plugin", forging(tmp_path, {}), "--case", CASE)
    assert done.returncode == 1, "it is believed, and then there is no such backend"
    assert [row[3] for row in recorded()] == ["fail"]


@pytest.mark.parametrize(
    "change",
    [
        {"name": WORDS.replace("\udc80", "").replace("\ud800", "")},
        {"name": 7},
        {"name": "../../up"},
        {"dtypes": ["float23"]},
        {"dtypes": 7},
        {"operations": {"[red]": []}},
        {"claims": {"all_masked": "[red]"}},
        {"claims": 7},
        {"source": {}},
    ],
    ids=ascii,
)
def test_a_description_that_a_plugin_forges_is_refused(verify, tmp_path, change):
    done = verify("--plugin", forging(tmp_path, change), "--case", CASE)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "forging.py" in done.stderr
    assert "Traceback" not in done.stderr
    check_shown(done.stderr)
