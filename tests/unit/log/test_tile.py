from __future__ import annotations

import pytest

from carbon.domain.errors import CarbonError
from carbon.domain.log.leaf import MAX_LEAF_BYTES
from carbon.domain.log.merkle import (
    HASH_BYTES,
    Levels,
    check_consistency,
    check_inclusion,
    consistency_proof,
    hash_leaves,
    inclusion_proof,
    leaf_hash,
)
from carbon.domain.log.tile import (
    ENTRIES,
    Tile,
    bundles,
    decode_bundle,
    encode_bundle,
    grown_bundles,
    grown_tiles,
    hash_in_tile,
    tile_data,
    tile_reader,
    tiles,
)

LEAVES = [b"leaf %d" % n for n in range(70_000)]
TREE = Levels.of(LEAVES)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 999, 1), "tile/0/999.p/1"),
        (Tile(0, 1000), "tile/0/x001/000"),
        (Tile(3, 1234067), "tile/3/x001/x234/067"),
        (Tile(3, 1234067, 112), "tile/3/x001/x234/067.p/112"),
        (Tile(63, 5, 255), "tile/63/005.p/255"),
        (Tile(ENTRIES, 1234067), "tile/entries/x001/x234/067"),
        (Tile(ENTRIES, 7, 3), "tile/entries/007.p/3"),
    ],
)
def test_paths(tile, path):
    assert tile.path == path


@pytest.mark.parametrize("place", [(-2, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_places_no_tree_has(place):
    with pytest.raises(ValueError, match="no tree has"):
        Tile(*place)


def test_the_standards_example_of_70000_leaves():
    """273 full tiles and one of 112 at level 0; one full and one of 17 at level 1; one of 1."""
    found = tiles(70_000)
    assert found == [
        *(Tile(0, n) for n in range(273)),
        Tile(0, 273, 112),
        Tile(1, 0),
        Tile(1, 1, 17),
        Tile(2, 0, 1),
    ]
    assert tiles(256) == [Tile(0, 0), Tile(1, 0, 1)]
    assert bundles(70_000) == [*(Tile(ENTRIES, n) for n in range(273)), Tile(ENTRIES, 273, 112)]
    assert tiles(0) == bundles(0) == []


def test_what_changes_between_two_sizes():
    assert tiles(300, 300) == []
    assert tiles(301, 300) == [Tile(0, 1, 45)]
    assert tiles(512, 300) == [Tile(0, 1), Tile(1, 0, 2)]
    assert tiles(257, 256) == [Tile(0, 1, 1)]
    assert bundles(600, 300) == [Tile(ENTRIES, 1), Tile(ENTRIES, 2, 88)]
    for old in range(0, 2000, 37):
        for new in range(old, 2000, 41):
            assert set(tiles(new, old)) == set(tiles(new)) - set(tiles(old))
            assert set(bundles(new, old)) == set(bundles(new)) - set(bundles(old))


def test_a_log_grown_in_steps_is_the_log_written_at_once():
    """Each step sees only the files of the step before, as a sequencer does."""
    files: dict[Tile, bytes] = {}
    old = 0
    for new in (1, 2, 255, 256, 257, 300, 511, 513, 70_000):
        tree = Levels.of(LEAVES[old:new], old, tile_reader(old, files.__getitem__))
        files |= dict(grown_tiles(old, new, tree.read))
        tail = files[Tile(ENTRIES, old // 256, old % 256)] if old % 256 else b""
        files |= dict(grown_bundles(old, tail, LEAVES[old:new]))
        old = new
        for tile in tiles(new):
            assert files[tile] == tile_data(tile, TREE.read)
        for bundle in bundles(new):
            first = bundle.index * 256
            assert decode_bundle(bundle, files[bundle]) == LEAVES[first : first + bundle.width]
    assert tree.root() == TREE.root()


def test_proofs_from_tiles():
    for size in (1, 255, 256, 257, 65_536, 65_537, 70_000):
        files = dict(grown_tiles(0, size, TREE.read))
        read = tile_reader(size, files.__getitem__)
        root = Levels.of(LEAVES[:size]).root()
        for index in {0, size // 3, size - 1}:
            proof = inclusion_proof(index, size, read)
            assert proof == inclusion_proof(index, size, TREE.read)
            assert check_inclusion(leaf_hash(LEAVES[index]), index, size, proof, root)
        for old in {1, (size + 1) // 2, size}:
            proof = consistency_proof(old, size, read)
            assert check_consistency(old, Levels.of(LEAVES[:old]).root(), size, root, proof)


def test_a_reader_loads_each_tile_once():
    files, loads = dict(grown_tiles(0, 70_000, TREE.read)), []

    def load(tile: Tile) -> bytes:
        loads.append(tile)
        return files[tile]

    inclusion_proof(12_345, 70_000, tile_reader(70_000, load))
    assert len(loads) == len(set(loads))
    assert set(loads) == {Tile(0, 48), Tile(1, 0), Tile(0, 273, 112), Tile(1, 1, 17)}


@pytest.mark.parametrize(("level", "index"), [(0, 300), (-1, 0), (0, -1), (8, 1), (9, 0), (64, 0)])
def test_a_reader_refuses_subtrees_the_tree_has_not(level, index):
    files = dict(grown_tiles(0, 300, TREE.read))
    with pytest.raises(ValueError, match="no subtree"):
        tile_reader(300, files.__getitem__)(level, index)


@pytest.mark.parametrize(
    ("level", "index"), [(8, 0), (8, 256), (0, 255), (0, 300), (1, 150), (7, 3)]
)
def test_a_hash_is_read_from_its_own_tile_only(level, index):
    tile = Tile(0, 1, 44)
    with pytest.raises(ValueError, match="does not hold"):
        hash_in_tile(tile, tile_data(tile, TREE.read), level, index)


@pytest.mark.parametrize(
    "length", [0, 31, 43 * HASH_BYTES, 44 * HASH_BYTES - 1, 44 * HASH_BYTES + 1, 256 * HASH_BYTES]
)
def test_a_tile_of_another_length_is_refused(length):
    with pytest.raises(CarbonError) as caught:
        hash_in_tile(Tile(0, 1, 44), bytes(length), 0, 256)
    assert caught.value.code == "tile.malformed"


def test_bundles_keep_leaves_exactly():
    entries = [b"", b"\n", b"\x00" * MAX_LEAF_BYTES, "碳".encode()]
    content = encode_bundle(entries)
    assert content[:5] == b"\x00\x00\x00\x01\n"
    assert decode_bundle(Tile(ENTRIES, 0, 4), content) == entries
    assert hash_leaves(entries)[-HASH_BYTES:] == leaf_hash("碳".encode())


def test_a_leaf_beyond_16_bits_is_refused():
    with pytest.raises(CarbonError) as caught:
        encode_bundle([b"x" * (MAX_LEAF_BYTES + 1)])
    assert caught.value.code == "leaf.too_large"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"\x00\x01a",
        b"\x00\x01a\x00",
        b"\x00\x01a\x00\x02b",
        b"\x00\x01a\x00\x01b\x00",
        b"\x00\x01a\x00\x01bx",
        b"\x00\x01a\x00\x01b\x00\x00",
        b"\xff\xffa\x00\x01b",
    ],
)
def test_broken_bundles(content):
    """Two leaves are due: a missing one, one too many, and lengths that end elsewhere."""
    with pytest.raises(CarbonError) as caught:
        decode_bundle(Tile(ENTRIES, 0, 2), content)
    assert caught.value.code == "tile.malformed"


def test_growth_on_a_wrong_tail_is_refused():
    with pytest.raises(CarbonError) as caught:
        list(grown_bundles(2, encode_bundle([b"a"]), [b"b"]))
    assert caught.value.code == "tile.malformed"
    with pytest.raises(ValueError, match="partial"):
        list(grown_bundles(256, encode_bundle([b"a"]), [b"b"]))
