"""What services need to take files in, and to work on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from carbon.domain.upload import Announced, State, Task, Wanted
from carbon.ports import Progress


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload as it was seen.

    ``folder``: name of its place on disk, empty when the files are gone; ``mapping``: what the last
    check read it with, as JSON; ``report``: what was found; ``annotated``: which annotated file is
    the valid one; ``fence``: who holds another number may write nothing; ``expires_at``: when a
    worker that says nothing more has lost it.
    """

    organisation: str
    id: str
    state: State
    announced: Announced
    created_at: datetime
    changed_at: datetime
    folder: str
    received: int = 0
    task: Task | None = None
    wanted: Wanted | None = None
    accept_valid: bool = False
    mapping: str = ""
    report: Mapping[str, Any] | None = None
    annotated: int | None = None
    rows: int = 0
    total: int | None = None
    fence: int = 0
    tries: int = 0
    expires_at: datetime | None = None


class UploadBook(Protocol):
    """Uploads of everybody. Changes are named as fields of :class:`Upload`, and ``owner``."""

    def create(self, upload: Upload) -> Upload:
        """Add an upload; the one there is where the id is taken.

        Raises ``upload.too_many``, ``upload.space``.
        """

    def find(self, organisation: str, id_: str) -> Upload:
        """One of an organisation. Raises ``upload.unknown``."""

    def page(self, organisation: str, after: str, limit: int) -> Sequence[Upload]:
        """Those of an organisation, the latest first, from the one after an id."""

    def waiting(self, now: datetime, limit: int) -> Sequence[Upload]:
        """Those that wait for a worker or whose worker is lost, the longest waiting first."""

    def change(self, seen: Upload, **values: Any) -> bool:
        """Change an upload if it still is as it was seen."""

    def hold(self, held: Upload, **values: Any) -> bool:
        """Change an upload if nobody else got the right to, whatever else changed."""

    def due(self, before: datetime, limit: int) -> Sequence[Upload]:
        """Uploads with files that were created before a moment, or cancelled."""

    def remembered(self, organisation: str, header: str) -> str:
        """The mapping an organisation read files with this header with, or nothing."""

    def remember(self, organisation: str, header: str, mapping: str, at: datetime) -> None:
        """Keep it for the next one; the one unused longest gives way."""


class Piece(Protocol):
    """A part of a file being written."""

    def write(self, block: bytes) -> None:
        """Append to it."""

    def keep(self) -> None:
        """Make what was written durable."""


class UploadFiles(Protocol):
    """Files of uploads, by the name of their folder."""

    def piece(self, folder: str, offset: int) -> AbstractContextManager[Piece]:
        """Write from a place of a file on."""

    def sha256(self, folder: str) -> str:
        """Of the whole file, as hexadecimal digits."""

    def remove(self, folder: str) -> None:
        """Delete all files of an upload, if there are any."""


class Performer(Protocol):
    """Does the work of one task."""

    def __call__(self, upload: Upload, report: dict[str, Any], progress: Progress) -> bool:
        """Do it. ``report``: gets what is found as soon as it is. Returns whether the upload's end
        was written already, with what was stored.
        """
