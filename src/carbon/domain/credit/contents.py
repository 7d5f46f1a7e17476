"""What each kind of decision says: the form of its content, and of what the system adds to it.

Nothing personal stands here: persons are pseudonyms, a beneficiary is a salted digest. Free text is
one line and public; who writes it is told so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from carbon.domain.activity.record import CORRECTION_REASONS
from carbon.domain.credit.decision import KINDS, ROLES
from carbon.domain.errors import CarbonError
from carbon.domain.log.form import (
    DAY,
    GRAMS,
    HASH,
    LINE,
    MONTH,
    Form,
    among,
    list_of,
    members,
    object_of,
    text,
    truth,
    whole,
)

#: A name given by whoever makes something: a project, an organisation.
SLUG: Final = text("[a-z0-9][a-z0-9-]{0,39}")
#: An id of a decision: names and numbers joined by slashes.
ID: Final = text("[A-Za-z0-9][A-Za-z0-9/._-]{0,119}")
PERSON: Final = text("[0-9a-f]{32,64}")
_SIGNATURE: Final = text("[0-9a-f]{128}")
_MOMENT: Final = text(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}")
_COUNT: Final = text("0|[1-9][0-9]{0,17}")
_ASSET: Final = text(r"credit/[A-Z0-9_-]+ v[0-9]+/[0-9]{4}/(filed|pilot)")
_BOTH: Final = object_of({"zh": LINE, "en": LINE})
_RISK: Final = among("low", "medium", "high")


def _share(value: object) -> bool:
    return type(value) is int and 0 <= value <= 10_000  # noqa: PLR2004  basis points


#: Reports and records that one restatement names: it has to fit a leaf.
MAX_RESTATED: Final = 36
MAX_REPLACED: Final = 1_000

#: What a project owner declares before registration (唯一性): goods outside ETS compliance
#: boundaries, no claim on another platform, none by the goods' makers.
DECLARATIONS: Final = ("outside_ets", "no_other_platform", "no_maker_claim")
#: Whose share of a programme's grams it is (DESIGN decision 12).
SHARE_HOLDERS: Final = ("seller", "buyer", "station", "enterprise", "charity", "programme")

_MEMBER: Form = {
    "person": PERSON,
    "key": HASH,
    "roles": list_of(among(*ROLES), len(ROLES), 1),
    "organisation": SLUG,
}
#: A category's registered volume: a monthly mean of past months, or a newcomer's common-practice
#: rate in basis points of its volume. ``source``: the invoices or the survey.
_BASELINE: Form = {
    "category": text("[a-z0-9_]{1,40}"),
    "measure": among("piece", "kg"),
    "monthly?": _COUNT,
    "months?": whole,
    "rate_bp?": _share,
    "source": LINE,
}
_PROJECT: Form = {
    "title": _BOTH,
    "kind": among("enterprise", "programme"),
    "owner": SLUG,
    "owner_name": _BOTH,
    "methodology": LINE,
    "start": DAY,
    "crediting": object_of({"from": DAY, "to": DAY}),
    "shares": list_of(
        object_of({"party": among(*SHARE_HOLDERS), "bp": _share}), len(SHARE_HOLDERS), 1
    ),
    "declarations": list_of(among(*DECLARATIONS), len(DECLARATIONS), len(DECLARATIONS)),
    "baselines": list_of(object_of(_BASELINE), 50),
    "authority": _BOTH,
    "design_sha256?": HASH,
}
_REPORT: Form = {
    "project": SLUG,
    "month": MONTH,
    "part": whole,
    "leaves": object_of({"from": whole, "to": whole}),
    "root": HASH,
    "sha256": HASH,
    "records": whole,
    "er_g": GRAMS,
    "reported_g": GRAMS,
    "deficit_out_g": GRAMS,
}
_INSPECTION: Form = {
    "report": ID,
    "leaf": whole,
    "row": text("-1|0|[1-9][0-9]{0,15}"),
    "er_g": GRAMS,
    "intent": truth,
    "note?": LINE,
}
_SERIALS: Final = object_of({"first": _COUNT, "last": _COUNT})

#: Contents by kind.
_CONTENTS: Final[Mapping[str, Form]] = {
    "member": {"members": list_of(object_of(_MEMBER), 20, 1)},
    "member_end": {"keys": list_of(HASH, 20, 1), "reason": among("rotated", "lost", "left")},
    "project": _PROJECT,
    "validation": {"project": SLUG, "opinion": among("positive", "negative"), "sha256?": HASH},
    "notice": {"project": SLUG},
    "filing": {"project": SLUG, "status": among("trial", "municipal"), "number": LINE},
    "conflict": {"project": SLUG, "person?": PERSON, "organisation?": SLUG, "reason": LINE},
    "assignment": {
        "project": SLUG,
        "month": MONTH,
        "part": whole,
        "verifier": PERSON,
        "reviewer": PERSON,
        "inherent": _RISK,
        "control": _RISK,
        "expected_bp": whole,
    },
    "commitment": {"project": SLUG, "month": MONTH, "part": whole, "commitment": HASH},
    "report": _REPORT,
    "reveal": {"report": ID, "nonce": HASH},
    "inspection": _INSPECTION,
    "finding": {"report": ID, "class": among("CAR", "CL", "FAR"), "text": LINE},
    "finding_answer": {"finding": ID, "text": LINE},
    "finding_close": {"finding": ID, "text": LINE},
    "statement": {"report": ID, "fields": lambda value: type(value) is dict},
    "issuance": {"report": ID, "credits": _COUNT},
    "counterparty": {"holder": SLUG, "other": SLUG},
    "limit": {"holder": SLUG, "transfer": _COUNT, "day": _COUNT},
    "transfer": {
        "asset": _ASSET,
        "from": SLUG,
        "to": SLUG,
        "credits": _COUNT,
        "serials?": _SERIALS,
    },
    "retirement": {
        "asset": _ASSET,
        "holder": SLUG,
        "credits": _COUNT,
        "serials?": _SERIALS,
        "beneficiary_sha256": HASH,
        "purpose": among("event", "organisation", "product", "gift", "other"),
    },
    "cancellation": {
        "asset": _ASSET,
        "holder": SLUG,
        "credits": _COUNT,
        "serials?": _SERIALS,
        "reason": LINE,
    },
    "freeze": {"holder": SLUG, "reason": LINE},
    "unfreeze": {"holder": SLUG, "reason": LINE},
    "restatement": {
        "reports": list_of(
            object_of({"report": ID, "credits": _COUNT, "sha256": HASH}), MAX_RESTATED, 1
        ),
        "known": whole,
        "replaced": list_of(text("[0-9a-f]{32}"), MAX_REPLACED),
        "withdrawn": list_of(LINE, 20),
        "reason": among(*CORRECTION_REASONS),
        "text": LINE,
    },
}
_CHECKS: Final = {kind: members(form) for kind, form in _CONTENTS.items()}

#: A decision as a leaf. ``effect``: what the system did on it, such as serial numbers.
DECISION_LEAF: Final[Form] = {
    "type": lambda value: value == "decision",
    "kind": KINDS.__contains__,
    "id": ID,
    "content": lambda value: type(value) is dict,
    "effect": lambda value: type(value) is dict,
    "at": _MOMENT,
    "signatures": list_of(object_of({"key": HASH, "signature": _SIGNATURE}), 2, 1),
}


def wrong_member(kind: str, content: Any) -> str | None:
    """The first member of a content that is wrong; ``None`` where all are right."""
    return _CHECKS[kind](content)


def check_content(kind: str, id_: str, content: Any) -> None:
    """Raise ``decision.kind`` or ``decision.form`` unless id and content have their form."""
    if kind not in KINDS:
        raise CarbonError("decision.kind", kind=kind)
    wrong = "id" if not ID(id_) else wrong_member(kind, content)
    if wrong is not None:
        raise CarbonError("decision.form", kind=kind, member=wrong)
