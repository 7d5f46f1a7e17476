"""Keyed hashes and seals of accounts, over the vault."""

from __future__ import annotations

from carbon.adapters.parties import person_lookup
from carbon.adapters.vault import Vault, seals, unsealed
from carbon.ports.accounts import Account


class AccountSecrets:
    """Implements the port ``Secrets``. A seal is bound to its account and to what it is."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def lookup(self, purpose: str, text: str) -> str:
        """A keyed hash for one purpose, 32 hexadecimal digits."""
        return self._vault.pseudonym(purpose, text.encode())

    def person(self, identity: str) -> str:
        """Keyed hash of a person, however the identity is written."""
        return person_lookup(self._vault, identity)

    def seal(self, account: Account, what: str, value: bytes) -> bytes:
        """A value only the account's own key opens."""
        return seals([self._vault.person_key(account.nonce)], [_bound(account, what)], [value])[0]

    def unseal(self, account: Account, what: str, sealed: bytes) -> bytes:
        """What was sealed. Raises ``key.wrong``."""
        return unsealed(self._vault.person_key(account.nonce), _bound(account, what), sealed)


def _bound(account: Account, what: str) -> bytes:
    return f"account/{account.id}/{what}".encode()
