"""A PostgreSQL server of one's own, for tests and benchmarks: started, used, stopped.

It listens on the loopback address only. PostgreSQL refuses to run as root: root starts it as the
user `postgres`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

OWNER, APPLICATION = "owner", "application"


def programs() -> Path | None:
    """The folder of the newest installed server programs; ``None`` if there are none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    if found:
        return found[-1].parent
    path = shutil.which("initdb")
    return Path(path).resolve().parent if path else None


def _version(path: Path) -> int:
    return int(path.parts[-3]) if path.parts[-3].isdigit() else 0


def _as_server(*command: object) -> list[str]:
    words = [str(word) for word in command]
    return ["runuser", "-u", "postgres", "--", *words] if os.geteuid() == 0 else words


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Cluster:
    """A running server."""

    def __init__(self, folder: Path, port: int, binaries: Path) -> None:
        self.folder, self.port, self._binaries = folder, port, binaries

    def url(self, database: str, user: str = OWNER) -> str:
        """URL of a database."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def run(self, program: str, *arguments: object) -> None:
        """Run one of the server's programs as the server's user."""
        command = _as_server(self._binaries / program, *arguments)
        subprocess.run(command, check=True, capture_output=True, cwd="/")

    def psql(self, statement: str, database: str = "postgres") -> None:
        """Run a statement as the owner of everything."""
        self.run("psql", "-qX", "-h", "127.0.0.1", "-p", self.port, "-U", OWNER, "-d", database,
                 "-v", "ON_ERROR_STOP=1", "-c", statement)  # fmt: skip

    def database(self, name: str) -> str:
        """A new empty database; returns its name."""
        self.psql(f"CREATE DATABASE {name}")
        return name

    def start(self, settings: Mapping[str, str]) -> None:
        """Start the server and wait until it answers."""
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        place = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self.folder}"
        self.run("pg_ctl", "-D", self.folder / "data", "-l", self.folder / "server.log",
                 "-w", "-t", 60, "-o", f"{place} {options}", "start")  # fmt: skip

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; ``immediate`` is a crash."""
        self.run("pg_ctl", "-D", self.folder / "data", "-m", mode, "-w", "-t", 60, "stop")


@contextmanager
def cluster(settings: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """A new server in a temporary folder. Raises ``FileNotFoundError`` without its programs."""
    binaries = programs()
    if binaries is None:
        raise FileNotFoundError("initdb: run tools/install-postgres")
    folder = Path(tempfile.mkdtemp(prefix="carbon-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    own = Cluster(folder, _free_port(), binaries)
    try:
        own.run("initdb", "-D", folder / "data", "-U", OWNER, "-A", "trust", "-E", "UTF8",
                "--locale=C", "--no-sync")  # fmt: skip
        own.start({"max_connections": "120", **(settings or {})})
        own.psql(f"CREATE ROLE {APPLICATION} LOGIN")
        try:
            yield own
        finally:
            own.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
