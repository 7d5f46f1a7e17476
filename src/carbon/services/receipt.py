"""Receipts (可复算小票): everything a stranger needs to recompute one record's grams offline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from carbon.domain.errors import CarbonError
from carbon.domain.log.checkpoint import Checkpoint, verify_checkpoint
from carbon.domain.log.leaf import canonical
from carbon.domain.log.merkle import inclusion_proof
from carbon.domain.log.note import Key, Verify, base64_text
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
    try:
        _, proof = leaf_proof(record.leaf_index, note, log, signer.key, verify)
    except IndexError as error:
        raise CarbonError("receipt.pending", record_id=record.record_id) from error
    leaf = json.loads(record.leaf)
    place = _place(record, leaf, log)
    row = json.loads(place["row"]) if "row" in place else leaf["row"]
    computed_with = _computed_with(leaf, row, log)
    content = {
        "receipt": VERSION,
        "leaf": record.leaf.decode(),
        "proof": proof.decode(),
        "key": signer.key.vkey,
        **place,
        **computed_with,
    }
    if record.private:
        content["private"] = record.private
    return canonical(content, limit=None) + b"\n"


def leaf_proof(
    index: int, note: bytes, log: LogReader, key: Key, verify: Verify
) -> tuple[Checkpoint, bytes]:
    """The checkpoint of a signed note and the proof that it holds a leaf, as a tlog-proof file.

    Raises ``IndexError`` where it does not hold it yet.
    """
    checkpoint = verify_checkpoint(note, [key], verify).checkpoint
    if index >= checkpoint.size:
        raise IndexError(index)
    path = inclusion_proof(index, checkpoint.size, log.reader(checkpoint.size))
    return checkpoint, format_proof(Proof(index, tuple(path), note))


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
