"""The whole program on files: results, accounts, chunks, a cluster, a folder of one's own."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from carbon.adapters.tabular import identity, parquet_file, tables
from carbon.bootstrap import runs
from carbon.domain.errors import CarbonError
from carbon.domain.simulation import MAX_ROWS, MISHAPS, Simulation
from conftest import FACTORS, PHONE, ROOT, FixedClock, write_csv


def test_counts_add_up_and_sums_are_those_of_the_records(run):
    rows = [PHONE | {"record_id": f"r{n}", "item_id": f"i{n}"} for n in range(5)]
    rows.append(PHONE | {"record_id": "bad", "age_years": ""})
    found = run(rows)
    s = found.summary
    assert (s["rows"], s["quantified"], s["rejected"]) == (6, 5, 1)
    assert s["totals"]["er_g"] == sum(r["er_g"] for r in found.records) == 5 * 9248
    assert s["by_month"] == [{"month": "2026-10", **s["totals"]}]
    assert [c["category"] for c in s["by_category"]] == ["phones_digital"]
    assert s["by_channel"] == {"shop": {"records": 5, "er_g": 46240}}
    assert s["reject_reasons"][0]["code"] == "age.missing"


def test_the_readme_s_example_works(run):
    """Chinese headers and words; three records count, one phone lacks its age.

    Two chairs: 2 × 18.63 × 0.5 × (1 − 3/10) × 0.95 = 12.38895 kg, less 2 × 0.05 for the platform.
    """
    found = run(ROOT / "docs" / "examples" / "records.csv")
    assert {r["record_id"]: r["er_g"] for r in found.records} == {
        "A-001": 9248,
        "A-002": 2308,
        "A-003": 12288,
    }
    assert found.codes == {"age.missing"}


def test_rejects_tell_row_column_value_code_and_fix(run):
    (reject,) = run(
        [PHONE, PHONE | {"record_id": "r2", "item_id": "", "quantity": "1.5", "mass_kg": ""}]
    ).rejects
    assert (reject["row"], reject["record_id"], reject["column"]) == (3, "r2", "quantity")
    assert (str(reject["value"]), reject["code"]) == ("1.5", "number.whole")
    assert reject["message"]
    assert reject["fix"]


def test_a_reject_by_grade_says_why(run):
    (reject,) = run([PHONE | {"item_type": "laptop", "mass_kg": "1.5", "process": "none"}]).rejects
    assert reject["code"] == "factor.display_only"
    assert "kWh" in reject["detail"]


def test_the_issuable_figure_is_the_policy_percentile_of_the_draws(run):
    spread = run([PHONE]).summary["uncertainty"]
    levels = spread["percentiles_g"]
    assert levels["p5"] < levels["p33"] < levels["p50"] < levels["p95"]
    assert spread["percentile"] == 33
    assert spread["issuable_g"] == levels["p33"] < 9248
    assert spread["ratio_ppm"] == levels["p33"] * 1_000_000 // 9248


def test_what_is_for_display_never_issues(run):
    laptop = PHONE | {"item_type": "laptop", "mass_kg": "1.5", "process": "none"}
    shown = run([laptop], demonstration=True)
    assert shown.record("r1")["grade"] == "display"
    assert "display_factor" in shown.record("r1")["flags"]
    older = run([PHONE | {"occurred_on": "2025-06-01"}], as_of=FixedClock().today())
    assert older.record("r1")["flags"] == "as_of"
    for found in (shown, older):
        assert found.summary["issuable_run"] is False
        assert found.summary["uncertainty"]["issuable_g"] == 0


def test_a_deficit_lowers_the_total(run):
    loss = PHONE | {"record_id": "r2", "item_type": "tshirt", "mass_kg": "0.15", "item_id": "t"}
    loss |= {"process": "none", "transport_mode": "shop_car", "age_years": "1"}
    found = run([PHONE, loss])
    assert found.summary["totals"]["er_g"] == 9248 - 3341


def test_one_item_is_credited_once_whatever_the_row_order(run):
    """Two resales of one phone: the first takes all the life it has left."""
    first = PHONE
    again = PHONE | {"record_id": "r2", "occurred_on": "2026-11-05", "age_years": "2.6"}
    other = PHONE | {"record_id": "r3", "item_id": "imei-2"}
    for rows in ([first, again, other], [other, again, first]):
        found = run(rows)
        assert found.record("r1")["be_g"] == 13200
        assert found.record("r2")["be_g"] == 0
        assert found.record("r2")["flags"] == "life_account"
        assert found.record("r3")["be_g"] == 13200


def test_a_month_alone_does_not_credit_an_item_again(run):
    """The September sale charges the account, whatever month is asked for."""
    september = PHONE | {"record_id": "r0", "occurred_on": "2026-09-05", "age_years": "2.4"}
    october = run([september, PHONE], period="2026-10")
    assert [r["record_id"] for r in october.records] == ["r1"]
    assert october.record("r1")["be_g"] == 0


@pytest.mark.parametrize("other", ["imei-1 ", "IMEI-1", "ｉｍｅｉ-1", "imei -1", "im\u200bei-1"])
def test_an_id_written_differently_is_the_same_item(run, other):
    again = PHONE | {"record_id": "r2", "item_id": other, "occurred_on": "2026-11-05"}
    found = run([PHONE, again])
    assert (found.record("r1")["be_g"], found.record("r2")["be_g"]) == (13200, 0)
    assert run([PHONE, PHONE | {"record_id": " R1", "item_id": "x"}]).codes == {
        "record_id.duplicate"
    }


def test_what_cannot_issue_never_does(run, tmp_path):
    """Guards, not properties of the shipped tables: a display cap, kWh nobody sourced."""
    import shutil

    folder = Path(shutil.copytree(FACTORS, tmp_path / "cap"))
    path = folder / "policy.csv"
    lines = path.read_text("utf-8").splitlines(keepends=True)
    cap = next(n for n, text in enumerate(lines) if text.startswith("condition_cap/good"))
    lines[cap] = lines[cap].replace(",creditable,,", ",display,not approved,")
    path.write_text("".join(lines), "utf-8")
    assert run([PHONE], factors=folder).codes == {"factor.display_only"}
    folder = Path(shutil.copytree(FACTORS, tmp_path / "kwh"))
    items = folder / "items.csv"
    text = items.read_text("utf-8")
    phone = next(ln for ln in text.splitlines() if ln.startswith("phone,"))
    items.write_text(text.replace(phone, phone.replace(",yes,no,", ",yes,yes,", 1)), "utf-8")
    assert run([PHONE], factors=folder).codes == {"energy.unsourced"}


def test_a_damaged_parquet_page_is_told(run, tmp_path):
    path = tmp_path / "month.parquet"
    runs.run_simulate(Simulation(days=1), path, lambda *_: None)
    content = bytearray(path.read_bytes())
    for place in range(200, 4_000, 7):
        content[place] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(CarbonError) as caught:
        run(path)
    assert caught.value.code == "file.format"


def test_rows_after_malformed_ones_keep_their_numbers(run, tmp_path):
    source = write_csv(
        tmp_path / "in.csv", [PHONE | {"record_id": f"r{n}", "item_id": f"i{n}"} for n in range(4)]
    )
    lines = source.read_text("utf-8").splitlines()
    source.write_text(
        "\n".join([*lines[:2], "a,b", "", *lines[2:4], "c", lines[4]]) + "\n", "utf-8"
    )
    found = run(source)
    assert [r["row"] for r in found.records] == [2, 5, 6, 8]
    assert sorted(r["row"] for r in found.rejects) == [3, 7]


def test_an_instant_counts_on_its_day_in_tianjin(run, tmp_path):
    from datetime import datetime

    table = pa.table(
        {k: [v] for k, v in PHONE.items()}
        | {"occurred_on": pa.array([datetime(2026, 9, 30, 16, 30, tzinfo=UTC)])}
    )
    path = tmp_path / "in.parquet"
    pq.write_table(table, path)
    assert str(run(path).record("r1")["occurred_on"]) == "2026-10-01"
    assert run([PHONE | {"occurred_on": "2026-09-30T16:30:00Z"}]).codes == {"date.invalid"}


def test_quotes_in_a_column_nobody_reads_swallow_nothing_in_silence(run, tmp_path):
    mapping = tmp_path / "m.toml"
    rules = "".join(f'[columns.{k}]\nfrom = "{k}"\n' for k in PHONE)
    mapping.write_text('ignore = ["extra"]\n' + rules, "utf-8")
    lines = [",".join([*PHONE, "extra"])]
    for n, extra in enumerate(['"open', "x", 'close"', "y"]):
        cells = (PHONE | {"record_id": f"r{n}", "item_id": f"i{n}"}).values()
        lines.append(",".join([*cells, extra]))
    source = tmp_path / "in.csv"
    source.write_text("\n".join(lines) + "\n", "utf-8")
    found = run(source, mapping=str(mapping))
    assert found.codes == {"row.shape"}
    assert [r["record_id"] for r in found.records] == ["r3"]


def test_blank_lines_before_the_header_keep_row_numbers(run, tmp_path):
    source = write_csv(tmp_path / "in.csv", [PHONE, PHONE | {"record_id": "r2", "item_id": "i2"}])
    source.write_text("\n\n" + source.read_text("utf-8") + "x,y\n", "utf-8")
    found = run(source)
    assert [r["row"] for r in found.records] == [4, 5]
    assert [r["row"] for r in found.rejects] == [6]


def test_ids_from_floats_do_not_depend_on_their_neighbours(run, tmp_path):
    columns = {k: [v] * 3 for k, v in PHONE.items()}
    columns |= {"record_id": [2026100100000001.0, 0.5, 1e20], "item_id": ["a", "b", "c"]}
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table(columns), path)
    ids = [r["record_id"] for r in run(path).records]
    assert ids == ["2026100100000001", "0.5", "1e+20"]


def test_what_a_damaged_date_column_holds_is_told(run, tmp_path):
    from datetime import timedelta

    columns = {k: [v] for k, v in PHONE.items()} | {"occurred_on": pa.array([timedelta(days=1)])}
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table(columns), path)
    assert run(path).codes == {"date.invalid"}


def test_yuan_become_whole_fen(run, tmp_path):
    mapping = tmp_path / "m.toml"
    rules = [f'[columns.{k}]\nfrom = "{k}"\n' for k in PHONE]
    mapping.write_text(
        "".join(rules) + '[columns.price_fen]\nfrom = "price"\nunit = "yuan"\n', "utf-8"
    )
    source = tmp_path / "in.csv"
    source.write_text(
        ",".join([*PHONE, "price"]) + "\n" + ",".join([*PHONE.values(), "19.99"]) + "\n", "utf-8"
    )
    assert run(source, mapping=str(mapping)).record("r1")["price_fen"] == 1999


def test_a_rejected_act_charges_no_account(run):
    rejected = PHONE | {"record_id": "r0", "occurred_on": "2026-10-01", "transport_mode": ""}
    assert run([rejected, PHONE]).record("r1")["be_g"] == 13200


def test_period_takes_one_month(run):
    november = PHONE | {"record_id": "r2", "item_id": "i2", "occurred_on": "2026-11-01"}
    found = run([PHONE, november], period="2026-10")
    assert found.codes == {"period.outside"}
    assert [r["record_id"] for r in found.records] == ["r1"]
    with pytest.raises(CarbonError) as caught:
        run([PHONE], period="October")
    assert caught.value.code == "period.invalid"


def test_chunks_groups_and_streams_give_the_same_grams(run, tmp_path, monkeypatch):
    path = tmp_path / "month.parquet"
    runs.run_simulate(Simulation(days=3), path, lambda *_: None)
    whole = run(path)
    small = tmp_path / "small.parquet"
    pq.write_table(pq.read_table(path), small, row_group_size=97)
    monkeypatch.setattr(parquet_file, "CHUNK_ROWS", 500)
    grouped = run(small)
    monkeypatch.setattr(parquet_file, "LARGEST_GROUP", 10)
    streamed = run(small)
    monkeypatch.setattr(identity, "IN_MEMORY", 100)
    spilled = run(small)
    for other in (grouped, streamed, spilled):
        assert other.records == whole.records
        assert other.rejects == whole.rejects
        for name in ("totals", "uncertainty", "by_category", "by_month", "reject_reasons"):
            assert other.summary[name] == whole.summary[name]


def test_csv_and_parquet_of_the_same_month_agree(run, tmp_path):
    parts = [tmp_path / "month.parquet", tmp_path / "month.csv"]
    for path in parts:
        runs.run_simulate(Simulation(days=1), path, lambda *_: None)
    one, two = (run(path) for path in parts)
    assert one.summary["totals"] == two.summary["totals"]
    assert one.summary["reject_reasons"] == two.summary["reject_reasons"]
    assert [r["er_g"] for r in one.records] == [r["er_g"] for r in two.records]


@pytest.mark.filterwarnings("ignore")  # the cluster's own clean-up warns
def test_a_cluster_gives_the_same_grams(run, tmp_path):
    from distributed import LocalCluster

    path = tmp_path / "month.parquet"
    runs.run_simulate(Simulation(days=2), path, lambda *_: None)
    csv = tmp_path / "month.csv"
    runs.run_simulate(Simulation(days=2), csv, lambda *_: None)
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True
    ) as cluster:
        for source in (path, csv):
            here, there = run(source), run(source, scheduler=cluster.scheduler_address)
            assert there.records == here.records
            assert there.summary == here.summary


def test_an_unreachable_cluster_is_named(run):
    with pytest.raises(CarbonError) as caught:
        run([PHONE], scheduler="nonsense://")
    assert caught.value.code == "cluster.unreachable"


def test_a_folder_of_one_s_own_for_a_published_metric(run, tmp_path):
    """MASS-METRIC: 12.5 kg × 3.2 in 2025, × 3.5 from 2026; grams to the gram."""
    folder = tmp_path / "own"
    folder.mkdir()
    header = (FACTORS / "policy.csv").read_text("utf-8").splitlines()[0]
    row = "textiles,{},,yes,{},{},{},fixed,kgCO2e/kg,none,UK,,,display,a published metric,policy,,charity,,"
    (folder / "mass_metric.csv").write_text(
        "\n".join(
            [header, row.format("2025-01-01", *["3.2"] * 3), row.format("2026-01-01", *["3.5"] * 3)]
        )
        + "\n",
        "utf-8",
    )
    items = (FACTORS / "items.csv").read_text("utf-8").splitlines()[0]
    (folder / "items.csv").write_text(
        f"{items}\ntextiles,goods,纺织品,textiles,,kg,clothing,,,,,no,no,\n", "utf-8"
    )
    (folder / "categories.csv").write_text("category,zh,en,rank\ngoods,物品,goods,1\n", "utf-8")
    sources = (FACTORS / "sources.csv").read_text("utf-8").splitlines()[0]
    (folder / "sources.csv").write_text(f"{sources}\ncharity,A charity's metric,,,,,,\n", "utf-8")
    base = {"channel": "shop", "act": "donation", "item_type": "纺织品", "mass_kg": "12.5"}
    rows = [
        base | {"record_id": "a", "occurred_on": "2025-12-31"},
        base | {"record_id": "b", "occurred_on": "2026-01-01"},
        base | {"record_id": "c", "occurred_on": "2024-12-31"},
    ]
    found = run(rows, methodology="MASS-METRIC", factors=folder, demonstration=True)
    assert {r["record_id"]: r["er_g"] for r in found.records} == {"a": 40_000, "b": 43_750}
    assert found.codes == {"factor.before_first"}
    with pytest.raises(CarbonError) as caught:
        run(rows, methodology="HD-REUSE", factors=folder)
    assert caught.value.code == "factors.unknown_family"
    with pytest.raises(CarbonError) as caught:
        run(rows, methodology="HD-RESALE", factors=folder)
    assert caught.value.code == "methodology.unknown"


def own_table(tmp_path: Path, until: str, carry: str) -> Path:
    import shutil

    folder = Path(shutil.copytree(FACTORS, tmp_path / f"f-{carry}"))
    path = folder / "packing.csv"
    text = path.read_text("utf-8")
    path.write_text(
        text.replace("single_use,2026-01-01,,yes", f"single_use,2026-01-01,{until},{carry}"),
        "utf-8",
    )
    return folder


def test_a_factor_that_ended_is_carried_only_where_its_table_says_so(run, tmp_path):
    carried = run([PHONE], factors=own_table(tmp_path, "2026-09-30", "yes"))
    assert carried.record("r1")["flags"] == "factor_carried"
    assert carried.record("r1")["be_g"] == 13200
    ended = run([PHONE], factors=own_table(tmp_path, "2026-09-30", "no"))
    assert ended.codes == {"factor.ended"}


def test_an_amount_beyond_all_reason_is_refused(run, monkeypatch):
    monkeypatch.setattr("carbon.domain.quantification.engine.MAX_RECORD_G", 13_000)
    assert run([PHONE]).codes == {"amount.too_large"}


def test_nothing_is_left_behind_when_it_fails(run, tmp_path, monkeypatch):
    def fail(*_: object) -> str:
        raise CarbonError("file.output", path="disk", reason="full")

    monkeypatch.setattr("carbon.bootstrap.runs.render_report", fail)
    with pytest.raises(CarbonError) as caught:
        run([PHONE])
    assert caught.value.code == "file.output"
    assert [p.name for p in tmp_path.iterdir()] == ["in-0.csv"]


def test_an_existing_result_is_not_overwritten(run, tmp_path):
    found = run([PHONE])
    source = write_csv(tmp_path / "again.csv", [PHONE])
    request = runs.QuantifyRequest(source=source, out=found.folder, factors=FACTORS)
    with pytest.raises(CarbonError) as caught:
        runs.run_quantify(request, lambda *_: None, FixedClock())
    assert caught.value.code == "file.output_exists"
    with pytest.raises(CarbonError) as caught:
        runs.run_quantify(replace(request, source=tmp_path / "none.csv"), lambda *_: None)
    assert caught.value.code in ("file.missing", "file.output_exists")


def test_explain_gives_sentence_and_trace(run, tmp_path):
    found = run([PHONE])
    trace = runs.run_explain(found.folder, "r1", FACTORS)
    assert trace.grams["er_g"] == 9248
    assert trace.factors["ef"]["value"] == "52.8"
    assert trace.factors["life"]["source"]
    assert "unknown_age_life" not in trace.factors
    with pytest.raises(CarbonError) as caught:
        runs.run_explain(found.folder, "r9", FACTORS)
    assert caught.value.code == "record.unknown"
    with pytest.raises(CarbonError) as caught:
        runs.run_explain(found.folder, "r1", own_table(tmp_path, "", "no"))
    assert caught.value.code == "result.catalogue"


def test_the_report_stands_alone_and_speaks_both_languages(run):
    text = (run([PHONE]).folder / "report.html").read_text("utf-8")
    for outside in ("http://", "https://", "//cdn", "<script"):
        assert outside not in text
    assert "净减排量" in text
    assert "Net reduction" in text
    assert text.count("<svg") == text.count("</svg>") >= 4


def test_text_from_a_file_cannot_become_markup_in_the_report(run):
    found = run(
        [
            PHONE | {"note": "<script>alert(1)</script>", "item_type": "<b>x</b>"},
            PHONE | {"record_id": "r2"},
        ]
    )
    assert "<b>x</b>" not in (found.folder / "report.html").read_text("utf-8")


def test_simulated_months_repeat_and_hold_every_mishap(tmp_path, run):
    one, two, three = (tmp_path / f"{n}.parquet" for n in "abc")
    for path, seed in ((one, 1), (two, 1), (three, 2)):
        runs.run_simulate(Simulation(seed=seed, days=2), path, lambda *_: None)
    assert pq.read_table(one).equals(pq.read_table(two))
    assert not pq.read_table(one).equals(pq.read_table(three))
    found = run(one)
    expected = {
        "age_lost": "age.missing",
        "mass_absurd": "mass.band",
        "returned": "returned.in_window",
        "exported": "destination.export",
        "misspelt": "code.unknown",
        "no_transport": "transport.missing",
        "foreign_site": "site.not_hedong",
        "twice": "record_id.duplicate",
    }
    assert set(expected) == set(MISHAPS)
    assert set(expected.values()) <= found.codes
    for wrong in ({"days": 0}, {"days": 367}, {"scale": MAX_ROWS}):
        with pytest.raises(CarbonError) as caught:
            Simulation(**wrong)
        assert caught.value.code == "option.range"
    with pytest.raises(CarbonError) as caught:
        runs.run_simulate(Simulation(days=1), tmp_path / "x.json", lambda *_: None)
    assert caught.value.code == "file.format"


def test_colliding_hashes_reject_nobody(run, monkeypatch):
    """Equal hashes are suspects only; the text decides."""
    monkeypatch.setattr(identity, "hashes", lambda column: np.zeros(len(column), np.uint64))
    rows = [PHONE | {"record_id": f"r{n}", "item_id": f"i{n}"} for n in range(4)]
    found = run([*rows, rows[0]])
    assert sorted(r["record_id"] for r in found.records) == ["r1", "r2", "r3"]
    assert found.summary["totals"]["er_g"] == 3 * 9248
    assert [r["row"] for r in found.rejects] == [2, 6]


def test_hashes_depend_on_every_byte_and_the_length():
    words = ["", "a", "b", "a\0", "abcdefgh", "abcdefghi", "abcdefghj", "xbcdefghi", "é", "二手"]
    found = identity.hashes(pa.array(words))
    assert len(set(found.tolist())) == len(words)
    sliced = identity.hashes(pa.array(["zz", *words]).slice(1))
    assert sliced.tolist() == found.tolist()
    assert tables.FIRST_ROW == 2


def test_summary_is_json_without_floats_in_grams(run):
    text = json.dumps(run([PHONE]).summary["totals"])
    assert "." not in text
