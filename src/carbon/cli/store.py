"""Commands of the store: records and receipts, ``carbon db``, ``carbon log``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from carbon.cli.progress import progress
from carbon.cli.texts import day, lang, say, settings
from carbon.domain.activity.record import CORRECTION_REASONS
from carbon.domain.errors import FAULTS, CarbonError

if TYPE_CHECKING:
    from carbon.bootstrap.system import System

REJECTED, DIFFERENT = 1, 1
#: Longest record as JSON; its cells have far lower limits of their own.
MAX_RECORD_CHARACTERS = 1_000_000

db = typer.Typer(
    help=say("数据库：升级、检查、备份、恢复。", "The database."), no_args_is_help=True
)
log = typer.Typer(help=say("透明日志：新建、排序、见证。", "The log."), no_args_is_help=True)

_out = Console(markup=False)

JsonFlag = Annotated[bool, typer.Option("--json", help=say("输出 JSON。", "Print JSON."))]
SourceOption = Annotated[
    str,
    typer.Option(help=say("提交方，编号在其内唯一。", "Who submits; ids are unique within it.")),
]
MethodologyOption = Annotated[str, typer.Option(help=say("方法学编号。", "Methodology."))]


ProjectOption = Annotated[
    str | None,
    typer.Option(help=say("所属项目，须已登记。", "The project whose records they are.")),
]


@cache
def system() -> System:
    """The system of this process; its libraries are loaded when it is first needed."""
    from carbon.bootstrap.system import System

    return System(settings())


def print_json(value: object) -> None:
    """One line of JSON on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


# --- records --------------------------------------------------------------------------------------


def ingest_command(
    source_file: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT", help=say("CSV、XLSX 或 Parquet。", "CSV, XLSX or Parquet.")
        ),
    ],
    source: SourceOption = "local",
    submission: Annotated[
        str | None,
        typer.Option(
            "--id",
            help=say(
                "提交编号；缺省由内容得出，重复运行不会重复入库。",
                "Id of the submission; by default made from its content, so that running twice "
                "stores once.",
            ),
        ),
    ] = None,
    accept_valid: Annotated[
        bool,
        typer.Option(
            "--accept-valid",
            help=say(
                "有行被拒时仍存入其余行。", "Store the sound rows although others are rejected."
            ),
        ),
    ] = False,
    annotated: Annotated[
        Path | None,
        typer.Option(
            help=say("被拒行的批注文件。", "Where rejected rows are given back, annotated.")
        ),
    ] = None,
    mapping: Annotated[
        str, typer.Option(help=say("列映射的名称或文件。", "Name or file of a column mapping."))
    ] = "canonical",
    methodology: MethodologyOption = "HD-REUSE",
    project: ProjectOption = None,
    demonstration: Annotated[
        bool,
        typer.Option("--demonstration", help=say("演示记录，不可签发。", "Never issues.")),
    ] = False,
    as_of: Annotated[
        str | None,
        typer.Option(help=say("按某日的因子；不可签发。", "Factors of a day; never issues.")),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Store a file; exit 1 if nothing was stored because rows were rejected."""
    from carbon.bootstrap.submissions import IngestRequest

    request = IngestRequest(
        path=source_file,
        source=source,
        submission=submission,
        methodology=methodology,
        mapping=mapping,
        demonstration=demonstration,
        as_of=day(as_of),
        accept_valid=accept_valid,
        annotated=annotated or source_file.with_name(f"{source_file.stem}-rejected.csv"),
        lang=lang(),
        project=project,
    )
    with progress(say("入库", "Ingest"), quiet=as_json) as bar:
        answer = system().submissions.ingest(request, bar)
    _tell_answer(answer, as_json=as_json, annotated=request.annotated)


def _tell_answer(
    answer: Mapping[str, Any], *, as_json: bool, annotated: Path | None = None
) -> None:
    stored = "id" in answer
    if as_json:
        print_json(answer)
    else:
        table = Table(show_header=False)
        for name, text in (
            ("rows", say("行", "Rows")),
            ("accepted", say("存入", "Stored")),
            ("known", say("早已存入", "Known before")),
            ("rejected", say("被拒", "Rejected")),
        ):
            table.add_row(text, f"{answer.get(name, 0):,}")
        table.add_row(say("净减排量", "Net reduction"), f"{answer.get('er_g', 0) / 1000:,.3f} kg")
        _out.print(table)
        for reason in answer.get("reasons", [])[:10]:
            what = FAULTS[reason["code"]].what.say(lang())
            _out.print(f"{reason['count']:>9,}  [{reason['code']}] {what}", soft_wrap=True)
        if answer.get("rejected") and annotated is not None and annotated.is_file():
            _out.print(say("被拒的行：", "Rejected rows: ") + str(annotated), soft_wrap=True)
        if not stored and answer.get("rejected"):
            _out.print(
                say(
                    "未存入任何行：改正后重新提交，或加 --accept-valid。",
                    "Nothing was stored: correct the rows, or use --accept-valid.",
                )
            )
    if not stored and answer.get("rejected"):
        raise typer.Exit(REJECTED)


def _cells(text: str) -> dict[str, str]:
    """A record as JSON: an object of texts or numbers by column. ``-`` reads standard input.

    Numbers keep the digits they were written with. Raises ``record.json``.
    """
    try:
        told = sys.stdin.read(MAX_RECORD_CHARACTERS + 1) if text == "-" else text
        if len(told) > MAX_RECORD_CHARACTERS:
            raise CarbonError("record.json", reason=f"> {MAX_RECORD_CHARACTERS:,} characters")
        pairs = json.loads(told, parse_float=str, parse_int=str, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        raise CarbonError("record.json", reason=error) from error
    if not isinstance(pairs, _Pairs):
        raise CarbonError("record.json", reason=type(pairs).__name__)
    cells = {name: "" if cell is None else cell for name, cell in pairs}
    odd = [name for name, cell in cells.items() if not isinstance(cell, str)]
    if odd or len(cells) < len(pairs):
        raise CarbonError("record.json", reason=", ".join(odd) or "a name stands twice")
    return cells


class _Pairs(list[tuple[str, Any]]):
    """Members of a JSON object, repeated names included."""


RecordArgument = Annotated[
    str,
    typer.Argument(
        metavar="JSON",
        help=say("按列名的 JSON 对象，- 读标准输入。", "A JSON object by column; - reads input."),
    ),
]


def record_command(
    record: RecordArgument,
    source: SourceOption = "local",
    methodology: MethodologyOption = "HD-REUSE",
    project: ProjectOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Store one record."""
    answer = system().record(_cells(record), source, methodology, project)
    _tell_answer(answer, as_json=as_json)


def correct_command(
    record_id: Annotated[str, typer.Argument(metavar="RECORD_ID")],
    reason: Annotated[
        str, typer.Option(help=say("理由：", "Reason: ") + ", ".join(CORRECTION_REASONS))
    ],
    replacement: Annotated[
        str | None,
        typer.Option(
            "--with",
            help=say(
                "替换它的记录（JSON），另有编号；缺省为撤回。",
                "The record that replaces it (JSON), with an id of its own; without it the record "
                "is withdrawn.",
            ),
        ),
    ] = None,
    source: SourceOption = "local",
    methodology: MethodologyOption = "HD-REUSE",
    as_json: JsonFlag = False,
) -> None:
    """Replace or withdraw a record by a new fact that names it."""
    cells = None if replacement is None else _cells(replacement)
    answer = system().correct(record_id, reason, cells, source, methodology)
    if "withdrawn" in answer and not as_json:
        _out.print(say("已撤回。", "Withdrawn."))
    else:
        _tell_answer(answer, as_json=as_json)


def receipt_command(
    record_id: Annotated[str, typer.Argument(metavar="RECORD_ID")],
    out: Annotated[
        Path | None, typer.Option("--out", help=say("小票文件。", "File of the receipt."))
    ] = None,
    source: SourceOption = "local",
) -> None:
    """Write the receipt, and beside it its proof as a tlog-proof file."""
    content = system().receipt(record_id, source)
    if out is None:
        sys.stdout.write(content.decode())
        return
    out.write_bytes(content)
    out.with_suffix(".tlog-proof").write_text(json.loads(content)["proof"], encoding="utf-8")
    checker = settings().log / "tools" / "check_receipt.py"
    _out.print(f"{out}\n{say('核对：', 'Check it: ')}python3 {checker} {out}", soft_wrap=True)


def erase_command(
    identity: Annotated[str, typer.Argument(metavar="IDENTITY")],
    yes: Annotated[
        bool, typer.Option("--yes", help=say("确认：不可恢复。", "Confirm: it cannot be undone."))
    ] = False,
) -> None:
    """Destroy a person's key and private values; proofs stay valid."""
    if not yes:
        raise CarbonError("erase.confirm")
    records = system().erase(identity)
    _out.print(say(f"已删除，涉及 {records:,} 条记录。", f"Erased; {records:,} records."))


def reconcile_command(as_json: JsonFlag = False) -> None:
    """The database against the published log; exit 1 if they differ."""
    with progress(say("对账", "Reconcile"), quiet=as_json) as bar:
        found = system().reconcile(bar)
    if as_json:
        print_json(
            {
                "facts": found.facts,
                "rows": found.rows,
                "pending": found.pending,
                "differences": [{"code": d.code, "text": d.say(lang())} for d in found.differences],
            }
        )
    else:
        _out.print(
            say(
                f"{found.facts:,} 个事实、{found.rows:,} 行已比对，{found.pending:,} 个待排序。",
                f"{found.facts:,} facts, {found.rows:,} rows compared; {found.pending:,} pending.",
            )
        )
        for difference in found.differences[:50]:
            _out.print(f"[{difference.code}] {difference.say(lang())}", soft_wrap=True)
        if not found.differences:
            _out.print(say("数据库与日志一致。", "Database and log agree."))
    if found.differences:
        raise typer.Exit(DIFFERENT)


# --- database -------------------------------------------------------------------------------------


@db.command("upgrade", help=say("由所有者升级结构。", "Upgrade the schema, as its owner."))
def upgrade_command() -> None:
    """Bring the schema to this program's revision; makes the secrets of a new database."""
    at = system().upgrade()
    _out.print(say(f"数据库结构：{at}", f"Schema at revision {at}"))


@db.command("check", help=say("检查结构、防护与权限。", "Check schema, guards and rights."))
def check_command() -> None:
    """Exit 1 if something is wrong."""
    faults = system().check()
    for fault in faults:
        _out.print(f"[{fault.code}] {fault.say(lang())}", soft_wrap=True)
    if faults:
        raise typer.Exit(DIFFERENT)
    _out.print(say("一切正常。", "All is well."))


@db.command("backup", help=say("备份到新目录（密钥另行备份）。", "Back up; keys apart."))
def backup_command(folder: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Write a backup."""
    manifest = system().backup(folder)
    _out.print(f"{folder}  sha256 {manifest['sha256']}", soft_wrap=True)


@db.command("restore", help=say("恢复到空数据库，并重做删除。", "Restore into an empty database."))
def restore_command(folder: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Restore a backup and do all erasures again."""
    found = system().restore(folder)
    _out.print(
        say(
            f"已恢复（日志 {found['log_size']} 条），重做删除 {found['erased_again']} 人。",
            f"Restored at log size {found['log_size']}; {found['erased_again']} erased again.",
        )
    )


@db.command(
    "drill", help=say("恢复演练，不触及在用的数据库。", "Restore a backup aside, as a drill.")
)
def drill_command(
    folder: Annotated[Path | None, typer.Argument(metavar="DIR")] = None, as_json: JsonFlag = False
) -> None:
    """Of the newest nightly backup, unless another one is named; exit 3 if it is no good."""
    from carbon.bootstrap.drill import drill, latest_backup

    found = drill(system(), folder or latest_backup(settings().backups))
    if as_json:
        print_json(found)
        return
    _out.print(
        say(
            f"{found['backup']} 可恢复：日志 {found['log_size']:,} 条，与公布的一致。",
            f"{found['backup']} can be restored: {found['log_size']:,} leaves, as published.",
        ),
        soft_wrap=True,
    )


# --- log ------------------------------------------------------------------------------------------


@log.command("init", help=say("新建日志与密钥。", "Make a new log with its key."))
def init_command(
    origin: Annotated[
        str, typer.Option(help=say("日志名称，如域名。", "Name of the log, such as a domain."))
    ],
) -> None:
    """Prints the key to publish."""
    key = system().init_log(origin)
    _out.print(
        f"{say('公钥（请广为公布）：', 'Public key, publish it widely: ')}{key}", soft_wrap=True
    )


@log.command("sequence", help=say("排序待入日志的事实并公布。", "Publish pending facts."))
def sequence_command() -> None:
    """Prints the checkpoint."""
    with progress(say("排序", "Sequence"), quiet=False) as bar:
        head = system().sequence(bar)
    if head is None:
        _out.print(say("没有可公布的事实。", "There is nothing to publish."))
    else:
        sys.stdout.write(head.note.decode())


@log.command("repair", help=say("由数据库重写受损的日志文件。", "Rewrite damaged tiles."))
def repair_command() -> None:
    """Prints the files written again."""
    paths = system().repair()
    for path in paths:
        _out.print(path)
    _out.print(say(f"重写了 {len(paths)} 个文件。", f"{len(paths)} files written again."))


@log.command("cosign", help=say("收下见证方的联署。", "Accept a witness's cosignature."))
def cosign_command(
    note: Annotated[Path, typer.Argument(metavar="CHECKPOINT")],
    key: Annotated[str, typer.Option(help=say("见证方公钥。", "The witness's key."))],
) -> None:
    """Store and publish a cosignature of one of our checkpoints."""
    name = system().cosign(note.read_bytes(), key)
    _out.print(say(f"已收下 {name} 的联署。", f"Accepted the cosignature of {name}."))
