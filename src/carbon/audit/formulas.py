"""Formulas: their digest, whether they can be evaluated, whether they are the methodology's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from carbon.audit.files import PublicFiles
from carbon.audit.result import Tally
from carbon.domain.errors import CarbonError
from carbon.domain.factors.table import COLUMNS
from carbon.domain.quantification.expression import FIELDS, Expr, Step, validate
from carbon.domain.quantification.methodologies import METHODOLOGIES
from carbon.domain.quantification.methodology import Methodology
from carbon.domain.quantification.published import formula_digest
from carbon.files.published_form import read_canonical

#: Methodologies this program knows, by name.
KNOWN: Final[Mapping[str, Methodology]] = {
    own.name: own for versions in METHODOLOGIES.values() for own in versions
}


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that can be evaluated. ``methodology``: the name it goes by."""

    methodology: str
    steps: Sequence[Step]


class Formulas:
    """The formulas of a log by their digest, each read and checked once."""

    def __init__(self, files: PublicFiles, tally: Tally) -> None:
        self._files = files
        self._tally = tally
        self._found: dict[str, Formula | None] = {}

    def add(self, leaf: Mapping[str, Any]) -> None:
        """Check a formula against its leaf."""
        digest = leaf["sha256"]
        found = self.find(digest)
        if found:
            self._tally.compare(
                _path(digest), "methodology", leaf["methodology"], found.methodology
            )

    def find(self, digest: str) -> Formula | None:
        """A formula; ``None``, told once, if it cannot be used."""
        if digest not in self._found:
            self._tally.counts.formulas += 1
            path = _path(digest)
            content = self._files.read(path)
            self._found[digest] = (
                None
                if content is None
                else self._tally.attempt(path, lambda: self._parse(path, digest, content))
            )
        return self._found[digest]

    def _parse(self, path: str, digest: str, content: bytes) -> Formula:
        """A formula that can be evaluated, and is the methodology's if this program knows it."""
        self._tally.compare(path, "sha256", digest, hashlib.sha256(content).hexdigest())
        value = read_canonical(content)
        name, steps = value["methodology"], value["steps"]
        known = KNOWN.get(name)
        if value.keys() != {"methodology", "roles", "steps"} or any(
            len(step) != len("ab") for step in steps
        ):
            raise CarbonError("audit.form", reason="steps")
        validate(steps, _names(steps, None if known is None else [r.name for r in known.roles]))
        if known is None:
            self._tally.note(path, "audit.methodology_unknown", methodology=name)
        elif formula_digest(known) != digest:
            self._tally.add(path, CarbonError("audit.formula", methodology=name))
        return Formula(name, steps)


def _path(digest: str) -> str:
    return f"formulas/{digest}.json"


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
