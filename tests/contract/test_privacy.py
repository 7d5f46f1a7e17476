"""P4: erasure takes a person's values and key away, and no proof with them. S14: SM3."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace

import pytest
import sqlalchemy as sa

import postgres
from carbon.adapters.store import tables as t
from carbon.bootstrap.submissions import IngestRequest
from carbon.bootstrap.system import System
from carbon.domain.errors import CarbonError
from carbon.domain.simulation import Simulation
from carbon.files.check_receipt import check
from conftest import settings_at, write_csv
from set_back import set_back
from simulated_files import write_simulated

QUIET = lambda *_: None  # noqa: E731  progress nobody watches
GIVER, RECEIVER, ITEM, NOTE, ID = (
    "王小明13800001111",
    "李四@mail",
    "IMEI-356938035643809",
    "备注：张家",
    "order-王-1",
)


def dump(system: System, request) -> bytes:
    """Everything a thief of the database would have."""
    path = system.database.path
    if path is not None:
        return path.read_bytes()
    cluster = request.getfixturevalue("cluster")
    url = system.settings.owner
    program = postgres.programs() / "pg_dump"
    return (
        subprocess.run([program, "--inserts", url], capture_output=True, check=True).stdout
        if cluster
        else b""
    )


def holds(content: bytes, text: str) -> bool:
    return text.encode() in content or text.encode().hex().encode() in content


def private(system: System, record_id: str) -> dict[str, dict[str, str]]:
    return json.loads(system.receipt(record_id)).get("private", {})


@pytest.fixture
def told(system, phone):
    """A record with everything personal in it, and somebody else's."""
    system.record(phone(1, record_id=ID, giver=GIVER, receiver=RECEIVER, item_id=ITEM, note=NOTE))
    system.record(phone(2, giver=RECEIVER))
    system.sequence(QUIET)
    return system


def test_a_dump_names_nobody(told, request):
    """Facts hold pseudonyms and digests; what names people is encrypted with keys elsewhere."""
    content = dump(told, request)
    assert len(content) > 1_000
    for text in (GIVER, RECEIVER, ITEM, NOTE, ID):
        assert not holds(content, text), text
    for path in told.settings.log.rglob("*"):
        if path.is_file():
            for text in (GIVER, RECEIVER, ITEM, NOTE, ID):
                assert not holds(path.read_bytes(), text), (path, text)


def test_what_a_person_gave_can_be_opened_until_it_is_erased(told):
    opened = private(told, ID)
    assert opened["giver"]["value"] == GIVER.casefold()
    assert opened["receiver"]["value"] == RECEIVER
    rest = json.loads(opened["rest"]["value"])
    assert (rest["record_id"], rest["item_id"], rest["note"]) == (ID, ITEM, NOTE)


def test_erasure_keeps_every_proof(told, request):
    kept = told.receipt("r2")
    nonces = dump(told, request)
    assert told.erase(f" {GIVER.upper()} ") == 1, "identities are compared folded"
    assert set(private(told, ID)) == {"receiver"}, "the other party keeps what is theirs"
    vkey = told.signer.key.vkey
    for receipt in (told.receipt(ID), told.receipt("r2"), kept):
        assert all(c.ok for c in check(receipt, vkey))
    assert told.reconcile(QUIET).differences == []
    after = dump(told, request)
    with told.database.read() as connection:
        import sqlalchemy as sa

        from carbon.adapters.store import tables as t

        gone = connection.execute(sa.select(t.activity.c.giver)).scalars().first()
        assert (
            connection.execute(
                sa.select(t.person.c.nonce).where(t.person.c.person_id == gone)
            ).scalar()
            is None
        )
    assert len(after) > 1_000
    assert nonces != after
    with pytest.raises(CarbonError) as caught:
        told.erase(GIVER)
    assert caught.value.code == "person.unknown"


def test_nothing_sealed_for_the_person_is_left_in_the_file(told, request):
    """The key's nonce and the seals are overwritten, not only unlinked."""
    import sqlalchemy as sa

    from carbon.adapters.store import tables as t

    fact_id = json.loads(json.loads(told.receipt(ID))["leaf"])["row"]["id"]
    with told.database.read() as connection:
        row = connection.execute(
            sa.select(t.personal.c.sealed, t.person.c.nonce)
            .join_from(t.personal, t.person, t.person.c.person_id == t.personal.c.person_id)
            .where(t.personal.c.fact_id == fact_id)
        ).one()
    told.erase(GIVER)
    after = dump(told, request)
    for secret in (bytes(row.sealed), bytes(row.nonce)):
        assert secret not in after
        assert secret.hex().encode() not in after


def test_the_erased_person_may_come_back_as_somebody_new(told, phone):
    told.erase(GIVER)
    told.record(phone(3, giver=GIVER))
    told.sequence(QUIET)
    assert private(told, "r3")["giver"]["value"] == GIVER.casefold()
    assert "giver" not in private(told, ID)


def test_a_restored_backup_has_its_erasures_done_again(told, tmp_path, request, clock):
    told.backup(tmp_path / "backup")
    told.erase(GIVER)
    again = System(set_back(told, request, tmp_path), clock)
    assert again.restore(tmp_path / "backup")["erased_again"] == 1
    assert set(private(again, ID)) == {"receiver"}
    again.close()


def test_a_restore_erases_who_was_erased_and_not_who_came_back(
    told, tmp_path, request, clock, phone
):
    told.erase(GIVER)
    told.record(phone(3, giver=GIVER))
    told.sequence(QUIET)
    told.backup(tmp_path / "backup")
    again = System(set_back(told, request, tmp_path), clock)
    assert again.restore(tmp_path / "backup")["erased_again"] == 0
    assert private(again, "r3")["giver"]["value"] == GIVER.casefold()
    assert "giver" not in private(again, ID)
    again.close()


def test_nothing_is_restored_before_the_keys_are(told, tmp_path, request, clock):
    """The list of erasures lies with them: without it whoever was erased would be back."""
    told.backup(tmp_path / "backup")
    told.erase(GIVER)
    keys = told.settings.keys
    again = System(set_back(told, request, tmp_path), clock)
    keys.rename(tmp_path / "elsewhere")
    with pytest.raises(CarbonError, match=r"key\.missing"):
        again.restore(tmp_path / "backup")
    (tmp_path / "elsewhere").rename(keys)
    assert again.restore(tmp_path / "backup")["erased_again"] == 1
    again.close()


def test_a_used_database_gets_no_new_secret(told):
    key = told.settings.keys / "store.key"
    key.rename(key.with_suffix(".aside"))
    with pytest.raises(CarbonError, match=r"key\.missing"):
        told.upgrade()
    assert not key.exists()


def test_an_upgrade_that_died_before_the_secret_was_made_is_repeated(home):
    (home.keys / "store.key").unlink()
    system = System(home)
    system.upgrade()
    assert system.vault.fingerprint
    system.close()


def test_the_keys_are_for_their_owner_only(told):
    for path in told.settings.keys.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path.name


@pytest.mark.parametrize("digest", ["sm3", "sha256"])
def test_digests_name_their_algorithm(system, phone, clock, tmp_path, digest):
    """SM3 stands beside SHA-256 where it is configured; receipts check either way."""
    own = System(replace(system.settings, digest=digest), clock)
    own.record(phone(1))
    path = write_simulated(tmp_path / "day.csv", Simulation(seed=2, days=1))
    own.submissions.ingest(IngestRequest(path, accept_valid=True), QUIET)
    own.sequence(QUIET)
    leaf = json.loads(json.loads(own.receipt("r1"))["leaf"])
    assert leaf["digest"] == digest
    assert all(c.ok for c in check(own.receipt("r1"), own.signer.key.vkey))
    bulk = next(json.loads(b) for b in own.log.leaves(4) if b'"submission"' in b)
    assert set(bulk["file"]) == ({"sha256", "sm3"} if digest == "sm3" else {"sha256"})
    assert own.reconcile(QUIET).differences == []
    own.close()


def test_another_digest_is_refused(system, phone, clock):
    own = System(replace(system.settings, digest="md5"), clock)
    with pytest.raises(CarbonError) as caught:
        own.record(phone(1))
    assert caught.value.code == "digest.unknown"
    own.close()


def persons(system: System) -> int:
    with system.database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(t.person)).scalar_one()


def test_nobody_is_stored_who_is_named_in_rejected_rows_only(system, phone, tmp_path):
    """What is not needed is not kept, of thousands of rows as of one."""
    path = tmp_path / "mixed.csv"
    sound, wrong = phone(1), phone(2, age_years="")
    write_csv(path, [sound, wrong, phone(3, giver=wrong["giver"], receiver="", age_years="")])
    answer = system.submissions.ingest(IngestRequest(path, accept_valid=True), QUIET)
    assert (answer["accepted"], answer["rejected"]) == (1, 2)
    assert persons(system) == 2, "giver and receiver of the one row"
    system.sequence(QUIET)
    assert private(system, "r1")["receiver"]["value"] == sound["receiver"]
    # Who was refused then is somebody new when a sound record names them.
    assert system.record(phone(4, giver=wrong["giver"]))["accepted"] == 1
    assert persons(system) == 4


def test_what_facts_hold_depends_on_the_secret(home, phone, clock, tmp_path):
    """Few cells of a record are unknown to who guesses: a hash without a key could be tried out."""
    system = System(home, clock)
    system.init_log("log.example.cn/hedong")
    system.record(phone(1))
    stranger = System(settings_at(tmp_path / "other"), clock)
    stranger.upgrade()
    stranger.init_log("log.example.cn/hedong")
    stranger.record(phone(1))

    def hashes(of: System) -> set[str]:
        with of.database.read() as connection:
            fact = connection.execute(
                sa.select(t.fact.c.key, t.fact.c.request).where(t.fact.c.kind == "record")
            ).one()
            keys = (t.claim.c.record_key, t.claim.c.body, t.claim.c.item_key, t.claim.c.pair_key)
            return {*fact, *connection.execute(sa.select(*keys)).one()}

    assert not hashes(system) & hashes(stranger)
    system.close()
    stranger.close()
