"""Submissions: a row file of any size, recomputed as it comes, and what is derived from it."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any, Final

import numpy as np

from carbon.audit.facts import Facts
from carbon.audit.files import PublicFiles
from carbon.audit.result import Tally
from carbon.domain.errors import CarbonError
from carbon.domain.log.merkle import Levels
from carbon.files.row_slices import Checked, check_slice, slices

#: From so many rows on, a submission is worth several processes.
POOL_ROWS: Final = 20_000


class Workers:
    """Checks the slices of a row file, in this process or in several."""

    def __init__(self, jobs: int, stack: ExitStack) -> None:
        self._jobs, self._stack = jobs, stack
        self._pool: Executor | None = None

    def check(self, blocks: Iterator[bytes], terms: bytes | None, rows: int) -> Iterator[Checked]:
        """The slices of a file of so many rows, checked, in order."""
        if self._jobs > 1 and rows >= POOL_ROWS:
            yield from self._pooled(blocks, terms)
        else:
            for content in slices(blocks):
                yield check_slice(content, terms)

    def _pooled(self, blocks: Iterator[bytes], terms: bytes | None) -> Iterator[Checked]:
        """A few slices at a time are under way."""
        if self._pool is None:
            # A fresh interpreter: a forked one would inherit the threads of a progress bar.
            pool = ProcessPoolExecutor(self._jobs, mp_context=get_context("spawn"))
            self._pool = self._stack.enter_context(pool)
        waiting: deque[Future[Checked]] = deque()
        for content in slices(blocks):
            waiting.append(self._pool.submit(check_slice, content, terms))
            if len(waiting) > 2 * self._jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@dataclass(slots=True)
class _RowFile:
    """What a row file holds, as far as it was read."""

    hashes: list[bytes] = field(default_factory=list)
    ends: list[Any] = field(default_factory=list)
    ids: list[bytes] = field(default_factory=list)
    count: int = 0
    length: int = 0
    er_g: int = 0
    last: bytes = b""

    def add(self, checked: Checked) -> None:
        """Append a slice."""
        self.hashes.append(checked.hashes)
        self.ends.append(checked.ends + self.length)
        self.ids.append(checked.ids)
        self.count += len(checked)
        self.length += int(checked.ends[-1]) if len(checked) else 0
        self.er_g += checked.er_g


class Submissions:
    """Checks of row files. ``turn`` is called after every slice of rows."""

    def __init__(
        self,
        files: PublicFiles,
        tally: Tally,
        facts: Facts,
        workers: Workers,
        turn: Callable[[], None],
    ) -> None:
        self._files, self._facts = files, facts
        self._tally = tally
        self._workers, self._turn = workers, turn

    def check(self, place: str, leaf: Mapping[str, Any], terms: bytes | None) -> None:
        """A row file with its two derived files, against its leaf."""
        self._tally.counts.submissions += 1
        base = f"rows/{leaf['file']['sha256']}"
        path = f"{base}.jsonl"
        self._files.expect(path, f"{base}.tree", f"{base}.ends")
        rows = self._tally.attempt(path, lambda: self._stream(path, leaf, terms))
        if rows is None:
            return
        compare = self._tally.compare
        levels = Levels(b"".join(rows.hashes))
        sound = compare(path, "rows", leaf["rows"], rows.count)
        sound &= compare(path, "root", leaf["root"], levels.root().hex())
        compare(place, "er_g", leaf["er_g"], str(rows.er_g))
        if sound:  # otherwise the two would differ for the row file's sake
            ends = np.concatenate([np.zeros(0, np.int64), *rows.ends]).astype("<i8")
            self._files.check_derived(f"{base}.tree", levels.levels)
            self._files.check_derived(f"{base}.ends", [ends.tobytes()])

    def _stream(self, path: str, leaf: Mapping[str, Any], terms: bytes | None) -> _RowFile:
        """Check a row file as it comes, a slice at a time."""
        rows, digests = _RowFile(), self._hashers(path, leaf["file"])
        blocks = _digested(self._files.blocks(path), list(digests.values()), rows)
        for checked in self._workers.check(blocks, terms, leaf["rows"]):
            self._tell(path, rows.count, checked)
            rows.add(checked)
            self._tally.counts.rows += len(checked) if terms else 0
            self._turn()
            if rows.count > leaf["rows"]:
                break
        self._facts.add(f"{path}:", b"".join(rows.ids))
        self._tally.counts.grams += rows.er_g
        compare = self._tally.compare
        for name, digest in digests.items():
            compare(path, name, leaf["file"][name], digest.hexdigest())
        compare(path, "line end", "\\n", "\\n" if rows.last in (b"", b"\n") else "")
        return rows

    def _tell(self, path: str, before: int, checked: Checked) -> None:
        """Tell the faults of a slice that comes after so many rows."""
        for position, fault in checked.faults:
            self._tally.add(f"{path}:{before + position + 1}", fault)
        if checked.more:
            self._tally.add(f"{path}:", CarbonError("audit.more", count=checked.more))

    def _hashers(self, path: str, file: Mapping[str, str]) -> dict[str, Any]:
        found = {}
        for name in file:
            try:
                found[name] = hashlib.new(name)
            except ValueError:
                self._tally.note(path, "audit.sm3_skipped")
        return found


def _digested(blocks: Iterator[bytes], digests: Sequence[Any], rows: _RowFile) -> Iterator[bytes]:
    """Blocks on their way, digested."""
    for block in blocks:
        for digest in digests:
            digest.update(block)
        rows.last = block[-1:]
        yield block
