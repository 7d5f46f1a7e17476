"""What the three peers have in common: code tables, limits, messages and factor look-ups.

Only data, no logic of the program: each peer writes the checks and the formula of HD-REUSE v1 in
its own language. A look-up is a small table keyed by words and by *period*, a stretch of days on
which no factor changes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

from carbon.domain.activity.record import CODES, COLUMNS, HEDONG, REGIONS
from carbon.domain.errors import FAULTS

FACTORS = Path(__file__).resolve().parents[1] / "factors"
FAMILIES = "production displacement life transport packing refurbish energy grid policy".split()
IN_FORCE = date(2026, 1, 1)
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2099, 12, 31)
TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).date()
HEDONG_PREFIX = HEDONG
MAX_RECORD_KG = 10_000_000.0

NAMES = [c.name for c in COLUMNS]
TEXTS = {c.name: c.longest for c in COLUMNS if c.kind == "text"}
NUMBERS = {c.name: (c.low, c.high) for c in COLUMNS if c.kind in ("number", "whole")}
WHOLE = [c.name for c in COLUMNS if c.kind == "whole"]
DAYS = [c.name for c in COLUMNS if c.kind == "day"]
REQUIRED = [c.name for c in COLUMNS if c.required]
COVERED = ("sale", "donation", "share", "trade_in")
NOT_REUSED = ("fibre", "disposal", "lost")

#: Upper limits of the parcel classes in kg, with their words; heavier goods take the last class.
PARCELS = ((1.0, "small"), (2.0, "2kg"), (15.0, "15kg"), (30.0, "30kg"))
PARCEL_KG = PARCELS[-1][0]
_FREIGHT = ("truck", "truck_light", "truck_medium", "truck_heavy", "truck_electric", "rail", "air")

GRADES = ("creditable", "display", "not_yet")
GRAMS = ("be_g", "pe_g", "u_g", "le_g", "er_g")

#: Roles in the order of the output, with the column that their faults are reported under.
ROLES = {
    "ef": "item_type",
    "displacement": "act",
    "life": "item_type",
    "unknown_age_life": "item_type",
    "recirculation": "item_id",
    "transport": "transport_mode",
    "packing": "transport_mode",
    "refurbish": "process",
    "platform": "item_type",
    "used_kwh": "item_type",
    "new_kwh": "item_type",
    "grid": "item_type",
    "condition_cap": "condition",
    "default_share": "destination",
    "leakage_rate": "item_type",
}
#: Roles whose fault is told first where the same column has several: a row is told one each.
EARLIER = {
    role: [r for r, c in list(ROLES.items())[:place] if c == column]
    for place, (role, column) in enumerate(ROLES.items())
}
#: Acts that avoid nothing, or nothing under this methodology, with the reason.
UNCOVERED = {
    "intake": "act.intake",
    "repair_failed": "repair.not_fixed",
    "repair": "act.not_covered",
}
#: Decimals to which a remaining life is compared with the least one.
LIFE_DECIMALS = 9
OPTIONAL = ("used_kwh", "new_kwh", "condition_cap", "default_share")
#: Roles by the look-up table that answers them.
TABLES = {
    "item": ("ef", "life", "unknown_age_life", "used_kwh", "new_kwh"),
    "taken": ("displacement",),
    "moved": ("transport",),
    "prepared": ("refurbish",),
    "capped": ("condition_cap",),
    "dated": (
        "recirculation",
        "packing",
        "platform",
        "grid",
        "default_share",
        "leakage_rate",
    ),
}
#: What a factor can fail with; a row of a role carries at most one.
FACTOR_CODES = (
    "factor.missing",
    "factor.before_first",
    "factor.ended",
    "factor.not_yet",
    "factor.display_only",
)

#: Columns of the look-ups that are keys, and that are yes or no.
KEYS = ("item_type", "kind", "act", "moved_by", "process", "condition_read")
BOOLEANS = (
    "by_weight",
    "age_required",
    "uses_power",
    "is_parcel",
    "is_tonne",
    "is_freight",
    "is_packed",
    "includes_life",
)

Cell = str | float | int | bool | None
Row = dict[str, Cell]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a role gets for a key and a period."""

    value: float | None = None
    id: str | None = None
    grade: int = 0
    carried: bool = False
    fault: str | None = None
    why: str = ""


class Job:
    """Factor tables as look-ups, read once from a folder."""

    def __init__(self, folder: Path = FACTORS) -> None:
        self._rows: dict[tuple[str, str], list[dict[str, str]]] = {}
        days: set[date] = set()
        for family in FAMILIES:
            for raw in _read(folder / f"{family}.csv"):
                self._rows.setdefault((family, raw["key"]), []).append(raw)
                days.add(date.fromisoformat(raw["effective"]))
                if raw["until"]:
                    days.add(date.fromisoformat(raw["until"]) + timedelta(days=1))
        #: First day of each period.
        self.periods = [FIRST_DAY, *sorted(d for d in days if d > FIRST_DAY)]
        self.items = list(_read(folder / "items.csv"))
        self.words = {name: [c.code for c in coded] for name, coded in CODES.items()}
        self.words["receiver_region"] = [r.code for r in REGIONS]
        self.words["item_type"] = [i["item_type"] for i in self.items]
        self.return_window = int(float(self.find("policy", "return_window", TODAY).value or 0))

    def find(self, family: str, key: str, day: date) -> Answer:
        """The row in force on a day, or why there is none."""
        history = self._rows.get((family, key), [])
        if not history:
            return Answer(fault="factor.missing")
        started = [r for r in history if date.fromisoformat(r["effective"]) <= day]
        if not started:
            return Answer(fault="factor.before_first")
        row = started[-1]
        ended = bool(row["until"]) and date.fromisoformat(row["until"]) < day
        if ended and row["carry"] != "yes":
            return Answer(fault="factor.ended")
        fault = {"not_yet": "factor.not_yet", "display": "factor.display_only"}.get(row["grade"])
        return Answer(
            float(row["value"]) if row["value"] else None,
            f"{family}/{key}@{row['effective']}",
            GRADES.index(row["grade"]),
            ended,
            fault,
            row["grade_reason"] if fault else "",
        )

    def _cells(self, role: str, family: str, key: str, period: int) -> Row:
        found = self.find(family, key, self.periods[period])
        fault = found.fault
        if role in OPTIONAL and fault != "factor.not_yet":
            fault = None
        return {
            role: found.value,
            f"{role}_id": found.id,
            f"{role}_grade": found.grade,
            f"{role}_carried": found.carried,
            f"{role}_fault": fault,
            f"{role}_why": found.why,
        }

    def item(self) -> Iterator[Row]:
        """By item type: how it is counted, production, life, power."""
        for raw, period in product(self.items, range(len(self.periods))):
            name, kind = raw["item_type"], raw["displacement_class"]
            yield {
                "item_type": name,
                "period": period,
                "kind": kind,
                "by_weight": raw["unit"] == "kg",
                "mass_low": float(raw["mass_low_kg"] or 0),
                "mass_high": float(raw["mass_high_kg"]) if raw["mass_high_kg"] else None,
                "age_required": raw["age_required"] == "yes",
                "uses_power": raw["uses_power"] == "yes",
                **self._cells("ef", "production", name, period),
                **self._cells("life", "life", name, period),
                **self._cells(
                    "unknown_age_life", "policy", f"unknown_age_life_ratio/{kind}", period
                ),
                **self._cells("used_kwh", "energy", f"{name}/used", period),
                **self._cells("new_kwh", "energy", f"{name}/new", period),
            }

    def taken(self) -> Iterator[Row]:
        """By displacement class and act: would a new one have been bought."""
        kinds = sorted({i["displacement_class"] for i in self.items})
        for kind, act, period in product(kinds, COVERED, range(len(self.periods))):
            key: Row = {"kind": kind, "act": act, "period": period}
            row = self._cells("displacement", "displacement", f"{kind}/{act}", period)
            yield {**key, **row, "includes_life": self._includes_life(f"{kind}/{act}", period)}

    def _includes_life(self, key: str, period: int) -> bool:
        found = self.find("displacement", key, self.periods[period]).id
        history = self._rows.get(("displacement", key), [])
        return any(
            r["includes"] == "life" and f"@{r['effective']}" in (found or "") for r in history
        )

    def moved(self) -> Iterator[Row]:
        """By mode of transport, home delivery split into parcel classes."""
        parcels = [f"home_delivery_{word}" for _, word in PARCELS]
        modes = [m for m in self.words["transport_mode"] if m != "home_delivery"]
        for mode, period in product([*modes, *parcels], range(len(self.periods))):
            yield {
                "moved_by": mode,
                "period": period,
                "is_parcel": mode in parcels,
                "is_tonne": mode == "collection",
                "is_freight": mode in _FREIGHT,
                "is_packed": mode in (*parcels, "pickup_point_car", "pickup_point_foot", *_FREIGHT),
                **self._cells("transport", "transport", mode, period),
            }

    def prepared(self) -> Iterator[Row]:
        """By item type and preparation, where the folder has a row."""
        for (family, key), period in product(self._rows, range(len(self.periods))):
            if family == "refurbish":
                item, process = key.split("/")
                place: Row = {"item_type": item, "process": process, "period": period}
                yield {**place, **self._cells("refurbish", family, key, period)}

    def capped(self) -> Iterator[Row]:
        """By condition; an empty one counts as fair."""
        for word, period in product(self.words["condition"], range(len(self.periods))):
            cells = self._cells("condition_cap", "policy", f"condition_cap/{word}", period)
            yield {"condition_read": word, "period": period, **cells}

    def dated(self) -> Iterator[Row]:
        """Factors that depend on the day alone."""
        for period in range(len(self.periods)):
            yield {
                "period": period,
                **self._cells("recirculation", "policy", "recirculation_deduction", period),
                **self._cells("packing", "packing", "single_use", period),
                **self._cells("platform", "policy", "platform_energy", period),
                **self._cells("grid", "grid", "grid_co2/tianjin", period),
                **self._cells("default_share", "policy", "reuse_share_default", period),
                **self._cells("leakage_rate", "policy", "leakage_rate/reuse", period),
            }

    def table(self, name: str) -> list[Row]:
        """A look-up by name; ``<name>_bad``: some role has a fault, ``<name>_old``: is carried."""
        rows: Iterable[Row] = getattr(self, name)()
        return [
            {**row, **_any(name, row, "bad", "fault"), **_any(name, row, "old", "carried")}
            for row in rows
        ]


def _any(table: str, row: Row, name: str, part: str) -> Row:
    return {f"{table}_{name}": any(row[f"{role}_{part}"] for role in TABLES[table])}


def _read(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def said(code: str) -> tuple[str, str]:
    """Message and fix of a fault."""
    fault = FAULTS[code]
    return fault.what.en, fault.fix.en
