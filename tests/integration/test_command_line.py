"""`carbon` as a user types it: output, languages, exit codes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from carbon.adapters.tabular.mapping import mapping_names
from carbon.cli.main import run
from carbon.domain.quantification.methodologies import METHODOLOGIES
from conftest import FACTORS, PHONE, write_csv

WITH_FACTORS = ("--factors", str(FACTORS))


def shell(*arguments: str, lang: str = "en") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CARBON_LANG": lang, "COLUMNS": "160"}
    command = [sys.executable, "-m", "carbon", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture
def result(tmp_path: Path) -> Path:
    source = write_csv(tmp_path / "in.csv", [PHONE])
    out = tmp_path / "out"
    assert run(["quantify", str(source), "--out", str(out), *WITH_FACTORS]) == 0
    return out


def test_help_and_results_speak_both_languages(tmp_path):
    for lang, word in (("zh", "核算"), ("en", "Quantify")):
        assert word in shell("--help", lang=lang).stdout
    source = write_csv(tmp_path / "in.csv", [PHONE])
    for lang, word in (("zh", "净减排量"), ("en", "Net reduction")):
        done = shell("quantify", str(source), "--out", str(tmp_path / lang), lang=lang)
        assert (done.returncode, word in done.stdout) == (0, True), done.stderr


def test_json_goes_to_standard_output_alone(tmp_path):
    source = write_csv(tmp_path / "in.csv", [PHONE])
    done = shell("quantify", str(source), "--out", str(tmp_path / "out"), "--json")
    assert json.loads(done.stdout)["totals"]["er_g"] == 9248
    assert done.stderr == ""


def test_explain_in_words_and_as_json(result, capsys):
    assert run(["explain", str(result), "r1", *WITH_FACTORS]) == 0
    told = capsys.readouterr().out
    assert "9.25" in told
    assert "production/phone@2026-01-01" in told
    assert "BE = q·R·EF·D·L" in told
    assert run(["explain", str(result), "r1", "--json", *WITH_FACTORS]) == 0
    assert json.loads(capsys.readouterr().out)["grams"]["er_g"] == 9248
    assert run(["explain", str(result), "r2", *WITH_FACTORS]) == 3
    assert "[record.unknown]" in capsys.readouterr().err
    assert run(["explain", str(result / "nowhere"), "r1", *WITH_FACTORS]) == 3
    assert "[result.invalid]" in capsys.readouterr().err


def test_what_people_write_is_never_markup(tmp_path, capsys):
    source = write_csv(tmp_path / "in.csv", [PHONE | {"record_id": "[/red]", "note": "[bold]"}])
    out = tmp_path / "o[bold]y"
    assert run(["quantify", str(source), "--out", str(out), *WITH_FACTORS]) == 0
    assert "o[bold]y" in capsys.readouterr().out
    assert run(["explain", str(out), "[/red]", *WITH_FACTORS]) == 0
    assert "[/red]" in capsys.readouterr().out


def test_explain_says_why_a_record_was_rejected(tmp_path, capsys):
    source = write_csv(tmp_path / "in.csv", [PHONE, PHONE | {"record_id": "bad", "age_years": ""}])
    assert run(["quantify", str(source), "--out", str(tmp_path / "out"), *WITH_FACTORS]) == 0
    capsys.readouterr()
    assert run(["explain", str(tmp_path / "out"), "bad", *WITH_FACTORS]) == 3
    told = capsys.readouterr().err
    assert "[record.rejected]" in told
    assert "age.missing (age_years)" in told


def test_a_path_nobody_may_read_is_told(tmp_path, capsys):
    source = write_csv(tmp_path / "in.csv", [PHONE])
    assert run(["quantify", str(source), "--out", str(tmp_path / ("x" * 300))]) == 3
    assert run(["quantify", "y" * 300, "--out", str(tmp_path / "out")]) == 3
    assert "[file.access]" in capsys.readouterr().err


def test_a_loss_is_told_without_a_negative_reward(tmp_path, capsys):
    loss = PHONE | {"item_type": "tshirt", "mass_kg": "0.15", "transport_mode": "shop_car"}
    source = write_csv(tmp_path / "in.csv", [loss | {"process": "none", "age_years": "1"}])
    assert run(["quantify", str(source), "--out", str(tmp_path / "out"), *WITH_FACTORS]) == 0
    capsys.readouterr()
    assert run(["explain", str(tmp_path / "out"), "r1", *WITH_FACTORS]) == 0
    assert "没有净减排" in capsys.readouterr().out


def test_factor_commands(capsys, tmp_path):
    assert run(["factors", "validate", *WITH_FACTORS]) == 0
    assert "sha256:" in capsys.readouterr().out
    assert run(["factors", "list", "production", "--json", *WITH_FACTORS]) == 0
    assert len(json.loads(capsys.readouterr().out)) > 100
    assert run(["factors", "list", "policy", *WITH_FACTORS]) == 0
    assert run(["factors", "show", "production/phone", *WITH_FACTORS]) == 0
    assert "boavizta" in capsys.readouterr().out
    assert run(["factors", "show", "production/phone", "--json", *WITH_FACTORS]) == 0
    assert json.loads(capsys.readouterr().out)[0]["cited"]
    assert run(["factors", "show", "production/none", *WITH_FACTORS]) == 3
    assert "[factors.reference]" in capsys.readouterr().err
    assert run(["factors", "list", "nothing", *WITH_FACTORS]) == 3
    assert "[factors.unknown_family]" in capsys.readouterr().err
    assert run(["factors", "diff", str(FACTORS), str(FACTORS), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert run(["factors", "diff", str(FACTORS), str(FACTORS)]) == 0


def test_a_broken_folder_lists_every_fault(tmp_path, capsys):
    folder = Path(shutil.copytree(FACTORS, tmp_path / "f"))
    path = folder / "packing.csv"
    path.write_text(path.read_text("utf-8").replace(",lognormal,", ",gauss,"), "utf-8")
    assert run(["factors", "validate", "--factors", str(folder)]) == 3
    assert capsys.readouterr().out.count("[factors.code]") == 2
    assert run(["factors", "validate", "--factors", str(folder), "--json"]) == 3
    assert {f["code"] for f in json.loads(capsys.readouterr().out)} == {"factors.code"}


def test_a_wrong_calendar_is_named_with_its_line(capsys, tmp_path):
    folder = Path(shutil.copytree(FACTORS, tmp_path / "f"))
    path = folder / "calendar" / "workdays.csv"
    path.write_text(path.read_text("utf-8").replace(",workday,", ",worked,", 1), "utf-8")
    assert run(["factors", "validate", "--factors", str(folder)]) == 3
    assert "[calendar.file]" in capsys.readouterr().err


def test_codes_lists_every_code_column(capsys):
    assert run(["codes", "--json", *WITH_FACTORS]) == 0
    columns = {row["column"] for row in json.loads(capsys.readouterr().out)}
    assert {"act", "channel", "item_type", "receiver_region", "transport_mode"} <= columns
    assert run(["codes", *WITH_FACTORS]) == 0


def test_simulate_writes_what_quantify_reads(tmp_path, capsys):
    path = tmp_path / "month.csv"
    assert run(["simulate", "--days", "1", "--out", str(path)]) == 0
    assert run(["simulate", "--days", "1", "--out", str(tmp_path / "m.parquet"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["rows"] == 1000
    assert run(["quantify", str(path), "--out", str(tmp_path / "out"), *WITH_FACTORS]) == 0


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["quantify"], 2, ""),
        (["nonsense"], 2, ""),
        (["quantify", "none.csv", "--out", "x"], 3, "[file.missing]"),
        (["quantify", "IN", "--out", "OUT", "--mapping", "none"], 3, "[mapping.missing]"),
        (["quantify", "IN", "--out", "OUT", "--as-of", "yesterday"], 3, "[date.option]"),
        (["quantify", "IN", "--out", "OUT", "--draws", "1"], 3, "[option.range]"),
        (["quantify", "IN", "--out", "OUT", "--factors", "nowhere"], 3, "[factors.folder]"),
        (["quantify", "IN", "--out", "IN/x"], 3, "[file.output]"),
    ],
)
def test_exit_codes(tmp_path, capsys, arguments, status, code):
    source = write_csv(tmp_path / "in.csv", [PHONE])
    named = [a.replace("IN", str(source)).replace("OUT", str(tmp_path / "out")) for a in arguments]
    assert run(named) == status
    assert code in capsys.readouterr().err


def test_a_failure_of_ours_is_told_as_one(tmp_path, capsys, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("carbon.bootstrap.runs.read_catalogue", broken)
    assert run(["factors", "list"]) == 4
    assert "[internal]" in capsys.readouterr().err


MAPPING = """
[columns.record_id]
from = "编号"
[columns.occurred_on]
from = "日期"
format = "%d.%m.%Y"
[columns.channel]
constant = "shop"
[columns.act]
from = "动作"
codes = { "卖了" = "sale" }
[columns.item_type]
constant = "phone"
[columns.quantity]
constant = "1"
[columns.mass_kg]
from = "克"
unit = "g"
[columns.age_years]
from = "月"
unit = "month"
[columns.process]
constant = "light"
[columns.transport_mode]
constant = "home_delivery"
[columns.item_id]
row_number = "item-"
[columns.receiver_region]
constant = "天津"
[columns.site]
constant = "120102-001"
[columns.condition]
constant = "good"
"""


def test_a_mapping_of_one_s_own(tmp_path, capsys):
    mapping = tmp_path / "ours.toml"
    mapping.write_text(MAPPING, "utf-8")
    source = tmp_path / "in.csv"
    source.write_bytes("编号,日期,动作,克,月\nr1,05.10.2026,卖了,200,30\n".encode("gb18030"))
    out = tmp_path / "out"
    assert (
        run(
            [
                "quantify",
                str(source),
                "--out",
                str(out),
                "--mapping",
                str(mapping),
                "--json",
                *WITH_FACTORS,
            ]
        )
        == 0
    )
    assert json.loads(capsys.readouterr().out)["totals"]["er_g"] == 9248


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("not toml [", ""),
        ("[columns.record_id]\nfrom = 'a'\nconstant = 'b'\n", "exactly one"),
        ("[columns.colour]\nfrom = 'a'\n", "colour"),
        ("[columns.mass_kg]\nfrom = 'a'\nunit = 'stone'\n", "stone"),
        ("[columns.mass_kg]\nfrom = 'a'\nscale = 2\n", "scale"),
        ("title = {}\n", "columns"),
        ("#" * 300_000, "bytes"),
        ("[columns.record_id]\nconstant = 'x'\n", "constant"),
        ("[columns.item_id]\nconstant = 'x'\n", "constant"),
        ("[columns.quantity]\nrow_number = ''\n", "row_number"),
        ("[columns.note]\nfrom = ''\n", "note"),
        ("x = " + "[" * 5000, ""),
        ("[columns.note]\nfrom = 'a'\ncodes = { a = 'b' }\n", "codes"),
        ("[columns.note]\nfrom = 'a'\nformat = '%Y'\n", "format"),
        ("[columns.mass_kg]\nfrom = 'a'\nunit = 'year'\n", "unit"),
    ],
)
def test_a_mapping_that_is_none_says_why(tmp_path, capsys, text, reason):
    mapping = tmp_path / "ours.toml"
    mapping.write_text(text, "utf-8")
    source = write_csv(tmp_path / "in.csv", [PHONE])
    status = run(["quantify", str(source), "--out", str(tmp_path / "o"), "--mapping", str(mapping)])
    told = capsys.readouterr().err
    assert status == 3
    assert "[mapping.invalid]" in told
    assert reason.replace("stone", "unit") in told


def test_a_mapping_s_own_codes_must_exist(tmp_path, capsys):
    source = write_csv(tmp_path / "in.csv", [PHONE])
    for rule in ("constant = 'hovercraft'", "from = 'channel'\ncodes = { shop = 'moon' }"):
        mapping = tmp_path / "ours.toml"
        rules = "".join(f"[columns.{k}]\nfrom = '{k}'\n" for k in PHONE if k != "channel")
        mapping.write_text(f"ignore = ['*']\n{rules}[columns.channel]\n{rule}\n", "utf-8")
        assert (
            run(["quantify", str(source), "--out", str(tmp_path / "o"), "--mapping", str(mapping)])
            == 3
        )
        assert "[mapping.invalid]" in capsys.readouterr().err


def test_what_ships_is_listed():
    assert mapping_names() == ["canonical", "ords", "used-devices"]
    assert len(METHODOLOGIES) == 5
