"""Files of records on their way into the store, and what single records share with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from carbon.adapters.executors import Threads
from carbon.adapters.intake import SUBMISSION, Beside, Request, StoreIntake
from carbon.adapters.reference import Reference
from carbon.adapters.store.claims import Facts
from carbon.adapters.tabular import Mapping as ColumnMapping
from carbon.adapters.tabular import read_mapping
from carbon.adapters.tabular.source import TableSource, open_table
from carbon.adapters.tabular.tables import TableFile
from carbon.bootstrap.system import System
from carbon.domain.errors import CarbonError, Lang
from carbon.domain.period import day_number
from carbon.domain.quantification.engine import Conditions, Engine
from carbon.domain.quantification.methodologies import methodology_named
from carbon.ports import Progress
from carbon.services.attempts import attempt
from carbon.services.ingest import ingest

#: CSV bytes read at once: small blocks keep a long import small.
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """What `carbon ingest` was asked for.

    ``source``: who submits, a name space of record ids; ``submission``: the client's id, by
    default made from everything asked for, so that the same call is the same submission;
    ``mapping``: a name, a path, or the mapping itself; ``project``: whose records they are;
    ``beside``: what else is written in the transaction that stores them; ``reader``: what opens the
    file, reading so many bytes at once.
    """

    path: Path
    source: str = "local"
    submission: str | None = None
    methodology: str = "HD-REUSE"
    mapping: str | ColumnMapping = "canonical"
    demonstration: bool = False
    as_of: date | None = None
    accept_valid: bool = False
    annotated: Path | None = None
    lang: Lang = "zh"
    project: str | None = None
    beside: Beside | None = None
    reader: Callable[[Path, int], TableFile] = open_table


class Submissions:
    """Submissions to a system. Raises ``request.conflict``, ``file.*``, ``columns.*``."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._engines: dict[tuple[Any, ...], Engine] = {}
        self._references: dict[str, Reference] = {}

    def engine(
        self, name: str, *, demonstration: bool = False, as_of: date | None = None
    ) -> Engine:
        """A methodology in force today, with today's tables. Raises ``methodology.*``."""
        today = self._system.clock.today()
        wanted = (name, demonstration, as_of, today)
        if wanted not in self._engines:
            conditions = Conditions(
                today=day_number(today),
                demonstration=demonstration,
                as_of=None if as_of is None else day_number(as_of),
            )
            methodology = methodology_named(name, as_of or today)
            self._engines[wanted] = Engine(self._system.catalogue, methodology, conditions)
        return self._engines[wanted]

    def ingest(self, request: IngestRequest, progress: Progress) -> Mapping[str, Any]:
        """Store a file, or tell why not; the same request is told the same.

        Raises ``request.conflict`` for an id that stands for another submission, ``file.output``
        where rejected rows would overwrite the file they come from.
        """
        if request.annotated and _is_same(request.annotated, request.path):
            raise CarbonError("file.output", path=request.annotated, reason="INPUT = OUTPUT")
        given = request.mapping
        mapping = read_mapping(given) if isinstance(given, str) else given
        source = TableSource(
            request.reader(request.path, _BLOCK_BYTES), mapping, self._system.words
        )
        digest = self.digest(
            {
                "source": request.source,
                "input": source.digest,
                # What it says, not what it is called: a corrected mapping is another request.
                "mapping": mapping.model_dump(mode="json"),
                "methodology": request.methodology,
                "demonstration": request.demonstration,
                "as_of": None if request.as_of is None else request.as_of.isoformat(),
                "accept_valid": request.accept_valid,
                **({} if request.project is None else {"project": request.project}),
            }
        )
        key = self._scoped(request.source, request.submission or digest)
        asked = _Asked(
            key=key,
            named=request.submission or request.path.name,
            digest=digest,
            source=request.source,
            demonstration=request.demonstration,
            as_of=request.as_of,
            accept_valid=request.accept_valid,
            annotated=request.annotated,
            lang=request.lang,
            project=request.project,
            beside=request.beside,
        )
        self.check_project(request.project)
        return attempt(partial(self._store, asked, source, request.methodology, progress))

    def check_project(self, project: str | None) -> None:
        """Raise ``project.unknown`` for a project nobody registered."""
        if project is not None and not Facts(self._system.database).knows("project", project):
            raise CarbonError("project.unknown", project=project)

    def digest(self, request: Mapping[str, Any]) -> str:
        """A keyed hash of everything asked for: a plain one of few unknown cells could be tried."""
        text = json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return self._system.vault.pseudonym("request", text.encode())

    def _scoped(self, source: str, key: str) -> str:
        """A client's id as a key of facts: what is public of it is a keyed hash."""
        return self._system.vault.pseudonym("key", f"{source}\n{key}".encode())

    def answered(self, kind: str, key: str, digest: str, named: str) -> Mapping[str, Any] | None:
        """What the same request was told. Raises ``request.conflict`` for another one.

        ``named``: the id as its client knows it.
        """
        answered = Facts(self._system.database).answered(kind, key)
        if answered is None:
            return None
        if answered.request != digest:
            raise CarbonError("request.conflict", id=named)
        return answered.answer

    def _store(
        self, asked: _Asked, source: TableSource, methodology: str, progress: Progress
    ) -> Mapping[str, Any]:
        """Answer a request once: as before, or by storing it."""

        def answered() -> Mapping[str, Any] | None:
            return self.answered(SUBMISSION, asked.key, asked.digest, asked.named)

        told = answered()
        if told is not None:
            return told
        # Only now: what was told stands, also where its methodology is no longer in force.
        engine = self.engine(methodology, demonstration=asked.demonstration, as_of=asked.as_of)
        answer = ingest(
            source,
            engine,
            self._intake(asked, source, engine),
            Facts(self._system.database),
            Threads(),
            progress,
            accept_valid=asked.accept_valid,
        )
        # Nothing of it was new: because the same submission was stored meanwhile?
        return answer if "id" in answer else answered() or answer

    def reference(self, engine: Engine) -> Reference:
        """What records computed with an engine refer to."""
        name = engine.methodology.name
        if name not in self._references:
            settings = self._system.settings
            self._references[name] = Reference(
                self._system.catalogue,
                engine.methodology,
                settings.factors,
                settings.spool,
                settings.digest,
            )
        return self._references[name]

    def _intake(self, asked: _Asked, source: TableSource, engine: Engine) -> StoreIntake:
        request = Request(
            key=asked.key,
            source=asked.source,
            digest=asked.digest,
            at=self._system.clock.now(),
            annotated=asked.annotated,
            lang=asked.lang,
            project=asked.project,
            beside=asked.beside,
        )
        return StoreIntake(
            request,
            source.survey(),
            engine,
            self._system.words,
            self.reference(engine),
            self._system.database,
            self._system.vault,
            self._system.settings.spool,
        )


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request to store a file."""

    key: str
    named: str
    digest: str
    source: str
    demonstration: bool = False
    as_of: date | None = None
    accept_valid: bool = False
    annotated: Path | None = None
    lang: Lang = "zh"
    project: str | None = None
    beside: Beside | None = None
