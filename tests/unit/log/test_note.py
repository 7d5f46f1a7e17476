from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from carbon.domain.errors import CarbonError
from carbon.domain.log.note import (
    COSIGNATURE,
    MAX_NOTE_BYTES,
    Key,
    Note,
    Signature,
    format_note,
    is_name,
    parse_note,
    sign_text,
    verify_note,
)
from log_keys import signer, verify

# The example of Go's sumdb/note, from which C2SP signed-note comes.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_SEED = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
BY_NEUMANN = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
BY_ENOCH = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
NOTE = (TEXT + "\n" + BY_NEUMANN).encode()
VALUE = base64.b64encode(bytes(68)).decode()

# The examples of C2SP signed-note, tlog-checkpoint and tlog-cosignature; their keys are unknown.
EXAMPLES = [
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n",
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n",
]


def test_the_known_note_verifies():
    key = Key.parse(NEUMANN)
    note, valid = verify_note(NOTE, [key], verify)
    assert note.text == TEXT
    assert [k.name for k, _ in valid] == ["PeterNeumann"]
    assert key.vkey == NEUMANN
    assert key.id.hex() == "c74f20a3"


def test_signing_gives_the_known_note():
    """Ed25519 is deterministic, so the published bytes must come out."""
    secret = base64.b64decode(NEUMANN_SEED)[1:]
    private = Ed25519PrivateKey.from_private_bytes(secret)
    key = Key.parse(NEUMANN)
    assert format_note(Note(TEXT, (sign_text(TEXT, key, private.sign),))) == NOTE


def test_signatures_of_others_say_nothing():
    note, valid = verify_note(NOTE + BY_ENOCH.encode(), [Key.parse(NEUMANN)], verify)
    assert len(valid) == 1
    assert [s.name for s in note.signatures] == ["PeterNeumann", "EnochRoot"]


@pytest.mark.parametrize("same", ["name", "id"])
def test_a_key_is_known_by_name_and_id_together(same):
    """A line that shares only one of them with a trusted key is a stranger's."""
    known = parse_note(NOTE).signatures[0]
    stranger = Signature(
        known.name if same == "name" else "X", known.key_id if same == "id" else b"abcd", bytes(64)
    )
    data = format_note(Note(TEXT, (stranger, known)))
    assert len(verify_note(data, [Key.parse(NEUMANN)], verify)[1]) == 1


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_standards_examples_read_and_write_back(example):
    assert format_note(parse_note(example.encode())) == example.encode()


def test_text_may_hold_empty_lines():
    key, sign = signer()
    for text in ("\n", "a\n\nb\n", "a\n\n", "碳\n\n\n"):
        data = format_note(Note(text, (sign_text(text, key, sign),)))
        assert verify_note(data, [key], verify)[0].text == text


def test_a_changed_bit_is_never_accepted():
    for bit in range(len(NOTE) * 8):
        changed = bytearray(NOTE)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CarbonError) as caught:
            verify_note(bytes(changed), [Key.parse(NEUMANN)], verify)
        assert caught.value.code in ("note.malformed", "note.signature", "note.unsigned")


def test_a_wrong_signature_by_a_trusted_key_spoils_the_note():
    """Even beside a right one, also by the same key."""
    good = parse_note(NOTE).signatures[0]
    bad = Signature(good.name, good.key_id, bytes(64))
    for signatures in ((good, bad), (bad, good), (bad,)):
        with pytest.raises(CarbonError) as caught:
            verify_note(format_note(Note(TEXT, signatures)), [Key.parse(NEUMANN)], verify)
        assert caught.value.code == "note.signature"


@pytest.mark.parametrize("length", [1, 63, 65, 72])
def test_a_signature_of_another_length_never_reaches_the_curve(length):
    good = parse_note(NOTE).signatures[0]
    data = format_note(Note(TEXT, (Signature(good.name, good.key_id, bytes(length)),)))
    with pytest.raises(CarbonError) as caught:
        verify_note(data, [Key.parse(NEUMANN)], lambda *_: True)
    assert caught.value.code == "note.signature"


@pytest.mark.parametrize("keys", [[], [signer()[0]]])
def test_a_note_no_trusted_key_signed_is_refused(keys):
    with pytest.raises(CarbonError) as caught:
        verify_note(NOTE, keys, verify)
    assert caught.value.code == "note.unsigned"


BROKEN = {
    "empty": b"",
    "text alone": TEXT.encode(),
    "no text": b"\n" + BY_NEUMANN.encode(),
    "no blank line": (TEXT + BY_NEUMANN).encode(),
    "no signature": (TEXT + "\n").encode(),
    "no last newline": NOTE[:-1],
    "blank line at the end": NOTE + b"\n",
    "blank line between signatures": NOTE + b"\n" + b"x\n",
    "text after signatures": NOTE + b"hello\n",
    "hyphen": NOTE.replace("—".encode(), b"-"),
    "en dash": NOTE.replace("—".encode(), "–".encode()),
    "no space after the dash": NOTE.replace("— ".encode(), "—".encode()),
    "two spaces": NOTE.replace(b"PeterNeumann ", b"PeterNeumann  "),
    "leading space": NOTE.replace("— ".encode(), " — ".encode()),
    "trailing space": NOTE[:-1] + b" \n",
    "name missing": (TEXT + f"\n—  {VALUE}\n").encode(),
    "value missing": (TEXT + "\n— name\n").encode(),
    "value empty": (TEXT + "\n— name \n").encode(),
    "plus in the name": (TEXT + f"\n— a+b {VALUE}\n").encode(),
    "ideographic space in the name": (TEXT + f"\n— a\u3000b {VALUE}\n").encode(),
    "no-break space in the name": (TEXT + f"\n— a\u00a0b {VALUE}\n").encode(),
    "only a key id": (TEXT + "\n— name AAAAAA==\n").encode(),
    "no base64": (TEXT + "\n— name ****\n").encode(),
    "URL base64": NOTE.replace(b"/", b"_"),
    "no padding": NOTE.replace(b"=", b""),
    "loose bits in base64": NOTE.replace(b"nAM=", b"nAN="),
    "base64 not ASCII": (TEXT + "\n— name ＡＡＡＡ\n").encode(),
    "carriage returns": NOTE.replace(b"\n", b"\r\n"),
    "tab": NOTE.replace(b"If ", b"If\t"),
    "null": b"\x00" + NOTE,
    "not UTF-8": b"\xff" + NOTE,
    "surrogate": b"\xed\xa0\x80" + NOTE,
    "overlong": b"\xc0\xaf" + NOTE,
    "101 signatures": NOTE + BY_ENOCH.encode() * 100,
    "endless": b"x" * MAX_NOTE_BYTES + NOTE,
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_notes(case):
    with pytest.raises(CarbonError) as caught:
        verify_note(BROKEN[case], [Key.parse(NEUMANN)], verify)
    assert caught.value.code == "note.malformed"


def test_a_hundred_signatures_are_read():
    assert len(parse_note(NOTE + BY_ENOCH.encode() * 99).signatures) == 100


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "a\r\n"])
def test_what_could_not_be_read_back_is_not_written(text):
    with pytest.raises(CarbonError) as caught:
        format_note(Note(text, parse_note(NOTE).signatures))
    assert caught.value.code == "note.malformed"
    with pytest.raises(CarbonError):
        format_note(Note(TEXT, ()))


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a3+",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "\ud800+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWAA==",
        "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
        " PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TX",
    ],
)
def test_broken_keys(vkey):
    with pytest.raises(CarbonError) as caught:
        Key.parse(vkey)
    assert caught.value.code == "note.key"


def test_one_public_key_has_an_id_per_signature_type():
    key, _ = signer()
    witness = Key(key.name, key.public, COSIGNATURE)
    assert witness.id != key.id
    assert Key.parse(witness.vkey) == witness


@pytest.mark.parametrize("name", ["a", "log.example/天津", "a\u200bb", "—"])
def test_names_a_key_may_have(name):
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "a\tb", "a\nb", "a+b", "a\u2028b", "a\x85b", "a\x00b", "a\x1fb", "\udfff"],
)
def test_names_no_key_may_have(name):
    assert not is_name(name)
