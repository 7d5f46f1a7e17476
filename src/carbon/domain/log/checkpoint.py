"""Checkpoints, the signed heads of a log: C2SP tlog-checkpoint and tlog-cosignature.

The key's name is the log's origin, and there are no extension lines.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from carbon.domain.errors import CarbonError
from carbon.domain.log.merkle import EMPTY_ROOT, HASH_BYTES
from carbon.domain.log.note import (
    COSIGNATURE,
    ED25519,
    MAX_TIME,
    TIME_BYTES,
    Key,
    Note,
    Sign,
    Signature,
    Verify,
    base64_text,
    cosigned_message,
    format_note,
    is_name,
    parse_note,
    sign_text,
    strict_base64,
    verify_note,
)

#: Sizes and indices fit a signed 64-bit integer, as in every other implementation.
MAX_SIZE: Final = 2**63 - 1

_LINES = 3
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def decimal(text: str) -> int | None:
    """A size or index: at most 19 ASCII digits without leading zeros, otherwise None."""
    return int(text) if _DECIMAL.fullmatch(text) else None


def history_path(size: int) -> str:
    """Where a log keeps its checkpoint of some size, in folders of a thousand.

    >>> history_path(1234)
    'checkpoints/000/000/001/234'
    """
    digits = f"{size:012d}"
    return "/".join(["checkpoints", *(digits[n : n + 3] for n in range(0, len(digits), 3))])


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log: how many leaves and their root. Raises ``checkpoint.malformed``."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not is_name(self.origin):
            raise _malformed("origin")
        if not 0 <= self.size <= MAX_SIZE:
            raise _malformed("size")
        if len(self.root) != HASH_BYTES or (not self.size and self.root != EMPTY_ROOT):
            raise _malformed("root")

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64_text(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a note's text: origin, size, root, nothing more. Raises ``checkpoint.malformed``."""
        lines = text.split("\n")
        if len(lines) != _LINES + 1 or lines[_LINES]:
            raise _malformed("number of lines")
        origin, size, root = lines[0], decimal(lines[1]), strict_base64(lines[2])
        if size is None or root is None:
            raise _malformed("root" if root is None else "size")
        return cls(origin, size, root)


def _malformed(reason: str) -> CarbonError:
    return CarbonError("checkpoint.malformed", reason=reason)


def sign_checkpoint(checkpoint: Checkpoint, *signers: tuple[Key, Sign]) -> bytes:
    """The checkpoint as a note signed by the log; two signers while a key is being replaced.

    Raises ValueError for a key that is not an Ed25519 key named like the origin.
    """
    for key, _ in signers:
        if key.algorithm != ED25519 or key.name != checkpoint.origin:
            raise ValueError(f"{key.name} does not sign for {checkpoint.origin}")
    text = str(checkpoint)
    return format_note(Note(text, tuple(sign_text(text, key, sign) for key, sign in signers)))


def cosign(data: bytes, time: int, key: Key, sign: Sign) -> bytes:
    """The same checkpoint with a witness's cosignature at the end; ``time`` in seconds since 1970.

    Checks neither the log's signature nor consistency, which is what a witness does before.
    Raises ``note.malformed``, ``checkpoint.malformed``, and ValueError for a key of another type
    or an impossible time.
    """
    note = parse_note(data)
    Checkpoint.parse(note.text)
    if key.algorithm != COSIGNATURE or not 0 <= time <= MAX_TIME:
        raise ValueError("a cosignature takes a witness key and a time")
    value = time.to_bytes(TIME_BYTES, "big") + sign(cosigned_message(note.text, time))
    return format_note(Note(note.text, (*note.signatures, Signature(key.name, key.id, value))))


def as_signed(data: bytes) -> bytes:
    """A checkpoint as the log signed it: without the lines of witnesses, which come later.

    Raises ``note.malformed``, ``checkpoint.malformed``.
    """
    note = parse_note(data)
    origin = Checkpoint.parse(note.text).origin
    return format_note(Note(note.text, tuple(s for s in note.signatures if s.name == origin)))


@dataclass(frozen=True, slots=True)
class Verified:
    """A checkpoint whose signatures hold; seconds since 1970 at which each witness saw it."""

    checkpoint: Checkpoint
    seen: dict[Key, int]


def verify_checkpoint(
    data: bytes, log: Collection[Key], verify: Verify, witnesses: Collection[Key] = ()
) -> Verified:
    """Check a checkpoint of the log whose keys these are: signatures first, then its text.

    ``log``: Ed25519 keys of one origin, several while a key is being replaced. Witnesses are
    counted by the caller's policy and never stand in for the log. Raises ``note.malformed``,
    ``note.signature``, ``note.unsigned``, ``checkpoint.malformed``, ``checkpoint.origin``, and
    ValueError for keys of the wrong type or of several origins.
    """
    origins = {key.name for key in log}
    wrong = {k.algorithm for k in log} - {ED25519} or {k.algorithm for k in witnesses} - {
        COSIGNATURE
    }
    if len(origins) != 1 or wrong:
        raise ValueError("a log has Ed25519 keys of one name, a witness a cosignature key")
    note, valid = verify_note(data, (*log, *witnesses), verify)
    if not any(key in log for key, _ in valid):
        raise CarbonError("note.unsigned")
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin not in origins:
        raise CarbonError("checkpoint.origin", origin=checkpoint.origin, expected=min(origins))
    times = {k: s.value[:TIME_BYTES] for k, s in valid if k.algorithm == COSIGNATURE}
    return Verified(checkpoint, {key: int.from_bytes(time, "big") for key, time in times.items()})
