"""Forms of answers that many operations share: cached content and pages of lists."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Generic, TypeVar, cast

import msgspec
from litestar import Request, Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter

from carbon.domain.roles import PUBLIC
from carbon.web.guards import PERMISSION

#: Items of one page.
MAX_PAGE: Final = 100
_MAX_CURSOR: Final = 200
#: How many items to return.
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_PAGE, description="每页条数 / items of a page")]
#: Where the page begins: ``next`` of the page before.
Cursor = Annotated[
    str,
    QueryParameter(max_length=_MAX_CURSOR, description="上一页的 next / next of the page before"),
]
#: The same where places are numbers.
Place = Annotated[
    str,
    QueryParameter(pattern="^[0-9]{0,18}$", description="上一页的 next / next of the page before"),
]

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A part of a list. ``next``: the cursor of the following page, ``null`` at the end."""

    items: list[T]
    next: str | None = None


def page(items: Sequence[T], limit: int, place: Callable[[T], str]) -> Page[T]:
    """The first items of a list that holds one more where there is more."""
    shown = list(items[:limit])
    return Page(shown, place(shown[-1]) if len(items) > limit else None)


def whole_number(cursor: str) -> int | None:
    """A :data:`Place` as a number; ``None`` at the beginning."""
    return int(cursor) if cursor else None


def tagged(
    request: Request[Any, Any, Any],
    content: bytes | str,
    media_type: str,
    *,
    seconds: int = 0,
    filename: str = "",
    policy: str = "",
) -> Response[bytes]:
    """Content with its ETag, or 304 where the client has it.

    ``seconds``: how long it may be kept without asking; 0 asks every time. ``policy``: what a
    browser lets it load, where that is not what our pages may. What needs an account is kept by
    nobody but who asked for it.
    """
    content = content.encode() if isinstance(content, str) else content
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    kept = f"max-age={seconds}" if seconds else "no-cache"
    public = request.route_handler.opt[PERMISSION] == PUBLIC
    headers = {"ETag": tag, "Cache-Control": kept if public else "no-store"}
    if filename:
        headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    if policy:
        headers["Content-Security-Policy"] = policy
    known = request.headers.get("if-none-match", "")
    if tag in (part.strip().removeprefix("W/") for part in known.split(",")):
        return Response(b"", status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def tagged_json(
    request: Request[Any, Any, Any], value: Mapping[str, Any], *, seconds: int = 0
) -> Response[dict[str, Any]]:
    """The same for a value as JSON."""
    content = tagged(request, msgspec.json.encode(value), "application/json", seconds=seconds)
    return cast("Response[dict[str, Any]]", content)


def documents(*media_types: str) -> dict[int, ResponseSpec]:
    """What an operation that answers documents may answer, for its description."""
    return {
        200: ResponseSpec(
            data_container=bytes,
            media_type=media_types[0],
            generate_examples=False,
            description="文件 / a document",
        )
    }


def moment(at: datetime) -> str:
    """A moment as answers tell it, in UTC to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds")
