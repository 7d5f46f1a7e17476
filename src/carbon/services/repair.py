"""Repair: make the files of a log anew from the database, where they no longer are what was signed.

Only what the last checkpoint commits to is ever written, so that a repair can change no history.
"""

from __future__ import annotations

from carbon.domain.errors import CarbonError
from carbon.domain.log.merkle import Levels, hash_leaves
from carbon.domain.log.tile import grown_bundles, grown_tiles
from carbon.ports import LogFiles, LogQueue


def repair(queue: LogQueue, files: LogFiles) -> list[str]:
    """Write missing and altered tiles and bundles again; returns their paths.

    Raises ``log.rollback`` if the database's leaves do not have the root that was signed, and
    ``log.busy``.
    """
    with files.sequencing(), queue.sequencing():
        head = queue.head()
        if head is None:
            return []
        bodies = list(queue.leaves(0, head.size))
        levels = Levels(hash_leaves(bodies))
        if (levels.size, levels.root()) != (head.size, head.root):
            raise CarbonError("log.rollback", signed=head.size, stored=levels.size)
        wanted = (
            *grown_tiles(0, head.size, levels.read),
            *grown_bundles(0, b"", bodies),
        )
        return [tile.path for tile, content in wanted if files.mend(tile, content)]
