"""Commands of credits: issue, hold, transfer, retire, cancel, restate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from carbon.cli.decisions import AsOption, listing, sign
from carbon.cli.progress import progress
from carbon.cli.store import JsonFlag, SourceOption, print_json, system
from carbon.cli.texts import lang, say
from carbon.cli.verification import ReportArgument
from carbon.domain.activity.record import CORRECTION_REASONS
from carbon.domain.credit.issuance import serial_number
from carbon.domain.errors import CarbonError

_out = Console(markup=False)
credit = typer.Typer(
    help=say("减排量：登记、持有、划转、注销、取消。", "Credits."), no_args_is_help=True
)

HolderArgument = Annotated[
    str, typer.Argument(metavar="HOLDER", help=say("单位代号。", "The organisation."))
]
CreditsArgument = Annotated[
    int, typer.Argument(metavar="CREDITS", min=1, help=say("每个 1 kg。", "Of 1 kg each."))
]
AssetOption = Annotated[
    str, typer.Option(help=say("如 credit/HD-REUSE v1/2026/pilot", "The asset of the credits."))
]
NameOption = Annotated[
    str, typer.Option("--id", help=say("编号，重复提交不会重复。", "Id; repeating does nothing."))
]
SerialsOption = Annotated[
    str | None, typer.Option(help=say("指定区段 起..止。", "A range, first..last."))
]


def _serials(text: str | None) -> dict[str, str] | None:
    """A range of serials, if one is asked for. Raises ``serial.invalid``."""
    if text is None:
        return None
    first, _, last = text.partition("..")
    return {"first": str(serial_number(first)), "last": str(serial_number(last or first))}


@credit.command("issue", help=say("按核查声明登记（两位签发人）。", "Issue (two issuers)."))
def issue_command(name: ReportArgument, keys: AsOption, as_json: JsonFlag = False) -> None:
    """By two people, neither of whom verified."""
    sign(keys, "issuance", as_json=as_json, report=name)


@credit.command("holdings", help=say("一个单位持有的减排量。", "What an organisation holds."))
def holdings_command(holder: HolderArgument, as_json: JsonFlag = False) -> None:
    """Balances and serial ranges."""
    rows = system().registry.credits.holdings(holder)
    if as_json:
        print_json(rows)
        return
    titles = ("资产 Asset", "可用 Free", "区段 Serials")
    listing(titles, [(row["asset"], row["free"], ", ".join(row["serials"])) for row in rows])


@credit.command("trust", help=say("添加可信对手方（4 个工作日后生效）。", "Trust a counterparty."))
def trust_command(
    holder: HolderArgument,
    other: Annotated[str, typer.Argument(metavar="OTHER")],
    keys: AsOption,
    as_json: JsonFlag = False,
) -> None:
    """Transfers to it are possible four working days later."""
    sign(keys, "counterparty", as_json=as_json, holder=holder, other=other)


@credit.command("limit", help=say("设定本单位的划转限额。", "Set the holder's own limits."))
def limit_command(
    holder: HolderArgument,
    transfer: Annotated[int, typer.Option(min=0)],
    day: Annotated[int, typer.Option(min=0)],
    keys: AsOption,
    as_json: JsonFlag = False,
) -> None:
    """The lowest level wins."""
    sign(keys, "limit", as_json=as_json, holder=holder, transfer=transfer, day=day)


@credit.command("transfer", help=say("划转（10 分钟内可撤回）。", "Transfer credits."))
def transfer_command(
    holder: HolderArgument,
    other: Annotated[str, typer.Argument(metavar="TO")],
    credits_: CreditsArgument,
    asset: AssetOption,
    name: NameOption,
    keys: AsOption,
    serials: SerialsOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Takes effect after ten minutes, with carbon settle."""
    sign(
        keys, "transfer", as_json=as_json, id_=name, holder=holder, other=other, asset=asset,
        credits_=credits_, serials=_serials(serials),
    )  # fmt: skip


@credit.command("retire", help=say("注销（10 分钟内可撤回）。", "Retire credits for a claim."))
def retire_command(
    holder: HolderArgument,
    credits_: CreditsArgument,
    asset: AssetOption,
    name: NameOption,
    beneficiary: Annotated[
        str, typer.Option(help=say("受益方，只印在证书上。", "Only on the certificate."))
    ],
    keys: AsOption,
    purpose: Annotated[
        str, typer.Option(help="event, organisation, product, gift, other")
    ] = "event",
    serials: SerialsOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Terminal once ten minutes have passed; the certificate is made then."""
    sign(
        keys, "retirement", as_json=as_json, id_=name, holder=holder, asset=asset,
        credits_=credits_, beneficiary=beneficiary, purpose=purpose, serials=_serials(serials),
    )  # fmt: skip


@credit.command("cancel", help=say("取消（作废），不作任何声明。", "Cancel credits, no claim."))
def cancel_command(
    holder: HolderArgument,
    credits_: CreditsArgument,
    asset: AssetOption,
    name: NameOption,
    reason: Annotated[str, typer.Option(help=say("一行，公开。", "One line, public."))],
    keys: AsOption,
    serials: SerialsOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Takes effect after ten minutes."""
    sign(
        keys, "cancellation", as_json=as_json, id_=name, holder=holder, asset=asset,
        credits_=credits_, reason=reason, serials=_serials(serials),
    )  # fmt: skip


@credit.command("freeze", help=say("冻结一个单位（一人）。", "Freeze an account (one person)."))
def freeze_command(
    holder: HolderArgument,
    reason: Annotated[str, typer.Option()],
    keys: AsOption,
    as_json: JsonFlag = False,
) -> None:
    """At once; nothing leaves or enters."""
    sign(keys, "freeze", as_json=as_json, holder=holder, reason=reason)


@credit.command("unfreeze", help=say("解冻（两位签发人）。", "Unfreeze (two issuers)."))
def unfreeze_command(
    holder: HolderArgument,
    reason: Annotated[str, typer.Option()],
    keys: AsOption,
    as_json: JsonFlag = False,
) -> None:
    """By two people."""
    sign(keys, "unfreeze", as_json=as_json, holder=holder, reason=reason)


@credit.command("certificate", help=say("注销证书（PDF）。", "A retirement's certificate (PDF)."))
def certificate_command(
    name: Annotated[str, typer.Argument(metavar="RETIREMENT")],
    out: Annotated[Path, typer.Option("--out")],
) -> None:
    """With serials, QR code and the proof from the log."""
    out.write_bytes(system().registry.papers.certificate(name, lang()))
    _out.print(str(out), soft_wrap=True)


@credit.command("forget", help=say("删除一次注销的受益人。", "Erase a beneficiary."))
def forget_command(
    name: Annotated[str, typer.Argument(metavar="RETIREMENT")],
    yes: Annotated[
        bool, typer.Option("--yes", help=say("确认：不可恢复。", "Confirm: it cannot be undone."))
    ] = False,
) -> None:
    """The digest in the log stays and opens for nobody."""
    if not yes:
        raise CarbonError("erase.confirm")
    system().registry.credits.forget(name)
    _out.print(say("已删除。", "Erased."))


@credit.command("lookup", help=say("查一个序列号。", "Look a serial number up."))
def lookup_command(serial: Annotated[str, typer.Argument(metavar="SERIAL")]) -> None:
    """Who holds it, where it comes from."""
    print_json(system().registry.credits.lookup(serial_number(serial)))


@credit.command("retired", help=say("已注销清单（CSV）。", "The list of retired credits (CSV)."))
def retired_command() -> None:
    """For anyone to download."""
    sys.stdout.write(system().registry.papers.retired_list())


@credit.command(
    "export", help=say("按 Climate Action Data Trust 字段导出。", "Export for CAD Trust.")
)
def export_command() -> None:
    """Projects, issuances and units as JSON."""
    print_json(system().registry.papers.data_trust())


# --- corrections ----------------------------------------------------------------------------------


def impact_command(
    fact: Annotated[
        str,
        typer.Argument(
            metavar="FACT",
            help=say("记录编号、因子、报告或序列号。", "A record, factor, report or serial."),
        ),
    ],
    source: SourceOption = "local",
) -> None:
    """Everything downstream."""
    print_json(system().registry.restatements.impact(fact, source))


def restate_command(
    reason: Annotated[
        str, typer.Option(help=say("理由：", "Reason: ") + ", ".join(CORRECTION_REASONS))
    ],
    text: Annotated[str, typer.Option(help=say("一行，公开。", "One line, public."))],
    keys: AsOption,
    record: Annotated[
        list[str] | None, typer.Option(help=say("撤回的记录，可多次。", "Records; repeatable."))
    ] = None,
    factor: Annotated[
        list[str] | None, typer.Option(help=say("停用的因子，可多次。", "Factors; repeatable."))
    ] = None,
    source: SourceOption = "local",
    as_json: JsonFlag = False,
) -> None:
    """Two issuers; compensates from the buffer, then by cancellation."""
    with progress(say("重算", "Recomputing"), quiet=as_json):
        replaced = [system().registry.restatements.fact_of(name, source) for name in record or []]
        sign(
            keys, "restatement", as_json=as_json, replaced=replaced, withdrawn=factor or [],
            reason=reason, text=text,
        )  # fmt: skip
