"""Stores that refuse: a full disk, a lock, damage, other versions. Nothing recorded is lost."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from reports.records import Outcome, Run
from reports.store import open_store

WORDS = ("--dtype", "float32", "--check", "special_values")


def ended(process, seconds=60):
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


def outcome(case="it", message=""):
    return Outcome(
        backend="mine", operation="softmax", dtype="float32", check="accuracy", case=case,
        regime="uniform", shape=(3,), axis=-1, n=3, status="pass", message=message,
    )  # fmt: skip


def aside(folder):
    """Return the files in which a run left what its store did not take."""
    return sorted(folder.glob("softmark-*.jsonl"))


def check_resumed(verify, recorded, whole, store, before):
    """Resume, and make sure that all is there and what was there stays."""
    done = verify("--resume", "--store", store)
    assert done.returncode == 0, done.stdout + done.stderr
    after = recorded(store)
    assert after[: len(before)] == before
    assert sorted(after) == whole


# --- a full disk ---------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system with room for a store and few outcomes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    words = [mount or "mount", "-t", "tmpfs", "-o", "size=240k", "tmpfs", str(folder)]
    if (
        os.getuid()
        or not mount
        or subprocess.run(words, check=False, capture_output=True).returncode
    ):
        pytest.skip("no file system can be mounted here: only root may, outside of some containers")
    yield folder
    subprocess.run([umount, "-l", str(folder)], check=True)


def test_a_full_disk_ends_the_run_and_resume_completes_it_once_there_is_room(
    verify, start, recorded, undisturbed, small_disk, patient, tmp_path
):
    store = small_disk / "results.db"
    temporary = tmp_path / "elsewhere"
    temporary.mkdir()
    words = ["--plugin", patient, *WORDS]
    code, _, err = ended(start(*words, store=store, TMPDIR=str(temporary)))
    assert code == 2, err
    assert f"store {store}" in err
    assert "make room" in err
    assert "Traceback" not in err
    assert "finishes this run" in err
    kept = [*aside(small_disk), *aside(temporary)]
    assert kept, "what was on its way is in a file"
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)  # noqa: S607 - a test
    before = recorded(store)
    assert 0 < len(before) < 80
    os.environ["TMPDIR"] = str(temporary)
    try:
        check_resumed(verify, recorded, undisturbed(*words), store, before)
    finally:
        del os.environ["TMPDIR"]
    assert not [*aside(small_disk), *aside(temporary)]


LIMITED = """
import resource
import sys

if __name__ == "__main__":
    from verify.__main__ import main

    size = int(sys.argv.pop(1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    main()
"""


def test_a_file_that_must_not_grow_ends_the_run_and_resume_completes_it(
    verify, start, recorded, undisturbed, tmp_path, patient
):
    script = tmp_path / "limited.py"
    script.write_text(LIMITED, encoding="utf-8")
    store = tmp_path / "results.db"
    words = ["--plugin", patient, *WORDS]
    code, _, err = ended(start(*words, program=[script, "150000"]))
    assert code == 2, err
    assert f"store {store}" in err
    assert "full" in err
    before = recorded()
    assert 0 < len(before) < 80
    check_resumed(verify, recorded, undisturbed(*words), store, before)


# --- a lock --------------------------------------------------------------------------------------


@contextlib.contextmanager
def locked(store):
    with closing(sqlite3.connect(store, isolation_level=None, timeout=20)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def test_a_store_that_is_locked_for_a_while_is_waited_for(
    start, recorded, until, undisturbed, tmp_path, patient
):
    words = ["--plugin", patient, *WORDS]
    process = start(*words)
    until(lambda: len(recorded()) > 5)
    with locked(tmp_path / "results.db"):
        time.sleep(2)
        held = len(recorded())
        time.sleep(0.5)
        assert len(recorded()) == held
    assert ended(process)[0] == 0
    assert sorted(recorded()) == undisturbed(*words)


def test_a_store_that_stays_locked_ends_the_run_and_resume_brings_in_what_was_on_its_way(
    verify, start, recorded, until, undisturbed, tmp_path, patient
):
    store = tmp_path / "results.db"
    words = ["--plugin", patient, *WORDS]
    process = start(*words, store=f"sqlite:///{store}?timeout=1")
    until(lambda: len(recorded()) > 5)
    with locked(store):
        began = time.monotonic()
        code, _, err = ended(process)
        assert time.monotonic() - began < 10
        assert code == 2
        assert f"store {store}: database is locked: another process has held it" in err
        assert "finishes this run" in err
        (kept,) = aside(tmp_path)
        assert str(kept) in err
        before = recorded()
    waiting = [Outcome.from_dict(json.loads(line)) for line in kept.read_text().splitlines()]
    assert waiting
    assert not {o.case for o in waiting} & {row[2] for row in before}
    check_resumed(verify, recorded, undisturbed(*words), store, before)
    assert not aside(tmp_path)
    with open_store(str(store)) as opened:
        stored = {o.case: o for o in opened.outcomes(opened.run().id)}
    assert [stored[o.case] for o in waiting] == waiting, "brought in as it was, not asked again"


def test_a_line_that_was_cut_short_beside_the_store_is_passed_over(tmp_path):
    from verify.recorder import bring_in

    with open_store(str(tmp_path / "results.db")) as store:
        run = Run.start("verify", version="1")
        store.begin(run)
        path = tmp_path / f"softmark-{run.id}-7.jsonl"
        text = json.dumps(outcome().to_dict())
        path.write_text(f"{text}\n{text[:40]}", encoding="ascii")
        assert bring_in(store, run.id) == 1
        assert store.outcomes(run.id) == [outcome()]
        assert bring_in(store, run.id) == 0


# --- two at once ---------------------------------------------------------------------------------


def test_two_runs_at_once_on_one_new_store_are_both_complete_and_unmixed(
    start, recorded, undisturbed, tmp_path, patient
):
    words = ["--plugin", patient, *WORDS]
    processes = [start(*words) for _ in range(2)]
    for process in processes:
        code, out, err = ended(process)
        assert code == 0, out + err
    with open_store(str(tmp_path / "results.db")) as store:
        runs = store.runs()
    assert [bool(run.finished) for run in runs] == [True, True]
    whole = undisturbed(*words)
    for run in runs:
        assert sorted(recorded(run=run.id)) == whole


def test_two_that_resume_one_run_at_once_do_not_both_do_it(
    start, recorded, until, undisturbed, patient
):
    words = ["--plugin", patient, *WORDS]
    process = start(*words)
    until(lambda: len(recorded()) > 5)
    process.kill()
    process.wait()
    ends = [ended(each) for each in [start("--resume") for _ in range(2)]]
    codes = sorted(code for code, _, _ in ends)
    assert codes == [0, 2], ends
    assert sorted(recorded()) == undisturbed(*words)


# --- what is no store, or another version's ------------------------------------------------------


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Return the bytes of a store with a run in it, and the size of its header's pages."""
    path = tmp_path_factory.mktemp("sound") / "results.db"
    with open_store(str(path)) as store:
        run = Run.start("verify", version="1")
        store.begin(run)
        store.add_many(
            run.id, [outcome(f"softmax/float32/{i}/uniform", "m" * 100) for i in range(400)]
        )
    return path.read_bytes()


DAMAGE = {
    "text": lambda _: b"backend,operation\nmine,softmax\n" * 50,
    "short text": lambda _: b"x",
    "noise": lambda data: bytes(i * 167 % 251 for i in range(len(data))),
    "a header and noise": lambda data: data[:16] + bytes(i * 167 % 251 for i in range(len(data))),
    "cut in the header": lambda data: data[:50],
    "cut in the first page": lambda data: data[:1000],
    "cut in half": lambda data: data[: len(data) // 2],
    "cut by one page": lambda data: data[:-4096],
    "a hole in the middle": lambda data: (
        data[: len(data) // 2] + bytes(8192) + data[len(data) // 2 + 8192 :]
    ),
    "a scribble": lambda data: (
        data[: len(data) // 3] + b"\xee" * 5000 + data[len(data) // 3 + 5000 :]
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_store_is_an_error_and_left_byte_for_byte(verify, tmp_path, sound, name):
    folder = tmp_path / "stores"
    folder.mkdir()
    path = folder / "results.db"
    path.write_bytes(DAMAGE[name](sound))
    before = path.read_bytes()
    for words in (["--case", "softmax/float32/3/uniform", "numpy_stable"], ["--resume"]):
        done = verify(*words, "--store", path)
        assert done.returncode == 2, done.stdout
        assert f"store {path}" in done.stderr
        assert "left as it" in done.stderr
        assert "Traceback" not in done.stderr
        assert path.read_bytes() == before
        assert list(folder.iterdir()) == [path]


def reports(*words):
    return subprocess.run(
        [sys.executable, "-m", "reports", *words], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", ["text", "noise", "cut in half", "a header and noise"])
def test_a_damaged_store_is_not_read_either(tmp_path, sound, name):
    path = tmp_path / "results.db"
    path.write_bytes(DAMAGE[name](sound))
    done = reports("--store", str(path))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert path.read_bytes() == DAMAGE[name](sound)


def test_a_store_of_a_newer_program_is_refused_and_left_as_it_is(verify, tmp_path, sound):
    path = tmp_path / "results.db"
    path.write_bytes(sound)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("update softmark_revisions set version_num = '99'")
    before = path.read_bytes()
    done = verify("--case", "softmax/float32/3/uniform", "numpy_stable")
    assert done.returncode == 2
    assert "its schema is version 99" in done.stderr
    assert "pip install -U softmark" in done.stderr
    assert path.read_bytes() == before
