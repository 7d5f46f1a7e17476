"""What anyone may see of the registry: decisions, projects, totals, log entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from carbon.adapters.signing import verify_ed25519
from carbon.adapters.store.ledger import balances
from carbon.domain.credit.decision import KINDS
from carbon.domain.credit.history import Decided
from carbon.domain.credit.issuance import serial
from carbon.domain.credit.project import project_named
from carbon.domain.errors import CarbonError
from carbon.domain.log.merkle import leaf_hash
from carbon.services.receipt import leaf_proof

if TYPE_CHECKING:
    from carbon.bootstrap.registrar import Registrar
    from carbon.bootstrap.system import System

#: Accounts of residents; which one is not public.
_RESIDENT = "resident/"


class Showcase:
    """Public views. Raises ``decision.kind``, ``decision.unknown``, ``log.*``, ``serial.*``."""

    def __init__(self, registrar: Registrar, system: System) -> None:
        self._registrar, self._system = registrar, system

    def decisions(
        self, kind: str, prefix: str = "", after: int | None = None, limit: int = 50
    ) -> list[tuple[int, dict[str, Any]]]:
        """Decisions of a kind whose id starts with something, each with its place."""
        if kind not in KINDS:
            raise CarbonError("decision.kind", kind=kind)
        with self._registrar.reading() as decisions:
            found = decisions.page(kind, prefix, after, limit)
        return [(place, _told(decided)) for place, decided in found]

    def decision(self, kind: str, id_: str) -> dict[str, Any]:
        """One decision."""
        if kind not in KINDS:
            raise CarbonError("decision.kind", kind=kind)
        with self._registrar.reading() as decisions:
            found = decisions.find(kind, id_)
        if found is None:
            raise CarbonError("decision.unknown", id=id_)
        return _told(found)

    def projects(self, after: int | None, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """Projects as published, and how far each has come."""
        with self._registrar.reading() as decisions:
            found = decisions.page("project", "", after, limit)
            named = [(p, project_named(decisions, d.decision.id)) for p, d in found]
        return [(place, {**own.published(), "step": own.status}) for place, own in named]

    def totals(self) -> list[dict[str, Any]]:
        """Credits by asset: issued, and where they are. What is where adds up to what was issued.

        Exact: credit totals are not coarsened (TRUST P6).
        """
        told = []
        with self._system.database.read() as connection:
            for asset, places in _by_place(balances(connection)).items():
                issued = -places.pop("issued", 0)
                told.append({"asset": asset, "issued": issued, **{n: places[n] for n in _PLACES}})
        return told

    def serial(self, number: int) -> dict[str, Any]:
        """Where a serial is and where it comes from; a resident is not named."""
        told = self._registrar.credits.lookup(number)
        account = told["account"]
        shown = "resident" if account.startswith(_RESIDENT) else account
        return {"serial": serial(number), **told, "account": shown}

    def leaf(self, index: int) -> dict[str, Any]:
        """An entry of the log with the proof that the published checkpoint holds it.

        Raises ``log.missing`` where it does not.
        """
        log, key = self._registrar.log, self._registrar.log_key
        try:
            head, proof = leaf_proof(index, log.checkpoint(), log, key, verify_ed25519)
        except IndexError as error:
            raise CarbonError("log.missing", path=f"leaf {index}") from error
        content = log.leaf(index, head.size)
        return {
            "index": index,
            "size": head.size,
            "hash": leaf_hash(content).hex(),
            "leaf": content.decode(),
            "proof": proof.decode(),
        }


#: Where credits can be, by the first part of an account's code.
_PLACES = ("holder", "resident", "buffer", "retired", "cancelled")


def _by_place(rows: Any) -> Mapping[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for row in rows:
        if row.account.asset.startswith("credit/"):
            places = found.setdefault(row.account.asset, Counter())
            places[row.account.code.split("/")[0]] += row.amount
    return found


def _told(decided: Decided) -> dict[str, Any]:
    decision = decided.decision
    return {
        "kind": decision.kind,
        "id": decision.id,
        "at": decision.at,
        "content": dict(decision.content),
        "effect": dict(decision.effect),
        "signatures": [{"key": s.key, "signature": s.signature} for s in decision.signatures],
        "digest": decision.digest,
        "leaf_index": decided.leaf_index,
    }
