"""A clock that is set, back or on, while a run is at work: the time of day is all that changes."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from reports.store import open_store

# Every way to the time of day that libc has, moved by as many seconds as a file says. The clocks
# that measure are left alone, as the system leaves them alone.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long moved(void) {
    long seconds = 0;
    FILE *file = fopen(getenv("SHIFTED_CLOCK"), "r");
    if (file != NULL) {
        if (fscanf(file, "%ld", &seconds) != 1) seconds = 0;
        fclose(file);
    }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    typedef int (*function)(clockid_t, struct timespec *);
    static function real;
    if (real == NULL) real = (function)dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(clock, now);
    if (code == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += moved();
    return code;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec precise;
    int code = clock_gettime(CLOCK_REALTIME, &precise);
    (void)zone;
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return code;
}

time_t time(time_t *where) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (where != NULL) *where = precise.tv_sec;
    return precise.tv_sec;
}
"""

WORDS = ("--dtype", "float32", "--check", "special_values")


@pytest.fixture
def clock(tmp_path):
    """Return a function that sets the clock of the processes with the environment `clock.words`."""
    compiler = shutil.which("cc")
    if os.name != "posix" or compiler is None:
        pytest.skip("no C compiler: the clock of one process alone is set by a library of ours")
    source, library, file = (tmp_path / name for name in ("clock.c", "clock.so", "moved"))
    source.write_text(SHIM, encoding="utf-8")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)

    def move(seconds):
        beside = file.with_suffix(".new")
        beside.write_text(str(seconds), encoding="ascii")
        beside.replace(file)

    move(0)
    move.words = {"LD_PRELOAD": str(library), "SHIFTED_CLOCK": str(file)}
    return move


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_clock_that_is_set_changes_no_outcome_no_duration_and_no_time_limit(
    start, recorded, until, undisturbed, tmp_path, patient, clock, hours
):
    words = ["--plugin", patient, *WORDS]
    process = start(*words, "--timeout", "1.5", **clock.words)
    until(lambda: len(recorded()) > 5)
    clock(hours * 3600)
    until(lambda: len(recorded()) > 15)
    hang = patient.parent / "hang-call"
    hang.touch()  # the limit of the case that meets it has to hold under the new clock
    until(lambda: any(row[3] == "timeout" for row in recorded()), seconds=15)
    hang.unlink()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    found = sorted(recorded())
    late = [row for row in found if row[3] != "pass"]
    assert {row[3] for row in late} == {"timeout"}
    assert 1 <= len(late) <= 3, "only what met the hanging call"
    missed = {row[2] for row in late}
    assert [row for row in found if row[2] not in missed] == [
        row for row in undisturbed(*words) if row[2] not in missed
    ]
    with open_store(str(tmp_path / "results.db")) as store:
        run = store.run()
        assert (run.finished < run.created) == (hours < 0), "the clock was really set"
        assert all(o.seconds >= 0 for o in store.outcomes(run.id) if o.seconds is not None)


def test_runs_keep_their_order_and_their_processes_when_the_clock_is_set_back(
    verify, start, recorded, until, tmp_path, patient, clock
):
    store = tmp_path / "results.db"
    words = ["--plugin", patient, *WORDS]
    first = start(*words, **clock.words)
    until(lambda: len(recorded()) > 5)
    first.kill()
    first.wait()
    clock(-86400)
    second = start(*words, **clock.words)
    with open_store(str(store)) as opened:
        until(lambda: len(opened.runs()) == 2)
        older, newer = opened.runs()
        assert newer.id < older.id, "by name it is the older one"
        until(lambda: len(opened.outcomes(newer.id)) > 5)
    hang = patient.parent / "hang-call"
    hang.touch()  # or it might be done before it is asked about
    # It is at work, whatever the clock says of when it began.
    clock(-2 * 86400)
    done = verify("--resume", newer.id)
    assert done.returncode == 2
    assert f"process {second.pid} is at it" in done.stderr
    second.kill()
    second.wait()
    hang.unlink()
    done = verify("--resume")
    assert done.returncode == 0, done.stderr
    with open_store(str(store)) as opened:
        assert [bool(run.finished) for run in opened.runs()] == [False, True]
        assert opened.run("latest").id == newer.id


def test_the_library_that_sets_the_clock_sets_it(clock):
    words = ["python3", "-c", "import time, datetime; print(int(time.time()), time.monotonic())"]
    now = []
    for seconds in (0, -86400):
        clock(seconds)
        done = subprocess.run(
            words, env={**os.environ, **clock.words}, capture_output=True, text=True, check=True
        )
        now.append(done.stdout.split())
    assert -86400 <= int(now[1][0]) - int(now[0][0]) < -86300
    assert float(now[1][1]) >= float(now[0][1])
    assert Path(clock.words["LD_PRELOAD"]).exists()
