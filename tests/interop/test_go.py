"""A log written here is read by Go's implementation of the same formats, and the reverse."""

from __future__ import annotations

import json
import os
import subprocess
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from carbon.domain.log.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from carbon.domain.log.merkle import (
    Levels,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    tree_root,
)
from carbon.domain.log.tile import grown_bundles, grown_tiles
from log_keys import signer, verify

GO = Path("/usr/lib/go-1.19/bin/go")
PROGRAM = Path(__file__).with_name("check_log.go")

LEAVES = [b"leaf %d " % n * (n % 50) for n in range(70_000)]
TREE = Levels.of(LEAVES)
KEY, SIGN = signer()
SIZES = (1, 2, 255, 256, 257, 511, 65_536, 65_537, 70_000)


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    """The compiled Go program. Where tests guard releases, a missing Go is a failure."""
    if not GO.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("Go is missing: run tools/install-go")
        pytest.skip("Go is not installed; tools/install-go does it")
    folder = tmp_path_factory.mktemp("go")
    # Debian ships the package as source under its own GOPATH; nothing is fetched.
    environment = {
        "PATH": os.environ["PATH"],
        "GO111MODULE": "off",
        "GOPATH": "/usr/share/gocode",
        "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }
    subprocess.run([GO, "build", "-o", folder / "check_log", PROGRAM], check=True, env=environment)
    return folder / "check_log"


def write_log(folder: Path, size: int) -> Checkpoint:
    head = Checkpoint(KEY.name, size, tree_root(size, TREE.read))
    for tile, content in (*grown_tiles(0, size, TREE.read), *grown_bundles(0, b"", LEAVES[:size])):
        path = folder / tile.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "checkpoint").write_bytes(sign_checkpoint(head, (KEY, SIGN)))
    (folder / "vkey").write_text(KEY.vkey, "utf-8")
    return head


def texts(hashes: list[bytes]) -> list[str]:
    return [b64encode(h).decode() for h in hashes]


def hashes_of(proof: list[str] | None) -> list[bytes]:
    return [b64decode(h) for h in proof or []]  # Go writes an empty proof as null


def question(size: int, indices: list[int], olds: list[int]) -> str:
    seed = b64encode(b"\x01" + bytes([1]) * 32).decode()
    asked = {
        "Inclusion": [
            {
                "Index": i,
                "Leaf": b64encode(LEAVES[i]).decode(),
                "Proof": texts(inclusion_proof(i, size, TREE.read)),
            }
            for i in indices
        ],
        "Consistency": [
            {
                "Old": old,
                "Root": texts([tree_root(old, TREE.read)])[0],
                "Proof": texts(consistency_proof(old, size, TREE.read)),
            }
            for old in olds
        ],
        "Secret": f"PRIVATE+KEY+{KEY.name}+{KEY.id.hex()}+{seed}",
    }
    return json.dumps(asked)


@pytest.mark.parametrize("size", SIZES)
def test_both_implementations_agree(program, tmp_path, size):
    """Go accepts our signature, tiles, bundles and proofs, and makes the very same ones."""
    head = write_log(tmp_path, size)
    indices = sorted({0, 1, 254, 255, 256, size // 2, size - 2, size - 1} & set(range(size)))
    olds = sorted({1, 2, 3, 255, 256, 257, size // 2, size - 1, size} & set(range(1, size + 1)))
    done = subprocess.run(
        [program, tmp_path],
        input=question(size, indices, olds),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)

    assert b64decode(answer["Root"]) == head.root
    assert answer["Note"].encode() == (tmp_path / "checkpoint").read_bytes()
    assert verify_checkpoint(answer["Note"].encode(), [KEY], verify).checkpoint == head
    for index, proof in zip(indices, answer["Inclusion"], strict=True):
        theirs = hashes_of(proof)
        assert theirs == inclusion_proof(index, size, TREE.read)
        assert check_inclusion(leaf_hash(LEAVES[index]), index, size, theirs, head.root)
    for old, proof, root in zip(olds, answer["Consistency"], answer["OldRoots"], strict=True):
        theirs = hashes_of(proof)
        assert theirs == consistency_proof(old, size, TREE.read)
        assert check_consistency(old, b64decode(root), size, head.root, theirs)


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000", "tile/1/000.p/2", "tile/entries/001"])
def test_go_refuses_what_was_changed(program, tmp_path, name):
    """So that agreement above cannot come from a program that accepts everything."""
    write_log(tmp_path, 600)
    content = bytearray((tmp_path / name).read_bytes())
    content[10] ^= 1
    (tmp_path / name).write_bytes(content)
    done = subprocess.run(
        [program, tmp_path],
        input=question(600, [0], [300]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr
