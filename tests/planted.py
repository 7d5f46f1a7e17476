"""Events with planted duplicates, the truth known: what S7 is measured on.

The base is legitimate: private sales, shops, enterprises and stations over six weeks, repeat
customers, and look-alikes on purpose (a piece sold on from hand to hand within days, two parties
trading several pieces of a kind on one day, a customer buying several kinds at once). Copies are
exact (the same record again) or disguised: another record id, and one to three of a slightly other
day, mass, price, condition, place or note, an item id respelt or left out, parties respelt.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from carbon.domain.activity.record import COLUMNS

Event = dict[str, str]

FIRST, DAYS = date(2026, 10, 5), 40
#: Kinds with mass in kg, price in yuan, and whether a piece of it usually bears an id.
KINDS = {
    "phone": (0.19, 1300, True),
    "laptop": (1.7, 2300, True),
    "bicycle": (15.0, 320, True),
    "jeans": (0.6, 60, False),
    "tshirt": (0.18, 25, False),
    "coat": (1.4, 180, False),
    "chair_wood": (6.0, 90, False),
    "sofa": (45.0, 700, False),
    "book": (0.4, 12, False),
}
#: Of a thousand acts: onward sales, several pieces at once, several kinds at once, and a kind
#: bought again within days from anybody.
CHAIN, SEVERAL_PIECES, SEVERAL_KINDS, AGAIN = 10, 10, 20, 5
#: Of a hundred acts of a kind without ids, how many name no receiver: nothing tells them apart.
ANONYMOUS = 3


@dataclass
class Planted:
    """Two submissions and their truth.

    ``exact``: copies of a record of the same file; ``again``: ids of records of the first file that
    the second one repeats; ``disguised``: record id of the copy → of the original.
    """

    first: list[Event] = field(default_factory=list)
    second: list[Event] = field(default_factory=list)
    exact: int = 0
    again: list[str] = field(default_factory=list)
    disguised: dict[str, str] = field(default_factory=dict)


class Generator:
    """Reproducible from its seed."""

    def __init__(self, seed: int, size: int) -> None:
        self.random = random.Random(seed)
        self.people = max(50, size // 6)
        self.count = 0

    # --- the legitimate base ----------------------------------------------------------------------

    def base(self, size: int) -> Iterable[Event]:
        """About ``size`` acts."""
        made = 0
        while made < size:
            lot = self.random.randrange(1000)
            if lot < CHAIN:
                acts = self._chain()
            elif lot < CHAIN + SEVERAL_PIECES:
                acts = self._several_pieces()
            elif lot < CHAIN + SEVERAL_PIECES + SEVERAL_KINDS:
                acts = self._several_kinds()
            elif lot < CHAIN + SEVERAL_PIECES + SEVERAL_KINDS + AGAIN:
                acts = self._again()
            else:
                acts = [self.act()]
            made += len(acts)
            yield from acts

    def act(self, **given: str) -> Event:
        """One act of a random kind, by a random seller."""
        kind = given.get("item_type") or self.random.choice(list(KINDS))
        mass, price, listed = KINDS[kind]
        self.count += 1
        day = FIRST + timedelta(days=self.random.randrange(DAYS))
        event = {
            "record_id": f"r{self.count:08d}",
            "occurred_on": day.isoformat(),
            "act": "sale",
            "item_type": kind,
            "quantity": "1",
            "mass_kg": f"{mass * self.random.uniform(0.75, 1.35):.3f}",
            "condition": self.random.choice(["like_new", "good", "fair"]),
            "age_years": f"{self.random.uniform(0.2, 1.9):.1f}",
            "price_fen": str(round(price * 100 * self.random.uniform(0.6, 1.4))),
            "process": "light" if kind == "phone" else "none",
            "transport_mode": "hand",
            "receiver": self._person(),
            "receiver_region": "120000",
            **self._seller(),
        }
        if self.random.random() < (0.8 if listed else 0.1):
            event["item_id"] = self._item_id(kind)
        elif self.random.randrange(100) < ANONYMOUS:
            del event["receiver"]
        return event | given

    def _seller(self) -> Event:
        site = f"120102-{self.random.randrange(40):03d}"
        lot = self.random.random()
        if lot < 0.6:
            return {"channel": "market", "giver": self._person(), "site": site}
        if lot < 0.85:
            number = self.random.randrange(99)
            return {"channel": "enterprise", "enterprise": f"91120102MA{number:07d}X", "site": site}
        return {"channel": "shop", "site": site}

    def _person(self) -> str:
        return f"p-{self.random.randrange(self.people):08d}"

    def _item_id(self, kind: str) -> str:
        number = self.random.randrange(10**12)
        if self.random.random() < 0.3:
            return f"{kind.upper()}-{number // 10**6:06d}-{number % 10**6:06d}"
        return f"{kind[:2]}{number:012d}"

    def _later(self, event: Event, days: int) -> Event:
        day = date.fromisoformat(event["occurred_on"]) + timedelta(days=days)
        return {"occurred_on": day.isoformat()}

    def _chain(self) -> list[Event]:
        """One piece from hand to hand; now and then a shop is the first."""
        kind = self.random.choice(["phone", "laptop", "bicycle"])
        acts = [self.act(item_type=kind, item_id=self._item_id(kind), receiver=self._person())]
        for _ in range(self.random.choice([1, 1, 2])):
            last = acts[-1]
            again = self._later(last, self.random.randrange(1, 4))
            piece = {name: last[name] for name in ("item_type", "item_id", "mass_kg")}
            seller = {"channel": "market", "giver": last["receiver"], "receiver": self._person()}
            acts.append(self.act(**piece, **seller, **again))
            acts[-1].pop("enterprise", None)
        return acts

    def _several_pieces(self) -> list[Event]:
        """The same two parties, one kind, one day, pieces with ids of their own."""
        first = self.act(item_id=self._item_id("several"), receiver=self._person())
        shared = {n: v for n, v in first.items() if n not in ("record_id", "mass_kg", "price_fen")}
        more = range(self.random.randrange(1, 4))
        return [first, *(self.act(**shared | {"item_id": self._item_id("several")}) for _ in more)]

    def _several_kinds(self) -> list[Event]:
        """A customer with a full basket."""
        kinds = self.random.sample(list(KINDS), self.random.randrange(2, 5))
        first = self.act(item_type=kinds[0], receiver=self._person())
        names = ("occurred_on", "receiver", "giver", "enterprise", "site", "channel")
        shared = {n: first[n] for n in names if n in first}
        rest = []
        for kind in kinds[1:]:
            act = self.act(item_type=kind, **shared)
            rest.append({n: v for n, v in act.items() if n not in names or n in shared})
        return [first, *rest]

    def _again(self) -> list[Event]:
        """A customer who buys another piece of a kind, here or elsewhere, without ids."""
        first = self.act(receiver=self._person())
        again = self._later(first, self.random.randrange(4))
        names = ("giver", "enterprise", "site", "channel") if self.random.random() < 0.3 else ()
        shared = {n: first[n] for n in ("item_type", "receiver", *names) if n in first}
        acts = [first, self.act(**again, **shared)]
        if names:
            acts[1] = {n: v for n, v in acts[1].items() if n not in names or n in shared}
        return [{n: v for n, v in act.items() if n != "item_id"} for act in acts]

    # --- copies -----------------------------------------------------------------------------------

    def disguise(self, event: Event) -> Event:
        """The same act told again as if it were another."""
        self.count += 1
        copy = event | {"record_id": f"d{self.count:08d}"}
        changes = [c for c, needs in DISGUISES if needs is None or event.get(needs)]
        for change in self.random.sample(changes, self.random.randrange(1, 4)):
            change(self, copy)
        return copy

    def _day(self, copy: Event) -> None:
        copy |= self._later(copy, self.random.choice([-2, -1, 1, 2]))

    def _mass(self, copy: Event) -> None:
        copy["mass_kg"] = f"{float(copy['mass_kg']) * self.random.uniform(0.98, 1.02):.4f}"

    def _price(self, copy: Event) -> None:
        copy["price_fen"] = str(round(int(copy["price_fen"]) * self.random.uniform(0.9, 1.1)))

    def _condition(self, copy: Event) -> None:
        others = {"like_new", "good", "fair"} - {copy["condition"]}
        copy["condition"] = self.random.choice(sorted(others))

    def _place(self, copy: Event) -> None:
        copy["site"] = f"120102-{self.random.randrange(40, 80):03d}"
        copy["channel"] = "station"

    def _note(self, copy: Event) -> None:
        copy["note"] = self.random.choice(["九成新", "自提", "second look", "急出"])

    def _respell_item(self, copy: Event) -> None:
        if "item_id" in copy:
            copy["item_id"] = self._respelt(copy["item_id"], hyphens=True)

    def _drop_item(self, copy: Event) -> None:
        copy.pop("item_id", None)

    def _respell_parties(self, copy: Event) -> None:
        for name in ("giver", "receiver"):
            if copy.get(name):
                copy[name] = self._respelt(copy[name])

    def _respelt(self, text: str, *, hyphens: bool = False) -> str:
        ways: list[Callable[[str], str]] = [
            str.upper,
            str.lower,
            str.swapcase,
            lambda t: f" {t} ",
            lambda t: f"{t[:4]} {t[4:]}",
            lambda t: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in t),
        ]
        if hyphens:
            ways += [
                lambda t: t.replace("-", ""),
                lambda t: f"{t[:5]}-{t[5:]}",
                lambda t: t.replace("-", "‐") if "-" in t else f"{t[:3]}–{t[3:]}",
            ]
        return self.random.choice(ways)(text)


#: Ways to disguise a copy, with the column each needs.
DISGUISES: tuple[tuple[Callable[[Generator, Event], None], str | None], ...] = (
    (Generator._day, None),
    (Generator._mass, "mass_kg"),
    (Generator._price, "price_fen"),
    (Generator._condition, "condition"),
    (Generator._place, None),
    (Generator._note, None),
    (Generator._respell_item, "item_id"),
    (Generator._drop_item, "item_id"),
    (Generator._respell_parties, "receiver"),
)


def planted(seed: int, size: int) -> Planted:
    """``size`` acts, with 1 % exact and 1 % disguised copies, half of them in a second file."""
    made, generator = Planted(), Generator(seed, size)
    made.first = list(generator.base(size // 2))
    made.second = list(generator.base(size // 2))
    half = max(1, size // 200)
    # A record is copied once: otherwise the truth would have to say which copies are of one act.
    originals = generator.random.sample(made.first, 4 * half)
    for n, event in enumerate(originals):
        if n < half:
            made.first.append(dict(event))
            made.exact += 1
        elif n < 2 * half:
            made.second.append(dict(event))
            made.again.append(event["record_id"])
        else:
            copy = generator.disguise(event)
            made.disguised[copy["record_id"]] = event["record_id"]
            (made.first if n < 3 * half else made.second).append(copy)
    generator.random.shuffle(made.first)
    generator.random.shuffle(made.second)
    return made


def write_events(path: Path, events: list[Event]) -> Path:
    """Write events under canonical headers, quoted where they must be."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [c.name for c in COLUMNS], restval="")
        writer.writeheader()
        writer.writerows(events)
    return path
