"""Rows of uploads; implements the port ``UploadBook``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.adapters.store.database import Database
from carbon.domain.errors import CarbonError
from carbon.domain.upload import (
    ENDED,
    MAX_ALL_BYTES,
    MAX_OPEN,
    MAX_OWN_BYTES,
    RUNNING,
    Announced,
    State,
    Task,
    Wanted,
)
from carbon.ports.uploads import Upload

#: Mappings kept for one organisation.
MAX_MAPPINGS: Final = 100
#: Number of the advisory lock of new uploads on PostgreSQL; any fixed one.
_ANNOUNCING: Final = 6_971
_JSON: Final = ("wanted", "report")
#: Columns that are empty text to a service and null in the table.
_BLANK: Final = ("folder", "mapping")
_up: Final = t.upload.c


class UploadRows:
    """Uploads of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, upload: Upload) -> Upload:
        """Add an upload within the limits, or find the one there is. Raises ``upload.*``."""
        with self._database.write() as connection:
            # One after another, so that together they stay within the limits.
            if not self._database.is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ANNOUNCING)))
            query = _one(upload.organisation, upload.id)
            found = connection.execute(query).one_or_none()
            if found is None:
                _check_room(connection, upload)
                connection.execute(sa.insert(t.upload), _new_row(upload))
                found = connection.execute(query).one()
        return _upload(found)

    def find(self, organisation: str, id_: str) -> Upload:
        """One of an organisation. Raises ``upload.unknown``."""
        with self._database.read() as connection:
            found = connection.execute(_one(organisation, id_)).one_or_none()
        if found is None:
            raise CarbonError("upload.unknown", id=id_)
        return _upload(found)

    def page(self, organisation: str, after: str, limit: int) -> Sequence[Upload]:
        """Those of an organisation, the latest first, from the one after an id."""
        query = sa.select(t.upload).where(_up.organisation == organisation)
        if after:
            place = sa.tuple_(_up.created_at, _up.id)
            seen = self.find(organisation, after)
            query = query.where(
                place < sa.tuple_(sa.literal(seen.created_at, t.Instant()), sa.literal(seen.id))
            )
        query = query.order_by(_up.created_at.desc(), _up.id.desc()).limit(limit)
        return self._all(query)

    def waiting(self, now: datetime, limit: int) -> Sequence[Upload]:
        """Queued ones, and running ones whose lease ended, the longest waiting first."""
        lost = sa.and_(_up.state.in_(RUNNING.values()), _up.expires_at <= now)
        query = sa.select(t.upload).where(sa.or_(_up.state == State.QUEUED, lost))
        return self._all(query.order_by(_up.changed_at, _up.id).limit(limit))

    def due(self, before: datetime, limit: int) -> Sequence[Upload]:
        """Uploads with files that were created before a moment, or cancelled."""
        over = sa.or_(_up.created_at <= before, _up.state == State.CANCELLED)
        query = sa.select(t.upload).where(_up.folder.is_not(None), over)
        return self._all(query.order_by(_up.created_at).limit(limit))

    def change(self, seen: Upload, **values: Any) -> bool:
        """Change an upload if it still is as it was seen."""
        same = (
            _up.state == seen.state,
            _up.received == seen.received,
            _up.changed_at == seen.changed_at,
            _up.expires_at.is_not_distinct_from(seen.expires_at),
        )
        with self._database.write() as connection:
            return change_row(connection, seen, values, *same)

    def hold(self, held: Upload, **values: Any) -> bool:
        """Change an upload if nobody else got the right to."""
        with self._database.write() as connection:
            return change_row(connection, held, values)

    def remembered(self, organisation: str, header: str) -> str:
        """The mapping an organisation read files with this header with, or nothing."""
        query = sa.select(t.mapping.c.mapping).where(
            t.mapping.c.organisation == organisation, t.mapping.c.header == header
        )
        with self._database.read() as connection:
            return connection.execute(query).scalar() or ""

    def remember(self, organisation: str, header: str, mapping: str, at: datetime) -> None:
        """Keep a mapping; the one unused longest gives way."""
        own = t.mapping.c.organisation == organisation
        kept = (
            sa.select(t.mapping.c.header)
            .where(own)
            .order_by(t.mapping.c.used_at.desc())
            .limit(MAX_MAPPINGS)
        )
        row = {"organisation": organisation, "header": header, "mapping": mapping, "used_at": at}
        with self._database.write() as connection:
            connection.execute(sa.delete(t.mapping).where(own, t.mapping.c.header == header))
            connection.execute(sa.insert(t.mapping), row)
            connection.execute(sa.delete(t.mapping).where(own, t.mapping.c.header.not_in(kept)))

    def _all(self, query: sa.Select[Any]) -> list[Upload]:
        with self._database.read() as connection:
            return [_upload(row) for row in connection.execute(query)]


def change_row(
    connection: sa.Connection, held: Upload, values: Mapping[str, Any], *same: sa.ColumnElement[Any]
) -> bool:
    """Change an upload in a transaction of somebody's, if its fence is still the one held."""
    statement = (
        sa.update(t.upload)
        .where(_up.organisation == held.organisation, _up.id == held.id)
        .where(_up.fence == held.fence, *same)
        .values(_cells(values))
    )
    return connection.execute(statement).rowcount == 1


def _one(organisation: str, id_: str) -> sa.Select[Any]:
    return sa.select(t.upload).where(_up.organisation == organisation, _up.id == id_)


def _check_room(connection: sa.Connection, upload: Upload) -> None:
    """Raise ``upload.too_many``, ``upload.space`` where one more is too much."""
    own = _up.organisation == upload.organisation
    ended = _up.state.in_(ENDED)
    query = sa.select(
        sa.func.count().filter(own, ~ended),
        sa.func.coalesce(sa.func.sum(_up.size).filter(own), 0),
        sa.func.coalesce(sa.func.sum(_up.size), 0),
    ).where(_up.folder.is_not(None))
    count, held, all_held = connection.execute(query).one()
    if count >= MAX_OPEN:
        raise CarbonError("upload.too_many", count=count, limit=MAX_OPEN)
    size = upload.announced.size
    for taken, limit in ((int(held), MAX_OWN_BYTES), (int(all_held), MAX_ALL_BYTES)):
        if taken + size > limit:
            raise CarbonError("upload.space", held=taken, size=size, limit=limit)


def _new_row(upload: Upload) -> dict[str, Any]:
    return {
        "organisation": upload.organisation,
        "id": upload.id,
        "state": upload.state,
        "name": upload.announced.name,
        "size": upload.announced.size,
        "sha256": upload.announced.sha256,
        "received": 0,
        "folder": upload.folder,
        "created_at": upload.created_at,
        "changed_at": upload.changed_at,
        "accept_valid": 0,
        "rows": 0,
        "fence": 0,
        "tries": 0,
    }


def _cells(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as columns hold them."""
    cells = dict(values)
    for name in _JSON:
        if cells.get(name) is not None:
            cells[name] = json.dumps(msgspec.to_builtins(cells[name]), ensure_ascii=False)
    for name in _BLANK:
        if name in cells:
            cells[name] = cells[name] or None
    if "accept_valid" in cells:
        cells["accept_valid"] = int(cells["accept_valid"])
    return cells


def _upload(row: sa.Row[Any]) -> Upload:
    return Upload(
        organisation=row.organisation,
        id=row.id,
        state=State(row.state),
        announced=Announced(row.name, row.size, row.sha256),
        created_at=row.created_at,
        changed_at=row.changed_at,
        folder=row.folder or "",
        received=row.received,
        task=row.task and Task(row.task),
        wanted=row.wanted and Wanted(**json.loads(row.wanted)),
        accept_valid=bool(row.accept_valid),
        mapping=row.mapping or "",
        report=row.report and json.loads(row.report),
        annotated=row.annotated,
        rows=row.rows,
        total=row.total,
        fence=row.fence,
        tries=row.tries,
        expires_at=row.expires_at,
    )
