"""Activity records: told one by one or in batches, corrected, read again, with their receipts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, Response, Router, get, post, put
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from carbon.bootstrap.recording import Ask, answer_or_raise
from carbon.bootstrap.system import System
from carbon.domain.activity.record import CORRECTION_REASONS
from carbon.domain.errors import FAULTS, CarbonError
from carbon.domain.roles import Actor, Role, check_own
from carbon.ports.recording import RecordEntry, Whose
from carbon.web.answers import Cursor, Limit, Page, page, tagged
from carbon.web.guards import PERMISSION, actor_of
from carbon.web.problems import problem

#: Records of one request.
MAX_RECORDS: Final = 500
WRITE: Final = {PERMISSION: "records.write"}
READ: Final = {PERMISSION: "records.read"}

Cell = Annotated[str, msgspec.Meta(max_length=500)]
Cells = Annotated[
    dict[str, Cell],
    msgspec.Meta(
        max_length=30,
        description="列见 docs/records，用代码、中文名或英文名 / columns as in docs/records",
        examples=[
            {
                "occurred_on": "2026-10-05",
                "channel": "shop",
                "act": "sale",
                "item_type": "phone",
                "quantity": "1",
                "mass_kg": "0.2",
                "condition": "good",
                "age_years": "2.5",
                "process": "light",
                "transport_mode": "home_delivery",
                "item_id": "IMEI-35-209900-176148-1",
                "receiver_region": "120000",
                "site": "120102-001",
            }
        ],
    ),
]
Methodology = Annotated[
    str, msgspec.Meta(min_length=1, max_length=40, description="方法学 / methodology")
]
Project = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=100,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="所属项目 / whose project's it is",
    ),
]
RecordId = Annotated[str, msgspec.Meta(min_length=1, max_length=64, examples=["R-2026-000001"])]
NamedRecord = Annotated[
    str, PathParameter(min_length=1, max_length=64, description="记录编号 / record id")
]


class RecordBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record, but for its id."""

    cells: Cells
    methodology: Methodology = "HD-REUSE"
    project: Project | None = None


class OwnRecord(RecordBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record with its id."""

    record_id: RecordId


class RecordBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Records that are answered each by itself."""

    records: Annotated[list[OwnRecord], msgspec.Meta(min_length=1, max_length=MAX_RECORDS)]


class CorrectionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a record is wrong, and the one that takes its place; without one it is withdrawn."""

    reason: Annotated[str, msgspec.Meta(max_length=40, description=", ".join(CORRECTION_REASONS))]
    replacement: OwnRecord | None = None


class Finding(msgspec.Struct, frozen=True):
    """Why a record is rejected, and what to do about it."""

    code: str
    column: str
    what: Mapping[str, str]
    fix: Mapping[str, str]


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a record; grams as integers.

    ``status``: ``stored``; ``known`` where the same record was stored before; ``rejected`` or
    ``failed``, with ``findings`` or the ``code`` of what is wrong, and nothing was stored.
    """

    record_id: str
    status: Literal["stored", "known", "rejected", "failed"]
    fact: str | None = None
    methodology: str | None = None
    er_g: int | None = None
    be_g: int | None = None
    pe_g: int | None = None
    u_g: int | None = None
    le_g: int | None = None
    grade: str | None = None
    flags: Sequence[str] = ()
    factors: Mapping[str, str] = {}
    findings: Sequence[Finding] = ()
    code: str | None = None
    messages: Mapping[str, str] = {}


def _answer(record_id: str, told: Mapping[str, Any]) -> Answer:
    if told["rejected"]:
        return Answer(record_id, "rejected", findings=_findings(told))
    return Answer(record_id, "stored", **told["record"])


def _known(system: System, actor: Actor, record_id: str) -> Answer:
    """The answer for a record that came before by another door, such as a file."""
    entry = system.records.entry(Whose(source=actor.organisation), record_id)
    told: dict[str, Any] = {
        "fact": entry.fact,
        "methodology": entry.methodology,
        **entry.grams,
        "grade": entry.grade,
        "flags": entry.flags,
        "factors": system.records.factors(entry),
    }
    return Answer(record_id, "known", **told)


def _findings(told: Mapping[str, Any]) -> list[Finding]:
    return [
        Finding(
            reason["code"],
            reason["column"],
            {lang: FAULTS[reason["code"]].what.say(lang) for lang in ("zh", "en")},
            {lang: FAULTS[reason["code"]].fix.say(lang) for lang in ("zh", "en")},
        )
        for reason in told["reasons"]
    ]


def _failed(record_id: str, error: CarbonError) -> Answer:
    messages = {"zh": error.say("zh"), "en": error.say("en")}
    return Answer(record_id, "failed", code=error.code, messages=messages)


async def _record(system: System, actor: Actor, record_id: str, body: RecordBody) -> Answer:
    """Record with all who wait at the same moment. Raises what the record was told instead."""
    cells = {"record_id": record_id, **body.cells}
    if cells["record_id"] != record_id:
        raise CarbonError("request.invalid", where="cells.record_id", reason=cells["record_id"])
    ask = Ask.of(cells, actor.organisation, body.methodology, body.project)
    told = answer_or_raise(await asyncio.wrap_future(system.records.hand(ask)))
    if told["known"]:
        return await sync_to_thread(_known, system, actor, record_id)
    return _answer(record_id, told)


@put("/records/{record_id:str}", opt=WRITE)
async def put_record(
    request: Request[Any, Any, Any],
    system: NamedDependency[System],
    record_id: NamedRecord,
    data: JSONBody[RecordBody],
) -> Response[Any]:
    """Store a record: validated, quantified, its leaf waiting for the log. 422 tells why not."""
    # One dependency: for two the framework starts tasks, a tenth of the time of a scan.
    actor = actor_of(request.scope.get("user"))
    check_own(actor, "records.write", actor.organisation)
    return _responded(request, await _record(system, actor, record_id, data))


def _responded(request: Request[Any, Any, Any], answer: Answer) -> Response[Any]:
    """An answer, or a problem that lists every finding."""
    if answer.status != "rejected":
        return Response(answer)
    reasons = ", ".join(f"{found.code} ({found.column})" for found in answer.findings)
    error = CarbonError("record.rejected", record_id=answer.record_id, reasons=reasons)
    return problem(request, error, findings=answer.findings)


@post("/records", opt=WRITE, status_code=200)
async def post_batch(
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
    data: JSONBody[RecordBatch],
) -> list[Answer]:
    """Store up to 500 records, each by itself: one that fails stops no other one."""
    check_own(actor, "records.write", actor.organisation)

    async def answered(record: OwnRecord) -> Answer:
        try:
            return await _record(system, actor, record.record_id, record)
        except CarbonError as error:
            return _failed(record.record_id, error)

    return await asyncio.gather(*map(answered, data.records))


@post("/records/{record_id:str}/corrections", opt=WRITE, status_code=200)
async def correct_record(
    request: Request[Any, Any, Any],
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
    record_id: NamedRecord,
    data: JSONBody[CorrectionBody],
) -> Response[Any]:
    """Replace a record by another one with an id of its own, or withdraw it.

    A record is corrected once, so its id stands for the request.
    """
    check_own(actor, "records.write", actor.organisation)
    new, source = data.replacement, actor.organisation
    if new is None:
        told = await sync_to_thread(system.correct, record_id, data.reason, None, source)
        return Response({"record_id": record_id, "withdrawn": told["withdrawn"]})
    cells = {"record_id": new.record_id, **new.cells}
    told = await sync_to_thread(
        system.correct, record_id, data.reason, cells, source, new.methodology
    )
    return _responded(request, _answer(new.record_id, told))


def whose(actor: Actor) -> Whose:
    """Whose records an actor sees: those its organisation told, or those of the person."""
    check_own(actor, "records.read", actor.organisation or actor.person)
    if actor.role is Role.RESIDENT:
        return Whose(person=actor.person)
    return Whose(source=actor.organisation)


def _entry(system: System, entry: RecordEntry) -> dict[str, Any]:
    return {
        "fact": entry.fact,
        "record_id": entry.record_id,
        "recorded_at": entry.recorded_at,
        "occurred_on": entry.occurred_on,
        "act": entry.act,
        "item_type": entry.item_type,
        "quantity": entry.quantity,
        "mass_kg": entry.mass_kg,
        **entry.grams,
        "grade": entry.grade,
        "flags": entry.flags,
        "factors": system.records.factors(entry),
        "methodology": entry.methodology,
        "project": entry.project,
        "leaf_index": entry.leaf_index,
        "status": _standing(entry),
        "reason": entry.corrected,
        "replaced_by": entry.replaced_by,
    }


def _standing(entry: RecordEntry) -> str:
    if entry.corrected is None:
        return "stands"
    return "withdrawn" if entry.replaced_by is None else "replaced"


@get("/records", opt=READ, sync_to_thread=True)
def list_records(
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[dict[str, Any]]:
    """One's own records, the latest first."""
    entries = system.records.page(whose(actor), cursor or None, limit + 1)
    return page([_entry(system, entry) for entry in entries], limit, lambda row: row["fact"])


@get("/records/{record_id:str}", opt=READ, sync_to_thread=True)
def get_record(
    system: NamedDependency[System], actor: NamedDependency[Actor], record_id: NamedRecord
) -> dict[str, Any]:
    """A record of one's own: an organisation's by its own id, a resident's by the fact's id."""
    return _entry(system, system.records.entry(whose(actor), record_id))


@get("/records/{record_id:str}/receipt", opt=READ, sync_to_thread=True)
def get_receipt(
    request: Request[Any, Any, Any],
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
    record_id: NamedRecord,
) -> Response[bytes]:
    """The receipt that recomputes a record offline; 409 until its leaf is published."""
    receipt = system.records.receipt(whose(actor), record_id)
    return tagged(request, receipt, "application/json", filename="receipt.json")


records = Router(
    "/",
    route_handlers=[
        put_record,
        post_batch,
        correct_record,
        list_records,
        get_record,
        get_receipt,
    ],
    tags=["records"],
)
