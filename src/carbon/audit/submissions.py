"""Submissions: a row file of any size, recomputed as it comes, and what is derived from it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from typing import Any, Final

from carbon.audit.facts import Facts
from carbon.audit.files import PublicFiles
from carbon.audit.result import Tally
from carbon.audit.row_file import RowFile
from carbon.domain.errors import CarbonError
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
        file = RowFile(leaf["file"], self._files, self._tally)
        er_g = self._tally.attempt(file.path, lambda: self._stream(file, leaf["rows"], terms))
        if er_g is not None:
            self._tally.compare(place, "er_g", leaf["er_g"], str(er_g))
            file.check_tree(leaf["rows"], leaf["root"])

    def _stream(self, file: RowFile, count: int, terms: bytes | None) -> int:
        """Check a row file as it comes, a slice at a time; returns its grams."""
        ids, er_g = [], 0
        for checked in self._workers.check(file.blocks(), terms, count):
            self._tell(file.path, file.count, checked)
            file.add(checked.hashes, checked.ends)
            ids.append(checked.ids)
            er_g += checked.er_g
            self._tally.counts.rows += len(checked) if terms else 0
            self._turn()
            if file.count > count:
                break
        self._facts.add(f"{file.path}:", b"".join(ids))
        self._tally.counts.grams += er_g
        file.check_digests()
        return er_g

    def _tell(self, path: str, before: int, checked: Checked) -> None:
        """Tell the faults of a slice that comes after so many rows."""
        for position, fault in checked.faults:
            self._tally.add(f"{path}:{before + position + 1}", fault)
        if checked.more:
            self._tally.add(f"{path}:", CarbonError("audit.more", count=checked.more))
