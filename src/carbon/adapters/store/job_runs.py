"""Runs of jobs in the database; implements the port ``Runs``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from carbon.adapters.store import tables as t
from carbon.adapters.store.database import Database
from carbon.domain.errors import CarbonError
from carbon.ports.work import Run

#: How often a run that failed is tried, and how long after its last failure.
MAX_ATTEMPTS, RETRY_AFTER = 3, timedelta(minutes=1)
_MOST_ASKED = 100
_OVER = ("done", "failed")


class JobRuns:
    """Runs of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(
        self, job: str, due_at: datetime, owner: str, now: datetime, until: datetime
    ) -> int | None:
        """Take a run; the number of the attempt, or ``None``."""
        run, c = _named(job, due_at), t.job_run.c
        free = sa.or_(
            c.state == "asked",
            (c.state == "running") & (c.lease_until < now),
            (c.state == "failed") & (c.attempt < MAX_ATTEMPTS) & (c.ended_at <= now - RETRY_AFTER),
        )
        taken = {"state": "running", "owner": owner, "lease_until": until, "started_at": now}
        again = sa.update(t.job_run).where(run, free)
        with self._database.write() as connection:
            done = connection.execute(
                again.values(attempt=c.attempt + 1, ended_at=None, code=None, **taken)
            )
            if done.rowcount:
                query = sa.select(c.attempt).where(run)
                return int(connection.execute(query).scalar_one())
            row = {"job": job, "due_at": due_at, "attempt": 1, **taken}
            new = _insert(connection).values(row).on_conflict_do_nothing().returning(c.attempt)
            return connection.execute(new).scalar_one_or_none()

    def extend(self, job: str, due_at: datetime, attempt: int, until: datetime) -> bool:
        """Go on holding a run; false where it was lost."""
        return self._set(job, due_at, attempt, lease_until=until)

    def finish(
        self,
        job: str,
        due_at: datetime,
        attempt: int,
        at: datetime,
        code: str | None,
        result: Mapping[str, Any],
    ) -> bool:
        """End a run; false where it was lost."""
        return self._set(
            job,
            due_at,
            attempt,
            state="done" if code is None else "failed",
            ended_at=at,
            code=code,
            result=json.dumps(result, ensure_ascii=False),
        )

    def give_back(self, job: str, due_at: datetime, attempt: int) -> None:
        """Let another worker have a run at once."""
        self._set(job, due_at, attempt, state="asked", owner=None, lease_until=None)

    def _set(self, job: str, due_at: datetime, attempt: int, **values: Any) -> bool:
        own = _named(job, due_at), t.job_run.c.state == "running", t.job_run.c.attempt == attempt
        with self._database.write() as connection:
            done = connection.execute(sa.update(t.job_run).where(*own).values(**values))
        return bool(done.rowcount)

    def ask(self, job: str, request: str, now: datetime) -> Run:
        """Ask for a run now; the same request is the same run. Raises ``request.conflict``."""
        row = {"job": job, "due_at": now, "state": "asked", "attempt": 0, "request": request}
        query = sa.select(t.job_run).where(t.job_run.c.request == request)
        with self._database.write() as connection:
            connection.execute(_insert(connection).values(row).on_conflict_do_nothing())
            found = connection.execute(query).one_or_none()
        if found is None or found.job != job:
            raise CarbonError("request.conflict", id=request)
        return _run(found)

    def asked(self) -> Sequence[tuple[str, datetime]]:
        """Runs that were asked for and nobody has taken."""
        c = t.job_run.c
        query = sa.select(c.job, c.due_at).where(c.state == "asked").order_by(c.due_at)
        with self._database.read() as connection:
            rows = connection.execute(query.limit(_MOST_ASKED)).all()
        return [(row.job, row.due_at) for row in rows]

    def latest(self, job: str, limit: int) -> Sequence[Run]:
        """The last runs of a job, the newest first."""
        query = sa.select(t.job_run).where(t.job_run.c.job == job)
        query = query.order_by(t.job_run.c.due_at.desc()).limit(limit)
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(query)]

    def prune(self, before: datetime) -> int:
        """Forget runs that ended before a moment."""
        old = t.job_run.c.state.in_(_OVER), t.job_run.c.ended_at < before
        with self._database.write() as connection:
            return connection.execute(sa.delete(t.job_run).where(*old)).rowcount


def _named(job: str, due_at: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(t.job_run.c.job == job, t.job_run.c.due_at == due_at)


def _insert(connection: sa.Connection) -> Any:
    """An insert that can leave a conflict alone, as each engine has it."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(t.job_run)


def _run(row: Any) -> Run:
    return Run(
        row.job,
        row.due_at,
        row.state,
        row.attempt,
        row.owner,
        row.started_at,
        row.ended_at,
        row.code,
        None if row.result is None else json.loads(row.result),
        row.request,
    )
