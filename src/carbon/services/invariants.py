"""What always holds, checked over everything there is: by tests, ``carbon reconcile`` and at night.

A check is a function of all stores that yields what it finds; a new one joins ``INVARIANTS``. I9
and I10, that nothing published changes and every fact has its leaf, are :mod:`reconcile`'s own.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from carbon.domain.errors import CarbonError, Text
from carbon.ports import LogReader
from carbon.ports.ledger import LedgerReader, Rule
from carbon.ports.registry import RegistryReader
from carbon.services.registry.books import registry_faults

#: Differences of one check that are told one by one.
MAX_TOLD = 20


@dataclass(frozen=True, slots=True)
class Stores:
    """What is checked: the ledger, the registry, and the log up to a size."""

    ledger: LedgerReader
    registry: RegistryReader
    log: LogReader
    size: int


Check = Callable[[Stores], Iterator[CarbonError]]

_RULES: Mapping[Rule, Text] = {
    Rule.BALANCED: Text("每种资产借贷合计相等", "debits equal credits in every asset"),
    Rule.COUNTED: Text("账户合计等于其各笔划转之和", "counters are the sums of transfers"),
    Rule.COVERED: Text("持有账户不为负，只进账户无付出", "no holder is negative, no sink gives"),
    Rule.ONE_ASSET: Text("划转两端同一资产", "both sides of a transfer have its asset"),
    Rule.COMPLETE: Text("分录与其各行齐全", "every journal has all its lines"),
    Rule.HELD: Text("冻结额等于未结束的冻结之和", "what is held is the sum of open holds"),
    Rule.MIRRORED: Text("冲销逐行反向且只一次", "a reversal mirrors its journal"),
}


def _follows(rule: Rule, stores: Stores) -> Iterator[CarbonError]:
    """A rule of the ledger by itself."""
    found = stores.ledger.broken(rule)
    if found is not None:
        yield CarbonError(
            "ledger.broken", id=rule, rule=_RULES[rule], count=found.count, example=found.example
        )


def _replayed(stores: Stores) -> Iterator[CarbonError]:
    """I12: the journals of the published leaves, replayed, come to the balances of the database."""
    try:
        replayed = _replay(stores.log, stores.size)
    except CarbonError as error:
        yield error
        return
    except (ValueError, LookupError, TypeError) as error:
        yield CarbonError("audit.form", reason=type(error).__name__)
        return
    for asset, account, amount in stores.ledger.published(stores.size):
        replayed[asset, account] -= amount
    wrong = sorted(place for place, difference in replayed.items() if difference)
    for asset, account in wrong[:MAX_TOLD]:
        yield CarbonError("ledger.replay", asset=asset, account=account)
    if len(wrong) > MAX_TOLD:
        yield CarbonError("audit.more", count=len(wrong) - MAX_TOLD)


def _replay(log: LogReader, size: int) -> defaultdict[tuple[str, str], int]:
    balances: defaultdict[tuple[str, str], int] = defaultdict(int)
    for leaf in log.leaves(size):
        if b'"type":"journals"' not in leaf:
            continue
        for row in log.rows(json.loads(leaf)["file"]["sha256"]):
            for asset, giver, getter, amount, *_ in json.loads(row)["lines"]:
                balances[asset, giver] -= int(amount)
                balances[asset, getter] += int(amount)
    return balances


INVARIANTS: tuple[Check, ...] = (
    *(partial(_follows, rule) for rule in Rule),
    _replayed,
    lambda stores: registry_faults(stores.registry),
)


def check_everything(stores: Stores) -> list[CarbonError]:
    """Everything that does not hold."""
    return [error for check in INVARIANTS for error in check(stores)]
