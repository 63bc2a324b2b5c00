"""Addresses of stores: what they may be, and that a password in one is never told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reports import connect
from reports.records import Run
from reports.store import StoreError, open_store
from reports.text import without_passwords

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "password", ["secret", "secret%40x", "secret@x", "secret/x", "x:secret", "a secret", "secret#x"]
)
@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://me:{}@127.0.0.1:1/results?connect_timeout=2",
        "postgresql://me:{}@127.0.0.1:1/results?connect_timeout=2",
        "postgresql+psycopg://me@127.0.0.1:1/results?connect_timeout=2&password={}",
        "postgresql+psycopg://me:{}@127.0.0.1:port/results",
        "postgresql+psycopg2://me:{}@127.0.0.1/results",
        "postgres://me:{}@127.0.0.1/results",
        "mysql://me:{}@127.0.0.1/results",
    ],
)
def test_a_password_is_in_no_message(address, password):
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError) as caught:
        open_store(address.format(password))
    assert "secret" not in str(caught.value)
    assert "***" in str(caught.value)


def test_a_password_is_not_in_the_record_of_a_run():
    words = ["verify", "--store", "postgresql://me:se@cr/et@host/db?x=1", "--case", "a:b@c"]
    run = Run.start("verify", version="1", command=words)
    assert run.command == ("verify", "--store", "postgresql://me:***@host/db?x=1", *words[3:])


@pytest.mark.parametrize(
    "text", ["postgresql://me@host:5432/db", "sqlite:////tmp/a:b@c.db", "tcp://host:8786", "/a:b@c"]
)
def test_an_address_without_a_password_stays_as_it_is(text):
    assert without_passwords(text) == text


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nosuch://host/db", r"not in nosuch; expected a path, sqlite:////PATH or postgresql\+psy"),
        ("://", "is no store: give a path, or a URL"),
        ("oracle+nosuchdriver://host/db", "nosuchdriver"),
        ("sqlite+nosuch:///results.db", "nosuch"),
        ("postgresql+psycopg2://host/db", "through psycopg, in PostgreSQL"),
        ("postgresql://me:a@b@host/db", "a host has no @; write one in a password as %40"),
        ("postgresql://host/db?timeout=soon", "timeout=soon: expected a number of seconds"),
        ("postgresql://host/db?timeout=nan", "expected a number of seconds"),
    ],
)
def test_an_address_of_no_database_is_refused_with_what_was_expected(url, said):
    with pytest.raises(StoreError, match=said):
        open_store(url)


def test_without_psycopg_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'softmark\[postgresql\]'"):
        open_store("postgresql://host/db")


def test_the_environment_variable_and_the_data_folder_name_the_default(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("SOFTMARK_STORE", raising=False)
    assert connect.address(None).database.endswith("softmark.db")
    monkeypatch.setenv("SOFTMARK_STORE", str(tmp_path / "mine.db"))
    with open_store() as store:
        assert store.name == str(tmp_path / "mine.db")


@pytest.mark.parametrize("room", ["verify", "bench", "reports"])
def test_a_server_that_does_not_answer_is_refused_before_any_work(room):
    words = ["numpy_stable"] if room != "reports" else []
    done = subprocess.run(
        [sys.executable, "-m", room, *words],
        cwd=ROOT,
        env={**os.environ, "SOFTMARK_STORE": "postgresql://me:secret@127.0.0.1:1/results"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stdout
    assert "store postgresql://me:***@127.0.0.1:1/results: " in done.stderr
    assert "is a server running there? Expected postgresql+psycopg://USER@HOST" in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stdout + done.stderr
