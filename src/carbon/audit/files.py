"""The files of a log as an audit reads them: each one that is asked for belongs to the log."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from carbon.audit.result import Tally, shown
from carbon.domain.errors import CarbonError
from carbon.files import check_receipt
from carbon.files.log_folder import PublishedLog

CHECKPOINT, VKEY, CHECKER = "checkpoint", "log.vkey", "tools/check_receipt.py"
#: Folders whose files are named by leaves.
REPORTS: Final = "reports/"
OF_LEAVES: Final = ("rows/", "catalogues/", "formulas/", REPORTS)


class PublicFiles:
    """Files of a log. ``paths``: all of them, ``None`` where they cannot be listed."""

    def __init__(self, log: PublishedLog, tally: Tally) -> None:
        self.log, self._source, self._tally = log, log.source, tally
        self.paths = log.source.paths()
        self._expected = {CHECKPOINT, VKEY, CHECKER}
        #: Folders of which it cannot be said what belongs there. Tiles are checked one by one.
        self._unknown = {"tile/"}

    def below(self, folder: str) -> list[str]:
        """Paths of a folder, as far as they can be listed."""
        return [path for path in self.paths or () if path.startswith(folder)]

    def expect(self, *paths: str) -> None:
        """Some files belong to the log."""
        self._expected.update(paths)

    def leave_open(self, *folders: str) -> None:
        """What would say which files belong to these folders cannot be read."""
        self._unknown.update(folders)

    def get(self, path: str) -> bytes:
        """A file as it is. Raises ``log.missing``, ``log.unreachable``, ``file.too_large``."""
        return self._source.get(path)

    def blocks(self, path: str) -> Iterator[bytes]:
        """A file of any size, some bytes at a time."""
        return self._source.blocks(path)

    def read(self, path: str) -> bytes | None:
        """A file that belongs to the log, or ``None`` after telling why not."""
        self.expect(path)
        return self._tally.attempt(path, lambda: self.get(path))

    def check_derived(self, path: str, expected: Iterable[bytes]) -> None:
        """A derived file has exactly some bytes."""

        def digest(blocks: Iterable[bytes]) -> bytes:
            made = hashlib.sha256()
            for block in blocks:
                made.update(block)
            return made.digest()

        found = self._tally.attempt(path, lambda: digest(self.blocks(path)))
        if found is not None and found != digest(expected):
            self._tally.add(path, CarbonError("log.changed", path=path))

    def check_checker(self) -> None:
        """The checker in the log is no data, but a changed one would lie to those who run it."""
        own = Path(check_receipt.__file__).read_bytes()
        try:
            same = self.get(CHECKER) == own
        except CarbonError:
            same = False
        if not same:
            self._tally.note(CHECKER, "audit.checker")

    def check_unexpected(self) -> None:
        """Files that belong to nothing, as far as it can be said what belongs to what."""
        unknown = tuple(self._unknown)
        for path in self.paths or ():
            if path not in self._expected and not path.startswith(unknown):
                self._tally.add(shown(path), CarbonError("audit.unexpected"))
