"""Every rule a factor folder must keep, as small functions that yield faults as values.

One run reports everything. The guards against the traps of the field (docs/factors.md, section
"Traps") are among them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from statistics import median
from typing import Final

from carbon.domain.factors.table import (
    ADOPTED,
    BOUNDARIES,
    CLASSES,
    COLUMNS,
    DISTRIBUTIONS,
    GRADES,
    PRODUCTION_BOUNDARIES,
    RULES,
    UNITS,
    FactorRow,
    Item,
    Raw,
    RawTable,
    TableFault,
    factor_row,
    families,
    item_row,
    split,
)

_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
#: Days are written in full, so that their order as text is their order in time.
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def check_folder(tables: Mapping[str, RawTable]) -> list[TableFault]:
    """Every fault of a folder's tables, in reading order.

    A level is checked once the one below it is sound: columns, cells, references, meaning.
    """
    levels = (_each(_check_columns), _each(_check_cells), _check_references, _check_meaning)
    return next((faults for level in levels if (faults := list(level(tables)))), [])


Tables = Mapping[str, RawTable]


def _each(
    check: Callable[[RawTable], Iterator[TableFault]],
) -> Callable[[Tables], Iterator[TableFault]]:
    return lambda tables: (fault for table in tables.values() for fault in check(table))


def _check_columns(table: RawTable) -> Iterator[TableFault]:
    expected = COLUMNS.get(table.name, ADOPTED)
    if table.header != expected:
        extra = [c for c in table.header if c not in expected]
        lacking = [c for c in expected if c not in table.header]
        told = f"+{extra} -{lacking}" if extra or lacking else str(list(table.header))
        yield TableFault(table.name, 1, "factors.column", told)


def _check_cells(table: RawTable) -> Iterator[TableFault]:
    checks = {
        "sources": _check_source,
        "evidence": _check_evidence,
        "categories": _check_category,
        "items": _check_item,
    }
    check = checks.get(table.name, _check_adopted)
    for line, raw in table.rows:
        for code, value in check(raw):
            yield TableFault(table.name, line, code, value)
    yield from _check_order(table)


Found = Iterator[tuple[str, str]]


def _present(raw: Raw, *names: str) -> Found:
    return (("factors.missing_value", name) for name in names if not raw[name])


def _numbers(raw: Raw, *names: str) -> Found:
    for name in names:
        if raw[name] and not _DECIMAL.fullmatch(raw[name]):
            yield "factors.number", f"{name} = {raw[name]}"


def _one_of(raw: Raw, name: str, allowed: Iterable[str]) -> Found:
    if raw[name] not in allowed:
        yield "factors.code", f"{name} = {raw[name]}"


_CODE_HOSTS = ("github.com", "gitlab.com", "gitee.com")


def _check_source(raw: Raw) -> Found:
    """Trap 6: factor tables "for 碳普惠" on public code hosts contradict one another."""
    yield from _present(raw, "source", "title")
    hosted = any(host in raw["url"].lower() for host in _CODE_HOSTS)
    if hosted and "碳普惠" in raw["title"] + raw["publisher"]:
        yield "factors.code_host", raw["source"]


def _check_evidence(raw: Raw) -> Found:
    yield from _present(raw, "evidence", "family", "source", "unit", "group")
    yield from _numbers(raw, "value", "low", "high")
    yield from _one_of(raw, "boundary", BOUNDARIES)
    yield from _one_of(raw, "use", ("adopted", "supporting", "rejected"))


def _check_category(raw: Raw) -> Found:
    yield from _present(raw, "category", "zh", "en")
    if not raw["rank"].isdecimal():
        yield "factors.number", f"rank = {raw['rank']}"


def _check_item(raw: Raw) -> Found:
    yield from _present(raw, "item_type", "category", "zh", "en")
    yield from _numbers(raw, "mass_low_kg", "mass_high_kg", "ef_band_low", "ef_band_high")
    yield from _one_of(raw, "unit", ("item", "kg"))
    yield from _one_of(raw, "displacement_class", CLASSES)
    yield from _one_of(raw, "age_required", ("yes", "no"))
    yield from _one_of(raw, "uses_power", ("yes", "no"))


def _check_adopted(raw: Raw) -> Found:
    yield from _present(raw, "key", "effective", "unit", "source", "rule")
    yield from _numbers(raw, "value", "low", "high")
    for name, allowed in (
        ("grade", GRADES),
        ("rule", RULES),
        ("unit", UNITS),
        ("boundary", BOUNDARIES),
        ("distribution", DISTRIBUTIONS),
        ("carry", ("yes", "no")),
        ("includes", ("", "life")),
    ):
        yield from _one_of(raw, name, allowed)
    yield from _check_dates(raw)
    if raw["grade"] != "not_yet":
        yield from _present(raw, "value", "low", "high")
    if raw["grade"] != "creditable" and not raw["grade_reason"]:
        yield "factors.grade_reason", raw["key"]
    yield from _check_range(raw)


def _check_dates(raw: Raw) -> Found:
    days = [raw["effective"], *([raw["until"]] if raw["until"] else [])]
    try:
        read = [date.fromisoformat(day) for day in days]
    except ValueError:
        read = []
    if not read or not all(_DAY.fullmatch(day) for day in days):
        yield "factors.date", " ".join(days)
    elif read != sorted(read):
        yield "factors.date", f"until = {raw['until']}"


def _check_range(raw: Raw) -> Found:
    cells = [raw[name] for name in ("low", "value", "high")]
    if not all(_DECIMAL.fullmatch(cell) for cell in cells):
        return
    low, value, high = map(Decimal, cells)
    told = f"{raw['key']}: {low} ≤ {value} ≤ {high}"
    if not low <= value <= high:
        yield "factors.range", told
    elif raw["distribution"] == "fixed" and not low == value == high:
        yield "factors.range", f"{told} (fixed)"
    elif raw["distribution"] == "lognormal" and low <= 0:
        yield "factors.range", f"{told} (lognormal)"


def _check_order(table: RawTable) -> Iterator[TableFault]:
    """Unique keys everywhere; adopted tables are sorted by key, then date."""
    previous: tuple[str, ...] = ()
    seen: set[tuple[str, ...]] = set()
    adopted = table.name not in COLUMNS
    for line, raw in table.rows:
        key = (raw["key"], raw["effective"]) if adopted else (raw[table.header[0]],)
        if key in seen:
            yield TableFault(table.name, line, "factors.duplicate", " ".join(key))
        elif adopted and key < previous:
            yield TableFault(table.name, line, "factors.order", " ".join(key))
        seen.add(key)
        previous = key


def _check_references(tables: Mapping[str, RawTable]) -> Iterator[TableFault]:
    known = {
        name: {raw[columns[0]] for _, raw in tables[name].rows}
        for name, columns in COLUMNS.items()
        if name in tables
    }
    for table in tables.values():
        for line, raw in table.rows:
            for target, value in _references(table.name, raw):
                if value not in known.get(target, ()):
                    yield TableFault(table.name, line, "factors.reference", value)


def _references(table: str, raw: Raw) -> Iterator[tuple[str, str]]:
    if table == "items":
        yield "categories", raw["category"]
    if table not in ("sources", "categories", "items"):
        yield "sources", raw["source"]
    if table not in COLUMNS:
        yield from (("evidence", name) for name in split(raw["evidence"]))
    if table in ("production", "life"):
        yield "items", raw["key"]


_PER_TKM = "truck truck_light truck_medium truck_heavy truck_electric rail air".split()
#: The unit of a table, or of a key where a table has several: formulas rely on it.
FAMILY_UNITS: Final[Mapping[str, str]] = {
    "displacement": "ratio",
    "life": "year",
    "energy": "kWh/year",
    "packing": "kgCO2e/item",
    "refurbish": "kgCO2e/item",
    "transport": "kgCO2e/delivery",
    "transport/collection": "kgCO2e/t",
    **{f"transport/{key}": "kgCO2e/tkm" for key in _PER_TKM},
    "grid": "kgCO2/kWh",
    "grid/power_footprint/national": "kgCO2e/kWh",
    "policy/buffer_share": "ratio",
    "policy/issuable_percentile": "percent",
    "policy/transfer_limit/day": "credit",
    "policy/transfer_limit/transfer": "credit",
}
#: Generation factors and the life-cycle footprint of power are two quantities, never mixed.
GRID_BOUNDARIES: Final = {"kgCO2/kWh": "power_generation", "kgCO2e/kWh": "power_life_cycle"}


#: Where values of a unit may lie; all others are not negative.
_LIMITS: Final = {
    "ratio": (Decimal(0), Decimal(1)),
    "year": (Decimal("0.1"), Decimal(200)),
    "percent": (Decimal(1), Decimal(99)),
}


def _check_meaning(tables: Mapping[str, RawTable]) -> Iterator[TableFault]:
    items = {raw["item_type"]: item_row(raw) for _, raw in tables["items"].rows}
    evidence_table = tables.get("evidence")
    evidence = {raw["evidence"]: raw for _, raw in evidence_table.rows} if evidence_table else {}
    yield from _check_names(tables["items"])
    for table in families(tables):
        for line, raw in table.rows:
            row = factor_row(table.name, raw)
            found = [*_check_rule(row, evidence), *_check_unit(row)]
            if table.name == "production":
                found += _check_production(row, items[row.key])
            yield from (TableFault(table.name, line, code, value) for code, value in found)


def _check_unit(row: FactorRow) -> Found:
    """A table keeps its units, and values stay where formulas can use them (traps 3 and 8)."""
    own = FAMILY_UNITS.get(f"{row.family}/{row.key}", FAMILY_UNITS.get(row.family, row.unit))
    if row.unit != own:
        yield "factors.code", f"{row.key}: unit = {row.unit}"
    if row.family == "grid" and row.boundary != GRID_BOUNDARIES.get(row.unit):
        yield "factors.boundary", f"{row.key}: {row.boundary}"
    if row.value is None or row.low is None or row.high is None or row.family == "production":
        return
    lowest, highest = _LIMITS.get(row.unit, (Decimal(0), Decimal("Infinity")))
    if row.low < lowest or row.high > highest:
        yield "factors.range", f"{row.key}: {lowest} ≤ {row.low}, {row.high} ≤ {highest}"
    if row.unit in ("percent", "day", "credit") and row.value != int(row.value):
        yield "factors.range", f"{row.key}: {row.value}"


def _check_names(table: RawTable) -> Iterator[TableFault]:
    """No word may mean two item types."""
    owner: dict[str, str] = {}
    for line, raw in table.rows:
        words = (raw["item_type"], raw["zh"], raw["en"], *split(raw["aliases"]))
        for word in {"_".join(w.casefold().split()) for w in words}:
            if owner.setdefault(word, raw["item_type"]) != raw["item_type"]:
                yield TableFault("items", line, "factors.duplicate", word)


def _check_production(row: FactorRow, item: Item) -> Found:
    """Traps 1, 2 and 5: wrong unit, use phase inside, negative wood."""
    if row.value is None:
        return
    if row.value <= 0:
        yield "factors.biogenic", f"{row.key}: {row.value}"
    if row.unit != f"kgCO2e/{item.unit}":
        yield "factors.band", f"{row.key}: {row.value} {row.unit}"
    below = item.ef_band_low is not None and row.value < item.ef_band_low
    above = item.ef_band_high is not None and row.value > item.ef_band_high
    if below or above:
        yield "factors.band", f"{row.key}: {row.value} {row.unit}"
    if row.grade == "creditable" and row.boundary not in PRODUCTION_BOUNDARIES:
        yield "factors.boundary", f"{row.key}: {row.boundary}"


def _median_of_groups(cited: list[Raw]) -> Decimal:
    """Median over independence groups, each standing with its own median (trap 4)."""
    groups: dict[str, list[Decimal]] = {}
    for raw in cited:
        if raw["value"]:
            groups.setdefault(raw["group"], []).append(Decimal(raw["value"]))
    return median(median(values) for values in groups.values())


def _check_rule(row: FactorRow, evidence: Mapping[str, Raw]) -> Found:
    """The adopted value follows from its evidence, each independence group counted once."""
    if row.value is None or row.rule not in ("median", "single", "minimum"):
        return
    cited = [evidence[name] for name in row.evidence]
    values = [Decimal(raw["value"]) for raw in cited if raw["value"]]
    wrong_unit = [raw["evidence"] for raw in cited if raw["unit"] != row.unit]
    if not values or wrong_unit or (row.rule == "single" and len(values) != 1):
        yield (
            "factors.rule",
            f"{row.key}: {row.rule} of {len(values)}, {wrong_unit or 'units agree'}",
        )
        return
    expected = min(values) if row.rule == "minimum" else _median_of_groups(cited)
    if expected.quantize(row.value, rounding=ROUND_HALF_EVEN) != row.value:
        yield "factors.rule", f"{row.key}: {row.rule} = {expected}, not {row.value}"
