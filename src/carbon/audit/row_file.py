"""A published file of rows with the two files derived from it, against what its leaf says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from carbon.audit.files import PublicFiles
from carbon.audit.result import Tally
from carbon.domain.log.merkle import Levels
from carbon.domain.units import Int


class RowFile:
    """Digests and hashes of a row file as it is read, some rows at a time.

    ``file``: its digests by algorithm, as the leaf has them.
    """

    def __init__(self, file: Mapping[str, str], files: PublicFiles, tally: Tally) -> None:
        self._files, self._tally, self._file = files, tally, file
        self._base = f"rows/{file['sha256']}"
        self.path = row_file(file)
        files.expect(self.path, f"{self._base}.tree", f"{self._base}.ends")
        self._digests = self._hashers()
        self._hashes: list[bytes] = []
        self._ends: list[Int] = []
        self._length, self._last = 0, b""
        self.count = 0

    def _hashers(self) -> dict[str, Any]:
        found = {}
        for name in self._file:
            try:
                found[name] = hashlib.new(name)
            except ValueError:
                self._tally.note(self.path, "audit.sm3_skipped")
        return found

    def blocks(self) -> Iterator[bytes]:
        """The file, digested on its way. Raises ``log.missing``, ``log.unreachable``."""
        for block in self._files.blocks(self.path):
            for digest in self._digests.values():
                digest.update(block)
            self._last = block[-1:]
            yield block

    def add(self, hashes: bytes, ends: Int) -> None:
        """Append rows: their leaf hashes, and where they end in the part they came in."""
        self._hashes.append(hashes)
        self._ends.append(ends + self._length)
        self.count += len(ends)
        self._length += int(ends[-1]) if len(ends) else 0

    def check_digests(self) -> None:
        """All of it was read: its digests are those of the leaf."""
        for name, digest in self._digests.items():
            self._tally.compare(self.path, name, self._file[name], digest.hexdigest())
        ended = "\\n" if self._last in (b"", b"\n") else ""
        self._tally.compare(self.path, "line end", "\\n", ended)

    def check_tree(self, count: int, root: str) -> None:
        """Its rows and their root are those of the leaf, and so are the derived files."""
        levels = Levels(b"".join(self._hashes))
        sound = self._tally.compare(self.path, "rows", count, self.count)
        sound &= self._tally.compare(self.path, "root", root, levels.root().hex())
        if sound:  # otherwise the two would differ for the row file's sake
            ends = np.concatenate([np.zeros(0, np.int64), *self._ends]).astype("<i8")
            self._files.check_derived(f"{self._base}.tree", levels.levels)
            self._files.check_derived(f"{self._base}.ends", [ends.tobytes()])


def row_file(file: Mapping[str, str]) -> str:
    """The path of a row file by its digests."""
    return f"rows/{file['sha256']}.jsonl"
