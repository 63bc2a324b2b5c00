"""A store in PostgreSQL: what is refused, what is brought along, and a server that goes away."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command

from reports import migrating, schema
from reports.records import Run
from reports.store import StoreError, open_store
from tests.reports.tables import differences

ROOT = Path(__file__).resolve().parents[2]

WRITER = """
import sys
from reports.records import Outcome
from reports.store import open_store
with open_store(sys.argv[1]) as store:
    for i in range(int(sys.argv[3])):
        store.add(sys.argv[2], Outcome(
            backend="mine", operation="softmax", dtype="float32", check="accuracy", case=str(i),
            regime="uniform", shape=(3,), axis=-1, n=3, status="pass"))
        print(i, flush=True)
"""


def tables(server, address):
    found = server.do(
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()", address
    )
    return {row[0] for row in found}


@pytest.fixture
def running(postgresql):
    """Return a server that a test may stop; it runs again afterwards."""
    yield postgresql
    if not postgresql.runs:
        postgresql.start()


# --- what is refused -----------------------------------------------------------------------------


def test_what_the_server_refuses_is_said_with_the_next_step_and_without_the_password(postgresql):
    wrong = postgresql.address("postgres", "no such secret")
    for address, said in (
        (wrong, "user or password is wrong"),
        (postgresql.address(user="nobody"), "user or password is wrong"),
        (postgresql.address("nosuch"), r"no such database; make one: createdb"),
    ):
        with pytest.raises(StoreError, match=said) as caught:
            open_store(address)
        assert "secret" not in str(caught.value)
        assert "s3cr" not in str(caught.value)


def test_a_database_of_another_encoding_is_refused_and_left_alone(postgresql):
    postgresql.do("CREATE DATABASE narrow TEMPLATE template0 ENCODING 'SQL_ASCII'")
    address = postgresql.address("narrow")
    with pytest.raises(StoreError, match=r"encoding is SQL_ASCII, expected UTF8; make another"):
        open_store(address)
    assert tables(postgresql, address) == set()


def test_a_user_who_may_make_no_tables_is_told_what_to_grant(postgresql):
    postgresql.do("CREATE ROLE reader LOGIN PASSWORD 'reader'")
    address = postgresql.address("postgres", "reader", user="reader")
    with pytest.raises(StoreError, match=r"permission denied.*GRANT"):
        open_store(address)


def test_who_only_reads_makes_no_tables(postgresql, postgresql_address):
    with pytest.raises(StoreError, match="there is none yet; make one: python -m verify"):
        open_store(postgresql_address, must_exist=True)
    assert tables(postgresql, postgresql_address) == set()


def test_who_may_only_select_can_read(postgresql, postgresql_address, run, make_outcome):
    with open_store(postgresql_address) as store:
        store.begin(run)
        store.add(run.id, make_outcome())
    schema_name = postgresql_address.rpartition("%3D")[2]
    for statement in (
        "CREATE ROLE looker LOGIN PASSWORD 'looker'",
        f"GRANT USAGE ON SCHEMA {schema_name} TO looker",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema_name} TO looker",
    ):
        postgresql.do(statement)
    _, _, options = postgresql_address.partition("?")
    address = f"{postgresql.address('postgres', 'looker', user='looker')}?{options}"
    with open_store(address, must_exist=True) as store:
        assert store.outcomes(run.id) == [make_outcome()]
        with pytest.raises(StoreError, match="permission denied"):
            store.finish(run.id)


def test_a_newer_schema_is_refused_and_left_as_it_is(postgresql, postgresql_address):
    newer = schema.VERSION + 1
    open_store(postgresql_address).close()
    raised = "UPDATE softmark_revisions SET version_num = CAST(version_num AS integer) + 1"
    postgresql.do(raised, postgresql_address)
    known = f"version {newer}, this program knows up to {schema.VERSION}; update it"
    with pytest.raises(StoreError, match=known):
        open_store(postgresql_address)
    assert postgresql.do("SELECT * FROM softmark_revisions", postgresql_address) == [(str(newer),)]


# --- what is brought along -----------------------------------------------------------------------


def test_a_store_of_version_1_keeps_all_that_it_holds(postgresql, postgresql_address, monkeypatch):
    with monkeypatch.context() as earlier:
        upgrade = command.upgrade
        earlier.setattr(command, "upgrade", lambda config, _: upgrade(config, "1"))
        open_store(postgresql_address).close()
    rows = (
        "DROP TABLE softmark_revisions;"
        " INSERT INTO softmark_runs (id, kind, created, version, command, arguments, environment)"
        " VALUES ('20260101T000000Z-abcdef', 'verify', '2026', '0', '[]', '{}', '{}');"
        ' INSERT INTO softmark_outcomes (run, backend, operation, dtype, "check", "case", regime,'
        " shape, axis, n, status, max_ulp, count, message, replay, coverage, evidence, worst)"
        " VALUES ('20260101T000000Z-abcdef', 'mine', 'softmax', 'float32', 'accuracy', 'it',"
        " 'uniform', '4x3', -1, 3, 'pass', 'NaN', 12, '', '', 'sampled', '', '')"
    )
    postgresql.do(rows, postgresql_address)
    with open_store(postgresql_address) as store:
        (outcome,) = store.outcomes(store.run("2026").id)
        assert outcome.max_ulp != outcome.max_ulp
        assert (outcome.shape, outcome.count, outcome.gap) == ((4, 3), 12, None)
        assert differences(store) == []


def test_tables_of_others_in_the_same_database_are_no_matter(postgresql, postgresql_address, run):
    postgresql.do("CREATE TABLE alembic_version (version_num TEXT)", postgresql_address)
    postgresql.do("INSERT INTO alembic_version VALUES ('theirs')", postgresql_address)
    with open_store(postgresql_address) as store:
        store.begin(run)
        assert store.runs() == [run]
    assert postgresql.do("SELECT * FROM alembic_version", postgresql_address) == [("theirs",)]


def test_a_migration_that_fails_leaves_no_table(postgresql, postgresql_address, monkeypatch):
    upgrade = migrating._upgrade

    def cut_short(connection, version):
        upgrade(connection, version)
        raise KeyboardInterrupt

    monkeypatch.setattr(migrating, "_upgrade", cut_short)
    with pytest.raises(KeyboardInterrupt):
        open_store(postgresql_address)
    assert tables(postgresql, postgresql_address) == set()


# --- a server that goes away ---------------------------------------------------------------------


def test_a_table_that_another_process_holds_is_waited_for_so_long(postgresql_address, run):
    with open_store(f"{postgresql_address}&timeout=0.5") as store:
        other = sa.create_engine(postgresql_address)
        with other.connect() as connection:
            connection.exec_driver_sql("LOCK TABLE softmark_runs")
            with pytest.raises(StoreError, match="another process has held it for too long"):
                store.begin(run)
        other.dispose()
        store.begin(run)


def test_a_store_outlives_a_restart_and_a_connection_that_is_cut(
    running, postgresql_address, run, make_outcome
):
    with open_store(postgresql_address) as store:
        store.begin(run)
        for number, disturb in enumerate((signal.SIGINT, signal.SIGKILL, None)):
            store.add(run.id, make_outcome(number))
            if disturb is None:
                running.do(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'softmark'"
                )
            else:
                running.stop(disturb)
                running.start()
        store.add(run.id, make_outcome(3))
        assert store.outcomes(run.id) == [make_outcome(number) for number in range(4)]


def test_a_server_that_is_down_is_waited_for_and_writers_go_on(
    running, postgresql_address, run, make_outcome, caplog
):
    with open_store(postgresql_address) as store:
        store.begin(run)
        running.stop(signal.SIGKILL)
        writers = [
            threading.Thread(target=store.add, args=(run.id, make_outcome(number)))
            for number in range(3)
        ]
        for writer in writers:
            writer.start()
        time.sleep(1.0)
        assert all(writer.is_alive() for writer in writers)
        running.start()
        for writer in writers:
            writer.join(timeout=20)
        assert len(store.outcomes(run.id)) == 3
    assert "waiting for the server, 30 s" in caplog.text
    assert "s3cr" not in caplog.text


def test_a_server_that_stays_away_is_an_error_that_says_what_is_kept(
    running, postgresql_address, run, make_outcome
):
    with open_store(f"{postgresql_address}&timeout=0.5") as store:
        store.begin(run)
        store.add(run.id, make_outcome(1))
        running.stop()
        began = time.monotonic()
        with pytest.raises(StoreError, match=r"is a server running there\?"):
            store.add(run.id, make_outcome(2))
        assert time.monotonic() - began < 10
        running.start()
        store.add(run.id, make_outcome(2))
        assert len(store.outcomes(run.id)) == 2


def test_whoever_ends_a_run_does_not_wait_for_a_server_that_went_away(
    running, postgresql_address, run
):
    with open_store(postgresql_address) as store:
        store.begin(run)
        running.stop()
        began = time.monotonic()
        with pytest.raises(StoreError):
            store.interrupt(run.id, "by the user")
        assert time.monotonic() - began < 10, "not the 30 s that a writer waits"


def test_what_was_acknowledged_when_the_server_was_killed_is_there(running, postgresql_address):
    with open_store(postgresql_address) as store:
        run = Run.start("verify", version="1")
        store.begin(run)
        words = [sys.executable, "-c", WRITER, postgresql_address, run.id, "400"]
        with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
            acknowledged = [int(writer.stdout.readline()) for _ in range(100)]
            running.stop(signal.SIGKILL)
            running.start()
            at_once = {int(outcome.case) for outcome in store.outcomes(run.id)}
            acknowledged += map(int, writer.stdout.read().split())
        assert writer.returncode == 0, "it went on"
        assert set(range(100)) <= at_once
        assert acknowledged == list(range(400))
        assert [int(outcome.case) for outcome in store.outcomes(run.id)] == acknowledged


def test_processes_that_open_a_new_store_at_once_make_one(postgresql, postgresql_address):
    script = "import sys; from reports.store import open_store; open_store(sys.argv[1]).close()"
    words = [sys.executable, "-c", script, postgresql_address]
    opened = [subprocess.Popen(words, cwd=ROOT) for _ in range(3)]
    assert [each.wait(timeout=60) for each in opened] == [0, 0, 0]
    found = postgresql.do("SELECT version_num FROM softmark_revisions", postgresql_address)
    assert found == [(str(schema.VERSION),)]
