"""The ledger in the log: bulk leaves of journals, their audit, their reconciliation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from carbon.adapters.signing import SigningKey
from carbon.adapters.spool import RowFile
from carbon.adapters.store.guards import postgresql_triggers
from carbon.adapters.store.journal_leaves import JournalLeaves
from carbon.adapters.store.ledger import post
from carbon.domain.errors import CarbonError
from carbon.domain.ledger.row import MAX_ROW_BYTES, row_text
from carbon.domain.log.merkle import hash_leaves
from carbon.services.invariants import _RULES
from conftest import environment_of
from ledgers import AT, FEN, GONE, ISSUER, POINTS, Books, journal, move
from published_logs import Published, quiet
from store_rows import raw


@pytest.fixture
def books(system):
    made = Books(system.settings)
    yield made
    made.close()


def published(system):
    return Published(system.settings.log, SigningKey(system.settings.keys / "log.key"))


def leaves(system):
    found = [json.loads(leaf) for leaf in system.log.leaves(system.sequence(quiet).size)]
    return [leaf for leaf in found if leaf["type"] == "journals"]


def rows(system, leaf):
    return [json.loads(row) for row in system.log.rows(leaf["file"]["sha256"])]


def test_every_journal_is_a_row_of_one_bulk_leaf_per_checkpoint(system, books):
    first = journal("k1", move(ISSUER, "a", 100))
    books.post(first, journal("k2", move("a", "b", 10), move("b", GONE, 5), subject="fact/7"))
    (leaf,) = leaves(system)
    assert leaf["count"] == 2
    assert rows(system, leaf) == [
        {"id": "k1", "kind": "test", "lines": [[POINTS, ISSUER, "a", "100", "source", "holder"]]},
        {
            "id": "k2",
            "kind": "test",
            "lines": [
                [POINTS, "a", "b", "10", "holder", "holder"],
                [POINTS, "b", GONE, "5", "holder", "sink"],
            ],
            "subject": "fact/7",
        },
    ]
    assert len(leaves(system)) == 1, "nothing new, no leaf"
    books.post(journal("k3", move(ISSUER, "a", 100)), first.reversal("r"))
    second = leaves(system)[1]
    assert [(r["id"], r.get("reverses")) for r in rows(system, second)] == [
        ("k3", None),
        ("r", "k1"),
    ]
    audit = published(system).audit()
    assert (audit.counts.journals, list(audit.differences)) == (4, [])
    found = system.reconcile(quiet)
    assert (found.differences, found.rows, found.pending) == ([], 4, 0)


def test_a_journal_that_commits_late_is_in_the_next_leaf(system, books):
    """Its number is lower than that of the last one taken."""
    if system.database.is_sqlite:
        pytest.skip("SQLite has one writer: nothing commits out of order")
    with books.database.write() as connection:
        post(connection, [journal("late", move(ISSUER, "a", 1, FEN))], AT)
        books.post(journal("early", move(ISSUER, "b", 1)))
        assert [r["id"] for leaf in leaves(system) for r in rows(system, leaf)] == ["early"]
    assert [r["id"] for leaf in leaves(system) for r in rows(system, leaf)] == ["early", "late"]


def test_what_a_crash_left_of_a_leaf_is_not_in_the_way(system, books, monkeypatch):
    books.post(journal("k1", move(ISSUER, "a", 1)))
    with monkeypatch.context() as patch:
        patch.setattr(JournalLeaves, "_store", staticmethod(lambda *_: 1 / 0))
        with pytest.raises(ZeroDivisionError):
            system.sequence(quiet)
    assert not list(system.settings.spool.rglob("*.jsonl"))
    assert [leaf["count"] for leaf in leaves(system)] == [1]


def test_lost_rows_are_made_anew(system, books):
    books.post(*(journal(f"k{n}", move(ISSUER, "a", 1)) for n in range(30)))
    (leaf,) = leaves(system)
    path = system.settings.log / f"rows/{leaf['file']['sha256']}.jsonl"
    before = path.read_bytes()
    path.unlink()
    system.repair()
    assert path.read_bytes() == before
    assert list(published(system).audit().differences) == []


def test_a_row_of_a_thousand_lines_fits(system, books):
    books.post(journal("k" * 200, *[move(ISSUER, "a", 2**53 + n) for n in range(1_000)]))
    assert [leaf["count"] for leaf in leaves(system)] == [1]
    assert list(published(system).audit().differences) == []
    longest = row_text(
        "汉" * 200,
        "k" * 100,
        [("a" * 100,) * 3 + (str(2**63 - 1), "source", "holder")] * 1_000,
        "汉" * 200,
        "汉" * 200,
    )
    assert len(longest) <= MAX_ROW_BYTES


# --- audit of logs that lie -----------------------------------------------------------------------


def sealed(system, *told):
    """A log whose only leaf holds some rows, signed by the log's own key."""
    log = published(system)
    texts = [row if isinstance(row, bytes) else row_text(*row) for row in told]
    file = RowFile(system.settings.log / "rows", ("sha256",))
    ends = np.cumsum([len(text) + 1 for text in texts])
    file.add(b"".join(text + b"\n" for text in texts), ends, hash_leaves(texts))
    root, digests = file.finish()
    leaf = {
        "type": "journals",
        "count": len(texts),
        "root": root.hex(),
        "file": dict(digests),
        "recorded_on": "2026-11-23",
    }
    for name in ("tile", "checkpoints"):
        (log.root / name).mkdir()
    log.sign_values([leaf])
    return log


def row(key, *lines, reverses=None):
    return key, "test", [(POINTS, *line) for line in lines], None, reverses


ISSUE = (ISSUER, "a", "100", "source", "holder")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("audit.overdrawn", [row("k", ("a", "b", "1", "holder", "holder"))]),
        ("audit.overdrawn", [row("k", ISSUE), row("l", ("a", "b", "101", "holder", "holder"))]),
        ("audit.policy", [row("k", ISSUE), row("l", (ISSUER, "a", "1", "source", "source"))]),
        ("audit.policy", [row("k", ISSUE), row("l", ("a", ISSUER, "1", "source", "source"))]),
        ("audit.policy", [row("k", (GONE, "a", "1", "sink", "holder"))]),
        ("audit.duplicate", [row("k", ISSUE), row("k", ISSUE)]),
        ("audit.duplicate", [row("k", ISSUE), row("l", ISSUE), row("k", (ISSUER, "b", "1", "source", "holder"))]),
        ("audit.reversal", [row("k", ISSUE), row("r", ("a", ISSUER, "99", "holder", "source"), reverses="k")]),
        ("audit.reversal", [row("r", ("a", ISSUER, "100", "holder", "source"), reverses="k")]),
        ("audit.reversal", [row("k", ISSUE), row("j", ISSUE), *(row(r, ("a", ISSUER, "100", "holder", "source"), reverses="k") for r in "rs")]),
        ("audit.reversal", [row("r", (ISSUER, "a", "100", "source", "holder"), reverses="s"), row("s", ("a", ISSUER, "100", "holder", "source"))]),
        ("audit.form", [b"{}"]),
        ("audit.form", [b"not json"]),
        ("audit.form", [row("k", (ISSUER, ISSUER, "1", "source", "source"))]),
        ("audit.form", [row("k", (ISSUER, "a", "0", "source", "holder"))]),
        ("audit.form", [row("k", (ISSUER, "a", "-1", "source", "holder"))]),
        ("audit.form", [row("k", (ISSUER, "a", "1.5", "source", "holder"))]),
        ("audit.form", [row("k", (ISSUER, "a", str(2**63), "source", "holder"))]),
        ("audit.form", [row("k", (ISSUER, "a", "1", "source", "anything"))]),
        ("audit.form", [row("k")]),
        ("audit.form", [row("", ISSUE)]),
        ("audit.form", [row("k", (ISSUER, "a b  c", "1", "source", "holder"))]),
    ],
)  # fmt: skip
def test_a_lie_in_the_rows_is_told(system, code, told):
    codes = Counter(d.code for d in sealed(system, *told).audit().differences)
    assert code in codes


def test_a_sound_life_replays_to_its_balances(system):
    told = [
        row("k", ISSUE),
        row("l", ("a", "b", "60", "holder", "holder"), ("b", "a", "60", "holder", "holder")),
        row("r", ("a", ISSUER, "100", "holder", "source"), reverses="k"),
    ]
    assert list(sealed(system, *told).audit().differences) == []


@pytest.mark.parametrize("suffix", ["jsonl", "tree", "ends"])
def test_a_flipped_bit_of_a_journal_file_is_found(system, books, suffix):
    books.post(*(journal(f"k{n}", move(ISSUER, "a", 1)) for n in range(5)))
    (leaf,) = leaves(system)
    path = system.settings.log / f"rows/{leaf['file']['sha256']}.{suffix}"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    found = published(system).audit().differences
    assert any(d.path.startswith(f"rows/{path.name}") for d in found)


# --- the database against the log -----------------------------------------------------------------


def codes(system):
    return Counter(d.code for d in system.reconcile(quiet).differences)


def unguarded(system, *statements):
    """What somebody with all rights did, the triggers away for a moment."""
    with raw(system.settings, owner=True) as connection:
        if connection.is_sqlite:
            query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
            triggers = connection.run(query)
            for name, _ in triggers:
                connection.run(f"DROP TRIGGER {name}")
        else:
            for table in ("account", "transfer", "journal", "hold", "hold_end", "reversal"):
                connection.run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            connection.run(statement)
        if connection.is_sqlite:
            for _, sql in triggers:
                connection.run(sql)
        else:
            for table in ("account", "transfer", "journal", "hold", "hold_end", "reversal"):
                for trigger in postgresql_triggers(table):
                    connection.run(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (["UPDATE account SET credits = credits + 1 WHERE code = 'b'"], {"I1", "I2"}),
        (["UPDATE account SET credits = credits + 1, debits = debits + 1 WHERE code = 'b'"], {"I2"}),
        (["UPDATE account SET held = 3 WHERE code = 'a' AND credits > 0"], {"I8"}),
        (["UPDATE transfer SET amount = amount + 1 WHERE amount = 10"], {"I2", "rows", "I12"}),
        (["UPDATE transfer SET amount = 10, cr = (SELECT id FROM account WHERE code = 'c' ORDER BY id LIMIT 1) WHERE amount = 10"], {"I2", "rows", "I12"}),
        (["DELETE FROM transfer WHERE amount = 10"], {"I2", "I5", "rows", "I12"}),
        (["UPDATE journal SET lines = 2 WHERE key = 'k1'"], {"I5"}),
        (["UPDATE journal SET subject = 'else' WHERE key = 'k1'"], {"rows"}),
        (["UPDATE reversal SET reverses = (SELECT id FROM journal WHERE key = 'k1')"], {"I14", "rows"}),
        (["UPDATE journal SET fact_seq = NULL WHERE key = 'k1'"], {"rows", "I12"}),
    ],
)  # fmt: skip
def test_what_a_superuser_changed_is_found(system, books, statements, told):
    third = journal("k3", move(ISSUER, "c", 7))
    books.post(journal("k1", move(ISSUER, "a", 100)), journal("k2", move("a", "b", 10)), third)
    books.post(third.reversal("r"))
    system.sequence(quiet)
    assert codes(system) == {}
    unguarded(system, *statements)
    found = system.reconcile(quiet).differences
    names = {"reconcile.row": "rows", "ledger.replay": "I12"}
    assert {names.get(d.code) or d.values.get("id") for d in found} == told
    assert {d.code for d in found} <= {"reconcile.row", "ledger.replay", "ledger.broken"}


def test_rows_that_cannot_be_read_end_no_reconciliation(system, books):
    books.post(journal("k1", move(ISSUER, "a", 100)))
    (leaf,) = leaves(system)
    path = system.settings.log / f"rows/{leaf['file']['sha256']}.jsonl"
    path.write_bytes(b"{}\n")
    assert codes(system) == {"reconcile.row": 1, "audit.form": 1}
    path.unlink()
    assert codes(system)["log.missing"] == 2


def test_an_error_says_which_rule_is_broken_in_both_languages():
    for rule, text in _RULES.items():
        error = CarbonError("ledger.broken", id=rule, rule=text, count=1, example="k")
        assert text.zh in error.say("zh")
        assert text.en in error.say("en")
        assert rule.value in error.say("en")


def test_the_command_line_tells_balances_and_exports(system, books):
    books.post(journal("k1", move(ISSUER, "a", 2**60)))

    def carbon(*words):
        command = [sys.executable, "-m", "carbon", "ledger", *words]
        environment = {**os.environ, **environment_of(system.settings), "CARBON_LANG": "en"}
        return subprocess.run(
            command, check=True, capture_output=True, text=True, env=environment
        ).stdout

    told = json.loads(carbon("balances", "--asset", POINTS, "--json"))
    mine = {"asset": POINTS, "account": "a", "policy": "holder", "held": "0"}
    assert mine | {"balance": str(2**60)} in told
    assert f"{2**60:,}" in carbon("balances")
    assert carbon("export") == (
        f'2026-11-23 * (1) test  ; k1\n    issuer  -{2**60} "points"\n    a  {2**60} "points"\n\n'
    )
