"""Forms: which members a JSON object has, and a test of each; what a reader trusts afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

#: True, or anything that counts as true, for a sound value; may raise TypeError for another type.
Test = Callable[[Any], object]
#: Members of an object by name; ``name?`` may be absent.
Form = Mapping[str, Test]

_BEYOND_DOUBLES: Final = 2**53


def text(pattern: str) -> Test:
    """Text that matches a pattern as a whole."""
    return re.compile(pattern).fullmatch


def whole(value: object) -> bool:
    """An integer that every reader takes exactly, not negative."""
    return type(value) is int and 0 <= value < _BEYOND_DOUBLES


def truth(value: object) -> bool:
    """True or false."""
    return type(value) is bool


def string(value: object) -> bool:
    """Any text."""
    return type(value) is str


def among(*words: str) -> Test:
    """One of some words."""
    return frozenset(words).__contains__


def members(form: Form) -> Callable[[Any], str | None]:
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


def object_of(form: Form) -> Test:
    """An object of a form."""
    check = members(form)
    return lambda value: check(value) is None


def list_of(test: Test, most: int, least: int = 0) -> Test:
    """A list of sound values, of bounded length."""

    def check(value: Any) -> bool:
        return type(value) is list and least <= len(value) <= most and all(map(test, value))

    return check


HASH: Final = text("[0-9a-f]{64}")
DAY: Final = text("[0-9]{4}-[0-9]{2}-[0-9]{2}")
MONTH: Final = text("[0-9]{4}-(0[1-9]|1[0-2])")
GRAMS: Final = text("0|-?[1-9][0-9]{0,15}")
#: One line, without what could disguise it on a screen.
LINE: Final = text("[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]{1,2000}")
