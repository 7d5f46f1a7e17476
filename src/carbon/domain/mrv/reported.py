"""A report as built, and again: from published files, byte for byte (DESIGN section 4, step 4)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from carbon.domain.mrv.monitored import Monitored, Published, Scope, monitored
from carbon.domain.mrv.report import monitoring_report, report_bytes
from carbon.domain.period import Period


@dataclass(frozen=True, slots=True)
class Reported:
    """A report as built: the frame it rests on, its document, the bytes of its file."""

    scope: Scope
    found: Monitored
    document: Mapping[str, Any]
    content: bytes

    @property
    def sha256(self) -> str:
        """What the leaf names it by."""
        return hashlib.sha256(self.content).hexdigest()


def reported(
    log: Published,
    scope: Scope,
    project: Mapping[str, Any],
    checkpoint: Mapping[str, Any],
    deficit_in_g: int,
    part: int,
) -> Reported:
    """Read the log and write a report; arguments as of :func:`monitoring_report`.

    Raises ``report.*``, ``log.missing``.
    """
    found = monitored(log, scope)
    document = monitoring_report(found, scope, project, checkpoint, deficit_in_g, part)
    return Reported(scope, found, document, report_bytes(document))


def rebuild(
    document: Mapping[str, Any],
    log: Published,
    known: int,
    replaced: frozenset[str] = frozenset(),
    withdrawn: frozenset[str] = frozenset(),
) -> Reported:
    """A report again, with the corrections known at another size of the log and some more."""
    scope = replace(scope_of(document), known=known, replaced=replaced, withdrawn=withdrawn)
    return reported(
        log,
        scope,
        document["project"],
        document["checkpoint"],
        int(document["deficit_in_g"]),
        document["part"],
    )


def scope_of(document: Mapping[str, Any]) -> Scope:
    """What a report was about."""
    return Scope(
        document["project"]["id"],
        document["methodology"],
        Period.parse(document["period"]),
        document["leaves"]["from"],
        document["leaves"]["to"],
        document["known"],
    )


def report_content(built: Reported) -> dict[str, Any]:
    """What the leaf says of a report."""
    document = built.document
    return {
        "project": built.scope.project,
        "month": document["period"],
        "part": document["part"],
        "leaves": document["leaves"],
        "root": document["checkpoint"]["root"],
        "sha256": built.sha256,
        "records": document["records"],
        "er_g": document["totals"]["er_g"],
        "reported_g": document["reported_g"],
        "deficit_out_g": document["deficit_out_g"],
    }
