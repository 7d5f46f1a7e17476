from __future__ import annotations

import base64

import pytest

from carbon.domain.errors import CarbonError
from carbon.domain.log.checkpoint import Checkpoint, cosign, sign_checkpoint
from carbon.domain.log.merkle import EMPTY_ROOT, Levels, inclusion_proof
from carbon.domain.log.note import COSIGNATURE, Note, format_note, sign_text
from carbon.domain.log.proof import Proof, format_proof, parse_proof, verify_proof
from log_keys import ORIGIN, WITNESS, signer, verify

LEAVES = [b"leaf %d" % n for n in range(11)]
TREE = Levels.of(LEAVES)
LOG, SIGN = signer()
WITNESS_KEY, WITNESS_SIGN = signer(WITNESS, COSIGNATURE, seed=3)
HEAD = Checkpoint(ORIGIN, 11, TREE.root())
SIGNED = sign_checkpoint(HEAD, (LOG, SIGN))


def proof_of(index: int, checkpoint: bytes = SIGNED) -> Proof:
    return Proof(index, tuple(inclusion_proof(index, 11, TREE.read)), checkpoint)


def code_of(act) -> str:
    with pytest.raises(CarbonError) as caught:
        act()
    return caught.value.code


TEXT = format_proof(proof_of(5))
HASH = base64.b64encode(TREE.read(0, 4))


def test_the_format():
    """Header, index, hashes from the leaf's sibling up, blank line, checkpoint as it is."""
    head, _, checkpoint = TEXT.partition(b"\n\n")
    lines = head.decode().split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 5"]
    assert [base64.b64decode(h) for h in lines[2:]] == inclusion_proof(5, 11, TREE.read)
    assert checkpoint == SIGNED


@pytest.mark.parametrize("index", range(11))
def test_proofs_read_back_and_hold(index):
    data = format_proof(proof_of(index))
    assert parse_proof(data) == proof_of(index)
    assert verify_proof(LEAVES[index], data, [LOG], verify).checkpoint == HEAD


def test_a_log_of_one_leaf_needs_no_hashes():
    signed = sign_checkpoint(Checkpoint(ORIGIN, 1, TREE.read(0, 0)), (LOG, SIGN))
    data = format_proof(Proof(0, (), signed))
    assert data == b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + signed
    assert verify_proof(LEAVES[0], data, [LOG], verify).checkpoint.size == 1


def test_witnesses_are_reported():
    data = format_proof(proof_of(5, cosign(SIGNED, 7, WITNESS_KEY, WITNESS_SIGN)))
    assert verify_proof(LEAVES[5], data, [LOG], verify, [WITNESS_KEY]).seen == {WITNESS_KEY: 7}


@pytest.mark.parametrize("index", [n for n in range(11) if n != 5])
def test_another_leaf_or_place_is_refused(index):
    assert code_of(lambda: verify_proof(LEAVES[index], TEXT, [LOG], verify)) == "proof.wrong"
    moved = TEXT.replace(b"index 5", b"index %d" % index)
    assert code_of(lambda: verify_proof(LEAVES[5], moved, [LOG], verify)) == "proof.wrong"


def test_a_changed_bit_is_never_accepted():
    for bit in range(len(TEXT) * 8):
        changed = bytearray(TEXT)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CarbonError):
            verify_proof(LEAVES[5], bytes(changed), [LOG], verify)


def test_the_signature_is_checked_before_the_path():
    """A stranger's checkpoint over a right tree says nothing."""
    stranger, sign = signer(seed=9)
    data = format_proof(proof_of(5, sign_checkpoint(HEAD, (stranger, sign))))
    assert code_of(lambda: verify_proof(LEAVES[5], data, [LOG], verify)) == "note.unsigned"


BROKEN = {
    "empty": b"",
    "checkpoint alone": SIGNED,
    "no checkpoint": TEXT.partition(b"\n\n")[0] + b"\n",
    "blank line first": b"\n" + TEXT,
    "two blank lines first": b"\n\n" + TEXT,
    "other version": TEXT.replace(b"@v1", b"@v2"),
    "header in capitals": TEXT.replace(b"c2sp", b"C2SP"),
    "space after the header": TEXT.replace(b"@v1", b"@v1 "),
    "carriage returns": TEXT.replace(b"\n", b"\r\n"),
    "no index": TEXT.replace(b"index 5\n", b""),
    "extra line": TEXT.replace(b"index", b"extra QQ==\nindex"),
    "index twice": TEXT.replace(b"index 5\n", b"index 5\nindex 5\n"),
    "index without number": TEXT.replace(b"index 5", b"index "),
    "leading zero": TEXT.replace(b"index 5", b"index 05"),
    "negative": TEXT.replace(b"index 5", b"index -5"),
    "two spaces": TEXT.replace(b"index 5", b"index  5"),
    "full-width digit": TEXT.replace(b"index 5", "index ５".encode()),
    "index of the size": TEXT.replace(b"index 5", b"index 11"),
    "index of 2**63": TEXT.replace(b"index 5", b"index %d" % 2**63),
    "hash of 31 bytes": TEXT.replace(HASH, base64.b64encode(bytes(31))),
    "hash of 33 bytes": TEXT.replace(HASH, base64.b64encode(bytes(33))),
    "hash in hexadecimal": TEXT.replace(HASH, TREE.read(0, 4).hex().encode()),
    "hash without padding": TEXT.replace(HASH, HASH.rstrip(b"=")),
    "space after a hash": TEXT.replace(HASH, HASH + b" "),
    "64 hashes": TEXT.replace(HASH, b"\n".join([HASH] * 62)),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_proofs(case):
    assert (
        code_of(lambda: verify_proof(LEAVES[5], BROKEN[case], [LOG], verify)) == "proof.malformed"
    )


def test_a_broken_checkpoint_inside_is_named_as_such():
    assert code_of(lambda: parse_proof(TEXT[:-1])) == "note.malformed"
    text = str(HEAD) + "extension\n"
    extended = format_note(Note(text, (sign_text(text, LOG, SIGN),)))
    assert code_of(lambda: format_proof(proof_of(5, extended))) == "checkpoint.malformed"


def test_an_empty_log_proves_nothing():
    signed = sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), (LOG, SIGN))
    assert code_of(lambda: format_proof(Proof(0, (), signed))) == "proof.malformed"


@pytest.mark.parametrize(
    "proof", [Proof(-1, (), SIGNED), Proof(5, (b"x",), SIGNED), Proof(5, (), b"\n" + SIGNED)]
)
def test_what_could_not_be_read_back_is_not_written(proof):
    assert code_of(lambda: format_proof(proof)) in ("proof.malformed", "checkpoint.malformed")
