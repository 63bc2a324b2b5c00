"""Stores in files: held by others, damaged, of other programs, in places that cannot be written."""

import sqlite3
import time

import pytest
import sqlalchemy as sa

from reports.databases import database
from reports.store import StoreError, open_store


def test_a_store_held_by_another_process_is_reported(tmp_path, run, monkeypatch):
    path = tmp_path / "store.db"
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
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


def test_a_memory_store_works(run, make_outcome):
    with open_store("sqlite://") as store:
        store.begin(run)
        store.add(run.id, make_outcome())
        assert len(store.outcomes(run.id)) == 1


def test_the_write_ahead_log_is_on(store):
    with store._database.engine.connect() as connection:
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
