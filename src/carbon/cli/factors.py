"""``carbon factors``: check, list, show and compare factor tables."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from carbon.cli.texts import lang, say, settings
from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue, changes
from carbon.domain.factors.rules import check_folder
from carbon.domain.factors.table import FactorRow
from carbon.files.calendar_file import CALENDAR, read_calendar
from carbon.files.factor_folder import read_tables

app = typer.Typer(
    help=say("因子库：检查、列出、查看、比较。", "Factor tables: validate, list, show, diff."),
    no_args_is_help=True,
)
_out = Console(markup=False)

Folder = Annotated[
    Path | None, typer.Option("--factors", help=say("因子库目录。", "Folder of factor tables."))
]
JsonFlag = Annotated[bool, typer.Option("--json", help=say("输出 JSON。", "Print JSON."))]
FAULTY = 3


def _load(folder: Path | None) -> Catalogue:
    from carbon.bootstrap import runs

    return runs.load_catalogue(folder or settings().factors)


@app.command(
    "validate", help=say("检查全部规则，列出每处错误。", "Check every rule and list every fault.")
)
def validate(factors: Folder = None, as_json: JsonFlag = False) -> None:
    """Exit 3 if any table has a fault. A wrong calendar is an error of its own."""
    from carbon.bootstrap import runs

    folder = factors or settings().factors
    faults = check_folder(read_tables(folder))
    if (folder / CALENDAR).is_file():
        read_calendar(folder / CALENDAR)
    if as_json:
        found = [
            {"table": f.table, "line": f.line, "code": f.code, "value": f.value} for f in faults
        ]
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
    elif faults:
        for fault in faults:
            _out.print(fault.say(lang()), soft_wrap=True)
        _out.print(say(f"{len(faults)} 处错误", f"{len(faults)} faults"))
    else:
        catalogue = runs.load_catalogue(folder)
        _out.print(say("全部合格", "All sound") + f": {len(catalogue.rows)} · {catalogue.digest}")
    if faults:
        raise typer.Exit(FAULTY)


@app.command("list", help=say("列出因子。", "List factors."))
def list_factors(
    family: Annotated[
        str | None, typer.Argument(help=say("表名，如 production。", "Table, e.g. production."))
    ] = None,
    factors: Folder = None,
    as_json: JsonFlag = False,
) -> None:
    """All rows, or those of one table."""
    catalogue = _load(factors)
    if family is not None and family not in catalogue.family_names:
        raise CarbonError("factors.unknown_family", value=family)
    rows = [row for row in catalogue.rows if family in (None, row.family)]
    if as_json:
        sys.stdout.write(json.dumps([_fields(row) for row in rows], ensure_ascii=False) + "\n")
        return
    table = Table()
    columns = ("id", "value", "low", "high", "unit", "grade", "source")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        fields = _fields(row)
        table.add_row(*(fields[name] for name in columns))
    _out.print(table)


@app.command(
    "show",
    help=say("查看一个因子的全部版本与证据。", "Show all versions of a factor with its evidence."),
)
def show(
    key: Annotated[str, typer.Argument(metavar="FAMILY/KEY")],
    factors: Folder = None,
    as_json: JsonFlag = False,
) -> None:
    """History, sources and evidence of a key such as ``production/phone``."""
    catalogue = _load(factors)
    family, _, name = key.partition("/")
    history = catalogue.history(family, name)
    if not history:
        raise CarbonError("factors.reference", value=key)
    if as_json:
        found = [
            {
                **_described(catalogue, row),
                "cited": [dict(catalogue.evidence[e]) for e in row.evidence],
            }
            for row in history
        ]
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
        return
    for row in history:
        _print_row(catalogue, row)


def _described(catalogue: Catalogue, row: FactorRow) -> dict[str, str]:
    return {**_fields(row), "source_title": catalogue.sources[row.source]["title"]}


def _print_row(catalogue: Catalogue, row: FactorRow) -> None:
    table = Table(title=row.id, show_header=False)
    for name, value in _described(catalogue, row).items():
        if value:
            table.add_row(name, value)
    _out.print(table)
    for cited in (catalogue.evidence[name] for name in row.evidence):
        told = f"  • {cited['evidence']}: {cited['value']} {cited['unit']} — {cited['clause']}"
        _out.print(f"{told} ({cited['source']})", soft_wrap=True)


@app.command("diff", help=say("比较两个因子库。", "Compare two factor folders."))
def diff(
    before: Annotated[Path, typer.Argument()],
    after: Annotated[Path, typer.Argument()],
    as_json: JsonFlag = False,
) -> None:
    """Rows added, removed or changed, with the relative change of the value."""
    found = list(changes(_load(before), _load(after)))
    if as_json:
        rows = [
            {
                "family": c.family,
                "key": c.key,
                "effective": c.effective.isoformat(),
                "before": None if c.before is None else str(c.before.value),
                "after": None if c.after is None else str(c.after.value),
                "relative": c.relative,
            }
            for c in found
        ]
        sys.stdout.write(json.dumps(rows, ensure_ascii=False) + "\n")
        return
    table = Table()
    for name in ("id", say("原值", "before"), say("新值", "after"), say("变化", "change")):
        table.add_column(name, overflow="fold")
    for change in found:
        relative = change.relative
        table.add_row(
            f"{change.family}/{change.key}@{change.effective}",
            "—" if change.before is None else str(change.before.value),
            "—" if change.after is None else str(change.after.value),
            "" if relative is None else f"{relative:+.1%}",
        )
    _out.print(table)


def _fields(row: FactorRow) -> dict[str, str]:
    return {
        "id": row.id,
        "value": "" if row.value is None else str(row.value),
        "low": "" if row.low is None else str(row.low),
        "high": "" if row.high is None else str(row.high),
        "distribution": row.distribution,
        "unit": row.unit,
        "boundary": row.boundary,
        "geography": row.geography,
        "grade": row.grade,
        "grade_reason": row.grade_reason,
        "rule": row.rule,
        "evidence": ";".join(row.evidence),
        "source": row.source,
        "clause": row.clause,
        "note": row.note,
    }
