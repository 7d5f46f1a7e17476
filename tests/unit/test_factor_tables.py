"""The shipped tables keep every rule; one broken table per mistake, each found by its code."""

import json
import shutil
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue, changes
from carbon.domain.factors.rules import check_folder
from carbon.domain.factors.table import COLUMNS
from carbon.files.factor_folder import MAX_TABLE_BYTES, read_catalogue, read_tables
from conftest import FACTORS, ROOT

SNAPSHOT = ROOT / "tests" / "unit" / "resolved_factors.json"
DAY = date(2026, 10, 1)


def test_the_shipped_tables_have_no_fault():
    assert check_folder(read_tables(FACTORS)) == []


def test_every_resolved_value_is_as_reviewed(catalogue):
    """A factor edit changes this file, so that its review shows every value that moves.

    Renew it with: python tests/unit/renew_snapshot.py
    """
    assert resolved(catalogue) == json.loads(SNAPSHOT.read_text("utf-8"))


def resolved(catalogue: Catalogue) -> dict[str, str]:
    """The answer for every key on the first of each year and today's month."""
    days = [date(2024, 1, 1), date(2025, 1, 1), date(2026, 1, 1), DAY]
    keys = sorted({(row.family, row.key) for row in catalogue.rows})
    found = {}
    for family, key in keys:
        for day in days:
            answer = catalogue.find(family, key, day)
            if answer.row is not None:
                row = answer.row
                value = f"{row.value} [{row.low}, {row.high}] {row.unit} {row.grade}"
                found[f"{family}/{key} {day}"] = value + (" carried" if answer.carried else "")
    return found


def test_all_categories_of_the_pilot_have_adopted_factors(catalogue):
    category = {i.item_type: i.category for i in catalogue.items}
    adopted = [r for r in catalogue.rows if r.family == "production" and r.value is not None]
    assert len(adopted) >= 60
    assert {category[r.key] for r in adopted} == {c.category for c in catalogue.categories}
    assert len(catalogue.categories) == 13


def test_grades_say_why(catalogue):
    for row in catalogue.rows:
        assert (row.grade == "creditable") == (row.grade_reason == "")


def test_free_goods_displace_at_most_35_percent(catalogue):
    for row in catalogue.rows:
        if row.family == "displacement" and row.key.endswith(("/donation", "/share")):
            assert row.high <= Decimal("0.35")


def test_grid_and_life_cycle_power_are_two_named_factors(catalogue):
    keys = {r.key: r.boundary for r in catalogue.rows if r.family == "grid"}
    assert keys["grid_co2/tianjin"] == "power_generation"
    assert keys["power_footprint/national"] == "power_life_cycle"
    assert catalogue.find("grid", "grid_co2/tianjin", DAY).row.value == Decimal("0.6796")


def test_appliances_and_computers_cannot_issue_yet(catalogue):
    powered = {i.item_type for i in catalogue.items if i.uses_power}
    grades = {r.key: r.grade for r in catalogue.rows if r.family == "production"}
    assert powered
    assert {grades[item] for item in powered} <= {"display", "not_yet"}


def test_a_factor_before_its_first_day_is_an_error_not_the_oldest_value(catalogue):
    """Trap 7."""
    first = catalogue.history("production", "phone")[0].effective
    assert catalogue.find("production", "phone", first).row is not None
    early = catalogue.find("production", "phone", first - timedelta(days=1))
    assert (early.row, early.fault) == (None, "factor.before_first")
    assert catalogue.find("production", "unheard_of", DAY).fault == "factor.missing"


# --- one broken table per mistake ----------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FACTORS, tmp_path / "factors"))


def edit(folder: Path, table: str, key: str, /, **cells: str) -> None:
    """Change cells of the first row with a key."""
    import csv

    path = folder / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    first = COLUMNS.get(table, ("key",))[0]
    next(r for r in rows if r[first] == key).update(cells)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


BROKEN = [
    ("production", "phone", {"unit": "kgCO2e/kg"}, "factors.band"),  # trap 1: per kg, per device
    ("production", "laptop", {"value": "8570000", "high": "9000000"}, "factors.band"),
    ("production", "coat", {"value": "2544", "high": "3000"}, "factors.band"),
    ("production", "phone", {"boundary": "cradle_to_grave"}, "factors.boundary"),  # trap 2
    ("production", "phone", {"boundary": "price_based"}, "factors.boundary"),
    (
        "production",
        "table_wood",  # trap 5: biogenic uptake makes wood negative
        {"value": "-3", "low": "-4", "high": "-2", "rule": "derived", "distribution": "normal"},
        "factors.biogenic",
    ),
    ("production", "phone", {"value": "52.9"}, "factors.rule"),
    ("production", "phone", {"value": "52,8"}, "factors.number"),
    ("production", "phone", {"value": "5.28e1"}, "factors.number"),
    ("production", "phone", {"low": "60"}, "factors.range"),
    ("production", "phone", {"low": "0", "value": "0"}, "factors.range"),
    ("production", "phone", {"distribution": "fixed"}, "factors.range"),
    ("production", "phone", {"source": "somewhere"}, "factors.reference"),
    ("production", "phone", {"source": ""}, "factors.missing_value"),
    ("production", "phone", {"value": ""}, "factors.missing_value"),
    ("production", "phone", {"evidence": "made-up"}, "factors.reference"),
    ("production", "phone", {"effective": "2026-1-1"}, "factors.date"),
    ("production", "phone", {"until": "2020-01-01"}, "factors.date"),
    ("production", "phone", {"effective": "20260101"}, "factors.date"),
    (
        "refurbish",
        "phone/light",
        {"value": "-5", "low": "-6", "high": "-4", "rule": "derived", "distribution": "normal"},
        "factors.range",
    ),
    ("policy", "platform_energy", {"value": "-9", "low": "-9", "high": "-9"}, "factors.range"),
    (
        "policy",
        "issuable_percentile",
        {"value": "330", "low": "330", "high": "330"},
        "factors.range",
    ),
    (
        "policy",
        "issuable_percentile",
        {"value": "33.7", "low": "33.7", "high": "33.7"},
        "factors.range",
    ),
    ("packing", "single_use", {"unit": "kWh/year", "rule": "derived"}, "factors.code"),
    ("transport", "home_delivery_small", {"unit": "kgCO2e/t", "rule": "derived"}, "factors.code"),
    ("grid", "grid_co2/tianjin", {"boundary": "power_life_cycle"}, "factors.boundary"),
    ("displacement", "electronics/sale", {"high": "1.5"}, "factors.range"),
    ("life", "phone", {"value": "0", "low": "0", "high": "0", "rule": "derived"}, "factors.range"),
    ("production", "phone", {"grade": "good"}, "factors.code"),
    ("production", "phone", {"grade": "display"}, "factors.grade_reason"),
    ("production", "phone", {"key": "telephone"}, "factors.order"),
    ("production", "phone", {"key": "laptop"}, "factors.duplicate"),
    ("items", "phone", {"category": "gadgets"}, "factors.reference"),
    ("items", "phone", {"aliases": "手机;笔记本电脑"}, "factors.duplicate"),
    ("items", "phone", {"unit": "piece"}, "factors.code"),
    ("evidence", "ademe-phone", {"value": "many"}, "factors.number"),
    ("sources", "ademe_impact_co2", {"title": ""}, "factors.missing_value"),
    ("sources", "boavizta_2023", {"title": "碳普惠因子表"}, "factors.code_host"),  # trap 6
    ("energy", "laptop/new", {"unit": "kgCO2e/item", "rule": "derived"}, "factors.code"),  # trap 3
    (
        "production",
        "laptop",
        {"boundary": "use", "grade": "creditable", "grade_reason": ""},
        "factors.boundary",
    ),
    ("categories", "books", {"rank": "first"}, "factors.number"),
]


@pytest.mark.parametrize(("table", "key", "cells", "code"), BROKEN)
def test_each_mistake_is_found_by_its_code(folder, table, key, cells, code):
    edit(folder, table, key, **cells)
    faults = check_folder(read_tables(folder))
    assert code in {fault.code for fault in faults}
    assert all(fault.say("zh") and fault.say("en") for fault in faults)
    with pytest.raises(CarbonError) as caught:
        read_catalogue(folder)
    assert caught.value.code == "factors.invalid"


def test_unknown_columns_are_refused(folder):
    path = folder / "life.csv"
    path.write_text(path.read_text("utf-8").replace("key,", "key,extra,", 1), "utf-8")
    with pytest.raises(CarbonError) as caught:
        read_catalogue(folder)
    assert caught.value.code == "factors.encoding"  # rows no longer fit their header
    path.write_text("key,value\nphone,5\n", "utf-8")
    assert {f.code for f in check_folder(read_tables(folder))} == {"factors.column"}


def test_a_folder_without_its_tables_or_text_is_refused(folder, tmp_path):
    (folder / "life.csv").write_bytes("手机".encode("gb18030"))
    with pytest.raises(CarbonError) as caught:
        read_tables(folder)
    assert caught.value.code == "factors.encoding"
    with pytest.raises(CarbonError) as caught:
        read_tables(tmp_path / "nowhere")
    assert caught.value.code == "factors.folder"
    (folder / "life.csv").write_bytes(b"x" * (MAX_TABLE_BYTES + 1))
    with pytest.raises(CarbonError) as caught:
        read_tables(folder)
    assert caught.value.code == "file.too_large"


def test_studies_of_one_origin_count_once(folder):
    """Trap 4: a second paper on the same study must not pull the median."""
    import csv

    path = folder / "evidence.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    again = next(r for r in rows if r["evidence"] == "ademe-jeans")
    rows += [{**again, "evidence": f"copy-{n}"} for n in range(3)]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    cited = next(r for r in read_catalogue(folder).rows if r.id.startswith("production/jeans@"))
    assert cited.rule == "median"
    edit(folder, "production", "jeans", evidence=";".join((*cited.evidence, "copy-0", "copy-1")))
    assert check_folder(read_tables(folder)) == []


def test_a_price_based_figure_never_backs_a_credit(catalogue):
    price_based = {e for e, raw in catalogue.evidence.items() if raw["boundary"] == "price_based"}
    assert price_based
    for row in catalogue.rows:
        if row.family == "production":
            assert not price_based & set(row.evidence)


def test_the_digest_follows_content_not_line_ends(folder):
    before = read_catalogue(folder).digest
    path = folder / "packing.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_catalogue(folder).digest == before
    edit(folder, "packing", "single_use", note="another note")
    assert read_catalogue(folder).digest != before


def test_a_difference_names_rows_and_their_change(folder, catalogue):
    edit(folder, "policy", "platform_energy", value="0.1", low="0.1", high="0.1")
    (change,) = changes(catalogue, read_catalogue(folder))
    assert (change.family, change.key, change.relative) == ("policy", "platform_energy", 1.0)
    edit(folder, "policy", "platform_energy", key="platform_energz")
    assert [c.relative for c in changes(catalogue, read_catalogue(folder))] == [None, None]


def test_the_data_package_describes_every_table():
    package = json.loads((FACTORS / "datapackage.json").read_text("utf-8"))
    described = {
        r["path"]: [f["name"] for f in r["schema"]["fields"]] for r in package["resources"]
    }
    tables = read_tables(FACTORS)
    assert set(described) == {f"{name}.csv" for name in tables}
    for name, table in tables.items():
        assert tuple(described[f"{name}.csv"]) == table.header


@pytest.mark.filterwarnings("ignore")  # the checker's own dependencies warn
def test_frictionless_validates_the_package():
    from frictionless import Package

    report = Package(str(FACTORS / "datapackage.json")).validate()
    assert report.valid, report.flatten(["message"])
