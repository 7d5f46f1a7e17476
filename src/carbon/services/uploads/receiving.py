"""A file comes in: announced, sent piece by piece, whole when its digest is the announced one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from carbon.domain.errors import CarbonError
from carbon.domain.upload import Announced, State
from carbon.ports import Clock
from carbon.ports.uploads import Piece, Upload, UploadBook, UploadFiles
from carbon.services.uploads.changing import change


def announce(
    book: UploadBook, clock: Clock, organisation: str, id_: str, announced: Announced
) -> Upload:
    """Begin an upload; the same one again is answered the same.

    Raises ``upload.size``, ``upload.too_many``, ``upload.space``, ``request.conflict``.
    """
    announced.check()
    now = clock.now()
    # A name of our own: nothing of what a client says becomes part of a path.
    folder = uuid4().hex
    new = Upload(organisation, id_, State.RECEIVING, announced, now, now, folder)
    found = book.create(new)
    if found.announced != announced:
        raise CarbonError("request.conflict", id=id_)
    return found


@dataclass(slots=True)
class Arriving:
    """A piece on its way to the disk; it counts when :meth:`finish` says so."""

    _book: UploadBook
    _files: UploadFiles
    _clock: Clock
    _upload: Upload
    _piece: Piece
    _length: int = 0

    def write(self, block: bytes) -> None:
        """Take the next bytes. Raises ``upload.overrun``."""
        upload, end = self._upload, self._upload.received + self._length + len(block)
        if end > upload.announced.size:
            raise CarbonError("upload.overrun", id=upload.id, size=upload.announced.size)
        self._piece.write(block)
        self._length += len(block)

    def finish(self) -> Upload:
        """Make the piece durable, then count it; the last one proves the whole file.

        Raises ``upload.offset`` where another one was counted meanwhile, ``upload.digest``.
        """
        upload, announced = self._upload, self._upload.announced
        self._piece.keep()
        end = upload.received + self._length
        whole = end == announced.size
        sound = not whole or self._files.sha256(upload.folder) == announced.sha256
        values: dict[str, Any] = {"received": end if sound else 0}
        if whole and sound:
            values["state"] = State.RECEIVED
        found = change(
            self._book, self._clock, upload.organisation, upload.id,
            lambda now: values if _goes_on(now, upload.received) else None,
        )  # fmt: skip
        if not sound:
            raise CarbonError("upload.digest", id=upload.id)
        return found


def _goes_on(upload: Upload, offset: int) -> bool:
    """True where a piece goes on from what arrived. Raises ``upload.offset``, ``upload.state``."""
    if upload.state in (State.CANCELLED, State.EXPIRED):
        raise CarbonError("upload.state", id=upload.id, state=upload.state)
    if upload.received != offset or upload.state is not State.RECEIVING:
        raise CarbonError("upload.offset", id=upload.id, offset=upload.received)
    return True


@contextmanager
def arriving(
    book: UploadBook, files: UploadFiles, clock: Clock, organisation: str, id_: str, offset: int
) -> Iterator[Arriving]:
    """A piece that goes on from ``offset``. Raises ``upload.*``."""
    upload = book.find(organisation, id_)
    _goes_on(upload, offset)
    with files.piece(upload.folder, offset) as piece:
        yield Arriving(book, files, clock, upload, piece)
