"""The verification statement (核查声明): its fields, none of which may be missing (TRUST V6).

Fields hold text, integers and lists of them, as they will stand in a leaf; grams are decimal text.
The application draws no seal: signatures of verifier and reviewer are those of the decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from carbon.domain.errors import CarbonError
from carbon.domain.log.form import (
    DAY,
    GRAMS,
    HASH,
    LINE,
    MONTH,
    Form,
    Test,
    among,
    list_of,
    members,
    text,
    whole,
)
from carbon.domain.mrv.findings import CLASSES
from carbon.domain.mrv.risk import MAX_UNITS
from carbon.domain.mrv.sampling import LOSSES

#: A person's pseudonym.
_PERSON: Final = text("[0-9a-f]{32,64}")
_AMOUNT: Final = text("0|[1-9][0-9]{0,15}")
_STATES: Final = among("open", "answered", "closed")
#: Fields that may say that there is nothing.
_MAY_BE_EMPTY: Final = ("findings",)
#: Items a sample can have: an interval is rounded down, which can double its units.
MAX_ITEMS: Final = 2 * MAX_UNITS + LOSSES
MAX_FINDINGS: Final = 200
MAX_TEAM: Final = 10


def _row_of(*tests: Test) -> Test:
    """A list of so many values, each with its own test."""

    def check(value: Any) -> bool:
        return (
            type(value) is list
            and len(value) == len(tests)
            and all(test(one) for test, one in zip(tests, value, strict=True))
        )

    return check


#: Fields in the order they are printed.
FIELDS: Final[Form] = {
    "responsible_party": LINE,
    "criteria": LINE,
    "boundary": LINE,
    "period": MONTH,
    "objective": LINE,
    "assurance": among("reasonable", "limited"),
    "materiality": whole,  # basis points
    "method": LINE,  # Sample.method
    "seed": HASH,
    "sample": list_of(_row_of(whole, lambda row: row == -1 or whole(row)), MAX_ITEMS),
    "findings": list_of(_row_of(LINE, among(*CLASSES), _STATES), MAX_FINDINGS),
    "claimed_g": _AMOUNT,
    "projected_g": GRAMS,
    "bound_g": _AMOUNT,
    "verified_g": _AMOUNT,
    "opinion": among("positive", "qualified", "adverse"),
    "team": list_of(_PERSON, MAX_TEAM),
    "independence": LINE,
    "date": DAY,
    "report": HASH,
}
_wrong_member: Final = members(FIELDS)


def missing(fields: Mapping[str, Any]) -> list[str]:
    """Names of fields that are absent or empty, in the order of :data:`FIELDS`."""
    return [
        name
        for name in FIELDS
        if fields.get(name) in (None, "") or (fields[name] == [] and name not in _MAY_BE_EMPTY)
    ]


def check_statement(fields: Mapping[str, Any]) -> None:
    """Refuse a statement that cannot be sealed.

    Raises ``statement.incomplete`` naming what is missing, ``statement.form`` for a value of the
    wrong form or a field nobody knows, ``statement.contradiction`` where two fields disagree.
    """
    lacking = missing(fields)
    if lacking:
        raise CarbonError("statement.incomplete", names=", ".join(lacking))
    wrong = _wrong_member(dict(fields))
    if wrong is not None:
        raise CarbonError("statement.form", member=wrong)
    _check_agreement(fields)


def _check_agreement(fields: Mapping[str, Any]) -> None:
    adverse = fields["opinion"] == "adverse"
    unsolved = any(c != "FAR" and state != "closed" for _, c, state in fields["findings"])
    for one, other, differ in (
        ("verified_g", "claimed_g", int(fields["verified_g"]) > int(fields["claimed_g"])),
        ("verified_g", "opinion", adverse and fields["verified_g"] != "0"),
        ("findings", "opinion", unsolved and not adverse),
    ):
        if differ:
            raise CarbonError("statement.contradiction", one=one, other=other)
