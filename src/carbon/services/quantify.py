"""Quantify a submission: every record gets grams with reasons, or a reason for its reject."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from carbon.domain.activity.record import Batch, Finding
from carbon.domain.quantification.engine import Engine, Quantities, Sparse, TermKey
from carbon.domain.quantification.life_account import Claim, settle
from carbon.domain.units import Int, Mask
from carbon.ports import (
    Chunk,
    Encoder,
    Executor,
    Progress,
    RecordSource,
    ReportRenderer,
    ResultFolder,
)
from carbon.services.summary import Tally, UncertaintyOptions, summarise


def among(rows: Int, row: Int) -> Mask | None:
    """Where a batch's rows are among some rows; ``None`` if nowhere."""
    if not rows.size or not row.size:
        return None
    first, last = np.searchsorted(rows, [row.min(), row.max() + 1])
    return np.isin(row, rows[first:last]) if last > first else None


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
class Done:
    """A quantified chunk: its encoded results, its outcome, and the records held back."""

    encoded: Any
    outcome: Outcome
    held: Chunk | None


@dataclass(frozen=True, slots=True)
class ChunkTask:
    """What is done with one chunk, wherever it is done.

    ``suspects``: file rows, ascending, whose record id or item may stand in other rows too.
    """

    engine: Engine
    suspects: Int
    encoder: Encoder

    def __call__(self, chunk: Chunk) -> Done:
        """Quantify a chunk, and hold back what other records have a say in."""
        batch = chunk.batch()
        deferred = among(self.suspects, batch.row)
        quantities = self.engine.quantify(batch, deferred=deferred)
        held = None if deferred is None else chunk.take(np.flatnonzero(deferred))
        outcome = _outcome(quantities, 0 if deferred is None else int(deferred.sum()))
        return Done(self.encoder(chunk, quantities), outcome, held)


def _outcome(quantities: Quantities, deferred: int) -> Outcome:
    reasons: dict[tuple[str, str], int] = {}
    for found in quantities.findings:
        key = (found.code, found.column)
        reasons[key] = reasons.get(key, 0) + len(found.rows)
    bits, counts = np.unique(quantities.flags[~quantities.rejected], return_counts=True)
    return Outcome(
        rows=len(quantities.rejected) - deferred,
        rejected=int(quantities.rejected.sum()) - deferred,
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
        accounts = engine.methodology.life_budget is not None
        suspects = source.suspects(["record_id", "item_id"] if accounts else ["record_id"])
        tally, held = Tally(engine), []
        task = ChunkTask(engine, suspects, folder.encoder)
        for done in executor.map(task, source.chunks()):
            folder.write(done.encoded)
            tally.add(done.outcome)
            held += [done.held] if done.held else []
            progress(tally.rows, source.total_rows)
        if held:
            done = _settled(task, held[0].join(held[1:]))
            folder.write(done.encoded)
            tally.add(done.outcome)
        folder.write_malformed(source.malformed())
        tally.add_malformed(len(source.malformed()))
        summary = summarise(tally, source, uncertainty)
        folder.finish(summary, render(summary))
    except BaseException:
        folder.abandon()
        raise
    return summary


def _settled(task: ChunkTask, chunk: Chunk) -> Done:
    """The records held back: repeated ids rejected, life accounts settled (clause 6.4).

    An item's acts in other months charge its account too, whatever month the run is for.
    """
    batch = chunk.batch()
    records, items = chunk.identifiers("record_id"), chunk.identifiers("item_id")
    add_duplicates(batch, records)
    alone = task.engine.of_all_months().quantify(batch)
    budget = task.engine.life_budget(batch)
    days = batch.days["occurred_on"]
    granted = settle(
        Claim(items[n], int(days[n]), records[n], n, float(alone.life[n]), float(budget[n]))
        for n in np.flatnonzero(~alone.rejected & batch.has_item_id).tolist()
    )
    allowance = np.full(len(batch), np.inf)
    allowance[list(granted)] = list(granted.values())
    quantities = task.engine.quantify(batch, allowance)
    return Done(task.encoder(chunk, quantities), _outcome(quantities, 0), None)


def add_duplicates(batch: Batch, records: Sequence[str]) -> None:
    """Every row of a repeated record id is a fault: keeping one would depend on row order."""
    counts = Counter(records)
    rows = [n for n, record in enumerate(records) if record and counts[record] > 1]
    if rows:
        batch.findings.append(Finding("record_id.duplicate", "record_id", np.array(rows)))
