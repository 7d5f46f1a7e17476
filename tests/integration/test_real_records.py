"""Real records end to end: every one is quantified or rejected with a reason, and counts add up."""

from __future__ import annotations

import csv
from datetime import date

import pytest

from carbon.adapters.tabular.mapping import read_mapping

DAY = date(2026, 10, 1)
REPAIRS = {
    "restart_project_202204.csv": 23_940,
    "repair_cafe_wales_202507.csv": 20_190,
}


def categories_with_a_factor(catalogue) -> set[str]:
    codes = read_mapping("ords").columns["item_type"].codes
    return {
        name
        for name, item in codes.items()
        if catalogue.find("production", item, DAY).row.value is not None
    }


@pytest.mark.parametrize(("name", "rows"), REPAIRS.items())
def test_real_repairs(shared, run, catalogue, name, rows):
    path = shared / "open_repair" / name
    found = run(path, mapping="ords", methodology="HD-REPAIR", demonstration=True, as_of=DAY)
    s = found.summary
    assert (s["rows"], s["quantified"] + s["rejected"]) == (rows, rows)
    assert {row["row"] for row in found.rejects}.isdisjoint(r["row"] for r in found.records)
    assert len({row["row"] for row in found.rejects}) == s["rejected"]
    with path.open(encoding="utf-8", newline="") as stream:
        repairs = list(csv.DictReader(stream))
    known = categories_with_a_factor(catalogue)
    fixed = [r for r in repairs if r["repair_status"] == "Fixed" and r["product_category"] in known]
    assert s["quantified"] >= 0.9 * len(fixed)
    unknown_age = [r for r in found.records if r["age_years"] is None]
    assert all("age_unknown" in r["flags"] and r["life"] <= 0.1 for r in unknown_age)


@pytest.mark.parametrize("name", REPAIRS)
def test_real_repairs_never_issue(shared, run, name):
    found = run(shared / "open_repair" / name, mapping="ords", methodology="HD-REPAIR")
    assert found.summary["quantified"] == 0
    assert found.summary["uncertainty"]["issuable_g"] == 0
    assert {"region.abroad", "methodology.not_in_force", "age.missing"} <= found.codes


def test_real_devices(shared, run):
    path = shared / "used_phones" / "used_device_data.csv"
    found = run(path, mapping="used-devices", demonstration=True, as_of=DAY)
    s = found.summary
    assert s["rows"] == 3454 == s["quantified"] + s["rejected"]
    assert found.codes == {"mass.band"}
    assert run(path, mapping="used-devices").summary["quantified"] == 0


def test_ademe_totals_reproduce(shared, catalogue):
    """WE13, WE14: our production figure + use · years + end of life gives the published total."""
    with (shared / "ademe" / "ademe_impactco2_products.csv").open(encoding="utf-8") as stream:
        products = {row["slug"]: row for row in csv.DictReader(stream)}
    with (shared / "worked_examples.csv").open(encoding="utf-8") as stream:
        examples = {
            row["id"]: float(row["expected"].split()[0])
            for row in csv.DictReader(stream)
            if row["id"] in ("WE13", "WE14")
        }
    for evidence, slug, example in (
        ("ademe-jeans", "jeans", "WE13"),
        ("ademe-phone", "smartphone", "WE14"),
    ):
        product = products[slug]
        use, years = float(product["use_per_year_kg"]), float(product["default_years"])
        ours = float(catalogue.evidence[evidence]["value"])
        total = ours + use * years + float(product["end_of_life_kg"])
        assert total == pytest.approx(examples[example], abs=1e-9)


def test_boavizta_s_phone_median_reproduces(shared, catalogue):
    """The adopted phone factor is the median of manufacturing footprints in the source table."""
    from statistics import median

    with (shared / "boavizta" / "boavizta-data-us.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    values = [
        float(r["gwp_total"]) * float(r["gwp_manufacturing_ratio"])
        for r in rows
        if r["subcategory"] == "Smartphone" and r["gwp_total"] and r["gwp_manufacturing_ratio"]
    ]
    assert len(values) == 50
    adopted = catalogue.find("production", "phone", DAY).row
    assert round(median(values), 1) == float(adopted.value)


def test_evidence_agrees_with_the_collected_figures(shared, catalogue):
    """Every adopted ADEME and UK production figure stands in the table it was read from."""
    with (shared / "ademe" / "ademe_impactco2_products.csv").open(encoding="utf-8") as stream:
        ademe = {
            round(float(r["production_and_distribution_kg"]), 2) for r in csv.DictReader(stream)
        }
    checked = 0
    for raw in catalogue.evidence.values():
        slug = raw["source"] == "ademe_impact_co2" and raw["boundary"].startswith("cradle_to_gate")
        if slug and raw["family"] == "production" and "stages 1 to 4" in raw["clause"]:
            assert round(float(raw["value"]), 2) in ademe, raw["evidence"]
            checked += 1
    assert checked >= 40
