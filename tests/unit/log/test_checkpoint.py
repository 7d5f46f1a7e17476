from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from carbon.domain.errors import CarbonError
from carbon.domain.log.checkpoint import (
    Checkpoint,
    cosign,
    sign_checkpoint,
    verify_checkpoint,
)
from carbon.domain.log.merkle import EMPTY_ROOT, leaf_hash
from carbon.domain.log.note import (
    COSIGNATURE,
    ED25519,
    Note,
    cosigned_message,
    format_note,
    parse_note,
    sign_text,
)
from log_keys import ORIGIN, WITNESS, signer, verify

LOG, LOG_SIGN = signer()
NEXT, NEXT_SIGN = signer(seed=2)
W1, W1_SIGN = signer(WITNESS, COSIGNATURE, seed=3)
W2, W2_SIGN = signer("witness.example/w2", COSIGNATURE, seed=4)
HEAD = Checkpoint(ORIGIN, 20852163, leaf_hash(b""))
ROOT = base64.b64encode(HEAD.root).decode()
SIGNED = sign_checkpoint(HEAD, (LOG, LOG_SIGN))
TIME = 1_679_315_147


def code_of(act) -> str:
    with pytest.raises(CarbonError) as caught:
        act()
    return caught.value.code


def test_a_signed_checkpoint_reads_back():
    assert SIGNED.startswith(f"{ORIGIN}\n20852163\n{ROOT}\n\n— {ORIGIN} ".encode())
    assert verify_checkpoint(SIGNED, [LOG], verify).checkpoint == HEAD
    assert Checkpoint.parse(str(HEAD)) == HEAD


def test_an_empty_log_has_the_empty_root():
    assert (
        str(Checkpoint(ORIGIN, 0, EMPTY_ROOT))
        == f"{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    )
    assert code_of(lambda: Checkpoint(ORIGIN, 0, HEAD.root)) == "checkpoint.malformed"


def test_a_key_is_replaced_by_signing_twice():
    """While both sign, whoever trusts one of them reads on."""
    both = sign_checkpoint(HEAD, (LOG, LOG_SIGN), (NEXT, NEXT_SIGN))
    for keys in ([LOG], [NEXT], [LOG, NEXT]):
        assert verify_checkpoint(both, keys, verify).checkpoint == HEAD
    assert code_of(lambda: verify_checkpoint(SIGNED, [NEXT], verify)) == "note.unsigned"


def test_the_message_a_witness_signs():
    """The standard's own example."""
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert (
        cosigned_message(text, 1679315147) == b"cosignature/v1\ntime 1679315147\n" + text.encode()
    )


def test_cosignatures():
    data = cosign(cosign(SIGNED, TIME, W1, W1_SIGN), TIME + 1, W2, W2_SIGN)
    assert data.startswith(SIGNED)
    assert [len(s.value) for s in parse_note(data).signatures] == [64, 72, 72]
    assert verify_checkpoint(data, [LOG], verify).seen == {}
    assert verify_checkpoint(data, [LOG], verify, [W1, W2]).seen == {W1: TIME, W2: TIME + 1}


def test_a_witness_never_stands_in_for_the_log():
    """A note that only the witness signed is not a checkpoint of the log."""
    alone = replace(parse_note(cosign(SIGNED, TIME, W1, W1_SIGN)))
    data = format_note(Note(alone.text, alone.signatures[1:]))
    assert code_of(lambda: verify_checkpoint(data, [LOG], verify, [W1])) == "note.unsigned"


def test_a_changed_time_is_refused():
    note = parse_note(cosign(SIGNED, TIME, W1, W1_SIGN))
    value = note.signatures[1].value
    for later in (TIME + 1, 2**63, 2**64 - 1):
        changed = replace(note.signatures[1], value=later.to_bytes(8, "big") + value[8:])
        data = format_note(Note(note.text, (note.signatures[0], changed)))
        assert (
            code_of(lambda data=data: verify_checkpoint(data, [LOG], verify, [W1]))
            == "note.signature"
        )


def test_a_time_beyond_the_standards_limit_is_refused_though_signed():
    head = parse_note(SIGNED)
    value = (2**63).to_bytes(8, "big") + W1_SIGN(cosigned_message(head.text, 2**63))
    line = replace(head.signatures[0], name=W1.name, key_id=W1.id, value=value)
    data = format_note(Note(head.text, (*head.signatures, line)))
    assert code_of(lambda: verify_checkpoint(data, [LOG], verify, [W1])) == "note.signature"


def test_a_plain_signature_is_no_cosignature_and_the_reverse():
    plain = sign_text(str(HEAD), W1, W1_SIGN)
    data = format_note(Note(str(HEAD), (parse_note(SIGNED).signatures[0], plain)))
    assert code_of(lambda: verify_checkpoint(data, [LOG], verify, [W1])) == "note.signature"


def test_the_origin_is_pinned_to_the_key():
    """A log's key that signs under another origin is refused, rightly signed or not."""
    other = f"{ORIGIN}2\n5\n{ROOT}\n"
    data = format_note(Note(other, (sign_text(other, LOG, LOG_SIGN),)))
    assert code_of(lambda: verify_checkpoint(data, [LOG], verify)) == "checkpoint.origin"


BROKEN = {
    "empty line": "\n",
    "origin alone": f"{ORIGIN}\n",
    "no root": f"{ORIGIN}\n5\n",
    "no origin": f"\n5\n{ROOT}\n",
    "space in the origin": f"log example\n5\n{ROOT}\n",
    "plus in the origin": f"log+example\n5\n{ROOT}\n",
    "extension line": f"{ORIGIN}\n5\n{ROOT}\nmore\n",
    "empty extension line": f"{ORIGIN}\n5\n{ROOT}\n\n",
    "leading zero": f"{ORIGIN}\n05\n{ROOT}\n",
    "two zeros": f"{ORIGIN}\n00\n{ROOT}\n",
    "plus sign": f"{ORIGIN}\n+5\n{ROOT}\n",
    "minus sign": f"{ORIGIN}\n-5\n{ROOT}\n",
    "space before the size": f"{ORIGIN}\n 5\n{ROOT}\n",
    "underscore": f"{ORIGIN}\n1_000\n{ROOT}\n",
    "full-width digits": f"{ORIGIN}\n５\n{ROOT}\n",
    "hexadecimal": f"{ORIGIN}\n0x5\n{ROOT}\n",
    "size missing": f"{ORIGIN}\n\n{ROOT}\n",
    "2**63": f"{ORIGIN}\n{2**63}\n{ROOT}\n",
    "20 digits": f"{ORIGIN}\n{10**19}\n{ROOT}\n",
    "root of 31 bytes": f"{ORIGIN}\n5\n{base64.b64encode(bytes(31)).decode()}\n",
    "root of 33 bytes": f"{ORIGIN}\n5\n{base64.b64encode(bytes(33)).decode()}\n",
    "root in hexadecimal": f"{ORIGIN}\n5\n{HEAD.root.hex()}\n",
    "root without padding": f"{ORIGIN}\n5\n{ROOT.rstrip('=')}\n",
    "space after the root": f"{ORIGIN}\n5\n{ROOT} \n",
    "empty tree with a root": f"{ORIGIN}\n0\n{ROOT}\n",
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_checkpoints_rightly_signed(case):
    text = BROKEN[case]
    data = format_note(Note(text, (sign_text(text, LOG, LOG_SIGN),)))
    assert code_of(lambda: verify_checkpoint(data, [LOG], verify)) == "checkpoint.malformed"


def test_the_last_newline_belongs_to_the_text():
    for text in (str(HEAD)[:-1], str(HEAD) + "more"):
        assert code_of(lambda text=text: Checkpoint.parse(text)) == "checkpoint.malformed"
    assert code_of(lambda: Checkpoint(ORIGIN, -1, HEAD.root)) == "checkpoint.malformed"


@pytest.mark.parametrize("key", [signer("other.example")[0], signer(algorithm=COSIGNATURE)[0]])
def test_only_the_logs_own_key_signs_for_it(key):
    with pytest.raises(ValueError, match="does not sign"):
        sign_checkpoint(HEAD, (key, LOG_SIGN))


@pytest.mark.parametrize(("key", "time"), [(LOG, TIME), (W1, -1), (W1, 2**63)])
def test_a_cosignature_takes_a_witness_key_and_a_time(key, time):
    with pytest.raises(ValueError, match="witness key"):
        cosign(SIGNED, time, key, W1_SIGN)


@pytest.mark.parametrize(
    ("log", "witnesses"),
    [
        ([], []),
        ([LOG, signer("other.example")[0]], []),
        ([W1], []),
        ([LOG], [LOG]),
        ([LOG], [signer(WITNESS, ED25519)[0]]),
    ],
)
def test_keys_of_the_wrong_kind(log, witnesses):
    with pytest.raises(ValueError, match="a log has"):
        verify_checkpoint(SIGNED, log, verify, witnesses)
