"""``carbon doctor``: what is wrong with an installation, a line for each thing looked at."""

from __future__ import annotations

from typing import Annotated, Final

import typer
from rich.console import Console

from carbon.cli.store import print_json, system
from carbon.cli.texts import lang, say

FAULTY: Final = 1
_NAMES: Final = {
    "database": ("数据库", "Database"),
    "keys": ("密钥", "Keys"),
    "log": ("日志", "Log"),
    "clock": ("时钟", "Clock"),
    "disk": ("磁盘", "Disk"),
    "fonts": ("字体", "Fonts"),
    "assets": ("网页文件", "Assets"),
    "worker": ("定时任务", "Worker"),
}
_out = Console(markup=False, highlight=False)


def doctor_command(
    as_json: Annotated[
        bool, typer.Option("--json", help=say("输出 JSON。", "Print JSON."))
    ] = False,
) -> None:
    """Exit 1 if something is wrong."""
    from carbon.bootstrap.doctor import examine

    faulty = False
    for found in examine(system()):
        faulty = faulty or bool(found.faults)
        if as_json:
            faults = [{"code": f.code, "text": f.say(lang())} for f in found.faults]
            print_json({"name": found.name, "told": found.told.say(lang()), "faults": faults})
            continue
        name = say(*_NAMES[found.name])
        for fault in found.faults:
            _out.print(f"✗ {name}  [{fault.code}] {fault.say(lang())}", soft_wrap=True)
        if not found.faults:
            _out.print(f"✓ {name}  {found.told.say(lang())}", soft_wrap=True)
    if faulty:
        raise typer.Exit(FAULTY)
