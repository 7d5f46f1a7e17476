"""HD-REUSE v1 as written without a thought for speed: pandas, everything in memory.

    python bench/peer_pandas.py INPUT OUTDIR

INPUT: canonical columns as Parquet. Writes records.parquet and rejects.csv.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import job
from job import DAYS, NUMBERS, OPTIONAL, PARCELS, REQUIRED, ROLES, TABLES, Job

Check = tuple[str, str, "pd.Series[bool]"]  # column, code, rows concerned

KEYS = {
    "item": ["item_type", "period"],
    "taken": ["kind", "act", "period"],
    "moved": ["moved_by", "period"],
    "prepared": ["item_type", "process", "period"],
    "capped": ["condition_read", "period"],
    "dated": ["period"],
}


def read(source: Path, rules: Job) -> pd.DataFrame:
    """The file with row numbers and periods; codes as plain strings, days as timestamps."""
    rows = pd.read_parquet(source)
    for name in rules.words:
        rows[name] = rows[name].astype("str")
    for name in NUMBERS:
        rows[f"raw_{name}"] = rows[name]
        number = pd.to_numeric(rows[name], errors="coerce").astype("float64")
        rows[name] = number.where(np.isfinite(number))
    for name in DAYS:
        rows[f"raw_{name}"] = rows[name]
        rows[name] = pd.to_datetime(rows[name], errors="coerce")
    rows["row"] = np.arange(2, len(rows) + 2)
    starts = [pd.Timestamp(day) for day in rules.periods[1:]]
    rows["period"] = sum((rows["occurred_on"] >= start).astype(int) for start in starts)
    return rows


def with_factors(rows: pd.DataFrame, rules: Job) -> pd.DataFrame:
    """Rows with their factors, each look-up one merge."""
    table = {name: pd.DataFrame(rules.table(name)) for name in TABLES}
    rows = rows.merge(table["item"], on=KEYS["item"], how="left")
    for name in ("by_weight", "age_required", "uses_power"):
        rows[name] = rows[name].eq(True)
    rows["mass_low"] = rows["mass_low"].fillna(0.0)
    rows["mass_high"] = rows["mass_high"].fillna(np.inf)
    weight = rows["by_weight"]
    rows["pieces"] = rows["quantity"].mask(weight, 1.0)
    rows["amount"] = rows["quantity"].mask(weight, rows["mass_kg"])
    each = (rows["mass_kg"] / rows["quantity"]).mask(weight, rows["mass_kg"])
    rows["each_kg"] = each.fillna(rows["mass_high"])
    rows["condition_read"] = rows["condition"].fillna("fair")
    words = np.array([f"home_delivery_{word}" for _, word in PARCELS])
    place = np.searchsorted([limit for limit, _ in PARCELS[:-1]], rows["each_kg"])
    delivered = rows["transport_mode"] == "home_delivery"
    rows["moved_by"] = rows["transport_mode"].mask(delivered, pd.Series(words[place], rows.index))
    for name in list(TABLES)[1:]:
        rows = rows.merge(table[name], on=KEYS[name], how="left")
    for name in ("is_parcel", "is_tonne", "is_freight", "is_packed"):
        rows[name] = rows[name].eq(True)
    return rows


def cell_checks(rows: pd.DataFrame, rules: Job) -> Iterator[Check]:
    """What one cell tells."""
    for name in REQUIRED:
        cells = rows[f"raw_{name}"] if name in DAYS else rows[name]
        blank = cells.str.strip() == "" if name == "record_id" else False
        yield name, "text.missing", cells.isna() | blank
    for name, longest in job.TEXTS.items():
        yield name, "text.too_long", rows[name].astype("str").str.len() > longest
    for name, words in rules.words.items():
        yield name, "code.unknown", rows[name].notna() & ~rows[name].isin(words)
    for name in (*NUMBERS, *DAYS):
        code = "number.invalid" if name in NUMBERS else "date.invalid"
        yield name, code, rows[f"raw_{name}"].notna() & rows[name].isna()
    for name, (low, high) in NUMBERS.items():
        outside = (rows[name] < low) | (rows[name] > high)
        yield name, "number.range", outside
        if name in job.WHOLE:
            broken = rows[name].notna() & (rows[name] != np.floor(rows[name]))
            yield name, "number.whole", ~outside & broken
    first, last, today = map(pd.Timestamp, (job.FIRST_DAY, job.LAST_DAY, job.TODAY))
    for name in DAYS:
        yield name, "date.range", (rows[name] < first) | (rows[name] > last)
        yield name, "date.future", (rows[name] > today) & (rows[name] <= last)


def folded(ids: pd.Series[str]) -> pd.Series[str]:
    """Ids as they are compared: trimmed, in lower case."""
    return ids.str.strip().str.lower()


def record_checks(rows: pd.DataFrame, rules: Job) -> Iterator[Check]:
    """What the cells of a row tell together."""
    after = (rows["returned_on"] - rows["occurred_on"]).dt.days
    weight, act, known = rows["by_weight"], rows["act"], rows["kind"].notna()
    each, fate, region = rows["mass_kg"] / rows["quantity"], rows["destination"], "receiver_region"
    ids = folded(rows["record_id"])
    yield "record_id", "record_id.duplicate", ids.duplicated(keep=False) & ~blank(ids)
    yield "mass_kg", "mass.missing", weight & rows["raw_mass_kg"].isna()
    yield "quantity", "quantity.missing", known & ~weight & rows["raw_quantity"].isna()
    off_band = (each < rows["mass_low"]) | (each > rows["mass_high"])
    yield "mass_kg", "mass.band", ~weight & off_band
    yield "returned_on", "date.order", after < 0
    yield "returned_on", "returned.in_window", (after >= 0) & (after <= rules.return_window)
    yield "returned_on", "returned.later", after > rules.return_window
    for word, code in job.UNCOVERED.items():
        yield "act", code, act == word
    early = rows["occurred_on"] < pd.Timestamp(job.IN_FORCE)
    yield "occurred_on", "methodology.not_in_force", early
    yield "transport_mode", "transport.missing", rows["transport_mode"].isna()
    yield "process", "process.missing", rows["process"].isna()
    yield "transport_km", "transport.distance", rows["is_freight"] & rows["transport_km"].isna()
    by_mass = rows["is_parcel"] | rows["is_tonne"] | rows["is_freight"]
    yield (
        "mass_kg",
        "mass.missing",
        known & by_mass & ~weight.fillna(False).astype(bool) & np.isinf(rows["each_kg"]),
    )
    no_kwh = rows["used_kwh"].isna() | rows["new_kwh"].isna()
    powered = rows["uses_power"].fillna(False).astype(bool)
    yield "item_type", "energy.unsourced", powered & rows["ef"].notna() & no_kwh
    several = weight.fillna(False).astype(bool) | (rows["quantity"] > 1)
    yield "item_id", "item_id.several", ~blank(rows["item_id"]) & several
    yield region, "region.missing", rows[region].isna()
    yield region, "region.abroad", rows[region] == "abroad"
    yield "site", "site.not_hedong", ~in_hedong(rows)
    yield "age_years", "age.missing", rows["age_required"] & rows["age_years"].isna()
    yield "condition", "condition.broken", rows["condition"] == "broken"
    yield "destination", "destination.export", fate == "export"
    yield "destination", "destination.not_reused", fate.isin(job.NOT_REUSED)
    yield "destination", "destination.unproven", weight & fate.isna()
    yield "subsidised", "subsidy.unknown", (act == "trade_in") & rows["subsidised"].isna()
    yield "subsidised", "subsidy.received", rows["subsidised"] == "yes"
    left = (1 - rows["age_years"] / rows["life"]).clip(lower=0)
    least = rows["unknown_age_life"].round(job.LIFE_DECIMALS)
    yield "age_years", "life.exhausted", left.round(job.LIFE_DECIMALS) < least


def blank(cells: pd.Series[str]) -> pd.Series[bool]:
    """Where a text is empty."""
    return cells.isna() | (cells.str.strip() == "")


def in_hedong(rows: pd.DataFrame) -> pd.Series[bool]:
    """Where the site or the enterprise is registered in the district."""
    site, enterprise = rows["site"].astype("str"), rows["enterprise"].astype("str")
    prefix = job.HEDONG_PREFIX
    return site.str.startswith(prefix).eq(True) | (enterprise.str[2:8] == prefix).eq(True)


def factor_checks(
    rows: pd.DataFrame, rules: Job
) -> Iterator[tuple[str, str, str, pd.Series[bool]]]:
    """Role, column, code and rows of every factor that is missing or not usable."""
    needed = ~rows["act"].isin(job.UNCOVERED)
    needed &= rows["occurred_on"] >= pd.Timestamp(job.IN_FORCE)
    prepared = needed & rows["process"].notna() & (rows["process"] != "none")
    for role, column in ROLES.items():
        of = prepared if role == "refurbish" else needed
        for earlier in job.EARLIER[role]:
            of = of & rows[f"{earlier}_fault"].isna()
        for code in job.FACTOR_CODES:
            if role not in OPTIONAL or code == "factor.not_yet":
                yield role, column, code, of & (rows[f"{role}_fault"] == code)
    known = rows["kind"].notna() & rows["process"].isin(rules.words["process"])
    lacking = prepared & known & rows["prepared_bad"].isna()
    yield "refurbish", "process", "factor.missing", lacking


def compute(rows: pd.DataFrame, granted: pd.Series[float] | None) -> pd.DataFrame:
    """Life and emissions in kilograms; ``granted``: what the account of each item still holds."""
    age, life, pieces, each = rows["age_years"], rows["life"], rows["pieces"], rows["each_kg"]
    rows["budget"] = (1 - age / life).clip(lower=0).mask(age.isna(), rows["unknown_age_life"])
    kept = 1 - rows["recirculation"].where(blank(rows["item_id"]), 0.0)
    rows["own_life"] = np.minimum(rows["budget"], rows["condition_cap"]) * kept
    rows["credit"] = rows["own_life"] if granted is None else np.fmin(rows["own_life"], granted)
    counted = rows["credit"].mask(rows["includes_life"].eq(True), 1.0)
    rows["be_kg"] = rows["amount"] * 1.0 * rows["ef"] * rows["displacement"] * counted
    tonnes = pieces * each / 1000
    parcels = pieces * np.ceil(each / job.PARCEL_KG).clip(lower=1)
    moved = pieces.mask(rows["is_parcel"], parcels).mask(rows["is_tonne"], tonnes)
    moved = moved.mask(rows["is_freight"], tonnes * rows["transport_km"])
    packed = parcels.where(rows["is_packed"], 0.0)
    rows["pe_kg"] = (
        moved * rows["transport"]
        + packed * rows["packing"]
        + pieces * rows["refurbish"].astype("float64").fillna(0.0)
        + pieces * rows["platform"]
    )
    years = (life - age).clip(lower=0).mask(age.isna(), life)
    used, new = rows["used_kwh"].astype("float64"), rows["new_kwh"].astype("float64")
    extra = (used - new).clip(lower=0) + (1 - rows["displacement"]) * used
    rows["powered"] = rows["uses_power"] & used.notna() & new.notna()
    rows["u_kg"] = (pieces * years * rows["grid"] * extra).where(rows["powered"], 0.0)
    rows["le_kg"] = rows["leakage_rate"] * rows["be_kg"]
    return rows


def accounts(rows: pd.DataFrame) -> pd.Series[float] | None:
    """Life granted to each act of an item with several: what the first act's budget still holds."""
    items = folded(rows["item_id"])
    acts = rows.assign(item_id=items)[~blank(items) & items.duplicated(keep=False)]
    if acts.empty:
        return None
    acts = acts.sort_values(["item_id", "occurred_on", "record_id"])
    item = acts.groupby("item_id")
    before = item["own_life"].cumsum() - acts["own_life"]
    return (item["budget"].transform("first") - before).clip(lower=0).reindex(rows.index)


def records(rows: pd.DataFrame) -> pd.DataFrame:
    """Accepted rows in the columns of the output."""
    for name, way in (("be", np.floor), ("pe", np.ceil), ("u", np.ceil), ("le", np.ceil)):
        rows[f"{name}_g"] = way((rows[f"{name}_kg"] * 1000).round(6)).astype("int64")
    rows["er_g"] = rows["be_g"] - rows["pe_g"] - rows["u_g"] - rows["le_g"]
    energy = rows["used_kwh_grade"].where(rows["powered"], 0)
    worst = np.maximum(rows["condition_cap_grade"], energy)
    rows["grade"] = np.where(worst == 0, "creditable", "display")
    flags = {
        "age_unknown": rows["age_years"].isna(),
        "energy_unsourced": rows["uses_power"] & ~rows["powered"],
        "display_factor": worst > 0,
        "factor_carried": rows[[f"{table}_old" for table in TABLES]].eq(True).any(axis=1),
        "life_account": rows["credit"] < rows["own_life"],
    }
    said = pd.Series("", rows.index)
    for name, is_set in flags.items():
        said = said + np.where(is_set, f";{name}", "")
    rows["flags"] = said.str.lstrip(";")
    for name in job.WHOLE:
        rows[name] = rows[name].astype("Int64")
    for name in DAYS:
        rows[name] = rows[f"raw_{name}"]
    used = {
        "packing": rows["is_packed"],
        "grid": rows["powered"],
        "used_kwh": rows["powered"],
        "new_kwh": rows["powered"],
        "recirculation": blank(rows["item_id"]),
        "unknown_age_life": rows["age_years"].isna(),
        "default_share": pd.Series(data=False, index=rows.index),
    }
    always = pd.Series(data=True, index=rows.index)
    ids = {f"factor_{r}": rows[f"{r}_id"].where(used.get(r, always)) for r in ROLES}
    factors = pd.DataFrame(ids)
    columns = [*job.NAMES, "row", *job.GRAMS, "credit", "grade", "flags"]
    return pd.concat([rows[columns].rename(columns={"credit": "life"}), factors], axis=1)


def rejects(
    rows: pd.DataFrame, checks: list[Check], factors: list[tuple[str, str, str, pd.Series[bool]]]
) -> pd.DataFrame:
    """One row per finding."""
    told = [(column, code, wrong, "") for column, code, wrong in checks]
    told += [(column, code, wrong, f"{role}_why") for role, column, code, wrong in factors]
    parts = []
    for column, code, wrong, why in told:
        found = rows.loc[wrong]
        if len(found):
            message, fix = job.said(code)
            raw = found[f"raw_{column}" if f"raw_{column}" in rows else column]
            value = raw.astype("str").str[:100]
            detail = found[why].fillna("") if why else ""
            cells = {"row": found["row"], "record_id": found["record_id"], "column": column}
            cells |= {"value": value, "code": code, "message": message, "fix": fix}
            parts.append(pd.DataFrame({**cells, "detail": detail}))
    return pd.concat(parts).drop_duplicates(["row", "column", "code", "detail"]).sort_values("row")


def main(source: Path, out: Path) -> None:
    """Quantify a file into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    rules = Job()
    rows = compute(with_factors(read(source, rules), rules), None)
    checks = [*cell_checks(rows, rules), *record_checks(rows, rules)]
    factors = list(factor_checks(rows, rules))
    masks = [check[2] for check in checks] + [check[3] for check in factors]
    faulty = np.logical_or.reduce([mask.fillna(False) for mask in masks])
    largest = rows[["be_kg", "pe_kg", "u_kg", "le_kg"]].max(axis=1)
    too_large = ~faulty & (largest > job.MAX_RECORD_KG)
    checks.append(("quantity", "amount.too_large", too_large))
    rejects(rows, checks, factors).to_csv(out / "rejects.csv", index=False)
    accepted = rows[~(faulty | too_large)].copy()
    accepted = compute(accepted, accounts(accepted))
    records(accepted).to_parquet(out / "records.parquet", compression="snappy", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
