"""The API against its own description, by a tool that knows nothing of us (TRUST R9).

All of Schemathesis's checks, on every operation and over sequences of them. One of its defaults is
ours to set: a request that fits the description may still be refused by a rule of the domain, which
is 422 with the rule's code.
"""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.config import PositiveDataAcceptanceConfig, SchemathesisConfig

from carbon.domain.errors import CarbonError
from carbon.domain.roles import Actor, Role
from carbon.web import limits
from carbon.web.app import create_app

EXAMPLES = max(5, int(os.environ.get("CARBON_EXAMPLES", "100")) // 8)
QUICK = settings(
    max_examples=EXAMPLES,
    stateful_step_count=6,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


async def by_token(connection):
    """`Bearer <role>` is that role's account; any other proof is wrong."""
    told = connection.headers.get("authorization")
    if told is None and "__Host-carbon" not in connection.cookies:
        return None
    role = (told or "").removeprefix("Bearer ")
    if role not in list(Role):
        raise CarbonError("access.anonymous")
    return Actor(role, Role(role), "zhuan", "0" * 32, stepped_up=True)


@pytest.fixture
def schema(pilot_at, monkeypatch):
    for name in limits.RATES:
        monkeypatch.setitem(limits.RATES, name, (1e9, 1e9))
    # A sequence that is tried again must be told the same.
    monkeypatch.setattr("carbon.services.accounts.codes.CODES_SENT", 1_000_000)
    config = SchemathesisConfig()
    expected = ["2xx", "3xx", "401", "403", "404", "409", "422", "429"]
    config.projects.default.checks.positive_data_acceptance = PositiveDataAcceptanceConfig(
        expected_statuses=expected
    )
    system = pilot_at("issued").system
    system.settings = replace(system.settings, sms_sender="people:Phones")
    app = create_app(system, by_token)
    return schemathesis.openapi.from_asgi("/api/openapi.json", app, config=config)


def headers_for(operation):
    """Those of the first role that may."""
    roles = list(operation.definition.raw.get("x-roles", {}))
    return {"Authorization": f"Bearer {roles[0]}"} if roles else {}


def test_every_operation_does_what_it_says(schema):
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 25
    for operation in operations:
        _check(operation)


def _check(operation):
    headers = headers_for(operation)

    @QUICK
    @given(case=operation.as_strategy())
    def check(case):
        case.call_and_validate(headers=headers)

    check()


def test_sequences_of_operations_hold_too(schema):
    class Sequences(schema.as_state_machine()):
        def get_call_kwargs(self, case):
            return {"headers": headers_for(case.operation)}

    Sequences.run(settings=QUICK)
