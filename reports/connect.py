"""Reaching a store: its address, and a database that has the tables of this program's version.

What cannot be used is refused before anything is written to it, or computed for it.
"""

import os
from pathlib import Path

import sqlalchemy as sa

from reports import databases, migrating
from reports.databases import Database, StoreError
from reports.text import without_passwords

__all__ = ["StoreError", "address", "database"]


def address(url: str | None) -> sa.URL:
    """Return the address that a URL, a path or the surroundings name.

    Raises
    ------
    StoreError
        If `url` looks like a URL but is none.
    """
    text = url or os.environ.get("SOFTMARK_STORE") or str(_default_path())
    if "://" not in text:
        return sa.URL.create("sqlite", database=str(Path(text).expanduser()))
    try:
        return sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        # Without what was raised: its message may hold a piece of a password.
        raise StoreError(
            f"{without_passwords(text)!r} is no store: give a path, or a URL like "
            "postgresql+psycopg://USER@HOST:PORT/DATABASE"
        ) from None


def database(address: sa.URL, *, must_exist: bool = False) -> Database:
    """Return a database that has the store's tables.

    Raises
    ------
    StoreError
        If there is none to be had.
    """
    found = databases.of(address)
    found.check(must_exist=must_exist)
    try:
        with found.explained():
            migrating.bring_along(found, must_exist=must_exist)
            found.prepare()
    except BaseException:
        found.close()
        raise
    return found


def _default_path() -> Path:
    # Imported here: only who uses the default pays for it.
    from platformdirs import user_data_path

    folder = user_data_path("softmark", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make {folder}: {error}; name a store with --store") from error
    return folder / "softmark.db"
