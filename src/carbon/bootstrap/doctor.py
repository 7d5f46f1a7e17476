"""The examination of an installation: one finding for each thing that can be wrong with it.

It changes nothing. Each check looks for itself, so that a broken part hides no other one.
"""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from carbon.adapters.clock import ZONE
from carbon.adapters.documents.glyphs import covered
from carbon.adapters.signing import SigningKey, verify_ed25519
from carbon.adapters.store.database import sqlite_journal_mode
from carbon.adapters.store.log_queue import DatabaseQueue
from carbon.adapters.store.ownership import bound_to
from carbon.adapters.store.vitals import Vitals
from carbon.adapters.vault import Vault
from carbon.bootstrap.jobs import JOBS, Job
from carbon.bootstrap.system import ERASURES, LOG_KEY, SIGNED, STORE_KEY, System
from carbon.domain.errors import CarbonError, Text
from carbon.domain.log.checkpoint import verify_checkpoint
from carbon.domain.schedule import Every
from carbon.ports.work import Run

#: How long a fact may wait for the log (TRUST R6).
LATE: Final = timedelta(minutes=1)
#: How far two clocks may be apart.
CLOCKS_APART: Final = timedelta(seconds=5)
#: What a disk must have left.
NEEDED_BYTES: Final = 1 << 30
#: How long after its time a job may begin before somebody should look.
GRACE: Final = timedelta(minutes=10)
_MEGABYTE: Final = 1 << 20
#: Letters every document needs.
_LETTERS: Final = frozenset("碳普惠天津市河东区减排量证书，。0123456789kgCO")
_STATIC: Final = Path(__file__).parents[1] / "web" / "static"
#: Files of others that pages load, below ``vendor``.
_VENDOR: Final = ("swagger-ui/swagger-ui.css", "swagger-ui/swagger-ui-bundle.js")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: a text where all is well, otherwise the faults."""

    name: str
    told: Text
    faults: Sequence[CarbonError] = ()


#: A check: what is well, or the faults there are. What it raises is a fault too.
_Check = Callable[[System], Text | list[CarbonError]]


def examine(system: System) -> Iterator[Finding]:
    """Check everything, in an order in which one would repair it."""
    for name, check in _CHECKS.items():
        try:
            found = check(system)
        except CarbonError as error:
            found = [error]
        except OSError as error:
            reason = error.strerror or error
            found = [CarbonError("file.access", path=error.filename or "?", reason=reason)]
        if isinstance(found, Text):
            yield Finding(name, found)
        else:
            yield Finding(name, Text("有问题", "faulty"), found)


def _database(system: System) -> Text | list[CarbonError]:
    """Its revision, its guards, and that it takes writes."""
    faults = system.check()
    if faults:
        return faults
    Vitals(system.database).write()
    kind = "PostgreSQL"
    if system.database.is_sqlite:
        kind = f"SQLite ({sqlite_journal_mode()})"
    return Text(f"{kind}，结构与防护完好，可写入", f"{kind}: schema and guards sound, writable")


def _keys(system: System) -> Text | list[CarbonError]:
    """They are there, they are this database's, and nobody else can read them."""
    folder = system.settings.keys
    made = {
        "vault": Vault(folder / STORE_KEY).fingerprint,
        "log": SigningKey(folder / LOG_KEY).key.vkey,
    }
    faults = [
        CarbonError("key.wrong", what=name)
        for name, value in made.items()
        if bound_to(system.database, name) not in (None, value)
    ]
    for name in (STORE_KEY, LOG_KEY, SIGNED, ERASURES):
        path = folder / name
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            faults.append(CarbonError("key.exposed", path=path, mode=f"{mode:04o}"))
    said = made["log"].split("+")[0]
    return faults or Text(f"与数据库相符，仅所有者可读（{said}）", f"its own, private ({said})")


def _log(system: System) -> Text | list[CarbonError]:
    """What is published is signed and is what the database says; nothing waits for long."""
    now, pending = system.clock.now(), Vitals(system.database).pending()
    faults = []
    if pending.oldest is not None and now - pending.oldest > LATE:
        seconds = int((now - pending.oldest).total_seconds())
        faults.append(CarbonError("log.late", count=pending.count, seconds=seconds))
    head = DatabaseQueue(system.database).head()
    if head is None:
        return faults or Text("尚无检查点", "no checkpoint yet")
    key = SigningKey(system.settings.keys / LOG_KEY).key
    published = verify_checkpoint(system.log.checkpoint(), [key], verify_ed25519).checkpoint
    if (published.size, published.root) != (head.size, head.root):
        told = {"published": published.size, "stored": head.size}
        faults.append(CarbonError("reconcile.head", **told))
    size = f"{head.size:,}"
    return faults or Text(f"检查点 {size} 条，签名有效", f"checkpoint of {size} leaves, signed")


def _clock(system: System) -> Text | list[CarbonError]:
    """It agrees with the database's, and nothing was written down in its future."""
    now, vitals = system.clock.now(), Vitals(system.database)
    faults = [
        CarbonError("clock.behind", what=what, seconds=int((at - now).total_seconds()))
        for what, at in vitals.last_moments().items()
        if at - now > CLOCKS_APART
    ]
    said = now.astimezone(ZONE).isoformat(timespec="seconds")
    if system.settings.moment is not None:
        return faults or Text(f"演示时刻 {said}", f"set by hand to {said}")
    server = vitals.server_time()
    apart = abs(server - now) if server is not None else timedelta()
    if apart > CLOCKS_APART:
        faults.append(CarbonError("clock.differs", seconds=int(apart.total_seconds())))
    return faults or Text(said, said)


def _disk(system: System) -> Text | list[CarbonError]:
    """Every folder that grows has room to."""
    settings = system.settings
    folders = [settings.log, settings.spool, settings.keys, settings.backups]
    if system.database.path is not None:
        folders.append(system.database.path)
    free = {folder: shutil.disk_usage(_existing(folder)).free for folder in folders}
    faults = [
        CarbonError(
            "disk.short", path=path, free=left // _MEGABYTE, needed=NEEDED_BYTES // _MEGABYTE
        )
        for path, left in free.items()
        if left < NEEDED_BYTES
    ]
    least = f"{min(free.values()) // _MEGABYTE:,} MB"
    return faults or Text(f"至少剩 {least}", f"{least} left at least")


def _existing(path: Path) -> Path:
    """A path, or the nearest folder above it that is there."""
    return next(found for found in (path, *path.absolute().parents) if found.exists())


def _fonts(_: System) -> Text | list[CarbonError]:
    """Documents can be set."""
    lacking = "".join(sorted(letter for letter in _LETTERS if ord(letter) not in covered()))
    if lacking:
        return [CarbonError("font.missing", letters=lacking)]
    return Text(f"{len(covered()):,} 个字形", f"{len(covered()):,} glyphs")


def _assets(_: System) -> Text | list[CarbonError]:
    """What pages load is there, where it was installed at all."""
    vendor = _STATIC / "vendor"
    if not vendor.is_dir():
        return Text("未安装（仅影响网页）", "not installed: pages only need them")
    lacking = [name for name in _VENDOR if not (vendor / name).is_file()]
    if lacking:
        return [CarbonError("asset.missing", path=vendor / name) for name in lacking]
    return Text("齐全", "complete")


def _worker(system: System) -> Text | list[CarbonError]:
    """Every job ran when it was due, and its last run went well."""
    now = system.clock.now()
    faults = [
        fault
        for job in JOBS.values()
        for fault in _job_faults(job, next(iter(system.jobs.runs.latest(job.name, 1)), None), now)
    ]
    return faults or Text(f"{len(JOBS)} 项任务按时完成", f"{len(JOBS)} jobs done in time")


def _job_faults(job: Job, last: Run | None, now: datetime) -> Iterator[CarbonError]:
    due = job.schedule.due(now)
    if isinstance(job.schedule, Every):
        # Seconds after one due time comes the next: what counts is how long nothing was done.
        due = job.schedule.due(now - GRACE)
    late = last is None or last.due_at < due
    if late and now - due >= GRACE:
        said = due.astimezone(ZONE).isoformat(timespec="seconds")
        yield CarbonError("job.overdue", job=job.name, due=said)
    if last is not None and last.state == "failed":
        told = last.result or {}
        reason = Text(str(told.get("zh", "—")), str(told.get("en", "—")))
        yield CarbonError("job.failing", job=job.name, code=last.code, reason=reason)


_CHECKS: Final[dict[str, _Check]] = {
    "database": _database,
    "keys": _keys,
    "log": _log,
    "clock": _clock,
    "disk": _disk,
    "fonts": _fonts,
    "assets": _assets,
    "worker": _worker,
}
