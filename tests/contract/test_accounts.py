"""Who may act: two people let an account act, one stops it; on both engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.adapters.store.tables import metadata
from carbon.bootstrap.system import System
from carbon.domain.access import KEY_OVERLAP, KEY_TOLD, Status
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Actor, Role
from carbon.services.accounts.granting import NewAccount
from carbon.services.accounts.recent import Recent
from people import HERE, PASSWORD, Person, Phones, admitted, enrolled, operators, signed
from set_back import set_back


@pytest.fixture
def accounts(system):
    return system.accounts


@pytest.fixture
def both(system):
    return operators(system)


def refusal(code):
    return pytest.raises(CarbonError, match=code.replace(".", r"\."))


def events(accounts, account=""):
    return [(e.event, e.outcome) for e in reversed(accounts.events(account, None, 1000))]


# --- granting -------------------------------------------------------------------------------------


def test_the_first_two_operators_vouch_for_each_other(system, accounts, both):
    for person in both:
        assert person.sign_in().account.role is Role.OPERATOR
    with refusal("account.bootstrapped"):
        accounts.bootstrap(
            NewAccount("eve", Role.OPERATOR, "platform", "Eve"),
            NewAccount("mal", Role.OPERATOR, "platform", "Mal"),
        )


@pytest.mark.parametrize("identity", ["Li Lei", " LI  LEI", ""])
def test_one_person_is_not_two_operators(accounts, identity):
    with refusal("account.two_people"):
        accounts.bootstrap(
            NewAccount("li", Role.OPERATOR, "platform", "li lei"),
            NewAccount("also-li", Role.OPERATOR, "platform", identity),
        )
    assert accounts.page("", 10) == []


def test_a_second_person_lets_an_account_act(system, accounts, both):
    one, other = both
    new = NewAccount("wang", Role.ISSUER, "exchange", "Wang Wei")
    made = accounts.create(one.actor(), new)
    assert made.status is Status.PENDING
    assert accounts.create(one.actor(), new) == made, "the same call is told the same"
    with refusal("request.conflict"):
        accounts.create(one.actor(), NewAccount("wang", Role.OPERATOR, "exchange", "Wang Wei"))
    assert accounts.approve(one.actor(), "wang").enrolment is None, "one person stays one"
    granted = accounts.approve(other.actor(), "wang")
    assert granted.account.status is Status.ACTIVE
    assert accounts.approve(other.actor(), "wang") == granted, "until the first sign-in"
    assert accounts.approve(one.actor(), "wang").enrolment is None, "told to the second one only"
    person = enrolled(system, granted)
    assert person.sign_in().actor(system.clock.now()).organisation == "exchange"
    assert accounts.approve(other.actor(), "wang").enrolment is None
    assert events(accounts, "wang") == [
        ("created", "done"),
        ("approved", "done"),
        ("enrolled", "done"),
        ("sign_in", "done"),
    ]


def test_nobody_approves_their_own_account(accounts, both):
    one, other = both
    accounts.create(one.actor(), NewAccount("han-2", Role.ISSUER, "platform", "Han Meimei"))
    with refusal("account.two_people"):
        accounts.approve(other.actor(), "han-2")


def test_who_is_nobody_approves_nothing(accounts, both):
    system_account = Actor("robot", Role.OPERATOR, "platform")
    with refusal("account.two_people"):
        accounts.create(system_account, NewAccount("x", Role.STATION, "zhuan"))
    accounts.create(both[0].actor(), NewAccount("x", Role.STATION, "zhuan"))
    with refusal("account.two_people"):
        accounts.approve(system_account, "x")


@pytest.mark.parametrize(
    "new",
    [
        NewAccount("a", Role.ISSUER, "exchange"),
        NewAccount("a", Role.STATION, ""),
        NewAccount("a", Role.RESIDENT, "x", "someone"),
    ],
)
def test_an_account_lacks_nothing(accounts, both, new):
    with refusal("account.incomplete"):
        accounts.create(both[0].actor(), new)


def test_one_person_freezes_and_two_unfreeze(system, accounts, both):
    one, other = both
    granted = admitted(system, both, Role.ENTERPRISE, "zhuan-1")
    person = enrolled(system, granted)
    session = person.sign_in()
    assert accounts.recall(session.token) is None
    assert accounts.resume(session.token) is not None
    assert accounts.recall(session.token) is not None
    assert accounts.freeze(one.actor(), "zhuan-1").status is Status.FROZEN
    assert accounts.freeze(other.actor(), "zhuan-1").freezes == 1
    assert accounts.recall(session.token) is accounts.resume(session.token) is None
    with refusal("access.refused"):
        person.sign_in()
    with refusal("account.state"):
        accounts.approve(one.actor(), "zhuan-1")
    assert accounts.unfreeze(one.actor(), "zhuan-1").account.status is Status.FROZEN
    assert accounts.unfreeze(one.actor(), "zhuan-1").account.status is Status.FROZEN
    again = accounts.unfreeze(other.actor(), "zhuan-1")
    assert again.account.status is Status.ACTIVE
    with refusal("access.refused"):
        person.sign_in()
    assert enrolled(system, again).sign_in().account.id == "zhuan-1"
    assert again.enrolment != granted.enrolment


def test_a_freeze_reaches_other_processes_within_a_minute(system, accounts, both):
    granted = admitted(system, both, Role.STATION, "tablet")
    token = enrolled(system, granted).sign_in().token
    secret = accounts.make_key(both[0].actor(), "tablet", "k1")
    seconds = [0.0]
    elsewhere = System(system.settings, system.clock)
    for kept in (elsewhere.accounts.recent_sessions, elsewhere.accounts.recent_keys):
        kept._timer = lambda: seconds[0]
    assert elsewhere.accounts.resume(token)
    assert elsewhere.accounts.signing_key("k1").secret.hex() == secret
    accounts.freeze(both[0].actor(), "tablet")
    assert elsewhere.accounts.recall(token), "believed for some seconds"
    seconds[0] += 60
    assert elsewhere.accounts.recall(token) is None
    assert elsewhere.accounts.recent_keys.get("k1") is None
    assert elsewhere.accounts.resume(token) is None
    assert elsewhere.accounts.signing_key("k1") is None
    elsewhere.close()


def test_an_account_that_ended_stays_so(system, accounts, both):
    person = enrolled(system, admitted(system, both, Role.MERCHANT, "shop"))
    accounts.make_key(both[0].actor(), "shop", "k1")
    ended = accounts.end(both[0].actor(), "shop")
    assert accounts.end(both[1].actor(), "shop") == ended
    assert accounts.signing_key("k1") is None
    with refusal("access.refused"):
        person.sign_in()
    for act in (accounts.freeze, accounts.unfreeze, accounts.approve):
        with refusal("account.state"):
            act(both[1].actor(), "shop")
    with refusal("account.unknown"):
        accounts.end(both[0].actor(), "shop-2")


# --- keys -----------------------------------------------------------------------------------------


@pytest.fixture
def keyed(system, both):
    """A station's account with a key."""
    admitted(system, both, Role.STATION, "dock")
    return system.accounts.make_key(both[0].actor(), "dock", "dock-1")


def check(accounts, request):
    return accounts.check_request(accounts.signing_key(request.key), request)


def test_a_signed_request_is_its_accounts(system, accounts, keyed):
    actor = check(
        accounts, signed(system, "dock-1", keyed, "PUT", "/api/v1/records/1?x=%20", b"{}")
    )
    assert (actor.id, actor.role, actor.organisation) == ("dock", Role.STATION, "zhuan")
    assert not actor.stepped_up


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "POST"},
        {"target": "/api/v1/records/2"},
        {"timestamp": "1"},
        {"nonce": "00"},
        {"digest": "00"},
        {"signature": "00" * 32},
        {"key": "dock-2"},
    ],
)
def test_nothing_of_a_signed_request_can_be_another(system, accounts, keyed, changes):
    sound = signed(system, "dock-1", keyed, "PUT", "/api/v1/records/1", b"{}")
    with refusal("access.signature"):
        check(accounts, replace(sound, **changes))


@pytest.mark.parametrize(
    ("seconds", "fits"), [(-301, False), (-299, True), (299, True), (301, False)]
)
def test_a_request_is_signed_about_now(system, accounts, keyed, seconds, fits):
    at = str(int(system.clock.now().timestamp()) + seconds)
    request = signed(system, "dock-1", keyed, "GET", "/", timestamp=at)
    if fits:
        assert check(accounts, request)
        return
    with refusal("access.stale"):
        check(accounts, request)


def test_a_nonce_is_admitted_once_by_whatever_process(system, accounts, clock):
    one, other = ("k", "a" * 32), ("k", "b" * 32)
    assert accounts.admit([one, other]) == {one, other}
    assert accounts.admit([one]) == set()
    elsewhere = System(system.settings, clock)
    third = ("k2", "a" * 32)
    assert elsewhere.accounts.admit([one, other, third, third]) == {third}
    elsewhere.close()
    clock.move(seconds=599)
    assert accounts.expire()["seen_nonce"] == 0
    clock.move(seconds=120)
    assert accounts.expire()["seen_nonce"] == 3


def test_a_secret_is_told_for_some_minutes(system, accounts, both, keyed, clock):
    operator = both[0].actor()
    assert accounts.make_key(operator, "dock", "dock-1") == keyed
    admitted(system, both, Role.STATION, "other")
    with refusal("request.conflict"):
        accounts.make_key(operator, "other", "dock-1")
    clock.move(seconds=KEY_TOLD.total_seconds())
    with refusal("key.told"):
        accounts.make_key(operator, "dock", "dock-1")


def test_a_replaced_key_works_for_a_day(system, accounts, both, keyed, clock):
    new = accounts.make_key(both[0].actor(), "dock", "dock-2", replaces="dock-1")
    assert new != keyed
    for key, secret in (("dock-1", keyed), ("dock-2", new)):
        assert check(accounts, signed(system, key, secret, "GET", "/"))
    known = accounts.signing_key("dock-1")
    clock.move(seconds=KEY_OVERLAP.total_seconds())
    old = signed(system, "dock-1", keyed, "GET", "/")
    with refusal("access.signature"):
        accounts.check_request(known, old)
    assert check(accounts, signed(system, "dock-2", new, "GET", "/"))


def test_a_key_ends_at_once(system, accounts, both, keyed):
    assert check(accounts, signed(system, "dock-1", keyed, "GET", "/"))
    accounts.end_key(both[1].actor(), "dock", "dock-1")
    accounts.end_key(both[1].actor(), "dock", "dock-1")
    assert accounts.recent_keys.get("dock-1") is None
    with refusal("access.signature"):
        check(accounts, signed(system, "dock-1", keyed, "GET", "/"))
    for account, key in (("dock", "dock-9"), ("li", "dock-1")):
        with refusal("key.unknown"):
            accounts.end_key(both[1].actor(), account, key)


def test_keys_are_for_systems_and_not_without_number(system, accounts, both, keyed, monkeypatch):
    operator = both[0].actor()
    with refusal("account.keys"):
        accounts.make_key(operator, "li", "li-key")
    monkeypatch.setattr("carbon.services.accounts.keys.MAX_KEYS", 2)
    accounts.make_key(operator, "dock", "dock-2")
    with refusal("account.keys"):
        accounts.make_key(operator, "dock", "dock-3")
    accounts.end_key(operator, "dock", "dock-1")
    accounts.make_key(operator, "dock", "dock-3")
    assert [key.id for key in accounts.keys("dock")] == ["dock-1", "dock-2", "dock-3"]


def test_no_secret_is_in_the_database(system, accounts, keyed, both):
    session = both[0].sign_in()
    with system.database.read() as connection:
        rows = "".join(
            repr(connection.execute(sa.select(t)).all()) for t in metadata.tables.values()
        )
    for secret in (
        keyed,
        repr(bytes.fromhex(keyed))[2:-1],
        session.token,
        PASSWORD,
        both[0].secret,
    ):
        assert secret not in rows
    for person in ("Li Lei", "li lei"):
        assert person not in rows


def test_people_are_their_pseudonyms(system, both):
    assert both[0].actor().person == system.registry.person("li lei")
    assert isinstance(both[0], Person)
    assert HERE not in repr(system.accounts.sessions("li"))


# --- erasure --------------------------------------------------------------------------------------


def joined(accounts, phone="13800138000"):
    """A resident, signed in; and the code they came with."""
    Phones.sent.clear()
    accounts.__dict__["_access"] = replace(accounts._access, sender=Phones())
    accounts.send_code("code-0001", phone, HERE)
    code = Phones.sent[-1][1]
    return accounts.sign_in_by_code(phone, code, HERE)


def dump(system):
    with system.database.read() as connection:
        return {
            name: repr(connection.execute(sa.select(table)).all())
            for name, table in metadata.tables.items()
        }


def test_a_resident_is_erased_at_once(system, accounts, phone):
    """P4: the account stops, its row, number, sessions and codes are gone; its id tells nobody."""
    signed_in = joined(accounts)
    account = signed_in.account
    system.record(phone(1, giver="13800138000"))
    accounts.resume(signed_in.token)
    with system.database.read() as connection:
        lookup = connection.execute(sa.select(t.phone.c.lookup)).scalar()
    assert system.erase("13800138000") > 0
    assert accounts.recall(signed_in.token) is accounts.resume(signed_in.token) is None
    after = dump(system)
    for mark in (lookup, account.person, repr(account.nonce), "13800138000"):
        assert not [name for name, rows in after.items() if mark in rows], mark
    assert [name for name, rows in after.items() if account.id in rows] == ["security_event"]
    assert events(accounts, account.id)[-1] == ("erased", "done")
    with refusal("person.unknown"):
        system.erase("13800138000")


def test_an_account_without_records_is_erased_too(system, accounts):
    signed_in = joined(accounts)
    assert system.erase(" 13800138000 ") == 0
    assert accounts.resume(signed_in.token) is None


def test_a_restore_erases_the_account_again(system, accounts, tmp_path, request, clock):
    signed_in = joined(accounts)
    system.backup(tmp_path / "backup")
    system.erase("13800138000")
    again = System(set_back(system, request, tmp_path), clock)
    assert again.restore(tmp_path / "backup")["erased_again"] == 1
    assert again.accounts.resume(signed_in.token) is None
    assert again.accounts.page("", 10) == []
    again.close()


def test_who_was_erased_may_come_back_as_somebody_new(system, accounts, clock):
    before = joined(accounts).account
    system.erase("13800138000")
    assert joined(accounts).account.id != before.id


def test_staff_are_not_erased_as_residents(system, accounts, both):
    with refusal("person.unknown"):
        system.erase("Li Lei")
    assert both[0].sign_in()


# --- care -----------------------------------------------------------------------------------------


def test_old_security_events_end_and_no_others(system, accounts, clock):
    """The job asks for what is old by its own clock; the database looks at its own."""
    with system.database.write() as connection:
        row = {"principal": "a", "event": "sign_in", "outcome": "done", "actor": "a"}
        rows = [row | {"at": datetime(year, 1, 1, tzinfo=UTC)} for year in (2020, 2026)]
        connection.execute(sa.insert(t.security_event), rows)
    clock.at = datetime(2026, 3, 1, tzinfo=UTC)
    assert accounts.expire()["security_event"] == 1
    clock.at = datetime(2028, 1, 1, tzinfo=UTC)
    young = {"at": datetime.now(UTC)} | row
    with system.database.write() as connection:
        connection.execute(sa.insert(t.security_event), young)
    # As each engine refuses.
    with pytest.raises((sa.exc.IntegrityError, CarbonError)):
        accounts.expire()
    assert [e.at for e in accounts.events("a", None, 10)] == [young["at"], rows[1]["at"]]


def test_wrong_signatures_are_noted_once_in_a_while(accounts, keyed):
    key = accounts.signing_key("dock-1")
    for _ in range(3):
        accounts.note_refused(key)
    assert events(accounts, "dock").count(("key_refused", "refused")) == 1


def test_what_is_believed_is_bounded(monkeypatch):
    monkeypatch.setattr("carbon.services.accounts.recent.MOST", 2)
    recent = Recent()
    for number in range(3):
        recent.put(str(number), number)
    assert [recent.get(str(n)) for n in range(3)] == [None, 1, 2]
