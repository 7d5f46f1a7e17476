"""Packed files of strangers, unpacked by a process of its own under limits of memory, time, size.

A few kilobytes of XLSX or Parquet can stand for any amount of cells, and no look at an archive
tells how many. So a child unpacks them into plain Arrow batches on disk; when the kernel ends it
for taking too much, only the file is refused. CSV is read block by block and needs none of this.

    python -m carbon.adapters.tabular.apart FILE > BATCHES
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from carbon.adapters.tabular.csv_file import BLOCK_BYTES
from carbon.adapters.tabular.source import is_packed, open_table
from carbon.adapters.tabular.tables import Held, Piece, TableFile
from carbon.domain.errors import CarbonError
from carbon.domain.units import Int

#: What the child may take: bytes of memory, seconds of processor, bytes on disk.
MEMORY_BYTES: Final = 400 << 20
CPU_SECONDS: Final = 60
DISK_BYTES: Final = 1 << 30
#: Bytes of a batch, more or less.
_BATCH_BYTES: Final = 8 << 20
_HEADER: Final = b"header"
#: Exit code of a child that tells on standard error why it refuses the file.
_REFUSED: Final = 3


def open_apart(path: Path, block_bytes: int = BLOCK_BYTES) -> TableFile:
    """Open a stranger's file. Raises ``file.*``; ``file.too_large`` for one that takes too much."""
    return UnpackedFile(path) if is_packed(path) else open_table(path, block_bytes)


class UnpackedFile:
    """What a child made of a file; implements ``TableFile``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.malformed: dict[int, str] = {}
        command = [sys.executable, "-m", __name__, str(path)]
        # Nameless: gone with the last who has it open, whoever is killed.
        with tempfile.TemporaryFile(dir=path.parent) as stream:
            done = subprocess.run(  # noqa: S603  our own module
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.PIPE,
                check=False,
            )
            if done.returncode:
                raise _refusal(path, done)
            self._batches = pa.ipc.open_file(pa.OSFile(f"/dev/fd/{stream.fileno()}", "r"))
        self._header: list[str] = json.loads(self._batches.schema.metadata[_HEADER])

    def header(self) -> list[str]:
        """Column names as they stand."""
        return self._header

    def total_rows(self) -> int:
        """Number of rows."""
        count = self._batches.num_record_batches
        return sum(self._batches.get_batch(n).num_rows for n in range(count))

    def pieces(
        self,
        columns: Sequence[str],
        coded: Sequence[str],  # noqa: ARG002  text is coded when read
        *,
        whole: bool = False,  # noqa: ARG002
    ) -> Iterator[Piece]:
        """Batch by batch."""
        places = {name: self._header.index(name) + 1 for name in columns}
        for number in range(self._batches.num_record_batches):
            batch = self._batches.get_batch(number)
            table = pa.table({name: batch.column(place) for name, place in places.items()})
            yield Held(table), np.asarray(batch.column(0))


def _refusal(path: Path, done: subprocess.CompletedProcess[bytes]) -> CarbonError:
    """Why a child gave up: it says so, or it was ended."""
    if done.returncode == _REFUSED:
        told = json.loads(done.stderr)
        return CarbonError(told["code"], **told["values"])
    limit = MEMORY_BYTES >> 20
    return CarbonError("file.too_large", path=path, what="MB", value=f"> {limit}", limit=limit)


# --- the child ------------------------------------------------------------------------------------


def _unpack(path: Path, target: pa.NativeFile) -> None:
    """Write all batches of a file, each with the file rows before its columns."""
    file = open_table(path)
    header = file.header()
    writer: pa.ipc.RecordBatchFileWriter | None = None
    for load, rows in file.pieces(header, []):
        table = _numbered(load(), rows)
        if writer is None:
            metadata = {_HEADER: json.dumps(header).encode()}
            writer = pa.ipc.new_file(target, table.schema.with_metadata(metadata))
        per_batch = max(1, _BATCH_BYTES * table.num_rows // max(1, table.nbytes))
        writer.write_table(table, max_chunksize=min(per_batch, 16_384))
    if writer is None:
        raise CarbonError("file.empty", path=path)
    writer.close()


def _numbered(table: pa.Table, rows: Int | int) -> pa.Table:
    """Columns by place, for names may stand twice; file rows first."""
    numbers = np.arange(rows, rows + table.num_rows) if isinstance(rows, int) else rows
    names = [str(n) for n in range(table.num_columns + 1)]
    return pa.table([pa.array(numbers), *table.columns], names=names)


def _limit() -> None:
    # Private memory that can be written to: what RLIMIT_DATA counts on Linux.
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (DISK_BYTES, DISK_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> int:
    """Unpack a file to standard output."""
    _limit()
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    try:
        _unpack(Path(sys.argv[1]), pa.PythonFile(sys.stdout.buffer, "w"))
    except CarbonError as error:
        values = {n: v if isinstance(v, int) else str(v) for n, v in error.values.items()}
        sys.stderr.write(json.dumps({"code": error.code, "values": values}))
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
