"""Where a submission waits before it is stored, and public files before they are published.

Tables wait as Arrow streams, in memory while small; rows as the very file that will be published,
beside two derived ones that make its proofs quick: the hashes of its tree and the ends of its rows.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from carbon.adapters.disk import sync_folder
from carbon.domain.log.merkle import Levels
from carbon.domain.units import Int

_IN_MEMORY = 4 << 20
#: Folders of the public log, and the list of tables that stands in each catalogue's folder.
ROWS, CATALOGUES, FORMULAS, TABLES = "rows", "catalogues", "formulas", "tables.txt"
REPORTS = "reports"
#: Files of a bulk of rows: the rows, all hashes of their tree, and where each row ends.
TREE = "tree"
ROW_FILES = ("jsonl", TREE, "ends")


class TableSpool:
    """Arrow tables of one schema, in order."""

    def __init__(self) -> None:
        self._file: Any = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  closed below
        self._writer: pa.RecordBatchStreamWriter | None = None

    def add(self, table: pa.Table) -> None:
        """Append a table."""
        if table.num_rows == 0:
            return
        plain = pa.table({name: _undictionaried(table.column(name)) for name in table.column_names})
        if self._writer is None:
            self._writer = pa.ipc.new_stream(self._file, plain.schema)
        self._writer.write_table(plain)

    def batches(self) -> Iterator[pa.Table]:
        """All tables again, a batch at a time."""
        if self._writer is None:
            return
        self._writer.close()
        self._file.seek(0)
        with pa.ipc.open_stream(self._file) as reader:
            for batch in reader:
                yield pa.Table.from_batches([batch])

    def close(self) -> None:
        """Forget everything."""
        self._file.close()


def _undictionaried(column: pa.ChunkedArray) -> pa.ChunkedArray:
    is_coded = pa.types.is_dictionary(column.type)
    return column.cast(column.type.value_type) if is_coded else column


class RowFile:
    """A file of published rows being written, with its digests and the hashes of its tree."""

    def __init__(self, folder: Path, algorithms: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = _shared(folder)
        self._aside = Path(tempfile.mkdtemp(prefix=".rows-", dir=folder))
        self._rows, self._tree, self._ends = (
            (self._aside / suffix).open("wb") for suffix in ROW_FILES
        )
        self._digests = {name: hashlib.new(name) for name in algorithms}
        self._size = 0
        self._name: str | None = None

    def add(self, texts: bytes, ends: Int, hashes: bytes) -> None:
        """Append rows."""
        self._rows.write(texts)
        self._tree.write(hashes)
        self._ends.write((ends + self._size).astype("<i8").tobytes())
        for digest in self._digests.values():
            digest.update(texts)
        self._size += len(texts)

    def finish(self) -> tuple[bytes, Mapping[str, str]]:
        """Make it durable under the name of its digest; returns the root and its digests."""
        self._tree.flush()
        levels = Levels((self._aside / TREE).read_bytes())
        for level in levels.levels[1:]:
            self._tree.write(level)
        digests = {name: digest.hexdigest() for name, digest in self._digests.items()}
        self._name = digests["sha256"]
        try:
            self._move()
        except BaseException:
            self.discard()
            raise
        return levels.root(), digests

    def _move(self) -> None:
        for stream, suffix in zip((self._rows, self._tree, self._ends), ROW_FILES, strict=True):
            stream.flush()
            os.fsync(stream.fileno())
            stream.close()
            os.replace(self._aside / suffix, self._folder / f"{self._name}.{suffix}")
        self.abandon()
        sync_folder(self._folder)

    def discard(self) -> None:
        """Remove what was finished: no fact refers to it, and none ever will."""
        for suffix in ROW_FILES if self._name else ():
            (self._folder / f"{self._name}.{suffix}").unlink(missing_ok=True)

    def abandon(self) -> None:
        """Remove what was written and not finished."""
        for stream in (self._rows, self._tree, self._ends):
            with suppress(OSError):  # what a full disk did not take
                stream.close()
        shutil.rmtree(self._aside, ignore_errors=True)
        self._lock.close()


def _shared(folder: Path) -> ExitStack:
    """Who writes rows shares the folder; whoever is alone removes what a killed import left."""
    held, lock = ExitStack(), os.open(folder, os.O_RDONLY)
    held.callback(os.close, lock)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pass  # others are at work
    else:
        for left in folder.glob(".rows-*"):
            shutil.rmtree(left, ignore_errors=True)
    fcntl.flock(lock, fcntl.LOCK_SH)
    return held
