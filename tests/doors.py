"""The same people at another door: a registry whose acts go over REST, through the real client.

What a test only looks at is read in process; what people do and what they are shown goes through
the application, authenticated as the holder of the key that signs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from litestar.connection import ASGIConnection
from litestar.testing import TestClient

from carbon.adapters.signing import SigningKey
from carbon.bootstrap.registrar import Registrar
from carbon.bootstrap.system import System
from carbon.bootstrap.verification import Verification
from carbon.client import Client
from carbon.domain.credit.decision import Member
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Actor, Role
from carbon.services.registry.decide import find_waiting
from carbon.web.app import create_app

#: The account somebody with a role of the registry has.
ACCOUNTS = {"issuer": Role.ISSUER, "verifier": Role.VERIFIER, "reviewer": Role.VERIFIER}


def actor_of(member: Member) -> Actor:
    role = next((ACCOUNTS[r] for r in ACCOUNTS if r in member.roles), Role.ENTERPRISE)
    return Actor(member.key[:16], role, member.organisation, member.person, stepped_up=True)


class RestRegistry:
    """A registrar behind HTTP; whatever it has no name for is the one in process."""

    def __init__(self, system: System) -> None:
        self.local = Registrar(system)
        self.http = TestClient(create_app(system, self._authenticate))
        self.verification = RestVerification(self)
        self.credits = RestCredits(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.local, name)

    async def _authenticate(self, connection: ASGIConnection[Any, Any, Any, Any]) -> Actor | None:
        key = connection.headers.get("x-key")
        if key is None:
            return None
        try:
            return actor_of(self.local.member(key))
        except CarbonError:
            return Actor("stranger", Role.ENTERPRISE, "nobody", stepped_up=True)

    def client(self, key: Path | str | None = None) -> Client:
        """The client of whoever holds a key file, or a public key; of the public without one."""
        if isinstance(key, Path):
            key = SigningKey(key).key.public.hex()
        client = Client("http://testserver.local", http=self.http)
        if key is not None:
            client._headers["X-Key"] = key
        return client

    def of(self, person: str) -> Client:
        """The client of a person who may sign."""
        with self.local.reading() as decisions:
            members = decisions.registered().values()
        return self.client(next((m.key for m in members if m.person == person), "none"))

    # --- acts ---------------------------------------------------------------------------------

    def sign(self, keys: list[Path], kind: str, /, **given: Any) -> dict[str, Any]:
        told = self.client(keys[0]).propose(kind, **given)
        answer: dict[str, Any] = {}
        for key in keys:
            answer = self.decide(kind, told["id"], told["content"], key, told["private"])
        return answer

    def decide(self, kind: str, id_: str, content: Any, key: Path, private: Any = None) -> Any:
        return self.client(key).decide(kind, id_, content, key, private)

    def approve(self, name: str, key: Path) -> dict[str, Any]:
        return self.client(key).approve(self._digest(name), key)

    def undo(self, name: str, key: Path) -> dict[str, Any]:
        return self.client(key).undo(self._digest(name), key)

    def _digest(self, name: str) -> str:
        return find_waiting(self.local.waiting(), name).digest

    # --- what is shown ------------------------------------------------------------------------

    def project(self, id_: str) -> dict[str, Any]:
        return self.client().get(f"/projects/{id_}")

    def document(self, report_id: str) -> dict[str, Any]:
        return self.client().get(f"/reports/{report_id}")


class RestVerification:
    def __init__(self, registry: RestRegistry) -> None:
        self._registry = registry

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry.local.verification, name)

    def commit(self, project: str, month: str, nonce: Path, key: Path) -> dict[str, Any]:
        return self._registry.client(key).commit(project, month, nonce, key)

    def reveal(self, report: str, nonce: Path, key: Path) -> dict[str, Any]:
        return self._registry.client(key).reveal(report, nonce, key)

    def work_list(self, report: str, person: str) -> list[dict[str, str]]:
        return self._registry.of(person).work_list(report)

    inspect = Verification.inspect


class RestCredits:
    def __init__(self, registry: RestRegistry) -> None:
        self._registry = registry

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry.local.credits, name)

    def holdings(self, organisation: str) -> list[dict[str, Any]]:
        with self._registry.local.reading() as decisions:
            members = decisions.registered().values()
        issuer = next(m.key for m in members if "issuer" in m.roles)
        return self._registry.client(issuer).get(f"/credits/holdings/{organisation}")["items"]
