"""What services need of the world outside, as protocols. Adapters implement them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Protocol, TypeVar

from carbon.domain.activity.record import Batch
from carbon.domain.quantification.engine import Quantities
from carbon.domain.units import Int

Task = TypeVar("Task")
Result = TypeVar("Result")


#: Format of summary.json, which services write and adapters read; changes with its fields.
SUMMARY_VERSION = 1


class Clock(Protocol):
    """Where time comes from, so that tests and the demo can move it."""

    def today(self) -> date:
        """The current day in Tianjin."""


class Chunk(Protocol):
    """A slice of a submission. Pickles, so that it can be quantified elsewhere."""

    def batch(self) -> Batch:
        """Its records, typed, with findings for cells that could not be read."""

    def identifiers(self, column: str) -> list[str]:
        """Ids of a column in the form under which they are compared; blank ones are empty."""

    def take(self, positions: Int) -> Chunk:
        """The part at some positions."""

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
