"""Receipts (可复算小票): everything a stranger needs to recompute one record's grams offline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from carbon.domain.errors import CarbonError
from carbon.domain.log.checkpoint import verify_checkpoint
from carbon.domain.log.leaf import canonical
from carbon.domain.log.merkle import inclusion_proof
from carbon.domain.log.note import Verify, base64_text
from carbon.domain.log.proof import Proof, format_proof
from carbon.domain.quantification.expression import evaluate, names_of
from carbon.ports import LogReader, Signer, StoredRecord

VERSION = "1"


def receipt(record: StoredRecord, log: LogReader, signer: Signer, verify: Verify) -> bytes:
    """The receipt of a stored record, as the bytes of its file.

    Raises ``receipt.pending`` until a published checkpoint holds its leaf, ``log.*`` where files
    are missing.
    """
    if record.leaf_index is None:
        raise CarbonError("receipt.pending", record_id=record.record_id)
    note = log.checkpoint()
    checkpoint = verify_checkpoint(note, [signer.key], verify).checkpoint
    if record.leaf_index >= checkpoint.size:
        raise CarbonError("receipt.pending", record_id=record.record_id)
    path = inclusion_proof(record.leaf_index, checkpoint.size, log.reader(checkpoint.size))
    leaf = json.loads(record.leaf)
    place = _place(record, leaf, log)
    row = json.loads(place["row"]) if "row" in place else leaf["row"]
    computed_with = _computed_with(leaf, row, log)
    content = {
        "receipt": VERSION,
        "leaf": record.leaf.decode(),
        "proof": format_proof(Proof(record.leaf_index, tuple(path), note)).decode(),
        "key": signer.key.vkey,
        **place,
        **computed_with,
    }
    if record.private:
        content["private"] = record.private
    return canonical(content, limit=None) + b"\n"


def _place(record: StoredRecord, leaf: Mapping[str, Any], log: LogReader) -> dict[str, Any]:
    """The row of a bulk leaf with its proof; nothing for a leaf that is one record's."""
    if record.row is None:
        return {}
    digest, size = leaf["file"]["sha256"], leaf["rows"]
    path = inclusion_proof(record.row, size, log.row_reader(digest, size))
    return {
        "row": log.row(digest, record.row, size).decode(),
        "row_index": record.row,
        "row_proof": [base64_text(h) for h in path],
    }


def _computed_with(
    leaf: Mapping[str, Any], row: Mapping[str, Any], log: LogReader
) -> dict[str, Any]:
    """Item and factor rows with their proofs, the formula, and its steps."""
    root = leaf["catalogue"]
    catalogue = log.catalogue(root)

    def proven(number: int) -> dict[str, Any]:
        path = inclusion_proof(number, len(catalogue.leaves), catalogue.tree.read)
        return {
            "number": number,
            "row": catalogue.leaves[number].decode(),
            "proof": [base64_text(h) for h in path],
        }

    item = log.item_number(root, row["in"]["item_type"])
    formula = log.formula(leaf["formula"])
    cells = {role: catalogue.row(number)["cells"] for role, number in row["f"].items()}
    names = names_of(row["in"], catalogue.row(item)["cells"], cells)
    steps = evaluate(json.loads(formula)["steps"], names)
    return {
        "item": proven(item),
        "factors": {role: proven(number) for role, number in row["f"].items()},
        "formula": formula.decode(),
        "steps": {name: repr(value) for name, value in steps.items() if isinstance(value, float)},
    }
