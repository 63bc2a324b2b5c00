"""Processes that are killed: the run, a worker, the oracle. Nothing recorded is lost."""

import contextlib
import json
import os
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing

import psutil
import pytest

from verify.crew import Crew, LostError
from verify.owner import lives, this_process

ROWS = ("--dtype", "float32", "--check", "special_values")


def ended(process, seconds=60):
    """Wait for a run's end; return its exit code and what it said."""
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out + err


def runs(store):
    if not store.exists():
        return []
    with closing(sqlite3.connect(store, timeout=20)) as connection:
        if not connection.execute(
            "select 1 from sqlite_master where name = 'softmark_runs'"
        ).fetchall():
            return []
        return connection.execute(
            "select id, finished, reason, arguments, owner from softmark_runs order by seq"
        ).fetchall()


# --- the run -------------------------------------------------------------------------------------


def test_each_of_two_killed_runs_is_resumed_by_its_name_and_ends_as_if_nothing_had_been(
    verify, start, recorded, until, undisturbed, tmp_path, patient
):
    words = ["--plugin", patient, *ROWS]
    store = tmp_path / "results.db"
    for number, count in (1, 5), (2, 12):
        process = start(*words)
        until(lambda number=number: len(runs(store)) == number)
        run = runs(store)[-1][0]
        until(lambda run=run, count=count: len(recorded(run=run)) > count)
        os.kill(process.pid, signal.SIGKILL)
        ended(process)
    first, second = (row[0] for row in runs(store))
    kept = {run: recorded(run=run) for run in (first, second)}
    done = verify("--resume", first)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [bool(row[1]) for row in runs(store)] == [True, False]
    assert verify("--resume").returncode == 0
    whole = undisturbed(*words)
    for run in (first, second):
        assert kept[run] == recorded(run=run)[: len(kept[run])], "what was recorded stays as it was"
        assert sorted(recorded(run=run)) == whole
    done = verify("--resume", first[:-1])
    assert done.returncode == 2
    assert "came to its end" in done.stderr


def test_what_may_change_when_a_run_is_resumed_and_what_may_not(
    verify, start, recorded, until, tmp_path, patient
):
    process = start("--plugin", patient, *ROWS, "--timeout", "15")
    until(lambda: len(recorded()) > 3)
    os.kill(process.pid, signal.SIGKILL)
    ended(process)
    for words, says in [
        (["--dtype", "float64"], "dtypes=float32, not float64"),
        (["--seed", "3"], "seed=0, not 3"),
        (["--profile", "full"], "'quick', not 'full'"),
    ]:
        done = verify("--resume", *words)
        assert done.returncode == 2
        assert says in done.stderr
        assert "--timeout" in done.stderr, "it says what may change"
    done = verify("--resume", "--dtype", "float32", "--timeout", "7", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    (run,) = runs(tmp_path / "results.db")
    assert json.loads(run[3])["timeout"] == 7.0
    assert {row[1] for row in recorded()} == {"special_values"}


def test_a_run_that_is_still_at_work_is_not_resumed_and_hides_no_interrupted_one(
    verify, start, recorded, until, tmp_path, patient
):
    words = ["--plugin", patient, *ROWS]
    store = tmp_path / "results.db"
    first = start(*words)
    until(lambda: len(recorded()) > 3)
    os.kill(first.pid, signal.SIGKILL)
    ended(first)
    (patient.parent / "hang-call").touch()
    alive = start(*words)
    until(lambda: len(runs(store)) == 2)
    done = verify("--resume", runs(store)[1][0])
    assert done.returncode == 2
    assert f"process {alive.pid} is at it" in done.stderr
    (patient.parent / "hang-call").unlink()
    done = verify("--resume")
    assert done.returncode == 0, done.stderr
    assert ended(alive)[0] == 0
    assert all(row[1] for row in runs(store))


def test_a_process_is_told_from_every_other_one():
    mine = this_process()
    assert lives(mine)
    number, start, *rest = mine.split()
    assert not lives(" ".join([number, str(int(start) + 1), *rest])), "another of the same number"
    assert not lives("")
    assert not lives("no process")


BROKEN = """
import sys
from verify.suite import Suite

judged = Suite.verdict
count = 0

def verdict(*arguments):
    global count
    count += 1
    if count > 7:
        raise RuntimeError("a bug of our own")
    return judged(*arguments)

if __name__ == "__main__":
    from verify.__main__ import main

    Suite.verdict = verdict
    main()
"""


def test_a_run_that_ends_by_an_error_of_its_own_says_why_and_can_be_resumed(
    verify, start, recorded, undisturbed, tmp_path, patient
):
    script = tmp_path / "broken.py"
    script.write_text(BROKEN, encoding="utf-8")
    words = ["--plugin", patient, *ROWS]
    code, said = ended(start(*words, program=[script]))
    assert code not in (0, 2)
    (run,) = runs(tmp_path / "results.db")
    assert (run[1], run[2]) == (None, "RuntimeError: a bug of our own")
    assert "a bug of our own" in said
    assert f"--resume {run[0]}" in said
    assert len(recorded()) == 7
    assert verify("--resume").returncode == 0
    assert sorted(recorded()) == undisturbed(*words)


# --- a worker ------------------------------------------------------------------------------------


def test_a_worker_that_is_killed_from_outside_costs_a_case_at_most_and_never_the_run(
    start, recorded, until, undisturbed, patient
):
    words = ["--plugin", patient, *ROWS]
    called = patient.parent / "called"

    def calls():
        """Return the workers that have called since; a file may be there before its first line."""
        return called.read_text().split() if called.exists() else []

    process = start(*words)
    for _ in range(3):
        until(calls)
        called.rename(called.with_suffix(".old"))
        until(calls)
        os.kill(int(calls()[0]), signal.SIGKILL)
        called.unlink()
    code, said = ended(process)
    found = recorded()
    assert code in (0, 1), said
    assert [row[:3] for row in sorted(found)] == [row[:3] for row in undisturbed(*words)]
    crashes = [row for row in found if row[3] != "pass"]
    assert {row[3:] for row in crashes} <= {("crash", "the process was ended by SIGKILL")}
    assert len(crashes) <= 3


# --- the oracle ----------------------------------------------------------------------------------


def oracle_processes(run, worker_pids):
    """Return the children of a run that are neither workers nor Python's resource tracker."""
    found = []
    for child in psutil.Process(run.pid).children():
        with contextlib.suppress(psutil.Error):  # gone meanwhile
            if child.pid not in worker_pids and "spawn_main" in " ".join(child.cmdline()):
                found.append(child.pid)
    return found


def test_a_lost_oracle_process_is_replaced_and_its_questions_are_asked_again(
    start, recorded, until, undisturbed, patient
):
    words = ["--plugin", patient, *ROWS]
    process = start(*words)
    until(lambda: len(recorded()) > 3)
    killed = set()
    for _ in range(2):  # a third time would be once too often for the case that it meets
        workers = set(map(int, (patient.parent / "loaded").read_text().split()))
        until(lambda workers=workers: set(oracle_processes(process, workers)) - killed)
        for pid in oracle_processes(process, workers):
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
    code, said = ended(process)
    assert code == 0, said
    assert sorted(recorded()) == undisturbed(*words)


DEADLY = """
import os
import signal
from verify import answers

established = answers.establish

def establish(text, bases):
    if "seed=13" in text:
        os.kill(os.getpid(), signal.SIGKILL)
    return established(text, bases)
"""

DEADLY_RUN = """
if __name__ == "__main__":
    import deadly
    from verify import answers
    from verify.__main__ import main

    answers.establish = deadly.establish
    main()
"""


def test_a_case_that_no_oracle_process_survives_says_so_and_the_run_goes_on(
    start, recorded, tmp_path, patient
):
    (tmp_path / "deadly.py").write_text(DEADLY, encoding="utf-8")
    script = tmp_path / "run.py"
    script.write_text(DEADLY_RUN, encoding="utf-8")
    cases = [f"softmax/float32/3x8/uniform/seed={seed}" for seed in (12, 13, 14)]
    words = [word for case in cases for word in ("--case", case)]
    code, said = ended(start("--plugin", patient, *words, program=[script]))
    assert code == 0, said
    found = {row[2]: row[3:] for row in recorded()}
    assert [found[case][0] for case in cases] == ["pass", "skip", "pass"]
    reason = "not judged: no exact answer, the process was ended by SIGKILL, 3 times"
    assert found[cases[1]][1] == reason
    assert reason in said, "the console says why something was skipped"


def test_a_crew_hands_on_what_was_raised_and_takes_lack_of_memory_for_a_loss():
    crew = Crew(1)
    try:
        with pytest.raises(json.JSONDecodeError, match="Expecting value"):
            crew.submit(json.loads, "no json").result()
        with pytest.raises(LostError, match="had not the memory"):
            crew.submit(bytearray, 1 << 60).result()
        with pytest.raises(LostError, match=r"exit code 3.*3 times"):
            crew.submit(os._exit, 3).result()
        assert crew.submit(len, "abc").result() == 3
    finally:
        crew.close()


def test_a_crew_that_is_closed_keeps_nobody_waiting():
    crew = Crew(1)
    futures = [crew.submit(time.sleep, 600) for _ in range(3)]
    time.sleep(1.0)
    began = time.monotonic()
    crew.close()
    assert time.monotonic() - began < 5
    assert all(future.done() for future in futures)
    assert Counter(future.cancelled() for future in futures) == {True: 2, False: 1}
