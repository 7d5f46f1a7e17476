"""Hostile and broken files: a clear reason and an exit code, never a traceback, never half a result.

Each case makes one file and names either the code the whole file is refused with (exit 3) or the
codes some rows are rejected with (exit 0 or 1).
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from carbon.adapters.tabular import csv_file, identity
from carbon.cli.main import run
from conftest import FACTORS
from hostile_files import ACCEPTED, NAMES, PHONE_ROW, REFUSED, REJECTED, csv_text, line, workbook


def start(tmp_path: Path, name: str, content: bytes) -> tuple[int, Path]:
    source = tmp_path / name
    source.write_bytes(content)
    out = tmp_path / "out"
    return run(["quantify", str(source), "--out", str(out), "--factors", str(FACTORS)]), out


def test_there_are_enough_of_them():
    assert len(REFUSED) + len(REJECTED) >= 40


@pytest.fixture(autouse=True)
def _today(monkeypatch):
    from conftest import FixedClock

    monkeypatch.setattr("carbon.bootstrap.runs.SystemClock", FixedClock)


@pytest.mark.parametrize(("name", "file", "content", "code"), REFUSED, ids=[c[0] for c in REFUSED])
def test_file_is_refused_with_its_reason(tmp_path, capsys, name, file, content, code):
    status, out = start(tmp_path, file, content)
    told = capsys.readouterr()
    assert status == 3, told.err
    assert f"[{code}]" in told.err
    assert "Traceback" not in told.err
    assert [p.name for p in tmp_path.iterdir()] == [file], "something half-finished was left"
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "file", "content", "codes"), REJECTED, ids=[c[0] for c in REJECTED]
)
def test_row_is_rejected_with_its_reasons(tmp_path, capsys, name, file, content, codes):
    status, out = start(tmp_path, file, content)
    assert status in (0, 1), capsys.readouterr().err
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert {r["code"] for r in summary["reject_reasons"]} == codes
    assert summary["quantified"] + summary["rejected"] == summary["rows"]
    assert (status == 1) == (summary["quantified"] == 0)


@pytest.mark.parametrize(("name", "file", "content"), ACCEPTED, ids=[c[0] for c in ACCEPTED])
def test_messy_but_clear_files_give_the_same_grams(tmp_path, capsys, name, file, content):
    status, out = start(tmp_path, file, content)
    assert status == 0, capsys.readouterr().err
    (record,) = pq.read_table(out / "records.parquet").to_pylist()
    assert record["er_g"] == 9248
    assert record["row"] == 2


def test_every_third_of_a_file_cut_anywhere_gives_an_answer(tmp_path, capsys):
    """Random damage: whatever happens, it is a code of ours."""
    random.seed(7)
    for number in range(40):
        whole = bytearray(
            csv_text(line(), line(record_id="r2")) if number % 2 else workbook([NAMES, PHONE_ROW])
        )
        for _ in range(5):
            whole[random.randrange(len(whole))] = random.randrange(256)
        folder = tmp_path / str(number)
        folder.mkdir()
        status, _ = start(folder, "a.dat", bytes(whole))
        assert status in (0, 1, 3), capsys.readouterr().err


def test_limits_hold(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(identity, "MAX_REPEATS", 3)
    status, _ = start(tmp_path, "a.csv", csv_text(*[line()] * 5))
    assert (status, "[identity.too_many]" in capsys.readouterr().err) == (3, True)
    monkeypatch.setattr(csv_file, "MAX_MALFORMED", 3)
    status, _ = start(tmp_path, "b.csv", csv_text(line(), *["x,y"] * 10))
    assert (status, "[file.format]" in capsys.readouterr().err) == (3, True)
    monkeypatch.setattr(csv_file, "MAX_ROWS", 3)
    status, _ = start(tmp_path, "c.csv", csv_text(*[line(record_id=f"r{n}") for n in range(9)]))
    assert (status, "[file.too_large]" in capsys.readouterr().err) == (3, True)
