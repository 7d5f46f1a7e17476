"""P1: docs/personal_data.csv names every column of every table, and says why each personal one is kept.

A new column fails here until it has a line: whether it is about a person is decided by whoever adds
it, and nowhere by silence.
"""

from __future__ import annotations

import csv
from collections import Counter

import pytest

from carbon.adapters.store.tables import metadata
from carbon.domain.roles import Role
from conftest import ROOT

#: ``personal``: says something of somebody; ``pseudonym``: points at somebody; ``sealed``: opened by
#: that person's key alone; ``secret``: proves or protects; ``none``: about nobody.
KINDS = ("personal", "pseudonym", "sealed", "secret", "none")
#: Of the Personal Information Protection Law, article 13: items 1, 2 and 3.
BASES = ("consent", "contract", "legal_duty")


@pytest.fixture(scope="module")
def listed():
    with (ROOT / "docs" / "personal_data.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_column_of_every_table_is_listed_once(listed):
    told = Counter((row["table"], name) for row in listed for name in row["columns"].split())
    columns = {(t.name, c.name) for t in metadata.tables.values() for c in t.columns}
    assert columns - told.keys() == set(), "whether these are personal is not said"
    assert told.keys() - columns == set(), "there are no such columns"
    assert [place for place, times in told.items() if times > 1] == []


def test_what_is_personal_has_purpose_basis_retention_and_roles(listed):
    for row in listed:
        said = [row["purpose"], row["basis"], row["retention"], row["roles"]]
        assert row["kind"] in KINDS, row
        if row["kind"] == "none":
            assert not any(said), row
            continue
        assert all(said), row
        assert row["basis"] in BASES, row
        assert row["roles"] == "none" or set(row["roles"].split()) <= set(Role), row
        assert all(" · " in row[name] for name in ("purpose", "retention")), "both languages"


def test_what_proves_or_is_sealed_is_shown_to_nobody(listed):
    for row in listed:
        if row["kind"] in ("secret", "sealed"):
            assert row["roles"] == "none", row


def test_no_column_is_named_after_what_must_not_be_kept(listed):
    """No ID number, contact, face or precise place (TRUST P1)."""
    names = {name for row in listed for name in row["columns"].split()}
    assert not [
        n for n in names for bad in ("id_number", "face", "contact", "latitude") if bad in n
    ]
