from __future__ import annotations

import tracemalloc
from functools import cache
from hashlib import sha256
from itertools import pairwise

import pytest
from pymerkle import InmemoryTree

from carbon.domain.log.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    Levels,
    check_consistency,
    check_inclusion,
    consistency_proof,
    hash_leaves,
    inclusion_proof,
    leaf_hash,
    node_hash,
    tree_root,
)

# The vectors of the certificate-transparency reference implementation.
VECTOR = [
    bytes.fromhex(h)
    for h in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
VECTOR_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
VECTOR_PROOFS = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}

LEAVES = [b"leaf %d" % n for n in range(1101)]
TREE = Levels.of(LEAVES)
SMALL = range(1, 65)


# RFC 6962 section 2.1, word for word.
def cut(size: int) -> int:
    k = 1
    while k * 2 < size:
        k *= 2
    return k


@cache
def mth(first: int, last: int) -> bytes:
    if first == last:
        return sha256(b"").digest()
    if last - first == 1:
        return sha256(b"\0" + LEAVES[first]).digest()
    k = cut(last - first)
    return sha256(b"\1" + mth(first, first + k) + mth(first + k, last)).digest()


def path(m: int, first: int, last: int) -> list[bytes]:
    if last - first == 1:
        return []
    k = cut(last - first)
    if m < k:
        return [*path(m, first, first + k), mth(first + k, last)]
    return [*path(m - k, first + k, last), mth(first, first + k)]


def subproof(m: int, first: int, last: int, known: bool) -> list[bytes]:
    if m == last - first:
        return [] if known else [mth(first, last)]
    k = cut(last - first)
    if m <= k:
        return [*subproof(m, first, first + k, known), mth(first + k, last)]
    return [*subproof(m - k, first + k, last, False), mth(first, first + k)]


def sides(m: int, size: int) -> str:
    """On which side each hash of an audit path stands."""
    if size == 1:
        return ""
    k = cut(size)
    return sides(m, k) + "r" if m < k else sides(m - k, size - k) + "l"


def proof_sides(m: int, size: int, known: bool = True) -> str:
    """The same of a consistency proof, with how it begins."""
    if m == size:
        return "old" if known else "new"
    k = cut(size)
    return proof_sides(m, k, known) + "r" if m <= k else proof_sides(m - k, size - k, False) + "l"


def flips(data: bytes):
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def proof_flips(proof: list[bytes]):
    for n, one in enumerate(proof):
        for changed in flips(one):
            yield [*proof[:n], changed, *proof[n + 1 :]]


def test_the_classic_roots():
    for size, root in enumerate(VECTOR_ROOTS):
        assert Levels.of(VECTOR[:size]).root().hex() == root
    assert EMPTY_ROOT.hex() == VECTOR_ROOTS[0]


@pytest.mark.parametrize(("old", "new"), VECTOR_PROOFS)
def test_the_classic_consistency_proofs(old, new):
    proof = consistency_proof(old, new, Levels.of(VECTOR).read)
    assert [h.hex() for h in proof] == VECTOR_PROOFS[old, new]


def test_leaf_and_node_hashes_cannot_be_confused():
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert node_hash(left, right) != leaf_hash(left + right)


def test_the_iterative_tree_is_the_recursive_one():
    """For every size: out of one big tree, and built alone."""
    for size in range(1101):
        assert tree_root(size, TREE.read) == mth(0, size)
        assert Levels.of(LEAVES[:size]).root() == mth(0, size)


def test_every_inclusion_proof_is_the_definitions_and_holds():
    for size in SMALL:
        for index in range(size):
            proof = inclusion_proof(index, size, TREE.read)
            assert proof == path(index, 0, size)
            assert check_inclusion(leaf_hash(LEAVES[index]), index, size, proof, mth(0, size))


def test_every_consistency_proof_is_the_definitions_and_holds():
    for new in SMALL:
        for old in range(1, new + 1):
            proof = consistency_proof(old, new, TREE.read)
            assert proof == subproof(old, 0, new, True)
            assert check_consistency(old, mth(0, old), new, mth(0, new), proof)


def test_roots_are_those_of_pymerkle():
    other = InmemoryTree(algorithm="sha256")
    other.append_entries(LEAVES)
    for size in range(1, 1101):
        assert tree_root(size, TREE.read) == other.get_root(size)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 8, 11, 13])
def test_every_changed_bit_of_an_inclusion_proof_is_refused(size):
    root = mth(0, size)
    for index in range(size):
        leaf, proof = leaf_hash(LEAVES[index]), inclusion_proof(index, size, TREE.read)
        assert not any(check_inclusion(f, index, size, proof, root) for f in flips(leaf))
        assert not any(check_inclusion(leaf, index, size, proof, f) for f in flips(root))
        assert not any(check_inclusion(leaf, index, size, p, root) for p in proof_flips(proof))
        assert not any(check_inclusion(leaf, index ^ 1 << b, size, proof, root) for b in range(8))


@pytest.mark.parametrize("size", SMALL)
def test_a_changed_size_is_refused_wherever_the_path_shows_it(size):
    """A root does not commit to its size: an equally shaped path holds under another size.

    This is RFC 9162's algorithm; the pair of size and root is what the checkpoint's signature
    binds. With the other size's own root every such change is refused.
    """
    for index in range(size):
        leaf, proof = leaf_hash(LEAVES[index]), inclusion_proof(index, size, TREE.read)
        for other in {size ^ 1 << bit for bit in range(8)}:
            same = index < other and sides(index, other) == sides(index, size)
            assert check_inclusion(leaf, index, other, proof, mth(0, size)) == same
            assert not check_inclusion(leaf, index, other, proof, mth(0, other))


@pytest.mark.parametrize(
    ("old", "new"), [(1, 2), (2, 3), (3, 7), (4, 7), (6, 8), (7, 13), (8, 13), (5, 5)]
)
def test_every_changed_bit_of_a_consistency_proof_is_refused(old, new):
    before, after = mth(0, old), mth(0, new)
    proof = consistency_proof(old, new, TREE.read)
    assert not any(check_consistency(old, f, new, after, proof) for f in flips(before))
    assert not any(check_consistency(old, before, new, f, proof) for f in flips(after))
    assert not any(check_consistency(old, before, new, after, p) for p in proof_flips(proof))


@pytest.mark.parametrize("new", range(2, 33))
def test_changed_sizes_of_a_consistency_proof_are_refused_wherever_it_shows_them(new):
    for old in range(1, new):
        before, after = mth(0, old), mth(0, new)
        proof = consistency_proof(old, new, TREE.read)
        for bit in range(7):
            for m, n in ((old ^ 1 << bit, new), (old, new ^ 1 << bit)):
                same = 0 < m < n and proof_sides(m, n) == proof_sides(old, new)
                assert check_consistency(m, before, n, after, proof) == same


def test_a_proof_of_another_length_is_refused():
    for size in range(1, 20):
        root = mth(0, size)
        for index in range(size):
            leaf, proof = leaf_hash(LEAVES[index]), inclusion_proof(index, size, TREE.read)
            assert not check_inclusion(leaf, index, size, [*proof, root], root)
            assert not (proof and check_inclusion(leaf, index, size, proof[:-1], root))
            assert not (proof and check_inclusion(leaf, index, size, [p[:-1] for p in proof], root))
        for old in range(1, size):
            proof = consistency_proof(old, size, TREE.read)
            assert not check_consistency(old, mth(0, old), size, root, [*proof, root])
            assert not check_consistency(old, mth(0, old), size, root, proof[:-1])
            assert not check_consistency(old, mth(0, old), size, root, [])


def test_a_proof_longer_than_the_tree_is_high_is_refused():
    """Its hashes lead to the root, though of a tree that has no place for them."""
    left, right = leaf_hash(LEAVES[0]), leaf_hash(LEAVES[1])
    assert not check_inclusion(right, 0, 1, [left], node_hash(left, right))
    assert not check_inclusion(left, 0, 1, [right], node_hash(left, right))


def test_hashes_of_other_lengths_are_refused_though_their_bytes_join_rightly():
    both = leaf_hash(LEAVES[0]) + leaf_hash(LEAVES[1])
    assert check_inclusion(both[:32], 0, 2, [both[32:]], mth(0, 2))
    assert not check_inclusion(both[:31], 0, 2, [both[31:]], mth(0, 2))
    assert not check_inclusion(both, 0, 2, [b""], mth(0, 2))


def test_nothing_is_consistent_with_an_empty_tree():
    """A verifier that accepts size 0 as "before" can be reset by anyone."""
    assert not check_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    assert not check_consistency(0, EMPTY_ROOT, 8, mth(0, 8), [])
    assert not check_consistency(-1, EMPTY_ROOT, 8, mth(0, 8), [])
    assert not check_consistency(8, mth(0, 8), 4, mth(0, 4), [])
    assert not check_consistency(8, mth(0, 8), 8, mth(0, 8), [mth(0, 8)])


@pytest.mark.parametrize(
    "act",
    [
        lambda: tree_root(-1, TREE.read),
        lambda: inclusion_proof(0, 0, TREE.read),
        lambda: inclusion_proof(-1, 5, TREE.read),
        lambda: inclusion_proof(5, 5, TREE.read),
        lambda: inclusion_proof(0, 2000, TREE.read),
        lambda: consistency_proof(0, 5, TREE.read),
        lambda: consistency_proof(6, 5, TREE.read),
        lambda: consistency_proof(1, 2000, TREE.read),
        lambda: TREE.read(-1, 0),
        lambda: TREE.read(0, -1),
        lambda: TREE.read(0, 1101),
        lambda: TREE.read(11, 0),
        lambda: Levels(b"x" * 33),
        lambda: Levels(b"", start=-1),
        lambda: Levels(leaf_hash(b""), start=1),
    ],
)
def test_what_no_tree_has_is_a_value_error(act):
    with pytest.raises(ValueError, match=r"."):
        act()


def test_a_tree_grows_from_its_right_edge_alone():
    """Growth gives the same subtrees as a new build and reads one old hash per level at most."""
    whole = hash_leaves(LEAVES)
    for old in (0, 1, 2, 3, 64, 255, 256, 257, 1000, 1100):
        for new in (old, old + 1, old + 2, 1101):
            seen = []

            def before(level, index, seen=seen):
                seen.append(level)
                return TREE.read(level, index)

            grown = Levels(whole[old * HASH_BYTES : new * HASH_BYTES], start=old, before=before)
            assert len(seen) == len(set(seen))
            assert not (seen and new == old)
            full = Levels(whole[: new * HASH_BYTES])
            for level, hashes in enumerate(grown.levels):
                assert hashes == full.levels[level][(old >> level) * HASH_BYTES :]
            assert len(grown.levels) == len(full.levels)
            assert grown.root() == full.root()


def test_levels_join_the_hashes_of_each_level():
    assert [len(level) // HASH_BYTES for level in TREE.levels] == [
        1101,
        550,
        275,
        137,
        68,
        34,
        17,
        8,
        4,
        2,
        1,
    ]
    for lower, upper in pairwise(range(len(TREE.levels))):
        for index in range(len(TREE.levels[upper]) // HASH_BYTES):
            children = TREE.read(lower, 2 * index), TREE.read(lower, 2 * index + 1)
            assert TREE.read(upper, index) == node_hash(*children)


def test_a_tree_takes_little_more_memory_than_its_hashes():
    """64 bytes per leaf stay; a million leaves must build within 150 MB."""
    size = 100_000
    tracemalloc.start()
    tree = Levels.of(n.to_bytes(4, "big") * 75 for n in range(size))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert tree.size == size
    assert peak < 100 * size
