"""Factor rows as integer codes: resolved once per run, gathered per record.

A methodology names its factors by *roles*: a family and a key template such as
``{displacement_class}/{act}``. Each placeholder is an axis: a column of small integers. The
resolver asks the catalogue once for every combination of codes and every stretch of days on which
nothing changes, and keeps the answers in a dense table; a batch is then one gather per role.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.factors.table import GRADES
from carbon.domain.period import FIRST, LAST, day_date, day_number
from carbon.domain.units import Code, Float, Mask

#: Answers below zero say why there is no row.
NO_KEY, BEFORE_FIRST, ENDED, UNCODED = -1, -2, -3, -4
MISS_CODES: Mapping[int, str] = {
    NO_KEY: "factor.missing",
    BEFORE_FIRST: "factor.before_first",
    ENDED: "factor.ended",
}
_ANSWERS = {code: number for number, code in MISS_CODES.items()}


@dataclass(frozen=True, slots=True)
class Role:
    """A factor that a methodology uses: what it is called, where it stands, how it is keyed.

    ``column``: the column a missing row is reported under. ``optional``: a record without such a
    row is quantified without it (its methodology says what that means); otherwise the missing row
    is a finding. ``unless``: an axis and a word for which no row is needed.
    """

    name: str
    family: str
    key: str
    column: str = "item_type"
    optional: bool = False
    unless: tuple[str, str] | None = None

    @property
    def axes(self) -> tuple[str, ...]:
        """The placeholders of the key, in order."""
        return tuple(re.findall(r"{(\w+)}", self.key))


@dataclass(frozen=True, slots=True)
class Axis:
    """A column of small integers: the words its codes stand for in factor keys."""

    words: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.words)


class Rows:
    """The factor rows of a catalogue as arrays indexed by row number.

    The last entry stands for "no row" (any negative code): NaN, grade −1.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.ids = [row.id for row in catalogue.rows]
        self.value = self._floats([row.value for row in catalogue.rows])
        self.grade = np.array([GRADES.index(r.grade) for r in catalogue.rows] + [-1], np.int8)
        self.includes_life = np.array([r.includes == "life" for r in catalogue.rows] + [False])

    @staticmethod
    def _floats(values: Sequence[object]) -> Float:
        return np.array([np.nan if v is None else float(v) for v in values] + [np.nan])  # type: ignore[arg-type]  # Decimal or None


class Resolver:
    """Answers, for every role, which factor row a record uses.

    Raises ``factors.unknown_family`` where a methodology needs a table the folder lacks.
    """

    def __init__(
        self, catalogue: Catalogue, roles: Iterable[Role], axes: Mapping[str, Axis]
    ) -> None:
        self.catalogue = catalogue
        self.roles = tuple(roles)
        self.axes = axes
        self.rows = Rows(catalogue)
        self._periods = self._split_days(catalogue.breakpoints())
        self._tables: dict[str, Code] = {}
        self._carried: dict[str, Mask] = {}
        for role in self.roles:
            if role.family not in catalogue.family_names and not role.optional:
                raise CarbonError("factors.unknown_family", value=role.family)
            self._tables[role.name], self._carried[role.name] = self._table(role)

    def _split_days(self, breakpoints: Sequence[date]) -> Code:
        """Period number of every supported day; a period is a stretch without any change."""
        starts = [day_number(day) for day in breakpoints]
        self._period_days = [FIRST, *(s for s in starts if s > FIRST)]
        days = np.arange(FIRST, LAST + 1)
        return (np.searchsorted(self._period_days, days, side="right") - 1).astype(np.int32)

    @property
    def days(self) -> list[int]:
        """First day number of every period."""
        return self._period_days

    def _table(self, role: Role) -> tuple[Code, Mask]:
        shape = (len(self._period_days), *(len(self.axes[a]) for a in role.axes))
        table = np.full(shape, NO_KEY, np.int32)
        carried = np.zeros(shape, bool)
        words = [list(enumerate(self.axes[a].words)) for a in role.axes]
        for combination in itertools.product(*words):
            names = dict(zip(role.axes, (word for _, word in combination), strict=True))
            key = role.key.format(**names)
            if not self.catalogue.history(role.family, key):
                continue
            place = tuple(number for number, _ in combination)
            for period, first_day in enumerate(self._period_days):
                found = self.catalogue.find(role.family, key, day_date(first_day))
                answer = _ANSWERS[found.fault] if found.row is None else self._number(found.row)
                table[(period, *place)] = answer
                carried[(period, *place)] = found.carried
        return table, carried

    def _number(self, row: object) -> int:
        return self.catalogue.number(row)  # type: ignore[arg-type]  # a FactorRow

    def size(self, axes: Sequence[str]) -> int:
        """Number of cells of the joint code of some axes with the period."""
        return len(self._period_days) * int(np.prod([len(self.axes[a]) for a in axes], dtype=int))

    def periods(self, days: Code) -> Code:
        """Period numbers of day numbers; shape ``(n,)`` → ``(n,)``."""
        return self._periods[np.clip(days, FIRST, LAST) - FIRST]

    def cells(self, period: Code, codes: Mapping[str, Code], axes: Sequence[str]) -> Code:
        """Joint code of period and axes, row-major; −1 where one of the codes is negative."""
        cell = period
        negative: Mask | None = None
        for axis in axes:
            code = codes[axis]
            cell = cell * len(self.axes[axis]) + code
            if code.size and code.min() < 0:
                negative = code < 0 if negative is None else negative | (code < 0)
        if negative is None:
            return cell
        return np.where(negative, np.int32(-1), cell)

    def gather(self, role: Role, cell: Code) -> Code:
        """Row numbers of a role for joint codes; :data:`UNCODED` where the cell is −1."""
        table = self._tables[role.name].reshape(-1)
        rows = table[cell]
        return np.where(cell < 0, np.int32(UNCODED), rows) if cell.min(initial=0) < 0 else rows

    def carried(self, role: Role, cell: Code) -> Mask | None:
        """Where a role was answered by a row carried forward; ``None`` if nowhere."""
        table = self._carried[role.name].reshape(-1)
        return table[cell] & (cell >= 0) if table.any() else None

    def rows_of_cell(self, role: Role, axes: Sequence[str], cell: int) -> int:
        """Row number of a role for one joint code over a superset of the role's axes."""
        shape = (len(self._period_days), *(len(self.axes[a]) for a in axes))
        place = np.unravel_index(cell, shape)
        own = (place[0], *(place[1 + axes.index(a)] for a in role.axes))
        return int(self._tables[role.name][own])

    def word_of_cell(self, axis: str, axes: Sequence[str], cell: int) -> str:
        """The word of one axis in a joint code."""
        shape = (len(self._period_days), *(len(self.axes[a]) for a in axes))
        return self.axes[axis].words[int(np.unravel_index(cell, shape)[1 + axes.index(axis)])]
