"""Read a published log, from its folder or from the web server that serves it."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import quote

from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue, catalogue_leaves
from carbon.domain.factors.table import RawTable
from carbon.domain.log.merkle import HASH_BYTES, HashReader, Levels
from carbon.domain.log.note import Key
from carbon.domain.log.tile import ENTRIES, FULL, Tile, bundles, decode_bundle, tile_reader
from carbon.files.factor_folder import parse_table
from carbon.files.published_form import read_listing

#: Beside the tables of a catalogue, the list of their names and digests in the form of sha256sum:
#: a web server lists no folder, and an altered file is named.
TABLES = "tables.txt"
#: A file of the log that is read whole; row files are streamed.
MAX_FILE_BYTES = 64_000_000
#: A row file may be larger than memory.
MAX_ROWS_BYTES = 8_000_000_000
_TIMEOUT_SECONDS = 60
_BLOCK_BYTES = 1 << 20


class Source(Protocol):
    """Where files come from. Raises ``log.missing``, ``log.unreachable``, ``file.too_large``."""

    def get(self, path: str) -> bytes:
        """A file."""

    def lines(self, path: str) -> Iterator[bytes]:
        """The lines of a file, without their ends, one at a time."""

    def part(self, path: str, start: int, end: int) -> bytes:
        """Some bytes of a file."""

    def blocks(self, path: str) -> Iterator[bytes]:
        """A file of any size, some bytes at a time."""

    def paths(self) -> list[str] | None:
        """All files; ``None`` where they cannot be listed."""


class Folder:
    """Files of a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _open(self, path: str) -> BinaryIO:
        """A file to read. What gives way to a full tile may be gone between two looks."""
        found = self.root / path
        try:
            if found.is_file():
                return found.open("rb")
        except FileNotFoundError as error:
            raise CarbonError("log.missing", path=path) from error
        raise CarbonError("log.missing", path=path)

    def get(self, path: str) -> bytes:
        """A file, read whole."""
        with self._open(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > MAX_FILE_BYTES:
                raise CarbonError(
                    "file.too_large", path=path, what="bytes", value=size, limit=MAX_FILE_BYTES
                )
            return stream.read()

    def lines(self, path: str) -> Iterator[bytes]:
        """The lines of a file."""
        with self._open(path) as stream:
            yield from stream

    def part(self, path: str, start: int, end: int) -> bytes:
        """Some bytes of a file; fewer where it ends."""
        with self._open(path) as stream:
            stream.seek(start)
            return stream.read(end - start)

    def blocks(self, path: str) -> Iterator[bytes]:
        """A file, some bytes at a time."""
        with self._open(path) as stream:
            yield from _blocks(stream, path)

    def paths(self) -> list[str] | None:
        """All files below the folder, symbolic links included."""
        return sorted(
            found.relative_to(self.root).as_posix()
            for found in self.root.rglob("*")
            if found.is_symlink() or not found.is_dir()
        )


def _blocks(stream: Any, path: str) -> Iterator[bytes]:
    size = 0
    while block := stream.read(_BLOCK_BYTES):
        size += len(block)
        if size > MAX_ROWS_BYTES:
            raise CarbonError(
                "file.too_large", path=path, what="bytes", value=size, limit=MAX_ROWS_BYTES
            )
        yield block


class Web:
    """Files behind an address, by plain GET."""

    def __init__(self, address: str) -> None:
        self.root = address.rstrip("/")

    @contextmanager
    def _open(self, path: str, **headers: str) -> Iterator[Any]:
        """An answer to read; whatever fails on the way is told as ours."""
        address = f"{self.root}/{quote(path)}"
        request = urllib.request.Request(address, headers=headers)  # noqa: S310  http(s) only, see open_log
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
                yield answer
        except urllib.error.HTTPError as error:
            error.close()
            raise CarbonError("log.missing", path=path) from error
        except (OSError, http.client.HTTPException) as error:
            raise CarbonError("log.unreachable", address=self.root, reason=error) from error

    def get(self, path: str) -> bytes:
        """A file, read whole."""
        with self._open(path) as answer:
            content: bytes = answer.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise CarbonError(
                "file.too_large", path=path, what="bytes", value="?", limit=MAX_FILE_BYTES
            )
        return content

    def lines(self, path: str) -> Iterator[bytes]:
        """The lines of a file, streamed."""
        with self._open(path) as answer:
            yield from answer

    def part(self, path: str, start: int, end: int) -> bytes:
        """Some bytes of a file, from a server that knows ranges or one that does not."""
        with self._open(path, Range=f"bytes={start}-{end - 1}") as answer:
            content: bytes = answer.read()
        return content if len(content) == end - start else content[start:end]

    def blocks(self, path: str) -> Iterator[bytes]:
        """A file, streamed."""
        with self._open(path) as answer:
            yield from _blocks(answer, path)

    def paths(self) -> list[str] | None:
        """A web server lists nothing."""
        return None


@dataclass(frozen=True, slots=True)
class PublishedCatalogue:
    """A catalogue's rows as leaves of its tree."""

    leaves: tuple[bytes, ...]
    tree: Levels

    def row(self, number: int) -> dict[str, Any]:
        """A row: its table and cells."""
        found: dict[str, Any] = json.loads(self.leaves[number])
        return found

    def item(self, item_type: str) -> int:
        """The number of an item type's row. Raises ``log.missing``."""
        for number, leaf in enumerate(self.leaves):
            row = json.loads(leaf)
            if row["table"] == "items" and row["cells"]["item_type"] == item_type:
                return number
        raise CarbonError("log.missing", path=f"items/{item_type}")


class PublishedLog:
    """A published log. Reading checks nothing but form: checking is what callers do."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.catalogue = lru_cache(maxsize=8)(self._catalogue)
        self.item_number = lru_cache(maxsize=4096)(self._item_number)
        self.formula = lru_cache(maxsize=32)(self._formula)
        self.factors = lru_cache(maxsize=8)(self._factors)

    def key(self) -> Key:
        """The key the log says it has; an auditor compares it with the one they know."""
        return Key.parse(self.source.get("log.vkey").decode("utf-8", "replace").strip())

    def checkpoint(self) -> bytes:
        """The latest checkpoint."""
        return self.source.get("checkpoint")

    def tile(self, tile: Tile) -> bytes:
        """A tile or bundle; the full one where a partial one has given way to it."""
        try:
            return self.source.get(tile.path)
        except CarbonError as error:
            if tile.width == FULL or error.code != "log.missing":
                raise
        full = Tile(tile.level, tile.index)
        content = self.source.get(full.path)
        if tile.level != ENTRIES:
            return content[: tile.width * HASH_BYTES]
        kept = decode_bundle(full, content)[: tile.width]
        return b"".join(len(entry).to_bytes(2, "big") + entry for entry in kept)

    def reader(self, size: int) -> HashReader:
        """The hashes of the tree at a size."""
        return tile_reader(size, self.tile)

    def leaf(self, index: int, size: int) -> bytes:
        """One leaf of the tree of some size."""
        number = index // FULL
        bundle = Tile(ENTRIES, number, min(FULL, size - number * FULL))
        return decode_bundle(bundle, self.tile(bundle))[index % FULL]

    def leaves(self, size: int) -> Iterator[bytes]:
        """All leaves of the tree of some size, in order."""
        for bundle in bundles(size):
            yield from decode_bundle(bundle, self.tile(bundle))

    def rows(self, digest: str) -> Iterator[bytes]:
        """The rows of a submission, each with its line end."""
        return self.source.lines(f"rows/{digest}.jsonl")

    def row(self, digest: str, index: int, size: int) -> bytes:
        """One row of a submission of some size, found by the file of ends beside it."""
        path = f"rows/{digest}.ends"
        first = max(0, index - 1)
        ends = self.source.part(path, first * 8, (index + 1) * 8)
        start = int.from_bytes(ends[:8], "little") if index else 0
        end = int.from_bytes(ends[-8:], "little")
        if not 0 <= index < size or not start < end:
            raise CarbonError("log.missing", path=path)
        return self.source.part(f"rows/{digest}.jsonl", start, end - 1)

    def row_reader(self, digest: str, size: int) -> HashReader:
        """The hashes of a submission's tree, from the file beside its rows."""
        starts = [0]
        for level in range(size.bit_length()):
            starts.append(starts[-1] + (size >> level))

        def read(level: int, index: int) -> bytes:
            start = (starts[level] + index) * HASH_BYTES
            return self.source.part(f"rows/{digest}.tree", start, start + HASH_BYTES)

        return read

    def tables(self, root: str) -> dict[str, RawTable]:
        """The tables of a catalogue as read.

        Raises ``log.missing``, ``audit.form``, ``factors.encoding``.
        """
        return {
            name: parse_table(name, self.source.get(f"catalogues/{root}/{name}.csv"))
            for name in _table_names(self.source, root)
        }

    def _catalogue(self, root: str) -> PublishedCatalogue:
        leaves = catalogue_leaves(self.tables(root))
        return PublishedCatalogue(leaves, Levels.of(leaves))

    def report(self, digest: str) -> bytes:
        """A monitoring report by its digest."""
        return self.source.get(f"reports/{digest}.json")

    def _factors(self, root: str) -> Catalogue:
        return Catalogue.of(self.tables(root), f"catalogues/{root}")

    def _item_number(self, root: str, item_type: str) -> int:
        return self.catalogue(root).item(item_type)

    def _formula(self, digest: str) -> bytes:
        return self.source.get(f"formulas/{digest}.json")


def _table_names(source: Source, root: str) -> list[str]:
    """Names of a catalogue's tables, from the list published with them."""
    listing = read_listing(source.get(f"catalogues/{root}/{TABLES}"))
    return [name.removesuffix(".csv") for name in listing]


def open_log(where: str) -> PublishedLog:
    """The log of a folder or of an http(s) address. Raises ``log.missing``."""
    if where.startswith(("http://", "https://")):
        return PublishedLog(Web(where))
    if not Path(where).is_dir():
        raise CarbonError("log.missing", path=where)
    return PublishedLog(Folder(Path(where)))
