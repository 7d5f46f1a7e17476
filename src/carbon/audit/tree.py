"""The tree of a log: its leaves, every root that was signed, every tile and bundle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from carbon.audit.files import CHECKPOINT, OF_LEAVES, PublicFiles
from carbon.audit.heads import Heads
from carbon.audit.result import Tally
from carbon.domain.errors import CarbonError
from carbon.domain.log.checkpoint import Checkpoint
from carbon.domain.log.merkle import HASH_BYTES, Levels, hash_leaves, tree_root
from carbon.domain.log.tile import (
    ENTRIES,
    FULL,
    HEIGHT,
    Tile,
    bundles,
    decode_bundle,
    tile_at,
    tile_data,
    tiles,
)

#: A tree that lacks more bundles is given up: a size alone must not keep an auditor busy.
MAX_LOST: Final = 1_000

#: Told each leaf as it is read: its place, its index and its bytes.
OnLeaf = Callable[[str, int, bytes], None]


class Tree:
    """Checks of the tree. ``turn`` is called after every bundle of leaves."""

    def __init__(
        self,
        files: PublicFiles,
        tally: Tally,
        on_leaf: OnLeaf,
        turn: Callable[[], None],
    ) -> None:
        self._files, self._log = files, files.log
        self._tally = tally
        self._on_leaf, self._turn = on_leaf, turn
        #: The hashes everything is judged by, once :meth:`check` has read them.
        self.levels: Levels | None = None

    def check(self, heads: Heads) -> None:
        """Leaves, roots, and every tile and bundle."""
        head = heads.head
        if head is None:
            return
        levels = self.levels = self._levels(head)
        if levels is None:
            self._tally.add(CHECKPOINT, CarbonError("audit.root", size=head.size))
            return
        for path, found in heads.history.items():
            larger = found.size > levels.size
            if found != head and (larger or tree_root(found.size, levels.read) != found.root):
                self._tally.add(path, CarbonError("audit.root", size=found.size))
        own = {tile.path for tile in (*bundles(head.size), *tiles(head.size))}
        for path in sorted(own.union(self._files.below("tile/"))):
            self._check_tile(path, levels, required=path in own)

    def _levels(self, head: Checkpoint) -> Levels | None:
        """The tree by which everything is judged: the signed one, if leaves or tiles have it."""
        by_leaves, by_tiles = self._read_leaves(head.size)
        if len(by_leaves) != head.size * HASH_BYTES:
            return None
        read, told = Levels(by_leaves), Levels(by_tiles)
        found = [levels for levels in (read, told) if levels.root() == head.root]
        if not found:
            self._tally.add(CHECKPOINT, CarbonError("audit.root", size=head.size))
        return found[0] if found else read

    def _read_leaves(self, size: int) -> tuple[bytes, bytes]:
        """Check all leaves; their hashes as they are, and as the tiles have them.

        Both are too short where leaves are lost with their tile.
        """
        by_leaves, by_tiles, lost = [], [], 0
        for index in range(-(-size // FULL)):
            bundle = Tile(ENTRIES, index, min(FULL, size - index * FULL))
            tile = self._quiet(Tile(0, index, bundle.width))
            leaves = self._leaves(bundle)
            found = tile if leaves is None else hash_leaves(leaves)
            by_leaves.append(found)
            by_tiles.append(tile or found)
            for number, raw in enumerate(leaves or (), index * FULL):
                self._on_leaf(f"{bundle.path}#{number}", number, raw)
            self._turn()
            lost += not found
            if lost > MAX_LOST:
                break
        return b"".join(by_leaves), b"".join(by_tiles)

    def _quiet(self, tile: Tile) -> bytes:
        """A tile's hashes; nothing where it is not sound, told when the tiles are checked."""
        try:
            content = self._log.tile(tile)
        except CarbonError:
            return b""
        return content if len(content) == tile.width * HASH_BYTES else b""

    def _leaves(self, bundle: Tile) -> list[bytes] | None:
        """The leaves of a bundle; ``None`` after telling why not."""
        path, attempt = bundle.path, self._tally.attempt
        content = attempt(path, lambda: self._log.tile(bundle), path)
        found = None if content is None else attempt(path, lambda: decode_bundle(bundle, content))
        if found is None:
            self._files.leave_open(*OF_LEAVES)
        return found

    def _check_tile(self, path: str, levels: Levels, *, required: bool) -> None:
        """A tile or bundle holds exactly what the leaves say."""
        tile = tile_at(path)
        level = max(tile.level, 0) if tile else 0
        if not tile or tile.index * FULL + tile.width > levels.size >> HEIGHT * level:
            if not required:
                self._tally.add(path, CarbonError("audit.unexpected"))
            return
        self._tally.counts.tiles += 1
        entries = tile.level == ENTRIES
        expected = tile_data(Tile(level, tile.index, tile.width), levels.read)
        try:
            content = self._log.tile(tile) if required else self._files.get(path)
            found = hash_leaves(decode_bundle(tile, content)) if entries else content
        except CarbonError as error:
            if not (entries and required):
                self._tally.add(path, error)
            return
        if found != expected:
            self._tally.add(path, CarbonError("log.changed", path=path))
