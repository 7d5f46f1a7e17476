"""What decisions need of the world: one unit of work over facts, ledger and serial numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from carbon.domain.credit.decision import Decision, Member, Signature
from carbon.domain.credit.history import Decided, History
from carbon.domain.credit.issuance import Block
from carbon.domain.period import Period
from carbon.ports.ledger import Broken

#: A movement: asset, account that gives, account that gets, amount.
Movement = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A decision on its way: for more signatures, or for the end of the time to take it back.

    ``due_at``: when it takes effect, once complete. ``private``: what of it is not published, such
    as the name of a beneficiary.
    """

    digest: str
    kind: str
    id: str
    content: Mapping[str, Any]
    signatures: tuple[Signature, ...]
    made_at: datetime
    due_at: datetime | None = None
    private: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What a resident does with their grams: ``kept`` or ``pooled``, by a version of consent."""

    mode: str
    version: str


class Decisions(History, Protocol):
    """Reads what was decided, and what only the database knows."""

    def every(
        self, kind: str, prefix: str = "", since: datetime | None = None
    ) -> Sequence[Decided]:
        """All of a kind whose id starts with something, in order; recorded since a moment."""

    def page(
        self, kind: str, prefix: str, after: int | None, limit: int
    ) -> Sequence[tuple[int, Decided]]:
        """Some of a kind in order, with their places in the store; those after a place."""

    def naming(self, blocks: Sequence[Block]) -> Sequence[Decided]:
        """Decisions whose effect names serials of some blocks, in order."""

    def waiting(self) -> Sequence[Waiting]:
        """All that wait, the oldest first; at most some thousands."""

    def balance(self, asset: str, account: str) -> int:
        """What an account holds and has not promised away."""

    def assets(self) -> Sequence[str]:
        """All assets there are accounts of."""

    def kept_grams(
        self, project: str, month: Period, leaves: tuple[int, int]
    ) -> Sequence[tuple[str, int]]:
        """Positive grams of residents who keep theirs, by pseudonym."""

    def corrected(self, project: str, month: Period, leaves: tuple[int, int]) -> str | None:
        """A record in some leaves, from and to before, that was corrected in none before ``to``.

        Its fact id; ``None`` where there is none.
        """

    def blocks(self, asset: str, account: str, hold: str | None = None) -> Sequence[Block]:
        """Serial blocks of an account that are free, or those a hold reserves."""


class Unit(Decisions, Protocol):
    """One transaction: everything in it happens, or nothing does."""

    def add(
        self,
        decision: Decision,
        signers: Sequence[Member],
        statement: tuple[str, str] | None = None,
    ) -> None:
        """Append a decision with its pending leaf.

        ``statement``: verifier and reviewer, whom the database keeps from issuing. Raises
        ``store.raced`` where the same one was faster.
        """

    def correct(self, fact_id: str, reason: str) -> None:
        """Withdraw a record: a fact with a leaf of its own. Raises ``correction.done``."""

    def keep(self, waiting: Waiting) -> None:
        """Put or replace what waits under its kind and id."""

    def drop(self, waiting: Waiting) -> None:
        """Remove what waited."""

    def opened_at(self, report: str, item: tuple[int, int], person: str) -> datetime | None:
        """When a person first opened an item of a sample, by leaf and row."""

    def note_opened(self, report: str, items: Sequence[tuple[int, int]], person: str) -> None:
        """Keep when a person opens items; a first opening stays."""

    def certify(self, id_: str, private: Mapping[str, str]) -> None:
        """Keep what a certificate tells and the log does not."""

    def open(self, asset: str, account: str, policy: str) -> None:
        """Open an account unless it is open."""

    def post(self, key: str, kind: str, movements: Sequence[Movement]) -> None:
        """Post one journal, once. Raises ``ledger.insufficient``."""

    def hold(self, key: str, movement: Movement, expires_at: datetime) -> None:
        """Promise an amount to an account. Raises ``ledger.insufficient``."""

    def post_hold(self, key: str) -> None:
        """Make a promise good."""

    def void_hold(self, key: str) -> None:
        """Give a promised amount back."""

    def issue(self, asset: str, shares: Sequence[tuple[str, int]]) -> list[Block]:
        """Give the next serial numbers, one block for each account and its number of credits.

        They become facts with the decision that is added next.
        """

    def cover(
        self, project: str, month: str, parts: tuple[int, int | None], leaves: tuple[int, int]
    ) -> None:
        """Note which leaves the decision that is added next issues for, from and to before.

        ``parts``: the report's number, and that of the month's last one that was issued.
        """

    def reserve(self, hold: str, asset: str, account: str, wanted: int | Block) -> list[Block]:
        """Set serial blocks aside for a hold, the lowest first or the ones asked for.

        Raises ``serial.short``, ``serial.elsewhere``.
        """

    def release(self, hold: str) -> None:
        """Undo a reservation."""

    def move(self, hold: str, to: str) -> list[Block]:
        """Give reserved blocks to another account."""


class Registry(Protocol):
    """The store of decisions."""

    def deciding(self, now: datetime) -> AbstractContextManager[Unit]:
        """A transaction to decide in; one at a time."""

    def reading(self) -> AbstractContextManager[Decisions]:
        """A transaction to read in."""


@dataclass(frozen=True, slots=True)
class Use:
    """Records of one fact and month that are concerned by something.

    ``project``: whose they are; ``leaf_index``: ``None`` until it is sequenced.
    """

    fact_seq: int
    project: str | None
    month: str
    leaf_index: int | None
    records: int
    er_g: int


@dataclass(frozen=True, slots=True)
class Downstream:
    """Records concerned by something, and the points that rest on them."""

    uses: Sequence[Use]
    points: int


@dataclass(frozen=True, slots=True)
class Held:
    """Serials and who holds them; ``hold``: what reserves them."""

    asset: str
    account: str
    block: Block
    hold: str | None


class RegistryRule(StrEnum):
    """What always holds of the registry; the number is that of the project's list of invariants."""

    DECIDED = "I10"
    ISSUED = "I6"
    HELD = "I6b"
    RESERVED = "I6c"
    REPLAYED = "I12"
    CARRIED = "I12b"
    COVERED = "I15"


@dataclass(frozen=True, slots=True)
class Kept:
    """A decision as it is kept: its row, and the body of its fact.

    ``covers``: of an issuance, project, month, part, and leaves from and to before.
    """

    kind: str
    id: str
    persons: tuple[str, ...]
    body: bytes
    covers: tuple[str, str, int, int, int] | None


class RegistryBooks(Protocol):
    """The whole registry as of one moment, for checks."""

    def broken(self, rule: RegistryRule) -> Broken | None:
        """What breaks a rule that a statement can check, if anything does."""

    def decisions(self) -> Iterator[Kept]:
        """All decisions in their order."""

    def holdings(self) -> Iterator[Held]:
        """Who holds which serials, ascending."""

    def issued(self) -> Iterator[tuple[str, Block]]:
        """Issued blocks with their assets, ascending."""

    def carried(self) -> Iterator[tuple[str, str, int]]:
        """Asset, account and balance of grams that wait to become a credit."""


class RegistryReader(Protocol):
    """Opens the registry for checks."""

    def books(self) -> AbstractContextManager[RegistryBooks]:
        """All of it as of one moment: nothing is decided meanwhile."""


class ImpactReader(Protocol):
    """Finds what is downstream of records and factors."""

    def of_records(self, fact_ids: Sequence[str]) -> Downstream:
        """Where some records stand."""

    def of_factor(self, numbers: Mapping[str, int]) -> Downstream:
        """Where a factor row is used; ``numbers``: its number by the catalogue's root."""

    def holdings(self, blocks: Sequence[Block]) -> Sequence[Held]:
        """Who holds serials of some blocks now."""
