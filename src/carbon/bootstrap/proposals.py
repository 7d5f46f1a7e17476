"""What people are about to sign: the id and the content of a decision, from what they say of it.

Whatever is computed of a decision (totals of a report, credits of an issuance, the next number of a
finding) is computed here, for every door: a signer signs what is proposed, or does not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carbon.domain.credit import standing, stated
from carbon.domain.credit.contents import check_content
from carbon.domain.credit.decision import digest
from carbon.domain.credit.issuing import plan
from carbon.domain.credit.verification import BUREAU_SIDE, VERIFIER_SIDE, assignment_of
from carbon.domain.errors import CarbonError
from carbon.domain.mrv.report import report_id
from carbon.domain.mrv.reported import report_content
from carbon.services.registry import holding

if TYPE_CHECKING:
    from carbon.bootstrap.registrar import Registrar

#: Bytes of the salt of a beneficiary's digest.
_SALT_BYTES = 32
#: Digits of a key or a digest in an id.
_KEY_DIGITS, _DIGEST_DIGITS = 8, 16


@dataclass(frozen=True, slots=True)
class Proposal:
    """A decision before its first signature. ``private``: what it says and the log does not."""

    kind: str
    id: str
    content: Mapping[str, Any]
    private: Mapping[str, str] | None = None

    @property
    def digest(self) -> str:
        """What each signature is over."""
        return digest(self.kind, self.id, self.content)


class Proposals:
    """One method a kind; each takes what people say and returns what they would sign.

    Raises ``verification.*``, ``report.*``, ``issuance.*``, ``restatement.*`` where that cannot be
    computed; whether it may be decided is asked when it is.
    """

    def __init__(self, registrar: Registrar) -> None:
        self._registrar = registrar

    def __call__(self, kind: str, /, **given: Any) -> Proposal:
        """The proposal of a kind. Raises ``decision.kind``, ``decision.form``."""
        propose: Callable[..., Proposal] | None = getattr(self, kind, None)
        if kind.startswith("_") or propose is None:
            raise CarbonError("decision.kind", kind=kind)
        proposal = propose(**given)
        check_content(kind, proposal.id, proposal.content)
        return proposal

    # --- persons and projects -----------------------------------------------------------------

    def member(self, members: Sequence[Mapping[str, Any]]) -> Proposal:
        """Register persons with their keys; the first registration brings who signs it."""
        name = "-".join(str(member.get("key", ""))[:_KEY_DIGITS] for member in members)
        return Proposal("member", name or "none", {"members": [dict(one) for one in members]})

    def member_end(self, keys: Sequence[str], reason: str) -> Proposal:
        """End keys: they sign nothing any more."""
        name = "-".join(key[:_KEY_DIGITS] for key in keys)
        return Proposal("member_end", name or "none", {"keys": list(keys), "reason": reason})

    def project(self, project: str, design: Mapping[str, Any]) -> Proposal:
        """Register a project's design."""
        return Proposal("project", project, dict(design))

    def validation(self, project: str, opinion: str) -> Proposal:
        """Validate a design."""
        return Proposal("validation", project, {"project": project, "opinion": opinion})

    def notice(self, project: str) -> Proposal:
        """Begin the public notice."""
        return Proposal("notice", project, {"project": project})

    def filing(self, project: str, status: str, number: str) -> Proposal:
        """File a project."""
        content = {"project": project, "status": status, "number": number}
        return Proposal("filing", project, content)

    # --- from a month to a statement ----------------------------------------------------------

    def conflict(
        self, project: str, reason: str, person: str | None = None, organisation: str | None = None
    ) -> Proposal:
        """Add to a project's conflict register."""
        named = {"person": person, "organisation": organisation}
        told = {name: value for name, value in named.items() if value is not None}
        id_ = self._numbered("conflict", project)
        return Proposal("conflict", id_, {"project": project, **told, "reason": reason})

    def assignment(
        self,
        project: str,
        month: str,
        verifier: str,
        reviewer: str,
        inherent: str = "medium",
        control: str = "medium",
        expected_bp: int = 0,
    ) -> Proposal:
        """Assign verifier and reviewer to a month's report."""
        part = self._part(project, month)
        content = {
            "project": project,
            "month": month,
            "part": part,
            "verifier": verifier,
            "reviewer": reviewer,
            "inherent": inherent,
            "control": control,
            "expected_bp": expected_bp,
        }
        return Proposal("assignment", report_id(project, month, part), content)

    def commitment(self, project: str, month: str, commitment: str, signer: str) -> Proposal:
        """Commit to a nonce. ``signer``: the public key that will sign, which tells the side."""
        part = self._part(project, month)
        report = report_id(project, month, part)
        content = {"project": project, "month": month, "part": part, "commitment": commitment}
        return Proposal("commitment", self._sided(report, signer), content)

    def report(self, project: str, month: str) -> Proposal:
        """Report a closed month."""
        built = self._registrar.built(project, month)
        return Proposal("report", built.document["id"], report_content(built))

    def reveal(self, report: str, nonce: str, signer: str) -> Proposal:
        """Reveal a nonce; the second of both reveals draws the sample."""
        id_ = self._sided(report, signer)
        return Proposal("reveal", id_, {"report": report, "nonce": nonce})

    def inspection(
        self, report: str, leaf: int, row: int, er_g: int, intent: bool = False, note: str = ""
    ) -> Proposal:
        """Tell what was found for one item of the sample."""
        content = {
            "report": report,
            "leaf": leaf,
            "row": str(row),
            "er_g": str(er_g),
            "intent": intent,
            **({"note": note} if note else {}),
        }
        return Proposal("inspection", f"{report}/{leaf}/{row}", content)

    def finding(self, report: str, class_: str, text: str) -> Proposal:
        """Raise a finding."""
        content = {"report": report, "class": class_, "text": text}
        return Proposal("finding", self._numbered("finding", report), content)

    def finding_answer(self, finding: str, text: str) -> Proposal:
        """Answer a finding, for the owner."""
        content = {"finding": finding, "text": text}
        return Proposal("finding_answer", self._numbered("finding_answer", finding), content)

    def finding_close(self, finding: str, text: str) -> Proposal:
        """Close a finding, for the verifier."""
        return Proposal("finding_close", finding, {"finding": finding, "text": text})

    def statement(self, report: str, written: Mapping[str, Any]) -> Proposal:
        """State what was verified. ``written``: the fields people write."""
        document, today = self._registrar.document(report), self._registrar.today
        with self._registrar.reading() as decisions:
            fields = stated.statement_fields(decisions, report, document, written, today)
        return Proposal("statement", report, {"report": report, "fields": fields})

    # --- credits ------------------------------------------------------------------------------

    def issuance(self, report: str) -> Proposal:
        """Issue what a statement confirms; asked again, what was issued."""
        document = self._registrar.document(report)
        with self._registrar.reading() as decisions:
            done = decisions.find("issuance", report)
            if done is not None:
                return Proposal("issuance", report, done.decision.content)
            planned = plan(decisions, self._registrar.newest(document), report, document)
        content = {"report": report, "credits": str(planned.amounts.credits)}
        return Proposal("issuance", report, content)

    def counterparty(self, holder: str, other: str) -> Proposal:
        """Trust a counterparty, some working days from now."""
        return Proposal("counterparty", f"{holder}/{other}", {"holder": holder, "other": other})

    def limit(self, holder: str, transfer: int, day: int) -> Proposal:
        """Set a holder's own limits, in credits."""
        content = {"holder": holder, "transfer": str(transfer), "day": str(day)}
        return Proposal("limit", self._numbered("limit", holder), content)

    def transfer(
        self,
        id_: str,
        holder: str,
        other: str,
        asset: str,
        credits_: int,
        serials: Mapping[str, str] | None = None,
    ) -> Proposal:
        """Transfer credits to a trusted counterparty."""
        content = {"asset": asset, "from": holder, "to": other, "credits": str(credits_)}
        return Proposal("transfer", id_, {**content, **_chosen(serials)})

    def retirement(
        self,
        id_: str,
        holder: str,
        asset: str,
        credits_: int,
        beneficiary: str,
        purpose: str = "event",
        serials: Mapping[str, str] | None = None,
    ) -> Proposal:
        """Retire credits for a beneficiary, of whom the log tells a salted digest only.

        Asked again under the same id for the same one, the salt is the one made first; for another
        beneficiary it is ``request.conflict``.
        """
        private = self._registrar.known_private(id_)
        if private is None or private["beneficiary"] != beneficiary:
            private = {"beneficiary": beneficiary, "salt": os.urandom(_SALT_BYTES).hex()}
        content = {
            "asset": asset,
            "holder": holder,
            "credits": str(credits_),
            "beneficiary_sha256": holding.beneficiary_digest(beneficiary, private["salt"]),
            "purpose": purpose,
            **_chosen(serials),
        }
        return Proposal("retirement", id_, content, private)

    def cancellation(
        self,
        id_: str,
        holder: str,
        asset: str,
        credits_: int,
        reason: str,
        serials: Mapping[str, str] | None = None,
    ) -> Proposal:
        """Cancel credits; no claim is made with them."""
        content = {"asset": asset, "holder": holder, "credits": str(credits_), "reason": reason}
        return Proposal("cancellation", id_, {**content, **_chosen(serials)})

    def freeze(self, holder: str, reason: str) -> Proposal:
        """Freeze a holder."""
        content = {"holder": holder, "reason": reason}
        return Proposal("freeze", self._numbered("freeze", holder), content)

    def unfreeze(self, holder: str, reason: str) -> Proposal:
        """Unfreeze a holder."""
        content = {"holder": holder, "reason": reason}
        return Proposal("unfreeze", self._numbered("unfreeze", holder), content)

    def restatement(
        self, replaced: Sequence[str], withdrawn: Sequence[str], reason: str, text: str
    ) -> Proposal:
        """Withdraw records and factors that credits were issued on, and make good for them.

        ``replaced``: fact ids; ``withdrawn``: factor rows.
        """
        content = self._registrar.restatements.content(replaced, withdrawn, reason, text)
        id_ = digest("restatement", "", content)[:_DIGEST_DIGITS]
        return Proposal("restatement", id_, content)

    # --- ids ----------------------------------------------------------------------------------

    def _numbered(self, kind: str, of: str) -> str:
        """The next id of a repeated act on something."""
        with self._registrar.reading() as decisions:
            return f"{of}/{len(decisions.every(kind, f'{of}/')) + 1}"

    def _part(self, project: str, month: str) -> int:
        with self._registrar.reading() as decisions:
            return standing.position(decisions, project, month).part

    def _sided(self, report: str, signer: str) -> str:
        """The id of a nonce: the report's, with the side the key is on."""
        person = self._registrar.member(signer).person
        with self._registrar.reading() as decisions:
            assigned = assignment_of(decisions, report)["verifier"]
        side = VERIFIER_SIDE if person == assigned else BUREAU_SIDE
        return f"{report}/{side}"


def _chosen(serials: Mapping[str, str] | None) -> Mapping[str, Any]:
    """The serials that were asked for, as a content member."""
    return {} if serials is None else {"serials": dict(serials)}
