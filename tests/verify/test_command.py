"""``python -m verify`` from outside: refusals, outputs, replays, interrupted runs."""

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CASE = "softmax/float32/3/values/x=1.6,3.1,0.5"
HEAVY = {"numpy", "numba", "torch", "pandas", "mpmath", "sqlalchemy", "ml_dtypes"}

OFF = '''
"""A plugin with one wrong line."""
import numpy as np
from backends import Claims, register

@register("{name}", dtypes=["float32"])
def softmax(x, axis=-1, temperature=1.0):
    e = np.exp((x - x.max(axis=axis, keepdims=True)) / temperature)
    return e / {terms}.sum(axis=axis, keepdims=True)
'''

_SHORT = "e[tuple(slice(-1) if n == e.shape[axis] > 1 else slice(None) for n in e.shape)]"


@pytest.fixture
def plugin(tmp_path):
    """Return a function that writes a plugin: right, or with the last term missing in its sum."""

    def write(name, *, wrong=False):
        path = tmp_path / f"{name}.py"
        path.write_text(OFF.format(name=name, terms=_SHORT if wrong else "e"), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["numpy_stabel"], "'numpy_stable'"),
        (["--operation", "softmux"], "'softmax'"),
        (["--dtype", "float23"], "'float32'"),
        (["--check", "acuracy"], "'accuracy'"),
        (["--case", "softmax/float32/3/unifrom"], "uniform"),
        (["--case", "softmax/float32/3/uniform/axis=4"], "axis 4"),
        (["--case", "rubbish"], "OPERATION/DTYPE/SHAPE/REGIME"),
        (["--profile", "quik"], "'quick'"),
        (["--memory-limit", "much"], "4GiB"),
        (["--memory-limit", "1"], "--memory-limit 1: so many bytes are not enough"),
        (["--memory-limit", "127M"], "give 128MiB or more"),
        (["--plugin", ""], "--plugin names nothing"),
        (["--seconds", "3"], "--seconds is for a search: add --check search"),
        (["--corpus", "kept.jsonl", "--check", "accuracy"], "--corpus is for a search"),
        (["--check", "search", "--seconds", "3", "--case", CASE], "--case, which is asked as it"),
        (["--case", CASE, "--dtype", "float64"], "leave --dtype out"),
        (["--case", CASE, "--operation", "sigmoid"], "leave --operation out"),
        (["--timeout", "0"], "timeout"),
        (["--jobs", "0"], "jobs"),
        (["--timeout", "nan"], "timeout"),
        (["--seed", "-1"], "seed"),
        (["--plugin", "absent.py"], "absent.py"),
        (["--plugin", "no.such.module"], "no.such.module"),
        (["--resume"], "no interrupted run"),
        (["--resume", "nosuch"], "no run yet"),
        (["--output", "results.xlsx"], ".xlsx"),
    ],
)
def test_what_cannot_be_used_is_exit_2_with_the_way_out_and_nothing_recorded(
    verify_here, tmp_path, words, says
):
    done = verify_here(*words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert recorded(tmp_path / "results.db") == []


def test_a_table_of_nothing_is_not_shown(verify):
    case = "softmax/float32/4x3/grid/temperature=1024.0"
    shown = verify("numpy_stable", "--check", "temperature", "--case", case).stdout
    assert "outcomes" in shown
    assert "Largest error" not in shown
    assert "largest error" not in shown


def recorded(store):
    """Return (backend, check, case, status) of every outcome in a store, or of none."""
    if not store.exists():
        return []
    with closing(sqlite3.connect(store)) as connection:
        tables = {row[0] for row in connection.execute("select name from sqlite_master")}
        if not tables:
            return []
        rows = connection.execute('select backend, "check", "case", status from softmark_outcomes')
        return [tuple(row) for row in rows]


@pytest.mark.parametrize("option", ["--store", "--output"])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_computed(
    verify, tmp_path, plugin, option
):
    path = plugin("never_loaded")
    witness = tmp_path / "loaded"
    path.write_text(f"open({str(witness)!r}, 'w')\n" + path.read_text(), encoding="utf-8")
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = verify("--plugin", path, option, tmp_path / "file" / "below.json")
    assert done.returncode == 2
    assert "below.json" in done.stderr
    assert not witness.exists()


@pytest.mark.parametrize("words", [["--help"], ["--list"]])
def test_help_and_list_come_fast_and_load_no_library(words):
    program = (
        "import sys, runpy, atexit\n"
        "sys.argv = ['verify', *sys.argv[1:]]\n"
        "atexit.register(lambda: print('LOADED', *sys.modules, file=sys.stderr))\n"
        "runpy.run_module('verify', run_name='__main__')\n"
    )
    seconds = []
    for _ in range(3):
        began = _processor_time_of_children()
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        seconds.append(_processor_time_of_children() - began)
    loaded = set(done.stderr.partition("LOADED")[2].split())
    assert loaded & HEAVY == set()
    assert min(seconds) < 0.5


def _processor_time_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_the_list_names_every_check_and_every_built_in_backend(verify):
    from verify import checks

    text = verify("--list").stdout
    files = [path.stem for path in (ROOT / "backends" / "builtin").glob("[a-z]*.py")]
    for name in [*checks.NAMES, *files]:
        assert f"  {name} " in text


def test_every_kind_of_output_is_written_and_says_the_same(verify, tmp_path, plugin):
    outputs = {kind: tmp_path / f"out.{kind}" for kind in ("json", "csv", "parquet", "md", "xml")}
    words = [word for path in outputs.values() for word in ("--output", path)]
    done = verify("--plugin", plugin("off", wrong=True), "--case", CASE, *words)
    assert done.returncode == 1
    data = json.loads(outputs["json"].read_text(encoding="utf-8"))
    assert [(o["backend"], o["case"], o["status"]) for o in data["outcomes"]] == [
        ("off", CASE, "fail")
    ]
    assert "off,softmax,float32,accuracy" in outputs["csv"].read_text(encoding="utf-8")
    assert outputs["parquet"].read_bytes()[:4] == b"PAR1"
    assert "fail" in outputs["md"].read_text(encoding="utf-8")
    assert "<failure" in outputs["xml"].read_text(encoding="utf-8")


def test_the_run_in_a_written_output_is_finished(verify, tmp_path, plugin):
    output = tmp_path / "out.json"
    verify("--plugin", plugin("good"), "--case", CASE, "--output", output)
    assert json.loads(output.read_text(encoding="utf-8"))["run"]["finished"]


def test_the_message_of_a_failure_names_the_input_and_what_came_out(verify, plugin):
    done = verify("--plugin", plugin("off", wrong=True), "--case", CASE)
    text = " ".join(done.stdout.split())
    for part in ("1.6", "3.0", "0.5", "exact"):
        assert part in text


def test_the_replay_line_of_a_failing_case_repeats_the_failure(verify, tmp_path, plugin):
    output = tmp_path / "out.json"
    done = verify(
        "--plugin", plugin("off", wrong=True), "--check", "axes", "--check", "identities",
        "--dtype", "float32", "--output", output,
    )  # fmt: skip
    assert done.returncode == 1
    failed = [o for o in json.loads(output.read_text())["outcomes"] if o["status"] == "fail"]
    assert {o["check"] for o in failed} == {"axes", "identities"}
    import shlex

    for outcome in (failed[0], failed[-1]):
        words = shlex.split(outcome["replay"])
        assert words[:3] == ["python", "-m", "verify"]
        again = tmp_path / "again.json"
        assert verify(*words[3:], "--output", again).returncode == 1
        found = json.loads(again.read_text())["outcomes"]
        for name in ("backend", "check", "case", "status", "message", "max_ulp", "worst"):
            assert [o[name] for o in found] == [outcome[name]]


def test_two_plugins_are_verified_side_by_side(verify, tmp_path, plugin):
    done = verify(
        "--plugin", plugin("good"), "--plugin", plugin("bad", wrong=True), "--case", CASE
    )  # fmt: skip
    assert done.returncode == 1
    assert sorted((b, s) for b, _, _, s in recorded(tmp_path / "results.db")) == [
        ("bad", "fail"),
        ("good", "pass"),
    ]


def test_two_plugins_of_one_name_are_refused(verify, tmp_path, plugin):
    first = plugin("twin")
    second = tmp_path / "other.py"
    second.write_text(first.read_text(encoding="utf-8"), encoding="utf-8")
    done = verify("--plugin", first, "--plugin", second)
    assert done.returncode == 2
    assert "twin" in done.stderr


def test_a_plugin_beside_a_named_built_in_leaves_the_others_out(verify, tmp_path, plugin):
    done = verify("--plugin", plugin("good"), "numpy_stable", "good", "--case", CASE)
    assert done.returncode == 0
    assert {row[0] for row in recorded(tmp_path / "results.db")} == {"good", "numpy_stable"}


def test_a_dtype_that_a_backend_lacks_is_a_skip_with_its_reason_and_no_failure(
    verify, tmp_path, plugin
):
    output = tmp_path / "out.json"
    done = verify(
        "--plugin", plugin("good"), "--case", CASE.replace("32", "64"), "--output", output
    )
    assert done.returncode == 0
    (outcome,) = json.loads(output.read_text())["outcomes"]
    assert outcome["status"] == "skip"
    assert "float64" in outcome["message"]


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        (
            'limitations={"ofset": "why"}',
            ["'ofset'", "mean 'offset'?", "valid checks: acc"],
        ),
        ('limitations={"zebra": "why"}', ["'zebra'", "valid checks: acc", "valid regimes: uni"]),
        ('limitations={"axis/float32": "why"}', ["'axis/float32'", "did you mean 'axes'?"]),
        ('limitations={"axes/float23": "why"}', ["'axes/float23'", "did you mean 'float32'"]),
        ('limitations={"axes/float64": "why"}', ["'axes/float64'", "no format of its own"]),
        ('limitations={"axes/": "why"}', ["'axes/'", "no format of its own; valid: float32"]),
    ],
)
def test_a_limitation_that_names_nothing_is_refused_with_the_names_that_are_valid(
    verify_here, plugin, claims, says
):
    path = plugin("good")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"])', f'"], claims=Claims({claims}))', 1), encoding="utf-8")
    done = verify_here("--plugin", path, "--case", CASE)
    assert done.returncode == 2
    assert f"plugin {path}: good declares a limitation for" in done.stderr
    for words in says:
        assert words in done.stderr


def test_a_limitation_of_an_installed_package_that_names_nothing_takes_only_that_one_out():
    from backends import Claims, Source
    from backends.spec import BackendSpec
    from verify import choosing

    source = Source("entry_point", "theirs")
    theirs = BackendSpec("theirs", source, claims=Claims(limitations={"ofset": "why"}))

    class Describes:
        def describe(self, _source):
            return [theirs]

    (found,) = choosing._tried(Describes(), "theirs", source)
    assert "'ofset', which is no check" in found.unavailable


def test_a_declared_limitation_is_known_and_no_failure(verify, tmp_path, plugin):
    path = plugin("off", wrong=True)
    text = path.read_text(encoding="utf-8")
    claims = 'claims=Claims(limitations={"accuracy": "one term is missing"}))'
    path.write_text(text.replace('"])', f'"], {claims}', 1), encoding="utf-8")
    done = verify("--plugin", path, "--case", CASE)
    assert done.returncode == 0
    assert [row[3] for row in recorded(tmp_path / "results.db")] == ["known"]


def test_a_limitation_that_never_shows_in_a_whole_run_is_a_failure(verify, tmp_path, plugin):
    path = plugin("good")
    text = path.read_text(encoding="utf-8")
    claims = 'claims=Claims(limitations={"digits": "so it was once"}))'
    path.write_text(text.replace('"])', f'"], {claims}', 1), encoding="utf-8")
    output = tmp_path / "out.json"
    done = verify("--plugin", path, "--output", output)
    assert done.returncode == 1
    bad = [o for o in json.loads(output.read_text())["outcomes"] if o["status"] == "fail"]
    assert [o["check"] for o in bad] == ["limitations"]
    assert "'digits'" in bad[0]["message"]


def test_a_run_that_was_killed_is_completed_by_resume_with_each_outcome_once(
    verify, tmp_path, plugin
):
    path = plugin("slow")
    text = path.read_text(encoding="utf-8").replace(
        "    e = np.exp", "    time.sleep(0.03)\n    e = np.exp"
    )
    path.write_text("import time\n" + text, encoding="utf-8")
    store = tmp_path / "results.db"
    words = [
        "--plugin",
        str(path),
        "--check",
        "axes",
        "--check",
        "identities",
        "--dtype",
        "float32",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "verify", *words, "--store", str(store)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ),
    )
    deadline = time.monotonic() + 60
    while len(recorded(store)) < 10 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = recorded(store)
    assert 10 <= len(before) < 60, "killed in the middle"
    output = tmp_path / "out.json"
    done = verify("--resume", "--store", store, "--output", output)
    assert done.returncode == 0, done.stderr
    after = recorded(store)
    assert set(before) <= set(after)
    assert set(Counter(row[:3] for row in after).values()) == {1}
    whole = tmp_path / "whole.db"
    verify(*words, "--store", whole)
    assert sorted(after) == sorted(recorded(whole))
    assert len(json.loads(output.read_text())["outcomes"]) == len(after)
    # There is nothing left to resume.
    assert verify("--resume", "--store", store).returncode == 2


def test_resume_refuses_a_plugin_that_was_changed_in_between(verify, tmp_path, plugin):
    path = plugin("slow")
    slow = path.read_text(encoding="utf-8").replace(
        "    e = np.exp", "    time.sleep(0.2)\n    e = np.exp"
    )
    path.write_text("import time\n" + slow, encoding="utf-8")
    store = tmp_path / "results.db"
    process = subprocess.Popen(
        [sys.executable, "-m", "verify", "--plugin", str(path), "--store", str(store)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ),
    )
    deadline = time.monotonic() + 60
    while not recorded(store) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
    path.write_text("import time\n" + slow + "# another\n", encoding="utf-8")
    before = recorded(store)
    done = verify("--resume", "--store", store)
    assert done.returncode == 2
    assert "no longer what run" in done.stderr
    assert recorded(store) == before
