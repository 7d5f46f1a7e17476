"""What a resident may do with what is known of them: choose, take it along, have it erased."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

from carbon.adapters.spreadsheet import harmless
from carbon.adapters.store.residents import choice_of, consent
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Actor
from carbon.ports.recording import RecordEntry, Whose
from carbon.ports.registry import Choice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carbon.bootstrap.system import System

#: Records read at once, and taken along at most.
_PAGE, _MOST = 500, 100_000
_COLUMNS: Final = (
    "fact", "record_id", "recorded_at", "occurred_on", "act", "item_type", "quantity", "mass_kg",
    "er_g", "grade", "methodology", "project", "leaf_index", "corrected",
)  # fmt: skip


class OwnData:
    """Data of the person behind an account (PIPL; TRUST P2 to P4)."""

    def __init__(self, system: System) -> None:
        self._system = system

    def choose(self, actor: Actor, choice: Choice) -> None:
        """Pool one's grams or keep them. Raises ``consent.mode``, ``person.unknown``."""
        consent(self._system.database, actor.person, choice, self._system.clock.now())

    def choice(self, actor: Actor) -> Choice | None:
        """What was chosen last."""
        return choice_of(self._system.database, actor.person)

    def exported(self, actor: Actor) -> dict[str, Any]:
        """Everything that is known of a person, in the service's own terms."""
        accounts, choice = self._system.accounts, self.choice(actor)
        account = accounts.account(actor.id)
        return {
            "account": {"id": account.id, "role": account.role, "status": account.status},
            "consent": choice and {"mode": choice.mode, "version": choice.version},
            "sessions": [
                {"id": s.id, "created_at": s.created_at, "seen_at": s.seen_at}
                for s in accounts.sessions(actor.id)
            ],
            "events": [
                {"at": e.at, "event": e.event, "outcome": e.outcome}
                for e in accounts.events(actor.id, None, _PAGE)
            ],
            "records": [_told(entry) for entry in self._records(actor)],
        }

    def exported_csv(self, actor: Actor) -> str:
        """The same person's records as a table for a spreadsheet."""
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, _COLUMNS)
        writer.writeheader()
        for entry in self._records(actor):
            told = _told(entry)
            writer.writerow({name: harmless(str(told[name] or "")) for name in _COLUMNS})
        return "\ufeff" + out.getvalue()

    def _records(self, actor: Actor) -> Iterator[RecordEntry]:
        whose, before, count = Whose(person=actor.person), None, 0
        while page := self._system.records.page(whose, before, _PAGE):
            yield from page
            count, before = count + len(page), page[-1].fact
            if count >= _MOST:
                raise CarbonError("export.too_large", limit=_MOST)

    def erase(self, actor: Actor) -> int:
        """Erase the person: account, number, key and private values; what is published stands."""
        return self._system.erase_person(actor.person)


def _told(entry: RecordEntry) -> dict[str, Any]:
    return {
        "fact": entry.fact,
        "record_id": entry.record_id,
        "recorded_at": entry.recorded_at.isoformat(timespec="seconds"),
        "occurred_on": entry.occurred_on.isoformat(),
        "act": entry.act,
        "item_type": entry.item_type,
        "quantity": entry.quantity,
        "mass_kg": entry.mass_kg,
        **entry.grams,
        "grade": entry.grade,
        "methodology": entry.methodology,
        "project": entry.project,
        "leaf_index": entry.leaf_index,
        "corrected": entry.corrected,
    }
