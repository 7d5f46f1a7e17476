"""A station of the demonstration that goes on scanning, so that there is something to watch.

    python tools/demo_scans.py http://127.0.0.1:8321 demo/simulated-month.parquet

Takes acts of the simulated month, dated today, one every few seconds, until it is stopped.
"""

from __future__ import annotations

import itertools
import sys
import time
import uuid

import pyarrow.parquet as pq

from carbon.adapters.clock import SystemClock
from carbon.adapters.request_key import KeyAuth
from carbon.bootstrap.system import System
from carbon.client import Client
from carbon.domain.activity.record import COLUMNS
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Role
from carbon.settings import Settings

SECONDS, ACTS = 3.0, 500


def main() -> None:
    """Scan until stopped."""
    address, month = sys.argv[1:]
    system, clock = System(Settings.read()), SystemClock()
    station = next(a for a in system.accounts.demonstrated if a.role is Role.STATION)
    system.close()
    table = pq.ParquetFile(month).iter_batches(ACTS)
    acts = next(table).to_pylist()
    with Client(address, auth=KeyAuth(station.key, station.key_secret, clock.now)) as client:
        _wait(client)
        for act in itertools.cycle(acts):
            name = uuid.uuid4().hex[:12]
            cells = {c.name: str(act[c.name]) for c in COLUMNS if act.get(c.name) not in (None, "")}
            new = {"record_id": f"live-{name}", "occurred_on": clock.today().isoformat()}
            people = {"giver": f"giver-{name}", "receiver": f"receiver-{name}"}
            own = {"item_id": f"item-{name}"} if "item_id" in cells else {}
            client.records([cells | new | people | own])
            time.sleep(SECONDS)


def _wait(client: Client) -> None:
    """Until the service answers."""
    while True:
        try:
            client.get("/credits/totals")
        except CarbonError as error:
            if error.code != "client.unreachable":
                raise
            time.sleep(1)
        else:
            return


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
