"""Canonical JSON, the bytes of a leaf: RFC 8785 on a schema where two encoders cannot differ.

Keys are ASCII (so that sorting by code point and by UTF-16 unit agree), numbers are integers below
2**53 (so that no reader rounds), text is any valid Unicode.
"""

from __future__ import annotations

import json
from typing import Final

from carbon.domain.errors import CarbonError

#: An entry bundle states a leaf's length in 16 bits.
MAX_LEAF_BYTES: Final = 65_535

_BEYOND_DOUBLES = 2**53


def _refuse_foreign(value: object) -> None:
    """Raise ValueError for what the schema does not allow, anywhere inside."""
    if isinstance(value, str | bool | None):
        return
    if isinstance(value, int):
        if abs(value) >= _BEYOND_DOUBLES:
            raise ValueError(f"{value} is too large for a JSON integer; write it as a string")
    elif isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise ValueError(f"{key!r} is not an ASCII key")
            _refuse_foreign(member)
    elif isinstance(value, list | tuple):
        for member in value:
            _refuse_foreign(member)
    else:
        name = type(value).__name__
        raise ValueError(f"{name} has no canonical form; write it as a string")  # noqa: TRY004  one class for all refusals


def canonical(value: object, limit: int | None = MAX_LEAF_BYTES) -> bytes:
    """RFC 8785 bytes of dicts, lists, text, integers, booleans and None.

    ``limit``: most bytes; None for what is not a leaf. Raises ``leaf.too_large`` over it, and
    ValueError for floats, keys that are not ASCII, integers of 2**53 and more, lone surrogates.
    """
    _refuse_foreign(value)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    data = text.encode()
    if limit is not None and len(data) > limit:
        raise CarbonError("leaf.too_large", size=len(data), limit=limit)
    return data
