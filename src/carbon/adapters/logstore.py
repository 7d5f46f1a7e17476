"""The log as files: a public folder that a static server can serve, and a private one beside it.

Public: ``checkpoint``, ``checkpoints/`` (all of them), ``tile/`` (C2SP tlog-tiles), ``rows/``,
``catalogues/``, ``formulas/``, ``log.vkey``, ``tools/check_receipt.py``. Private: staged tiles,
files whose leaf is not published yet, the lock, and a copy of the last signed note beside the key.
"""

from __future__ import annotations

import errno
import fcntl
import filecmp
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files as package_files
from pathlib import Path

import numpy as np

from carbon.adapters.disk import sync_folder, write_durably
from carbon.adapters.spool import CATALOGUES, FORMULAS, REPORTS, ROW_FILES, ROWS, RowFile
from carbon.domain.errors import CarbonError
from carbon.domain.log.checkpoint import history_path
from carbon.domain.log.merkle import leaf_hash
from carbon.domain.log.note import Key
from carbon.domain.log.tile import FULL, Tile, bundles, tiles
from carbon.ports import Head

CHECKPOINT, KEY, CHECKER = "checkpoint", "log.vkey", "check_receipt.py"
_LOCK, _STAGED, _ASIDE = "sequencer.lock", "staged", "aside"


class LogFolder:
    """Implements the port ``LogFiles``.

    ``signed``: file outside database and public folder that keeps the last signed note.
    """

    def __init__(self, public: Path, spool: Path, signed: Path) -> None:
        self.public, self._spool, self._signed = public, spool, signed

    @classmethod
    def create(cls, public: Path, key: Key) -> None:
        """A new log: its key and the checker."""
        write_durably(public / KEY, f"{key.vkey}\n".encode())
        checker = package_files("carbon.files").joinpath(CHECKER).read_bytes()
        write_durably(public / "tools" / CHECKER, checker)

    @contextmanager
    def sequencing(self) -> Iterator[None]:
        """Hold the lock file. Raises ``log.busy``, ``log.missing``."""
        if not (self.public / KEY).is_file():
            raise CarbonError("log.missing", path=self.public / KEY)
        self._spool.mkdir(parents=True, exist_ok=True)
        with (self._spool / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CarbonError("log.busy") from error
            shutil.rmtree(self._spool / _ASIDE, ignore_errors=True)
            yield

    def signed(self) -> Sequence[bytes | None]:
        """The published checkpoint and the private copy of the last signed one."""
        copies = (self.public / CHECKPOINT, self._signed)
        return [path.read_bytes() if path.is_file() else None for path in copies]

    def tile(self, tile: Tile) -> bytes:
        """A published tile or bundle. Raises ``log.missing``."""
        try:
            return (self.public / tile.path).read_bytes()
        except OSError as error:
            raise CarbonError("log.missing", path=tile.path) from error

    def stage(self, size: int, files: Iterable[tuple[Tile, bytes]]) -> None:
        """Write files aside. Raises ``file.output``."""
        folder = self._spool / _STAGED / str(size)
        try:
            for tile, content in files:
                write_durably(folder / tile.path, content)
        except OSError as error:
            raise CarbonError("file.output", path=folder, reason=error.strerror) from error

    def apply(self, size: int) -> None:
        """Move staged files into place; other stagings never became true.

        Raises ``log.changed``.
        """
        staged = self._spool / _STAGED
        folder = staged / str(size)
        for source in sorted(p for p in folder.rglob("*") if p.is_file()):
            place(source, self.public / source.relative_to(folder))
        shutil.rmtree(staged, ignore_errors=True)

    def publish(self, head: Head, leaves: Iterable[bytes]) -> None:
        """Publish what leaves refer to, keep the note outside, then publish the checkpoint."""
        added = list(leaves)
        for leaf in added:
            self._release(json.loads(leaf))
        write_durably(self._signed, head.note, 0o600)
        self._put(history_path(head.size), head.note)
        self._put(CHECKPOINT, head.note)
        self._forget_partial(head.size - len(added), head.size)

    def lacking(self, leaf: bytes) -> Sequence[str]:
        """Files that a leaf refers to and that are neither published nor in the spool."""
        folders = (self.public, self._spool)
        return [
            name
            for name in _files_of(json.loads(leaf))
            if not any((folder / name).exists() for folder in folders)
        ]

    def rebuild(self, leaf: bytes, rows: Iterable[bytes]) -> Sequence[str]:
        """Write the row files of a leaf again into the spool, and publish them if it is.

        Raises ``log.changed`` unless the rows are those that the leaf commits to.
        """
        content = json.loads(leaf)
        file = RowFile(self._spool / ROWS, tuple(content["file"]))
        for row in rows:
            file.add(row + b"\n", np.array([len(row) + 1]), leaf_hash(row))
        root, digests = file.finish()
        if root.hex() != content["root"]:
            raise CarbonError("log.changed", path=f"{ROWS}/{digests['sha256']}")
        for name in _files_of(content):
            if any((self.public / other).exists() for other in _files_of(content)):
                place(self._spool / name, self.public / name)
        return _files_of(content)

    def mend(self, tile: Tile, content: bytes) -> bool:
        """Write a file again unless it has this content."""
        path = self.public / tile.path
        if path.is_file() and path.read_bytes() == content:
            return False
        self._put(tile.path, content)
        return True

    def republish(self, head: Head) -> None:
        """Publish a checkpoint again, with more signatures than before."""
        self._put(history_path(head.size), head.note)
        latest = (self.public / CHECKPOINT).read_bytes()
        if latest.splitlines()[:3] == head.note.splitlines()[:3]:
            self._put(CHECKPOINT, head.note)

    def _put(self, name: str, content: bytes) -> None:
        """Write a public file; what a crash leaves of it lies in the private folder."""
        aside, target = self._spool / _ASIDE / "put", self.public / name
        write_durably(aside, content)
        target.parent.mkdir(parents=True, exist_ok=True)
        move(aside, target)

    def _release(self, leaf: dict[str, object]) -> None:
        """Move the files of a leaf out of the spool; those already there stay."""
        for name in _files_of(leaf):
            source, target = self._spool / name, self.public / name
            if source.is_dir() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(source, target)
                sync_folder(target.parent)
            elif source.is_file():
                place(source, target)
            if not target.exists():
                raise CarbonError("log.missing", path=name)

    def _forget_partial(self, old: int, new: int) -> None:
        """Partial tiles go once the full one is there, as the format allows."""
        for tile in (*tiles(new, old), *bundles(new, old)):
            if tile.width == FULL:
                shutil.rmtree(self.public / f"{tile.path}.p", ignore_errors=True)


def _files_of(leaf: dict[str, object]) -> list[str]:
    match leaf:
        case {"type": "submission" | "journals", "file": {"sha256": digest}}:
            return [f"{ROWS}/{digest}.{suffix}" for suffix in ROW_FILES]
        case {"type": "catalogue", "root": root}:
            return [f"{CATALOGUES}/{root}"]
        case {"type": "formula", "sha256": digest}:
            return [f"{FORMULAS}/{digest}.json"]
        case {"kind": "report", "content": {"sha256": digest}}:
            return [f"{REPORTS}/{digest}.json"]
        case {"kind": "restatement", "content": {"reports": list(reports)}}:
            return [f"{REPORTS}/{told['sha256']}.json" for told in reports]
    return []


def place(source: Path, target: Path) -> None:
    """Move a file to where it stays for ever. Raises ``log.changed`` over other content."""
    if target.exists():
        if not filecmp.cmp(source, target, shallow=False):
            raise CarbonError("log.changed", path=target)
        source.unlink()
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    move(source, target)


def move(source: Path, target: Path) -> None:
    """Rename durably; between file systems, copy."""
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        write_durably(target, source.read_bytes())
        source.unlink()
    sync_folder(target.parent)
