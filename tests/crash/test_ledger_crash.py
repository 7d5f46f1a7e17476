"""kill -9 while the ledger is posting: what was acknowledged is there, nothing is there twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

import ledger_poster
from carbon.adapters.store import tables as t
from carbon.adapters.store.ledger import post_batch
from conftest import ROOT
from ledger_poster import BATCH, batch
from ledgers import AT, HOLDERS, ISSUER, Books

#: Times the poster is killed on each engine.
KILLS = int(os.environ.get("CARBON_KILLS", "8"))


def kill_while_posting(url: str, first: int, chance: random.Random) -> int:
    """Start the poster at a number, kill it at some moment; the last number it acknowledged."""
    paths = [str(ROOT / "src"), str(ROOT / "tests")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, ledger_poster.__file__, url, str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        child.stdout.readline()  # under way
        time.sleep(chance.uniform(0, 0.15))
        child.kill()
        told = child.stdout.read().split()
    return max([first, *map(int, told)])


def test_a_killed_poster_loses_and_doubles_nothing(home):
    books, chance = Books(home), random.Random(7)
    acknowledged = -1
    for _ in range(KILLS):
        last = kill_while_posting(home.database, acknowledged + 1, chance)
        posted = books.count(t.journal)
        assert posted % BATCH == 0, "a batch is there as a whole or not at all"
        assert posted in ((last + 1) * BATCH, (last + 2) * BATCH), "one may be unacknowledged"
        assert books.count(t.transfer) == 2 * posted
        assert books.broken() == []
        acknowledged = last
    total = acknowledged + 2
    answers = [a for n in range(total) for a in post_batch(books.database, batch(n), AT)]
    assert sum(not a.repeated for a in answers) in (0, BATCH), "resending posts what was missing"
    assert books.count(t.journal) == total * BATCH
    amounts = books.amounts()
    assert amounts[ISSUER] == -5 * total * BATCH == -sum(amounts[code] for code in HOLDERS)
    assert books.broken() == []
    books.close()
