"""HD-REUSE v1 as a DuckDB user would write it: one view of checks and formula, two sinks.

    python bench/peer_duckdb.py INPUT OUTDIR

INPUT: canonical columns as Parquet or CSV. Writes records.parquet and rejects.csv.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb

import job
from job import DAYS, NUMBERS, OPTIONAL, PARCELS, REQUIRED, ROLES, TABLES, Job

#: Whether a text is blank; the comparison settles nearly all rows without trimming.
#: Ids are compared trimmed and in lower case.
FOLDED = "lower(trim({0}))"
BLANK = "({0} < '!' AND trim({0}) = '')"

Check = tuple[str, str, str]  # column, code, condition in SQL


def quoted(words: tuple[str, ...] | list[str]) -> str:
    """A SQL list of strings."""
    return ", ".join("'" + word.replace("'", "''") + "'" for word in words)


def day(value: date) -> str:
    """A SQL date."""
    return f"DATE '{value}'"


# --- reading ------------------------------------------------------------------------------------


def read_sql(source: Path) -> str:
    """The file with its row numbers; numbers and days twice, as submitted (``raw_…``) and typed."""
    numbers = [f"{n} AS raw_{n}, {_number(n, source)} AS {n}" for n in NUMBERS]
    days = [f"{n} AS raw_{n}, TRY_CAST({n} AS DATE) AS {n}" for n in DAYS]
    others = [n for n in job.NAMES if n not in NUMBERS and n not in DAYS]
    return f"SELECT row, {', '.join([*others, *numbers, *days])} FROM {_scan(source)}"


def _scan(source: Path) -> str:
    if source.suffix == ".csv":
        return "(SELECT *, rowid + 2 AS row FROM packed.submitted)"
    return f"(SELECT *, file_row_number + 2 AS row FROM read_parquet('{source}'))"


def load_csv(db: duckdb.DuckDBPyConnection, source: Path) -> None:
    """A CSV file is parsed once, into a compressed table in memory that keeps its order."""
    columns = ", ".join(f"'{n}': 'VARCHAR'" for n in job.NAMES)
    read = f"read_csv('{source}', header = true, auto_detect = false, columns = {{{columns}}})"
    db.execute("ATTACH ':memory:' AS packed (COMPRESS)")
    db.execute(f"CREATE TABLE packed.submitted AS FROM {read}")


def _number(name: str, source: Path) -> str:
    number = f"TRY_CAST({name} AS DOUBLE)"
    if source.suffix != ".csv" and name in job.WHOLE:
        return number
    return f"CASE WHEN isfinite({number}) THEN {number} END"


# --- checks -------------------------------------------------------------------------------------


def cell_checks(rules: Job) -> Iterator[Check]:
    """What one cell tells."""
    for name in REQUIRED:
        raw = f"raw_{name}" if name in DAYS else name
        blank = f" OR {BLANK.format('record_id')}" if name == "record_id" else ""
        yield name, "text.missing", f"{raw} IS NULL{blank}"
    for name, longest in job.TEXTS.items():
        yield name, "text.too_long", f"strlen({name}) > {longest} AND length({name}) > {longest}"
    for name, words in rules.words.items():
        known = "kind IS NULL" if name == "item_type" else f"{name} NOT IN ({quoted(words)})"
        yield name, "code.unknown", f"{name} IS NOT NULL AND {known}"
    for name in (*NUMBERS, *DAYS):
        code = "number.invalid" if name in NUMBERS else "date.invalid"
        yield name, code, f"raw_{name} IS NOT NULL AND {name} IS NULL"
    for name, (low, high) in NUMBERS.items():
        yield name, "number.range", f"{name} NOT BETWEEN {low} AND {high}"
        if name in job.WHOLE:
            yield (
                name,
                "number.whole",
                f"{name} BETWEEN {low} AND {high} AND {name} <> floor({name})",
            )
    for name in DAYS:
        first, last = day(job.FIRST_DAY), day(job.LAST_DAY)
        yield name, "date.range", f"{name} NOT BETWEEN {first} AND {last}"
        yield name, "date.future", f"{name} > {day(job.TODAY)} AND {name} <= {last}"


def record_checks(rules: Job) -> Iterator[Check]:
    """What the cells of a row tell together."""
    after, window = "(returned_on - occurred_on)", rules.return_window
    region, fate = "receiver_region", "destination"
    yield "record_id", "record_id.duplicate", f"{FOLDED.format('record_id')} IN (FROM twice)"
    yield "mass_kg", "mass.missing", "by_weight AND raw_mass_kg IS NULL"
    yield "quantity", "quantity.missing", "NOT by_weight AND raw_quantity IS NULL"
    band = "mass_kg / quantity NOT BETWEEN coalesce(mass_low, 0) AND coalesce(mass_high, 'inf')"
    yield (
        "mass_kg",
        "mass.band",
        f"by_weight IS NOT TRUE AND {band} AND NOT isnan(mass_kg / quantity)",
    )
    yield "returned_on", "date.order", f"{after} < 0"
    yield "returned_on", "returned.in_window", f"{after} BETWEEN 0 AND {window}"
    yield "returned_on", "returned.later", f"{after} > {window}"
    for act, code in job.UNCOVERED.items():
        yield "act", code, f"act = '{act}'"
    yield "occurred_on", "methodology.not_in_force", f"occurred_on < {day(job.IN_FORCE)}"
    yield "transport_mode", "transport.missing", "transport_mode IS NULL"
    yield "process", "process.missing", "process IS NULL"
    yield "transport_km", "transport.distance", "is_freight AND transport_km IS NULL"
    yield (
        "mass_kg",
        "mass.missing",
        "NOT by_weight AND (is_parcel OR is_tonne OR is_freight) AND each_kg = 'inf'",
    )
    no_kwh = "(used_kwh IS NULL OR new_kwh IS NULL)"
    yield "item_type", "energy.unsourced", f"uses_power AND ef IS NOT NULL AND {no_kwh}"
    listed = f"NOT (item_id IS NULL OR {BLANK.format('item_id')})"
    yield "item_id", "item_id.several", f"{listed} AND (by_weight OR quantity > 1)"
    yield region, "region.missing", f"{region} IS NULL"
    yield region, "region.abroad", f"{region} = 'abroad'"
    hedong = [
        f"starts_with(site, '{job.HEDONG_PREFIX}')",
        f"enterprise[3:8] = '{job.HEDONG_PREFIX}'",
    ]
    yield "site", "site.not_hedong", f"({' OR '.join(hedong)}) IS NOT TRUE"
    yield "age_years", "age.missing", "age_required AND age_years IS NULL"
    yield "condition", "condition.broken", "condition = 'broken'"
    yield fate, "destination.export", f"{fate} = 'export'"
    yield fate, "destination.not_reused", f"{fate} IN ({quoted(job.NOT_REUSED)})"
    yield fate, "destination.unproven", f"by_weight AND {fate} IS NULL"
    yield "subsidised", "subsidy.unknown", "act = 'trade_in' AND subsidised IS NULL"
    yield "subsidised", "subsidy.received", "subsidised = 'yes'"
    left = f"round(greatest(0, 1 - age_years / life), {job.LIFE_DECIMALS})"
    spent = f"{left} < round(unknown_age_life, {job.LIFE_DECIMALS})"
    yield "age_years", "life.exhausted", f"age_years IS NOT NULL AND life IS NOT NULL AND {spent}"


#: Acts whose factors matter: all but those that no factor can help, from the first day in force.
NEEDED = (
    f"(act IN ({quoted(list(job.UNCOVERED))})) IS NOT TRUE AND occurred_on >= {day(job.IN_FORCE)}"
)
NO_PREPARATION = (
    "process <> 'none' AND refurbish_id IS NULL AND prepared_bad IS NULL "
    "AND kind IS NOT NULL AND process IN (FROM processes)"
)


def factor_check() -> str:
    """Whether any factor that a row needs is missing or not usable."""
    bad = [f"{table}_bad" for table in TABLES if table != "prepared"]
    bad += ["process <> 'none' AND prepared_bad", NO_PREPARATION]
    return f"{NEEDED} AND ({' OR '.join(f'({b})' for b in bad)})"


# --- formula ------------------------------------------------------------------------------------

_PARCEL = " ".join(
    f"WHEN each_kg <= {limit} THEN 'home_delivery_{word}'" for limit, word in PARCELS
)


def joined_sql(rules: Job, source: str) -> str:
    """Rows with their factors, each look-up one join; what is unknown joins nothing."""
    later = list(enumerate(rules.periods))[:0:-1]
    period = " ".join(f"WHEN occurred_on >= {day(start)} THEN {number}" for number, start in later)
    return f"""
    WITH read AS (SELECT *, CASE {period} ELSE 0 END::TINYINT AS period FROM ({source})),
    typed AS (
        SELECT read.*, item.* EXCLUDE (item_type, period),
            CASE WHEN by_weight THEN 1 ELSE quantity END AS pieces,
            CASE WHEN by_weight THEN mass_kg ELSE quantity END AS amount,
            coalesce(CASE WHEN by_weight THEN mass_kg ELSE mass_kg / quantity END,
                mass_high, 'inf') AS each_kg,
            CASE WHEN transport_mode <> 'home_delivery' THEN transport_mode
                WHEN transport_mode IS NULL THEN NULL
                {_PARCEL} ELSE 'home_delivery_{PARCELS[-1][1]}' END AS moved_by,
            coalesce(condition, 'fair') AS condition_read
        FROM read LEFT JOIN item USING (item_type, period)
    )
    SELECT typed.*,
        taken.* EXCLUDE (kind, act, period), moved.* EXCLUDE (moved_by, period),
        prepared.* EXCLUDE (item_type, process, period),
        capped.* EXCLUDE (condition_read, period), dated.* EXCLUDE (period)
    FROM typed
    LEFT JOIN taken USING (kind, act, period)
    LEFT JOIN moved USING (moved_by, period)
    LEFT JOIN prepared USING (item_type, process, period)
    LEFT JOIN capped USING (condition_read, period)
    LEFT JOIN dated USING (period)"""


_LIFE_LEFT = (
    "CASE WHEN age_years IS NULL THEN unknown_age_life ELSE greatest(0, 1 - age_years / life) END"
)
_YEARS = "CASE WHEN age_years IS NULL THEN life ELSE greatest(0, life - age_years) END"
_MOVED = f"""CASE WHEN is_parcel THEN pieces * greatest(1, ceil(each_kg / {job.PARCEL_KG}))
    WHEN is_tonne THEN pieces * each_kg / 1000
    WHEN is_freight THEN pieces * each_kg / 1000 * transport_km ELSE pieces END"""
_PARCELS = f"pieces * greatest(1, ceil(each_kg / {job.PARCEL_KG}))"
_PROJECT = f"""({_MOVED}) * transport + CASE WHEN is_packed THEN {_PARCELS} ELSE 0 END * packing
    + pieces * coalesce(refurbish, 0) + pieces * platform"""
_USE = f"""CASE WHEN powered THEN pieces * ({_YEARS}) * grid * (greatest(0, used_kwh - new_kwh)
    + (1 - displacement) * used_kwh) ELSE 0 END"""


def computed_sql(rules: Job, rows: str, *, accounts: bool = False) -> str:
    """Rows with their factors and, in kilograms, what they come to."""
    granted = "least(own_life, granted)" if accounts else "own_life"
    account = "LEFT JOIN accounts USING (row)" if accounts else ""
    return f"""
    WITH joined AS ({joined_sql(rules, rows)}),
    lived AS (
        SELECT *, {_LIFE_LEFT} AS budget,
            uses_power AND used_kwh IS NOT NULL AND new_kwh IS NOT NULL AS powered,
            least(budget, condition_cap) * (1 - CASE
                WHEN item_id IS NULL OR {BLANK.format("item_id")}
                THEN recirculation ELSE 0 END) AS own_life
        FROM joined
    ),
    credited AS (SELECT *, {granted} AS credit FROM lived {account})
    SELECT *, amount * 1 * ef * displacement * CASE WHEN includes_life THEN 1 ELSE credit END
        AS be_kg, {_PROJECT} AS pe_kg,
        {_USE} AS u_kg, leakage_rate * be_kg AS le_kg
    FROM credited"""


def _read_columns() -> list[str]:
    return ["row", *job.NAMES, *(f"raw_{n}" for n in (*NUMBERS, *DAYS))]


def rejected_sql(rules: Job, source: str) -> str:
    """Rows with a fault; ``too_large`` if that alone is wrong."""
    checks = [*cell_checks(rules), *record_checks(rules), ("", "", factor_check())]
    wrong = "\n OR ".join(f"({condition})" for _, _, condition in checks)
    large = f"greatest(be_kg, pe_kg, u_kg, le_kg) > {job.MAX_RECORD_KG}"
    return f"""
    SELECT {", ".join(_read_columns())}, verdict = 'large' AS too_large FROM (
        SELECT *, CASE WHEN {wrong} THEN 'faulty' WHEN {large} THEN 'large' END AS verdict
        FROM ({computed_sql(rules, source)})
    ) WHERE verdict IS NOT NULL"""


def _grams(kg: str, way: str) -> str:
    return f"{way}(round({kg} * 1000, 6))::BIGINT"


#: When a factor enters an accepted record; the others always do.
_USED = {
    "packing": "is_packed",
    "grid": "powered",
    "used_kwh": "powered",
    "new_kwh": "powered",
    "recirculation": f"item_id IS NULL OR {BLANK.format('item_id')}",
    "unknown_age_life": "age_years IS NULL",
    "default_share": "false",
}


def records_sql(rules: Job, source: str, *, accounts: bool) -> str:
    """Accepted rows in the columns of the output."""
    inputs = [f"{n}::BIGINT AS {n}" if n in job.WHOLE else n for n in job.NAMES]
    roles = [
        f"CASE WHEN {_USED[role]} THEN {role}_id END AS factor_{role}"
        if role in _USED
        else f"{role}_id AS factor_{role}"
        for role in ROLES
    ]
    old = " OR ".join(f"coalesce({table}_old, false)" for table in TABLES)
    flags = {
        "age_unknown": "age_years IS NULL",
        "energy_unsourced": "uses_power AND NOT powered",
        "display_factor": "worst > 0",
        "factor_carried": old,
        "life_account": "granted < own_life" if accounts else "false",
    }
    flag = ", ".join(f"CASE WHEN {when} THEN '{name}' END" for name, when in flags.items())
    return f"""
    SELECT {", ".join(inputs)}, row, be_g, pe_g, u_g, le_g, be_g - pe_g - u_g - le_g AS er_g,
        credit AS life, CASE worst WHEN 0 THEN 'creditable' ELSE 'display' END AS grade,
        concat_ws(';', {flag}) AS flags, {", ".join(roles)}
    FROM (
        SELECT *, {_grams("be_kg", "floor")} AS be_g, {_grams("pe_kg", "ceil")} AS pe_g,
            {_grams("u_kg", "ceil")} AS u_g, {_grams("le_kg", "ceil")} AS le_g,
            greatest(condition_cap_grade, CASE WHEN powered THEN used_kwh_grade ELSE 0 END) AS worst
        FROM ({computed_sql(rules, accepted(source), accounts=accounts)})
    )"""


def accepted(source: str) -> str:
    """Rows without a fault."""
    return f"SELECT * FROM ({source}) ANTI JOIN (SELECT row FROM rejected) USING (row)"


# --- rejects ------------------------------------------------------------------------------------


def findings(rules: Job) -> Iterator[tuple[str, str, str, str]]:
    """Column, code, condition and detail of everything a rejected row can be told."""
    seen: dict[tuple[str, str], list[str]] = {}
    for column, code, condition in (*cell_checks(rules), *record_checks(rules)):
        seen.setdefault((column, code), []).append(f"({condition})")
    for (column, code), conditions in seen.items():
        yield column, code, " OR ".join(conditions), "''"
    yield "quantity", "amount.too_large", "too_large", "''"
    for role, column in ROLES.items():
        needed = f"{NEEDED} AND process <> 'none'" if role == "refurbish" else NEEDED
        needed += "".join(f" AND {earlier}_fault IS NULL" for earlier in job.EARLIER[role])
        for code in job.FACTOR_CODES:
            if role not in OPTIONAL or code == "factor.not_yet":
                yield (
                    column,
                    code,
                    f"{needed} AND {role}_fault = '{code}'",
                    f"coalesce({role}_why::VARCHAR, '')",
                )
    yield "process", "factor.missing", f"{NEEDED} AND {NO_PREPARATION}", "''"


def rejects_sql(rules: Job) -> str:
    """One row per finding, from the rejected rows."""
    parts = []
    for column, code, condition, detail in findings(rules):
        message, fix = job.said(code)
        raw = f"raw_{column}" if column in (*NUMBERS, *DAYS) else column
        parts.append(
            f"SELECT row, record_id, '{column}' AS column, left({raw}::VARCHAR, 100) AS value, "
            f"'{code}' AS code, {quoted([message])} AS message, {quoted([fix])} AS fix, "
            f"{detail} AS detail FROM told WHERE {condition}"
        )
    return " UNION ALL ".join(parts) + " ORDER BY row"


# --- the run ------------------------------------------------------------------------------------


def _type(column: str) -> str:
    if column in job.BOOLEANS or column.endswith(("_bad", "_old", "_carried")):
        return "BOOLEAN"
    if column in job.KEYS or column.endswith(("_id", "_fault", "_why")):
        return "VARCHAR"
    return "TINYINT" if column == "period" or column.endswith("_grade") else "DOUBLE"


def load_tables(db: duckdb.DuckDBPyConnection, rules: Job) -> None:
    """The look-ups as tables; words that only travel to the output are enumerations."""
    with tempfile.TemporaryDirectory() as folder:
        for name, roles in TABLES.items():
            rows, path = rules.table(name), Path(folder, f"{name}.json")
            path.write_text(json.dumps(rows), encoding="utf-8")
            columns = ", ".join(f"{c}: '{_type(c)}'" for c in rows[0])
            words = [f"{role}_{part}" for role in roles for part in ("id", "fault", "why")]
            for word in words:
                known = sorted({str(row[word]) for row in rows if row[word] is not None})
                db.execute(f"CREATE TYPE {word}_words AS ENUM ({quoted(known)})")
            enums = ", ".join(f"{word}::{word}_words AS {word}" for word in words)
            db.execute(
                f"CREATE TABLE {name} AS SELECT * REPLACE ({enums}) "
                f"FROM read_json('{path}', columns = {{{columns}}})"
            )
    processes = quoted(rules.words["process"])
    db.execute(f"CREATE TABLE processes AS SELECT unnest([{processes}]) AS process")


def find_repeats(db: duckdb.DuckDBPyConnection, source: str) -> bool:
    """Record ids that stand twice and items with several acts; whether there are such items."""
    for table, column in (("twice", "record_id"), ("often", "item_id")):
        db.execute(
            f"CREATE TABLE {table} AS SELECT {FOLDED.format(column)} AS {column} FROM ({source}) "
            f"WHERE NOT {BLANK.format(column)} GROUP BY ALL HAVING count(*) > 1"
        )
    return bool(db.execute("SELECT count(*) FROM often").fetchone()[0])  # type: ignore[index]


def settle_accounts(db: duckdb.DuckDBPyConnection, rules: Job, source: str) -> None:
    """Life granted to each act of an item with several: what the first act's budget still holds."""
    some = f"SELECT * FROM ({accepted(source)}) "
    some += f"WHERE {FOLDED.format('item_id')} IN (FROM often)"
    db.execute(f"""
    CREATE TABLE accounts AS
    SELECT row, greatest(0, first_value(budget) OVER acts - coalesce(sum(own_life) OVER (
        acts ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)) AS granted
    FROM ({computed_sql(rules, some)})
    WINDOW acts AS (PARTITION BY lower(trim(item_id)) ORDER BY occurred_on, record_id)""")


def write(db: duckdb.DuckDBPyConnection, rules: Job, source: str, out: Path) -> None:
    """Both results."""
    accounts = find_repeats(db, source)
    db.execute(f"CREATE TABLE rejected AS {rejected_sql(rules, source)}")
    told = joined_sql(rules, "SELECT * FROM rejected")
    db.execute(f"CREATE TABLE told AS {told}")
    db.execute(f"COPY ({rejects_sql(rules)}) TO '{out / 'rejects.csv'}'")
    if accounts:
        settle_accounts(db, rules, source)
    records = records_sql(rules, source, accounts=accounts)
    options = "COMPRESSION snappy, WRITE_BLOOM_FILTER false"
    db.execute(f"COPY ({records}) TO '{out / 'records.parquet'}' ({options})")


def main(source: Path, out: Path) -> None:
    """Quantify a file into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    rules = Job()
    with duckdb.connect() as db:
        if source.suffix == ".csv":
            load_csv(db, source)
        db.execute("SET preserve_insertion_order = false")
        load_tables(db, rules)
        write(db, rules, read_sql(source), out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
