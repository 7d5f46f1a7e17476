"""Repair: make the files of a log anew from the database, where they no longer are what was signed.

Only what the last checkpoint commits to is ever written, so that a repair can change no history.
"""

from __future__ import annotations

from carbon.domain.errors import CarbonError
from carbon.domain.log.merkle import Levels, hash_leaves
from carbon.domain.log.tile import grown_bundles, grown_tiles
from carbon.ports import LogFiles, LogQueue, StoreReader

#: Facts without a place whose files are looked for.
_PENDING = 10_000


def repair(queue: LogQueue, files: LogFiles, store: StoreReader) -> list[str]:
    """Write missing and altered tiles, and lost row files, again; returns their paths.

    Raises ``log.rollback`` if the database's leaves do not have the root that was signed,
    ``log.changed`` if its rows are not those a leaf commits to, and ``log.busy``.
    """
    with files.sequencing(), queue.sequencing():
        return [*_tiles(queue, files), *_rows(queue, files, store)]


def _tiles(queue: LogQueue, files: LogFiles) -> list[str]:
    head = queue.head()
    if head is None:
        return []
    bodies = list(queue.leaves(0, head.size))
    levels = Levels(hash_leaves(bodies))
    if (levels.size, levels.root()) != (head.size, head.root):
        raise CarbonError("log.rollback", signed=head.size, stored=levels.size)
    wanted = (*grown_tiles(0, head.size, levels.read), *grown_bundles(0, b"", bodies))
    return [tile.path for tile, content in wanted if files.mend(tile, content)]


def _rows(queue: LogQueue, files: LogFiles, store: StoreReader) -> list[str]:
    """Row files that are nowhere any more, made anew from the stored columns."""
    head = queue.head()
    facts = [(f.seq, f.body) for f in store.placed(0 if head is None else head.size)]
    facts += [(leaf.seq, leaf.body) for leaf in queue.pending(_PENDING)]
    made: list[str] = []
    for seq, body in facts:
        if any(name.startswith("rows/") for name in files.lacking(body)):
            made += files.rebuild(body, store.row_texts(seq))
    return made
