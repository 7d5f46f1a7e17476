"""Speed of the log's core: a Merkle tree of a million leaves, and proofs from its tile files.

    python bench/log.py [--leaves 1000000] [--proofs 2000]

The tree is compared with a bare loop that hashes the same leaves and keeps nothing; the two
alternate, and the best of each counts, in processor seconds, since both are one thread of pure
computing. A proof is timed by the clock, the better of two, so that a slice of time given to
another process does not count. Exit code 1: a floor is missed.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from carbon.domain.log.merkle import Levels, check_inclusion, inclusion_proof, leaf_hash
from carbon.domain.log.tile import Tile, grown_tiles, tile_reader

#: Goal and floor: seconds of the tree relative to the bare loop; milliseconds per proof; megabytes.
RATIO_GOAL, RATIO_FLOOR, PROOF_MS, MEMORY_MB = 2.0, 3.0, 5.0, 150.0
LEAF_BYTES = 300


def seconds(act: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    start = clock()
    act()
    return clock() - start


def hash_each(leaves: list[bytes]) -> None:
    for leaf in leaves:
        sha256(b"\0" + leaf).digest()


def build_times(leaves: list[bytes], repeat: int) -> tuple[float, float]:
    """Best seconds of the bare loop and of the tree."""
    pairs = [
        (seconds(lambda: hash_each(leaves)), seconds(lambda: Levels.of(leaves)))
        for _ in range(repeat)
    ]
    return min(p[0] for p in pairs), min(p[1] for p in pairs)


def memory_mb(leaves: list[bytes]) -> float:
    """Peak of what building allocates, the leaves apart."""
    tracemalloc.start()
    tree = Levels.of(leaves)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6 if tree.size else 0.0


def proof_times(tree: Levels, leaves: list[bytes], folder: Path, proofs: int) -> list[float]:
    """Milliseconds of each proof, read with a new reader from files, and checked afterwards."""
    for tile, content in grown_tiles(0, tree.size, tree.read):
        path = folder / tile.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def load(tile: Tile) -> bytes:
        return (folder / tile.path).read_bytes()

    root, size, chance, times = tree.root(), tree.size, random.Random(1), []  # noqa: S311  a choice of leaves, no secret
    for index in chance.choices(range(size), k=proofs):

        def prove(index: int = index) -> list[bytes]:
            return inclusion_proof(index, size, tile_reader(size, load))

        times.append(1e3 * min(seconds(prove, time.perf_counter) for _ in range(2)))
        if not check_inclusion(leaf_hash(leaves[index]), index, size, prove(), root):
            sys.exit(f"the proof of leaf {index} does not hold")
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leaves", type=int, default=1_000_000)
    parser.add_argument("--proofs", type=int, default=2_000)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()

    block = os.urandom(LEAF_BYTES * given.leaves)
    leaves = [block[at : at + LEAF_BYTES] for at in range(0, len(block), LEAF_BYTES)]
    del block
    bare, built = build_times(leaves, given.repeat)
    ratio = built / bare
    print(f"{given.leaves:,} leaves of {LEAF_BYTES} bytes")
    print(f"bare loop {bare:.3f} s, tree {built:.3f} s: {ratio:.2f} times, goal {RATIO_GOAL}")
    peak = memory_mb(leaves)
    print(f"peak memory of the tree {peak:.0f} MB, limit {MEMORY_MB:.0f}")

    with tempfile.TemporaryDirectory() as folder:
        times = proof_times(Levels.of(leaves), leaves, Path(folder), given.proofs)
    percentiles = statistics.quantiles(times, n=100)
    print(f"proof from tiles p50 {percentiles[49]:.2f} ms, p99 {percentiles[98]:.2f} ms")
    if ratio > RATIO_FLOOR or peak > MEMORY_MB or percentiles[98] > PROOF_MS:
        sys.exit(1)


if __name__ == "__main__":
    main()
