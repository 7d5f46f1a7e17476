"""Commands of the ledger: balances, and its journals for another program to add up."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from carbon.cli.store import JsonFlag, print_json, system
from carbon.cli.texts import say

_out = Console(markup=False)
ledger = typer.Typer(help=say("账本：余额、导出。", "The ledger."), no_args_is_help=True)

#: Accounts that a table shows; ``--json`` has all.
MAX_SHOWN = 1_000


@ledger.command("balances", help=say("各账户余额。", "What every account has."))
def balances_command(
    asset: Annotated[
        str | None, typer.Option(help=say("只列此资产，如 points。", "This asset only."))
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """By asset and account; amounts as text in JSON, where numbers end at 53 bits."""
    found = system().balances(asset)
    if as_json:
        names = ("asset", "account", "policy", "balance", "held")
        rows = [
            (b.account.asset, b.account.code, b.account.policy, str(b.amount), str(b.held))
            for b in found
        ]
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    table = Table()
    for name in (say("资产", "Asset"), say("账户", "Account")):
        table.add_column(name, overflow="fold")
    for name in (say("余额", "Balance"), say("其中冻结", "Held")):
        table.add_column(name, justify="right")
    for one in found[:MAX_SHOWN]:
        table.add_row(one.account.asset, one.account.code, f"{one.amount:,}", f"{one.held:,}")
    _out.print(table)
    if len(found) > MAX_SHOWN:
        more = len(found) - MAX_SHOWN
        _out.print(say(f"另有 {more:,} 个，见 --json。", f"{more:,} more: see --json."))


@ledger.command("export", help=say("导出为 hledger 日记账。", "Export as a journal of hledger."))
def export_command(
    out: Annotated[
        Path | None, typer.Option("--out", help=say("文件，缺省为标准输出。", "File to write."))
    ] = None,
) -> None:
    """All journals; ``hledger -f FILE balance --flat`` adds them up."""
    texts = system().export_ledger()
    if out is None:
        sys.stdout.writelines(texts)
        return
    with out.open("w", encoding="utf-8") as stream:
        stream.writelines(texts)
    _out.print(str(out), soft_wrap=True)
