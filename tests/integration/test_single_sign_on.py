"""Single sign-on against a provider of its own: who comes back signed in, and who does not."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from joserfc.jwk import OctKey, RSAKey
from litestar.testing import TestClient

from carbon.adapters.oidc import OpenIdProvider, Registration
from carbon.bootstrap.system import System
from carbon.domain.access import Status
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Role
from carbon.services.accounts.granting import NewAccount
from carbon.web.app import create_app
from carbon.web.authentication import Authenticator
from identity_provider import CLIENT, SECRET, running
from people import HERE, operators

SITE = "https://testserver.local"


@pytest.fixture
def provider(clock):
    with running(clock) as made:
        yield made


@pytest.fixture
def city(system, provider):
    """The same system with a provider set up."""
    settings = replace(
        system.settings,
        public_url=SITE,
        oidc_issuer=provider.issuer,
        oidc_client=CLIENT,
        oidc_secret=SECRET,
    )
    made = System(settings, system.clock)
    yield made
    made.close()


@pytest.fixture
def both(city):
    return operators(city)


def linked(city, both, subject="city-user-1"):
    """An issuer that signs in through the city's provider."""
    one, other = both
    city.accounts.create(one.actor(), NewAccount("wang", Role.ISSUER, "exchange", "Wang Wei"))
    city.accounts.sso.link(one.actor(), "wang", subject)
    return city.accounts.approve(other.actor(), "wang").account


def sign_in(city, provider):
    sent = city.accounts.sso.begin()
    back = provider.authorize(sent.address)
    assert back["state"] == sent.state
    return city.accounts.sso.finish(back["state"], back["code"], HERE)


def refused(reason=""):
    return pytest.raises(CarbonError, match=rf"oidc\.refused.*{reason}")


def test_who_is_linked_signs_in(city, provider, both):
    linked(city, both)
    signed_in = sign_in(city, provider)
    assert signed_in.account.id == "wang"
    assert not city.accounts.actor(city.accounts.resume(signed_in.token)).stepped_up


def test_who_is_not_linked_or_may_not_act_does_not(city, provider, both):
    with refused("account"):
        sign_in(city, provider)
    linked(city, both)
    city.accounts.freeze(both[0].actor(), "wang")
    with refused("account"):
        sign_in(city, provider)


def test_a_code_comes_back_once_in_time_to_who_asked(city, provider, both, clock):
    linked(city, both)
    sent = city.accounts.sso.begin()
    back = provider.authorize(sent.address)
    with refused("state"):
        city.accounts.sso.finish("another", back["code"], HERE)
    assert city.accounts.sso.finish(sent.state, back["code"], HERE)
    with refused("state"):
        city.accounts.sso.finish(sent.state, back["code"], HERE)
    late = city.accounts.sso.begin()
    clock.move(minutes=10)
    with refused("state"):
        city.accounts.sso.finish(late.state, provider.authorize(late.address)["code"], HERE)


def test_a_code_of_another_sign_in_is_worth_nothing(city, provider, both):
    """PKCE: whoever got hold of a code lacks the verifier that belongs to it."""
    linked(city, both)
    theirs, mine = city.accounts.sso.begin(), city.accounts.sso.begin()
    stolen = provider.authorize(theirs.address)["code"]
    with refused("HTTPStatusError"):
        city.accounts.sso.finish(mine.state, stolen, HERE)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "somebody else"},
        {"exp": 1},
        {"nonce": "another"},
        {"nonce": None},
        {"azp": "somebody else"},
    ],
)
def test_a_token_for_another_purpose_is_refused(city, provider, both, claims):
    linked(city, both)
    provider.claims = claims
    with refused():
        sign_in(city, provider)
    provider.claims = {}
    assert sign_in(city, provider)


def test_a_token_signed_by_somebody_else_is_refused(city, provider, both):
    linked(city, both)
    provider.key = RSAKey.generate_key(2048, {"kid": "1"})
    with refused("BadSignature"):
        sign_in(city, provider)
    # What needs no key of the provider's at all.
    provider.key = OctKey.generate_key(256, {"kid": "1"})
    provider.algorithm = "HS256"
    with refused():
        sign_in(city, provider)


def test_a_provider_that_says_it_is_another_is_refused(city, provider):
    provider.says = "https://elsewhere.example"
    with refused("issuer"):
        city.accounts.sso.begin()


def test_a_provider_tells_where_to_go(city, provider):
    provider.lacks = "jwks_uri"
    with refused("issuer"):
        city.accounts.sso.begin()


def test_a_provider_is_reached_over_tls(clock):
    registration = Registration("http://idp.example", CLIENT, SECRET, SITE)
    with refused("https"):
        OpenIdProvider(registration, clock)


def test_nothing_is_signed_on_where_nothing_is_set_up(system):
    with pytest.raises(CarbonError, match=re.escape("oidc.off")):
        _ = system.accounts.sso


def test_a_link_is_an_approval_that_another_person_completes(city, provider, both):
    one, other = both
    accounts = city.accounts
    accounts.create(one.actor(), NewAccount("wang", Role.ISSUER, "exchange", "Wang Wei"))
    accounts.sso.link(other.actor(), "wang", "of the second operator's choice")
    assert accounts.approve(other.actor(), "wang").account.status is Status.PENDING
    assert accounts.approve(one.actor(), "wang").account.status is Status.ACTIVE
    with pytest.raises(CarbonError, match=r"account\.state"):
        accounts.sso.link(one.actor(), "wang", "later")
    accounts.create(one.actor(), NewAccount("li-2", Role.ISSUER, "exchange", "Li Na"))
    with pytest.raises(CarbonError, match=r"request\.conflict"):
        accounts.sso.link(one.actor(), "li-2", "of the second operator's choice")
    nobody = replace(one.actor(), person="")
    with pytest.raises(CarbonError, match=r"account\.two_people"):
        accounts.sso.link(nobody, "li-2", "x")


# --- over HTTP ------------------------------------------------------------------------------------


@pytest.fixture
def browser(city):
    return TestClient(create_app(city, Authenticator(city)), base_url=SITE)


def test_a_browser_goes_there_and_comes_back(browser, city, provider, both):
    linked(city, both)
    sent = browser.get("/api/v1/oidc/start", follow_redirects=False)
    assert sent.status_code == 303
    assert sent.headers["location"].startswith(f"{provider.issuer}/authorize?")
    told = sent.headers["set-cookie"].lower()
    assert told.startswith("__host-carbon-sso=")
    assert {"httponly", "secure", "samesite=lax"} <= {p.strip() for p in told.split(";")}
    back = provider.authorize(sent.headers["location"])
    answer = browser.get("/api/v1/oidc/callback", params=back, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert browser.get("/api/v1/me").json()["account"] == "wang"


@pytest.mark.parametrize(
    ("site", "status"),
    [("none", 303), ("same-origin", 303), ("same-site", 403), ("cross-site", 403)],
)
def test_no_other_site_begins_a_sign_in(browser, site, status):
    headers = {"sec-fetch-site": site}
    answer = browser.get("/api/v1/oidc/start", headers=headers, follow_redirects=False)
    assert answer.status_code == status
    assert status == 303 or answer.json()["code"] == "access.origin"


def test_another_browser_cannot_be_made_to_come_back(browser, city, provider, both):
    """Whoever sends somebody a link with a code of their own would sign them in as themselves."""
    linked(city, both)
    sent = city.accounts.sso.begin()
    back = provider.authorize(sent.address)
    for params in (back, {"code": back["code"]}, {}):
        answer = browser.get("/api/v1/oidc/callback", params=params, follow_redirects=False)
        assert (answer.status_code, answer.json()["code"]) == (401, "oidc.refused")
        assert "__Host-carbon" not in answer.cookies
