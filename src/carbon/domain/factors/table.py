"""The tables of a factor folder: their columns, their codes and their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from carbon.domain.errors import FAULTS, Lang

ADOPTED: Final = tuple(
    "key effective until carry value low high distribution unit boundary geography gwp includes "
    "grade grade_reason rule evidence source clause note".split()
)
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "sources": tuple("source title publisher year url digest licence note".split()),
    "evidence": tuple(
        "evidence family key value low high unit functional_unit size_class gas gwp "
        "reference_year boundary biogenic geography group source clause use note".split()
    ),
    "categories": ("category", "zh", "en", "rank"),
    "items": tuple(
        "item_type category zh en aliases unit displacement_class mass_low_kg mass_high_kg "
        "ef_band_low ef_band_high age_required uses_power note".split()
    ),
}
#: Tables that every folder has; `evidence` is needed as soon as a row cites some.
REQUIRED: Final = ("items", "categories", "sources")

GRADES: Final = ("creditable", "display", "not_yet")
DISTRIBUTIONS: Final = ("lognormal", "normal", "fixed")
RULES: Final = ("median", "single", "minimum", "derived", "policy", "definition")
UNITS: Final = (
    "kgCO2e/item kgCO2e/kg kgCO2e/tkm kgCO2e/delivery kgCO2e/t kgCO2/kWh kgCO2e/kWh kWh/year "
    "year ratio day km percent credit"
).split()
BOUNDARIES: Final = (
    "cradle_to_gate cradle_to_gate_and_distribution cradle_to_grave use transport waste "
    "price_based power_generation power_life_cycle behaviour service none"
).split()
#: What a creditable production factor may cover: no use phase, no end of life (clause 4.2).
PRODUCTION_BOUNDARIES: Final = ("cradle_to_gate", "cradle_to_gate_and_distribution")
CLASSES: Final = ("electronics", "clothing", "luxury", "other")


Raw = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RawTable:
    """A CSV file as read: its name without suffix, header and rows with their line numbers."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[int, Raw], ...]


@dataclass(frozen=True, slots=True)
class TableFault:
    """One fault of a factor folder: where, which code, and the value concerned."""

    table: str
    line: int
    code: str
    value: str = ""

    def say(self, lang: Lang) -> str:
        """Where it is, what is wrong and what to do."""
        fault = FAULTS[self.code]
        what = fault.what.say(lang, value=self.value)
        return f"{self.table}.csv:{self.line}  [{self.code}] {what} {fault.fix.say(lang)}"


@dataclass(frozen=True, slots=True)
class FactorRow:
    """One adopted factor: a value with its band, in force from ``effective``.

    ``value``, ``low`` (5th percentile) and ``high`` (95th) are exact decimals in ``unit``, or
    ``None`` in a row graded ``not_yet``. ``until``: last day it holds; after it the row is used
    only if ``carry``. ``includes``: ``life`` where the value already contains remaining life.
    """

    family: str
    key: str
    effective: date
    until: date | None
    carry: bool
    value: Decimal | None
    low: Decimal | None
    high: Decimal | None
    distribution: str
    unit: str
    boundary: str
    geography: str
    gwp: str
    includes: str
    grade: str
    grade_reason: str
    rule: str
    evidence: tuple[str, ...]
    source: str
    clause: str
    note: str

    @property
    def id(self) -> str:
        """``production/phone@2026-01-01``: how results, traces and receipts name a row."""
        return f"{self.family}/{self.key}@{self.effective.isoformat()}"


@dataclass(frozen=True, slots=True)
class Item:
    """An item type: names, how it is counted, and the bands that keep wrong units out."""

    item_type: str
    category: str
    zh: str
    en: str
    aliases: tuple[str, ...]
    unit: str
    displacement_class: str
    mass_low_kg: Decimal | None
    mass_high_kg: Decimal | None
    ef_band_low: Decimal | None
    ef_band_high: Decimal | None
    age_required: bool
    uses_power: bool


@dataclass(frozen=True, slots=True)
class Category:
    """A category of the pilot."""

    category: str
    zh: str
    en: str
    rank: int


def decimal_or_none(text: str) -> Decimal | None:
    """Read a plain decimal; empty is ``None``."""
    return Decimal(text) if text else None


def split(text: str) -> tuple[str, ...]:
    """Parts of a cell between semicolons."""
    return tuple(part.strip() for part in text.split(";") if part.strip())


def factor_row(family: str, raw: Raw) -> FactorRow:
    """Build a row from cells that :func:`check_folder` found sound."""
    return FactorRow(
        family=family,
        key=raw["key"],
        effective=date.fromisoformat(raw["effective"]),
        until=date.fromisoformat(raw["until"]) if raw["until"] else None,
        carry=raw["carry"] == "yes",
        value=decimal_or_none(raw["value"]),
        low=decimal_or_none(raw["low"]),
        high=decimal_or_none(raw["high"]),
        evidence=split(raw["evidence"]),
        **{
            name: raw[name]
            for name in (
                "distribution",
                "unit",
                "boundary",
                "geography",
                "gwp",
                "includes",
                "grade",
                "grade_reason",
                "rule",
                "source",
                "clause",
                "note",
            )
        },
    )


def item_row(raw: Raw) -> Item:
    """Build an item type from sound cells."""
    return Item(
        item_type=raw["item_type"],
        category=raw["category"],
        zh=raw["zh"],
        en=raw["en"],
        aliases=split(raw["aliases"]),
        unit=raw["unit"],
        displacement_class=raw["displacement_class"],
        mass_low_kg=decimal_or_none(raw["mass_low_kg"]),
        mass_high_kg=decimal_or_none(raw["mass_high_kg"]),
        ef_band_low=decimal_or_none(raw["ef_band_low"]),
        ef_band_high=decimal_or_none(raw["ef_band_high"]),
        age_required=raw["age_required"] == "yes",
        uses_power=raw["uses_power"] == "yes",
    )


def category_row(raw: Raw) -> Category:
    """Build a category from sound cells."""
    return Category(raw["category"], raw["zh"], raw["en"], int(raw["rank"]))


def families(tables: Mapping[str, RawTable]) -> Iterator[RawTable]:
    """The adopted tables: every file that is not one of the four describing ones."""
    return (table for table in tables.values() if table.name not in COLUMNS)
