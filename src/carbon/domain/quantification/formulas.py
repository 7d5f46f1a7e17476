"""The terms that methodologies share, one function each.

Arrays have shape ``(n,)`` and broadcast; masses are kilograms, emissions kg CO2e, lives years,
shares ratios between 0 and 1. Shape faults cannot occur here: a batch is checked when it is built.
Clause numbers are those of ``docs/methodology/HD-REUSE.md`` unless another document is named.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np

from carbon.domain.units import KG_PER_TONNE, Code, Float, Mask

#: Home delivery is read at the parcel class that holds the piece (clause 7.2); above the last
#: class one parcel per started 30 kg.
PARCEL_LIMITS_KG = np.array([1.0, 2.0, 15.0, 30.0])
PARCEL_WORDS = tuple(f"home_delivery_{size}" for size in ("small", "2kg", "15kg", "30kg"))

DELIVERED = ("pickup_point_car", "pickup_point_foot", "shop_car")
BY_TONNE = ("collection",)
FREIGHT = ("truck", "truck_light", "truck_medium", "truck_heavy", "truck_electric", "rail", "air")
#: Keys of the transport table, the words of the axis ``transport``.
TRANSPORT_WORDS = ("hand", *PARCEL_WORDS, *DELIVERED, *BY_TONNE, *FREIGHT)
#: What goes by parcel or freight is packed for it (clause 7.3).
_PACKED = (*PARCEL_WORDS, *DELIVERED[:2], *FREIGHT)

IS_FREIGHT = np.array([word in FREIGHT for word in TRANSPORT_WORDS] + [False])
IS_PACKED = np.array([word in _PACKED for word in TRANSPORT_WORDS] + [False])
_IS_TONNE = np.array([word in BY_TONNE for word in TRANSPORT_WORDS] + [False])
_IS_PARCEL = np.array([word in PARCEL_WORDS for word in TRANSPORT_WORDS] + [False])
NEEDS_MASS = IS_FREIGHT | _IS_TONNE | _IS_PARCEL


def baseline_kg(amount: Float, share: Float, ef: Float, displacement: Float, life: Float) -> Float:
    """BE = q · R · EF · D · L (clause 5.1): the new production a hand-over avoids.

    ``amount`` in the unit of ``ef`` (pieces or kg); ``share`` R handed to a next user; ``ef`` of
    the new product displaced; ``displacement`` D, would a new one have been bought; ``life`` L,
    remaining-life ratio.

    >>> float(baseline_kg(1.0, 1.0, 52.8, 0.5, 0.5))
    13.2
    """
    return amount * share * ef * displacement * life


def remaining_life(age: Float, life: Float) -> Float:
    """L = 1 − age / life, never below 0 (clause 6.1). Years in, ratio out."""
    return np.maximum(0.0, 1.0 - age / life)


def less_life(age: Float, life: Float, least: Float) -> Mask:
    """Where the remaining life is below a least share (clause 6.2), to nine decimals."""
    spent: Mask = np.round(remaining_life(age, life), 9) < np.round(least, 9)
    return spent


def parcels(each_kg: Float) -> Float:
    """Parcels a piece needs: one per started 30 kg (clause 7.2)."""
    return np.maximum(1.0, np.ceil(each_kg / float(PARCEL_LIMITS_KG[-1])))


def transport_code(mode: Code, each_kg: Float, home_delivery: int) -> Code:
    """Code on the axis ``transport`` of a mode of transport (clause 7.2).

    ``mode``: numbers of the vocabulary ``transport_mode``, whose order is that of the axis with
    home delivery split into parcel classes; ``each_kg``: mass of one parcel's content.
    """
    parcel = np.searchsorted(PARCEL_LIMITS_KG, each_kg).clip(0, len(PARCEL_WORDS) - 1)
    shift = np.where(mode == home_delivery, parcel, len(PARCEL_WORDS) - 1)
    return np.where(mode < home_delivery, mode, mode + shift).astype(np.int32)


def transport_word(mode: str, each_kg: float) -> str:
    """What :func:`transport_code` says for arrays, for one record and in words.

    >>> transport_word("home_delivery", 2.5), transport_word("rail", 2.5)
    ('home_delivery_15kg', 'rail')
    """
    if mode != "home_delivery":
        return mode
    parcel = bisect_left(PARCEL_LIMITS_KG, each_kg)
    return PARCEL_WORDS[min(parcel, len(PARCEL_WORDS) - 1)]


def transport_amount(transport: Code, pieces: Float, each_kg: Float, km: Float) -> Float:
    """What a transport factor is multiplied by (clause 7.2).

    Parcels for home delivery, trips for pick-up and shop, tonnes for a collection round,
    tonne-kilometres for freight.
    """
    tonnes = pieces * each_kg / KG_PER_TONNE
    amount = np.where(_IS_PARCEL[transport], pieces * parcels(each_kg), pieces)
    amount = np.where(_IS_TONNE[transport], tonnes, amount)
    return np.where(IS_FREIGHT[transport], tonnes * km, amount)


def use_kg(
    pieces: Float, years: Float, used_kwh: Float, new_kwh: Float, displacement: Float, grid: Float
) -> Float:
    """U = q · years · grid · (max(0, used − new) + (1 − D) · used) (clause 8.1).

    The first summand is what an older device draws above the new one it displaces, the second the
    whole draw of a device that came on top. kWh per year, kg CO2 per kWh.
    """
    extra = np.maximum(0.0, used_kwh - new_kwh)
    return pieces * years * grid * (extra + (1.0 - displacement) * used_kwh)


def worst_mass(mass: Float, quantity: Float, heaviest: Float, by_weight: Mask) -> Float:
    """Mass of one piece; where it is not stated, the heaviest plausible one (clause 7.1).

    Goods by weight are one consignment: the piece is the whole mass.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        stated = np.where(by_weight, mass, mass / quantity)
    return np.where(np.isnan(stated), heaviest, stated)
