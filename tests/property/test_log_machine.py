"""Long random histories: after every act the whole log is verified anew from its files (R1, I10–I12).

Allowed acts and forbidden ones are mixed; whatever is refused changes nothing.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
)

from carbon.audit import audit
from carbon.bootstrap.submissions import IngestRequest
from carbon.bootstrap.system import System
from carbon.domain.errors import CarbonError
from carbon.domain.log.merkle import check_consistency, consistency_proof
from conftest import PHONE, FixedClock, settings_at, upgraded, write_csv


def quiet(*_: object) -> None:
    """Progress nobody watches."""


class LogMachine(RuleBasedStateMachine):
    """A system on SQLite, its log, and what should be in both."""

    stored = Bundle("stored")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="carbon-machine-"))
        self.clock = FixedClock()
        self.number = 0
        self.facts = 0
        self.rows = 0
        self.withdrawn = 0
        self.references = 0
        self.heads: list = []
        self.erased: set[str] = set()

    @initialize()
    def begin(self) -> None:
        self.system = System(upgraded(settings_at(self.folder)), self.clock)
        self.system.init_log("log.example.cn/machine")

    def teardown(self) -> None:
        if hasattr(self, "system"):
            self.system.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def phone(self, **changes: str) -> dict[str, str]:
        self.number += 1
        n = self.number
        own = {"record_id": f"r{n}", "item_id": f"imei-{n}", "giver": f"g{n}", "receiver": f"v{n}"}
        return PHONE | own | changes

    def grew(self, *, rows: int) -> None:
        """One more leaf, with the catalogue's and the formula's before the first record's."""
        self.references = 2 if rows else self.references
        self.facts += 1
        self.rows += rows

    # --- what is allowed --------------------------------------------------------------------------

    @rule(target=stored)
    def record(self) -> str:
        cells = self.phone()
        answer = self.system.record(cells)
        assert answer["accepted"] == 1
        assert self.system.record(cells) == answer, "told the same, stored once"
        self.grew(rows=1)
        return cells["record_id"]

    @rule(count=st.integers(1, 6), broken=st.booleans())
    def submission(self, count: int, *, broken: bool) -> None:
        rows = [self.phone() for _ in range(count)]
        rows += [self.phone(age_years="")] * broken
        path = write_csv(self.folder / f"{self.number}.csv", rows)
        answer = self.system.submissions.ingest(IngestRequest(path, accept_valid=True), quiet)
        assert (answer["accepted"], answer["rejected"]) == (count, int(broken))
        assert (
            self.system.submissions.ingest(IngestRequest(path, accept_valid=True), quiet) == answer
        )
        self.grew(rows=count)

    @rule(target=stored, old=consumes(stored))
    def correct(self, old: str) -> str:
        number = int(old.removeprefix("r").partition("b")[0])
        new = self.phone(item_id=f"imei-{number}", age_years="3")
        assert self.system.correct(old, "entry_error", new)["accepted"] == 1
        self.grew(rows=1)
        return new["record_id"]

    @rule(old=consumes(stored))
    def withdraw(self, old: str) -> None:
        assert "withdrawn" in self.system.correct(old, "returned")
        self.grew(rows=0)

    @rule(old=stored)
    def erase(self, old: str) -> None:
        person = f"g{old.removeprefix('r')}"
        if person in self.erased:
            return
        self.system.erase(person)
        self.erased.add(person)

    @rule()
    def restart(self) -> None:
        self.clock.move(minutes=1)
        self.system.close()
        self.system = System(self.system.settings, self.clock)

    @rule()
    def sequence(self) -> None:
        head = self.system.sequence(quiet)
        if head is not None and (not self.heads or self.heads[-1] != head):
            self.heads.append(head)

    # --- what is not ------------------------------------------------------------------------------

    @rule(old=stored)
    def same_id_other_body(self, old: str) -> None:
        """Refused as a request; where a correction brought the id, as a record."""
        try:
            answer = self.system.record(self.phone(record_id=old))
        except CarbonError as error:
            assert error.code == "request.conflict"  # noqa: PT017  one of two ways
        else:
            assert [r["code"] for r in answer["reasons"]] == ["record.conflict"]

    @rule(old=stored)
    def correct_by_a_bad_row(self, old: str) -> None:
        answer = self.system.correct(old, "entry_error", self.phone(age_years=""))
        assert answer["accepted"] == 0

    @rule()
    def all_or_nothing(self) -> None:
        rows = [self.phone(), self.phone(age_years="")]
        path = write_csv(self.folder / f"{self.number}.csv", rows)
        assert "id" not in self.system.submissions.ingest(IngestRequest(path), quiet)

    @rule()
    def correct_what_is_not_there(self) -> None:
        self.refused("correction.unknown", self.system.correct, "nobody", "returned")

    @rule()
    def make_a_second_log(self) -> None:
        self.refused("log.exists", self.system.init_log, "other.example.cn/log")

    @precondition(lambda self: self.facts)
    @rule(
        statement=st.sampled_from(
            [
                "UPDATE fact SET body = x'7b7d'",
                "DELETE FROM activity",
                "INSERT OR REPLACE INTO quantity SELECT * FROM quantity",
                "UPDATE claim SET body = ''",
                "UPDATE fact SET leaf_index = leaf_index + 1",
            ]
        )
    )
    def change_history(self, statement: str) -> None:
        connection = sqlite3.connect(self.folder / "carbon.db")
        try:
            connection.execute(statement)
        except sqlite3.DatabaseError:
            pass
        else:
            connection.commit()  # nothing matched: what follows proves that nothing changed
        finally:
            connection.close()

    @staticmethod
    def refused(code: str, act, *arguments: object) -> None:
        try:
            act(*arguments)
        except CarbonError as error:
            assert error.code == code  # noqa: PT017  the code is what is asserted
        else:
            raise AssertionError(f"{code} was expected")

    # --- what always holds ------------------------------------------------------------------------

    @invariant()
    def everything_is_sound(self) -> None:
        if not self.heads:
            return
        self.sequence()
        last = self.heads[-1]
        assert last.size == self.facts + self.references, "each fact is exactly one leaf"
        found = self.system.reconcile(quiet)
        assert (found.differences, found.pending, found.rows) == ([], 0, self.rows)
        checked = audit(self.system.log, self.system.signer.key, quiet, jobs=1)
        assert not checked.differences
        read = self.system.log.reader(last.size)
        for old in self.heads:
            proof = consistency_proof(old.size, last.size, read)
            assert check_consistency(old.size, old.root, last.size, last.root, proof)


LogMachine.TestCase.settings = settings(
    max_examples=int(os.environ.get("CARBON_EXAMPLES", "100")) // 10,
    stateful_step_count=16,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestHistories = LogMachine.TestCase
