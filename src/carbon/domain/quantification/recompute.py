"""Recompute published rows: their figures to the last digit, and whether their factors may stand.

Everything is asked of the published catalogue and formula; of this program only what a methodology
is: which factors it demands, when it is in force, what it covers.
"""

from __future__ import annotations

import calendar
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final

from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.factors.table import GRADES, FactorRow
from carbon.domain.quantification.expression import (
    FIELDS,
    Expr,
    Names,
    Step,
    Value,
    compile_steps,
    factor_names,
    input_names,
    item_names,
)
from carbon.domain.quantification.formulas import transport_word
from carbon.domain.quantification.methodology import FLAGS, Methodology
from carbon.domain.quantification.trace import GRAMS

#: An unknown condition is read as this one (clause 6.3).
_CONDITION_UNKNOWN = "fair"
_NO_ROW: Final = -1
_KEPT = 1 << 16
#: Some kilobytes each.
_KEPT_SETTINGS = 1 << 13
_HOME_DELIVERY = "home_delivery"
#: Inputs that factor keys are made of.
_WORDS: Final = ("act", "condition", "destination", "process")

Row = Mapping[str, Any]
Words = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Terms:
    """What all rows of a leaf share: tables, formula, and what the run was asked for.

    ``steps`` have passed ``expression.validate``. ``methodology``: ``None`` if this program does
    not know it; then a factor row is only checked to be one.
    """

    catalogue: Catalogue
    steps: Sequence[Step]
    methodology: Methodology | None
    demonstration: bool
    as_of: date | None
    recorded_on: date


@dataclass(frozen=True, slots=True)
class _Setting:
    """What rows of one item type, month, circumstances and factor rows have in common.

    ``names`` of item and factors; ``grade``: the worst of the factors; ``faults`` of the factors;
    ``added``: what else could have been used, by role, for each kind of day that is left.
    """

    names: Names
    grade: str
    faults: tuple[CarbonError, ...]
    added: tuple[Mapping[str, int], ...]


@dataclass(frozen=True, slots=True)
class _Factor:
    """A factor row in a role: its names, the number of its grade, and the row itself."""

    names: Names
    grade: int
    row: FactorRow


class Recomputation:
    """Checks rows of well-formed members that share their terms; reads nothing else."""

    def __init__(self, terms: Terms) -> None:
        self._terms, self._catalogue = terms, terms.catalogue
        self._compute = compile_steps(terms.steps)
        self._rows = dict(zip(self._catalogue.leaf_numbers, self._catalogue.rows, strict=True))
        self._numbers = {row.id: number for number, row in self._rows.items()}
        self._classes = {i.item_type: i.displacement_class for i in self._catalogue.items}
        own = terms.methodology
        self._issuing = own is not None and own.issues and not terms.demonstration
        self._roles = {role.name: (role, role.axes) for role in own.roles} if own else {}
        asked = set(_asked(expr for _, expr in terms.steps))
        #: Roles a formula does without: leaving one out must not change a figure.
        self._silent = [role for role in self._roles if role in asked]
        self._factor = lru_cache(_KEPT)(self._factor_of)
        self._item = lru_cache(_KEPT)(self._item_of)
        self._days = lru_cache(_KEPT)(self._days_of)
        self._answers = lru_cache(_KEPT)(self._answers_of)
        self._setting = lru_cache(_KEPT_SETTINGS)(self._setting_of)
        self._flags = lru_cache(_KEPT)(self._flag_faults)

    def faults(self, row: Row) -> list[CarbonError]:
        """Everything that is wrong with a row; nothing for a sound one.

        Codes: ``formula.invalid``, ``audit.figure``, ``audit.grade``, ``audit.flags``,
        ``audit.factor``, ``audit.form``.
        """
        fields = row["in"]
        try:
            own = input_names(fields)
            words = self._words(fields, own)
            used = tuple(row["f"].items())
            setting = self._setting(fields["item_type"], fields["month"], words, used)
            names = {**setting.names, **own}
            values = self._compute(names)
        except CarbonError as error:
            return [error]
        faults = _figure_faults(row, values)
        faults += self._flags(row.get("flags"), row["grade"])
        faults += setting.faults
        if row["grade"] != setting.grade or (self._issuing and setting.grade != GRADES[0]):
            faults.append(CarbonError("audit.grade", expected=setting.grade, found=row["grade"]))
        if setting.added and not any(self._same(more, names, values) for more in setting.added):
            faults.append(CarbonError("audit.factor", role=min(setting.added[0]), found=""))
        return faults

    # --- what a row names ---------------------------------------------------------------------

    def _cells(self, number: int) -> dict[str, str]:
        cells: dict[str, str] = json.loads(self._catalogue.leaves[number])["cells"]
        return cells

    def _item_of(self, item_type: str) -> Names:
        number = self._catalogue.item_leaves.get(item_type)
        if number is None:
            raise CarbonError("audit.factor", role="item", found=item_type)
        return item_names(self._cells(number))

    def _factor_of(self, role: str, number: int) -> _Factor:
        row = self._rows.get(number)
        known = role in self._roles if self._roles else role not in FIELDS
        if row is None or not known or (self._roles and row.family != self._family(role)):
            raise CarbonError("audit.factor", role=role, found=number)
        return _Factor(factor_names(role, self._cells(number)), GRADES.index(row.grade), row)

    def _family(self, role: str) -> str:
        return self._roles[role][0].family

    def _flag_faults(self, flags: str | None, grade: str) -> list[CarbonError]:
        """Flags are known ones in their order; two of them follow from the rest."""
        names = [] if flags is None else flags.split(";")
        sound = names == [name for name in FLAGS if name in names]
        sound &= ("as_of" in names) == (self._terms.as_of is not None)
        sound &= ("display_factor" in names) == (grade != GRADES[0])
        return [] if sound else [CarbonError("audit.flags", found=flags or "")]

    # --- factors that may stand ---------------------------------------------------------------

    def _words(self, fields: Mapping[str, Any], own: Names) -> tuple[str | None, ...]:
        """The words a role's key may be filled with, as far as the row itself says them."""
        mode = fields.get("transport_mode")
        if mode == _HOME_DELIVERY:
            mode = transport_word(mode, _each_kg(own, self._item(fields["item_type"])))
        return (mode, *map(fields.get, _WORDS))

    def _setting_of(
        self,
        item_type: str,
        month: str,
        words: tuple[str | None, ...],
        used: tuple[tuple[str, int], ...],
    ) -> _Setting:
        factors = {role: self._factor(role, number) for role, number in used}
        names = dict(self._item(item_type))
        for factor in factors.values():
            names.update(factor.names)
        worst = GRADES[max((factor.grade for factor in factors.values()), default=0)]
        if self._terms.methodology is None:
            return _Setting(names, worst, (), ())
        filled = dict(zip(("transport", *_WORDS), words, strict=True))
        filled["condition"] = filled["condition"] or _CONDITION_UNKNOWN
        filled |= {"item_type": item_type, "displacement_class": self._classes[item_type]}
        faults, mask = self._factor_faults(month, filled, dict(used))
        added = () if faults else self._left_out(month, filled, dict(used), mask)
        return _Setting(names, worst, tuple(faults), added)

    def _factor_faults(
        self, month: str, words: Words, used: Mapping[str, int]
    ) -> tuple[list[CarbonError], int]:
        """Each factor row is the one its role demands, all on one day; bits of such days."""
        own, mask, faults = self._terms.methodology, -1, []
        if own and words["act"] not in own.acts:
            faults.append(CarbonError("audit.form", reason=f"act = {words['act']}"))
        for role, number in used.items():
            days = self._mask(role, number, self._key(role, words), month)
            if days & mask:
                mask &= days
            else:
                faults.append(CarbonError("audit.factor", role=role, found=number))
        return faults, mask

    def _key(self, role: str, words: Words) -> str | None:
        """A role's key for a row; ``None`` where that lacks a word for it."""
        known, axes = self._roles[role]
        return _filled(known.key, axes, *map(words.get, axes)) if axes else known.key

    def _days_of(self, month: str) -> tuple[date, ...]:
        """Days a row of a month may have happened on: its methodology in force, not in future."""
        own, year, number = self._terms.methodology, int(month[:4]), int(month[5:])
        try:
            length = calendar.monthrange(year, number)[1]
            happened = [date(year, number, day) for day in range(1, length + 1)]
        except ValueError:
            return ()
        happened = [day for day in happened if day <= self._terms.recorded_on]
        days = [self._terms.as_of] if self._terms.as_of and happened else happened
        return tuple(
            d for d in days if own and own.effective <= d and not (own.until and d > own.until)
        )

    def _answers_of(self, role: str, key: str, month: str) -> tuple[int, ...]:
        """Number of the row a role's key finds on each day of a month; below zero for none.

        Nothing where it finds none on any.
        """
        found = [
            self._catalogue.find(self._family(role), key, day).row for day in self._days(month)
        ]
        numbers = tuple(_NO_ROW if row is None else self._numbers[row.id] for row in found)
        return () if set(numbers) == {_NO_ROW} else numbers

    def _mask(self, role: str, number: int, key: str | None, month: str) -> int:
        """Bits of the days on which a role may be answered by a row."""
        if key is None:
            return (1 << len(self._days(month))) - 1
        answers = self._answers(role, key, month)
        return sum(1 << bit for bit, answer in enumerate(answers) if answer == number)

    def _left_out(
        self, month: str, words: Words, used: Mapping[str, int], mask: int
    ) -> tuple[Mapping[str, int], ...]:
        """Factors a formula does without that were to be had, one set for each kind of day left.

        Nothing where there was a day without any: then they were rightly left out.
        """
        absent = {}
        for role in self._silent:
            key = None if role in used else self._key(role, words)
            if key is not None and (answers := self._answers(role, key, month)):
                absent[role] = answers
        days = enumerate(zip(*absent.values(), strict=True))
        choices = {numbers for bit, numbers in days if mask >> bit & 1}
        return tuple(dict(zip(absent, numbers, strict=True)) for numbers in choices)

    def _same(self, added: Mapping[str, int], names: Names, values: Names) -> bool:
        """Whether figures stay the same with more factors."""
        more = dict(names)
        try:
            for role, number in added.items():
                if number != _NO_ROW:
                    more.update(self._factor(role, number).names)
            again = self._compute(more)
        except CarbonError:
            return False
        return all(again[name] == values[name] for name in GRAMS)


@lru_cache(_KEPT)
def _filled(template: str, axes: tuple[str, ...], *words: str | None) -> str | None:
    return None if None in words else template.format(**dict(zip(axes, words, strict=True)))


def _asked(exprs: Iterable[Expr]) -> Iterator[str]:
    """Roles whose absence a formula takes note of."""
    for expr in exprs:
        if isinstance(expr, str):
            continue
        op, *args = expr
        if op in ("given", "is"):
            yield str(args[0]).removesuffix(".includes")
        elif op != "num":
            yield from _asked(args)


def _each_kg(own: Names, item: Names) -> float:
    """Mass of one piece, the heaviest plausible where it is not stated (clause 7.1)."""
    mass, quantity, heaviest = (
        own.get("mass_kg"),
        own.get("quantity"),
        item.get("item.mass_high_kg"),
    )
    if isinstance(mass, float) and item.get("item.unit") == "kg":
        return mass
    if isinstance(mass, float) and isinstance(quantity, float) and quantity:
        return mass / quantity
    return heaviest if isinstance(heaviest, float) else float("inf")


def _figure_faults(row: Row, values: Mapping[str, Value]) -> list[CarbonError]:
    """Figures that are not what the formula gives, digit by digit."""
    faults = []
    for name in GRAMS:
        found = values[name]
        expected = str(int(found)) if isinstance(found, float) else str(found)
        if row[name] != expected:
            faults.append(
                CarbonError("audit.figure", name=name, expected=expected, found=row[name])
            )
    return faults
