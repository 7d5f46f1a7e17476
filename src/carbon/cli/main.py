"""``carbon``: everything an operator does, and looking into results and factor tables.

Exit codes: 0 done, 1 every record was rejected, 2 wrong call, 3 bad input or tables, 4 internal.
Results go to standard output, progress and errors to standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from carbon.cli import account as account_commands
from carbon.cli import credit as credit_commands
from carbon.cli import decisions as decision_commands
from carbon.cli import doctor as doctor_commands
from carbon.cli import factors as factor_commands
from carbon.cli import ledger as ledger_commands
from carbon.cli import store as store_commands
from carbon.cli import verification as verification_commands
from carbon.cli.audit import HELP, audit_command
from carbon.cli.progress import errors, progress
from carbon.cli.texts import day, lang, say, settings
from carbon.domain.activity.record import CODES, REGIONS
from carbon.domain.errors import CarbonError
from carbon.domain.quantification.methodologies import METHODOLOGIES
from carbon.domain.quantification.trace import FLAG_NAMES, Trace, sentence
from carbon.domain.simulation import Simulation
from carbon.services.summary import UncertaintyOptions

ALL_REJECTED, WRONG_CALL, BAD_INPUT, INTERNAL = 1, 2, 3, 4

app = typer.Typer(
    help=say(
        "碳普惠：把二手流通换算成避免的二氧化碳，精确到克。",
        "Avoided CO2 of second-hand goods, to the gram.",
    ),
    epilog=say(
        "另有 carbon serve（启动服务）与 carbon worker（工作进程），各有 --help。",
        "Besides: carbon serve (the service) and carbon worker, each with --help.",
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(factor_commands.app, name="factors")
app.add_typer(store_commands.db, name="db")
app.add_typer(store_commands.log, name="log")
app.add_typer(ledger_commands.ledger, name="ledger")
app.add_typer(account_commands.account, name="account")
app.add_typer(decision_commands.person, name="person")
app.add_typer(decision_commands.project, name="project")
app.add_typer(verification_commands.report, name="report")
app.add_typer(verification_commands.verify, name="verify")
app.add_typer(credit_commands.credit, name="credit")
for _command, _help in (
    (store_commands.ingest_command, say("把文件存入数据库。", "Store a file.")),
    (store_commands.record_command, say("存入一条记录。", "Store one record.")),
    (store_commands.correct_command, say("更正或撤回一条记录。", "Correct or withdraw a record.")),
    (store_commands.receipt_command, say("取可复算小票。", "Write a record's replay receipt.")),
    (store_commands.erase_command, say("删除一个人的数据。", "Erase a person.")),
    (store_commands.reconcile_command, say("数据库与日志对账。", "Compare database and log.")),
    (doctor_commands.doctor_command, say("检查本系统是否完好。", "Examine the installation.")),
    (decision_commands.decisions_command, say("等待中的决定。", "Decisions that wait.")),
    (decision_commands.approve_command, say("签署等待中的决定。", "Sign a waiting decision.")),
    (decision_commands.undo_command, say("撤回等待中的决定。", "Take a waiting decision back.")),
    (decision_commands.settle_command, say("使到期的决定生效。", "Let due decisions take effect.")),
    (credit_commands.impact_command, say("列出下游影响。", "List everything downstream.")),
    (credit_commands.restate_command, say("重述已登记的减排量。", "Restate issued credits.")),
):
    app.command(_command.__name__.removesuffix("_command"), help=_help)(_command)
app.command("audit", help=HELP)(audit_command)

_out = Console(markup=False)

JsonFlag = Annotated[bool, typer.Option("--json", help=say("输出 JSON。", "Print JSON."))]
FactorsOption = Annotated[
    Path | None, typer.Option("--factors", help=say("因子库目录。", "Folder of factor tables."))
]


@app.command(
    "quantify", help=say("核算一个文件，写出结果目录。", "Quantify a file into a result folder.")
)
def quantify_command(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT", help=say("CSV、XLSX 或 Parquet。", "CSV, XLSX or Parquet.")
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", help=say("结果目录（不存在或为空）。", "Result folder, absent or empty.")
        ),
    ],
    mapping: Annotated[
        str, typer.Option(help=say("列映射的名称或文件。", "Name or file of a column mapping."))
    ] = "canonical",
    methodology: Annotated[
        str, typer.Option(help=say("方法学编号：", "Methodology: ") + ", ".join(METHODOLOGIES))
    ] = "HD-REUSE",
    factors: FactorsOption = None,
    period: Annotated[
        str | None,
        typer.Option(help=say("只计某月，如 2026-10。", "One month only, e.g. 2026-10.")),
    ] = None,
    demonstration: Annotated[
        bool,
        typer.Option(
            "--demonstration",
            help=say(
                "允许仅供展示的因子与境外记录；不可签发。",
                "Allow display factors and foreign records; never issues.",
            ),
        ),
    ] = False,
    as_of: Annotated[
        str | None,
        typer.Option(
            help=say("按某日的因子试算；不可签发。", "Use the factors of a day; never issues.")
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help=say("Dask 调度器，如 tcp://…", "Dask scheduler, e.g. tcp://…")),
    ] = None,
    seed: Annotated[
        int, typer.Option(help=say("蒙特卡罗种子。", "Monte Carlo seed."))
    ] = UncertaintyOptions().seed,
    draws: Annotated[
        int, typer.Option(help=say("抽样次数。", "Number of draws."))
    ] = UncertaintyOptions().draws,
    as_json: JsonFlag = False,
) -> None:
    """Quantify a file; exit 1 if no record could be quantified."""
    from carbon.bootstrap import runs

    request = runs.QuantifyRequest(
        source=source,
        out=out,
        factors=factors or settings().factors,
        methodology=methodology,
        mapping=mapping,
        period=period,
        demonstration=demonstration,
        as_of=day(as_of),
        scheduler=scheduler,
        uncertainty=UncertaintyOptions(seed, draws),
        lang=lang(),
    )
    with progress(say("核算", "Quantify"), quiet=as_json) as bar:
        summary = runs.run_quantify(request, bar)
    if as_json:
        sys.stdout.write(json.dumps(summary, ensure_ascii=False) + "\n")
    else:
        _print_summary(summary, out)
    if not summary["quantified"]:
        raise typer.Exit(ALL_REJECTED)


def _kg(grams: int) -> str:
    return f"{grams / 1000:,.1f} kg"


def _print_summary(summary: dict[str, Any], out: Path) -> None:
    spread = summary["uncertainty"]
    table = Table(title=f"{summary['methodology']}", show_header=False)
    rows = [
        (say("记录", "Records"), f"{summary['rows']:,}"),
        (say("已核算", "Quantified"), f"{summary['quantified']:,}"),
        (say("被拒", "Rejected"), f"{summary['rejected']:,}"),
        (say("基准线排放量", "Baseline"), _kg(summary["totals"]["be_g"])),
        (say("项目排放量", "Project"), _kg(summary["totals"]["pe_g"])),
        (say("使用阶段", "Use phase"), _kg(summary["totals"]["u_g"])),
        (say("净减排量", "Net reduction"), _kg(summary["totals"]["er_g"])),
        (
            say("90 % 区间", "90 % interval"),
            f"{_kg(spread['percentiles_g']['p5'])} – {_kg(spread['percentiles_g']['p95'])}",
        ),
        (
            say("可签发", "Issuable"),
            _kg(spread["issuable_g"])
            if summary["issuable_run"]
            else say("不可签发（仅供展示）", "never (display only)"),
        ),
    ]
    for row in rows:
        table.add_row(*row)
    _out.print(table)
    if summary["reject_reasons"]:
        reasons = Table(title=say("被拒原因（前十）", "Reject reasons (first ten)"))
        for name in (say("次数", "Count"), say("代码", "Code"), say("原因", "Reason")):
            reasons.add_column(name)
        for reason in summary["reject_reasons"][:10]:
            reasons.add_row(f"{reason['count']:,}", reason["code"], reason[lang()])
        _out.print(reasons)
    _out.print(say("报告：", "Report: ") + str(out / "report.html"), soft_wrap=True)


@app.command("explain", help=say("解释一条记录的克数。", "Explain the grams of one record."))
def explain_command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help=say("结果目录。", "Result folder."))
    ],
    record_id: Annotated[str, typer.Argument(metavar="RECORD_ID")],
    factors: FactorsOption = None,
    as_json: JsonFlag = False,
) -> None:
    """The sentence a resident reads and the trace a verifier reads."""
    from carbon.bootstrap import runs

    trace = runs.run_explain(folder, record_id, factors or settings().factors)
    if as_json:
        sys.stdout.write(json.dumps(_trace_fields(trace), ensure_ascii=False, default=str) + "\n")
        return
    _out.print(sentence(trace, lang()), style="bold green")
    _print_trace(trace)


def _trace_fields(trace: Trace) -> dict[str, object]:
    return {
        "sentence": {"zh": sentence(trace, "zh"), "en": sentence(trace, "en")},
        "record": dict(trace.record),
        "grams": dict(trace.grams),
        "life": trace.life,
        "grade": trace.grade,
        "flags": list(trace.flags),
        "factors": {role: dict(row) for role, row in trace.factors.items()},
        "methodology": trace.methodology,
        "formula": trace.formula,
        "catalogue": trace.catalogue,
    }


def _print_trace(trace: Trace) -> None:
    record = Table(title=say("记录", "Record"), show_header=False)
    for name, value in trace.record.items():
        record.add_row(name, str(value))
    _out.print(record)
    grams = Table(title=f"{trace.methodology}", show_header=False)
    for name, zh, en in (
        ("be_g", "基准线排放量 BE", "baseline BE"),
        ("pe_g", "− 项目排放量 PE", "− project PE"),
        ("u_g", "− 使用阶段 U", "− use phase U"),
        ("le_g", "− 泄漏 LE", "− leakage LE"),
        ("er_g", "= 减排量 er", "= reduction er"),
    ):
        grams.add_row(say(zh, en), f"{trace.grams[name]:,} g")
    grams.add_row(say("计入的寿命份额 L", "life credited L"), f"{trace.life:.6f}")
    grams.add_row(say("等级", "grade"), trace.grade)
    _out.print(grams)
    _out.print(trace.formula, style="bold")
    _out.print(say("用到的因子：", "Factors used:"))
    for role, row in trace.factors.items():
        band = "" if row["low"] == row["high"] else f" [{row['low']} – {row['high']}]"
        origin = f"{row['id']}  ({row['source']}: {row['clause']})"
        told = f"  {role} = {row['value']} {row['unit']}{band}  {origin}"
        _out.print(told, highlight=False, soft_wrap=True)
    for name in trace.flags:
        _out.print(f"• {FLAG_NAMES[name].say(lang())}")
    _out.print(f"{say('因子库', 'Catalogue')} {trace.catalogue}", soft_wrap=True)


@app.command("simulate", help=say("生成模拟的河东月份。", "Generate a simulated Hedong month."))
def simulate_command(
    out: Annotated[
        Path, typer.Option("--out", help=say(".parquet 或 .csv 文件。", "A .parquet or .csv file."))
    ],
    seed: Annotated[int, typer.Option(help=say("随机种子。", "Random seed."))] = 1,
    days: Annotated[int, typer.Option(help=say("天数。", "Days."))] = 30,
    scale: Annotated[
        int, typer.Option(help=say("规模：每天千条的倍数。", "Scale: thousands of acts a day."))
    ] = 1,
    start: Annotated[str, typer.Option(help=say("首日。", "First day."))] = "2026-10-01",
    as_json: JsonFlag = False,
) -> None:
    """Write simulated acts."""
    from carbon.bootstrap import runs

    simulation = Simulation(seed=seed, days=days, scale=scale)
    simulation = replace(simulation, start=day(start) or simulation.start)
    with progress(say("模拟", "Simulate"), quiet=as_json) as bar:
        rows = runs.run_simulate(simulation, out, bar)
    if as_json:
        sys.stdout.write(json.dumps({"rows": rows, "path": str(out)}) + "\n")
    else:
        _out.print(f"{rows:,} {say('条模拟记录：', 'simulated records: ')}{out}", soft_wrap=True)


@app.command(
    "codes", help=say("列出各列可用的代码与名称。", "List the codes and names of each column.")
)
def codes_command(factors: FactorsOption = None, as_json: JsonFlag = False) -> None:
    """Every code column with its codes, item types included."""
    from carbon.bootstrap import runs

    catalogue = runs.load_catalogue(factors or settings().factors)
    rows = [
        (column, entry.code, entry.name.zh, entry.name.en)
        for column, entries in {**CODES, "receiver_region": REGIONS}.items()
        for entry in entries
    ]
    rows += [("item_type", i.item_type, i.zh, i.en) for i in catalogue.items]
    if as_json:
        fields = ("column", "code", "zh", "en")
        found = [dict(zip(fields, row, strict=True)) for row in rows]
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
        return
    table = Table()
    for name in (say("列", "Column"), say("代码", "Code"), "中文", "English"):
        table.add_column(name)
    for row in rows:
        table.add_row(*row)
    _out.print(table)


def run(arguments: Sequence[str]) -> int:
    """Run a command line; every failure ends in one clear message and an exit code."""
    try:
        result = app(list(arguments), prog_name="carbon", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except typer.Exit as stop:
        return stop.exit_code
    except (typer.Abort, KeyboardInterrupt):
        errors.print(say("已中断，未留下半成品。", "Interrupted; nothing half-finished was left."))
        return 130
    except typer.TyperException as error:
        errors.print(str(error), soft_wrap=True)
        errors.print(say("用 carbon --help 查看用法。", "See carbon --help."))
        return WRONG_CALL
    except (CarbonError, OSError) as error:
        _tell(error if isinstance(error, CarbonError) else _denied(error))
        return BAD_INPUT
    except Exception as error:
        if settings().debug:
            raise
        _tell(CarbonError("internal", reason=f"{type(error).__name__}: {error}"))
        return INTERNAL


def _denied(error: OSError) -> CarbonError:
    return CarbonError("file.access", path=error.filename or "?", reason=error.strerror or error)


def _tell(error: CarbonError) -> None:
    errors.print(f"[{error.code}] {error.say(lang())}", style="red", soft_wrap=True)
