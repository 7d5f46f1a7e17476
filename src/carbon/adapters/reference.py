"""What every record refers to: the catalogue it was computed with, and the published formula."""

from __future__ import annotations

import hashlib
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from carbon.adapters.clock import ZONE
from carbon.adapters.disk import put_folder, write_durably
from carbon.adapters.spool import CATALOGUES, FORMULAS, TABLES
from carbon.adapters.store.facts import NewFact, add_fact, has_fact
from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.log.leaf import canonical
from carbon.domain.period import day_date
from carbon.domain.quantification.engine import Engine
from carbon.domain.quantification.methodology import Methodology
from carbon.domain.quantification.published import formula_bytes, formula_digest
from carbon.files.factor_folder import read_catalogue

#: Version of the published field list, `docs/receipts.md`.
FIELDS = "1"


def algorithms(salted: str) -> tuple[str, ...]:
    """Digests of published files: those of salted values, and SHA-256 always."""
    return ("sha256", "sm3") if salted == "sm3" else ("sha256",)


class Reference:
    """A catalogue and a methodology as facts, recorded with the first submission that uses them.

    ``salted``: algorithm of salted digests; with ``sm3`` files are digested by both algorithms.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        methodology: Methodology,
        factors: Path,
        spool: Path,
        salted: str,
    ) -> None:
        self._catalogue, self._methodology = catalogue, methodology
        self.salted = salted
        self._factors, self._spool = factors, spool
        self.algorithms = algorithms(salted)
        self._root, self._formula = catalogue.root, formula_digest(methodology)
        self._recorded = False

    def context(self, engine: Engine, at: datetime, project: str | None) -> dict[str, Any]:
        """What all rows of a leaf share; ``project``: whose they are, if they are one's."""
        as_of = engine.conditions.as_of
        return {
            "catalogue": self._root,
            "catalogue_rows": len(self._catalogue.leaves),
            "methodology": self._methodology.name,
            "formula": self._formula,
            "digest": self.salted,
            "demonstration": engine.conditions.demonstration,
            "fields": FIELDS,
            "recorded_on": at.astimezone(ZONE).date().isoformat(),
            **({} if as_of is None else {"as_of": day_date(as_of).isoformat()}),
            **({} if project is None else {"project": project}),
        }

    def record(self, connection: sa.Connection, at: datetime) -> None:
        """Make both facts unless they are; their files wait in the spool for publication.

        Raises ``factors.changed`` where the tables are no longer the ones that were computed with.
        """
        if self._recorded:
            return
        root, formula = self._root, self._formula
        there = [
            has_fact(connection, kind, key)
            for kind, key in (("catalogue", root), ("formula", formula))
        ]
        # What this transaction adds may be rolled back; what was there stays.
        self._recorded = all(there)
        if not there[0]:
            listed = self._put_tables(root)
            leaf = {
                "type": "catalogue",
                "root": root,
                "rows": len(self._catalogue.leaves),
                "tables": hashlib.sha256(listed).hexdigest(),
            }
            add_fact(connection, NewFact("catalogue", root, canonical(leaf)), at)
        if not there[1]:
            path = self._spool / FORMULAS / f"{formula}.json"
            write_durably(path, formula_bytes(self._methodology))
            leaf = {"type": "formula", "methodology": self._methodology.name, "sha256": formula}
            add_fact(connection, NewFact("formula", formula, canonical(leaf)), at)

    def _put_tables(self, root: str) -> bytes:
        """Copy the tables, and make sure of the copy: what is published never changes.

        Returns the list as it lies there, where an earlier, failed try may have put it.
        """
        folder = self._spool / CATALOGUES / root
        put_folder(folder, self._tables())
        if read_catalogue(folder).root != root:
            shutil.rmtree(folder)
            raise CarbonError("factors.changed", path=self._factors)
        return (folder / TABLES).read_bytes()

    def _tables(self) -> dict[str, bytes]:
        """The tables as they stand, and the list that names and digests each of them."""
        files = {path.name: path.read_bytes() for path in sorted(self._factors.glob("*.csv"))}
        lines = (
            f"{hashlib.sha256(content).hexdigest()}  {name}\n"
            for name, content in sorted(files.items())
        )
        return {TABLES: "".join(lines).encode(), **files}
