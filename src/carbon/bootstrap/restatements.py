"""What a correction reaches, and how it is made good, over a registrar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from carbon.adapters.store.corrections import Corrections
from carbon.adapters.store.registry import RegistryStore
from carbon.adapters.store.stored import record_key
from carbon.domain.credit.issuance import Block, is_serial, serial_number
from carbon.domain.credit.restating import excess_credits
from carbon.domain.errors import CarbonError
from carbon.domain.mrv.reported import rebuild
from carbon.ports.registry import Downstream
from carbon.services.registry import impact, restating

if TYPE_CHECKING:
    from carbon.bootstrap.registrar import Registrar
    from carbon.bootstrap.system import System


class Restatements:
    """Impact and restatement. Raises ``correction.*``, ``restatement.*``."""

    def __init__(self, registrar: Registrar, system: System, store: RegistryStore) -> None:
        self._registrar, self._system, self._store = registrar, system, store

    def fact_of(self, record_id: str, source: str) -> str:
        """The fact of a record. Raises ``correction.unknown``, ``correction.done``."""
        key = record_key(self._system.vault, source, record_id)
        return Corrections(self._system.database).fact_of(key, record_id)

    def impact(self, fact: str, source: str = "local") -> dict[str, Any]:
        """Everything downstream of a factor, a report, a serial number or a record."""
        with self._registrar.reading() as decisions:
            if fact.count("/") > 1 and decisions.find("report", fact) is not None:
                return impact.of_reports(decisions, self._registrar.impacts, [fact])
            if is_serial(fact):
                number = serial_number(fact)
                reports = impact.issued_on(decisions, Block(number, number))
                return impact.of_reports(decisions, self._registrar.impacts, reports)
            return impact.impact(decisions, self._registrar.impacts, self._uses(fact, source))

    def _uses(self, fact: str, source: str) -> Downstream:
        """Records that a factor row's id, or a record's id, stands for."""
        numbers = self._factor_numbers(fact)
        if numbers:
            return self._registrar.impacts.of_factor(numbers)
        return self._registrar.impacts.of_records([self.fact_of(fact, source)])

    def _factor_numbers(self, factor: str) -> dict[str, int]:
        """The row's number in every published catalogue that has it."""
        found = {}
        for root in self._store.catalogues():
            catalogue = self._registrar.log.factors(root)
            for number, row in zip(catalogue.leaf_numbers, catalogue.rows, strict=True):
                if row.id == factor:
                    found[root] = number
        return found

    def prepared(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Each report as issued and as it comes to now, and which ones are concerned."""
        replaced, withdrawn = frozenset(content["replaced"]), frozenset(content["withdrawn"])
        known = content["known"]
        prepared: dict[str, Any] = {restating.AFFECTED: self._affected(replaced, withdrawn)}
        for told in content["reports"]:
            before = self._registrar.document(told["report"])
            after = rebuild(before, self._registrar.log, known, replaced, withdrawn)
            self._registrar.spool(after)
            prepared[told["report"]] = before, after
        return prepared

    def _affected(self, replaced: frozenset[str], withdrawn: frozenset[str]) -> list[str]:
        """Issued reports that records or factors concern."""
        uses = self._registrar.impacts.of_records(sorted(replaced)).uses
        with self._registrar.reading() as decisions:
            issued = {found.decision.id for found in decisions.every("issuance")}
            concerned = set(impact.reports_of(decisions, uses)) & issued
        using = {r for r in issued if withdrawn & set(self._registrar.document(r)["factor_rows"])}
        return sorted(concerned | using)

    def content(
        self, replaced: Sequence[str], withdrawn: Sequence[str], reason: str, text: str
    ) -> dict[str, Any]:
        """What a restatement says, each report recomputed. Raises ``restatement.not_issued``."""
        reports = self._affected(frozenset(replaced), frozenset(withdrawn))
        if not reports:
            raise CarbonError("restatement.not_issued", report="—")
        blank = [{"report": report, "credits": "0", "sha256": "0" * 64} for report in reports]
        content: dict[str, Any] = {
            "reports": blank,
            "known": self._registrar.head().size,
            "replaced": sorted(replaced),
            "withdrawn": sorted(withdrawn),
            "reason": reason,
            "text": text,
        }
        prepared = self.prepared(content)
        with self._registrar.reading() as decisions:
            content["reports"] = [
                {
                    "report": report,
                    "credits": str(
                        excess_credits(
                            decisions, report, prepared[report][0], prepared[report][1].document
                        )
                    ),
                    "sha256": prepared[report][1].sha256,
                }
                for report in reports
            ]
        return content
