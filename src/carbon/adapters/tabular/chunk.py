"""A chunk of a submission: raw Arrow columns, read into a typed batch when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from carbon.adapters.tabular import typed
from carbon.adapters.tabular.mapping import UNIT_DECIMALS, UNITS, Rule
from carbon.adapters.tabular.tables import Held
from carbon.domain.activity.record import COLUMN, COLUMNS, HEDONG, Batch, Finding, Vocabulary
from carbon.domain.period import NO_DAY
from carbon.domain.units import Code, Float, Int, Mask


@dataclass(slots=True)
class TableChunk:
    """Rows of a file under a mapping.

    ``load`` reads the raw table (source names); it runs in the thread or process that quantifies
    the chunk. ``rows``: file row of each record, or the first one where they are consecutive.
    ``returned``: an annotated file come back, whose apostrophes before formulas are not the user's.
    """

    load: Callable[[], pa.Table]
    rules: Mapping[str, Rule]
    vocabularies: Mapping[str, Vocabulary]
    rows: Int | int
    returned: bool = False
    _raw: pa.Table | None = field(default=None, repr=False)
    _batch: Batch | None = field(default=None, repr=False)

    def raw(self) -> pa.Table:
        """The rows as submitted."""
        if self._raw is None:
            self._raw = self.load()
        return self._raw

    def row_numbers(self) -> Int:
        """File row of each record."""
        if isinstance(self.rows, int):
            return np.arange(self.rows, self.rows + self.raw().num_rows)
        return self.rows

    def column(self, name: str) -> pa.Array:
        """The submitted cells of a canonical column, constants filled in."""
        rule, raw = self.rules.get(name), self.raw()
        if rule is None:
            return pa.nulls(raw.num_rows)
        if rule.constant is not None:
            index = pa.array(np.zeros(raw.num_rows, np.int32))
            return pa.DictionaryArray.from_arrays(index, pa.array([rule.constant]))
        if rule.row_number is not None:
            numbers = pa.array(self.row_numbers()).cast(pa.string())
            return pc.binary_join_element_wise(rule.row_number, numbers, "")
        column = raw.column(rule.source)
        cells = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        return typed.without_guard(cells) if self.returned else cells

    def folded(self, column: str) -> pa.Array:
        """Ids of a column in the form under which they are compared; blank ones are null."""
        fold = typed.item_ids if column == "item_id" else typed.identifiers
        return fold(typed.text(self.column(column)))

    def identifiers(self, column: str) -> list[str]:
        """Ids of a column in the form under which they are compared; blank ones are empty."""
        return [cell or "" for cell in self.folded(column).to_pylist()]

    def take(self, positions: Int) -> TableChunk:
        """The part at some positions."""
        part = self.raw().take(pa.array(positions, pa.int64()))
        return self._of(part, self.row_numbers()[positions])

    def split(self, rows: int) -> Iterator[TableChunk]:
        """Parts of at most so many rows, in order."""
        numbers = self.row_numbers()
        for start in range(0, len(numbers), rows):
            yield self._of(self.raw().slice(start, rows), numbers[start : start + rows])

    def join(self, others: Sequence[TableChunk]) -> TableChunk:
        """This chunk with others of the same submission after it."""
        chunks = (self, *others)
        tables = pa.concat_tables([c.raw() for c in chunks]).unify_dictionaries()
        rows = np.concatenate([c.row_numbers() for c in chunks])
        return self._of(tables.combine_chunks(), rows)

    def _of(self, table: pa.Table, rows: Int) -> TableChunk:
        return replace(self, load=Held(table), rows=rows, _raw=table, _batch=None)

    def batch(self) -> Batch:
        """The typed batch; cells that cannot be read are among its findings."""
        if self._batch is None:
            self._batch = self._read()
        return self._batch

    def __reduce__(self) -> tuple[object, ...]:
        """Travels as what it takes to read it, not as what was read."""
        return TableChunk, (self.load, self.rules, self.vocabularies, self.rows, self.returned)

    def _read(self) -> Batch:
        findings: list[Finding] = []

        def note(code: str, column: str, wrong: Mask | None) -> None:
            if wrong is not None and (rows := np.flatnonzero(wrong)).size:
                findings.append(Finding(code, column, rows))

        batch = Batch(
            row=self.row_numbers(),
            codes={c.name: self.codes(c.name) for c in COLUMNS if c.kind == "code"},
            numbers={
                c.name: self._numbers(c.name, note)
                for c in COLUMNS
                if c.kind in ("number", "whole")
            },
            days={c.name: self._days(c.name, note) for c in COLUMNS if c.kind == "day"},
            has_item_id=typed.per_word(self.column("item_id"), typed.not_blank),
            in_hedong=self._in_hedong(),
            findings=findings,
        )
        note(
            "text.missing", "record_id", ~typed.per_word(self.column("record_id"), typed.not_blank)
        )
        for column in COLUMNS:
            if column.kind == "text":
                cells = self.column(column.name)
                note("text.too_long", column.name, typed.too_long(cells, column.longest))
                note("text.control", column.name, typed.controls(cells))
        return batch

    def codes(self, name: str) -> Code:
        """Vocabulary numbers of a column."""
        rule = self.rules.get(name)
        renamed = rule.codes if rule else {}
        return typed.codes(self.column(name), self.vocabularies[name], renamed)

    def _numbers(self, name: str, note: Callable[[str, str, Mask], None]) -> Float:
        values, wrong = typed.floats(self.column(name))
        note("number.invalid", name, wrong)
        unit = self.rules[name].unit if name in self.rules else None
        return values if unit is None else np.round(values * UNITS[name][unit], UNIT_DECIMALS)

    def days(self, name: str) -> Code:
        """Day numbers of a column; ``NO_DAY`` where there is none."""
        return self._days(name, lambda *_: None)

    def _days(self, name: str, note: Callable[[str, str, Mask], None]) -> Code:
        pattern = self.rules[name].format if name in self.rules else None
        found, wrong = typed.days(self.column(name), pattern)
        note("date.invalid", name, wrong)
        if COLUMN[name].required:
            note("text.missing", name, (found == NO_DAY) & ~wrong)
        return found

    def _in_hedong(self) -> Mask:
        site = typed.per_word(self.column("site"), lambda c: np.asarray(pc.starts_with(c, HEDONG)))
        return site | typed.per_word(self.column("enterprise"), _hedong_enterprise)


def _hedong_enterprise(cells: pa.Array) -> Mask:
    """Digits 3 to 8 of a unified social credit code (GB 32100-2015) are the district's."""
    return np.asarray(pc.equal(pc.utf8_slice_codeunits(cells, 2, 8), HEDONG))
