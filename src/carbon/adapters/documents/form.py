"""What a document's values must hold before it is made: a gap is refused, never printed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from carbon.domain.errors import CarbonError

#: Most rows of any list of a document: some forty pages.
MAX_ROWS: Final = 2_000


def require(values: Mapping[str, Any], names: Collection[str]) -> None:
    """Raise ``document.member`` for the first name that is absent or empty."""
    for name in names:
        if values.get(name) in (None, "", {}):
            raise CarbonError("document.member", member=name)


def limit_rows(**lists: Collection[Any]) -> None:
    """Raise ``document.rows`` for a list that is too long for paper."""
    for name, rows in lists.items():
        if len(rows) > MAX_ROWS:
            raise CarbonError("document.rows", member=name, count=len(rows), limit=MAX_ROWS)


def moment(member: str, text: str) -> datetime:
    """A moment with its offset. Raises ``document.member``."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise CarbonError("document.member", member=member) from error
    if at.tzinfo is None:
        raise CarbonError("document.member", member=member)
    return at
