"""The log over both engines: what it refuses, and what survives."""

from __future__ import annotations

import errno
import json
import random
import shutil
import sqlite3
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import postgres
from carbon.adapters import disk
from carbon.adapters.signing import verify_ed25519
from carbon.bootstrap.recording import Ask
from carbon.bootstrap.system import System
from carbon.domain.errors import CarbonError
from carbon.domain.log.checkpoint import cosign, verify_checkpoint
from carbon.domain.log.merkle import check_consistency, consistency_proof
from carbon.domain.log.note import COSIGNATURE, Key
from carbon.domain.log.proof import verify_proof
from carbon.domain.log.tile import Tile
from carbon.domain.simulation import Simulation
from carbon.files.check_receipt import check
from conftest import settings_at
from set_back import set_back
from simulated_files import write_simulated

QUIET = lambda *_: None  # noqa: E731  progress nobody watches


def fails(code: str, act, *arguments, **options):
    with pytest.raises(CarbonError) as caught:
        act(*arguments, **options)
    assert caught.value.code == code, caught.value


def all_ok(receipt: bytes, system: System) -> bool:
    return all(c.ok for c in check(receipt, system.signer.key.vkey))


def sound(system: System) -> None:
    found = system.reconcile(QUIET)
    assert (found.differences, found.pending) == ([], 0)


# --- growth ---------------------------------------------------------------------------------------


def test_every_checkpoint_extends_every_earlier_one(system, phone):
    """After each step the whole log agrees with the database; all pairs of heads are consistent."""
    heads = []
    for n in range(12):
        system.record(phone(n))
        if n % 3 != 1:
            heads.append(system.sequence(QUIET))
            sound(system)
    last = heads[-1]
    read = system.log.reader(last.size)
    for old in heads:
        proof = consistency_proof(old.size, last.size, read)
        assert check_consistency(old.size, old.root, last.size, last.root, proof)


def test_a_record_has_a_receipt_as_soon_as_it_is_published(system, phone):
    """Also before the first checkpoint; the proof in it is one of the public format."""
    system.record(phone(1))
    fails("receipt.pending", system.receipt, "r1")
    system.sequence(QUIET)
    system.record(phone(2))
    fails("receipt.pending", system.receipt, "r2")
    fails("receipt.unknown", system.receipt, "r3")
    system.sequence(QUIET)
    for name in ("r1", "r2"):
        assert all_ok(system.receipt(name), system)
    content = json.loads(system.receipt("r2"))
    leaf = content["leaf"].encode()
    seen = verify_proof(leaf, content["proof"].encode(), [system.signer.key], verify_ed25519)
    assert seen.checkpoint.size == 4, "catalogue, formula and two records"


def test_receipts_of_a_file_check_with_the_database_gone(system, tmp_path):
    """A sample of receipts, made while the store is there, checked when it is not."""
    path = write_simulated(tmp_path / "month.csv", Simulation(seed=5, days=2))
    answer = system.submissions.ingest(_request(path), QUIET)
    system.sequence(QUIET)
    names = [line.split(",")[0].strip('"') for line in path.read_text("utf-8").splitlines()[1:]]
    receipts = []
    for name in random.Random(3).sample(sorted(set(names)), 150):
        try:
            receipts.append(system.receipt(name))
        except CarbonError as error:
            assert error.code == "receipt.unknown"  # noqa: PT017  a rejected row has none
    vkey = system.signer.key.vkey
    system.close()
    shutil.rmtree(system.settings.keys)
    shutil.rmtree(system.settings.log)
    assert len(receipts) > 120
    assert answer["accepted"] > 1_500
    for receipt in receipts:
        assert all(c.ok for c in check(receipt, vkey))


def _request(path: Path, **options):
    from carbon.bootstrap.submissions import IngestRequest

    return IngestRequest(path, accept_valid=True, **options)


# --- refusals -------------------------------------------------------------------------------------


def test_a_second_log_is_refused(system, phone, home, clock):
    fails("log.exists", system.init_log, "other.example.cn/log")
    shutil.rmtree(home.log)
    again = System(home, clock)
    fails("log.exists", again.init_log, "other.example.cn/log")
    again.close()


def test_a_name_that_is_no_origin_is_refused(home, clock):
    made = System(home, clock)
    fails("log.origin", made.init_log, "with blank")
    made.close()


def test_only_one_sequences_at_a_time(system, phone):
    system.record(phone(1))
    other = System(system.settings, system.clock)
    from carbon.adapters.logstore import LogFolder

    folder = LogFolder(system.settings.log, system.settings.spool, system.settings.keys / "signed")
    with folder.sequencing():
        fails("log.busy", other.sequence, QUIET)
    assert other.sequence(QUIET).size == 3
    other.close()


def test_an_older_database_under_a_newer_checkpoint_is_never_signed_for(
    system, phone, tmp_path, request, clock
):
    """The fault that killed real logs: a restored backup would fork the tree."""
    system.record(phone(1))
    system.sequence(QUIET)
    system.backup(tmp_path / "backup")
    system.record(phone(2))
    system.sequence(QUIET)
    settings = set_back(system, request, tmp_path)
    older = System(settings, clock)
    assert older.restore(tmp_path / "backup")["log_size"] == 3
    older.record(phone(3))
    fails("log.rollback", older.sequence, QUIET)
    # Even with the public folder set back as well, the copy beside the key remembers.
    shutil.rmtree(settings.log)
    fails("log.missing", older.sequence, QUIET)
    older.close()


def test_a_backup_restores_to_the_published_head(system, phone, tmp_path, request, clock):
    for n in range(3):
        system.record(phone(n))
    head = system.sequence(QUIET)
    system.erase("giver-1")
    system.backup(tmp_path / "backup")
    settings = set_back(system, request, tmp_path)
    again = System(settings, clock)
    assert again.restore(tmp_path / "backup")["log_size"] == head.size
    assert again.sequence(QUIET) == head
    sound(again)
    assert again.check() == []
    fails("store.not_empty", again.restore, tmp_path / "backup")
    damaged = tmp_path / "backup" / "database"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    fails("store.backup", again.restore, tmp_path / "backup")
    again.close()


def test_an_altered_log_key_or_store_key_is_noticed(system, phone, clock):
    system.record(phone(1))
    system.sequence(QUIET)
    key = system.settings.keys / "store.key"
    secret = key.read_text()
    key.chmod(0o600)
    key.write_text(("0" if secret[0] != "0" else "1") + secret[1:])

    def refused(code: str) -> None:
        other = System(system.settings, clock)
        fails(code, other.record, phone(2))
        other.close()

    refused("key.wrong")
    key.write_text("no secret")
    refused("key.invalid")
    key.unlink()
    refused("key.missing")


# --- damage ---------------------------------------------------------------------------------------


def test_a_full_disk_stops_sequencing_and_loses_nothing(system, phone, monkeypatch):
    """The disk fills at every possible write in turn; when there is room again, all is there."""
    system.record(phone(0))
    system.sequence(QUIET)
    original, failed = disk.write_durably, 0
    for room in range(16):
        system.record(phone(room + 1))
        left = [room]

        def full(path, content, mode=0o644, left=left):
            if left[0] == 0:
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            left[0] -= 1
            original(path, content, mode)

        with monkeypatch.context() as patch:
            patch.setattr("carbon.adapters.logstore.write_durably", full)
            try:
                system.sequence(QUIET)
            except (CarbonError, OSError):
                failed += 1
    assert failed > 4, "every write of a sequencing was hit"
    assert system.sequence(QUIET).size == 17 + 2
    sound(system)
    assert all_ok(system.receipt("r12"), system)


def test_a_torn_tile_stops_the_log_until_it_is_repaired(system, phone):
    for n in range(5):
        system.record(phone(n))
    system.sequence(QUIET)
    tile = next(system.settings.log.glob("tile/0/*.p/*"))
    tile.write_bytes(tile.read_bytes()[:-7])
    system.record(phone(5))
    fails("tile.malformed", system.sequence, QUIET)
    assert system.repair() == [str(tile.relative_to(system.settings.log))]
    assert system.repair() == []
    assert system.sequence(QUIET).size == 8
    sound(system)


@pytest.mark.parametrize("pattern", ["tile/0/*.p/*", "tile/entries/*.p/*"])
def test_a_flipped_bit_stops_the_log_until_it_is_repaired(system, phone, pattern):
    for n in range(5):
        system.record(phone(n))
    system.sequence(QUIET)
    path = next(system.settings.log.glob(pattern))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    system.record(phone(5))
    with pytest.raises(CarbonError) as caught:
        system.sequence(QUIET)
    assert caught.value.code in ("log.inconsistent", "log.changed", "tile.malformed")
    assert system.repair() == [str(path.relative_to(system.settings.log))]
    system.sequence(QUIET)
    sound(system)


GUARDED = ("fact", "activity", "quantity", "correction", "life_entry")


def _superuser(system: System, request, statements: list[str], values: list[tuple]) -> None:
    """Somebody who may do everything, guards switched off."""
    database = system.database
    if database.is_sqlite:
        with sqlite3.connect(database.path) as connection:
            names = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            kept = names.fetchall()
            for name, _ in kept:
                connection.execute(f"DROP TRIGGER {name}")
            for statement, own in zip(statements, values, strict=True):
                connection.execute(statement.replace("%s", "?"), own)
            for _, sql in kept:
                connection.execute(sql)
        connection.close()
        return
    url = database.url.set(username=postgres.OWNER, drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
        for table in GUARDED:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement, own in zip(statements, values, strict=True):
            connection.execute(statement, own)
        for table in GUARDED:
            for trigger in ("refuse_update", "refuse_delete", "refuse_truncate"):
                connection.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        (
            "UPDATE quantity SET er_g = er_g + 1, be_g = be_g + 1 WHERE fact_id = %s",
            "reconcile.row",
        ),
        ("UPDATE activity SET age_years = 0.5 WHERE fact_id = %s", "reconcile.row"),
        ("UPDATE activity SET rest_digest = '00' WHERE fact_id = %s", "reconcile.row"),
        ("DELETE FROM quantity WHERE fact_id = %s", "reconcile.orphan"),
    ],
)
def test_a_fact_changed_by_a_superuser_is_found_and_named(system, phone, request, statement, code):
    system.record(phone(1))
    system.record(phone(2))
    system.sequence(QUIET)
    fact_id = json.loads(json.loads(system.receipt("r2"))["leaf"])["row"]["id"]
    _superuser(system, request, [statement], [(fact_id,)])
    found = system.reconcile(QUIET)
    assert code in {d.code for d in found.differences}
    seqs = {d.values.get("seq") for d in found.differences if d.code == "reconcile.row"}
    assert len(seqs) <= 1, "only the fact concerned is named"


def test_a_leaf_changed_by_a_superuser_is_found_and_named(system, phone, request):
    system.record(phone(1))
    system.sequence(QUIET)
    body = json.loads(json.loads(system.receipt("r1"))["leaf"])
    body["row"]["er_g"] = "1"
    changed = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    statement = "UPDATE fact SET body = %s WHERE kind = 'record'"
    _superuser(system, request, [statement], [(changed,)])
    found = system.reconcile(QUIET)
    assert {d.code for d in found.differences} == {"reconcile.leaf"}
    fails("log.rollback", system.repair)


# --- witnesses ------------------------------------------------------------------------------------


def test_a_witness_signs_and_is_published(system, phone):
    private = Ed25519PrivateKey.generate()
    witness = Key("witness.example.org", private.public_key().public_bytes_raw(), COSIGNATURE)
    system.record(phone(1))
    system.sequence(QUIET)
    note = (system.settings.log / "checkpoint").read_bytes()
    signed = cosign(note, 1_790_000_000, witness, private.sign)
    assert system.cosign(signed, witness.vkey) == witness.name
    published = (system.settings.log / "checkpoint").read_bytes()
    verified = verify_checkpoint(published, [system.signer.key], verify_ed25519, [witness])
    assert verified.seen == {witness: 1_790_000_000}
    assert system.cosign(signed, witness.vkey) == witness.name, "a repeat changes nothing"
    assert (system.settings.log / "checkpoint").read_bytes() == published
    # The log goes on, and a cosignature of an older head still belongs to that head alone.
    system.record(phone(2))
    system.sequence(QUIET)
    latest = (system.settings.log / "checkpoint").read_bytes()
    system.cosign(signed, witness.vkey)
    assert (system.settings.log / "checkpoint").read_bytes() == latest
    stranger = Key("other.example.org", private.public_key().public_bytes_raw(), COSIGNATURE)
    fails("note.unsigned", system.cosign, signed, stranger.vkey)
    assert all_ok(system.receipt("r1"), system)


def test_a_checkpoint_of_another_log_is_not_taken(system, phone, tmp_path, clock):
    other = System(settings_at(tmp_path / "other"), clock)
    other.upgrade()
    shutil.copy(system.settings.keys / "log.key", tmp_path / "other" / "keys" / "log.key")
    system.record(phone(1))
    system.sequence(QUIET)
    private = Ed25519PrivateKey.generate()
    witness = Key("witness.example.org", private.public_key().public_bytes_raw(), COSIGNATURE)
    from carbon.domain.log.checkpoint import Checkpoint, sign_checkpoint

    forged = sign_checkpoint(
        Checkpoint(system.signer.key.name, 3, b"\1" * 32), (system.signer.key, system.signer.sign)
    )
    signed = cosign(forged, 1_790_000_000, witness, private.sign)
    fails("log.foreign", system.cosign, signed, witness.vkey)
    other.close()


# --- lost files -----------------------------------------------------------------------------------


def test_a_lost_row_file_stops_publication_and_is_made_anew(system, tmp_path):
    """Nothing is signed that could never be published; the database still has every row."""
    path = write_simulated(tmp_path / "day.csv", Simulation(seed=8, days=1))
    system.submissions.ingest(_request(path), QUIET)
    waiting = next((system.settings.spool / "rows").glob("*.jsonl"))
    kept = waiting.read_bytes()
    waiting.unlink()
    fails("log.unpublished", system.sequence, QUIET)
    assert f"rows/{waiting.name}" in system.repair()
    assert waiting.read_bytes() == kept, "the very bytes"
    system.sequence(QUIET)
    sound(system)
    published = system.settings.log / "rows" / waiting.name
    published.unlink()
    assert f"rows/{waiting.name}" in system.repair()
    assert published.read_bytes() == kept
    sound(system)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("DELETE FROM correction WHERE reason = %s", "reconcile.correction"),
        ("UPDATE correction SET fact_id = 'x' WHERE reason = %s", "reconcile.correction"),
        (
            "UPDATE life_entry SET left_over = 0.9 WHERE 'returned' = %s AND ordinal = 1",
            "reconcile.account",
        ),
    ],
)
def test_altered_corrections_and_accounts_are_found(system, phone, request, statement, code):
    system.record(phone(1))
    system.correct("r1", "returned")
    system.sequence(QUIET)
    sound(system)
    _superuser(system, request, [statement], [("returned",)])
    assert {d.code for d in system.reconcile(QUIET).differences} == {code}


def test_reconciling_while_others_sequence_raises_no_alarm(system, phone, clock):
    """What is placed after the published head was read is not compared with it."""
    system.record(phone(1))
    system.sequence(QUIET)
    other = System(system.settings, clock)
    head = system.log.checkpoint()
    system.record(phone(2))
    other.sequence(QUIET)
    system.log.checkpoint = lambda: head
    found = system.reconcile(QUIET)
    assert {d.code for d in found.differences} <= {"reconcile.head"}
    other.close()


def test_an_interrupted_init_is_finished_by_the_same_call(home, clock, monkeypatch):
    made = System(home, clock)
    with monkeypatch.context() as patch:
        patch.setattr("carbon.adapters.logstore.LogFolder.create", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            made.init_log("log.example.cn/hedong")
    fails("log.exists", made.init_log, "other.example.cn/log")
    assert made.init_log("log.example.cn/hedong").startswith("log.example.cn/hedong+")
    made.close()


def test_text_with_control_characters_is_rejected_on_both_engines(system, phone):
    answer = system.record(phone(1, enterprise="91120102MA\x00X", note="a\x07b"))
    assert {(r["code"], r["column"]) for r in answer["reasons"]} == {
        ("text.control", "enterprise"),
        ("text.control", "note"),
    }


def test_reconciling_looks_at_one_moment_while_others_go_on(system, phone):
    """Records are stored, sequenced and published meanwhile: nobody waits, and nothing is wrong."""
    for number in range(1, 4):
        system.record(phone(number))
    system.sequence(lambda *_: None)
    late = iter(range(4, 100))

    def meanwhile(*_):
        system.record(phone(next(late)))
        system.sequence(lambda *_: None)

    found = system.reconcile(meanwhile)
    assert [d.say("en") for d in found.differences] == []
    assert next(late) > 5, "something went on"
    assert system.reconcile(lambda *_: None).facts > found.facts
    assert list(system.settings.spool.glob("reading-*")) == []


def test_a_partial_tile_that_gives_way_meanwhile_is_read_from_the_full_one(
    system, phone, monkeypatch
):
    """A reader saw the partial tile; before it was opened, the sequencer took it away."""
    system.records.record_each([Ask.of(phone(n), "local", "HD-REUSE") for n in range(300)])
    system.sequence(lambda *_: None)
    gone = Tile(0, 0, 40)
    before = system.log.tile(Tile(0, 0))[: 40 * 32]
    seen = Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda path: path.name == "40" or seen(path))
    assert not seen(system.settings.log / gone.path)
    assert system.log.tile(gone) == before
