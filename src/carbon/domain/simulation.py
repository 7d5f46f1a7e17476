"""A simulated Hedong month: stations, shops, markets, schools, park enterprises.

For the demo, the tests and the benchmarks; never evidence. Every distribution is written out in
docs/simulation.md; the mixes are assumptions, chosen to exercise every rule, not measurements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from carbon.domain.errors import CarbonError
from carbon.domain.period import day_number
from carbon.domain.units import Float, Int, Mask

#: Acts a day at scale 1.
ACTS_PER_DAY = 1_000
BLOCK_ROWS = 262_144
MAX_ROWS = 100_000_000

#: Share of acts with something wrong, spread evenly over :data:`MISHAPS`.
MISHAP_SHARE = 0.02
MISHAPS = (
    "age_lost",
    "mass_absurd",
    "returned",
    "exported",
    "misspelt",
    "no_transport",
    "foreign_site",
    "twice",
)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A text column written as prefix and number; −1 is an empty cell."""

    prefix: str
    numbers: Int
    width: int = 0


@dataclass(frozen=True, slots=True)
class Words:
    """A text column of few words; −1 is an empty cell."""

    words: tuple[str, ...]
    codes: Int


Block = dict[str, Numbered | Words | Float | Int]


@dataclass(frozen=True, slots=True)
class Goods:
    """What is handed over in a channel: mean age in years, mass in kg (piece or whole bag)."""

    item_type: str
    weight: float
    mean_age: float
    mass_kg: float
    price_yuan: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A channel: its share of acts, what is done there, with what, moved how, proven how."""

    channel: str
    share: float
    acts: Mapping[str, float]
    modes: Mapping[str, float]
    process: str
    evidence: str
    goods: tuple[Goods, ...]
    by_enterprise: bool = False


_PHONES = (
    Goods("phone", 40, 1.6, 0.19, 1_300),
    Goods("tablet", 9, 1.8, 0.48, 1_100),
    Goods("smartwatch", 5, 1.2, 0.06, 700),
    Goods("external_hdd", 2, 1.5, 0.2, 180),
    Goods("vr_headset", 1, 1.2, 0.6, 1_400),
    Goods("laptop", 1, 3.0, 1.7, 2_300),
)
_CLOTHES = (
    Goods("jeans", 12, 1.3, 0.6, 60),
    Goods("coat", 8, 1.5, 1.4, 180),
    Goods("tshirt", 15, 1.0, 0.18, 25),
    Goods("dress_cotton", 6, 1.2, 0.4, 80),
    Goods("sweater_wool", 6, 1.5, 0.5, 70),
    Goods("shoes_sport", 2, 0.25, 0.9, 110),
)
_HOME = (
    Goods("chair_wood", 6, 3.0, 6.0, 90),
    Goods("sofa", 2, 3.5, 45.0, 700),
    Goods("table_wood", 3, 3.5, 28.0, 260),
    Goods("bicycle", 0.6, 2.0, 15.0, 320),
    Goods("vacuum", 0.3, 3.0, 5.5, 150),
    Goods("book", 0.6, 4.0, 0.4, 12),
)

SCENES = (
    Scene(
        "enterprise",
        0.45,
        {"sale": 1.0},
        {"home_delivery": 0.8, "truck": 0.2},
        "light",
        "certified_scale",
        (*_PHONES, *_CLOTHES),
        by_enterprise=True,
    ),
    Scene(
        "station",
        0.22,
        {"donation": 0.95, "intake": 0.05},
        {"collection": 1.0},
        "none",
        "staff_photo",
        (Goods("clothing_kg", 60, 2.0, 4.5, 0), *_CLOTHES),
    ),
    Scene(
        "shop",
        0.13,
        {"sale": 1.0},
        {"hand": 0.7, "pickup_point_foot": 0.3},
        "none",
        "staff_photo",
        (*_CLOTHES, *_HOME),
    ),
    Scene(
        "market",
        0.12,
        {"sale": 1.0},
        {"hand": 0.9, "shop_car": 0.1},
        "none",
        "self_report",
        (*_HOME, *_CLOTHES),
    ),
    Scene("school", 0.05, {"share": 1.0}, {"hand": 1.0}, "none", "staff_photo", _HOME),
    Scene(
        "counter", 0.03, {"trade_in": 1.0}, {"home_delivery": 1.0}, "full", "staff_photo", _PHONES
    ),
)
_CONDITIONS = {"like_new": 0.25, "good": 0.45, "fair": 0.25, "": 0.05}
#: Shares of acts: a single piece, a stated mass, a stated fate, a listed item id, one seen before.
SINGLE, WEIGHED, FATE_STATED, LISTED, SEEN_BEFORE = 0.9, 0.6, 0.5, 0.7, 0.01
_BY_WEIGHT = {"clothing_kg"}
_WITH_ID = {"phone", "tablet", "laptop", "vr_headset", "bicycle"}
_PREPARED = {"phone"}


@dataclass(frozen=True, slots=True)
class Simulation:
    """What to simulate. Raises ``option.range``."""

    seed: int = 1
    days: int = 30
    scale: int = 1
    start: date = field(default_factory=lambda: date(2026, 10, 1))

    def __post_init__(self) -> None:
        for option, value, low, high in (
            ("--seed", self.seed, 0, 2**32 - 1),
            ("--days", self.days, 1, 366),
            ("--scale", self.scale, 1, MAX_ROWS // ACTS_PER_DAY),
            ("--days × --scale", self.days * self.scale, 1, MAX_ROWS // ACTS_PER_DAY),
        ):
            if not low <= value <= high:
                raise CarbonError("option.range", option=option, value=value, low=low, high=high)

    @property
    def rows(self) -> int:
        """How many acts come out."""
        return self.days * self.scale * ACTS_PER_DAY


def simulate(simulation: Simulation) -> Iterator[Block]:
    """Blocks of canonical columns, reproducible from the seed alone."""
    for first in range(0, simulation.rows, BLOCK_ROWS):
        count = min(BLOCK_ROWS, simulation.rows - first)
        random = np.random.Generator(np.random.PCG64([simulation.seed, first]))
        yield _Block(simulation, random, first, count).columns()


class _Block:
    """One block of acts, column by column."""

    def __init__(
        self, simulation: Simulation, random: np.random.Generator, first: int, count: int
    ) -> None:
        self.simulation, self.random, self.first, self.count = simulation, random, first, count
        self.scene = random.choice(len(SCENES), count, p=[s.share for s in SCENES])
        catalogue = [(s, g) for s, scene in enumerate(SCENES) for g in scene.goods]
        self.goods = self._pick_per_scene(
            [
                {n: g.weight for n, (_, g) in enumerate(catalogue) if _ == s}
                for s in range(len(SCENES))
            ]
        )
        self.kinds = [g for _, g in catalogue]
        mishap = random.integers(0, len(MISHAPS), count)
        self.mishap = np.where(random.random(count) < MISHAP_SHARE, mishap, -1)

    def _pick_per_scene(self, choices: list[dict[int, float]]) -> Int:
        found = np.zeros(self.count, np.int64)
        for scene, choice in enumerate(choices):
            rows = np.flatnonzero(self.scene == scene)
            weights = np.array(list(choice.values()))
            picked = self.random.choice(list(choice), len(rows), p=weights / weights.sum())
            found[rows] = picked
        return found

    def _words(self, per_scene: list[Mapping[str, float]]) -> Words:
        words = tuple(sorted({w for choice in per_scene for w in choice if w}))
        place = {w: n for n, w in enumerate(words)} | {"": -1}
        return Words(
            words, self._pick_per_scene([{place[w]: p for w, p in c.items()} for c in per_scene])
        )

    def _hit(self, mishap: str) -> Mask:
        hit: Mask = self.mishap == MISHAPS.index(mishap)
        return hit

    def columns(self) -> Block:
        kinds, random, count = self.kinds, self.random, self.count
        by_weight = np.array([k.item_type in _BY_WEIGHT for k in kinds])[self.goods]
        quantity = np.where(random.random(count) < SINGLE, 1, random.integers(2, 6, count))
        each = np.array([k.mass_kg for k in kinds])[self.goods] * random.uniform(0.8, 1.25, count)
        mass = np.round(np.where(by_weight, each, each * quantity), 3)
        mass = np.where(self._hit("mass_absurd"), mass * 1_000, mass)
        age = random.gamma(2.0, np.array([k.mean_age / 2 for k in kinds])[self.goods])
        unknown = random.random(count) < np.where(by_weight, 0.9, 0.08)
        age = np.where(unknown | self._hit("age_lost"), np.nan, np.round(age, 1))
        price = np.array([k.price_yuan * 100 for k in kinds])[self.goods] * quantity
        number = self.first + np.arange(count, dtype=np.int64)
        number = np.where(self._hit("twice") & (number > 0), number - 1, number)
        numbered = self._shuffled(number)
        acts = self._words([s.acts for s in SCENES])
        return {
            "record_id": Numbered("HD-", numbered, 10),
            "occurred_on": self._days(),
            "channel": Words(tuple(s.channel for s in SCENES), self.scene),
            "act": acts,
            "item_type": self._item_types(),
            "quantity": np.where(by_weight, -1, quantity),
            "mass_kg": np.where(by_weight | (random.random(count) < WEIGHED), mass, np.nan),
            "condition": self._words([_CONDITIONS] * len(SCENES)),
            "age_years": age,
            "price_fen": np.where(
                price > 0, np.rint(price * random.uniform(0.6, 1.4, count)), -1
            ).astype(np.int64),
            "process": self._process(),
            "transport_km": np.round(random.gamma(2.0, 150.0, count).clip(1, 4_000), 1),
            "transport_mode": self._modes(),
            "destination": self._destinations(by_weight),
            "evidence": self._words([{s.evidence: 1.0} for s in SCENES]),
            "item_id": self._item_ids(numbered, quantity == 1),
            "giver": Numbered("p-", random.integers(0, 50_000 * self.simulation.scale, count), 8),
            "receiver": Numbered(
                "p-", random.integers(0, 50_000 * self.simulation.scale, count), 8
            ),
            "receiver_region": self._regions(),
            "returned_on": self._returns(),
            "subsidised": Words(
                ("no",), np.where(acts.codes == acts.words.index("trade_in"), 0, -1)
            ),
            "site": self._sites(),
            "enterprise": self._enterprises(),
            "note": Words(("模拟数据",), np.zeros(count, np.int64)),
        }

    def _shuffled(self, number: Int) -> Int:
        """Record numbers out of order, as in a real export: a bijection of 0 … 2^33 − 1."""
        return (number * 11_400_714_819 + self.simulation.seed) % (1 << 33)

    def _days(self) -> Int:
        self.occurred = day_number(self.simulation.start) + self.random.integers(
            0, self.simulation.days, self.count
        )
        return self.occurred

    def _item_types(self) -> Words:
        words = tuple(dict.fromkeys(k.item_type for k in self.kinds))
        codes = np.array([words.index(k.item_type) for k in self.kinds])[self.goods]
        return Words((*words, "手机壳儿"), np.where(self._hit("misspelt"), len(words), codes))

    def _process(self) -> Words:
        words = ("none", "light", "full")
        prepared = np.array([k.item_type in _PREPARED for k in self.kinds])[self.goods]
        level = np.array([words.index(s.process) for s in SCENES])[self.scene]
        return Words(words, np.where(prepared, level, 0))

    def _modes(self) -> Words:
        modes = self._words([s.modes for s in SCENES])
        return Words(modes.words, np.where(self._hit("no_transport"), -1, modes.codes))

    def _destinations(self, by_weight: Mask) -> Words:
        words = ("reuse", "fibre", "export")
        fate = self.random.choice(3, self.count, p=[0.94, 0.05, 0.01])
        codes = np.where(
            by_weight, fate, np.where(self.random.random(self.count) < FATE_STATED, 0, -1)
        )
        return Words(words, np.where(self._hit("exported"), 2, codes))

    def _item_ids(self, number: Int, single: Mask) -> Numbered:
        has = np.array([k.item_type in _WITH_ID for k in self.kinds])[self.goods]
        again = self.random.random(self.count) < SEEN_BEFORE
        number = np.where(again, number // 1_000, number)
        return Numbered(
            "item-",
            np.where(has & single & (self.random.random(self.count) < LISTED), number, -1),
            10,
        )

    def _regions(self) -> Words:
        words = ("120000", "110000", "130000", "310000", "440000")
        return Words(words, self.random.choice(5, self.count, p=[0.6, 0.15, 0.15, 0.05, 0.05]))

    def _returns(self) -> Int:
        back = self.occurred + self.random.integers(0, 12, self.count)
        return np.where(self._hit("returned"), back, np.iinfo(np.int32).min)

    def _sites(self) -> Words:
        words = (*(f"120102-{n:03d}" for n in range(40)), "120103-001")
        codes = self.random.integers(0, 40, self.count)
        own = np.array([s.by_enterprise for s in SCENES])[self.scene]
        return Words(words, np.where(self._hit("foreign_site"), 40, np.where(own, -1, codes)))

    def _enterprises(self) -> Words:
        words = tuple(f"91120102MA{n:07d}X" for n in range(99))
        own = np.array([s.by_enterprise for s in SCENES])[self.scene] & ~self._hit("foreign_site")
        return Words(words, np.where(own, self.random.integers(0, 99, self.count), -1))
