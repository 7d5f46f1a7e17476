"""``carbon account``: who may act through the service, at the console of its machine.

Whoever makes, approves or stops an account proves who they are with every command: password and
one-time password are asked for, never taken from the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from carbon.cli.decisions import listing
from carbon.cli.store import JsonFlag, print_json, system
from carbon.cli.texts import say
from carbon.domain.roles import Actor, Role

if TYPE_CHECKING:
    from carbon.ports.accounts import Account
    from carbon.services.accounts.granting import Granted

#: Accounts of one page.
_PAGE = 100

account = typer.Typer(
    help=say("账户：建立、批准、冻结、密钥。", "Accounts: create, approve, freeze, keys."),
    no_args_is_help=True,
)
_out = Console(markup=False)

IdArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help=say("账户编号。", "Its id."))]
AsOption = Annotated[
    str, typer.Option("--as", metavar="OPERATOR", help=say("操作员账户。", "Who does it."))
]
OrganisationOption = Annotated[
    str, typer.Option("--organisation", help=say("机构。", "Whose it is."))
]


def _actor(operator: str) -> Actor:
    """The operator, after proving it. Raises ``access.refused``, ``access.locked``."""
    password = typer.prompt(say("口令", "Password"), hide_input=True, err=True)
    code = typer.prompt(say("动态口令", "One-time password"), hide_input=True, err=True)
    return system().accounts.prove(operator, password, code)


def _told(made: Account) -> dict[str, Any]:
    return {
        "id": made.id,
        "role": made.role.value,
        "organisation": made.organisation,
        "status": made.status.value,
    }


def _tell(told: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    _out.print("  ".join(f"{name}: {value}" for name, value in told.items()), soft_wrap=True)


def _granted(granted: Granted) -> dict[str, Any]:
    """``enrolment``: for its holder's eyes; it opens nothing but enrolment, for 72 hours."""
    return {**_told(granted.account), "enrolment": granted.enrolment}


@account.command("bootstrap", help=say("建立最初的两位操作员。", "Make the first two operators."))
def bootstrap_command(
    first: Annotated[str, typer.Argument(metavar="ACCOUNT1")],
    first_person: Annotated[str, typer.Argument(metavar="PERSON1")],
    second: Annotated[str, typer.Argument(metavar="ACCOUNT2")],
    second_person: Annotated[str, typer.Argument(metavar="PERSON2")],
    organisation: OrganisationOption = "platform",
    as_json: JsonFlag = False,
) -> None:
    """Both are present and vouch for each other; each is handed what they enrol with."""
    from carbon.services.accounts.granting import NewAccount

    made = system().accounts.bootstrap(
        NewAccount(first, Role.OPERATOR, organisation, first_person),
        NewAccount(second, Role.OPERATOR, organisation, second_person),
    )
    for granted in made:
        _tell(_granted(granted), as_json=as_json)


@account.command("enrol", help=say("设定口令，取得动态口令密钥。", "Choose a password."))
def enrol_command(id_: IdArgument, as_json: JsonFlag = False) -> None:
    """Asks for what the operator handed over, and for a password."""
    token = typer.prompt(say("登记码", "Enrolment code"), hide_input=True, err=True)
    password = typer.prompt(
        say("新口令", "New password"), hide_input=True, confirmation_prompt=True, err=True
    )
    told = system().accounts.enrol(id_, token, password)
    _tell({"secret": told.secret, "uri": told.uri}, as_json=as_json)


@account.command(
    "create", help=say("建立账户，待另一人批准。", "Make one, for another to approve.")
)
def create_command(
    id_: IdArgument,
    role: Annotated[Role, typer.Option(help=say("角色。", "Its role."))],
    organisation: OrganisationOption,
    operator: AsOption,
    person: Annotated[
        str, typer.Option(help=say("本人标识；系统账户留空。", "Whose it is; empty for a system."))
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Make an account."""
    from carbon.services.accounts.granting import NewAccount

    new = NewAccount(id_, role, organisation, person)
    _tell(_told(system().accounts.create(_actor(operator), new)), as_json=as_json)


@account.command("approve", help=say("批准新账户。", "Approve a new account."))
def approve_command(id_: IdArgument, operator: AsOption, as_json: JsonFlag = False) -> None:
    """Be its second person."""
    _tell(_granted(system().accounts.approve(_actor(operator), id_)), as_json=as_json)


@account.command("freeze", help=say("立即冻结。", "Stop an account at once."))
def freeze_command(id_: IdArgument, operator: AsOption, as_json: JsonFlag = False) -> None:
    """One person is enough."""
    _tell(_told(system().accounts.freeze(_actor(operator), id_)), as_json=as_json)


@account.command("unfreeze", help=say("解冻（两位操作员）。", "Unfreeze; two operators do."))
def unfreeze_command(id_: IdArgument, operator: AsOption, as_json: JsonFlag = False) -> None:
    """Be one of two; the second one is told what the holder enrols anew with."""
    _tell(_granted(system().accounts.unfreeze(_actor(operator), id_)), as_json=as_json)


@account.command("end", help=say("永久停用。", "End an account for ever."))
def end_command(id_: IdArgument, operator: AsOption, as_json: JsonFlag = False) -> None:
    """It cannot be undone."""
    _tell(_told(system().accounts.end(_actor(operator), id_)), as_json=as_json)


@account.command("key", help=say("建立接口密钥。", "Make an API key."))
def key_command(
    id_: IdArgument,
    key: Annotated[str, typer.Argument(metavar="KEY", help=say("密钥编号。", "The key's id."))],
    operator: AsOption,
    replaces: Annotated[
        str | None,
        typer.Option(help=say("所代替的密钥，一天后停用。", "One that ends after a day.")),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Prints the secret, for ten minutes when asked again."""
    secret = system().accounts.make_key(_actor(operator), id_, key, replaces)
    _tell({"key": key, "secret": secret}, as_json=as_json)


@account.command("end-key", help=say("停用接口密钥。", "End an API key."))
def end_key_command(
    id_: IdArgument, key: Annotated[str, typer.Argument(metavar="KEY")], operator: AsOption
) -> None:
    """It signs nothing from now on."""
    system().accounts.end_key(_actor(operator), id_, key)


@account.command("list", help=say("列出账户。", "List accounts."))
def list_command(as_json: JsonFlag = False) -> None:
    """All accounts by id."""
    found: list[Account] = []
    while part := system().accounts.page(found[-1].id if found else "", _PAGE):
        found += part
    if as_json:
        print_json([_told(one) for one in found])
        return
    titles = ("编号 Id", "角色 Role", "机构 Organisation", "状态 Status")
    listing(titles, [tuple(_told(one).values()) for one in found])


@account.command("demo", help=say("演示账户，每个角色一个。", "Accounts for a demonstration."))
def demo_command(as_json: JsonFlag = False) -> None:
    """Prints how to sign in as each."""
    for one in system().accounts.seed_demo():
        told = {name: value for name, value in asdict(one).items() if value}
        _tell({**told, "role": one.role.value}, as_json=as_json)
