"""``carbon serve``: the application behind a socket, in one process or several."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

import uvicorn
from litestar.types import ASGIApp

from carbon.adapters.json_log import LOGGING
from carbon.domain.errors import CarbonError
from carbon.settings import Settings

#: Seconds that requests under way get after SIGTERM.
DRAIN_SECONDS: Final = 30
#: Set when the process was told to stop: streams that would never end by themselves end then.
DRAINING: Final = threading.Event()
HELP: Final = "启动服务（REST 接口与页面）。 Serve the REST API and the pages."


def application() -> ASGIApp:
    """The application over the system that the environment names; made in each process."""
    from carbon.bootstrap.system import System
    from carbon.web.app import create_app
    from carbon.web.authentication import Authenticator
    from carbon.web.observe import Observe

    _note_stop()
    system = System(Settings.read())
    return Observe(create_app(system, Authenticator(system)))


def _note_stop() -> None:
    """Set :data:`DRAINING` on a signal to stop, before the server does what it does."""
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def noted(number: int, frame: FrameType | None, before: Any = before) -> None:
            DRAINING.set()
            before(number, frame)

        signal.signal(number, noted)


def serve(given: argparse.Namespace) -> None:
    """Serve until SIGTERM, then let requests under way finish. Raises ``service.one_process``."""
    if given.processes > 1 and Settings.read().database.startswith("sqlite"):
        raise CarbonError("service.one_process")
    metrics = _metrics_folder() if given.processes > 1 else None
    try:
        uvicorn.run(
            "carbon.web.server:application",
            factory=True,
            host=given.host,
            port=given.port,
            workers=given.processes,
            log_config=LOGGING,
            access_log=False,
            server_header=False,
            proxy_headers=bool(given.proxies),
            forwarded_allow_ips=given.proxies,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    finally:
        if metrics is not None:
            shutil.rmtree(metrics)


def _metrics_folder() -> Path:
    """Where several processes put their metrics together; known to them by the environment."""
    folder = tempfile.mkdtemp(prefix="carbon-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    return Path(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="carbon serve", description=HELP)
    parser.add_argument("--host", default="127.0.0.1", help="监听地址 / address to listen on")
    parser.add_argument("--port", type=int, default=8321, metavar="PORT")
    parser.add_argument(
        "--processes", type=int, default=1, choices=range(1, 65), metavar="N",
        help="进程数；SQLite 只能一个 / processes; one only with SQLite",
    )  # fmt: skip
    parser.add_argument(
        "--proxies", default="", metavar="ADDRESSES",
        help="可信反向代理的地址 / proxies whose forwarding headers count",
    )  # fmt: skip
    return parser


def run(arguments: Sequence[str]) -> int:
    """``carbon serve`` with its arguments; the exit code. Raises ``service.*``."""
    serve(_parser().parse_args(arguments))
    return 0
