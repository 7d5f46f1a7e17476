"""Uploads: a file sent piece by piece, checked, looked at, stored. The work is done by workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Router, get, patch, post, put
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.response import File, ServerSentEvent, ServerSentEventMessage

from carbon.bootstrap.system import System
from carbon.domain.roles import Actor, check_own
from carbon.domain.upload import BUSY, MAX_BYTES, MAX_PIECE_BYTES, Announced, Wanted
from carbon.ports.uploads import Upload
from carbon.web.answers import Limit, Page, page
from carbon.web.api.records import Methodology, Project
from carbon.web.guards import PERMISSION
from carbon.web.problems import language
from carbon.web.server import DRAINING

UPLOADS: Final = {PERMISSION: "uploads"}
#: Seconds between two looks at an upload that is watched, and how long a watch lasts; whoever still
#: wants to know asks again, as browsers do by themselves.
WATCH_SECONDS: Final = 0.5
MAX_LOOKS: Final = 1_200

UploadId = Annotated[
    str,
    PathParameter(
        min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$",
        description="上传编号，由客户端生成 / id made by the client",
    ),
]  # fmt: skip
Offset = Annotated[
    int, QueryParameter(ge=0, le=MAX_BYTES, description="这一段的起点 / where the piece begins")
]


#: Where a page begins: the id of the last upload before it.
After = Annotated[
    str,
    QueryParameter(
        pattern="^[A-Za-z0-9._-]{0,64}$", description="上一页的 next / next of the page before"
    ),
]


class AnnounceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that will be sent. Its name is shown to people; its kind is told by its content."""

    name: Annotated[
        str,
        msgspec.Meta(
            min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["2026-10.xlsx"]
        ),
    ]
    size: Annotated[int, msgspec.Meta(ge=0, le=1 << 50, examples=[48_213])]
    sha256: Annotated[
        str, msgspec.Meta(pattern="^[0-9a-f]{64}$", description="SHA-256，十六进制 / hexadecimal")
    ]


class CheckBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to read a file. Without ``mapping``: as the last one with the same columns, or as its
    column names suggest.
    """

    methodology: Methodology = "HD-REUSE"
    project: Project | None = None
    mapping: (
        Annotated[
            dict[str, Any],
            msgspec.Meta(
                description="列映射，见 docs/mappings / as in docs/mappings",
                examples=[{"columns": {"record_id": {"from": "单号"}}, "ignore": ["操作员"]}],
            ),
        ]
        | None
    ) = None


class CommitBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``accept_valid``: store the sound rows although others are rejected."""

    accept_valid: bool = False


class UploadAnswer(msgspec.Struct, frozen=True):
    """Where an upload is.

    ``received``: bytes that arrived, where the next piece begins; ``rows`` of ``total``: how far
    the work is; ``mapping``: how the file was read and what its header suggests; ``summary``: what
    the check found; ``stored``: what was stored; ``error``: why the work failed.
    """

    id: str
    state: str
    name: str
    size: int
    sha256: str
    received: int
    created_at: Any
    rows: int
    total: int | None
    task: str | None
    mapping: Mapping[str, Any] | None
    summary: Mapping[str, Any] | None
    stored: Mapping[str, Any] | None
    error: Mapping[str, Any] | None


def _answer(upload: Upload) -> UploadAnswer:
    report = upload.report or {}
    return UploadAnswer(
        id=upload.id,
        state=upload.state,
        name=upload.announced.name,
        size=upload.announced.size,
        sha256=upload.announced.sha256,
        received=upload.received,
        created_at=upload.created_at,
        rows=upload.rows,
        total=upload.total,
        task=upload.task,
        mapping=report.get("mapping"),
        summary=report.get("summary"),
        stored=_stored(report.get("stored")),
        error=report.get("error"),
    )


def _stored(answer: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The answer without what only the store can read."""
    if answer is None:
        return None
    return {name: value for name, value in answer.items() if name not in ("id", "kind", "reasons")}


def _own(actor: Actor) -> str:
    """Whose uploads an actor works with. Raises ``access.denied`` without an organisation."""
    check_own(actor, "uploads", actor.organisation)
    return actor.organisation


@put("/uploads/{upload_id:str}", opt=UPLOADS, sync_to_thread=True)
def put_upload(
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
    upload_id: UploadId,
    data: JSONBody[AnnounceBody],
) -> UploadAnswer:
    """Announce a file: its size and SHA-256, which what arrives must have."""
    announced = Announced(data.name, data.size, data.sha256)
    return _answer(system.uploads.announce(_own(actor), upload_id, announced))


@patch("/uploads/{upload_id:str}/content", opt=UPLOADS, request_max_body_size=MAX_PIECE_BYTES)
async def patch_content(
    request: Request[Any, Any, Any],
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
    upload_id: UploadId,
    offset: Offset,
) -> UploadAnswer:
    """Send the next piece as it is, up to 8 MiB; 409 tells where it should have begun.

    A piece counts when it is on disk as a whole: one that broke off is sent again.
    """
    with ExitStack() as opened:
        arriving = system.uploads.arriving(_own(actor), upload_id, offset)
        piece = await sync_to_thread(opened.enter_context, arriving)
        async for block in request.stream():
            await sync_to_thread(piece.write, block)
        return _answer(await sync_to_thread(piece.finish))


@get("/uploads", opt=UPLOADS, sync_to_thread=True)
def list_uploads(
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
    limit: Limit = 50,
    cursor: After = "",
) -> Page[UploadAnswer]:
    """Uploads of one's own organisation, the latest first."""
    found = system.uploads.page(_own(actor), cursor, limit + 1)
    return page([_answer(upload) for upload in found], limit, lambda answer: answer.id)


@get("/uploads/{upload_id:str}", opt=UPLOADS, sync_to_thread=True)
def get_upload(
    system: NamedDependency[System], actor: NamedDependency[Actor], upload_id: UploadId
) -> UploadAnswer:
    """Where an upload is."""
    return _answer(system.uploads.find(_own(actor), upload_id))


@post("/uploads/{upload_id:str}/check", opt=UPLOADS, status_code=202, sync_to_thread=True)
def check_upload(
    request: Request[Any, Any, Any],
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
    upload_id: UploadId,
    data: JSONBody[CheckBody],
) -> UploadAnswer:
    """Have a file checked as if it were stored; nothing is."""
    mapping = "" if data.mapping is None else msgspec.json.encode(data.mapping).decode()
    wanted = Wanted(data.methodology, mapping, data.project, language(request))
    return _answer(system.uploads.check(_own(actor), upload_id, wanted))


@post("/uploads/{upload_id:str}/commit", opt=UPLOADS, status_code=202, sync_to_thread=True)
def commit_upload(
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
    upload_id: UploadId,
    data: JSONBody[CommitBody],
) -> UploadAnswer:
    """Have a checked file stored, exactly once."""
    own = _own(actor)
    return _answer(system.uploads.commit(own, upload_id, accept_valid=data.accept_valid))


@post("/uploads/{upload_id:str}/cancel", opt=UPLOADS, status_code=200, sync_to_thread=True)
def cancel_upload(
    system: NamedDependency[System], actor: NamedDependency[Actor], upload_id: UploadId
) -> UploadAnswer:
    """Forget an upload of which nothing is stored, also while it is worked on."""
    return _answer(system.uploads.cancel(_own(actor), upload_id))


@get("/uploads/{upload_id:str}/annotated", opt=UPLOADS, sync_to_thread=True)
def get_annotated(
    system: NamedDependency[System], actor: NamedDependency[Actor], upload_id: UploadId
) -> File:
    """The rejected rows as CSV with what is wrong and what to do; correct and upload it."""
    path: Path = system.uploads.annotated(_own(actor), upload_id)
    return File(path, filename="annotated.csv", media_type="text/csv; charset=utf-8")


@get("/uploads/{upload_id:str}/events", opt=UPLOADS)
async def watch_upload(
    system: NamedDependency[System], actor: NamedDependency[Actor], upload_id: UploadId
) -> ServerSentEvent:
    """Where an upload is, told whenever it changes, until no worker has to do with it."""
    own = _own(actor)
    first = await sync_to_thread(system.uploads.find, own, upload_id)
    return ServerSentEvent(_told(system, first))


async def _told(system: System, upload: Upload) -> AsyncIterator[ServerSentEventMessage]:
    shown: UploadAnswer | None = None
    for _ in range(MAX_LOOKS):
        answer = _answer(upload)
        if answer != shown:
            shown = answer
            yield ServerSentEventMessage(data=msgspec.json.encode(answer).decode(), event="upload")
        if upload.state not in BUSY or DRAINING.is_set():
            return
        await asyncio.sleep(WATCH_SECONDS)
        upload = await sync_to_thread(system.uploads.find, upload.organisation, upload.id)


uploads = Router(
    "/",
    route_handlers=[
        put_upload,
        patch_content,
        list_uploads,
        get_upload,
        check_upload,
        commit_upload,
        cancel_upload,
        get_annotated,
        watch_upload,
    ],
    tags=["uploads"],
)
