"""Stores of every earlier version, as those programs wrote them: nothing that they hold is lost.

A file of `stores` is the dump of a store that the program of that version made, with a run, three
outcomes, a timing, and what else the version knew. Versions 4 and 5 were made twice, side by side.
"""

import math
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from reports import migrating, schema
from reports.store import StoreError, open_store
from tests.reports.tables import differences

STORES = sorted((Path(__file__).parent / "stores").glob("*.sql"))
ROOT = Path(__file__).resolve().parents[2]


def laid_down(dump, path):
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
    return path


@pytest.mark.parametrize("dump", STORES, ids=lambda dump: dump.stem)
def test_a_store_of_an_earlier_version_keeps_all_that_it_holds_and_takes_more(
    tmp_path, dump, make_outcome, make_measurement, make_duel
):
    path = laid_down(dump, tmp_path / "store.db")
    version = int(dump.stem.split("-")[1])
    later = [
        make_outcome(9, gap=3.5, curves={"loss": [2.0, "nan"]}, environment="here"),
        make_measurement(backend="another", maximum=2e-4, roof_binds="exp", max_ulp=1.5),
        make_duel(backend="another"),
    ]
    with open_store(str(path)) as store:
        run = store.run()
        first, second, third = store.outcomes(run.id)
        assert (first.max_ulp, third.max_ulp, first.limit_ulp) == (1.25, None, math.inf)
        assert math.isnan(second.max_ulp)
        assert {o.message for o in (first, second, third)} == {"an é"}
        (timing,) = store.measurements(run.id)
        assert (timing.median, timing.roof_share, timing.verified) == (1.2e-4, 0.6, True)
        assert len(store.duels(run.id)) == (version >= 3)
        assert store.environments(run.id) == ({"there": {"host": "there"}} if version >= 5 else {})
        assert (run.owner, run.finished) == ("", "2026-01-01T00:00:01+00:00")
        store.add_many(run.id, later)
        store.interrupt(run.id, "it was\0 late")
        assert store.outcomes(run.id)[-1] == later[0]
        assert store.measurements(run.id)[-1] == later[1]
        assert store.duels(run.id)[-1] == later[2]
        assert store.run().reason == "it was\\x00 late"
        assert differences(store) == []
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        (number,) = connection.execute("select version from softmark_schema").fetchone()
        assert number > 5, "a program of version 5 has to refuse it"


def test_every_earlier_version_is_tried():
    assert {int(dump.stem.split("-")[1]) for dump in STORES} == set(range(1, schema.VERSION))


def test_the_version_that_this_program_writes_is_the_last_revision():
    folder = Path(migrating.__file__).with_name("migrations")
    assert ScriptDirectory(str(folder)).get_heads() == [str(schema.VERSION)]


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path, monkeypatch):
    path = laid_down(STORES[0], tmp_path / "store.db")
    with closing(sqlite3.connect(path)) as connection:
        before = list(connection.iterdump())
    upgrade = migrating._upgrade

    def cut_short(connection, version):
        upgrade(connection, version)
        raise KeyboardInterrupt

    monkeypatch.setattr(migrating, "_upgrade", cut_short)
    with pytest.raises(KeyboardInterrupt):
        open_store(str(path))
    with closing(sqlite3.connect(path)) as connection:
        assert list(connection.iterdump()) == before
    monkeypatch.undo()
    open_store(str(path)).close()


def test_processes_that_open_an_old_store_at_once_bring_it_along_once(tmp_path):
    path = laid_down(STORES[0], tmp_path / "store.db")
    script = "import sys; from reports.store import open_store; open_store(sys.argv[1]).close()"
    opened = [
        subprocess.Popen([sys.executable, "-c", script, str(path)], cwd=ROOT) for _ in range(3)
    ]
    assert [each.wait(timeout=60) for each in opened] == [0, 0, 0]
    with open_store(str(path)) as store:
        assert len(store.outcomes(store.run().id)) == 3
        assert differences(store) == []


@pytest.mark.parametrize("version", ["8", "99", "2c0ffee"])
def test_a_newer_schema_is_refused_and_left_untouched(tmp_path, version):
    path = tmp_path / "store.db"
    open_store(str(path)).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE softmark_revisions SET version_num = ?", (version,))
    before = path.read_bytes()
    with pytest.raises(StoreError, match=rf"version {version}, this program knows up to 7.*update"):
        open_store(str(path))
    assert path.read_bytes() == before


def test_a_newer_number_without_revisions_is_refused_too(tmp_path):
    path = laid_down(STORES[0], tmp_path / "store.db")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE softmark_schema SET version = 8")
    with pytest.raises(StoreError, match="version 8"):
        open_store(str(path))


def test_a_store_that_is_up_to_date_is_opened_without_alembic(tmp_path):
    path = tmp_path / "store.db"
    open_store(str(path)).close()
    copy = shutil.copy(path, tmp_path / "copy.db")
    script = (
        "import sys; from reports.store import open_store; open_store(sys.argv[1]).close()\n"
        "sys.exit(bool({'alembic', 'psycopg'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", script, copy], cwd=ROOT, check=True)
