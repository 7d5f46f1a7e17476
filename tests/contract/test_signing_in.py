"""How people prove who they are: passwords, codes, sessions; what a guesser learns: nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from carbon.adapters.senders import installed_sender
from carbon.bootstrap.system import System
from carbon.domain.access import (
    CODE_LIFE,
    CODES_WITHIN,
    IDLE,
    LOCKED,
    MAX_FAILURES,
    SESSION_LIFE,
    STEP_UP,
    TABLET_IDLE,
)
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Role
from people import HERE, PASSWORD, Phones, admitted, enrolled, operators

PHONE = "138 0013 8000"


@pytest.fixture
def accounts(system):
    return system.accounts


@pytest.fixture
def person(system):
    """An operator."""
    return operators(system)[0]


@pytest.fixture
def texts(accounts):
    """Codes sent, by phone."""
    Phones.sent.clear()
    accounts.__dict__["_access"] = replace(accounts._access, sender=Phones())
    return Phones.sent


def refusal(code):
    return pytest.raises(CarbonError, match=code.replace(".", r"\."))


def tell(accounts, texts, id_="code-0001", phone=PHONE, address=HERE):
    accounts.send_code(id_, phone, address)
    return texts[-1][1]


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06}"


# --- passwords ------------------------------------------------------------------------------------


def test_a_one_time_password_is_used_once(system, accounts, person):
    code = person.code()
    assert accounts.sign_in(person.id, PASSWORD, code, HERE).token
    with refusal("access.refused"):
        accounts.sign_in(person.id, PASSWORD, code, HERE)


def test_neither_factor_is_enough(accounts, person, clock):
    for password, code in ((PASSWORD, "000000"), ("another password", person.code())):
        with refusal("access.refused"):
            accounts.sign_in(person.id, password, code, HERE)
    old = person.code()
    clock.move(seconds=61)
    with refusal("access.refused"):
        accounts.sign_in(person.id, PASSWORD, old, HERE)
    assert person.sign_in()


def test_who_does_not_exist_is_refused_like_who_does(system, accounts, person):
    told = []
    for id_ in (person.id, "nobody"):
        for _ in range(MAX_FAILURES):
            with refusal("access.refused") as caught:
                accounts.sign_in(id_, "wrong password", "123456", HERE)
            told.append(caught.value.say("zh"))
        with refusal("access.locked") as caught:
            accounts.sign_in(id_, "wrong password", "123456", HERE)
        told.append(caught.value.say("zh"))
    assert told[: MAX_FAILURES + 1] == told[MAX_FAILURES + 1 :]


def test_five_misses_lock_for_fifteen_minutes(accounts, person, clock):
    for _ in range(MAX_FAILURES):
        with refusal("access.refused"):
            accounts.sign_in(person.id, "wrong password", person.code(), HERE)
    clock.move(seconds=LOCKED.total_seconds() - 1)
    with refusal("access.locked"):
        person.sign_in()
    clock.move(seconds=31)
    assert person.sign_in()
    assert [e.event for e in accounts.events(person.id, None, 100)].count("locked") == 1


def test_a_success_starts_the_count_anew(accounts, person):
    for _ in range(3):
        for _ in range(MAX_FAILURES - 1):
            with refusal("access.refused"):
                accounts.sign_in(person.id, "wrong password", person.code(), HERE)
        assert person.sign_in()


def test_many_guesses_at_once_are_no_more_than_one_by_one(system, accounts, person):
    looked_at = []
    proofs = accounts._access.proofs
    verify = proofs.verify
    proofs.verify = lambda hash_, password: looked_at.append(password) or verify(hash_, password)

    def guess(number):
        with pytest.raises(CarbonError) as caught:
            accounts.sign_in(person.id, f"wrong password {number}", "000000", HERE)
        return caught.value.code

    with ThreadPoolExecutor(12) as pool:
        codes = list(pool.map(guess, range(12)))
    assert codes.count("access.refused") == len(looked_at) == MAX_FAILURES
    assert codes.count("access.locked") == 12 - MAX_FAILURES


def test_one_code_opens_one_session_however_many_ask(accounts, person):
    code = person.code()

    def sign_in(_):
        try:
            return accounts.sign_in(person.id, PASSWORD, code, HERE).token
        except CarbonError:
            return None

    with ThreadPoolExecutor(4) as pool:
        tokens = [token for token in pool.map(sign_in, range(4)) if token]
    assert len(tokens) == 1


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password.length"),
        ("x" * 129, "password.length"),
        ("Password1", "password.common"),
        ("ZHUAN-2026!", "password.common"),
        ("shop--2026", "password.common"),
        ("Tanpuhui2026", "password.common"),
        ("aaaaaaaaaa", "password.common"),
    ],
)
def test_a_guessable_password_is_not_taken(system, accounts, password, code):
    granted = admitted(system, operators(system), Role.MERCHANT, "shop")
    with refusal(code):
        accounts.enrol("shop", granted.enrolment, password)


@pytest.mark.parametrize("password", ["没有人会猜到这句", "x y z " * 20, "correcthorse"])
def test_how_a_password_is_composed_is_up_to_its_owner(system, accounts, password):
    granted = admitted(system, operators(system), Role.MERCHANT, "shop")
    person = enrolled(system, granted)
    accounts.enrol("shop", granted.enrolment, password)
    with refusal("access.refused"):
        person.sign_in()


def test_an_enrolment_ends_with_the_first_sign_in_or_with_time(system, accounts, clock):
    both = operators(system)
    granted = admitted(system, both, Role.MERCHANT, "shop")
    for token in ("0" * 32, ""):
        with refusal("access.refused"):
            accounts.enrol("shop", token, PASSWORD)
    person = enrolled(system, granted)
    person = enrolled(system, granted)
    person.sign_in()
    with refusal("access.refused"):
        accounts.enrol("shop", granted.enrolment, PASSWORD)
    late = admitted(system, both, Role.MERCHANT, "late")
    clock.move(hours=72)
    with refusal("access.refused"):
        accounts.enrol("late", late.enrolment, PASSWORD)


def test_tokens_of_an_enrolment_cannot_be_tried_out(system, accounts):
    admitted(system, operators(system), Role.MERCHANT, "shop")
    for _ in range(MAX_FAILURES):
        with refusal("access.refused"):
            accounts.enrol("shop", "0" * 32, PASSWORD)
    with refusal("access.locked"):
        accounts.enrol("shop", "0" * 32, PASSWORD)


def test_a_new_password_ends_all_other_sessions(accounts, person):
    here, elsewhere = person.sign_in().token, person.sign_in().token
    with refusal("access.refused"):
        accounts.change_password(here, "not the old one", "another long one")
    with refusal("password.common"):
        accounts.change_password(here, PASSWORD, "platform!!!")
    accounts.change_password(here, PASSWORD, "another long one")
    assert accounts.resume(here)
    assert accounts.resume(elsewhere) is None
    person.password = "another long one"
    assert person.sign_in()


def test_guesses_at_the_old_password_lock(accounts, person):
    token = person.sign_in().token
    for _ in range(MAX_FAILURES):
        with refusal("access.refused"):
            accounts.change_password(token, "not the old one", "another long one")
    with refusal("access.locked"):
        accounts.change_password(token, PASSWORD, "another long one")


# --- sessions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "idle"), [(Role.ENTERPRISE, IDLE), (Role.STATION, TABLET_IDLE)])
def test_an_idle_session_ends(system, accounts, clock, role, idle):
    person = enrolled(system, admitted(system, operators(system), role, "someone"))
    token = person.sign_in().token
    for _ in range(3):
        clock.move(seconds=idle.total_seconds() - 1)
        assert accounts.resume(token), "in use"
    clock.move(seconds=idle.total_seconds())
    assert accounts.recall(token) is None
    assert accounts.resume(token) is None


def test_a_session_in_use_ends_after_twelve_hours(accounts, person, clock):
    token = person.sign_in().token
    steps = int(SESSION_LIFE / timedelta(minutes=10))
    for _ in range(steps - 1):
        clock.move(minutes=10)
        assert accounts.resume(token)
    clock.move(minutes=10)
    assert accounts.resume(token) is None
    assert accounts.expire()["session"] == 1


def test_what_is_recalled_is_noted_as_used_now_and_then(accounts, person, clock):
    token = person.sign_in().token
    for _ in range(120):
        clock.move(seconds=15)
        assert accounts.recall(token) or accounts.resume(token)


def test_own_sessions_are_listed_and_ended(accounts, person):
    one, other = person.sign_in(), person.sign_in()
    assert [s.id for s in accounts.sessions(person.id)] == [one.session.id, other.session.id]
    accounts.end_session("han", one.session.id)
    assert accounts.resume(one.token), "somebody else's are not ended"
    accounts.end_session(person.id, one.session.id)
    assert accounts.recall(one.token) is accounts.resume(one.token) is None
    accounts.sign_out(other.token)
    accounts.sign_out(other.token)
    assert accounts.sessions(person.id) == []
    with refusal("access.session"):
        accounts.step_up(other.token, person.code())


def test_an_account_has_some_sessions_at_most(accounts, person, monkeypatch):
    monkeypatch.setattr("carbon.services.accounts.access.MAX_SESSIONS", 2)
    tokens = [person.sign_in().token for _ in range(3)]
    assert [bool(accounts.resume(token)) for token in tokens] == [False, True, True]


def test_a_second_proof_opens_for_five_minutes(accounts, person, clock):
    signed_in = person.sign_in()
    assert not accounts.actor(signed_in).stepped_up, "a sign-in is no step-up"
    with refusal("access.refused"):
        accounts.step_up(signed_in.token, "000000")
    accounts.step_up(signed_in.token, person.code())
    assert accounts.actor(accounts.resume(signed_in.token)).stepped_up
    clock.move(seconds=STEP_UP.total_seconds() - 1)
    assert accounts.actor(accounts.resume(signed_in.token)).stepped_up
    clock.move(seconds=1)
    assert not accounts.actor(accounts.resume(signed_in.token)).stepped_up


def test_step_ups_cannot_be_tried_out(accounts, person):
    token = person.sign_in().token
    for _ in range(MAX_FAILURES):
        with refusal("access.refused"):
            accounts.step_up(token, "000000")
    with refusal("access.locked"):
        accounts.step_up(token, person.code())


# --- codes ----------------------------------------------------------------------------------------


def test_a_resident_signs_in_by_phone(system, accounts, texts, clock):
    code = tell(accounts, texts)
    assert texts == [("13800138000", code)]
    assert len(code) == 6
    signed_in = accounts.sign_in_by_code("+86 13800138000", code, HERE)
    assert signed_in.account.role is Role.RESIDENT
    actor = accounts.actor(signed_in)
    assert actor.person == system.registry.person("13800138000")
    clock.move(minutes=11)
    again = accounts.sign_in_by_code(PHONE, tell(accounts, texts, "code-0002"), HERE)
    assert again.account.id == signed_in.account.id
    assert [e.event for e in reversed(accounts.events(actor.id, None, 100))] == [
        "created",
        "sign_in",
        "code_sent",
        "sign_in",
    ]


def test_a_code_is_sent_once_per_id(accounts, texts):
    until = accounts.send_code("code-0001", PHONE, HERE)
    assert accounts.send_code("code-0001", PHONE, HERE) == until
    assert len(texts) == 1
    with refusal("request.conflict"):
        accounts.send_code("code-0001", "13800138001", HERE)


def test_a_code_works_once_and_for_five_minutes(accounts, texts, clock):
    code = tell(accounts, texts)
    assert accounts.sign_in_by_code(PHONE, code, HERE)
    with refusal("access.refused"):
        accounts.sign_in_by_code(PHONE, code, HERE)
    code = tell(accounts, texts, "code-0002")
    clock.move(seconds=CODE_LIFE.total_seconds())
    with refusal("access.refused"):
        accounts.sign_in_by_code(PHONE, code, HERE)


def test_only_the_latest_code_works(accounts, texts, clock):
    old = tell(accounts, texts)
    clock.move(seconds=1)
    new = tell(accounts, texts, "code-0002")
    if old != new:
        with refusal("access.refused"):
            accounts.sign_in_by_code(PHONE, old, HERE)
    assert accounts.sign_in_by_code(PHONE, new, HERE)


def test_a_code_is_tried_five_times(accounts, texts, clock):
    code = tell(accounts, texts)
    for _ in range(5):
        with refusal("access.refused"):
            accounts.sign_in_by_code(PHONE, wrong(code), HERE)
    with refusal("access.locked"):
        accounts.sign_in_by_code(PHONE, code, HERE)


def test_guesses_at_once_do_not_get_more_tries(accounts, texts):
    code = tell(accounts, texts)

    def guess(_):
        with pytest.raises(CarbonError) as caught:
            accounts.sign_in_by_code(PHONE, wrong(code), HERE)
        return caught.value.code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(guess, range(8)))
    assert codes.count("access.refused") == 5


def test_a_code_signs_in_nobody_else(accounts, texts):
    code = tell(accounts, texts)
    with refusal("access.refused"):
        accounts.sign_in_by_code("13800138001", code, HERE)


def test_three_codes_in_ten_minutes_to_a_phone(accounts, texts, clock):
    for number in range(3):
        tell(accounts, texts, f"code-000{number}", address=f"192.0.2.{number}")
    with refusal("code.limit"):
        tell(accounts, texts, "code-0009", address="192.0.2.99")
    clock.move(seconds=CODES_WITHIN.total_seconds())
    accounts.expire()
    assert tell(accounts, texts, "code-0010", address="192.0.2.99")


@pytest.mark.parametrize(
    "addresses", [[HERE] * 4, [f"2001:db8::{n}" for n in range(4)], ["testclient"] * 4]
)
def test_three_codes_in_ten_minutes_for_a_network(accounts, texts, addresses):
    for number, address in enumerate(addresses[:3]):
        tell(accounts, texts, f"code-000{number}", f"1380013800{number}", address)
    with refusal("code.limit"):
        tell(accounts, texts, "code-0009", "13800138009", addresses[3])
    assert tell(accounts, texts, "code-0010", "13800138009", "198.51.100.1")


def test_codes_asked_for_at_once_are_counted_alike(accounts, texts):
    def ask(number):
        try:
            accounts.send_code(f"code-{number:04}", PHONE, f"192.0.2.{number}")
        except CarbonError as error:
            return error.code
        return "sent"

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))).count("sent") == len(texts) == 3


@pytest.mark.parametrize("phone", ["12345", "1380013800", "+0123456789", "abc", "110", "+86110"])
def test_what_is_no_phone_number_is_refused_without_being_told(accounts, phone):
    with refusal("phone.invalid") as caught:
        accounts.send_code("code-0001", phone, HERE)
    assert phone not in str(caught.value) + caught.value.say("zh")


def test_no_message_can_be_sent_without_a_sender(accounts):
    with refusal("code.sender"):
        accounts.send_code("code-0001", PHONE, HERE)
    with refusal("code.sender"):
        accounts.send_code("code-0001", PHONE, HERE)


def test_a_resident_steps_up_with_another_code(accounts, texts, clock):
    token = accounts.sign_in_by_code(PHONE, tell(accounts, texts), HERE).token
    clock.move(seconds=1)
    code = tell(accounts, texts, "code-0002")
    with refusal("access.refused"):
        accounts.step_up(token, wrong(code))
    accounts.step_up(token, code)
    assert accounts.actor(accounts.resume(token)).stepped_up


def test_two_first_sign_ins_make_one_account(accounts, texts):
    code = tell(accounts, texts)

    def sign_in(_):
        try:
            return accounts.sign_in_by_code(PHONE, code, HERE).account.id
        except CarbonError:
            return None

    with ThreadPoolExecutor(4) as pool:
        found = [id_ for id_ in pool.map(sign_in, range(4)) if id_]
    assert len(found) == 1
    assert len(accounts.page("", 10)) == 1


def test_messages_are_shown_in_a_demonstration_only(system, accounts):
    with refusal("account.demonstration"):
        _ = accounts.outbox
    shown = System(replace(system.settings, demonstration=True), system.clock)
    shown.accounts.send_code("code-0001", PHONE, HERE)
    (message,) = shown.accounts.outbox.messages()
    assert message["phone"] == "13800138000"
    assert shown.accounts.sign_in_by_code(PHONE, message["code"], HERE)
    shown.close()


def test_an_installation_brings_its_own_sender(system):
    """``module:factory``; what cannot be loaded sends nothing."""
    own = System(replace(system.settings, sms_sender="people:Phones"), system.clock)
    own.accounts.send_code("code-0001", PHONE, HERE)
    assert Phones.sent[-1][0] == "13800138000"
    own.close()


@pytest.mark.parametrize("named", ["nowhere:Phones", "people:Nobody", "people", ":"])
def test_a_sender_that_cannot_be_loaded_sends_nothing(named):
    with refusal("code.sender"):
        installed_sender(named)
