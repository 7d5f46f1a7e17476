"""What always holds of the registry: whatever goes around the program is found and named."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

import postgres
from carbon.bootstrap.system import System
from carbon.domain.log.leaf import canonical
from pilot import REPORT, Pilot, quiet

#: Tables of facts that the tests below change.
SEALED = ("fact", "decision", "issued", "block", "account")


@pytest.fixture
def pilot(system, tmp_path, phone) -> Pilot:
    made = Pilot(system, tmp_path)
    made.to_credits(phone)
    assert told(system) == set(), "sound before anybody goes around the program"
    return made


def told(system: System) -> set[tuple[str, str]]:
    """Codes of what does not hold, with the rule's number."""
    found = system.reconcile(quiet).differences
    return {(d.code, str(d.values.get("id", ""))) for d in found}


def around(system: System, *statements: str) -> None:
    """Somebody who may do everything, guards switched off."""
    database = system.database
    if not database.is_sqlite:
        url = database.url.set(username=postgres.OWNER, drivername="postgresql")
        with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
            for table in SEALED:
                connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            # Foreign keys are triggers, too.
            connection.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                connection.execute(statement)
            triggers = connection.execute(
                "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal"
                " AND tgrelid::regclass::text = ANY(%s)",
                [list(SEALED)],
            ).fetchall()
            for table, trigger in triggers:
                connection.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")
        return
    with sqlite3.connect(database.path) as connection:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        kept = connection.execute(query).fetchall()
        for name, _ in kept:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _, sql in kept:
            connection.execute(sql)
    connection.close()


OWNED = "asset LIKE 'credit/%' AND account = 'holder/zhuan'"


@pytest.mark.parametrize(
    ("statement", "rules"),
    [
        pytest.param(
            f"UPDATE holding SET account = 'holder/green' WHERE {OWNED}",
            {"I6b", "I12"},
            id="serials in another account",
        ),
        pytest.param(f"DELETE FROM holding WHERE {OWNED}", {"I6b", "I12"}, id="serials lost"),
        pytest.param(
            "INSERT INTO holding (first, last, asset, account)"
            f" SELECT 9001, 9002, asset, account FROM holding WHERE {OWNED}",
            {"I6b", "I12"},
            id="serials nobody issued",
        ),
        pytest.param(
            f"UPDATE holding SET hold = 'h' WHERE {OWNED}", {"I6c"}, id="reserved without a hold"
        ),
        pytest.param(
            "INSERT INTO block SELECT 9001, 9002, asset, fact_seq FROM block WHERE first = 1",
            {"I6"},
            id="a block of no issuance",
        ),
        pytest.param("UPDATE issued SET to_leaf = to_leaf - 1", {"I15"}, id="other leaves issued"),
        pytest.param("DELETE FROM issued", {"I15"}, id="an issuance without its leaves"),
        pytest.param(
            "INSERT INTO issued SELECT d.fact_seq, i.project, i.month, 1, 0, i.to_leaf - 1,"
            " i.to_leaf + 1 FROM issued AS i, decision AS d WHERE d.kind = 'statement'",
            {"I15"},
            id="leaves issued for twice",
        ),
        pytest.param(
            "UPDATE decision SET second = 'x' WHERE kind = 'issuance'",
            {"I10"},
            id="another signer",
        ),
        pytest.param(
            "UPDATE decision SET id = 'other' WHERE kind = 'notice' OR kind = 'commitment'"
            " AND id LIKE '%bureau'",
            {"I10"},
            id="another id than its fact's",
        ),
        pytest.param(
            "DELETE FROM decision WHERE kind = 'assignment'", {"I10"}, id="a decision without row"
        ),
    ],
)
def test_whatever_goes_around_the_program_is_named(pilot, statement, rules):
    around(pilot.system, statement)
    assert told(pilot.system) == {("registry.broken", rule) for rule in rules}


def test_carried_grams_that_are_not_those_left(pilot):
    """The carry is the ledger's: counters changed by hand break the ledger's own rules, too."""
    around(
        pilot.system,
        "UPDATE account SET credits = credits + 1 WHERE code = 'project/phones'",
    )
    assert ("registry.broken", "I12b") in told(pilot.system)


def rewrite_issuance(pilot: Pilot, change: Callable[[dict[str, Any]], object]) -> None:
    """Alter the sealed body of an issuance."""
    with pilot.registry.reading() as decisions:
        effect = dict(decisions.find("issuance", REPORT).decision.effect)
        leaf = decisions.find("issuance", REPORT).decision.leaf() | {"effect": effect}
    change(effect)
    body = canonical(leaf).hex()
    made = f"x'{body}'" if pilot.system.database.is_sqlite else f"'\\x{body}'"
    around(pilot.system, f"UPDATE fact SET body = {made} WHERE kind = 'issuance'")


def test_a_block_issued_twice_cannot_be_replayed(pilot):
    """The body of a fact is sealed; if somebody changes it, replay and log both tell."""
    rewrite_issuance(pilot, lambda effect: effect["serials"][1].update(first="1"))
    codes = {code for code, _ in told(pilot.system)}
    assert {"reconcile.leaf", "serial.count", "registry.broken"} <= codes


def test_an_effect_without_its_form_is_told(pilot):
    """A replay tells what it cannot read instead of failing on it."""
    rewrite_issuance(pilot, lambda effect: effect.pop("serials"))
    assert {"audit.form", "reconcile.leaf"} <= {code for code, _ in told(pilot.system)}
