"""What other registries read: CAD Trust, data model 2.0.2."""

from __future__ import annotations

import csv
import io
import json

import pytest

from carbon.adapters import cadt
from carbon.domain.errors import CarbonError
from document_samples import PROJECT

UUID = "7f1c6c1e-8f7f-4b2e-9b0e-0d3c6f1f2a11"
BLOCK = {
    "first": "HD-000000000001",
    "last": "HD-000000000020",
    "owner": "shops",
    "status": "held",
    "status_date": "2026-11-20",
    "vintage": 2026,
    "pilot": False,
    "link": "https://demo.example.cn/hedong/units/HD-000000000001",
    "issuance": UUID,
}
#: Fields that the model requires of whoever submits (docs/cadtrust-schema-v2.0.2.json).
REQUIRED = {
    "project": "projectRegistryName projectId projectName projectLink projectSector projectType projectStatus projectStatusDate projectUnitMetric",
    "issuance": "issuanceId cadTrustVerificationId cadTrustProjectMethodologyId cadTrustLocationId",
    "unit": "unitSerialId unitStartBlock unitEndBlock unitCount unitType unitVintageYear unitStatus unitStatusReason unitStatusDate unitMetric cadTrustIssuanceId",
}


def project(**change):
    values = PROJECT | {"status_date": "2026-01-01"} | change
    return cadt.project_record(values, "碳普惠", "https://demo.example.cn/hedong/projects/p1")


def issuance():
    return cadt.issuance_record(
        {
            "id": "p1/2026/1",
            "date": "2026-11-20",
            "verification": UUID,
            "project_methodology": UUID,
            "location": UUID,
        }
    )


def test_every_required_field_is_there_and_filled():
    records = {"project": project(), "issuance": issuance(), "unit": cadt.unit_record(BLOCK)}
    for table, names in REQUIRED.items():
        for name in names.split():
            assert records[table][name] not in (None, ""), name


@pytest.mark.parametrize(
    ("status", "published"),
    [
        ("held", "Held"),
        ("escrow", "Held"),
        ("buffer", "Buffer"),
        ("retired", "Retired"),
        ("cancelled", "Cancelled"),
    ],
)
def test_statuses_are_those_of_the_picklist_and_have_a_reason(status, published):
    record = cadt.unit_record(BLOCK | {"status": status})
    assert record["unitStatus"] == published
    assert record["unitStatusReason"]
    assert (
        cadt.unit_record(BLOCK | {"status": status, "reason": "why"})["unitStatusReason"] == "why"
    )


def test_a_kilogram_is_a_thousandth_of_what_the_model_counts():
    """20 credits are 0.02 t; a million tonnes keep their last kilogram."""
    assert json.loads(cadt.records_json([cadt.unit_record(BLOCK)]))[0]["unitCount"] == 0.02
    many = cadt.unit_record(BLOCK | {"last": "HD-999999999999"})
    assert b'"unitCount": 999999999.999' in cadt.records_json([many])
    assert many["unitMetric"] == "tCO2e"


def test_what_cad_trust_names_later_is_empty():
    """A unit and an issuance can be written before their parents exist there."""
    block = {name: value for name, value in BLOCK.items() if name != "issuance"}
    assert cadt.unit_record(block)["cadTrustIssuanceId"] is None
    issued = cadt.issuance_record({"id": "p1/2026/1", "date": "2026-11-20"})
    assert issued["cadTrustVerificationId"] is None


def test_a_pilot_unit_says_so():
    assert cadt.unit_record(BLOCK | {"pilot": True})["unitStatusReason"].startswith("Pilot unit")
    assert project()["projectStatus"] == "Listed"
    assert project(status="filed")["projectStatus"] == "Registered"


def test_a_retirement_names_its_beneficiary_and_what_for():
    record = cadt.unit_record(
        BLOCK | {"status": "retired", "beneficiary": "school", "purpose": "event"}
    )
    assert record["unitRetirementBeneficiary"] == "school"
    assert record["unitRetirementDetail"] == "event"


def test_a_value_outside_a_picklist_is_refused():
    """export.picklist, for one value and for a list of them."""
    for wrong in (
        {"unitStatus": "Active"},
        {"projectSector": ["Waste handling and disposal", "Re-use"]},
    ):
        with pytest.raises(CarbonError) as refused:
            cadt.checked(dict(wrong))
        assert refused.value.code == "export.picklist"
    with pytest.raises(CarbonError):
        cadt.unit_record(BLOCK | {"status": "lost"})


def test_serials_that_are_none_are_refused():
    for change in ({"first": "HD-1"}, {"last": "HD-000000000000"}):
        with pytest.raises(CarbonError) as refused:
            cadt.unit_record(BLOCK | change)
        assert refused.value.code.startswith("serial.")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_the_csv_is_computed(start):
    record = cadt.unit_record(BLOCK | {"owner": f"{start}cmd|'/c calc'!A1"})
    (row,) = csv.DictReader(io.StringIO(cadt.records_csv([record]).decode("utf-8-sig"), newline=""))
    assert row["unitCurrentOwner"] == f"'{start}cmd|'/c calc'!A1"
    assert row["unitCount"] == "0.02"
    assert row["unitRetirementDetail"] == ""


def test_the_csv_of_projects_joins_lists_and_opens_in_a_chinese_spreadsheet():
    text = cadt.records_csv([project()])
    assert text.startswith(b"\xef\xbb\xbf")
    assert "碳普惠" in text.decode()
    assert cadt.records_csv([]) == b"\xef\xbb\xbf\r\n"


def test_a_file_has_a_limit():
    records = [cadt.unit_record(BLOCK)] * (cadt.MAX_RECORDS + 1)
    for write in (cadt.records_json, cadt.records_csv):
        with pytest.raises(CarbonError) as refused:
            write(records)
        assert refused.value.code == "document.rows"
