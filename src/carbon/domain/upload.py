"""An upload: a file of records on its way from an organisation into the store.

    receiving → received → queued → checking → checked → queued → storing → stored

A check or a commit that finds a fault ends in ``failed``, from where the file can be checked again;
until something is stored an upload can be ``cancelled``; after :data:`KEPT_DAYS` it is ``expired``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from carbon.domain.errors import CarbonError, Lang


class State(StrEnum):
    """Where an upload is."""

    RECEIVING = "receiving"
    RECEIVED = "received"
    QUEUED = "queued"
    CHECKING = "checking"
    CHECKED = "checked"
    STORING = "storing"
    STORED = "stored"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Task(StrEnum):
    """What a worker does with an upload."""

    CHECK = "check"
    STORE = "store"


#: What an upload is while a worker has it.
RUNNING: Final = {Task.CHECK: State.CHECKING, Task.STORE: State.STORING}
#: States a worker will change: whoever watches waits.
BUSY: Final = frozenset({State.QUEUED, *RUNNING.values()})
#: States that nothing changes but time.
ENDED: Final = frozenset({State.STORED, State.CANCELLED, State.EXPIRED})
#: States in which the whole file is there and a check may be asked for.
CHECKABLE: Final = frozenset({State.RECEIVED, State.CHECKED, State.FAILED})

#: Days after which files, and what was said about them, are gone (DESIGN decision 7).
KEPT_DAYS: Final = 30
#: Bytes of one file, and of all kept files together: of an organisation, of everybody.
MAX_BYTES: Final = 256 << 20
MAX_OWN_BYTES: Final = 4 << 30
MAX_ALL_BYTES: Final = 32 << 30
#: Uploads of an organisation that have not ended.
MAX_OPEN: Final = 20
#: Bytes sent at once.
MAX_PIECE_BYTES: Final = 8 << 20
#: Seconds a worker has an upload for without saying so again.
LEASE_SECONDS: Final = 60
#: Workers that may lose an upload before it is given up: a file that kills them kills no more.
MAX_TRIES: Final = 3

_SHA256: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Announced:
    """What a client says about its file before it sends it. ``name`` is shown, never a path."""

    name: str
    size: int
    sha256: str

    def check(self) -> None:
        """Raise ``upload.size`` or ``request.invalid``."""
        if not 0 < self.size <= MAX_BYTES:
            raise CarbonError("upload.size", size=self.size, limit=MAX_BYTES)
        if not _SHA256.fullmatch(self.sha256):
            raise CarbonError("request.invalid", where="sha256", reason=self.sha256[:80])


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a file is to be read and counted. ``mapping``: as JSON, empty for what is remembered or
    proposed; ``project``: whose records they are; ``lang``: of the annotated file.
    """

    methodology: str = "HD-REUSE"
    mapping: str = ""
    project: str | None = None
    lang: Lang = "zh"
