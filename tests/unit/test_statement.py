"""Fields of a verification statement (TRUST V6)."""

from __future__ import annotations

import pytest

from carbon.domain.errors import CarbonError
from carbon.domain.log.leaf import MAX_LEAF_BYTES, canonical
from carbon.domain.mrv.statement import FIELDS, MAX_FINDINGS, MAX_ITEMS, check_statement, missing

SOUND = {
    "responsible_party": "河东循环科技有限公司",
    "criteria": "HD-REUSE v1; ISO 14064-3:2019",
    "boundary": "河东门店",
    "period": "2026-10",
    "objective": "核查监测期减排量",
    "assurance": "reasonable",
    "materiality": 500,
    "method": "MUS-cell/1 confidence=95% expected=0bp tolerable=500bp units=60 interval=8325g",
    "seed": "0" * 64,
    "sample": [[12, -1], [13, 40]],
    "findings": [["p/2026-10/1", "CAR", "closed"], ["p/2026-10/2", "FAR", "answered"]],
    "claimed_g": "499500",
    "projected_g": "-12",
    "bound_g": "24940",
    "verified_g": "499500",
    "opinion": "positive",
    "team": ["a" * 32],
    "independence": "无利益冲突",
    "date": "2026-11-25",
    "report": "f" * 64,
}


def refused(**changed: object) -> CarbonError:
    with pytest.raises(CarbonError) as caught:
        check_statement(SOUND | changed)
    return caught.value


def test_a_whole_statement_is_sealed_and_is_canonical_json():
    check_statement(SOUND | {"findings": []})
    check_statement(SOUND)
    canonical(SOUND)


@pytest.mark.parametrize("name", FIELDS)
def test_each_missing_field_blocks(name):
    without = {key: value for key, value in SOUND.items() if key != name}
    assert missing(without) == missing(SOUND | {name: ""}) == [name]
    with pytest.raises(CarbonError) as caught:
        check_statement(without)
    assert (caught.value.code, caught.value.values["names"]) == ("statement.incomplete", name)


def test_a_statement_needs_a_sample_and_a_team():
    assert missing(SOUND | {"sample": [], "team": [], "findings": []}) == ["sample", "team"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("responsible_party", "two\nlines"),
        ("period", "2026-13"),
        ("materiality", 5.0),
        ("materiality", "500"),
        ("assurance", "absolute"),
        ("seed", "0" * 63),
        ("sample", [[1]]),
        ("sample", [[1, -2]]),
        ("sample", [(1, 2)]),
        ("findings", [["f", "CAR", "gone"]]),
        ("claimed_g", 499500),
        ("verified_g", "-1"),
        ("opinion", "unqualified"),
        ("team", ["Li Lei"]),
        ("date", "yesterday"),
        ("seal", "red"),
    ],
)
def test_a_wrong_value_is_named(name, value):
    error = refused(**{name: value})
    assert (error.code, error.values["member"]) == ("statement.form", name)


@pytest.mark.parametrize(
    "changed",
    [
        {"verified_g": "499501"},
        {"opinion": "adverse"},
        {"findings": [["f", "CAR", "answered"]]},
        {"findings": [["f", "CL", "open"]]},
    ],
)
def test_fields_that_disagree_are_refused(changed):
    assert refused(**changed).code == "statement.contradiction"


def test_an_adverse_statement_may_leave_findings_open():
    check_statement(
        SOUND | {"opinion": "adverse", "verified_g": "0", "findings": [["f", "CAR", "open"]]}
    )


def test_the_largest_sample_and_the_most_findings_fit_a_leaf():
    largest = {
        "sample": [[10**9, 10**7 + n] for n in range(MAX_ITEMS)],
        "findings": [["project-of-hedong/2026-10/1", "CAR", "closed"]] * MAX_FINDINGS,
    }
    check_statement(SOUND | largest)
    assert len(canonical(SOUND | largest)) < MAX_LEAF_BYTES - 4_096
