"""What HD-REUSE and HD-REPAIR have in common: place, statements, project and use-phase terms.

Clause numbers are those of ``docs/methodology/HD-REUSE.md``; HD-REPAIR refers to them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from carbon.domain.activity.checks import finding
from carbon.domain.activity.record import FIXED_VOCABULARIES, MISSING, Finding
from carbon.domain.quantification import formulas
from carbon.domain.quantification.methodology import Situation, Term, flag
from carbon.domain.quantification.resolver import Role
from carbon.domain.units import Code, Float, Mask

_DESTINATION = FIXED_VOCABULARIES["destination"]
_REGION = FIXED_VOCABULARIES["receiver_region"]

#: Electricity is counted at the generation factor of the Tianjin grid (clause 8.2).
GRID_KEY = "grid_co2/tianjin"

HANDOVER_ROLES = (
    Role("ef", "production", "{item_type}"),
    Role("displacement", "displacement", "{displacement_class}/{act}", "act"),
    Role("life", "life", "{item_type}"),
    Role("unknown_age_life", "policy", "unknown_age_life_ratio/{displacement_class}"),
    Role("recirculation", "policy", "recirculation_deduction", "item_id"),
    Role("transport", "transport", "{transport}", "transport_mode"),
    Role("packing", "packing", "single_use", "transport_mode"),
    Role("refurbish", "refurbish", "{item_type}/{process}", "process", unless=("process", "none")),
    Role("platform", "policy", "platform_energy"),
    Role("used_kwh", "energy", "{item_type}/used", optional=True),
    Role("new_kwh", "energy", "{item_type}/new", optional=True),
    Role("grid", "grid", GRID_KEY),
)


def check_handover(situation: Situation) -> Iterator[Finding]:
    """What both methodologies ask of a record."""
    for check in (
        check_statements,
        check_identity,
        check_energy,
        check_place,
        check_age,
        check_destination,
    ):
        yield from check(situation)


def check_statements(situation: Situation) -> Iterator[Finding]:
    """Clause 12.1: transport and preparation are stated, never guessed in the owner's favour."""
    batch = situation.batch
    transport = situation.transport
    yield from finding(
        "transport.missing", "transport_mode", batch.codes["transport_mode"] == MISSING
    )
    yield from finding("process.missing", "process", batch.codes["process"] == MISSING)
    no_distance = formulas.IS_FREIGHT[transport] & np.isnan(batch.numbers["transport_km"])
    yield from finding("transport.distance", "transport_km", no_distance)
    item = batch.codes["item_type"]
    by_piece = (item >= 0) & ~situation.items.by_weight[item]
    no_mass = formulas.NEEDS_MASS[transport] & np.isinf(situation.each_kg) & by_piece
    yield from finding("mass.missing", "mass_kg", no_mass)


def check_identity(situation: Situation) -> Iterator[Finding]:
    """Clause 6.4: an item id stands for one piece, never for a batch."""
    batch = situation.batch
    several = situation.items.by_weight[batch.codes["item_type"]] | (batch.numbers["quantity"] > 1)
    yield from finding("item_id.several", "item_id", batch.has_item_id & several)


def check_energy(situation: Situation) -> Iterator[Finding]:
    """Clause 8.3: what uses power issues only with sourced kWh. A demonstration flags instead."""
    if not situation.demonstration:
        powered = situation.items.uses_power[situation.batch.codes["item_type"]]
        kwh = situation.factors.value("used_kwh") + situation.factors.value("new_kwh")
        graded = ~np.isnan(situation.factors.value("ef"))
        yield from finding("energy.unsourced", "item_type", powered & graded & np.isnan(kwh))


def check_destination(situation: Situation) -> Iterator[Finding]:
    """Clauses 3.3 and 3.5: what is stated to go elsewhere than to a user at home."""
    destination = situation.batch.codes["destination"]
    yield from finding("destination.export", "destination", destination == _DESTINATION["export"])
    elsewhere = np.isin(destination, [_DESTINATION[c] for c in ("fibre", "disposal", "lost")])
    yield from finding("destination.not_reused", "destination", elsewhere)


def check_place(situation: Situation) -> Iterator[Finding]:
    """Clause 3.4: from Hedong, to mainland China. A demonstration flags instead."""
    batch = situation.batch
    region = batch.codes["receiver_region"]
    yield from finding("region.missing", "receiver_region", region == MISSING)
    if not situation.demonstration:
        yield from finding("region.abroad", "receiver_region", region == _REGION["abroad"])
        yield from finding("site.not_hedong", "site", ~batch.in_hedong)


def check_age(situation: Situation) -> Iterator[Finding]:
    """Clause 6.2: phones, computers and appliances have an age."""
    if not situation.demonstration:
        required = situation.items.age_required[situation.batch.codes["item_type"]]
        unknown = np.isnan(situation.batch.numbers["age_years"])
        yield from finding("age.missing", "age_years", required & unknown)


def amount(situation: Situation) -> Float:
    """Q or m (clause 5.1): pieces, or kilograms for goods by weight."""
    by_weight = situation.items.by_weight[situation.batch.codes["item_type"]]
    numbers = situation.batch.numbers
    return np.where(by_weight, numbers["mass_kg"], numbers["quantity"])


def life_kept(situation: Situation) -> Float:
    """Share of L kept (clause 6.5): all with an item id, less a recirculation deduction without."""
    deduction = situation.factors.value("recirculation")
    return 1.0 - np.where(situation.batch.has_item_id, 0.0, deduction)


def project_kg(situation: Situation) -> tuple[Float, list[Term]]:
    """PE (clause 7): transport, packing, preparation, platform; with its terms."""
    factors, transport = situation.factors, situation.transport
    pieces = situation.pieces
    km = np.nan_to_num(situation.batch.numbers["transport_km"], nan=0.0)
    with np.errstate(invalid="ignore"):
        moved = formulas.transport_amount(transport, pieces, situation.each_kg, km)
    boxes = pieces * formulas.parcels(situation.each_kg)
    packed = np.where(formulas.IS_PACKED[transport], boxes, 0.0)
    prepared = np.nan_to_num(factors.value("refurbish"), nan=0.0)
    total = moved * factors.value("transport") + packed * factors.value("packing")
    total = total + pieces * prepared + pieces * factors.value("platform")
    return total, [
        Term("pe_transport", -moved, (("transport", 1),)),
        Term("pe_packing", -packed, (("packing", 1),)),
        Term("pe_prepare", np.where(prepared > 0, -pieces, 0.0), (("refurbish", 1),)),
        Term("pe_platform", -pieces, (("platform", 1),)),
    ]


def use_phase(situation: Situation, years: Float) -> tuple[Float, list[Term], Mask]:
    """U (clause 8) for item types that use power; the mask says where kWh are not sourced."""
    factors = situation.factors
    powered = situation.items.uses_power[situation.batch.codes["item_type"]]
    nothing = np.zeros(len(situation.batch))
    if not powered.any():
        return nothing, [], powered
    used, new = factors.value("used_kwh"), factors.value("new_kwh")
    sourced = powered & ~np.isnan(used) & ~np.isnan(new)
    emitted = formulas.use_kg(
        situation.pieces, years, used, new, factors.value("displacement"), factors.value("grid")
    )
    amount = np.where(sourced, situation.pieces * years, 0.0)
    with np.errstate(invalid="ignore"):
        worse = amount * (used > new)
    terms = [
        Term("u_used", -amount - worse, (("used_kwh", 1), ("grid", 1))),
        Term("u_new", worse, (("new_kwh", 1), ("grid", 1))),
        Term("u_displaced", amount, (("used_kwh", 1), ("grid", 1), ("displacement", 1))),
    ]
    return np.where(sourced, emitted, 0.0), terms, powered & ~sourced


def unused_roles(situation: Situation, unsourced: Mask) -> dict[str, Mask]:
    """Where the common factors do not enter a record's figures."""
    batch = situation.batch
    powered = situation.items.uses_power[batch.codes["item_type"]] & ~unsourced
    unknown_age = np.isnan(batch.numbers["age_years"])
    return {
        "packing": ~formulas.IS_PACKED[situation.transport],
        "grid": ~powered,
        "used_kwh": ~powered,
        "new_kwh": ~powered,
        "recirculation": batch.has_item_id,
        "unknown_age_life": ~unknown_age,
    }


def common_flags(situation: Situation) -> Code:
    """Flags that both methodologies set."""
    batch = situation.batch
    flags = flag(np.isnan(batch.numbers["age_years"]), "age_unknown")
    flags |= flag(batch.codes["receiver_region"] == _REGION["abroad"], "abroad")
    return flags | flag(~batch.in_hedong, "not_hedong")
