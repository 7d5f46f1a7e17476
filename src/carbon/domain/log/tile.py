"""Tiles and entry bundles, the files of a log: C2SP tlog-tiles.

A full tile holds 256 consecutive hashes. Tiles of level *L* hold the tree's level *8 L*; the seven
levels between are computed from a tile's hashes. A bundle holds the 256 leaves under a tile of
level 0. Only the last one of a level may be partial, and its width is part of its path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from carbon.domain.errors import CarbonError
from carbon.domain.log.leaf import MAX_LEAF_BYTES
from carbon.domain.log.merkle import HASH_BYTES, HashReader, parents

HEIGHT: Final = 8
FULL: Final = 1 << HEIGHT
MAX_LEVEL: Final = 63

#: The "level" of entry bundles.
ENTRIES: Final = -1

_LENGTH_BYTES = 2
_PATH = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([0-9]{1,3}))?")
#: Tiles a reader keeps: one proof of a billion leaves touches fewer than ten.
_KEPT = 64


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile, or with level :data:`ENTRIES` a bundle, by its place; ``width`` in hashes or leaves.

    Raises ValueError for a place no tree has.
    """

    level: int
    index: int
    width: int = FULL

    def __post_init__(self) -> None:
        if not (ENTRIES <= self.level <= MAX_LEVEL and self.index >= 0 and 0 < self.width <= FULL):
            raise ValueError(f"no tree has the tile {self.level}, {self.index}, {self.width}")

    @property
    def path(self) -> str:
        """Path below the log's prefix, such as ``tile/0/x001/x234/067.p/8``."""
        digits = str(self.index)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        *outer, last = (digits[at : at + 3] for at in range(0, len(digits), 3))
        number = "".join(f"x{group}/" for group in outer) + last
        level = "entries" if self.level == ENTRIES else self.level
        return f"tile/{level}/{number}" + (f".p/{self.width}" if self.width < FULL else "")


def tile_at(path: str) -> Tile | None:
    """The tile or bundle that has a path; ``None`` where none has.

    >>> tile_at("tile/0/x001/067.p/8")
    Tile(level=0, index=1067, width=8)
    """
    match = _PATH.fullmatch(path)
    if not match:
        return None
    level = ENTRIES if match[1] == "entries" else int(match[1])
    width = int(match[3] or FULL)
    if level > MAX_LEVEL or not 0 < width <= FULL:
        return None
    tile = Tile(level, int(match[2].replace("x", "").replace("/", "")), width)
    return tile if tile.path == path else None


def _changed(level: int, old: int, new: int) -> Iterator[Tile]:
    """Tiles of one level that hold more of its ``new`` than of its ``old`` hashes."""
    for index in range(old >> HEIGHT, -(-new // FULL)):
        width = min(FULL, new - index * FULL)
        if index * FULL + width > old:
            yield Tile(level, index, width)


def bundles(size: int, since: int = 0) -> list[Tile]:
    """Bundles of a tree of ``size`` leaves that one of ``since`` leaves has not, or shorter."""
    return list(_changed(ENTRIES, since, size))


def tiles(size: int, since: int = 0) -> list[Tile]:
    """Tiles of all levels of a tree of ``size`` leaves; ``since`` as for :func:`bundles`."""
    levels = range(-(-size.bit_length() // HEIGHT))
    return [t for n in levels for t in _changed(n, since >> HEIGHT * n, size >> HEIGHT * n)]


def tile_data(tile: Tile, read: HashReader) -> bytes:
    """Content of a tile; ``read`` serves the tree that has it."""
    first = tile.index * FULL
    return b"".join([read(tile.level * HEIGHT, first + n) for n in range(tile.width)])


def grown_tiles(old: int, new: int, read: HashReader) -> Iterator[tuple[Tile, bytes]]:
    """Every tile to write when a tree grows from ``old`` to ``new`` leaves, with its content.

    ``read`` serves the new tree, as ``Levels.read`` does after growth.
    """
    return ((tile, tile_data(tile, read)) for tile in tiles(new, old))


def _tile_of(level: int, index: int, size: int) -> Tile:
    """The tile that gives a complete subtree's hash, as wide as a tree of ``size`` has it."""
    tile_level, within = divmod(level, HEIGHT)
    number = index >> HEIGHT - within
    return Tile(tile_level, number, min(FULL, (size >> HEIGHT * tile_level) - number * FULL))


def hash_in_tile(tile: Tile, content: bytes, level: int, index: int) -> bytes:
    """Hash of the complete subtree (level, index) from the content of its tile.

    Raises ``tile.malformed`` if the content has not the tile's width, ValueError if the subtree
    does not lie in the tile.
    """
    if len(content) != tile.width * HASH_BYTES:
        raise CarbonError("tile.malformed", path=tile.path, reason="length")
    tile_level, within = divmod(level, HEIGHT)
    first = (index << within) - tile.index * FULL
    last = first + (1 << within)
    if tile_level != tile.level or not 0 <= first < last <= tile.width:
        raise ValueError(f"{tile.path} does not hold subtree {index} of level {level}")
    hashes = content[first * HASH_BYTES : last * HASH_BYTES]
    while len(hashes) > HASH_BYTES:
        hashes = parents(hashes)
    return hashes


def tile_reader(size: int, load: Callable[[Tile], bytes]) -> HashReader:
    """A HashReader of the tree of ``size`` leaves over its tiles; ``load`` gives a tile's content.

    Each tile is loaded once. The reader raises ``tile.malformed`` for a tile of wrong length and
    ValueError for a subtree the tree has not.
    """
    kept = lru_cache(maxsize=_KEPT)(load)

    def read(level: int, index: int) -> bytes:
        if level < 0 or index < 0 or index + 1 << level > size:
            raise ValueError(f"no subtree {index} at level {level} in a tree of {size}")
        tile = _tile_of(level, index, size)
        return hash_in_tile(tile, kept(tile), level, index)

    return read


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Leaves, each behind its length as uint16 big-endian. Raises ``leaf.too_large``."""
    parts = []
    for entry in entries:
        if len(entry) > MAX_LEAF_BYTES:
            raise CarbonError("leaf.too_large", size=len(entry), limit=MAX_LEAF_BYTES)
        parts += [len(entry).to_bytes(_LENGTH_BYTES, "big"), entry]
    return b"".join(parts)


def decode_bundle(bundle: Tile, content: bytes) -> list[bytes]:
    """The leaves of a bundle. Raises ``tile.malformed`` unless they are exactly its width."""
    entries, at = [], 0
    while at < len(content):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(content[at:start], "big")
        entries.append(content[start:at])
    if at != len(content) or len(entries) != bundle.width:
        raise CarbonError("tile.malformed", path=bundle.path, reason="length")
    return entries


def grown_bundles(old: int, tail: bytes, entries: Sequence[bytes]) -> Iterator[tuple[Tile, bytes]]:
    """Every bundle to write when ``entries`` follow the ``old`` first leaves, with its content.

    ``tail``: content of the old tree's partial bundle, empty if it has none. Raises
    ``tile.malformed`` if that is not as wide as ``old`` says.
    """
    if old % FULL:
        decode_bundle(Tile(ENTRIES, old // FULL, old % FULL), tail)
    elif tail:
        raise ValueError("a tree of full bundles has no partial one")
    for bundle in bundles(old + len(entries), old):
        first = bundle.index * FULL
        new = entries[max(first - old, 0) : first + bundle.width - old]
        yield bundle, (tail if first < old else b"") + encode_bundle(new)
