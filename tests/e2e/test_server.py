"""``carbon serve`` as an operator starts it: a real process, a real socket, real signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager

import httpx
import pytest

from conftest import ROOT, environment_of
from pilot import REPORT

SECONDS = 60


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def served(settings, *options, **environment):
    """A service on a port of its own; yields its address and process."""
    port = free_port()
    own = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment_of(settings), **environment}
    command = [sys.executable, "-m", "carbon", "serve", "--port", str(port), *options]
    process = subprocess.Popen(command, env=own, stderr=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)


def answer_of(address, path="/health/ready", **given):
    """The answer of a service that may still be starting."""
    until = time.monotonic() + SECONDS
    while True:
        try:
            return httpx.get(address + path, **given)
        except httpx.TransportError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def test_it_serves_and_finishes_what_it_began(pilot_at):
    """R9: told to stop with requests under way, it answers them, takes no new one, and ends."""
    system = pilot_at("issued").system
    system.close()
    path = f"/api/v1/reports/{REPORT}/pdf"
    with served(system.settings) as (address, process):
        assert answer_of(address).json()["status"] == "ready"
        assert httpx.get(address + "/api/docs").headers["content-type"].startswith("text/html")
        with ThreadPoolExecutor(12) as pool:
            asked = [pool.submit(httpx.get, address + path, timeout=SECONDS) for _ in range(12)]
            wait(asked, return_when=FIRST_COMPLETED)
            process.send_signal(signal.SIGTERM)
            answers = [one.result() for one in asked]
        assert [answer.status_code for answer in answers] == [200] * 12
        assert {answer.content[:5] for answer in answers} == {b"%PDF-"}
        _, log = process.communicate(timeout=SECONDS)
        assert process.returncode == 128 + signal.SIGTERM
        assert {json.loads(line)["level"] for line in log.splitlines()} == {"info"}
        with pytest.raises(httpx.TransportError):
            httpx.get(address + "/health/live")


def test_several_processes_share_a_port_and_their_metrics(system):
    """PostgreSQL only: SQLite has one writer, so one process serves it."""
    system.close()
    if system.database.is_sqlite:
        with served(system.settings, "--processes", "2") as (_, process):
            _, log = process.communicate(timeout=SECONDS)
            assert process.returncode == 3
            assert "service.one_process" in log
        return
    token = {"CARBON_METRICS_TOKEN": "token of a test"}
    with served(system.settings, "--processes", "2", **token) as (address, _):
        answer_of(address)
        threads = [
            threading.Thread(target=httpx.get, args=(address + "/health/live",)) for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        headers = {"Authorization": f"Metrics {token['CARBON_METRICS_TOKEN']}"}
        told = httpx.get(address + "/health/metrics", headers=headers).text
        counted = 'carbon_requests_total{method="GET",route="/health/live",status="200"}'
        (line,) = [row for row in told.splitlines() if row.startswith(counted)]
        assert float(line.rpartition(" ")[2]) == 20


def test_a_message_with_two_lengths_is_refused(empty_home):
    """A proxy could see another end of it, and take the rest for a request of somebody else."""
    ends = (
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    )
    smuggled = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
    with served(empty_home) as (address, _):
        answer_of(address)
        for end in ends:
            with socket.create_connection(("127.0.0.1", httpx.URL(address).port), 10) as found:
                found.sendall(b"POST /api/v1/sessions HTTP/1.1\r\nHost: a\r\n" + end + smuggled)
                told = b"".join(iter(lambda: found.recv(65536), b""))
            assert told.startswith(b"HTTP/1.1 400 ")
            assert told.count(b"HTTP/1.1 ") == 1


def test_it_says_what_it_lacks(empty_home):
    """A database that was never upgraded: ready is 503 with the reason, and it goes on living."""
    with served(empty_home) as (address, _):
        answer = answer_of(address)
        assert (answer.status_code, answer.json()["code"]) == (503, "store.outdated")
        assert httpx.get(address + "/health/live").status_code == 200
