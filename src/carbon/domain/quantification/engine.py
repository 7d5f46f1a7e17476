"""The engine: a batch of records in, integer grams with the factor rows used out.

Every record is treated by itself, so the grams of a record depend on neither row order, chunk
size, process nor machine; sums are sums of integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from carbon.domain.activity.checks import ItemTable, check_batch, finding
from carbon.domain.activity.record import (
    CODES,
    FIXED_VOCABULARIES,
    Batch,
    Finding,
)
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.factors.table import CLASSES, GRADES
from carbon.domain.period import NO_DAY, day_date, day_number, months_of
from carbon.domain.quantification.formulas import TRANSPORT_WORDS, transport_code, worst_mass
from carbon.domain.quantification.methodology import (
    FLAG,
    Emissions,
    Methodology,
    Situation,
    Term,
    flag,
)
from carbon.domain.quantification.resolver import MISS_CODES, Axis, Resolver, Role
from carbon.domain.units import (
    GRAMS_PER_KG,
    MAX_RECORD_G,
    Code,
    Float,
    Int,
    Mask,
    ceil_g,
    exact_sums,
    floor_g,
)

_HOME_DELIVERY = FIXED_VOCABULARIES["transport_mode"]["home_delivery"]
_FAIR = FIXED_VOCABULARIES["condition"]["fair"]
_ACT = FIXED_VOCABULARIES["act"]
#: Acts that avoid nothing by themselves, with the reason a record is told.
_ACTS_WITHOUT_GRAMS = (("intake", "act.intake"), ("repair_failed", "repair.not_fixed"))
#: Days of the return window where a folder has no policy for it.
_RETURN_WINDOW = 7
_DISPLAY, _NOT_YET = GRADES.index("display"), GRADES.index("not_yet")

#: Coefficients of uncertainty terms are summed as integers of this size, so that a percentile
#: depends on neither row order nor chunking.
COEFFICIENT_UNIT = 1e-6
_COEFFICIENTS_PER_UNIT = 1e6

#: What is summed by month and item type; their joint code is month · items + item.
MEASURES = ("records", "be_g", "pe_g", "u_g", "le_g", "er_g")


#: The role whose years a term's ``spent`` is divided by.
LIFE_ROLE = "life"

#: A term's name and the powers of its factors.
TermKey = tuple[str, tuple[tuple[str, int], ...]]


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a run was asked for; part of its result, because it decides what can issue.

    ``today``, ``as_of``: day numbers; ``as_of`` stands in for every record's own day.
    ``month``: only acts of this month count.
    """

    today: int
    demonstration: bool = False
    as_of: int | None = None
    month: int | None = None


@dataclass(slots=True)
class Sparse:
    """Sums by cell: shape ``(k,)`` cell codes and ``(m, k)`` int64 sums."""

    cells: Int
    sums: Int


@dataclass(slots=True)
class Quantities:
    """The result of a batch; arrays have shape ``(n,)``.

    ``rejected`` rows hold zeros. ``rows``: factor row number by role, negative where none is
    used. ``totals``: :data:`MEASURES` by month and item type; ``channels``: records and er_g by
    channel; ``terms``: coefficient sums of each uncertainty term, in units of
    :data:`COEFFICIENT_UNIT`, by joint code of the term's axes.
    """

    rejected: Mask
    findings: list[Finding]
    be_g: Int
    pe_g: Int
    u_g: Int
    le_g: Int
    er_g: Int
    life: Float
    flags: Code
    grade: Code
    rows: Mapping[str, Code]
    totals: Sparse
    channels: Sparse
    terms: dict[TermKey, Sparse]


class _Factors:
    """Factor values of one batch by role, gathered once."""

    def __init__(
        self, resolver: Resolver, roles: tuple[Role, ...], period: Code, codes: Mapping[str, Code]
    ) -> None:
        self._resolver = resolver
        self.period, self.codes = period, codes
        self._joint: dict[tuple[str, ...], Code] = {}
        self.cells = {role.name: self.joint(role.axes) for role in roles}
        self.rows = {role.name: resolver.gather(role, self.cells[role.name]) for role in roles}
        self._values: dict[str, Float] = {}

    def joint(self, axes: tuple[str, ...]) -> Code:
        """Joint code of the period and some axes; computed once."""
        if axes not in self._joint:
            self._joint[axes] = self._resolver.cells(self.period, self.codes, axes)
        return self._joint[axes]

    def value(self, role: str) -> Float:
        """Values of a role, shape ``(n,)``; NaN where there is no row."""
        if role not in self._values:
            rows = np.maximum(self.rows[role], -1)
            self._values[role] = self._resolver.rows.value[rows]
        return self._values[role]

    def includes_life(self, role: str) -> Mask:
        """Where a role's row already contains remaining life."""
        return self._resolver.rows.includes_life[np.maximum(self.rows[role], -1)]


class _Told:
    """One reason about factors per record and column.

    An item type without a factor is not told again that it has no life.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._columns: dict[str, Mask] = {}

    def finding(
        self, code: str, column: str, wrong: Mask, detail: Code | None = None
    ) -> Iterator[Finding]:
        """A finding for the rows of a mask that have none about this column yet."""
        before = self._columns.setdefault(column, np.zeros(self._size, bool))
        rows = np.flatnonzero(wrong & ~before)
        if rows.size:
            before[rows] = True
            yield Finding(code, column, rows, None if detail is None else detail[rows])


class Engine:
    """One methodology, one catalogue, one set of conditions, ready for any number of batches.

    Holds no state between batches and can be pickled to another process or machine.
    Raises ``factors.unknown_family`` if the catalogue lacks a table.
    """

    def __init__(
        self, catalogue: Catalogue, methodology: Methodology, conditions: Conditions
    ) -> None:
        self.catalogue = catalogue
        self.methodology = methodology
        self.conditions = conditions
        self.items = ItemTable(catalogue)
        self._class_of = np.array(
            [CLASSES.index(i.displacement_class) for i in catalogue.items] + [-1, -1], np.int32
        )
        axes = {
            "item_type": Axis(tuple(i.item_type for i in catalogue.items)),
            "displacement_class": Axis(CLASSES),
            "transport": Axis(TRANSPORT_WORDS),
            **{name: Axis(tuple(c.code for c in codes)) for name, codes in CODES.items()},
        }
        self.resolver = Resolver(catalogue, methodology.roles, axes)
        self._covered = np.array([c.code in methodology.acts for c in CODES["act"]] + [True, True])
        self._return_window = np.array(
            [self._policy_on(day, "return_window", _RETURN_WINDOW) for day in self.resolver.days]
        )

    def policy_or(self, key: str, otherwise: int) -> int:
        """A policy value of the run's day; ``otherwise`` where no such policy holds.

        A folder of one's own for MASS-METRIC has no policies; a day before the first one cannot
        issue anyway.
        """
        as_of, today = self.conditions.as_of, self.conditions.today
        return self._policy_on(today if as_of is None else as_of, key, otherwise)

    def _policy_on(self, day: int, key: str, otherwise: int) -> int:
        row = self.catalogue.find("policy", key, day_date(day)).row
        return otherwise if row is None or row.value is None else int(row.value)

    def of_all_months(self) -> Engine:
        """This engine without its choice of a month."""
        if self.conditions.month is None:
            return self
        return Engine(self.catalogue, self.methodology, replace(self.conditions, month=None))

    # --- one batch ----------------------------------------------------------------------------

    def quantify(
        self, batch: Batch, allowance: Float | None = None, deferred: Mask | None = None
    ) -> Quantities:
        """Check and quantify a batch.

        ``allowance``: life granted by item accounts, shape ``(n,)``. ``deferred``: records that
        another call will answer for; here they count nowhere.
        """
        situation, factors, days = self._situation(batch, allowance)
        findings = [
            *check_batch(
                batch,
                self.items,
                today=self.conditions.today,
                return_window=self._return_window[factors.period],
            ),
            *self._check_scope(batch, days),
            *self.methodology.check(situation),
        ]
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            emissions = self.methodology.compute(situation)
        rows = _used_rows(factors, emissions)
        told = _Told(len(batch))
        findings += self._check_grades(batch, rows, days, told)
        findings += self._check_missing(batch, factors, days, told)
        if deferred is not None:
            findings = [f for found in findings if (f := _outside(found, deferred)) is not None]
        rejected = _rejected(len(batch), findings)
        if deferred is not None:
            rejected |= deferred
        too_large = self._too_large(emissions, rejected)
        findings += finding("amount.too_large", "quantity", too_large)
        rejected |= too_large
        return self._grams(batch, factors, emissions, rows, findings, rejected)

    def life_budget(self, batch: Batch) -> Float:
        """Life of each record's item if this is its first act; see :class:`Methodology`."""
        if self.methodology.life_budget is None:
            return np.full(len(batch), np.inf)
        return self.methodology.life_budget(self._situation(batch, None)[0])

    def _situation(self, batch: Batch, allowance: Float | None) -> tuple[Situation, _Factors, Code]:
        days = batch.days["occurred_on"]
        if self.conditions.as_of is not None:
            days = np.full(len(batch), self.conditions.as_of, np.int32)
        item, mode = batch.codes["item_type"], batch.codes["transport_mode"]
        by_weight = self.items.by_weight[item]
        numbers = batch.numbers
        heaviest = self.items.mass_high_kg[item]
        each_kg = worst_mass(numbers["mass_kg"], numbers["quantity"], heaviest, by_weight)
        transport = np.where(mode < 0, -1, transport_code(mode, each_kg, _HOME_DELIVERY))
        condition = batch.codes["condition"]
        codes = {
            **batch.codes,
            "item_type": item,
            "displacement_class": self._class_of[item],
            "condition": np.where(condition == -1, np.int32(_FAIR), condition),
            "transport": transport.astype(np.int32),
        }
        period = self.resolver.periods(days)
        factors = _Factors(self.resolver, self.methodology.roles, period, codes)
        situation = Situation(
            batch=batch,
            items=self.items,
            factors=factors,
            demonstration=self.conditions.demonstration,
            allowance=np.full(len(batch), np.inf) if allowance is None else allowance,
            transport=codes["transport"],
            pieces=np.where(by_weight, 1.0, numbers["quantity"]),
            each_kg=each_kg,
        )
        return situation, factors, days

    def _check_scope(self, batch: Batch, days: Code) -> Iterator[Finding]:
        """The act, the month and the day are the methodology's business."""
        act = batch.codes["act"]
        uncovered = ~self._covered[act]
        for name, code in _ACTS_WITHOUT_GRAMS:
            itself = uncovered & (act == _ACT[name])
            yield from finding(code, "act", itself)
            uncovered &= ~itself
        yield from finding("act.not_covered", "act", uncovered)
        not_in_force = ~self._in_force(days) & (days != NO_DAY)
        yield from finding("methodology.not_in_force", "occurred_on", not_in_force)
        if self.conditions.month is not None:
            month = months_of(batch.days["occurred_on"])
            outside = (batch.days["occurred_on"] != NO_DAY) & (month != self.conditions.month)
            yield from finding("period.outside", "occurred_on", outside)

    def _in_force(self, days: Code) -> Mask:
        """Where the methodology holds; false where the day is missing."""
        known: Mask = days >= day_number(self.methodology.effective)
        if self.methodology.until is not None:
            known &= days <= day_number(self.methodology.until)
        return known

    def _check_missing(
        self, batch: Batch, factors: _Factors, days: Code, told: _Told
    ) -> Iterator[Finding]:
        """A needed row that is not there."""
        in_scope = self._covered[batch.codes["act"]] & self._in_force(days)
        for role in self.methodology.roles:
            rows = factors.rows[role.name]
            if role.optional or rows.min(initial=0) >= 0:
                continue
            needed = in_scope & self._needed(role, factors)
            for answer, code in MISS_CODES.items():
                yield from told.finding(code, role.column, needed & (rows == answer))

    def _check_grades(
        self, batch: Batch, rows: Mapping[str, Code], days: Code, told: _Told
    ) -> Iterator[Finding]:
        """A row used whose grade does not allow this run to use it."""
        in_scope = self._covered[batch.codes["act"]] & self._in_force(days)
        levels = [(_NOT_YET, "factor.not_yet")]
        if self.methodology.issues and not self.conditions.demonstration:
            levels.append((_DISPLAY, "factor.display_only"))
        for role in self.methodology.roles:
            used = np.maximum(rows[role.name], -1)
            grade = self.resolver.rows.grade[used]
            if grade.max(initial=0) > 0:
                for level, code in levels:
                    yield from told.finding(code, role.column, in_scope & (grade == level), used)

    def _needed(self, role: Role, factors: _Factors) -> Mask | np.bool_:
        if role.unless is None:
            return np.True_
        axis, word = role.unless
        needed: Mask = factors.codes[axis] != self.resolver.axes[axis].words.index(word)
        return needed

    @staticmethod
    def _too_large(emissions: Emissions, rejected: Mask) -> Mask:
        largest = np.zeros(len(rejected))
        for part in (
            emissions.baseline_kg,
            emissions.project_kg,
            emissions.use_kg,
            emissions.leakage_kg,
        ):
            largest = np.fmax(largest, np.abs(part))
        return ~rejected & ~(largest <= MAX_RECORD_G / GRAMS_PER_KG)

    def _grams(
        self,
        batch: Batch,
        factors: _Factors,
        emissions: Emissions,
        rows: Mapping[str, Code],
        findings: list[Finding],
        rejected: Mask,
    ) -> Quantities:
        any_rejected = bool(rejected.any())

        def accepted(kg: Float) -> Float:
            return np.where(rejected, 0.0, kg) if any_rejected else kg

        be_g = floor_g(accepted(emissions.baseline_kg))
        pe_g = ceil_g(accepted(emissions.project_kg))
        u_g = ceil_g(accepted(emissions.use_kg))
        le_g = ceil_g(accepted(emissions.leakage_kg))
        er_g = be_g - pe_g - u_g - le_g
        flags, grade = self._judge(factors, emissions, rows)
        counted = (~rejected).astype(np.int64)
        parts = (counted, be_g, pe_g, u_g, le_g, er_g)
        return Quantities(
            rejected=rejected,
            findings=findings,
            be_g=be_g,
            pe_g=pe_g,
            u_g=u_g,
            le_g=le_g,
            er_g=er_g,
            life=accepted(emissions.life),
            flags=flags,
            grade=grade,
            rows=rows,
            totals=self._totals(batch, parts),
            channels=_by_code(batch.codes["channel"], len(CODES["channel"]), (counted, er_g)),
            terms={(t.name, t.powers): self._term(t, factors, rejected) for t in emissions.terms},
        )

    def _judge(
        self, factors: _Factors, emissions: Emissions, rows: Mapping[str, Code]
    ) -> tuple[Code, Code]:
        """Flags, and the worst grade among the rows used."""
        flags = emissions.flags
        grade = np.zeros(len(flags), np.int8)
        for role in self.methodology.roles:
            used = rows[role.name]
            np.maximum(grade, self.resolver.rows.grade[np.maximum(used, -1)], out=grade)
            carried = self.resolver.carried(role, factors.cells[role.name])
            if carried is not None:
                flags = flags | flag(carried & (used >= 0), "factor_carried")
        flags = flags | flag(grade == _DISPLAY, "display_factor")
        if self.conditions.as_of is not None:
            flags = flags | np.int32(FLAG["as_of"])
        return flags, grade.astype(np.int32)

    def _totals(self, batch: Batch, parts: tuple[Int, ...]) -> Sparse:
        items = len(self.catalogue.items)
        month = months_of(batch.days["occurred_on"])
        first = int(month.min(initial=10**6))
        cell = (month - first) * items + np.maximum(batch.codes["item_type"], 0)
        size = (int(month.max(initial=first)) - first + 1) * items
        found = _by_code(cell, size, parts)
        found.cells += first * items
        return found

    def _term(self, term: Term, factors: _Factors, rejected: Mask) -> Sparse:
        axes = self.term_axes(term.powers, by_life=term.spent is not None)
        parts = [term.coefficient] if term.spent is None else [term.coefficient, term.spent]
        with np.errstate(invalid="ignore", over="ignore"):
            amounts = tuple(np.rint(part * _COEFFICIENTS_PER_UNIT) for part in parts)
        for amount in amounts:
            amount[rejected] = 0.0
        return _by_code(factors.joint(axes), self.resolver.size(axes), amounts)

    def term_axes(self, powers: tuple[tuple[str, int], ...], *, by_life: bool) -> tuple[str, ...]:
        """Axes of a term's joint code: those of its roles, and the item type for categories."""
        used = {"item_type"}
        names = {factor for factor, _ in powers} | ({LIFE_ROLE} if by_life else set())
        for role in self.methodology.roles:
            if role.name in names:
                used.update(role.axes)
        return tuple(axis for axis in self.resolver.axes if axis in used)


def _used_rows(factors: _Factors, emissions: Emissions) -> dict[str, Code]:
    rows = dict(factors.rows)
    for role, unused in emissions.unused.items():
        rows[role] = np.where(unused, np.int32(-1), rows[role])
    return rows


def _outside(found: Finding, deferred: Mask) -> Finding | None:
    """A finding without the deferred rows."""
    kept = ~deferred[found.rows]
    if not kept.any():
        return None
    detail = None if found.detail is None else found.detail[kept]
    return Finding(found.code, found.column, found.rows[kept], detail)


def _rejected(size: int, findings: list[Finding]) -> Mask:
    rejected = np.zeros(size, bool)
    for found in findings:
        rejected[found.rows] = True
    return rejected


def _by_code(code: Code, size: int, parts: tuple[Int | Float, ...]) -> Sparse:
    """Sums of some columns by a code; negative codes carry zeros and fall into cell 0."""
    place = np.maximum(code, 0) if code.min(initial=0) < 0 else code
    sums = np.stack([exact_sums(place, part, size) for part in parts])
    cells = np.flatnonzero(sums.any(axis=0))
    return Sparse(cells, sums[:, cells])
