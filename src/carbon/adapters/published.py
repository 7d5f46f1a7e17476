"""What is published of records, and what stays private: canonical JSON texts, a column at a time.

Both texts of a record are functions of its stored columns alone, so that the log, the receipts
and the reconciliation read the same bytes. Field list: ``docs/receipts.md``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from carbon.adapters.tabular.typed import string_buffers

#: Columns of an accepted record: its cells, typed.
CODES = (
    "act channel condition destination evidence item_type process receiver_region subsidised "
    "transport_mode"
).split()
FLOATS = ("age_years", "mass_kg", "transport_km")
WHOLES = ("price_fen", "quantity")
TEXTS = ("enterprise", "item_id", "note", "record_id", "site")
#: Texts that may be personal: kept sealed, never in a fact.
SEALED = ("item_id", "note", "record_id")
GRAMS = ("be_g", "er_g", "le_g", "pe_g", "u_g")

#: Inputs published in clear, by the name they have there; the day is coarsened to its month.
_INPUTS = {
    "act": "act",
    "age_years": "age_years",
    "allowance": "allowance",
    "condition": "condition",
    "destination": "destination",
    "evidence": "evidence",
    "item_type": "item_type",
    "mass_kg": "mass_kg",
    "process": "process",
    "quantity": "quantity",
    "region": "receiver_region",
    "subsidised": "subsidised",
    "transport_km": "transport_km",
    "transport_mode": "transport_mode",
}
#: Bytes that JSON escapes: control characters, quotation mark and backslash.
_SPECIAL = np.isin(np.arange(256), [*range(0x20), 0x22, 0x5C])

Columns = Mapping[str, pa.Array]


def row_texts(columns: Columns) -> pa.Array:
    """The published row of each record as canonical JSON; shape ``(n,)`` strings."""
    inputs = {
        **{name: json_text(columns[column]) for name, column in _INPUTS.items()},
        "hedong": _boolean(columns["hedong"]),
        "item": _boolean(columns["item"]),
        "month": _quoted(pc.utf8_slice_codeunits(columns["occurred_on"].cast(pa.string()), 0, 7)),
    }
    return json_object(
        {
            **{name: json_text(columns[name]) for name in GRAMS},
            "f": columns["factors"],
            "flags": _quoted(_filled(columns["flags"])),
            "giver": _quoted(columns["giver_digest"]),
            "grade": _quoted(columns["grade"]),
            "id": _quoted(columns["fact_id"]),
            "in": json_object(inputs),
            "receiver": _quoted(columns["receiver_digest"]),
            "rest": _quoted(columns["rest_digest"]),
        }
    )


def rest_texts(columns: Columns) -> pa.Array:
    """All cells of each record but giver and receiver, as canonical JSON; ``(n,)`` strings."""
    names = [*CODES, *FLOATS, *WHOLES, *TEXTS]
    cells = {name: json_text(columns[name]) for name in names}
    cells["occurred_on"] = _quoted(columns["occurred_on"].cast(pa.string()))
    return json_object(cells)


def json_object(members: Mapping[str, pa.Array]) -> pa.Array:
    """JSON objects with sorted keys from texts of values; a null value leaves its key out."""
    pieces = []
    for name in sorted(members):
        values = members[name]
        piece = pc.binary_join_element_wise(f',"{name}":', values, "")
        pieces.append(piece.fill_null("") if piece.null_count else piece)
    joined = pc.binary_join_element_wise(*pieces, "")
    opened = pc.binary_replace_slice(joined.cast(pa.binary()), 0, 1, b"{").cast(pa.string())
    return pc.binary_join_element_wise(opened, "}", "")


def json_text(cells: pa.Array) -> pa.Array:
    """Cells as JSON strings: words as they are, numbers in their shortest form."""
    if pa.types.is_dictionary(cells.type):
        return _quoted(cells.dictionary).take(cells.indices)
    if pa.types.is_string(cells.type):
        return _quoted(cells)
    return pc.binary_join_element_wise('"', cells.cast(pa.string()), '"', "")


def _boolean(cells: pa.Array) -> pa.Array:
    return pc.if_else(cells, "true", "false")


def _filled(cells: pa.Array) -> pa.Array:
    """Empty strings as null."""
    cells = cells.cast(pa.string())
    return pc.if_else(pc.equal(cells, ""), pa.scalar(None, pa.string()), cells)


def _quoted(cells: pa.Array) -> pa.Array:
    """Strings as JSON; only where some byte needs an escape is a cell looked at by itself."""
    if pa.types.is_dictionary(cells.type):
        return _quoted(cells.dictionary).take(cells.indices)
    data = string_buffers(cells)[1]
    if data.size and _SPECIAL[data].any():
        quoted = [
            None if c is None else json.dumps(c, ensure_ascii=False) for c in cells.to_pylist()
        ]
        return pa.array(quoted, pa.string())
    return pc.binary_join_element_wise('"', cells, '"', "")
