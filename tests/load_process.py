"""Processes of the load test: ``serve PORT`` the application, or ``work`` as a worker does.

Who asks is said in a header, a signing key or an account; real proofs are tested elsewhere.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import uvicorn
from litestar.connection import ASGIConnection

from carbon.bootstrap.system import System
from carbon.domain.roles import Actor, Role
from carbon.settings import Settings
from carbon.web.app import create_app
from carbon.web.observe import Observe
from conftest import FixedClock
from doors import actor_of


def serve(port: int) -> None:
    """Serve until ended."""
    system = System(Settings.read(dict(os.environ)), FixedClock())

    async def authenticate(connection: ASGIConnection[Any, Any, Any, Any]) -> Actor | None:
        headers = connection.headers
        if "x-key" in headers:
            return actor_of(system.registry.member(headers["x-key"]))
        if "x-actor" in headers:
            role, organisation = headers["x-actor"].split("/")
            return Actor(headers["x-actor"], Role(role), organisation)
        return None

    app = Observe(create_app(system, authenticate))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def work() -> None:
    """Check and store uploads, and publish, until ended."""
    system = System(Settings.read(dict(os.environ)), FixedClock())
    while True:
        system.uploads.work(lambda: False)
        system.sequence(lambda *_: None)
        threading.Event().wait(0.2)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        work()
