"""What people say of a decision before it is computed: one body a kind, told apart by ``kind``.

Types and sizes only: what is wrong with a value is told by the domain's own codes, in both
languages.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

import msgspec

from carbon.domain.activity.record import CORRECTION_REASONS
from carbon.domain.credit.contents import MAX_REPLACED

Meta = msgspec.Meta
#: Whole numbers every JSON reader keeps exact.
_MOST: Final = 2**53 - 1
_Slug = Annotated[str, Meta(max_length=40, examples=["phones"])]
_Report = Annotated[str, Meta(max_length=120, examples=["phones/2026-10/0"])]
_Month = Annotated[str, Meta(max_length=7, examples=["2026-10"])]
_Line = Annotated[str, Meta(max_length=2_000, examples=["one public line"])]
_Id = Annotated[str, Meta(max_length=200, examples=["wedding-2026-11-25"])]
_Hex = Annotated[str, Meta(max_length=128, examples=["0f" * 32])]
_Risk = Annotated[str, Meta(max_length=10, description="low, medium, high", examples=["low"])]
_Asset = Annotated[str, Meta(max_length=100, examples=["credit/HD-REUSE v1/2026/pilot"])]
_Credits = Annotated[int, Meta(ge=1, le=_MOST, examples=[20])]
_Limit = Annotated[int, Meta(ge=0, le=_MOST, examples=[1000])]


class Serials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A range of serials, both ends in it."""

    first: Annotated[str, Meta(max_length=18, examples=["1"])]
    last: Annotated[str, Meta(max_length=18, examples=["20"])]


class _Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """A body; ``told`` gives its fields as `Proposals` names them."""

    def told(self) -> dict[str, Any]:
        """Fields by the names of the proposal's parameters."""
        own = msgspec.to_builtins(self)
        own.pop("kind")
        return {_RENAMED.get(name, name): value for name, value in own.items()}


#: Names that are Python's own.
_RENAMED: Final = {"id": "id_", "class": "class_", "credits": "credits_"}


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may sign: pseudonym, public key, roles, organisation."""

    person: _Hex
    key: _Hex
    roles: Annotated[list[str], Meta(max_length=4, examples=[["verifier"]])]
    organisation: _Slug


class MemberGiven(_Said, frozen=True, tag="member"):
    """Register persons with their keys."""

    members: Annotated[list[Card], Meta(max_length=20)]


class MemberEndGiven(_Said, frozen=True, tag="member_end"):
    """End keys."""

    keys: Annotated[list[_Hex], Meta(max_length=20)]
    reason: Annotated[str, Meta(max_length=40, description="rotated, lost, left")]


class ProjectGiven(_Said, frozen=True, tag="project"):
    """Register a design; docs/registry describes it."""

    project: _Slug
    design: dict[str, Any]


class ValidationGiven(_Said, frozen=True, tag="validation"):
    """Validate a design."""

    project: _Slug
    opinion: Annotated[str, Meta(max_length=40, description="positive, negative")]


class NoticeGiven(_Said, frozen=True, tag="notice"):
    """Begin the public notice."""

    project: _Slug


class FilingGiven(_Said, frozen=True, tag="filing"):
    """File a project."""

    project: _Slug
    status: Annotated[str, Meta(max_length=40, description="trial, municipal")]
    number: _Line


class ConflictGiven(_Said, frozen=True, tag="conflict", omit_defaults=True):
    """Add to a project's conflict register."""

    project: _Slug
    reason: _Line
    person: _Hex | None = None
    organisation: _Slug | None = None


class AssignmentGiven(_Said, frozen=True, tag="assignment"):
    """Assign verifier and reviewer to a month's report."""

    project: _Slug
    month: _Month
    verifier: _Hex
    reviewer: _Hex
    inherent: _Risk = "medium"
    control: _Risk = "medium"
    expected_bp: Annotated[int, Meta(ge=0, le=_MOST)] = 0


class CommitmentGiven(_Said, frozen=True, tag="commitment"):
    """Commit to a nonce before the report is made."""

    project: _Slug
    month: _Month
    commitment: _Hex
    signer: _Hex


class ReportGiven(_Said, frozen=True, tag="report"):
    """Report a closed month."""

    project: _Slug
    month: _Month


class RevealGiven(_Said, frozen=True, tag="reveal"):
    """Reveal the nonce."""

    report: _Report
    nonce: _Hex
    signer: _Hex


class InspectionGiven(_Said, frozen=True, tag="inspection"):
    """What was found for one item of the sample; ``row`` is −1 where the leaf is one record."""

    report: _Report
    leaf: Annotated[int, Meta(ge=0, le=_MOST)]
    row: Annotated[int, Meta(ge=-1, le=_MOST)]
    er_g: Annotated[int, Meta(ge=-_MOST, le=_MOST)]
    intent: bool = False
    note: Annotated[str, Meta(max_length=200)] = ""


class FindingGiven(_Said, frozen=True, tag="finding", rename={"class_": "class"}):
    """Raise a finding: 不符合项, 澄清要求, 后续行动要求."""

    report: _Report
    class_: Annotated[str, Meta(max_length=40, description="CAR, CL, FAR")]
    text: _Line


class FindingAnswerGiven(_Said, frozen=True, tag="finding_answer"):
    """Answer a finding, for the owner."""

    finding: _Id
    text: _Line


class FindingCloseGiven(_Said, frozen=True, tag="finding_close"):
    """Close a finding, for the verifier."""

    finding: _Id
    text: _Line


class StatementGiven(_Said, frozen=True, tag="statement"):
    """State what was verified: the fields people write."""

    report: _Report
    written: dict[str, str]


class IssuanceGiven(_Said, frozen=True, tag="issuance"):
    """Issue what a statement confirms."""

    report: _Report


class CounterpartyGiven(_Said, frozen=True, tag="counterparty"):
    """Trust a counterparty."""

    holder: _Slug
    other: _Slug


class LimitGiven(_Said, frozen=True, tag="limit"):
    """Set the holder's own limits, in credits."""

    holder: _Slug
    transfer: _Limit
    day: _Limit


class TransferGiven(
    _Said, frozen=True, tag="transfer", rename={"id_": "id", "credits_": "credits"}
):
    """Transfer credits; undone within ten minutes."""

    id_: _Id
    holder: _Slug
    other: _Slug
    asset: _Asset
    credits_: _Credits
    serials: Serials | None = None


class RetirementGiven(
    _Said, frozen=True, tag="retirement", rename={"id_": "id", "credits_": "credits"}
):
    """Retire credits for a claim; undone within ten minutes."""

    id_: _Id
    holder: _Slug
    asset: _Asset
    credits_: _Credits
    beneficiary: _Line
    purpose: Annotated[
        str, Meta(max_length=40, description="event, organisation, product, gift, other")
    ] = "event"
    serials: Serials | None = None


class CancellationGiven(
    _Said, frozen=True, tag="cancellation", rename={"id_": "id", "credits_": "credits"}
):
    """Cancel credits; no claim."""

    id_: _Id
    holder: _Slug
    asset: _Asset
    credits_: _Credits
    reason: _Line
    serials: Serials | None = None


class FreezeGiven(_Said, frozen=True, tag="freeze"):
    """Freeze a holder."""

    holder: _Slug
    reason: _Line


class UnfreezeGiven(_Said, frozen=True, tag="unfreeze"):
    """Unfreeze a holder."""

    holder: _Slug
    reason: _Line


class RestatementGiven(_Said, frozen=True, tag="restatement"):
    """Withdraw records and factors that credits were issued on, and make good for them."""

    replaced: Annotated[list[_Id], Meta(max_length=MAX_REPLACED)]
    withdrawn: Annotated[list[_Id], Meta(max_length=MAX_REPLACED)]
    reason: Annotated[str, Meta(max_length=40, examples=list(CORRECTION_REASONS[:1]))]
    text: _Line


Given: TypeAlias = (
    MemberGiven
    | MemberEndGiven
    | ProjectGiven
    | ValidationGiven
    | NoticeGiven
    | FilingGiven
    | ConflictGiven
    | AssignmentGiven
    | CommitmentGiven
    | ReportGiven
    | RevealGiven
    | InspectionGiven
    | FindingGiven
    | FindingAnswerGiven
    | FindingCloseGiven
    | StatementGiven
    | IssuanceGiven
    | CounterpartyGiven
    | LimitGiven
    | TransferGiven
    | RetirementGiven
    | CancellationGiven
    | FreezeGiven
    | UnfreezeGiven
    | RestatementGiven
)
