"""Published logs to tamper with: one small real one, and a way to sign any leaves anew."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carbon.adapters.signing import SigningKey
from carbon.audit import Audit, audit
from carbon.bootstrap import runs
from carbon.bootstrap.submissions import IngestRequest
from carbon.bootstrap.system import System
from carbon.domain.log.checkpoint import Checkpoint, history_path, sign_checkpoint
from carbon.domain.log.leaf import canonical
from carbon.domain.log.merkle import Levels
from carbon.domain.log.note import Key
from carbon.domain.log.tile import ENTRIES, FULL, Tile, decode_bundle, grown_bundles, grown_tiles
from carbon.domain.simulation import Simulation
from carbon.files.log_folder import open_log
from carbon.settings import Settings
from conftest import PHONE

ROWS = 330


def quiet(*_: object) -> None:
    """No progress."""


def make_log(home: Path) -> None:
    """A submission of a few hundred rows and two single records, in three checkpoints."""
    system = System(Settings.read({"CARBON_HOME": str(home)}))
    system.upgrade()
    system.init_log("log.example.cn/hedong")
    whole, some = home / "day.csv", home / "some.csv"
    runs.run_simulate(Simulation(seed=1, days=1, scale=1), whole, quiet)
    some.write_text(
        "".join(whole.read_text("utf-8").splitlines(keepends=True)[: ROWS + 1]), "utf-8"
    )
    system.submissions.ingest(IngestRequest(some, accept_valid=True), quiet)
    system.sequence(quiet)
    for name in ("s1", "s2"):
        cells = {**PHONE, "record_id": name, "item_id": name}
        system.record(cells)
        system.sequence(quiet)


@dataclass
class Published:
    """A log folder with the key that signs it."""

    root: Path
    signer: SigningKey

    @classmethod
    def copy(cls, home: Path, target: Path) -> Published:
        shutil.copytree(home / "log", target)
        return cls(target, SigningKey(home / "keys" / "log.key"))

    @property
    def key(self) -> Key:
        return self.signer.key

    @property
    def paths(self) -> list[str]:
        return sorted(
            p.relative_to(self.root).as_posix() for p in self.root.rglob("*") if p.is_file()
        )

    def audit(self, **options: Any) -> Audit:
        return audit(
            open_log(str(self.root)), options.pop("key", self.key), quiet, jobs=1, **options
        )

    @property
    def size(self) -> int:
        return Checkpoint.parse(
            (self.root / "checkpoint").read_text("utf-8").split("\n\n")[0] + "\n"
        ).size

    def leaves(self) -> list[bytes]:
        found: list[bytes] = []
        for number in range(-(-self.size // FULL)):
            tile = Tile(ENTRIES, number, min(FULL, self.size - number * FULL))
            found += decode_bundle(tile, (self.root / tile.path).read_bytes())
        return found

    def values(self) -> list[dict[str, Any]]:
        return [json.loads(leaf) for leaf in self.leaves()]

    def sign(self, leaves: list[bytes]) -> None:
        """Rewrite the whole log with other leaves, as its operator could."""
        for name in ("tile", "checkpoints"):
            shutil.rmtree(self.root / name)
        levels = Levels.of(leaves)
        for tile, content in (
            *grown_bundles(0, b"", leaves),
            *grown_tiles(0, len(leaves), levels.read),
        ):
            self.write(tile.path, content)
        note = sign_checkpoint(
            Checkpoint(self.key.name, levels.size, levels.root()), (self.key, self.signer.sign)
        )
        self.write("checkpoint", note)
        self.write(history_path(levels.size), note)

    def sign_values(self, values: list[Any]) -> None:
        self.sign([canonical(value) for value in values])

    def change_leaf(self, kind: str, change: Callable[[dict[str, Any]], object]) -> None:
        """Alter the first leaf of a kind and sign the log anew."""
        values = self.values()
        change(next(value for value in values if value["type"] == kind))
        self.sign_values(values)

    def write(self, path: str, content: bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def rows(self) -> list[bytes]:
        return next(self.root.glob("rows/*.jsonl")).read_bytes().split(b"\n")[:-1]

    def change_rows(self, change: Callable[[list[dict[str, Any]]], object]) -> None:
        """Alter rows as JSON; everything derived from them is made to agree."""
        rows = [json.loads(row) for row in self.rows()]
        change(rows)
        total = sum(int(row["er_g"]) for row in rows)
        self.put_rows([canonical(row) for row in rows], str(total))

    def put_rows(self, rows: list[bytes], total: str | None = None) -> None:
        """Publish other rows with all that belongs to them, and sign the log anew."""
        for path in self.root.glob("rows/*"):
            path.unlink()
        content = b"".join(row + b"\n" for row in rows)
        levels, digest = Levels.of(rows), hashlib.sha256(content).hexdigest()
        self.write(f"rows/{digest}.jsonl", content)
        self.write(f"rows/{digest}.tree", b"".join(levels.levels))
        ends = np.cumsum([len(row) + 1 for row in rows]).astype("<i8")
        self.write(f"rows/{digest}.ends", ends.tobytes())

        def renew(leaf: dict[str, Any]) -> None:
            leaf |= {"rows": len(rows), "root": levels.root().hex(), "file": {"sha256": digest}}
            leaf["er_g"] = total or leaf["er_g"]

        self.change_leaf("submission", renew)


def codes(found: Audit) -> set[str]:
    return {difference.code for difference in found.differences}


def names(found: Audit, path: str) -> bool:
    """Whether some difference names a file."""
    return path in {d.path.partition(":")[0].partition("#")[0] for d in found.differences}
