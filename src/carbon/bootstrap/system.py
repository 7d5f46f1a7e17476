"""A running system: database, log and keys of one home, with the services over them."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carbon.adapters.clock import SetClock, SystemClock
from carbon.adapters.executors import Threads
from carbon.adapters.intake import (
    CORRECTION,
    RECORD,
    SUBMISSION,
    Request,
    StoreIntake,
    correction_leaf,
)
from carbon.adapters.logstore import LogFolder
from carbon.adapters.reference import Reference, algorithms
from carbon.adapters.signing import SigningKey, verify_ed25519
from carbon.adapters.store import schema
from carbon.adapters.store.backup import backup, restore
from carbon.adapters.store.database import Database
from carbon.adapters.store.erasure import Erasures
from carbon.adapters.store.facts import Corrections, Facts, NewFact
from carbon.adapters.store.hledger import hledger_text
from carbon.adapters.store.journal_leaves import JournalLeaves
from carbon.adapters.store.ledger import balances
from carbon.adapters.store.ledger_checks import LedgerChecks
from carbon.adapters.store.log_queue import DatabaseQueue
from carbon.adapters.store.ownership import bound_to, claim_identity
from carbon.adapters.store.registry_checks import RegistryChecks
from carbon.adapters.store.stored import Records, WholeStore, record_key
from carbon.adapters.tabular import open_source, read_mapping
from carbon.adapters.tabular.record import open_record
from carbon.adapters.vault import Vault
from carbon.domain.activity.record import CORRECTION_REASONS, Vocabulary, vocabularies
from carbon.domain.errors import CarbonError, Lang
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.ledger.account import Balance
from carbon.domain.log.leaf import canonical
from carbon.domain.log.note import Key, is_name
from carbon.domain.period import day_number
from carbon.domain.quantification.engine import Conditions, Engine
from carbon.domain.quantification.methodologies import methodology_named
from carbon.files.factor_folder import read_catalogue
from carbon.files.log_folder import PublishedLog, open_log
from carbon.ports import Clock, Head, Progress
from carbon.services.ingest import ingest
from carbon.services.receipt import receipt
from carbon.services.reconcile import Reconciliation, reconcile
from carbon.services.repair import repair
from carbon.services.sequence import accept_cosignature, sequence
from carbon.settings import Settings

if TYPE_CHECKING:
    from carbon.bootstrap.accounts import Accounts
    from carbon.bootstrap.registrar import Registrar

#: Files of the keys' folder; ``signed`` keeps the last checkpoint outside database and log.
STORE_KEY, LOG_KEY, SIGNED, ERASURES = "store.key", "log.key", "signed", "erasures"
#: How often a submission is tried when another one was faster with the same ids, and how long it
#: waits at most before the second try (seconds), twice as long before each further one.
_TRIES, _WAIT = 6, 0.05
#: CSV bytes read at once: small blocks keep a long import small.
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """What `carbon ingest` was asked for.

    ``source``: who submits, a name space of record ids; ``submission``: the client's id, by
    default made from everything asked for, so that the same call is the same submission;
    ``project``: whose records they are.
    """

    path: Path
    source: str = "local"
    submission: str | None = None
    methodology: str = "HD-REUSE"
    mapping: str = "canonical"
    demonstration: bool = False
    as_of: date | None = None
    accept_valid: bool = False
    annotated: Path | None = None
    lang: Lang = "zh"
    project: str | None = None


class System:
    """Opens parts when they are needed and keeps them. Raises ``store.*``, ``key.*``."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or clock_of(settings)
        self._engines: dict[tuple[Any, ...], Engine] = {}

    @cached_property
    def database(self) -> Database:
        """The application's connections, to a schema of the right revision."""
        database = Database(self.settings.database)
        try:
            database.ready()
        except CarbonError:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Close all connections; nothing else is held."""
        if "database" in self.__dict__:
            self.database.close()

    @cached_property
    def vault(self) -> Vault:
        """The secrets, checked to be those of this database."""
        vault = Vault(self.settings.keys / STORE_KEY)
        claim_identity(self.database, "vault", vault.fingerprint)
        return vault

    @cached_property
    def catalogue(self) -> Catalogue:
        """The factor tables."""
        return read_catalogue(self.settings.factors)

    @cached_property
    def words(self) -> Mapping[str, Vocabulary]:
        """The vocabulary of every code column."""
        return vocabularies(self.catalogue)

    def upgrade(self, to: str = "head") -> str:
        """Bring the database to the current revision, as its owner; makes the secrets of a new one.

        Raises ``key.missing`` if a database that was used has lost its key.
        """
        with (
            closing(Database(self.settings.owner)) as owner,
            closing(Database(self.settings.database)) as app,
        ):
            if owner.path is not None:
                owner.path.parent.mkdir(parents=True, exist_ok=True)
            role = app.url.username if app.url.username != owner.url.username else None
            with owner.write() as connection:
                schema.upgrade(connection, self.clock.today(), role, to)
            key = self.settings.keys / STORE_KEY
            if not key.exists():
                if bound_to(owner, "vault") is not None:
                    raise CarbonError("key.missing", path=key)
                Vault.create(key)
        return schema.head()

    # --- log ----------------------------------------------------------------------------------

    @cached_property
    def signer(self) -> SigningKey:
        """The log's key, checked to be that of this database."""
        signer = SigningKey(self.settings.keys / LOG_KEY)
        claim_identity(self.database, "log", signer.key.vkey)
        return signer

    @property
    def _signed(self) -> Path:
        return self.settings.keys / SIGNED

    @cached_property
    def log(self) -> PublishedLog:
        """The published log, as anybody reads it."""
        return open_log(str(self.settings.log))

    def init_log(self, origin: str) -> str:
        """Make a new log with a new key; returns the key to publish.

        One that was interrupted is finished by the same call. Raises ``log.exists``,
        ``log.origin``.
        """
        if not is_name(origin):
            raise CarbonError("log.origin", origin=origin)
        key, folder = self.settings.keys / LOG_KEY, self.settings.log
        used = folder.exists() and any(folder.iterdir())
        if used or self._signed.exists() or DatabaseQueue(self.database).head():
            raise CarbonError("log.exists", path=folder)
        if key.exists() and SigningKey(key).key.name != origin:
            raise CarbonError("log.exists", path=key)
        if not key.exists():
            SigningKey.create(key, origin)
        LogFolder.create(folder, self.signer.key)
        return self.signer.key.vkey

    def sequence(self, progress: Progress) -> Head | None:
        """Publish every pending leaf; returns the last checkpoint."""
        return sequence(
            DatabaseQueue(self.database),
            LogFolder(self.settings.log, self.settings.spool, self._signed),
            JournalLeaves(self.database, self.settings.spool, algorithms(self.settings.digest)),
            self.signer,
            verify_ed25519,
            self.clock,
            progress,
        )

    def head_size(self) -> int:
        """Leaves in the last checkpoint."""
        head = DatabaseQueue(self.database).head()
        return 0 if head is None else head.size

    def repair(self) -> list[str]:
        """Make altered or missing tiles and lost row files anew; returns their paths."""
        files = LogFolder(self.settings.log, self.settings.spool, self._signed)
        return repair(DatabaseQueue(self.database), files, WholeStore(self.database))

    def cosign(self, note: bytes, witness: str) -> str:
        """Store and publish a witness's cosignature; returns its name.

        Raises ``note.*``, ``checkpoint.*``, ``log.foreign`` if it is no checkpoint of this log.
        """
        files = LogFolder(self.settings.log, self.settings.spool, self._signed)
        queue = DatabaseQueue(self.database)
        key = Key.parse(witness)
        return accept_cosignature(note, key, queue, files, self.signer, verify_ed25519, self.clock)

    def receipt(self, record_id: str, source: str = "local") -> bytes:
        """The receipt of a record, as the bytes of its file. Raises ``receipt.*``."""
        record = Records(self.database, self.vault).stored(source, record_id)
        return receipt(record, self.log, self.signer, verify_ed25519)

    # --- ingest -------------------------------------------------------------------------------

    def _engine(self, name: str, *, demonstration: bool, as_of: date | None) -> Engine:
        today = self.clock.today()
        wanted = (name, demonstration, as_of, today)
        if wanted not in self._engines:
            conditions = Conditions(
                today=day_number(today),
                demonstration=demonstration,
                as_of=None if as_of is None else day_number(as_of),
            )
            methodology = methodology_named(name, as_of or today)
            self._engines[wanted] = Engine(self.catalogue, methodology, conditions)
        return self._engines[wanted]

    def ingest(self, request: IngestRequest, progress: Progress) -> Mapping[str, Any]:
        """Store a file, or tell why not; the same request is told the same.

        Raises ``request.conflict`` for an id that stands for another submission, ``file.output``
        where rejected rows would overwrite the file they come from.
        """
        if request.annotated and _is_same(request.annotated, request.path):
            raise CarbonError("file.output", path=request.annotated, reason="INPUT = OUTPUT")
        mapping = read_mapping(request.mapping)
        source = open_source(request.path, mapping, self.words, _BLOCK_BYTES)
        digest = self._digest(
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
            kind=SUBMISSION,
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
        )
        return self._store(asked, source, request.methodology, progress)

    def record(
        self,
        cells: Mapping[str, str],
        source: str = "local",
        methodology: str = "HD-REUSE",
        project: str | None = None,
    ) -> Mapping[str, Any]:
        """Store one record; ``cells`` by canonical column, in code, Chinese or English.

        Its id is the request's id. Raises ``columns.*``, ``record.json``, ``request.conflict``.
        """
        record = open_record(cells, self.words)
        request = {"cells": dict(cells), "methodology": methodology}
        digest = self._digest(request if project is None else {**request, "project": project})
        key = record_key(self.vault, source, record.record_id)
        asked = _Asked(RECORD, key, record.record_id, digest, source, project=project)
        return self._store(asked, record, methodology)

    def correct(
        self,
        record_id: str,
        reason: str,
        cells: Mapping[str, str] | None = None,
        source: str = "local",
        methodology: str = "HD-REUSE",
    ) -> Mapping[str, Any]:
        """Replace a record by another one with an id of its own, or withdraw it.

        Raises ``correction.*``, ``columns.*``, and ``request.conflict`` for a record that was
        corrected in another way.
        """
        if reason not in CORRECTION_REASONS:
            known = ", ".join(CORRECTION_REASONS)
            raise CarbonError("correction.reason", reason=reason, known=known)
        record = None if cells is None else open_record(cells, self.words)
        request = {
            "cells": None if cells is None else dict(cells),
            "reason": reason,
            "methodology": methodology,
        }
        key, digest = record_key(self.vault, source, record_id), self._digest(request)
        answered = self._answered(CORRECTION, key, digest, record_id)
        if answered is not None:
            return answered
        corrections = Corrections(self.database)
        replaces = corrections.fact_of(key, record_id)
        project = corrections.project_of(replaces, record_id)
        if record is not None:
            asked = _Asked(
                CORRECTION,
                key,
                record_id,
                digest,
                source,
                replaces=replaces,
                reason=reason,
                project=project,
            )
            told = self._store(asked, record, methodology)
            if told["known"]:
                raise CarbonError("correction.known", record_id=record.record_id)
            return told
        answer = {"kind": CORRECTION, "id": key, "withdrawn": replaces}
        body = canonical(correction_leaf(replaces, reason))
        fact = NewFact(CORRECTION, key, body, digest, answer)
        corrections.withdraw(fact, replaces, reason, self.clock.now())
        return answer

    def _digest(self, request: Mapping[str, Any]) -> str:
        """A keyed hash of everything asked for: a plain one of few unknown cells could be tried."""
        text = json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return self.vault.pseudonym("request", text.encode())

    def _scoped(self, source: str, key: str) -> str:
        """A client's id as a key of facts: what is public of it is a keyed hash."""
        return self.vault.pseudonym("key", f"{source}\n{key}".encode())

    def _answered(self, kind: str, key: str, digest: str, named: str) -> Mapping[str, Any] | None:
        """What the same request was told. Raises ``request.conflict`` for another one.

        ``named``: the id as its client knows it.
        """
        answered = Facts(self.database).answered(kind, key)
        if answered is None:
            return None
        if answered.request != digest:
            raise CarbonError("request.conflict", id=named)
        return answered.answer

    def _store(
        self,
        asked: _Asked,
        source: Any,
        methodology: str,
        progress: Progress = lambda *_: None,
    ) -> Mapping[str, Any]:
        """Answer a request, once: as before, or by storing it, again where another was faster."""
        facts = Facts(self.database, asked.replaces)
        if asked.project is not None and not facts.knows("project", asked.project):
            raise CarbonError("project.unknown", project=asked.project)
        for attempt in range(_TRIES):
            answered = self._answered(asked.kind, asked.key, asked.digest, asked.named)
            if answered is not None:
                return answered
            # Only now: what was told stands, also where its methodology is no longer in force.
            engine = self._engine(methodology, demonstration=asked.demonstration, as_of=asked.as_of)
            try:
                answer = ingest(
                    source,
                    engine,
                    self._intake(asked, source, engine),
                    facts,
                    Threads(),
                    progress,
                    accept_valid=asked.accept_valid,
                )
            except CarbonError as error:
                if error.code != "store.raced" or attempt == _TRIES - 1:
                    raise
                # Chance keeps those who met once from meeting again.
                time.sleep(random.uniform(0, _WAIT * 2**attempt))  # noqa: S311  no secret
                continue
            # Nothing of it was new: because the same submission was stored meanwhile?
            if (
                "id" in answer
                or self._answered(asked.kind, asked.key, asked.digest, asked.named) is None
            ):
                return answer
        raise AssertionError("unreachable: the last try returns or raises")

    def _intake(self, asked: _Asked, source: Any, engine: Engine) -> StoreIntake:
        spool = self.settings.spool
        reference = Reference(
            self.catalogue, engine.methodology, self.settings.factors, spool, self.settings.digest
        )
        request = Request(
            kind=asked.kind,
            key=asked.key,
            source=asked.source,
            digest=asked.digest,
            at=self.clock.now(),
            annotated=asked.annotated,
            lang=asked.lang,
            replaces=asked.replaces,
            reason=asked.reason,
            project=asked.project,
        )
        return StoreIntake(
            request,
            source.survey(),
            engine,
            self.words,
            reference,
            self.database,
            self.vault,
            spool,
        )

    @cached_property
    def registry(self) -> Registrar:
        """Decisions of officers, owners and verifiers."""
        from carbon.bootstrap.registrar import Registrar

        return Registrar(self)

    @cached_property
    def accounts(self) -> Accounts:
        """Who may act, and who is acting."""
        from carbon.bootstrap.accounts import Accounts

        return Accounts(self)

    # --- ledger -------------------------------------------------------------------------------

    def balances(self, asset: str | None = None) -> list[Balance]:
        """What all accounts have, or those of an asset, by asset and code."""
        with self.database.read() as connection:
            return list(balances(connection, asset))

    def balances_after(self, asset: str | None, cursor: str, limit: int) -> list[Balance]:
        """Some accounts by asset and code; those after ``asset TAB account``."""
        at, _, code = cursor.partition("\t")
        with self.database.read() as connection:
            return list(balances(connection, asset, (at, code) if cursor else None, limit))

    def export_ledger(self) -> Iterator[str]:
        """All journals as text that hledger reads."""
        return hledger_text(self.database)

    # --- care ---------------------------------------------------------------------------------

    def reconcile(self, progress: Progress) -> Reconciliation:
        """The database against the published log."""
        return reconcile(
            WholeStore(self.database),
            LedgerChecks(self.database),
            RegistryChecks(self.database),
            self.log,
            self.signer,
            verify_ed25519,
            progress,
        )

    @property
    def _erasures(self) -> Erasures:
        return Erasures(self.database, self.settings.keys / ERASURES)

    def erase(self, identity: str) -> int:
        """Erase a person; returns how many records' private values went with them."""
        return self._erasures.erase(self.vault, identity, self.clock.now())

    def backup(self, folder: Path) -> Mapping[str, Any]:
        """Back the database up into a new folder. Keys and log are backed up apart."""
        with closing(Database(self.settings.owner)) as owner:
            return backup(owner, folder, self.head_size())

    def restore(self, folder: Path) -> Mapping[str, Any]:
        """Restore a backup into an empty database, and do all erasures again.

        Raises ``store.*``, and ``key.missing`` before anything is restored: the list of erasures
        lies with the keys, and without it whoever was erased would be back.
        """
        key = self.settings.keys / STORE_KEY
        if not key.exists():
            raise CarbonError("key.missing", path=key)
        with closing(Database(self.settings.owner)) as owner:
            manifest = restore(owner, folder)
        self.upgrade()
        return {**manifest, "erased_again": self._erasures.again()}

    def check(self) -> list[CarbonError]:
        """What is wrong with schema, guards and rights."""
        with closing(Database(self.settings.database)) as database:
            if database.path is not None and not database.path.is_file():
                return [CarbonError("store.outdated", at="—", head=schema.head())]
            with database.read() as connection:
                return schema.faults(connection)


def clock_of(settings: Settings) -> Clock:
    """The system's clock, or one set by hand in a demonstration."""
    return SystemClock() if settings.moment is None else SetClock(settings.moment)


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request to store something, whatever door it came through."""

    kind: str
    key: str
    named: str
    digest: str
    source: str
    demonstration: bool = False
    as_of: date | None = None
    accept_valid: bool = False
    annotated: Path | None = None
    lang: Lang = "zh"
    replaces: str | None = None
    reason: str = ""
    project: str | None = None
