"""Changing an upload that others may change at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from carbon.domain.errors import CarbonError
from carbon.ports import Clock
from carbon.ports.uploads import Upload, UploadBook

#: What is to become of an upload as it is now; ``None`` where nothing is. Raises what forbids it.
Decide = Callable[[Upload], Mapping[str, Any] | None]
#: How often a change is decided anew because somebody else's came between.
_TRIES = 10


def change(book: UploadBook, clock: Clock, organisation: str, id_: str, decide: Decide) -> Upload:
    """Decide on what an upload is, and change it if it still is that. Raises ``store.raced``."""
    for _ in range(_TRIES):
        seen = book.find(organisation, id_)
        values = decide(seen)
        if values is None:
            return seen
        values = {**values, "changed_at": clock.now()}
        if book.change(seen, **values):
            fields = {name: value for name, value in values.items() if name != "owner"}
            return replace(seen, **fields)
    raise CarbonError("store.raced", reason=id_)
