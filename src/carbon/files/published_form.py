"""The form of what a log publishes: canonical JSON, kinds of leaves, members of rows, lists.

The tables below are docs/receipts.md, sections 1 to 3, as predicates; what they refuse is told as
``audit.form`` with the member concerned.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from carbon.domain.activity.record import CODES, REGIONS
from carbon.domain.credit.contents import DECISION_LEAF, SLUG, wrong_member
from carbon.domain.errors import CarbonError
from carbon.domain.ledger.account import MAX_AMOUNT, Policy, is_code
from carbon.domain.ledger.journal import MAX_LINES, is_key
from carbon.domain.log.form import (
    DAY,
    HASH,
    LINE,
    MONTH,
    Form,
    Test,
    list_of,
    members,
    object_of,
    string,
    text,
    truth,
    whole,
)
from carbon.domain.log.form import GRAMS as WHOLE_GRAMS
from carbon.domain.quantification.expression import NUMBERS
from carbon.domain.quantification.trace import GRAMS

#: A row is bounded like a leaf, so that no line fills the memory.
MAX_ROW_BYTES: Final = 65_535

#: A line of the list of a catalogue's tables. No name leaves its folder or misleads a reader.
_LISTED: Final = re.compile(r"([0-9a-f]{64})  ([\w. -]{1,200}\.csv)")

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode

#: Twelve bytes of time and chance, four of a row; never all zero.
_ID = text("(?!0{32})[0-9a-f]{32}")

_WORDS: Mapping[str, Test] = {
    name: frozenset(entry.code for entry in entries).__contains__
    for name, entries in {**CODES, "region": REGIONS}.items()
}
_FIELDS: Form = {
    "act": _WORDS["act"],
    "hedong": truth,
    "item": truth,
    "item_type": LINE,
    "month": MONTH,
    **{
        f"{name}?": _WORDS[name]
        for name in (
            "condition destination evidence process region subsidised transport_mode".split()
        )
    },
    **{f"{name}?": text("[-+.0-9e]{1,40}") for name in NUMBERS},
}


def _factors(value: object) -> bool:
    return type(value) is dict and all(type(number) is int for number in value.values())


_ROW: Form = {
    "id": _ID,
    "in": object_of(_FIELDS),
    "f": _factors,
    **dict.fromkeys(GRAMS, WHOLE_GRAMS),
    "grade": text("creditable|display"),
    "flags?": text("[a-z_;]{1,400}"),
    "giver?": HASH,
    "receiver?": HASH,
    "rest?": HASH,
}
_CONTEXT: Form = {
    "catalogue": HASH,
    "catalogue_rows": whole,
    "methodology": LINE,
    "formula": HASH,
    "digest": text("sha256|sm3"),
    "demonstration": truth,
    "as_of?": DAY,
    "fields": text("1"),
    "recorded_on": DAY,
    "project?": SLUG,
}
_CORRECTION: Form = {"type": string, "replaces": _ID, "reason": string}
_LEAVES: Mapping[str, Form] = {
    "record": {"type": string, "row": object_of(_ROW), **_CONTEXT},
    "submission": {
        "type": string,
        "id": text("[0-9a-f]{1,64}"),
        "rows": whole,
        "root": HASH,
        "file": object_of({"sha256": HASH, "sm3?": HASH}),
        "er_g": text("0|-?[1-9][0-9]{0,30}"),
        **_CONTEXT,
    },
    "journals": {
        "type": string,
        "count": whole,
        "root": HASH,
        "file": object_of({"sha256": HASH, "sm3?": HASH}),
        "recorded_on": DAY,
    },
    "catalogue": {"type": string, "root": HASH, "rows": whole, "tables": HASH},
    "formula": {"type": string, "methodology": LINE, "sha256": HASH},
    "correction": _CORRECTION,
    "decision": DECISION_LEAF,
}
_CHECKS = {kind: members(form) for kind, form in _LEAVES.items()}
_CORRECTED = members({**_CORRECTION, "row": object_of(_ROW), **_CONTEXT})
_INPUTS, _OWN = members(_FIELDS), members(_ROW)

_POLICY = frozenset(Policy).__contains__
#: Members of a journal's line, in order.
_LINE: tuple[Test, ...] = (is_code, is_code, is_code, text("[1-9][0-9]{0,18}"), _POLICY, _POLICY)


def _line(value: Any) -> bool:
    return (
        type(value) is list
        and len(value) == len(_LINE)
        and all(type(cell) is str and test(cell) for cell, test in zip(value, _LINE, strict=True))
        and value[1] != value[2]
        and int(value[3]) <= MAX_AMOUNT
    )


_JOURNAL = members(
    {
        "id": is_key,
        "kind": is_code,
        "lines": list_of(_line, MAX_LINES, 1),
        "subject?": is_key,
        "reverses?": is_key,
    }
)


def _fault(reason: str) -> CarbonError:
    return CarbonError("audit.form", reason=reason)


def read_canonical(raw: bytes) -> Any:
    """A JSON value whose canonical bytes these are. Raises ``audit.form``."""
    try:
        text = raw.decode()
        value = json.loads(text)
        again = _encode(value)
    except (ValueError, RecursionError) as error:
        raise _fault("JSON") from error
    if again != text:
        raise _fault("RFC 8785")
    return value


def read_row(raw: bytes) -> dict[str, Any]:
    """A published row from its exact bytes. Raises ``audit.form``."""
    row: dict[str, Any] = read_canonical(raw)
    wrong = _OWN(row)
    if wrong == "in":
        wrong = f"in.{_INPUTS(row.get('in'))}"
    if wrong is not None:
        raise _fault(wrong)
    return row


def read_journal(raw: bytes) -> dict[str, Any]:
    """A published journal from its exact bytes. Raises ``audit.form``."""
    row: dict[str, Any] = read_canonical(raw)
    if (wrong := _JOURNAL(row)) is not None:
        raise _fault(wrong)
    return row


def read_leaf(raw: bytes) -> dict[str, Any]:
    """A leaf from its exact bytes, of a known kind with the members of that. Raises ``audit.form``.

    ``leaf["type"]`` tells which.
    """
    leaf: dict[str, Any] = read_canonical(raw)
    kind = leaf.get("type") if type(leaf) is dict else None
    check = _CHECKS.get(kind) if type(kind) is str else None
    if check is None:
        raise _fault("type")
    if kind == "correction" and "row" in leaf:
        check = _CORRECTED
    wrong = check(leaf)
    if wrong is None and kind == "decision":
        wrong = wrong_member(leaf["kind"], leaf["content"])
    if wrong is not None:
        raise _fault(wrong)
    return leaf


def read_listing(content: bytes) -> dict[str, str]:
    """Digests of a catalogue's files by name, from a list in the form of sha256sum, by name.

    Raises ``audit.form``.
    """
    lines = content.decode("utf-8", "replace").split("\n")
    matches = [_LISTED.fullmatch(line) for line in lines[:-1]]
    digests = {found[2]: found[1] for found in matches if found}
    names = [found[2] for found in matches if found]
    if lines[-1] or names != sorted(digests) or len(names) != len(matches):
        raise _fault("sha256sum")
    return digests
