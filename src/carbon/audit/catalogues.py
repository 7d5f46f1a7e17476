"""Catalogues: the published list of tables, each table, their tree, the project's rules."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from carbon.audit.files import PublicFiles
from carbon.audit.result import Tally
from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue, catalogue_leaves
from carbon.domain.factors.table import REQUIRED, RawTable
from carbon.domain.log.merkle import Levels
from carbon.files.factor_folder import MAX_TABLES, parse_table
from carbon.files.log_folder import TABLES
from carbon.files.published_form import read_listing


class Catalogues:
    """The catalogues of a log by their root, each read and checked once.

    From the leaf down: it has the digest of the list, which has those of the files, so that an
    altered file is named by itself. What does not agree with its digest is not used.
    """

    def __init__(self, files: PublicFiles, tally: Tally) -> None:
        self._files = files
        self._tally = tally
        self._found: dict[str, Catalogue | None] = {}
        #: Digests of the lists as they are.
        self._lists: dict[str, str] = {}

    def add(self, place: str, leaf: Mapping[str, Any]) -> None:
        """Check a catalogue against its leaf."""
        root, expected = leaf["root"], leaf["tables"]
        if root not in self._found:
            found = self._first(root, expected)
        else:
            found = self._found[root]
            self._is_list(root, expected)
        if found:
            self._tally.compare(place, "rows", leaf["rows"], len(found.leaves))

    def find(self, root: str) -> Catalogue | None:
        """A catalogue; ``None``, told once, if it cannot be used."""
        return self._found[root] if root in self._found else self._first(root, None)

    def _first(self, root: str, listed: str | None) -> Catalogue | None:
        self._tally.counts.catalogues += 1
        path = catalogue_path(root)
        found = self._tally.attempt(path, lambda: self._read(root, listed))
        self._found[root] = found
        return found

    def _is_list(self, root: str, expected: str) -> bool:
        """Whether the list of tables has the digest that a leaf says; a missing one is told."""
        found = self._lists.get(root)
        path = f"{catalogue_path(root)}/{TABLES}"
        return found is not None and self._tally.compare(path, "sha256", expected, found)

    def _read(self, root: str, listed: str | None) -> Catalogue | None:
        """The catalogue of a root, ``listed`` being the digest of its list if that is known."""
        folder = catalogue_path(root)
        digests = self._listing(root, listed)
        if digests is None:
            self._files.leave_open(f"{folder}/")
            return None
        names = [name.removesuffix(".csv") for name in digests]
        self._files.expect(*(f"{folder}/{name}" for name in digests))
        lacking = [name for name in REQUIRED if name not in names]
        if lacking or len(names) > MAX_TABLES:
            raise CarbonError("factors.folder", path=folder, missing=", ".join(lacking))
        tables = self._tables(folder, digests)
        if tables is None:
            return None
        found = Levels.of(catalogue_leaves(tables)).root().hex()
        self._tally.compare(folder, "root", root, found)
        return Catalogue.of(tables, folder)

    def _listing(self, root: str, listed: str | None) -> Mapping[str, str] | None:
        path = f"{catalogue_path(root)}/{TABLES}"
        content = self._files.read(path)
        if content is None:
            return None
        self._lists[root] = hashlib.sha256(content).hexdigest()
        if listed is not None and not self._is_list(root, listed):
            return None
        return self._tally.attempt(path, lambda: read_listing(content))

    def _tables(self, folder: str, digests: Mapping[str, str]) -> dict[str, RawTable] | None:
        """Every table listed; ``None`` after telling all that are not as listed."""
        tables = {}
        for name, digest in digests.items():
            table = self._table(f"{folder}/{name}", name.removesuffix(".csv"), digest)
            if table:
                tables[table.name] = table
        return tables if len(tables) == len(digests) else None

    def _table(self, path: str, name: str, digest: str) -> RawTable | None:
        content = self._files.read(path)
        if content is None:
            return None
        found = hashlib.sha256(content).hexdigest()
        if not self._tally.compare(path, "sha256", digest, found):
            return None
        return self._tally.attempt(path, lambda: parse_table(name, content))


def catalogue_path(root: str) -> str:
    """The folder of a catalogue."""
    return f"catalogues/{root}"
