"""Sequence: pending leaves become tiles and a signed checkpoint, in an order one can recite.

Stage tiles → sign → compare-and-swap the checkpoint in the database → apply → publish. A crash
before the swap leaves nothing; after it, the next run finishes by the same code. It never signs a
tree that is not consistent with the last signed one, which is kept outside the database too: a
restored backup must not fork the log.
"""

from __future__ import annotations

from collections.abc import Sequence

from carbon.domain.errors import CarbonError
from carbon.domain.log.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from carbon.domain.log.merkle import EMPTY_ROOT, HashReader, Levels, hash_leaves, tree_root
from carbon.domain.log.note import Key, Verify, parse_note
from carbon.domain.log.tile import (
    ENTRIES,
    FULL,
    Tile,
    decode_bundle,
    grown_bundles,
    grown_tiles,
    tile_reader,
)
from carbon.ports import Clock, Head, LogFiles, LogQueue, PendingLeaf, Progress, Signer
from carbon.ports.ledger import JournalGatherer

#: Leaves that one checkpoint adds at most.
LEAVES_AT_ONCE = 10_000

_EMPTY = Head(0, EMPTY_ROOT, b"")


def sequence(
    queue: LogQueue,
    files: LogFiles,
    journals: JournalGatherer,
    signer: Signer,
    verify: Verify,
    clock: Clock,
    progress: Progress,
) -> Head | None:
    """Give every pending leaf its place and publish the checkpoint; returns the last one.

    Journals of the ledger that no leaf has yet become one bulk leaf first.

    Raises ``log.busy`` while another process sequences, ``log.rollback`` where the database is
    older than what was signed, ``log.changed`` and ``log.inconsistent`` where files were altered,
    ``log.unpublished`` where some are lost, ``file.output`` on a full disk. Whatever is raised, no
    acknowledged fact is lost.
    """
    with files.sequencing(), queue.sequencing():
        head = _recover(queue, files, signer, verify)
        journals.gather(clock.now())
        placed = 0
        while leaves := queue.pending(LEAVES_AT_ONCE):
            head = _advance(head, leaves, queue, files, signer, clock)
            placed += len(leaves)
            progress(placed, None)
    return head if head.size else None


def _recover(queue: LogQueue, files: LogFiles, signer: Signer, verify: Verify) -> Head:
    """Finish what a crash left, after making sure that the database was not set back."""
    head = queue.head() or _EMPTY
    copies = [
        None if note is None else verify_checkpoint(note, [signer.key], verify).checkpoint
        for note in files.signed()
    ]
    for seen in copies:
        if seen is not None and seen.size > head.size:
            raise CarbonError("log.rollback", signed=seen.size, stored=head.size)
    files.apply(head.size)
    read = _reader(head, files)
    for seen in copies:
        if seen is not None and tree_root(seen.size, read) != seen.root:
            raise CarbonError("log.rollback", signed=seen.size, stored=head.size)
    published = min(0 if seen is None else seen.size for seen in copies)
    if head.size > published:
        files.publish(head, queue.leaves(published, head.size))
    return head


def _reader(head: Head, files: LogFiles) -> HashReader:
    """The tree's hashes as published, checked to have the root that was signed."""
    read = tile_reader(head.size, files.tile)
    if tree_root(head.size, read) != head.root:
        raise CarbonError("log.inconsistent", size=head.size)
    return read


def _advance(
    head: Head,
    pending: Sequence[PendingLeaf],
    queue: LogQueue,
    files: LogFiles,
    signer: Signer,
    clock: Clock,
) -> Head:
    """One checkpoint further."""
    bodies = [leaf.body for leaf in pending]
    lost = [name for body in bodies for name in files.lacking(body)]
    if lost:
        # Signed first, such a leaf could never be published, and the log would stand still.
        raise CarbonError("log.unpublished", path=lost[0])
    read = _reader(head, files)
    levels = Levels(hash_leaves(bodies), head.size, read)
    tail = _tail(head, files, read)
    files.stage(levels.size, grown_tiles(head.size, levels.size, levels.read))
    files.stage(levels.size, grown_bundles(head.size, tail, bodies))
    checkpoint = Checkpoint(signer.key.name, levels.size, levels.root())
    note = sign_checkpoint(checkpoint, (signer.key, signer.sign))
    found = Head(levels.size, checkpoint.root, note)
    queue.advance(head.size, found, pending, clock.now())
    files.apply(found.size)
    files.publish(found, bodies)
    return found


def _tail(head: Head, files: LogFiles, read: HashReader) -> bytes:
    """The last, partial bundle of a tree, its leaves checked against their hashes."""
    if head.size % FULL == 0:
        return b""
    bundle = Tile(ENTRIES, head.size // FULL, head.size % FULL)
    content = files.tile(bundle)
    first = bundle.index * FULL
    hashes = hash_leaves(decode_bundle(bundle, content))
    if hashes != b"".join(read(0, n) for n in range(first, head.size)):
        raise CarbonError("log.changed", path=bundle.path)
    return content


def accept_cosignature(
    data: bytes,
    witness: Key,
    queue: LogQueue,
    files: LogFiles,
    signer: Signer,
    verify: Verify,
    clock: Clock,
) -> str:
    """Add a witness's signature to the checkpoint it signed; returns the witness's name.

    Raises ``note.*`` where a signature is wrong, ``log.foreign`` unless this log signed the same
    checkpoint.
    """
    verified = verify_checkpoint(data, [signer.key], verify, [witness])
    if witness not in verified.seen:
        raise CarbonError("note.unsigned")
    with files.sequencing(), queue.sequencing():
        ours = queue.checkpoint(verified.checkpoint.size)
        if ours is None or parse_note(ours).text != parse_note(data).text:
            raise CarbonError("log.foreign", size=verified.checkpoint.size)
        signature = next(s for s in parse_note(data).signatures if s.key_id == witness.id)
        queue.add_cosignature(verified.checkpoint.size, witness.name, str(signature), clock.now())
        note = queue.checkpoint(verified.checkpoint.size) or ours
        files.republish(Head(verified.checkpoint.size, verified.checkpoint.root, note))
    return witness.name
