"""A journal as it is published: one row of a bulk leaf."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from carbon.domain.ledger.account import MAX_CODE
from carbon.domain.ledger.journal import MAX_KEY, MAX_LINES

#: Of a line: asset, account that gives, account that gets, amount, and the policies of the two,
#: so that whoever replays the rows knows which balances must not fall.
Line = tuple[str, str, str, str, str, str]
#: Every text is written as it is; a character of a key takes up to four bytes.
MAX_ROW_BYTES: Final = MAX_LINES * (3 * MAX_CODE + 64) + 4 * 3 * MAX_KEY + 256

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def row_text(
    key: str, kind: str, lines: Sequence[Line], subject: str | None, reverses: str | None
) -> bytes:
    """Canonical JSON of a journal; what it does not have is left out."""
    row = {"id": key, "kind": kind, "lines": lines}
    optional = {"subject": subject, "reverses": reverses}
    row |= {name: value for name, value in optional.items() if value is not None}
    return _encode(row).encode()
