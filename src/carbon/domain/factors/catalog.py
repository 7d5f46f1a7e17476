"""The catalogue (因子库): sound tables, found by key and day, named by one content hash."""

from __future__ import annotations

import hashlib
import json
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

    Build it with :meth:`of`; it raises ``factors.invalid`` with the first of all faults.
    """

    def __init__(
        self,
        rows: tuple[FactorRow, ...],
        items: tuple[Item, ...],
        categories: tuple[Category, ...],
        sources: Mapping[str, Mapping[str, str]],
        evidence: Mapping[str, Mapping[str, str]],
        digest: str,
    ) -> None:
        self.rows = rows
        self.items = items
        self.categories = tuple(sorted(categories, key=lambda c: c.rank))
        self.sources = sources
        self.evidence = evidence
        self.digest = digest
        self.family_names = frozenset(row.family for row in rows)
        self._numbers = {row.id: number for number, row in enumerate(rows)}
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
        return cls(
            rows=tuple(factor_row(t.name, raw) for t in families(tables) for _, raw in t.rows),
            items=tuple(item_row(raw) for _, raw in tables["items"].rows),
            categories=tuple(category_row(raw) for _, raw in tables["categories"].rows),
            sources={raw["source"]: raw for _, raw in tables["sources"].rows},
            evidence={raw["evidence"]: raw for _, raw in evidence},
            digest=content_digest(tables),
        )

    def number(self, row: FactorRow) -> int:
        """Position of a row in :attr:`rows`, the integer code used inside batches."""
        return self._numbers[row.id]

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


def content_digest(tables: Mapping[str, RawTable]) -> str:
    """SHA-256 over the cells of all tables; line ends and quoting do not matter."""
    content = {
        name: [list(table.header), *([raw[c] for c in table.header] for _, raw in table.rows)]
        for name, table in sorted(tables.items())
    }
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"{DIGEST_ALGORITHM}:{hashlib.sha256(text.encode()).hexdigest()}"


def changes(before: Catalogue, after: Catalogue) -> Iterator[Change]:
    """Rows that were added, removed or altered, ordered by family, key and date."""
    old = {(r.family, r.key, r.effective): r for r in before.rows}
    new = {(r.family, r.key, r.effective): r for r in after.rows}
    for place in sorted(old.keys() | new.keys()):
        if old.get(place) != new.get(place):
            yield Change(*place, old.get(place), new.get(place))
