"""The ledger, for those who answer for it, and what a fact's change would reach."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Annotated, Any

from litestar import Router, get
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Stream

from carbon.bootstrap.system import System
from carbon.web.answers import Cursor, Limit, Page, documents, page
from carbon.web.guards import PERMISSION

_TEXT = "text/plain"
#: Lines sent at once.
_LINES = 1_000


@get("/ledger/balances", opt={PERMISSION: "ledger.read"}, sync_to_thread=True)
def balances(
    system: NamedDependency[System],
    asset: Annotated[str, QueryParameter(max_length=100, description="资产 / asset")] = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[dict[str, Any]]:
    """What all accounts have, by asset and account."""
    rows = system.balances_after(asset or None, cursor, limit + 1)
    told = [
        {
            "asset": row.account.asset,
            "account": row.account.code,
            "policy": row.account.policy.value,
            "amount": str(row.amount),
            "held": str(row.held),
            "free": str(row.free),
        }
        for row in rows
    ]
    return page(told, limit, lambda row: f"{row['asset']}\t{row['account']}")


@get(
    "/ledger/journal",
    opt={PERMISSION: "ledger.read"},
    sync_to_thread=False,
    media_type=_TEXT,
    responses=documents(_TEXT),
)
def journal(system: NamedDependency[System]) -> Stream:
    """All journals as text that hledger reads, streamed."""
    return Stream(_sent(system.export_ledger()), media_type=_TEXT)


async def _sent(lines: Iterator[str]) -> AsyncIterator[bytes]:
    """Read in a thread: the database is asked as the client takes."""

    def some() -> bytes:
        return "".join(islice(lines, _LINES)).encode()

    while block := await sync_to_thread(some):
        yield block


@get("/impact", opt={PERMISSION: "impact.read"}, sync_to_thread=True)
def impact(
    system: NamedDependency[System],
    fact: Annotated[
        str, QueryParameter(max_length=200, description="记录、因子、报告或序列号 / what changed")
    ],
    source: Annotated[
        str,
        QueryParameter(max_length=100, description="记录的来源 / whose record"),
    ] = "local",
) -> dict[str, Any]:
    """Everything downstream of a record, a factor, a report or a serial number."""
    return system.registry.restatements.impact(fact, source)


ledger = Router("/", route_handlers=[balances, journal, impact], tags=["ledger"])
