"""A running system: database, log and keys of one home, with the services over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carbon.adapters.clock import SetClock, SystemClock
from carbon.adapters.logstore import LogFolder
from carbon.adapters.parties import person_lookup
from carbon.adapters.reference import algorithms
from carbon.adapters.signing import SigningKey, verify_ed25519
from carbon.adapters.store import schema
from carbon.adapters.store.backup import backup, restore
from carbon.adapters.store.database import Database
from carbon.adapters.store.erasure import Erasures
from carbon.adapters.store.hledger import hledger_text
from carbon.adapters.store.journal_leaves import JournalLeaves
from carbon.adapters.store.ledger import balances
from carbon.adapters.store.ledger_checks import LedgerChecks
from carbon.adapters.store.log_queue import DatabaseQueue
from carbon.adapters.store.ownership import bound_to, claim_identity
from carbon.adapters.store.registry_checks import RegistryChecks
from carbon.adapters.store.stored import Records, WholeStore
from carbon.adapters.vault import Vault
from carbon.domain.activity.record import Vocabulary, vocabularies
from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.ledger.account import Balance
from carbon.domain.log.note import Key, is_name
from carbon.files.factor_folder import read_catalogue
from carbon.files.log_folder import PublishedLog, open_log
from carbon.ports import Clock, Head, Progress
from carbon.services.receipt import receipt
from carbon.services.reconcile import Reconciliation, reconcile
from carbon.services.repair import repair
from carbon.services.sequence import accept_cosignature, sequence
from carbon.settings import Settings

if TYPE_CHECKING:
    from carbon.bootstrap.accounts import Accounts
    from carbon.bootstrap.jobs import Jobs
    from carbon.bootstrap.own_data import OwnData
    from carbon.bootstrap.recording import Recording
    from carbon.bootstrap.registrar import Registrar
    from carbon.bootstrap.submissions import Submissions
    from carbon.bootstrap.uploads import Uploads

#: Files of the keys' folder; ``signed`` keeps the last checkpoint outside database and log.
STORE_KEY, LOG_KEY, SIGNED, ERASURES = "store.key", "log.key", "signed", "erasures"


class System:
    """Opens parts when they are needed and keeps them. Raises ``store.*``, ``key.*``."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or clock_of(settings)

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
        """Finish what waits to be recorded, and close all connections."""
        if "records" in self.__dict__:
            self.records.close()
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
        fact_id = Records(self.database, self.vault).fact_of(source, record_id)
        return self.receipt_of(fact_id, record_id)

    def receipt_of(self, fact_id: str, record_id: str) -> bytes:
        """The receipt of a fact; ``record_id``: what its owner calls it. Raises ``receipt.*``."""
        record = Records(self.database, self.vault).stored(fact_id, record_id)
        return receipt(record, self.log, self.signer, verify_ed25519)

    # --- records ------------------------------------------------------------------------------

    @cached_property
    def submissions(self) -> Submissions:
        """Files of records on their way into the store."""
        from carbon.bootstrap.submissions import Submissions

        return Submissions(self)

    @cached_property
    def uploads(self) -> Uploads:
        """Files that organisations send in."""
        from carbon.bootstrap.uploads import Uploads

        return Uploads(self)

    @cached_property
    def records(self) -> Recording:
        """Records one by one, and their corrections."""
        from carbon.bootstrap.recording import Recording

        return Recording(self)

    def record(
        self,
        cells: Mapping[str, str],
        source: str = "local",
        methodology: str = "HD-REUSE",
        project: str | None = None,
    ) -> Mapping[str, Any]:
        """See :meth:`Recording.record`."""
        return self.records.record(cells, source, methodology, project)

    def correct(
        self,
        record_id: str,
        reason: str,
        cells: Mapping[str, str] | None = None,
        source: str = "local",
        methodology: str = "HD-REUSE",
    ) -> Mapping[str, Any]:
        """See :meth:`Recording.correct`."""
        return self.records.correct(record_id, reason, cells, source, methodology)

    @cached_property
    def registry(self) -> Registrar:
        """Decisions of officers, owners and verifiers."""
        from carbon.bootstrap.registrar import Registrar

        return Registrar(self)

    @cached_property
    def jobs(self) -> Jobs:
        """Recurring work."""
        from carbon.bootstrap.jobs import Jobs

        return Jobs(self)

    @cached_property
    def accounts(self) -> Accounts:
        """Who may act, and who is acting."""
        from carbon.bootstrap.accounts import Accounts

        return Accounts(self)

    @cached_property
    def own_data(self) -> OwnData:
        """What residents may do with what is known of them."""
        from carbon.bootstrap.own_data import OwnData

        return OwnData(self)

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
        """The database as of now against the published log; nobody waits for it."""
        signer, queue = self.signer, DatabaseQueue(self.database)
        with ExitStack() as frozen:
            with queue.sequencing():  # between signing and publishing the two differ
                database = frozen.enter_context(self.database.frozen(self.settings.spool))
            return reconcile(
                WholeStore(database, self.database),
                LedgerChecks(database),
                RegistryChecks(database),
                self.log,
                signer,
                verify_ed25519,
                progress,
            )

    @property
    def _erasures(self) -> Erasures:
        return Erasures(self.database, self.settings.keys / ERASURES)

    def erase(self, identity: str) -> int:
        """Erase a person; returns how many records' private values went with them."""
        return self.erase_person(person_lookup(self.vault, identity))

    def erase_person(self, lookup: str) -> int:
        """The same by the pseudonym of an account. Raises ``person.unknown``."""
        records = self._erasures.erase(lookup, self.clock.now())
        if "accounts" in self.__dict__:
            self.accounts.forget_all()
        return records

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
        return {**manifest, "erased_again": self._erasures.again(self.clock.now())}

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
