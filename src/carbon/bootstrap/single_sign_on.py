"""Sign-in through a city's own identity provider, where the installation has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from carbon.adapters.oidc import OpenIdProvider, Registration
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Actor
from carbon.ports.accounts import Account
from carbon.services.accounts import external
from carbon.services.accounts.access import Access, SignedIn

if TYPE_CHECKING:
    from carbon.bootstrap.system import System

#: Where browsers come back to.
CALLBACK = "/api/v1/oidc/callback"


class SingleSignOn:
    """Raises ``oidc.off`` where none is set up, ``oidc.refused`` where it does not succeed."""

    def __init__(self, system: System, access: Access, origin: Callable[[str], str]) -> None:
        own = system.settings
        if not (own.oidc_issuer and own.oidc_client and own.public_url):
            raise CarbonError("oidc.off")
        redirect = f"{own.public_url}{CALLBACK}"
        registration = Registration(own.oidc_issuer, own.oidc_client, own.oidc_secret, redirect)
        self._provider = OpenIdProvider(registration, system.clock)
        self._access, self._origin = access, origin

    def begin(self) -> external.Sent:
        """Where a browser goes, and what it must bring back."""
        return external.begin(self._access, self._provider)

    def finish(self, state: str, code: str, address: str) -> SignedIn:
        """Sign in whoever came back."""
        return external.finish(self._access, self._provider, state, code, self._origin(address))

    def link(self, actor: Actor, account: str, subject: str) -> Account:
        """Let somebody of the provider sign in to an account that may not act yet."""
        return external.link(self._access, actor, self._provider, account, subject)
