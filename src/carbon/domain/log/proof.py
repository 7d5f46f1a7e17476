"""The proof a person keeps, checkable offline: C2SP tlog-proof, without its extra line."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from carbon.domain.errors import CarbonError
from carbon.domain.log.checkpoint import Checkpoint, Verified, decimal, verify_checkpoint
from carbon.domain.log.merkle import HASH_BYTES, check_inclusion, leaf_hash
from carbon.domain.log.note import Key, Verify, base64_text, parse_note, strict_base64

HEADER: Final = "c2sp.org/tlog-proof@v1"

_INDEX = "index "
#: No path of a tree below 2**63 leaves is longer.
MAX_HASHES: Final = 63


@dataclass(frozen=True, slots=True)
class Proof:
    """Where a leaf is, its audit path, and the signed checkpoint's exact bytes."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes


def _malformed(reason: str) -> CarbonError:
    return CarbonError("proof.malformed", reason=reason)


def format_proof(proof: Proof) -> bytes:
    """The proof's bytes. Raises what :func:`parse_proof` raises if they could not be read back."""
    lines = [HEADER, f"{_INDEX}{proof.index}", *map(base64_text, proof.hashes), "", ""]
    data = "\n".join(lines).encode() + proof.checkpoint
    parse_proof(data)
    return data


def parse_proof(data: bytes) -> Proof:
    """Take a proof apart, strictly; nothing about it is verified.

    Raises ``proof.malformed``, and ``note.malformed`` or ``checkpoint.malformed`` for its
    checkpoint.
    """
    head, blank, checkpoint = data.partition(b"\n\n")
    if not blank or not head.isascii():
        raise _malformed("blank line")
    header, *lines = head.decode().split("\n")
    if header != HEADER or not lines or not lines[0].startswith(_INDEX):
        raise _malformed("first lines")
    index = decimal(lines[0].removeprefix(_INDEX))
    size = Checkpoint.parse(parse_note(checkpoint).text).size
    if index is None or index >= size:
        raise _malformed("index")
    return Proof(index, _path(lines[1:]), checkpoint)


def _path(lines: list[str]) -> tuple[bytes, ...]:
    hashes = tuple(h for h in map(strict_base64, lines) if h is not None and len(h) == HASH_BYTES)
    if len(hashes) != len(lines) or len(lines) > MAX_HASHES:
        raise _malformed("hashes")
    return hashes


def verify_proof(
    leaf: bytes, data: bytes, log: Collection[Key], verify: Verify, witnesses: Collection[Key] = ()
) -> Verified:
    """Check that a leaf's exact bytes are in the log: signature, then root, then path.

    Raises what :func:`parse_proof` and ``verify_checkpoint`` raise, and ``proof.wrong``.
    """
    proof = parse_proof(data)
    head = verify_checkpoint(proof.checkpoint, log, verify, witnesses)
    size, root = head.checkpoint.size, head.checkpoint.root
    if not check_inclusion(leaf_hash(leaf), proof.index, size, proof.hashes, root):
        raise CarbonError("proof.wrong", index=proof.index)
    return head
