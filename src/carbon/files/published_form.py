"""The form of what a log publishes: canonical JSON, kinds of leaves, members of rows, lists.

The tables below are docs/receipts.md, sections 1 to 3, as predicates; what they refuse is told as
``audit.form`` with the member concerned.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from carbon.domain.activity.record import CODES, REGIONS
from carbon.domain.errors import CarbonError
from carbon.domain.quantification.expression import NUMBERS
from carbon.domain.quantification.trace import GRAMS

#: A row is bounded like a leaf, so that no line fills the memory.
MAX_ROW_BYTES: Final = 65_535

#: A line of the list of a catalogue's tables. No name leaves its folder or misleads a reader.
_LISTED: Final = re.compile(r"([0-9a-f]{64})  ([\w. -]{1,200}\.csv)")

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode

#: True, or anything that counts as true, for a sound value; may raise TypeError for another type.
Test = Callable[[Any], object]
#: Members of an object by name; ``name?`` may be absent.
Form = Mapping[str, Test]


def _text(pattern: str) -> Test:
    return re.compile(pattern).fullmatch


def _whole(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _truth(value: object) -> bool:
    return type(value) is bool


def _string(value: object) -> bool:
    return type(value) is str


_HASH = _text("[0-9a-f]{64}")
#: Twelve bytes of time and chance, four of a row; never all zero.
_ID = _text("(?!0{32})[0-9a-f]{32}")
_DAY = _text("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_GRAMS = _text("0|-?[1-9][0-9]{0,15}")
#: One line, without what could disguise it on a screen.
_LINE = _text("[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]{1,2000}")

_WORDS: Mapping[str, Test] = {
    name: frozenset(entry.code for entry in entries).__contains__
    for name, entries in {**CODES, "region": REGIONS}.items()
}
_FIELDS: Form = {
    "act": _WORDS["act"],
    "hedong": _truth,
    "item": _truth,
    "item_type": _LINE,
    "month": _text("[0-9]{4}-(0[1-9]|1[0-2])"),
    **{
        f"{name}?": _WORDS[name]
        for name in (
            "condition destination evidence process region subsidised transport_mode".split()
        )
    },
    **{f"{name}?": _text("[-+.0-9e]{1,40}") for name in NUMBERS},
}


def _members(form: Form) -> Callable[[Any], str | None]:
    """A check of an object: the first member that is wrong, ``None`` where all are right."""
    tests = {name.removesuffix("?"): test for name, test in form.items()}
    needed = frozenset(name for name in form if not name.endswith("?"))

    def check(value: Any) -> str | None:
        if type(value) is not dict:
            return "{}"
        name = ""
        try:
            for name, member in value.items():
                if not tests[name](member):
                    return str(name)
        except (KeyError, TypeError):
            return str(name)
        return None if needed <= value.keys() else min(needed - value.keys())

    return check


def _object(form: Form) -> Test:
    check = _members(form)
    return lambda value: check(value) is None


def _factors(value: object) -> bool:
    return type(value) is dict and all(type(number) is int for number in value.values())


_ROW: Form = {
    "id": _ID,
    "in": _object(_FIELDS),
    "f": _factors,
    **dict.fromkeys(GRAMS, _GRAMS),
    "grade": _text("creditable|display"),
    "flags?": _text("[a-z_;]{1,400}"),
    "giver?": _HASH,
    "receiver?": _HASH,
    "rest?": _HASH,
}
_CONTEXT: Form = {
    "catalogue": _HASH,
    "catalogue_rows": _whole,
    "methodology": _LINE,
    "formula": _HASH,
    "digest": _text("sha256|sm3"),
    "demonstration": _truth,
    "as_of?": _DAY,
    "fields": _text("1"),
    "recorded_on": _DAY,
}
_CORRECTION: Form = {"type": _string, "replaces": _ID, "reason": _string}
_LEAVES: Mapping[str, Form] = {
    "record": {"type": _string, "row": _object(_ROW), **_CONTEXT},
    "submission": {
        "type": _string,
        "id": _text("[0-9a-f]{1,64}"),
        "rows": _whole,
        "root": _HASH,
        "file": _object({"sha256": _HASH, "sm3?": _HASH}),
        "er_g": _text("0|-?[1-9][0-9]{0,30}"),
        **_CONTEXT,
    },
    "catalogue": {"type": _string, "root": _HASH, "rows": _whole, "tables": _HASH},
    "formula": {"type": _string, "methodology": _LINE, "sha256": _HASH},
    "correction": _CORRECTION,
}
_CHECKS = {kind: _members(form) for kind, form in _LEAVES.items()}
_CORRECTED = _members({**_CORRECTION, "row": _object(_ROW), **_CONTEXT})
_INPUTS, _OWN = _members(_FIELDS), _members(_ROW)


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
    if (wrong := check(leaf)) is not None:
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
