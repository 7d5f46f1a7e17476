"""Facts: every id once over the whole log; what a correction names."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

import numpy as np

from carbon.audit import result
from carbon.audit.result import Tally
from carbon.domain.errors import CarbonError
from carbon.domain.units import Int

_ID_BYTES: Final = 16


class Facts:
    """The fact ids of the log in order, where each run of them stands, and the corrections."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._runs: list[bytes] = []
        self._starts: list[int] = []
        self._places: list[str] = []
        self._size = 0
        self._corrections: list[tuple[int, str, str]] = []
        self._order: Int = np.zeros(0, np.int64)
        self._ordered = np.zeros(0, f"S{_ID_BYTES}")

    def add(self, place: str, ids: bytes) -> None:
        """Append ids; ``place`` ends with ``:`` where each of them has a line."""
        if ids:
            self._starts.append(self._size)
            self._places.append(place)
            self._runs.append(ids)
            self._size += len(ids) // _ID_BYTES

    def correct(self, place: str, replaces: str) -> None:
        """A correction, which may name any fact added before."""
        self._corrections.append((self._size, replaces, place))

    def _place(self, position: int) -> str:
        """Where an id stands."""
        run = bisect_right(self._starts, position) - 1
        place = self._places[run]
        return f"{place}{position - self._starts[run] + 1}" if place.endswith(":") else place

    def check(self) -> None:
        """Every fact id once; corrections name an earlier one, each once."""
        ids = np.frombuffer(b"".join(self._runs), f"S{_ID_BYTES}")
        order = self._order = np.argsort(ids, kind="stable")
        ordered = self._ordered = ids[order]
        again = np.flatnonzero((ordered[1:] == ordered[:-1]) & (ordered[1:] != b""))
        for at in again[: result.MAX_PER_FILE + 1].tolist():
            place, other = (self._place(int(order[n])) for n in (at + 1, at))
            text = _padded(ids[order[at]]).hex()
            self._tally.add(place, CarbonError("audit.duplicate", id=text, other=other))
        replaced: set[str] = set()
        for before, replaces, place in self._corrections:
            position = self._find(replaces)
            if position is None or position >= before or replaces in replaced:
                self._tally.add(place, CarbonError("audit.correction", id=replaces))
            replaced.add(replaces)

    def _find(self, id_: str) -> int | None:
        """The position of an id, once all are in order."""
        at = int(np.searchsorted(self._ordered, np.bytes_(bytes.fromhex(id_))))
        found = at < len(self._ordered) and _padded(self._ordered[at]).hex() == id_
        return int(self._order[at]) if found else None

    def where(self, id_: str) -> str | None:
        """Where a fact stands, after :meth:`check`; ``None`` for an unknown one."""
        position = self._find(id_)
        return None if position is None else self._place(position)

    @property
    def corrections(self) -> Iterator[tuple[str, str]]:
        """Place of every correction, and the id it replaces."""
        return ((place, replaces) for _, replaces, place in self._corrections)


def _padded(value: bytes) -> bytes:
    """An id as numpy gives it, with the zeros at its end that numpy drops."""
    return bytes(value).ljust(_ID_BYTES, b"\0")
