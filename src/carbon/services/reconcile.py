"""Reconcile: the database against the published log, fact by fact and row by row.

What an auditor cannot see from outside: that the database still holds what was published. Every
published row is made anew from the stored columns and must be the same to the byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, zip_longest

from carbon.domain.errors import CarbonError
from carbon.domain.log.checkpoint import Checkpoint, verify_checkpoint
from carbon.domain.log.leaf import canonical
from carbon.domain.log.merkle import tree_root
from carbon.domain.log.note import Verify
from carbon.ports import Head, LogReader, Progress, Signer, StoredFact, StoreReader
from carbon.ports.ledger import LedgerReader
from carbon.ports.registry import RegistryReader
from carbon.services.invariants import Stores, check_everything

#: Faults of one fact that are told one by one; a broken table would fill pages otherwise.
FAULTS_PER_FACT = 20


@dataclass(slots=True)
class Reconciliation:
    """How much was compared, and every difference found."""

    facts: int = 0
    rows: int = 0
    pending: int = 0
    differences: list[CarbonError] = field(default_factory=list)


def reconcile(
    store: StoreReader,
    ledger: LedgerReader,
    registry: RegistryReader,
    log: LogReader,
    signer: Signer,
    verify: Verify,
    progress: Progress,
) -> Reconciliation:
    """Compare everything. Raises ``log.*`` only where nothing can be read at all."""
    found = Reconciliation()
    found.differences += store.faults()
    published = verify_checkpoint(log.checkpoint(), [signer.key], verify).checkpoint
    head = store.head()
    grown = head is not None and head.size < published.size
    # The store was read first, and the log has grown since: what was there is compared.
    grown = grown and store.signed(published.size, published.root)
    size = head.size if grown and head else published.size
    found.differences += _heads(head, published, log, grown=grown)
    leaves = islice(log.leaves(published.size), size)
    corrections = dict(store.corrections())
    for fact in store.placed(size):
        found.facts += 1
        leaf = next(leaves, None)
        if leaf != fact.body or fact.leaf_index != found.facts - 1:
            found.differences.append(
                CarbonError("reconcile.leaf", seq=fact.seq, index=fact.leaf_index)
            )
        if leaf is not None:
            _compare_rows(fact, leaf, store, log, found)
            found.differences += _correction(fact, leaf, corrections)
        progress(found.rows, None)
    if next(leaves, None) is not None:
        found.differences.append(CarbonError("reconcile.lost", index=found.facts))
    found.pending = store.pending_count()
    found.differences += [
        CarbonError("reconcile.correction", id=replaced)
        for replaced, (_, seq) in corrections.items()
        if not store.is_pending(seq)
    ]
    found.differences += check_everything(Stores(ledger, registry, log, size))
    return found


def _correction(
    fact: StoredFact, leaf: bytes, corrections: dict[str, tuple[str | None, int]]
) -> Iterator[CarbonError]:
    """A published correction against its row; takes the row off those still unexplained."""
    if not leaf.startswith(b"{") or b'"type":"correction"' not in leaf:
        return
    content = json.loads(leaf)
    replaced = content["replaces"]
    by = content["row"]["id"] if "row" in content else None
    if corrections.pop(replaced, None) != (by, fact.seq):
        yield CarbonError("reconcile.correction", id=replaced)


def _heads(
    head: Head | None, published: Checkpoint, log: LogReader, *, grown: bool
) -> Iterator[CarbonError]:
    """The store's last checkpoint is the published one, or one the published tree grew from."""
    stored = 0 if head is None else head.size
    root = tree_root(stored, log.reader(published.size)) if grown else published.root
    size = stored if grown else published.size
    if head is None or (head.size, head.root) != (size, root):
        yield CarbonError("reconcile.head", published=published.size, stored=stored)


def _compare_rows(
    fact: StoredFact, leaf: bytes, store: StoreReader, log: LogReader, found: Reconciliation
) -> None:
    """The stored rows of a fact against the ones its published leaf names."""
    try:
        content = json.loads(leaf)
        published = _published_rows(content, log)
        wrong = 0
        for number, (stored, row) in enumerate(
            zip_longest(store.row_texts(fact.seq), published, fillvalue=b"")
        ):
            found.rows += 1
            if stored != row:
                wrong += 1
                if wrong <= FAULTS_PER_FACT:
                    found.differences.append(CarbonError("reconcile.row", seq=fact.seq, row=number))
    except CarbonError as error:
        found.differences.append(error)
    except ValueError:
        found.differences.append(CarbonError("reconcile.leaf", seq=fact.seq, index=fact.leaf_index))


def _published_rows(leaf: dict[str, object], log: LogReader) -> Iterator[bytes]:
    match leaf:
        case {"type": "submission" | "journals", "file": {"sha256": str(digest)}}:
            return (line.rstrip(b"\n") for line in log.rows(digest))
        case {"row": row}:
            return iter([canonical(row)])
    return iter(())
