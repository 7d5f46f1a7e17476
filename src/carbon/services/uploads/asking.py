"""What an organisation asks for: check its file, store it, forget it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from carbon.domain.errors import CarbonError
from carbon.domain.upload import BUSY, CHECKABLE, ENDED, State, Task, Wanted
from carbon.ports import Clock
from carbon.ports.uploads import Upload, UploadBook
from carbon.services.uploads.changing import change

#: What nobody's lease says.
FREE: Final[Mapping[str, Any]] = {"owner": None, "expires_at": None}
_QUEUED: Final[Mapping[str, Any]] = {
    "state": State.QUEUED, "tries": 0, "rows": 0, "total": None, "annotated": None, **FREE,
}  # fmt: skip


def ask_check(
    book: UploadBook, clock: Clock, organisation: str, id_: str, wanted: Wanted
) -> Upload:
    """Have a whole file checked, without storing anything; the same again is answered the same.

    Raises ``upload.state``, ``request.conflict`` while another check is under way.
    """

    def decide(upload: Upload) -> Mapping[str, Any] | None:
        checking = upload.task is Task.CHECK and upload.state in (*BUSY, State.CHECKED)
        if checking and upload.wanted == wanted:
            return None
        if checking and upload.state in BUSY:
            raise CarbonError("request.conflict", id=id_)
        if upload.state not in CHECKABLE:
            raise CarbonError("upload.state", id=id_, state=upload.state)
        return {**_QUEUED, "task": Task.CHECK, "wanted": wanted, "report": None, "mapping": ""}

    return change(book, clock, organisation, id_, decide)


def ask_commit(
    book: UploadBook, clock: Clock, organisation: str, id_: str, *, accept_valid: bool
) -> Upload:
    """Have a checked file stored; the same again is answered the same.

    Raises ``upload.state``, ``upload.rejected`` where rows are and ``accept_valid`` was not said,
    ``request.conflict``.
    """

    def decide(upload: Upload) -> Mapping[str, Any] | None:
        if upload.task is Task.STORE and upload.state in (*BUSY, State.STORED):
            if upload.accept_valid != accept_valid:
                raise CarbonError("request.conflict", id=id_)
            return None
        if upload.state is not State.CHECKED:
            raise CarbonError("upload.state", id=id_, state=upload.state)
        rejected = (upload.report or {})["summary"]["rejected"]
        if rejected and not accept_valid:
            raise CarbonError("upload.rejected", id=id_, rejected=rejected)
        return {**_QUEUED, "task": Task.STORE, "accept_valid": accept_valid}

    return change(book, clock, organisation, id_, decide)


def cancel(book: UploadBook, clock: Clock, organisation: str, id_: str) -> Upload:
    """Forget an upload of which nothing is stored, whatever is being done with it.

    A worker that has it finds its fence taken, and stores nothing. Raises ``upload.state``.
    """

    def decide(upload: Upload) -> Mapping[str, Any] | None:
        if upload.state is State.CANCELLED:
            return None
        if upload.state in ENDED:
            raise CarbonError("upload.state", id=id_, state=upload.state)
        return {"state": State.CANCELLED, "fence": upload.fence + 1, **FREE}

    return change(book, clock, organisation, id_, decide)
