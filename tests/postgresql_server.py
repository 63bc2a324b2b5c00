"""A PostgreSQL server of the tests' own, on loopback, in a folder that is gone afterwards.

The programs are those of Debian's package (`make postgresql`). PostgreSQL refuses to run as root,
so that root lends it the package's user.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

USER, PASSWORD = "softmark", "s3cr:t/ @x"


def programs():
    """Return the folder of PostgreSQL's programs, of the newest release, or None."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4])
    )
    return debian[-1].parent if debian else None


class Server:
    """A server that can be stopped, killed and started again. Use it in a `with` block."""

    def __init__(self):
        self.bin = programs()
        self.folder = Path(tempfile.mkdtemp(prefix="softmark-postgresql-"))
        self.data = self.folder / "data"
        self.user = None
        if not os.getuid():
            names = {entry.pw_name for entry in pwd.getpwall()}
            self.user = "postgres" if "postgres" in names else "nobody"
            shutil.chown(self.folder, self.user)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process = None
        self._count = 0

    def __enter__(self):
        secret = self.folder / "password"
        secret.write_text(PASSWORD, encoding="utf-8")
        if self.user:
            shutil.chown(secret, self.user)
        words = ["--auth=scram-sha-256", f"--username={USER}", f"--pwfile={secret}", "--no-sync"]
        initdb = [self.bin / "initdb", "-D", self.data, "--encoding=UTF8", "--no-locale", *words]
        self._call(initdb)
        self.start()
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    @property
    def runs(self):
        """Whether the server was started and not stopped."""
        return self._process is not None and self._process.poll() is None

    def start(self):
        """Start the server, and come back when it answers."""
        words = ["-p", self.port, "-k", self.folder, "-c", "listen_addresses=127.0.0.1"]
        # What is killed here are processes: what they wrote, the system has.
        words += ["-c", "fsync=off", "-c", "full_page_writes=off"]
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [str(word) for word in (self.bin / "postgres", "-D", self.data, *words)],
            user=self.user,
            cwd=self.folder,
            stdout=log,
            stderr=log,
        )
        log.close()
        deadline = time.monotonic() + 30
        ready = [self.bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode:
            said = (self.folder / "log").read_text(errors="replace")
            assert self._process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)

    def stop(self, number=signal.SIGINT):
        """Stop the server: SIGINT cuts connections, SIGQUIT asks for no orderly end, SIGKILL too.

        The parts of a server that was killed end by themselves; they are waited for.
        """
        self._process.send_signal(number)
        self._process.wait(timeout=30)
        deadline = time.monotonic() + 30
        while self._parts():
            assert time.monotonic() < deadline, "its processes have not ended"
            time.sleep(0.02)
        if number == signal.SIGKILL:
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def do(self, statement, address=None):
        """Do a statement, and return what it gives, if it gives anything."""
        engine = sa.create_engine(
            address or self.address(),
            isolation_level="AUTOCOMMIT",
            connect_args={"client_encoding": "utf8"},
        )
        with engine.connect() as connection:
            found = connection.exec_driver_sql(statement)
            rows = [tuple(row) for row in found] if found.returns_rows else []
        engine.dispose()
        return rows

    def place(self):
        """Return the address of a place without tables: a schema, made faster than a database."""
        self._count += 1
        self.do(f"CREATE SCHEMA test_{self._count}")
        return f"{self.address()}?options=-csearch_path%3Dtest_{self._count}"

    def address(self, database="postgres", password=PASSWORD, user=USER):
        """Return the address of a database."""
        url = sa.URL.create("postgresql+psycopg", user, password, "127.0.0.1", self.port, database)
        return url.render_as_string(hide_password=False)

    def _call(self, words):
        done = subprocess.run(
            [str(word) for word in words],
            user=self.user,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _parts(self):
        """Return the processes that work in the server's folder."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cwd"):
            try:
                found += [path] if path.readlink() == self.data else []
            except OSError:
                continue
        return found
