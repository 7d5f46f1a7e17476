"""Sixty-four clients at once: scans, reads, uploads, decisions. No server error, no broken rule.

Five seconds by default; `make soak` gives it sixty. The 95th percentile of each kind is printed.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count, cycle
from pathlib import Path

import httpx
import sqlalchemy as sa

from carbon.adapters.signing import SigningKey
from carbon.adapters.store import tables as t
from carbon.client import Client
from carbon.domain.errors import CarbonError
from conftest import ROOT, environment_of, write_csv
from pilot import ASSET, REPORT, quiet

SECONDS = float(os.environ.get("CARBON_LOAD_SECONDS", "5"))
#: How many clients do what.
CLIENTS = {"scan": 32, "read": 23, "upload": 8, "decide": 1}
#: Seconds from one retirement to the next: what was issued lasts for the test.
PAUSE = 0.5
PROGRAM = Path(__file__).parents[1] / "load_process.py"
#: Rows of an uploaded file.
ROWS = 50
READY_SECONDS = 60
#: What a client may be told: the same reading would have been answered a moment later.
_TOLD = ("receipt.pending", "log.missing")


@contextmanager
def running(settings, *arguments):
    """A process over the same system, ended at the end."""
    paths = os.pathsep.join(str(ROOT / name) for name in ("src", "tests", "tools"))
    environment = {
        **os.environ,
        **environment_of(settings),
        "PYTHONPATH": paths,
        "CARBON_DEMONSTRATION": "1",
    }
    command = [sys.executable, str(PROGRAM), *map(str, arguments)]
    with subprocess.Popen(command, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()
        assert process.wait(60) in (0, -15), "it ended as it was told"


def free_port():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Crowd:
    """All clients: what they were answered, and how long each kind of act took."""

    def __init__(self, port, pilot, phone, folder):
        self.address, self.pilot, self.phone, self.folder = port, pilot, phone, folder
        self.statuses, self.times = Counter(), defaultdict(list)
        self.numbers, self.until = count(1_000), time.monotonic() + SECONDS

    def client(self, header, value):
        http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.address}",
            timeout=60,
            headers={header: value},
            event_hooks={"response": [self._note]},
        )
        return Client("", http=http)

    def _note(self, response):
        self.statuses[response.status_code] += 1

    def play(self, kind, number):
        """Act once, and again until the time is over."""
        with getattr(self, kind)(number) as act:
            while not self.times[kind] or time.monotonic() < self.until:
                start = time.perf_counter()
                try:
                    act()
                except CarbonError as error:
                    if error.code not in _TOLD:
                        raise
                self.times[kind].append(time.perf_counter() - start)

    @contextmanager
    def scan(self, number):
        with self.client("x-actor", f"station/station-{number}") as client:
            yield lambda: client.record(self.phone(next(self.numbers)))

    @contextmanager
    def read(self, number):
        with self.client("x-actor", f"station/station-{number}") as client:

            def receipt():
                items = client.get("/records", limit=1)["items"]
                return client.receipt(items[0]["record_id"]) if items else None

            acts = (
                lambda: client.get("/credits/totals"),
                lambda: client.get("/factors", limit=5),
                lambda: client.get("/records", limit=20),
                receipt,
            )
            turn = cycle(acts)
            yield lambda: next(turn)()  # noqa: PLW0108  another one each time

    @contextmanager
    def upload(self, number):
        with self.client("x-actor", f"enterprise/enterprise-{number}") as client:

            def bring():
                n = next(self.numbers)
                rows = [self.phone(next(self.numbers)) for _ in range(ROWS)]
                path = write_csv(self.folder / f"{number}-{n}.csv", rows)
                client.upload(path, path.stem)
                client.check(path.stem)
                assert client.wait(path.stem)["state"] == "checked"
                client.commit_upload(path.stem)
                told = client.wait(path.stem)
                assert (told["state"], told["rows"]) == ("stored", ROWS)

            yield bring

    @contextmanager
    def decide(self, number):
        """Issue what is stated, then look it up and retire it, a credit at a time."""
        key, serials = SigningKey(self.pilot.key("otto")).key.public.hex(), count(1)

        def retire(client):
            n = next(serials)
            client.get(f"/credits/serials/{n}")
            client.sign(
                self.pilot.keys("otto"), "retirement", id_=f"r{number}-{n}", holder="zhuan",
                asset=ASSET, credits_=1, beneficiary="a fair", purpose="event",
            )  # fmt: skip
            time.sleep(PAUSE)

        self._issue()
        with self.client("x-key", key) as client:
            yield lambda: retire(client)

    def _issue(self):
        start, answer = time.perf_counter(), None
        for name in ("anne", "bert"):
            key = SigningKey(self.pilot.key(name)).key.public.hex()
            with self.client("x-key", key) as client:
                told = client.propose("issuance", report=REPORT)
                answer = client.decide(
                    "issuance", told["id"], told["content"], self.pilot.key(name), told["private"]
                )
        assert answer["state"] == "done", answer
        self.times["issue"].append(time.perf_counter() - start)


def test_no_error_and_no_broken_rule_under_load(pilot_at, phone, tmp_path):
    pilot = pilot_at("stated")
    settings, port = pilot.system.settings, free_port()
    with running(settings, "serve", port) as server, running(settings, "work"):
        wait_for(port, server)
        crowd = Crowd(port, pilot, phone, tmp_path)
        with ThreadPoolExecutor(sum(CLIENTS.values())) as pool:
            played = [
                pool.submit(crowd.play, kind, number)
                for kind, clients in CLIENTS.items()
                for number in range(clients)
            ]
            for one in played:
                one.result()
    tell(crowd)
    assert not [status for status in crowd.statuses if status >= 500], crowd.statuses
    assert set(crowd.times) == {*CLIENTS, "issue"}, "every kind was done"
    check(pilot, crowd)


def wait_for(port, server):
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and server.poll() is None:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("no server")


def tell(crowd):
    for kind, times in sorted(crowd.times.items()):
        times.sort()
        p50, p95 = (1000 * times[len(times) * part // 100] for part in (50, 95))
        sys.stdout.write(f"{kind}: {len(times)} acts, p50 {p50:.0f} ms, p95 {p95:.0f} ms\n")


def check(pilot, crowd):
    """What was answered is there, and every rule of the store, the ledger and the registry holds."""
    pilot.system.sequence(quiet)
    found = pilot.system.reconcile(quiet)
    assert (found.differences, found.pending) == ([], 0)
    with pilot.system.database.read() as connection:
        claims = connection.execute(sa.select(sa.func.count()).select_from(t.claim)).scalar_one()
    scans, uploads = len(crowd.times["scan"]), len(crowd.times["upload"])
    assert claims == 40 + scans + uploads * ROWS
