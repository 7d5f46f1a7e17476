"""What only a demonstration shows: how to sign in as anybody, and the messages nobody's phone gets.

No link leads here from outside a demonstration, and no other service has these addresses.
"""

from __future__ import annotations

from typing import Any

import pyotp
from litestar import Request, Router, get
from litestar.di import NamedDependency
from litestar.response import Template

from carbon.bootstrap.system import System
from carbon.domain.roles import PUBLIC
from carbon.services.accounts.demonstration import DemoAccount
from carbon.web.guards import PERMISSION
from carbon.web.problems import language


@get("/accounts", sync_to_thread=True)
def accounts(request: Request[Any, Any, Any], system: NamedDependency[System]) -> Template:
    """An account of every role with its proofs, and the newest messages."""
    told = {
        "lang": language(request),
        "accounts": [_told(system, one) for one in system.accounts.demonstrated if one.id],
        "phones": [one.phone for one in system.accounts.demonstrated if one.phone],
        "messages": system.accounts.outbox.messages(),
    }
    return Template("demonstration.html", context=told)


def _told(system: System, account: DemoAccount) -> dict[str, str]:
    code = pyotp.TOTP(account.secret).at(system.clock.now()) if account.secret else ""
    return {
        "id": account.id,
        "role": account.role.value,
        "organisation": account.organisation,
        "password": account.password,
        "code": code,
        "key": account.key,
        "key_secret": account.key_secret,
    }


#: Served in a demonstration only.
demonstration = Router(
    "/demo", route_handlers=[accounts], opt={PERMISSION: PUBLIC}, include_in_schema=False
)
