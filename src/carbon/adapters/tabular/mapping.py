"""Column mappings: a small declarative TOML file that turns a user's columns into canonical ones.

The format, with examples, is in docs/mappings.md.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from carbon.domain.activity.record import COLUMN, COLUMNS, folded
from carbon.domain.errors import CarbonError

MAX_MAPPING_BYTES = 200_000

#: By column, what one of a unit is in the column's own unit.
UNITS = {
    "mass_kg": {"kg": 1.0, "g": 0.001, "t": 1_000.0, "jin": 0.5},
    "age_years": {"year": 1.0, "month": 1 / 12, "day": 1 / 365.25},
    "price_fen": {"fen": 1.0, "yuan": 100.0},
    "transport_km": {"km": 1.0, "m": 0.001},
}
#: Decimals kept when a unit is converted, so that 19.99 yuan are 1999 fen.
UNIT_DECIMALS = 9

#: Columns that tell records and items apart: a constant would make them all one.
IDENTITIES = ("record_id", "item_id")


#: Columns of annotated files, which come back with the next submission.
OWN_COLUMN = "carbon."


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Strict):
    """Where one canonical column comes from: a source column, a constant, or the row number."""

    source: str | None = Field(None, alias="from", min_length=1, max_length=200)
    constant: str | None = Field(None, max_length=200)
    row_number: str | None = Field(None, max_length=40)
    unit: str | None = None
    codes: dict[str, str] = Field(default_factory=dict, max_length=5_000)
    format: str | None = Field(None, max_length=40)

    @model_validator(mode="after")
    def _check(self) -> Rule:
        given = [v for v in (self.source, self.constant, self.row_number) if v is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of from, constant, row_number")
        return self


class Mapping(_Strict):
    """A mapping by canonical column; ``canonical`` is the empty one, with names as they are."""

    title: dict[str, str] = Field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    columns: dict[str, Rule] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Mapping:
        unknown = [name for name in self.columns if name not in COLUMN]
        if unknown:
            raise ValueError(f"no canonical column is called {', '.join(unknown)}")
        for name, rule in self.columns.items():
            _check_rule(name, rule)
        return self

    def place(self, header: list[str], path: object) -> dict[str, Rule]:
        """The rule of every canonical column that this header can fill.

        Raises ``columns.duplicate``, ``columns.unknown``, ``columns.missing``.
        """
        seen = [name.strip() for name in header]
        twice = sorted({name for name in seen if seen.count(name) > 1})
        if twice:
            raise CarbonError("columns.duplicate", path=path, columns=", ".join(twice))
        rules = self._explicit(seen) if self.columns else _canonical(seen)
        lacking = [c.name for c in COLUMNS if c.required and c.name not in rules]
        absent = [r.source for r in rules.values() if r.source and r.source not in seen]
        if lacking or absent:
            raise CarbonError("columns.missing", path=path, columns=", ".join([*lacking, *absent]))
        used = {rule.source for rule in rules.values()} | set(self.ignore)
        free = "*" in self.ignore
        unknown = [n for n in seen if n not in used and not free and not n.startswith(OWN_COLUMN)]
        if unknown:
            told = ", ".join(repr(name[:40]) for name in unknown[:10])
            raise CarbonError("columns.unknown", path=path, columns=told)
        return rules

    def _explicit(self, header: list[str]) -> dict[str, Rule]:
        optional = {n for n, r in self.columns.items() if r.source and not COLUMN[n].required}
        present = set(header)
        return {
            name: rule
            for name, rule in self.columns.items()
            if name not in optional or rule.source in present
        }


def _check_rule(name: str, rule: Rule) -> None:
    """What a rule says must fit its column. Raises ``ValueError`` with the reason."""
    units = UNITS.get(name, {})
    if rule.unit is not None and rule.unit not in units:
        raise ValueError(f"{name}: unit must be one of {', '.join(units) or 'none'}")
    if rule.codes and COLUMN[name].kind != "code":
        raise ValueError(f"{name}: codes are for columns with codes")
    if rule.format is not None and COLUMN[name].kind != "day":
        raise ValueError(f"{name}: format is for dates")
    if name not in IDENTITIES and rule.row_number is not None:
        raise ValueError(f"{name}: row_number is for {' and '.join(IDENTITIES)}")
    if name in IDENTITIES and rule.constant is not None:
        raise ValueError(f"{name}: a constant cannot tell records apart")


def _canonical(header: list[str]) -> dict[str, Rule]:
    """Rules for a file with canonical headers, in code, Chinese or English."""
    names = {}
    for column in COLUMNS:
        for word in (column.name, column.title.zh, column.title.en):
            names[folded(word)] = column.name
    rules: dict[str, Rule] = {}
    for name in header:
        column_name = names.get(folded(name))
        if column_name and column_name not in rules:
            rules[column_name] = Rule.model_validate({"from": name})
    return rules


def _shipped() -> dict[str, Path]:
    folder = Path(str(files("carbon.adapters.tabular") / "mappings"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def mapping_names() -> list[str]:
    """Names of the mappings that ship with the program."""
    return ["canonical", *_shipped()]


def read_mapping(name: str) -> Mapping:
    """A shipped mapping by name, or a mapping file by path.

    Raises ``mapping.missing``, ``mapping.invalid``.
    """
    if name == "canonical":
        return Mapping()
    path = _shipped().get(name, Path(name))
    if not path.is_file():
        raise CarbonError("mapping.missing", name=name, known=", ".join(mapping_names()))
    try:
        if path.stat().st_size > MAX_MAPPING_BYTES:
            raise CarbonError("mapping.invalid", name=name, reason=f"> {MAX_MAPPING_BYTES} bytes")
        told = tomllib.loads(path.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, ValueError, OSError, RecursionError) as error:
        raise CarbonError("mapping.invalid", name=name, reason=error) from error
    return told_mapping(told, name)


def told_mapping(told: object, name: str) -> Mapping:
    """A mapping as its file says it; ``name``: what it is called. Raises ``mapping.invalid``."""
    try:
        mapping = Mapping.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = f"{where}: {first['msg']}"
        raise CarbonError("mapping.invalid", name=name, reason=reason) from error
    if not mapping.columns:
        raise CarbonError("mapping.invalid", name=name, reason="no [columns.…]")
    return mapping
