"""The store keeps what it was given: across processes, kills, damage and newer programs."""

import math
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from reports import connect, schema
from reports.records import Run, Status
from reports.store import StoreError, UnknownRunError, open_store

ROOT = Path(__file__).resolve().parents[2]

WRITER = """
import sys
from reports.records import Outcome, Run
from reports.store import open_store
url, backend, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open_store(url) as store:
    run = Run.start("verify", version="1")
    store.begin(run)
    print(run.id, flush=True)
    for i in range(number):
        store.add(run.id, Outcome(
            backend=backend, operation="softmax", dtype="float32", check="accuracy", case=str(i),
            regime="uniform", shape=(3,), axis=-1, n=3, status="pass"))
        print(i, flush=True)
"""


def start_writer(path, backend="mine", number=1_000_000):
    command = [sys.executable, "-c", WRITER, str(path), backend, str(number)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_outcomes_and_measurements_come_back_as_they_went(
    store, run, make_outcome, make_measurement
):
    kept = [
        make_outcome(1),
        make_outcome(2, max_ulp=math.inf, status=Status.FAIL, shape=()),
        make_outcome(3, max_ulp=None, bound_ratio=None, limit_ulp=None, misrounded=None),
    ]
    store.begin(run)
    store.add_many(run.id, [*kept, make_measurement()])
    assert store.outcomes(run.id) == kept
    assert store.measurements(run.id) == [make_measurement()]
    assert store.counts() == {run.id: (3, 1, 0)}


def test_a_nan_is_kept_apart_from_no_value(store, run, make_outcome):
    store.begin(run)
    store.add(run.id, make_outcome(max_ulp=math.nan, bound_ratio=None))
    outcome = store.outcomes(run.id)[0]
    assert math.isnan(outcome.max_ulp)
    assert outcome.bound_ratio is None


def test_text_that_no_database_takes_is_made_visible(store, run, make_outcome):
    store.begin(run)
    store.add(run.id, make_outcome(message="a\0b\ud800c\x1b[31mé"))
    assert store.outcomes(run.id)[0].message == "a\\x00b\\ud800c\x1b[31mé"


def test_recording_twice_is_harmless_and_the_first_stays(store, run, make_outcome):
    store.begin(run)
    store.add(run.id, make_outcome(message="first"))
    store.add_many(run.id, [make_outcome(message="second"), make_outcome(2)])
    assert [outcome.message for outcome in store.outcomes(run.id)] == ["first", ""]


def test_a_database_without_insert_or_ignore_records_once_too(
    store, run, make_outcome, monkeypatch
):
    monkeypatch.setattr("reports.store._NEW_ONLY", {})
    store.begin(run)
    for _ in range(2):
        store.add(run.id, make_outcome())
    assert len(store.outcomes(run.id)) == 1


def test_the_resume_set_names_what_was_recorded(store, run, make_outcome):
    store.begin(run)
    store.add(run.id, make_outcome(7))
    assert store.recorded(run.id) == {("mine", "accuracy", "softmax float32 4x7")}
    assert store.recorded("another") == set()


def test_the_latest_unfinished_run_of_a_kind_is_found(store):
    first, second, bench = (Run.start(kind, version="1") for kind in ("verify", "verify", "bench"))
    for run in (first, second, bench):
        store.begin(run)
    assert store.unfinished("verify") == [second, first]
    store.finish(second.id)
    assert store.unfinished("verify") == [first]
    store.finish(first.id)
    assert store.unfinished("verify") == []
    assert store.run(first.id).finished is not None


def test_the_latest_run_is_the_last_begun_even_if_the_clock_was_set_back(store):
    for run_id in ("20260101T000000Z-aaaaaa", "20250101T000000Z-bbbbbb"):
        run = Run.start("verify", version="1").to_dict() | {"id": run_id}
        store.begin(Run.from_dict(run))
    assert store.run("latest").id == "20250101T000000Z-bbbbbb"
    assert store.run("2026").id == "20260101T000000Z-aaaaaa"


def test_an_unknown_run_is_answered_with_the_nearest_ones(store, run):
    with pytest.raises(UnknownRunError, match="holds no run yet"):
        store.run()
    store.begin(run)
    with pytest.raises(UnknownRunError, match=run.id):
        store.run(run.id[:-1] + "?")
    with pytest.raises(UnknownRunError, match=f"'zebra'.*{run.id}"):
        store.run("zebra")
    with pytest.raises(UnknownRunError, match="no run ''"):
        store.run("")


def test_an_ambiguous_beginning_is_refused(store):
    for _ in range(2):
        store.begin(Run.start("verify", version="1"))
    with pytest.raises(UnknownRunError, match="give more of it"):
        store.run("2")


def test_a_result_of_a_run_that_was_never_begun_is_refused(store, make_outcome):
    with pytest.raises(StoreError, match="never begun"):
        store.add("nobody", make_outcome())


def test_a_run_begins_once(store, run):
    store.begin(run)
    with pytest.raises(StoreError, match="already there"):
        store.begin(run)


def test_threads_share_a_store(store, run, make_outcome):
    store.begin(run)

    def record(thread):
        for i in range(50):
            store.add(run.id, make_outcome(f"{thread}.{i}"))

    threads = [threading.Thread(target=record, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.outcomes(run.id)) == 400


def test_a_killed_writer_keeps_what_it_had(tmp_path):
    path = tmp_path / "store.db"
    with start_writer(path) as writer:
        run_id = writer.stdout.readline().strip()
        for _ in range(200):
            acknowledged = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split("\n")[:-1]  # the last line may be half written
        acknowledged = int(rest[-1]) if rest else acknowledged
    assert writer.returncode == -signal.SIGKILL
    with open_store(str(path)) as store:
        cases = [int(outcome.case) for outcome in store.outcomes(run_id)]
        assert store.unfinished("verify")[0].id == run_id
    assert cases == list(range(len(cases)))
    assert len(cases) >= acknowledged + 1


def test_two_processes_write_one_new_store_at_once(tmp_path):
    path = tmp_path / "store.db"
    writers = [start_writer(path, backend, 300) for backend in ("one", "two")]
    answers = [writer.communicate(timeout=30)[0].split("\n") for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    with open_store(str(path)) as store:
        for lines, backend in zip(answers, ("one", "two"), strict=True):
            outcomes = store.outcomes(lines[0])
            assert [outcome.backend for outcome in outcomes] == [backend] * 300


def test_a_store_held_by_another_process_is_reported(tmp_path, run, monkeypatch):
    path = tmp_path / "store.db"
    monkeypatch.setattr(connect, "BUSY_SECONDS", 0.1)
    with open_store(str(path)) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process has held it"):
            store.begin(run)
        other.execute("ROLLBACK")
        other.close()
        store.begin(run)


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough", b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_damaged_store_is_left_untouched(tmp_path, content):
    path = tmp_path / "store.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="left as it is"):
        open_store(str(path))
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_damage_in_the_middle_is_reported_and_the_file_left(tmp_path, run, make_outcome):
    path = tmp_path / "store.db"
    with open_store(str(path)) as store:
        store.begin(run)
        store.add_many(run.id, [make_outcome(i) for i in range(500)])
    content = bytearray(path.read_bytes())
    content[len(content) // 4 : -4096] = b"\xee" * (len(content) - len(content) // 4 - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"), open_store(str(path)) as store:
        store.outcomes(run.id)
    assert path.read_bytes() == content


def as_version_3(connection):
    for table, column in (
        *(("outcomes", name) for name in ("gap", "curves", "environment")),
        *(("measurements", f"{name}_seconds") for name in ("import", "prepare", "compile")),
        *(("measurements", name) for name in ("cached_seconds", "peak_memory", "algorithm_bytes")),
        *(("measurements", f"roof_{name}") for name in ("bandwidth", "seconds", "binds")),
        *(("measurements", name) for name in ("exp_rate", "roof_uncertainty", "maximum")),
    ):
        connection.execute(f"ALTER TABLE softmark_{table} DROP COLUMN {column}")
    connection.execute("UPDATE softmark_schema SET version = 3")


def test_timings_of_a_store_without_roof_and_new_processes_are_brought_along(
    tmp_path, run, make_measurement
):
    path = tmp_path / "store.db"
    kept = make_measurement(roof_share=None, message="\0 odd")
    with open_store(str(path)) as store:
        store.begin(run)
        store.add(run.id, kept)
    connection = sqlite3.connect(path)
    with connection:
        as_version_3(connection)
    connection.close()
    later = make_measurement(backend="another", peak_memory=2**40, roof_binds="exp", exp_rate=1e9)
    with open_store(str(path)) as store:
        store.add(run.id, later)
        assert store.measurements(run.id)[0].message == "\\x00 odd"
        assert store.measurements(run.id)[0].to_dict() | {"message": kept.message} == kept.to_dict()
        assert store.measurements(run.id)[1] == later


def test_timings_of_a_store_without_the_slowest_round_are_brought_along(
    tmp_path, run, make_measurement
):
    path = tmp_path / "store.db"
    kept = make_measurement(roof_binds="memory", peak_memory=1)
    with open_store(str(path)) as store:
        store.begin(run)
        store.add(run.id, kept)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("ALTER TABLE softmark_measurements DROP COLUMN maximum")
        connection.execute("ALTER TABLE softmark_outcomes DROP COLUMN environment")
        connection.execute("UPDATE softmark_schema SET version = 4")
    connection.close()
    later = make_measurement(backend="another", maximum=2e-4)
    with open_store(str(path)) as store:
        store.add(run.id, later)
        assert store.measurements(run.id) == [kept, later]


def test_outcomes_of_a_store_without_gaps_and_curves_are_brought_along(tmp_path, run, make_outcome):
    path = tmp_path / "store.db"
    with open_store(str(path)) as store:
        store.begin(run)
        store.add(run.id, make_outcome(1))
    connection = sqlite3.connect(path)
    with connection:
        as_version_3(connection)
    connection.close()
    later = make_outcome(2, gap=3.5, curves={"loss": [2.0, math.nan]})
    with open_store(str(path)) as store:
        store.add(run.id, later)
        assert store.outcomes(run.id)[0] == make_outcome(1)
        assert store.outcomes(run.id)[1].gap == 3.5
        assert store.outcomes(run.id)[1].curves == {"loss": [2.0, "nan"]}


def test_a_newer_schema_is_refused_and_left_untouched(tmp_path):
    path = tmp_path / "store.db"
    open_store(str(path)).close()
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE softmark_schema SET version = ?", (schema.VERSION + 1,))
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"version 6, this program knows up to 5.*update"):
        open_store(str(path))
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_refused(tmp_path):
    path = tmp_path / "mail.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mail (id INTEGER)")
    connection.close()
    with pytest.raises(StoreError, match="another program"):
        open_store(str(path))


def test_places_that_cannot_be_a_store_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="is a folder"):
        open_store(str(tmp_path))
    with pytest.raises(StoreError, match="there is no folder"):
        open_store(str(tmp_path / "missing" / "store.db"))
    with pytest.raises(StoreError, match="Not a directory"):
        open_store(str(tmp_path / "file" / "store.db"))
    with pytest.raises(StoreError, match="there is none yet"):
        open_store(str(tmp_path / "store.db"), must_exist=True)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["file"]


def test_a_folder_without_permission_is_refused_before_anything(tmp_path, monkeypatch):
    # Root may write anywhere, so that the answer of the system is set here.
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(StoreError, match=r"cannot be written.*SOFTMARK_STORE"):
        open_store(str(tmp_path / "store.db"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nosuch://host/db", "nosuch"),
        ("://", "is no store"),
        ("oracle+nosuchdriver://host/db", "nosuchdriver"),
    ],
)
def test_an_address_of_no_database_is_refused(url, said):
    with pytest.raises(StoreError, match=said):
        open_store(url)


def test_a_password_is_never_shown():
    assert "secret" not in connect.readable(connect.address("postgresql://me:secret@host/db"))


def test_the_environment_variable_and_the_data_folder_name_the_default(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("SOFTMARK_STORE", raising=False)
    assert connect.address(None).database.endswith("softmark.db")
    monkeypatch.setenv("SOFTMARK_STORE", str(tmp_path / "mine.db"))
    with open_store() as store:
        assert store.name == str(tmp_path / "mine.db")


def test_a_memory_store_works(run, make_outcome):
    with open_store("sqlite://") as store:
        store.begin(run)
        store.add(run.id, make_outcome())
        assert len(store.outcomes(run.id)) == 1


def test_the_write_ahead_log_is_on(store):
    with store._engine.connect() as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"


def test_recording_costs_less_than_half_a_millisecond(store, run, make_outcome):
    store.begin(run)
    outcomes = [make_outcome(i) for i in range(600)]
    seconds = []
    for outcome in outcomes:
        start = time.thread_time()  # a busy machine may take its time
        store.add(run.id, outcome)
        seconds.append(time.thread_time() - start)
    assert sorted(seconds)[300] < 0.5e-3


@pytest.mark.parametrize("table", schema.metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_can_be_made_in_postgresql(table):
    dialect = postgresql.dialect()
    assert table.name in str(sa.schema.CreateTable(table).compile(dialect=dialect))
