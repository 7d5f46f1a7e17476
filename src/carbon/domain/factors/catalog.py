"""The catalogue (因子库): sound tables, found by key and day, named by one content hash."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from carbon.domain.errors import CarbonError
from carbon.domain.factors.rules import check_folder
from carbon.domain.factors.table import (
    Category,
    FactorRow,
    Item,
    RawTable,
    category_row,
    factor_row,
    families,
    item_row,
)
from carbon.domain.log.leaf import canonical
from carbon.domain.log.merkle import Levels

DIGEST_ALGORITHM = "sha256"


@dataclass(frozen=True, slots=True)
class Lookup:
    """How a key and a day were answered: a row, or the code of the fault that says why not.

    ``carried``: the row has ended and its table says it may be carried forward.
    """

    row: FactorRow | None
    fault: str = ""
    carried: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A factor that differs between two catalogues; one side is ``None`` if it is not there."""

    family: str
    key: str
    effective: date
    before: FactorRow | None
    after: FactorRow | None

    @property
    def relative(self) -> float | None:
        """Relative change of the value, where both sides have one."""
        if not (self.before and self.after and self.before.value and self.after.value is not None):
            return None
        return float(self.after.value / self.before.value - 1)


class Catalogue:
    """The factor tables of one folder, immutable once built.

    ``leaves``: every row of every table; ``leaf_numbers``: the leaf of each of :attr:`rows`;
    ``item_leaves``: the leaf of each item type.

    Build it with :meth:`of`; it raises ``factors.invalid`` with the first of all faults.
    """

    def __init__(
        self,
        rows: tuple[FactorRow, ...],
        items: tuple[Item, ...],
        categories: tuple[Category, ...],
        sources: Mapping[str, Mapping[str, str]],
        evidence: Mapping[str, Mapping[str, str]],
        leaves: tuple[bytes, ...],
        leaf_numbers: tuple[int, ...],
        item_leaves: Mapping[str, int],
    ) -> None:
        self.rows = rows
        self.items = items
        self.categories = tuple(sorted(categories, key=lambda c: c.rank))
        self.sources = sources
        self.evidence = evidence
        self.leaves = leaves
        self.leaf_numbers = leaf_numbers
        self.item_leaves = item_leaves
        self.tree = Levels.of(leaves)
        self.family_names = frozenset(row.family for row in rows)
        self._numbers = {row.id: number for number, row in enumerate(rows)}
        self._named = {leaf: row.id for leaf, row in zip(leaf_numbers, rows, strict=True)}
        self._by_key: dict[tuple[str, str], list[FactorRow]] = {}
        for row in rows:
            self._by_key.setdefault((row.family, row.key), []).append(row)

    @classmethod
    def of(cls, tables: Mapping[str, RawTable], path: str = "factors") -> Catalogue:
        """Check and build. Raises ``factors.invalid``."""
        faults = check_folder(tables)
        if faults:
            raise CarbonError("factors.invalid", path=path, count=len(faults), first=faults[0])
        evidence = tables["evidence"].rows if "evidence" in tables else ()
        numbers = _leaf_numbers(tables)
        return cls(
            rows=tuple(factor_row(t.name, raw) for t in families(tables) for _, raw in t.rows),
            items=tuple(item_row(raw) for _, raw in tables["items"].rows),
            categories=tuple(category_row(raw) for _, raw in tables["categories"].rows),
            sources={raw["source"]: raw for _, raw in tables["sources"].rows},
            evidence={raw["evidence"]: raw for _, raw in evidence},
            leaves=catalogue_leaves(tables),
            leaf_numbers=tuple(n for t in families(tables) for n in numbers[t.name]),
            item_leaves={
                raw["item_type"]: n
                for n, (_, raw) in zip(numbers["items"], tables["items"].rows, strict=True)
            },
        )

    @property
    def root(self) -> str:
        """Root of the tree of all rows, 64 hexadecimal digits: what a receipt proves rows by."""
        return self.tree.root().hex()

    @property
    def digest(self) -> str:
        """The root with its algorithm, the name results and records give a catalogue."""
        return f"{DIGEST_ALGORITHM}:{self.root}"

    def number(self, row: FactorRow) -> int:
        """Position of a row in :attr:`rows`, the integer code used inside batches."""
        return self._numbers[row.id]

    def name_of(self, leaf: int) -> str:
        """The id of the factor row that is some leaf."""
        return self._named[leaf]

    def history(self, family: str, key: str) -> list[FactorRow]:
        """All rows of a key, oldest first."""
        return self._by_key.get((family, key), [])

    def find(self, family: str, key: str, day: date) -> Lookup:
        """The row in force on a day.

        Never the oldest value for an earlier day, and a row that has ended only where its table
        says so (trap 7).
        """
        history = self.history(family, key)
        if not history:
            return Lookup(None, "factor.missing")
        position = bisect_right([row.effective for row in history], day)
        if position == 0:
            return Lookup(None, "factor.before_first")
        row = history[position - 1]
        if row.until is None or day <= row.until:
            return Lookup(row)
        return Lookup(row, carried=True) if row.carry else Lookup(None, "factor.ended")

    def breakpoints(self) -> list[date]:
        """Days on which some answer may change, ascending."""
        starts = {row.effective for row in self.rows}
        ends = {row.until + timedelta(days=1) for row in self.rows if row.until}
        return sorted(starts | ends)


def catalogue_leaves(tables: Mapping[str, RawTable]) -> tuple[bytes, ...]:
    """All rows of all tables as leaves of one tree, tables by name, rows in file order.

    Line ends, quoting and empty cells at the end do not matter; any other change does.
    """
    return tuple(
        canonical({"table": name, "cells": dict(raw)})
        for name, table in sorted(tables.items())
        for _, raw in table.rows
    )


def _leaf_numbers(tables: Mapping[str, RawTable]) -> dict[str, range]:
    """By table, the places of its rows among the leaves."""
    numbers, start = {}, 0
    for name, table in sorted(tables.items()):
        numbers[name] = range(start, start + len(table.rows))
        start += len(table.rows)
    return numbers


def changes(before: Catalogue, after: Catalogue) -> Iterator[Change]:
    """Rows that were added, removed or altered, ordered by family, key and date."""
    old = {(r.family, r.key, r.effective): r for r in before.rows}
    new = {(r.family, r.key, r.effective): r for r in after.rows}
    for place in sorted(old.keys() | new.keys()):
        if old.get(place) != new.get(place):
            yield Change(*place, old.get(place), new.get(place))
