"""Signed notes and verifier keys: C2SP signed-note.

A note is text, a blank line, and one line per signature. This package signs and checks no curve
points itself: the two Ed25519 functions are handed in.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from carbon.domain.errors import CarbonError

#: (public key of 32 bytes, message, signature of 64 bytes) → whether it is valid.
Verify = Callable[[bytes, bytes, bytes], bool]
#: message → Ed25519 signature of 64 bytes.
Sign = Callable[[bytes], bytes]

#: Signature types of signed-note: Ed25519 over the text; timestamped witness cosignature.
ED25519: Final = 0x01
COSIGNATURE: Final = 0x04

ID_BYTES: Final = 4
PUBLIC_BYTES: Final = 32
TIME_BYTES: Final = 8
SIGNATURE_BYTES: Final = 64
#: tlog-cosignature: a timestamp never exceeds this.
MAX_TIME: Final = 2**63 - 1

#: Limits against endless parsing; the standard asks for at least 16 signatures.
MAX_SIGNATURES: Final = 100
MAX_NOTE_BYTES: Final = 1_000_000

_DASH = "— "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_VKEY = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})")


def strict_base64(text: str) -> bytes | None:
    """Bytes of standard base64 in its one canonical spelling, otherwise None."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64_text(data) == text else None


def base64_text(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode()


def is_name(name: str) -> bool:
    """Whether a key may be called so: not empty, valid text without spaces, controls and ``+``."""
    odd = any(c.isspace() or c < " " or c == "+" or "\ud800" <= c <= "\udfff" for c in name)
    return bool(name) and not odd


@dataclass(frozen=True, slots=True)
class Key:
    """A public key that may sign notes. Raises ``note.key`` for a bad name, type or length."""

    name: str
    public: bytes
    algorithm: int = ED25519

    def __post_init__(self) -> None:
        known = self.algorithm in (ED25519, COSIGNATURE)
        if not (known and is_name(self.name) and len(self.public) == PUBLIC_BYTES):
            raise CarbonError("note.key", key=self.name)

    @property
    def id(self) -> bytes:
        """Key id: four bytes of SHA-256 over name, newline, signature type and public key."""
        tail = bytes([self.algorithm]) + self.public
        return sha256(self.name.encode() + b"\n" + tail).digest()[:ID_BYTES]

    @property
    def vkey(self) -> str:
        """Its text form, ``name+id+base64``."""
        material = base64_text(bytes([self.algorithm]) + self.public)
        return f"{self.name}+{self.id.hex()}+{material}"

    @classmethod
    def parse(cls, vkey: str) -> Key:
        """Read the text form. Raises ``note.key``, also if the id is not that of the key."""
        match = _VKEY.fullmatch(vkey)
        material = strict_base64(match[3]) if match else None
        if not match or not material:
            raise CarbonError("note.key", key=vkey)
        key = cls(match[1], material[1:], material[0])
        if key.id.hex() != match[2]:
            raise CarbonError("note.key", key=vkey)
        return key


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line; ``value`` is what follows the key id."""

    name: str
    key_id: bytes
    value: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {base64_text(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A note taken apart; nothing about it is verified. ``text`` includes its last newline."""

    text: str
    signatures: tuple[Signature, ...]


def _malformed(reason: str) -> CarbonError:
    return CarbonError("note.malformed", reason=reason)


def _decoded(data: bytes) -> str:
    if len(data) > MAX_NOTE_BYTES:
        raise _malformed("size")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise _malformed("UTF-8") from error
    if _CONTROL.search(text):
        raise _malformed("control character")
    return text


def _signature(line: str) -> Signature:
    dash, (name, _, encoded) = line[: len(_DASH)], line[len(_DASH) :].partition(" ")
    value = strict_base64(encoded)
    if dash != _DASH or not is_name(name) or value is None or len(value) <= ID_BYTES:
        raise _malformed("signature line")
    return Signature(name, value[:ID_BYTES], value[ID_BYTES:])


def parse_note(data: bytes) -> Note:
    """Take a note apart, strictly. Raises ``note.malformed``."""
    text, blank, lines = _decoded(data).rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise _malformed("blank line or last newline")
    signatures = lines[:-1].split("\n")
    if len(signatures) > MAX_SIGNATURES:
        raise _malformed("number of signatures")
    return Note(text + "\n", tuple(map(_signature, signatures)))


def format_note(note: Note) -> bytes:
    """The note's bytes. Raises ``note.malformed`` if they could not be read back as this note."""
    data = (note.text + "\n" + "".join(map(str, note.signatures))).encode()
    if parse_note(data) != note:
        raise _malformed("text")
    return data


def sign_text(text: str, key: Key, sign: Sign) -> Signature:
    """Ed25519 signature (type 0x01) of a note's text."""
    return Signature(key.name, key.id, sign(text.encode()))


def cosigned_message(text: str, time: int) -> bytes:
    """What a witness signs: C2SP tlog-cosignature, version 1. ``time`` in seconds since 1970."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _is_valid(signature: Signature, key: Key, text: str, verify: Verify) -> bool:
    value, message = signature.value, text.encode()
    if key.algorithm == COSIGNATURE:
        time, value = int.from_bytes(value[:TIME_BYTES], "big"), value[TIME_BYTES:]
        if time > MAX_TIME:
            return False
        message = cosigned_message(text, time)
    return len(value) == SIGNATURE_BYTES and verify(key.public, message, value)


def verify_note(
    data: bytes, trusted: Iterable[Key], verify: Verify
) -> tuple[Note, list[tuple[Key, Signature]]]:
    """Read a note and check its signatures by trusted keys; those of others say nothing.

    Returns the note and each valid signature with its key. Raises ``note.malformed``,
    ``note.signature`` if a trusted key's signature is wrong, ``note.unsigned`` if none signed.
    """
    note, keys = parse_note(data), {(key.name, key.id): key for key in trusted}
    valid = []
    for signature in note.signatures:
        key = keys.get((signature.name, signature.key_id))
        if key and not _is_valid(signature, key, note.text, verify):
            raise CarbonError("note.signature", name=key.name)
        if key:
            valid.append((key, signature))
    if not valid:
        raise CarbonError("note.unsigned")
    return note, valid
