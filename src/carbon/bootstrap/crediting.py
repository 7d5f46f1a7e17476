"""What is done with a statement and with issued credits, over a registrar."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carbon.adapters.store.registry import RegistryStore
from carbon.domain.credit.issuance import Block
from carbon.domain.credit.issuing import plan
from carbon.domain.credit.moving import holder
from carbon.domain.errors import CarbonError
from carbon.ports.registry import Held
from carbon.services.registry import holding, impact

if TYPE_CHECKING:
    from carbon.bootstrap.registrar import Registrar

#: Bytes of the salt of a beneficiary's digest.
_SALT_BYTES = 32


class Credits:
    """Issue, retire, hold, look up. Raises ``issuance.*``, ``holding.*``, ``serial.*``."""

    def __init__(self, registrar: Registrar, store: RegistryStore) -> None:
        self._registrar, self._store = registrar, store

    def issue(self, report: str, keys: Sequence[Path]) -> dict[str, Any]:
        """Issue what a statement confirms; asked again, what was issued."""
        document = self._registrar.document(report)
        with self._registrar.reading() as decisions:
            done = decisions.find("issuance", report)
            if done is None:
                planned = plan(decisions, self._registrar.newest(document), report, document)
                content: Mapping[str, Any] = {
                    "report": report,
                    "credits": str(planned.amounts.credits),
                }
            else:
                content = done.decision.content
        return self._registrar.signed_by(keys, "issuance", report, content)

    def retire(
        self,
        id_: str,
        organisation: str,
        asset: str,
        credits_: int,
        beneficiary: str,
        purpose: str,
        keys: Sequence[Path],
        serials: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Retire credits for a beneficiary, of whom the log tells a salted digest only.

        Asked again under the same id for the same one, the salt is the one made first; for another
        beneficiary it is ``request.conflict``.
        """
        private = self._store.private(id_)
        if private is None or private["beneficiary"] != beneficiary:
            private = {"beneficiary": beneficiary, "salt": os.urandom(_SALT_BYTES).hex()}
        content = {
            "asset": asset,
            "holder": organisation,
            "credits": str(credits_),
            "beneficiary_sha256": holding.beneficiary_digest(beneficiary, private["salt"]),
            "purpose": purpose,
            **(serials or {}),
        }
        return self._registrar.signed_by(keys, "retirement", id_, content, private)

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

    def numbered(self, kind: str, organisation: str) -> str:
        """The next id of a repeated act on a holder."""
        with self._registrar.reading() as decisions:
            return f"{organisation}/{len(decisions.every(kind, f'{organisation}/')) + 1}"

    def lookup(self, serial: int) -> dict[str, Any]:
        """Who holds a serial, where it comes from, what moved it. Raises ``serial.unknown``."""
        block = Block(serial, serial)
        held = self._registrar.impacts.holdings([block])
        if not held:
            raise CarbonError("serial.unknown", serial=block)
        with self._registrar.reading() as decisions:
            reports = impact.issued_on(decisions, block)
            told = impact.of_reports(decisions, self._registrar.impacts, reports)
        return {"account": held[0].account, "asset": held[0].asset, "reports": reports,
                "moves": told["moves"]}  # fmt: skip

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
