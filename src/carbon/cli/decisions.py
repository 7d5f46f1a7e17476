"""How commands sign decisions and tell what came of them; persons and projects."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from carbon.cli.store import JsonFlag, print_json, system
from carbon.cli.texts import say
from carbon.domain.credit.decision import ROLES
from carbon.domain.errors import CarbonError

#: Longest file of a decision's content.
_MAX_BYTES = 65_535
_out = Console(markup=False)

AsOption = Annotated[
    list[Path],
    typer.Option(
        "--as", metavar="KEY", help=say("签名人的密钥文件，可多次。", "A signer's key; repeatable.")
    ),
]
ProjectArgument = Annotated[
    str, typer.Argument(metavar="PROJECT", help=say("项目编号。", "The project's id."))
]

person = typer.Typer(help=say("人员：建密钥、登记、停用。", "Persons."), no_args_is_help=True)
project = typer.Typer(help=say("项目：登记、审定、公示、备案。", "Projects."), no_args_is_help=True)


def sign(keys: list[Path], kind: str, /, *, as_json: bool, **given: Any) -> None:
    """Sign what is proposed of a kind, with each key in turn, and tell the last answer."""
    tell(system().registry.sign(keys, kind, **given), as_json=as_json)


def tell(answer: Mapping[str, Any], *, as_json: bool) -> None:
    """What came of a decision: done, or what it waits for."""
    if as_json:
        print_json(answer)
        return
    name = f"{answer['kind']} {answer['id']}"
    match answer["state"]:
        case "done":
            _out.print(f"✓ {name}", soft_wrap=True)
            for member, value in answer["effect"].items():
                _out.print(f"    {member}: {_short(value)}", soft_wrap=True)
        case "waiting":
            text = say("等待签名", "waits for a signature")
            count = f"{answer['signatures']}/{answer['needed']}"
            _out.print(f"… {name}: {text} ({count}) {answer['digest'][:16]}", soft_wrap=True)
        case "due":
            text = say("将于此时生效，之前可撤回：", "takes effect at, and can be undone before, ")
            _out.print(
                f"… {name}: {text}{answer['due_at']} {answer['digest'][:16]}", soft_wrap=True
            )
        case _:
            _out.print(f"✗ {name}: {say('已撤回', 'taken back')}", soft_wrap=True)
    if "reason" in answer:
        _out.print(f"    [{answer['reason']}]")


_SHOWN = 200


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def listing(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on the terminal; titles are Chinese and English in one."""
    table = Table()
    for title in titles:
        zh, en = title.split(" ", 1)
        table.add_column(say(zh, en))
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    _out.print(table)


def read_content(path: Path) -> dict[str, Any]:
    """A decision's content from a JSON file. Raises ``file.missing``, ``decision.file``."""
    if not path.is_file():
        raise CarbonError("file.missing", path=path)
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_MAX_BYTES + 1))
    except ValueError as error:
        raise CarbonError("decision.file", path=path, reason=error) from error
    if not isinstance(content, dict):
        raise CarbonError("decision.file", path=path, reason=type(content).__name__)
    return content


# --- decisions that wait --------------------------------------------------------------------------


def decisions_command(as_json: JsonFlag = False) -> None:
    """What waits for signatures or for its time."""
    waiting = system().registry.waiting()
    rows = [
        (w.kind, w.id, w.digest, len(w.signatures), w.due_at and w.due_at.isoformat())
        for w in waiting
    ]
    if as_json:
        names = ("kind", "id", "digest", "signatures", "due_at")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    titles = ("种类 Kind", "编号 Id", "摘要 Digest", "签名 Signatures", "生效 Due")
    listing(titles, [(*row[:2], row[2][:16], *row[3:]) for row in rows])


def approve_command(
    name: Annotated[str, typer.Argument(metavar="DIGEST")],
    keys: AsOption,
    as_json: JsonFlag = False,
) -> None:
    """Sign a waiting decision."""
    answer: Mapping[str, Any] = {}
    for key in keys:
        answer = system().registry.approve(name, key)
    tell(answer, as_json=as_json)


def undo_command(
    name: Annotated[str, typer.Argument(metavar="DIGEST")],
    key: Annotated[Path, typer.Option("--as", metavar="KEY")],
    as_json: JsonFlag = False,
) -> None:
    """Take back what the same key submitted."""
    tell(system().registry.undo(name, key), as_json=as_json)


def settle_command(as_json: JsonFlag = False) -> None:
    """Let everything take effect whose time to be taken back has passed."""
    for answer in system().registry.settle():
        tell(answer, as_json=as_json)


# --- persons --------------------------------------------------------------------------------------


@person.command("new", help=say("新建一人的密钥，输出登记名片。", "Make a key, print the card."))
def new_command(
    key: Annotated[Path, typer.Argument(metavar="KEY", help=say("密钥文件。", "Key file."))],
    identity: Annotated[
        str, typer.Option(help=say("证明本人的标识，只存其密文。", "Who it is; only hashed."))
    ],
    role: Annotated[list[str], typer.Option(help=say("角色：", "Roles: ") + ", ".join(ROLES))],
    organisation: Annotated[str, typer.Option(help=say("所属单位代号。", "The organisation."))],
) -> None:
    """The card is public; the key file is the person's own secret."""
    card = system().registry.enrol(key, identity, role, organisation)
    sys.stdout.write(json.dumps(card, ensure_ascii=False) + "\n")


@person.command("register", help=say("登记名片（两位签发人）。", "Register cards (two issuers)."))
def register_command(
    cards: Annotated[list[Path], typer.Argument(metavar="CARD...")],
    keys: AsOption,
    as_json: JsonFlag = False,
) -> None:
    """The first registration brings the issuers who sign it."""
    members = [read_content(card) for card in cards]
    sign(keys, "member", as_json=as_json, members=members)


@person.command("end", help=say("停用密钥（两位签发人）。", "End keys (two issuers)."))
def end_command(
    ended: Annotated[list[str], typer.Argument(metavar="PUBLIC_KEY...")],
    reason: Annotated[str, typer.Option(help="rotated, lost, left")],
    keys: AsOption,
    as_json: JsonFlag = False,
) -> None:
    """A key that was ended signs nothing any more."""
    sign(keys, "member_end", as_json=as_json, keys=ended, reason=reason)


@person.command("consent", help=say("居民对减排量的选择。", "A resident's choice."))
def consent_command(
    identity: Annotated[str, typer.Argument(metavar="IDENTITY")],
    mode: Annotated[
        str, typer.Option(help=say("kept 自留份额，pooled 归集换积分。", "kept or pooled"))
    ],
    version: Annotated[str, typer.Option(help=say("同意书版本。", "Version of the consent."))],
) -> None:
    """The latest choice holds for what is issued afterwards."""
    system().registry.consent(identity, mode, version)
    _out.print(say("已记录。", "Kept."))


@person.command("list", help=say("列出可签名的人员。", "List who may sign."))
def list_command(as_json: JsonFlag = False) -> None:
    """By public key."""
    with system().registry.reading() as decisions:
        members = list(decisions.members().values())
    rows = [(m.person, m.key, ", ".join(sorted(m.roles)), m.organisation) for m in members]
    if as_json:
        names = ("person", "key", "roles", "organisation")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    titles = ("人员 Person", "公钥 Key", "角色 Roles", "单位 Organisation")
    listing(titles, [(who[:8], key[:16], *rest) for who, key, *rest in rows])


# --- projects -------------------------------------------------------------------------------------


@project.command("register", help=say("登记项目设计文件（JSON）。", "Register a design (JSON)."))
def design_command(
    name: ProjectArgument,
    design: Annotated[Path, typer.Argument(metavar="DESIGN")],
    keys: AsOption,
    as_json: JsonFlag = False,
) -> None:
    """docs/registry.md describes the design."""
    sign(keys, "project", as_json=as_json, project=name, design=read_content(design))


@project.command("validate", help=say("审定。", "Validate it."))
def validate_command(
    name: ProjectArgument,
    keys: AsOption,
    opinion: Annotated[str, typer.Option(help="positive, negative")] = "positive",
    as_json: JsonFlag = False,
) -> None:
    """By a verifier who is not the owner's."""
    sign(keys, "validation", as_json=as_json, project=name, opinion=opinion)


@project.command("notice", help=say("开始公示（满 7 个工作日）。", "Begin public notice."))
def notice_command(name: ProjectArgument, keys: AsOption, as_json: JsonFlag = False) -> None:
    """At least seven working days."""
    sign(keys, "notice", as_json=as_json, project=name)


@project.command("file", help=say("备案（两位签发人）。", "File it (two issuers)."))
def file_command(
    name: ProjectArgument,
    number: Annotated[str, typer.Option(help=say("备案号。", "Filing number."))],
    keys: AsOption,
    status: Annotated[str, typer.Option(help="trial, municipal")] = "trial",
    as_json: JsonFlag = False,
) -> None:
    """From then on its units are no pilot units."""
    sign(keys, "filing", as_json=as_json, project=name, status=status, number=number)


@project.command("show", help=say("查看项目及其状态。", "Show a project."))
def show_command(name: ProjectArgument) -> None:
    """As JSON."""
    print_json(system().registry.project(name))
