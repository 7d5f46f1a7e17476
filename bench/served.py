"""What the bench of the service serves: the service, and bare endpoints that insert one row.

    python bench/served.py KIND PORT

``KIND``: ``service`` over the system that the environment names, ``bare-postgresql`` over its
database, ``bare-sqlite`` over a file ``bare.db`` in its home. One process, uvloop, httptools.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import msgspec
import uvicorn
from litestar import Litestar, put
from litestar.params import FromPath, JSONBody
from litestar.types import ASGIApp

sys.path.insert(0, str(Path(__file__).resolve().parent))

from carbon.adapters.store.database import sqlite_journal_mode
from carbon.web.server import LOGGING, application

#: Connections of the bare endpoint: more than this made it slower.
POOL = 16
_INSERT = "INSERT INTO bare (id, body) VALUES ({}, {})"
_TABLE = "CREATE TABLE IF NOT EXISTS bare (id TEXT PRIMARY KEY, body {} NOT NULL)"


class Body(msgspec.Struct, frozen=True):
    """What the bare endpoint takes."""

    cells: dict[str, str]


def bare_postgresql() -> ASGIApp:
    """One row by asyncpg."""
    pool: list[asyncpg.Pool] = []

    @asynccontextmanager
    async def connected(_: Litestar) -> AsyncIterator[None]:
        url = os.environ["CARBON_DATABASE_OWNER_URL"]
        async with asyncpg.create_pool(url, min_size=POOL, max_size=POOL) as found:
            await found.execute(_TABLE.format("jsonb"))
            pool.append(found)
            yield

    @put("/api/v1/records/{record_id:str}")
    async def record(record_id: FromPath[str], data: JSONBody[Body]) -> dict[str, str]:
        text = msgspec.json.encode(data.cells).decode()
        await pool[0].execute(_INSERT.format("$1", "$2"), record_id, text)
        return {"record_id": record_id}

    return Litestar([record], lifespan=[connected], openapi_config=None, logging_config=None)


def bare_sqlite() -> ASGIApp:
    """One row, written through before it is answered."""
    path = Path(os.environ["CARBON_HOME"]) / "bare.db"
    file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    file.execute(f"PRAGMA journal_mode = {sqlite_journal_mode()}")
    file.execute("PRAGMA synchronous = FULL")
    file.execute(_TABLE.format("TEXT"))
    turn = threading.Lock()

    @put("/api/v1/records/{record_id:str}", sync_to_thread=True)
    def record(record_id: FromPath[str], data: JSONBody[Body]) -> dict[str, str]:
        text = msgspec.json.encode(data.cells).decode()
        with turn:
            file.execute(_INSERT.format("?", "?"), (record_id, text))
        return {"record_id": record_id}

    return Litestar([record], openapi_config=None, logging_config=None)


KINDS: dict[str, Callable[[], ASGIApp]] = {
    "service": application,
    "bare-postgresql": bare_postgresql,
    "bare-sqlite": bare_sqlite,
}


def main() -> None:
    """Serve until ended."""
    kind, port = sys.argv[1:]
    uvicorn.run(
        KINDS[kind](), host="127.0.0.1", port=int(port), loop="uvloop", http="httptools",
        log_config=LOGGING, access_log=False, proxy_headers=False,
    )  # fmt: skip


if __name__ == "__main__":
    main()
