"""The auditor: a sound log has no differences, and whatever is altered is found and named."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import random
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path

import pytest

from carbon.audit import audit, result, submissions, tree
from carbon.bootstrap.submissions import IngestRequest
from carbon.bootstrap.system import System
from carbon.cli.main import run
from carbon.domain.errors import CarbonError
from carbon.domain.log.leaf import canonical
from carbon.domain.log.note import Key, Note, format_note, sign_text
from carbon.domain.log.tile import tile_at
from carbon.files.log_folder import open_log
from carbon.settings import Settings
from conftest import PHONE
from published_logs import Published, codes, make_log, names, quiet

CHECKER = "tools/check_receipt.py"


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("audit") / "home"
    make_log(folder)
    return folder


@pytest.fixture
def log(home, tmp_path) -> Published:
    return Published.copy(home, tmp_path / "log")


@pytest.fixture
def address(log):
    handler = functools.partial(_Silent, directory=str(log.root))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


# --- a sound log ------------------------------------------------------------------------------


def test_a_sound_log_has_no_differences(log):
    found = log.audit()
    assert found.differences == ()
    assert found.notes == ()
    counts = found.counts
    rows = [json.loads(row) for row in log.rows()]
    singles = [leaf["row"] for leaf in log.values() if leaf["type"] == "record"]
    assert counts.rows == len(rows) + 2 > 250
    assert counts.grams == sum(int(row["er_g"]) for row in (*rows, *singles))
    assert (counts.leaves, counts.submissions, counts.corrections) == (5, 1, 0)
    assert (counts.catalogues, counts.formulas) == (1, 1)
    assert (counts.checkpoints, counts.tiles) == (4, 6)
    assert (found.size, found.origin) == (5, "log.example.cn/hedong")


def test_more_leaves_than_a_tile_holds(log):
    values = log.values()
    record = values[-1]
    for number in range(300):
        row = {**record["row"], "id": f"{number + 1:032x}"}
        values.append({**record, "row": row})
    log.sign_values(values)
    found = log.audit()
    assert found.differences == ()
    assert found.counts.leaves == 305
    assert found.counts.tiles == 5
    target = log.root / "tile/entries/000"
    target.write_bytes(target.read_bytes().replace(b"good", b"fair", 1))
    found = log.audit()
    assert names(found, "tile/entries/000")
    assert not names(found, "tile/0/000")


def test_several_processes_find_the_same(log, monkeypatch):
    monkeypatch.setattr(submissions, "POOL_ROWS", 1)
    rows = log.rows()
    log.put_rows([rows[0].replace(b'"be_g":"', b'"be_g":"1'), *rows[1:]])
    one = log.audit()
    two = audit(open_log(str(log.root)), log.key, quiet, jobs=2)
    assert one == two
    assert codes(one) == {"audit.figure"}


def test_over_the_web_the_same_but_older_checkpoints(log, address):
    found = audit(open_log(address), log.key, quiet, jobs=1)
    assert found.differences == ()
    assert [note.code for note in found.notes] == ["audit.history_unlisted"]
    assert (found.counts.checkpoints, found.counts.tiles) == (2, 2)
    assert found.counts.rows == log.audit().counts.rows


def test_an_alteration_is_found_over_the_web(log, address):
    for suffix in ("jsonl", "tree", "ends"):
        path = next(log.root.glob(f"rows/*.{suffix}"))
        kept = path.read_bytes()
        path.write_bytes(kept[:-9] + bytes([kept[-9] ^ 4]) + kept[-8:])
        found = audit(open_log(address), log.key, quiet, jobs=1)
        assert names(found, f"rows/{path.name}")
        path.write_bytes(kept)
    (log.root / "checkpoints/000/000/000/005").unlink()
    assert "log.missing" in codes(audit(open_log(address), log.key, quiet, jobs=1))


def test_no_log_and_no_server_are_no_differences(tmp_path):
    with pytest.raises(CarbonError, match=r"log\.missing"):
        audit(open_log(str(tmp_path)), None, quiet)
    with pytest.raises(CarbonError) as caught:
        audit(open_log("http://127.0.0.1:9"), None, quiet)
    assert caught.value.code == "log.unreachable"


# --- damage to any file -----------------------------------------------------------------------


def test_one_bit_of_any_file_is_found_and_the_file_named(log):
    chance = random.Random(20261125)
    for path in log.paths:
        target = log.root / path
        kept = target.read_bytes()
        damaged = bytearray(kept)
        damaged[chance.randrange(len(kept))] ^= 1 << chance.randrange(8)
        target.write_bytes(damaged)
        found = log.audit()
        target.write_bytes(kept)
        if path == CHECKER:
            assert [note.code for note in found.notes] == ["audit.checker"]
            assert found.differences == ()
        else:
            assert names(found, path), path
    assert log.audit().differences == ()


def test_any_file_cut_short_or_missing_is_found_and_named(log):
    for path in log.paths:
        target = log.root / path
        kept = target.read_bytes()
        optional = path == CHECKER or ((tile := tile_at(path)) and tile.width < 5)
        target.write_bytes(kept[:-2])
        assert names(log.audit(), path) or path == CHECKER, path
        target.unlink()
        found = log.audit()
        history = path.startswith("checkpoints/") and not path.endswith("005")
        assert names(found, path) or optional or history, path
        target.write_bytes(kept)


@pytest.mark.parametrize(
    "path",
    [
        "notes.txt",
        "rows/none.jsonl",
        "catalogues/x/items.csv",
        "tile/0/001",
        "tile/0/000.p/6",
        "tile/1/000.p/1",
        "tile/9/y",
        "tile/.put-1",
    ],
)
def test_a_file_that_belongs_to_nothing_is_found(log, path):
    log.write(path, b"x")
    found = log.audit()
    assert [(d.code, d.path) for d in found.differences] == [("audit.unexpected", path)]


def _catalogue_paths(found):
    return {d.path for d in found.differences if d.path.startswith("catalogues/")}


def test_an_altered_file_of_a_catalogue_is_named_and_no_other(log):
    """Whichever bit, be it of a blank that changes no cell; nothing is recomputed with it."""
    chance = random.Random(7)
    paths = [path for path in log.paths if path.startswith("catalogues/")]
    assert len(paths) > 10
    for path in paths:
        target = log.root / path
        kept = target.read_bytes()
        for at in (0, chance.randrange(len(kept)), len(kept) - 1):
            damaged = bytearray(kept)
            damaged[at] ^= 1 << chance.randrange(8)
            target.write_bytes(damaged)
            found = log.audit()
            assert _catalogue_paths(found) == {path}
            assert codes(found) == {"audit.content", "audit.skipped"}
        target.write_bytes(kept)
    assert log.audit().differences == ()


def test_two_altered_tables_are_both_named(log):
    folder = f"catalogues/{next(log.root.glob('catalogues/*')).name}"
    for name in ("life.csv", "grid.csv"):
        log.write(f"{folder}/{name}", (log.root / folder / name).read_bytes() + b"\n")
    assert _catalogue_paths(log.audit()) == {f"{folder}/life.csv", f"{folder}/grid.csv"}


def test_the_list_of_tables_is_what_sha256sum_makes(log):
    folder = next(log.root.glob("catalogues/*"))
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(folder.glob("*.csv"))
    ]
    assert (folder / "tables.txt").read_text("utf-8") == "".join(lines)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("  ", " ", 1),
        lambda text: text.replace("  ", " *", 1),
        lambda text: text.upper(),
        lambda text: text.rstrip("\n"),
        lambda text: text + "\n",
        lambda text: text + text.splitlines(keepends=True)[-1],
        lambda text: "".join(reversed(text.splitlines(keepends=True))),
        lambda text: text.replace("  grid", "  ../grid"),
        lambda text: text.replace("  grid", "  \u202egrid"),
    ],
)
def test_a_list_of_tables_in_another_form_is_found(log, change):
    """Even where the operator signs its digest."""
    path = next(log.root.glob("catalogues/*/tables.txt"))
    content = change(path.read_text("utf-8")).encode()
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    log.change_leaf("catalogue", lambda leaf: leaf.update(tables=digest))
    found = log.audit()
    assert codes(found) == {"audit.form", "audit.skipped"}
    assert _catalogue_paths(found) == {path.relative_to(log.root).as_posix()}


def test_a_table_not_listed_is_found(log):
    """Signed anew: the tree of the others has another root, and the file belongs to nothing."""
    path = next(log.root.glob("catalogues/*/tables.txt"))
    folder = f"catalogues/{path.parent.name}"
    kept = [line for line in path.read_text("utf-8").splitlines() if "grid.csv" not in line]
    content = "".join(f"{line}\n" for line in kept).encode()
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    log.change_leaf("catalogue", lambda leaf: leaf.update(tables=digest))
    found = [(d.code, d.path) for d in log.audit().differences]
    assert ("audit.content", folder) in found
    assert ("audit.unexpected", f"{folder}/grid.csv") in found


def test_a_catalogue_told_after_its_use_is_checked_all_the_same(log):
    values = sorted(log.values(), key=lambda value: value["type"] == "catalogue")
    log.sign_values(values)
    assert log.audit().differences == ()
    values[-1]["tables"] = "0" * 64
    log.sign_values(values)
    found = log.audit()
    assert codes(found) == {"audit.content"}
    root = values[-1]["root"]
    assert _catalogue_paths(found) == {f"catalogues/{root}/tables.txt"}


# --- keys and checkpoints ---------------------------------------------------------------------


def test_an_unpinned_key_is_noted(log):
    found = log.audit(key=None)
    assert found.differences == ()
    assert [note.code for note in found.notes] == ["audit.key_not_pinned"]


def test_a_wrong_pinned_key_is_found(log):
    other = Key(log.key.name, bytes(31) + b"\1")
    found = log.audit(key=other)
    assert {"audit.key", "note.unsigned"} <= codes(found)
    assert found.counts.rows > 250
    assert names(found, "checkpoint")
    assert names(found, "checkpoints/000/000/000/003")


def test_a_fork_of_the_same_size_is_found(log):
    """The operator rewrites the last leaf, and keeps the history others have seen."""
    old = {path: (log.root / path).read_bytes() for path in log.paths if "checkpoints/" in path}
    values = log.values()
    values[-1]["row"]["id"] = "0123456789abcdef" * 2
    log.sign_values(values)
    assert log.audit().differences == ()
    for path, content in old.items():
        log.write(path, content)
    found = log.audit()
    assert {"audit.history", "audit.root"} <= codes(found)
    assert names(found, "checkpoints/000/000/000/005")
    assert not names(found, "checkpoints/000/000/000/004")


def test_a_rewritten_past_is_found_by_an_older_checkpoint(log):
    old = (log.root / "checkpoints/000/000/000/004").read_bytes()
    log.change_leaf("record", lambda leaf: leaf["row"].update(id="0123456789abcdef" * 2))
    log.write("checkpoints/000/000/000/004", old)
    found = log.audit()
    assert [(d.code, d.path) for d in found.differences] == [
        ("audit.root", "checkpoints/000/000/000/004")
    ]


def test_a_checkpoint_set_back_is_found(log):
    log.write("checkpoint", (log.root / "checkpoints/000/000/000/004").read_bytes())
    found = log.audit()
    assert "audit.history" in codes(found)
    assert names(found, "checkpoint")


def test_a_checkpoint_under_a_wrong_name_is_found(log):
    log.write("checkpoints/000/000/000/002", (log.root / "checkpoint").read_bytes())
    found = log.audit()
    assert [(d.code, d.path) for d in found.differences] == [
        ("audit.history", "checkpoints/000/000/000/002")
    ]


def test_a_size_no_log_has_is_given_up(log, monkeypatch):
    monkeypatch.setattr(tree, "MAX_LOST", 3)
    signed = log.signer.sign
    text = f"{log.key.name}\n{2**62}\n{'A' * 43}=\n"
    log.write("checkpoint", format_note(Note(text, (sign_text(text, log.key, signed),))))
    assert "audit.root" in codes(log.audit())


# --- rows -------------------------------------------------------------------------------------


def test_two_rows_swapped_are_found(log):
    path = next(log.root.glob("rows/*.jsonl"))
    one, two, *rest = log.rows()
    path.write_bytes(b"".join(row + b"\n" for row in (two, one, *rest)))
    found = log.audit()
    assert codes(found) == {"audit.content"}
    assert {d.path for d in found.differences} == {f"rows/{path.name}"}


def test_grams_replaced_with_their_sum_are_found(log):
    """Even where the operator signs the new leaf: the formula gives another figure."""

    def change(rows):
        row = rows[16]
        row["be_g"] = str(int(row["be_g"]) + 7)
        row["er_g"] = str(int(row["er_g"]) + 7)

    log.change_rows(change)
    found = log.audit()
    path = next(log.root.glob("rows/*.jsonl")).name
    assert [(d.code, d.path) for d in found.differences] == [
        ("audit.figure", f"rows/{path}:17"),
        ("audit.figure", f"rows/{path}:17"),
    ]
    assert {d.detail.split(",")[0] for d in found.differences} == {"name = be_g", "name = er_g"}


def _other_factor(row):
    row["f"]["ef"] += 1


def _no_factor_row(row):
    row["f"]["ef"] = 10**6


def _input_as_role(row):
    row["f"]["quantity"] = row["f"]["ef"]


def _stranger(row):
    row["f"]["metric"] = row["f"]["ef"]


def _future(row):
    row["in"]["month"] = "2027-01"


def _unknown_item(row):
    row["in"]["item_type"] = "spaceship"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_other_factor, "audit.factor"),
        (_no_factor_row, "audit.factor"),
        (_input_as_role, "audit.factor"),
        (_stranger, "audit.factor"),
        (_future, "audit.factor"),
        (_unknown_item, "audit.factor"),
        (lambda row: row["f"].pop("ef"), "formula.invalid"),
        (lambda row: row["in"].update(act="repair"), "audit.form"),
        (lambda row: row["in"].update(act="theft"), "audit.form"),
        (lambda row: row["in"].update(colour="red"), "audit.form"),
        (lambda row: row["in"].update(quantity="1e999"), "formula.invalid"),
        (lambda row: row["in"].update(hedong="yes"), "audit.form"),
        (lambda row: row["f"].update(ef=True), "audit.form"),
        (lambda row: row.update(grade="display"), "audit.grade"),
        (lambda row: row.update(flags="display_factor"), "audit.flags"),
        (lambda row: row.update(flags="as_of"), "audit.flags"),
        (lambda row: row.update(flags="abroad;age_unknown"), "audit.flags"),
        (lambda row: row.update(id="0" * 32), "audit.form"),
        (lambda row: row.update(note="x"), "audit.form"),
        (lambda row: row.pop("grade"), "audit.form"),
        (lambda row: row.pop("in"), "audit.form"),
    ],
)
def test_a_row_that_cannot_be_is_found(log, change, code):
    log.change_rows(lambda rows: change(rows[3]))
    found = log.audit()
    path = next(log.root.glob("rows/*.jsonl")).name
    assert code in codes(found)
    assert all(d.path in (f"rows/{path}:4", "tile/entries/000.p/5#2") for d in found.differences)


@pytest.mark.parametrize(
    ("cells", "options"),
    [
        ({"item_type": "laptop", "age_years": "1"}, {}),
        ({"item_type": "laptop", "age_years": "1"}, {"as_of": date(2026, 5, 1)}),
        ({"item_type": "tv", "age_years": "", "condition": "", "receiver_region": "abroad"}, {}),
    ],
)
def test_a_demonstration_is_recomputed_and_a_factor_left_out_found(tmp_path, cells, options):
    """Without its rows of power a row is still computable, and gains by it."""
    own, table = tmp_path / "home", tmp_path / "one.csv"
    system = System(Settings.read({"CARBON_HOME": str(own)}))
    system.upgrade()
    system.init_log("log.example.cn/hedong")
    row = {**PHONE, "item_id": "", "process": "none", "mass_kg": "", **cells}
    table.write_text(f"{','.join(row)}\n{','.join(row.values())}\n", "utf-8")
    request = IngestRequest(table, demonstration=True, **options)
    assert system.submissions.ingest(request, quiet)["accepted"] == 1
    system.sequence(quiet)
    log = Published.copy(own, tmp_path / "log")
    assert log.audit().differences == ()

    def change(row):
        assert int(row["u_g"]) > 0
        row["er_g"] = str(int(row["er_g"]) + int(row["u_g"]))
        row["u_g"] = "0"
        for role in ("used_kwh", "new_kwh", "grid"):
            del row["f"][role]

    log.change_rows(lambda rows: change(rows[0]))
    assert codes(log.audit()) == {"audit.factor"}


def test_a_fact_told_twice_is_found(log):
    log.change_rows(lambda rows: rows.append(rows[0]))
    found = log.audit()
    path = next(log.root.glob("rows/*.jsonl")).name
    assert [d.code for d in found.differences] == ["audit.duplicate"]
    assert found.differences[0].path == f"rows/{path}:{len(log.rows())}"
    assert f"rows/{path}:1" in found.differences[0].detail


def test_a_sum_or_a_number_of_rows_that_is_wrong_is_found(log):
    log.change_leaf("submission", lambda leaf: leaf.update(er_g="1"))
    assert [d.path for d in log.audit().differences] == ["tile/entries/000.p/5#2"]
    log.change_leaf("submission", lambda leaf: leaf.update(rows=3))
    assert "audit.content" in codes(log.audit())


def test_only_so_many_differences_of_a_file_are_told(log, monkeypatch):
    monkeypatch.setattr(result, "MAX_PER_FILE", 20)
    log.change_rows(lambda rows: [row.update(flags="x") for row in rows])
    found = log.audit()
    assert "audit.more" in codes(found)
    assert len(found.differences) == 21


def test_the_second_digest_is_checked_where_there_is_one(log, monkeypatch):
    content = next(log.root.glob("rows/*.jsonl")).read_bytes()
    digest = hashlib.new("sm3", content).hexdigest()
    log.change_leaf("submission", lambda leaf: leaf["file"].update(sm3=digest))
    assert log.audit().differences == ()
    log.change_leaf("submission", lambda leaf: leaf["file"].update(sm3="0" * 64))
    assert "audit.content" in codes(log.audit())
    new = hashlib.new

    def without(name, *rest):
        if name == "sm3":
            raise ValueError(name)
        return new(name, *rest)

    monkeypatch.setattr(hashlib, "new", without)
    found = log.audit()
    assert found.differences == ()
    assert [note.code for note in found.notes] == ["audit.sm3_skipped"]


# --- leaves -----------------------------------------------------------------------------------


def test_a_record_is_recomputed_like_a_row(log):
    log.change_leaf("record", lambda leaf: leaf["row"].update(er_g="1"))
    found = log.audit()
    assert [(d.code, d.path) for d in found.differences] == [
        ("audit.figure", "tile/entries/000.p/5#3")
    ]


def test_corrections_name_an_earlier_fact_once(log):
    values = log.values()
    first, second = (value["row"]["id"] for value in values[3:5])
    correction = {"type": "correction", "replaces": first, "reason": "退货"}
    again = {**values[4], **correction, "row": {**values[4]["row"], "id": "9" * 32}}
    again["replaces"] = second
    log.sign_values([*values, correction, again])
    found = log.audit()
    assert found.differences == ()
    assert found.counts.corrections == 2
    later = {**correction, "replaces": "9" * 32}
    for wrong in (
        [correction, correction],
        [{**correction, "replaces": "8" * 32}],
        [later, again],
    ):
        log.sign_values([*values, *wrong])
        assert [d.code for d in log.audit().differences] == ["audit.correction"]


def test_a_catalogue_without_a_leaf_is_found(log):
    values = log.values()
    log.sign_values([value for value in values if value["type"] != "catalogue"])
    assert codes(log.audit()) == {"audit.unnamed"}
    log.sign_values([value for value in values if value["type"] != "formula"])
    assert codes(log.audit()) == {"audit.unnamed"}


def test_a_catalogue_against_the_rules_is_found_and_nothing_recomputed(log):
    """A factor below its band, with a tree that agrees: the project's own rules refuse it."""
    old = next(log.root.glob("catalogues/*"))
    text = (old / "grid.csv").read_text("utf-8")
    (old / "grid.csv").write_text(text.replace("power_generation", "power_life_cycle"), "utf-8")
    root = open_log(str(log.root)).catalogue(old.name).tree.root().hex()
    lines = (
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(old.glob("*.csv"))
    )
    content = "".join(lines).encode()
    (old / "tables.txt").write_bytes(content)
    old.rename(old.with_name(root))
    values = log.values()
    for value in values:
        if "catalogue" in value:
            value["catalogue"] = root
        if value["type"] == "catalogue":
            value |= {"root": root, "tables": hashlib.sha256(content).hexdigest()}
    log.sign_values(values)
    found = log.audit()
    assert codes(found) == {"factors.invalid", "audit.skipped"}
    assert names(found, f"catalogues/{root}")
    assert found.counts.rows == 0


def _with_formula(log, change):
    value = json.loads(next(log.root.glob("formulas/*")).read_bytes())
    for path in log.root.glob("formulas/*"):
        path.unlink()
    content = change(value)
    content = content if isinstance(content, bytes) else canonical(value)
    digest = hashlib.sha256(content).hexdigest()
    log.write(f"formulas/{digest}.json", content)
    values = log.values()
    for own in values:
        if "formula" in own:
            own["formula"] = digest
            own["methodology"] = value["methodology"]
        if own["type"] == "formula":
            own |= {"sha256": digest, "methodology": value["methodology"]}
    log.sign_values(values)


def test_a_methodology_changed_without_a_new_version_is_found(log):
    _with_formula(log, lambda value: value["steps"].insert(0, ["gift", ["num", "5"]]))
    assert codes(log.audit()) == {"audit.formula"}


def test_an_unknown_methodology_is_recomputed_and_noted(log):
    _with_formula(log, lambda value: value.update(methodology="HD-LOAN v9"))
    found = log.audit()
    assert found.differences == ()
    assert [note.code for note in found.notes] == ["audit.methodology_unknown"]
    assert found.counts.rows > 250
    log.change_rows(lambda rows: _input_as_role(rows[0]))
    assert codes(log.audit()) == {"audit.factor"}


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value["steps"].append(["x", ["explode", "y"]]),
        lambda value: value["steps"].append([["x"], ["num", "1"]]),
        lambda value: value["steps"].append(["x"]),
        lambda value: value["steps"].append(["x", {"a": 1}]),
        lambda value: value["steps"].append(["x", ["given", ["y"]]]),
        lambda value: value.update(steps=5),
        lambda value: value.pop("steps"),
        lambda _: b"[" * 100_000,
        lambda _: b"[]",
        lambda _: b"\xff",
        lambda _: b'{"methodology":{},"steps":[]}',
    ],
)
def test_a_formula_that_is_none_is_found(log, change):
    _with_formula(log, change)
    found = log.audit()
    assert codes(found) & {"formula.invalid", "audit.form"}
    assert "audit.skipped" in codes(found)


# --- hostile content --------------------------------------------------------------------------

HOSTILE = {
    "nested": b"[" * 60_000,
    "nan": b'{"type":NaN}',
    "huge": b'{"type":' + b"9" * 60_000 + b"}",
    "beyond": b'{"catalogue_rows":9007199254740993,"type":"record"}',
    "float": b'{"root":1e400,"rows":1.5,"type":"catalogue"}',
    "utf8": b'{"type":"\xff\xfe"}',
    "surrogate": b'{"type":"\\ud800"}',
    "spaces": b'{"type": "record"}',
    "twice": b'{"type":"record","type":"record"}',
    "kind": b'{"type":"gift"}',
    "list": b'{"type":["record"]}',
    "empty": b"",
    "null": b"null",
    "members": b'{"reason":"x","replaces":"' + b"a" * 32 + b'","type":"correction","x":1}',
    "partly": b'{"reason":"x","replaces":"' + b"a" * 32 + b'","row":{},"type":"correction"}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_leaf_or_row_is_a_difference(log, name):
    sound = log.leaves()
    log.sign([*sound, HOSTILE[name]])
    found = log.audit()
    assert [(d.code, d.path) for d in found.differences] == [
        ("audit.form", "tile/entries/000.p/6#5")
    ]
    assert all(d.say(lang).isprintable() for d in found.differences for lang in ("zh", "en"))
    log.sign(sound)
    log.put_rows([*log.rows(), HOSTILE[name]])
    path = next(log.root.glob("rows/*.jsonl")).name
    assert ("audit.form", f"rows/{path}:{len(log.rows())}") in [
        (d.code, d.path) for d in log.audit().differences
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 10_000_000,
        b"\xff\xfe" * 1000,
        b'"' + b"a" * 200_000,
        b"\0" * 100,
        b"9" * 100_000 + b"\n",
        b"",
    ],
)
def test_a_hostile_file_is_a_difference_that_names_it(log, content):
    for path in log.paths:
        if path == CHECKER:
            continue
        target = log.root / path
        kept = target.read_bytes()
        target.write_bytes(content)
        assert names(log.audit(), path), path
        target.write_bytes(kept)


@pytest.mark.parametrize("day", ["2026-13-45", "0000-01-01"])
def test_a_day_that_is_none_is_a_difference(log, day):
    log.change_leaf("record", lambda leaf: leaf.update(recorded_on=day))
    found = log.audit()
    assert codes(found) == {"audit.form", "audit.skipped"}


# --- the command ------------------------------------------------------------------------------


def test_the_command_tells_and_exits(log, capsys):
    pinned = log.key.vkey
    assert run(["audit", str(log.root), "--key", pinned]) == 0
    assert "5" in capsys.readouterr().out
    assert run(["audit", str(log.root), "--key", pinned, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["differences"] == []
    assert told["counts"]["leaves"] == 5
    log.change_rows(lambda rows: [row.update(flags="x") for row in rows[:60]])
    assert run(["audit", str(log.root)]) == 1
    assert "audit.flags" in capsys.readouterr().out
    assert run(["audit", str(log.root), "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["differences"]) == 60
    assert run(["audit", str(log.root / "nothing")]) == 3
    assert run(["audit", str(log.root), "--key", "x"]) == 3
    assert run(["audit"]) == 2


def test_the_auditor_loads_nothing_of_the_platform(log):
    script = (
        "import sys, carbon.__main__ as m\n"
        "try: m.main()\n"
        "except SystemExit as stop: print(stop.code)\n"
        "print(*sys.modules)"
    )
    environment = {**os.environ, "CARBON_LANG": "en"}

    def started(*arguments: str) -> list[str]:
        command = [sys.executable, "-c", script, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        return done.stdout.splitlines()

    lines = started("audit", str(log.root), "--key", log.key.vkey)
    assert lines[-2] == "0"
    assert any("No differences" in line for line in lines)
    loaded = set(lines[-1].split())
    unwanted = "sqlalchemy alembic pyarrow pydantic cryptography carbon.ports carbon.adapters "
    unwanted += "carbon.services carbon.bootstrap carbon.cli.main"
    assert not loaded & set(unwanted.split())
    assert started("audit")[-2] == "2"
    assert started("audit", str(log.root / "nothing"))[-2] == "3"
