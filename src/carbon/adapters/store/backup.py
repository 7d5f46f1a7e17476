"""Backup and restore of the database, as one folder with a manifest.

The keys are backed up apart, and the log is mirrored by whoever wants: neither is in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from carbon.adapters.disk import write_durably
from carbon.adapters.store import schema
from carbon.adapters.store.database import Database, copy_sqlite
from carbon.domain.errors import CarbonError

DUMP, MANIFEST = "database", "manifest.json"


def backup(database: Database, folder: Path, size: int) -> Mapping[str, Any]:
    """Write a consistent copy into a new folder; ``size``: of the log it belongs to.

    Raises ``file.output_exists``, ``store.tool``, ``store.backup``.
    """
    if folder.exists() and any(folder.iterdir()):
        raise CarbonError("file.output_exists", path=folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    dump = folder / DUMP
    if database.path is not None:
        copy_sqlite(database.path, dump)
        with dump.open("rb") as stream:
            os.fsync(stream.fileno())
    else:
        _run("pg_dump", database, "--format=custom", "--no-privileges", f"--file={dump}")
    manifest = {
        "engine": database.url.get_backend_name(),
        "revision": schema.head(),
        "log_size": size,
        "sha256": _digest(dump),
    }
    write_durably(folder / MANIFEST, json.dumps(manifest, indent=1).encode() + b"\n", 0o600)
    return manifest


def restore(database: Database, folder: Path) -> Mapping[str, Any]:
    """Bring a backup into an empty database.

    Raises ``store.backup`` if the copy is damaged or of the other engine, ``store.not_empty``.
    """
    dump = folder / DUMP
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
        sound = manifest["sha256"] == _digest(dump)
        same = manifest["engine"] == database.url.get_backend_name()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CarbonError("store.backup", path=folder, reason=error) from error
    if not sound or not same:
        raise CarbonError("store.backup", path=folder, reason="digest" if same else "engine")
    if not _is_empty(database):
        raise CarbonError("store.not_empty", path=database.url.database)
    if database.path is not None:
        database.close()
        database.path.parent.mkdir(parents=True, exist_ok=True)
        copy_sqlite(dump, database.path)
    else:
        options = ("--exit-on-error", "--no-owner", "--no-privileges", "--single-transaction")
        _run("pg_restore", database, *options, str(dump))
    return manifest


def _is_empty(database: Database) -> bool:
    if database.path is not None and not database.path.exists():
        return True
    with database.read() as connection:
        return not sa.inspect(connection).get_table_names()


def _run(program: str, database: Database, *options: str) -> None:
    """Run a client program of PostgreSQL; the password travels in the environment."""
    path = shutil.which(program)
    if path is None:
        raise CarbonError("store.tool", name=program)
    url = database.url.set(drivername="postgresql", password=None)
    target = "-d" if program == "pg_restore" else "--dbname"
    secret = {"PGPASSWORD": database.url.password} if database.url.password else {}
    environment = {**os.environ, **secret}
    command = [path, *options, target, url.render_as_string()]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)  # noqa: S603  found by name, our own words
    if done.returncode:
        reason = (done.stderr.splitlines() or ["?"])[0][:200]
        raise CarbonError("store.backup", path=program, reason=reason)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
