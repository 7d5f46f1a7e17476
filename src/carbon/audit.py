"""Audit a published log from its public files alone: the same numbers, or a list of differences.

Whatever an attacker or an accident may have altered becomes a :class:`Difference` that names the
file; the audit goes on as far as it can. A place inside a file follows its path: ``:17`` is a line
of a row file, ``#3`` a leaf of the log.

What no file can show: a log that its operator rewrote as a whole and signed again. Against that
help checkpoints kept elsewhere, by witnesses and on receipts.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from carbon.domain.errors import CarbonError, Lang, Text
from carbon.domain.factors.catalog import Catalogue, catalogue_leaves
from carbon.domain.factors.table import COLUMNS, REQUIRED
from carbon.domain.log.checkpoint import Checkpoint, history_path, verify_checkpoint
from carbon.domain.log.merkle import HASH_BYTES, Levels, hash_leaves, tree_root
from carbon.domain.log.note import Key, parse_note
from carbon.domain.log.tile import (
    ENTRIES,
    FULL,
    HEIGHT,
    Tile,
    bundles,
    decode_bundle,
    tile_at,
    tile_data,
    tiles,
)
from carbon.domain.quantification.expression import FIELDS, Expr, Step, validate
from carbon.domain.quantification.methodologies import METHODOLOGIES
from carbon.domain.quantification.published import formula_digest
from carbon.domain.quantification.recompute import Terms
from carbon.files import check_receipt
from carbon.files.check_receipt import verify_ed25519
from carbon.files.factor_folder import MAX_TABLES
from carbon.files.log_folder import TABLES, PublishedLog
from carbon.files.published_form import read_canonical, read_leaf
from carbon.files.row_slices import Checked, check_slice, recomputation, slices

CHECKPOINT, VKEY, CHECKER = "checkpoint", "log.vkey", "tools/check_receipt.py"

#: Differences told of one file; the rest are counted.
MAX_PER_FILE: Final = 1_000
#: From so many rows on, a submission is worth several processes.
_POOL_ROWS: Final = 20_000
_SHOWN: Final = 200
#: A tree that lacks more bundles is given up: a size alone must not keep an auditor busy.
_MAX_LOST: Final = 1_000
_ID_BYTES: Final = 16
#: What broken content may raise in readers made for sound files.
_BROKEN = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError)
_MISSING = "log.missing"
_OF_LEAVES: Final = ("rows/", "catalogues/", "formulas/")
_CONTEXT = "catalogue catalogue_rows methodology formula demonstration as_of recorded_on".split()
_KNOWN = {own.name: own for versions in METHODOLOGIES.values() for own in versions}

Progress = Callable[[int, int | None], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be, or, among the notes, that the reader should know.

    ``path`` inside the log, with the line or leaf; ``detail``: values found, in no language;
    ``text``: what is wrong and what to do.
    """

    code: str
    path: str
    detail: str
    text: Text

    @classmethod
    def of(cls, path: str, error: CarbonError) -> Difference:
        """An error at a place; what it quotes of a file is made safe to print."""
        safe = {name: _shown(value) for name, value in error.values.items()}
        told = CarbonError(error.code, **safe)
        detail = ", ".join(f"{name} = {value}" for name, value in safe.items() if name != "path")
        return cls(error.code, path, detail, Text(told.say("zh"), told.say("en")))

    def say(self, lang: Lang) -> str:
        """Where it is, what is wrong and what to do."""
        return f"{self.path}  [{self.code}] {self.text.say(lang)}"


def _shown(value: object) -> str:
    text = value.say("en") if hasattr(value, "say") else str(value)
    text = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    return text if text.isprintable() else ascii(text)


@dataclass(slots=True)
class Counts:
    """What was checked. ``grams``: er_g of all rows, those of corrections included."""

    checkpoints: int = 0
    leaves: int = 0
    tiles: int = 0
    submissions: int = 0
    rows: int = 0
    catalogues: int = 0
    formulas: int = 0
    corrections: int = 0
    grams: int = 0


@dataclass(frozen=True, slots=True)
class Audit:
    """The result: what was checked, what differs, what the reader should know.

    ``key``: the key signatures were checked with, empty if there was none. ``origin``, ``size``
    and ``root`` are those of the checkpoint; compare them with what others have seen.
    """

    key: str
    origin: str
    size: int
    root: str
    counts: Counts
    differences: Sequence[Difference]
    notes: Sequence[Difference]


def audit(log: PublishedLog, key: Key | None, progress: Progress, *, jobs: int = 0) -> Audit:
    """Check everything a log publishes; ``key`` is the one it is known by, ``None`` takes its own.

    ``jobs``: processes for large row files, by default one per processor. ``progress`` is told
    rows recomputed. Raises ``log.missing`` where there is no log, ``log.unreachable``.
    """
    with ExitStack() as stack:
        return _Auditor(log, key, progress, jobs or os.cpu_count() or 1, stack).run()


@dataclass(slots=True)
class _Ids:
    """The fact ids of the log in order, and where each run of them stands."""

    blobs: list[bytes] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    size: int = 0

    def add(self, place: str, ids: bytes) -> None:
        """Append ids; ``place`` ends with ``:`` where each of them has a line."""
        if ids:
            self.starts.append(self.size)
            self.places.append(place)
            self.blobs.append(ids)
            self.size += len(ids) // _ID_BYTES

    def place(self, position: int) -> str:
        """Where an id stands."""
        run = bisect_right(self.starts, position) - 1
        place = self.places[run]
        return f"{place}{position - self.starts[run] + 1}" if place.endswith(":") else place


class _Auditor:
    """One audit: what has been found so far."""

    def __init__(
        self, log: PublishedLog, key: Key | None, progress: Progress, jobs: int, stack: ExitStack
    ) -> None:
        self._log, self._source, self._pinned = log, log.source, key
        self._progress, self._jobs, self._stack = progress, jobs, stack
        self._pool: Executor | None = None
        self._counts = Counts()
        self._differences: list[Difference] = []
        self._told: dict[str, int] = {}
        self._notes: list[Difference] = []
        self._ids = _Ids()
        self._corrections: list[tuple[int, str, str]] = []
        self._expected = {CHECKPOINT, VKEY, CHECKER}
        #: Whether every leaf could be read.
        self._whole = True
        #: Catalogues and formulas by name: what they hold, which leaves name them, who uses them.
        self._catalogues: dict[str, Catalogue | None] = {}
        self._formulas: dict[str, tuple[str, Sequence[Step]] | None] = {}
        self._named: set[tuple[str, str]] = set()
        self._used: dict[tuple[str, str], str] = {}
        self._terms: dict[tuple[Any, ...], bytes | None] = {}

    def run(self) -> Audit:
        """All checks, in the order of what they rest on."""
        note = self._first()
        key = self._key()
        paths = self._source.paths()
        head, history = self._heads(note, key, paths)
        if head:
            self._tree(head, history, paths)
        self._check_ids()
        self._check_named()
        self._check_checker()
        self._check_unexpected(paths)
        return Audit(
            key=key.vkey if key else "",
            origin=head.origin if head else "",
            size=head.size if head else 0,
            root=head.root.hex() if head else "",
            counts=self._counts,
            differences=tuple(self._differences),
            notes=tuple(self._notes),
        )

    # --- telling ------------------------------------------------------------------------------

    def _differ(self, path: str, error: CarbonError) -> None:
        name = path.partition(":")[0].partition("#")[0]
        self._told[name] = self._told.get(name, 0) + 1
        if self._told[name] <= MAX_PER_FILE:
            self._differences.append(Difference.of(path, error))

    def _note(self, path: str, code: str, **values: object) -> None:
        self._notes.append(Difference.of(path, CarbonError(code, **values)))

    def _try(self, path: str, read: Callable[[], T], place: str = "") -> T | None:
        """Something read from a file, or ``None`` after telling why not.

        ``place``: told instead of ``path``, which an error about a file may name better.
        """
        try:
            return read()
        except CarbonError as error:
            named = error.values.get("path") if error.code == _MISSING else None
            self._differ(place or str(named or path), error)
        except _BROKEN as error:
            self._differ(place or path, CarbonError("audit.form", reason=type(error).__name__))
        return None

    def _content(self, path: str, what: str, expected: object, found: object) -> bool:
        """Tell a difference between what a leaf says and what there is."""
        if expected != found:
            error = CarbonError("audit.content", what=what, expected=expected, found=found)
            self._differ(path, error)
        return expected == found

    # --- key and checkpoints ------------------------------------------------------------------

    def _first(self) -> bytes | None:
        """The checkpoint's bytes; raises where nothing of a log is there."""
        try:
            return self._log.checkpoint()
        except CarbonError as error:
            if error.code != _MISSING:
                raise
            self._source.get(VKEY)
            self._differ(CHECKPOINT, error)
            return None

    def _key(self) -> Key | None:
        content = self._try(VKEY, lambda: self._source.get(VKEY))
        own = None if content is None else self._try(VKEY, self._log.key)
        if own and content != f"{own.vkey}\n".encode():
            self._differ(VKEY, CarbonError("note.key", key=own.vkey))
        if self._pinned is None:
            if own:
                self._note(VKEY, "audit.key_not_pinned", key=own.vkey)
            return own
        if own and own != self._pinned:
            self._differ(VKEY, CarbonError("audit.key"))
        return self._pinned

    def _signed(self, path: str, note: bytes, key: Key | None) -> tuple[Checkpoint | None, bool]:
        """A checkpoint and whether its signature holds; told where that is not so."""
        self._counts.checkpoints += 1
        if key:
            found = self._try(path, lambda: verify_checkpoint(note, [key], verify_ed25519))
            if found:
                return found.checkpoint, True
        try:
            return Checkpoint.parse(parse_note(note).text), False
        except CarbonError as error:
            if not key:
                self._differ(path, error)
            return None, False

    def _heads(
        self, note: bytes | None, key: Key | None, paths: Sequence[str] | None
    ) -> tuple[Checkpoint | None, dict[str, Checkpoint]]:
        """The checkpoint to audit by, and every other one by its path."""
        latest, sound = (None, False) if note is None else self._signed(CHECKPOINT, note, key)
        history, best = {}, latest if sound else None
        for path in self._history_paths(latest, paths):
            self._expected.add(path)
            content = self._try(path, lambda path=path: self._source.get(path))  # type: ignore[misc]  # bound now
            if content is None:
                continue
            found, signed = self._known_note(path, content, note, (latest, sound), key)
            if found and history_path(found.size) != path:
                self._differ(path, CarbonError("audit.history", reason=f"size {found.size}"))
            elif found:
                history[path] = found
                best = found if signed and (not best or found.size > best.size) else best
        self._check_latest(note, latest, sound=sound, history=history)
        return (latest if sound else best or latest), history

    def _known_note(
        self,
        path: str,
        content: bytes,
        note: bytes | None,
        known: tuple[Checkpoint | None, bool],
        key: Key | None,
    ) -> tuple[Checkpoint | None, bool]:
        """A checkpoint of the history; the latest one's signature is not checked twice."""
        if content != note:
            return self._signed(path, content, key)
        if known[1]:
            self._counts.checkpoints += 1
            return known
        return self._signed(path, content, key)

    def _history_paths(
        self, latest: Checkpoint | None, paths: Sequence[str] | None
    ) -> Sequence[str]:
        if paths is None:
            self._note("checkpoints", "audit.history_unlisted")
            return [history_path(latest.size)] if latest else []
        listed = [path for path in paths if path.startswith("checkpoints/")]
        own = [history_path(latest.size)] if latest and latest.size else []
        return sorted({*listed, *own})

    def _check_latest(
        self,
        note: bytes | None,
        latest: Checkpoint | None,
        *,
        sound: bool,
        history: Mapping[str, Checkpoint],
    ) -> None:
        """The latest checkpoint is the history's last file, byte for byte."""
        newest = max((found.size for found in history.values()), default=0)
        if not latest or not sound:
            return
        path = history_path(latest.size)
        if newest > latest.size:
            reason = f"{latest.size} < {newest}"
            self._differ(CHECKPOINT, CarbonError("audit.history", reason=reason))
        if path in history and self._source.get(path) != note:
            self._differ(CHECKPOINT, CarbonError("audit.history", reason=path))

    # --- the tree -----------------------------------------------------------------------------

    def _tree(
        self, head: Checkpoint, history: Mapping[str, Checkpoint], paths: Sequence[str] | None
    ) -> None:
        """Leaves, roots, and every tile and bundle."""
        levels = self._levels(head)
        if levels is None:
            self._differ(CHECKPOINT, CarbonError("audit.root", size=head.size))
            return
        for path, found in history.items():
            larger = found.size > levels.size
            if found != head and (larger or tree_root(found.size, levels.read) != found.root):
                self._differ(path, CarbonError("audit.root", size=found.size))
        own = {tile.path for tile in (*bundles(head.size), *tiles(head.size))}
        for path in sorted(own | {path for path in paths or () if path.startswith("tile/")}):
            self._check_tile(path, levels, required=path in own)

    def _levels(self, head: Checkpoint) -> Levels | None:
        """The tree by which everything is judged: the signed one, if leaves or tiles have it."""
        by_leaves, by_tiles = self._read_leaves(head.size)
        if len(by_leaves) != head.size * HASH_BYTES:
            return None
        read, told = Levels(by_leaves), Levels(by_tiles)
        found = [levels for levels in (read, told) if levels.root() == head.root]
        if not found:
            self._differ(CHECKPOINT, CarbonError("audit.root", size=head.size))
        return found[0] if found else read

    def _read_leaves(self, size: int) -> tuple[bytes, bytes]:
        """Check all leaves; their hashes as they are, and as the tiles have them.

        Both are too short where leaves are lost with their tile.
        """
        by_leaves, by_tiles, lost = [], [], 0
        for index in range(-(-size // FULL)):
            bundle = Tile(ENTRIES, index, min(FULL, size - index * FULL))
            tile = self._quiet(Tile(0, index, bundle.width))
            leaves = self._leaves(bundle)
            found = tile if leaves is None else hash_leaves(leaves)
            by_leaves.append(found)
            by_tiles.append(tile or found)
            for number, raw in enumerate(leaves or (), index * FULL):
                self._leaf(f"{bundle.path}#{number}", raw)
            self._progress(self._counts.rows, None)
            lost += not found
            if lost > _MAX_LOST:
                break
        return b"".join(by_leaves), b"".join(by_tiles)

    def _quiet(self, tile: Tile) -> bytes:
        """A tile's hashes; nothing where it is not sound, told when the tiles are checked."""
        try:
            content = self._log.tile(tile)
        except CarbonError:
            return b""
        return content if len(content) == tile.width * HASH_BYTES else b""

    def _leaves(self, bundle: Tile) -> list[bytes] | None:
        """The leaves of a bundle; ``None`` after telling why not."""
        path = bundle.path
        content = self._try(path, lambda: self._log.tile(bundle), path)
        found = None if content is None else self._try(path, lambda: decode_bundle(bundle, content))
        self._whole &= found is not None
        return found

    def _check_tile(self, path: str, levels: Levels, *, required: bool) -> None:
        """A tile or bundle holds exactly what the leaves say."""
        tile = tile_at(path)
        level = max(tile.level, 0) if tile else 0
        if not tile or tile.index * FULL + tile.width > levels.size >> HEIGHT * level:
            if not required:
                self._differ(path, CarbonError("audit.unexpected"))
            return
        self._expected.add(path)
        self._counts.tiles += 1
        entries = tile.level == ENTRIES
        expected = tile_data(Tile(level, tile.index, tile.width), levels.read)
        try:
            content = self._log.tile(tile) if required else self._source.get(path)
            found = hash_leaves(decode_bundle(tile, content)) if entries else content
        except CarbonError as error:
            if not (entries and required):
                self._differ(path, error)
            return
        if found != expected:
            self._differ(path, CarbonError("log.changed", path=path))

    # --- leaves -------------------------------------------------------------------------------

    def _leaf(self, place: str, raw: bytes) -> None:
        self._counts.leaves += 1
        leaf = self._try(place, lambda: read_leaf(raw))
        if leaf is None:
            self._whole = False
            return
        match leaf["type"]:
            case "submission":
                self._submission(place, leaf)
            case "record":
                self._one_row(place, leaf)
            case "correction":
                self._correction(place, leaf)
            case "catalogue":
                self._catalogue_leaf(place, leaf)
            case _:
                self._formula_leaf(leaf)

    def _one_row(self, place: str, leaf: Mapping[str, Any]) -> None:
        """The row inside a leaf."""
        row = leaf["row"]
        self._ids.add(place, bytes.fromhex(row["id"]))
        self._counts.grams += int(row["er_g"])
        terms = self._terms_of(place, leaf)
        if terms is None:
            return
        self._counts.rows += 1
        for fault in recomputation(terms).faults(row):
            self._differ(place, fault)

    def _correction(self, place: str, leaf: Mapping[str, Any]) -> None:
        self._counts.corrections += 1
        self._corrections.append((self._ids.size, leaf["replaces"], place))
        if "row" in leaf:
            self._one_row(place, leaf)

    def _catalogue_leaf(self, place: str, leaf: Mapping[str, Any]) -> None:
        root = leaf["root"]
        self._named.add(("catalogue", root))
        catalogue = self._catalogue(root)
        if catalogue:
            self._content(place, "rows", leaf["rows"], len(catalogue.leaves))

    def _formula_leaf(self, leaf: Mapping[str, Any]) -> None:
        digest = leaf["sha256"]
        self._named.add(("formula", digest))
        formula = self._formula(digest)
        if formula:
            path = _formula_path(digest)
            self._content(path, "methodology", leaf["methodology"], formula[0])

    # --- catalogues, formulas, and what rows share --------------------------------------------

    def _terms_of(self, place: str, leaf: Mapping[str, Any]) -> bytes | None:
        """What the rows of a leaf are checked on, pickled; ``None`` if that is not to be had."""
        context = tuple(leaf.get(name) for name in _CONTEXT)
        for what in ("catalogue", "formula"):
            self._used.setdefault((what, leaf[what]), place)
        if context not in self._terms:
            self._terms[context] = self._new_terms(place, leaf)
        if self._terms[context] is None:
            error = CarbonError("audit.skipped", reason=f"{leaf['catalogue']}, {leaf['formula']}")
            self._differ(place, error)
        return self._terms[context]

    def _new_terms(self, place: str, leaf: Mapping[str, Any]) -> bytes | None:
        catalogue, formula = self._catalogue(leaf["catalogue"]), self._formula(leaf["formula"])
        days = self._try(place, lambda: [_day(leaf.get("as_of")), _day(leaf["recorded_on"])])
        if not catalogue or not formula or not days or days[1] is None:
            return None
        self._content(place, "catalogue_rows", leaf["catalogue_rows"], len(catalogue.leaves))
        self._content(place, "methodology", leaf["methodology"], formula[0])
        terms = Terms(
            catalogue=catalogue,
            steps=formula[1],
            methodology=_KNOWN.get(formula[0]),
            demonstration=leaf["demonstration"],
            as_of=days[0],
            recorded_on=days[1],
        )
        return pickle.dumps(terms)

    def _catalogue(self, root: str) -> Catalogue | None:
        if root not in self._catalogues:
            self._counts.catalogues += 1
            self._catalogues[root] = self._try(_catalogue_path(root), lambda: self._tables(root))
        return self._catalogues[root]

    def _tables(self, root: str) -> Catalogue | None:
        """The catalogue of a root: its tables, their tree, and the project's rules for them."""
        folder = _catalogue_path(root)
        listed = self._source.get(f"{folder}/{TABLES}").decode("utf-8", "replace")
        names = listed.split()
        self._expected |= {f"{folder}/{TABLES}", *(f"{folder}/{name}.csv" for name in names)}
        if listed != "".join(f"{name}\n" for name in sorted(set(names))):
            path = f"{folder}/{TABLES}"
            self._differ(path, CarbonError("log.changed", path=path))
        lacking = [name for name in REQUIRED if name not in names]
        if lacking or len(names) > MAX_TABLES:
            raise CarbonError("factors.folder", path=folder, missing=", ".join(lacking))
        tables = self._try(folder, lambda: self._log.tables(root))
        found = "" if tables is None else Levels.of(catalogue_leaves(tables)).root().hex()
        self._content(folder, "root", root, found)
        if tables is None:
            return None
        return Catalogue.of(tables, folder)

    def _formula(self, digest: str) -> tuple[str, Sequence[Step]] | None:
        if digest not in self._formulas:
            self._counts.formulas += 1
            path = _formula_path(digest)
            self._expected.add(path)
            content = self._try(path, lambda: self._source.get(path))
            self._formulas[digest] = (
                None
                if content is None
                else self._try(path, lambda: self._steps(path, digest, content))
            )
        return self._formulas[digest]

    def _steps(self, path: str, digest: str, content: bytes) -> tuple[str, Sequence[Step]]:
        """A formula that can be evaluated, and is the methodology's if this program knows it."""
        self._content(path, "sha256", digest, hashlib.sha256(content).hexdigest())
        value = read_canonical(content)
        name, steps = value["methodology"], value["steps"]
        known = _KNOWN.get(name)
        if value.keys() != {"methodology", "steps"} or any(
            len(step) != len("ab") for step in steps
        ):
            raise CarbonError("audit.form", reason="steps")
        validate(steps, _names(steps, None if known is None else [r.name for r in known.roles]))
        if known is None:
            self._note(path, "audit.methodology_unknown", methodology=name)
        elif formula_digest(known) != digest:
            self._differ(path, CarbonError("audit.formula", methodology=name))
        return name, steps

    # --- submissions --------------------------------------------------------------------------

    def _submission(self, place: str, leaf: Mapping[str, Any]) -> None:
        """A row file with its two derived files, against its leaf."""
        self._counts.submissions += 1
        base = f"rows/{leaf['file']['sha256']}"
        path = f"{base}.jsonl"
        self._expected |= {path, f"{base}.tree", f"{base}.ends"}
        rows = _RowFile()
        terms = self._terms_of(place, leaf)
        if self._try(path, lambda: self._stream(path, leaf, terms, rows)) is None:
            return
        levels = Levels(b"".join(rows.hashes))
        sound = self._content(path, "rows", leaf["rows"], rows.count)
        sound &= self._content(path, "root", leaf["root"], levels.root().hex())
        self._content(place, "er_g", leaf["er_g"], str(rows.er_g))
        if sound:  # otherwise the two would differ for the row file's sake
            ends = np.concatenate([np.zeros(0, np.int64), *rows.ends]).astype("<i8")
            self._same(f"{base}.tree", levels.levels)
            self._same(f"{base}.ends", [ends.tobytes()])

    def _stream(
        self, path: str, leaf: Mapping[str, Any], terms: bytes | None, rows: _RowFile
    ) -> bool:
        """Check a row file as it comes, a slice at a time."""
        digests = self._hashers(path, leaf["file"])
        blocks = _digested(self._source.blocks(path), list(digests.values()), rows)
        pooled = self._jobs > 1 and leaf["rows"] >= _POOL_ROWS
        for checked in self._checked(blocks, terms, pooled=pooled):
            for position, fault in checked.faults:
                self._differ(f"{path}:{rows.count + position + 1}", fault)
            if checked.more:
                self._differ(f"{path}:", CarbonError("audit.more", count=checked.more))
            rows.add(checked)
            self._counts.rows += len(checked) if terms else 0
            self._progress(self._counts.rows, None)
            if rows.count > leaf["rows"]:
                break
        self._ids.add(f"{path}:", b"".join(rows.ids))
        self._counts.grams += rows.er_g
        for name, digest in digests.items():
            self._content(path, name, leaf["file"][name], digest.hexdigest())
        self._content(path, "line end", "\\n", "\\n" if rows.last in (b"", b"\n") else "")
        return True

    def _hashers(self, path: str, file: Mapping[str, str]) -> dict[str, Any]:
        found = {}
        for name in file:
            try:
                found[name] = hashlib.new(name)
            except ValueError:
                self._note(path, "audit.sm3_skipped")
        return found

    def _checked(
        self, blocks: Iterator[bytes], terms: bytes | None, *, pooled: bool
    ) -> Iterator[Checked]:
        """The slices of a row file checked, in order; a few at a time are under way."""
        if not pooled:
            for content in slices(blocks):
                yield check_slice(content, terms)
            return
        if self._pool is None:
            # A fresh interpreter: a forked one would inherit the threads of a progress bar.
            pool = ProcessPoolExecutor(self._jobs, mp_context=get_context("spawn"))
            self._pool = self._stack.enter_context(pool)
        waiting: deque[Future[Checked]] = deque()
        for content in slices(blocks):
            waiting.append(self._pool.submit(check_slice, content, terms))
            if len(waiting) > 2 * self._jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _same(self, path: str, expected: Iterable[bytes]) -> None:
        """A derived file has exactly some bytes."""

        def digest() -> bytes:
            found = hashlib.sha256()
            for block in self._source.blocks(path):
                found.update(block)
            return found.digest()

        wanted = hashlib.sha256()
        for part in expected:
            wanted.update(part)
        found = self._try(path, digest)
        if found is not None and found != wanted.digest():
            self._differ(path, CarbonError("log.changed", path=path))

    # --- over the whole log -------------------------------------------------------------------

    def _check_ids(self) -> None:
        """Every fact id once; corrections name an earlier one, each once."""
        ids = np.frombuffer(b"".join(self._ids.blobs), f"S{_ID_BYTES}")
        order = np.argsort(ids, kind="stable")
        ordered = ids[order]
        again = np.flatnonzero((ordered[1:] == ordered[:-1]) & (ordered[1:] != b""))
        for at in again[: MAX_PER_FILE + 1].tolist():
            place, other = (self._ids.place(int(order[n])) for n in (at + 1, at))
            text = _padded(ids[order[at]]).hex()
            self._differ(place, CarbonError("audit.duplicate", id=text, other=other))
        replaced: set[str] = set()
        for before, replaces, place in self._corrections:
            at = int(np.searchsorted(ordered, np.bytes_(bytes.fromhex(replaces))))
            found = at < len(ordered) and _padded(ordered[at]).hex() == replaces
            if not found or order[at] >= before or replaces in replaced:
                self._differ(place, CarbonError("audit.correction", id=replaces))
            replaced.add(replaces)

    def _check_named(self) -> None:
        """What rows were computed with stands in the log itself."""
        for (what, name), place in self._used.items():
            if (what, name) not in self._named:
                self._differ(place, CarbonError("audit.unnamed", what=what, found=name))

    def _check_checker(self) -> None:
        """The checker in the log is no data, but a changed one would lie to those who run it."""
        own = Path(check_receipt.__file__).read_bytes()
        try:
            same = self._source.get(CHECKER) == own
        except CarbonError:
            same = False
        if not same:
            self._note(CHECKER, "audit.checker")

    def _check_unexpected(self, paths: Sequence[str] | None) -> None:
        """Files that belong to nothing, as far as every leaf could be asked what belongs to it."""
        for path in paths or ():
            known = path in self._expected or path.startswith("tile/")
            if not known and (self._whole or not path.startswith(_OF_LEAVES)):
                self._differ(_shown(path), CarbonError("audit.unexpected"))
        for path, count in self._told.items():
            if count > MAX_PER_FILE:
                error = CarbonError("audit.more", count=count - MAX_PER_FILE)
                self._differences.append(Difference.of(path, error))


@dataclass(slots=True)
class _RowFile:
    """What a row file holds, as far as it was read."""

    hashes: list[bytes] = field(default_factory=list)
    ends: list[Any] = field(default_factory=list)
    ids: list[bytes] = field(default_factory=list)
    count: int = 0
    length: int = 0
    er_g: int = 0
    last: bytes = b""

    def add(self, checked: Checked) -> None:
        """Append a slice."""
        self.hashes.append(checked.hashes)
        self.ends.append(checked.ends + self.length)
        self.ids.append(checked.ids)
        self.count += len(checked)
        self.length += int(checked.ends[-1]) if len(checked) else 0
        self.er_g += checked.er_g


def _digested(blocks: Iterator[bytes], digests: Sequence[Any], rows: _RowFile) -> Iterator[bytes]:
    """Blocks on their way, digested."""
    for block in blocks:
        for digest in digests:
            digest.update(block)
        rows.last = block[-1:]
        yield block


def _padded(value: bytes) -> bytes:
    """An id as numpy gives it, with the zeros at its end that numpy drops."""
    return bytes(value).ljust(_ID_BYTES, b"\0")


def _catalogue_path(root: str) -> str:
    return f"catalogues/{root}"


def _formula_path(digest: str) -> str:
    return f"formulas/{digest}.json"


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _names(steps: Sequence[Step], roles: Iterable[str] | None) -> set[str]:
    """Names a formula may use; of an unknown methodology every name it does use may be a role."""
    known = {*FIELDS, *(f"item.{column}" for column in COLUMNS["items"])}
    if roles is None:
        bound = {name for name, _ in steps}
        used = {name for _, expr in steps for name in _words(expr)}
        return known | {name for name in used - bound if not name.startswith("item.")}
    return known | {name for role in roles for name in (role, f"{role}.includes")}


def _words(expr: Expr) -> Iterator[str]:
    """Every text of an expression that is no operation."""
    if isinstance(expr, str):
        yield expr
    else:
        for arg in expr[1:]:
            yield from _words(arg)
