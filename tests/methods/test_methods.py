"""Runs the worked examples of this folder through the whole program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

BOOKS = {
    path.stem: yaml.safe_load(path.read_text("utf-8"))
    for path in sorted(Path(__file__).parent.glob("*.yaml"))
}


def cases(kind: str) -> list[Any]:
    return [
        pytest.param(book, case, id=f"{name}: {case['name']}")
        for name, book in BOOKS.items()
        for case in book.get(kind, [])
    ]


def quantified(run, book, case):
    record = {"record_id": "r1", **book["record"], **case.get("change", {})}
    return run([record], methodology=book["methodology"], **book.get("options", {}))


@pytest.mark.parametrize(("book", "case"), cases("examples"))
def test_worked_example(run, book, case):
    found = quantified(run, book, case)
    assert found.rejects == []
    (record,) = found.records
    assert {name: record[name] for name in case["grams"]} == case["grams"]
    assert record["er_g"] == record["be_g"] - record["pe_g"] - record["u_g"] - record["le_g"]
    assert set(case.get("flags", [])) <= set(record["flags"].split(";"))


@pytest.mark.parametrize(("book", "case"), cases("rejects"))
def test_reject_has_exactly_its_reasons(run, book, case):
    found = quantified(run, book, case)
    assert found.codes == set(case["codes"])
    assert found.summary["quantified"] == 0
    assert all(row["message"] and row["fix"] for row in found.rejects)
