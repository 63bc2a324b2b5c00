"""Runs whose store is in PostgreSQL, and a server that is restarted or killed under them."""

import json
import signal
import time

import pytest

from reports.records import Outcome, Run
from reports.store import open_store
from verify.choosing import Unusable
from verify.owner import this_process
from verify.resuming import resumed

WORDS = ("--dtype", "float32", "--check", "special_values")
WHOLE = []


@pytest.fixture
def server(postgresql):
    """Return a server that a test may stop; it runs again afterwards."""
    yield postgresql
    if not postgresql.runs:
        postgresql.start()


@pytest.fixture
def whole(undisturbed, patient):
    """Return the outcomes of a run that nothing happened to; they are the same for all tests."""
    if not WHOLE:
        WHOLE.extend(undisturbed("--plugin", patient, *WORDS))
    return WHOLE


def ended(process, seconds=90):
    out, err = process.communicate(timeout=seconds)
    assert "s3cr" not in out + err, "the password"
    return process.returncode, out, err


@pytest.fixture
def rows(server, postgresql_address):
    """Return a function that reads what `recorded` reads of a file."""

    def read(run=None):
        here = f"where run = '{run}'" if run else ""
        query = 'select backend, "check", "case", status, message from softmark_outcomes'
        found = server.do("select to_regclass('softmark_outcomes')", postgresql_address)
        if found == [(None,)]:
            return []
        return server.do(f"{query} {here} order by seq", postgresql_address)

    return read


def test_a_run_goes_on_through_a_restart_and_a_kill_of_the_server(
    start, rows, until, whole, server, postgresql_address, patient
):
    words = ["--plugin", patient, *WORDS]
    process = start(*words, store=postgresql_address)
    for number, least in ((signal.SIGINT, 5), (signal.SIGKILL, 15)):
        until(lambda least=least: len(rows()) > least)
        before = rows()
        server.stop(number)
        time.sleep(0.5)  # long enough for outcomes to be on their way
        server.start()
        assert rows()[: len(before)] == before
    code, out, err = ended(process)
    assert code == 0, out + err
    assert sorted(rows()) == whole


def test_a_server_that_stays_away_ends_the_run_and_resume_brings_in_what_was_on_its_way(
    verify,
    start,
    rows,
    until,
    whole,
    server,
    postgresql_address,
    patient,
    tmp_path,
    monkeypatch,
):
    words = ["--plugin", patient, *WORDS]
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    process = start(*words, store=f"{postgresql_address}&timeout=1")
    until(lambda: len(rows()) > 5)
    server.stop(signal.SIGKILL)
    code, _, err = ended(process)
    assert code == 2, err
    assert "Traceback" not in err
    assert "(with the password for ***) finishes this run" in err
    (kept,) = tmp_path.glob("softmark-*.jsonl")
    assert str(kept) in err
    waiting = [Outcome.from_dict(json.loads(line)) for line in kept.read_text().splitlines()]
    server.start()
    before = rows()
    assert len(before) > 5
    done = verify("--resume", "--store", postgresql_address)
    assert done.returncode == 0, done.stdout + done.stderr
    assert rows()[: len(before)] == before
    assert sorted(rows()) == whole
    with open_store(postgresql_address) as store:
        run = store.run()
        assert "s3cr" not in " ".join(run.command)
        stored = {outcome.case: outcome for outcome in store.outcomes(run.id)}
    assert waiting
    assert [stored[outcome.case] for outcome in waiting] == waiting, "brought in, not asked again"


def test_two_runs_at_once_on_one_new_database_are_complete_and_unmixed_though_one_is_killed(
    verify, start, rows, until, whole, postgresql_address, patient
):
    words = ["--plugin", patient, *WORDS]
    first, second = (start(*words, store=postgresql_address) for _ in range(2))
    until(lambda: len(rows()) > 10)
    first.kill()
    first.wait()
    code, out, err = ended(second)
    assert code == 0, out + err
    done = verify("--resume", "--store", postgresql_address)
    assert done.returncode == 0, done.stderr
    with open_store(postgresql_address) as store:
        runs = store.runs()
    assert [bool(run.finished) for run in runs] == [True, True]
    for run in runs:
        assert sorted(rows(run.id)) == whole


def test_a_run_of_another_machine_is_resumed_only_by_name(postgresql_address):
    run = Run.start("verify", version="1", owner="7 42 another-boot on there")
    with open_store(postgresql_address) as store:
        store.begin(run)
        with pytest.raises(Unusable, match=f"there, which may be at it.*--resume {run.id}"):
            resumed(store, "latest", {})
        assert resumed(store, run.id, {})[0].owner == this_process()
        with pytest.raises(Unusable, match="is not interrupted, process"):
            resumed(store, "latest", {})


def test_a_wrong_password_is_refused_before_a_run_is_begun(verify, server):
    done = verify("numpy_stable", "--store", server.address("postgres", "wrong secret"))
    assert done.returncode == 2
    assert "user or password is wrong" in done.stderr
    assert "secret" not in done.stdout + done.stderr
