"""Quantify a submission: every record gets grams with reasons, or a reason for its reject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from carbon.domain.activity.record import Batch, Finding
from carbon.domain.quantification.engine import Engine, Quantities, Sparse, TermKey
from carbon.domain.quantification.life_account import Claim, settle
from carbon.domain.units import Int, Mask
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
    """What one record cannot know of the others, as file rows in ascending order.

    ``duplicates``: the record id stands more than once; ``shared``: the item has several acts, so
    that its life account is settled once all of them are known.
    """

    duplicates: Int
    shared: Int


def _among(rows: Int, row: Int) -> Mask | None:
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
    """What is done with one chunk, wherever it is done."""

    engine: Engine
    identity: Identity
    encoder: Encoder

    def __call__(self, chunk: Chunk) -> Done:
        """Quantify a chunk, but for the acts of items that have several."""
        batch = chunk.batch()
        add_duplicates(batch, self.identity)
        deferred = _among(self.identity.shared, batch.row)
        quantities = self.engine.quantify(batch, deferred=deferred)
        held = None if deferred is None else chunk.take(np.flatnonzero(deferred))
        outcome = _outcome(quantities, 0 if deferred is None else int(deferred.sum()))
        return Done(self.encoder(chunk, quantities), outcome, held)


def add_duplicates(batch: Batch, identity: Identity) -> None:
    """Every row of a repeated record id is a fault: keeping one would depend on row order."""
    repeated = _among(identity.duplicates, batch.row)
    if repeated is not None:
        rows = np.flatnonzero(repeated)
        batch.findings.append(Finding("record_id.duplicate", "record_id", rows))


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
        identity = find_identity(source, engine)
        tally, held = Tally(engine), []
        task = ChunkTask(engine, identity, folder.encoder)
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


def find_identity(source: RecordSource, engine: Engine) -> Identity:
    """Duplicates of the record id, and the acts of items that have several (clause 6.4)."""
    if engine.methodology.life_budget is None:
        return Identity(source.repeats(["record_id"])["record_id"], NO_ROWS)
    repeats = source.repeats(["record_id", "item_id"])
    return Identity(repeats["record_id"], repeats["item_id"])


def _settled(task: ChunkTask, chunk: Chunk) -> Done:
    """The acts held back, quantified with what their items' life accounts grant them."""
    batch = chunk.batch()
    add_duplicates(batch, task.identity)
    alone = task.engine.quantify(batch)
    accepted = np.flatnonzero(~alone.rejected)
    budget = task.engine.life_budget(batch)
    days = batch.days["occurred_on"]
    items, records = chunk.texts("item_id", accepted), chunk.texts("record_id", accepted)
    granted = settle(
        Claim(item, int(days[n]), record, n, float(alone.life[n]), float(budget[n]))
        for n, item, record in zip(accepted.tolist(), items, records, strict=True)
    )
    allowance = np.full(len(batch), np.inf)
    allowance[list(granted)] = list(granted.values())
    quantities = task.engine.quantify(batch, allowance)
    return Done(task.encoder(chunk, quantities), _outcome(quantities, 0), None)
