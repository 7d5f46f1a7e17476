"""Where a submission waits before it is stored, and public files before they are published.

Tables wait as Arrow streams, in memory while small; rows as the very file that will be published,
beside two derived ones that make its proofs quick: the hashes of its tree and the ends of its rows.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from carbon.adapters.disk import sync_folder
from carbon.domain.log.merkle import Levels

_IN_MEMORY = 4 << 20
#: Folders of the public log, and the list of tables that stands in each catalogue's folder.
ROWS, CATALOGUES, FORMULAS, TABLES = "rows", "catalogues", "formulas", "tables.txt"


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
        handle, name = tempfile.mkstemp(prefix=".rows-", dir=folder)
        self._path = Path(name)
        self._stream: IO[bytes] = os.fdopen(handle, "wb")
        self._digests = {name: hashlib.new(name) for name in algorithms}
        self._hashes = bytearray()
        self._ends: list[np.ndarray] = []
        self._size = 0
        self._base: Path | None = None

    def add(self, texts: bytes, ends: np.ndarray, hashes: bytes) -> None:
        """Append rows."""
        self._stream.write(texts)
        for digest in self._digests.values():
            digest.update(texts)
        self._ends.append(ends + self._size)
        self._size += len(texts)
        self._hashes += hashes

    def finish(self) -> tuple[Levels, Mapping[str, str]]:
        """Make it durable under the name of its digest; returns its tree and its digests."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        digests = {name: digest.hexdigest() for name, digest in self._digests.items()}
        levels = Levels(bytes(self._hashes))
        self._hashes.clear()
        base = self._folder / digests["sha256"]
        with base.with_suffix(".tree").open("wb") as tree:
            for level in levels.levels:
                tree.write(level)
        np.concatenate(self._ends).astype("<i8").tofile(base.with_suffix(".ends"))
        os.replace(self._path, base.with_suffix(".jsonl"))
        self._base = base
        sync_folder(self._folder)
        return levels, digests

    def discard(self) -> None:
        """Remove what was finished: no fact refers to it, and none ever will."""
        if self._base is not None:
            for suffix in (".jsonl", ".tree", ".ends"):
                self._base.with_suffix(suffix).unlink(missing_ok=True)

    def abandon(self) -> None:
        """Remove what was written."""
        self._stream.close()
        self._path.unlink(missing_ok=True)
