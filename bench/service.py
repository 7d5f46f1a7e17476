"""Station scans per second through the whole service, beside a bare endpoint that inserts one row.

    python bench/service.py [--seconds 10] [--clients 64] [--engines postgresql,sqlite]

A scan is authenticated, validated, quantified, stored with its pending leaf, and answered. Its peer
is a bare Litestar endpoint that inserts the same body as one row, by asyncpg or with SQLite's
synchronous = FULL: same server, same clients, same run, fsync on. They take turns and the best of
each counts, by the rows that exist afterwards. Exit code 1: a floor is missed. Run it on a machine
that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import postgres
from carbon.adapters.store.database import Database
from carbon.bootstrap.system import System
from carbon.domain.roles import Role
from carbon.services.accounts.access import actor_of
from carbon.services.accounts.granting import NewAccount
from carbon.settings import Settings

HERE = Path(__file__).resolve().parent
FLOOR, GOAL = 0.15, 0.35
ROUNDS, READY_SECONDS = 3, 60.0
PASSWORD = "four quiet herons wade"  # noqa: S105  of a system that lives for minutes
#: Scans of the first seconds fill caches and plans.
WARM_SECONDS = 2.0


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(kind: str, environment: Mapping[str, str], log: Path) -> Iterator[int]:
    """A server of a kind, on a port of its own."""
    port = free_port()
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "served.py"), kind, str(port)],
            env={**os.environ, **environment},
            stderr=stream,
        )
    try:
        _wait_for(port, process, log)
        yield port
    finally:
        process.terminate()
        process.wait(60)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit(f"no server: {log.read_text()[-2000:]}")


def ask(port: int, kind: str, clients: int, seconds: float, **more: Any) -> dict[str, Any]:
    """What clients in a process of their own were answered."""
    given = {"port": port, "kind": kind, "clients": clients, "seconds": seconds, **more}
    command = [sys.executable, str(HERE / "clients.py"), json.dumps(given)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    if set(found["statuses"]) != {"200"}:
        sys.exit(f"answers other than 200: {found['statuses']}")
    return found


class Bare:
    """The bare endpoint and its rows."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.kind = "bare-postgresql" if "CARBON_DATABASE_URL" in environment else "bare-sqlite"
        home = environment["CARBON_HOME"]
        self._url = environment.get("CARBON_DATABASE_OWNER_URL", f"sqlite:///{home}/bare.db")

    def count(self) -> int:
        with closing(Database(self._url)) as database, database.read() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM bare").scalar_one())


class Service:
    """The service and its records."""

    kind = "service"

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._system = System(Settings.read(environment))
        self._system.upgrade()

    def stations(self, count: int) -> list[tuple[str, str]]:
        """Keys of so many stations, each with an account of its own, and their secrets."""
        accounts = self._system.accounts
        operators = [
            accounts.enrol(made.account.id, made.enrolment, PASSWORD) and made.account.id
            for made in accounts.bootstrap(
                NewAccount("li", Role.OPERATOR, "platform", "Li Lei"),
                NewAccount("han", Role.OPERATOR, "platform", "Han Meimei"),
            )
        ]
        one, other = (actor_of(accounts.account(id_), stepped_up=True) for id_ in operators)
        keys = []
        for number in range(count):
            name = f"station-{number}"
            accounts.create(one, NewAccount(name, Role.STATION, name, name))
            accounts.approve(other, name)
            keys.append((name, accounts.make_key(one, name, name)))
        return keys

    def count(self) -> int:
        query = sa.text("SELECT count(*) FROM fact WHERE kind = 'record'")
        with self._system.database.read() as connection:
            return int(connection.execute(query).scalar_one())


def compare(environment: Mapping[str, str], clients: int, seconds: float) -> bool:
    """The service beside the bare endpoint, in turns."""
    log = Path(environment["CARBON_HOME"]) / "served.log"
    best: dict[str, tuple[float, dict[str, Any]]] = {}
    service = Service(environment)
    keys = service.stations(clients)
    peers: tuple[Bare | Service, ...] = (Bare(environment), service)
    for turn in range(ROUNDS):
        for peer in peers:
            with serving(peer.kind, environment, log) as port:
                ask(port, "scan", clients, WARM_SECONDS, run=f"warm{turn}", keys=keys)
                before = peer.count()
                told = ask(port, "scan", clients, seconds, run=f"run{turn}", keys=keys)
                rate = (peer.count() - before) / told["seconds"]
            if rate > best.get(peer.kind, (0.0, {}))[0]:
                best[peer.kind] = rate, told
    for kind, (rate, told) in best.items():
        print(f"{kind}: {rate:,.0f} requests/s, p50 {told['p50']:.0f} ms, p99 {told['p99']:.0f} ms")
    ratio = best["service"][0] / best[peers[0].kind][0]
    print(f"station scan: {ratio:.2f} of a bare endpoint, floor {FLOOR}, goal {GOAL}")
    return ratio >= FLOOR


def postgresql(folder: Path, clients: int, seconds: float) -> bool:
    with postgres.cluster({"shared_buffers": "512MB", "max_wal_size": "4GB"}) as cluster:
        name = cluster.database("service")
        environment = {
            "CARBON_HOME": str(folder),
            "CARBON_DATABASE_URL": cluster.url(name, postgres.APPLICATION),
            "CARBON_DATABASE_OWNER_URL": cluster.url(name),
        }
        return compare(environment, clients, seconds)


def sqlite(folder: Path, clients: int, seconds: float) -> bool:
    return compare({"CARBON_HOME": str(folder)}, clients, seconds)


ENGINES = {"postgresql": postgresql, "sqlite": sqlite}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--engines", default="postgresql,sqlite")
    given = parser.parse_args()
    sound = True
    for engine in given.engines.split(","):
        print(f"--- {engine}, {given.clients} clients")
        with tempfile.TemporaryDirectory() as folder:
            sound &= ENGINES[engine](Path(folder), given.clients, given.seconds)
    sys.exit(not sound)


if __name__ == "__main__":
    main()
