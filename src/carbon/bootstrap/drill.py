"""The restore drill: a backup brought into an empty database, and held against the published log.

A backup that was never restored is a hope. The database in use is not touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carbon.adapters.signing import verify_ed25519
from carbon.adapters.store import schema
from carbon.adapters.store.backup import MANIFEST, restore
from carbon.adapters.store.database import Database
from carbon.adapters.store.log_queue import DatabaseQueue
from carbon.adapters.store.scratch import scratch
from carbon.adapters.store.vitals import Vitals
from carbon.domain.errors import CarbonError
from carbon.domain.log.checkpoint import verify_checkpoint
from carbon.domain.log.merkle import tree_root

if TYPE_CHECKING:
    from carbon.bootstrap.system import System


def latest_backup(folder: Path) -> Path:
    """The newest complete backup in a folder of them. Raises ``store.backup``."""
    made = sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))
    if not made:
        raise CarbonError("store.backup", path=folder, reason=f"no {MANIFEST}")
    return made[-1]


def drill(system: System, folder: Path) -> Mapping[str, Any]:
    """Restore a backup aside and compare its head with the log's; what was found.

    Raises ``store.*`` where it cannot be restored or its guards are missing, ``reconcile.head``
    where the log does not have its head.
    """
    with closing(Database(system.settings.owner)) as owner, scratch(owner) as aside:
        manifest = restore(aside, folder)
        with aside.write() as connection:
            schema.upgrade(connection, system.clock.today())
        with aside.read() as connection:
            # Its owner is who restored it; the application's role has nothing to do with a drill.
            faults = [f for f in schema.faults(connection) if f.code != "store.owner"]
        if faults:
            raise faults[0]
        size = _compare_head(system, aside)
        pending = Vitals(aside).pending().count
    told = {"revision": manifest["revision"], "log_size": size, "pending": pending}
    return {"backup": str(folder), **told}


def _compare_head(system: System, aside: Database) -> int:
    """The restored head is the log's own at that size. Raises ``reconcile.head``."""
    head = DatabaseQueue(aside).head()
    if head is None:
        return 0
    key = system.signer.key
    published = verify_checkpoint(system.log.checkpoint(), [key], verify_ed25519).checkpoint
    known = published.size >= head.size
    if not known or tree_root(head.size, system.log.reader(published.size)) != head.root:
        raise CarbonError("reconcile.head", published=published.size, stored=head.size)
    return head.size
