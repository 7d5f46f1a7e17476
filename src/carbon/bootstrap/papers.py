"""Papers of a registry: reports and statements to read, certificates, lists to download."""

from __future__ import annotations

import csv
import hashlib
import io
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from carbon.adapters import cadt
from carbon.adapters.documents.certificate_pdf import certificate_pdf
from carbon.adapters.documents.report_html import report_html
from carbon.adapters.documents.report_pdf import report_pdf
from carbon.adapters.documents.statement_pdf import statement_pdf
from carbon.adapters.signing import verify_ed25519
from carbon.domain.credit.decision import Decision
from carbon.domain.credit.drawn import sample_of
from carbon.domain.credit.history import Decided
from carbon.domain.credit.holdings import blocks_of
from carbon.domain.credit.issuance import Block, serial
from carbon.domain.credit.project import project_named
from carbon.domain.errors import CarbonError, Lang
from carbon.domain.log.leaf import canonical
from carbon.domain.log.merkle import leaf_hash
from carbon.domain.mrv.statement import FIELDS
from carbon.ports.registry import Decisions
from carbon.services.receipt import leaf_proof
from carbon.services.registry import impact

if TYPE_CHECKING:
    from carbon.bootstrap.registrar import Registrar

#: Accounts whose serials have a status of their own; all others hold them.
_STATUS = {"retired": "retired", "cancelled": "cancelled", "buffer": "buffer"}


class Papers:
    """Made on demand from what was decided and published."""

    def __init__(self, registrar: Registrar) -> None:
        self._registrar = registrar

    # --- reports and statements ---------------------------------------------------------------

    def report_page(self, report: str, lang: Lang) -> str:
        """A report as a page."""
        return report_html(self._registrar.document(report), lang)

    def report_pdf(self, report: str, lang: Lang) -> bytes:
        """A report as PDF."""
        return report_pdf(self._registrar.document(report), lang)

    def statement_pdf(self, report: str, lang: Lang) -> bytes:
        """A statement as PDF. Raises ``issuance.statement``."""
        with self._registrar.reading() as decisions:
            found = decisions.find("statement", report)
            if found is None:
                raise CarbonError("issuance.statement", report=report)
            told = _statement(decisions, found.decision)
        return statement_pdf(told, lang)

    # --- retirements --------------------------------------------------------------------------

    def certificate(self, retirement: str, lang: Lang) -> bytes:
        """The certificate of a retirement that is published.

        Raises ``certificate.unknown``, ``certificate.pending`` until a checkpoint holds its leaf.
        """
        with self._registrar.reading() as decisions:
            found = decisions.find("retirement", retirement)
            if found is None:
                raise CarbonError("certificate.unknown", id=retirement)
            project = project_named(decisions, _project_of(decisions, found.decision))
        log, key = self._registrar.log, self._registrar.log_key
        # A leaf without a place is in no checkpoint, whatever its size.
        index = sys.maxsize if found.leaf_index is None else found.leaf_index
        try:
            head, proof = leaf_proof(index, log.checkpoint(), log, key, verify_ed25519)
        except IndexError as error:
            raise CarbonError("certificate.pending", id=retirement) from error
        leaf = canonical(found.decision.leaf())
        content = found.decision.content
        asset, private = content["asset"].split("/"), self._registrar.credits.private(retirement)
        told = {
            "number": retirement,
            "retired_at": found.decision.at,
            "quantity": int(content["credits"]),
            "beneficiary": private["beneficiary"],
            "salt": private["salt"],
            "purpose": content["purpose"],
            "holder": content["holder"],
            "project": project.published(),
            "vintage": int(asset[2]),
            "methodology": asset[1],
            "serials": [
                {"first": serial(block.first), "last": serial(block.last)}
                for block in blocks_of(found.decision.effect)
            ],
            "status": asset[3],
            "leaf": {"index": index, "hash": leaf_hash(leaf).hex()},
            "checkpoint": {
                "origin": head.origin, "size": head.size, "root": head.root.hex()
            },
            "verify": f"https://{head.origin}/retirements/{retirement}",
            "proof": proof.decode(),
        }  # fmt: skip
        return certificate_pdf(told, lang)

    def retired_list(self) -> str:
        """All retired blocks as CSV, for anyone to download."""
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow(("id", "at", "asset", "first", "last", "credits", "purpose"))
        with self._registrar.reading() as decisions:
            for found in decisions.every("retirement"):
                decision = found.decision
                for block in blocks_of(decision.effect):
                    writer.writerow(
                        (decision.id, decision.at, decision.content["asset"], serial(block.first),
                         serial(block.last), len(block), decision.content["purpose"])
                    )  # fmt: skip
        return out.getvalue()

    # --- Climate Action Data Trust ------------------------------------------------------------

    def data_trust(self) -> dict[str, list[Mapping[str, Any]]]:
        """Projects, issuances and units in the field names of Climate Action Data Trust."""
        origin = self._registrar.log_key.name
        with self._registrar.reading() as decisions:
            issued = decisions.every("issuance")
            return {
                "projects": [
                    cadt.project_record(told, origin, f"https://{origin}/projects/{told['id']}")
                    for told in _projects(decisions)
                ],
                "issuances": [
                    cadt.issuance_record(
                        {
                            "id": found.decision.id,
                            "date": found.decision.at[:10],
                            "verification": found.decision.id,
                            "project_methodology": found.decision.effect["asset"].split("/")[1],
                            "location": "CN-TJ-120102",
                        }
                    )
                    for found in issued
                ],
                "units": [unit for found in issued for unit in self._units(found, origin)],
            }

    def _units(self, issued: Decided, origin: str) -> Iterator[Mapping[str, Any]]:
        decision = issued.decision
        _, _, vintage, status = decision.effect["asset"].split("/")
        for held in self._registrar.credits.held(blocks_of(decision.effect)):
            yield cadt.unit_record(
                {
                    "first": serial(held.block.first),
                    "last": serial(held.block.last),
                    "owner": held.account.removeprefix("holder/"),
                    "status": _STATUS.get(held.account, "held"),
                    "status_date": decision.at[:10],
                    "vintage": int(vintage),
                    "pilot": status == "pilot",
                    "link": f"https://{origin}/serials/{serial(held.block.first)}",
                    "issuance": decision.id,
                }
            )


def _projects(decisions: Decisions) -> Iterator[Mapping[str, Any]]:
    for found in decisions.every("project"):
        project = project_named(decisions, found.decision.id)
        latest = max([found.decision.at, *(d.at for d in project.decisions.values())])
        yield {**project.published(), "status_date": latest[:10]}


def _project_of(decisions: Decisions, decision: Decision) -> str:
    """The project that retired serials were issued to; the first, where there are several."""
    (first, *_) = blocks_of(decision.effect)
    (report, *_) = impact.issued_on(decisions, Block(first.first, first.first))
    return report.partition("/")[0]


def _statement(decisions: Decisions, decision: Decision) -> dict[str, Any]:
    """A statement as its paper tells it."""
    report = decision.content["report"]
    sample = sample_of(decisions, report)
    known = decisions.registered()
    findings = {
        found.decision.id: found.decision.content
        for found in decisions.every("finding", f"{report.partition('/')[0]}/")
    }
    return {
        "id": report,
        "fields": {name: decision.content["fields"][name] for name in FIELDS},
        "sample": {
            "size": len(sample.items),
            "opened": len(sample.items),
            "confidence": f"{sample.plan.confidence} %",
            "interval_g": str(sample.interval_g),
            "population_g": str(sample.frame_g),
            "losses": sample.losses,
        },
        "findings": [
            {"class": class_, "text": findings[id_]["text"], "state": state}
            for id_, class_, state in decision.content["fields"]["findings"]
        ],
        "signatures": [
            {"name": known[s.key].person[:8], "role": role, "key": s.key}
            for s, role in zip(decision.signatures, ("verifier", "reviewer"), strict=True)
        ],
        "sha256": hashlib.sha256(canonical(decision.leaf())).hexdigest(),
    }
