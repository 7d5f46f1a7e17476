"""Accounts of a running system: who may act, and who is acting."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from carbon.adapters.proofs import Passwords
from carbon.adapters.sealing import AccountSecrets
from carbon.adapters.senders import NoSender, Outbox, installed_sender
from carbon.adapters.store.accounts import AccountStore
from carbon.domain.access import CLOCK_WINDOW, EVENTS_KEPT, NOTED, REFUSALS_NOTED, Event, Status
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Actor
from carbon.ports.accounts import Account, ApiKey, SecurityEvent, Sender, Session
from carbon.services.accounts import codes, demonstration, granting, keys, signing_in
from carbon.services.accounts.access import (
    Access,
    SignedIn,
    digest_of,
    found,
    is_fresh,
    resume,
)
from carbon.services.accounts.demonstration import DemoAccount
from carbon.services.accounts.granting import Granted, NewAccount
from carbon.services.accounts.keys import SignedRequest, SigningKey
from carbon.services.accounts.recent import Recent
from carbon.services.accounts.signing_in import Enrolled

if TYPE_CHECKING:
    from carbon.bootstrap.single_sign_on import SingleSignOn
    from carbon.bootstrap.system import System

#: A file of the spool, in a demonstration.
OUTBOX = "outbox.jsonl"
#: Bits of an IPv6 address that are one subscriber's.
_SUBSCRIBER = 64


class Accounts:
    """Raises ``access.*`` where a proof is wrong, ``account.*`` where something may not be done."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._store = AccountStore(system.database)
        #: What is believed for some seconds; a freeze in this process forgets it at once.
        self.recent_sessions: Recent[SignedIn] = Recent()
        self.recent_keys: Recent[SigningKey] = Recent()
        self._refused_keys: Recent[str] = Recent(REFUSALS_NOTED)

    @cached_property
    def _access(self) -> Access:
        secrets = AccountSecrets(self._system.vault)
        return Access(self._store.begin, self._system.clock, secrets, Passwords(), self._sender)

    @property
    def _sender(self) -> Sender:
        settings = self._system.settings
        if settings.sms_sender:
            return installed_sender(settings.sms_sender)
        return self.outbox if settings.demonstration else NoSender()

    @cached_property
    def outbox(self) -> Outbox:
        """Messages of a demonstration. Raises ``account.demonstration`` anywhere else."""
        if not self._system.settings.demonstration:
            raise CarbonError("account.demonstration")
        return Outbox(self._system.settings.spool / OUTBOX, self._system.clock)

    def origin(self, address: str) -> str:
        """Keyed hash of the network an address belongs to: of one subscriber."""
        try:
            version = ipaddress.ip_address(address).version
        except ValueError:
            return self._access.secrets.lookup("network", address)
        bits = _SUBSCRIBER if version == 6 else 32  # noqa: PLR2004  of IPv6
        network = ipaddress.ip_network(f"{address}/{bits}", strict=False)
        return self._access.secrets.lookup("network", str(network))

    # --- signing in ---------------------------------------------------------------------------

    def send_code(self, id_: str, phone: str, address: str) -> datetime:
        """Send a code to a phone, once per id; until when it works."""
        return codes.send_code(self._access, id_, phone, self.origin(address))

    def sign_in_by_code(self, phone: str, code: str, address: str) -> SignedIn:
        """Sign a resident in; the first time makes the account."""
        return codes.by_code(self._access, phone, code, self.origin(address))

    def sign_in(self, id_: str, password: str, code: str, address: str) -> SignedIn:
        """Sign in with password and one-time password."""
        return signing_in.by_password(self._access, id_, password, code, self.origin(address))

    def prove(self, id_: str, password: str, code: str) -> Actor:
        """Who proves themselves for one act, at a console."""
        return signing_in.prove(self._access, id_, password, code)

    def enrol(self, id_: str, token: str, password: str) -> Enrolled:
        """Choose a password and get a secret of one-time passwords."""
        return signing_in.enrol(self._access, id_, token, password)

    def step_up(self, token: str, code: str) -> Session:
        """Prove oneself again in a session."""
        session = signing_in.step_up(self._access, self._of(token), code)
        self._forget_session(session.digest)
        return session

    def change_password(self, token: str, old: str, new: str) -> None:
        """Change one's own password; all other sessions end."""
        signed_in = self._of(token)
        signing_in.change_password(self._access, signed_in, old, new)
        self._forget(signed_in.account.id)

    # --- sessions -----------------------------------------------------------------------------

    def recall(self, token: str) -> SignedIn | None:
        """The session of a token, if that is known without asking the database."""
        now, known = self._access.now(), self.recent_sessions.get(digest_of(token))
        if known is None or not is_fresh(known.session.seen_at, now, NOTED):
            return None
        return known if now < known.ends_at() else None

    def resume(self, token: str) -> SignedIn | None:
        """The session of a token, noted as in use; ``None`` where it has ended."""
        now, digest = self._access.now(), digest_of(token)
        with self._store.reading() as unit:
            signed_in = resume(unit, digest, now)
        if signed_in is None:
            self._forget_session(digest)
            return None
        if not is_fresh(signed_in.session.seen_at, now, NOTED):
            with self._store.begin() as unit:
                unit.sessions.note_seen(digest, now)
                signed_in = resume(unit, digest, now)
        if signed_in is not None:
            self.recent_sessions.put(digest, signed_in)
        return signed_in

    def actor(self, signed_in: SignedIn) -> Actor:
        """Who acts in a session at this moment."""
        return signed_in.actor(self._access.now())

    def _of(self, token: str) -> SignedIn:
        signed_in = self.resume(token)
        if signed_in is None:
            raise CarbonError("access.session")
        return signed_in

    def sessions(self, account: str) -> Sequence[Session]:
        """An account's sessions, the oldest first."""
        with self._store.reading() as unit:
            return unit.sessions.of(account)

    def end_session(self, account: str, id_: str) -> None:
        """End a session of an account, by its id; one that ended already is no fault."""
        with self._store.begin() as unit:
            for session in unit.sessions.of(account):
                if session.id == id_:
                    unit.sessions.end(session.digest)
                    unit.events.note(self._access.now(), Event.SIGN_OUT, account, account)
        self._forget(account)

    def sign_out(self, token: str) -> None:
        """End the session of a token; one that ended already is no fault."""
        signed_in = self.resume(token)
        if signed_in is not None:
            self.end_session(signed_in.account.id, signed_in.session.id)

    def id_of(self, token: str) -> str:
        """The id of a token's session."""
        return self._of(token).session.id

    def _forget_session(self, digest: str) -> None:
        self.recent_sessions.forget(lambda known: known.session.digest == digest)

    def _forget(self, account: str) -> None:
        self.recent_sessions.forget(lambda known: known.account.id == account)
        self.recent_keys.forget(lambda known: known.actor.id == account)

    def forget_all(self) -> None:
        """Believe nothing that was looked up before."""
        self.recent_sessions.forget(lambda _: True)
        self.recent_keys.forget(lambda _: True)

    @cached_property
    def sso(self) -> SingleSignOn:
        """Sign-in through another party. Raises ``oidc.off``."""
        from carbon.bootstrap.single_sign_on import SingleSignOn

        return SingleSignOn(self._system, self._access, self.origin)

    # --- granting -----------------------------------------------------------------------------

    def bootstrap(self, first: NewAccount, second: NewAccount) -> list[Granted]:
        """Make the first two operators."""
        return granting.bootstrap(self._access, first, second)

    def create(self, actor: Actor, new: NewAccount) -> Account:
        """Make an account that waits for a second person."""
        return granting.create(self._access, actor, new)

    def approve(self, actor: Actor, id_: str) -> Granted:
        """Be the second person who lets a new account act."""
        return granting.approve(self._access, actor, id_, Status.PENDING)

    def unfreeze(self, actor: Actor, id_: str) -> Granted:
        """Be one of two people who let a frozen account act again; it enrols anew."""
        return granting.approve(self._access, actor, id_, Status.FROZEN)

    def freeze(self, actor: Actor, id_: str) -> Account:
        """Stop an account at once."""
        account = granting.freeze(self._access, actor, id_)
        self._forget(id_)
        return account

    def end(self, actor: Actor, id_: str) -> Account:
        """End an account for ever."""
        account = granting.end(self._access, actor, id_)
        self._forget(id_)
        return account

    def account(self, id_: str) -> Account:
        """One account. Raises ``account.unknown``."""
        with self._store.reading() as unit:
            return found(unit, id_)

    def page(self, after: str, limit: int) -> Sequence[Account]:
        """Some accounts by id; those after one."""
        with self._store.reading() as unit:
            return unit.accounts.page(after, limit)

    # --- keys ---------------------------------------------------------------------------------

    def make_key(self, actor: Actor, account: str, id_: str, replaces: str | None = None) -> str:
        """Make a key and tell its secret, in hexadecimal."""
        return keys.make_key(self._access, actor, account, id_, replaces)

    def end_key(self, actor: Actor, account: str, id_: str) -> None:
        """End a key now."""
        keys.end_key(self._access, actor, account, id_)
        self._forget(account)

    def keys(self, account: str) -> Sequence[ApiKey]:
        """An account's keys, the oldest first."""
        with self._store.reading() as unit:
            found(unit, account)
            return unit.proofs.keys(account)

    def signing_key(self, id_: str) -> SigningKey | None:
        """A key that works, from the database."""
        with self._store.reading() as unit:
            key = keys.signing_key(self._access, unit, id_)
        if key is not None:
            self.recent_keys.put(id_, key)
        return key

    def check_request(self, key: SigningKey | None, asked: SignedRequest) -> Actor:
        """Who signed a request; that its nonce is new is seen by `admit`."""
        return keys.check_request(key, asked, self._access.now())

    def note_refused(self, key: SigningKey) -> None:
        """Note that somebody signs wrongly under the name of a key, once in a while."""
        if self._refused_keys.get(key.id) is None:
            self._refused_keys.put(key.id, key.id)
            with self._store.begin() as unit:
                now, account = self._access.now(), key.actor.id
                unit.events.note(now, Event.KEY_REFUSED, account, account, done=False)

    def admit(self, seen: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those keys' nonces that no process has seen before."""
        # A request may come this long before its own time, and be repeated this long after.
        expires_at = self._access.now() + 2 * CLOCK_WINDOW + timedelta(minutes=1)
        with self._store.begin() as unit:
            return unit.tries.admit(seen, expires_at)

    def seed_demo(self) -> list[DemoAccount]:
        """An account of every role, for a demonstration, and how to sign in as each.

        Raises ``account.demonstration`` anywhere else.
        """
        if not self._system.settings.demonstration:
            raise CarbonError("account.demonstration")
        return demonstration.seed(self._access)

    @cached_property
    def demonstrated(self) -> list[DemoAccount]:
        """The same, made once in this process."""
        return self.seed_demo()

    # --- care ---------------------------------------------------------------------------------

    def events(self, account: str, before: int | None, limit: int) -> Sequence[SecurityEvent]:
        """The security log, the newest first; of an account, before a place."""
        with self._store.reading() as unit:
            return unit.events.page(account, before, limit)

    def expire(self) -> dict[str, int]:
        """Remove what has ended, and security events that are old enough; rows by table."""
        now = self._access.now()
        with self._store.begin() as unit:
            pruned = unit.events.prune(now - EVENTS_KEPT)
            return {**unit.tries.expire(now), "security_event": pruned}
