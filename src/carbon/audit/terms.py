"""What rows are recomputed on: a catalogue, a formula, and the days of a leaf."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from carbon.audit.catalogues import Catalogues
from carbon.audit.files import PublicFiles
from carbon.audit.formulas import KNOWN, Formulas
from carbon.audit.result import Tally
from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.quantification.recompute import Terms

_CONTEXT: Final = (
    "catalogue catalogue_rows methodology formula demonstration as_of recorded_on".split()
)


class References:
    """What leaves refer to: which catalogues and formulas stand in the log, and who uses them."""

    def __init__(self, files: PublicFiles, tally: Tally) -> None:
        self._tally = tally
        self._catalogues, self._formulas = Catalogues(files, tally), Formulas(files, tally)
        self._named: set[tuple[str, str]] = set()
        self._used: dict[tuple[str, str], str] = {}
        self._terms: dict[tuple[Any, ...], bytes | None] = {}

    def add_catalogue(self, place: str, leaf: Mapping[str, Any]) -> None:
        """A leaf that names a catalogue."""
        self._named.add(("catalogue", leaf["root"]))
        self._catalogues.add(place, leaf)

    def add_formula(self, leaf: Mapping[str, Any]) -> None:
        """A leaf that names a formula."""
        self._named.add(("formula", leaf["sha256"]))
        self._formulas.add(leaf)

    def catalogue(self, root: str) -> Catalogue | None:
        """A catalogue; ``None``, told once, if it cannot be used."""
        return self._catalogues.find(root)

    def terms(self, place: str, leaf: Mapping[str, Any]) -> bytes | None:
        """What the rows of a leaf are checked on, pickled; ``None`` if that is not to be had."""
        context = tuple(leaf.get(name) for name in _CONTEXT)
        for what in ("catalogue", "formula"):
            self._used.setdefault((what, leaf[what]), place)
        if context not in self._terms:
            self._terms[context] = self._new_terms(place, leaf)
        if self._terms[context] is None:
            error = CarbonError("audit.skipped", reason=f"{leaf['catalogue']}, {leaf['formula']}")
            self._tally.add(place, error)
        return self._terms[context]

    def _new_terms(self, place: str, leaf: Mapping[str, Any]) -> bytes | None:
        catalogue = self._catalogues.find(leaf["catalogue"])
        formula = self._formulas.find(leaf["formula"])
        days = self._tally.attempt(
            place, lambda: (_day(leaf.get("as_of")), date.fromisoformat(leaf["recorded_on"]))
        )
        if not catalogue or not formula or not days:
            return None
        compare = self._tally.compare
        compare(place, "catalogue_rows", leaf["catalogue_rows"], len(catalogue.leaves))
        compare(place, "methodology", leaf["methodology"], formula.methodology)
        terms = Terms(
            catalogue=catalogue,
            steps=formula.steps,
            methodology=KNOWN.get(formula.methodology),
            demonstration=leaf["demonstration"],
            as_of=days[0],
            recorded_on=days[1],
        )
        return pickle.dumps(terms)

    def check_named(self) -> None:
        """What rows were computed with stands in the log itself."""
        for (what, name), place in self._used.items():
            if (what, name) not in self._named:
                self._tally.add(place, CarbonError("audit.unnamed", what=what, found=name))


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
