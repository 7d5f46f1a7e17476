"""HD-REUSE v1 as a Polars user would write it: one lazy plan, streamed into two results.

    python bench/peer_polars.py INPUT OUTDIR

INPUT: canonical columns as Parquet or CSV. Writes records.parquet and rejects.csv.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import reduce
from pathlib import Path

import polars as pl
from polars import col, lit, when

import job
from job import DAYS, NUMBERS, OPTIONAL, PARCELS, REQUIRED, ROLES, TABLES, Job

Check = tuple[str, str, pl.Expr]  # column, code, condition

KEYS = {
    "item": ["item_type", "period"],
    "taken": ["kind", "act", "period"],
    "moved": ["moved_by", "period"],
    "prepared": ["item_type", "process", "period"],
    "capped": ["condition_read", "period"],
    "dated": ["period"],
}
#: Text columns of few distinct words, read as categories: text functions run once per word.
FEW = ("site", "enterprise", "note")
PARCEL_WORDS = [f"home_delivery_{word}" for _, word in PARCELS]


class Types:
    """The enumerations of the job's words."""

    def __init__(self, rules: Job) -> None:
        self.words = {name: pl.Enum(words) for name, words in rules.words.items()}
        self.words["moved_by"] = pl.Enum([*rules.words["transport_mode"], *PARCEL_WORDS])
        self.words["condition_read"] = self.words["condition"]
        self.words["kind"] = pl.Enum(sorted({i["displacement_class"] for i in rules.items}))

    def table(self, rules: Job, name: str) -> pl.LazyFrame:
        """A look-up with its words as enumerations."""
        frame = pl.DataFrame(rules.table(name), infer_schema_length=None)
        words = [col(c).cast(t) for c, t in self.words.items() if c in frame.columns]
        ids = [_enum(frame, f"{r}_{part}") for r in TABLES[name] for part in ("id", "fault", "why")]
        numbers = [col(role).cast(pl.Float64) for role in TABLES[name]]
        return frame.lazy().with_columns(*words, *ids, *numbers, col("period").cast(pl.Int8))


def _enum(frame: pl.DataFrame, name: str) -> pl.Expr:
    words = frame[name].drop_nulls().unique().sort().to_list()
    return col(name).cast(pl.Enum(words))


# --- reading ------------------------------------------------------------------------------------


def read(source: Path, types: Types, rules: Job) -> pl.LazyFrame:
    """The file with row numbers, typed; what was submitted stays in ``raw_…``."""
    text = source.suffix == ".csv"
    if text:
        schema = dict.fromkeys(job.NAMES, pl.String)
        frame = pl.scan_csv(source, schema=schema, row_index_name="row", row_index_offset=2)
    else:
        frame = pl.scan_parquet(source, row_index_name="row", row_index_offset=2)
    coded = list(rules.words)
    number = {n: col(n).cast(pl.Float64, strict=False) for n in NUMBERS}
    return frame.with_columns(
        col("row").cast(pl.Int64),
        *(col(n).alias(f"raw_{n}") for n in (*NUMBERS, *DAYS, *coded)),
        *(when(e.is_finite()).then(e).alias(n) for n, e in number.items()),
        *(col(n).str.to_date("%Y-%m-%d", strict=False) if text else col(n) for n in DAYS),
        *(col(n).cast(types.words[n], strict=False) for n in coded),
        *(col(n).cast(pl.Categorical) for n in FEW),
    ).with_columns(_period(rules))


def _period(rules: Job) -> pl.Expr:
    started = [(col("occurred_on") >= day).cast(pl.Int8).fill_null(0) for day in rules.periods[1:]]
    return reduce(lambda total, one: total + one, started, lit(0, pl.Int8)).alias("period")


def with_factors(rows: pl.LazyFrame, types: Types, rules: Job) -> pl.LazyFrame:
    """Rows with their factors, each look-up one join; what is unknown joins nothing."""
    table = {name: types.table(rules, name) for name in TABLES}
    weight, mass = col("by_weight"), col("mass_kg")
    each = when(weight).then(mass).otherwise(mass / col("quantity")).fill_nan(None)
    moved_by = types.words["moved_by"]
    parcel = [lit(word).cast(moved_by) for word in PARCEL_WORDS]
    rows = rows.join(table["item"], on=KEYS["item"], how="left").with_columns(
        weight.fill_null(False),
        col("mass_low").fill_null(0.0),
        col("mass_high").fill_null(float("inf")),
    )
    rows = rows.with_columns(
        pieces=when(weight).then(1.0).otherwise(col("quantity")),
        amount=when(weight).then(mass).otherwise(col("quantity")),
        each_kg=each.fill_null(col("mass_high")),
        condition_read=when(col("raw_condition").is_null())
        .then(lit("fair").cast(types.words["condition"]))
        .otherwise(col("condition")),
    ).with_columns(
        moved_by=when(col("transport_mode") != "home_delivery")
        .then(col("transport_mode").cast(moved_by))
        .when(col("transport_mode").is_null())
        .then(None)
        .when(col("each_kg") <= PARCELS[0][0])
        .then(parcel[0])
        .when(col("each_kg") <= PARCELS[1][0])
        .then(parcel[1])
        .when(col("each_kg") <= PARCELS[2][0])
        .then(parcel[2])
        .otherwise(parcel[3])
    )
    for name in list(TABLES)[1:]:
        rows = rows.join(table[name], on=KEYS[name], how="left")
    return rows


# --- checks -------------------------------------------------------------------------------------


def blank(name: str) -> pl.Expr:
    """Whether a text is empty."""
    return col(name).is_null() | (col(name).str.strip_chars().str.len_bytes() == 0)


def cell_checks(rules: Job) -> Iterator[Check]:
    """What one cell tells."""
    for name in REQUIRED:
        raw = f"raw_{name}" if name in DAYS or name in rules.words else name
        yield name, "text.missing", blank(name) if name == "record_id" else col(raw).is_null()
    for name, longest in job.TEXTS.items():
        length = col(name).cat.len_chars() if name in FEW else col(name).str.len_chars()
        yield name, "text.too_long", length > longest
    for name in rules.words:
        yield name, "code.unknown", _unread(name)
    for name in (*NUMBERS, *DAYS):
        yield name, "number.invalid" if name in NUMBERS else "date.invalid", _unread(name)
    for name, (low, high) in NUMBERS.items():
        inside = col(name).is_between(low, high)
        yield name, "number.range", ~inside
        if name in job.WHOLE:
            yield name, "number.whole", inside & (col(name) != col(name).floor())
    for name in DAYS:
        yield name, "date.range", ~col(name).is_between(job.FIRST_DAY, job.LAST_DAY)
        yield name, "date.future", (col(name) > job.TODAY) & (col(name) <= job.LAST_DAY)


def _unread(name: str) -> pl.Expr:
    return col(f"raw_{name}").is_not_null() & col(name).is_null()


def record_checks(rules: Job, twice: pl.Series) -> Iterator[Check]:
    """What the cells of a row tell together."""
    after = (col("returned_on") - col("occurred_on")).dt.total_days()
    weight, act, age = col("by_weight"), col("act"), col("age_years")
    region, fate, known = col("raw_receiver_region"), col("destination"), col("kind").is_not_null()
    each, mode = col("mass_kg") / col("quantity"), col("raw_transport_mode")
    yield "record_id", "record_id.duplicate", folded("record_id").is_in(twice.implode())
    yield "mass_kg", "mass.missing", weight & col("raw_mass_kg").is_null()
    yield "quantity", "quantity.missing", known & ~weight & col("raw_quantity").is_null()
    off_band = (each < col("mass_low")) | (each.fill_nan(None) > col("mass_high"))
    yield "mass_kg", "mass.band", ~weight & off_band
    yield "returned_on", "date.order", after < 0
    yield "returned_on", "returned.in_window", after.is_between(0, rules.return_window)
    yield "returned_on", "returned.later", after > rules.return_window
    for word, code in job.UNCOVERED.items():
        yield "act", code, act == word
    yield "occurred_on", "methodology.not_in_force", col("occurred_on") < job.IN_FORCE
    yield "transport_mode", "transport.missing", mode.is_null()
    yield "process", "process.missing", col("raw_process").is_null()
    yield "transport_km", "transport.distance", col("is_freight") & col("transport_km").is_null()
    by_mass = col("is_parcel") | col("is_tonne") | col("is_freight")
    yield "mass_kg", "mass.missing", known & ~weight & by_mass & col("each_kg").is_infinite()
    no_kwh = col("used_kwh").is_null() | col("new_kwh").is_null()
    unsourced = col("uses_power") & col("ef").is_not_null() & no_kwh
    yield "item_type", "energy.unsourced", unsourced
    several = weight | (col("quantity") > 1)
    yield "item_id", "item_id.several", ~blank("item_id") & several
    yield "receiver_region", "region.missing", region.is_null()
    yield "receiver_region", "region.abroad", col("receiver_region") == "abroad"
    yield "site", "site.not_hedong", ~_in_hedong()
    yield "age_years", "age.missing", col("age_required") & age.is_null()
    yield "condition", "condition.broken", col("condition") == "broken"
    yield "destination", "destination.export", fate == "export"
    yield "destination", "destination.not_reused", fate.is_in(list(job.NOT_REUSED))
    yield "destination", "destination.unproven", weight & col("raw_destination").is_null()
    silent = (act == "trade_in") & col("raw_subsidised").is_null()
    yield "subsidised", "subsidy.unknown", silent
    yield "subsidised", "subsidy.received", col("subsidised") == "yes"
    left = (1 - age / col("life")).clip(lower_bound=0)
    least = col("unknown_age_life").round(job.LIFE_DECIMALS)
    yield "age_years", "life.exhausted", left.round(job.LIFE_DECIMALS) < least


def _in_hedong() -> pl.Expr:
    here = col("site").cat.starts_with(job.HEDONG_PREFIX).fill_null(False)
    district = col("enterprise").cat.slice(2, 6)
    return here | (district == job.HEDONG_PREFIX).fill_null(False)


def needed() -> pl.Expr:
    """Acts whose factors matter: all but those that no factor can help, once in force."""
    covered = ~col("act").is_in(list(job.UNCOVERED)).fill_null(False)
    return covered & (col("occurred_on") >= job.IN_FORCE).fill_null(False)


def no_preparation() -> pl.Expr:
    """A preparation of a known item type that the folder has no row for."""
    known = col("kind").is_not_null() & col("process").is_not_null()
    return known & (col("process") != "none") & col("prepared_bad").is_null()


def factor_check() -> pl.Expr:
    """Whether any factor that a row needs is missing or not usable."""
    bad = [col(f"{table}_bad") for table in TABLES if table != "prepared"]
    prepared = (col("process") != "none") & col("prepared_bad")
    return needed() & pl.any_horizontal(*bad, prepared, no_preparation())


# --- formula ------------------------------------------------------------------------------------


def computed(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Life and emissions in kilograms of every row; ``granted``: what its account still holds."""
    age, life, unknown = col("age_years"), col("life"), col("unknown_age_life")
    budget = when(age.is_null()).then(unknown).otherwise((1 - age / life).clip(lower_bound=0))
    kept = 1 - when(blank("item_id")).then(col("recirculation")).otherwise(0.0)
    sourced = col("used_kwh").is_not_null() & col("new_kwh").is_not_null()
    rows = rows.with_columns(
        budget=budget,
        own_life=pl.min_horizontal(budget, "condition_cap") * kept,
        powered=col("uses_power") & sourced,
    ).with_columns(credit=pl.min_horizontal("own_life", "granted"))
    rows = rows.with_columns(
        be_kg=col("amount") * 1.0 * col("ef") * col("displacement") * _counted(),
        pe_kg=_project(),
        u_kg=when(col("powered")).then(_use()).otherwise(0.0),
    )
    return rows.with_columns(le_kg=col("leakage_rate") * col("be_kg"))


def _counted() -> pl.Expr:
    return when(col("includes_life")).then(1.0).otherwise(col("credit"))


def _project() -> pl.Expr:
    pieces, each = col("pieces"), col("each_kg")
    tonnes = pieces * each / 1000
    parcels = (each / job.PARCEL_KG).ceil().clip(lower_bound=1)
    moved = (
        when(col("is_parcel"))
        .then(pieces * parcels)
        .when(col("is_tonne"))
        .then(tonnes)
        .when(col("is_freight"))
        .then(tonnes * col("transport_km"))
        .otherwise(pieces)
    )
    packed = when(col("is_packed")).then(pieces * parcels).otherwise(0.0)
    prepared = pieces * col("refurbish").fill_null(0.0)
    total = moved * col("transport") + packed * col("packing")
    return total + prepared + pieces * col("platform")


def _use() -> pl.Expr:
    age, life, used = col("age_years"), col("life"), col("used_kwh")
    years = when(age.is_null()).then(life).otherwise((life - age).clip(lower_bound=0))
    extra = (used - col("new_kwh")).clip(lower_bound=0)
    return col("pieces") * years * col("grid") * (extra + (1 - col("displacement")) * used)


def judged(rows: pl.LazyFrame, rules: Job, twice: pl.Series) -> pl.LazyFrame:
    """Rows computed, with ``faulty`` and, where that alone is wrong, ``too_large``."""
    checks = [*cell_checks(rules), *record_checks(rules, twice)]
    wrong = pl.any_horizontal(*(condition for _, _, condition in checks), factor_check())
    largest = pl.max_horizontal("be_kg", "pe_kg", "u_kg", "le_kg")
    return (
        computed(rows)
        .with_columns(faulty=wrong.fill_null(False))
        .with_columns(too_large=~col("faulty") & (largest > job.MAX_RECORD_KG).fill_null(False))
    )


def records(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Accepted rows in the columns of the output."""

    def grams(kg: str) -> pl.Expr:
        return (col(kg) * 1000).round(6)

    worst = pl.max_horizontal(
        "condition_cap_grade", when(col("powered")).then(col("used_kwh_grade")).otherwise(0)
    )
    flags = {
        "age_unknown": col("age_years").is_null(),
        "energy_unsourced": col("uses_power") & ~col("powered"),
        "display_factor": worst > 0,
        "factor_carried": pl.any_horizontal(*(col(f"{t}_old").fill_null(False) for t in TABLES)),
        "life_account": (col("granted") < col("own_life")).fill_null(False),
    }
    words = [when(is_set).then(lit(name)) for name, is_set in flags.items()]
    rows = rows.filter(~col("faulty") & ~col("too_large")).with_columns(
        be_g=grams("be_kg").floor().cast(pl.Int64),
        pe_g=grams("pe_kg").ceil().cast(pl.Int64),
        u_g=grams("u_kg").ceil().cast(pl.Int64),
        le_g=grams("le_kg").ceil().cast(pl.Int64),
    )
    return rows.select(
        *(col(n).cast(pl.Int64) if n in job.WHOLE else col(n) for n in job.NAMES),
        "row",
        "be_g",
        "pe_g",
        "u_g",
        "le_g",
        (col("be_g") - col("pe_g") - col("u_g") - col("le_g")).alias("er_g"),
        col("credit").alias("life"),
        when(worst == 0).then(lit("creditable")).otherwise(lit("display")).alias("grade"),
        pl.concat_str(words, separator=";", ignore_nulls=True).alias("flags"),
        *(_used_row(role) for role in ROLES),
    )


def _used_row(role: str) -> pl.Expr:
    """The factor row of a role where it enters an accepted record."""
    used = {
        "packing": col("is_packed"),
        "grid": col("powered"),
        "used_kwh": col("powered"),
        "new_kwh": col("powered"),
        "recirculation": blank("item_id"),
        "unknown_age_life": col("age_years").is_null(),
        "default_share": lit(False),
    }
    row = col(f"{role}_id")
    return (when(used[role]).then(row) if role in used else row).alias(f"factor_{role}")


# --- rejects ------------------------------------------------------------------------------------


def findings(rules: Job, twice: pl.Series) -> Iterator[tuple[str, str, pl.Expr, pl.Expr]]:
    """Column, code, condition and detail of everything a rejected row can be told."""
    seen: dict[tuple[str, str], pl.Expr] = {}
    for column, code, condition in (*cell_checks(rules), *record_checks(rules, twice)):
        met = condition.fill_null(False)
        seen[column, code] = seen[column, code] | met if (column, code) in seen else met
    for (column, code), condition in seen.items():
        yield column, code, condition, lit("")
    yield "quantity", "amount.too_large", col("too_large"), lit("")
    for role, column in ROLES.items():
        use = needed() & (col("process") != "none") if role == "refurbish" else needed()
        use = pl.all_horizontal(use, *(col(f"{r}_fault").is_null() for r in job.EARLIER[role]))
        for code in job.FACTOR_CODES:
            if role not in OPTIONAL or code == "factor.not_yet":
                why = col(f"{role}_why").cast(pl.String)
                yield column, code, use & (col(f"{role}_fault").cast(pl.String) == code), why
    yield "process", "factor.missing", needed() & no_preparation(), lit("")


def rejects(rows: pl.DataFrame, rules: Job, twice: pl.Series) -> pl.DataFrame:
    """One row per finding, from the rejected rows."""
    parts = []
    for column, code, condition, detail in findings(rules, twice):
        message, fix = job.said(code)
        raw = f"raw_{column}" if f"raw_{column}" in rows.columns else column
        parts.append(
            rows.lazy()
            .filter(condition)
            .select(
                "row",
                "record_id",
                lit(column).alias("column"),
                col(raw).cast(pl.String).str.slice(0, 100).alias("value"),
                lit(code).alias("code"),
                lit(message).alias("message"),
                lit(fix).alias("fix"),
                detail.fill_null("").alias("detail"),
            )
        )
    return pl.concat(pl.collect_all(parts)).sort("row")


# --- the run ------------------------------------------------------------------------------------


def folded(column: str) -> pl.Expr:
    """Ids as they are compared: trimmed, in lower case."""
    return col(column).str.strip_chars().str.to_lowercase()


def repeated(rows: pl.LazyFrame, column: str) -> pl.Series:
    """Values of a text column that stand in more than one row."""
    ids = rows.filter(~blank(column)).select(folded(column))
    counted = ids.group_by(column).len().filter(col("len") > 1)
    return counted.collect(engine="streaming")[column]


def accounts(rows: pl.LazyFrame, rules: Job, twice: pl.Series) -> pl.LazyFrame:
    """Life granted to each act of an item with several: what the first act's budget still holds."""
    acts = judged(rows.with_columns(granted=lit(None, pl.Float64)), rules, twice)
    left = col("budget").first() - col("own_life").cum_sum().shift(1, fill_value=0.0)
    return (
        acts.filter(~col("faulty") & ~col("too_large"))
        .select("row", folded("item_id"), "occurred_on", "record_id", "budget", "own_life")
        .sort("item_id", "occurred_on", "record_id")
        .select("row", granted=left.over("item_id").clip(lower_bound=0))
    )


def main(source: Path, out: Path) -> None:
    """Quantify a file into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    rules = Job()
    types = Types(rules)
    rows = read(source, types, rules)
    twice, often = repeated(rows, "record_id"), repeated(rows, "item_id")
    several = with_factors(rows.filter(folded("item_id").is_in(often.implode())), types, rules)
    granted = accounts(several, rules, twice).collect(engine="streaming")
    full = with_factors(rows, types, rules).join(granted.lazy(), on="row", how="left")
    whole = judged(full, rules, twice)
    told, _ = pl.collect_all(
        [
            whole.filter(col("faulty") | col("too_large")).select(
                *rows.collect_schema(), "too_large"
            ),
            records(whole).sink_parquet(out / "records.parquet", compression="snappy", lazy=True),
        ],
        engine="streaming",
    )
    told = with_factors(told.lazy(), types, rules).collect()
    rejects(told, rules, twice).write_csv(out / "rejects.csv")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
