"""Ingest: one validator and one path into the store, for files and single records.

A submission is all or nothing: its records, quantities and leaf enter in one transaction, or
nothing does. Its client makes the id, so that a repeated or interrupted one is told the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from carbon.domain.activity.duplicates import Act, suspects
from carbon.domain.activity.record import Finding
from carbon.domain.quantification.engine import Engine
from carbon.domain.quantification.life_account import Claim, settle
from carbon.domain.units import Float, Int, Mask
from carbon.ports import (
    Chunk,
    ClaimReader,
    Claims,
    Executor,
    Inspector,
    Intake,
    LifeEntry,
    LifeLeft,
    Matches,
    Progress,
    RecordSource,
    Stager,
)
from carbon.services.quantify import among

#: Findings about a record's place among others, by what they say.
CONFLICT, REPEATED, SUSPECTED = "record.conflict", "record_id.duplicate", "duplicate.suspected"


#: Rows examined at once: keys and seals are made record by record, and bound the memory.
CHUNK_ROWS = 4_096


@dataclass(frozen=True, slots=True)
class Examined:
    """A chunk after examination: what is stored of it, why the rest is not, what is held back.

    ``places``: where the records are that are answered here; ``kept``: where those are that are
    stored, with their ``grams``.
    """

    places: Int
    staged: Any
    life: Sequence[LifeEntry]
    chunk: Chunk
    findings: Sequence[Finding]
    rejected: int
    known: int
    kept: Int
    grams: Int
    held: Chunk | None


@dataclass(slots=True)
class Count:
    """Sums over a submission."""

    rows: int = 0
    accepted: int = 0
    known: int = 0
    rejected: int = 0
    er_g: int = 0

    def add(self, done: Examined) -> None:
        """Add a chunk."""
        self.rows += len(done.places)
        self.accepted += len(done.staged)
        self.known += done.known
        self.rejected += done.rejected
        self.er_g += int(done.grams.sum())


@dataclass(frozen=True, slots=True)
class ExamineChunk:
    """What is done with one chunk, on whatever thread: quantify, look up, stage."""

    engine: Engine
    intake: Stager
    store: ClaimReader
    suspects: Int

    def __call__(self, chunk: Chunk) -> Examined:
        """Examine a chunk; rows that others have a say in are held back."""
        batch = chunk.batch()
        deferred = among(self.suspects, batch.row)
        if deferred is None:
            deferred = np.zeros(len(batch), bool)
        quantities = self.engine.quantify(batch, deferred=deferred)
        claims = self.intake.claims(chunk, quantities)
        matches = self.store.matching(claims)
        opened = np.array([bool(i) and i in matches.life for i in claims.item], bool)
        deferred[claims.positions[opened]] = True
        alone = claims.take(np.flatnonzero(~opened))
        verdict = judge(alone, matches, _acts(alone, matches))
        kept = alone.take(verdict.kept)
        budgets = self.engine.life_budget(batch)
        return Examined(
            places=np.flatnonzero(~deferred),
            staged=self.intake.stage(chunk, quantities, kept),
            life=_entries(kept, quantities.life, budgets, {}),
            chunk=chunk,
            findings=[*quantities.findings, *verdict.findings],
            rejected=_rejected(quantities.rejected & ~deferred, verdict.findings),
            known=verdict.known,
            kept=kept.positions,
            grams=quantities.er_g[kept.positions],
            held=chunk.take(np.flatnonzero(deferred)) if deferred.any() else None,
        )

    def settle(self, chunk: Chunk) -> Examined:
        """Examine the rows held back, together: repeats, one act told twice, life accounts."""
        batch = chunk.batch()
        batch.findings.extend(self._repeated(chunk))
        alone = self.engine.quantify(batch)
        claims = self.intake.claims(chunk, alone)
        matches = self.store.matching(claims)
        verdict = judge(claims, matches, _acts(claims, None))
        kept = claims.take(verdict.kept)
        budgets = self.engine.life_budget(batch)
        allowance = _allowances(kept, alone.life, budgets, matches.life, len(batch))
        quantities = self.engine.quantify(batch, allowance)
        return Examined(
            places=np.arange(len(batch)),
            staged=self.intake.stage(chunk, quantities, kept, allowance),
            life=_entries(kept, quantities.life, budgets, matches.life),
            chunk=chunk,
            findings=[*alone.findings, *verdict.findings],
            rejected=_rejected(alone.rejected, verdict.findings),
            known=verdict.known,
            kept=kept.positions,
            grams=quantities.er_g[kept.positions],
            held=None,
        )

    def _repeated(self, chunk: Chunk) -> list[Finding]:
        """Of a repeated record id one row stands if all are the same, otherwise none does."""
        places: dict[str, list[int]] = defaultdict(list)
        for place, name in enumerate(chunk.identifiers("record_id")):
            if name:
                places[name].append(place)
        groups = [group for group in places.values() if len(group) > 1]
        quantities = self.engine.quantify(chunk.batch())
        claims = self.intake.claims(chunk, quantities)
        body = dict(zip(claims.positions.tolist(), claims.body, strict=True))
        wrong = [
            place
            for group in groups
            for place in (group[1:] if _same([body.get(p) for p in group]) else group)
        ]
        return [Finding(REPEATED, "record_id", np.array(sorted(wrong)))] if wrong else []


def _same(bodies: Sequence[str | None]) -> bool:
    return None not in bodies and len(set(bodies)) == 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """Places of the claims that stand, findings about the others, and how many were known."""

    kept: Int
    findings: list[Finding]
    known: int


def judge(claims: Claims, matches: Matches, acts: Sequence[Act]) -> Verdict:
    """Compare claims with the store and, by ``acts``, with one another.

    The same id with the same body is known and stored no second time; with another body it is a
    conflict; one act under two ids is held.
    """
    stored = [matches.bodies.get(key) for key in claims.record]
    known = np.array([s == b for s, b in zip(stored, claims.body, strict=True)], bool)
    conflict = np.array([s is not None for s in stored], bool) & ~known
    settled = set(np.flatnonzero(known | conflict).tolist())
    rows = suspects([*matches.acts, *(a for a in acts if a.row not in settled)])
    suspected = np.zeros(len(stored), bool)
    suspected[list(rows)] = True
    findings = [
        Finding(code, column, claims.positions[np.flatnonzero(mask)])
        for code, column, mask in (
            (CONFLICT, "record_id", conflict),
            (SUSPECTED, "item_id", suspected),
        )
        if mask.any()
    ]
    kept = np.flatnonzero(~(known | conflict | suspected))
    return Verdict(kept, findings, int(known.sum()))


def _acts(claims: Claims, matches: Matches | None) -> list[Act]:
    """Claims as acts to compare: those that share something with the store, or all of them."""
    keys = None if matches is None else {k for a in matches.acts for k in (a.item, a.pair) if k}
    return [
        Act(
            item=claims.item[n],
            pair=claims.pair[n],
            giver=claims.giver[n],
            day=int(claims.day[n]),
            quantity=claims.quantity[n],
            mass_kg=claims.mass_kg[n],
            order=claims.order[n].decode(),
            row=n,
        )
        for n in range(len(claims.record))
        if keys is None or claims.item[n] in keys or claims.pair[n] in keys
    ]


def _rejected(rejected: Mask, findings: Sequence[Finding]) -> int:
    return int(rejected.sum()) + sum(len(found.rows) for found in findings)


def _in_account_order(claims: Claims) -> list[int]:
    """Places of the claims of items, in the order their accounts are charged."""
    places = [n for n, item in enumerate(claims.item) if item]
    return sorted(places, key=lambda n: (claims.item[n], claims.day[n], claims.order[n]))


def _allowances(
    claims: Claims, life: Float, budgets: Float, opened: Mapping[str, LifeLeft], size: int
) -> Float:
    """Life granted to each row of a chunk (clause 6.4); infinite without an item."""
    granted = settle(
        (
            Claim(
                claims.item[n], int(claims.day[n]), claims.order[n].decode(), place,
                float(life[place]), float(budgets[place]),
            )
            for n in _in_account_order(claims)
            for place in (int(claims.positions[n]),)
        ),
        {item: account.left for item, account in opened.items()},
    )  # fmt: skip
    allowance = np.full(size, np.inf)
    allowance[list(granted)] = list(granted.values())
    return allowance


def _entries(
    claims: Claims, life: Float, budgets: Float, opened: Mapping[str, LifeLeft]
) -> list[LifeEntry]:
    """Entries that charge the accounts of the items of some records."""
    accounts = dict(opened)
    entries = []
    for n in _in_account_order(claims):
        item, place = claims.item[n], int(claims.positions[n])
        account = accounts.get(item) or LifeLeft(float(budgets[place]), 0)
        granted = min(float(life[place]), account.left)
        left = LifeLeft(account.left - granted, account.entries + 1)
        entries.append(LifeEntry(item, account.entries, n, granted, left.left))
        accounts[item] = left
    return entries


def ingest(
    source: RecordSource,
    engine: Engine,
    intake: Intake,
    store: ClaimReader,
    executor: Executor,
    progress: Progress,
    *,
    accept_valid: bool,
) -> Mapping[str, Any]:
    """Examine a submission and store it, or reject it as a whole with every reason.

    ``accept_valid``: store the sound rows although others are rejected. Returns the answer:
    counts, reasons, and the leaf where anything was stored. Raises ``file.*``, ``columns.*``,
    ``store.*``; whatever happens, nothing is left half stored.
    """

    def keep(done: Examined, count: Count) -> None:
        if accept_valid or not count.rejected:
            intake.add(done.staged, done.life)

    try:
        answer = _examine(source, engine, intake, store, executor, progress, keep)
        if answer["accepted"] and (accept_valid or not answer["rejected"]):
            return intake.commit(answer)
    except BaseException:
        intake.abandon()
        raise
    intake.abandon()
    return answer


def check(
    source: RecordSource,
    engine: Engine,
    inspector: Inspector,
    store: ClaimReader,
    executor: Executor,
    progress: Progress,
) -> Mapping[str, Any]:
    """What :func:`ingest` would tell now; nothing is stored. Raises the same."""
    try:
        return _examine(source, engine, inspector, store, executor, progress, lambda *_: None)
    finally:
        inspector.abandon()


def _examine(
    source: RecordSource,
    engine: Engine,
    inspector: Inspector,
    store: ClaimReader,
    executor: Executor,
    progress: Progress,
    keep: Callable[[Examined, Count], None],
) -> Mapping[str, Any]:
    """Every row with what is wrong with it; ``keep`` gets each chunk with the counts so far."""
    count, reasons, held = Count(), Counter[tuple[str, str]](), []
    task = ExamineChunk(engine, inspector, store, inspector.suspects)

    def take(done: Examined) -> None:
        count.add(done)
        keep(done, count)
        inspector.reject(done.chunk, done.findings)
        for found in done.findings:
            reasons[found.code, found.column] += len(found.rows)
        progress(count.rows, source.total_rows)

    parts = (part for chunk in source.chunks() for part in chunk.split(CHUNK_ROWS))
    for done in executor.map(task, parts):
        take(done)
        held += [done.held] if done.held else []
    if held:
        take(task.settle(held[0].join(held[1:])))
    malformed = source.malformed()
    inspector.reject_malformed(malformed)
    if malformed:
        reasons["row.shape", ""] += len(malformed)
    return answer_of(count, reasons, len(malformed))


def answer_of(count: Count, reasons: Counter[tuple[str, str]], malformed: int) -> Mapping[str, Any]:
    """What a client is told: counts, grams, and why records were rejected."""
    return {
        "rows": count.rows + malformed,
        "accepted": count.accepted,
        "known": count.known,
        "rejected": count.rejected + malformed,
        "er_g": count.er_g,
        "reasons": [
            {"code": code, "column": column, "count": number}
            for (code, column), number in sorted(reasons.items(), key=lambda r: (-r[1], r[0]))
            if number
        ],
    }
