"""What officers, owners and verifiers do with a running system: decisions, and what they rest on.

Work on the log (building a report, drawing a sample) is done before a transaction is opened; the
transaction then only checks and writes.
"""

from __future__ import annotations

import json
import os
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
from carbon.adapters.store.facts import Corrections
from carbon.adapters.store.impact import Impacts
from carbon.adapters.store.log_queue import DatabaseQueue
from carbon.adapters.store.registry import RegistryStore
from carbon.adapters.store.residents import consent
from carbon.adapters.store.stored import record_key
from carbon.bootstrap.verification import Verification
from carbon.domain.calendar import Calendar
from carbon.domain.credit.contents import check_content
from carbon.domain.credit.decision import Member, Signature, digest, message
from carbon.domain.credit.issuance import Block, is_serial, serial_number
from carbon.domain.credit.issuing import plan
from carbon.domain.credit.moving import holder
from carbon.domain.credit.project import project_named
from carbon.domain.credit.reporting import build, next_scope
from carbon.domain.credit.restating import excess_credits
from carbon.domain.credit.verification import report_of
from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.log.checkpoint import Checkpoint, verify_checkpoint
from carbon.domain.log.note import Key
from carbon.domain.mrv.reported import Reported, rebuild, report_content
from carbon.domain.period import Period
from carbon.files.calendar_file import CALENDAR, read_calendar
from carbon.files.log_folder import PublishedLog
from carbon.ports.registry import Choice, Decisions, Downstream, Held, Unit, Waiting
from carbon.services.registry import (
    holding,
    impact,
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
    from carbon.bootstrap.papers import Papers
    from carbon.bootstrap.system import System

#: Bytes of the salt of a beneficiary's digest.
_SALT_BYTES = 32

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
        return self._decide(
            kind, id_, content, _signature(digest(kind, id_, content), key), private
        )

    def _decide(
        self,
        kind: str,
        id_: str,
        content: Mapping[str, Any],
        signature: Signature,
        private: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        check_content(kind, id_, content)
        prepared = self._prepare(kind, id_, content)
        with self.deciding(prepared) as context:
            return decide(context, RULES, kind, id_, content, signature, private)

    def _prepare(self, kind: str, id_: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """What a rule needs of the log."""
        match kind:
            case "report":
                return {id_: self._report(content["project"], content["month"])}
            case "reveal":
                return self._drawn(content)
            case "statement":
                return {content["report"]: self.document(content["report"])}
            case "issuance":
                document = self.document(content["report"])
                return {content["report"]: document, issuing.CATALOGUE: self._newest(document)}
            case "restatement":
                return self._restated(content)
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
        signature = _signature(f"{waiting.digest}/undo", key)
        with self.deciding() as context:
            return undo(context, RULES, waiting.digest, signature)

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
        public = SigningKey(key).key.public.hex()
        with self.reading() as decisions:
            member = decisions.members().get(public)
        if member is None:
            raise CarbonError("decision.unknown_key", key=public[:16])
        return member

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

    def _report(self, project: str, month: str) -> Reported:
        """The next report of a month, its file ready for publication. Raises ``report.*``."""
        queue = DatabaseQueue(self._system.database)
        pending = len(queue.pending(1))
        if pending:
            raise CarbonError("report.pending", count=pending)
        head = self._head()
        told = {"origin": head.origin, "size": head.size, "root": head.root.hex()}
        with self.reading() as decisions:
            scope = next_scope(decisions, project, Period.parse(month), head.size)
            built = build(decisions, self._system.log, scope, told)
        self._spool(built)
        return built

    def _spool(self, built: Reported) -> None:
        path = self._system.settings.spool / REPORTS / f"{built.sha256}.json"
        write_durably(path, built.content)

    def report(self, project: str, month: str, key: Path) -> dict[str, Any]:
        """Report a closed month."""
        built = self._report(project, month)
        id_, content = built.document["id"], report_content(built)
        signature = _signature(digest("report", id_, content), key)
        with self.deciding({id_: built}) as context:
            return decide(context, RULES, "report", id_, content, signature)

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
        size = self._head().size
        found = {}
        for leaf_index, row in places:
            leaf = json.loads(self.log.leaf(leaf_index, size))
            if row >= 0:
                line = self.log.row(leaf["file"]["sha256"], row, leaf["rows"])
                found[leaf_index, row] = json.loads(line)
            else:
                found[leaf_index, row] = leaf["row"]
        return found

    def _head(self) -> Checkpoint:
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

    # --- credits ------------------------------------------------------------------------------

    def issue(self, report: str, keys: Sequence[Path]) -> dict[str, Any]:
        """Issue what a statement confirms; asked again, what was issued."""
        document = self.document(report)
        with self.reading() as decisions:
            done = decisions.find("issuance", report)
            if done is None:
                planned = plan(decisions, self._newest(document), report, document)
                content: Mapping[str, Any] = {
                    "report": report,
                    "credits": str(planned.amounts.credits),
                }
            else:
                content = done.decision.content
        return self._signed_by(keys, "issuance", report, content)

    def _newest(self, document: Mapping[str, Any]) -> Catalogue:
        """The newest catalogue of a report, whose policies hold."""
        return self.log.factors(document["catalogues"][-1])

    def _signed_by(
        self,
        keys: Sequence[Path],
        kind: str,
        id_: str,
        content: Mapping[str, Any],
        private: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Sign with each key in turn; the last answer."""
        answer: dict[str, Any] = {}
        for key in keys:
            answer = self.decide(kind, id_, content, key, private)
        return answer

    def retire(
        self,
        id_: str,
        organisation: str,
        asset: str,
        credits_: int,
        beneficiary: str,
        purpose: str,
        keys: Sequence[Path],
        serials: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Retire credits for a beneficiary, of whom the log tells a salted digest only.

        Asked again under the same id for the same one, the salt is the one made first; for another
        beneficiary it is ``request.conflict``.
        """
        private = self._store.private(id_)
        if private is None or private["beneficiary"] != beneficiary:
            private = {"beneficiary": beneficiary, "salt": os.urandom(_SALT_BYTES).hex()}
        content = {
            "asset": asset,
            "holder": organisation,
            "credits": str(credits_),
            "beneficiary_sha256": holding.beneficiary_digest(beneficiary, private["salt"]),
            "purpose": purpose,
            **(serials or {}),
        }
        return self._signed_by(keys, "retirement", id_, content, private)

    def holdings(self, organisation: str) -> list[dict[str, Any]]:
        """What an organisation holds: by asset, what is free and in which ranges."""
        account = holder(organisation)
        with self.reading() as decisions:
            return [
                {
                    "asset": asset,
                    "free": decisions.balance(asset, account),
                    "serials": [str(block) for block in decisions.blocks(asset, account)],
                }
                for asset in decisions.assets()
                if decisions.balance(asset, account)
            ]

    def numbered(self, kind: str, organisation: str) -> str:
        """The next id of a repeated act on a holder."""
        with self.reading() as decisions:
            return f"{organisation}/{len(decisions.every(kind, f'{organisation}/')) + 1}"

    def lookup(self, serial: int) -> dict[str, Any]:
        """Who holds a serial, where it comes from, what moved it. Raises ``serial.unknown``."""
        block = Block(serial, serial)
        held = self._impacts.holdings([block])
        if not held:
            raise CarbonError("serial.unknown", serial=block)
        with self.reading() as decisions:
            reports = impact.issued_on(decisions, block)
            told = impact.of_reports(decisions, self._impacts, reports)
        return {"account": held[0].account, "asset": held[0].asset, "reports": reports,
                "moves": told["moves"]}  # fmt: skip

    def held(self, blocks: Sequence[Block]) -> Sequence[Held]:
        """Who holds serials of some blocks now."""
        return self._impacts.holdings(blocks)

    def private(self, retirement: str) -> Mapping[str, str]:
        """What of a retirement is not published; erased, it is blank."""
        return self._store.private(retirement) or {"beneficiary": "—", "salt": ""}

    def forget(self, retirement: str) -> None:
        """Erase the beneficiary of a retirement. Raises ``certificate.unknown``."""
        if not self._store.forget(retirement):
            raise CarbonError("certificate.unknown", id=retirement)

    @property
    def log_key(self) -> Key:
        """The log's public key."""
        return self._system.signer.key

    @cached_property
    def papers(self) -> Papers:
        """Documents to read and to keep."""
        from carbon.bootstrap.papers import Papers

        return Papers(self)

    # --- impact -------------------------------------------------------------------------------

    @cached_property
    def _impacts(self) -> Impacts:
        return Impacts(self._system.database)

    def fact_of(self, record_id: str, source: str) -> str:
        """The fact of a record. Raises ``correction.unknown``, ``correction.done``."""
        key = record_key(self._system.vault, source, record_id)
        return Corrections(self._system.database).fact_of(key, record_id)

    def impact(self, fact: str, source: str = "local") -> dict[str, Any]:
        """Everything downstream of a factor, a report, a serial number or a record."""
        with self.reading() as decisions:
            if fact.count("/") > 1 and decisions.find("report", fact) is not None:
                return impact.of_reports(decisions, self._impacts, [fact])
            if is_serial(fact):
                number = serial_number(fact)
                reports = impact.issued_on(decisions, Block(number, number))
                return impact.of_reports(decisions, self._impacts, reports)
            return impact.impact(decisions, self._impacts, self._uses(fact, source))

    def _uses(self, fact: str, source: str) -> Downstream:
        """Records that a factor row's id, or a record's id, stands for."""
        numbers = self._factor_numbers(fact)
        if numbers:
            return self._impacts.of_factor(numbers)
        return self._impacts.of_records([self.fact_of(fact, source)])

    def _factor_numbers(self, factor: str) -> dict[str, int]:
        """The row's number in every published catalogue that has it."""
        found = {}
        for root in self._store.catalogues():
            catalogue = self.log.factors(root)
            for number, row in zip(catalogue.leaf_numbers, catalogue.rows, strict=True):
                if row.id == factor:
                    found[root] = number
        return found

    # --- restatement --------------------------------------------------------------------------

    def _restated(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Each report as issued and as it comes to now, and which ones are concerned."""
        replaced, withdrawn = frozenset(content["replaced"]), frozenset(content["withdrawn"])
        known = content["known"]
        prepared: dict[str, Any] = {restating.AFFECTED: self._affected(replaced, withdrawn)}
        for told in content["reports"]:
            before = self.document(told["report"])
            after = rebuild(before, self.log, known, replaced, withdrawn)
            self._spool(after)
            prepared[told["report"]] = before, after
        return prepared

    def _affected(self, replaced: frozenset[str], withdrawn: frozenset[str]) -> list[str]:
        """Issued reports that records or factors concern."""
        uses = self._impacts.of_records(sorted(replaced)).uses
        with self.reading() as decisions:
            issued = {found.decision.id for found in decisions.every("issuance")}
            concerned = set(impact.reports_of(decisions, uses)) & issued
        using = {r for r in issued if withdrawn & set(self.document(r)["factor_rows"])}
        return sorted(concerned | using)

    def restate(
        self,
        replaced: Sequence[str],
        withdrawn: Sequence[str],
        reason: str,
        text: str,
        keys: Sequence[Path],
    ) -> dict[str, Any]:
        """Withdraw records and factors that credits were issued on, and make good for them.

        ``replaced``: fact ids; ``withdrawn``: factor rows.
        """
        reports = self._affected(frozenset(replaced), frozenset(withdrawn))
        if not reports:
            raise CarbonError("restatement.not_issued", report="—")
        blank = [{"report": report, "credits": "0", "sha256": "0" * 64} for report in reports]
        content: dict[str, Any] = {
            "reports": blank,
            "known": self._head().size,
            "replaced": sorted(replaced),
            "withdrawn": sorted(withdrawn),
            "reason": reason,
            "text": text,
        }
        prepared = self._restated(content)
        with self.reading() as decisions:
            content["reports"] = [
                {
                    "report": report,
                    "credits": str(
                        excess_credits(
                            decisions, report, prepared[report][0], prepared[report][1].document
                        )
                    ),
                    "sha256": prepared[report][1].sha256,
                }
                for report in reports
            ]
        return self._signed_by(
            keys, "restatement", digest("restatement", "", content)[:16], content
        )


def _signature(name: str, key: Path) -> Signature:
    """A signature over a digest. Raises ``key.missing``, ``key.invalid``."""
    signer = SigningKey(key)
    return Signature(signer.key.public.hex(), signer.sign(message(name)).hex())
