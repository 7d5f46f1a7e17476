"""Journals: the ledger replayed from the log alone."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from carbon.audit.facts import Facts
from carbon.audit.files import PublicFiles
from carbon.audit.result import Tally
from carbon.audit.row_file import RowFile
from carbon.domain.errors import CarbonError
from carbon.domain.ledger.account import Policy
from carbon.domain.ledger.row import MAX_ROW_BYTES
from carbon.domain.log.merkle import hash_leaves
from carbon.files.published_form import read_journal
from carbon.files.row_slices import slices

#: Bytes kept of the hash of an id, and of a journal's lines.
_KEPT: Final = 16

#: Asset and account.
Place = tuple[str, str]


class Journals:
    """Balances by asset and account, and every journal's id. ``turn`` is called after each part."""

    def __init__(self, files: PublicFiles, tally: Tally, turn: Callable[[], None]) -> None:
        self._files, self._tally, self._turn = files, tally, turn
        self.balances: defaultdict[Place, int] = defaultdict(int)
        self._policies: dict[Place, str] = {}
        self._ids, self._lines = bytearray(), bytearray()
        self._reversals: list[tuple[str, bytes, bytes, int]] = []
        self._facts = Facts(tally)

    def check(self, place: str, leaf: Mapping[str, Any]) -> None:
        """A file of journals with its derived files against its leaf, and what it comes to."""
        file = RowFile(leaf["file"], self._files, self._tally)
        touched: set[Place] = set()
        if self._tally.attempt(file.path, lambda: self._stream(file, leaf["count"], touched)):
            file.check_tree(leaf["count"], leaf["root"])
        negative = [
            one for one in touched
            if self.balances[one] < 0 and self._policies[one] == Policy.HOLDER
        ]  # fmt: skip
        for asset, account in sorted(negative):
            error = CarbonError("audit.overdrawn", asset=asset, account=account)
            self._tally.add(place, error)

    def _stream(self, file: RowFile, count: int, touched: set[Place]) -> bool:
        for content in slices(file.blocks(), MAX_ROW_BYTES):
            rows = content.removesuffix(b"\n").split(b"\n")
            before = len(self._ids)
            for number, row in enumerate(rows, file.count + 1):
                self._row(f"{file.path}:{number}", row, touched)
            self._facts.add(f"{file.path}:", bytes(self._ids[before:]))
            lengths = [len(row) + 1 for row in rows]
            lengths[-1] -= not content.endswith(b"\n")
            file.add(hash_leaves(rows), np.cumsum(lengths, dtype=np.int64))
            self._tally.counts.journals += len(rows)
            self._turn()
            if file.count > count:
                break
        file.check_digests()
        return True

    def _row(self, place: str, raw: bytes, touched: set[Place]) -> None:
        row = self._tally.attempt(place, lambda: read_journal(raw), place)
        if row is None:
            self._remember("", [])
            return
        for asset, giver, getter, amount, *policies in row["lines"]:
            for account, policy in zip((giver, getter), policies, strict=True):
                touched.add((asset, account))
                if self._policies.setdefault((asset, account), policy) != policy:
                    self._tally.add(place, CarbonError("audit.policy", account=account))
            if policies[0] == Policy.SINK:
                self._tally.add(place, CarbonError("audit.policy", account=giver))
            self.balances[asset, giver] -= int(amount)
            self.balances[asset, getter] += int(amount)
        mine = self._remember(row["id"], [line[:4] for line in row["lines"]])
        if "reverses" in row:
            mirrored = [[asset, to, of, n] for asset, of, to, n, *_ in row["lines"]]
            self._reversals.append((place, _hash(row["reverses"]), _hash(mirrored), mine))

    def _remember(self, id_: str, lines: list[list[str]]) -> int:
        """Note a journal; returns how many came before it."""
        self._ids += _hash(id_) if id_ else bytes(_KEPT)
        self._lines += _hash(lines)
        return len(self._ids) // _KEPT - 1

    def finish(self) -> None:
        """Every id once; every reversal mirrors an earlier journal, once."""
        self._facts.check()
        ids, lines = (np.frombuffer(bytes(b), f"S{_KEPT}") for b in (self._ids, self._lines))
        order = np.argsort(ids, kind="stable")
        reversed_: set[bytes] = set()
        for place, of, mirrored, before in self._reversals:
            at = int(np.searchsorted(ids, np.bytes_(of), sorter=order))
            known = at < len(ids) and ids[order[at]] == np.bytes_(of) and order[at] < before
            if not known or lines[order[at]] != np.bytes_(mirrored) or of in reversed_:
                self._tally.add(place, CarbonError("audit.reversal"))
            reversed_.add(of)


def _hash(value: object) -> bytes:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()[:_KEPT]
