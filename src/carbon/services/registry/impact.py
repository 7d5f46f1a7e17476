"""Impact: everything downstream of a record, a factor, a report or a serial number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from carbon.domain.credit.history import Decided
from carbon.domain.credit.holdings import blocks_told
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
    moves = [d for kind in _MOVING for d in decisions.every(kind) if _touches(d, blocks)]
    return {
        "reports": list(reports),
        "issuances": [{"report": d.decision.id, **_told(d.decision.effect)} for d in issued],
        "holdings": [_held(held) for held in reader.holdings(blocks)],
        "moves": [{"kind": d.decision.kind, "id": d.decision.id} for d in moves],
    }


def issued_on(decisions: Decisions, block: Block) -> list[str]:
    """Reports that serials of a block were issued on."""
    return [d.decision.id for d in decisions.every("issuance") if _touches(d, [block])]


def blocks_of(effect: Mapping[str, Any]) -> list[Block]:
    """Serial blocks that a decision's effect names, those inside restated reports too."""
    restated = (told["serials"] for told in effect.get("reports", ()))
    return [block for told in (effect.get("serials", ()), *restated) for block in blocks_told(told)]


def _touches(decided: Decided, blocks: Sequence[Block]) -> bool:
    own = blocks_of(decided.decision.effect)
    return any(a.first <= b.last and b.first <= a.last for a in own for b in blocks)


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
