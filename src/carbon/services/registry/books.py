"""What always holds of the registry, checked over all of it: by tests and ``carbon reconcile``.

The tables beside the facts (who holds which serials, which leaves were issued for, what is carried)
are projections: whatever they say follows from the decisions, replayed in order.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from carbon.domain.credit.decision import Decision
from carbon.domain.credit.history import Decided, HistorySoFar
from carbon.domain.credit.holdings import Holding, Holdings, joined, replay
from carbon.domain.credit.issuance import carry_of
from carbon.domain.credit.moving import RESIDENTS
from carbon.domain.errors import CarbonError, Text
from carbon.ports.ledger import Broken
from carbon.ports.registry import Kept, RegistryBooks, RegistryReader, RegistryRule

_RULES: Final[Mapping[RegistryRule, Text]] = {
    RegistryRule.DECIDED: Text(
        "决定与其事实、签名人一致", "decisions agree with facts and signers"
    ),
    RegistryRule.ISSUED: Text(
        "每种资产签发的序列号等于各账户之和", "serials issued are the sum of all accounts"
    ),
    RegistryRule.HELD: Text("账户的序列号等于其余额", "an account has as many serials as credits"),
    RegistryRule.RESERVED: Text(
        "保留的序列号等于冻结额", "as many serials are reserved as are held"
    ),
    RegistryRule.REPLAYED: Text(
        "持有情况等于逐条重放决定", "holdings are what the decisions come to"
    ),
    RegistryRule.CARRIED: Text("结转克数等于最近一次签发所余", "grams carried are those left"),
    RegistryRule.COVERED: Text("一条记录只供一次签发", "a record feeds one issuance"),
}
#: Rules that one statement each can check.
_STATED: Final = (
    RegistryRule.DECIDED,
    RegistryRule.ISSUED,
    RegistryRule.HELD,
    RegistryRule.RESERVED,
    RegistryRule.COVERED,
)
_RESIDENT: Final = "resident/"


def registry_faults(registry: RegistryReader) -> Iterator[CarbonError]:
    """Everything that does not hold, as of one moment."""
    with registry.books() as books:
        for rule in _STATED:
            yield from _told(rule, books.broken(rule))
        replayed = _Replayed()
        for kept in books.decisions():
            replayed.add(kept)
        for check in (_signed, _covers, _unplayable, _holds, _blocks, _carries):
            yield from check(replayed, books)


class _Replayed:
    """All decisions replayed, and which of them disagree with their rows."""

    def __init__(self) -> None:
        self.holdings, self._history = Holdings(), HistorySoFar()
        self.wrong_signers: list[str] = []
        self.wrong_covers: list[str] = []
        self.refused: list[CarbonError] = []
        self.carry: dict[tuple[str, str], int] = {}

    def add(self, kept: Kept) -> None:
        """One more decision; what replays nothing is not remembered."""
        decision = Decision.of(json.loads(kept.body))
        name = f"{kept.kind} {kept.id}"
        if decision.kind in _REMEMBERED:
            self._history.add(Decided(decision, None))
        members = self._history.registered()
        signers = [members.get(given.key) for given in decision.signatures]
        if tuple(m.person if m else "" for m in signers) != kept.persons:
            self.wrong_signers.append(name)
        try:
            replay(self.holdings, self._history, decision)
        except CarbonError as error:
            self.refused.append(error)
        except (LookupError, ValueError, TypeError) as error:  # of an effect without its form
            self.refused.append(CarbonError("audit.form", reason=type(error).__name__))
        if decision.kind == "issuance":
            self._issued(name, decision, kept)

    def _issued(self, name: str, decision: Decision, kept: Kept) -> None:
        effect = decision.effect
        project, month, part = decision.id.split("/")
        if kept.covers != (project, month, int(part), effect["from"], effect["to"]):
            self.wrong_covers.append(name)
        self.carry[carry_of(effect["asset"]), f"project/{project}"] = int(effect["carry_out_g"])


#: Kinds that replaying others, or telling their signers, needs.
_REMEMBERED: Final = ("member", "project", "issuance")


def _signed(replayed: _Replayed, _: RegistryBooks) -> Iterator[CarbonError]:
    yield from _listed(RegistryRule.DECIDED, replayed.wrong_signers)


def _covers(replayed: _Replayed, _: RegistryBooks) -> Iterator[CarbonError]:
    yield from _listed(RegistryRule.COVERED, replayed.wrong_covers)


def _unplayable(replayed: _Replayed, _: RegistryBooks) -> Iterator[CarbonError]:
    yield from replayed.refused


def _holds(replayed: _Replayed, books: RegistryBooks) -> Iterator[CarbonError]:
    """Holdings, but for who each resident is, which no leaf tells."""
    stored = (Holding(held.block, held.asset, _public(held.account)) for held in books.holdings())
    yield from _compare(RegistryRule.REPLAYED, joined(stored), replayed.holdings)


def _blocks(replayed: _Replayed, books: RegistryBooks) -> Iterator[CarbonError]:
    """All serials there are were issued, by asset."""
    issued = (Holding(block, asset, "") for asset, block in books.issued())
    told = (Holding(held.block, held.asset, "") for held in replayed.holdings)
    yield from _compare(RegistryRule.ISSUED, joined(issued), joined(told))


def _carries(replayed: _Replayed, books: RegistryBooks) -> Iterator[CarbonError]:
    stored = Counter({(asset, account): grams for asset, account, grams in books.carried()})
    places = sorted(stored.keys() | replayed.carry.keys())
    wrong = [p for p in places if stored[p] != replayed.carry.get(p, 0)]
    yield from _listed(RegistryRule.CARRIED, [" · ".join(place) for place in wrong])


def _public(account: str) -> str:
    return RESIDENTS if account.startswith(_RESIDENT) else account


def _compare(
    rule: RegistryRule, stored: Iterable[Holding], told: Iterable[Holding]
) -> Iterator[CarbonError]:
    """Two lists of holdings, each in the order of serials; a serial in both is one too many."""
    counted: Counter[Holding] = Counter(stored)
    counted.subtract(Counter(told))
    wrong = sorted(held for held, count in counted.items() if count)
    yield from _listed(rule, [f"{held.block} {held.account}".strip() for held in wrong])


def _listed(rule: RegistryRule, names: list[str]) -> Iterator[CarbonError]:
    yield from _told(rule, Broken(len(names), names[0]) if names else None)


def _told(rule: RegistryRule, found: Broken | None) -> Iterator[CarbonError]:
    if found is not None:
        yield CarbonError(
            "registry.broken", id=rule, rule=_RULES[rule], count=found.count, example=found.example
        )
