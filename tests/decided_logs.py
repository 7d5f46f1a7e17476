"""A published log with the whole life of some credits, and ways to forge its decisions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from carbon.adapters.signing import SigningKey
from carbon.bootstrap.submissions import IngestRequest
from carbon.bootstrap.system import System
from carbon.domain.credit.decision import digest, message
from carbon.domain.log.checkpoint import history_path
from carbon.domain.log.leaf import canonical
from carbon.settings import Settings
from conftest import FACTORS, PHONE, FixedClock, write_csv
from pilot import ASSET, PEOPLE, Pilot, at, quiet
from published_logs import Published

Leaf = dict[str, Any]


def phone(number: int, **changes: str) -> dict[str, str]:
    """The n-th phone, an act of its own."""
    own = {
        "record_id": f"r{number}",
        "item_id": f"imei-{number}",
        "giver": f"giver-{number}",
        "receiver": f"receiver-{number}",
    }
    return PHONE | own | changes


def make_decided_log(home: Path) -> None:
    """Forty phones become credits; some are transferred, retired, cancelled; one phone returns.

    A second part of the month is issued on what came later.
    """
    clock = FixedClock()
    settings = Settings.read({"CARBON_HOME": str(home), "CARBON_FACTORS": str(FACTORS)})
    system = System(replace(settings, demonstration=True), clock)
    system.upgrade()
    system.init_log("log.example.cn/hedong")
    pilot = Pilot(system, home)
    pilot.to_credits(phone)
    _move(pilot, clock)
    fact = system.registry.restatements.fact_of("r1", "local")
    pilot.restate([fact], [], "returned", "came back", pilot.keys("anne", "bert"))
    system.sequence(quiet)
    _second_part(pilot)
    system.close()


def _move(pilot: Pilot, clock: FixedClock) -> None:
    registry = pilot.registry
    named = {"holder": "zhuan", "other": "green"}
    registry.decide("counterparty", "zhuan/green", named, pilot.key("otto"))
    clock.at = at("2026-11-30T12:00:00")
    moved = {"asset": ASSET, "from": "zhuan", "to": "green", "credits": "50"}
    registry.decide("transfer", "t-1", moved, pilot.key("otto"))
    clock.move(minutes=10)
    registry.settle()
    pilot.retire("wedding", "green", ASSET, 20, "A. and B.", "event", pilot.keys("gina"))
    gone = {"asset": ASSET, "holder": "zhuan", "credits": "5", "reason": "by mistake"}
    registry.decide("cancellation", "c-1", gone, pilot.key("otto"))
    clock.move(minutes=10)
    registry.settle()
    pilot.sequence()


def _second_part(pilot: Pilot) -> None:
    """Late records of the month, in a file: a supplementary report, its findings, its issuance."""
    report = "phones/2026-10/1"
    late = [phone(n, evidence="certified_scale") for n in range(100, 120)]
    path = write_csv(pilot.folder / "late.csv", late)
    pilot.system.submissions.ingest(IngestRequest(path, accept_valid=True, project="phones"), quiet)
    pilot.assign()
    for name in ("vera", "anne"):
        nonce = pilot.folder / f"{name}-1.nonce"
        pilot.registry.verification.commit("phones", "2026-10", nonce, pilot.key(name))
    pilot.sequence()
    pilot.report()
    pilot.sequence()
    for name in ("anne", "vera"):
        nonce = pilot.folder / f"{name}-1.nonce"
        pilot.registry.verification.reveal(report, nonce, pilot.key(name))
    pilot.inspect(report)
    pilot.find(report, "CL", "which scale?", pilot.key("vera"))
    pilot.answer(f"{report}/1", "the one at the gate", pilot.key("otto"))
    pilot.close(f"{report}/1", "seen", pilot.key("vera"))
    pilot.state(report)
    pilot.sequence()
    pilot.issue(report)
    pilot.sequence()


@dataclass
class Decided(Published):
    """A copy of that log, with everybody's keys."""

    home: Path

    @classmethod
    def copy(cls, home: Path, target: Path) -> Decided:
        made = Published.copy(home, target)
        return cls(made.root, made.signer, home)

    def _key(self, name: str) -> SigningKey:
        return SigningKey(self.home / f"{name}.key")

    def public(self, name: str) -> str:
        """Somebody's public key."""
        return self._key(name).key.public.hex()

    def person(self, name: str) -> str:
        """Somebody's pseudonym."""
        cards = self.decisions("member")[0][1]["content"]["members"]
        return next(card["person"] for card in cards if card["key"] == self.public(name))

    def signed(self, leaf: Leaf) -> Leaf:
        """A decision signed again by those who signed it."""
        by_key = {self.public(name): name for name in PEOPLE}
        return self.signed_in_order(leaf, *(by_key[s["key"]] for s in leaf["signatures"]))

    def signed_in_order(self, leaf: Leaf, *names: str) -> Leaf:
        """A decision signed by some people."""
        said = message(digest(leaf["kind"], leaf["id"], leaf["content"]))
        given = [
            {"key": self.public(name), "signature": self._key(name).sign(said).hex()}
            for name in names
        ]
        return {**leaf, "signatures": given}

    def late_fact(self, row: int) -> str:
        """The fact id of a row of the submitted file."""
        digest_ = next(v for v in self.values() if v["type"] == "submission")["file"]["sha256"]
        rows = (self.root / f"rows/{digest_}.jsonl").read_bytes().splitlines()
        return json.loads(rows[row])["id"]

    def report(self, nth: int) -> Leaf:
        """A report's document."""
        name = self.decisions("report")[nth][1]["content"]["sha256"]
        return json.loads((self.root / f"reports/{name}.json").read_bytes())

    def decisions(self, kind: str) -> list[tuple[int, Leaf]]:
        """Index and leaf of every decision of a kind."""
        return [(n, leaf) for n, leaf in enumerate(self.values()) if leaf.get("kind") == kind]

    def forge(self, kind: str, change: Callable[[Leaf], object], nth: int = 0) -> int:
        """Alter a decision, have it signed again, and sign the log anew; returns its index."""
        values = self.values()
        index, leaf = self.decisions(kind)[nth]
        change(leaf)
        values[index] = self.signed(leaf)
        self.sign_all(values)
        return index

    @property
    def sizes(self) -> list[int]:
        """Sizes of all published checkpoints, ascending."""
        paths = self.root.glob("checkpoints/*/*/*/*")
        return sorted(int("".join(path.parts[-4:])) for path in paths)

    def drop_checkpoint(self, size: int) -> None:
        """Unpublish a checkpoint."""
        (self.root / history_path(size)).unlink()

    def sign_all(self, values: Iterable[Leaf]) -> None:
        """Sign the log anew with a checkpoint at each size it had one."""
        leaves = [canonical(value) for value in values]
        notes = {}
        for size in self.sizes:
            self.sign(leaves[:size])
            notes[history_path(size)] = (self.root / "checkpoint").read_bytes()
        self.sign(leaves)
        for path, note in notes.items():
            self.write(path, note)

    def put_report(self, content: bytes) -> str:
        """Publish a report's file; returns its digest."""
        name = hashlib.sha256(content).hexdigest()
        self.write(f"reports/{name}.json", content)
        return name
