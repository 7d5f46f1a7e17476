"""Receipts for tests: a log, a catalogue tree and rows, by the shortest definitions there are."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from carbon.domain.quantification.engine import Engine
from carbon.domain.quantification.expression import evaluate, names_of
from carbon.domain.quantification.published import formula_bytes, formula_digest
from published_rows import Published


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def encode(receipt: dict) -> bytes:
    return (canonical(receipt) + "\n").encode()


# --- RFC 6962, section 2.1, word for word -----------------------------------------------------


def _split(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def root(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) == 0:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = _split(len(leaves))
    return hashlib.sha256(b"\1" + root(leaves[:k]) + root(leaves[k:])).digest()


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = _split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), root(leaves[k:])]
    return [*path(m - k, leaves[k:]), root(leaves[:k])]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# --- a log ------------------------------------------------------------------------------------


class Log:
    """A log that signs whatever leaves it is given."""

    def __init__(self, name: str = "hedong.example/log", seed: int = 1) -> None:
        self.name = name
        self.key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.public = self.key.public_key().public_bytes_raw()
        self.id = hashlib.sha256(name.encode() + b"\n\x01" + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64(bytes([1]) + self.public)}"

    def checkpoint(self, leaves: Sequence[bytes]) -> str:
        text = f"{self.name}\n{len(leaves)}\n{b64(root(leaves))}\n"
        return f"{text}\n— {self.name} {b64(self.id + self.key.sign(text.encode()))}\n"

    def proof(self, leaf: str, others: int = 4) -> str:
        leaves = [b"other %d" % n for n in range(others)]
        place = others // 2
        leaves.insert(place, leaf.encode())
        hashes = "".join(b64(h) + "\n" for h in path(place, leaves))
        return f"c2sp.org/tlog-proof@v1\nindex {place}\n{hashes}\n{self.checkpoint(leaves)}"


LOG = Log()


# --- receipts ---------------------------------------------------------------------------------


class Desk:
    """Rows of one engine's batch, and receipts for them."""

    def __init__(self, published: Published, engine: Engine, batch, digest: str = "sha256") -> None:
        self.published, self.engine, self.digest = published, engine, digest
        quantities = engine.quantify(batch)
        assert not quantities.rejected.any()
        self.private = [
            {
                name: {"salt": f"{n * 3 + m:064x}", "value": f"{name} 甲 {n}"}
                for m, name in enumerate(("giver", "receiver", "rest"))
            }
            for n in range(len(batch))
        ]
        self.rows = [self._row(batch, quantities, n) for n in range(len(batch))]
        self._tree = [
            canonical({"cells": dict(raw), "table": t}).encode() for t, raw in published.tree
        ]
        self._context = {
            "catalogue": root(self._tree).hex(),
            "catalogue_rows": len(self._tree),
            "methodology": engine.methodology.name,
            "formula": formula_digest(engine.methodology),
            "digest": digest,
            "demonstration": engine.conditions.demonstration,
            "fields": "1",
            "recorded_on": "2026-11-25",
        }

    def _row(self, batch, quantities, n: int) -> dict:
        own = {
            name: hashlib.new(
                self.digest, bytes.fromhex(p["salt"]) + p["value"].encode()
            ).hexdigest()
            for name, p in self.private[n].items()
        }
        return {"id": f"{n:032x}", **self.published.row(batch, quantities, n), **own}

    def _proven(self, number: int) -> dict:
        hashes = [b64(h) for h in path(number, self._tree)]
        return {"number": number, "row": self._tree[number].decode(), "proof": hashes}

    def _steps(self, row: dict) -> dict[str, str]:
        cells = [raw for _, raw in self.published.tree]
        item = cells[self.published.item_number(row["in"]["item_type"])]
        names = names_of(row["in"], item, {role: cells[k] for role, k in row["f"].items()})
        found = evaluate(self.engine.methodology.steps, names)
        return {name: repr(x) for name, x in found.items() if isinstance(x, float)}

    def leaf(self, kind: str, n: int) -> tuple[dict, dict]:
        """A leaf that holds a row or commits to all rows, and the receipt's own members."""
        rows = [canonical(row).encode() for row in self.rows]
        if kind == "record":
            return {"type": kind, "row": self.rows[n], **self._context}, {}
        if kind == "correction":
            named = {"replaces": "ab" * 16, "reason": "称重有误", "row": self.rows[n]}
            return {"type": kind, **named, **self._context}, {}
        file = b"".join(row + b"\n" for row in rows)
        bulk = {
            "id": "cd" * 16,
            "rows": len(rows),
            "root": root(rows).hex(),
            "file": {"sha256": hashlib.sha256(file).hexdigest()},
            "er_g": str(sum(int(row["er_g"]) for row in self.rows)),
        }
        proof = [b64(h) for h in path(n, rows)]
        own = {"row": rows[n].decode(), "row_index": n, "row_proof": proof}
        return {"type": kind, **bulk, **self._context}, own

    def receipt(self, kind: str = "record", n: int = 0, log: Log = LOG, **change) -> dict:
        """A good receipt of one row; ``change`` goes into the leaf before it is logged."""
        leaf, own = self.leaf(kind, n)
        row, text = self.rows[n], canonical(leaf | change)
        return {
            "receipt": "1",
            "leaf": text,
            **own,
            "proof": log.proof(text),
            "key": log.vkey,
            "item": self._proven(self.published.item_number(row["in"]["item_type"])),
            "factors": {role: self._proven(number) for role, number in row["f"].items()},
            "formula": formula_bytes(self.engine.methodology).decode(),
            "steps": self._steps(row),
            "private": self.private[n],
        }
