"""What services need of the world outside, as protocols. Adapters implement them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

from carbon.domain.activity.duplicates import Act
from carbon.domain.activity.record import Batch, Finding
from carbon.domain.errors import CarbonError
from carbon.domain.log.merkle import HashReader, Levels
from carbon.domain.log.note import Key
from carbon.domain.log.tile import Tile
from carbon.domain.quantification.engine import Quantities
from carbon.domain.units import Float, Int

Task = TypeVar("Task")
Result = TypeVar("Result")
Value = TypeVar("Value")


#: Format of summary.json, which services write and adapters read; changes with its fields.
SUMMARY_VERSION = 1


class Clock(Protocol):
    """Where time comes from, so that tests and the demo can move it."""

    def today(self) -> date:
        """The current day in Tianjin."""

    def now(self) -> datetime:
        """The current moment, with its zone."""


class Chunk(Protocol):
    """A slice of a submission. Pickles, so that it can be quantified elsewhere."""

    def batch(self) -> Batch:
        """Its records, typed, with findings for cells that could not be read."""

    def identifiers(self, column: str) -> list[str]:
        """Ids of a column in the form under which they are compared; blank ones are empty."""

    def take(self, positions: Int) -> Chunk:
        """The part at some positions."""

    def split(self, rows: int) -> Iterator[Chunk]:
        """Parts of at most so many rows, in order."""

    def join(self, others: Sequence[Any]) -> Chunk:
        """This chunk with others of the same submission after it."""


class RecordSource(Protocol):
    """A submission: a file in any accepted format, mapped to canonical columns."""

    def chunks(self) -> Iterator[Chunk]:
        """All chunks in file order; can be called again."""

    def suspects(self, columns: Sequence[str]) -> Int:
        """File rows, ascending, that may share a value of these text columns with another row.

        A superset: every row that does is among them; the text decides.
        """

    def malformed(self) -> Mapping[int, str]:
        """File rows that hold no record because their shape is broken, with their text.

        Complete once :meth:`chunks` has been consumed.
        """

    @property
    def name(self) -> str:
        """Name of the submitted file."""

    @property
    def digest(self) -> str:
        """SHA-256 of the submitted bytes."""

    @property
    def total_rows(self) -> int | None:
        """Number of rows, where the format knows it beforehand."""


class Encoder(Protocol):
    """Turns a chunk and its quantities into output; runs wherever the chunk is quantified.

    Chunk and output are those of the adapter that made both; services only pass them on.
    """

    def __call__(self, chunk: Any, quantities: Quantities) -> Any:
        """Encode a chunk."""


class ResultFolder(Protocol):
    """Where a run's results go: finished as a whole, or absent."""

    @property
    def encoder(self) -> Encoder:
        """The encoder of this output."""

    def write(self, encoded: Any) -> None:
        """Append a chunk's results."""

    def write_malformed(self, rows: Mapping[int, str]) -> None:
        """Append rejects for rows that hold no record."""

    def finish(self, summary: Mapping[str, object], report: str) -> None:
        """Write what stands beside the records, then make the folder appear."""

    def abandon(self) -> None:
        """Leave nothing behind."""


class Executor(Protocol):
    """Where chunks are quantified: threads here, or a cluster."""

    def map(self, task: Callable[[Task], Result], chunks: Iterable[Task]) -> Iterator[Result]:
        """Results in the order of the chunks; never more than a few chunks in flight."""


class Progress(Protocol):
    """Told how far long work is."""

    def __call__(self, rows: int, total: int | None) -> None:
        """Rows done so far, and in all where that is known."""


class ReportRenderer(Protocol):
    """Renders a summary as one self-contained page."""

    def __call__(self, summary: Mapping[str, object]) -> str:
        """Render a page."""


# --- the store ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claims:
    """What tells accepted records apart; lists of one entry per record.

    ``positions``: places in the chunk; ``record``, ``item``, ``pair``: keyed hashes of who submits
    which record id, of the item, and of seller, receiver and item type (empty where not stated);
    ``body``: hash of all cells; ``rest``: all cells but the parties, as text; ``giver``: pseudonym
    of the giver, or of the enterprise where no giver is named; ``order``: folded record id.
    """

    positions: Int
    record: list[str]
    body: list[str]
    rest: list[bytes]
    item: list[str]
    pair: list[str]
    giver: list[str]
    day: Int
    quantity: list[int | None]
    mass_kg: list[float | None]
    order: list[bytes]

    def take(self, places: Int) -> Claims:
        """The claims at some places of these lists."""
        chosen = places.tolist()

        def of(values: list[Value]) -> list[Value]:
            return [values[n] for n in chosen]

        return Claims(
            positions=self.positions[places],
            record=of(self.record),
            body=of(self.body),
            rest=of(self.rest),
            item=of(self.item),
            pair=of(self.pair),
            giver=of(self.giver),
            day=self.day[places],
            quantity=of(self.quantity),
            mass_kg=of(self.mass_kg),
            order=of(self.order),
        )


@dataclass(frozen=True, slots=True)
class LifeLeft:
    """What an item's account holds, and how many entries it has."""

    left: float
    entries: int


@dataclass(frozen=True, slots=True)
class LifeEntry:
    """Life granted to one record of an item; ``place``: among those staged with it.

    The store refuses a second entry of one ordinal.
    """

    item_key: str
    ordinal: int
    place: int
    granted: float
    left: float


@dataclass(frozen=True, slots=True)
class Matches:
    """What the store holds that has to do with some claims.

    ``bodies``: by record key; ``acts``: claims that share an item or a pair; ``life``: by item key.
    """

    bodies: Mapping[str, str]
    acts: Sequence[Act]
    life: Mapping[str, LifeLeft]


@dataclass(frozen=True, slots=True)
class Answered:
    """A request the store has answered before: hash of the request, and the answer."""

    request: str
    answer: Mapping[str, Any]


class Stager(Protocol):
    """Makes records ready to be stored."""

    def claims(self, chunk: Any, quantities: Quantities) -> Claims:
        """Identity of every record that was not rejected."""

    def stage(
        self, chunk: Any, quantities: Quantities, claims: Claims, allowance: Float | None = None
    ) -> Any:
        """Those records, ready to be stored; runs on any thread."""


class Inspector(Stager, Protocol):
    """One submission under examination; what it holds it also clears away."""

    @property
    def suspects(self) -> Int:
        """File rows, ascending, that may have to do with another row."""

    def reject(self, chunk: Any, findings: Sequence[Finding]) -> None:
        """Append rejected rows to the annotated file."""

    def reject_malformed(self, rows: Mapping[int, str]) -> None:
        """Append rows that hold no record."""

    def abandon(self) -> None:
        """Leave nothing behind but the annotated file, if any row was rejected."""


class Intake(Inspector, Protocol):
    """One submission on its way into the store."""

    def add(self, staged: Any, life: Sequence[LifeEntry]) -> None:
        """Append staged records, in order."""

    def commit(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """Store everything in one transaction with its leaf; returns the answer, leaf included.

        Raises ``store.raced`` where another submission was faster with the same ids.
        """


class ClaimReader(Protocol):
    """Looks claims up in the store; from any thread."""

    def matching(self, claims: Claims) -> Matches:
        """Everything that has to do with some claims."""


# --- the log --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PendingLeaf:
    """A fact that waits for its place in the log: its number, and the leaf's exact bytes."""

    seq: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """A signed state of the log: the tree's size and root, and the note that says so."""

    size: int
    root: bytes
    note: bytes


class LogQueue(Protocol):
    """The database's side of the log: what waits, and which checkpoint is the last."""

    def sequencing(self) -> AbstractContextManager[None]:
        """Hold the one right to sequence. Raises ``log.busy`` if another process has it."""

    def head(self) -> Head | None:
        """The last checkpoint; ``None`` before the first."""

    def pending(self, limit: int) -> Sequence[PendingLeaf]:
        """The oldest facts without a place."""

    def leaves(self, start: int, end: int) -> Iterator[bytes]:
        """The leaves from one place to before another, in order."""

    def advance(self, old: int, head: Head, leaves: Sequence[PendingLeaf], at: datetime) -> None:
        """Give the leaves their places from ``old`` on and make ``head`` the last checkpoint.

        One transaction, compare-and-swap on the size. Raises ``store.raced``.
        """

    def checkpoint(self, size: int) -> bytes | None:
        """The note of a checkpoint with all its cosignatures; ``None`` if there is none."""

    def add_cosignature(self, size: int, name: str, line: str, at: datetime) -> None:
        """Keep a witness's signature line; the first of a name stays."""


class LogFiles(Protocol):
    """The files' side of the log: a public folder, and a private one on the same file system."""

    def sequencing(self) -> AbstractContextManager[None]:
        """Hold the lock of the private folder. Raises ``log.busy``."""

    def signed(self) -> Sequence[bytes | None]:
        """Every copy of the last signed note outside the database; ``None`` for a missing one."""

    def tile(self, tile: Tile) -> bytes:
        """A published tile or bundle. Raises ``log.missing``."""

    def stage(self, size: int, files: Iterable[tuple[Tile, bytes]]) -> None:
        """Write the files of a tree of some size aside, durably. Raises ``file.output``."""

    def apply(self, size: int) -> None:
        """Move staged files into place; nothing to do where they are. Raises ``log.changed``."""

    def publish(self, head: Head, leaves: Iterable[bytes]) -> None:
        """Publish what the leaves refer to, then the checkpoint."""

    def lacking(self, leaf: bytes) -> Sequence[str]:
        """Files that a leaf refers to and that are neither published nor waiting for it."""

    def rebuild(self, leaf: bytes, rows: Iterable[bytes]) -> Sequence[str]:
        """Write the row files of a leaf again where it waits for publication; their names.

        Raises ``log.changed`` unless the rows are those that the leaf commits to.
        """

    def mend(self, tile: Tile, content: bytes) -> bool:
        """Write a file again unless it has this content; whether it was written."""

    def republish(self, head: Head) -> None:
        """Publish a checkpoint again, with more signatures than before."""


class Signer(Protocol):
    """The log's key."""

    @property
    def key(self) -> Key:
        """Its public side; its name is the log's origin."""

    def sign(self, message: bytes) -> bytes:
        """Sign a message."""


# --- receipts -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as stored: its leaf and place, and what opens its salted digests.

    ``row``: its place in a bulk leaf, ``None`` if the leaf is its own; ``leaf_index``: ``None``
    until it is sequenced; ``private``: by field, salt (hexadecimal) and value; what was erased is
    left out.
    """

    record_id: str
    leaf: bytes
    leaf_index: int | None
    row: int | None
    private: Mapping[str, Mapping[str, str]]


class TableRows(Protocol):
    """A catalogue as published: its rows as leaves of a tree."""

    @property
    def leaves(self) -> Sequence[bytes]:
        """All rows."""

    @property
    def tree(self) -> Levels:
        """Their tree."""

    def row(self, number: int) -> Mapping[str, Any]:
        """A row: its table and cells."""


class LogReader(Protocol):
    """A published log, read by whoever asks. Raises ``log.missing``."""

    def checkpoint(self) -> bytes:
        """The latest checkpoint."""

    def reader(self, size: int) -> HashReader:
        """The hashes of the tree at a size."""

    def row(self, digest: str, index: int, size: int) -> bytes:
        """One row of a submission."""

    def row_reader(self, digest: str, size: int) -> HashReader:
        """The hashes of a submission's tree."""

    @property
    def catalogue(self) -> Callable[[str], TableRows]:
        """A catalogue by its root."""

    @property
    def item_number(self) -> Callable[[str, str], int]:
        """The row number of an item type in a catalogue."""

    @property
    def formula(self) -> Callable[[str], bytes]:
        """A published formula by its digest."""

    def leaves(self, size: int) -> Iterator[bytes]:
        """All leaves of the tree of some size, in order."""

    def rows(self, digest: str) -> Iterator[bytes]:
        """The rows of a submission, each with its line end."""


@dataclass(frozen=True, slots=True)
class StoredFact:
    """A fact that has its place in the log."""

    seq: int
    body: bytes
    leaf_index: int


class StoreReader(Protocol):
    """The whole store, for comparison with the log."""

    def faults(self) -> Sequence[CarbonError]:
        """What is wrong with schema, guards, rights, and the relations between tables."""

    def head(self) -> Head | None:
        """The last checkpoint."""

    def signed(self, size: int, root: bytes) -> bool:
        """Whether a checkpoint was signed; newer than the last one where others go on meanwhile."""

    def placed(self, size: int) -> Iterator[StoredFact]:
        """The facts that have one of the first places, by place."""

    def corrections(self) -> Mapping[str, tuple[str | None, int]]:
        """By the fact that is replaced: what replaces it, and the correction's number."""

    def pending_count(self) -> int:
        """How many wait for theirs."""

    def is_pending(self, seq: int) -> bool:
        """Whether a fact waits for its place."""

    def row_texts(self, seq: int) -> Iterator[bytes]:
        """The published row of each record of a fact, made anew from the stored columns."""
