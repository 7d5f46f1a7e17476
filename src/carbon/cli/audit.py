"""``carbon audit``: check a published log from its public files alone.

Exit codes: 0 no differences, 1 differences, 2 wrong call, 3 no log to read. This module and what it
imports know neither database, services nor web: an auditor runs nothing of the platform.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from carbon.audit import Audit, Difference, audit
from carbon.cli.texts import lang, say
from carbon.domain.errors import CarbonError
from carbon.domain.log.note import Key
from carbon.files.log_folder import open_log

DIFFERENCES, UNREADABLE = 1, 3
#: Differences printed; all of them are in the JSON.
_PRINTED = 50

HELP = say(
    "只凭公开文件核对一份日志：签名、树、每一行的克数。",
    "Check a published log from its files alone: signatures, trees, the grams of every row.",
)
_errors = Console(stderr=True, markup=False)
_out = Console(markup=False)


_WHERE = say("日志目录或网址。", "Folder or web address of the log.")
_KEY = say("固定的日志公钥，取自别处。", "The log's key, pinned, from another source.")
_JOBS = say("进程数；0 为每个处理器一个。", "Processes; 0 is one per processor.")
_JSON = say("输出 JSON。", "Print JSON.")


def audit_command(
    where: Annotated[str, typer.Argument(metavar="LOG_DIR|URL", help=_WHERE)],
    key: Annotated[str | None, typer.Option("--key", metavar="VKEY", help=_KEY)] = None,
    jobs: Annotated[int, typer.Option(min=0, max=64, metavar="N", help=_JOBS)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help=_JSON)] = False,
) -> None:
    """Audit a log; exit 1 if anything differs."""
    pinned = None if key is None else Key.parse(key.strip())
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=_errors, transient=True, disable=as_json) as bar:
        task = bar.add_task(say("核对", "Audit"), total=None)

        def update(rows: int, _: int | None) -> None:
            told = say(f"核对：{rows:,} 行", f"Audit: {rows:,} rows")
            bar.update(task, description=told)

        found = audit(open_log(where), pinned, update, jobs=jobs)
    if as_json:
        sys.stdout.write(json.dumps(_fields(found), ensure_ascii=False) + "\n")
    else:
        _print(found)
    if found.differences:
        raise typer.Exit(DIFFERENCES)


def _fields(found: Audit) -> dict[str, Any]:
    def listed(differences: Sequence[Difference]) -> list[dict[str, str]]:
        return [
            {"code": d.code, "path": d.path, "detail": d.detail, "zh": d.text.zh, "en": d.text.en}
            for d in differences
        ]

    return {
        "key": found.key,
        "origin": found.origin,
        "size": found.size,
        "root": found.root,
        "counts": asdict(found.counts),
        "differences": listed(found.differences),
        "notes": listed(found.notes),
    }


def _print(found: Audit) -> None:
    table = Table(title=f"{found.origin} · {found.size:,}", show_header=False)
    for name, (zh, en) in _COUNTED.items():
        table.add_row(say(zh, en), f"{getattr(found.counts, name):,}")
    table.add_row(say("根", "Root"), found.root)
    _out.print(table)
    for note in found.notes:
        _out.print(f"• {note.say(lang())}", style="yellow", soft_wrap=True)
    if not found.differences:
        _out.print(say("无差异。", "No differences."), style="bold green")
        return
    _print_differences(found.differences)


def _print_differences(differences: Sequence[Difference]) -> None:
    table = Table(title=say(f"{len(differences)} 处差异", f"{len(differences)} differences"))
    for name in (say("位置", "Place"), say("代码", "Code"), say("差异", "Difference")):
        table.add_column(name, overflow="fold")
    for difference in differences[:_PRINTED]:
        table.add_row(difference.path, difference.code, difference.text.say(lang()))
    _out.print(table)
    more = len(differences) - _PRINTED
    if more > 0:
        _out.print(say(f"另有 {more} 处，见 --json。", f"{more} more, see --json."))


_COUNTED = {
    "checkpoints": ("检查点", "Checkpoints"),
    "leaves": ("条目", "Leaves"),
    "tiles": ("瓦片与条目包", "Tiles and bundles"),
    "submissions": ("批量提交", "Submissions"),
    "journals": ("账务分录", "Journals"),
    "rows": ("重算的行", "Rows recomputed"),
    "catalogues": ("因子库", "Catalogues"),
    "formulas": ("公式", "Formulas"),
    "corrections": ("更正", "Corrections"),
    "grams": ("减排量合计（克）", "Net reduction, all rows (g)"),
    "decisions": ("决定", "Decisions"),
    "reports": ("重建的报告", "Reports rebuilt"),
    "credits_issued": ("签发的减排量", "Credits issued"),
    "credits_retired": ("其中注销", "of which retired"),
    "credits_cancelled": ("其中取消", "of which cancelled"),
}


def _parser() -> argparse.ArgumentParser:
    """The same call as :func:`audit_command`, without what typer loads to run one."""
    parser = argparse.ArgumentParser(prog="carbon audit", description=HELP)
    parser.add_argument("where", metavar="LOG_DIR|URL", help=_WHERE)
    parser.add_argument("--key", metavar="VKEY", help=_KEY)
    parser.add_argument("--jobs", type=int, default=0, choices=range(65), metavar="N", help=_JOBS)
    parser.add_argument("--json", action="store_true", dest="as_json", help=_JSON)
    return parser


def run(arguments: Sequence[str]) -> int:
    """Run ``carbon audit`` by itself; every failure ends in one clear message and an exit code."""
    try:
        audit_command(**vars(_parser().parse_args(arguments)))
    except typer.Exit as stop:
        return stop.exit_code
    except KeyboardInterrupt:
        _errors.print(say("已中断。", "Interrupted."))
        return 130
    except CarbonError as error:
        _errors.print(f"[{error.code}] {error.say(lang())}", style="red", soft_wrap=True)
        return UNREADABLE
    except OSError as error:
        denied = CarbonError("file.access", path=error.filename or "?", reason=error.strerror)
        _errors.print(f"[{denied.code}] {denied.say(lang())}", style="red", soft_wrap=True)
        return UNREADABLE
    return 0
