"""What officers, owners and verifiers do with a running system: decisions, and what they rest on.

Work on the log (building a report, drawing a sample) is done before a transaction is opened; the
transaction then only checks and writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carbon.adapters.clock import ZONE
from carbon.adapters.disk import write_durably
from carbon.adapters.parties import person_lookup
from carbon.adapters.signing import SigningKey, verify_ed25519
from carbon.adapters.spool import REPORTS
from carbon.adapters.store.impact import Impacts
from carbon.adapters.store.log_queue import DatabaseQueue
from carbon.adapters.store.registry import RegistryStore
from carbon.adapters.store.residents import consent
from carbon.bootstrap.proposals import Proposals
from carbon.bootstrap.verification import Verification
from carbon.domain.calendar import Calendar
from carbon.domain.credit.contents import check_content
from carbon.domain.credit.decision import Member, Signature, digest, message
from carbon.domain.credit.project import project_named
from carbon.domain.credit.reporting import build, next_scope
from carbon.domain.credit.verification import report_of
from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.log.checkpoint import Checkpoint, verify_checkpoint
from carbon.domain.log.note import Key
from carbon.domain.mrv.reported import Reported
from carbon.domain.period import Period
from carbon.files.calendar_file import CALENDAR, read_calendar
from carbon.files.log_folder import PublishedLog
from carbon.ports.registry import Choice, Decisions, Unit, Waiting
from carbon.services.registry import (
    holding,
    issuing,
    persons,
    projects,
    reporting,
    restating,
    verifying,
)
from carbon.services.registry.decide import (
    Context,
    Rules,
    decide,
    due,
    find_waiting,
    held_back,
    settle,
    undo,
)

if TYPE_CHECKING:
    from carbon.bootstrap.crediting import Credits
    from carbon.bootstrap.papers import Papers
    from carbon.bootstrap.restatements import Restatements
    from carbon.bootstrap.showcase import Showcase
    from carbon.bootstrap.system import System

RULES: Rules = {
    **persons.RULES,
    **projects.RULES,
    **reporting.RULES,
    **verifying.RULES,
    **issuing.RULES,
    **holding.RULES,
    **restating.RULES,
}


class Registrar:
    """The registry of a system. Raises ``decision.*`` and what each kind's rule says."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._store = RegistryStore(system.database)
        self._built: tuple[object, Reported] | None = None

    @cached_property
    def calendar(self) -> Calendar:
        """China's working days."""
        return read_calendar(self._system.settings.factors / CALENDAR)

    @contextmanager
    def reading(self) -> Iterator[Decisions]:
        """What was decided, as of one moment."""
        with self._store.reading() as decisions:
            yield decisions

    def _context(self, unit: Unit, prepared: Mapping[str, Any]) -> Context:
        return Context(
            unit=unit,
            now=self._system.clock.now().astimezone(ZONE),
            calendar=self.calendar,
            catalogue=self._system.catalogue,
            verify=verify_ed25519,
            demonstration=self._system.settings.demonstration,
            prepared=prepared,
        )

    @contextmanager
    def deciding(self, prepared: Mapping[str, Any] | None = None) -> Iterator[Context]:
        """A transaction to write in, with all that rules may ask."""
        with self._store.deciding(self._system.clock.now()) as unit:
            yield self._context(unit, prepared or {})

    @property
    def today(self) -> date:
        """The day in Tianjin."""
        return self._system.clock.today()

    @property
    def log(self) -> PublishedLog:
        """The published log."""
        return self._system.log

    # --- deciding -----------------------------------------------------------------------------

    def decide(
        self,
        kind: str,
        id_: str,
        content: Mapping[str, Any],
        key: Path,
        private: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Sign a decision; it takes effect with the last signature it needs, or waits.

        ``key``: file of the signer's key.
        """
        signature = _signature(digest(kind, id_, content), key)
        return self.submit(kind, id_, content, signature, private)

    def sign(self, keys: Sequence[Path], kind: str, /, **given: Any) -> dict[str, Any]:
        """Sign what `Proposals` makes of a kind, with each key in turn; the last answer."""
        proposal = self.propose(kind, **given)
        answer: dict[str, Any] = {}
        for key in keys:
            answer = self.decide(kind, proposal.id, proposal.content, key, proposal.private)
        return answer

    @cached_property
    def propose(self) -> Proposals:
        """What people are about to sign."""
        return Proposals(self)

    def submit(
        self,
        kind: str,
        id_: str,
        content: Mapping[str, Any],
        signature: Signature,
        private: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The same with a signature that was made elsewhere."""
        check_content(kind, id_, content)
        prepared = self._prepare(kind, id_, content)
        with self.deciding(prepared) as context:
            return decide(context, RULES, kind, id_, content, signature, private)

    def _prepare(self, kind: str, id_: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """What a rule needs of the log."""
        match kind:
            case "report":
                return {id_: self.built(content["project"], content["month"])}
            case "reveal":
                return self._drawn(content)
            case "statement":
                return {content["report"]: self.document(content["report"])}
            case "issuance":
                document = self.document(content["report"])
                return {content["report"]: document, issuing.CATALOGUE: self.newest(document)}
            case "restatement":
                return self.restatements.prepared(content)
        return {}

    def approve(self, name: str, key: Path) -> dict[str, Any]:
        """Add a signature to a waiting decision, found by its digest or id."""
        with self.reading() as decisions:
            waiting = find_waiting(decisions.waiting(), name)
        return self.decide(waiting.kind, waiting.id, waiting.content, key)

    def undo(self, name: str, key: Path) -> dict[str, Any]:
        """Take a waiting decision back."""
        with self.reading() as decisions:
            waiting = find_waiting(decisions.waiting(), name)
        return self.retract(waiting.digest, _signature(f"{waiting.digest}/undo", key))

    def retract(self, digest_: str, signature: Signature) -> dict[str, Any]:
        """The same with a signature that was made elsewhere."""
        with self.deciding() as context:
            return undo(context, RULES, digest_, signature)

    def settle(self) -> list[dict[str, Any]]:
        """Let everything take effect whose time has passed, each in a transaction of its own."""
        with self.deciding() as context:
            waiting = due(context)
        return [self._settled(one) for one in waiting]

    def _settled(self, waiting: Waiting) -> dict[str, Any]:
        try:
            with self.deciding() as context:
                return settle(context, RULES, waiting)
        except CarbonError as error:
            if error.code.startswith("store."):
                raise
            return held_back(waiting, error.code)

    def waiting(self) -> Sequence[Waiting]:
        """Decisions that wait."""
        with self.reading() as decisions:
            return decisions.waiting()

    # --- persons ------------------------------------------------------------------------------

    def person(self, identity: str) -> str:
        """The pseudonym of a person: one identity has one, whatever names it goes by."""
        return person_lookup(self._system.vault, identity)

    def enrol(
        self, key: Path, identity: str, roles: Sequence[str], organisation: str
    ) -> dict[str, Any]:
        """A person's card for registration, with a new key in a new file.

        Raises ``key.exists`` rather than replacing one.
        """
        if key.exists():
            raise CarbonError("key.exists", path=key)
        signer = SigningKey.create(key, f"{organisation}/{key.stem}")
        return {
            "person": self.person(identity),
            "key": signer.key.public.hex(),
            "roles": sorted(set(roles)),
            "organisation": organisation,
        }

    def signer(self, key: Path) -> Member:
        """Whose key a file holds. Raises ``decision.unknown_key``, ``key.*``."""
        return self.member(SigningKey(key).key.public.hex())

    def member(self, key: str) -> Member:
        """Whose public key it is. Raises ``decision.unknown_key``."""
        with self.reading() as decisions:
            found = decisions.members().get(key)
        if found is None:
            raise CarbonError("decision.unknown_key", key=key[:16])
        return found

    def consent(self, identity: str, mode: str, version: str) -> None:
        """Keep what a resident does with their grams. Raises ``person.unknown``."""
        lookup = person_lookup(self._system.vault, identity)
        now = self._system.clock.now()
        consent(self._system.database, lookup, Choice(mode, version), now)

    # --- projects -----------------------------------------------------------------------------

    def project(self, id_: str) -> dict[str, Any]:
        """A project as published, and how far it has come. Raises ``project.unknown``."""
        with self.reading() as decisions:
            found = project_named(decisions, id_)
        return {**found.published(), "step": found.status}

    # --- reports ------------------------------------------------------------------------------

    def built(self, project: str, month: str) -> Reported:
        """The next report of a month, its file ready for publication. Raises ``report.*``."""
        queue = DatabaseQueue(self._system.database)
        pending = len(queue.pending(1))
        if pending:
            raise CarbonError("report.pending", count=pending)
        head = self.head()
        told = {"origin": head.origin, "size": head.size, "root": head.root.hex()}
        with self.reading() as decisions:
            scope = next_scope(decisions, project, Period.parse(month), head.size)
            if self._built is None or self._built[0] != (scope, told):
                # Proposed, then signed: the same report, read from the log once.
                self._built = (scope, told), build(decisions, self._system.log, scope, told)
        built = self._built[1]
        self.spool(built)
        return built

    def spool(self, built: Reported) -> None:
        """Put a report's file where the sequencer publishes it from."""
        path = self._system.settings.spool / REPORTS / f"{built.sha256}.json"
        write_durably(path, built.content)

    def document(self, report_id: str, *, published: bool = True) -> dict[str, Any]:
        """A report's document, as published or as it waits for that.

        Raises ``verification.report``, ``log.missing``, ``log.changed``.
        """
        with self.reading() as decisions:
            digest_ = report_of(decisions, report_id).content["sha256"]
        waiting = self._system.settings.spool / REPORTS / f"{digest_}.json"
        content = waiting.read_bytes() if not published and waiting.is_file() else None
        content = content or self.log.report(digest_)
        if sha256(content).hexdigest() != digest_:
            raise CarbonError("log.changed", path=f"{REPORTS}/{digest_}.json")
        found: dict[str, Any] = json.loads(content)
        return found

    def rows(self, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], dict[str, Any]]:
        """Published rows by leaf and row, −1 where a leaf is its own record."""
        size = self.head().size
        found = {}
        for leaf_index, row in places:
            leaf = json.loads(self.log.leaf(leaf_index, size))
            if row >= 0:
                line = self.log.row(leaf["file"]["sha256"], row, leaf["rows"])
                found[leaf_index, row] = json.loads(line)
            else:
                found[leaf_index, row] = leaf["row"]
        return found

    def head(self) -> Checkpoint:
        """The published checkpoint, its signature checked."""
        key = self._system.signer.key
        return verify_checkpoint(self.log.checkpoint(), [key], verify_ed25519).checkpoint

    # --- verification -------------------------------------------------------------------------

    @cached_property
    def verification(self) -> Verification:
        """Work on a report."""
        return Verification(self)

    def _drawn(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """What a reveal needs to draw: checkpoint note, frame, report.

        The first one too: the other side may reveal meanwhile.
        """
        report = content["report"]
        with self.reading() as decisions:
            published = decisions.find("report", report)
        if published is None or published.leaf_index is None:
            return {}
        note = DatabaseQueue(self._system.database).note_including(published.leaf_index)
        document = self.document(report)
        return {
            report: document,
            verifying.NOTE: note,
            verifying.FRAME: self.verification.frame(document),
        }

    def newest(self, document: Mapping[str, Any]) -> Catalogue:
        """The newest catalogue of a report, whose policies hold."""
        return self.log.factors(document["catalogues"][-1])

    def known_private(self, retirement: str) -> Mapping[str, str] | None:
        """What of a retirement is not published, if it is known."""
        return self._store.private(retirement)

    # --- parts --------------------------------------------------------------------------------

    @cached_property
    def credits(self) -> Credits:
        """What is done with a statement, and with issued credits."""
        from carbon.bootstrap.crediting import Credits

        return Credits(self, self._store)

    @cached_property
    def restatements(self) -> Restatements:
        """What a correction reaches, and how it is made good."""
        from carbon.bootstrap.restatements import Restatements

        return Restatements(self, self._system, self._store)

    @cached_property
    def impacts(self) -> Impacts:
        """Where records, factors and serials are used now."""
        return Impacts(self._system.database)

    @property
    def log_key(self) -> Key:
        """The log's public key."""
        return self._system.signer.key

    @cached_property
    def showcase(self) -> Showcase:
        """What anyone may see."""
        from carbon.bootstrap.showcase import Showcase

        return Showcase(self, self._system)

    @cached_property
    def papers(self) -> Papers:
        """Documents to read and to keep."""
        from carbon.bootstrap.papers import Papers

        return Papers(self)


def _signature(name: str, key: Path) -> Signature:
    """A signature over a digest. Raises ``key.missing``, ``key.invalid``."""
    signer = SigningKey(key)
    return Signature(signer.key.public.hex(), signer.sign(message(name)).hex())
