"""A PostgreSQL server of our own, in a directory of its own, that only this machine's files lead to."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

_USER = "nunchi"


class Server:
    """A server that runs; its databases are gone with it."""

    def __init__(self, socket_directory: Path) -> None:
        self._directory = socket_directory
        self._databases = 0

    def new_database(self) -> str:
        """Return the URL of an empty database."""
        self._databases += 1
        name = f"test_{self._databases}"
        with psycopg.connect(self._url("postgres", ""), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._url(name, "+psycopg")

    def disconnect_all(self) -> None:
        """Break every connection, as a restart of the server does."""
        with psycopg.connect(self._url("postgres", ""), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )

    def _url(self, name: str, driver: str) -> str:
        return f"postgresql{driver}://{_USER}@/{name}?host={self._directory}"


@contextmanager
def running_server() -> Iterator[Server]:
    """Start a server; fails if PostgreSQL is not installed, because a test that is not run proves nothing."""
    binaries = _binaries()
    directory = Path(tempfile.mkdtemp(prefix="nunchi-pg-"))  # short: the path of a socket has at most 107 characters
    if os.getuid() == 0:
        shutil.chown(directory, "postgres")
    data = str(directory / "data")
    options = f"-k {directory} -c listen_addresses= -c fsync=off -c shared_buffers=16MB"
    try:
        _run(binaries / "initdb", "-D", data, "-U", _USER, "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        _run(binaries / "pg_ctl", "-D", data, "-w", "-l", str(directory / "log"), "-o", options, "start")
        try:
            yield Server(directory)
        finally:
            _run(binaries / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(directory)


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if found:
        return found[-1]
    on_path = shutil.which("pg_ctl")
    assert on_path, "these tests need PostgreSQL: apt-get install postgresql"
    return Path(on_path).parent


def _run(*command: str | Path) -> None:
    """Run as somebody else than root, whom PostgreSQL refuses."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    done = subprocess.run([*prefix, *command], cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr.decode()
