"""Text the fonts can show. What they lack, and what cannot be seen, is written as its code point.

An archival PDF (PDF/A) refuses a character without a glyph, and an invisible one, such as a change
of direction, could make a name read as another. So ``[U+202E]`` is printed instead.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pylopdf_fonts_zh_cn import sans_path

#: Control, format, private use, surrogate, unassigned: nothing a reader could see.
_UNSEEN = ("C",)
_SPACES = frozenset("\t\n\r\u2028\u2029")
#: Subtable format of the whole of Unicode in groups (OpenType, table cmap, format 12).
_GROUPED = 12


@cache
def covered() -> frozenset[int]:
    """Code points that Noto Sans SC has a glyph for."""
    font = Path(sans_path()).read_bytes()
    at = _table(font, b"cmap")
    (count,) = struct.unpack_from(">H", font, at + 2)
    subtables = {
        at + struct.unpack_from(">HHI", font, at + 4 + 8 * place)[2] for place in range(count)
    }
    grouped = [s for s in subtables if struct.unpack_from(">H", font, s)[0] == _GROUPED]
    return frozenset(point for s in grouped for point in _points(font, s))


def _table(font: bytes, tag: bytes) -> int:
    """Where a table of an OpenType file begins."""
    (count,) = struct.unpack_from(">H", font, 4)
    records = (struct.unpack_from(">4sIII", font, 12 + 16 * place) for place in range(count))
    return next(int(offset) for name, _, offset, _ in records if name == tag)


def _points(font: bytes, subtable: int) -> Iterator[int]:
    (count,) = struct.unpack_from(">I", font, subtable + 12)
    for place in range(count):
        first, last, _ = struct.unpack_from(">III", font, subtable + 16 + 12 * place)
        yield from range(first, last + 1)


def printable(text: str) -> str:
    r"""A text in one line, every character of which is seen on paper.

    >>> printable("天津\u202e😀")
    '天津[U+202E][U+1F600]'
    """
    return "".join(" " if letter in _SPACES else _seen(letter) for letter in text)


def _seen(letter: str) -> str:
    unseen = unicodedata.category(letter).startswith(_UNSEEN)
    return f"[U+{ord(letter):04X}]" if unseen or ord(letter) not in covered() else letter


def printable_all(value: Any) -> Any:
    """The same for every text inside lists and mappings; keys are the program's own."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {name: printable_all(inner) for name, inner in value.items()}
    if isinstance(value, Sequence):
        return [printable_all(inner) for inner in value]
    return value
