"""Arrow columns to typed numpy columns, with findings for cells that cannot be read.

Each reader tries the conversion of the whole column at once and looks at single cells only when
that fails: clean files stay fast, messy ones get a reason per cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from carbon.domain.activity.record import MISSING, Vocabulary
from carbon.domain.period import NO_DAY, day_number
from carbon.domain.units import Code, Float, Mask

_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"
_ASCII_END = 128
#: Control characters that are no white space.
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"
#: Floats below this are exact whole numbers.
_EXACT = 2**53

_TIME = r"(?:[ T]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})\s*[-/.年]\s*(\d{{1,2}})\s*[-/.月]\s*(\d{{1,2}})\s*日?{_TIME}")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")


def is_text(column: pa.Array) -> bool:
    """Whether a column holds strings, plain or dictionary-encoded."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def plain(column: pa.Array) -> pa.Array:
    """A column without its dictionary."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def text(column: pa.Array) -> pa.Array:
    """A column as strings; whole floats lose their point (ids from spreadsheets)."""
    column = plain(column)
    if pa.types.is_string(column.type):
        return column
    if pa.types.is_floating(column.type):
        return pa.array([_float_text(v) for v in column.to_pylist()], pa.string())
    try:
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([None if v is None else str(v) for v in column.to_pylist()], pa.string())


def _float_text(value: float | None) -> str | None:
    """A float as an id: whole ones without a point, each by itself."""
    if value is None:
        return None
    whole = value.is_integer() and abs(value) < _EXACT
    return str(int(value)) if whole else repr(value)


#: What an annotated file puts an apostrophe before, see `adapters/annotated`.
FORMULA_START = r"[=+\-@\t\r\n]"


def without_guard(column: pa.Array) -> pa.Array:
    """Text without the apostrophe that an annotated file put before what looks like a formula."""
    if not is_text(column):
        return column
    return pc.replace_substring_regex(plain(column), f"^'({FORMULA_START})", r"\1")


def trimmed(column: pa.Array) -> pa.Array:
    """A string column without surrounding blanks; empty cells become null."""
    stripped = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(stripped, ""), pa.scalar(None, stripped.type), stripped)


def identifiers(cells: pa.Array) -> pa.Array:
    """Ids in the form under which they are compared: lower case, half-width, without blanks.

    ``IMEI-1``, ``imei-1 `` and one with an invisible character inside are one item. Blank ids
    become null.
    """
    data = string_buffers(cells)[1]
    if data.size and data.max() >= _ASCII_END:
        folded = pc.utf8_lower(pc.utf8_normalize(cells, "NFKC"))
        folded = pc.replace_substring_regex(folded, r"[\s\p{Z}\p{C}]+", "")
    else:
        folded = pc.ascii_lower(cells)
        if data.size and data.min() <= ord(" "):
            folded = pc.replace_substring_regex(folded, r"[\x00-\x20]+", "")
    blank = ~not_blank(folded.fill_null("") if folded.null_count else folded)
    if int(blank.sum()) == folded.null_count:
        return folded
    return pc.if_else(pa.array(blank), pa.scalar(None, folded.type), folded)


def item_ids(cells: pa.Array) -> pa.Array:
    """Ids of items as they are compared: as other ids, and without dashes of any kind.

    Dashes come and go between a label and its typed copy (IMEI 35-209900-176148-1), and one item
    must not have a second life account by its spelling. An id of dashes alone stays.
    """
    folded = identifiers(cells)
    data = string_buffers(folded)[1]
    if not data.size or (data.max() < _ASCII_END and not (data == ord("-")).any()):
        return folded
    joined = pc.replace_substring_regex(folded, r"[\p{Pd}\x{2212}]+", "")
    return pc.if_else(pc.equal(joined, ""), folded, joined)


def valid(column: pa.Array) -> Mask:
    """Where a column is not null."""
    return np.asarray(column.is_valid())


def floats(column: pa.Array) -> tuple[Float, Mask]:
    """Numbers and the mask of cells that are none; null and empty cells are NaN, not faults."""
    column = plain(column)
    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan), np.zeros(len(column), bool)
    if pa.types.is_boolean(column.type) or pa.types.is_temporal(column.type):
        return np.full(len(column), np.nan), valid(column)
    if is_text(column):
        return _floats_of_text(column)
    try:
        numbers = column.cast(pa.float64(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return np.full(len(column), np.nan), valid(column)
    return _finite(numbers, valid(column))


def _finite(numbers: pa.Array, given: Mask) -> tuple[Float, Mask]:
    values = numbers.to_numpy(zero_copy_only=False)
    wrong = given & ~np.isfinite(values)
    if wrong.any():
        values = np.where(wrong, np.nan, values)
    return values, wrong


def _floats_of_text(column: pa.Array) -> tuple[Float, Mask]:
    try:
        return _finite(column.cast(pa.float64()), valid(column))
    except pa.ArrowInvalid:
        cells = trimmed(column)
    good = pc.fill_null(pc.match_substring_regex(cells, _NUMBER), False)
    readable = pc.if_else(good, cells, pa.scalar(None, cells.type))
    values, infinite = _finite(readable.cast(pa.float64()), valid(readable))
    return values, infinite | (valid(cells) & ~np.asarray(good))


def days(column: pa.Array, pattern: str | None) -> tuple[Code, Mask]:
    """Day numbers and the mask of cells that are no date; null and empty cells are ``NO_DAY``.

    An instant with a zone counts on its day in Tianjin; text with an offset is refused.
    """
    column = plain(column)
    if pa.types.is_null(column.type):
        return np.full(len(column), NO_DAY, np.int32), np.zeros(len(column), bool)
    if is_text(column):
        return _days_of_text(column, pattern)
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        try:
            if pa.types.is_timestamp(column.type) and column.type.tz is not None:
                column = pc.local_timestamp(column.cast(pa.timestamp("us", "Asia/Shanghai")))
            return _day_numbers(column.cast(pa.date32(), safe=False)), np.zeros(len(column), bool)
        except pa.ArrowException:
            return np.full(len(column), NO_DAY, np.int32), valid(column)
    if pa.types.is_integer(column.type):
        return _days_of_text(column.cast(pa.string()), pattern)
    return np.full(len(column), NO_DAY, np.int32), valid(column)


def _day_numbers(column: pa.Array) -> Code:
    numbers: Code = pc.fill_null(column.cast(pa.int32()), NO_DAY).to_numpy(zero_copy_only=False)
    return numbers


def _days_of_text(column: pa.Array, pattern: str | None) -> tuple[Code, Mask]:
    if pattern is None:
        try:
            return _day_numbers(column.cast(pa.date32())), np.zeros(len(column), bool)
        except pa.ArrowInvalid:
            pass  # not all cells are ISO dates: read them one by one below
    encoded = trimmed(text(column)).dictionary_encode()
    numbers = [_day_or_none(word, pattern) for word in encoded.dictionary.to_pylist()]
    table = np.array([NO_DAY if n is None else n for n in numbers] + [NO_DAY], np.int64)
    table = np.clip(table, NO_DAY, np.iinfo(np.int32).max).astype(np.int32)
    place = pc.fill_null(encoded.indices, len(numbers)).to_numpy(zero_copy_only=False)
    found = table[place]
    return found, (found == NO_DAY) & (place < len(numbers))


def _day_or_none(word: str, pattern: str | None) -> int | None:
    try:
        if pattern is not None:
            return day_number(datetime.strptime(word, pattern).date())  # noqa: DTZ007  a day has no zone
        match = _YEAR_FIRST.fullmatch(word) or _COMPACT.fullmatch(word)
        return day_number(date(*(int(part) for part in match.groups()))) if match else None
    except ValueError:
        return None


def codes(column: pa.Array, vocabulary: Vocabulary, renamed: dict[str, str]) -> Code:
    """Vocabulary numbers of a column; few distinct words are looked up, then gathered."""
    if pa.types.is_null(column.type):
        return np.full(len(column), MISSING, np.int32)
    encoded = column if pa.types.is_dictionary(column.type) else text(column).dictionary_encode()
    words = text(encoded.dictionary).to_pylist()
    numbers = [vocabulary.number(renamed.get((w or "").strip(), w)) for w in words]
    table = np.array([*numbers, MISSING], np.int32)
    found: Code = table[pc.fill_null(encoded.indices, len(numbers)).to_numpy(zero_copy_only=False)]
    return found


def per_word(column: pa.Array, ask: Callable[[pa.Array], Mask]) -> Mask:
    """A yes/no question about strings, asked once per dictionary word where there is one.

    A null cell is asked about as an empty string.
    """
    if pa.types.is_dictionary(column.type):
        answers = np.append(per_word(column.dictionary, ask), False)
        found: Mask = answers[pc.fill_null(column.indices, -1).to_numpy(zero_copy_only=False)]
        return found
    if pa.types.is_null(column.type):
        return np.zeros(len(column), bool)
    cells = text(column)
    return ask(cells.fill_null("") if cells.null_count else cells)


def string_buffers(cells: pa.Array) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Offsets (``n + 1``) and bytes of a string array, without a copy."""
    _, offsets, data = cells.buffers()
    if len(cells) == 0 or offsets is None:
        return np.zeros(len(cells) + 1, np.int32), np.zeros(0, np.uint8)
    place = np.frombuffer(offsets, np.int32)[cells.offset : cells.offset + len(cells) + 1]
    return place, np.frombuffer(data or b"", np.uint8)


def not_blank(cells: pa.Array) -> Mask:
    """Where strings hold anything but blanks; only those that start with one are looked at."""
    offsets, data = string_buffers(cells)
    some: Mask = np.diff(offsets) > 0
    if not data.size:
        return some
    suspect = some & (data[np.minimum(offsets[:-1], data.size - 1)] <= ord(" "))
    if suspect.any():
        rows = np.flatnonzero(suspect)
        left = trimmed(cells.take(pa.array(rows)))
        some[rows] = valid(left)
    return some


def controls(column: pa.Array) -> Mask | None:
    """Where strings hold control characters other than tab and line ends; ``None`` if nowhere.

    No spreadsheet shows them, and PostgreSQL takes no NUL.
    """
    if not is_text(column):
        return None
    words = column.dictionary if pa.types.is_dictionary(column.type) else column
    data = string_buffers(text(words))[1]
    if not data.size or data.min() >= ord(" "):
        return None
    return per_word(column, lambda c: np.asarray(pc.match_substring_regex(c, _CONTROL)))


def too_long(column: pa.Array, longest: int) -> Mask | None:
    """Where strings exceed a number of characters; ``None`` if nowhere."""
    if not is_text(column):
        return None
    words = column.dictionary if pa.types.is_dictionary(column.type) else column
    if np.diff(string_buffers(text(words))[0]).max(initial=0) <= longest:
        return None
    return per_word(column, lambda cells: np.asarray(pc.utf8_length(cells)) > longest)
