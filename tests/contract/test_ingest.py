"""Ingest into the store, on both engines: once is once, all is all, and everybody is told the same."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count, pairwise

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carbon.adapters.store import tables as t
from carbon.bootstrap.submissions import IngestRequest
from carbon.bootstrap.system import System
from carbon.domain.errors import CarbonError
from conftest import PHONE, environment_of, write_csv
from store_rows import TABLES

WRONG = PHONE | {"record_id": "r-wrong", "item_id": "imei-wrong", "transport_mode": ""}
MIXED = [PHONE, PHONE | {"record_id": "r2", "item_id": "imei-2"}, WRONG]


def silent(*_):
    """Progress nobody looks at."""


def counts(system):
    """Rows of every table, those of the reference facts left out."""
    with system.database.read() as connection:
        found = {
            name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for name, table in TABLES.items()
        }
        reference = sa.select(sa.func.count()).where(t.fact.c.kind.in_(["catalogue", "formula"]))
        found["fact"] -= connection.execute(reference).scalar_one()
    found.pop("identity")
    return found


def bulk(system, path, rows, **options):
    options.setdefault("accept_valid", True)
    options.setdefault("annotated", path.with_name(f"{path.stem}-rejected.csv"))
    return system.submissions.ingest(IngestRequest(write_csv(path, rows), **options), silent)


def codes(answer):
    return {reason["code"]: reason["count"] for reason in answer["reasons"]}


# --- the same again -------------------------------------------------------------------------------


def test_the_same_request_is_told_the_same_and_stored_once(system, clock, tmp_path):
    first = bulk(system, tmp_path / "a.csv", MIXED)
    before = counts(system)
    assert (first["accepted"], first["rejected"]) == (2, 1)
    assert before["claim"] == before["activity"] == before["quantity"] == before["personal"] == 2
    assert before["fact"] == 1
    clock.move(days=1)
    assert bulk(system, tmp_path / "a.csv", MIXED) == first
    another = System(system.settings, clock)
    with closing(another.database):
        assert bulk(another, tmp_path / "again.csv", MIXED) == first
    assert counts(system) == before


def test_an_id_stands_for_one_content(system, tmp_path):
    first = bulk(system, tmp_path / "a.csv", MIXED, submission="s1")
    before = counts(system)
    for changed in (
        {"rows": MIXED[:2]},
        {"rows": MIXED, "methodology": "HD-REPAIR"},
        {"rows": MIXED, "demonstration": True},
        {"rows": MIXED, "accept_valid": False},
    ):
        with pytest.raises(CarbonError, match=re.escape("request.conflict")):
            bulk(system, tmp_path / "b.csv", submission="s1", **changed)
    assert bulk(system, tmp_path / "a.csv", MIXED, submission="s1") == first
    assert counts(system) == before


def test_ids_of_two_sources_are_two(system, tmp_path):
    rows = [PHONE | {"item_id": "", "receiver": ""}]
    for source in ("east", "west"):
        assert (
            bulk(system, tmp_path / "a.csv", rows, source=source, submission="s")["accepted"] == 1
        )
    assert counts(system)["claim"] == 2


def test_a_known_record_is_known_and_another_body_is_a_conflict(system, tmp_path):
    bulk(system, tmp_path / "a.csv", [PHONE])
    other = PHONE | {"record_id": "r2", "item_id": "imei-2"}
    answer = bulk(system, tmp_path / "b.csv", [PHONE, other])
    assert (answer["known"], answer["accepted"], answer["rejected"]) == (1, 1, 0)
    for column, value in {
        "mass_kg": "0.21",
        "note": "x",
        "giver": "p-1",
        "site": "120102-002",
    }.items():
        answer = bulk(system, tmp_path / "c.csv", [PHONE | {column: value}])
        assert codes(answer) == {"record.conflict": 1}, column
    respelt = PHONE | {"record_id": " R1 "}
    assert bulk(system, tmp_path / "d.csv", [respelt])["accepted"] == 0
    assert counts(system)["claim"] == 2


def test_a_single_record_with_one_id_has_one_content(system):
    first = system.record(PHONE)
    assert system.record(PHONE) == first
    with pytest.raises(CarbonError, match=re.escape("request.conflict")):
        system.record(PHONE | {"mass_kg": "0.3"})
    assert counts(system)["fact"] == 1


# --- all or nothing -------------------------------------------------------------------------------


def test_all_or_nothing_stores_nothing_and_says_everything(system, tmp_path):
    wrong = [
        WRONG | {"record_id": f"w{n}", "item_id": f"w{n}", "mass_kg": m}
        for n, m in enumerate(["0.2", "900", "x"])
    ]
    before = counts(system)
    answer = bulk(system, tmp_path / "a.csv", [PHONE, *wrong], accept_valid=False)
    assert answer["rejected"] == 3
    assert {"transport.missing": 3, "number.invalid": 1, "mass.band": 1}.items() <= codes(
        answer
    ).items()
    assert counts(system) == before
    assert not list((system.settings.spool / "rows").iterdir()), "nothing waits for publication"
    with (tmp_path / "a-rejected.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [r["record_id"] for r in rows] == ["w0", "w1", "w2"]
    assert [r["carbon.row"] for r in rows] == ["3", "4", "5"]
    assert "mass.band" in rows[1]["carbon.code"]


def test_the_annotated_file_comes_back_corrected(system, tmp_path):
    bulk(system, tmp_path / "a.csv", MIXED)
    path = tmp_path / "a-rejected.csv"
    text = path.read_text("utf-8-sig")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        (row,) = csv.DictReader(stream)
    row["transport_mode"] = "hand"
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, list(row))
        writer.writeheader()
        writer.writerow(row)
    assert path.read_text("utf-8-sig") != text
    answer = system.submissions.ingest(IngestRequest(path), silent)
    assert (answer["accepted"], answer["rejected"]) == (1, 0), answer["reasons"]
    assert counts(system)["claim"] == 3


def test_a_single_record_is_one_leaf_with_its_row(system):
    answer = system.record(PHONE)
    assert answer["accepted"] == 1
    with system.database.read() as connection:
        bodies = [
            bytes(b)
            for b in connection.execute(
                sa.select(t.fact.c.body).where(t.fact.c.kind == "record")
            ).scalars()
        ]
        fact_id = connection.execute(sa.select(t.claim.c.fact_id)).scalar_one()
    (body,) = bodies
    assert b'"type":"record"' in body
    assert f'"id":"{fact_id}"'.encode() in body
    assert b"imei-1" not in body


def test_a_rejected_single_record_stores_nothing(system):
    before = counts(system)
    assert system.record(WRONG)["rejected"] == 1
    assert counts(system) == before


# --- life accounts --------------------------------------------------------------------------------


#: Tells examples apart that share a database.
NUMBERS = count(1)
ACTS = st.lists(
    st.tuples(
        st.integers(0, 4), st.sampled_from(["0.5", "1.0", "2.5", "4.0"]), st.integers(0, 2), st.sampled_from(["IMEI-7", "imei 7", "ｉｍｅｉ７"])
    ),
    min_size=1, max_size=6, unique_by=lambda a: a[0],
)  # fmt: skip


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS, order=st.randoms())
def test_no_order_of_submissions_grants_more_life_than_the_first_act_opened(
    system, tmp_path, acts, order
):
    """One piece sold on every eight days, told in any order, in files and singly."""
    number = str(next(NUMBERS))
    order.shuffle(acts)
    for n, (week, age, file, item) in enumerate(acts):
        row = PHONE | {
            "record_id": f"{number}-{n}", "item_id": f"{item}{number}", "age_years": age,
            "occurred_on": f"2026-10-{5 + 5 * week:02d}", "giver": f"p{week}", "receiver": f"p{week + 1}",
        }  # fmt: skip
        answer = bulk(system, tmp_path / "a.csv", [row]) if file else system.record(row)
        assert answer["accepted"] == 1, answer["reasons"]
    with system.database.read() as connection:
        rows = connection.execute(
            sa.select(t.life_entry).order_by(t.life_entry.c.item_key, t.life_entry.c.ordinal)
        ).all()
        own = {r.fact_id: r.life for r in connection.execute(sa.select(t.quantity))}
    accounts = {}
    for row in rows:
        accounts.setdefault(row.item_key, []).append(row)
    for entries in accounts.values():
        assert [e.ordinal for e in entries] == list(range(len(entries)))
        budget = entries[0].granted + entries[0].left_over
        assert sum(e.granted for e in entries) <= budget + 1e-9
        for before, after in pairwise(entries):
            assert after.left_over == before.left_over - after.granted
        for entry in entries:
            assert own[entry.fact_id] == entry.granted, "what is credited is what is charged"
    assert len(own) == len(rows)


# --- at the same time -----------------------------------------------------------------------------


def at_once(workers, act):
    """Run an act with 0 … workers − 1, all starting together; results in order."""
    barrier = threading.Barrier(workers)

    def start(n):
        barrier.wait()
        return act(n)

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(start, range(workers)))


def test_four_threads_bring_the_same_file(system, clock, tmp_path):
    path = write_csv(
        tmp_path / "a.csv",
        [
            PHONE | {"record_id": f"r{n}", "item_id": f"imei-{n}", "giver": f"p{n % 7}"}
            for n in range(200)
        ],
    )

    def bring(n):
        own = System(system.settings, clock)
        with closing(own.database):
            return own.submissions.ingest(
                IngestRequest(path, annotated=tmp_path / f"{n}.csv"), silent
            )

    answers = at_once(4, bring)
    assert answers[0]["accepted"] == 200
    assert all(a == answers[0] for a in answers)
    found = counts(system)
    assert (found["fact"], found["claim"], found["activity"], found["life_entry"]) == (
        1,
        200,
        200,
        200,
    )
    assert found["person"] == 7


def test_two_processes_bring_the_same_file(system, tmp_path):
    """`carbon ingest` on two terminals at once."""
    path = write_csv(
        tmp_path / "a.csv",
        [PHONE | {"record_id": f"r{n}", "item_id": f"imei-{n}"} for n in range(50)],
    )
    command = [sys.executable, "-m", "carbon", "ingest", str(path), "--json"]
    environment = os.environ | environment_of(system.settings)
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(2)]
    answers = [json.loads(process.communicate(timeout=120)[0]) for process in running]
    assert answers[0] == answers[1]
    assert counts(system)["fact"] == 1
    assert counts(system)["claim"] == 50
    waiting = sorted(p.suffix for p in (system.settings.spool / "rows").iterdir())
    assert waiting == [".ends", ".jsonl", ".tree"], "who came second leaves no rows behind"


def test_twenty_singles_with_one_id_are_one_fact(system):
    answers = at_once(20, lambda _: system.record(PHONE))
    assert all(a == answers[0] for a in answers)
    assert counts(system)["fact"] == counts(system)["claim"] == 1


def test_twenty_singles_with_own_ids_are_twenty_facts(system):
    """On a fresh system all of them want to be the first to name catalogue, formula and source."""
    answers = at_once(
        20,
        lambda n: system.record(PHONE | {"record_id": f"r{n}", "item_id": f"imei-{n}"}),
    )
    assert [a["accepted"] for a in answers] == [1] * 20
    found = counts(system)
    assert (found["fact"], found["claim"], found["person"]) == (20, 20, 1)


def test_acts_of_one_item_at_once_share_one_account(system):
    """Eight sellers of one piece, far enough apart to be eight acts."""

    def sell(n):
        row = PHONE | {"record_id": f"r{n}", "giver": f"p{n}", "receiver": f"p{n + 1}"}
        return system.record(row)

    answers = at_once(8, sell)
    assert [a["accepted"] for a in answers] == [1] * 8
    with system.database.read() as connection:
        entries = connection.execute(sa.select(t.life_entry).order_by(t.life_entry.c.ordinal)).all()
    assert [e.ordinal for e in entries] == list(range(8))
    assert sum(e.granted for e in entries) <= entries[0].granted + entries[0].left_over


def test_files_that_name_the_same_parties_in_opposite_order(system, clock, tmp_path):
    """Two writers that wait for each other: one of them begins again, unseen."""
    rows = [
        PHONE | {"record_id": f"r{n}", "item_id": f"imei-{n}", "giver": f"p{n}"} for n in range(300)
    ]

    def bring(n):
        own = System(system.settings, clock)
        renamed = [
            r | {"record_id": f"{n}-{r['record_id']}", "item_id": f"{n}-{r['item_id']}"}
            for r in rows
        ]
        path = write_csv(tmp_path / f"{n}.csv", renamed[:: 1 if n % 2 else -1])
        with closing(own.database):
            return own.submissions.ingest(IngestRequest(path), silent)

    answers = at_once(4, bring)
    assert [a["accepted"] for a in answers] == [300] * 4
    found = counts(system)
    assert (found["claim"], found["person"]) == (1200, 300)


@pytest.mark.parametrize("way", ["record", "file"])
def test_who_always_comes_second_is_told_after_a_few_tries(system, monkeypatch, tmp_path, way):
    tries = []

    def faster(*_):
        tries.append(1)
        raise CarbonError("store.raced", reason="uq_fact_kind_key")

    monkeypatch.setattr("carbon.adapters.singles.add_rows", faster)
    monkeypatch.setattr("carbon.adapters.intake.load_rows", faster)
    monkeypatch.setattr("carbon.services.attempts.WAIT", 0)
    before = counts(system)
    with pytest.raises(CarbonError, match=re.escape("store.raced")):
        system.record(PHONE) if way == "record" else bulk(system, tmp_path / "a.csv", [PHONE])
    assert len(tries) == 6
    assert counts(system) == before
    assert not list((system.settings.spool).glob("rows/*"))


def test_an_annotated_file_comes_back_with_the_ids_it_left_with(system, tmp_path):
    """The apostrophe that keeps a spreadsheet from computing is taken off again."""
    wrong = PHONE | {"record_id": "=A1", "item_id": "@7", "age_years": ""}
    path = write_csv(tmp_path / "a.csv", [wrong])
    returned = tmp_path / "back.csv"
    system.submissions.ingest(IngestRequest(path, annotated=returned), silent)
    text = returned.read_text("utf-8-sig")
    assert "'=A1" in text
    assert "'@7" in text
    rows = list(csv.reader(text.splitlines()))
    rows[1][rows[0].index("age_years")] = "2.5"
    with returned.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows(rows)
    assert system.submissions.ingest(IngestRequest(returned), silent)["accepted"] == 1
    right = write_csv(tmp_path / "b.csv", [wrong | {"age_years": "2.5"}])
    assert system.submissions.ingest(IngestRequest(right), silent)["known"] == 1, "the same record"
