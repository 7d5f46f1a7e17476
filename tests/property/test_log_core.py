"""Laws of the log's core, over random trees, values and files."""

from __future__ import annotations

from contextlib import suppress

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from carbon.domain.errors import CarbonError
from carbon.domain.log.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from carbon.domain.log.leaf import canonical
from carbon.domain.log.merkle import (
    Levels,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    tree_root,
)
from carbon.domain.log.note import parse_note
from carbon.domain.log.proof import Proof, format_proof, parse_proof, verify_proof
from carbon.domain.log.tile import (
    ENTRIES,
    Tile,
    decode_bundle,
    encode_bundle,
    grown_tiles,
    tile_reader,
)
from log_keys import ORIGIN, signer, verify

LEAVES = [b"%d" % n for n in range(5000)]
TREE = Levels.of(LEAVES)
SIZES = st.integers(1, len(LEAVES))
KEY, SIGN = signer()

KEYS = st.text(st.characters(max_codepoint=127), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_canonical_json_is_rfc_8785(value):
    assert canonical(value) == rfc8785.dumps(value)


@given(st.data(), SIZES)
def test_every_leaf_is_proven_in_its_place_and_in_no_other(data, size):
    index, other = (data.draw(st.integers(0, size - 1)) for _ in range(2))
    proof, root = inclusion_proof(index, size, TREE.read), tree_root(size, TREE.read)
    assert check_inclusion(leaf_hash(LEAVES[index]), index, size, proof, root)
    assert check_inclusion(leaf_hash(LEAVES[index]), other, size, proof, root) == (other == index)


@given(SIZES, SIZES, st.binary(min_size=1))
def test_a_tree_extends_its_own_past_and_no_other(one, two, other):
    old, new = sorted((one, two))
    roots = tree_root(old, TREE.read), tree_root(new, TREE.read)
    proof = consistency_proof(old, new, TREE.read)
    assert check_consistency(old, roots[0], new, roots[1], proof)
    forked = Levels.of([*LEAVES[: old - 1], b"fork" + other])
    assert not check_consistency(old, forked.root(), new, roots[1], proof)


@given(st.lists(SIZES, max_size=4))
def test_growth_in_any_steps_gives_the_same_files(steps):
    files: dict[Tile, bytes] = {}
    old = 0
    for new in sorted(steps):
        tree = Levels.of(LEAVES[old:new], old, tile_reader(old, files.__getitem__))
        files |= dict(grown_tiles(old, new, tree.read))
        old = new
    at_once = dict(grown_tiles(0, old, TREE.read))
    assert {tile: files[tile] for tile in at_once} == at_once
    if old:
        assert tree_root(old, tile_reader(old, files.__getitem__)) == tree_root(old, TREE.read)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_bundles_read_back(entries):
    assert decode_bundle(Tile(ENTRIES, 0, len(entries)), encode_bundle(entries)) == entries


@given(st.binary(max_size=64), st.integers(1, 8))
def test_bytes_are_a_bundle_or_an_error(content, width):
    """Whatever decodes is exactly what encodes to it."""
    with suppress(CarbonError):
        assert encode_bundle(decode_bundle(Tile(ENTRIES, 0, width), content)) == content


@given(SIZES, st.data())
def test_proofs_read_back_and_hold(size, data):
    index = data.draw(st.integers(0, size - 1))
    head = Checkpoint(ORIGIN, size, tree_root(size, TREE.read))
    signed = sign_checkpoint(head, (KEY, SIGN))
    proof = Proof(index, tuple(inclusion_proof(index, size, TREE.read)), signed)
    assert parse_proof(format_proof(proof)) == proof
    assert verify_proof(LEAVES[index], format_proof(proof), [KEY], verify).checkpoint == head


DAMAGED = format_proof(
    Proof(
        1234,
        tuple(inclusion_proof(1234, 5000, TREE.read)),
        sign_checkpoint(Checkpoint(ORIGIN, 5000, TREE.root()), (KEY, SIGN)),
    )
)


@given(st.data())
def test_damage_is_always_an_error_with_a_code(data):
    """Bytes cut, changed or put in: a CarbonError, never another exception, never acceptance."""
    at = data.draw(st.integers(0, len(DAMAGED)))
    upto = data.draw(st.integers(at, min(len(DAMAGED), at + 3)))
    changed = DAMAGED[:at] + data.draw(st.binary(max_size=3)) + DAMAGED[upto:]
    if changed == DAMAGED:
        return
    with pytest.raises(CarbonError):
        verify_proof(LEAVES[1234], changed, [KEY], verify)


@given(st.binary() | st.text().map(str.encode))
def test_anything_else_is_refused(data):
    for act in (parse_note, parse_proof, lambda d: verify_checkpoint(d, [KEY], verify)):
        with pytest.raises(CarbonError):
            act(data)
