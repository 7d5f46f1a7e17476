"""A correction is a new fact that names the old one; nothing is changed, nothing is lost."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.domain.errors import CarbonError
from carbon.files.check_receipt import check

QUIET = lambda *_: None  # noqa: E731  progress nobody watches


def fails(code: str, act, *arguments, **options):
    with pytest.raises(CarbonError) as caught:
        act(*arguments, **options)
    assert caught.value.code == code


def leaf_of(system, record_id: str) -> dict:
    return json.loads(json.loads(system.receipt(record_id))["leaf"])


def life_left(system) -> list[tuple[float, float]]:
    with system.database.read() as connection:
        rows = connection.execute(
            sa.select(t.life_entry.c.granted, t.life_entry.c.left_over).order_by(
                t.life_entry.c.ordinal
            )
        )
        return [(round(r.granted, 9), round(r.left_over, 9)) for r in rows]


def test_a_corrected_record_stands_beside_the_old_one(system, phone):
    system.record(phone(1))
    system.sequence(QUIET)
    before = leaf_of(system, "r1")
    new = phone(1, record_id="r1b", age_years="3")
    answer = system.correct("r1", "entry_error", new)
    assert answer["accepted"] == 1
    system.sequence(QUIET)
    after = leaf_of(system, "r1b")
    assert (after["type"], after["replaces"]) == ("correction", before["row"]["id"])
    assert after["reason"] == "entry_error"
    assert int(after["row"]["er_g"]) < int(before["row"]["er_g"]), "an older phone avoids less"
    assert leaf_of(system, "r1") == before, "the old fact is as it was"
    assert all(c.ok for c in check(system.receipt("r1b"), system.signer.key.vkey))
    assert system.reconcile(QUIET).differences == []
    # 2.5 of 5 years gave 0.5, at most 0.75 for its condition; given back, then 3 years: 0.4.
    assert life_left(system) == [(0.5, 0.0), (-0.5, 0.5), (0.4, 0.1)]


def test_a_withdrawn_record_gives_its_life_back(system, phone):
    system.record(phone(1))
    answer = system.correct("r1", "returned")
    assert system.correct("r1", "returned") == answer, "the same request is told the same"
    fails("request.conflict", system.correct, "r1", "duplicate")
    system.sequence(QUIET)
    assert life_left(system) == [(0.5, 0.0), (-0.5, 0.5)]
    assert system.reconcile(QUIET).differences == []
    # The piece is sold after all: its life is there to be credited.
    again = phone(1, record_id="r9", occurred_on="2026-11-20")
    assert system.record(again)["accepted"] == 1


def test_what_cannot_be_corrected_is_told(system, phone):
    system.record(phone(1))
    fails("correction.unknown", system.correct, "r7", "returned")
    fails("correction.reason", system.correct, "r1", "because")
    system.correct("r1", "entry_error", phone(1, record_id="r1b"))
    fails("request.conflict", system.correct, "r1", "returned")
    system.correct("r1b", "returned")
    assert "withdrawn" in system.correct("r1b", "returned")


def test_a_rejected_correction_changes_nothing(system, phone):
    system.record(phone(1))
    answer = system.correct("r1", "entry_error", phone(1, record_id="r1b", age_years=""))
    assert (answer["accepted"], answer["rejected"]) == (0, 1)
    assert answer["reasons"][0]["code"] == "age.missing"
    with system.database.read() as connection:
        assert connection.execute(sa.select(t.correction)).all() == []
    assert system.correct("r1", "entry_error", phone(1, record_id="r1b"))["accepted"] == 1


def test_a_correction_under_the_old_id_is_a_conflict(system, phone):
    system.record(phone(1))
    answer = system.correct("r1", "entry_error", phone(1, age_years="1"))
    assert answer["reasons"][0]["code"] == "record.conflict"
