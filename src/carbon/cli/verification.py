"""Commands of reporting and verification: ``carbon report``, ``carbon verify``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from carbon.cli.decisions import AsOption, ProjectArgument, read_content, sign, tell
from carbon.cli.progress import progress
from carbon.cli.store import JsonFlag, print_json, system
from carbon.cli.texts import lang, say

_out = Console(markup=False)

report = typer.Typer(
    help=say("监测报告：生成、查看。", "Monitoring reports."), no_args_is_help=True
)
verify = typer.Typer(
    help=say("核查：指派、承诺、抽样、检查、声明。", "Verification."), no_args_is_help=True
)

MonthArgument = Annotated[str, typer.Argument(metavar="MONTH", help="2026-10")]
ReportArgument = Annotated[
    str, typer.Argument(metavar="REPORT", help=say("如 p1/2026-10/0", "such as p1/2026-10/0"))
]
KeyOption = Annotated[
    Path, typer.Option("--as", metavar="KEY", help=say("签名人的密钥文件。", "The signer's key."))
]
NonceOption = Annotated[
    Path, typer.Option("--nonce", help=say("随机数文件，揭示前保密。", "File of the nonce."))
]


@report.command("make", help=say("生成某月的监测报告。", "Report a closed month."))
def make_command(
    project: ProjectArgument, month: MonthArgument, key: KeyOption, as_json: JsonFlag = False
) -> None:
    """Signed by the project's owner."""
    with progress(say("读取日志", "Reading the log"), quiet=as_json):
        answer = system().registry.sign([key], "report", project=project, month=month)
    tell(answer, as_json=as_json)
    if not as_json:
        _tell_report(system().registry.document(answer["id"], published=False))


def _tell_report(document: Mapping[str, object]) -> None:
    for name, zh, en in (
        ("records", "记录", "Records"),
        ("reported_g", "申报减排量 g", "Reported g"),
        ("below_baseline_g", "基准量以下 g", "Below the baseline g"),
        ("pending_g", "待补证据 g", "Pending evidence g"),
        ("deficit_in_g", "结转亏损 g", "Deficit carried g"),
    ):
        _out.print(f"    {say(zh, en)}: {int(str(document[name])):,}")


@report.command("show", help=say("输出报告（JSON）。", "Print a report as JSON."))
def show_command(name: ReportArgument) -> None:
    """The published document."""
    print_json(system().registry.document(name))


@report.command("export", help=say("报告存为网页或 PDF。", "Write a report as page or PDF."))
def export_command(
    name: ReportArgument,
    out: Annotated[
        Path, typer.Option("--out", help=say("扩展名 .html 或 .pdf。", "Ends in .html or .pdf."))
    ],
) -> None:
    """In the language of CARBON_LANG."""
    papers = system().registry.papers
    if out.suffix == ".html":
        out.write_text(papers.report_page(name, lang()), encoding="utf-8")
    else:
        out.write_bytes(papers.report_pdf(name, lang()))
    _out.print(str(out), soft_wrap=True)


# --- verification ---------------------------------------------------------------------------------


@verify.command("conflict", help=say("登记利益冲突。", "Add to the conflict register."))
def conflict_command(
    project: ProjectArgument,
    reason: Annotated[str, typer.Option()],
    key: KeyOption,
    person: Annotated[str | None, typer.Option()] = None,
    organisation: Annotated[str | None, typer.Option()] = None,
    as_json: JsonFlag = False,
) -> None:
    """A person or an organisation that must not verify this project."""
    sign(
        [key], "conflict", as_json=as_json, project=project, reason=reason, person=person,
        organisation=organisation,
    )  # fmt: skip


@verify.command("assign", help=say("指派核查员与复核员。", "Assign verifier and reviewer."))
def assign_command(
    project: ProjectArgument,
    month: MonthArgument,
    verifier: Annotated[str, typer.Option(help=say("人员（假名）。", "The person's pseudonym."))],
    reviewer: Annotated[str, typer.Option(help=say("人员（假名）。", "The person's pseudonym."))],
    key: KeyOption,
    inherent: Annotated[str, typer.Option(help="low, medium, high")] = "medium",
    control: Annotated[str, typer.Option(help="low, medium, high")] = "medium",
    expected_bp: Annotated[int, typer.Option(help=say("预期误差基点。", "Expected error."))] = 0,
    as_json: JsonFlag = False,
) -> None:
    """The risk picks the confidence."""
    sign(
        [key], "assignment", as_json=as_json, project=project, month=month, verifier=verifier,
        reviewer=reviewer, inherent=inherent, control=control, expected_bp=expected_bp,
    )  # fmt: skip


@verify.command("commit", help=say("公布随机数承诺。", "Commit to a nonce."))
def commit_command(
    project: ProjectArgument,
    month: MonthArgument,
    nonce: NonceOption,
    key: KeyOption,
    as_json: JsonFlag = False,
) -> None:
    """Before the report is made; the file is needed again to reveal it."""
    work = system().registry.verification
    tell(work.commit(project, month, nonce, key), as_json=as_json)


@verify.command("reveal", help=say("揭示随机数；双方揭示后即抽样。", "Reveal a nonce."))
def reveal_command(
    name: ReportArgument, nonce: NonceOption, key: KeyOption, as_json: JsonFlag = False
) -> None:
    """The second reveal draws the sample."""
    tell(system().registry.verification.reveal(name, nonce, key), as_json=as_json)


@verify.command("sample", help=say("打开样本，写出工作表。", "Open the sample, write the sheet."))
def sample_command(
    name: ReportArgument,
    out: Annotated[Path, typer.Option("--out", help=say("工作表（CSV）。", "Work list (CSV)."))],
    key: KeyOption,
) -> None:
    """From now on the items count as opened by this person."""
    from carbon.bootstrap.verification import write_sheet

    registry = system().registry
    rows = registry.verification.work_list(name, registry.signer(key).person)
    write_sheet(out, rows)
    _out.print(say(f"{len(rows)} 项：{out}", f"{len(rows)} items: {out}"), soft_wrap=True)


@verify.command("inspect", help=say("交回填好的工作表。", "Return the filled-in sheet."))
def inspect_command(
    name: ReportArgument,
    sheet: Annotated[Path, typer.Argument(metavar="SHEET")],
    key: KeyOption,
    as_json: JsonFlag = False,
) -> None:
    """Each filled-in row becomes a signed inspection."""
    from carbon.bootstrap.verification import read_sheet

    answers = system().registry.verification.inspect(name, read_sheet(sheet), key)
    if as_json:
        print_json(answers)
    else:
        _out.print(say(f"✓ 已检查 {len(answers)} 项", f"✓ {len(answers)} items inspected"))


@verify.command("find", help=say("提出不符合项、澄清或后续行动。", "Raise a finding."))
def find_command(
    name: ReportArgument,
    class_: Annotated[str, typer.Option("--class", help="CAR, CL, FAR")],
    text: Annotated[str, typer.Option(help=say("一行，公开。", "One line, public."))],
    key: KeyOption,
    as_json: JsonFlag = False,
) -> None:
    """A CAR blocks issuance; CL and FAR run a 30-day clock."""
    sign([key], "finding", as_json=as_json, report=name, class_=class_, text=text)


FindingArgument = Annotated[str, typer.Argument(metavar="FINDING")]


@verify.command("answer", help=say("业主答复。", "Answer a finding, for the owner."))
def answer_command(
    finding: FindingArgument,
    text: Annotated[str, typer.Option()],
    key: KeyOption,
    as_json: JsonFlag = False,
) -> None:
    """As often as it takes."""
    sign([key], "finding_answer", as_json=as_json, finding=finding, text=text)


@verify.command("close", help=say("核查员关闭。", "Close a finding, for the verifier."))
def close_command(
    finding: FindingArgument,
    text: Annotated[str, typer.Option()],
    key: KeyOption,
    as_json: JsonFlag = False,
) -> None:
    """Never by who answered it."""
    sign([key], "finding_close", as_json=as_json, finding=finding, text=text)


@verify.command("evaluate", help=say("推断误差与上限。", "What the sample says."))
def evaluate_command(name: ReportArgument) -> None:
    """Once every item is opened."""
    print_json(system().registry.verification.evaluated(name))


@verify.command("state", help=say("签署核查声明（核查员、复核员）。", "Sign the statement."))
def state_command(
    name: ReportArgument,
    fields: Annotated[
        Path, typer.Argument(metavar="FIELDS", help=say("人写的栏目（JSON）。", "JSON."))
    ],
    keys: AsOption,
    as_json: JsonFlag = False,
) -> None:
    """The fields people write; the others are computed."""
    sign(keys, "statement", as_json=as_json, report=name, written=read_content(fields))


@verify.command("export", help=say("核查声明（PDF）。", "The statement as PDF."))
def statement_command(name: ReportArgument, out: Annotated[Path, typer.Option("--out")]) -> None:
    """In the language of CARBON_LANG."""
    out.write_bytes(system().registry.papers.statement_pdf(name, lang()))
    _out.print(str(out), soft_wrap=True)


@verify.command("person", help=say("密钥属于哪位人员。", "Whose key it is."))
def person_command(
    key: Annotated[Path, typer.Argument(metavar="KEY")],
) -> None:
    """Prints the pseudonym, as assignments name it."""
    sys.stdout.write(system().registry.signer(key).person + "\n")
