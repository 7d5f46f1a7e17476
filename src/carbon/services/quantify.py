"""Quantify a submission: every record gets grams with reasons, or a reason for its reject."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from carbon.domain.activity.record import Batch, Finding
from carbon.domain.quantification.engine import Engine, Quantities, Sparse, TermKey
from carbon.domain.quantification.life_account import Claim, settle
from carbon.domain.units import Float, Int
from carbon.ports import (
    NO_ROWS,
    Chunk,
    Encoder,
    Executor,
    Progress,
    RecordSource,
    ReportRenderer,
    ResultFolder,
)
from carbon.services.summary import Tally, UncertaintyOptions, summarise


@dataclass(frozen=True, slots=True)
class Identity:
    """What one record cannot know of the others.

    ``duplicates``: file rows, ascending, whose record id stands more than once; ``granted_rows``
    and ``granted``: life granted by accounts of items with several acts.
    """

    duplicates: Int = field(default_factory=lambda: NO_ROWS)
    granted_rows: Int = field(default_factory=lambda: NO_ROWS)
    granted: Float = field(default_factory=lambda: np.zeros(0))

    def duplicate_positions(self, row: Int) -> Int:
        """Positions in a batch of rows that are duplicates."""
        return np.flatnonzero(np.isin(row, _between(self.duplicates, row)))

    def allowance(self, row: Int) -> Float | None:
        """Life granted to each row of a batch; ``None`` where no account touches it."""
        near = _between(self.granted_rows, row)
        if not near.size:
            return None
        allowance = np.full(len(row), np.inf)
        place = np.searchsorted(self.granted_rows, row).clip(0, len(self.granted_rows) - 1)
        found = self.granted_rows[place] == row
        allowance[found] = self.granted[place[found]]
        return allowance


def _between(rows: Int, row: Int) -> Int:
    if not rows.size or not row.size:
        return NO_ROWS
    first, last = np.searchsorted(rows, [row.min(), row.max() + 1])
    return rows[first:last]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A chunk's share of the summary."""

    rows: int
    rejected: int
    findings: Mapping[tuple[str, str], int]
    totals: Sparse
    channels: Sparse
    flags: Mapping[int, int]
    terms: Mapping[TermKey, Sparse]


@dataclass(frozen=True, slots=True)
class ChunkTask:
    """What is done with one chunk, wherever it is done."""

    engine: Engine
    identity: Identity
    encoder: Encoder

    def __call__(self, chunk: Chunk) -> tuple[Any, Outcome]:
        """Quantify a chunk and encode its results."""
        batch = chunk.batch()
        add_duplicates(batch, self.identity)
        quantities = self.engine.quantify(batch, self.identity.allowance(batch.row))
        return self.encoder(chunk, quantities), _outcome(quantities)


def add_duplicates(batch: Batch, identity: Identity) -> None:
    """Every row of a repeated record id is a fault: keeping one would depend on row order."""
    positions = identity.duplicate_positions(batch.row)
    if positions.size:
        batch.findings.append(Finding("record_id.duplicate", "record_id", positions))


def _outcome(quantities: Quantities) -> Outcome:
    reasons: dict[tuple[str, str], int] = {}
    for found in quantities.findings:
        key = (found.code, found.column)
        reasons[key] = reasons.get(key, 0) + len(found.rows)
    bits, counts = np.unique(quantities.flags[~quantities.rejected], return_counts=True)
    return Outcome(
        rows=len(quantities.rejected),
        rejected=int(quantities.rejected.sum()),
        findings=reasons,
        totals=quantities.totals,
        channels=quantities.channels,
        flags=dict(zip(bits.tolist(), counts.tolist(), strict=True)),
        terms=quantities.terms,
    )


def quantify(
    source: RecordSource,
    engine: Engine,
    folder: ResultFolder,
    executor: Executor,
    render: ReportRenderer,
    uncertainty: UncertaintyOptions,
    progress: Progress,
) -> dict[str, object]:
    """Quantify a submission into a result folder and return its summary.

    Nothing is left behind if it fails. Raises ``file.*``, ``columns.*``, ``identity.too_many``.
    """
    try:
        identity = find_identity(source, engine)
        tally = Tally(engine)
        task = ChunkTask(engine, identity, folder.encoder)
        for encoded, outcome in executor.map(task, source.chunks()):
            folder.write(encoded)
            tally.add(outcome)
            progress(tally.rows, source.total_rows)
        folder.write_malformed(source.malformed())
        tally.add_malformed(len(source.malformed()))
        summary = summarise(tally, source, uncertainty)
        folder.finish(summary, render(summary))
    except BaseException:
        folder.abandon()
        raise
    return summary


def find_identity(source: RecordSource, engine: Engine) -> Identity:
    """Duplicates of the record id, and the accounts of items with several acts (clause 6.4)."""
    duplicates = source.repeats("record_id")
    if engine.methodology.life_budget is None:
        return Identity(duplicates)
    repeated = source.repeats("item_id")
    identity = Identity(duplicates)
    if not repeated.size:
        return identity
    granted = settle(_claims(source, engine, identity, repeated))
    rows = np.array(sorted(granted), np.int64)
    return Identity(duplicates, rows, np.array([granted[row] for row in rows.tolist()]))


def _claims(
    source: RecordSource, engine: Engine, identity: Identity, repeated: Int
) -> Iterator[Claim]:
    """What the accepted acts of items with several acts would be credited, each by itself."""
    for chunk in source.chunks():
        part = chunk.select(repeated)
        if part is None:
            continue
        batch = part.batch()
        add_duplicates(batch, identity)
        quantities = engine.quantify(batch)
        budget = engine.life_budget(batch)
        accepted = np.flatnonzero(~quantities.rejected)
        items, records = part.texts("item_id", accepted), part.texts("record_id", accepted)
        for place, item, record in zip(accepted.tolist(), items, records, strict=True):
            yield Claim(
                item=item,
                day=int(batch.days["occurred_on"][place]),
                record_id=record,
                row=int(batch.row[place]),
                life=float(quantities.life[place]),
                budget=float(budget[place]),
            )
