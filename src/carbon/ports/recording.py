"""What services need to record acts one by one, many of them in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from carbon.domain.quantification.engine import Engine
from carbon.domain.units import Int
from carbon.ports import Answered, Chunk, ClaimReader, LifeEntry, Stager

#: Records that enter together at most.
MAX_TOGETHER = 256
#: Kinds of facts that hold one record.
RECORD, CORRECTION = "record", "correction"


@dataclass(frozen=True, slots=True)
class Single:
    """A record asked for by itself.

    ``kind``: a record, or a correction that ``replaces`` a fact for a ``reason``; ``key``: the
    client's id within ``source``, and ``named`` the same as its client knows it; ``digest``: hash
    of everything asked for; ``cells``: by canonical column; ``project``: whose record it is.
    """

    kind: str
    key: str
    named: str
    digest: str
    source: str
    cells: Mapping[str, str]
    methodology: str
    project: str | None = None
    replaces: str | None = None
    reason: str = ""


class SingleIntake(Stager, Protocol):
    """Records on their way into the store, each with a leaf and an answer of its own."""

    def add(self, staged: Any, life: Sequence[LifeEntry]) -> None:
        """Append staged records."""

    def commit(self, answers: Mapping[int, Mapping[str, Any]]) -> Mapping[int, Mapping[str, Any]]:
        """Store what was appended in one transaction; the complete answers, by row.

        Raises ``store.raced`` where another process was faster with one of the ids.
        """


@dataclass(frozen=True, slots=True)
class Tray:
    """Records of one methodology laid out to be examined; row *n* is the *n*-th of them.

    ``store`` is open as long as the sitting, ``intake`` beyond it; ``touching``: rows, ascending,
    that may have to do with another one.
    """

    chunk: Chunk
    touching: Int
    engine: Engine
    intake: SingleIntake
    store: ClaimReader


class Sitting(Protocol):
    """One state of the store, in which records are examined. For one thread."""

    def answered(self, singles: Sequence[Single]) -> Mapping[str, Answered]:
        """What was answered before, by key; all records are of one kind."""

    def projects(self, names: Sequence[str]) -> frozenset[str]:
        """Those of some projects that are known."""

    def lay(self, singles: Sequence[Single]) -> Tray:
        """Lay records of one methodology out. Raises ``methodology.*``."""


class Desk(Protocol):
    """Where records are received."""

    def sitting(self) -> AbstractContextManager[Sitting]:
        """Look at the store as it is now."""


# --- read again -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose records: those that a ``source`` submitted, or those of a ``person``, by keyed hash.

    A person's records are those whose cells their key keeps: as giver, else as receiver. A source
    names its records by its own ids, a person by the ids of facts.
    """

    source: str = ""
    person: str = ""


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """A stored record as its owner sees it.

    ``record_id``: ``None`` once it was erased; ``leaf_index``: ``None`` until it is published;
    ``factors``: leaf numbers of the catalogue, by role; ``corrected``: why, ``None`` if it stands;
    ``replaced_by``: the fact that took its place, ``None`` if it was withdrawn.
    """

    fact: str
    record_id: str | None
    recorded_at: datetime
    occurred_on: date
    act: str
    item_type: str
    quantity: int | None
    mass_kg: float | None
    grams: Mapping[str, int]
    grade: str
    flags: Sequence[str]
    factors: Mapping[str, int]
    methodology: str
    catalogue: str
    project: str | None
    leaf_index: int | None
    corrected: str | None
    replaced_by: str | None
