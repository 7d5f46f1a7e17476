"""The Merkle tree of RFC 6962 section 2.1, with the checks of RFC 9162 sections 2.1.3 and 2.1.4.

Whole trees, proofs and growth all rest on one kind of value: the hash of a *complete subtree*,
named ``(level, index)``, which covers the leaves from ``index * 2**level`` up to, but excluding,
``(index + 1) * 2**level``. Such a hash never changes once its leaves exist, so it can be stored.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _hashlib import HASH

HASH_BYTES: Final = 32

#: The root of a tree without leaves.
EMPTY_ROOT: Final = sha256(b"").digest()

#: Gives the 32-byte hash of the complete subtree (level, index).
HashReader = Callable[[int, int], bytes]

# Copying a state that has already seen the prefix beats starting a new one and joining bytes.
_new_leaf: Final = sha256(b"\x00").copy
_new_node: Final = sha256(b"\x01").copy

#: Messages hashed per batch: their digests stay in the processor's cache until they are joined.
_BATCH = 8192
_pairs = struct.Struct(f"{2 * HASH_BYTES}s").iter_unpack


def leaf_hash(data: bytes) -> bytes:
    """Hash of one leaf: SHA-256 of 0x00 and its exact bytes."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: SHA-256 of 0x01 and both children."""
    return sha256(b"\x01" + left + right).digest()


def _digests(new: Callable[[], HASH], messages: Iterable[bytes]) -> bytes:
    digests = []
    for message in messages:
        state = new()
        state.update(message)
        digests.append(state.digest())
    return b"".join(digests)


def hash_leaves(leaves: Iterable[bytes]) -> bytes:
    """The hashes of leaves, joined: 32 bytes per leaf, level 0 of a tree."""
    source = iter(leaves)
    return b"".join(iter(lambda: _digests(_new_leaf, islice(source, _BATCH)), b""))


def parents(children: bytes) -> bytes:
    """Joined hashes of one level → those of the level above; a last child without sibling waits."""
    whole = len(children) // (2 * HASH_BYTES) * (2 * HASH_BYTES)
    view, step = memoryview(children)[:whole], 2 * HASH_BYTES * _BATCH
    batches = (_pairs(view[at : at + step]) for at in range(0, whole, step))
    return b"".join([_digests(_new_node, [pair for (pair,) in batch]) for batch in batches])


def _range_hash(first: int, last: int, read: HashReader) -> bytes:
    """Tree hash of leaves ``[first, last)``, cut into complete subtrees, largest first.

    ``first`` is a multiple of every subtree's size; the recursion of RFC 6962 meets no others.
    """
    parts = []
    while first < last:
        level = (last - first).bit_length() - 1
        parts.append(read(level, first >> level))
        first += 1 << level
    root = parts.pop()
    while parts:
        root = node_hash(parts.pop(), root)
    return root


def tree_root(size: int, read: HashReader) -> bytes:
    """Root of the tree of the first ``size`` leaves. Raises ValueError for a negative size."""
    if size < 0:
        raise ValueError("a tree has no negative size")
    return _range_hash(0, size, read) if size else EMPTY_ROOT


def _split(first: int, last: int) -> int:
    """Where RFC 6962 cuts ``[first, last)``: after the largest power of two below its length."""
    return first + (1 << (last - first - 1).bit_length() - 1)


def inclusion_proof(index: int, size: int, read: HashReader) -> list[bytes]:
    """Audit path of one leaf, from its sibling up (RFC 6962 section 2.1.1).

    Raises ValueError unless ``0 <= index < size``.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    proof, first, last = [], 0, size
    while last - first > 1:
        middle = _split(first, last)
        if index < middle:
            proof.append(_range_hash(middle, last, read))
            last = middle
        else:
            proof.append(_range_hash(first, middle, read))
            first = middle
    return proof[::-1]


def consistency_proof(old: int, new: int, read: HashReader) -> list[bytes]:
    """Proof that the tree of ``new`` leaves extends the one of ``old`` (RFC 6962 section 2.1.2).

    ``read`` serves the new tree. Raises ValueError unless ``0 < old <= new``: everything extends
    an empty tree, so such a proof would say nothing.
    """
    if not 0 < old <= new:
        raise ValueError(f"no proof leads from {old} to {new} leaves")
    proof, first, last = [], 0, new
    while old != last:
        middle = _split(first, last)
        if old <= middle:
            proof.append(_range_hash(middle, last, read))
            last = middle
        else:
            proof.append(_range_hash(first, middle, read))
            first = middle
    if first:  # otherwise the verifier knows this hash: it is the old root
        proof.append(_range_hash(first, last, read))
    return proof[::-1]


def _hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)


def check_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether a leaf's hash lies at ``index`` in the tree with this root (RFC 9162, 2.1.3.2).

    The root alone does not tell a tree's size: take size and root from one signed checkpoint.
    """
    if not 0 <= index < size or not _hashes(leaf, root, *proof):
        return False
    node, last, found = index, size - 1, leaf
    for sibling in proof:
        if not last:
            return False
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    return not last and found == root


def check_consistency(
    old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the newer tree only appended to the older one (RFC 9162, 2.1.4.2).

    An old size of 0 is False: a verifier that accepts it can be reset by anyone.
    """
    if not 0 < old <= new or not _hashes(old_root, new_root, *proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    # The walk starts at the old tree's last complete subtree; if that is the whole old tree its
    # hash is the old root, which the proof leaves out.
    shift = (old & -old).bit_length() - 1
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    return _walk(old - 1 >> shift, new - 1 >> shift, path) == (old_root, new_root)


def _walk(node: int, last: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Both roots a consistency proof leads to; None if it is too short or too long."""
    if not path:
        return None
    before = after = path[0]
    for sibling in path[1:]:
        if not last:
            return None
        if node & 1 or node == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        node, last = node >> 1, last >> 1
    return None if last else (before, after)


def _nothing(level: int, index: int) -> bytes:
    raise ValueError(f"no subtree {index} at level {level}")


class Levels:
    """Every complete subtree that a run of leaves completes, level by level.

    A whole tree is ``Levels(hashes)``; growth of an existing one is
    ``Levels(new hashes, start=old size, before=reader of the old tree)``, which reads at most one
    hash of the old tree per level. ``levels[n]`` joins the hashes of level *n*, 32 bytes each,
    from subtree ``start >> n`` on; about 64 bytes per leaf in all.

    Raises ValueError if ``hashes`` is no multiple of 32 bytes or ``start`` is negative.
    """

    def __init__(self, hashes: bytes, start: int = 0, before: HashReader = _nothing) -> None:
        if len(hashes) % HASH_BYTES or start < 0:
            raise ValueError("level 0 holds 32 bytes per leaf, from a leaf number on")
        self.start = start
        self.size = start + len(hashes) // HASH_BYTES
        self._before = before
        self.levels: list[bytes] = [hashes]
        while self.size >> len(self.levels):
            self.levels.append(self._above(len(self.levels) - 1))

    @classmethod
    def of(cls, leaves: Iterable[bytes], start: int = 0, before: HashReader = _nothing) -> Levels:
        """The same from the leaves' bytes; an iterator is read once and not kept."""
        return cls(hash_leaves(leaves), start, before)

    def _above(self, level: int) -> bytes:
        children, first = self.levels[level], self.start >> level
        if first & 1 and children:
            children = self._before(level, first - 1) + children
        return parents(children)

    def read(self, level: int, index: int) -> bytes:
        """Hash of a complete subtree, old ones included: a HashReader. Raises ValueError."""
        if level < 0 or index < 0 or index + 1 << level > self.size:
            return _nothing(level, index)
        at = (index - (self.start >> level)) * HASH_BYTES
        if at < 0:
            return self._before(level, index)
        return self.levels[level][at : at + HASH_BYTES]

    def root(self) -> bytes:
        """Root of the tree, old leaves included."""
        return tree_root(self.size, self.read)
