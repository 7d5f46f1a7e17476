"""Published formulas: the pieces methodologies share, their bytes and their digest.

The pieces say in the expression language what :mod:`~carbon.domain.quantification.formulas` and
:mod:`~carbon.domain.quantification.handover` say for arrays, operation by operation in the same
order; a property test holds the two equal to the gram. Where a factor must enter, the expression
names it without asking whether it is given: a row published without it cannot be recomputed.

Clause numbers are those of ``docs/methodology/HD-REUSE.md``.
"""

from __future__ import annotations

import hashlib
import json

from carbon.domain.quantification.expression import Expr, Step
from carbon.domain.quantification.formulas import BY_TONNE, FREIGHT, PARCEL_LIMITS_KG
from carbon.domain.quantification.methodology import Methodology
from carbon.domain.units import DECIMALS, GRAMS_PER_KG, KG_PER_TONNE


def num(value: float) -> Expr:
    """A literal, whole numbers without a point.

    >>> num(30.0), num(0.5)
    (('num', '30'), ('num', '0.5'))
    """
    return "num", repr(value).removesuffix(".0")


def product(first: Expr, *others: Expr) -> Expr:
    """A product from left to right.

    >>> product("q", "ef", "displacement")
    ('mul', ('mul', 'q', 'ef'), 'displacement')
    """
    for other in others:
        first = ("mul", first, other)
    return first


def total(first: Expr, *others: Expr) -> Expr:
    """A sum from left to right."""
    for other in others:
        first = ("add", first, other)
    return first


ZERO, ONE = num(0), num(1)

#: Q or m (clause 5.1): pieces, or kilograms for goods by weight.
AMOUNT: tuple[Step, ...] = (
    ("by_weight", ("is", "item.unit", "kg")),
    ("q", ("if", "by_weight", "mass_kg", "quantity")),
)

#: Share of L kept (clause 6.5): no deduction with an item id.
LIFE_KEPT: Step = ("kept", ("sub", ONE, ("if", "item", ZERO, "recirculation")))


def credited(own: Expr) -> Expr:
    """L credited (clause 6.4): at most what the item's account grants, if it has one."""
    return ("if", ("given", "allowance"), ("min", own, "allowance"), own)


_PACKED: Expr = (
    "is",
    "transport_mode",
    "home_delivery",
    "pickup_point_car",
    "pickup_point_foot",
    *FREIGHT,
)
_TONNES: Expr = ("div", ("mul", "pieces", "each_kg"), num(KG_PER_TONNE))

#: PE (clause 7): transport, packing, preparation, platform.
PROJECT: tuple[Step, ...] = (
    ("pieces", ("if", "by_weight", ONE, "quantity")),
    (
        "each_kg",
        (
            "if",
            "by_weight",
            "mass_kg",
            ("if", ("given", "mass_kg"), ("div", "mass_kg", "quantity"), "item.mass_high_kg"),
        ),
    ),
    ("packed", _PACKED),
    (
        "parcels",
        (
            "if",
            "packed",
            (
                "mul",
                "pieces",
                ("max", ONE, ("ceil", ("div", "each_kg", num(float(PARCEL_LIMITS_KG[-1]))))),
            ),
            ZERO,
        ),
    ),
    (
        "moved",
        (
            "if",
            ("is", "transport_mode", "home_delivery"),
            "parcels",
            (
                "if",
                ("is", "transport_mode", *BY_TONNE),
                _TONNES,
                (
                    "if",
                    ("is", "transport_mode", *FREIGHT),
                    ("mul", _TONNES, "transport_km"),
                    "pieces",
                ),
            ),
        ),
    ),
    ("packing_kg", ("if", "packed", ("mul", "parcels", "packing"), ZERO)),
    (
        "prepared",
        (
            "if",
            ("and", ("is", "process", "none"), ("not", ("given", "refurbish"))),
            ZERO,
            "refurbish",
        ),
    ),
    (
        "pe",
        total(
            ("mul", "moved", "transport"),
            "packing_kg",
            ("mul", "pieces", "prepared"),
            ("mul", "pieces", "platform"),
        ),
    ),
)

#: U (clause 8) over the step ``years``: only what uses power, and only with sourced kWh (8.3).
USE: Step = (
    "u",
    (
        "if",
        (
            "and",
            ("is", "item.uses_power", "yes"),
            ("given", "used_kwh"),
            ("given", "new_kwh"),
        ),
        product(
            "pieces",
            "years",
            "grid",
            (
                "add",
                ("max", ZERO, ("sub", "used_kwh", "new_kwh")),
                ("mul", ("sub", ONE, "displacement"), "used_kwh"),
            ),
        ),
        ZERO,
    ),
)

#: LE (clause 9).
LEAKAGE: Step = ("le", ("mul", "leakage_rate", "be"))

#: Nothing but a baseline: the display methodologies.
ONLY_BASELINE: tuple[Step, ...] = (("pe", ZERO), ("u", ZERO), ("le", ZERO))


def _grams(whole: str, kg: str) -> Step:
    rounded: Expr = ("round", ("mul", kg, num(GRAMS_PER_KG)), num(DECIMALS))
    return f"{kg}_g", (whole, rounded)


#: Kilograms to whole grams (clause 10.2): the baseline down, what is deducted up.
GRAM_STEPS: tuple[Step, ...] = (
    _grams("floor", "be"),
    *(_grams("ceil", kg) for kg in ("pe", "u", "le")),
    ("er_g", ("sub", ("sub", ("sub", "be_g", "pe_g"), "u_g"), "le_g")),
)


def formula_bytes(methodology: Methodology) -> bytes:
    """Canonical JSON of a methodology's formula: exactly the bytes of its published file.

    ``roles``: for each factor its table and the template of its key, ``family/key``.
    """
    roles = {role.name: f"{role.family}/{role.key}" for role in methodology.roles}
    value = {"methodology": methodology.name, "roles": roles, "steps": methodology.steps}
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def formula_digest(methodology: Methodology) -> str:
    """SHA-256 of :func:`formula_bytes`, hexadecimal: how a leaf names the formula."""
    return hashlib.sha256(formula_bytes(methodology)).hexdigest()
