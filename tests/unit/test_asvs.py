"""docs/asvs.csv: every requirement of ASVS 5.0.0 level 2 once, each with evidence that exists."""

from __future__ import annotations

import ast
import csv
from collections import Counter
from functools import cache

import pytest

from conftest import ROOT

COLUMNS = ["id", "level", "topic", "state", "evidence", "note"]
STATES = {"met", "not_applicable", "outside", "open"}
#: Requirements of level 1 by section, as the standard numbers them.
LEVEL_1 = {
    "1.2": "1 2 3 4 5", "1.3": "1 2", "1.5": "1", "2.1": "1", "2.2": "1 2", "2.3": "1",
    "3.2": "1 2", "3.3": "1", "3.4": "1 2", "3.5": "1 2 3", "4.1": "1", "4.4": "1",
    "5.2": "1 2", "5.3": "1 2", "6.1": "1", "6.2": "1 2 3 4 5 6 7 8", "6.3": "1 2", "6.4": "1 2",
    "7.2": "1 2 3 4", "7.4": "1 2", "8.1": "1", "8.2": "1 2", "8.3": "1", "9.1": "1 2 3",
    "9.2": "1", "11.3": "1 2", "11.4": "1", "12.1": "1", "12.2": "1 2", "13.4": "1", "14.2": "1",
    "14.3": "1", "15.1": "1", "15.2": "1", "15.3": "1",
}  # fmt: skip
#: Requirements of level 2 by section.
LEVEL_2 = {
    "1.1": "1 2", "1.2": "6 7 8 9", "1.3": "3 4 5 6 7 8 9 10 11", "1.4": "1 2 3", "1.5": "2",
    "2.1": "2 3", "2.2": "3", "2.3": "2 3 4", "2.4": "1", "3.3": "2 3 4", "3.4": "3 4 5 6",
    "3.5": "4 5", "3.7": "1 2", "4.1": "2 3", "4.2": "1", "4.3": "1 2", "4.4": "2 3 4",
    "5.1": "1", "5.2": "3", "5.4": "1 2 3", "6.1": "2 3", "6.2": "9 10 11 12", "6.3": "3 4",
    "6.4": "3 4", "6.5": "1 2 3 4 5", "6.6": "1 2 3", "6.8": "1 2 3 4", "7.1": "1 2 3",
    "7.3": "1 2", "7.4": "3 4 5", "7.5": "1 2", "7.6": "1 2", "8.1": "2", "8.2": "3", "8.4": "1",
    "9.2": "2 3 4", "11.1": "1 2", "11.2": "1 2 3", "11.3": "3", "11.4": "2 3 4", "11.5": "1",
    "11.6": "1", "12.1": "2 3", "12.3": "1 2 3 4", "13.1": "1", "13.2": "1 2 3 4 5",
    "13.3": "1 2", "13.4": "2 3 4 5", "14.1": "1 2", "14.2": "2 3 4", "14.3": "2 3",
    "15.1": "2 3", "15.2": "2 3", "15.3": "2 3 4 5 6 7", "16.1": "1", "16.2": "1 2 3 4 5",
    "16.3": "1 2 3 4", "16.4": "1 2 3", "16.5": "1 2 3",
}  # fmt: skip
#: What TRUST S1 adds of level 3, and what single sign-on makes ours of OAuth.
LEVEL_3 = {"2.3.5", "2.4.2", "5.2.4", "5.2.5", "5.3.3", "14.2.6", "14.2.7", "16.5.4"}
OAUTH = {f"10.{part}" for part in "1.1 1.2 2.1 2.2 5.1 5.2 5.3 5.4 5.5".split()}
#: Requirements of levels 1 and 2 in each chapter, counted in the standard.
CHAPTERS = {
    1: 27, 2: 11, 3: 19, 4: 10, 5: 9, 6: 35, 7: 18, 8: 7, 9: 7, 11: 14, 12: 9, 13: 13, 14: 9,
    15: 13, 16: 16,
}  # fmt: skip


def spelled(sections):
    return {f"{section}.{n}" for section, numbers in sections.items() for n in numbers.split()}


EXPECTED = (
    dict.fromkeys(spelled(LEVEL_1), "1")
    | dict.fromkeys(spelled(LEVEL_2) | OAUTH, "2")
    | dict.fromkeys(LEVEL_3, "3")
)


@cache
def rows():
    with (ROOT / "docs" / "asvs.csv").open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        assert reader.fieldnames == COLUMNS
        return list(reader)


@cache
def defined_in(path):
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def test_every_requirement_is_there_once_with_its_level():
    assert [id_ for id_, n in Counter(row["id"] for row in rows()).items() if n > 1] == []
    assert {row["id"]: row["level"] for row in rows()} == EXPECTED
    in_order = sorted(EXPECTED, key=lambda id_: [int(part) for part in id_.split(".")])
    assert [row["id"] for row in rows()] == in_order


def test_chapters_have_as_many_as_the_standard():
    found = Counter(
        int(row["id"].split(".")[0])
        for row in rows()
        if row["level"] != "3" and row["id"] not in OAUTH
    )
    assert found == CHAPTERS
    assert sum(CHAPTERS.values()) == 217


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["id"])
def test_a_row_has_evidence_that_exists_or_a_reason(row):
    assert row["state"] in STATES
    assert 1 <= len(row["topic"].split()) <= 6
    assert row["evidence"] or row["state"] == "not_applicable"
    assert row["state"] == "met" or row["note"].endswith(".")
    if row["evidence"]:
        path, _, name = row["evidence"].partition("::")
        assert (ROOT / path).is_file()
        assert not name or name in defined_in(path)


@pytest.mark.parametrize("name", ["asvs.md", "asvs.en.md"])
def test_the_page_tells_the_totals_of_the_table(name):
    page = (ROOT / "docs" / name).read_text("utf-8")
    for state, number in Counter(row["state"] for row in rows()).items():
        assert f"| `{state}` | {number} |" in page
    told = page[page.index("## 2") : page.index("## 3")]
    for row in rows():
        assert (f"| {row['id']} |" in told) == (row["state"] == "open"), row["id"]
