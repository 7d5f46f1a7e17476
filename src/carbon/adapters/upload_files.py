"""Files of uploads on disk; implements the port ``UploadFiles``.

Each upload has a private folder under a name of our own making: the file as it came, and one
annotated file for each worker that wrote one, told apart by its fencing number.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from carbon.adapters.disk import sync_folder
from carbon.domain.errors import CarbonError

#: Where uploads are in the spool.
UPLOADS: Final = "uploads"
_FILE: Final = "file"


class FilePiece:
    """A part of a file. Raises ``file.output`` where the disk takes no more."""

    def __init__(self, handle: int, offset: int) -> None:
        self._handle, self._place = handle, offset

    def write(self, block: bytes) -> None:
        """Write at a place of its own: who sends the same piece twice writes the same bytes."""
        rest = memoryview(block)
        while rest:
            with _told():
                written = os.pwrite(self._handle, rest, self._place)
            self._place += written
            rest = rest[written:]

    def keep(self) -> None:
        """Make it durable."""
        with _told():
            os.fsync(self._handle)


class UploadFolders:
    """Folders of uploads inside the spool."""

    def __init__(self, spool: Path) -> None:
        self._root = spool / UPLOADS

    @contextmanager
    def piece(self, folder: str, offset: int) -> Iterator[FilePiece]:
        """Write from a place of a file on; what stood there before goes."""
        path = self.file(folder)
        new = not path.exists()
        with _told():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            yield FilePiece(handle, offset)
        finally:
            os.close(handle)
        if new:
            sync_folder(path.parent)
            sync_folder(self._root)

    def sha256(self, folder: str) -> str:
        """Of the whole file, as hexadecimal digits."""
        with self.file(folder).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def remove(self, folder: str) -> None:
        """Delete all files of an upload, if there are any."""
        path = self._root / folder
        if path.exists():
            shutil.rmtree(path)

    def file(self, folder: str) -> Path:
        """The file as it came."""
        return self._root / folder / _FILE

    def annotated(self, folder: str, fence: int) -> Path:
        """The rejected rows, as the worker with this fencing number gives them back."""
        return self._root / folder / f"annotated-{fence}.csv"


@contextmanager
def _told() -> Iterator[None]:
    """A fault of the disk, without the place on it."""
    try:
        yield
    except OSError as error:
        raise CarbonError("file.output", path=UPLOADS, reason=error.strerror) from error
