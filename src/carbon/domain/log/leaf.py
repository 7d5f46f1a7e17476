"""Canonical JSON, the bytes of a leaf: RFC 8785 on a schema where two encoders cannot differ.

Keys are ASCII (so that sorting by code point and by UTF-16 unit agree), numbers are integers below
2**53 (so that no reader rounds), text is any valid Unicode.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from carbon.domain.errors import CarbonError

#: An entry bundle states a leaf's length in 16 bits.
MAX_LEAF_BYTES: Final = 65_535

_BEYOND_DOUBLES = 2**53


def _refuse_foreign(value: object) -> None:
    """Raise ValueError for what the schema does not allow, anywhere inside."""
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, str) or one is None:
            continue
        if isinstance(one, dict):
            _refuse_keys(one)
            pending += one.values()
        elif isinstance(one, list | tuple):
            pending += one
        elif not isinstance(one, int):
            name = type(one).__name__
            raise ValueError(f"{name} has no canonical form; write it as text")  # noqa: TRY004  one class for all refusals
        elif abs(one) >= _BEYOND_DOUBLES:
            raise ValueError(f"{one} is too large for a JSON integer; write it as a string")


def _refuse_keys(keys: Iterable[object]) -> None:
    for key in keys:
        if not isinstance(key, str) or not key.isascii():
            raise ValueError(f"{key!r} is not an ASCII key")


def canonical(value: object, limit: int | None = MAX_LEAF_BYTES) -> bytes:
    """RFC 8785 bytes of dicts, lists, text, integers, booleans and None.

    ``limit``: most bytes; None for what is not a leaf. Raises ``leaf.too_large`` over it, and
    ValueError for floats, keys other than ASCII text, integers of 2**53 and more, lone surrogates.
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except TypeError as error:
        raise ValueError(str(error)) from error
    _refuse_foreign(value)  # after the encoder, which refuses circles
    data = text.encode()
    if limit is not None and len(data) > limit:
        raise CarbonError("leaf.too_large", size=len(data), limit=limit)
    return data
