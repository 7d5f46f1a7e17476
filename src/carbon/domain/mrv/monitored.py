"""The records of a monitoring period, read from what the log publishes and nothing else.

So that anyone can rebuild a report: which records belong to it, their grams computed again, the
frame a sample is drawn from, and the sums that its uncertainty needs.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Protocol

import numpy as np

from carbon.domain.activity.record import COLUMNS, FIXED_VOCABULARIES, MISSING, Batch
from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.log.leaf import canonical
from carbon.domain.period import LAST, NO_DAY, Period, day_number
from carbon.domain.quantification.engine import Conditions, Engine
from carbon.domain.quantification.methodologies import METHODOLOGIES
from carbon.domain.quantification.uncertainty import Product, TermSums, products
from carbon.domain.units import Float, Int

#: Rows computed at once.
_ROWS: Final = 50_000
#: A record without a stated rung stands on the lowest one.
LOWEST_RUNG: Final = "self_report"
_GRAMS_PER_KG: Final = 1_000
#: Names of inputs that differ between a published row and a batch.
_PUBLISHED = {"receiver_region": "region"}
_KNOWN = {m.name: m for versions in METHODOLOGIES.values() for m in versions}


class Published(Protocol):
    """A published log, as far as a report needs it. Raises ``log.missing``."""

    def leaves(self, size: int) -> Iterator[bytes]:
        """All leaves of the tree of some size, in order."""

    def rows(self, digest: str) -> Iterator[bytes]:
        """The rows of a submission, each with its line end."""

    def factors(self, root: str) -> Catalogue:
        """A catalogue by its root."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which records: of a project and month, in leaves from ``first`` to before ``end``.

    ``known``: corrections and restatements in leaves before this one are taken into account, and
    besides them records ``replaced`` and factors ``withdrawn`` that no leaf names yet.
    """

    project: str
    methodology: str
    period: Period
    first: int
    end: int
    known: int
    replaced: frozenset[str] = frozenset()
    withdrawn: frozenset[str] = frozenset()


@dataclass(slots=True)
class Cell:
    """Sums of one category on one rung of evidence.

    ``pieces`` and ``mass_g``: volume in both measures; ``no_pieces_g``, ``no_mass_g``: positive
    grams of records that lack it.
    """

    records: int = 0
    pieces: int = 0
    mass_g: int = 0
    positive_g: int = 0
    negative_g: int = 0
    no_pieces_g: int = 0
    no_mass_g: int = 0


@dataclass(slots=True)
class Monitored:
    """What a period comes to.

    ``leaf``, ``row``, ``er_g``: the frame in the order of the log, shape ``(n,)`` int64; row −1
    where a leaf holds its record itself. ``cells`` by category and rung; ``left_out``: records not
    counted, by reason; ``last``: the newest of the catalogues, whose policies hold.
    """

    leaf: Int
    row: Int
    er_g: Int
    totals: Mapping[str, int]
    cells: Mapping[tuple[str, str], Cell]
    left_out: Mapping[str, int]
    products: list[Product]
    catalogues: tuple[str, ...]
    formulas: tuple[str, ...]
    last: Catalogue | None


@dataclass(frozen=True, slots=True)
class _Notes:
    """What leaves say about other records: corrected ones by reason, factors withdrawn."""

    corrected: Mapping[str, str]
    withdrawn: frozenset[str]
    own: list[tuple[int, Mapping[str, Any]]]


def monitored(log: Published, scope: Scope) -> Monitored:
    """Read and compute a period. Raises ``report.recomputed`` where a row's grams differ."""
    notes = _notes(log, scope)
    reader = _Reader(log, scope, notes)
    for index, leaf in notes.own:
        reader.add(index, leaf)
    return reader.finish()


def _notes(log: Published, scope: Scope) -> _Notes:
    corrected = dict.fromkeys(scope.replaced, "restated")
    withdrawn = set(scope.withdrawn)
    own: list[tuple[int, Mapping[str, Any]]] = []
    # Leaves are canonical: one that lacks all of these says nothing here, and is not parsed.
    telling = (b'"type":"correction"', b'"kind":"restatement"', _member("project", scope.project))
    for index, raw in enumerate(log.leaves(scope.known)):
        if not any(mark in raw for mark in telling):
            continue
        leaf = json.loads(raw)
        match leaf:
            case {"type": "correction", "replaces": str(replaced), "reason": str(reason)}:
                corrected[replaced] = reason
            case {"kind": "restatement", "content": {"withdrawn": list(factors)}}:
                withdrawn.update(factors)
        if scope.first <= index < scope.end and leaf.get("project") == scope.project:
            own.append((index, leaf))
    return _Notes(corrected, frozenset(withdrawn), own)


def _member(name: str, value: str) -> bytes:
    """A member as it stands in canonical JSON."""
    return canonical({name: value})[1:-1]


@dataclass(slots=True)
class _Rows:
    """Rows of one engine that wait to be computed."""

    engine: Engine
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)


class _Reader:
    """Collects rows, computes them in chunks, adds them up."""

    def __init__(self, log: Published, scope: Scope, notes: _Notes) -> None:
        self._log, self._scope, self._notes = log, scope, notes
        self._waiting: dict[tuple[str, str], _Rows] = {}
        self._sums: dict[tuple[str, str], TermSums] = {}
        self._frame: list[tuple[Int, Int, Int]] = []
        self._cells: dict[tuple[str, str], Cell] = {}
        self._left_out: Counter[str] = Counter()
        self._totals: Counter[str] = Counter()
        self._formulas: dict[str, None] = {}
        self._withdrawn: dict[str, frozenset[int]] = {}
        self._last: Catalogue | None = None
        self._seen = ""

    def add(self, index: int, leaf: Mapping[str, Any]) -> None:
        """The records of a leaf."""
        wanted = leaf["methodology"] == self._scope.methodology
        issuing = not leaf["demonstration"] and "as_of" not in leaf
        month = str(self._scope.period)
        for number, row in self._rows_of(leaf):
            if row["in"]["month"] != month:
                continue
            if not wanted:
                reason = "methodology"
            else:
                reason = self._reason(row, leaf) if issuing else "demonstration"
            if reason:
                self._left_out[reason] += 1
                self._seen = leaf["catalogue"]
            else:
                self._wait(leaf, index, number, row)

    def _rows_of(self, leaf: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
        if leaf["type"] == "submission":
            lines = self._log.rows(leaf["file"]["sha256"])
            yield from ((number, json.loads(line)) for number, line in enumerate(lines))
        elif "row" in leaf:
            yield -1, leaf["row"]

    def _reason(self, row: Mapping[str, Any], leaf: Mapping[str, Any]) -> str:
        """Why a record is left out; empty if it is not."""
        reason = self._notes.corrected.get(row["id"])
        if reason is not None:
            return "returned" if reason == "returned" else "corrected"
        if row["grade"] != "creditable":
            return "display"
        if not self._notes.withdrawn or int(row["er_g"]) <= 0:
            return ""
        gone = self._withdrawn_rows(leaf["catalogue"])
        return "withdrawn" if gone.intersection(row["f"].values()) else ""

    def _withdrawn_rows(self, root: str) -> frozenset[int]:
        """Numbers of the withdrawn rows of a catalogue."""
        if root not in self._withdrawn:
            found = self._log.factors(root)
            self._withdrawn[root] = frozenset(
                number
                for number, row in zip(found.leaf_numbers, found.rows, strict=True)
                if row.id in self._notes.withdrawn
            )
        return self._withdrawn[root]

    def _wait(
        self, leaf: Mapping[str, Any], index: int, number: int, row: Mapping[str, Any]
    ) -> None:
        name = leaf["catalogue"], leaf["methodology"]
        self._formulas[leaf["formula"]] = None
        if name not in self._waiting:
            self._waiting[name] = _Rows(self._engine(*name))
            self._sums[name] = TermSums()
            self._last = self._waiting[name].engine.catalogue
        waiting = self._waiting[name]
        waiting.rows.append(row)
        waiting.places.append((index, number))
        if len(waiting.rows) == _ROWS:
            self._compute(name)

    def _engine(self, root: str, methodology: str) -> Engine:
        # Whether a record came too early was judged when it was stored.
        return Engine(self._log.factors(root), _KNOWN[methodology], Conditions(today=LAST))

    def _compute(self, name: tuple[str, str]) -> None:
        waiting = self._waiting[name]
        engine, rows = waiting.engine, waiting.rows
        places = np.array(waiting.places, np.int64).reshape(-1, 2)
        published = np.array([int(row["er_g"]) for row in rows], np.int64)
        self._check(engine, rows, published, places, self._sums[name])
        self._frame.append((places[:, 0], places[:, 1], published))
        category = {item.item_type: item.category for item in engine.catalogue.items}
        for row, er_g in zip(rows, published.tolist(), strict=True):
            self._count(category[row["in"]["item_type"]], row, er_g)
        waiting.rows, waiting.places = [], []

    def _check(
        self,
        engine: Engine,
        rows: list[Mapping[str, Any]],
        published: Int,
        places: Int,
        sums: TermSums,
    ) -> None:
        """Compute rows again and add their terms.

        Only the month of an act is public. Where a factor changed inside it, either its first or
        its last day gives the published grams.
        """
        granted = _allowances(rows)
        period = self._scope.period
        first = _batch(rows, engine, period.first_day)
        late = engine.quantify(first, granted).er_g != published
        sums.add(engine.quantify(first, granted, late if late.any() else None).terms)
        if not late.any():
            return
        last = _batch(rows, engine, period.last_day)
        again = engine.quantify(last, granted, ~late)
        wrong = np.flatnonzero(late & (again.er_g != published))
        if wrong.size:
            leaf, row = places[wrong[0]].tolist()
            raise CarbonError("report.recomputed", leaf=leaf, row=row)
        sums.add(again.terms)

    def _count(self, category: str, row: Mapping[str, Any], er_g: int) -> None:
        own = row["in"]
        cell = self._cells.setdefault((category, own.get("evidence", LOWEST_RUNG)), Cell())
        cell.records += 1
        gained = max(0, er_g)
        cell.positive_g += gained
        cell.negative_g += er_g - gained
        if "quantity" in own:
            cell.pieces += int(float(own["quantity"]))
        else:
            cell.no_pieces_g += gained
        if "mass_kg" in own:
            cell.mass_g += round(float(own["mass_kg"]) * _GRAMS_PER_KG)
        else:
            cell.no_mass_g += gained
        for name in ("be_g", "pe_g", "u_g", "le_g", "er_g"):
            self._totals[name] += int(row[name])

    def finish(self) -> Monitored:
        """Everything added up."""
        for name in self._waiting:
            if self._waiting[name].rows:
                self._compute(name)
        found = [
            product
            for name, waiting in self._waiting.items()
            for product in products(waiting.engine, self._sums[name].sorted())
        ]
        _refuse_ambiguous(found)
        columns = zip(*self._frame, strict=True) if self._frame else ([], [], [])
        leaf, row, er_g = (np.concatenate([np.zeros(0, np.int64), *parts]) for parts in columns)
        order = np.lexsort((row, leaf))
        return Monitored(
            leaf=leaf[order],
            row=row[order],
            er_g=er_g[order],
            totals={name: self._totals[name] for name in ("be_g", "pe_g", "u_g", "le_g", "er_g")},
            cells=dict(sorted(self._cells.items())),
            left_out=dict(sorted(self._left_out.items())),
            products=found,
            catalogues=tuple(root for root, _ in self._waiting),
            formulas=tuple(self._formulas),
            last=self._policies(),
        )

    def _policies(self) -> Catalogue | None:
        """The last catalogue counted with; where nothing is left to count, the last one seen."""
        if self._last is None and self._seen:
            return self._log.factors(self._seen)
        return self._last


def _refuse_ambiguous(found: Iterable[Product]) -> None:
    """Two catalogues of one period may not give one factor row two values."""
    seen: dict[str, Any] = {}
    for row in (row for product in found for row in product.rows):
        if seen.setdefault(row.id, row) != row:
            raise CarbonError("report.catalogues", factor=row.id)


def _allowances(rows: list[Mapping[str, Any]]) -> Float:
    return np.array([float(row["in"].get("allowance", "inf")) for row in rows])


def _batch(rows: list[Mapping[str, Any]], engine: Engine, day: date) -> Batch:
    """Published rows as a batch; what is not public does not enter any figure."""
    inputs = [row["in"] for row in rows]
    size = len(rows)
    items = {item.item_type: number for number, item in enumerate(engine.catalogue.items)}
    numbers, codes = {}, {}
    for column in COLUMNS:
        name = _PUBLISHED.get(column.name, column.name)
        if column.kind in ("number", "whole"):
            numbers[column.name] = np.array([float(own.get(name, "nan")) for own in inputs])
        elif column.name == "item_type":
            codes[name] = np.array([items[own[name]] for own in inputs], np.int32)
        elif column.kind == "code":
            # The channel is private, and required of a record: any of them does.
            otherwise = 0 if column.required else MISSING
            words = FIXED_VOCABULARIES[column.name]
            number_of = {code: n for n, code in enumerate(words.codes)}
            codes[column.name] = np.array(
                [number_of[own[name]] if name in own else otherwise for own in inputs], np.int32
            )
    return Batch(
        row=np.arange(size, dtype=np.int64),
        codes=codes,
        numbers=numbers,
        days={
            "occurred_on": np.full(size, day_number(day), np.int32),
            "returned_on": np.full(size, NO_DAY, np.int32),
        },
        has_item_id=np.array([own["item"] for own in inputs], bool),
        in_hedong=np.array([own["hedong"] for own in inputs], bool),
    )
