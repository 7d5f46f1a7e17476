"""Issued credits: who holds which, over a registrar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from carbon.adapters.store.registry import RegistryStore
from carbon.domain.credit.issuance import Block
from carbon.domain.credit.moving import holder
from carbon.domain.errors import CarbonError
from carbon.ports.registry import Held
from carbon.services.registry import impact

if TYPE_CHECKING:
    from carbon.bootstrap.registrar import Registrar


class Credits:
    """Who holds what. Raises ``serial.*``, ``certificate.unknown``."""

    def __init__(self, registrar: Registrar, store: RegistryStore) -> None:
        self._registrar, self._store = registrar, store

    def holdings(self, organisation: str) -> list[dict[str, Any]]:
        """What an organisation holds: by asset, what is free and in which ranges."""
        account = holder(organisation)
        with self._registrar.reading() as decisions:
            return [
                {
                    "asset": asset,
                    "free": decisions.balance(asset, account),
                    "serials": [str(block) for block in decisions.blocks(asset, account)],
                }
                for asset in decisions.assets()
                if decisions.balance(asset, account)
            ]

    def lookup(self, serial: int) -> dict[str, Any]:
        """Who holds a serial, where it comes from, what moved it. Raises ``serial.unknown``."""
        block = Block(serial, serial)
        held = self._registrar.impacts.holdings([block])
        if not held:
            raise CarbonError("serial.unknown", serial=block)
        with self._registrar.reading() as decisions:
            life = impact.life_of(decisions, block)
        return {"account": held[0].account, "asset": held[0].asset, **life}

    def held(self, blocks: Sequence[Block]) -> Sequence[Held]:
        """Who holds serials of some blocks now."""
        return self._registrar.impacts.holdings(blocks)

    def private(self, retirement: str) -> Mapping[str, str]:
        """What of a retirement is not published; erased, it is blank."""
        return self._store.private(retirement) or {"beneficiary": "—", "salt": ""}

    def forget(self, retirement: str) -> None:
        """Erase the beneficiary of a retirement. Raises ``certificate.unknown``."""
        if not self._store.forget(retirement):
            raise CarbonError("certificate.unknown", id=retirement)
