"""What the store refuses to do, and says why."""

from __future__ import annotations

import io
import json

import pytest

from carbon.bootstrap.system import IngestRequest, System
from carbon.cli.main import run
from carbon.cli.store import MAX_RECORD_CHARACTERS
from carbon.domain.errors import CarbonError
from conftest import PHONE, write_csv

QUIET = lambda *_: None  # noqa: E731  progress nobody watches


def fails(code: str, act, *arguments, **options):
    with pytest.raises(CarbonError) as caught:
        act(*arguments, **options)
    assert caught.value.code == code, caught.value


# --- the same request -----------------------------------------------------------------------------


def test_an_answer_stands_when_its_methodology_is_gone(system, phone, clock, monkeypatch):
    answer = system.record(phone(1))

    def gone(*_: object) -> None:
        raise CarbonError("methodology.unknown", name="HD-REUSE", known="")

    monkeypatch.setattr("carbon.bootstrap.system.methodology_named", gone)
    later = System(system.settings, clock)
    assert later.record(phone(1)) == answer
    fails("methodology.unknown", later.record, phone(2))
    later.close()


def test_a_corrected_mapping_is_another_request(system, tmp_path):
    source = write_csv(tmp_path / "in.csv", [PHONE])
    mapping = tmp_path / "ours.toml"
    columns = "".join(f'[columns.{name}]\nfrom = "{name}"\n' for name in PHONE)
    right = 'ignore = ["*"]\n' + columns
    request = IngestRequest(source, mapping=str(mapping), submission="a", accept_valid=True)
    mapping.write_text(right, "utf-8")
    answer = system.ingest(request, QUIET)
    assert answer["accepted"] == 1
    assert system.ingest(request, QUIET) == answer
    mapping.write_text(right.replace('from = "condition"', 'constant = "fair"'), "utf-8")
    fails("request.conflict", system.ingest, request, QUIET)


def test_a_record_is_known_by_its_id_whatever_its_column_is_called(system, phone):
    def chinese(n: int) -> dict[str, str]:
        cells = phone(n)
        return {" 记录编号 ": cells.pop("record_id"), **cells}

    assert system.record(chinese(1))["accepted"] == 1
    assert system.record(chinese(2))["accepted"] == 1
    fails("request.conflict", system.record, phone(1, mass_kg="0.3"))


# --- corrections ----------------------------------------------------------------------------------


def test_a_correction_is_done_once_and_with_a_new_record(system, phone):
    system.record(phone(1))
    system.record(phone(2))
    fails("correction.known", system.correct, "r1", "entry_error", phone(2))
    told = system.correct("r1", "entry_error", phone(1, record_id="r1b"))
    assert system.correct(" R1 ", "entry_error", phone(1, record_id="r1b")) == told
    fails("request.conflict", system.correct, "r1", "entry_error", phone(1, record_id="r1c"))


# --- commands -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '"x"',
        "[" * 100_000,
        '{"record_id": ["r1"]}',
        '{"record_id": true}',
        '{"record_id": "r1", "record_id": "r2"}',
        json.dumps(PHONE | {"note": "\ud800"}),
        json.dumps(PHONE | {"note": "x" * MAX_RECORD_CHARACTERS}),
    ],
)
def test_what_is_no_record_is_told(home, monkeypatch, capsys, text):
    system = System(home)
    monkeypatch.setattr("carbon.cli.store.system", lambda: system)
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert run(["record", "-"]) == 3
    assert "[record.json]" in capsys.readouterr().err
    system.close()


def test_numbers_of_a_record_keep_their_digits(system, monkeypatch, capsys):
    monkeypatch.setattr("carbon.cli.store.system", lambda: system)
    cells = json.dumps(PHONE | {"mass_kg": "M"}).replace('"M"', "0.20")
    assert run(["record", cells, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accepted"] == 1
    assert system.record(PHONE | {"mass_kg": "0.20"})["accepted"] == 1


def test_an_erasure_is_confirmed_first(system, phone, monkeypatch, capsys):
    system.record(phone(1))
    monkeypatch.setattr("carbon.cli.store.system", lambda: system)
    assert run(["erase", "giver-1"]) == 3
    assert "[erase.confirm]" in capsys.readouterr().err
    assert system.erase("giver-1") == 1
