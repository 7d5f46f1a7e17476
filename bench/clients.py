"""Keep-alive HTTP clients in one process: each sends a request as soon as the last was answered.

    python bench/clients.py '{"port": 8000, "kind": "scan", "clients": 64, "seconds": 10, …}'

Prints one JSON object: how many answers of each status, and the times of all in milliseconds.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from secrets import token_hex
from typing import Any

import uvloop

from carbon.domain.access import signed_text

#: An act that is quantified under HD-REUSE; each request has an item and parties of its own.
ACT = {
    "occurred_on": "2026-10-05",
    "channel": "station",
    "act": "donation",
    "item_type": "jeans",
    "quantity": "1",
    "condition": "good",
    "age_years": "1",
    "process": "none",
    "transport_mode": "hand",
    "receiver_region": "120000",
    "site": "120102-001",
}


def signed(key: str, secret: bytes, method: str, path: str, body: bytes) -> str:
    """The header of a signed request."""
    stamp, nonce = str(int(time.time())), token_hex(16)
    digest = hashlib.sha256(body).hexdigest()
    text = signed_text(method, path, stamp, nonce, digest)
    signature = hmac.digest(secret, text, "sha256").hex()
    return f"HMAC-SHA256 key={key},ts={stamp},nonce={nonce},digest={digest},sig={signature}"


def scans(client: int, given: Mapping[str, Any]) -> Iterator[bytes]:
    """Endless requests of one station, each with a record of its own."""
    key, secret = given["keys"][client]
    for number in count():
        name = f"{given['run']}x{client}x{number}"
        cells = ACT | {"item_id": name, "giver": f"g{name}", "receiver": f"r{name}"}
        body = json.dumps({"cells": cells}, separators=(",", ":")).encode()
        path = f"/api/v1/records/{name}"
        proof = signed(key, bytes.fromhex(secret), "PUT", path, body)
        yield (
            f"PUT {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nauthorization: {proof}\r\n\r\n"
        ).encode() + body


def lookups(client: int, given: Mapping[str, Any]) -> Iterator[bytes]:
    """Endless look-ups of serial numbers, by nobody in particular."""
    chance = random.Random(client)  # noqa: S311  no secret
    while True:
        serial = chance.randint(1, given["last"])
        yield f"GET /api/v1/credits/serials/{serial} HTTP/1.1\r\nhost: bench\r\n\r\n".encode()


KINDS: dict[str, Callable[[int, Mapping[str, Any]], Iterator[bytes]]] = {
    "scan": scans,
    "lookup": lookups,
}


@dataclass
class Told:
    """What all clients were answered."""

    start: float
    until: float
    statuses: Counter[int] = field(default_factory=Counter)
    pause: float = 0.0
    times: list[float] = field(default_factory=list)
    seconds: float = 0.0


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, requests: Iterator[bytes], told: Told, done: asyncio.Future[None]) -> None:
        self._requests, self._told, self._done = requests, told, done
        self._answer, self._sent = b"", 0.0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        request = next(self._requests)
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, rest = self._answer.partition(b"\r\n\r\n")
        if not end:
            return
        lowered = head.lower()
        place = lowered.index(b"content-length:") + len(b"content-length:")
        if len(rest) < int(lowered[place:].split(b"\r\n", 1)[0]):
            return
        now = time.perf_counter()
        self._told.statuses[int(head[9:12])] += 1
        self._told.times.append((now - self._sent) * 1000)
        self._answer = b""
        if now + self._told.pause >= self._told.until:
            self._transport.close()
        elif self._told.pause:
            asyncio.get_running_loop().call_later(self._told.pause, self._send)
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        early = time.perf_counter() + self._told.pause < self._told.until
        if error is not None or self._answer or early:
            self._told.statuses[0] += 1
        if not self._done.done():
            self._done.set_result(None)


async def run(given: dict[str, Any]) -> Told:
    """Ask with all clients at once for some seconds."""
    loop = asyncio.get_running_loop()
    now = time.perf_counter()
    told = Told(now, now + given["seconds"], pause=given.get("pause", 0.0))
    ends = []
    for number in range(given["clients"]):
        done: asyncio.Future[None] = loop.create_future()
        requests = KINDS[given["kind"]](number, given)
        await loop.create_connection(
            lambda r=requests, d=done: Client(r, told, d),  # type: ignore[misc]
            "127.0.0.1",
            given["port"],
            # Everybody asks from an address of their own: rates are limited by address.
            local_addr=(f"127.0.1.{number + 1}", 0),
        )
        ends.append(done)
    await asyncio.gather(*ends)
    told.seconds = time.perf_counter() - told.start
    return told


def main() -> None:
    """Ask as the argument says."""
    told = uvloop.run(run(json.loads(sys.argv[1])))
    times = sorted(told.times)
    found = {
        "seconds": told.seconds,
        "statuses": told.statuses,
        "p50": times[len(times) // 2],
        "p95": times[len(times) * 95 // 100],
        "p99": times[len(times) * 99 // 100],
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
