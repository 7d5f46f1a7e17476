"""Impact: everything downstream of a record, a factor, a report or a serial number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from carbon.domain.credit.history import Decided
from carbon.domain.credit.holdings import blocks_of
from carbon.domain.credit.issuance import Block
from carbon.ports.registry import Decisions, Downstream, Held, ImpactReader, Use

#: Decisions that move serials, with where their leaf tells them.
_MOVING = ("transfer", "retirement", "cancellation", "restatement")


def impact(decisions: Decisions, reader: ImpactReader, found: Downstream) -> dict[str, Any]:
    """Records, points, reports, blocks and trades that something reaches, by name."""
    uses = found.uses
    reports = reports_of(decisions, uses)
    told = of_reports(decisions, reader, reports)
    return {
        "records": sum(use.records for use in uses),
        "er_g": sum(use.er_g for use in uses),
        "points": found.points,
        "facts": len({use.fact_seq for use in uses}),
        "months": sorted({(use.project or "", use.month) for use in uses}),
        **told,
    }


def reports_of(decisions: Decisions, uses: Iterable[Use]) -> list[str]:
    """Ids of the reports whose leaves and month hold some of the uses."""
    found = set()
    for use in uses:
        if use.project is None or use.leaf_index is None:
            continue
        for report in decisions.every("report", f"{use.project}/{use.month}/"):
            leaves = report.decision.content["leaves"]
            if leaves["from"] <= use.leaf_index < leaves["to"]:
                found.add(report.decision.id)
    return sorted(found)


def of_reports(
    decisions: Decisions, reader: ImpactReader, reports: Sequence[str]
) -> dict[str, Any]:
    """Issuances on some reports, where their serials are now, and what moved them."""
    issued = [d for name in reports if (d := decisions.find("issuance", name)) is not None]
    blocks = [block for decided in issued for block in blocks_of(decided.decision.effect)]
    return {
        "reports": list(reports),
        "issuances": [{"report": d.decision.id, **_told(d.decision.effect)} for d in issued],
        "holdings": [_held(held) for held in reader.holdings(blocks)],
        "moves": moves_of(decisions, blocks),
    }


def moves_of(decisions: Decisions, blocks: Sequence[Block]) -> list[dict[str, str]]:
    """Decisions that moved serials of some blocks, in order."""
    return _moves(decisions.naming(blocks))


def issued_on(decisions: Decisions, block: Block) -> list[str]:
    """Reports that serials of a block were issued on."""
    return _reports(decisions.naming([block]))


def life_of(decisions: Decisions, block: Block) -> dict[str, Any]:
    """Reports that serials of a block were issued on, and what moved them since."""
    naming = decisions.naming([block])
    return {"reports": _reports(naming), "moves": _moves(naming)}


def _moves(naming: Sequence[Decided]) -> list[dict[str, str]]:
    told = (decided.decision for decided in naming)
    return [{"kind": d.kind, "id": d.id} for d in told if d.kind in _MOVING]


def _reports(naming: Sequence[Decided]) -> list[str]:
    return [d.decision.id for d in naming if d.decision.kind == "issuance"]


def _told(effect: Mapping[str, Any]) -> dict[str, Any]:
    return {name: effect[name] for name in ("asset", "credits", "buffer", "serials")}


def _held(held: Held) -> dict[str, Any]:
    return {
        "account": held.account,
        "asset": held.asset,
        "serials": str(held.block),
        "credits": len(held.block),
        "reserved_for": held.hold,
    }
